//! Pictures told as what they are made of, for those who draw them by other means than
//! [`PictureDecoder::draw`](crate::PictureDecoder::draw), on a graphics processor for example.
//!
//! A scene is a source, warped, and patches of further sources over it. Sources are pictures that stay
//! the same for as long as their decoder lives, so that they are taken over once and used many times.

/// One picture. Places and lengths are in units of its own, of which it is `size` wide and high at
/// whatever size it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Width and height of the picture.
    pub size: (usize, usize),
    /// Sources are to be had smaller by 2 to the power of this, so that no sample is passed over.
    pub level: u32,
    /// What is warped. It shows the whole picture, or would without motion.
    pub source: usize,
    /// Nodes of the grid of motion: in a row, and rows. The first is at the upper left corner of the
    /// picture, the last at the lower right one.
    pub nodes: (usize, usize),
    /// Where each node looks, from its own place: first all across, then all down. In between it is
    /// linear interpolation, between columns of nodes what it is between rows.
    pub motion: Vec<f32>,
    /// What is drawn over it, in this order.
    pub patches: Vec<ScenePatch>,
    /// What is added to all of it.
    pub residual: Option<SceneResidual>,
}

/// An ellipse of another picture. Its places are told as `n`: (0, 0) in the middle, (1, 0) and (0, 1)
/// at the ends of the axes. It is opaque up to a squared distance of 1/2 from the middle, and ends at 1
/// by a smooth step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScenePatch {
    /// Which shows it.
    pub source: usize,
    /// Width and height of what the source shows.
    pub size: (usize, usize),
    /// Where it is in the source: middle, end of the axis to the right and of that down from there,
    /// each x and y.
    pub there: [f32; 6],
    /// Where it is drawn.
    pub here: [f32; 6],
    /// Where it looks, from its place in the source: coefficients of 1, x, y, x², xy, y² of `n`,
    /// across, then down.
    pub coefficients: [f32; 12],
}

/// By how much luma is brighter than what was drawn, in samples spread over the whole picture, between
/// which it is linear interpolation. What becomes more than a byte holds is the most that one holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SceneResidual {
    /// Samples of a row, and rows.
    pub size: (usize, usize),
    /// Rows without gaps, top to bottom.
    pub samples: Vec<i8>,
}

/// Planes of a source, rows without gaps, top to bottom, BT.601 in video range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SceneSource {
    /// Luma samples of a row, and rows.
    pub size: (usize, usize),
    /// Chroma samples of a row, and rows.
    pub chroma_size: (usize, usize),
    /// Luma.
    pub luma: Vec<u8>,
    /// Of each chroma sample the blue, then the red difference.
    pub chroma: Vec<u8>,
}
