//! What is asked of the pool, and what it answers.

use sotto_core::{
    id::PeerId,
    media::{Codec, Kind, PayloadFormat},
    output::Worth,
    signal::Source,
};
use sotto_frame::{Epoch, PluginId};

/// One job, told apart from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey {
    /// Whose media.
    pub peer: PeerId,
    /// Which of them.
    pub source: Source,
    /// Counts the jobs of this peer and source: a report of one that was ended may be on its way while
    /// the next one begins, and is not to be taken for a report of that one.
    pub generation: u32,
    /// How often the speaker had taken his consent back when it began. The pool only gives it back.
    pub consent: u32,
}

/// Something to learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Which it is.
    pub key: JobKey,
    /// The media, as its publisher numbers them. Packets of the RED (RFC 2198) and RTX (RFC 4588)
    /// companions are understood where they are named here.
    pub format: PayloadFormat,
    /// Epoch of the first model; later ones count up from it.
    pub first_epoch: Epoch,
    /// What it would save.
    pub worth: Worth,
}

impl Job {
    /// What its media are learned with: the voice plug-in for sound, the face plug-in for pictures.
    pub const fn plugin(&self) -> PluginId {
        plugin_of(self.format.codec)
    }
}

/// The plug-in that learns from a codec's media.
pub(super) const fn plugin_of(codec: Codec) -> PluginId {
    match codec.kind() {
        Kind::Audio => PluginId::VOICE,
        Kind::Video => PluginId::FACE,
    }
}

/// What becomes of a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// All places are taken: packets are dropped until [`Self::Running`]. Also of a job that ran: it
    /// learned nothing new for a while, and others wait.
    Waiting,
    /// It has a place: packets are learned from, from the beginning.
    Running,
    /// How much was learned of what is wanted, 0 to 1; at most twice a second.
    Progress(f32),
    /// A picture was lost, or none has come yet that can be decoded alone; at most each two seconds.
    KeyframeWanted,
    /// A model, or a better one: at least ten seconds later, with the next epoch. It was checked to be a
    /// container of the right plug-in and epoch.
    Model {
        /// [`sotto_frame::Container`].
        container: Vec<u8>,
        /// Its epoch.
        epoch: Epoch,
    },
    /// What was learned so far does not fit the speaker. It goes on: a later model may.
    Unfit,
    /// There will be no model. The last report of the job.
    Refused(RefusedReason),
    /// It broke. The last report of the job; another may be begun, but not at once.
    Failed(FailedReason),
}

/// Why a job is not even tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RefusedReason {
    /// This node learns nothing.
    #[error("this node learns nothing (models.node_learners)")]
    Disabled,
    /// No program here decodes the video.
    #[error("nothing decodes this video here (models.ffmpeg; see sotto doctor)")]
    NoDecoder,
    /// Too many jobs wait already, and all of them are worth more.
    #[error("too many learners wait")]
    QueueFull,
}

/// Why a job came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FailedReason {
    /// No process or thread could be started.
    #[error("the learner could not be started")]
    NotStarted,
    /// Its process ended by itself, or was killed.
    #[error("the learner crashed")]
    Crashed,
    /// It neither took media nor said anything for too long, and was killed.
    #[error("the learner hung")]
    Hung,
    /// It said what no learner says, and was killed.
    #[error("the learner wrote garbage")]
    Garbage,
    /// The video cannot be decoded, however often it is tried.
    #[error("the video cannot be decoded")]
    Decoder,
}
