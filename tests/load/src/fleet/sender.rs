//! One source of one member: frames of a reel, sent when they are due.

use std::time::{Duration, Instant};

use sotto_core::media::Kind;
use sotto_tests::{
    client::{
        rtp::Outgoing,
        sdp::{OPUS, VP8},
    },
    media::vp8::Counters,
};

use super::{Reel, stamp::Stamp};

/// Loudness of who talks, in -dBov: a voice at arm's length.
const TALKING_LEVEL: u8 = 25;
/// Loudness of a quiet room.
const QUIET_LEVEL: u8 = 90;
/// Opus sends one packet in so many of silence when it may leave out others (RFC 6716 section 2.1.9).
const DTX_PACKETS: u64 = 20;
/// Opus, 20 ms of silence: CELT, full band, mono.
const SILENT_PACKET: &[u8] = &[0xf8, 0xff, 0xfe];

/// When somebody talks: people take turns, some at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turns {
    /// Which of them.
    pub person: u32,
    /// How many there are.
    pub people: u32,
    /// How many talk at a time.
    pub talkers: u32,
    /// How long a turn is.
    pub length: Duration,
    /// Whether those who do not talk send only now and then (DTX).
    pub dtx: bool,
}

impl Turns {
    /// Always talks.
    pub const ALONE: Self =
        Self { person: 0, people: 1, talkers: 1, length: Duration::from_secs(4), dtx: false };

    /// Whether it is this person's turn so long after the start.
    pub fn talks(&self, at: Duration) -> bool {
        let people = u64::from(self.people.max(1));
        let talkers = u64::from(self.talkers);
        let turn = at.as_micros() / self.length.as_micros().max(1);
        let first = (turn as u64 % people) * talkers % people;
        (u64::from(self.person) + people - first) % people < talkers
    }
}

/// What a member sends on one of its lines.
#[derive(Clone, Debug)]
pub struct SenderPlan {
    /// Tag of the m-line.
    pub mid: &'static str,
    /// Its RTP source.
    pub ssrc: u32,
    /// What is played.
    pub reel: Reel,
    /// When its person talks; of no meaning for pictures.
    pub turns: Turns,
    /// How far into the reel it begins, 0 to 1: not everybody sends a keyframe at once.
    pub phase: f64,
}

/// A source and its clock.
pub(super) struct Sender {
    plan: SenderPlan,
    started: Instant,
    index: usize,
    /// Clock units that were played before this time around, less where it began.
    shift: i64,
    seq: u16,
    counters: Counters,
}

impl Sender {
    pub(super) fn new(plan: SenderPlan, now: Instant) -> Self {
        let frames = &plan.reel.frames;
        let from =
            (frames.len() as f64 * plan.phase.clamp(0.0, 1.0)) as usize % frames.len().max(1);
        let index = (from..frames.len()).find(|i| frames[*i].keyframe).unwrap_or(0);
        let shift = -(frames[index].at as i64);
        let ssrc = plan.ssrc;
        Self {
            plan,
            started: now,
            index,
            shift,
            seq: ssrc as u16,
            counters: Counters { picture_id: (ssrc >> 8) as u16 & 0x7fff, tl0_picture_index: None },
        }
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.plan.ssrc
    }

    /// When [`Self::emit`] has something to send.
    pub(super) fn due(&self) -> Instant {
        self.started + self.position()
    }

    /// Goes on with the next keyframe, without a break in time.
    pub(super) fn request_keyframe(&mut self) {
        let frames = &self.plan.reel.frames;
        let at = frames[self.index].at as i64 + self.shift;
        self.index = (self.index..frames.len()).find(|i| frames[*i].keyframe).unwrap_or(0);
        self.shift = at - frames[self.index].at as i64;
    }

    /// Writes the packets of every frame that is due, each into `scratch`, and hands it to `send`.
    pub(super) fn emit(
        &mut self,
        (now, began): (Instant, Instant),
        room: u32,
        scratch: &mut Vec<u8>,
        mut send: impl FnMut(&[u8]),
    ) {
        while self.due() <= now {
            let at = self.position();
            let timestamp = self.units() as u32;
            let talks = self.plan.turns.talks(now.saturating_duration_since(began));
            let reel = self.plan.reel.clone();
            let frame = &reel.frames[self.index];
            self.step();
            let (payload_type, level) = match reel.kind {
                Kind::Audio => (OPUS, Some(if talks { TALKING_LEVEL } else { QUIET_LEVEL })),
                Kind::Video => (VP8, None),
            };
            let leaves_out = level == Some(QUIET_LEVEL) && self.plan.turns.dtx;
            let number = (at.as_micros() / 20_000) as u64;
            if leaves_out && !number.is_multiple_of(DTX_PACKETS) {
                continue;
            }
            for (i, part) in frame.parts.iter().enumerate() {
                scratch.clear();
                let header = Outgoing {
                    payload_type,
                    marker: reel.kind == Kind::Video && i + 1 == frame.parts.len(),
                    seq: self.seq,
                    timestamp: timestamp.wrapping_add(self.plan.ssrc),
                    ssrc: self.plan.ssrc,
                    mid: self.plan.mid,
                    level,
                };
                header.write(scratch);
                if reel.kind == Kind::Video {
                    self.counters.write(i == 0, scratch);
                }
                let start = scratch.len();
                scratch.extend_from_slice(if leaves_out { SILENT_PACKET } else { part });
                Stamp::now(room, began, now).write(&mut scratch[start..]);
                self.seq = self.seq.wrapping_add(1);
                send(scratch);
            }
            self.counters.advance();
        }
    }

