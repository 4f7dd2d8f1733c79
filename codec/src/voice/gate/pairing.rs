//! Source and decoded sound of the same 10 ms.

use std::{collections::VecDeque, sync::Arc};

use super::fine::{Comparison, FineStructure};
use crate::voice::{
    DELAY,
    features::{Analysis, BANDS, BandTables, Bands, CORRELATION, Features, HOP, PITCH},
    weights::Weights,
};

/// What 10 ms of source and decoded sound have in common, and what not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) source: Side,
    pub(super) decoded: Side,
    /// Harmonics and what lies between them.
    pub(super) fine: Comparison,
}

/// What is measured on one side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    /// Powers of bands, in powers of ten.
    pub(super) bands: Bands,
    /// The whole power, in powers of ten.
    pub(super) level: f32,
    /// In octaves.
    pub(super) pitch: f32,
    /// -0.5 to 0.5.
    pub(super) correlation: f32,
}

/// Lets the source wait for what was decoded of it, and measures both.
#[derive(Debug)]
pub(super) struct Pairing {
    waiting: VecDeque<f32>,
    bands: BandTables,
    source: Hearing,
    decoded: Hearing,
    /// Of the last two frames: it is measured once for both.
    fine: Option<Comparison>,
}

#[derive(Debug)]
struct Hearing {
    analysis: Analysis,
    fine: FineStructure,
}

impl Pairing {
    pub(super) fn new(weights: &Arc<Weights>) -> Self {
        let hearing = || Hearing { analysis: Analysis::new(weights), fine: FineStructure::new() };
        Self {
            waiting: VecDeque::from(vec![0.0; DELAY]),
            bands: BandTables::new(),
            source: hearing(),
            decoded: hearing(),
            fine: None,
        }
    }

    /// Takes the next 10 ms of both.
    pub(super) fn pair(&mut self, source: &[f32; HOP], decoded: &[f32; HOP]) -> Pair {
        self.waiting.extend(source);
        let mut late = [0.0; HOP];
        for (sample, waited) in late.iter_mut().zip(self.waiting.drain(..HOP)) {
            *sample = waited;
        }
        let source = self.source.hear(&late);
        let decoded = self.decoded.hear(decoded);
        let fine = match self.fine.take() {
            Some(before) => before,
            None => {
                let (source, decoded) = (self.source.fine.fine(), self.decoded.fine.fine());
                *self.fine.insert(Comparison::new(&source, &decoded))
            }
        };
        Pair { fine, source: side(&self.bands, &source), decoded: side(&self.bands, &decoded) }
    }
}

impl Hearing {
    fn hear(&mut self, samples: &[f32; HOP]) -> Features {
        self.fine.push(samples);
        self.analysis.frame(samples)
    }
}

fn side(tables: &BandTables, features: &Features) -> Side {
    let cepstrum = features.first_chunk::<BANDS>().expect("the cepstrum is the first part");
    let bands = tables.logarithms(cepstrum);
    let level = tables.level(cepstrum);
    Side { bands, level, pitch: features[PITCH], correlation: features[CORRELATION] }
}
