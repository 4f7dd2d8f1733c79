//! Everything in a room that could be pointed at, sorted once for all of its clients.

use rustc_hash::FxHashMap;

use crate::{
    id::{ParticipantId, ShortId},
    room::TrackKey,
    time::Time,
};

/// A video track that is not muted, of a participant who is visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    /// The track.
    pub(crate) track: TrackKey,
    /// Whose.
    pub(crate) owner: ShortId,
    /// Whose.
    pub(crate) participant: ParticipantId,
    /// Whether its owner speaks now.
    pub(crate) speaking: bool,
    /// When its owner last did.
    pub(crate) last_spoke: Option<Time>,
}

/// An audio track that is not muted, of a participant who is visible.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Voice {
    /// The track.
    pub(crate) track: TrackKey,
    /// Whose.
    pub(crate) owner: ShortId,
    /// Whether somebody speaks on it now.
    pub(crate) speaking: bool,
    /// When somebody last did.
    pub(crate) last_spoke: Option<Time>,
    /// Average level in -dBov.
    pub(crate) average: f64,
}

/// Everything in a room that could be pointed at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    screens: Vec<Picture>,
    cameras: Vec<Picture>,
    camera_ranks: FxHashMap<TrackKey, usize>,
    by_speech: Vec<Picture>,
    dominant: Option<Picture>,
    voices: Vec<Voice>,
    voice_ranks: FxHashMap<TrackKey, usize>,
    by_participant: FxHashMap<ParticipantId, Vec<Picture>>,
}

impl Scene {
    /// Sorts what there is. `screens`, `cameras` and `voices` come by time of joining.
    pub(crate) fn new(
        screens: Vec<Picture>,
        cameras: Vec<Picture>,
        mut voices: Vec<Voice>,
        dominant: Option<ShortId>,
    ) -> Self {
        let mut by_speech = cameras.clone();
        // Stable sorts: those who are equal stay by time of joining.
        by_speech.sort_by_key(|picture| {
            let on_stage = Some(picture.owner) == dominant;
            std::cmp::Reverse((on_stage, picture.last_spoke))
        });
        let on_stage = cameras.iter().find(|picture| Some(picture.owner) == dominant).copied();
        let ranks = cameras.iter().enumerate().map(|(rank, picture)| (picture.track, rank));
        let camera_ranks = ranks.collect();
        voices.sort_by(|a, b| {
            let speaking = b.speaking.cmp(&a.speaking);
            let loudness = if a.speaking && b.speaking {
                a.average.total_cmp(&b.average)
            } else {
                b.last_spoke.cmp(&a.last_spoke)
            };
            speaking.then(loudness)
        });
        let ranks = voices.iter().enumerate().map(|(rank, voice)| (voice.track, rank));
        let voice_ranks = ranks.collect();
        let mut by_participant = FxHashMap::<ParticipantId, Vec<Picture>>::default();
        for picture in screens.iter().chain(&cameras) {
            by_participant.entry(picture.participant).or_default().push(*picture);
        }
        Self {
            screens,
            cameras,
            camera_ranks,
            by_speech,
            dominant: on_stage,
            voices,
            voice_ranks,
            by_participant,
        }
    }

    /// Shared screens, by time of joining of their owners.
    pub(crate) fn screens(&self) -> &[Picture] {
        &self.screens
    }

    /// Cameras, by time of joining of their owners.
    pub(crate) fn cameras(&self) -> &[Picture] {
        &self.cameras
    }

    /// The camera of a track, if it is one that could be shown.
    pub(crate) fn camera(&self, track: TrackKey) -> Option<&Picture> {
        self.camera_ranks.get(&track).map(|&rank| &self.cameras[rank])
    }

    /// The dominant speaker's camera.
    pub(crate) const fn dominant(&self) -> Option<&Picture> {
        self.dominant.as_ref()
    }

    /// Cameras: the dominant speaker's, then by who spoke last.
    pub(crate) fn by_speech(&self) -> &[Picture] {
        &self.by_speech
    }

    /// Voices: those who speak, loudest first; then by who spoke last.
    pub(crate) fn voices(&self) -> &[Voice] {
        &self.voices
    }

    /// The voice of a track, if it is one that could be heard.
    pub(crate) fn voice(&self, track: TrackKey) -> Option<&Voice> {
        self.voice_ranks.get(&track).map(|&rank| &self.voices[rank])
    }

    /// What can be seen of one participant: screens, then cameras.
    pub(crate) fn of_participant(&self, participant: ParticipantId) -> &[Picture] {
        self.by_participant.get(&participant).map_or(&[], Vec::as_slice)
    }
}
