//! Learners that crash, hang or write garbage.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use sotto_core::media::Codec;
use sotto_server::{
    config::LearnConfig,
    learn::{FailedReason, Report},
};

use crate::{
    pool::{Pool, Script, job, with_program},
    speaker,
};

/// What becomes of a voice that is given to such a program. Another one is learned behind it all the
/// same.
fn check(lines: &str, patience: Duration, expected: FailedReason) {
    let script = Script::new(lines);
    let pool = Pool::start(&LearnConfig { patience, ..with_program(&script.program()) });
    let mut tap = pool.begin(job(1, Codec::Opus));
    let packets = speaker::packets(1);
    let (report, _) = pool.feed(&mut tap, |_| packets.clone());
    assert_eq!(report, Report::Failed(expected), "{lines}");
    assert!(tap.is_over());
    assert_eq!(pool.learners.stats().failed, 1);
    tap.packet(&packets[0]);
    let _second = pool.begin(job(2, Codec::Opus));
}

const LONG: Duration = Duration::from_secs(100);

#[test]
fn a_learner_that_ends_by_itself_costs_its_own_job() {
    check("exit 1", LONG, FailedReason::Crashed);
    check("head -c 100 >/dev/null; kill -SEGV $$", LONG, FailedReason::Crashed);
}

#[test]
fn a_learner_that_writes_garbage_is_ended() {
    check("echo what is this; cat >/dev/null; true", LONG, FailedReason::Garbage);
    check("exec cat", LONG, FailedReason::Garbage);
    // A model of 4 GiB, and one that is none.
    check(r"printf '\023\377\377\377\377'; cat >/dev/null; true", LONG, FailedReason::Garbage);
    let no_model = r"printf '\023\0\0\0\006\0\0\0\005hi'; cat >/dev/null; true";
    check(no_model, LONG, FailedReason::Garbage);
}

#[test]
fn a_learner_that_hangs_is_ended() {
    let patience = Duration::from_millis(300);
    check("exec sleep 1000", patience, FailedReason::Hung);
    check("cat >/dev/null; true", patience, FailedReason::Hung);
    check("sleep 1000", patience, FailedReason::Hung);
}

#[test]
fn a_program_that_is_not_there_fails() {
    let pool = Pool::start(&with_program("/nowhere/sotto".as_ref()));
    let job = job(1, Codec::Opus);
    let tap = pool.begin(job);
    assert_eq!(pool.next(), (job.key, Report::Failed(FailedReason::NotStarted)));
    assert!(tap.is_over());
}

/// The real learner, whose number is told.
fn told() -> Script {
    Script::new(&format!("echo $$ >number\nexec '{}' \"$@\"", env!("CARGO_BIN_EXE_sotto")))
}

fn number(script: &Script) -> String {
    let deadline = Instant::now() + LONG;
    loop {
        if let Some(number) = script.wrote("number") {
            return number.trim_end().to_owned();
        }
        assert!(Instant::now() < deadline, "the learner started");
        std::thread::yield_now();
    }
}

#[test]
fn a_learner_that_is_killed_while_it_learns_costs_its_own_job() {
    let script = told();
    let pool = Pool::start(&with_program(&script.program()));
    let mut tap = pool.begin(job(1, Codec::Opus));
    let packets = speaker::packets(2);
    packets.iter().for_each(|packet| tap.packet(packet));
    let killed = Command::new("kill").args(["-KILL", &number(&script)]).status();
    assert!(killed.unwrap().success());
    assert_eq!(pool.next().1, Report::Failed(FailedReason::Crashed));
}

#[test]
fn a_learner_has_limits_no_settings_and_a_low_priority_and_ends_with_its_tap() {
    let script = told();
    let pool = Pool::start(&with_program(&script.program()));
    let mut tap = pool.begin(job(1, Codec::Opus));
    // Once it says something, it has set its limits.
    let packets = speaker::packets(2);
    let started = Instant::now();
    while pool.learners.stats().running == 0 || !has_limits(&number(&script)) {
        packets.iter().for_each(|packet| tap.packet(packet));
        assert!(started.elapsed() < LONG, "limits are set");
    }
    let process = number(&script);
    let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap();
    let names: Vec<_> = environment
        .split(|&byte| byte == 0)
        .filter_map(|line| line.split(|&byte| byte == b'=').next())
        .filter(|name| !name.is_empty())
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    assert!(!names.iter().any(|name| name.starts_with("SOTTO_") || name == "HOME"), "{names:?}");
    let ended = Instant::now();
    drop(tap);
    while std::fs::exists(format!("/proc/{process}")).unwrap() {
        assert!(ended.elapsed() < LONG, "it ends");
        std::thread::yield_now();
    }
    assert!(ended.elapsed() < Duration::from_secs(5), "at once: {:?}", ended.elapsed());
}

fn has_limits(process: &str) -> bool {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The nineteenth field, counted from the one behind the name in brackets.
    let nice: i32 =
        stat.rsplit(')').next().unwrap().split_whitespace().nth(16).unwrap().parse().unwrap();
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().next().unwrap().to_owned()
    };
    nice > 0
        && limit("Max core file size") == "0"
        && limit("Max file size") == "0"
        && limit("Max address space") == (2_u64 << 30).to_string()
        && limit("Max cpu time") == "3600"
}

#[test]
fn a_learner_that_is_told_nonsense_ends_with_an_error() {
    use std::io::Write;
    for said in [&b"\x01\0\0\0\x03abc"[..], &[99; 40], b"\x02\0\0\0\x01a"] {
        let mut learner = Command::new(env!("CARGO_BIN_EXE_sotto"))
            .arg("learner")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        learner.stdin.take().unwrap().write_all(said).unwrap();
        let output = learner.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty(), "{said:?}");
        assert!(error.starts_with("sotto: learner: "), "{error}");
    }
}
