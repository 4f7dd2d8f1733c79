//! Fast kernels against the reference, to the bit; the reference against mathematics.

use std::f64::consts::PI;

use proptest::prelude::*;

use super::Kernels;
use crate::voice::nnet::{Block, Quantised};

/// Some layer and some input, made of a few random numbers.
fn layer(columns: usize, rows: usize, weights: &[i8]) -> Quantised {
    let mut weights = weights.iter().copied().cycle();
    let blocks = (0..columns * rows / Block::LEN)
        .map(|_| Block(std::array::from_fn(|_| weights.next().expect("it has no end"))));
    Quantised::new(columns, blocks.collect(), vec![1.0; rows].into())
}

/// Any weights that there may be; ends more often than they would be.
fn weights() -> impl Strategy<Value = Vec<i8>> {
    let weight = prop_oneof![-127..=127_i8, Just(-127), Just(127)];
    proptest::collection::vec(weight, 1..100)
}

/// Numbers that may come, and some that should not.
fn numbers() -> impl Strategy<Value = Vec<f32>> {
    let number = prop_oneof![
        -1.2..1.2_f32,
        -20.0..20.0_f32,
        any::<f32>(),
        Just(f32::NAN),
        Just(f32::INFINITY),
        Just(f32::NEG_INFINITY),
    ];
    proptest::collection::vec(number, 1..300)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

proptest! {
    #[test]
    fn sums_of_products_are_exact(
        weights in weights(),
        input in weights(),
        columns in 1..40_usize,
        groups in 1..12_usize,
    ) {
        let (columns, rows) = (4 * columns, 8 * groups);
        let layer = layer(columns, rows, &weights);
        let input: Vec<i8> = input.iter().copied().cycle().take(columns).collect();
        let input = input.as_chunks::<4>().0;
        let (mut ours, mut theirs) = (vec![7; rows], vec![9; rows]);
        Kernels::fastest().sum_products(&layer, input, &mut ours);
        Kernels::reference().sum_products(&layer, input, &mut theirs);
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn functions_of_any_numbers_are_finite_and_the_same(values in numbers()) {
        let functions: [fn(Kernels, &mut [f32]); 2] = [Kernels::tanh, Kernels::sigmoid];
        for function in functions {
            let (mut ours, mut theirs) = (values.clone(), values.clone());
            function(Kernels::fastest(), &mut ours);
            function(Kernels::reference(), &mut theirs);
            prop_assert_eq!(bits(&ours), bits(&theirs));
            prop_assert!(ours.iter().all(|value| value.abs() <= 1.0));
        }
        let functions: [fn(Kernels, &mut [f32]); 3] =
            [Kernels::exp, Kernels::ln, Kernels::log_sine];
        for function in functions {
            let (mut ours, mut theirs) = (values.clone(), values.clone());
            function(Kernels::fastest(), &mut ours);
            function(Kernels::reference(), &mut theirs);
            prop_assert_eq!(bits(&ours), bits(&theirs));
        }
        let (mut powers, mut logarithms) = (values.clone(), values.clone());
        Kernels::fastest().exp(&mut powers);
        Kernels::fastest().ln(&mut logarithms);
        prop_assert!(powers.iter().chain(&logarithms).all(|value| value.is_finite()));
        let (mut ours, mut theirs) = (vec![1; values.len()], vec![2; values.len()]);
        Kernels::fastest().round(&values, &mut ours);
        Kernels::reference().round(&values, &mut theirs);
        prop_assert_eq!(&ours, &theirs);
        for (&value, &rounded) in values.iter().zip(&ours).filter(|(value, _)| !value.is_nan()) {
            let expected = ((value * 127.0).clamp(-127.0, 127.0) + 0.5).floor();
            prop_assert_eq!(f32::from(rounded), expected);
        }
    }

    #[test]
    fn sums_of_floats_keep_their_order(
        weights in proptest::collection::vec(-1.0..1.0_f32, 300..400),
        input in proptest::collection::vec(-1.0..1.0_f32, 1..12),
    ) {
        let rows = weights.len() / input.len();
        let weights = &weights[..rows * input.len()];
        let filter = [weights[0], weights[1], weights[2]];
        let mut results = [Kernels::fastest(), Kernels::reference()].map(|kernels| {
            let (mut products, mut correlations) = (vec![5.0; rows], vec![6.0; rows]);
            kernels.sum_float_products(weights, &input, &mut products);
            let padded = [weights, &[0.5; 12]].concat();
            kernels.correlate(&input, &padded[..rows + input.len()], &mut correlations);
            let mut filtered = vec![0.25; rows];
            kernels.add_filtered(&filter, &padded[..rows + 2], &mut filtered);
            bits(&[products, correlations, filtered].concat())
        });
        let [ours, theirs] = &mut results;
        prop_assert_eq!(ours, theirs);
    }
}

#[test]
fn the_greatest_sums_do_not_overflow() {
    for (weight, input) in [(127, 127), (127, -127), (-127, 127), (-127, -127)] {
        let (columns, rows) = (704, 40);
        let layer = layer(columns, rows, &[weight]);
        for kernels in [Kernels::fastest(), Kernels::reference()] {
            let mut sums = vec![0; rows];
            kernels.sum_products(&layer, &[[input; 4]; 704 / 4], &mut sums);
            let expected = i32::from(weight) * i32::from(input) * columns as i32;
            assert!(sums.iter().all(|&sum| sum == expected), "{} {sums:?}", kernels.name());
        }
    }
}

#[test]
fn functions_are_as_near_to_the_true_ones_as_they_say() {
    let places: Vec<f32> = (-40_000..=40_000).map(|at| at as f32 / 2_000.0).collect();
    let (mut tanh, mut sigmoid) = (places.clone(), places.clone());
    Kernels::fastest().tanh(&mut tanh);
    Kernels::fastest().sigmoid(&mut sigmoid);
    for (at, place) in places.iter().enumerate() {
        let place = f64::from(*place);
        let error = (f64::from(tanh[at]) - place.tanh()).abs();
        assert!(error < 7e-5, "tanh of {place}: {error}");
        let error = (f64::from(sigmoid[at]) - 1.0 / (1.0 + (-place).exp())).abs();
        assert!(error < 4e-5, "sigmoid of {place}: {error}");
    }
    let mut powers = places.clone();
    Kernels::fastest().exp(&mut powers);
    for (place, power) in places.iter().zip(&powers) {
        let expected = f64::from(*place).exp();
        let error = (f64::from(*power) - expected).abs() / expected;
        assert!(error < 5e-6, "exponential of {place}: {error}");
    }
    let (mut logarithms, mut folded) = (powers.clone(), powers.clone());
    Kernels::fastest().ln(&mut logarithms);
    Kernels::fastest().log_sine(&mut folded);
    for (at, power) in powers.iter().enumerate() {
        let expected = f64::from(*power).ln();
        let error = (f64::from(logarithms[at]) - expected).abs() / expected.abs().max(1.0);
        assert!(error < 5e-7, "logarithm of {power}: {error}");
        let power = f64::from(*power);
        let expected = power * (PI * PI / 4.0 * (power + 1e-6).ln()).sin();
        let error = (f64::from(folded[at]) - expected).abs() / power;
        assert!(error < 2e-5, "log-sine of {power}: {error}");
    }
}

#[test]
fn the_log_sine_is_odd() {
    let (mut above, mut below) = ([0.0, 1e-7, 0.3, 1.0, 20.0], [-0.0, -1e-7, -0.3, -1.0, -20.0]);
    Kernels::fastest().log_sine(&mut above);
    Kernels::fastest().log_sine(&mut below);
    assert_eq!(below.map(|value| -value), above);
}
