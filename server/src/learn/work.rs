//! What a learner does: reads packets, decodes and learns, writes what comes of it.

use std::{
    io::{self, ErrorKind, Read, Write},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sotto_core::media::Kind;

use super::{
    FailedReason, RefusedReason,
    face::FacePupil,
    limits,
    voice::VoicePupil,
    wire::{FromLearner, Messages, Start, ToLearner, WireError},
};

/// Least time between two signs of life.
const ALIVE_INTERVAL: Duration = Duration::from_secs(1);

/// Why a learner ends before its pool wants it to.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The limits of its process cannot be set.
    #[error("cannot limit this process: {0}")]
    Limits(rustix::io::Errno),
    /// The pool is gone, or its pipes are.
    #[error("the pool is gone: {0}")]
    Pipe(#[from] io::Error),
    /// What it was told is no message.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A packet before the start, or a second start.
    #[error("a message out of order")]
    Order,
}

/// Runs the learner that is this process, from stdin to stdout, until its pool closes either.
///
/// # Errors
/// [`WorkError`].
pub fn run() -> Result<(), WorkError> {
    limits::limit_this_process().map_err(WorkError::Limits)?;
    work(io::stdin(), io::stdout())
}

/// The last word of a learner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Refused(RefusedReason),
    Failed(FailedReason),
}

/// Where a learner writes what it has to say.
#[derive(Clone)]
pub(super) struct Outbox {
    output: Arc<Mutex<dyn Write + Send>>,
}

/// What learns from one stream.
enum Pupil {
    Voice(Box<VoicePupil>),
    Face(Box<FacePupil>),
}

/// Runs a learner over any two pipes.
pub(super) fn work(
    mut input: impl Read,
    output: impl Write + Send + 'static,
) -> Result<(), WorkError> {
    let outbox = Outbox { output: Arc::new(Mutex::new(output)) };
    let mut messages = Messages::to_learner();
    let mut pupil: Option<Pupil> = None;
    let mut alive: Option<Instant> = None;
    let mut piece = vec![0; 16 << 10];
    loop {
        let len = match input.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        messages.push(&piece[..len]);
        while let Some((kind, body)) = messages.read()? {
            let taken = match (ToLearner::parse(kind, body)?, pupil.as_mut()) {
                (ToLearner::Start(start), None) => {
                    Pupil::new(&start, &outbox).map(|new| pupil = Some(new))
                }
                (ToLearner::Packet(rtp), Some(pupil)) => pupil.packet(rtp),
                _ => return Err(WorkError::Order),
            };
            if let Err(verdict) = taken {
                let last_word = match verdict {
                    Verdict::Refused(reason) => FromLearner::Refused(reason),
                    Verdict::Failed(reason) => FromLearner::Failed(reason),
                };
                return outbox.say(&last_word).map_err(WorkError::Pipe);
            }
        }
        if alive.is_none_or(|alive| alive.elapsed() >= ALIVE_INTERVAL) {
            alive = Some(Instant::now());
            outbox.say(&FromLearner::Alive)?;
        }
    }
}

impl Pupil {
    fn new(start: &Start, outbox: &Outbox) -> Result<Self, Verdict> {
        let outbox = outbox.clone();
        match start.format.codec.kind() {
            Kind::Audio => VoicePupil::new(start, outbox).map(Box::new).map(Self::Voice),
            Kind::Video => FacePupil::new(start, outbox).map(Box::new).map(Self::Face),
        }
    }

    fn packet(&mut self, rtp: &[u8]) -> Result<(), Verdict> {
        match self {
            Self::Voice(voice) => voice.packet(rtp, Instant::now()),
            Self::Face(face) => face.packet(rtp, Instant::now()),
        }
    }
}

impl Outbox {
    /// Says something. Waits while the pool does not read.
    pub(super) fn say(&self, message: &FromLearner<'_>) -> io::Result<()> {
        let mut bytes = Vec::new();
        message.write(&mut bytes);
        // Whoever panicked while it wrote took the process, or its thread, along.
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.write_all(&bytes)?;
        output.flush()
    }
}
