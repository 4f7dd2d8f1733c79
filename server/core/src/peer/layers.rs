//! What a publisher says about its layers.

use crate::{
    id::Rid,
    peer::{MAX_LAYERS, ScalabilityMode},
    signal::PublishedLayer,
};

/// Longest side of a picture in pixels.
const MAX_SIDE: u16 = 8192;

/// What a publisher says about one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LayerDescription {
    /// Its tag.
    pub(crate) rid: Option<Rid>,
    /// Width in pixels of its largest spatial layer, 1 to 8192.
    pub(crate) width: u16,
    /// Height in pixels of its largest spatial layer, 1 to 8192.
    pub(crate) height: u16,
    /// Upper limit of its encoder in bits per second.
    pub(crate) max_bitrate: Option<u32>,
    /// What is inside of it.
    pub(crate) mode: ScalabilityMode,
}

/// A description of layers that is refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LayersError {
    /// More layers than there can be.
    #[error("{0} layers, the limit is {MAX_LAYERS}")]
    TooMany(usize),
    /// A layer that was not negotiated.
    #[error("the layer {0} was not negotiated")]
    Unknown(Rid),
    /// Layers that cannot be told apart.
    #[error("a layer is described twice, or has no rid beside others")]
    Ambiguous,
    /// Sides from 1 to 8192 pixels.
    #[error("a picture of {width} by {height} pixels")]
    Size {
        /// The width.
        width: u16,
        /// The height.
        height: u16,
    },
    /// No such mode, or one of several independent encodings in one stream.
    #[error("the scalability mode is none from L1T1 to L3T3_KEY")]
    Mode,
}

/// Reads a description of the layers of an m-line with these `rids`.
///
/// # Errors
/// [`LayersError`], for the first layer that does not fit.
pub(crate) fn describe(
    rids: &[Rid],
    layers: &[PublishedLayer],
) -> Result<Vec<LayerDescription>, LayersError> {
    if layers.len() > MAX_LAYERS {
        return Err(LayersError::TooMany(layers.len()));
    }
    let mut described: Vec<LayerDescription> = Vec::with_capacity(layers.len());
    for layer in layers {
        let PublishedLayer { rid, width, height, max_bitrate, ref scalability_mode } = *layer;
        // A browser drops the rid of a lone encoding from its offer, and clients need not notice.
        let rid = rid.filter(|_| !rids.is_empty());
        if let Some(rid) = rid.filter(|rid| !rids.contains(rid)) {
            return Err(LayersError::Unknown(rid));
        }
        let is_named = rid.is_some() || layers.len() == 1 && rids.is_empty();
        if !is_named || described.iter().any(|other| other.rid == rid) {
            return Err(LayersError::Ambiguous);
        }
        let sides = 1..=MAX_SIDE;
        if !sides.contains(&width) || !sides.contains(&height) {
            return Err(LayersError::Size { width, height });
        }
        let mode = scalability_mode.as_deref().map(ScalabilityMode::parse);
        let mode = mode.unwrap_or(Some(ScalabilityMode::SINGLE)).ok_or(LayersError::Mode)?;
        described.push(LayerDescription { rid, width, height, max_bitrate, mode });
    }
    Ok(described)
}
