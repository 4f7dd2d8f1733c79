//! Time as the core sees it: a number that the shell hands in.

use std::{
    ops::{Add, Sub},
    time::Duration,
};

/// Seconds between the NTP epoch (1900) and the Unix epoch (1970), RFC 5905 section 6.
const NTP_UNIX_OFFSET_S: u64 = 2_208_988_800;

/// A point in time: microseconds since the Unix epoch, monotonic.
///
/// The shell anchors a monotonic clock to the wall clock once, at start; the core therefore gets
/// instants that never go back and that can still be written into sender reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// A point in time from microseconds since the Unix epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time passed since `earlier`, or zero if `earlier` is later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// This time as a 64-bit NTP timestamp (RFC 5905 section 6: 32.32 fixed point).
    pub const fn to_ntp(self) -> NtpTime {
        let seconds = self.0 / 1_000_000 + NTP_UNIX_OFFSET_S;
        let fraction = ((self.0 % 1_000_000) << 32) / 1_000_000;
        NtpTime((seconds << 32) | fraction)
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(micros))
    }
}

/// A 64-bit NTP timestamp as RTCP sender reports carry it (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// The middle 32 bits, as in the LSR field of a report block (RFC 3550 section 6.4.1).
    pub const fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// Microseconds since the Unix epoch; times before 1970 become zero.
    pub const fn to_time(self) -> Time {
        let seconds = (self.0 >> 32).saturating_sub(NTP_UNIX_OFFSET_S);
        let micros = ((self.0 & 0xffff_ffff) * 1_000_000) >> 32;
        Time(seconds * 1_000_000 + micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_round_trip_keeps_the_microsecond_within_one() {
        for micros in [0, 1, 999_999, 1_795_244_400_123_456] {
            let time = Time::from_micros(micros);
            let back = time.to_ntp().to_time().as_micros();
            assert!(micros.abs_diff(back) <= 1, "{micros} came back as {back}");
        }
    }

    #[test]
    fn subtraction_stops_at_the_epoch() {
        assert_eq!(Time::from_micros(5) - Duration::from_secs(1), Time::from_micros(0));
    }
}
