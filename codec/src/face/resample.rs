//! Planes at another size.

use super::planes::Plane;

/// Which samples of a line make one sample of a line of another length.
struct Taps {
    /// The first.
    start: usize,
    /// What each of them counts, in all 1.
    weights: Vec<f32>,
}

/// A plane of `from` (columns, rows), whose rows are `stride` apart, at the size `to`: the mean of
/// what a sample covers where it gets smaller, linear interpolation where it gets larger.
pub(super) fn resample(
    samples: &[u8],
    stride: usize,
    from: (usize, usize),
    to: (usize, usize),
) -> Plane {
    let row = |y: usize| &samples[y * stride..][..from.0];
    if from == to {
        let whole = (0..from.1).flat_map(|y| row(y).iter().copied()).collect();
        return Plane::new(to.0, to.1, whole);
    }
    let (across, down) = (taps(from.0, to.0), taps(from.1, to.1));
    let mut out = Plane::filled(to.0, to.1, 0);
    let mut line = vec![0.0_f32; from.0];
    for (y, taps) in down.iter().enumerate() {
        line.fill(0.0);
        for (at, &weight) in taps.weights.iter().enumerate() {
            for (sum, &sample) in line.iter_mut().zip(row(taps.start + at)) {
                *sum += weight * f32::from(sample);
            }
        }
        for (sample, taps) in out.row_mut(y).iter_mut().zip(&across) {
            let covered = &line[taps.start..][..taps.weights.len()];
            let sum: f32 = covered.iter().zip(&taps.weights).map(|(a, b)| a * b).sum();
            *sample = (sum + 0.5) as u8;
        }
    }
    out
}

fn taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f32 / to as f32;
    (0..to)
        .map(|at| {
            let centre = (at as f32 + 0.5) * scale;
            // A sample covers as much as it takes the place of; when it takes the place of less
            // than one, a tent as wide as one on both sides.
            let cover = |sample: usize| {
                if scale > 1.0 {
                    let (low, high) = (centre - scale / 2.0, centre + scale / 2.0);
                    (high.min(sample as f32 + 1.0) - low.max(sample as f32)).max(0.0)
                } else {
                    (1.0 - (centre - sample as f32 - 0.5).abs()).max(0.0)
                }
            };
            let reach = scale.max(2.0) / 2.0;
            let start = ((centre - reach - 0.5).max(0.0) as usize).min(from - 1);
            let end = ((centre + reach + 1.5) as usize).min(from).max(start + 1);
            let first = (start..end).find(|&sample| cover(sample) > 0.0).unwrap_or(start);
            let last = (first..end).rev().find(|&sample| cover(sample) > 0.0).unwrap_or(first);
            let mut weights: Vec<f32> = (first..=last).map(cover).collect();
            let sum: f32 = weights.iter().sum();
            if sum > 0.0 {
                weights.iter_mut().for_each(|weight| *weight /= sum);
            } else {
                weights = vec![1.0];
            }
            Taps { start: first, weights }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_picture_is_the_mean_of_what_its_samples_cover() {
        let plane = Plane::new(4, 2, vec![0, 10, 20, 30, 20, 30, 40, 50]);
        assert_eq!(plane.resized(2, 1).samples(), [15, 35]);
        let thirds = Plane::new(3, 1, vec![30, 60, 90]).resized(2, 1);
        assert_eq!(thirds.samples(), [40, 80]);
    }

    #[test]
    fn a_larger_picture_has_no_edges_that_were_not_there() {
        let plane = Plane::new(2, 1, vec![0, 100]);
        assert_eq!(plane.resized(4, 1).samples(), [0, 25, 75, 100]);
        assert_eq!(Plane::filled(1, 1, 9).resized(37, 41), Plane::filled(37, 41, 9));
    }
}
