//! What a subscriber gets of what is pushed.

use std::time::Duration;

use proptest::prelude::*;
use sotto_frame::{Bundle, MAX_DATAGRAM_LEN, MediaTime, PluginId, PluginKind};

use super::{Bundler, Frame, Rank};
use crate::{id::ShortId, time::Time};

const INTERVAL: Duration = Duration::from_millis(20);

fn at(ms: u64) -> Time {
    Time::from_micros(1_700_000_000_000_000 + ms * 1_000)
}

fn frame<'a>(who: u32, time: u32, plugin: PluginId, payload: &'a [u8]) -> Frame<'a> {
    Frame { participant: ShortId(who), time: MediaTime(time), plugin, epoch: 1, payload }
}

/// Participant, time and payloads of each block.
type Block = (u32, u16, Vec<Vec<u8>>);

/// Everything that leaves until `end`: when, and the blocks of each bundle.
fn run(bundler: &mut Bundler, end: u64) -> Vec<(u64, Vec<Block>)> {
    let (mut bundles, mut out) = (Vec::new(), Vec::new());
    while let Some(due) = bundler.poll_timeout().filter(|due| *due <= at(end)) {
        assert!(bundler.begin_flush(due));
        while bundler.write(due, &mut out) {
            assert!(out.len() <= MAX_DATAGRAM_LEN);
            let bundle = Bundle::parse(&out).expect("what is sent can be read");
            let blocks = bundle.blocks().map(|block| {
                let payloads = block.entries().map(|entry| entry.payload.to_vec()).collect();
                (block.participant, block.time, payloads)
            });
            bundles.push((due.saturating_since(at(0)).as_millis() as u64, blocks.collect()));
        }
    }
    bundles
}

#[test]
fn frames_of_many_people_share_a_packet_and_those_of_one_share_a_block() {
    let mut bundler = Bundler::new(Some(INTERVAL));
    for who in 1..=9 {
        bundler.push(at(0), &frame(who, 80, PluginId::VOICE, b"voice"), Rank::VOICE, 0);
        bundler.push(at(0), &frame(who, 80, PluginId::FACE, b"face"), Rank(4), 0);
    }
    let bundles = run(&mut bundler, 1_000);
    assert_eq!(bundles.len(), 1);
    let (when, blocks) = &bundles[0];
    assert_eq!(*when, 0, "the first need not wait");
    let both = vec![b"voice".to_vec(), b"face".to_vec()];
    let expected: Vec<Block> = (1..=9).map(|who| (who, 80, both.clone())).collect();
    assert_eq!(*blocks, expected);
}

#[test]
fn bundles_are_an_interval_apart() {
    let mut bundler = Bundler::new(Some(INTERVAL));
    let mut times = Vec::new();
    for ms in (0..200).step_by(3) {
        bundler.push(at(ms), &frame(1, ms as u32, PluginId::VOICE, &[1]), Rank::VOICE, 0);
        times.extend(run(&mut bundler, ms + 2).into_iter().map(|(when, _)| when));
    }
    assert_eq!(times[..4], [0, 20, 40, 60]);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 20), "{times:?}");
}

#[test]
fn who_bundles_at_other_moments_joins_the_others_once_and_is_in_step_from_then_on() {
    let long = Duration::from_millis(80);
    let mut bundlers = [0, 45, 30].map(|first| (Bundler::new(Some(long)), first));
    let mut left = [vec![], vec![], vec![]];
    let mut out = Vec::new();
    for ms in (0..1_000).step_by(5) {
        for (bundler, first) in &mut bundlers {
            if ms >= *first {
                bundler.push(at(ms), &frame(1, ms as u32, PluginId::VOICE, &[1]), Rank::VOICE, 0);
            }
        }
        let mut flushed = bundlers.each_mut().map(|(bundler, _)| bundler.begin_flush(at(ms)));
        if flushed.contains(&true) {
            for ((bundler, _), flushed) in bundlers.iter_mut().zip(&mut flushed) {
                *flushed |= bundler.join_flush(at(ms), long);
            }
        }
        for (((bundler, _), left), flushed) in bundlers.iter_mut().zip(&mut left).zip(flushed) {
            while flushed && bundler.write(at(ms), &mut out) {
                left.push(ms);
            }
        }
    }
    assert_eq!(left[0][..2], [0, 45], "the first comes early, once");
    let late: Vec<Vec<u64>> =
        left.iter().map(|left| left.iter().copied().filter(|ms| *ms >= 200).collect()).collect();
    assert!(late[0].len() >= 9);
    assert_eq!([&late[0], &late[0]], [&late[1], &late[2]]);
    assert!(late[0].windows(2).all(|pair| pair[1] - pair[0] == 80), "{late:?}");
}

