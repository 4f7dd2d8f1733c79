//! What a voice costs: the share of one core that analysis, vocoder and extension take while one
//! person talks, and each of their kernels beside its reference. The best of several rounds.
#![allow(clippy::print_stdout, reason = "printing its figures is what a bench is for")]

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use sotto_codec::voice::{
    bandwidth_extension::{BandwidthExtension, EXTENDED_HOP},
    fargan::Vocoder,
    features::{Analysis, Features, HOP},
    nnet::{Block, Quantised, kernels::Kernels},
    weights::{ExtensionWeights, Weights},
};

const ROUNDS: usize = 9;
const FRAMES: usize = 200;
const FRAME: Duration = Duration::from_millis(10);
/// Of the largest layer, inputs of the first GRU.
const COLUMNS: usize = 272;
const ROWS: usize = 480;

fn main() {
    let samples = samples();
    let bytes = Weights::embedded_bytes();
    println!(
        "weights: {} bytes, read in {:.2} ms",
        bytes.len(),
        best(1, || {
            black_box(Weights::parse(bytes)).expect("these are the weights");
        }) * 1e3
    );
    let mut sets = vec![Kernels::reference(), Kernels::fastest()];
    sets.dedup();
    for kernels in sets {
        let weights = Arc::new(Weights::embedded_for(kernels));
        let features = analyse(&weights, &samples);
        let analysis = best(FRAMES, || {
            black_box(analyse(&weights, &samples));
        });
        let vocoder = best(FRAMES, || vocode(&weights, &features));
        let weights = Arc::new(ExtensionWeights::embedded_for(kernels));
        let extension = best(FRAMES, || extend(&weights, &samples));
        println!(
            "{}, share of one core: analysis {:.4}, vocoder {:.4}, extension {:.4}",
            kernels.name(),
            analysis / FRAME.as_secs_f64(),
            vocoder / FRAME.as_secs_f64(),
            extension / FRAME.as_secs_f64()
        );
        each_kernel(kernels);
    }
}

fn each_kernel(kernels: Kernels) {
    let layer = layer();
    let input = [[1_i8; 4]; COLUMNS / 4];
    let mut sums = [0; ROWS];
    let seconds = best(1_000, || {
        for _ in 0..1_000 {
            kernels.sum_products(black_box(&layer), black_box(&input), &mut sums);
        }
    });
    let products = (ROWS * COLUMNS) as f64 / seconds / 1e9;
    println!("  products of 8 bits, {COLUMNS} to {ROWS}: {products:.1} billion a second");

    let numbers: [f32; ROWS] = std::array::from_fn(|at| at as f32 / 100.0 - 2.4);
    let mut out = numbers;
    let mut show = |what: &str, count: usize, run: &mut dyn FnMut(&mut [f32; ROWS])| {
        let seconds = best(1_000, || {
            for _ in 0..1_000 {
                run(black_box(&mut out));
            }
        });
        println!("  {what}: {:.2} ns each", seconds * 1e9 / count as f64);
    };
    show("tanh", ROWS, &mut |out| {
        *out = numbers;
        kernels.tanh(out);
    });
    show("sigmoid", ROWS, &mut |out| {
        *out = numbers;
        kernels.sigmoid(out);
    });
    show("exponential function", ROWS, &mut |out| {
        *out = numbers;
        kernels.exp(out);
    });
    show("log-sine", ROWS, &mut |out| {
        *out = numbers;
        kernels.log_sine(out);
    });
    show("rounding", ROWS, &mut |out| {
        let mut rounded = [0; ROWS];
        kernels.round(out, &mut rounded);
        black_box(rounded);
    });
    show("products of floats, 32 to 64", 32 * 64, &mut |out| {
        kernels.sum_float_products(&[0.5; 32 * 64], &numbers[..32], &mut out[..64]);
    });
    show("correlation of 160 at 224 lags", HOP * 224, &mut |out| {
        kernels.correlate(&numbers[..HOP], &numbers, &mut out[..224]);
    });
    show("filter of 3", 224, &mut |out| {
        kernels.add_filtered(&[0.1, 0.2, 0.3], &numbers[..226], &mut out[..224]);
    });
}

/// Seconds per operation in the best of several rounds of `operations`.
fn best(operations: usize, mut round: impl FnMut()) -> f64 {
    let time = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            round();
            start.elapsed()
        })
        .min()
        .unwrap_or(Duration::MAX);
    time.as_secs_f64() / operations as f64
}

fn analyse(weights: &Arc<Weights>, samples: &[[f32; HOP]]) -> Vec<Features> {
    let mut analysis = Analysis::new(weights);
    samples.iter().map(|frame| analysis.frame(frame)).collect()
}

fn extend(weights: &Arc<ExtensionWeights>, samples: &[[f32; HOP]]) {
    let mut extension = BandwidthExtension::new(weights);
    let mut out = [0.0; EXTENDED_HOP];
    for samples in samples {
        extension.frame(samples, &mut out);
        black_box(&mut out);
    }
}

fn vocode(weights: &Arc<Weights>, features: &[Features]) {
    let mut vocoder = Vocoder::new(weights);
    let mut out = [0.0; HOP];
    for features in features {
        vocoder.frame(features, &mut out);
        black_box(&mut out);
    }
}

fn layer() -> Quantised {
    let blocks = vec![Block([1; Block::LEN]); ROWS * COLUMNS / Block::LEN];
    Quantised::new(COLUMNS, blocks.into(), vec![1.0; ROWS].into())
}

/// A buzz whose pitch glides.
fn samples() -> Vec<[f32; HOP]> {
    let mut phase = 0.0_f32;
    let mut sample = 0.0;
    let mut next = |at: usize| {
        phase += (100.0 + at as f32 / 200.0) / 16_000.0;
        if phase >= 1.0 {
            phase -= 1.0;
            sample = 0.5;
        }
        sample *= 0.9;
        sample
    };
    (0..FRAMES).map(|frame| std::array::from_fn(|at| next(frame * HOP + at))).collect()
}
