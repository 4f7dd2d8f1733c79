//! How a publisher's sources arrive, for our receiver reports to it.
//!
//! Beside loss and round trip they tell Chrome that its packets arrive, upon which it stops to repeat
//! the MID in each of them.

use std::time::{Duration, Instant};

use sotto_core::{
    id::{RtpTime, SeqNo, Ssrc},
    time::NtpTime,
};

use super::ReportBlock;

/// Sources of one peer that are watched. Microphone, camera and screen with three layers each need
/// fewer; the one that was silent for longest makes room.
pub const MAX_SOURCES: usize = 16;

/// A jump of the sequence number by more than this is not loss but a new beginning (RFC 3550
/// appendix A.1: MAX_DROPOUT).
const MAX_GAP: i16 = 3_000;

/// The sources of one peer.
#[derive(Clone, Debug, Default)]
pub struct Receptions {
    sources: Vec<Reception>,
}

#[derive(Clone, Debug)]
struct Reception {
    ssrc: Ssrc,
    /// Extended number before the first.
    before: u32,
    /// Extended.
    highest: u32,
    received: u32,
    expected_at_report: u32,
    received_at_report: u32,
    arrived: Instant,
    timestamp: RtpTime,
    /// Sixteen times the jitter, in clock units (RFC 3550 appendix A.8).
    jitter_16: u32,
    report: Option<(u32, Instant)>,
}

impl Receptions {
    /// A packet was accepted. `clock_rate` in Hz.
    pub fn packet(
        &mut self,
        now: Instant,
        ssrc: Ssrc,
        seq: SeqNo,
        timestamp: RtpTime,
        clock_rate: u32,
    ) {
        let Some(source) = self.sources.iter_mut().find(|source| source.ssrc == ssrc) else {
            self.make_room();
            self.sources.push(Reception::start(now, ssrc, seq, timestamp));
            return;
        };
        let ahead = seq.distance(SeqNo(source.highest as u16));
        if !(-MAX_GAP..=MAX_GAP).contains(&ahead) {
            *source = Reception::start(now, ssrc, seq, timestamp);
            return;
        }
        source.received = source.received.wrapping_add(1);
        if ahead > 0 {
            source.highest = source.highest.wrapping_add(ahead.unsigned_abs().into());
        }
        // Packets of one frame share a timestamp: only the first of them tells of the network.
        if timestamp != source.timestamp && ahead > 0 {
            let rate = f64::from(clock_rate);
            let passed = now.saturating_duration_since(source.arrived).as_secs_f64() * rate;
            let deviation = (passed - f64::from(timestamp.distance(source.timestamp))).abs();
            // A pause of the source is not jitter.
            if deviation < rate {
                let deviation = deviation as u32;
                let decayed = source.jitter_16 - ((source.jitter_16 + 8) >> 4);
                source.jitter_16 = decayed.saturating_add(deviation);
            }
            (source.arrived, source.timestamp) = (now, timestamp);
        }
    }

    /// A sender report came.
    pub fn sender_report(&mut self, now: Instant, ssrc: Ssrc, ntp: NtpTime) {
        if let Some(source) = self.sources.iter_mut().find(|source| source.ssrc == ssrc) {
            source.report = Some((ntp.middle(), now));
        }
    }

    /// The source ended.
    pub fn bye(&mut self, ssrc: Ssrc) {
        self.sources.retain(|source| source.ssrc != ssrc);
    }

    /// Whether a report would have a block.
    pub fn is_due(&self) -> bool {
        self.sources.iter().any(Reception::is_due)
    }

    /// A block for each source that sent since the last time, into `blocks`.
    pub fn report(&mut self, now: Instant, blocks: &mut Vec<ReportBlock>) {
        blocks.clear();
        for source in &mut self.sources {
            if source.is_due() {
                blocks.push(source.block(now));
            }
        }
    }

    fn make_room(&mut self) {
        if self.sources.len() == MAX_SOURCES
            && let Some((oldest, _)) =
                self.sources.iter().enumerate().min_by_key(|(_, source)| source.arrived)
        {
            self.sources.swap_remove(oldest);
        }
    }
}

impl Reception {
    fn start(now: Instant, ssrc: Ssrc, seq: SeqNo, timestamp: RtpTime) -> Self {
        let highest = u32::from(seq.0);
        Self {
            ssrc,
            before: highest.wrapping_sub(1),
            highest,
            received: 1,
            expected_at_report: 0,
            received_at_report: 0,
            arrived: now,
            timestamp,
            jitter_16: 0,
            report: None,
        }
    }

    fn is_due(&self) -> bool {
        self.received != self.received_at_report
    }

    /// RFC 3550 appendix A.3.
    fn block(&mut self, now: Instant) -> ReportBlock {
        let expected = self.highest.wrapping_sub(self.before);
        let expected_now = expected.wrapping_sub(self.expected_at_report);
        let received_now = self.received.wrapping_sub(self.received_at_report);
        (self.expected_at_report, self.received_at_report) = (expected, self.received);
        let lost_now = expected_now.saturating_sub(received_now);
        let fraction = (u64::from(lost_now) << 8) / u64::from(expected_now.max(1));
        let lost = expected.wrapping_sub(self.received).cast_signed();
        let (last_report, delay) = match self.report {
            Some((middle, at)) => (middle, short_ntp(now.saturating_duration_since(at))),
            None => (0, 0),
        };
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: lost.clamp(-0x80_0000, 0x7f_ffff),
            highest_seq: self.highest,
            jitter: self.jitter_16 >> 4,
            last_report,
            delay,
        }
    }
}

