//! The weights of the extension of bandwidth.

use std::sync::{Arc, OnceLock};

use super::{Tensors, Weights, WeightsError};
use crate::voice::{bandwidth_extension::ExtensionNetwork, nnet::kernels::Kernels};

static BBWENET: &[u8] = include_bytes!("bbwenet.bin");

/// Weights of the network that extends bandwidth, some 0.7 MB.
#[derive(Debug)]
pub struct ExtensionWeights {
    pub(in crate::voice) network: ExtensionNetwork,
    pub(in crate::voice) kernels: Kernels,
}

impl ExtensionWeights {
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
        if bytes.len() > Weights::MAX_LEN {
            return Err(WeightsError::TooLong);
        }
        Ok(Self { network: ExtensionNetwork::new(&Tensors::parse(bytes)?)?, kernels })
    }

    /// The file that is built in.
    pub const fn embedded_bytes() -> &'static [u8] {
        BBWENET
    }

    /// The weights that are built in, read when they are first asked for.
    pub fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<ExtensionWeights>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(|| Arc::new(Self::embedded())))
    }

    /// The weights that are built in.
    pub fn embedded() -> Self {
        Self::embedded_for(Kernels::fastest())
    }

    /// The weights that are built in, for certain kernels.
    pub fn embedded_for(kernels: Kernels) -> Self {
        Self::parse_for(BBWENET, kernels).expect("a test parses these very bytes")
    }
}
