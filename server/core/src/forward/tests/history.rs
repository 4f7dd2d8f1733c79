use super::*;
use crate::{Kept, forward::History, id::PacketId};

/// A history with the ids that it holds, as the shell would know them.
struct Shell {
    history: History,
    layer: Layer,
    sent: Vec<Sent>,
    held: Vec<u32>,
    may_grow: bool,
}

impl Shell {
    fn new(kind: Kind) -> Self {
        let (layer, sent, held) = Default::default();
        Self { history: History::new(kind), layer, sent, held, may_grow: true }
    }

    /// Takes a packet; its id is its number of arrival.
    fn take(&mut self, at_ms: u64, sent: Sent) {
        let id = self.sent.len() as u32;
        let received = self.layer.take(at_ms, &sent);
        self.sent.push(sent);
        let held = &mut self.held;
        let kept = self.history.push(PacketId(id), &received, self.may_grow, |released| {
            let place = held.iter().position(|&held| held == released.0);
            held.swap_remove(place.expect("only what is held is released"));
        });
        if kept == Kept::Yes {
            self.held.push(id);
        }
        assert_eq!(self.held.len(), self.history.len());
    }

    /// Replays to `slot`: (id, sequence number, media time).
    fn replay(&self, slot: &mut SlotStream, at_ms: u64) -> Vec<(u32, u16, u32)> {
        slot.replay(ms(at_ms), LAYER, &self.history)
            .map(|(id, rewrite)| {
                let seen = seen(&rewrite, &self.sent[id.0 as usize]);
                (id.0, seen.seq, seen.timestamp)
            })
            .collect()
    }
}

fn pointed() -> SlotStream {
    let mut slot = slot(Kind::Video, SlotStart::default());
    point(&mut slot, target(1, Codec::Vp8));
    slot
}

fn replayed(shell: &Shell, at_ms: u64) -> Vec<u32> {
    shell.replay(&mut pointed(), at_ms).iter().map(|(id, ..)| *id).collect()
}

#[test]
fn it_replays_the_last_keyframe_and_what_follows() {
    let mut shell = Shell::new(Kind::Video);
    shell.take(0, video(1, 0));
    assert_eq!(replayed(&shell, 5), [0; 0]);
    shell.take(10, key(2, 3000));
    shell.take(20, video(3, 6000));
    assert_eq!(replayed(&shell, 25), [1, 2]);
    shell.take(30, key(4, 9000));
    assert_eq!(replayed(&shell, 35), [3]);
    assert_eq!(shell.held, [0, 1, 2, 3], "for those who ask for them again");
}

#[test]
fn a_kept_packet_is_found_by_its_number() {
    let mut shell = Shell::new(Kind::Video);
    for seq in [1, 3, 2] {
        shell.take(0, video(seq, 0));
    }
    let first = shell.layer.take(1, &video(4, 0)).seq - 3;
    let found = |seq| shell.history.get(1, seq).map(|(id, _)| id.0);
    let all: Vec<_> = (first - 1..first + 4).map(found).collect();
    assert_eq!(all, [None, Some(0), Some(2), Some(1), None]);
    assert!(shell.history.get(2, first).is_none(), "of another epoch");
}

#[test]
fn where_there_is_no_room_the_newest_takes_the_place_of_the_oldest() {
    let mut shell = Shell::new(Kind::Video);
    shell.may_grow = false;
    shell.take(0, key(1, 0));
    assert!(shell.held.is_empty());
    shell.may_grow = true;
    shell.take(1, key(2, 0));
    shell.take(2, video(3, 0));
    shell.may_grow = false;
    shell.take(3, video(4, 0));
    assert_eq!(shell.held, [2, 3]);
    assert_eq!(replayed(&shell, 4), [0; 0], "the keyframe is gone");
    shell.take(5, video(0, 0));
    assert_eq!(shell.held, [2, 3], "what is older than the oldest is not kept");
}

