//! The dependency descriptor (AV1 RTP specification, appendix A): what a frame is and which others it
//! needs, said outside of its payload, for every codec.
//!
//! ```text
//!  Packet::parse ─► DependencyDescriptor: the mandatory fields, and where the data lies
//!        └─ data, structure of the stream ─► DependencyReader ─► FrameDependency
//! ```

mod reader;
mod write;

pub use reader::DependencyReader;
pub use write::{Dependency, DependencyStructure, FrameTemplate, Indication};

/// The mandatory part of a dependency descriptor, enough to find frames and keyframes of opaque
/// payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DependencyDescriptor {
    /// Offset of the extension's data from the start of the packet, in bytes.
    pub offset: u16,
    /// Length of the extension's data in bytes.
    pub len: u8,
    /// First packet of a frame.
    pub start_of_frame: bool,
    /// Last packet of a frame.
    pub end_of_frame: bool,
    /// Number of the frame, modulo 2^16.
    pub frame_number: u16,
    /// Whether a template structure is attached: the frame is a keyframe.
    pub keyframe: bool,
}

/// Length of the mandatory fields in bytes (section A.8.2).
pub(crate) const MANDATORY_LEN: usize = 3;

impl DependencyDescriptor {
    /// Reads the data of the extension, which lies `offset` bytes into its packet.
    ///
    /// A template structure opens a coded video sequence (section A.8.3), which makes its flag the
    /// keyframe flag. It is the first bit of the extended fields, which are there when the data is
    /// longer than the mandatory ones.
    pub(super) fn parse(offset: usize, data: &[u8]) -> Option<Self> {
        let [flags, n0, n1] = *data.first_chunk::<MANDATORY_LEN>()?;
        Some(Self {
            offset: u16::try_from(offset).ok()?,
            len: u8::try_from(data.len()).ok()?,
            start_of_frame: flags & 0x80 != 0,
            end_of_frame: flags & 0x40 != 0,
            frame_number: u16::from_be_bytes([n0, n1]),
            keyframe: data.get(MANDATORY_LEN).is_some_and(|flags| flags & 0x80 != 0),
        })
    }
}

/// Decode targets of one stream that are told apart. Three spatial times three temporal layers make
/// nine; a stream with more is forwarded whole.
pub const MAX_DECODE_TARGETS: usize = 16;

/// What a frame is to the decode targets of its stream: its descriptor, read by the structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameDependency {
    /// Spatial layer, 0 to 3.
    pub spatial: u8,
    /// Temporal layer, 0 to 7.
    pub temporal: u8,
    /// Two bits per decode target, the first target in the lowest.
    pub(crate) indications: u32,
    /// Every decode target of the stream.
    pub(crate) targets: DecodeTargets,
    /// The targets that the publisher makes at present, the first one in the lowest bit.
    pub(crate) active: u16,
    /// Where the bits of the active targets lie in the data of the extension, or would lie.
    pub(crate) active_at: u16,
    /// Whether they are there.
    pub(crate) active_present: bool,
}

impl FrameDependency {
    /// What the frame is to a decode target.
    pub fn indication(&self, target: u8) -> Indication {
        Indication::from_bits(self.indications >> (2 * u32::from(target)))
    }

    /// The best active decode target within some layers: the highest spatial layer counts first, then
    /// the highest temporal one. If none is, the smallest active one; `None` if nothing is active.
    pub fn best_target(&self, spatial: u8, temporal: u8) -> Option<u8> {
        let active = || (0..self.targets.count).filter(|target| self.active >> target & 1 == 1);
        let layers = |target: &u8| self.targets.layers(*target);
        let within = active().filter(|target| {
            let (s, t) = layers(target);
            s <= spatial && t <= temporal
        });
        within.max_by_key(layers).or_else(|| active().min_by_key(layers))
    }

    /// Highest spatial and temporal layer of a decode target.
    pub fn target_layers(&self, target: u8) -> (u8, u8) {
        self.targets.layers(target)
    }

    /// The targets that whoever gets `target` can still decode, as the bits of the active targets.
    pub(crate) fn within(&self, target: u8) -> u16 {
        let (spatial, temporal) = self.targets.layers(target);
        let bits = (0..self.targets.count).filter(|&other| {
            let (s, t) = self.targets.layers(other);
            s <= spatial && t <= temporal
        });
        bits.fold(0, |mask, other| mask | 1 << other) & self.active
    }
}

/// The decode targets of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DecodeTargets {
    pub(crate) count: u8,
    /// Spatial layer in the upper four bits, temporal layer in the lower.
    layers: [u8; MAX_DECODE_TARGETS],
}

impl DecodeTargets {
    fn layers(&self, target: u8) -> (u8, u8) {
        let layers = self.layers.get(usize::from(target)).copied().unwrap_or_default();
        (layers >> 4, layers & 0x0f)
    }
}
