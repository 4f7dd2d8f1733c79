//! The containers by hash, and the connections that uploaded or may fetch them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use sotto_core::{
    id::PeerId,
    signal::{FetchModel, ForgetModel, Permissions, Source},
};
use sotto_frame::ModelHash;

use super::{
    deltas::{DeltaCell, Deltas},
    grant::{Grant, Granted},
    kept::Offered,
    key::{KeyDigest, ModelKey},
    member::{Member, ModelTraffic, Withdrawals},
    space::{Blob, NoSpace, Reservation, Space},
    vault::Vault,
};
use crate::shard::bucket::{Bucket, Rate};

/// Models of one source that a speaker's connection keeps: the one in use, the one before it, the one
/// to come, and one that came in between. Full: the oldest is dropped.
const MODELS_PER_SOURCE: usize = 4;

/// Bytes of them. Full: the oldest is dropped.
const BYTES_PER_SOURCE: usize = 8 << 20;

/// Models that one connection may fetch at a time. Full: the newest is refused, and its subscriber
/// stays with raw media. No view shows so many people.
const MAX_GRANTS: usize = 2_048;

/// Uploads of one connection: voice and face each refine every few seconds at most.
const UPLOADS: Rate = Rate { per_second: 1, burst: 8 };

/// Every model of the node.
#[derive(Debug)]
pub struct ModelStore {
    shelves: Mutex<Shelves>,
    pub(super) space: Space,
    pub(super) vault: Option<Vault>,
}

#[derive(Debug, Default)]
pub(super) struct Shelves {
    pub(super) members: HashMap<KeyDigest, Entry>,
    models: HashMap<ModelHash, Shelf>,
    deltas: Deltas,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) member: Member,
    uploads: Bucket,
    /// What it uploaded, oldest first.
    own: Vec<Own>,
    /// What was kept of its speaker, since it asked for that.
    pub(super) kept: Vec<Offered>,
    /// What the node has learned of it.
    pub(super) learned: Vec<Offered>,
    /// What it may fetch.
    grants: HashMap<ModelHash, Granted>,
}

#[derive(Clone, Copy, Debug)]
struct Own {
    source: Source,
    hash: ModelHash,
    bytes: usize,
}

/// A model, and whose connections hold it.
#[derive(Debug)]
struct Shelf {
    blob: Arc<Blob>,
    holders: Vec<KeyDigest>,
}

/// The store at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelStats {
    /// Models that can be fetched.
    pub models: usize,
    /// Bytes of models and deltas in memory, those that are just being uploaded or fetched included.
    pub bytes: u64,
    /// What each connection fetched and uploaded.
    pub peers: Vec<(PeerId, ModelTraffic)>,
}

/// A model to be held.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Microphone or camera.
    pub source: Source,
    /// Its name.
    pub hash: ModelHash,
    /// The container.
    pub blob: Arc<Blob>,
}

/// What became of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is new.
    Created,
    /// The same connection had uploaded it before.
    Known,
}

/// A model that may be fetched.
#[derive(Debug)]
pub struct Download {
    /// The container.
    pub model: Arc<Blob>,
    /// For as long as this says.
    pub grant: Grant,
}

/// Why a model is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// This connection was not told to fetch it, or was told to forget it.
    #[error("this model is not yours to fetch")]
    NotGranted,
    /// Its speaker has just left or withdrawn it.
    #[error("there is no such model any more")]
    Unknown,
}

/// Why a model is not held. `E`: why its room cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError<E> {
    /// The connection has ended.
    #[error("the connection of this key has ended")]
    Gone,
    /// Its speaker took back the consent while it was on its way.
    #[error("the consent was taken back while the model was on its way")]
    Withdrawn,
    /// The room does not know of it, so it was never there.
    #[error(transparent)]
    Untold(E),
}

/// A connection's place in the store: its uploads, grants and key end with this.
#[derive(Debug)]
pub struct Connection {
    pub(super) store: Arc<ModelStore>,
    pub(super) member: Member,
    key: ModelKey,
}

impl ModelStore {
    /// An empty store for so many bytes. `vault`: where models are kept for another meeting.
    pub fn new(max_bytes: u64, vault: Option<Vault>) -> Self {
        Self { shelves: Mutex::default(), space: Space::new(max_bytes), vault }
    }

    /// Where models are kept for another meeting; `None`: nowhere.
    pub const fn vault(&self) -> Option<&Vault> {
        self.vault.as_ref()
    }