    fn step(&mut self) {
        self.index += 1;
        if self.index == self.plan.reel.frames.len() {
            self.index = 0;
            self.shift += self.plan.reel.duration as i64;
        }
    }

    fn units(&self) -> u64 {
        u64::try_from(self.plan.reel.frames[self.index].at as i64 + self.shift).unwrap_or(0)
    }

    fn position(&self) -> Duration {
        let (units, rate) = (self.units(), u64::from(self.plan.reel.clock_rate));
        Duration::from_secs(units / rate)
            + Duration::from_nanos(units % rate * 1_000_000_000 / rate)
    }
}

#[cfg(test)]
mod tests {
    use sotto_tests::client::rtp::Header;

    use super::*;

    const ROOM: u32 = 3;

    fn sent(sender: &mut Sender, now: Instant, began: Instant) -> Vec<Vec<u8>> {
        let (mut scratch, mut packets) = (Vec::new(), Vec::new());
        sender.emit((now, began), ROOM, &mut scratch, |packet| packets.push(packet.to_vec()));
        packets
    }

    fn plan(reel: Reel, turns: Turns) -> SenderPlan {
        SenderPlan { mid: "0", ssrc: 9, reel, turns, phase: 0.0 }
    }

    #[test]
    fn everybody_has_a_turn_and_as_many_talk_as_are_to() {
        let turns = |person| Turns { person, people: 7, talkers: 3, ..Turns::ALONE };
        let mut heard = [0; 7];
        for turn in 0..7 {
            let at = Duration::from_secs(4 * turn + 1);
            let talking: Vec<_> = (0..7).filter(|person| turns(*person).talks(at)).collect();
            assert_eq!(talking.len(), 3, "in turn {turn}");
            talking.into_iter().for_each(|person| heard[person as usize] += 1);
        }
        assert!(heard.iter().all(|times| *times > 0), "{heard:?}");
    }

    #[test]
    fn a_voice_sends_fifty_packets_a_second_that_say_whose_and_when() {
        let now = Instant::now();
        let mut sender = Sender::new(plan(Reel::voice(32_000), Turns::ALONE), now);
        let later = now + Duration::from_millis(995);
        let packets = sent(&mut sender, later, now);
        assert_eq!(packets.len(), 50);
        let header = Header::parse(&packets[49]).unwrap();
        let stamp = Stamp::read(&packets[49][header.payload.0..]).unwrap();
        assert_eq!((stamp.room, stamp.sent), (ROOM, Duration::from_millis(995)));
        assert_eq!(header.timestamp, 9 + 49 * 960);
    }

    #[test]
    fn who_is_silent_with_dtx_sends_a_short_packet_now_and_then() {
        let now = Instant::now();
        let turns = Turns { person: 1, people: 2, dtx: true, ..Turns::ALONE };
        let mut sender = Sender::new(plan(Reel::voice(32_000), turns), now);
        let packets = sent(&mut sender, now + Duration::from_secs(2), now);
        assert_eq!(packets.len(), 6, "one each 400 ms");
        let header = Header::parse(&packets[0]).unwrap();
        assert_eq!(&packets[0][header.payload.0..], SILENT_PACKET);
    }

    #[test]
    fn a_keyframe_that_is_asked_for_comes_next_without_a_break_in_time() {
        let now = Instant::now();
        let mut sender = Sender::new(plan(Reel::picture(500_000, 25), Turns::ALONE), now);
        sent(&mut sender, now + Duration::from_millis(120), now);
        let due = sender.due();
        sender.request_keyframe();
        assert_eq!(sender.due(), due);
        let packets = sent(&mut sender, due, now);
        let header = Header::parse(&packets[0]).unwrap();
        // Behind the descriptor of four bytes.
        assert_eq!(packets[0][header.payload.0 + 4] & 1, 0, "a keyframe");
        assert_eq!(header.timestamp, 9 + 4 * 3_600);
    }
}