#[test]
fn of_a_sound_the_last_four_packets_are_kept() {
    let mut shell = Shell::new(Kind::Audio);
    for seq in 0..9 {
        shell.take(u64::from(seq) * 20, audio(seq, u32::from(seq) * 960));
    }
    shell.held.sort_unstable();
    assert_eq!(shell.held, [5, 6, 7, 8]);
}

#[test]
fn what_comes_early_or_late_is_put_in_its_place() {
    let mut shell = Shell::new(Kind::Video);
    shell.take(0, key(10, 0));
    shell.take(1, video(12, 6000));
    shell.take(2, video(11, 3000));
    shell.take(3, video(9, 0));
    let ids: Vec<_> = shell.replay(&mut pointed(), 4).iter().map(|(id, ..)| *id).collect();
    assert_eq!(ids, [0, 2, 1]);
    // The rest of a new keyframe comes before its first packet: both stay.
    shell.take(4, Sent { start_of_frame: false, ..video(14, 9000) });
    shell.take(5, key(13, 9000));
    let ids: Vec<_> = shell.replay(&mut pointed(), 6).iter().map(|(id, ..)| *id).collect();
    assert_eq!(ids, [5, 4]);
    // A keyframe that is older than the one held changes nothing.
    shell.take(6, key(8, 0));
    assert_eq!(replayed(&shell, 7), [5, 4]);
}

#[test]
fn after_a_second_nothing_is_replayed_until_the_next_keyframe() {
    let mut shell = Shell::new(Kind::Video);
    shell.take(0, key(1, 0));
    shell.take(999, video(2, 89_910));
    assert_eq!(replayed(&shell, 999), [0, 1]);
    assert_eq!(replayed(&shell, 1000), [0; 0]);
    shell.take(1000, video(3, 90_000));
    assert_eq!((shell.held.as_slice(), replayed(&shell, 1000)), (&[1, 2][..], vec![]));
    shell.take(1002, key(5, 96_000));
    assert_eq!(replayed(&shell, 1002), [3]);
}

#[test]
fn a_layer_that_falls_silent_is_dropped_by_the_clock() {
    let mut shell = Shell::new(Kind::Video);
    shell.take(0, key(1, 0));
    assert_eq!(shell.history.poll_timeout(), Some(ms(1000)));
    let mut released = Vec::new();
    shell.history.handle_timeout(ms(999), |id| released.push(id));
    assert!(released.is_empty());
    assert_eq!(shell.replay(&mut pointed(), 1000), [], "nothing stale, timer or not");
    shell.history.handle_timeout(ms(1000), |id| released.push(id));
    assert_eq!(released, [PacketId(0)]);
    assert_eq!(shell.history.poll_timeout(), None);
}

#[test]
fn two_hundred_and_fifty_six_kilobytes_are_replayed_at_most() {
    let mut shell = Shell::new(Kind::Video);
    let sent =
        |seq| Sent { body: vec![0; 1010], ..if seq == 0 { key(0, 0) } else { video(seq, 0) } };
    // 12 of header, 1 of descriptor, 1 of payload header: 1024 bytes each.
    assert_eq!(sent(0).bytes().len(), 1024);
    for seq in 0..256 {
        shell.take(0, sent(seq));
    }
    assert_eq!(replayed(&shell, 1).len(), 256);
    shell.take(0, sent(256));
    assert_eq!((replayed(&shell, 1).len(), shell.held.len()), (0, 257));
}

#[test]
fn so_are_five_hundred_and_twelve_packets_and_a_thousand_are_kept() {
    let mut shell = Shell::new(Kind::Video);
    shell.take(0, key(0, 0));
    for seq in 1..512 {
        shell.take(0, video(seq, 0));
    }
    assert_eq!(replayed(&shell, 1).len(), 512);
    shell.take(0, video(512, 0));
    assert_eq!(replayed(&shell, 1), [0; 0]);
    for seq in 513..1100 {
        shell.take(0, video(seq, 0));
    }
    assert_eq!(shell.held.len(), 1024);
}

