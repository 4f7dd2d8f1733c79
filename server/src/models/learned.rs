//! Models that the node itself has learned of speakers: each waits for its speaker, who encodes with
//! it, and is nobody else's until he uploads it without a body.

use std::sync::Arc;

use sotto_core::{id::PeerId, input::ModelHeader, signal::Source};
use sotto_frame::{Container, ContainerError, PluginKind};

use super::{
    grant::Granted,
    kept::{AUDIT, KEPT_BITRATE, Offered},
    space::{Blob, NoSpace},
    store::ModelStore,
};

/// Models of one source that wait for their speaker: the latest, and the one before it, which may be on
/// its way. Full: the oldest is dropped.
const WAITING: usize = 2;

/// Why a learned model is not held. Nothing of it is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHeld {
    /// Not a container.
    #[error("no model: {0}")]
    Container(#[from] ContainerError),
    /// Of the other kind of media than its source.
    #[error("a model of the other kind")]
    Kind,
    /// The speaker has left.
    #[error("its speaker has left")]
    Gone,
    /// The speaker took back the consent that it was learned under.
    #[error("its speaker took back the consent")]
    Withdrawn,
    /// Everybody's models together are too many.
    #[error(transparent)]
    NoSpace(#[from] NoSpace),
}

impl ModelStore {
    /// Lets a speaker fetch a model that was learned of one of its sources, if it has not taken back
    /// the consent: `consent` says how often it had done so when the learning began. Takes some ms: a
    /// digest of up to 4 MiB.
    ///
    /// # Errors
    /// [`NotHeld`].
    pub fn hold_learned(
        &self,
        peer: PeerId,
        source: Source,
        consent: u32,
        container: Vec<u8>,
    ) -> Result<ModelHeader, NotHeld> {
        let (read, hash) = Container::parse_named(&container)?;
        let header = ModelHeader {
            plugin: read.plugin,
            version: read.plugin_version,
            epoch: read.epoch,
            hash,
            bytes: container.len() as u32,
        };
        let of = match read.plugin.kind() {
            PluginKind::Sound => Source::Microphone,
            PluginKind::Picture => Source::Camera,
        };
        if of != source {
            return Err(NotHeld::Kind);
        }
        let mut space = self.reserve();
        self.resize(&mut space, container.len())?;
        let blob = Arc::new(Blob::new(container, space)?);
        let mut shelves = self.lock();
        let entry = shelves.members.values_mut().find(|entry| entry.member.peer == peer);
        let entry = entry.ok_or(NotHeld::Gone)?;
        if entry.member.withdrawals().of(source) != consent {
            return Err(NotHeld::Withdrawn);
        }
        entry.learned.push(Offered { source, hash, blob, granted: Granted::new(KEPT_BITRATE) });
        let mut room = WAITING;
        entry.learned.reverse();
        entry.learned.retain(|offered| {
            let fits = offered.source != source || room > 0;
            room = room.saturating_sub(usize::from(offered.source == source));
            fits
        });
        entry.learned.reverse();
        let (identity, epoch, bytes) = (&*entry.member.identity, header.epoch.0, header.bytes);
        tracing::info!(target: AUDIT, peer = peer.0, identity, ?source, epoch, bytes, "model learned");
        Ok(header)
    }
}
