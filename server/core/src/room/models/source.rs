//! The model of one source of one participant, as the node knows it.

use std::time::Duration;

use sotto_frame::{Epoch, MediaTime, ModelHash, PluginId};

use super::{ModelError, learn::NodeLearner};
use crate::{
    input::ModelHeader,
    representation::Availability,
    signal::{DiskCopy, GateState, LearningState, Source},
    time::Time,
};

/// A source of whose model nothing came for this has stalled. In silence publishers send empty frames.
const SILENCE: Duration = Duration::from_secs(1);

/// After this, subscribers that do not hold the next epoch go over to raw media, so that it can be
/// used after twice as long.
const LAG: Duration = Duration::from_secs(1);

/// The same where the generic model is in use: those who show it are on thin lines, which take 10 s for
/// a voice's model, and which raw media would fill.
const GENERIC_LAG: Duration = Duration::from_secs(20);

/// Epochs that frames can tell apart: they carry three bits.
const EPOCHS: u32 = 8;

/// Times of frames that are remembered, to know a repetition.
const SEEN: usize = 32;

/// A frame that is so much older than the latest is of no use to anyone.
const MAX_LATENESS: i32 = 1_000;

/// A frame that is so much later than the latest, or earlier, comes of a clock that was set anew.
const RESTART: u32 = 30_000;

/// The model of one source.
#[derive(Clone, Debug)]
pub(crate) struct SourceModel {
    /// Microphone or camera.
    pub(crate) source: Source,
    /// Whether the speaker lets it be used.
    pub(crate) granted: bool,
    /// Whether the speaker said so in words, without which the node learns nothing.
    pub(crate) consented: bool,
    /// How often the speaker took that back.
    pub(crate) withdrawals: u32,
    /// What its own learner does.
    pub(crate) learning: LearningState,
    /// The node's; `None`: the node is not to learn it.
    pub(crate) learner: Option<NodeLearner>,
    /// Jobs that the node's learners were given of it so far.
    pub(crate) jobs: u32,
    pub(crate) gate: GateState,
    /// The one that the encoder uses.
    pub(crate) used: Option<ModelHeader>,
    /// The one before it, from which differences can be made.
    pub(crate) before: Option<ModelHeader>,
    /// The one that it will use, and since when that is known.
    pub(crate) next: Option<(ModelHeader, Time)>,
    /// The one that its speaker lets others keep copies of, and how.
    pub(crate) copy: Option<(ModelHash, DiskCopy)>,
    /// When the last frame came.
    pub(crate) last: Option<Time>,
    seen: Seen,
}

/// The times of the latest frames.
#[derive(Clone, Debug, Default)]
struct Seen {
    latest: Option<MediaTime>,
    times: [Option<MediaTime>; SEEN],
    at: usize,
}