    /// A connection begins.
    pub fn connect(
        self: &Arc<Self>,
        peer: PeerId,
        identity: &str,
        permissions: Permissions,
    ) -> Connection {
        let key = ModelKey::generate();
        let id = key.digest();
        let member = Member::new(id, peer, identity, permissions);
        let entry = Entry {
            member: member.clone(),
            uploads: Bucket::full(),
            own: Vec::new(),
            kept: Vec::new(),
            learned: Vec::new(),
            grants: HashMap::new(),
        };
        self.lock().members.insert(id, entry);
        Connection { store: self.clone(), member, key }
    }

    /// The connection of a key.
    pub fn member(&self, key: &ModelKey) -> Option<Member> {
        self.lock().members.get(&key.digest()).map(|entry| entry.member.clone())
    }

    /// An upload begins, of which [`Self::put`] is the end. `None`: the connection may not upload again
    /// already, or has ended.
    pub fn begin_upload(&self, member: &Member, now: Instant) -> Option<Withdrawals> {
        let mut shelves = self.lock();
        let entry = shelves.members.get_mut(&member.id)?;
        entry.uploads.take(now, UPLOADS).then(|| entry.member.withdrawals())
    }

    /// Room for a model, of which nothing is set aside yet.
    pub fn reserve(&self) -> Reservation {
        self.space.reserve()
    }

    /// Sets so many bytes in all aside for a model. Deltas make room: they can be made again.
    ///
    /// # Errors
    /// [`NoSpace`].
    pub fn resize(&self, space: &mut Reservation, bytes: usize) -> Result<(), NoSpace> {
        space.resize(bytes).or_else(|NoSpace| {
            self.lock().deltas.clear();
            space.resize(bytes)
        })
    }

    /// Holds a model for as long as the connection lives, and lets `tell` tell its room of it. Those
    /// before it of its source that no longer have room go.
    ///
    /// `tell` is called while nothing else can happen here, so that what the room knows and what is
    /// held do not part: it must not wait.
    ///
    /// # Errors
    /// [`PutError`]; then nothing is held.
    pub fn put<E>(
        &self,
        member: &Member,
        upload: Upload,
        begun: Withdrawals,
        tell: impl FnOnce() -> Result<(), E>,
    ) -> Result<Stored, PutError<E>> {
        let Upload { source, hash, blob } = upload;
        let mut shelves = self.lock();
        let Shelves { members, models, .. } = &mut *shelves;
        let entry = members.get_mut(&member.id).ok_or(PutError::Gone)?;
        if !entry.member.agrees(source, begun) {
            return Err(PutError::Withdrawn);
        }
        if entry.own.iter().any(|own| own.hash == hash) {
            return Ok(Stored::Known);
        }
        tell().map_err(PutError::Untold)?;
        entry.own.push(Own { source, hash, bytes: blob.bytes().len() });
        let over = entry.without_room(source);
        let fresh = || Shelf { blob, holders: Vec::new() };
        models.entry(hash).or_insert_with(fresh).holders.push(member.id);
        shelves.drop_own(member.id, |own| over.contains(&own.hash));
        Ok(Stored::Created)
    }

    /// Lets `tell` tell the room that the speaker takes back the consent for a source, and drops what
    /// was uploaded of it. As with [`Self::put`], `tell` must not wait.
    ///
    /// # Errors
    /// What `tell` says; then nothing changed.
    pub fn withdraw<E>(
        &self,
        member: &Member,
        source: Source,
        tell: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        self.lock().withdraw(member, source, tell)
    }

    /// A model that the connection uploaded itself.
    pub fn own(&self, member: &Member, hash: ModelHash) -> Option<(Source, Arc<Blob>)> {
        let shelves = self.lock();
        let own = shelves.members.get(&member.id)?.own.iter().find(|own| own.hash == hash)?;
        Some((own.source, shelves.models.get(&hash)?.blob.clone()))
    }

