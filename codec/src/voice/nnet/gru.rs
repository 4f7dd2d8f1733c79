//! Gated recurrent units (Cho et al. 2014), with the reset gate behind the recurrent product.

use super::{Quantised, dense::MAX_ROWS, kernels::Kernels};

/// A layer of units; its state is its caller's.
#[derive(Debug)]
pub struct Gru {
    /// From the input, for the update gates, the reset gates and the candidates, in this order.
    input: Quantised,
    /// From the state, likewise.
    recurrent: Quantised,
}

impl Gru {
    /// # Panics
    /// When the two are not of one size.
    pub fn new(input: Quantised, recurrent: Quantised) -> Self {
        assert_eq!(input.rows(), recurrent.rows());
        assert_eq!(recurrent.rows(), 3 * recurrent.columns());
        Self { input, recurrent }
    }

    /// One step.
    pub fn step(&self, kernels: Kernels, input: &[f32], state: &mut [f32]) {
        let (units, rows) = (self.recurrent.columns(), self.input.rows());
        let (mut fresh, mut kept) = ([0.0; MAX_ROWS], [0.0; MAX_ROWS]);
        let (fresh, kept) = (&mut fresh[..rows], &mut kept[..rows]);
        self.input.apply(kernels, input, fresh);
        self.recurrent.apply(kernels, state, kept);
        let (gates, candidates) = fresh.split_at_mut(2 * units);
        let (kept_gates, kept_candidates) = kept.split_at(2 * units);
        for (gate, &kept) in gates.iter_mut().zip(kept_gates) {
            *gate += kept;
        }
        kernels.sigmoid(gates);
        let (update, reset) = gates.split_at(units);
        for ((candidate, &kept), &reset) in candidates.iter_mut().zip(kept_candidates).zip(reset) {
            *candidate += kept * reset;
        }
        kernels.tanh(candidates);
        for ((state, &update), &candidate) in state.iter_mut().zip(update).zip(&*candidates) {
            *state = update * *state + (1.0 - update) * candidate;
        }
    }
}
