//! From bytes to arrivals, without a copy.

use super::{FORMAT, HEADER_LEN, MAX_PACKETS, PACKET_TYPE, REFERENCE_UNIT_US, Symbol, TICK_US};
use crate::id::SeqNo;

/// A message that was checked as a whole when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportFeedback<'a> {
    base: SeqNo,
    count: u16,
    reference: u32,
    number: u8,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

/// Bytes that are not a transport-wide feedback message. Drop them and count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedFeedback {
    /// Too short for what it announces, or its padding is longer than itself.
    #[error("length does not fit the contents")]
    Length,
    /// Another kind of RTCP packet.
    #[error("not transport-wide feedback")]
    Kind,
    /// It speaks of no packet, or of more than [`MAX_PACKETS`].
    #[error("too few or too many packets")]
    Count,
    /// A packet has the status that the draft keeps for the future.
    #[error("reserved packet status")]
    Status,
}

/// What became of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketStatus {
    /// Its transport-wide number.
    pub seq: SeqNo,
    /// When it arrived, in microseconds from the message's [`TransportFeedback::reference_us`];
    /// `None`: not (yet).
    pub arrival_us: Option<i64>,
}

impl<'a> TransportFeedback<'a> {
    /// Reads one RTCP packet of a compound, from its header to its end.
    ///
    /// # Errors
    /// [`MalformedFeedback`]; nothing of the message is to be used then.
    pub fn parse(packet: &'a [u8]) -> Result<Self, MalformedFeedback> {
        let header = packet.first_chunk::<HEADER_LEN>().ok_or(MalformedFeedback::Length)?;
        if header[0] >> 6 != 2 || header[0] & 0x1f != FORMAT || header[1] != PACKET_TYPE {
            return Err(MalformedFeedback::Kind);
        }
        let len = (usize::from(u16::from_be_bytes([header[2], header[3]])) + 1) * 4;
        let mut body = packet.get(HEADER_LEN..len).ok_or(MalformedFeedback::Length)?;
        if header[0] & 0x20 != 0 {
            let padding = usize::from(*body.last().ok_or(MalformedFeedback::Length)?);
            let end = body.len().checked_sub(padding).ok_or(MalformedFeedback::Length)?;
            body = &body[..end];
        }
        let count = u16::from_be_bytes([header[14], header[15]]);
        if count == 0 || count > MAX_PACKETS {
            return Err(MalformedFeedback::Count);
        }
        let (chunks_len, deltas_len) = measure(body, count)?;
        let (chunks, rest) = body.split_at(chunks_len);
        Ok(Self {
            base: SeqNo(u16::from_be_bytes([header[12], header[13]])),
            count,
            reference: u32::from_be_bytes([0, header[16], header[17], header[18]]),
            number: header[19],
            chunks,
            deltas: rest.get(..deltas_len).ok_or(MalformedFeedback::Length)?,
        })
    }

    /// Number of the first packet that it speaks of.
    pub const fn base(&self) -> SeqNo {
        self.base
    }

    /// How many packets it speaks of, 1 to [`MAX_PACKETS`].
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// The 24 bits of reference time in units of 64 ms, on the receiver's clock.
    pub const fn reference(&self) -> u32 {
        self.reference
    }

    /// The reference time in microseconds, in 0..2^24 x 64,000.
    pub const fn reference_us(&self) -> i64 {
        self.reference as i64 * REFERENCE_UNIT_US
    }

    /// Counts messages, modulo 256.
    pub const fn number(&self) -> u8 {
        self.number
    }

    /// The packets that it speaks of, in the order of their numbers.
    pub fn packets(&self) -> impl Iterator<Item = PacketStatus> + use<'a> {
        let mut deltas = self.deltas.iter().copied();
        let mut clock_us = 0;
        let mut seq = self.base;
        symbols(self.chunks).take(usize::from(self.count)).map(move |symbol| {
            let mut next = || deltas.next().expect("as many deltas as parse has counted");
            let delta = match symbol {
                Ok(Symbol::Missing) | Err(_) => None,
                Ok(Symbol::Small) => Some(i64::from(next())),
                Ok(Symbol::Large) => Some(i64::from(i16::from_be_bytes([next(), next()]))),
            };
            let arrival_us = delta.map(|ticks| {
                clock_us += ticks * TICK_US;
                clock_us
            });
            let status = PacketStatus { seq, arrival_us };
            seq = seq.next();
            status
        })
    }
}

