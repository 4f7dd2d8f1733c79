//! From arrivals to bytes.

use super::{FORMAT, HEADER_LEN, MAX_PACKETS, PACKET_TYPE, REFERENCE_UNIT_US, Symbol, TICK_US};
use crate::{
    id::{SeqNo, Ssrc},
    time::Time,
};

/// Longest message: it fits a datagram of the usual size with room for SRTCP and a compound's
/// other parts.
const MAX_LEN: usize = 1_000;
/// Longest run that a chunk can hold.
const MAX_RUN: usize = 0x1fff;

/// Collects the statuses of consecutive packets into one message. Buffers are kept from message to
/// message.
#[derive(Clone, Debug, Default)]
pub(super) struct Writer {
    base: SeqNo,
    reference: u32,
    clock_us: i64,
    symbols: Vec<Symbol>,
    deltas: Vec<u8>,
    /// Bytes of chunks that `symbols` need at most.
    chunks_len: usize,
}

impl Writer {
    /// Begins a message whose first packet is `base` and arrived at `first`.
    pub(super) fn begin(&mut self, base: SeqNo, first: Time) {
        let first_us = first.as_micros() as i64;
        self.base = base;
        self.reference = (first_us / REFERENCE_UNIT_US) as u32 & 0xff_ffff;
        self.clock_us = first_us / REFERENCE_UNIT_US * REFERENCE_UNIT_US;
        self.symbols.clear();
        self.deltas.clear();
        self.chunks_len = 0;
    }

    /// Adds the next packet. False: the message is full, or the times are too far apart for one
    /// message; finish it and begin another one with this packet.
    pub(super) fn push(&mut self, arrival: Option<Time>) -> bool {
        if self.symbols.len() >= usize::from(MAX_PACKETS)
            || HEADER_LEN + self.chunks_len + self.deltas.len() + 4 > MAX_LEN
        {
            return false;
        }
        let symbol = match arrival {
            None => Symbol::Missing,
            Some(time) => {
                let off_us = time.as_micros() as i64 - self.clock_us;
                let ticks = (off_us + TICK_US / 2).div_euclid(TICK_US);
                self.clock_us += ticks * TICK_US;
                if let Ok(small) = u8::try_from(ticks) {
                    self.deltas.push(small);
                    Symbol::Small
                } else if let Ok(large) = i16::try_from(ticks) {
                    self.deltas.extend(large.to_be_bytes());
                    Symbol::Large
                } else {
                    self.clock_us -= ticks * TICK_US;
                    return false;
                }
            }
        };
        // Runs make it less; a vector of two-bit symbols is the longest form.
        if symbol != Symbol::Missing || self.symbols.len() < 7 {
            self.chunks_len = (self.symbols.len() + 1).div_ceil(7) * 2;
        }
        self.symbols.push(symbol);
        true
    }

    /// Appends the message to `out`.
    pub(super) fn finish(&self, ours: Ssrc, media: Ssrc, number: u8, out: &mut Vec<u8>) {
        let start = out.len();
        let count = self.symbols.len() as u16;
        out.extend([0x80 | FORMAT, PACKET_TYPE, 0, 0]);
        out.extend(ours.0.to_be_bytes());
        out.extend(media.0.to_be_bytes());
        out.extend(self.base.0.to_be_bytes());
        out.extend(count.to_be_bytes());
        out.extend((self.reference << 8 | u32::from(number)).to_be_bytes());
        let mut rest = &self.symbols[..];
        while !rest.is_empty() {
            let (chunk, taken) = chunk(rest);
            out.extend(chunk.to_be_bytes());
            rest = &rest[taken..];
        }
        out.extend(&self.deltas);
        let padding = (out.len() - start).wrapping_neg() % 4;
        if padding > 0 {
            out[start] |= 0x20;
            out.resize(out.len() + padding - 1, 0);
            out.push(padding as u8);
        }
        let words = ((out.len() - start) / 4 - 1) as u16;
        out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
    }
}

