//! Powers of bands over time, and how near those of one sound are to those of another.

use std::f64::consts::PI;

use realfft::RealFftPlanner;
use serde::Serialize;
use sotto_codec::EXTENDED_RATE;

/// Bands, in Hz: the two that are coded, then those that nobody sent.
pub const BANDS_HZ: [[u32; 2]; BANDS] = [
    [0, 4_000],
    [4_000, 8_000],
    [8_000, 10_000],
    [10_000, 12_000],
    [12_000, 14_000],
    [14_000, 16_000],
    [16_000, 20_000],
];
const BANDS: usize = 7;
/// Of these, those below 8 kHz.
const CODED: usize = 2;
/// The highest of which a recording must have something to be counted: 14 to 16 kHz.
const HIGHEST: usize = 5;
/// What it must have there in its loudest tenth, in dB of full scale.
const CONTENT_DB: f64 = -70.0;
/// Silence in all bands, in dB.
const FLOOR_DB: f64 = -90.0;
/// How far below what 5 % of moments are louder than somebody still speaks, in dB.
const SPOKEN_DB: f64 = 35.0;

/// Samples of a window, 20 ms, and from one to the next.
const WINDOW: usize = 960;
const HOP: usize = WINDOW / 2;
const BIN_HZ: u32 = EXTENDED_RATE / WINDOW as u32;

/// Powers of all bands at one moment, in dB of full scale.
type Powers = [f64; BANDS];

/// Powers of a sound, by the 10 ms.
#[derive(Clone, Debug)]
pub(super) struct BandPowers(Vec<Powers>);

/// How near one sound is to another, each by band as in [`BANDS_HZ`], where somebody speaks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BandFigures {
    /// Root of the mean square of differences, in dB.
    pub rms_db: [f64; BANDS],
    /// Mean difference, in dB: below 0 too quiet.
    pub bias_db: [f64; BANDS],
    /// Correlation over time.
    pub correlation: [f64; BANDS],
}

impl BandPowers {
    /// Of a sound at [`EXTENDED_RATE`].
    pub(super) fn of(samples: &[f32]) -> Self {
        let fft = RealFftPlanner::<f64>::new().plan_fft_forward(WINDOW);
        let (mut input, mut spectrum) = (fft.make_input_vec(), fft.make_output_vec());
        let hann = |at: usize| 0.5 - 0.5 * (2.0 * PI * at as f64 / WINDOW as f64).cos();
        let hann: [f64; WINDOW] = std::array::from_fn(hann);
        let energy: f64 = hann.iter().map(|value| value * value).sum();
        let powers = samples.windows(WINDOW).step_by(HOP).map(|window| {
            for ((input, sample), factor) in input.iter_mut().zip(window).zip(&hann) {
                *input = f64::from(*sample) * factor;
            }
            fft.process(&mut input, &mut spectrum).expect("the lengths are those it was made for");
            BANDS_HZ.map(|[from, to]| {
                let bins = &spectrum[(from / BIN_HZ) as usize..(to / BIN_HZ) as usize];
                let sum: f64 = bins.iter().map(|bin| bin.norm_sqr()).sum();
                let power = sum / energy / bins.len() as f64;
                10.0 * (power + 10.0_f64.powf(FLOOR_DB / 10.0)).log10()
            })
        });
        Self(powers.collect())
    }

    /// Whether there is anything up to 16 kHz that an extension could be compared with.
    pub(super) fn is_fullband(&self) -> bool {
        let highest = self.spoken().into_iter().map(|at| self.0[at][HIGHEST]);
        percentile(highest.collect(), 0.9).is_some_and(|loud| loud > CONTENT_DB)
    }

    /// How near another sound, aligned with this one, is to it. `None` without speech.
    pub(super) fn compare(&self, other: &Self) -> Option<BandFigures> {
        let mut spoken = self.spoken();
        spoken.retain(|&at| at < other.0.len());
        if spoken.is_empty() {
            return None;
        }
        let count = spoken.len() as f64;
        let mean = |of: &dyn Fn(usize) -> f64| spoken.iter().map(|&at| of(at)).sum::<f64>() / count;
        let bands: [usize; BANDS] = std::array::from_fn(|band| band);
        let covariance = |a: &Self, b: &Self, band: usize| {
            let (mean_a, mean_b) = (mean(&|at| a.0[at][band]), mean(&|at| b.0[at][band]));
            mean(&|at| (a.0[at][band] - mean_a) * (b.0[at][band] - mean_b))
        };
        let difference = |at: usize, band: usize| other.0[at][band] - self.0[at][band];
        Some(BandFigures {
            rms_db: bands.map(|band| mean(&|at| difference(at, band).powi(2)).sqrt()),
            bias_db: bands.map(|band| mean(&|at| difference(at, band))),
            correlation: bands.map(|band| {
                let both = covariance(self, self, band) * covariance(other, other, band);
                // Of a band that never changes there is none.
                if both > 0.0 { covariance(self, other, band) / both.sqrt() } else { 0.0 }
            }),
        })
    }

    /// Moments at which somebody speaks.
    fn spoken(&self) -> Vec<usize> {
        let level = |powers: &Powers| powers[..CODED].iter().copied().fold(FLOOR_DB, f64::max);
        let levels: Vec<f64> = self.0.iter().map(level).collect();
        let Some(loud) = percentile(levels.clone(), 0.95) else { return Vec::new() };
        (0..levels.len()).filter(|&at| levels[at] > loud - SPOKEN_DB).collect()
    }
}

impl BandFigures {
    /// Means of all; `None` where there are none.
    pub(super) fn mean<'a>(figures: impl Iterator<Item = &'a Self>) -> Option<Self> {
        let figures: Vec<_> = figures.collect();
        let mean = |of: fn(&Self) -> &Powers| {
            std::array::from_fn(|band| {
                figures.iter().map(|figures| of(figures)[band]).sum::<f64>() / figures.len() as f64
            })
        };
        (!figures.is_empty()).then(|| Self {
            rms_db: mean(|of| &of.rms_db),
            bias_db: mean(|of| &of.bias_db),
            correlation: mean(|of| &of.correlation),
        })
    }
}

/// The value that `share` of all are not above.
fn percentile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(((values.len() as f64 - 1.0) * share) as usize).copied()
}
