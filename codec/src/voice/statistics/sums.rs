use crate::voice::{
    features::FEATURES,
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

/// So many pairs of a speaker weigh as much as the prior, by what they tell of. White numbers of the
/// first frame say how a frame is; those of each later frame, how it differs from what the frames
/// before let expect, in which speakers differ less.
///
/// Their proportions follow from how far the 251 speakers of the prior differ beyond what halves of
/// the speech of one do; their scale was chosen on 13 other recordings, on which half or twice as
/// much costs 0.2 % of the rate.
#[derive(Clone, Copy)]
struct Weights {
    first_frame: f64,
    later: f64,
}

/// Of the mean that all shapes share.
const SHARED_MEAN: Weights = Weights { first_frame: 16.0, later: 100.0 };
/// Of the mean of a shape beyond that.
const SHAPE_MEAN: Weights = Weights { first_frame: 40.0, later: 150.0 };
/// Of how often each shape is.
const ODDS_WEIGHT: f64 = 100.0;

/// Of the covariance of two white numbers, by their places, the earlier first.
const fn covariance_weight(earlier: usize, later: usize) -> f64 {
    match (earlier / FEATURES, later / FEATURES - earlier / FEATURES) {
        (0, 0) => 150.0,
        (_, 0) if earlier == later => 150.0,
        (_, 0) => 360.0,
        (_, 1) => 1_000.0,
        (_, 2) => 2_000.0,
        _ => 4_000.0,
    }
}

impl Weights {
    const fn of(self, at: usize) -> f64 {
        if at < FEATURES { self.first_frame } else { self.later }
    }
}

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

    /// Pairs.
    fn count(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// The tree of shapes, as often as they were.
    pub(in crate::voice) fn odds(&self, prior: &Prior) -> [u16; SHAPES] {
        let shares = shares(&prior.odds);
        let share = |shape: usize| self.counts[shape] + ODDS_WEIGHT * shares[shape];
        tree(&std::array::from_fn(share))
    }

    /// The likeliest distributions of this speaker. `None` where covariances are none, as far from
    /// all speech.
    pub(in crate::voice) fn deviation(&self, prior: &Prior) -> Option<Deviation> {
        let offsets = self.offsets(prior);
        let mut moment = self.square_around(prior, &offsets);
        let count = self.count();
        for row in 0..PAIR {
            for (column, sum) in moment.row_mut(row)[..=row].iter_mut().enumerate() {
                let expected = f64::from(u8::from(row == column));
                let weight = covariance_weight(column, row);
                *sum = expected + (*sum - count * expected) / (count + weight);
            }
        }
        Some(Deviation::new(&offsets, &moment.cholesky()?))
    }

    /// The likeliest means less those of the prior: what all shapes share, and what one has beyond.
    fn offsets(&self, prior: &Prior) -> [[f32; PAIR]; SHAPES] {
        let white: Vec<Vec<f64>> = self
            .deviations
            .iter()
            .zip(&prior.whitening)
            .map(|(sum, whitening)| whitening.lower_times(sum))
            .collect();
        let shared: [f64; PAIR] = std::array::from_fn(|at| {
            let sum: f64 = white.iter().map(|white| white[at]).sum();
            sum / (self.count() + SHARED_MEAN.of(at))
        });
        std::array::from_fn(|shape| {
            let count = self.counts[shape];
            let offset: [f64; PAIR] = std::array::from_fn(|at| {
                let beyond = white[shape][at] - count * shared[at];
                shared[at] + beyond / (count + SHAPE_MEAN.of(at))
            });
            let offset = prior.factors[shape].lower_times(&offset);
            std::array::from_fn(|at| offset[at] as f32)
        })
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