#[test]
fn a_copy_follows_in_a_later_bundle() {
    let mut bundler = Bundler::new(Some(INTERVAL));
    bundler.push(at(0), &frame(1, 7, PluginId::VOICE, b"a"), Rank::VOICE, 2);
    let bundles = run(&mut bundler, 1_000);
    let block = vec![(1, 7, vec![b"a".to_vec()])];
    assert_eq!(bundles, [(0, block.clone()), (60, block.clone()), (120, block)]);
    assert_eq!(bundler.poll_timeout(), None, "nothing waits any more");
}

#[test]
fn on_a_short_line_faces_are_dropped_by_rank_and_voices_never() {
    let mut bundler = Bundler::new(Some(INTERVAL));
    // A flush may take 20 ms of it, and as much again: 450 bytes.
    bundler.observe(100_000, 90_000);
    bundler.push(at(0), &frame(99, 0, PluginId::VOICE, &[0]), Rank::VOICE, 0);
    run(&mut bundler, 0);
    for who in 1..=20 {
        bundler.push(at(20), &frame(who, 1, PluginId::VOICE, &[1; 10]), Rank::VOICE, 0);
        let rank = if who == 7 { Rank(1) } else { Rank(4) };
        bundler.push(at(20), &frame(who, 1, PluginId::FACE, &[2; 50]), rank, 1);
    }
    let blocks: Vec<Block> = run(&mut bundler, 1_000).into_iter().flat_map(|(_, b)| b).collect();
    let voices = blocks.iter().filter(|(_, _, payloads)| payloads.contains(&vec![1; 10])).count();
    assert_eq!(voices, 20);
    let faces: Vec<u32> = blocks
        .iter()
        .filter(|(_, _, payloads)| payloads.contains(&vec![2; 50]))
        .map(|(who, ..)| *who)
        .collect();
    assert_eq!(faces, [7, 7], "the one on stage, and its copy");
    assert_eq!(bundler.dropped(), 19);
}

#[test]
fn what_fills_more_than_a_packet_leaves_in_several() {
    let mut bundler = Bundler::new(Some(INTERVAL));
    bundler.push(at(0), &frame(1, 1, PluginId::VOICE, &[1; 1_000]), Rank::VOICE, 0);
    bundler.push(at(0), &frame(1, 1, PluginId::FACE, &[2; 1_000]), Rank(4), 0);
    bundler.push(at(0), &frame(2, 1, PluginId::FACE, &[3; 100]), Rank(4), 0);
    let bundles = run(&mut bundler, 1_000);
    let payloads: Vec<usize> = bundles
        .iter()
        .map(|(_, blocks)| blocks.iter().flat_map(|(_, _, all)| all).map(Vec::len).sum())
        .collect();
    assert_eq!(payloads.len(), 2);
    assert_eq!(payloads.iter().sum::<usize>(), 2_100);
}

#[test]
fn nothing_is_sent_any_more_of_somebody_who_left() {
    let mut bundler = Bundler::new(Some(INTERVAL));
    bundler.push(at(0), &frame(1, 1, PluginId::VOICE, &[1]), Rank::VOICE, 1);
    bundler.push(at(0), &frame(2, 1, PluginId::FACE, &[2]), Rank(4), 1);
    bundler.push(at(0), &frame(2, 1, PluginId::VOICE, &[3]), Rank::VOICE, 0);
    bundler.forget(ShortId(1), PluginKind::Sound);
    bundler.forget(ShortId(2), PluginKind::Picture);
    let blocks: Vec<_> = run(&mut bundler, 1_000).into_iter().flat_map(|(_, b)| b).collect();
    assert_eq!(blocks, [(2, 1, vec![vec![3]])]);
}

