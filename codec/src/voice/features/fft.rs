//! Discrete Fourier transform: stages of radix 4 over transforms of 5 (320 numbers) or 2 (512).

use std::{
    f64::consts::TAU,
    ops::{Add, Mul, Sub},
};

/// Longest transform at the bottom of the stages.
const MAX_SMALLEST: usize = 5;

/// A complex number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::voice) struct Complex {
    pub(in crate::voice) re: f32,
    pub(in crate::voice) im: f32,
}

/// The roots of unity that transforms of so many numbers are made of.
#[derive(Debug)]
pub(in crate::voice) struct Fft<const SIZE: usize> {
    /// exp(-i TAU k / SIZE).
    roots: [Complex; SIZE],
}

impl<const SIZE: usize> Fft<SIZE> {
    pub(in crate::voice) fn new() -> Self {
        const { assert!(SIZE == 320 || SIZE == 512, "stages of radix 4 over 5 or 2") };
        Self {
            roots: std::array::from_fn(|at| {
                let angle = TAU * at as f64 / SIZE as f64;
                Complex { re: angle.cos() as f32, im: -angle.sin() as f32 }
            }),
        }
    }

    /// The bins of a real signal, divided by the size, from 0 Hz up to the `BINS` that are asked for.
    pub(in crate::voice) fn spectrum<const BINS: usize>(
        &self,
        signal: &[f32; SIZE],
    ) -> [Complex; BINS] {
        const { assert!(BINS <= SIZE / 2 + 1, "up to half the sampling rate") };
        let mut out = [Complex::default(); SIZE];
        self.transform(signal, 1, &mut out);
        std::array::from_fn(|bin| out[bin] * (1.0 / SIZE as f32))
    }

    /// Transforms each `step`th sample (decimation in time).
    fn transform(&self, signal: &[f32], step: usize, out: &mut [Complex]) {
        if out.len() <= MAX_SMALLEST {
            for (bin, out) in out.iter_mut().enumerate() {
                *out = Complex::default();
                for (sample, &value) in signal.iter().step_by(step).enumerate() {
                    *out = *out + self.roots[sample * bin * step % SIZE] * value;
                }
            }
            return;
        }
        let part = out.len() / 4;
        for (phase, out) in out.chunks_exact_mut(part).enumerate() {
            self.transform(&signal[phase * step..], step * 4, out);
        }
        for bin in 0..part {
            let [a, b, c, d] = std::array::from_fn(|phase| {
                out[phase * part + bin] * self.roots[phase * bin * step]
            });
            let (even, odd) = ((a + c, a - c), (b + d, (b - d).turned()));
            out[bin] = even.0 + odd.0;
            out[bin + part] = even.1 + odd.1;
            out[bin + 2 * part] = even.0 - odd.0;
            out[bin + 3 * part] = even.1 - odd.1;
        }
    }
}

impl Complex {
    pub(in crate::voice) fn conjugate(self) -> Self {
        Self { im: -self.im, ..self }
    }

    /// Square of the length.
    pub(in crate::voice) fn power(self) -> f32 {
        self.re * self.re + self.im * self.im
    }

    /// Times -i.
    fn turned(self) -> Self {
        Self { re: self.im, im: -self.re }
    }
}

impl Add for Complex {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }
}

impl Sub for Complex {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { re: self.re - other.re, im: self.im - other.im }
    }
}

impl Mul for Complex {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self {
            re: self.re * other.re - self.im * other.im,
            im: self.re * other.im + self.im * other.re,
        }
    }
}

impl Mul<f32> for Complex {
    type Output = Self;

    fn mul(self, factor: f32) -> Self {
        Self { re: self.re * factor, im: self.im * factor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spectrum_is_that_of_the_definition() {
        check::<320, 161>();
        check::<512, 257>();
    }

    fn check<const SIZE: usize, const BINS: usize>() {
        let signal: [f32; SIZE] =
            std::array::from_fn(|at| ((at * at * 7 + at * 3) % 101) as f32 / 50.0 - 1.0);
        let spectrum: [Complex; BINS] = Fft::new().spectrum(&signal);
        for (bin, value) in spectrum.iter().enumerate() {
            let (mut re, mut im) = (0.0, 0.0);
            for (at, &sample) in signal.iter().enumerate() {
                let angle = TAU * (at * bin) as f64 / SIZE as f64;
                re += f64::from(sample) * angle.cos() / SIZE as f64;
                im -= f64::from(sample) * angle.sin() / SIZE as f64;
            }
            let error = (f64::from(value.re) - re).hypot(f64::from(value.im) - im);
            assert!(error < 1e-7, "{SIZE}, bin {bin}: {error}");
        }
    }
}
