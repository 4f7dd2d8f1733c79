use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::{
    bandwidth::{LayerState, Preference},
    id::LayerIndex,
};

use Importance::{Screen, Speaker, Stage, Tile};
use QualityLimit::{Bandwidth, Publisher, Viewport};

/// A camera in three layers: 60, 90, 150, 500, 1,700 kbit/s.
fn camera() -> Ladder {
    let layer = |height, kbps: u64| LayerState {
        height,
        bitrate: kbps * 1_000,
        spatial: 1,
        temporal: 3,
        available: true,
        shares: None,
    };
    Ladder::new(&[layer(180, 150), layer(360, 500), layer(720, 1_700)], Preference::Motion)
}

/// A screen in one layer.
fn screen(kbps: u64) -> Ladder {
    let bitrate = kbps * 1_000;
    let shares = None;
    let layer =
        LayerState { height: 1_080, bitrate, spatial: 1, temporal: 1, available: true, shares };
    Ladder::new(&[layer], Preference::Detail)
}

/// What there is to spend in kbit/s, whether on keeping or on improving.
fn both(kbps: u64) -> Budget {
    Budget { keep: kbps * 1_000, improve: kbps * 1_000 }
}

type Slots<'a> = [(&'a Ladder, Importance, u16)];

fn candidates<'a>(slots: &Slots<'a>, current: &[Current]) -> Vec<Candidate<'a>> {
    let current = current.iter().copied().chain(std::iter::repeat(Current::Fresh));
    let candidates = slots.iter().zip(current).map(|(&(ladder, importance, shown), current)| {
        Candidate { ladder, importance, shown, current }
    });
    candidates.collect()
}

/// Fresh slots and what they get.
fn check(slots: &Slots<'_>, kbps: u64, expected: &[(Option<usize>, Option<QualityLimit>)]) {
    let mut allocator = Allocator::default();
    let (shares, _) = allocator.allocate(both(kbps), &candidates(slots, &[]));
    let shares: Vec<_> = shares.iter().map(|share| (share.rung, share.limit)).collect();
    assert_eq!(shares, expected, "{kbps} kbit/s");
}

#[test]
fn everyone_gets_the_smallest_picture_before_anyone_gets_more() {
    let camera = camera();
    let slots = [(&camera, Tile, 720), (&camera, Stage, 720), (&camera, Tile, 360)];
    let limited = |rung| (rung, Some(Bandwidth));
    check(&slots, 47, &[limited(None), limited(None), limited(None)]);
    check(&slots, 180, &[limited(Some(0)), limited(Some(0)), limited(Some(0))]);
}

#[test]
fn the_least_important_are_paused_first() {
    let camera = camera();
    let slots = [
        (&camera, Tile, 180),
        (&camera, Speaker, 180),
        (&camera, Tile, 360),
        (&camera, Stage, 360),
    ];
    let limited = |rung| (rung, Some(Bandwidth));
    let [on, off] = [limited(Some(0)), limited(None)];
    check(&slots, 60, &[off, off, off, on]);
    check(&slots, 120, &[off, on, off, on]);
    check(&slots, 180, &[off, on, on, on]);
    check(&slots, 240, &[on, on, on, on]);
}

#[test]
fn the_stage_is_improved_to_360_lines_then_the_others_to_180_then_the_stage_again() {
    let camera = camera();
    let slots = [(&camera, Stage, 720), (&camera, Tile, 360)];
    let limited = |rung| (Some(rung), Some(Bandwidth));
    check(&slots, 560, &[limited(3), limited(0)]);
    check(&slots, 650, &[limited(3), limited(2)]);
    check(&slots, 1_000, &[limited(3), (Some(3), Some(Viewport))]);
    check(&slots, 1_850, &[(Some(4), None), limited(2)]);
    check(&slots, 2_200, &[(Some(4), None), (Some(3), Some(Viewport))]);
}

