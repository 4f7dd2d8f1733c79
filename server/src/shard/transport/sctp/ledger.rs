//! What a peer may put into the association.
//!
//! `rtc-sctp` holds what it received until it can be delivered, and its receive window has a way
//! around it: the next chunk in sequence is always taken while nothing is readable. A message without
//! end would therefore grow without end; and so would streams, stream resets and messages that never
//! get their turn. So what goes in is counted here, against what came out.

/// Streams of an association, in each direction. Browsers take the lowest free even number.
pub(super) const MAX_STREAMS: u16 = 256;

/// Bytes that may have gone in without having come out, each chunk counted with [`CHUNK_COST`]. Eight
/// times the receive window, so that chunks that came twice make no difference.
const MAX_OUTSTANDING: usize = 2 * 1024 * 1024;

/// What a chunk costs beside its bytes.
const CHUNK_COST: usize = 128;

/// Stream resets in an association's life: one for each channel that is closed.
const MAX_RESETS: u32 = 10_000;

const HEADER: usize = 12;

/// Chunk types (RFC 9260 section 3.2, RFC 6525 section 3.1).
mod chunk {
    pub(super) const DATA: u8 = 0;
    pub(super) const INIT: u8 = 1;
    pub(super) const RE_CONFIG: u8 = 130;
}

/// The account of one association.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    outstanding: usize,
    resets: u32,
}

/// What to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Hand it on.
    Pass,
    /// An INIT, with its initiate tag.
    Init(u32),
    /// Drop it: malformed, or of a stream that was not granted.
    Drop,
    /// The peer went over its limits: end the association.
    End,
}

impl Ledger {
    /// Looks at a packet that came in.
    pub(super) fn inspect(&mut self, packet: &[u8]) -> Verdict {
        let Some(mut rest) = packet.get(HEADER..) else { return Verdict::Drop };
        let first = rest.first().copied();
        if first == Some(chunk::INIT) {
            // An INIT travels alone (RFC 9260 section 6.10).
            let tag = rest.get(4..).and_then(<[u8]>::first_chunk);
            return tag.map_or(Verdict::Drop, |tag| Verdict::Init(u32::from_be_bytes(*tag)));
        }
        while let Some((head, _)) = rest.split_first_chunk::<4>() {
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let Some(body) = rest.get(4..length) else { return Verdict::Drop };
            match head[0] {
                chunk::DATA => {
                    let Some([stream @ .., _, _]) =
                        body.get(4..).and_then(<[u8]>::first_chunk::<4>)
                    else {
                        return Verdict::Drop;
                    };
                    if u16::from_be_bytes(*stream) >= MAX_STREAMS {
                        return Verdict::Drop;
                    }
                    self.outstanding += body.len() + CHUNK_COST;
                }
                chunk::RE_CONFIG => self.resets += 1,
                _ => {}
            }
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        if self.outstanding > MAX_OUTSTANDING || self.resets > MAX_RESETS {
            Verdict::End
        } else {
            Verdict::Pass
        }
    }

    /// A message of so many bytes in so many chunks came out.
    pub(super) fn delivered(&mut self, bytes: usize, chunks: usize) {
        let cost = bytes + chunks * (CHUNK_COST + 12);
        self.outstanding = self.outstanding.saturating_sub(cost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(stream: u16, len: usize) -> Vec<u8> {
        let mut packet = vec![0; HEADER];
        packet.extend([0, 3]);
        packet.extend((16 + len as u16).to_be_bytes());
        packet.extend([0, 0, 0, 1]);
        packet.extend(stream.to_be_bytes());
        packet.extend([0; 6]);
        packet.resize(packet.len() + len.next_multiple_of(4), 7);
        packet
    }

    #[test]
    fn what_never_comes_out_ends_the_association_and_what_does_is_forgotten() {
        let mut ledger = Ledger::default();
        for _ in 0..100_000 {
            assert_eq!(ledger.inspect(&data(0, 1_000)), Verdict::Pass);
            ledger.delivered(1_000, 1);
        }
        assert_eq!(ledger.outstanding, 0);
        let passed = (0..).take_while(|_| ledger.inspect(&data(0, 1_000)) == Verdict::Pass);
        assert_eq!(passed.count(), MAX_OUTSTANDING / 1_140);
        let mut small = Ledger::default();
        let passed = (0..).take_while(|_| small.inspect(&data(0, 1)) == Verdict::Pass);
        assert!(passed.count() < 20_000, "small chunks cost more than their bytes");
    }

    #[test]
    fn streams_beyond_the_grant_and_broken_chunks_are_dropped() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.inspect(&data(MAX_STREAMS, 4)), Verdict::Drop);
        let whole = data(2, 4);
        for end in 0..whole.len() {
            if end != HEADER {
                assert_ne!(ledger.inspect(&whole[..end]), Verdict::End, "{end}");
            }
        }
        let mut none = whole;
        none[HEADER + 2..HEADER + 4].fill(0);
        assert_eq!(ledger.inspect(&none), Verdict::Drop);
    }
}