    /// A model that the connection was told to fetch, or that was kept or learned of its speaker.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn open(&self, member: &Member, hash: ModelHash) -> Result<Download, Denied> {
        let shelves = self.lock();
        let entry = shelves.members.get(&member.id).ok_or(Denied::NotGranted)?;
        if let Some(offered) = entry.offered(hash) {
            return Ok(offered.download());
        }
        let grant = entry.grants.get(&hash).ok_or(Denied::NotGranted)?.grant();
        let model = shelves.models.get(&hash).ok_or(Denied::Unknown)?.blob.clone();
        Ok(Download { model, grant })
    }

    /// The delta between two models that one connection uploaded, and its base. `None`: the base is
    /// not here, or somebody else's.
    pub fn delta(&self, base: ModelHash, target: ModelHash) -> Option<(Arc<Blob>, DeltaCell)> {
        let mut shelves = self.lock();
        let Shelves { models, deltas, .. } = &mut *shelves;
        let (from, to) = (models.get(&base)?, models.get(&target)?);
        let same_speaker = from.holders.iter().any(|holder| to.holders.contains(holder));
        same_speaker.then(|| (from.blob.clone(), deltas.get(base, target)))
    }

    /// What is held, and what was moved.
    pub fn stats(&self) -> ModelStats {
        let shelves = self.lock();
        let members = shelves.members.values().map(|entry| &entry.member);
        let peers = members.map(|member| (member.peer, member.traffic()));
        ModelStats {
            models: shelves.models.len(),
            bytes: self.space.used(),
            peers: peers.collect(),
        }
    }

    /// What was broken by a panic is at worst a model too many or too few.
    pub(super) fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// What it may fetch because it is of its speaker.
    pub(super) fn offered(&self, hash: ModelHash) -> Option<&Offered> {
        self.kept.iter().chain(&self.learned).find(|offered| offered.hash == hash)
    }

    /// What of a source is too old to be kept beside what is newer.
    fn without_room(&self, source: Source) -> Vec<ModelHash> {
        let newest_first = self.own.iter().rev().filter(|own| own.source == source);
        let (mut count, mut bytes) = (0, 0);
        let over = newest_first.filter(|own| {
            (count, bytes) = (count + 1, bytes + own.bytes);
            count > MODELS_PER_SOURCE || bytes > BYTES_PER_SOURCE
        });
        over.map(|own| own.hash).collect()
    }
}

impl Shelves {
    fn withdraw<E>(
        &mut self,
        member: &Member,
        source: Source,
        tell: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        tell()?;
        member.take_back(source);
        if let Some(entry) = self.members.get_mut(&member.id) {
            for offered in [&mut entry.kept, &mut entry.learned] {
                offered.retain(|offered| offered.source != source);
            }
        }
        self.drop_own(member.id, |own| own.source == source);
        Ok(())
    }

    /// Drops some of what a connection uploaded, and everything made of it unless another connection
    /// holds the same.
    fn drop_own(&mut self, id: KeyDigest, gone: impl Fn(&Own) -> bool) {
        let Self { members, models, deltas } = self;
        let Some(entry) = members.get_mut(&id) else { return };
        for own in entry.own.extract_if(.., |own| gone(own)) {
            let Some(shelf) = models.get_mut(&own.hash) else { continue };
            shelf.holders.retain(|holder| *holder != id);
            if shelf.holders.is_empty() {
                models.remove(&own.hash);
                deltas.forget(own.hash);
            }
        }
    }
}

impl Connection {
    /// Its key.
    pub const fn key(&self) -> &ModelKey {
        &self.key
    }

    /// The core tells the client to fetch a model: it may.
    pub fn grant(&self, fetch: &FetchModel) {
        let mut shelves = self.store.lock();
        let Some(entry) = shelves.members.get_mut(&self.member.id) else { return };
        if entry.grants.len() >= MAX_GRANTS && !entry.grants.contains_key(&fetch.hash) {
            tracing::debug!(peer = entry.member.peer.0, "more models to fetch than one may");
            return;
        }
        let granted = entry.grants.entry(fetch.hash).or_insert_with(|| Granted::new(fetch.bitrate));
        granted.set_bitrate(fetch.bitrate);
        let of = (fetch.participant, fetch.source);
        if !granted.of.contains(&of) {
            granted.of.push(of);
        }
    }

    /// The core sets aside another part of the line for a model that the client may fetch, in bits per
    /// second: at once, for what is on its way.
    pub fn set_rate(&self, hash: ModelHash, bitrate: u64) {
        let mut shelves = self.store.lock();
        let entry = shelves.members.get_mut(&self.member.id);
        if let Some(granted) = entry.and_then(|entry| entry.grants.get_mut(&hash)) {
            granted.set_bitrate(bitrate);
        }
    }

    /// The core tells the client to forget a model: it may fetch it no longer, and what of it is on
    /// the way ends.
    pub fn revoke(&self, forget: &ForgetModel) {
        let mut shelves = self.store.lock();
        let Some(entry) = shelves.members.get_mut(&self.member.id) else { return };
        let Some(granted) = entry.grants.get_mut(&forget.hash) else { return };
        granted.of.retain(|of| *of != (forget.participant, forget.source));
        if granted.of.is_empty() {
            entry.grants.remove(&forget.hash);
        }
    }

    /// As [`ModelStore::withdraw`].
    ///
    /// # Errors
    /// What `tell` says; then nothing changed.
    pub fn withdraw<E>(
        &self,
        source: Source,
        tell: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        self.store.lock().withdraw(&self.member, source, tell)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut shelves = self.store.lock();
        shelves.drop_own(self.member.id, |_| true);
        shelves.members.remove(&self.member.id);
    }
}
