//! A learner as the pool sees it: two pipes, and behind them a process or a thread.

use std::{
    io::{self, PipeReader, PipeWriter},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
};

use rustix::process::{Pid, Signal, kill_process_group};
use tracing::debug;

use super::{limits, work};
use crate::config::{Isolation, LearnConfig};

/// Name of the subcommand that is a learner.
pub const SUBCOMMAND: &str = "learner";

/// A learner that was started.
#[derive(Debug)]
pub(super) struct Learner {
    /// What it reads. Writing never waits.
    pub(super) input: PipeWriter,
    /// What it writes. Reading never waits.
    pub(super) output: PipeReader,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Process(Child),
    Thread(JoinHandle<()>),
}

impl Learner {
    /// Starts one.
    pub(super) fn start(config: &LearnConfig) -> io::Result<Self> {
        let (theirs_in, input) = io::pipe()?;
        let (output, theirs_out) = io::pipe()?;
        rustix::io::ioctl_fionbio(&input, true)?;
        rustix::io::ioctl_fionbio(&output, true)?;
        let body = match &config.isolation {
            Isolation::Process { program } => {
                let mut command = Command::new(program);
                command.arg(SUBCOMMAND).stdin(theirs_in).stdout(theirs_out);
                // What it says on stderr are panics. It needs no key and no setting; only where
                // programs are.
                command.stderr(Stdio::inherit()).env_clear();
                if let Some(path) = std::env::var_os("PATH") {
                    command.env("PATH", path);
                }
                // A group of its own: what it starts ends with it.
                Body::Process(command.process_group(0).spawn()?)
            }
            Isolation::Thread => {
                let run = move || {
                    limits::lower_priority();
                    if let Err(error) = work::work(theirs_in, theirs_out) {
                        debug!(%error, "a learner ended");
                    }
                };
                Body::Thread(thread::Builder::new().name("learning".into()).spawn(run)?)
            }
        };
        Ok(Self { input, output, body })
    }

    /// Its number, if it is a process.
    pub(super) fn pid(&self) -> Option<u32> {
        match &self.body {
            Body::Process(child) => Some(child.id()),
            Body::Thread(_) => None,
        }
    }

    /// Ends it, and everything that it started, and waits for that. A thread cannot be killed: it ends
    /// where it next reads or writes, after the model that it makes just now.
    pub(super) fn kill(self) {
        let Self { input, output, body } = self;
        drop((input, output));
        match body {
            Body::Process(mut child) => {
                let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
                // It may have ended already. Its number is its own until it was waited for.
                if let Some(group) = group
                    && let Err(error) = kill_process_group(group, Signal::KILL)
                {
                    debug!(%error, "a learner had ended");
                }
                match child.wait() {
                    Ok(status) => debug!(%status, "a learner ended"),
                    Err(error) => debug!(%error, "a learner cannot be waited for"),
                }
            }
            Body::Thread(thread) => {
                if thread.join().is_err() {
                    debug!("a learner panicked");
                }
            }
        }
    }
}
