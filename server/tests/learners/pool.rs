//! A pool, and what it reports.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver},
    },
    time::{Duration, Instant},
};

use sotto_core::{
    id::{PayloadType, PeerId},
    media::{Codec, Kind, PayloadFormat},
    signal::Source,
};
use sotto_frame::Epoch;
use sotto_server::{
    config::{Isolation, LearnConfig},
    learn::{Job, JobKey, Learners, Report, Tap, Worth},
};

/// Longest wait for something that has to come: learning takes seconds on a busy machine.
const SOON: Duration = Duration::from_secs(300);

/// A pool under test.
pub(crate) struct Pool {
    pub(crate) learners: Learners,
    reports: Receiver<(JobKey, Report)>,
}

/// A configuration of learners in threads.
pub(crate) fn config() -> LearnConfig {
    LearnConfig {
        places: 1,
        isolation: Isolation::Thread,
        ffmpeg: "ffmpeg".into(),
        patience: Duration::from_secs(100),
        idle: Duration::from_secs(100),
    }
}

/// The same in processes of the real program.
pub(crate) fn in_processes() -> LearnConfig {
    with_program(Path::new(env!("CARGO_BIN_EXE_sotto")))
}

/// The same with another program in its place.
pub(crate) fn with_program(program: &Path) -> LearnConfig {
    LearnConfig { isolation: Isolation::Process { program: program.into() }, ..config() }
}

/// A shell script in a folder of its own, which goes with it.
pub(crate) struct Script {
    folder: PathBuf,
}

impl Script {
    pub(crate) fn new(lines: &str) -> Self {
        let name = format!("sotto-learners-{}", uuid::Uuid::new_v4().simple());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let script = Self { folder };
        let text = format!("#!/bin/sh\ncd '{}'\n{lines}\n", script.folder.display());
        // Renamed into place: a file that some other thread's child holds open for writing, between its
        // fork and its exec, cannot be run.
        fs::write(script.folder.join("draft"), text).unwrap();
        let copied = std::process::Command::new("install")
            .args(["-m", "755", "draft", "program"])
            .current_dir(&script.folder)
            .status();
        assert!(copied.unwrap().success());
        assert!(fs::metadata(script.program()).unwrap().permissions().mode() & 0o100 != 0);
        script
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.folder.join("program")
    }

    /// What it wrote into a file.
    pub(crate) fn wrote(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(file)).ok().filter(|text| text.ends_with('\n'))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

pub(crate) fn key(peer: u64, source: Source) -> JobKey {
    JobKey { peer: PeerId(peer), source, generation: 3, consent: 1 }
}

/// A job of a voice or, with a codec of video, of a face.
pub(crate) fn job(peer: u64, codec: Codec) -> Job {
    let (source, payload_type) = match codec.kind() {
        Kind::Audio => (Source::Microphone, 111),
        Kind::Video => (Source::Camera, 96),
    };
    let format = PayloadFormat {
        payload_type: PayloadType(payload_type),
        codec,
        rtx: None,
        red: None,
        nack: false,
        transport_cc: false,
    };
    let worth = Worth { subscribers: 1, bytes_per_second: 5_000 };
    Job { key: key(peer, source), format, first_epoch: Epoch(5), worth }
}

impl Pool {
    pub(crate) fn start(config: &LearnConfig) -> Self {
        let (sender, reports) = mpsc::channel();
        let sender = Mutex::new(sender);
        let report = Arc::new(move |key, report| {
            // The test has seen enough where nobody listens.
            drop(sender.lock().unwrap().send((key, report)));
        });
        Self { learners: Learners::start(config, report), reports }
    }

    /// The next report of any job but progress.
    pub(crate) fn next(&self) -> (JobKey, Report) {
        let deadline = Instant::now() + SOON;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.reports.recv_timeout(left).expect("a report in time") {
                (_, Report::Progress(_)) => {}
                report => return report,
            }
        }
    }

    /// Waits until progress is reported.
    pub(crate) fn progress(&self) -> f32 {
        let deadline = Instant::now() + SOON;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if let (_, Report::Progress(share)) = self.reports.recv_timeout(left).unwrap() {
                return share;
            }
        }
    }

    /// Begins a job and waits until it has a place.
    pub(crate) fn begin(&self, job: Job) -> Tap {
        let tap = self.learners.begin(job);
        assert_eq!(self.next(), (job.key, Report::Running));
        tap
    }

    /// Gives a tap these packets, as fast as they are taken, until something but progress is reported;
    /// that, and the progress until then. `round` is asked for more each time that all are taken, with
    /// the number of the round; none: that is waited for.
    pub(crate) fn feed(
        &self,
        tap: &mut Tap,
        mut round: impl FnMut(u32) -> Vec<Vec<u8>>,
    ) -> (Report, Vec<f32>) {
        let deadline = Instant::now() + SOON;
        let mut progress = Vec::new();
        for number in 0.. {
            let packets = round(number);
            if packets.is_empty() {
                let left = deadline.saturating_duration_since(Instant::now());
                match self.reports.recv_timeout(left).expect("a report in time") {
                    (_, Report::Progress(share)) => progress.push(share),
                    (_, report) => return (report, progress),
                }
            }
            for packet in packets {
                loop {
                    let dropped = self.learners.stats().dropped_packets;
                    tap.packet(&packet);
                    let taken = self.learners.stats().dropped_packets == dropped;
                    let wait = if taken { Duration::ZERO } else { Duration::from_millis(5) };
                    match self.reports.recv_timeout(wait) {
                        Ok((_, Report::Progress(share))) => progress.push(share),
                        Ok((_, report)) => return (report, progress),
                        Err(_) => {}
                    }
                    assert!(Instant::now() < deadline, "a report in time");
                    if taken {
                        break;
                    }
                }
            }
        }
        unreachable!("rounds have no end")
    }
}
