//! What is measured over a second of pairs.

use super::{background::Background, fine::Comparison, floor::Floor, pairing::Pair};
use crate::voice::features::BANDS;

/// Numbers that are measured.
pub const MEASURES: usize = 38;
/// One number each, in the order of [`NAMES`]. Levels and distances are in powers of ten.
pub type Measures = [f32; MEASURES];
/// What they are.
pub const NAMES: [&str; MEASURES] = [
    "envelope",     // correlation of each band with the decoded one over time, mean
    "envelope-up",  // the same of the upper half of bands
    "range",        // from the 10th to the 90th percentile of each band, mean
    "range-low",    // the same of the lowest bands
    "range-high",   // the same of the highest bands
    "loudness",     // the same of the whole level
    "floor",        // mean 10th percentile of bands under the highest 90th
    "distance",     // between bands of both, mean size
    "movement",     // of bands from frame to frame, mean size
    "movement-out", // the same when decoded
    "tilt",         // of the quiet part: upper half of bands against the lower half
    "flatness",     // of the quiet part: deviation of bands from their mean
    "voicing",      // correlation at the pitch, mean of the loud part
    "voicing-top",  // the same of its clearest third
    "revoicing",    // change of that correlation by decoding, mean size in the loud part
    "clear",        // share of the loud part that has a clear pitch
    "jumps",        // share of steps in which a clear pitch jumps
    "repitching",   // share of clear pitches that are others when decoded
    "intonation",   // deviation of clear pitches, octaves
    "likeness",     // of fine structures: the four of `Comparison`, mean of the loud part
    "filling",
    "depth",
    "deeper",
    "likeness-top", // the same of its clearest third
    "filling-top",
    "depth-top",
    "deeper-top",
    "above",       // 90th percentile of each band over its background, mean
    "above-least", // the same of the lowest quarter of bands
    "rise",        // from the quiet to the loud: `Rise`, of a window
    "rise-low",
    "rise-emphasised",
    "rise-longer", // the same of 2.5 s
    "rise-longer-low",
    "rise-longer-emphasised",
    "rise-longest", // the same of 6 s
    "rise-longest-low",
    "rise-longest-emphasised",
];

/// Powers of ten below the loudest frame within which there is sound to be judged.
const HEARD: f32 = 4.0;
/// The same for the loud part.
const LOUD: f32 = 1.8;
/// Level below which nothing is to be judged: about -68 dB of full scale.
const SILENCE: f32 = 1.2;
/// Least frames that must be heard for a second to be measured: 0.3 s.
const LEAST: usize = 30;
/// Correlation from which on a pitch is clear.
const CLEAR: f32 = 0.15;
/// Octaves by which a pitch jumps, or is another one.
const JUMP: f32 = 0.12;
/// The lowest and the highest bands.
const LOW: usize = 8;
const HIGH: usize = 12;

/// Measures a second; `None` where there is too little in it.
pub(super) fn of(pairs: &[Pair], background: &Background, floor: &Floor) -> Option<Measures> {
    let loudest = pairs.iter().map(|pair| pair.source.level).fold(f32::MIN, f32::max);
    let within = |below: f32| {
        let limit = (loudest - below).max(SILENCE);
        pairs.iter().filter(move |pair| pair.source.level > limit).collect::<Vec<_>>()
    };
    let (mut heard, mut loud) = (within(HEARD), within(LOUD));
    if heard.len() < LEAST {
        return None;
    }
    heard.sort_by(|a, b| a.source.level.total_cmp(&b.source.level));
    loud.sort_by(|a, b| b.source.correlation.total_cmp(&a.source.correlation));
    let quiet = &heard[..heard.len().div_ceil(5)];
    let clearest = &loud[..loud.len().div_ceil(3)];

    let mut measures = [0.0; MEASURES];
    let (bands, pitches) = (of_bands(pairs, &heard, quiet), of_pitches(pairs, &loud, clearest));
    measures[..12].copy_from_slice(&bands);
    measures[12..19].copy_from_slice(&pitches);
    measures[19..23].copy_from_slice(&of_fine(&loud));
    measures[23..27].copy_from_slice(&of_fine(clearest));
    measures[27..29].copy_from_slice(&over(pairs, background));
    measures[29..].copy_from_slice(&floor.rise());
    Some(measures)
}

