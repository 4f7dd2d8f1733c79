//! What a learner and the decoder that it starts may use up, beside what the pool does about them.

use rustix::{
    io,
    process::{
        Pid, Resource, Rlimit, Signal, getrlimit, nice, prlimit, set_parent_process_death_signal,
        setrlimit,
    },
};

/// How far behind everything else learning is: half way.
const NICE: i32 = 10;
/// Address space of a learner: its pictures take 94 MB at most, its work on them about as much.
const LEARNER_BYTES: u64 = 2 << 30;
/// Address space of a decoder: an ffmpeg of Debian takes 471 MB for 360 lines, most of it libraries; a
/// picture of 4K has 14.
const DECODER_BYTES: u64 = 2 << 30;
/// Processor time of a learner, and of a decoder: what only a loop without an end takes. A whole face is
/// learned in some ten seconds, and decoding 360 lines takes two minutes an hour.
const CPU_SECONDS: u64 = 3_600;
/// Open files.
const FILES: u64 = 64;

/// Limits this process: called first in a learner of its own.
///
/// # Errors
/// What the system refuses.
pub(super) fn limit_this_process() -> io::Result<()> {
    // Should the node be killed, nobody else would end this.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    for (resource, most) in limits(LEARNER_BYTES) {
        setrlimit(resource, at_most(resource, most))?;
    }
    lower_priority();
    Ok(())
}

/// Limits a decoder that was just started and has read nothing yet.
///
/// # Errors
/// What the system refuses.
pub(super) fn limit_decoder(pid: Pid) -> io::Result<()> {
    for (resource, most) in limits(DECODER_BYTES) {
        prlimit(Some(pid), resource, at_most(resource, most))?;
    }
    Ok(())
}

/// Puts the calling thread, and what it will start, behind everything else. On Linux priorities are
/// those of threads. Where it may not, it learns as fast as it can.
pub(super) fn lower_priority() {
    if let Err(error) = nice(NICE) {
        tracing::debug!(%error, "learning has the priority of everything else");
    }
}

fn limits(bytes: u64) -> [(Resource, u64); 5] {
    [
        (Resource::As, bytes),
        (Resource::Cpu, CPU_SECONDS),
        // No files: neither memory images, which would hold pictures and voices, nor others.
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, FILES),
    ]
}

/// No more than the system allows this process anyway, which is what it hands on.
fn at_most(resource: Resource, most: u64) -> Rlimit {
    let most = getrlimit(resource).maximum.map_or(most, |allowed| allowed.min(most));
    Rlimit { current: Some(most), maximum: Some(most) }
}