#[test]
fn equals_are_improved_in_turn() {
    let camera = camera();
    let slots = [(&camera, Tile, 720), (&camera, Tile, 720), (&camera, Tile, 720)];
    let limited = |rung| (Some(rung), Some(Bandwidth));
    check(&slots, 1_200, &[limited(3), limited(3), limited(2)]);
    check(&slots, 1_500, &[limited(3), limited(3), limited(3)]);
    check(&slots, 2_700, &[(Some(4), None), limited(3), limited(3)]);
}

#[test]
fn nothing_is_sent_that_is_not_shown_and_no_more_than_is_shown() {
    let camera = camera();
    let slots = [(&camera, Tile, 0), (&camera, Tile, 180), (&camera, Tile, 720)];
    check(&slots, 9_000, &[(None, Some(Viewport)), (Some(2), Some(Viewport)), (Some(4), None)]);
}

#[test]
fn what_the_publisher_does_not_send_is_its_limit() {
    let nothing = Ladder::default();
    let layer = |height, available| LayerState {
        height,
        bitrate: 100_000,
        spatial: 1,
        temporal: 1,
        available,
        shares: None,
    };
    let short = Ladder::new(&[layer(180, true), layer(720, false)], Preference::Motion);
    let slots = [(&nothing, Tile, 180), (&short, Tile, 720)];
    check(&slots, 9_000, &[(None, Some(Publisher)), (Some(0), Some(Publisher))]);
}

#[test]
fn a_stage_that_nearly_fits_is_not_dark_and_one_that_does_not_leaves_room_for_the_others() {
    let (screen, camera) = (screen(1_000), camera());
    let slots = [(&screen, Screen, 1_080), (&camera, Tile, 180)];
    check(&slots, 800, &[(Some(0), None), (None, Some(Bandwidth))]);
    check(&slots, 799, &[(None, Some(Bandwidth)), (Some(2), Some(Viewport))]);
}

#[test]
fn what_a_slot_has_is_kept_with_less_than_an_improvement_needs() {
    let camera = camera();
    let slots = [(&camera, Tile, 720)];
    let budget = Budget { keep: 600_000, improve: 400_000 };
    let mut allocator = Allocator::default();
    let mut check = |current, expected| {
        let (shares, _) = allocator.allocate(budget, &candidates(&slots, &[current]));
        assert_eq!(shares[0].rung, expected, "{current:?}");
    };
    let at = |n: usize| Current::At(camera.rungs()[n].choice);
    check(at(3), Some(3));
    check(at(2), Some(2));
    check(at(4), Some(3));
    check(Current::Fresh, Some(2));
    check(Current::Paused, Some(2));
}

#[test]
fn a_paused_slot_comes_back_only_when_there_is_more_than_it_needs() {
    let camera = camera();
    let slots = [(&camera, Tile, 720)];
    let mut allocator = Allocator::default();
    let mut check = |improve, expected| {
        let budget = Budget { keep: 100_000, improve };
        let (shares, _) = allocator.allocate(budget, &candidates(&slots, &[Current::Paused]));
        assert_eq!(shares[0].rung, expected);
    };
    check(59_999, None);
    check(60_000, Some(0));
}

#[test]
fn the_demand_says_what_is_spent_what_all_would_take_and_what_is_next() {
    let camera = camera();
    let slots = [(&camera, Stage, 720), (&camera, Tile, 180), (&camera, Tile, 0)];
    let mut allocator = Allocator::default();
    let mut demand = |kbps| allocator.allocate(both(kbps), &candidates(&slots, &[])).1;
    let kbps = |n: u64| n * 1_000;
    let expected = Demand { allocated: 0, wanted: kbps(1_850), next_step: Some(kbps(60)) };
    assert_eq!(demand(10), expected);
    let expected =
        Demand { allocated: kbps(650), wanted: kbps(1_850), next_step: Some(kbps(1_850)) };
    assert_eq!(demand(700), expected);
    let expected = Demand { allocated: kbps(1_850), wanted: kbps(1_850), next_step: None };
    assert_eq!(demand(2_000), expected);
}

