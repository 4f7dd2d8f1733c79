use super::{MAGIC, Prior};
use crate::voice::{
    coder::{Magnitudes, Step, Tally, tally},
    features::{Features, PITCH},
    linear::{Matrix, dot},
    model::{Adaptation, Deviation, SHAPES, SpeakerModel},
    packet::{PAIR, voiced},
    statistics::{pair, tree},
};

/// Rounds of telling pairs of blocks apart by shape.
const SHAPE_ROUNDS: usize = 10;
/// Rounds of coding packets with the contexts that the round before gave.
const CONTEXT_ROUNDS: usize = 3;
/// One packet in so many is coded to train contexts.
const CODED: usize = 6;
/// So many pairs, of a shape in which all are a little alike, join those of each shape.
const DOUBT: f64 = 100.0;
/// Of that: how much less a shape varies than all do.
const NARROWER: f64 = 0.3;
/// What nothing varies less than (variance).
const LEAST: f64 = 2e-3;

/// Trains the prior: of each speaker, active speech in packets of 8 frames of 10 ms. Gives the
/// bytes of `prior.bin`, the same for the same speech.
pub fn train(speakers: &[Vec<[Features; 8]>]) -> Vec<u8> {
    let pitch = mean_pitch(speakers);
    let pairs: Vec<[f32; PAIR]> =
        speakers.iter().flatten().map(|packet| pair(packet, pitch)).collect();
    let mut parts = Parts::of_shapes(pitch, &pairs);
    let packets: Vec<&[Features; 8]> = speakers.iter().flatten().step_by(CODED).collect();
    for _ in 0..CONTEXT_ROUNDS {
        let prior = parts.prior();
        let model = SpeakerModel::over(&prior, Adaptation::none(&prior))
            .expect("trained distributions are some");
        let mut counts = Tally::new();
        for (at, packet) in packets.iter().enumerate() {
            tally(&model, *packet, Step::ALL[at % Step::ALL.len()], &mut counts);
        }
        parts.magnitudes = counts.contexts().map(|context| context.no()).to_vec();
    }
    parts.to_bytes()
}

fn mean_pitch(speakers: &[Vec<[Features; 8]>]) -> f32 {
    let frames = speakers.iter().flatten().flatten().filter(|frame| voiced(frame));
    let (sum, count) =
        frames.fold((0.0, 0.0), |(sum, count), frame| (sum + f64::from(frame[PITCH]), count + 1.0));
    if count > 0.0 { (sum / count) as f32 } else { 0.0 }
}

/// What the file holds.
struct Parts {
    pitch: f32,
    odds: [u16; SHAPES],
    levels: Vec<u8>,
    magnitudes: Vec<u16>,
    means: Vec<[f64; PAIR]>,
    pooled: Matrix,
    factors: Vec<Matrix>,
}

impl Parts {
    /// Tells pairs apart by shape: each is of the normal distribution that it is likeliest of.
    fn of_shapes(pitch: f32, pairs: &[[f32; PAIR]]) -> Self {
        let everything = moments(pairs.iter());
        let mut means: Vec<[f64; PAIR]> = (0..SHAPES)
            .map(|shape| pairs[(2 * shape + 1) * pairs.len() / (2 * SHAPES)].map(f64::from))
            .collect();
        let mut factors = vec![everything.factor(None); SHAPES];
        let mut shares = [1.0; SHAPES];
        let mut pooled = factors[0].clone();
        for _ in 0..SHAPE_ROUNDS {
            let whitening: Vec<Matrix> = factors.iter().map(Matrix::inverse_lower).collect();
            let all: f64 = shares.iter().sum();
            let costs: Vec<f64> = (0..SHAPES)
                .map(|shape| {
                    let volume: f64 = (0..PAIR).map(|at| factors[shape].row(at)[at].ln()).sum();
                    volume - (shares[shape] / all).ln()
                })
                .collect();
            let likeliest = |pair: &[f32; PAIR]| {
                let cost = |shape: usize| {
                    let deviation: [f64; PAIR] =
                        std::array::from_fn(|at| f64::from(pair[at]) - means[shape][at]);
                    let white = whitening[shape].lower_times(&deviation);
                    costs[shape] + dot(&white, &white) / 2.0
                };
                let by_cost = (0..SHAPES).map(|shape| (cost(shape), shape));
                by_cost.min_by(|(a, _), (b, _)| a.total_cmp(b)).map_or(0, |(_, shape)| shape)
            };
            let of: Vec<usize> = pairs.iter().map(likeliest).collect();
            let mut within = Matrix::zeros(PAIR);
            for shape in 0..SHAPES {
                let members = pairs
                    .iter()
                    .zip(&of)
                    .filter(|&(_, &other)| other == shape)
                    .map(|(pair, _)| pair);
                let own = moments(members);
                shares[shape] = own.count + 1.0;
                if own.count > 0.0 {
                    means[shape] = own.mean();
                }
                factors[shape] = own.factor(Some(&everything));
                own.add_scatter(&mut within);
            }
            pooled = Matrix::from_fn(PAIR, |row, column| {
                let (row, column) = (row.max(column), row.min(column));
                within.row(row)[column] / pairs.len() as f64
                    + if row == column { LEAST } else { 0.0 }
            })
            .cholesky()
            .expect("a sum of squares");
        }
        let mut parts = Self {
            pitch,
            odds: tree(&shares),
            levels: vec![0; SHAPES * PAIR],
            magnitudes: Tally::new().contexts().map(|context| context.no()).to_vec(),
            means,
            pooled,
            factors,
        };
        let prior = parts.prior();
        let shapes = Deviation::none().shapes(&prior).expect("trained distributions are some");
        parts.levels = shapes.iter().flat_map(|shape| shape.levels()).collect();
        parts
    }