/// A duration in 1/65,536 seconds.
fn short_ntp(duration: Duration) -> u32 {
    u32::try_from((duration.as_micros() << 16) / 1_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 90_000;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn block(receptions: &mut Receptions, now: Instant) -> ReportBlock {
        let mut blocks = Vec::new();
        receptions.report(now, &mut blocks);
        assert_eq!(blocks.len(), 1);
        blocks[0]
    }

    /// Feeds packets of 20 ms each.
    fn feed(receptions: &mut Receptions, start: Instant, seqs: impl IntoIterator<Item = u16>) {
        for (index, seq) in seqs.into_iter().enumerate() {
            let index = index as u64;
            let time = RtpTime(index as u32 * 1_800);
            receptions.packet(start + ms(20 * index), Ssrc(1), SeqNo(seq), time, RATE);
        }
    }

    #[test]
    fn loss_is_told_as_a_share_since_the_last_report_and_in_all() {
        let (start, mut receptions) = (Instant::now(), Receptions::default());
        feed(&mut receptions, start, (0..10).filter(|seq| *seq != 3 && *seq != 4));
        let first = block(&mut receptions, start);
        assert_eq!((first.fraction_lost, first.lost, first.highest_seq), (51, 2, 9));
        receptions.packet(start, Ssrc(1), SeqNo(10), RtpTime(0), RATE);
        let second = block(&mut receptions, start);
        assert_eq!((second.fraction_lost, second.lost, second.highest_seq), (0, 2, 10));
    }

    #[test]
    fn the_highest_number_counts_its_wraps() {
        let (start, mut receptions) = (Instant::now(), Receptions::default());
        feed(&mut receptions, start, [65_534, 65_535, 0, 1, 65_535]);
        let report = block(&mut receptions, start);
        assert_eq!(report.highest_seq, 0x1_0001);
        assert_eq!(report.lost, -1, "the duplicate counts against the loss");
        assert_eq!(report.fraction_lost, 0);
    }

    #[test]
    fn a_regular_source_has_no_jitter_and_an_irregular_one_has() {
        let (start, mut receptions) = (Instant::now(), Receptions::default());
        feed(&mut receptions, start, 0..100);
        assert_eq!(block(&mut receptions, start).jitter, 0);
        for index in 100..400_u32 {
            let late = if index % 2 == 0 { 10 } else { 0 };
            let at = start + ms(u64::from(index) * 20 + late);
            receptions.packet(at, Ssrc(1), SeqNo(index as u16), RtpTime(index * 1_800), RATE);
        }
        let jitter = block(&mut receptions, start).jitter;
        assert!((850..=900).contains(&jitter), "10 ms are 900 units, jitter is {jitter}");
    }

    #[test]
    fn the_last_sender_report_and_its_age_are_told() {
        let (start, mut receptions) = (Instant::now(), Receptions::default());
        feed(&mut receptions, start, 0..2);
        receptions.sender_report(start, Ssrc(1), NtpTime(0x1234_5678_9abc_def0));
        let report = block(&mut receptions, start + ms(1_500));
        assert_eq!((report.last_report, report.delay), (0x5678_9abc, 65_536 * 3 / 2));
    }

    #[test]
    fn a_silent_or_ended_source_is_not_reported() {
        let (start, mut receptions) = (Instant::now(), Receptions::default());
        feed(&mut receptions, start, 0..2);
        block(&mut receptions, start);
        let mut blocks = Vec::new();
        receptions.report(start, &mut blocks);
        assert!(blocks.is_empty());
        feed(&mut receptions, start, 2..3);
        receptions.bye(Ssrc(1));
        receptions.report(start, &mut blocks);
        assert!(blocks.is_empty());
    }

    #[test]
    fn more_sources_than_there_are_places_push_out_the_oldest() {
        let (start, mut receptions) = (Instant::now(), Receptions::default());
        for index in 0..100_u32 {
            let at = start + ms(index.into());
            receptions.packet(at, Ssrc(index), SeqNo(0), RtpTime(0), RATE);
        }
        let mut blocks = Vec::new();
        receptions.report(start, &mut blocks);
        assert_eq!(blocks.len(), MAX_SOURCES);
        assert!(blocks.iter().all(|block| block.ssrc.0 >= 100 - MAX_SOURCES as u32));
    }

    #[test]
    fn a_leap_of_the_numbers_starts_anew_instead_of_reporting_loss() {
        let (start, mut receptions) = (Instant::now(), Receptions::default());
        feed(&mut receptions, start, [1, 2, 20_000, 20_001]);
        let report = block(&mut receptions, start);
        assert_eq!((report.lost, report.highest_seq), (0, 20_001));
    }
}
