//! The machine by table and by random histories.

use std::time::Duration;

use proptest::prelude::*;
use sotto_frame::Epoch;

use super::*;
use crate::{
    media::Kind,
    signal::{Form, GateState, RawReason},
    time::Time,
};

/// Everything is as a model needs it.
const FINE: Facts = Facts {
    kind: Kind::Video,
    enabled: true,
    canary: true,
    support: Support::Yes,
    model: Availability::Ready(Epoch(1)),
    held: true,
    lags: false,
    gate: GateState::Green,
    wanted: true,
    lossy: false,
    raw_flows: true,
    model_flows: true,
    delivered: true,
};

const RAW: Flow = Flow { raw: true, model: false };
const BOTH: Flow = Flow { raw: true, model: true };
const MODEL: Flow = Flow { raw: false, model: true };

/// A representation, and the time.
struct Bench {
    it: Representation,
    kind: Kind,
    now: Time,
    times: BackoffTimes,
}

impl Bench {
    fn new(kind: Kind) -> Self {
        Self {
            it: Representation::default(),
            kind,
            now: Time::from_micros(1_700_000_000_000_000),
            times: BackoffTimes::default(),
        }
    }

    /// One that shows the model.
    fn shown(kind: Kind) -> Self {
        let mut bench = Self::new(kind);
        bench.given(FINE);
        bench.it.switched(bench.now, Form::Model);
        bench.check(MODEL, None);
        bench
    }

    fn given(&mut self, facts: Facts) -> &mut Self {
        self.it.update(self.now, &Facts { kind: self.kind, ..facts }, &self.times);
        self
    }

    fn after(&mut self, ms: u64) -> &mut Self {
        self.now = self.now + Duration::from_millis(ms);
        self
    }

    fn due(&self) -> Option<Time> {
        self.it.poll_timeout(self.now, &self.times)
    }

    fn check(&self, flow: Flow, reason: Option<RawReason>) {
        let status = self.it.status();
        assert_eq!((self.it.flow(self.kind), status.reason), (flow, reason), "{status:?}");
    }
}

#[test]
fn every_obstacle_has_its_reason_on_the_way_in() {
    use RawReason::*;
    let table = [
        (Facts { enabled: false, ..FINE }, Disabled),
        (Facts { support: Support::No, ..FINE }, NoModelSupport),
        (Facts { support: Support::TooSlow, ..FINE }, TooSlow),
        (Facts { model: Availability::Learning, ..FINE }, Learning),
        (Facts { model: Availability::Waiting, ..FINE }, LearnersBusy),
        (Facts { model: Availability::Refused, ..FINE }, Disabled),
        (Facts { gate: GateState::Red, ..FINE }, GateTripped),
        (Facts { gate: GateState::Amber, ..FINE }, GateTripped),
        (Facts { canary: false, ..FINE }, NotInCanary),
        (Facts { lossy: true, ..FINE }, LossyModel),
        (Facts { wanted: false, ..FINE }, Policy),
        (Facts { held: false, ..FINE }, NotFetched),
    ];
    for kind in [Kind::Audio, Kind::Video] {
        for (facts, reason) in table {
            Bench::new(kind).given(facts).check(RAW, Some(reason));
        }
    }
}

#[test]
fn what_shows_a_model_goes_back_at_once_or_with_an_overlap_by_the_reason() {
    use RawReason::*;
    // What stops the frames, for pictures and for sound.
    let table = [
        (Facts { gate: GateState::Red, ..FINE }, GateTripped, RAW, BOTH),
        (Facts { enabled: false, ..FINE }, Disabled, RAW, RAW),
        (Facts { support: Support::No, ..FINE }, NoModelSupport, RAW, RAW),
        (Facts { held: false, ..FINE }, NotFetched, RAW, RAW),
        (Facts { support: Support::TooSlow, ..FINE }, TooSlow, BOTH, BOTH),
        (Facts { canary: false, ..FINE }, NotInCanary, BOTH, BOTH),
        (Facts { lossy: true, ..FINE }, LossyModel, BOTH, BOTH),
        (Facts { wanted: false, ..FINE }, Policy, BOTH, BOTH),
        (Facts { lags: true, ..FINE }, NotFetched, BOTH, BOTH),
    ];
    for (facts, reason, picture, sound) in table {
        Bench::shown(Kind::Video).given(facts).check(picture, Some(reason));
        Bench::shown(Kind::Audio).given(facts).check(sound, Some(reason));
    }
}

