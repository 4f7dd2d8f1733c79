//! What speakers leave behind for another meeting, and get back in it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sotto_core::signal::{DiskCopy, Source};
use sotto_frame::ModelHash;

use super::{
    grant::Granted,
    member::{Member, Withdrawals},
    space::Blob,
    store::{Connection, Download, ModelStore, Upload},
    vault::Kept,
};

/// Whose lines of the log say what became of biometric data.
pub const AUDIT: &str = "sotto::audit";

/// Rate at which somebody gets what was kept or learned of it, bit/s: a face within a third of a second.
pub(super) const KEPT_BITRATE: u64 = 4_000_000;

/// A model that was kept or learned of a speaker, and may be fetched by him.
#[derive(Debug)]
pub(super) struct Offered {
    pub(super) source: Source,
    pub(super) hash: ModelHash,
    pub(super) blob: Arc<Blob>,
    pub(super) granted: Granted,
}

impl Offered {
    pub(super) fn download(&self) -> Download {
        Download { model: self.blob.clone(), grant: self.granted.grant() }
    }
}

impl ModelStore {
    /// Lets a connection fetch what was kept of its speaker, and use it again, but for what it took
    /// back `since`. What there is no room for is left out. Returns what it may fetch.
    pub fn offer(
        &self,
        member: &Member,
        since: Withdrawals,
        kept: Vec<(Kept, ModelHash)>,
    ) -> Vec<ModelHash> {
        let blobs = kept.into_iter().filter_map(|(Kept { source, container, .. }, hash)| {
            let blob = Arc::new(Blob::new(container, self.space.reserve()).ok()?);
            Some(Offered { source, hash, blob, granted: Granted::new(KEPT_BITRATE) })
        });
        let offered: Vec<_> = blobs.collect();
        let mut shelves = self.lock();
        let Some(entry) = shelves.members.get_mut(&member.id) else { return Vec::new() };
        for new in offered {
            if member.agrees(new.source, since) {
                entry.kept.retain(|old| old.source != new.source);
                entry.kept.push(new);
            }
        }
        entry.kept.iter().map(|offered| offered.hash).collect()
    }

    /// Offers nothing any longer of what was kept.
    pub fn offer_nothing(&self, member: &Member) {
        if let Some(entry) = self.lock().members.get_mut(&member.id) {
            entry.kept.clear();
        }
    }

    /// A model that was kept or learned of the speaker of this connection, and offered to it.
    pub fn offered(&self, member: &Member, hash: ModelHash) -> Option<(Source, Arc<Blob>)> {
        let shelves = self.lock();
        let offered = shelves.members.get(&member.id)?.offered(hash)?;
        Some((offered.source, offered.blob.clone()))
    }

    /// Keeps a model of a speaker for another meeting, unless it took back the consent `since`. Returns how
    /// others may keep copies of it; `None`: it is not kept. Blocks.
    pub fn keep(&self, member: &Member, upload: &Upload, since: Withdrawals) -> Option<DiskCopy> {
        let vault = self.vault.as_ref()?;
        let &Upload { source, hash, ref blob } = upload;
        let agreed = || member.agrees(source, since);
        let identity = &*member.identity;
        let kept = vault
            .keep(identity, source, blob.bytes(), since_1970(), agreed)
            .inspect_err(|error| tracing::error!(?source, %error, "a model could not be kept"));
        let expires = kept.ok().flatten()?;
        tracing::info!(target: AUDIT, identity, ?source, "model kept");
        Some(DiskCopy { key: vault.copy_key(identity, hash), expires: expires.as_secs() })
    }

    /// Removes what is kept of a speaker, of one source or of all. Blocks.
    pub fn forget_kept(&self, identity: &str, source: Option<Source>) {
        let Some(vault) = &self.vault else { return };
        match vault.forget(identity, source) {
            Ok(0) => {}
            Ok(_) => tracing::info!(target: AUDIT, identity, ?source, "kept model removed"),
            Err(error) => tracing::error!(?source, %error, "a kept model could not be removed"),
        }
    }
}

impl Connection {
    /// Removes what is kept of its speaker, of one source, beside whoever asks: disks may be slow.
    pub fn forget_kept(&self, source: Source) {
        if self.store.vault().is_none() {
            return;
        }
        let (store, identity) = (self.store.clone(), self.member.identity.clone());
        tokio::task::spawn_blocking(move || store.forget_kept(&identity, Some(source)));
    }
}

/// The system's clock.
pub fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
