//! How long a flow takes to follow its link.

use super::{Profile, Sample};

/// Smaller changes of the capacity are not measured, in per cent.
const CHANGE: u64 = 25;
/// Settled downwards: the estimate is no more than this over the capacity, and what is sent, over
/// a second, no more than the second, for so many samples.
const DOWN: (f64, f64, usize) = (1.05, 1.1, 10);
/// Settled upwards: the estimate is at least this share of the capacity, or of what is wanted if that
/// is less, for so many samples.
const UP: (f64, usize) = (0.8, 5);

/// Seconds after each change of the capacity until the flow had followed; the time until the next
/// change where it had not.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Settled {
    /// After the capacity went down.
    pub(super) down_s: Vec<f64>,
    /// After it went up; the first entry is the start.
    pub(super) up_s: Vec<f64>,
}

/// Measures every change of the capacity, the start included.
pub(super) fn settled(profile: &Profile, samples: &[Sample]) -> Settled {
    let mut settled = Settled::default();
    let mut before = 0;
    for (index, &(from_s, kbits)) in profile.capacity.iter().enumerate() {
        let to_s =
            profile.capacity.get(index + 1).map_or(f64::from(profile.seconds), |next| next.0);
        let from = samples.partition_point(|sample| sample.at_s <= from_s + 0.05);
        let to = samples.partition_point(|sample| sample.at_s <= to_s + 0.05);
        let phase = &samples[from..to];
        if kbits * 100 < before * (100 - CHANGE) {
            settled.down_s.push(seconds(phase, DOWN.2, |window, last| {
                let second = &window[window.len().saturating_sub(10)..];
                let sent = second.iter().map(|s| s.sent).sum::<u64>() / second.len().max(1) as u64;
                let capacity = last.capacity as f64;
                last.estimate as f64 <= capacity * DOWN.0 && sent as f64 <= capacity * DOWN.1
            }));
        } else if kbits * 100 > before * (100 + CHANGE) {
            settled.up_s.push(seconds(phase, UP.1, |_, last| {
                last.estimate as f64 >= profile.reach(last.capacity) * UP.0
            }));
        }
        before = kbits;
    }
    settled
}

/// Seconds until `good` holds for `count` samples in a row; it is given all samples up to the one
/// in question, and that one.
fn seconds(phase: &[Sample], count: usize, good: impl Fn(&[Sample], &Sample) -> bool) -> f64 {
    let mut row = 0;
    for index in 0..phase.len() {
        row = if good(&phase[..=index], &phase[index]) { row + 1 } else { 0 };
        if row == count.min(phase.len()) {
            return (index + 1 - row) as f64 / 10.0;
        }
    }
    phase.len() as f64 / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bandwidth::PROFILES;

    #[test]
    fn the_time_counts_from_the_change_to_where_the_flow_stays() {
        let profile =
            Profile { capacity: &[(0.0, 1_000), (10.0, 400)], seconds: 20, ..PROFILES[0] };
        let samples: Vec<_> = (1..=200)
            .map(|n| {
                let at_s = f64::from(n) / 10.0;
                let rate = match at_s {
                    ..=2.0 => 300_000,
                    ..=11.5 => 900_000,
                    _ => 350_000,
                };
                let capacity = if at_s <= 10.0 { 1_000_000 } else { 400_000 };
                Sample { at_s, capacity, estimate: rate, sent: rate, ..Sample::default() }
            })
            .collect();
        let settled = settled(&profile, &samples);
        assert_eq!(settled.up_s, [2.0]);
        assert!((1.5..=2.5).contains(&settled.down_s[0]), "{settled:?}");
    }
}
