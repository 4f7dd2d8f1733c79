//! What a receiver says of the transport-wide numbers that came
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01), written the plainest way.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Between two messages, if nothing else is said.
const INTERVAL: Duration = Duration::from_millis(50);
/// Unit of a message's reference time.
const REFERENCE: Duration = Duration::from_millis(64);
/// Unit of the distance between two arrivals.
const TICK: Duration = Duration::from_micros(250);
/// Most packets of one message; a burst of more is told in several.
const MOST: usize = 400;

/// Arrivals that were not told of yet.
#[derive(Clone, Debug)]
pub struct Arrivals {
    start: Instant,
    last: u64,
    /// The first number that was not told of.
    next: Option<u64>,
    pending: BTreeMap<u64, Instant>,
    messages: u8,
    interval: Duration,
    due: Instant,
}

impl Arrivals {
    /// Nothing came yet.
    pub const fn new(start: Instant) -> Self {
        Self::with_interval(start, INTERVAL)
    }

    /// As [`Self::new`], with another time between two messages: browsers leave up to 250 ms where
    /// little comes.
    pub const fn with_interval(start: Instant, interval: Duration) -> Self {
        Self {
            start,
            last: 1 << 16,
            next: None,
            pending: BTreeMap::new(),
            messages: 0,
            interval,
            due: start,
        }
    }

    /// When [`Self::poll`] has something; `None` while nothing new came.
    pub fn due(&self) -> Option<Instant> {
        (!self.pending.is_empty()).then_some(self.due)
    }

    /// A packet of this number came.
    pub fn came(&mut self, now: Instant, seq: u16) {
        let distance = seq.wrapping_sub(self.last as u16) as i16;
        let number = self.last.wrapping_add_signed(i64::from(distance));
        self.last = self.last.max(number);
        if self.next.is_none_or(|next| number >= next) {
            self.pending.insert(number, now);
        }
    }

    /// The message that is due, from `ssrc` about the connection of `media`.
    pub fn poll(&mut self, now: Instant, ssrc: u32, media: u32) -> Option<Vec<u8>> {
        let (&first, &first_at) = self.pending.first_key_value()?;
        if now < self.due && self.pending.len() < MOST {
            return None;
        }
        self.due = now + self.interval;
        let base = self.next.unwrap_or(first).max(first.saturating_sub(MOST as u64));
        let (&newest, _) = self.pending.last_key_value()?;
        let end = (newest + 1).min(base + MOST as u64);
        let reference = (first_at.saturating_duration_since(self.start).as_nanos()
            / REFERENCE.as_nanos()) as u32;
        let mut clock = self.start + REFERENCE * reference;
        let (mut symbols, mut deltas) = (Vec::new(), Vec::new());
        for number in base..end {
            let Some(at) = self.pending.remove(&number) else {
                symbols.push(0u16);
                continue;
            };
            let ticks = signed_ticks(at, clock);
            // Rounded times must not drift.
            clock = if ticks >= 0 {
                clock + TICK * ticks as u32
            } else {
                clock - TICK * ticks.unsigned_abs() as u32
            };
            match u8::try_from(ticks) {
                Ok(small) => {
                    symbols.push(1);
                    deltas.push(small);
                }
                Err(_) => {
                    symbols.push(2);
                    let large = ticks.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16;
                    deltas.extend(large.to_be_bytes());
                }
            }
        }
        self.next = Some(end);
        let mut out = vec![0x8f, 205, 0, 0];
        out.extend(ssrc.to_be_bytes());
        out.extend(media.to_be_bytes());
        out.extend((base as u16).to_be_bytes());
        out.extend((symbols.len() as u16).to_be_bytes());
        out.extend(&reference.to_be_bytes()[1..]);
        out.push(self.messages);
        self.messages = self.messages.wrapping_add(1);
        // Vectors of seven two-bit symbols.
        for seven in symbols.chunks(7) {
            let packed = (0..7).fold(0, |word, i| word << 2 | seven.get(i).copied().unwrap_or(0));
            out.extend((0xc000 | packed).to_be_bytes());
        }
        out.extend(deltas);
        let padding = out.len().next_multiple_of(4) - out.len();
        if padding > 0 {
            out[0] |= 0x20;
            out.resize(out.len() + padding - 1, 0);
            out.push(padding as u8);
        }
        let words = (out.len() / 4 - 1) as u16;
        out[2..4].copy_from_slice(&words.to_be_bytes());
        Some(out)
    }
}

/// Distance in ticks, rounded down.
fn signed_ticks(at: Instant, clock: Instant) -> i64 {
    let ticks = |time: Duration| (time.as_nanos() / TICK.as_nanos()) as i64;
    match at.checked_duration_since(clock) {
        Some(later) => ticks(later),
        None => -ticks(clock - at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_what_came_what_did_not_and_when() {
        let start = Instant::now();
        let ms = |ms| start + Duration::from_millis(ms);
        let mut arrivals = Arrivals::new(start);
        arrivals.came(ms(65), 65_535);
        arrivals.came(ms(66), 1);
        arrivals.came(ms(200), 2);
        let message = arrivals.poll(ms(200), 5, 9).unwrap();
        assert_eq!(message[..4], [0xaf, 205, 0, 6], "24 bytes behind the first word, padded");
        assert_eq!(message[12..20], [0xff, 0xff, 0, 4, 0, 0, 1, 0], "base, count, 64 ms, first");
        // Symbols: small, none, small, large.
        assert_eq!(message[20..22], [0b1101_0001, 0b1000_0000]);
        // 1 ms behind 64 ms, 1 ms more, 134 ms more.
        assert_eq!(message[22..26], [4, 4, 2, 24]);
        assert!(arrivals.poll(ms(300), 5, 9).is_none(), "nothing new");
        arrivals.came(ms(301), 1);
        assert!(arrivals.poll(ms(400), 5, 9).is_none(), "told of already");
        arrivals.came(ms(402), 5);
        let message = arrivals.poll(ms(403), 5, 9).unwrap();
        assert_eq!(message[12..16], [0, 3, 0, 3], "from where the last one ended");
    }
}