impl SourceModel {
    /// Of a source that nothing is known of.
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            granted: true,
            consented: false,
            withdrawals: 0,
            learning: LearningState::default(),
            learner: None,
            jobs: 0,
            gate: GateState::default(),
            used: None,
            before: None,
            next: None,
            copy: None,
            last: None,
            seen: Seen::default(),
        }
    }

    /// The one that the encoder uses, as a subscriber sees it: the generic one is there only for some.
    pub(crate) fn used_for(&self, takes_generic: bool) -> Option<&ModelHeader> {
        self.used.as_ref().filter(|used| takes_generic || !used.epoch.is_generic())
    }

    /// Whether there is one, as a subscriber sees it.
    pub(crate) fn availability(&self, takes_generic: bool) -> Availability {
        match (self.used_for(takes_generic), &self.learner, self.learning) {
            (Some(used), ..) => Availability::Ready(used.epoch),
            (None, Some(learner), _) => learner.availability(),
            (None, None, LearningState::Busy) => Availability::Waiting,
            (None, None, LearningState::Learning | LearningState::Node) => Availability::Learning,
        }
    }

    /// Whether the generic model is in use.
    pub(crate) fn is_generic(&self) -> bool {
        self.used.is_some_and(|used| used.epoch.is_generic())
    }

    /// Until there is another one, the generic model of a plug-in is used.
    pub(crate) fn use_generic(&mut self, plugin: PluginId, version: u8) {
        if self.used.is_none() || self.is_generic() && self.next.is_none() {
            let (epoch, hash) = (Epoch::GENERIC, ModelHash([0; 32]));
            self.used = Some(ModelHeader { plugin, version, epoch, hash, bytes: 0 });
        }
    }

    /// The latest one: what a subscriber is to fetch.
    pub(crate) fn latest(&self) -> Option<&ModelHeader> {
        self.next.as_ref().map(|(next, _)| next).or(self.used.as_ref())
    }

    /// A model was uploaded: the first one is used at once. Returns whether it is a later one.
    ///
    /// # Errors
    /// [`ModelError::EpochTooFar`]: nothing changed.
    pub(crate) fn upload(&mut self, now: Time, model: ModelHeader) -> Result<bool, ModelError> {
        if self.latest().is_some_and(|latest| latest.epoch >= model.epoch) {
            return Ok(false);
        }
        let is_refined =
            |used: &ModelHeader| (used.plugin, used.version) == (model.plugin, model.version);
        // A model of an earlier meeting may be of any epoch, and takes the generic one's place at once
        // where frames could not tell them apart.
        let is_told_apart =
            |used: &ModelHeader| !used.epoch.is_generic() || used.epoch.low() != model.epoch.low();
        match self.used.filter(|used| is_refined(used) && is_told_apart(used)) {
            Some(used) if !used.epoch.is_generic() && model.epoch.0 - used.epoch.0 >= EPOCHS => {
                return Err(ModelError::EpochTooFar);
            }
            // Whoever holds the one before forgets it.
            Some(_) => (self.before, self.next) = (None, Some((model, now))),
            // Nothing of the one before can be gone on with, or of another plug-in.
            None => (self.before, self.used, self.next) = (None, Some(model), None),
        }
        self.granted = true;
        Ok(true)
    }

    /// From when on those who do not hold the next epoch should not wait for it.
    pub(crate) fn lags_at(&self) -> Option<Time> {
        let lag = if self.is_generic() { GENERIC_LAG } else { LAG };
        self.next.map(|(_, since)| since + lag)
    }

    /// From when on the next epoch is to be used although some do not hold it.
    pub(crate) fn overdue_at(&self) -> Option<Time> {
        self.lags_at().map(|at| at + LAG)
    }

    /// The next epoch is used from now on.
    pub(crate) fn promote(&mut self) {
        if let Some((next, _)) = self.next.take() {
            self.before = self.used.replace(next);
        }
    }

    /// The speaker does not let it be used any more. What the gate says is said only when it changes.
    pub(crate) fn withdraw(&mut self) {
        *self = Self {
            granted: false,
            gate: self.gate,
            withdrawals: self.withdrawals + 1,
            jobs: self.jobs,
            ..Self::new(self.source)
        };
    }

    /// Whether a model is one of its own.
    pub(crate) fn knows(&self, hash: ModelHash) -> bool {
        let next = self.next.as_ref().map(|(next, _)| next);
        let mut known = [self.used.as_ref(), self.before.as_ref(), next].into_iter().flatten();
        known.any(|model| !model.epoch.is_generic() && model.hash == hash)
    }

    /// Whether frames come.
    pub(crate) fn flows(&self, now: Time) -> bool {
        self.last.is_some_and(|last| now.saturating_since(last) < SILENCE)
    }

    /// Whether a frame of this plug-in and epoch is one of its model: of the one that is used, the one
    /// before, or the next, which its encoder may know of already.
    pub(crate) fn is_of(&self, plugin: PluginId, epoch: u8) -> bool {
        let next = self.next.as_ref().map(|(next, _)| next);
        let mut known = [self.used.as_ref(), self.before.as_ref(), next].into_iter().flatten();
        known.any(|model| model.plugin == plugin && model.epoch.low() == epoch)
    }

    /// Whether a frame is new, and of use.
    pub(crate) fn is_new(&mut self, time: MediaTime) -> bool {
        self.seen.admit(time)
    }

    /// The epoch in which it is encoded.
    pub(crate) fn epoch(&self) -> Option<Epoch> {
        self.used.map(|used| used.epoch)
    }
}