/// Bytes of the chunks and of the deltas of `count` packets.
fn measure(body: &[u8], count: u16) -> Result<(usize, usize), MalformedFeedback> {
    let (mut chunks, mut deltas, mut left) = (0, 0, count);
    while left > 0 {
        let chunk = body.get(chunks..chunks + 2).ok_or(MalformedFeedback::Length)?;
        chunks += 2;
        let mut covered = 0;
        for symbol in symbols(chunk).take(usize::from(left)) {
            covered += 1;
            deltas += match symbol? {
                Symbol::Missing => 0,
                Symbol::Small => 1,
                Symbol::Large => 2,
            };
        }
        left -= covered;
    }
    Ok((chunks, deltas))
}

/// The statuses that chunks hold: two bytes each, a run or a vector (sections 3.1.2 to 3.1.4).
fn symbols(chunks: &[u8]) -> impl Iterator<Item = Result<Symbol, MalformedFeedback>> {
    chunks.chunks_exact(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]])).flat_map(|chunk| {
        let (len, one_bit) = match (chunk >> 15, chunk >> 14 & 1) {
            (0, _) => (chunk & 0x1fff, false),
            (_, 0) => (14, true),
            _ => (7, false),
        };
        (0..len).map(move |index| {
            let bits = match (chunk >> 15, one_bit) {
                (0, _) => chunk >> 13,
                (_, true) => chunk >> (13 - index) & 1,
                (_, false) => chunk >> (12 - 2 * index) & 3,
            };
            match bits {
                0 => Ok(Symbol::Missing),
                1 => Ok(Symbol::Small),
                2 => Ok(Symbol::Large),
                _ => Err(MalformedFeedback::Status),
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of base number 10 at reference time 1.
    fn message(count: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 10];
        bytes.extend(count.to_be_bytes());
        bytes.extend([0, 0, 1, 7]);
        bytes.extend(body);
        while bytes.len() % 4 != 0 {
            bytes.push(0);
        }
        let words = (bytes.len() / 4 - 1) as u16;
        bytes[2..4].copy_from_slice(&words.to_be_bytes());
        bytes
    }

    fn arrivals(bytes: &[u8]) -> Vec<(u16, Option<i64>)> {
        let feedback = TransportFeedback::parse(bytes).unwrap();
        feedback.packets().map(|p| (p.seq.0, p.arrival_us)).collect()
    }

    #[test]
    fn a_run_gives_every_packet_the_same_status() {
        let bytes = message(3, &[0x20, 3, 4, 0, 8]);
        assert_eq!(arrivals(&bytes), [(10, Some(1_000)), (11, Some(1_000)), (12, Some(3_000))]);
        let lost = message(2, &[0x00, 2]);
        assert_eq!(arrivals(&lost), [(10, None), (11, None)]);
    }

    #[test]
    fn a_vector_of_single_bits_tells_arrived_from_missing() {
        let bytes = message(3, &[0b1010_1000, 0, 1, 2]);
        assert_eq!(arrivals(&bytes), [(10, Some(250)), (11, None), (12, Some(750))]);
    }

    #[test]
    fn a_delta_of_two_bytes_may_be_negative() {
        let bytes = message(2, &[0b1110_1000, 0, 0x00, 0x10, 0xff, 0xf8]);
        assert_eq!(arrivals(&bytes), [(10, Some(4_000)), (11, Some(2_000))]);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let good = message(3, &[0x20, 3, 4, 0, 8]);
        for cut in 0..good.len() {
            assert_eq!(TransportFeedback::parse(&good[..cut]), Err(MalformedFeedback::Length));
        }
        let refused = |bytes: &[u8]| TransportFeedback::parse(bytes).unwrap_err();
        assert_eq!(refused(&message(0, &[0x20, 3])), MalformedFeedback::Count);
        assert_eq!(refused(&message(MAX_PACKETS + 1, &[0x20, 3])), MalformedFeedback::Count);
        assert_eq!(refused(&message(1, &[0x60, 1])), MalformedFeedback::Status);
        assert_eq!(refused(&message(9, &[0x20, 9, 1, 1])), MalformedFeedback::Length);
        assert_eq!(refused(&message(9, &[0x00, 1])), MalformedFeedback::Length);
        let mut other = good.clone();
        other[1] = 206;
        assert_eq!(refused(&other), MalformedFeedback::Kind);
        let mut padded = good;
        padded[0] |= 0x20;
        *padded.last_mut().unwrap() = 200;
        assert_eq!(refused(&padded), MalformedFeedback::Length);
    }
}
