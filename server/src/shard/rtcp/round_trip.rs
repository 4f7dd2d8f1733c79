//! The round trip to a subscriber, from the echo of our sender reports.

use std::time::{Duration, Instant};

use sotto_core::time::NtpTime;

use super::ReportBlock;

/// Sender reports that are remembered: two seconds of them at 16 slots.
const REMEMBERED: usize = 32;

/// The sender reports that went to one peer.
///
/// A report block names the report that it answers by the middle of its NTP time. That time is the
/// publisher's, moved to our clock, and not the moment of sending (RFC 3550 section 6.4.1 computes
/// with the latter), so the moment is remembered beside it.
#[derive(Clone, Debug, Default)]
pub struct SentReports {
    sent: Vec<(u32, Instant)>,
    /// The oldest, once all places are taken.
    oldest: usize,
}

impl SentReports {
    /// A report went out.
    pub fn sent(&mut self, now: Instant, ntp: NtpTime) {
        let entry = (ntp.middle(), now);
        if self.sent.len() < REMEMBERED {
            self.sent.push(entry);
        } else {
            self.sent[self.oldest] = entry;
            self.oldest = (self.oldest + 1) % REMEMBERED;
        }
    }

    /// The round trip that a block allows to compute.
    pub fn round_trip(&self, now: Instant, block: &ReportBlock) -> Option<Duration> {
        if block.last_report == 0 {
            return None;
        }
        let (_, at) = self.sent.iter().find(|(middle, _)| *middle == block.last_report)?;
        let held = Duration::from_micros((u64::from(block.delay) * 1_000_000) >> 16);
        now.saturating_duration_since(*at).checked_sub(held)
    }
}

#[cfg(test)]
mod tests {
    use sotto_core::id::Ssrc;

    use super::*;

    fn block(last_report: u32, delay: u32) -> ReportBlock {
        ReportBlock {
            ssrc: Ssrc(1),
            fraction_lost: 0,
            lost: 0,
            highest_seq: 0,
            jitter: 0,
            last_report,
            delay,
        }
    }

    #[test]
    fn the_time_that_the_peer_held_the_report_is_taken_off() {
        let start = Instant::now();
        let mut reports = SentReports::default();
        reports.sent(start, NtpTime(77 << 16));
        let later = start + Duration::from_millis(600);
        let half_a_second = 32_768;
        assert_eq!(
            reports.round_trip(later, &block(77, half_a_second)),
            Some(Duration::from_millis(100))
        );
        assert_eq!(
            reports.round_trip(later, &block(77, 65_536)),
            None,
            "held for longer than gone"
        );
        assert_eq!(reports.round_trip(later, &block(78, 0)), None, "never sent");
        assert_eq!(reports.round_trip(later, &block(0, 0)), None, "none received");
    }

    #[test]
    fn only_the_newest_reports_are_remembered() {
        let start = Instant::now();
        let mut reports = SentReports::default();
        for middle in 1..=100 {
            reports.sent(start, NtpTime(middle << 16));
        }
        assert_eq!(reports.sent.len(), REMEMBERED);
        assert!(reports.round_trip(start, &block(100, 0)).is_some());
        assert!(reports.round_trip(start, &block(69, 0)).is_some());
        assert_eq!(reports.round_trip(start, &block(68, 0)), None);
    }
}
