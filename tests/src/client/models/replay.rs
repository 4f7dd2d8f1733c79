//! A recording as one person sends it: models when their time comes, blocks in a loop.

use std::{sync::Arc, time::Duration};

use sotto_core::signal::{GateState, Source};

use super::Made;
use crate::media::{
    Recording,
    recording::{Block, Bytes},
};

/// Seeds differ by less than this: the age of a model, in milliseconds.
const SEEDS: u32 = 86_400_000;

/// One source of a recording.
#[derive(Clone, Debug)]
pub(super) struct Replay {
    recording: Arc<Recording>,
    source: Source,
    seed: u32,
    /// Models that were there already.
    models: usize,
    /// The block that comes next.
    block: usize,
}

/// What a recording says of 80 ms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Played {
    /// The payload; none where its gate refused it.
    pub payload: Option<Vec<u8>>,
    /// What the node is told of the gate.
    pub gate: GateState,
    /// Whether the voice says something.
    pub talking: bool,
}

impl Replay {
    /// From a block on that `seed` chooses, so that people of one recording are not all alike.
    pub(super) fn new(recording: &Arc<Recording>, source: Source, seed: u32) -> Self {
        let (recording, seed) = (Arc::clone(recording), seed % SEEDS);
        let block = seed as usize % recording.blocks.len().max(1);
        Self { recording, source, seed, models: 0, block }
    }

    /// The newest model that is there so long after the beginning, if it was not there before.
    pub(super) fn learned(&mut self, since: Duration) -> Option<Made> {
        let models = self.recording.models_of(self.source);
        let there = models.take_while(|model| u128::from(model.at_ms) <= since.as_millis());
        let news: Vec<_> = there.skip(self.models).collect();
        self.models += news.len();
        news.last().map(|model| Made::recorded(model, self.seed))
    }

    /// What comes next.
    pub(super) fn next(&mut self) -> Option<Played> {
        let Block { voice, voice_gate, face, face_gate, talking, .. } =
            self.recording.blocks.get(self.block)?;
        self.block = (self.block + 1) % self.recording.blocks.len();
        let (payload, gate) = match self.source {
            Source::Microphone | Source::ScreenAudio => (voice, *voice_gate),
            Source::Camera | Source::Screen => (face, *face_gate),
        };
        let payload = payload.as_ref().map(|Bytes(bytes)| bytes.clone());
        Some(Played { payload, gate, talking: *talking })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::make::recording;

    #[test]
    fn a_model_comes_once_when_its_time_has_come_and_the_newest_of_several_alone() {
        let recording = Arc::new(recording("anna", 25));
        let mut face = Replay::new(&recording, Source::Camera, 7);
        let mut epoch = |ms| face.learned(Duration::from_millis(ms)).map(|made| made.epoch.0);
        assert_eq!(
            [199, 200, 201, 1_000, 2_000].map(&mut epoch),
            [None, Some(1), None, Some(2), None]
        );
        let mut late = Replay::new(&recording, Source::Camera, 8);
        assert_eq!(late.learned(Duration::from_secs(9)).map(|made| made.epoch.0), Some(2));
    }

    #[test]
    fn people_of_one_recording_have_models_of_their_own() {
        let recording = Arc::new(recording("anna", 25));
        let [one, other] = [1, 2].map(|seed| {
            let mut voice = Replay::new(&recording, Source::Microphone, seed);
            voice.learned(Duration::from_secs(9)).unwrap()
        });
        assert_ne!(one.hash, other.hash);
        assert_eq!(one.container.len(), other.container.len());
    }

    #[test]
    fn blocks_come_in_a_loop_as_they_were_recorded() {
        let recording = Arc::new(recording("anna", 25));
        let mut face = Replay::new(&recording, Source::Camera, 20);
        for at in (20..25).chain(0..25) {
            let (played, block) = (face.next().unwrap(), &recording.blocks[at]);
            assert_eq!(played.payload, block.face.as_ref().map(|Bytes(bytes)| bytes.clone()));
            assert_eq!(played.gate, block.face_gate);
        }
    }
}
