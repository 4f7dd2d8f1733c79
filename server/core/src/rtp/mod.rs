//! RTP as the forwarding plane reads it: headers, the extensions and payload descriptors that
//! decisions need, and nothing else.

mod packet;

pub use packet::{AudioLevel, DependencyDescriptor, ExtensionMap, Packet, VideoDescriptor};