#[test]
fn numbers_that_start_anew_drop_it() {
    let mut shell = Shell::new(Kind::Video);
    shell.take(0, key(1, 0));
    shell.take(10, Sent { ssrc: 2, ..video(2, 0) });
    assert_eq!((shell.held.as_slice(), replayed(&shell, 11)), (&[1][..], vec![]));
    shell.take(20, Sent { ssrc: 2, ..key(3, 0) });
    assert_eq!(replayed(&shell, 21), [2]);
}

#[test]
fn a_replay_is_pushed_together_in_front_of_the_live_time() {
    let mut shell = Shell::new(Kind::Video);
    for n in 0..10 {
        let sent = if n == 0 { key(0, 500_000) } else { video(n, 500_000 + u32::from(n) * 3000) };
        shell.take(u64::from(n) * 33, sent);
    }
    // A slot that sent its last packet at 270 ms with media time 1 gets the newest frame, of 297 ms,
    // with 27 ms (2430 units) more, but not less than one frame (3000) and the replay's own length:
    // 27,000 units by 64.
    let mut slot = pointed();
    drive(&mut slot, &mut Layer::default(), [(270, key(1, 1))]);
    point(&mut slot, target(2, Codec::Vp8));
    let replayed = shell.replay(&mut slot, 300);
    let end = 1 + 3000 + 421;
    let expected: Vec<_> =
        (0..10).map(|n| (n, 2 + n as u16, end - (27_000 - n * 3000) / 64)).collect();
    assert_eq!(replayed, expected);
    assert_eq!(slot.first_timestamp(), Some(RtpTime(3001)));
    // The live stream goes on behind it at its own pace, a late packet falls into its frame.
    let live = drive(&mut slot, &mut shell.layer, [(330, video(10, 530_000))]);
    assert_eq!(live[0].map(|seen| (seen.seq, seen.timestamp)), Ok((12, end + 3000)));
}

#[test]
fn a_replay_after_a_pause_ends_at_the_wall_clock() {
    let mut shell = Shell::new(Kind::Video);
    shell.take(5000, key(7, 90_000));
    shell.take(5100, video(8, 99_000));
    let mut slot = pointed();
    drive(&mut slot, &mut Layer::default(), [(100, key(1, 1))]);
    point(&mut slot, target(2, Codec::Vp8));
    // 5 s after the last packet came the newest kept one: 450,000 units.
    assert_eq!(shell.replay(&mut slot, 5200), [(0, 2, 449_861), (1, 3, 450_001)]);
}

#[test]
fn the_rest_of_a_replayed_frame_gets_the_time_of_its_frame() {
    let mut shell = Shell::new(Kind::Video);
    shell.take(0, key(1, 0));
    shell.take(33, video(2, 3000));
    shell.take(66, video(4, 6000));
    let mut slot = pointed();
    let replayed = shell.replay(&mut slot, 70);
    let rest = |seq, time| Sent { start_of_frame: false, ..video(seq, time) };
    let late = drive(&mut slot, &mut shell.layer, [(71, rest(3, 3000)), (72, rest(5, 6000))]);
    let times = [replayed[1].2, replayed[2].2];
    assert_eq!(late.iter().map(|seen| seen.unwrap().timestamp).collect::<Vec<_>>(), times);
    assert_eq!(late.iter().map(|seen| seen.unwrap().seq).collect::<Vec<_>>(), [3, 5]);
}

#[test]
fn frames_that_are_close_together_stay_apart() {
    let mut shell = Shell::new(Kind::Video);
    shell.take(0, key(1, 0));
    shell.take(1, video(2, 5));
    shell.take(2, video(3, 3000));
    let times: Vec<_> = shell.replay(&mut pointed(), 3).iter().map(|(.., time)| *time).collect();
    assert_eq!(times, [1, 2, 601]);
}

#[test]
fn a_slot_that_is_live_or_empty_replays_nothing() {
    let mut shell = Shell::new(Kind::Video);
    shell.take(0, key(1, 0));
    let mut slot = pointed();
    assert_eq!(shell.replay(&mut slot, 1).len(), 1);
    assert_eq!(shell.replay(&mut slot, 2), []);
    slot.clear();
    assert_eq!(shell.replay(&mut slot, 3), []);
}
