//! How much arrives, by the receiver's clock, and whether it comes as fast as it was sent.

/// Length of a step in microseconds.
const STEP_US: i64 = 25_000;
/// Steps that are remembered: one second.
const STEPS: usize = 40;

/// Bytes that arrived in the last second, in steps of 25 ms.
#[derive(Clone, Debug)]
pub(super) struct Throughput {
    /// Bytes of each step, a ring; the place of a step is its number modulo [`STEPS`].
    bytes: [u64; STEPS],
    /// The first step ever, and the newest.
    steps: Option<(i64, i64)>,
    /// The newest arrival, in microseconds.
    newest_us: i64,
    /// Of the packet that was sent last of all that had arrived by the end of each step: when it was
    /// sent and when it arrived, in microseconds.
    newest: [(i64, i64); STEPS],
}

impl Default for Throughput {
    fn default() -> Self {
        Self { bytes: [0; STEPS], steps: None, newest_us: 0, newest: [(0, 0); STEPS] }
    }
}

impl Throughput {
    /// Counts bytes that arrived. Those from before the last second count no more.
    pub(super) fn push(&mut self, sent_us: i64, arrival_us: i64, bytes: u32) {
        let step = arrival_us.div_euclid(STEP_US);
        let (first, newest) = *self.steps.get_or_insert_with(|| {
            self.newest = [(sent_us, arrival_us); STEPS];
            (step, step)
        });
        let before = self.newest[place(newest)];
        if step > newest {
            if step - newest >= STEPS as i64 {
                self.bytes = [0; STEPS];
                self.newest = [before; STEPS];
            } else {
                for passed in newest + 1..=step {
                    self.bytes[place(passed)] = 0;
                    self.newest[place(passed)] = before;
                }
            }
            self.steps = Some((first, step));
        } else if newest - step >= STEPS as i64 {
            return;
        }
        self.newest_us = self.newest_us.max(arrival_us);
        self.bytes[place(step)] += u64::from(bytes);
        let newest = &mut self.newest[place(step.max(newest))];
        if sent_us > newest.0 {
            *newest = (sent_us, arrival_us);
        }
    }

    /// The time in which what arrived over the last `window_us` was sent, as a share of the time in
    /// which it arrived: below one while the way carries less than what is sent. A receiver that
    /// reads its packets late and all at once shows one. `None` as for [`Self::rate`].
    pub(super) fn keeps_up(&self, window_us: i64) -> Option<f64> {
        let (first, newest) = self.steps?;
        let count = (window_us / STEP_US).clamp(1, STEPS as i64 - 1);
        if newest - first < count {
            return None;
        }
        let (then, now) = (self.newest[place(newest - count)], self.newest[place(newest)]);
        let (sent_us, arrival_us) = (now.0 - then.0, now.1 - then.1);
        (arrival_us > 0).then(|| sent_us as f64 / arrival_us as f64)
    }

    /// Bits per second over the last `window_us` (at most one second) up to the newest arrival;
    /// `None` before so much time has passed since the first.
    pub(super) fn rate(&self, window_us: i64) -> Option<u64> {
        let (first, newest) = self.steps?;
        let count = (window_us / STEP_US).clamp(1, STEPS as i64 - 1);
        if newest - first < count {
            return None;
        }
        let bytes: u64 = (newest - count..=newest).map(|step| self.bytes[place(step)]).sum();
        // The newest step is not over yet.
        let us = count * STEP_US + (self.newest_us - newest * STEP_US).max(0);
        Some(bytes * 8 * 1_000_000 / us as u64)
    }
}

const fn place(step: i64) -> usize {
    step.rem_euclid(STEPS as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_window_and_old_bytes_are_forgotten() {
        let mut throughput = Throughput::default();
        let mut at_us = -3_000_000;
        assert_eq!(throughput.rate(500_000), None);
        for _ in 0..300 {
            at_us += 10_000;
            throughput.push(at_us - 30_000, at_us, 1_250);
        }
        let rate = throughput.rate(500_000).unwrap();
        assert!(rate.abs_diff(1_000_000) < 30_000, "{rate}");
        for _ in 0..30 {
            at_us += 10_000;
            throughput.push(at_us - 30_000, at_us, 125);
        }
        let (short, long) = (throughput.rate(200_000).unwrap(), throughput.rate(900_000).unwrap());
        assert!(short.abs_diff(100_000) < 10_000, "{short}");
        assert!(long > 500_000, "{long}");
        throughput.push(at_us + 10_000_000, at_us + 10_000_000, 1);
        assert!(throughput.rate(500_000).unwrap() < 100);
    }

    #[test]
    fn a_narrow_way_stretches_what_was_sent_and_a_late_reader_does_not() {
        let mut narrow = Throughput::default();
        for n in 0..100 {
            narrow.push(n * 10_000, n * 15_000, 1_000);
        }
        let share = narrow.keeps_up(500_000).unwrap();
        assert!((share - 2.0 / 3.0).abs() < 0.03, "{share}");
        let mut late = Throughput::default();
        for n in 0..=100 {
            let read_us = (n * 10_000_i64 + 99_999) / 100_000 * 100_000;
            late.push(n * 10_000, read_us, 1_000);
        }
        let share = late.keeps_up(500_000).unwrap();
        assert!((share - 1.0).abs() < 0.03, "{share}");
    }
}
