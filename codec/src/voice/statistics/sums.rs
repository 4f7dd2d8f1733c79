use crate::voice::{
    linear::{Matrix, dot},
    model::{Deviation, SHAPES},
    packet::PAIR,
    prior::Prior,
};

/// Counts, sums and squares of pairs of blocks, each counted for the shape that it is likeliest of.
#[derive(Clone, Debug)]
pub(in crate::voice) struct Sums {
    /// Pairs of each shape.
    counts: [f64; SHAPES],
    /// Of each shape, the sum of pairs less the shape's mean.
    deviations: Vec<[f64; PAIR]>,
    /// Of all, the sum of squares of deviations, made white by the shape's factor: lower half.
    square: Matrix,
}

/// What is expected of a speaker's distributions.
#[derive(Clone, Debug)]
pub(in crate::voice) struct Expected {
    offsets: [[f32; PAIR]; SHAPES],
    /// White, as [`Sums::square`], of one pair.
    moment: Matrix,
}

/// So many pairs of a speaker weigh as much as what was expected of the shape's mean.
const MEAN_WEIGHT: f64 = 10.0;
/// And of the covariance.
const COVARIANCE_WEIGHT: f64 = 300.0;
/// And of how often each shape is.
const ODDS_WEIGHT: f64 = 100.0;
/// Pairs follow each other, and are less surprising than as many that do not: the evidence for one
/// kind of voice is so much weaker.
const EVIDENCE: f64 = 0.02;

impl Sums {
    /// Of nothing.
    pub(in crate::voice) fn new() -> Self {
        Self {
            counts: [0.0; SHAPES],
            deviations: vec![[0.0; PAIR]; SHAPES],
            square: Matrix::zeros(PAIR),
        }
    }

    /// Counts a pair.
    pub(in crate::voice) fn add(&mut self, prior: &Prior, pair: &[f32; PAIR]) {
        let (shape, white) = prior.likeliest(pair);
        self.counts[shape] += 1.0;
        for (at, sum) in self.deviations[shape].iter_mut().enumerate() {
            *sum += f64::from(pair[at]) - f64::from(prior.means[shape][at]);
        }
        self.square.add_square(1.0, &white);
    }

    /// Counts all that another did.
    pub(in crate::voice) fn merge(&mut self, other: &Self) {
        for shape in 0..SHAPES {
            self.counts[shape] += other.counts[shape];
            let sums = self.deviations[shape].iter_mut().zip(&other.deviations[shape]);
            sums.for_each(|(sum, value)| *sum += value);
        }
        for row in 0..PAIR {
            let sums = self.square.row_mut(row).iter_mut().zip(other.square.row(row));
            sums.for_each(|(sum, value)| *sum += value);
        }
    }

