//! Who learns now and who waits.

use std::time::Duration;

use sotto_core::media::Codec;
use sotto_server::{
    config::LearnConfig,
    learn::{Job, RefusedReason, Report, Worth},
};

use crate::pool::{Pool, Script, config, job, with_program};

fn worth(subscribers: u32) -> Worth {
    Worth { subscribers, bytes_per_second: 5_000 }
}

#[test]
fn a_node_that_learns_nothing_says_so() {
    let pool = Pool::start(&LearnConfig { places: 0, ..config() });
    let job = job(1, Codec::Opus);
    let mut tap = pool.learners.begin(job);
    assert_eq!(pool.next(), (job.key, Report::Refused(RefusedReason::Disabled)));
    assert!(tap.is_over());
    tap.packet(b"for nobody");
    assert_eq!(pool.learners.stats().refused, 1);
}

#[test]
fn eight_voices_take_a_place_and_the_ninth_waits_until_one_ends() {
    let pool = Pool::start(&config());
    let mut taps: Vec<_> = (0..8).map(|peer| pool.begin(job(peer, Codec::Opus))).collect();
    let ninth = job(9, Codec::Opus);
    let _ninth = pool.learners.begin(ninth);
    assert_eq!(pool.next(), (ninth.key, Report::Waiting));
    let stats = pool.learners.stats();
    assert_eq!((stats.running, stats.waiting), (8, 1));
    drop(taps.pop());
    assert_eq!(pool.next(), (ninth.key, Report::Running));
}

#[test]
fn whoever_is_worth_most_is_next_also_if_that_changes_while_they_wait() {
    // A learner that does nothing but take the place.
    let script = Script::new("cat >/dev/null; true");
    let pool = Pool::start(&with_program(&script.program()));
    let place = |peer, subscribers| Job { worth: worth(subscribers), ..job(peer, Codec::Vp8) };
    let first = pool.begin(place(1, 1));
    let taps: Vec<_> = [(2, 10), (3, 30), (4, 20)]
        .into_iter()
        .map(|(peer, subscribers)| {
            let waiting = place(peer, subscribers);
            let tap = pool.learners.begin(waiting);
            assert_eq!(pool.next(), (waiting.key, Report::Waiting));
            tap
        })
        .collect();
    taps[0].set_worth(worth(25));
    let mut taps: Vec<_> = taps.into_iter().map(Some).collect();
    drop(first);
    for (peer, place_of_tap) in [(3, 1), (2, 0), (4, 2)] {
        let (key, report) = pool.next();
        assert_eq!((key.peer.0, report), (peer, Report::Running));
        taps[place_of_tap] = None;
    }
}

#[test]
fn a_learner_that_learns_nothing_gives_its_place_to_one_that_waits() {
    let script = Script::new("cat >/dev/null; true");
    let idle = Duration::from_millis(200);
    let pool = Pool::start(&LearnConfig { idle, ..with_program(&script.program()) });
    let (first, second) = (job(1, Codec::Vp8), job(2, Codec::Vp8));
    let _first = pool.begin(first);
    let _second = pool.learners.begin(second);
    assert_eq!(pool.next(), (second.key, Report::Waiting));
    for _ in 0..3 {
        assert_eq!(pool.next(), (second.key, Report::Running));
        assert_eq!(pool.next(), (first.key, Report::Waiting));
        assert_eq!(pool.next(), (first.key, Report::Running));
        assert_eq!(pool.next(), (second.key, Report::Waiting));
    }
    let stats = pool.learners.stats();
    assert_eq!((stats.failed, stats.refused), (0, 0));
}

#[test]
fn a_job_that_nobody_wants_any_more_never_runs() {
    let script = Script::new("cat >/dev/null; true");
    let pool = Pool::start(&with_program(&script.program()));
    let first = pool.begin(job(1, Codec::Vp8));
    let second = pool.learners.begin(job(2, Codec::Vp8));
    assert_eq!(pool.next().1, Report::Waiting);
    let third = pool.learners.begin(job(3, Codec::Vp8));
    assert_eq!(pool.next().1, Report::Waiting);
    drop((second, first));
    let (key, report) = pool.next();
    assert_eq!((key.peer.0, report), (3, Report::Running));
    drop(third);
}
