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

/// How far a transmission sequence number may be ahead of what we acknowledged. `rtc-sctp` walks there
/// one by one: a FORWARD TSN half the number space away would keep a shard busy for minutes.
const MAX_AHEAD: i32 = 8_192;

const HEADER: usize = 12;

/// Chunk header and fixed fields of an INIT.
const INIT_FIXED: usize = 20;

/// Chunk types (RFC 9260 section 3.2, RFC 6525 section 3.1).
mod chunk {
    pub(super) const DATA: u8 = 0;
    pub(super) const INIT: u8 = 1;
    pub(super) const SACK: u8 = 3;
    pub(super) const HEARTBEAT: u8 = 4;
    pub(super) const HEARTBEAT_ACK: u8 = 5;
    pub(super) const ABORT: u8 = 6;
    pub(super) const ERROR: u8 = 9;
    pub(super) const RE_CONFIG: u8 = 130;
    pub(super) const FORWARD_TSN: u8 = 192;
}

/// The account of one association.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    outstanding: usize,
    resets: u32,
    /// The last number that we acknowledged, from the packets that went out. `None` before the INIT.
    acknowledged: Option<u32>,
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
        if let [chunk::INIT, _, high, low, tag @ ..] = rest {
            // An INIT travels alone (RFC 9260 section 6.10).
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let whole = length.next_multiple_of(4) >= rest.len() && length <= rest.len();
            let parameters = rest.get(INIT_FIXED..length).filter(|_| whole);
            return match (tag.first_chunk(), parameters) {
                (Some(tag), Some(parameters)) if are_whole(parameters) => {
                    Verdict::Init(u32::from_be_bytes(*tag))
                }
                _ => Verdict::Drop,
            };
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
                    if u16::from_be_bytes(*stream) >= MAX_STREAMS || !self.is_near(body) {
                        return Verdict::Drop;
                    }
                    self.outstanding += body.len() + CHUNK_COST;
                }
                chunk::FORWARD_TSN if !self.is_near(body) => return Verdict::Drop,
                chunk::RE_CONFIG if are_whole(body) => self.resets += 1,
                chunk::HEARTBEAT | chunk::HEARTBEAT_ACK | chunk::ABORT | chunk::ERROR
                    if are_whole(body) => {}
                chunk::INIT
                | chunk::RE_CONFIG
                | chunk::HEARTBEAT
                | chunk::HEARTBEAT_ACK
                | chunk::ABORT
                | chunk::ERROR => return Verdict::Drop,
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

    /// Looks at a packet that goes out, for what it acknowledges.
    pub(super) fn sent(&mut self, packet: &[u8]) {
        if let Some([chunk::SACK, _, _, _, tsn @ ..]) = packet.get(HEADER..)
            && let Some(tsn) = tsn.first_chunk()
        {
            self.acknowledged = Some(u32::from_be_bytes(*tsn));
        }
    }

    /// Starts the account of an association with the INIT that made it.
    pub(super) fn start(init: &[u8]) -> Self {
        let first = init.get(HEADER + 16..).and_then(<[u8]>::first_chunk);
        let acknowledged = first.map(|tsn| u32::from_be_bytes(*tsn).wrapping_sub(1));
        Self { acknowledged, ..Self::default() }
    }

    /// Whether the number that a chunk starts with is one that can be reached.
    fn is_near(&self, body: &[u8]) -> bool {
        let (Some(tsn), Some(acknowledged)) = (body.first_chunk(), self.acknowledged) else {
            return false;
        };
        let ahead = u32::from_be_bytes(*tsn).wrapping_sub(acknowledged).cast_signed();
        ahead <= MAX_AHEAD
    }

    /// A message of so many bytes in so many chunks came out.
    pub(super) fn delivered(&mut self, bytes: usize, chunks: usize) {
        let cost = bytes + chunks * (CHUNK_COST + 12);
        self.outstanding = self.outstanding.saturating_sub(cost);
    }
}

/// Whether a run of parameters or error causes (type, length, value, padding) stays within its chunk:
/// `rtc-sctp` reads causes by their length without looking (RFC 9260 section 3.2.1).
fn are_whole(mut run: &[u8]) -> bool {
    while !run.is_empty() {
        let Some([_, _, high, low]) = run.first_chunk() else { return false };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if length < 4 || length > run.len() {
            return false;
        }
        run = run.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> Ledger {
        Ledger { acknowledged: Some(0), ..Ledger::default() }
    }

    #[test]
    fn numbers_far_ahead_are_dropped_and_acknowledging_moves_the_limit() {
        let mut ledger = started();
        let mut forward = vec![0; HEADER];
        forward.extend([chunk::FORWARD_TSN, 0, 0, 8, 0x7f, 0xff, 0xff, 0xff]);
        assert_eq!(ledger.inspect(&forward), Verdict::Drop);
        let mut far = data(0, 4);
        far[HEADER + 4..HEADER + 8].copy_from_slice(&(MAX_AHEAD + 1).to_be_bytes());
        assert_eq!(ledger.inspect(&far), Verdict::Drop);
        let mut acknowledgement = vec![0; HEADER];
        acknowledgement.extend([chunk::SACK, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        ledger.sent(&acknowledgement);
        assert_eq!(ledger.inspect(&far), Verdict::Pass);
    }

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
        let mut ledger = started();
        for _ in 0..100_000 {
            assert_eq!(ledger.inspect(&data(0, 1_000)), Verdict::Pass);
            ledger.delivered(1_000, 1);
        }
        assert_eq!(ledger.outstanding, 0);
        let passed = (0..).take_while(|_| ledger.inspect(&data(0, 1_000)) == Verdict::Pass);
        assert_eq!(passed.count(), MAX_OUTSTANDING / 1_140);
        let mut small = started();
        let passed = (0..).take_while(|_| small.inspect(&data(0, 1)) == Verdict::Pass);
        assert!(passed.count() < 20_000, "small chunks cost more than their bytes");
    }

    #[test]
    fn a_cause_that_is_longer_than_its_chunk_is_dropped() {
        let mut ledger = started();
        let mut abort = vec![0; HEADER];
        abort.extend([chunk::ABORT, 0, 0, 12, 0, 12, 0, 8, 1, 2, 3, 4]);
        assert_eq!(ledger.inspect(&abort), Verdict::Pass);
        for (at, value) in [(HEADER + 6, 0x70), (HEADER + 7, 9), (HEADER + 7, 3)] {
            let mut longer = abort.clone();
            longer[at] = value;
            assert_eq!(ledger.inspect(&longer), Verdict::Drop);
        }
    }

    #[test]
    fn streams_beyond_the_grant_and_broken_chunks_are_dropped() {
        let mut ledger = started();
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
