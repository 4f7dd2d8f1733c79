//! The figures of one speaker, as they stand in the report.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    gate::GateFigures, metrics::Scores, pitch::PitchError, switching::SwitchingFigures, wire::Rate,
};

/// Figures of one speaker. Rates are in bits per second while somebody speaks, unless a name says
/// otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Payloads alone.
    pub payload_bps: f64,
    /// The same over all the time, pauses included: what discontinuous transmission leaves.
    pub payload_with_pauses_bps: f64,
    /// With 56 bytes of headers for each packet of 80 ms.
    pub wire_bps: f64,
    /// The same as packets of the model stream, whose own headers are counted too.
    pub model_stream_wire_bps: f64,
    /// One talker's share of a bundle in which three talk, each 80 ms, all headers counted.
    pub bundled_wire_bps: f64,
    /// Opus at 24 kbit/s in packets of 20 ms, with 56 bytes of headers each.
    pub opus24_wire_bps: f64,
    /// Of what is decoded.
    #[serde(flatten)]
    pub quality: Quality,
    /// What the speaker's own model is worth.
    #[serde(flatten)]
    pub models: ModelComparison,
    /// Processor time of learning, all epochs.
    pub learn_s: Option<f64>,
    /// Models that were made.
    pub epochs: Option<usize>,
    /// Share of one core for encoding, with the encoder's own decoding and the gate.
    pub encode_rtf: f64,
    /// Share of one core for decoding.
    pub decode_rtf: f64,
    /// Of the body of the last model.
    pub model_bytes: Option<usize>,
    /// How often the gate is red.
    pub gate: GateFigures,
    /// ESTOI that 10 % of random losses take, with redundancy in the payloads.
    pub loss10_estoi_drop: Option<f64>,
    /// The same without redundancy.
    pub loss10_without_redundancy_estoi_drop: Option<f64>,
    /// Payloads with redundancy.
    pub redundant_payload_bps: f64,
    /// Changes between raw and model form; none where nobody spoke at one.
    pub switching: Option<SwitchingFigures>,
    /// Of the vocoder on features that were not quantised.
    pub ceiling: Quality,
    /// By rate and packet length.
    pub opus: BTreeMap<String, OpusFigures>,
}

/// Bits at equal distortion, in percent. Distortion is the error of decoded features, as it is
/// coded; or, which any plug-in has, how far the sound is from that of unquantised features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ModelComparison {
    /// Those that the own model saves, of those of the generic one.
    pub own_vs_generic_pct: Option<f64>,
    /// Those that another speaker's model needs more, of those of the own one.
    pub wrong_vs_own_pct: Option<f64>,
    /// The same at equal mel-cepstral distance.
    pub own_vs_generic_mcd_pct: Option<f64>,
    /// The same at equal mel-cepstral distance.
    pub wrong_vs_own_mcd_pct: Option<f64>,
}

/// How near a sound is to its source.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Quality {
    /// What Python says.
    #[serde(flatten)]
    pub scores: Scores,
    /// See [`super::cepstrum::mel_cepstral_distance`].
    pub mel_cepstral_distance_db: Option<f64>,
    /// Median over voiced frames.
    pub pitch_error_cents: Option<f64>,
    /// Share of voiced frames that are a fifth of an octave off or more, 0 to 1.
    pub pitch_error_gross: Option<f64>,
}

/// Opus beside it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct OpusFigures {
    /// Packets alone.
    pub payload_bps: f64,
    /// With 56 bytes of headers for each.
    pub wire_bps: f64,
    /// Of what is decoded.
    #[serde(flatten)]
    pub quality: Quality,
}

impl Quality {
    /// Of distances that were measured.
    pub fn new(scores: Scores, distance: Option<f64>, pitch: Option<PitchError>) -> Self {
        Self {
            scores,
            mel_cepstral_distance_db: distance,
            pitch_error_cents: pitch.map(|error| error.cents),
            pitch_error_gross: pitch.map(|error| error.gross),
        }
    }
}

impl OpusFigures {
    /// Of a rate and a quality.
    pub const fn new(rate: Rate, quality: Quality) -> Self {
        Self { payload_bps: rate.payload_bps, wire_bps: rate.wire_bps, quality }
    }
}
