//! RTP as the forwarding plane reads it: headers, the extensions and payload descriptors that
//! decisions need, and nothing else.
//!
//! ```text
//!  bytes ─► Packet::parse ─► header, MID, RID, audio level, dependency descriptor
//!                 └─ Packet::describe, for whoever knows the stream
//!                      ├─ payload ─► VideoDescriptor::parse ─► frame start, keyframe, counters
//!                      └─ descriptor ─► DependencyReader ─► layers, decode targets
//! ```
//!
//! Every reader borrows, checks bounds and allocates nothing. [`PacketBuilder`] and
//! [`VideoDescriptor::write`] are the way back, for those who originate packets.

mod av1;
mod bits;
mod builder;
mod dependency;
mod extension;
mod h264;
mod packet;
#[cfg(test)]
mod tests;
mod unwrap;
mod video;
mod vp8;
mod vp9;

pub use builder::{BuildError, PacketBuilder};
pub use dependency::{
    Dependency, DependencyDescriptor, DependencyReader, DependencyStructure, FrameDependency,
    FrameTemplate, Indication, MAX_DECODE_TARGETS,
};
pub use extension::{AudioLevel, ExtensionMap};
pub use packet::{Packet, ParseError};
pub use unwrap::Unwrapper;
pub use video::VideoDescriptor;
pub use vp9::{Vp9Descriptor, Vp9Layers};

pub(crate) use bits::{BitReader, BitWriter};
pub(crate) use dependency::MANDATORY_LEN as DEPENDENCY_MANDATORY_LEN;
pub(crate) use vp8::patch as patch_vp8;
pub(crate) use vp9::patch as patch_vp9;

/// Length of the fixed header in bytes (RFC 3550 section 5.1).
pub(crate) const FIXED_HEADER_LEN: usize = 12;

/// Version 2 in the two highest bits of the first byte (RFC 3550 section 5.1).
pub(crate) const VERSION_BITS: u8 = 0x80;

/// Bit of the first byte that announces a header extension (RFC 3550 section 5.1).
pub(crate) const EXTENSION_BIT: u8 = 0x10;

/// "Defined by profile" of a block of one-byte extensions (RFC 8285 section 4.2).
pub(crate) const ONE_BYTE_PROFILE: u16 = 0xbede;

/// "Defined by profile" of a block of two-byte extensions, application bits zero (RFC 8285
/// section 4.3).
pub(crate) const TWO_BYTE_PROFILE: u16 = 0x1000;

/// Highest id of the one-byte form (RFC 8285 section 4.2; 15 is reserved).
pub(crate) const ONE_BYTE_MAX_ID: u8 = 14;

/// Longest data of an element of the one-byte form (RFC 8285 section 4.2).
pub(crate) const ONE_BYTE_MAX_LEN: usize = 16;
