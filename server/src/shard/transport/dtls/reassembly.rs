//! Handshake messages from their fragments (RFC 6347 section 4.2.3), within 16 KB.

/// Bytes of a handshake header.
const HEADER: usize = 12;

/// Bytes of unfinished messages that are held for one peer. Chromium's ClientHello has 1.4 KB, a
/// certificate chain seldom more than 4.
pub const MAX_HELD: usize = 16 * 1024;

/// Messages ahead of the next that are kept: a client's longest flight has four.
const AHEAD: u16 = 8;

/// Separate pieces of one message that are kept track of.
const MAX_PIECES: usize = 32;

/// Puts messages together. Duplicates, overlaps and any order are fine; what does not fit is
/// refused and has to be sent again.
#[derive(Debug, Default)]
pub struct Reassembly {
    next: u16,
    partial: Vec<Partial>,
    held: usize,
}

/// What became of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is kept.
    Kept,
    /// It belongs to a message that was handed out: the peer repeats its flight.
    Repeated,
    /// It contradicts what was said before, or there is no room for it.
    Refused,
}

#[derive(Debug)]
struct Partial {
    sequence: u16,
    kind: u8,
    body: Vec<u8>,
    /// Which parts of the body are there: sorted, neither touching nor overlapping.
    pieces: Vec<(usize, usize)>,
}

impl Reassembly {
    /// Takes the body of a handshake record in the clear: one or more fragments. `Repeated` wins over
    /// `Kept`, and both over `Refused`.
    pub fn push(&mut self, mut body: &[u8]) -> Taken {
        let mut outcome = Taken::Refused;
        while let Some((header, rest)) = body.split_first_chunk::<HEADER>() {
            let length = u24(&header[9..]);
            let Some((fragment, behind)) = rest.split_at_checked(length) else { break };
            let taken = self.take(header, fragment);
            if outcome == Taken::Refused || taken == Taken::Repeated {
                outcome = taken;
            }
            body = behind;
        }
        outcome
    }

    /// The next message in order, if it is complete: one handshake header and the whole body.
    pub fn pop(&mut self) -> Option<Vec<u8>> {
        let at = self.partial.iter().position(|partial| partial.sequence == self.next)?;
        if !self.partial[at].is_complete() {
            return None;
        }
        let Partial { sequence, kind, body, .. } = self.partial.swap_remove(at);
        self.held -= body.len();
        self.next = self.next.wrapping_add(1);
        let mut message = Vec::with_capacity(HEADER + body.len());
        let length = &(body.len() as u32).to_be_bytes()[1..];
        message.push(kind);
        message.extend(length);
        message.extend(sequence.to_be_bytes());
        message.extend([0; 3]);
        message.extend(length);
        message.extend(body);
        Some(message)
    }

    fn take(&mut self, header: &[u8; HEADER], fragment: &[u8]) -> Taken {
        let (kind, length) = (header[0], u24(&header[1..]));
        let sequence = u16::from_be_bytes([header[4], header[5]]);
        let start = u24(&header[6..]);
        let end = start + fragment.len();
        let ahead = sequence.wrapping_sub(self.next);
        if ahead > u16::MAX / 2 {
            return Taken::Repeated;
        }
        if ahead >= AHEAD || end > length {
            return Taken::Refused;
        }
        let known = self.partial.iter_mut().position(|partial| partial.sequence == sequence);
        let at = match known {
            Some(at) => at,
            None if self.held + length > MAX_HELD => return Taken::Refused,
            None => {
                self.held += length;
                let body = vec![0; length];
                self.partial.push(Partial { sequence, kind, body, pieces: Vec::new() });
                self.partial.len() - 1
            }
        };
        let partial = &mut self.partial[at];
        if partial.kind != kind || partial.body.len() != length || !partial.note(start, end) {
            return Taken::Refused;
        }
        partial.body[start..end].copy_from_slice(fragment);
        Taken::Kept
    }
}

impl Partial {
    fn is_complete(&self) -> bool {
        self.body.is_empty() || self.pieces == [(0, self.body.len())]
    }

