use super::{
    Magnitudes, Port, Step,
    magnitude::Ratio,
    packet::{Numbers, Packet, expectation, reconstruct},
};
use crate::{
    entropy::Price,
    voice::{
        model::{Shape, SpeakerModel, product},
        packet::{BLOCK, Block},
    },
};

/// What a bit is worth, in squares of the step. At high rates, the slope of a uniform quantiser is
/// ln 2 / 6 = 0.116 a bit; at these, a little more gives less distortion for the same bits.
const BIT: f32 = 0.15;

/// The packet that describes `blocks` at the least cost of bits and errors.
pub(super) fn packet(model: &SpeakerModel, blocks: &[Block], step: Step) -> Packet {
    let candidates = model.shapes().iter().enumerate().map(|(at, shape)| {
        let mut price = Price::default();
        price.choice(model.odds(), at);
        let (cost, numbers) = numbers(shape, model.magnitudes(), blocks, step);
        (cost + BIT * price.0, Packet { shape: at, numbers })
    });
    let cheapest = candidates.min_by(|(a, _), (b, _)| a.total_cmp(b));
    cheapest.map(|(_, packet)| packet).expect("a model has shapes")
}

/// The numbers that describe `blocks` as being of one shape, and their cost in squares of the step.
fn numbers(
    shape: &Shape,
    magnitudes: &Magnitudes,
    blocks: &[Block],
    step: Step,
) -> (f32, Vec<Numbers>) {
    let mut magnitudes = magnitudes.clone();
    let mut price = Price::default();
    let mut distortion = 0.0;
    let mut all = Vec::new();
    let mut before = None;
    for block in blocks {
        let (part, mean) = expectation(shape, before.as_ref());
        let deviation: Block = std::array::from_fn(|at| (block[at] - mean[at]) / step.size());
        let mut numbers = [0; BLOCK];
        let mut left = product(&deviation, &deviation);
        for ((number, direction), &level) in
            numbers.iter_mut().zip(part.directions.iter()).zip(&part.levels)
        {
            let Some(ratio) = Ratio::new(level, step) else { continue };
            let wanted = product(&deviation, direction);
            *number = cheapest(&magnitudes, ratio, wanted);
            let written = magnitudes.number(&mut price, ratio, *number);
            debug_assert!(written.is_ok(), "within bounds");
            left += (wanted - *number as f32).powi(2) - wanted * wanted;
        }
        distortion += left;
        before = Some(reconstruct(part, &mean, step, &numbers));
        all.push(numbers);
    }
    (distortion + BIT * price.0, all)
}

/// The number for `wanted` steps: the nearest, or one nearer to zero where that is cheaper.
fn cheapest(magnitudes: &Magnitudes, ratio: Ratio, wanted: f32) -> i32 {
    /// Nobody writes a number for less.
    const ZERO: f32 = 0.5;
    if wanted.abs() < ZERO {
        return 0;
    }
    let nearest = (wanted.abs().round() as u32).min(ratio.most());
    let cost = |magnitude: u32| {
        let error = wanted.abs() - magnitude as f32;
        error * error + BIT * magnitudes.price(ratio, magnitude)
    };
    let mut best = (cost(nearest), nearest);
    for smaller in [nearest.saturating_sub(1), 0] {
        let cost = cost(smaller);
        if cost < best.0 {
            best = (cost, smaller);
        }
    }
    if wanted < 0.0 { -(best.1 as i32) } else { best.1 as i32 }
}
