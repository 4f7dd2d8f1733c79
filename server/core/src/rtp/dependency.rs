//! The dependency descriptor: what a frame is, said outside of its payload.

/// The mandatory part of an AV1 dependency descriptor (AV1 RTP specification, appendix A), enough to
/// find frames and keyframes of opaque payloads.
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
