//! How fast packets may leave.

use std::time::Duration;

use crate::time::Time;

/// What may leave at once, as time at the pacing rate: the granularity of the shell's timers, and a
/// batch of packets for one system call.
const BURST: Duration = Duration::from_millis(5);

/// A leaky bucket: what was sent is a debt, which time pays off at the pacing rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pacer {
    rate: u64,
    /// Bits.
    debt: u64,
    at: Time,
}

impl Pacer {
    /// `rate` in bits per second, not zero.
    pub(super) const fn new(now: Time, rate: u64) -> Self {
        Self { rate, debt: 0, at: now }
    }

    pub(super) fn set_rate(&mut self, now: Time, rate: u64) {
        self.pay(now);
        self.rate = rate.max(1);
    }

    /// A packet left.
    pub(super) fn sent(&mut self, now: Time, bytes: u32) {
        self.pay(now);
        // What cannot be held back (audio) must not silence everything else for long.
        let limit = self.rate / 2;
        self.debt = (self.debt + u64::from(bytes) * 8).min(limit.max(self.debt));
    }

    /// When the next packet may leave: at or before `now` if at once.
    pub(super) fn ready_at(&self) -> Time {
        let over = self.debt.saturating_sub(burst_bits(self.rate));
        self.at + Duration::from_micros((over * 1_000_000).div_ceil(self.rate))
    }

    fn pay(&mut self, now: Time) {
        let passed = now.saturating_since(self.at).as_micros() as u64;
        self.debt = self.debt.saturating_sub(self.rate.saturating_mul(passed) / 1_000_000);
        self.at = self.at.max(now);
    }
}

fn burst_bits(rate: u64) -> u64 {
    rate * BURST.as_micros() as u64 / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_leave_at_the_rate_once_the_burst_is_spent() {
        let start = Time::from_micros(1_000_000);
        let mut pacer = Pacer::new(start, 1_000_000);
        let mut now = start;
        let mut sent = 0;
        while now < start + Duration::from_secs(2) {
            if pacer.ready_at() <= now {
                pacer.sent(now, 1_250);
                sent += 1;
            } else {
                now = pacer.ready_at();
            }
        }
        assert!((200..=202).contains(&sent), "{sent} packets of 10 ms in 2 s");
    }
}