fn ladders() -> impl Strategy<Value = Ladder> {
    let layer = (select(vec![0_u16, 90, 180, 360, 540, 720, 1_080]), 20_u64..3_000, 1_u8..4);
    let layers = vec((layer, 1_u8..=4, proptest::bool::weighted(0.9)), 0..4);
    (layers, any::<bool>()).prop_map(|(mut layers, motion)| {
        layers.sort_by_key(|((height, kbps, _), ..)| (*height, *kbps));
        let layers: Vec<LayerState> = layers
            .into_iter()
            .map(|((height, kbps, spatial), temporal, available)| LayerState {
                height,
                bitrate: kbps * 1_000,
                spatial,
                temporal,
                available,
                shares: None,
            })
            .collect();
        Ladder::new(&layers, if motion { Preference::Motion } else { Preference::Detail })
    })
}

/// A slot as a test makes it up: ladder, class, shown height, and what it has now.
type Wish = (Ladder, Importance, u16, Current);

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let shown = select(vec![0_u16, 90, 180, 360, 720, 1_080]);
    let choice = (0_u8..3, 0_u8..3, 0_u8..4).prop_map(|(layer, spatial, temporal)| {
        Current::At(LayerChoice { layer: LayerIndex(layer), spatial, temporal })
    });
    let current = prop_oneof![Just(Current::Fresh), Just(Current::Paused), choice];
    vec((ladders(), select(Importance::ALL.to_vec()), shown, current), 0..30)
}

fn of(wishes: &[Wish]) -> Vec<Candidate<'_>> {
    let candidates = wishes.iter().map(|(ladder, importance, shown, current)| Candidate {
        ladder,
        importance: *importance,
        shown: *shown,
        current: *current,
    });
    candidates.collect()
}

/// Bits per second that a share takes.
fn cost(candidate: &Candidate<'_>, share: &Share) -> u64 {
    share.rung.map_or(0, |rung| candidate.ladder.rungs()[rung].bitrate)
}

