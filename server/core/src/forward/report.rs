//! Publishers' clocks, for the sender reports of slots.

use std::time::Duration;

use sotto_frame::MediaTime;

use crate::{
    id::RtpTime,
    time::{NtpTime, Time},
};

/// How far a publisher's wall clock may move against ours before it counts as set anew (it was
/// corrected, or the machine slept), in units of 2^-32 s: 10 s.
const MAX_DRIFT: u64 = 10 << 32;

/// The wall clock of one publisher, as the node's.
///
/// The sender reports of slots carry the node's wall clock, and not the publisher's as the
/// publisher's own reports do. A slot shows one publisher after the other. Their clocks differ by
/// seconds or years, and a browser fits one line through all the (NTP, RTP) pairs of a source, so
/// each re-point would break lip sync until the old pairs are forgotten. It also computes the round
/// trip from the NTP time of our report, which must therefore be our present time.
///
/// What lip sync needs is kept: **one** constant distance between the two clocks for all media of a
/// publisher, taken from its first sender report. Audio and video of a person move by the same
/// amount (its clock's error and the way of that first report), so they stay aligned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublisherClock {
    /// Added to the publisher's time, modulo 2^64.
    distance: Option<u64>,
}

/// The relation of a layer's media clock to its publisher's wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaClock {
    rate: u32,
    last: Option<(NtpTime, RtpTime)>,
}

impl PublisherClock {
    /// A clock of which nothing is known.
    pub const fn new() -> Self {
        Self { distance: None }
    }

    /// Takes the wall clock of a sender report, of any medium of the publisher, that came `now`.
    pub fn observe(&mut self, now: Time, ntp: NtpTime) {
        let distance = now.to_ntp().0.wrapping_sub(ntp.0);
        let known = self.distance.filter(|known| {
            let drift = distance.wrapping_sub(*known) as i64;
            drift.unsigned_abs() <= MAX_DRIFT
        });
        self.distance = known.or(Some(distance));
    }
}

impl PublisherClock {
    /// How far it is from ours; `None` until its first report.
    pub const fn distance(&self) -> Option<u64> {
        self.distance
    }

    /// What it says `now`, in milliseconds since the Unix epoch modulo 2^32, and the very moment of
    /// our own clock at which it does: at most a millisecond ago. `None` until its first report.
    pub fn at(&self, now: Time) -> Option<(MediaTime, Time)> {
        let theirs = NtpTime(now.to_ntp().0.wrapping_sub(self.distance?)).to_time().as_micros();
        let since = Duration::from_micros(theirs % 1_000);
        Some((MediaTime((theirs / 1_000) as u32), now - since))
    }
}

impl MediaClock {
    /// A clock of `rate` Hz of which nothing is known.
    pub const fn new(rate: u32) -> Self {
        Self { rate, last: None }
    }

    /// Takes the layer's sender report. The publisher's clock takes it too
    /// ([`PublisherClock::observe`]), before.
    pub const fn observe(&mut self, ntp: NtpTime, rtp: RtpTime) {
        self.last = Some((ntp, rtp));
    }

    /// Whether there was a report.
    pub const fn is_known(&self) -> bool {
        self.last.is_some()
    }

    /// The layer's media time at NTP time zero (modulo 2^32), by its last report and the nominal
    /// rate. Two layers of a publisher are as far apart as these are.
    pub fn origin(&self) -> Option<RtpTime> {
        let (ntp, rtp) = self.last?;
        let units = (u128::from(ntp.0) * u128::from(self.rate) + (1 << 31)) >> 32;
        Some(rtp.offset((units as u32).wrapping_neg()))
    }

    /// The layer's media time at `now`, by its last report and the nominal rate.
    pub fn at(&self, now: Time, publisher: &PublisherClock) -> Option<RtpTime> {
        let ((ntp, rtp), distance) = (self.last?, publisher.distance?);
        let since = now.to_ntp().0.wrapping_sub(ntp.0.wrapping_add(distance)) as i64;
        // To the nearest unit: NTP times are themselves cut off.
        let units = (i128::from(since) * i128::from(self.rate) + (1 << 31)) >> 32;
        Some(rtp.offset(units as u32))
    }
}