    /// Notes that `start..end` is there. False if that would be one piece too many.
    fn note(&mut self, mut start: usize, mut end: usize) -> bool {
        let first = self.pieces.partition_point(|piece| piece.1 < start);
        let last = self.pieces.partition_point(|piece| piece.0 <= end);
        if first == last && self.pieces.len() >= MAX_PIECES {
            return false;
        }
        if first < last {
            start = start.min(self.pieces[first].0);
            end = end.max(self.pieces[last - 1].1);
        }
        self.pieces.splice(first..last, [(start, end)]);
        true
    }
}

fn u24(bytes: &[u8]) -> usize {
    bytes.iter().take(3).fold(0, |value, byte| value << 8 | usize::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(sequence: u16, length: usize, range: std::ops::Range<usize>) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend(&(length as u32).to_be_bytes()[1..]);
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(&(range.start as u32).to_be_bytes()[1..]);
        bytes.extend(&(range.len() as u32).to_be_bytes()[1..]);
        bytes.extend(range.map(|at| at as u8));
        bytes
    }

    fn whole(sequence: u16, length: usize) -> Vec<u8> {
        fragment(sequence, length, 0..length)
    }

    #[test]
    fn fragments_come_together_in_any_order_overlapping_and_repeated() {
        let cuts = [0..500, 300..900, 900..1_413, 1_200..1_413, 0..500];
        for first in 0..cuts.len() {
            for step in 1..cuts.len() {
                let mut reassembly = Reassembly::default();
                for turn in 0..cuts.len() {
                    let cut = cuts[(first + turn * step) % cuts.len()].clone();
                    reassembly.push(&fragment(0, 1_413, cut));
                }
                for cut in cuts.clone() {
                    reassembly.push(&fragment(0, 1_413, cut));
                }
                assert_eq!(reassembly.pop(), Some(whole(0, 1_413)));
                assert_eq!(reassembly.pop(), None);
                assert_eq!(reassembly.push(&whole(0, 1_413)), Taken::Repeated);
            }
        }
    }

    #[test]
    fn messages_come_out_in_order_whatever_order_they_came_in() {
        let mut reassembly = Reassembly::default();
        assert_eq!(reassembly.push(&whole(2, 0)), Taken::Kept);
        assert_eq!(reassembly.push(&whole(1, 30)), Taken::Kept);
        assert_eq!(reassembly.pop(), None);
        let mut both = whole(0, 10);
        both.extend(whole(3, 40));
        assert_eq!(reassembly.push(&both), Taken::Kept);
        let all: Vec<_> = std::iter::from_fn(|| reassembly.pop()).collect();
        assert_eq!(all, [whole(0, 10), whole(1, 30), whole(2, 0), whole(3, 40)]);
    }

    #[test]
    fn what_is_held_is_bounded_whatever_the_peer_claims() {
        let mut reassembly = Reassembly::default();
        for sequence in 0..u16::MAX {
            for length in [1, 100, 9_000, 16_777_215] {
                reassembly.push(&fragment(sequence, length, 0..1));
            }
        }
        assert!(reassembly.held <= MAX_HELD && reassembly.partial.len() <= usize::from(AHEAD));
        let mut reassembly = Reassembly::default();
        let odd = (0..8_000).filter(|at| at % 2 == 1);
        let refused =
            odd.filter(|at| reassembly.push(&fragment(0, 8_000, *at..at + 1)) == Taken::Refused);
        assert_eq!(refused.count(), 4_000 - MAX_PIECES);
    }

    #[test]
    fn fragments_that_contradict_each_other_are_refused() {
        let mut reassembly = Reassembly::default();
        reassembly.push(&fragment(0, 100, 0..10));
        assert_eq!(reassembly.push(&fragment(0, 101, 10..20)), Taken::Refused);
        let mut beyond = fragment(0, 100, 90..100);
        beyond[8] = 95;
        assert_eq!(reassembly.push(&beyond), Taken::Refused);
        assert_eq!(reassembly.push(&fragment(0, 100, 10..20)[..15]), Taken::Refused);
    }
}
