//! What a sender writes over the end of a payload: in whose room, and when.
//!
//! A harness that decodes nothing loses nothing by it, and packets keep their true sizes. The node
//! reads the beginnings of payloads only.

use std::time::{Duration, Instant};

const MAGIC: [u8; 4] = *b"LoAd";

/// Bytes of a stamp.
pub(crate) const STAMP: usize = 16;

/// Payloads shorter than this are left as they are: the node reads what is in front.
const SHORTEST: usize = STAMP + 12;

/// Where a packet is from, and since when it is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Number of the room that it was sent in.
    pub(crate) room: u32,
    /// When it was sent, counted from the start of the fleet.
    pub(crate) sent: Duration,
}

impl Stamp {
    /// A stamp of now, in a fleet that began at `began`.
    pub(crate) fn now(room: u32, began: Instant, now: Instant) -> Self {
        Self { room, sent: now.saturating_duration_since(began) }
    }

    /// Writes it over the end of a payload that is long enough.
    pub(crate) fn write(self, payload: &mut [u8]) {
        if payload.len() < SHORTEST {
            return;
        }
        let at = payload.len() - STAMP;
        let nanoseconds = u64::try_from(self.sent.as_nanos()).unwrap_or(u64::MAX);
        payload[at..at + 4].copy_from_slice(&MAGIC);
        payload[at + 4..at + 8].copy_from_slice(&self.room.to_be_bytes());
        payload[at + 8..].copy_from_slice(&nanoseconds.to_be_bytes());
    }

    /// The stamp at the end of a payload. `None`: it has none.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let (_, stamp) = payload.split_last_chunk::<STAMP>()?;
        let (magic, stamp) = stamp.split_first_chunk::<4>()?;
        let (room, sent) = stamp.split_first_chunk::<4>()?;
        let sent = u64::from_be_bytes(sent.try_into().ok()?);
        (*magic == MAGIC)
            .then_some(Self { room: u32::from_be_bytes(*room), sent: Duration::from_nanos(sent) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_was_written_and_takes_no_room() {
        let stamp = Stamp { room: 7, sent: Duration::from_nanos(1_234_567_890) };
        let mut payload = [0x55; 80];
        stamp.write(&mut payload);
        assert_eq!(Stamp::read(&payload), Some(stamp));
        assert!(payload[..80 - STAMP].iter().all(|byte| *byte == 0x55));
    }

    #[test]
    fn payloads_without_room_for_it_stay_as_they_are() {
        let mut payload = [0xf8; SHORTEST - 1];
        Stamp { room: 7, sent: Duration::ZERO }.write(&mut payload);
        assert_eq!((payload, Stamp::read(&payload)), ([0xf8; SHORTEST - 1], None));
        assert_eq!(Stamp::read(&[]), None);
    }
}
