//! Whether a queue grows: the slope of the delay, against a threshold that adapts.

use super::arrival::Variation;

/// What the delay says of the load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Usage {
    /// A queue shrinks.
    Under,
    /// No queue changes.
    #[default]
    Normal,
    /// A queue grows.
    Over,
}

/// Points of the line that is fitted. This and the next four as in libwebrtc's estimator, which
/// every browser is known to work with.
const WINDOW: usize = 20;
const SMOOTHING: f64 = 0.9;
const GAIN: f64 = 4.0;
/// A slope counts fully once it is made of so many variations.
const MAX_COUNT: f64 = 60.0;
/// For so long the slope must be too high, in milliseconds of sending.
const OVER_MS: f64 = 10.0;
/// The threshold at first, its limits, and its speed upwards and downwards per millisecond (Carlucci
/// et al., "Analysis and Design of the Google Congestion Control", 2016, section 4.2).
const FIRST_THRESHOLD: f64 = 12.5;
const THRESHOLDS: (f64, f64) = (6.0, 600.0);
const SPEED_UP: f64 = 0.0087;
const SPEED_DOWN: f64 = 0.039;
/// Slopes further above the threshold than this are jumps of the path, to which it does not adapt.
const JUMP: f64 = 15.0;
/// Longest step in time that the threshold adapts over, in milliseconds.
const LONGEST_STEP_MS: f64 = 100.0;

/// Fits a line through the smoothed, accumulated delay of the last bursts.
#[derive(Clone, Debug)]
pub(super) struct Trend {
    /// Arrival in ms from `origin_us`, smoothed delay in ms: a ring.
    points: [(f64, f64); WINDOW],
    count: u64,
    origin_us: i64,
    accumulated_ms: f64,
    smoothed_ms: f64,
    threshold: f64,
    adapted_us: i64,
    before: f64,
    over_ms: f64,
    overs: u32,
    usage: Usage,
}

impl Default for Trend {
    fn default() -> Self {
        Self {
            points: [(0.0, 0.0); WINDOW],
            count: 0,
            origin_us: 0,
            accumulated_ms: 0.0,
            smoothed_ms: 0.0,
            threshold: FIRST_THRESHOLD,
            adapted_us: 0,
            before: 0.0,
            over_ms: 0.0,
            overs: 0,
            usage: Usage::Normal,
        }
    }
}

impl Trend {
    /// Takes the variation between two bursts; what the load is now.
    pub(super) fn push(&mut self, variation: Variation) -> Usage {
        if self.count == 0 {
            self.origin_us = variation.arrival_us;
            self.adapted_us = variation.arrival_us;
        }
        self.accumulated_ms += variation.delay_us as f64 / 1e3;
        self.smoothed_ms = SMOOTHING * self.smoothed_ms + (1.0 - SMOOTHING) * self.accumulated_ms;
        let at_ms = (variation.arrival_us - self.origin_us) as f64 / 1e3;
        self.points[(self.count % WINDOW as u64) as usize] = (at_ms, self.smoothed_ms);
        self.count += 1;
        let slope = if self.count < WINDOW as u64 { 0.0 } else { slope(&self.points) };
        let value = (self.count as f64).min(MAX_COUNT) * slope * GAIN;
        self.judge(value, slope, variation.sent_us as f64 / 1e3);
        self.adapt(value, variation.arrival_us);
        self.usage
    }

    fn judge(&mut self, value: f64, slope: f64, sent_ms: f64) {
        if value > self.threshold {
            self.over_ms += if self.overs == 0 { sent_ms / 2.0 } else { sent_ms };
            self.overs += 1;
            if self.over_ms > OVER_MS && self.overs > 1 && slope >= self.before {
                self.over_ms = 0.0;
                self.overs = 0;
                self.usage = Usage::Over;
            }
        } else {
            self.over_ms = 0.0;
            self.overs = 0;
            self.usage = if value < -self.threshold { Usage::Under } else { Usage::Normal };
        }
        self.before = slope;
    }

    fn adapt(&mut self, value: f64, at_us: i64) {
        let size = value.abs();
        if size <= self.threshold + JUMP {
            let speed = if size < self.threshold { SPEED_DOWN } else { SPEED_UP };
            let step_ms = ((at_us - self.adapted_us) as f64 / 1e3).min(LONGEST_STEP_MS);
            self.threshold = (self.threshold + speed * (size - self.threshold) * step_ms)
                .clamp(THRESHOLDS.0, THRESHOLDS.1);
        }
        self.adapted_us = at_us;
    }
}

/// The slope of the least-squares line.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (x_sum, y_sum) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0, y + p.1));
    let (x_mean, y_mean) = (x_sum / count, y_sum / count);
    let (above, below) = points.iter().fold((0.0, 0.0), |(above, below), (x, y)| {
        (above + (x - x_mean) * (y - y_mean), below + (x - x_mean) * (x - x_mean))
    });
    if below > 0.0 { above / below } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said after bursts each 20 ms that take `delay_us(n)` longer each.
    fn usage(bursts: i64, delay_us: impl Fn(i64) -> i64) -> Usage {
        let mut trend = Trend::default();
        let mut arrival_us = 5_000_000_000;
        (0..bursts)
            .map(|n| {
                arrival_us += 20_000 + delay_us(n);
                trend.push(Variation { sent_us: 20_000, delay_us: delay_us(n), arrival_us })
            })
            .last()
            .unwrap()
    }

    #[test]
    fn a_queue_that_grows_is_overuse_and_one_that_shrinks_is_underuse() {
        assert_eq!(usage(100, |_| 0), Usage::Normal);
        assert_eq!(usage(100, |n| if n > 70 { 3_000 } else { 0 }), Usage::Over);
        assert_eq!(usage(100, |n| if n > 70 { -3_000 } else { 0 }), Usage::Under);
    }

    #[test]
    fn noise_around_a_steady_delay_is_neither() {
        assert_eq!(usage(300, |n| if n % 2 == 0 { 4_000 } else { -4_000 }), Usage::Normal);
    }
}
