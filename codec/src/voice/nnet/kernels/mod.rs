//! The inner loops, once as readable loops (`reference`) and once per instruction set.
//!
//! Products of weights of 8 bits and rounded inputs are summed in whole numbers, and everything in
//! floating point keeps the order of its operations and fuses none: so all kernels give the same
//! bits, and the tests ask for no less. (libopus' own AVX2 path does not: it adds two products in
//! 16 bits, which these weights overflow.)

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "aarch64")]
mod neon;
mod reference;
#[cfg(test)]
mod tests;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;

use super::dense::{COLUMNS, Quantised};

/// Which kernels are used: those of the processor that this runs on, or the reference. One cannot
/// come by kernels that the processor does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernels(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Reference,
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    #[cfg(target_arch = "aarch64")]
    Neon,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Wasm,
}

/// One kernel in all its sets: those that do not name it have it as the compiler translates it for
/// their whole target.
macro_rules! dispatch {
    ($self:ident.$kernel:ident($($argument:expr),*)) => {
        match $self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(set) => set.$kernel($($argument),*),
            _ => reference::$kernel($($argument),*),
        }
    };
}

impl Kernels {
    /// Plain loops, as the compiler translates them.
    pub const fn reference() -> Self {
        Self(Set::Reference)
    }

    /// The fastest that there are for this processor.
    pub fn fastest() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(set) = avx2::Avx2::detect() {
            return Self(Set::Avx2(set));
        }
        #[cfg(target_arch = "aarch64")]
        return Self(Set::Neon);
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        return Self(Set::Wasm);
        #[allow(unreachable_code, reason = "reached where there is no other set")]
        Self::reference()
    }

    /// What they are called.
    pub const fn name(self) -> &'static str {
        match self.0 {
            Set::Reference => "reference",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(set) => set.name(),
            #[cfg(target_arch = "aarch64")]
            Set::Neon => "NEON",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Set::Wasm => "simd128",
        }
    }

    /// `input` in steps of 1/127, the nearest and of two the greater; -1 to 1 at most.
    pub fn round(self, input: &[f32], rounded: &mut [i8]) {
        dispatch!(self.round(input, rounded));
    }

    /// `sums[row]` = sum over columns of weight times rounded input, exact.
    pub fn sum_products(self, layer: &Quantised, input: &[[i8; COLUMNS]], sums: &mut [i32]) {
        assert_eq!(input.len() * COLUMNS, layer.columns());
        assert_eq!(sums.len(), layer.rows());
        match self.0 {
            Set::Reference => reference::sum_products(layer, input, sums),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(set) => set.sum_products(layer, input, sums),
            #[cfg(target_arch = "aarch64")]
            Set::Neon => neon::sum_products(layer, input, sums),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Set::Wasm => wasm::sum_products(layer, input, sums),
        }
    }

    /// `out[row]` = sum over columns of `weights[column][row] * input[column]`.
    pub fn sum_float_products(self, weights: &[f32], input: &[f32], out: &mut [f32]) {
        dispatch!(self.sum_float_products(weights, input, out));
    }

    /// Adds to `out[at]` the sum over the three weights of `weights[k] * input[at + k]`.
    pub fn add_filtered(self, weights: &[f32; 3], input: &[f32], out: &mut [f32]) {
        dispatch!(self.add_filtered(weights, input, out));
    }

    /// `out[at]` = sum over the window of `window[k] * input[at + k]`.
    pub fn correlate(self, window: &[f32], input: &[f32], out: &mut [f32]) {
        dispatch!(self.correlate(window, input, out));
    }

    /// Hyperbolic tangent of each value, in place, with an error of 7e-5 at most.
    pub fn tanh(self, values: &mut [f32]) {
        dispatch!(self.tanh(values));
    }

    /// Logistic function of each value, in place, with an error of 4e-5 at most.
    pub fn sigmoid(self, values: &mut [f32]) {
        dispatch!(self.sigmoid(values));
    }

    /// Exponential function of each value, -20 to 20 at most, in place, with an error of 5 in a
    /// million at most.
    pub fn exp(self, values: &mut [f32]) {
        dispatch!(self.exp(values));
    }

    /// Natural logarithm of each value, in place, with an error of 5e-7 of it or of 1 at most.
    /// What is no normal number above 0 gives any finite number.
    pub fn ln(self, values: &mut [f32]) {
        dispatch!(self.ln(values));
    }

    /// Each value times the sine of a multiple of the logarithm of its magnitude, in place, with an
    /// error of 2e-5 of it at most.
    pub fn log_sine(self, values: &mut [f32]) {
        dispatch!(self.log_sine(values));
    }
}
