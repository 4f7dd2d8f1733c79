//! A sender over a link that carries so many bits per second and loses nothing.

use std::collections::VecDeque;

use super::*;
use crate::{
    bandwidth::{TransportFeedback, TransportFeedbackBuilder},
    id::Ssrc,
};

const MS: Duration = Duration::from_millis(1);
const DELAY: Duration = Duration::from_millis(25);

struct World {
    now: Time,
    sender: Sender,
    receiver: TransportFeedbackBuilder,
    /// Bits per second; zero: nothing arrives.
    link: u64,
    /// How much later than they came the receiver reads its packets, in milliseconds at most: ever
    /// later for half a second, then ever sooner.
    drowsy_ms: u64,
    free_at: Time,
    flying: VecDeque<(Time, SeqNo, usize)>,
    feedback: VecDeque<(Time, Vec<u8>)>,
}

impl World {
    fn new(link: u64) -> Self {
        let now = Time::from_micros(1_000_000_000);
        Self {
            now,
            sender: Sender::new(now),
            receiver: TransportFeedbackBuilder::new(Ssrc(1)),
            link,
            drowsy_ms: 0,
            free_at: now,
            flying: VecDeque::new(),
            feedback: VecDeque::new(),
        }
    }

    fn send(&mut self, bytes: usize, class: PacketClass) {
        let number = self.sender.next_seq();
        assert_eq!(self.sender.sent(self.now, bytes, class), number);
        if let Some(us) = (bytes as u64 * 8_000_000).checked_div(self.link) {
            let own = Duration::from_micros(us);
            self.free_at = self.free_at.max(self.now) + own;
            self.flying.push_back((self.free_at + DELAY, number, bytes));
        }
    }

    /// Lets time pass in steps of a millisecond; `media` sends what it likes at each.
    fn pass(&mut self, time: Duration, mut media: impl FnMut(&mut Self)) {
        let end = self.now + time;
        while self.now < end {
            self.now = self.now + MS;
            let phase = (self.now.as_micros() / 1_000 % 1_000).abs_diff(500);
            let late = MS * ((500 - phase) * self.drowsy_ms / 500) as u32;
            while self.flying.front().is_some_and(|(at, ..)| *at + late <= self.now) {
                let (_, seq, bytes) = self.flying.pop_front().unwrap();
                self.receiver.received(self.now, seq, Ssrc(2), bytes);
            }
            let mut bytes = Vec::new();
            while self.receiver.poll(self.now, &mut bytes) {
                self.feedback.push_back((self.now + DELAY, std::mem::take(&mut bytes)));
            }
            while self.feedback.front().is_some_and(|(at, _)| *at <= self.now) {
                let (_, bytes) = self.feedback.pop_front().unwrap();
                let feedback = TransportFeedback::parse(&bytes).unwrap();
                self.sender.feedback(self.now, &feedback);
            }
            if self.sender.poll_timeout().is_some_and(|at| at <= self.now) {
                self.sender.handle_timeout(self.now);
            }
            media(self);
        }
    }

    fn pass_with_padding(&mut self, time: Duration) {
        self.pass(time, |world| {
            while let Some(bytes) = world.sender.poll_padding(world.now) {
                world.send(bytes, PacketClass::Padding);
            }
        });
    }

    fn bitrate(&self) -> u64 {
        self.sender.estimate().bitrate
    }
}

fn wanting(wanted: u64) -> Demand {
    Demand { allocated: 0, wanted, next_step: Some(wanted) }
}

#[test]
fn probes_find_what_the_way_carries_while_no_media_flows() {
    let mut world = World::new(4_000_000);
    world.sender.demand(world.now, wanting(3_000_000));
    world.pass_with_padding(MS * 3_000);
    assert!(world.bitrate() >= 3_000_000, "{}", world.bitrate());
    let padding = world.sender.sent_bytes(PacketClass::Padding);
    assert!(padding < 60_000, "{padding} bytes of padding for it");
    world.pass_with_padding(MS * 10_000);
    assert_eq!(world.sender.sent_bytes(PacketClass::Padding), padding, "all is found: no more");
}

#[test]
fn probes_stop_at_the_capacity() {
    let mut world = World::new(1_000_000);
    world.sender.demand(world.now, wanting(5_000_000));
    world.pass_with_padding(MS * 20_000);
    let bitrate = world.bitrate();
    assert!((700_000..1_050_000).contains(&bitrate), "{bitrate}");
}

#[test]
fn a_connection_that_is_idle_has_no_timer() {
    let mut world = World::new(1_000_000);
    assert!(world.sender.poll_timeout().is_some(), "the first probe");
    world.pass_with_padding(MS * 3_000);
    assert_eq!(world.sender.poll_timeout(), None);
    world.sender.demand(world.now, wanting(5_000_000));
    assert!(world.sender.poll_timeout().is_some());
}

