//! Retransmission (RFC 4588): of a publisher's packets to the node, and of the node's to a
//! subscriber.

use std::{collections::VecDeque, time::Duration};

use crate::{
    id::{PayloadType, SeqNo, Ssrc},
    rtp::Packet,
    time::Time,
};

/// Length of the original sequence number that leads a retransmission's payload.
pub const ORIGINAL_SEQ_LEN: u16 = 2;

/// The packet that a retransmission repeats: `packet` is the retransmission, `payload` its payload,
/// `ssrc` and `payload_type` are those of the stream that it repairs. The repeated payload begins two
/// bytes behind the header, so nothing is copied. `None`: it repeats nothing, it is padding with
/// which the publisher probes its uplink.
pub fn unwrap_retransmission(
    packet: &Packet,
    payload: &[u8],
    ssrc: Ssrc,
    payload_type: PayloadType,
) -> Option<Packet> {
    let original = payload.first_chunk()?;
    Some(Packet {
        ssrc,
        payload_type,
        seq: SeqNo(u16::from_be_bytes(*original)),
        header_len: packet.header_len + ORIGINAL_SEQ_LEN,
        payload_len: packet.payload_len - ORIGINAL_SEQ_LEN,
        rid: packet.repaired_rid.or(packet.rid),
        repaired_rid: None,
        ..*packet
    })
}

/// Answers that a slot remembers. More requests than this within a round trip mean a line that is
/// down, not one that needs repeating.
const MAX_ANSWERED: usize = 128;

/// What was repeated to a subscriber lately, so that a request that crosses its answer is not
/// answered twice.
///
/// Full (128): the oldest answer is forgotten.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    latest: VecDeque<(SeqNo, Time)>,
}

impl Answered {
    /// Nothing repeated yet.
    pub const fn new() -> Self {
        Self { latest: VecDeque::new() }
    }

    /// Whether `seq` is to be repeated now: not on its way since less than a round trip, and then
    /// paid for by `pay`. If so, it is taken as repeated.
    #[must_use]
    pub fn admit(
        &mut self,
        now: Time,
        seq: SeqNo,
        round_trip: Duration,
        pay: impl FnOnce() -> bool,
    ) -> bool {
        let on_its_way = |at: Time| now.saturating_since(at) < round_trip;
        while self.latest.pop_front_if(|(_, at)| !on_its_way(*at)).is_some() {}
        if self.latest.iter().any(|(other, _)| *other == seq) || !pay() {
            return false;
        }
        if self.latest.len() == MAX_ANSWERED {
            self.latest.pop_front();
        }
        self.latest.push_back((seq, now));
        true
    }
}

/// Share of what the way to a subscriber carries that repeated packets may take.
const SHARE: u64 = 4;

/// Bits per second that repeated packets may take on a way that was not measured.
const UNMEASURED: u64 = 1_000_000;

/// How long a subscriber that needed nothing may save up.
const SAVED: Duration = Duration::from_secs(1);

/// Bytes that are there however narrow the way is: a burst of ten packets must be repaired.
const LEAST: u64 = 15_000;

/// What repeated packets to one subscriber may take: a quarter of what its line carries. A line that
/// loses more than that needs less, not the same again.
#[derive(Clone, Copy, Debug)]
pub struct RepairBudget {
    /// Millionths of a byte, so that what is earned between two packets is never rounded away.
    saved: u64,
    since: Time,
}

const MICRO: u64 = 1_000_000;

impl RepairBudget {
    /// A second's share, saved up.
    pub const fn new(now: Time) -> Self {
        Self { saved: u64::MAX, since: now }
    }

    /// Whether a packet of `bytes` may be repeated on a way that carries `bitrate` bits per second;
    /// if so, it is paid for.
    #[must_use]
    pub fn take(&mut self, now: Time, bytes: usize, bitrate: Option<u64>) -> bool {
        let rate = bitrate.map_or(UNMEASURED, |bitrate| bitrate / SHARE) / 8;
        let passed = now.saturating_since(self.since).min(SAVED);
        let earned = rate.saturating_mul(passed.as_micros() as u64);
        let most = rate.saturating_mul(SAVED.as_micros() as u64).max(LEAST * MICRO);
        self.saved = self.saved.saturating_add(earned).min(most);
        self.since = now;
        let Some(left) = self.saved.checked_sub(bytes as u64 * MICRO) else { return false };
        self.saved = left;
        true
    }
}
