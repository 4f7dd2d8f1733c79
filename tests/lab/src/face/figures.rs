//! The figures of one clip, as they stand in the report.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    loss::Recovery,
    quality::Quality,
    ratio::{Bound, PeerRate},
    states::Agreement,
    wire::WireFigures,
};

/// Figures of one clip. Those of [`Shown`] are over the pictures that the gate lets through.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Over what the gate lets through: amber and green.
    #[serde(flatten)]
    pub shown: Shown,
    /// The same over all pictures, as if there were no gate.
    pub all: Shown,
    /// Share of pictures that the gate lets through, 0 to 1.
    pub gate_pass: f64,
    /// Share of those for which it is green.
    pub gate_green: f64,
    /// Bytes of the last model.
    pub model_bytes: usize,
    /// Bytes of the first one there was.
    pub first_model_bytes: usize,
    /// Seconds of the clip until then.
    pub first_model_s: f64,
    /// Models that were made.
    pub epochs: usize,
    /// What was learned while it was in use.
    #[serde(flatten)]
    pub growth: GrowthFigures,
    /// Payload rate of all pictures with the model's bytes over 5, 10 and 30 minutes.
    pub with_model_bps: BTreeMap<String, f64>,
    /// With headers.
    pub wire: WireFigures,
    /// Processor time of learning, all epochs.
    pub learn_s: f64,
    /// Pictures per second of processor time: encoding, with the sender's own decoding and the
    /// gate.
    pub encode_fps: f64,
    /// Encoding without those.
    pub encode_alone_fps: f64,
    /// Processor time of decoding and drawing one picture at the size of the clip, in ms.
    pub decode_ms: f64,
    /// The same for each pixel, in ns.
    pub decode_ns_per_pixel: f64,
    /// When 10 % of the payloads are lost.
    pub loss10: LossFigures,
}

/// What learning on adds to a model in use.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct GrowthFigures {
    /// Models that replaced the first.
    pub grown_epochs: usize,
    /// Bits a second of what they changed, over the whole part that is measured.
    pub grown_bps: f64,
    /// Processor time.
    pub grown_s: f64,
}

/// Figures over some of the pictures.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// Payloads, and what the model grew by meanwhile.
    pub payload_bps: Option<f64>,
    /// Against the original.
    #[serde(flatten)]
    pub quality: Quality,
    /// What peers need for the same VMAF-NEG of the face in the same pictures.
    #[serde(flatten)]
    pub ratios: Ratios,
}

/// Bits that peers need for the same quality, over ours; the best of full and half resolution.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Ratios {
    /// libaom.
    pub ratio_av1: Option<f64>,
    /// Whether it is just that.
    pub ratio_av1_bound: Option<Bound>,
    /// libvpx.
    pub ratio_vp9: Option<f64>,
    /// Whether it is just that.
    pub ratio_vp9_bound: Option<Bound>,
    /// libvpx.
    pub ratio_vp8: Option<f64>,
    /// Whether it is just that.
    pub ratio_vp8_bound: Option<Bound>,
}

impl Ratios {
    /// What AV1, VP9 and VP8 need, over our own rate.
    pub(super) fn new(peers: [Option<PeerRate>; 3], own: f64) -> Self {
        let [av1, vp9, vp8] =
            peers.map(|peer| (peer.map(|peer| peer.rate / own), peer.map(|peer| peer.bound)));
        Self {
            ratio_av1: av1.0,
            ratio_av1_bound: av1.1,
            ratio_vp9: vp9.0,
            ratio_vp9_bound: vp9.1,
            ratio_vp8: vp8.0,
            ratio_vp8_bound: vp8.1,
        }
    }
}

/// What random losses do.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LossFigures {
    /// VMAF-NEG of the face that they take, over what the gate lets through.
    pub face_vmaf_neg_drop: Option<f64>,
    /// How long it takes to be right again.
    pub recovery: Recovery,
}

/// One point of a peer's curve, over all pictures.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PeerFigures {
    /// Asked for.
    pub asked_bps: f64,
    /// What came.
    pub payload_bps: f64,
    /// Against the original.
    #[serde(flatten)]
    pub quality: Quality,
}

/// By codec and resolution, the dearest point first.
pub type PeerTable = BTreeMap<String, BTreeMap<String, Vec<PeerFigures>>>;

/// Whether the states of eyes and mouths are measured well: over all pictures.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Validation {
    /// Of AV1 at its dearest point, which shows them as they were: near 1.
    pub av1_eyes: Option<Agreement>,
    /// See `av1_eyes`.
    pub av1_mouth: Option<Agreement>,
    /// Of the original in another order, which does not.
    pub shuffled_eyes: Agreement,
    /// See `shuffled_eyes`.
    pub shuffled_mouth: Agreement,
}