#[test]
fn a_probe_without_anything_to_pad_with_is_given_up() {
    let mut world = World::new(1_000_000);
    world.sender.demand(world.now, wanting(5_000_000));
    let mut wakes = 0;
    world.pass(MS * 9_000, |world| {
        if world.sender.poll_padding(world.now).is_some() {
            wakes += 1;
        }
    });
    assert!(wakes < 400, "{wakes} offers");
    assert!(world.sender.poll_timeout().unwrap() > world.now);
}

#[test]
fn audio_is_never_held_back_and_pictures_wait_for_their_turn() {
    let mut world = World::new(0);
    let mut sent = 0;
    while world.sender.may_send(world.now, PacketClass::Video) {
        world.send(1_200, PacketClass::Video);
        sent += 1;
    }
    assert!((1..100).contains(&sent), "{sent} packets at once");
    assert!(world.sender.may_send(world.now, PacketClass::Audio));
    world.sender.queued(world.now, 1_200);
    let at = world.sender.poll_timeout().unwrap();
    assert!(at > world.now && world.sender.may_send(at, PacketClass::Video));
}

#[test]
fn without_feedback_the_rate_is_halved_again_and_again() {
    let mut world = World::new(2_000_000);
    world.sender.demand(world.now, wanting(1_500_000));
    world.pass_with_padding(MS * 3_000);
    assert!(world.bitrate() > 1_000_000);
    world.link = 0;
    let voice = |world: &mut World| {
        if world.now.as_micros().is_multiple_of(20_000) {
            world.send(120, PacketClass::Audio);
        }
    };
    world.pass(MS * 2_000, voice);
    assert!(world.bitrate() < 1_000_000, "{}", world.bitrate());
    world.pass(MS * 20_000, voice);
    assert_eq!(world.bitrate(), MIN_BITRATE);
    world.link = 2_000_000;
    world.pass(MS * 10_000, |world| {
        voice(world);
        while let Some(bytes) = world.sender.poll_padding(world.now) {
            world.send(bytes, PacketClass::Padding);
        }
    });
    assert!(world.bitrate() > 1_000_000, "{} once it is back", world.bitrate());
}

#[test]
fn a_way_that_was_away_for_ten_seconds_starts_as_a_new_one_does() {
    for told in [false, true] {
        let mut world = World::new(2_000_000);
        world.sender.demand(world.now, wanting(1_500_000));
        world.pass_with_padding(MS * 3_000);
        let voice = |world: &mut World| {
            if world.now.as_micros().is_multiple_of(20_000) {
                world.send(120, PacketClass::Audio);
            }
        };
        world.link = 0;
        world.pass(MS * 10_000, voice);
        assert!(world.sender.estimate().away, "{}", world.bitrate());
        world.link = 2_000_000;
        if told {
            world.sender.reachable(world.now);
            assert!(!world.sender.estimate().away && world.bitrate() == START_BITRATE);
        }
        world.pass(MS * 200, voice);
        assert!(!world.sender.estimate().away && world.bitrate() >= START_BITRATE);
        world.pass(MS * 3_000, |world| {
            voice(world);
            while let Some(bytes) = world.sender.poll_padding(world.now) {
                world.send(bytes, PacketClass::Padding);
            }
        });
        assert!(world.bitrate() > 1_000_000, "{} once it is back", world.bitrate());
    }
}

#[test]
fn a_way_that_lets_little_through_is_not_away() {
    let mut world = World::new(2_000_000);
    world.sender.demand(world.now, wanting(1_500_000));
    world.pass_with_padding(MS * 3_000);
    world.link = 20_000;
    let mut away = false;
    world.pass(MS * 20_000, |world| {
        if world.now.as_micros().is_multiple_of(10_000) {
            world.send(400, PacketClass::Audio);
        }
        away |= world.sender.is_away();
    });
    assert!(!away && world.bitrate() < 100_000, "{}", world.bitrate());
}

#[test]
fn a_number_that_is_sent_again_says_nothing_of_the_delay() {
    let mut world = World::new(2_000_000);
    let mut lost = VecDeque::new();
    world.pass(MS * 20_000, |world| {
        if world.now.as_micros().is_multiple_of(20_000) {
            let number = world.sender.next_seq();
            world.send(120, PacketClass::Audio);
            if number.0 % 10 == 3 {
                world.flying.pop_back();
                lost.push_back((world.now + MS * 300, number));
            }
        }
        while let Some(&(at, number)) = lost.front()
            && at <= world.now
        {
            lost.pop_front();
            world.sender.resent(world.now, number, 120);
            world.flying.push_back((world.now + DELAY, number, 120));
        }
    });
    assert!(world.bitrate() >= START_BITRATE, "{}", world.bitrate());
    assert!(world.sender.estimate().round_trip.unwrap() < MS * 200);
}

#[test]
fn an_estimate_is_told_when_it_changed() {
    let mut world = World::new(2_000_000);
    assert_eq!(world.sender.poll_estimate().unwrap().bitrate, START_BITRATE);
    assert_eq!(world.sender.poll_estimate(), None);
    world.sender.demand(world.now, wanting(1_500_000));
    let mut told = 0;
    world.pass(MS * 5_000, |world| {
        while let Some(bytes) = world.sender.poll_padding(world.now) {
            world.send(bytes, PacketClass::Padding);
        }
        told += usize::from(world.sender.poll_estimate().is_some());
    });
    assert!((1..20).contains(&told), "{told}");
}

