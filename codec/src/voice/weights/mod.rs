//! The trained weights of all networks: read once, checked once, shared by everybody.
//!
//! `lpcnet.bin` holds the weights that libopus 1.6.1 carries (`COPYING.opus` is their licence), as
//! `tools/extract-voice-weights.mjs` writes them: kernels and networks are held against libopus with
//! them. `tuned.bin` holds them with those of the vocoder tuned further, as `PROVENANCE.md` says.
//! `bbwenet.bin` is of the extension of bandwidth. Programs have the latter two built in, the module
//! for browsers too: they come with it, once.

mod extension;
mod tensors;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

pub use extension::ExtensionWeights;
pub(super) use tensors::Tensors;

use super::{
    fargan::{Rounding, VocoderNetwork},
    features::PitchNetwork,
    nnet::kernels::Kernels,
};

static TUNED: &[u8] = include_bytes!("tuned.bin");
#[cfg(test)]
static LPCNET: &[u8] = include_bytes!("lpcnet.bin");

/// Weights of the pitch and vocoder networks, some 0.9 MB.
#[derive(Debug)]
pub struct Weights {
    pub(super) pitch: PitchNetwork,
    pub(super) vocoder: VocoderNetwork,
    pub(super) kernels: Kernels,
}

/// Why bytes are not the weights of these networks: other bytes must be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum WeightsError {
    /// More than [`Weights::MAX_LEN`].
    #[error("too many bytes for weights")]
    TooLong,
    /// Not a file of weights, or cut off.
    #[error("not a file of weights")]
    Malformed,
    /// A layer lacks an array.
    #[error("no weights of {0}")]
    Missing(&'static str),
    /// An array has another kind or length than its layer says.
    #[error("weights of {0} in another shape")]
    Shape(&'static str),
    /// A weight is no number, or outside of what kernels take.
    #[error("weights of {0} out of range")]
    Range(&'static str),
}

impl Weights {
    /// Most bytes that are looked at.
    pub const MAX_LEN: usize = 4 << 20;

    /// Reads a file of weights, for the fastest kernels that this processor has.
    ///
    /// # Errors
    /// [`WeightsError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, WeightsError> {
        Self::parse_for(bytes, Kernels::fastest())
    }

    /// Reads a file of weights, for certain kernels.
    ///
    /// # Errors
    /// [`WeightsError`].
    pub fn parse_for(bytes: &[u8], kernels: Kernels) -> Result<Self, WeightsError> {
        Self::rounded(bytes, kernels, Rounding::BeforeSound)
    }

    fn rounded(bytes: &[u8], kernels: Kernels, rounding: Rounding) -> Result<Self, WeightsError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(WeightsError::TooLong);
        }
        let tensors = Tensors::parse(bytes)?;
        Ok(Self {
            pitch: PitchNetwork::new(&tensors)?,
            vocoder: VocoderNetwork::new(&tensors, rounding)?,
            kernels,
        })
    }

    /// The weights of libopus, with every input rounded that libopus rounds.
    #[cfg(test)]
    pub(super) fn as_in_libopus() -> Self {
        Self::rounded(LPCNET, Kernels::fastest(), Rounding::Everywhere)
            .expect("a test parses these very bytes")
    }

    /// The file that is built in.
    pub const fn embedded_bytes() -> &'static [u8] {
        TUNED
    }

    /// The weights that are built in, read when they are first asked for.
    pub fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<Weights>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(|| Arc::new(Self::embedded())))
    }

    /// The weights that are built in.
    pub fn embedded() -> Self {
        Self::embedded_for(Kernels::fastest())
    }

    /// The weights that are built in, for certain kernels.
    pub fn embedded_for(kernels: Kernels) -> Self {
        Self::parse_for(TUNED, kernels).expect("a test parses these very bytes")
    }
}
