//! The server that is measured: a process, whoever wrote it, as the operating system sees it.

use std::{fs, io, num::ParseIntError, path::PathBuf, process::Stdio, time::Duration};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
};

/// How long a node may take to say where it listens.
const START: Duration = Duration::from_secs(20);

/// A process that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
}

/// What a process has used and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time of its threads, in the kernel too: on loopback that includes the delivery to the
    /// receiving sockets.
    pub processor: Duration,
    /// Resident memory, in bytes.
    pub resident: u64,
    /// Open files, sockets among them.
    pub files: u64,
    /// Threads.
    pub threads: u64,
}

/// Why there is nothing to measure.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The program cannot be started.
    #[error("{program} cannot be started: {source}", program = program.display())]
    Start {
        /// Which.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended, or did not say where it listens.
    #[error("{program} did not say where it listens within {seconds} s", program = .0.display(), seconds = START.as_secs())]
    Silent(PathBuf),
    /// The system does not tell.
    #[error("the system does not tell what process {pid} uses: {source}")]
    Unreadable {
        /// Which.
        pid: u32,
        /// Why.
        source: io::Error,
    },
    /// The system tells it in another way than it should.
    #[error("the system tells what a process uses in an unknown way: {0:?}")]
    Malformed(String),
    /// There is no such processor.
    #[error("processor {cpu} cannot be used: {source}")]
    Processor {
        /// Which.
        cpu: usize,
        /// Why.
        source: io::Error,
    },
}

impl Process {
    /// What it has used so far and holds now.
    ///
    /// # Errors
    /// [`ServerError::Unreadable`], [`ServerError::Malformed`].
    pub fn usage(self) -> Result<Usage, ServerError> {
        let pid = self.pid;
        let unreadable = |source| ServerError::Unreadable { pid, source };
        let (mut processor, mut threads) = (Duration::ZERO, 0);
        for task in fs::read_dir(format!("/proc/{pid}/task")).map_err(unreadable)? {
            let path = task.map_err(unreadable)?.path().join("schedstat");
            // A thread may end between the two.
            let Ok(text) = fs::read_to_string(path) else { continue };
            processor += Duration::from_nanos(first_number(&text)?);
            threads += 1;
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(unreadable)?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = first_number(resident.unwrap_or("0 kB"))? * 1_024;
        let files = fs::read_dir(format!("/proc/{pid}/fd")).map_err(unreadable)?.count() as u64;
        Ok(Usage { processor, resident, files, threads })
    }
}

fn first_number(text: &str) -> Result<u64, ServerError> {
    let malformed = |_: ParseIntError| ServerError::Malformed(text.into());
    text.split_whitespace().next().unwrap_or_default().parse().map_err(malformed)
}

/// A node of our own that was started to be measured, and ends with this value.
#[derive(Debug)]
pub struct StartedNode {
    child: Child,
    /// `http://host:port`.
    pub origin: String,
    /// The rest of what it says is nobody's, but somebody has to hold the pipe.
    _output: BufReader<ChildStdout>,
}

impl StartedNode {
    /// Starts `program` with the development key on free ports of loopback, on one processor if that is
    /// said, with room for as many people as it takes.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn start(
        program: PathBuf,
        cpu: Option<usize>,
        settings: &[(&str, String)],
    ) -> Result<Self, ServerError> {
        let ours = match cpu {
            Some(cpu) => Some(stay_on(cpu)?),
            None => None,
        };
        let spawned = Command::new(&program)
            .args(["serve", "--dev", "--http", "127.0.0.1:0", "--udp", "127.0.0.1:0"])
            .args(["--advertise", "127.0.0.1"])
            .env("SOTTO_LOG_LEVEL", "warn")
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        if let (Some(ours), Some(cpu)) = (ours, cpu) {
            let restored = sched_setaffinity(None, &ours);
            restored.map_err(|error| ServerError::Processor { cpu, source: error.into() })?;
        }
        let start = |source| ServerError::Start { program: program.clone(), source };
        let mut child = spawned.map_err(start)?;
        let silent = || ServerError::Silent(program.clone());
        let mut output = BufReader::new(child.stdout.take().ok_or_else(silent)?);
        let listening = tokio::time::timeout(START, listening(&mut output)).await;
        let origin = listening.ok().flatten().ok_or_else(silent)?;
        Ok(Self { child, origin, _output: output })
    }

    /// Its websocket.
    pub fn url(&self) -> String {
        format!("ws{}/v1/signal", self.origin.trim_start_matches("http"))
    }

    /// The process, while it runs.
    pub fn process(&self) -> Option<Process> {
        self.child.id().map(|pid| Process { pid })
    }

    /// Lets it end.
    pub async fn stop(mut self) {
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok())
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
            // It may have ended by itself.
            && rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_ok()
            && tokio::time::timeout(START, self.child.wait()).await.is_ok()
        {
            return;
        }
        // What does not end in time is ended with the value.
        drop(self.child);
    }
}

async fn listening(output: &mut BufReader<ChildStdout>) -> Option<String> {
    let mut line = String::new();
    while output.read_line(&mut line).await.ok()? > 0 {
        if let Some(origin) = line.trim().strip_prefix("listening on ") {
            return Some(origin.to_owned());
        }
        line.clear();
    }
    None
}

/// Keeps this thread, and who is started by it, on one processor. Gives those that it had before.
///
/// # Errors
/// [`ServerError::Processor`].
pub fn stay_on(cpu: usize) -> Result<CpuSet, ServerError> {
    let refused = |error: rustix::io::Errno| ServerError::Processor { cpu, source: error.into() };
    let ours = sched_getaffinity(None).map_err(refused)?;
    if cpu >= CpuSet::MAX_CPU {
        return Err(refused(rustix::io::Errno::INVAL));
    }
    let mut one = CpuSet::new();
    one.set(cpu);
    sched_setaffinity(None, &one).map_err(refused)?;
    Ok(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_by_its_number_and_one_that_is_not_there_is_an_error() {
        let own = Process { pid: std::process::id() }.usage().unwrap();
        assert!(own.processor > Duration::ZERO && own.resident > 1 << 20, "{own:?}");
        assert!(own.threads >= 1 && own.files >= 3, "{own:?}");
        let nobody = Process { pid: u32::MAX }.usage();
        assert!(matches!(nobody, Err(ServerError::Unreadable { pid: u32::MAX, .. })));
    }

    #[test]
    fn a_processor_that_does_not_exist_is_an_error() {
        assert!(matches!(stay_on(usize::MAX), Err(ServerError::Processor { .. })));
    }
}