#[test]
fn a_full_window_waits_for_feedback_and_not_for_a_timer() {
    let mut world = World::new(0);
    let mut queued = 200;
    let mut wakes = 0;
    while queued > 0 && wakes < 1_000 {
        if world.sender.may_send(world.now, PacketClass::Video) {
            world.send(1_200, PacketClass::Video);
            queued -= 1;
            continue;
        }
        world.sender.queued(world.now, queued * 1_200);
        world.now = world.now.max(world.sender.poll_timeout().unwrap());
        world.sender.handle_timeout(world.now);
        wakes += 1;
    }
    assert!(wakes < 400, "{wakes} timers for 200 packets");
    assert!(world.now > Time::from_micros(1_001_000_000), "the window was full for a second");
}

#[test]
fn probes_go_on_after_overuse_although_nothing_flows_any_more() {
    let mut world = World::new(300_000);
    world.sender.demand(world.now, wanting(5_000_000));
    world.pass(MS * 2_000, |world| {
        if world.now.as_micros().is_multiple_of(10_000) {
            world.send(1_200, PacketClass::Audio);
        }
    });
    assert!(world.bitrate() < 350_000, "{}", world.bitrate());
    world.pass(MS * 5_000, |_| ());
    world.link = 3_000_000;
    world.pass_with_padding(MS * 12_000);
    assert!(world.bitrate() > 2_000_000, "{}", world.bitrate());
}

#[test]
fn a_receiver_that_is_slow_to_read_is_not_taken_for_a_narrow_way() {
    let mut world = World::new(10_000_000);
    world.sender.demand(world.now, wanting(1_500_000));
    world.pass_with_padding(MS * 3_000);
    let before = world.bitrate();
    assert!(before >= 1_500_000, "{before}");
    // 15 pictures and 50 sounds a second: a fifth of what the way is known to carry.
    let media = |world: &mut World| {
        let ms = world.now.as_micros() / 1_000;
        if ms.is_multiple_of(20) {
            world.send(150, PacketClass::Audio);
        }
        if ms.is_multiple_of(66) {
            (0..2).for_each(|_| world.send(1_100, PacketClass::Video));
        }
    };
    world.pass(MS * 5_000, media);
    world.drowsy_ms = 45;
    world.pass(MS * 20_000, media);
    assert!(world.bitrate() * 10 >= before * 9, "{} after {before}", world.bitrate());
}

/// Sends one packet of sound each 20 ms for two seconds, loses those that `lost` names, sends them
/// again after `again` if that is given, and gives the numbers that the sender came to miss.
fn missed(again: Option<Duration>, lost: impl Fn(u16) -> bool) -> Vec<u16> {
    let mut world = World::new(2_000_000);
    let mut missed = Vec::new();
    let mut repairs = VecDeque::new();
    world.pass(MS * 2_000, |world| {
        if world.now.as_micros().is_multiple_of(20_000) {
            let number = world.sender.next_seq();
            world.send(120, PacketClass::Audio);
            if lost(number.0) {
                world.flying.pop_back();
                repairs.extend(again.map(|again| (world.now + again, number)));
            }
        }
        while let Some((_, number)) = repairs.pop_front_if(|(at, _)| *at <= world.now) {
            world.sender.resent(world.now, number, 120);
            world.flying.push_back((world.now + DELAY, number, 120));
        }
        missed.extend(std::iter::from_fn(|| world.sender.poll_lost()).map(|seq| seq.0));
    });
    missed
}

#[test]
fn every_packet_that_feedback_misses_is_named_once() {
    assert_eq!(missed(None, |number| number % 10 == 3), [3, 13, 23, 33, 43, 53, 63, 73, 83, 93]);
    assert_eq!(missed(None, |_| false), [0_u16; 0]);
}

#[test]
fn a_packet_that_was_sent_again_is_not_named_a_second_time() {
    // After it was missed; and before, because the receiver asked for it.
    assert_eq!(missed(Some(MS * 300), |number| number == 20), [20]);
    assert_eq!(missed(Some(MS), |number| number == 20), [0_u16; 0]);
}

#[test]
fn packets_given_up_for_want_of_feedback_are_not_named() {
    let mut world = World::new(0);
    world.pass(MS * 5_000, |world| {
        if world.now.as_micros().is_multiple_of(20_000) {
            world.send(120, PacketClass::Audio);
        }
        assert_eq!(world.sender.poll_lost(), None);
    });
    // Feedback that comes at last misses what was given up long ago.
    world.link = 2_000_000;
    world.pass(MS * 1_000, |world| {
        if world.now.as_micros().is_multiple_of(20_000) {
            world.send(120, PacketClass::Audio);
        }
    });
    let named = std::iter::from_fn(|| world.sender.poll_lost()).count();
    assert_eq!((named, world.sender.take_untold_losses()), (0, 0));
}
