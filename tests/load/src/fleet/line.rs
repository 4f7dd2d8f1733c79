//! One receiving line of one member: gaps in its numbers, pictures that are whole, freezes.

use std::time::{Duration, Instant};

use sotto_core::media::Kind;
use sotto_tests::client::rtp::{Block, Header};

/// A picture that comes this much later than usual is a freeze (W3C webrtc-stats, `freezeCount`:
/// three times the usual distance, and at least 150 ms more than it).
const FREEZE: Duration = Duration::from_millis(150);
/// How much a new distance weighs in the usual one.
const WEIGHT: f64 = 0.05;

/// What reached a line so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) packets: u64,
    /// Packets that were to come, by their numbers.
    pub(super) expected: u64,
    /// Whole pictures.
    pub(super) pictures: u64,
    pub(super) freezes: u64,
    pub(super) frozen: Duration,
}

impl Received {
    /// Packets that did not come. Ones that are repeated or out of order count once.
    pub(super) fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.packets)
    }
}

/// A line.
pub(super) struct Line {
    ssrc: u32,
    kind: Kind,
    received: Received,
    /// Number of the first and of the newest packet, with their cycles.
    numbers: Option<(u64, u64)>,
    /// Media time of the picture that is coming, if nothing of it is missing so far.
    picture: Option<u32>,
    /// When the last whole picture was there, and the usual distance between two.
    shown: Option<(Instant, f64)>,
}

impl Line {
    pub(super) fn new(ssrc: u32, kind: Kind) -> Self {
        let received = Received::default();
        Self { ssrc, kind, received, numbers: None, picture: None, shown: None }
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    pub(super) fn received(&self) -> Received {
        self.received
    }

    /// A packet came.
    pub(super) fn packet(&mut self, now: Instant, header: &Header) {
        let (first, newest) = *self.numbers.get_or_insert_with(|| {
            let number = u64::from(header.seq) + (1 << 16);
            (number, number - 1)
        });
        let ahead = header.seq.wrapping_sub(newest as u16) as i16;
        let number = newest.wrapping_add_signed(i64::from(ahead));
        if number < first {
            return;
        }
        self.received.packets += 1;
        if ahead <= 0 {
            return;
        }
        self.numbers = Some((first, number));
        self.received.expected = number - first + 1;
        if self.kind == Kind::Video {
            self.part(now, header, ahead == 1);
        }
    }

    /// The next packet of a stream of pictures, right behind the one before or not.
    fn part(&mut self, now: Instant, header: &Header, next: bool) {
        let begins = self.picture != Some(header.timestamp);
        self.picture = (next || (begins && self.shown.is_none())).then_some(header.timestamp);
        if !header.marker || self.picture.is_none() {
            return;
        }
        self.received.pictures += 1;
        let Some((before, usual)) = self.shown else {
            // The first distance is that of 30 pictures a second.
            self.shown = Some((now, 1.0 / 30.0));
            return;
        };
        let distance = now.saturating_duration_since(before);
        let seconds = distance.as_secs_f64();
        if seconds > (3.0 * usual).max(usual + FREEZE.as_secs_f64()) {
            self.received.freezes += 1;
            self.received.frozen += distance;
        }
        self.shown = Some((now, usual + WEIGHT * (seconds.min(1.0) - usual)));
    }

    /// What a receiver report says of it; nothing before anything came.
    pub(super) fn block(&self) -> Option<Block> {
        let (_, newest) = self.numbers?;
        Some(Block {
            ssrc: self.ssrc,
            lost: self.received.lost() as u32,
            highest: newest as u32,
            last_report: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(40);

    fn header(seq: u16, timestamp: u32, marker: bool) -> Header {
        Header {
            payload_type: 96,
            marker,
            seq,
            timestamp,
            ssrc: 1,
            csrc: None,
            transport: None,
            payload: (12, 20),
        }
    }

    /// Pictures of two packets each, less those packets that are left out.
    fn after(pictures: u16, left_out: &[u16]) -> Received {
        let (now, mut line) = (Instant::now(), Line::new(1, Kind::Video));
        for seq in (0..2 * pictures).filter(|seq| !left_out.contains(seq)) {
            let picture = seq / 2;
            let at = now + FRAME * u32::from(picture);
            let start = 65_530_u16;
            line.packet(at, &header(start.wrapping_add(seq), picture.into(), seq % 2 == 1));
        }
        line.received()
    }

    #[test]
    fn a_line_without_gaps_has_every_picture_and_no_freeze_over_the_wrap_of_its_numbers() {
        let received = after(40, &[]);
        assert_eq!((received.packets, received.expected, received.lost()), (80, 80, 0));
        assert_eq!((received.pictures, received.freezes), (40, 0));
    }

    #[test]
    fn a_packet_that_is_missing_takes_its_picture() {
        let received = after(40, &[20, 31]);
        assert_eq!((received.lost(), received.pictures, received.freezes), (2, 38, 0));
    }

    #[test]
    fn a_long_gap_is_a_freeze_as_long_as_it_was() {
        let gap: Vec<u16> = (40..60).collect();
        let received = after(60, &gap);
        assert_eq!((received.lost(), received.freezes), (20, 1));
        assert_eq!(received.frozen, FRAME * 11);
    }

    #[test]
    fn packets_out_of_order_are_not_lost() {
        let (now, mut line) = (Instant::now(), Line::new(1, Kind::Audio));
        for seq in [5, 7, 6, 8, 4] {
            line.packet(now, &header(seq, 0, false));
        }
        assert_eq!((line.received().packets, line.received().lost()), (4, 0));
    }
}