    /// The prior, as it will be read.
    fn prior(&self) -> Prior {
        Prior::parse(&self.to_bytes()).expect("what is written can be read")
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let floats = |values: &[f64], bytes: &mut Vec<u8>| {
            bytes.extend(values.iter().flat_map(|&value| (value as f32).to_le_bytes()));
        };
        floats(&[f64::from(self.pitch)], &mut bytes);
        bytes.extend(self.odds.iter().flat_map(|odds| odds.to_le_bytes()));
        bytes.extend(&self.levels);
        bytes.extend(self.magnitudes.iter().flat_map(|no| no.to_le_bytes()));
        for mean in &self.means {
            floats(mean, &mut bytes);
        }
        for row in 0..PAIR {
            floats(&self.pooled.row(row)[..=row], &mut bytes);
        }
        let unpool = self.pooled.inverse_lower();
        for factor in &self.factors {
            let relative = unpool.times_lower(factor);
            for row in 0..PAIR {
                let row = &relative.row(row)[..=row];
                let most = row.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
                let size = (most / f64::from(i8::MAX)) as f32;
                floats(&[f64::from(size)], &mut bytes);
                let parts = row.iter().map(|value| (value / f64::from(size)).round() as i8);
                bytes.extend(parts.map(|part| part as u8));
            }
        }
        debug_assert_eq!(self.magnitudes.len(), Magnitudes::CONTEXTS, "one context each");
        bytes
    }
}

/// Count, sum and squares.
struct Moments {
    count: f64,
    sum: [f64; PAIR],
    square: Matrix,
}

fn moments<'a>(pairs: impl Iterator<Item = &'a [f32; PAIR]>) -> Moments {
    let mut moments = Moments { count: 0.0, sum: [0.0; PAIR], square: Matrix::zeros(PAIR) };
    for pair in pairs {
        let pair = pair.map(f64::from);
        moments.count += 1.0;
        moments.sum.iter_mut().zip(&pair).for_each(|(sum, number)| *sum += number);
        moments.square.add_square(1.0, &pair);
    }
    moments
}

impl Moments {
    fn mean(&self) -> [f64; PAIR] {
        self.sum.map(|sum| sum / self.count.max(1.0))
    }

    /// Adds the squares around the mean: lower half.
    fn add_scatter(&self, sum: &mut Matrix) {
        for row in 0..PAIR {
            let values = sum.row_mut(row).iter_mut().zip(self.square.row(row));
            values.for_each(|(sum, value)| *sum += value);
        }
        sum.add_square(-self.count.max(1.0), &self.mean());
    }

    /// The factor of the covariance, joined by a little of what all vary.
    fn factor(&self, all: Option<&Self>) -> Matrix {
        let mut scatter = Matrix::zeros(PAIR);
        self.add_scatter(&mut scatter);
        let mut joined = Matrix::zeros(PAIR);
        let mut count = self.count;
        if let Some(all) = all {
            all.add_scatter(&mut joined);
            count += DOUBT;
        }
        let share = all.map_or(0.0, |all| DOUBT * NARROWER / all.count.max(1.0));
        Matrix::from_fn(PAIR, |row, column| {
            let (row, column) = (row.max(column), row.min(column));
            let sum = scatter.row(row)[column] + share * joined.row(row)[column];
            sum / count.max(1.0) + if row == column { LEAST } else { 0.0 }
        })
        .cholesky()
        .expect("a sum of squares")
    }
}