impl Seen {
    fn admit(&mut self, time: MediaTime) -> bool {
        let ahead = self.latest.map_or(0, |latest| time.distance(latest));
        if ahead.unsigned_abs() > RESTART {
            *self = Self::default();
        } else if ahead < -MAX_LATENESS || self.times.contains(&Some(time)) {
            return false;
        }
        self.times[self.at] = Some(time);
        self.at = (self.at + 1) % SEEN;
        if ahead >= 0 || self.latest.is_none() {
            self.latest = Some(time);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use sotto_frame::ModelHash;

    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_micros(1_700_000_000_000_000 + ms * 1_000)
    }

    fn model(epoch: u32) -> ModelHeader {
        ModelHeader {
            plugin: PluginId::FACE,
            version: 1,
            epoch: Epoch(epoch),
            hash: ModelHash([epoch as u8; 32]),
            bytes: 1_000,
        }
    }

    #[test]
    fn the_first_model_is_used_at_once_and_a_later_one_when_it_is_held() {
        let mut source = SourceModel::new(Source::Camera);
        assert_eq!(source.upload(at(0), model(1)), Ok(true));
        assert_eq!(source.availability(false), Availability::Ready(Epoch(1)));
        assert_eq!(source.upload(at(1), model(1)), Ok(false), "nothing new");
        assert_eq!(source.upload(at(2), model(9)), Err(ModelError::EpochTooFar));
        assert_eq!(source.upload(at(10), model(2)), Ok(true));
        assert_eq!(source.availability(false), Availability::Ready(Epoch(1)));
        assert_eq!((source.lags_at(), source.overdue_at()), (Some(at(1_010)), Some(at(2_010))));
        source.promote();
        assert_eq!(source.availability(false), Availability::Ready(Epoch(2)));
        assert!([1, 2].iter().all(|&epoch| source.is_of(PluginId::FACE, epoch)));
        assert!(!source.is_of(PluginId::FACE, 3) && !source.is_of(PluginId::VOICE, 2));
    }

    #[test]
    fn a_repeated_frame_is_known_across_the_wrap_and_a_late_one_is_of_no_use() {
        let mut source = SourceModel::new(Source::Camera);
        let start = u32::MAX - 100;
        let times = (0..20).map(|n| MediaTime(start.wrapping_add(n * 80)));
        for time in times.clone() {
            assert!(source.is_new(time));
        }
        assert!(!times.clone().any(|time| source.is_new(time)));
        assert!(source.is_new(MediaTime(start.wrapping_add(19 * 80 - 40))), "it was lost before");
        assert!(!source.is_new(MediaTime(start.wrapping_add(10))), "too late");
        assert!(source.is_new(MediaTime(7_000_000)), "another clock");
        assert!(source.is_new(MediaTime(7_000_080)));
    }

    #[test]
    fn nothing_is_left_of_a_model_that_is_withdrawn() {
        let mut source = SourceModel::new(Source::Microphone);
        assert_eq!(source.upload(at(0), model(30)), Ok(true));
        source.withdraw();
        assert!(!source.granted && source.latest().is_none());
        assert_eq!(source.availability(true), Availability::Learning);
    }

    #[test]
    fn the_generic_model_is_there_for_those_who_take_it_until_another_one_is_used() {
        let mut source = SourceModel::new(Source::Microphone);
        source.use_generic(PluginId::FACE, 1);
        assert_eq!(source.availability(false), Availability::Learning);
        assert_eq!(source.availability(true), Availability::Ready(Epoch::GENERIC));
        assert!(source.is_of(PluginId::FACE, 0) && !source.is_of(PluginId::FACE, 1));
        assert_eq!(source.upload(at(0), model(30)), Ok(true), "of an earlier meeting");
        assert_eq!(source.lags_at(), Some(at(0) + GENERIC_LAG));
        source.use_generic(PluginId::FACE, 1);
        source.promote();
        source.use_generic(PluginId::FACE, 1);
        assert_eq!(source.availability(true), Availability::Ready(Epoch(30)));
        assert_eq!(source.upload(at(1), model(38)), Err(ModelError::EpochTooFar));
    }

    #[test]
    fn a_model_whose_frames_look_like_those_of_the_generic_one_takes_its_place_at_once() {
        let mut source = SourceModel::new(Source::Microphone);
        source.use_generic(PluginId::FACE, 1);
        assert_eq!(source.upload(at(0), model(16)), Ok(true));
        assert_eq!(source.availability(false), Availability::Ready(Epoch(16)));
        assert_eq!(source.before, None);
    }
}