fn of_bands(pairs: &[Pair], heard: &[&Pair], quiet: &[&Pair]) -> [f32; 12] {
    let envelopes: [f32; BANDS] = std::array::from_fn(|band| {
        correlation(heard.iter().map(|pair| (pair.source.bands[band], pair.decoded.bands[band])))
    });
    let percentiles: [[f32; 2]; BANDS] =
        std::array::from_fn(|band| percentiles(pairs.iter().map(|pair| pair.source.bands[band])));
    let ranges = percentiles.map(|[low, high]| high - low);
    let [low, high] = self::percentiles(pairs.iter().map(|pair| pair.source.level));
    let highest = percentiles.iter().map(|[_, high]| *high).fold(f32::MIN, f32::max);
    let movement = |side: fn(&Pair) -> &[f32; BANDS]| {
        mean(pairs.windows(2).flat_map(move |two| differences(side(&two[0]), side(&two[1]))))
    };
    [
        mean_of(&envelopes),
        mean_of(&envelopes[BANDS / 2..]),
        mean_of(&ranges),
        mean_of(&ranges[..LOW]),
        mean_of(&ranges[HIGH..]),
        high - low,
        mean(percentiles.iter().map(|[low, _]| *low)) - highest,
        mean(heard.iter().flat_map(|pair| differences(&pair.source.bands, &pair.decoded.bands))),
        movement(|pair| &pair.source.bands),
        movement(|pair| &pair.decoded.bands),
        mean(quiet.iter().map(|pair| {
            let (lower, upper) = pair.source.bands.split_at(BANDS / 2);
            mean_of(upper) - mean_of(lower)
        })),
        mean(quiet.iter().map(|pair| deviation(&pair.source.bands))),
    ]
}

fn of_pitches(pairs: &[Pair], loud: &[&Pair], clearest: &[&Pair]) -> [f32; 7] {
    let clear = |pair: &&Pair| pair.source.correlation > CLEAR;
    let jumped = |a: f32, b: f32| f32::from(u8::from((a - b).abs() > JUMP));
    let steps = pairs.windows(2).filter(|two| two.iter().all(|pair| clear(&pair)));
    let pitched: Vec<&Pair> = pairs.iter().filter(clear).collect();
    let pitches: Vec<f32> = pitched.iter().map(|pair| pair.source.pitch).collect();
    [
        mean(loud.iter().map(|pair| pair.source.correlation)),
        mean(clearest.iter().map(|pair| pair.source.correlation)),
        mean(loud.iter().map(|pair| (pair.source.correlation - pair.decoded.correlation).abs())),
        mean(loud.iter().map(|pair| f32::from(u8::from(clear(pair))))),
        mean(steps.map(|two| jumped(two[0].source.pitch, two[1].source.pitch))),
        mean(pitched.iter().map(|pair| jumped(pair.source.pitch, pair.decoded.pitch))),
        deviation(&pitches),
    ]
}

fn over(pairs: &[Pair], background: &Background) -> [f32; 2] {
    let background = background.bands();
    let mut above: [f32; BANDS] = std::array::from_fn(|band| {
        let [_, high] = percentiles(pairs.iter().map(|pair| pair.source.bands[band]));
        high - background[band]
    });
    above.sort_by(f32::total_cmp);
    [mean_of(&above), mean_of(&above[..BANDS / 4])]
}

fn of_fine(pairs: &[&Pair]) -> [f32; 4] {
    let over = |value: fn(&Comparison) -> f32| mean(pairs.iter().map(|pair| value(&pair.fine)));
    [
        over(|fine| fine.likeness),
        over(|fine| fine.filling),
        over(|fine| fine.depth),
        over(|fine| fine.deeper),
    ]
}

/// Pearson's correlation of pairs of numbers; 0 where one of them does not change.
pub(super) fn correlation(pairs: impl Iterator<Item = (f32, f32)> + Clone) -> f32 {
    let means = (mean(pairs.clone().map(|(a, _)| a)), mean(pairs.clone().map(|(_, b)| b)));
    let (mut across, mut first, mut second) = (0.0, 0.0, 0.0);
    for (a, b) in pairs {
        let (a, b) = (a - means.0, b - means.1);
        across += a * b;
        first += a * a;
        second += b * b;
    }
    let product: f32 = first * second;
    if product > 1e-12 { across / product.sqrt() } else { 0.0 }
}

/// The mean; of nothing, 0.
fn mean(numbers: impl Iterator<Item = f32>) -> f32 {
    let (sum, count) = numbers.fold((0.0, 0_u32), |(sum, count), number| (sum + number, count + 1));
    if count == 0 { 0.0 } else { sum / count as f32 }
}

fn mean_of(numbers: &[f32]) -> f32 {
    mean(numbers.iter().copied())
}

/// Deviation from the mean; of nothing, 0.
pub(super) fn deviation(numbers: &[f32]) -> f32 {
    let middle = mean_of(numbers);
    mean(numbers.iter().map(|number| (number - middle).powi(2))).sqrt()
}

/// The 10th and the 90th percentile of at least one number.
fn percentiles(numbers: impl Iterator<Item = f32>) -> [f32; 2] {
    let mut sorted: Vec<f32> = numbers.collect();
    sorted.sort_by(f32::total_cmp);
    [10, 90].map(|percent| sorted[(sorted.len() - 1) * percent / 100])
}

fn differences<'a>(a: &'a [f32; BANDS], b: &'a [f32; BANDS]) -> impl Iterator<Item = f32> + 'a {
    a.iter().zip(b).map(|(a, b)| (a - b).abs())
}
