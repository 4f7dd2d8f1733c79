//! Bursts of packets, and how much longer each took than the one before.

/// A packet that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    /// Microseconds on our clock.
    pub(super) sent_us: i64,
    /// Microseconds on the receiver's clock.
    pub(super) arrival_us: i64,
    /// Bytes on the wire.
    pub(super) bytes: u32,
}

/// What changed from one burst to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Variation {
    /// Microseconds between the last packets of both when sent, above zero.
    pub(super) sent_us: i64,
    /// Microseconds by which the later burst took longer; negative: shorter.
    pub(super) delay_us: i64,
    /// When the later burst had arrived, in microseconds on the receiver's clock.
    pub(super) arrival_us: i64,
}

/// Packets sent within so many microseconds are one burst (draft-ietf-rmcat-gcc-02 section 5.2).
const BURST_US: i64 = 5_000;
/// Packets that arrive closer than this although they were sent further apart were held up together
/// on the way (a Wi-Fi retry, say) and are one burst too, up to its longest length.
const LONGEST_BURST_US: i64 = 100_000;

/// Groups packets into bursts (draft-ietf-rmcat-gcc-02 section 5.2).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bursts {
    previous: Option<Burst>,
    current: Option<Burst>,
}

#[derive(Clone, Copy, Debug)]
struct Burst {
    first_sent_us: i64,
    last_sent_us: i64,
    first_arrival_us: i64,
    last_arrival_us: i64,
}

impl Bursts {
    /// Takes the next packet in the order of sending; tells what changed when it begins a new burst
    /// and two are complete.
    pub(super) fn push(&mut self, packet: Arrival) -> Option<Variation> {
        let Some(current) = &mut self.current else {
            self.current = Some(Burst::of(packet));
            return None;
        };
        if packet.sent_us < current.first_sent_us {
            return None;
        }
        if current.takes(packet) {
            current.last_sent_us = current.last_sent_us.max(packet.sent_us);
            current.last_arrival_us = current.last_arrival_us.max(packet.arrival_us);
            return None;
        }
        let complete = *current;
        let variation = self.previous.and_then(|previous| complete.since(&previous));
        self.previous = Some(complete);
        self.current = Some(Burst::of(packet));
        variation
    }
}

impl Burst {
    const fn of(packet: Arrival) -> Self {
        Self {
            first_sent_us: packet.sent_us,
            last_sent_us: packet.sent_us,
            first_arrival_us: packet.arrival_us,
            last_arrival_us: packet.arrival_us,
        }
    }

    const fn takes(&self, packet: Arrival) -> bool {
        let arrival_gap = packet.arrival_us - self.last_arrival_us;
        let sent_gap = packet.sent_us - self.last_sent_us;
        packet.sent_us - self.first_sent_us <= BURST_US
            || (arrival_gap < sent_gap
                && arrival_gap <= BURST_US
                && packet.arrival_us - self.first_arrival_us < LONGEST_BURST_US)
    }

    fn since(&self, previous: &Self) -> Option<Variation> {
        let sent_us = self.last_sent_us - previous.last_sent_us;
        let passed_us = self.last_arrival_us - previous.last_arrival_us;
        // Overtaken bursts say nothing of a queue.
        (sent_us > 0 && passed_us >= 0).then_some(Variation {
            sent_us,
            delay_us: passed_us - sent_us,
            arrival_us: self.last_arrival_us,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_are_compared_by_their_last_packets() {
        let mut bursts = Bursts::default();
        let mut push = |sent_ms: i64, arrival_ms: i64| {
            let (sent_us, arrival_us) = (sent_ms * 1_000, arrival_ms * 1_000);
            bursts.push(Arrival { sent_us, arrival_us, bytes: 1_000 })
        };
        assert_eq!([push(0, 50), push(3, 53), push(20, 70), push(24, 77)], [None; 4]);
        let variation = push(40, 120).unwrap();
        assert_eq!((variation.sent_us, variation.delay_us), (21_000, 3_000));
        assert_eq!(push(39, 121), None, "sent before its burst began");
        assert_eq!(push(60, 121), None, "held up together");
    }
}