#[test]
fn both_forms_are_sent_until_the_client_has_gone_over() {
    let mut bench = Bench::new(Kind::Video);
    bench.given(Facts { held: false, ..FINE }).check(RAW, Some(RawReason::NotFetched));
    assert_eq!(bench.it.wants(), Some(Epoch(1)));
    bench.after(700).given(FINE).check(BOTH, None);
    assert!(bench.it.status().overlap);
    bench.it.switched(bench.now, Form::Model);
    bench.check(MODEL, None);
    bench.given(Facts { wanted: false, raw_flows: false, ..FINE });
    bench.check(BOTH, Some(RawReason::Policy));
    bench.after(60_000).given(Facts { wanted: false, raw_flows: false, ..FINE });
    bench.check(BOTH, Some(RawReason::Policy));
    bench.given(Facts { wanted: false, ..FINE }).check(BOTH, Some(RawReason::Policy));
    bench.it.switched(bench.now, Form::Raw);
    bench.check(RAW, Some(RawReason::Policy));
}

#[test]
fn a_client_that_does_not_go_over_is_left_with_raw_media() {
    let mut bench = Bench::new(Kind::Audio);
    bench.given(FINE).check(BOTH, None);
    let due = bench.due().expect("it does not wait for ever");
    bench.now = due;
    bench.given(FINE).check(RAW, Some(RawReason::TooSlow));
    let again = bench.due().expect("it is tried again");
    assert_eq!(again.saturating_since(due), bench.times.0[0]);
}

#[test]
fn a_client_that_gets_no_frames_is_not_too_slow() {
    let mut bench = Bench::new(Kind::Audio);
    let silent = Facts { delivered: false, ..FINE };
    bench.given(silent);
    for _ in 0..20 {
        bench.after(1_000).given(silent).check(BOTH, None);
    }
    bench.given(FINE).after(3_900).given(FINE).check(BOTH, None);
    bench.it.switched(bench.now, Form::Model);
    bench.check(MODEL, None);
}

#[test]
fn raw_media_are_asked_for_on_amber_and_the_model_is_still_shown() {
    let mut bench = Bench::shown(Kind::Video);
    assert!(!bench.it.needs_raw(Kind::Video, GateState::Green));
    bench.given(Facts { gate: GateState::Amber, ..FINE }).check(MODEL, None);
    assert!(bench.it.needs_raw(Kind::Video, GateState::Amber));
}

#[test]
fn the_way_back_to_a_model_that_fell_takes_longer_each_time() {
    let mut bench = Bench::shown(Kind::Video);
    for wait in [2_000, 8_000, 30_000, 30_000] {
        bench.given(Facts { gate: GateState::Red, ..FINE });
        bench.it.switched(bench.now, Form::Raw);
        bench.after(500).given(FINE).check(RAW, Some(RawReason::GateTripped));
        bench.after(wait - 1).given(FINE).check(RAW, Some(RawReason::GateTripped));
        bench.after(1).given(FINE).check(BOTH, None);
        bench.it.switched(bench.now, Form::Model);
    }
}

#[test]
fn a_red_moment_starts_the_wait_anew() {
    let mut bench = Bench::shown(Kind::Video);
    bench.given(Facts { gate: GateState::Red, ..FINE });
    bench.it.switched(bench.now, Form::Raw);
    bench.given(FINE).after(1_900).given(Facts { gate: GateState::Red, ..FINE });
    bench.after(100).given(FINE).after(1_999).given(FINE);
    bench.check(RAW, Some(RawReason::GateTripped));
    bench.after(1).given(FINE).check(BOTH, None);
}

#[test]
fn doubts_begin_no_wait_and_end_none_and_do_not_keep_from_what_has_begun() {
    let amber = Facts { gate: GateState::Amber, ..FINE };
    let mut bench = Bench::shown(Kind::Video);
    bench.given(Facts { gate: GateState::Red, ..FINE });
    bench.it.switched(bench.now, Form::Raw);
    bench.given(FINE).after(1_900).given(amber).after(1_000).given(amber);
    bench.check(RAW, Some(RawReason::GateTripped));
    bench.given(FINE).check(BOTH, None);
    bench.after(300).given(amber).check(BOTH, None);
    bench.it.switched(bench.now, Form::Model);
    bench.given(amber).check(MODEL, None);
}

#[test]
fn voluntary_switches_have_no_wait() {
    let mut bench = Bench::shown(Kind::Audio);
    for _ in 0..20 {
        bench.given(Facts { wanted: false, ..FINE }).check(BOTH, Some(RawReason::Policy));
        bench.it.switched(bench.now, Form::Raw);
        bench.given(FINE).check(BOTH, None);
        bench.it.switched(bench.now, Form::Model);
    }
}