proptest! {
    #[test]
    fn never_is_more_spent_than_there_is_but_for_one_smallest_picture(
        wishes in wishes(), keep in 0_u64..20_000_000, part in 0_u64..=100,
    ) {
        let budget = Budget { keep, improve: keep / 100 * part };
        let candidates = of(&wishes);
        let mut allocator = Allocator::default();
        let (shares, demand) = allocator.allocate(budget, &candidates);
        let spent: u64 = candidates.iter().zip(shares).map(|(c, s)| cost(c, s)).sum();
        prop_assert_eq!(spent, demand.allocated);
        prop_assert!(spent <= demand.wanted);
        let sent: Vec<_> = shares.iter().filter(|share| share.rung.is_some()).collect();
        let alone = sent.len() == 1 && sent[0].rung == Some(0);
        prop_assert!(spent <= keep || (alone && spent <= keep / 1_000 * OVERSEND));
        for (candidate, share) in candidates.iter().zip(shares) {
            prop_assert!(share.rung <= candidate.ladder.best(candidate.shown));
            prop_assert!(share.rung.is_some() || share.limit.is_some(), "a pause has a reason");
            prop_assert_eq!(
                share.limit.is_none(),
                candidate.shown > 0 && !candidate.ladder.is_short()
                    && share.rung.map(|rung| rung + 1) == Some(candidate.ladder.rungs().len())
            );
        }
        prop_assert_eq!(
            demand.next_step.is_some(),
            shares.iter().any(|share| share.limit == Some(Bandwidth))
        );
    }

    #[test]
    fn the_more_there_is_the_better_the_first_one_that_differs_is_served(
        wishes in wishes(), less in 0_u64..20_000_000, more in 0_u64..5_000_000,
    ) {
        let fresh: Vec<_> =
            wishes.into_iter().map(|(l, i, shown, _)| (l, i, shown, Current::Fresh)).collect();
        let candidates = of(&fresh);
        let steps = |budget: u64| {
            let mut allocator = Allocator::default();
            let budget = Budget { keep: budget, improve: budget };
            allocator.allocate(budget, &candidates).0.to_vec()
        };
        let (small, large) = (steps(less), steps(less + more));
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_by_key(|&n| {
            (candidates[n].importance, std::cmp::Reverse(candidates[n].shown), n)
        });
        // By class: within one, improvements come in turn, and only pauses follow the order.
        let paused = |shares: &[Share]| -> Vec<bool> {
            order.iter().map(|&n| shares[n].rung.is_some()).collect()
        };
        prop_assert!(paused(&small) <= paused(&large));
    }

    #[test]
    fn a_paused_slot_is_never_more_important_than_an_equal_one_that_is_served(
        ladder in ladders(), count in 2_usize..20, budget in 0_u64..5_000_000,
    ) {
        let classes = [Tile, Speaker, Screen, Stage];
        let wishes: Vec<Wish> =
            (0..count).map(|n| (ladder, classes[n % 4], 720, Current::Fresh)).collect();
        let candidates = of(&wishes);
        let mut allocator = Allocator::default();
        let budget = Budget { keep: budget, improve: budget };
        let (shares, _) = allocator.allocate(budget, &candidates);
        for (a, b) in (0..count).flat_map(|a| (0..count).map(move |b| (a, b))) {
            if candidates[a].importance < candidates[b].importance {
                prop_assert!(shares[a].rung >= shares[b].rung);
            }
        }
    }

    #[test]
    fn an_allocation_that_is_repeated_changes_nothing(
        wishes in wishes(), keep in 0_u64..20_000_000, part in 80_u64..=100,
    ) {
        let budget = Budget { keep, improve: keep / 100 * part };
        let mut wishes = wishes;
        let mut allocator = Allocator::default();
        let mut run = |wishes: &mut Vec<Wish>| -> Vec<Share> {
            let shares = allocator.allocate(budget, &of(wishes)).0.to_vec();
            for ((ladder, _, _, current), share) in wishes.iter_mut().zip(&shares) {
                *current = match share.rung {
                    Some(rung) => Current::At(ladder.rungs()[rung].choice),
                    None => Current::Paused,
                };
            }
            shares
        };
        let first = run(&mut wishes);
        prop_assert_eq!(first, run(&mut wishes));
    }

    #[test]
    fn noise_of_a_tenth_changes_little(
        wishes in wishes(), nominal in 200_000_u64..20_000_000,
        noise in vec(900_u64..=1_100, 600),
    ) {
        let mut wishes = wishes;
        let mut allocator = Allocator::default();
        let mut spending = crate::bandwidth::Spending::default();
        let mut changes = 0;
        for (step, noise) in noise.into_iter().enumerate() {
            let now = crate::time::Time::from_micros(1_000_000_000 + step as u64 * 200_000);
            spending.observe(now, nominal * noise / 1_000);
            let budget = spending.budget(now, 0);
            let candidates = of(&wishes);
            let shares = allocator.allocate(budget, &candidates).0.to_vec();
            let (mut up, mut down) = (false, false);
            for ((ladder, _, shown, current), share) in wishes.iter_mut().zip(&shares) {
                let before = match current {
                    Current::At(choice) => Some(ladder.position(*choice)),
                    Current::Fresh | Current::Paused => None,
                };
                up |= share.rung > before;
                down |= share.rung < before && *shown > 0;
                *current = match share.rung {
                    Some(rung) => Current::At(ladder.rungs()[rung].choice),
                    None => Current::Paused,
                };
            }
            if down {
                spending.lowered(now);
            }
            if up {
                spending.improved(now);
            }
            // The first seconds settle what the test made up.
            changes += usize::from(step > 10 && (up || down));
        }
        // Of up to 29 slots together: improvements come too early a few times, each time later.
        prop_assert!(changes <= 24, "{changes} changes in two minutes");
    }
}
