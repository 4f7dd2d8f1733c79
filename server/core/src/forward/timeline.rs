//! The media time of a slot, across sources that know nothing of one another.

use std::time::Duration;

use super::Received;
use crate::{id::RtpTime, time::Time};

/// Longest step in clock units that a slot's media time makes at a re-point: a receiver takes a step
/// of 2^31 for one backwards (RFC 3550 section 5.1). Reached after 3 hours of an empty video slot.
const MAX_STEP: i64 = 1 << 30;

/// How far replayed frames are pushed together, at most: 1 s of them becomes 16 ms.
const MAX_COMPRESSION: u64 = 64;

/// How far the media time by a publisher's sender report may be from that of its packets.
const MAX_CLOCK_ERROR: Duration = Duration::from_secs(10);

/// How far the media time of a layer by its sender report may be from that by arrival, when a slot
/// goes over to it: more than a network delays one layer and not the other.
const MAX_SWITCH_ERROR: Duration = Duration::from_secs(1);

/// Where one source's media time falls on the slot: a line of slope 1 from the knee on, and of slope
/// 1 / `compression` before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    /// Media time of the source.
    knee: u64,
    /// The same instant on the slot.
    at_knee: u64,
    /// At least 1.
    compression: u64,
}

impl Mapping {
    /// The time on the slot for a time of the source. Strictly monotonic from the knee on, and
    /// before it for times that are at least `compression` apart.
    pub(super) const fn map(&self, timestamp: u64) -> u64 {
        if timestamp >= self.knee {
            self.at_knee.wrapping_add(timestamp - self.knee)
        } else {
            self.at_knee.wrapping_sub((self.knee - timestamp) / self.compression)
        }
    }

    /// What is added (modulo 2^32) to live times of the source.
    pub(super) const fn offset(&self) -> u32 {
        self.at_knee.wrapping_sub(self.knee) as u32
    }
}

/// How much media time a slot has used up, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timeline {
    clock_rate: u32,
    /// Least step at a re-point.
    step: u64,
    /// Highest media time sent, and when the first packet of it had come; before anything was sent,
    /// the media time to start with.
    highest: u64,
    at: Option<Time>,
    /// How far media time runs ahead of the wall clock because steps had to be longer than the time
    /// that had passed. Made good at later re-points.
    ahead: u64,
}

impl Timeline {
    /// A timeline in units of `clock_rate` Hz. A re-point moves it on by at least `step`.
    pub(super) const fn new(clock_rate: u32, step: u64, start: u32) -> Self {
        // The offset leaves room below the first time; its low 32 bits are zero.
        Self { clock_rate, step, highest: (1 << 40) + start as u64, at: None, ahead: 0 }
    }

    /// A mapping for a source that starts live, with `first`.
    pub(super) fn start(&mut self, first: &Received) -> Mapping {
        let at_knee = self.advance(first.at, self.step);
        Mapping { knee: first.timestamp, at_knee, compression: 1 }
    }

    /// A mapping for a source that takes over live, with `first`, whose media time on the slot is
    /// `expected` by the clocks of both sources. It is not less than one unit past all that was
    /// sent. `None` if that is not what the wall clock says, by far: the clocks are wrong.
    pub(super) fn resume(&mut self, first: &Received, expected: RtpTime) -> Option<Mapping> {
        let sent = self.at?;
        let passed = self.units(first.at.saturating_since(sent));
        let step = i64::from(expected.distance(RtpTime(self.highest as u32)));
        if step.abs_diff(passed) > self.units(MAX_SWITCH_ERROR).unsigned_abs() {
            return None;
        }
        let at_knee = self.highest.wrapping_add_signed(step.max(1));
        Some(Mapping { knee: first.timestamp, at_knee, compression: 1 })
    }

    /// A mapping for a source of which frames were kept. `frames` are their media times, ascending,
    /// `newest` is the first packet of the last one. That frame gets the live time, those before it
    /// are pushed together in front of it.
    pub(super) fn start_replay(
        &mut self,
        frames: impl Iterator<Item = u64>,
        newest: &Received,
    ) -> Mapping {
        let knee = newest.timestamp;
        let (mut first, mut last, mut compression) = (knee, None, MAX_COMPRESSION);
        for frame in frames {
            first = first.min(frame);
            if let Some(apart) = last.and_then(|last| frame.checked_sub(last)).filter(|&d| d > 0) {
                compression = compression.min(apart);
            }
            last = Some(frame);
        }
        let span = (knee - first) / compression;
        let at_knee = self.advance(newest.at, self.step + span);
        Mapping { knee, at_knee, compression }
    }

    /// Notes that a packet was sent with media time `timestamp`.
    #[inline]
    pub(super) fn sent(&mut self, timestamp: u64, at: Time) {
        if timestamp > self.highest || self.at.is_none() {
            self.highest = timestamp;
            self.at = Some(at);
        }
    }

    /// Highest media time sent; before anything was sent, the one to start with.
    pub(super) const fn highest(&self) -> RtpTime {
        RtpTime(self.highest as u32)
    }

    /// The clock rate in Hz.
    pub(super) const fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    /// Whether `rtp` can be the media time at `now`, by what was sent: some seconds of it are
    /// allowed for, because packets may pause while media time runs on, or stand still.
    pub(super) fn is_near(&self, rtp: RtpTime, now: Time) -> bool {
        let Some(at) = self.at else { return false };
        let expected = self.highest.wrapping_add_signed(self.units(now.saturating_since(at)));
        let distance = i64::from(rtp.distance(RtpTime(expected as u32)));
        distance.abs() <= self.units(MAX_CLOCK_ERROR)
    }

    /// The media time of a packet that came at `at`, `least` units or more past all that was sent.
    fn advance(&mut self, at: Time, least: u64) -> u64 {
        let Some(sent) = self.at else {
            return self.highest + least - self.step;
        };
        let passed = self.units(at.saturating_since(sent)) - self.units(sent.saturating_since(at));
        let wanted = passed.saturating_sub_unsigned(self.ahead);
        let step = wanted.clamp(least as i64, MAX_STEP.max(least as i64));
        self.ahead = step.saturating_sub(wanted).max(0) as u64;
        self.highest.wrapping_add_signed(step)
    }

    fn units(&self, duration: Duration) -> i64 {
        let units = duration.as_micros() * u128::from(self.clock_rate) / 1_000_000;
        i64::try_from(units).unwrap_or(MAX_STEP)
    }
}