#[test]
fn a_model_that_says_nothing_is_stalled() {
    let mut bench = Bench::shown(Kind::Audio);
    let silent = Facts { model_flows: false, ..FINE };
    bench.given(silent).check(MODEL, None);
    bench.after(2_000).given(silent).check(RAW, Some(RawReason::Stalled));
}

#[test]
fn falls_of_an_epoch_are_forgotten_with_the_next_one() {
    let mut bench = Bench::shown(Kind::Video);
    let red = Facts { gate: GateState::Red, ..FINE };
    for _ in 0..3 {
        bench.given(red);
        bench.it.switched(bench.now, Form::Raw);
        bench.given(FINE);
        bench.now = bench.now + Duration::from_secs(30);
        bench.given(FINE);
        bench.it.switched(bench.now, Form::Model);
    }
    bench.given(red);
    bench.it.switched(bench.now, Form::Raw);
    bench.given(FINE);
    bench.now = bench.now + Duration::from_secs(1);
    bench.given(FINE);
    assert_eq!(bench.it.flow(Kind::Video), RAW, "it has fallen four times");
    bench.given(Facts { model: Availability::Ready(Epoch(2)), ..FINE });
    assert_eq!(bench.it.flow(Kind::Video), BOTH);
}

#[test]
fn raw_media_stand_in_for_a_model_for_ten_seconds_after_it_was_given_up() {
    let mut bench = Bench::new(Kind::Video);
    bench.given(FINE);
    assert!(!bench.it.stands_in(bench.now), "it was never shown");
    let mut bench = Bench::shown(Kind::Video);
    assert!(!bench.it.stands_in(bench.now));
    bench.given(Facts { gate: GateState::Red, ..FINE });
    assert!(bench.it.stands_in(bench.now));
    assert!(bench.it.stands_in(bench.now + Duration::from_secs(9)));
    assert!(!bench.it.stands_in(bench.now + Duration::from_secs(10)));
}

#[test]
fn a_model_that_stalled_rests_like_any_other_that_fell() {
    let mut bench = Bench::shown(Kind::Video);
    bench.after(60_000).given(Facts { model_flows: false, ..FINE });
    bench.check(RAW, Some(RawReason::Stalled));
    bench.after(100);
    bench.it.switched(bench.now, Form::Raw);
    bench.given(FINE).check(RAW, Some(RawReason::Stalled));
    bench.after(1_899).given(FINE).check(RAW, Some(RawReason::Stalled));
    bench.after(1).given(FINE).check(BOTH, None);
}

#[test]
fn a_later_epoch_is_gone_over_to_without_a_gap_by_those_who_hold_it() {
    let mut bench = Bench::shown(Kind::Video);
    let later = Facts { model: Availability::Ready(Epoch(2)), ..FINE };
    bench.given(later).check(MODEL, None);
    assert_eq!(bench.it.status().epoch, Some(Epoch(2)));
    let mut bench = Bench::shown(Kind::Video);
    bench.given(Facts { held: false, ..later }).check(RAW, Some(RawReason::NotFetched));
    bench.it.switched(bench.now, Form::Raw);
    bench.given(Facts { held: false, ..later });
    assert_eq!(bench.it.wants(), Some(Epoch(2)));
}

#[test]
fn a_model_of_no_use_is_tried_again_or_left_alone_until_the_next_one() {
    let mut bench = Bench::new(Kind::Audio);
    let unheld = Facts { held: false, ..FINE };
    bench.given(unheld);
    let times = bench.times;
    bench.it.failed(bench.now, Epoch(1), true, &times);
    bench.given(unheld);
    assert_eq!(bench.it.wants(), None);
    bench.now = bench.due().expect("it is tried again");
    bench.given(unheld);
    assert_eq!(bench.it.wants(), Some(Epoch(1)));
    bench.it.failed(bench.now, Epoch(1), false, &times);
    bench.given(unheld).after(3_600_000).given(unheld);
    bench.check(RAW, Some(RawReason::NotFetched));
    assert_eq!((bench.it.wants(), bench.due()), (None, None));
    bench.given(Facts { model: Availability::Ready(Epoch(2)), ..unheld });
    assert_eq!(bench.it.wants(), Some(Epoch(2)));
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let mostly = |share| prop::bool::weighted(share);
    let model = prop_oneof![
        6 => (1_u32..3).prop_map(|epoch| Availability::Ready(Epoch(epoch))),
        1 => Just(Availability::Learning),
        1 => Just(Availability::Waiting),
        1 => Just(Availability::Refused),
    ];
    let support =
        prop_oneof![8 => Just(Support::Yes), 1 => Just(Support::No), 1 => Just(Support::TooSlow)];
    let gate = prop_oneof![
        6 => Just(GateState::Green), 1 => Just(GateState::Amber), 2 => Just(GateState::Red)
    ];
    let most = (mostly(0.95), mostly(0.95), support, model, mostly(0.8));
    let rest = (mostly(0.1), gate, mostly(0.9), mostly(0.1), mostly(0.5), mostly(0.9));
    (most, rest).prop_map(
        |(
            (enabled, canary, support, model, held),
            (lags, gate, wanted, lossy, raw_flows, model_flows),
        )| {
            Facts {
                kind: Kind::Audio,
                enabled,
                canary,
                support,
                model,
                held,
                lags,
                gate,
                wanted,
                lossy,
                raw_flows,
                model_flows,
                delivered: model_flows,
            }
        },
    )
}