/// The chunk that covers most of what comes first, and how much that is.
fn chunk(symbols: &[Symbol]) -> (u16, usize) {
    let first = symbols[0];
    let run = symbols.iter().take(MAX_RUN).take_while(|&&symbol| symbol == first).count();
    let bits = symbols.iter().take(14).take_while(|&&symbol| symbol != Symbol::Large).count();
    let all = symbols.len();
    if run >= 14 || run == all || (run >= 7 && bits < 14.min(all)) {
        return ((first as u16) << 13 | run as u16, run);
    }
    if bits == 14.min(all) {
        let vector = (0..bits).fold(0, |v, i| v | (symbols[i] as u16) << (13 - i));
        return (0x8000 | vector, bits);
    }
    let taken = 7.min(all);
    let vector = (0..taken).fold(0, |v, i| v | (symbols[i] as u16) << (12 - 2 * i));
    (0xc000 | vector, taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::TransportFeedback, *};

    /// Arrivals come back within half a tick of what was written.
    fn check(base: u16, start_us: u64, arrivals: &[Option<u64>]) {
        let time = |us: u64| Time::from_micros(start_us + us);
        let Some(first) = arrivals.iter().flatten().next() else { return };
        let mut writer = Writer::default();
        writer.begin(SeqNo(base), time(*first));
        let taken = arrivals.iter().take_while(|a| writer.push(a.map(time))).count();
        let mut bytes = Vec::new();
        writer.finish(Ssrc(1), Ssrc(2), 9, &mut bytes);
        assert!(bytes.len() <= MAX_LEN && bytes.len() % 4 == 0, "{} bytes", bytes.len());
        let read = TransportFeedback::parse(&bytes).unwrap();
        assert_eq!((usize::from(read.count()), read.base().0, read.number()), (taken, base, 9));
        let mut seq = SeqNo(base);
        for (status, arrival) in read.packets().zip(arrivals) {
            assert_eq!(status.seq, seq);
            seq = seq.next();
            assert_eq!(status.arrival_us.is_some(), arrival.is_some());
            if let (Some(read_us), Some(wrote_us)) = (status.arrival_us, arrival) {
                let cycle = (1_i64 << 24) * REFERENCE_UNIT_US;
                let wrote_us = (start_us + wrote_us) as i64;
                let off = (read.reference_us() + read_us - wrote_us).rem_euclid(cycle);
                assert!(off.min(cycle - off) <= TICK_US / 2, "{off} us apart");
            }
        }
    }

    #[test]
    fn nothing_but_losses_between_two_arrivals_is_one_run() {
        let mut arrivals = vec![None; 4_000];
        arrivals[0] = Some(0);
        arrivals[3_999] = Some(900_000);
        check(65_000, 1_795_244_400_123_456, &arrivals);
    }

    #[test]
    fn a_jump_of_more_than_eight_seconds_needs_a_message_of_its_own() {
        let mut writer = Writer::default();
        writer.begin(SeqNo(0), Time::from_micros(64_000));
        assert!(writer.push(Some(Time::from_micros(64_000))));
        assert!(!writer.push(Some(Time::from_micros(9_000_000))));
        assert!(writer.push(Some(Time::from_micros(65_000))), "the clock did not move");
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(
            base: u16,
            start_us in 0_u64..4_000_000_000_000_000,
            steps in prop::collection::vec(
                prop_oneof![
                    4 => (0_i64..3_000).prop_map(Some),
                    2 => Just(None),
                    1 => (-200_000_i64..2_000_000).prop_map(Some),
                ],
                1..900,
            ),
        ) {
            let mut clock = 1_000_000_000_i64;
            let arrivals: Vec<_> = steps
                .into_iter()
                .map(|step| step.map(|by| { clock = (clock + by).max(0); clock as u64 }))
                .collect();
            check(base, start_us, &arrivals);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), count in 0_u16..300) {
            let mut message = vec![0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 10];
            message.extend(count.to_be_bytes());
            message.extend(&bytes);
            let words = (message.len() / 4).saturating_sub(1) as u16;
            message[2..4].copy_from_slice(&words.to_be_bytes());
            if let Ok(feedback) = TransportFeedback::parse(&message) {
                prop_assert_eq!(feedback.packets().count(), usize::from(feedback.count()));
            }
        }
    }
}