    /// Pairs.
    pub(in crate::voice) fn count(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// The tree of shapes, as often as they were.
    pub(in crate::voice) fn odds(&self, prior: &Prior) -> [u16; SHAPES] {
        let shares = shares(&prior.odds);
        let share = |shape: usize| self.counts[shape] + ODDS_WEIGHT * shares[shape];
        tree(&std::array::from_fn(share))
    }

    /// What is expected of this speaker: what typical voices are like, each as much as it is likely
    /// to be the speaker's.
    pub(in crate::voice) fn expected(&self, prior: &Prior) -> Expected {
        let voices = prior.typical.iter().map(Expected::of).collect::<Vec<_>>();
        if voices.is_empty() {
            return Expected::of(&Deviation::none());
        }
        let costs: Vec<f64> = voices.iter().map(|voice| self.cost(prior, voice)).collect();
        let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
        let weights: Vec<f64> =
            costs.iter().map(|cost| (EVIDENCE * (least - cost)).exp()).collect();
        let all: f64 = weights.iter().sum();
        let mut mixed = Expected { offsets: [[0.0; PAIR]; SHAPES], moment: Matrix::zeros(PAIR) };
        for (voice, weight) in voices.iter().zip(weights.iter().map(|weight| weight / all)) {
            let offsets = mixed.offsets.as_flattened_mut().iter_mut();
            for (sum, offset) in offsets.zip(voice.offsets.as_flattened()) {
                *sum += weight as f32 * offset;
            }
            for row in 0..PAIR {
                let sums = mixed.moment.row_mut(row).iter_mut().zip(voice.moment.row(row));
                sums.for_each(|(sum, value)| *sum += weight * value);
            }
        }
        mixed
    }

    /// How unlikely these pairs are of a voice, in nats and up to what all voices share.
    pub(in crate::voice) fn cost(&self, prior: &Prior, voice: &Expected) -> f64 {
        let Some(factor) = voice.moment.cholesky() else { return f64::INFINITY };
        let inverse = factor.inverse_lower();
        let square = self.square_around(prior, &voice.offsets);
        let full = Matrix::from_fn(PAIR, |row, column| {
            if column <= row { square.row(row)[column] } else { square.row(column)[row] }
        });
        let half = full.times_transposed(&inverse); // square × inverseᵀ
        let trace: f64 = (0..PAIR)
            .map(|at| (0..=at).map(|k| inverse.row(at)[k] * half.row(k)[at]).sum::<f64>())
            .sum();
        let volume: f64 = (0..PAIR).map(|at| factor.row(at)[at].ln()).sum();
        trace / 2.0 + self.count() * volume
    }

    /// The likeliest distributions of this speaker, of whom something was expected.
    pub(in crate::voice) fn deviation(&self, prior: &Prior, expected: &Expected) -> Deviation {
        let offset = |shape: usize, at: usize| {
            let sum =
                self.deviations[shape][at] + MEAN_WEIGHT * f64::from(expected.offsets[shape][at]);
            (sum / (self.counts[shape] + MEAN_WEIGHT)) as f32
        };
        let offsets = std::array::from_fn(|shape| std::array::from_fn(|at| offset(shape, at)));
        let mut moment = self.square_around(prior, &offsets);
        let all = self.count() + COVARIANCE_WEIGHT;
        for row in 0..PAIR {
            let sums = moment.row_mut(row).iter_mut().zip(expected.moment.row(row));
            sums.for_each(|(sum, value)| *sum = (*sum + COVARIANCE_WEIGHT * value) / all);
        }
        match moment.cholesky() {
            Some(transform) => Deviation::new(&offsets, &transform),
            None => Deviation::none(),
        }
    }

    /// The square around means that differ from the prior: lower half.
    fn square_around(&self, prior: &Prior, offsets: &[[f32; PAIR]; SHAPES]) -> Matrix {
        let mut square = self.square.clone();
        for (shape, offset) in offsets.iter().enumerate() {
            let white = |vector: &[f64]| prior.whitening[shape].lower_times(vector);
            let offset = white(&offset.map(f64::from));
            let sum = white(&self.deviations[shape]);
            // Σ (z - o)(z - o)ᵀ = Σ z zᵀ - s oᵀ - o sᵀ + n o oᵀ, and the last three are
            // n (o - s/n)(o - s/n)ᵀ - s sᵀ/n.
            let count = self.counts[shape];
            if count > 0.0 {
                let between: Vec<f64> =
                    offset.iter().zip(&sum).map(|(offset, sum)| offset - sum / count).collect();
                square.add_square(count, &between);
                square.add_square(-1.0 / count, &sum);
            }
        }
        square
    }
}

impl Expected {
    /// A voice with these distributions.
    pub(in crate::voice) fn of(deviation: &Deviation) -> Self {
        let transform = deviation.transform();
        Self { offsets: deviation.offsets(), moment: transform.times_transposed(&transform) }
    }
}

/// Of the tree of decisions between shapes, the share of each shape.
fn shares(odds: &[u16; SHAPES]) -> [f64; SHAPES] {
    std::array::from_fn(|shape| {
        let mut node = SHAPES + shape;
        let mut share = 1.0;
        while node > 1 {
            let no = f64::from(odds[node / 2]) / 65_536.0;
            share *= if node % 2 == 1 { 1.0 - no } else { no };
            node /= 2;
        }
        share
    })
}

/// The tree of decisions of such shares, which need not add up to anything.
pub(in crate::voice) fn tree(shares: &[f64; SHAPES]) -> [u16; SHAPES] {
    let mut sums = [0.0; 2 * SHAPES];
    sums[SHAPES..].copy_from_slice(shares);
    for node in (1..SHAPES).rev() {
        sums[node] = sums[2 * node] + sums[2 * node + 1];
    }
    std::array::from_fn(|node| {
        let no = if node == 0 { 0.5 } else { sums[2 * node] / sums[node].max(f64::MIN_POSITIVE) };
        (no * 65_536.0) as u16 // saturates
    })
}

impl Prior {
    /// The shape that a pair is likeliest of, and its white deviation from that shape's mean.
    fn likeliest(&self, pair: &[f32; PAIR]) -> (usize, Vec<f64>) {
        let candidates = (0..SHAPES).map(|shape| {
            let deviation: Vec<f64> = pair
                .iter()
                .zip(&self.means[shape])
                .map(|(number, mean)| f64::from(*number) - f64::from(*mean))
                .collect();
            let white = self.whitening[shape].lower_times(&deviation);
            (dot(&white, &white) / 2.0 + self.volumes[shape], shape, white)
        });
        let likeliest = candidates.min_by(|(a, ..), (b, ..)| a.total_cmp(b));
        likeliest.map(|(_, shape, white)| (shape, white)).expect("there are shapes")
    }
}