#[derive(Clone, Debug)]
enum Op {
    Facts(Facts),
    Switched(Form),
    Failed { epoch: u32, again: bool },
    Wait(u64),
}

fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => any_facts().prop_map(Op::Facts),
        2 => Just(Op::Facts(FINE)),
        2 => prop_oneof![Just(Form::Raw), Just(Form::Model)].prop_map(Op::Switched),
        1 => (1_u32..3, any::<bool>()).prop_map(|(epoch, again)| Op::Failed { epoch, again }),
        3 => (1_u64..10_000).prop_map(Op::Wait),
    ]
}

proptest! {
    #[test]
    fn no_history_shows_what_must_not_be_shown_or_leaves_nothing_to_show(
        ops in prop::collection::vec(any_op(), 1..80),
        video in any::<bool>(),
    ) {
        let kind = if video { Kind::Video } else { Kind::Audio };
        let mut bench = Bench::new(kind);
        let mut facts = FINE;
        let (mut entries, mut falls) = (0_u32, 0_u32);
        let mut was_model = false;
        for op in ops {
            match op {
                Op::Facts(now) => facts = now,
                Op::Switched(form) => bench.it.switched(bench.now, form),
                Op::Failed { epoch, again } => {
                    let times = bench.times;
                    bench.it.failed(bench.now, Epoch(epoch), again, &times);
                }
                Op::Wait(ms) => { bench.after(ms); }
            }
            bench.given(facts);
            let (flow, status) = (bench.it.flow(kind), bench.it.status());
            prop_assert!(flow.raw || flow.model, "nothing to show");
            prop_assert_eq!(status.form == Form::Raw, status.reason.is_some());
            prop_assert!(status.form == Form::Raw || flow.model);
            prop_assert!(status.form == Form::Model || flow.raw);
            prop_assert!(flow.raw || facts.held, "a model that the subscriber does not hold");
            if flow.model {
                prop_assert!(facts.enabled && facts.support != Support::No);
                prop_assert!(matches!(facts.model, Availability::Ready(_)));
                prop_assert!(!video || facts.gate != GateState::Red, "a wrong face");
            }
            // An update with the same facts at the same time changes nothing.
            let again = bench.it.update(bench.now, &Facts { kind, ..facts }, &bench.times);
            prop_assert!(!again, "{status:?}");
            let is_model = bench.it.is_model();
            entries += u32::from(is_model && !was_model);
            falls += u32::from(!is_model && was_model && facts.gate == GateState::Red);
            was_model = is_model;
            // What it waits for lies ahead.
            if let Some(due) = bench.due() {
                prop_assert!(due > bench.now);
            }
        }
        prop_assert!(falls <= entries);
    }

    #[test]
    fn a_gate_that_never_rests_is_followed_a_few_times_and_then_twice_a_minute(
        gaps in prop::collection::vec(100_u64..5_000, 200..400),
    ) {
        let mut bench = Bench::new(Kind::Video);
        let mut entered = Vec::new();
        for (n, gap) in gaps.into_iter().enumerate() {
            let gate = if n % 2 == 0 { GateState::Green } else { GateState::Red };
            bench.after(gap).given(Facts { gate, ..FINE });
            if bench.it.status().overlap && bench.it.is_model() {
                bench.it.switched(bench.now, Form::Model);
                entered.push(bench.now);
            }
            bench.it.switched(bench.now, Form::Raw);
        }
        // Never is it green for as long as the third wait.
        prop_assert!(entered.len() <= 3, "{} entries", entered.len());
    }
}
