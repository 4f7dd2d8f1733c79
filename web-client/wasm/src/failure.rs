//! Why a call is refused, in words for a developer. The page drops the packet, or goes raw.

use sotto_codec::{EncodeError, FrameError, LearnError, MediaError, RegistryError};
use sotto_frame::{
    BundleError, ContainerError, DeltaError, InvalidPlugin, PacketError, PluginId, WriteError,
};

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Not a bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Not a model packet.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// Not to be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Not a model container.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// Not a delta, or not of this base.
    #[error(transparent)]
    Delta(#[from] DeltaError),
    /// No plug-in can have this number.
    #[error(transparent)]
    Plugin(#[from] InvalidPlugin),
    /// A model that no plug-in reads, or a plug-in that is not there.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Raw media that do not fit.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// No model yet.
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// No payload yet.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Not a payload of this model.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The plug-in has no model for every speaker.
    #[error("plug-in {0} has no generic model")]
    NoGeneric(PluginId),
    /// A handle of nothing, or of something else.
    #[error("no such object")]
    Handle,
    /// An argument that is not laid out as it should be: codec.ts and this crate differ.
    #[error("malformed argument")]
    Argument,
}