#[test]
fn what_waits_is_bounded_and_the_important_comes_first() {
    let mut bundler = Bundler::new(Some(INTERVAL));
    for time in 0..2_000 {
        bundler.push(at(0), &frame(1, time, PluginId::FACE, &[0; 10]), Rank(4), 0);
    }
    bundler.push(at(0), &frame(2, 0, PluginId::VOICE, &[9]), Rank::VOICE, 0);
    let blocks: Vec<_> = run(&mut bundler, 1_000).into_iter().flat_map(|(_, b)| b).collect();
    assert!(blocks.len() <= 512);
    assert!(blocks.iter().any(|(who, ..)| *who == 2));
    assert_eq!(blocks.len() as u64 + bundler.dropped(), 2_001);
}

proptest! {
    #[test]
    fn every_frame_arrives_once_for_each_copy_or_is_counted_as_dropped(
        pushes in prop::collection::vec(
            (1_u32..40, 0_u8..3, 0_u8..2, 0_usize..400, 0_u64..30), 1..300
        ),
        share in prop::option::of(20_000_u64..400_000),
    ) {
        let mut bundler = Bundler::new(Some(INTERVAL));
        if let Some(share) = share {
            bundler.observe(2 * share, share);
        }
        let (mut ms, mut expected, mut came) = (0, 0, 0);
        for (n, (who, rank, copies, len, wait)) in pushes.into_iter().enumerate() {
            ms += wait;
            let payload = vec![rank; len];
            let plugin = if rank == 0 { PluginId::VOICE } else { PluginId::FACE };
            bundler.push(at(ms), &frame(who, n as u32, plugin, &payload), Rank(rank), copies);
            expected += 1 + u64::from(copies);
            came += run(&mut bundler, ms).into_iter().map(|(_, b)| b.len() as u64).sum::<u64>();
        }
        came += run(&mut bundler, ms + 10_000).into_iter().map(|(_, b)| b.len() as u64).sum::<u64>();
        prop_assert_eq!(bundler.poll_timeout(), None);
        prop_assert!(came <= expected);
        // What is dropped takes its copies with it.
        prop_assert!(came + 2 * bundler.dropped() >= expected);
        if share.is_none() {
            prop_assert!(bundler.dropped() == 0 || expected > 512);
        }
    }
}

#[test]
fn large_faces_leave_room_for_a_voice() {
    let mut bundler = Bundler::new(Some(INTERVAL));
    for time in 0..200 {
        bundler.push(at(0), &frame(1, time, PluginId::FACE, &[7; 1_024]), Rank(4), 0);
    }
    bundler.push(at(0), &frame(2, 80, PluginId::VOICE, b"voice"), Rank::VOICE, 0);
    let bundles = run(&mut bundler, 1_000);
    let payloads = bundles.iter().flat_map(|(_, blocks)| blocks).filter(|(who, ..)| *who == 2);
    assert_eq!(payloads.count(), 1);
    let bytes: usize = bundles.iter().flat_map(|(_, blocks)| blocks).count() * 1_024;
    assert!(bytes < 40_000, "{bytes} bytes waited");
}

#[test]
fn what_is_forgotten_takes_no_room() {
    let mut bundler = Bundler::new(Some(INTERVAL));
    for time in 0..500 {
        bundler.push(at(0), &frame(1, time, PluginId::FACE, &[7; 1_024]), Rank(4), 0);
        bundler.forget(ShortId(1), PluginKind::Picture);
    }
    bundler.push(at(0), &frame(2, 80, PluginId::FACE, b"face"), Rank(4), 0);
    assert_eq!(run(&mut bundler, 1_000).len(), 1);
}
