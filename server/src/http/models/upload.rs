//! `PUT /v1/models/{hash}`: a speaker's own model, whole or as a delta.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{
        Path, Query, Request, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode, header::CONTENT_LENGTH},
};
use futures_util::StreamExt as _;
use serde::Deserialize;
use sotto_core::{
    input::ModelHeader,
    signal::{ErrorCode, Source},
};
use sotto_frame::{
    Container, ContainerError, Delta, DeltaError, Epoch, ModelHash, PluginKind,
    container::MAX_CONTAINER_LEN,
};
use tokio::{task, time};

use super::{Door, hash, undelivered};
use crate::{
    http::refusal::Refusal,
    models::{
        AUDIT, Blob, Member, ModelStore, NoSpace, PutError, Reservation, Stored, Upload,
        Withdrawals,
    },
    shard::{Command, Undelivered},
};

/// Longest body, in bytes: the longest container or delta, and some more.
const MAX_BODY_BYTES: usize = MAX_CONTAINER_LEN + 4 * 1024;

/// Longest time between two pieces of a body, and for all of it: what 160 KB take at 12 kbit/s.
const PIECE_TIMEOUT: Duration = Duration::from_secs(10);
const BODY_TIMEOUT: Duration = Duration::from_secs(120);

/// Why a model is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum UploadError {
    /// One is on its way already, or the last ones are too few moments ago.
    #[error("one upload at a time, and eight at once after a pause")]
    TooOften,
    /// More than any container has.
    #[error("a model may have {MAX_CONTAINER_LEN} bytes")]
    TooLong,
    /// The body stopped coming.
    #[error("the body did not come in time")]
    Slow,
    /// The connection broke.
    #[error("the body broke off")]
    Broken,
    /// Everybody's models together are too many.
    #[error(transparent)]
    NoSpace(#[from] NoSpace),
    /// Not a container.
    #[error("no model: {0}")]
    Container(#[from] ContainerError),
    /// Not a delta that can be applied.
    #[error("no delta: {0}")]
    Delta(#[from] DeltaError),
    /// Of something that this connection did not upload, or that had to make room.
    #[error("the base of this delta is not held here: upload the whole")]
    Base,
    /// A refinement is of the same plug-in in the same version, and later.
    #[error("a delta goes to a later epoch of the same plug-in and version")]
    NotARefinement,
    /// The path names another one.
    #[error("the path names another model than the body is")]
    Hash,
    /// Epoch 0 is the generic model, which ships with the clients.
    #[error("epochs of a speaker's model begin at 1")]
    Generic,
    /// There is no body, and nothing of that name is kept or was learned of the speaker.
    #[error("no body, and no such model is kept or was learned of you")]
    NotKept,
    /// This node keeps nothing.
    #[error("this node keeps no models (models.kept_folder)")]
    KeepsNone,
    /// The address asks for something else.
    #[error("keep is true or false")]
    Query,
    /// Its source may not be published, or no model of it be learned.
    #[error("your token does not allow a model of this")]
    Forbidden,
    /// The websocket closed meanwhile, the speaker thought better of it, or the node is too busy.
    #[error(transparent)]
    Put(#[from] PutError<Undelivered>),
    /// A fault of the node.
    #[error("the model could not be looked at")]
    Internal,
}

/// What the address may say besides the hash.
#[derive(Debug, Deserialize)]
pub(super) struct Wish {
    /// The speaker wants to find it again in another meeting.
    #[serde(default)]
    keep: bool,
}

/// Takes a model of a speaker and tells its room of it. Without a body: one that the node keeps of him,
/// or has learned.
pub(super) async fn put(
    State(door): State<Door>,
    path: Result<Path<String>, PathRejection>,
    wish: Result<Query<Wish>, QueryRejection>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    let member = door.member(request.headers())?;
    let hash = hash(path)?;
    let Query(Wish { keep }) = wish.map_err(|_| UploadError::Query)?;
    if keep && door.store.vault().is_none() {
        return Err(UploadError::KeepsNone.into());
    }
    // Full: refused. A client that waits for its answers never meets this.
    let _one = member.upload.try_acquire().map_err(|_| UploadError::TooOften)?;
    let (begun, upload, header) = receive(&door, &member, hash, request).await?;
    let (peer, source, model) = (member.peer, upload.source, upload.clone());
    let tell = || door.node.media.try_send(peer, Command::Model { peer, model: header });
    let stored = door.store.put(&member, upload, begun, tell).map_err(UploadError::from)?;
    if stored == Stored::Created {
        let (identity, epoch, bytes) = (&*member.identity, header.epoch.0, header.bytes);
        tracing::info!(target: AUDIT, peer = peer.0, identity, ?source, epoch, bytes, "model given");
    }
    if keep {
        let (store, speaker) = (door.store.clone(), member.clone());
        let kept = task::spawn_blocking(move || store.keep(&speaker, &model, begun));
        if let Some(copy) = kept.await.map_err(|_| UploadError::Internal)? {
            let kept = Command::ModelKept { peer, source, kept: Some((hash, copy)) };
            if let Err(error) = door.node.media.try_send(peer, kept) {
                // It is kept, and nobody else keeps a copy.
                tracing::debug!(peer = peer.0, %error, "copies not allowed");
            }
        }
    }
    Ok(match stored {
        Stored::Known => StatusCode::OK,
        Stored::Created => StatusCode::CREATED,
    })
}

/// Reads and checks a body.
async fn receive(
    door: &Door,
    member: &Member,
    hash: ModelHash,
    request: Request,
) -> Result<(Withdrawals, Upload, ModelHeader), UploadError> {
    let begun = door.store.begin_upload(member, Instant::now()).ok_or(UploadError::TooOften)?;
    let announced = announced(request.headers());
    if announced > MAX_BODY_BYTES {
        return Err(UploadError::TooLong);
    }
    let mut space = door.store.reserve();
    let body = read(&door.store, &mut space, request.into_body());
    let body = time::timeout(BODY_TIMEOUT, body).await.map_err(|_| UploadError::Slow)??;
    member.count_uploaded(body.len());
    let (store, speaker) = (door.store.clone(), member.clone());
    // Digests of up to 4 MiB: not on a thread that serves others.
    let checked = task::spawn_blocking(move || check(&store, &speaker, hash, body, space));
    let (upload, header) = checked.await.map_err(|_| UploadError::Internal)??;
    Ok((begun, upload, header))
}

/// What the head of a request says of its body, in bytes.
fn announced(headers: &HeaderMap) -> usize {
    let text = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Reads a body. What was read is set aside piece by piece, so that no number of uploads fills the
/// memory.
async fn read(
    store: &ModelStore,
    space: &mut Reservation,
    body: Body,
) -> Result<Vec<u8>, UploadError> {
    let mut pieces = body.into_data_stream();
    let mut bytes = Vec::new();
    loop {
        let piece = time::timeout(PIECE_TIMEOUT, pieces.next());
        let Some(piece) = piece.await.map_err(|_| UploadError::Slow)? else { return Ok(bytes) };
        let piece = piece.map_err(|_| UploadError::Broken)?;
        if bytes.len() + piece.len() > MAX_BODY_BYTES {
            return Err(UploadError::TooLong);
        }
        store.resize(space, bytes.len() + piece.len())?;
        bytes.extend_from_slice(&piece);
    }
}

/// Checks all of a body that can be checked without the room.
fn check(
    store: &ModelStore,
    member: &Member,
    hash: ModelHash,
    body: Vec<u8>,
    mut space: Reservation,
) -> Result<(Upload, ModelHeader), UploadError> {
    if body.is_empty() {
        let (_, blob) = store.offered(member, hash).ok_or(UploadError::NotKept)?;
        let (source, header) = describe(member, hash, blob.bytes())?;
        return Ok((Upload { source, hash, blob }, header));
    }
    let bytes = match Delta::parse(&body) {
        Err(DeltaError::Magic) => body,
        Err(error) => return Err(error.into()),
        Ok(delta) => {
            let (_, base) = store.own(member, delta.base()).ok_or(UploadError::Base)?;
            store.resize(&mut space, body.len() + MAX_CONTAINER_LEN)?;
            let target = delta.apply(base.bytes())?;
            let (from, to) = (Container::parse(base.bytes())?, Container::parse(&target)?);
            let same = (from.plugin, from.plugin_version) == (to.plugin, to.plugin_version);
            if !same || to.epoch <= from.epoch {
                return Err(UploadError::NotARefinement);
            }
            target
        }
    };
    let (source, header) = describe(member, hash, &bytes)?;
    let blob = Arc::new(Blob::new(bytes, space)?);
    Ok((Upload { source, hash, blob }, header))
}

/// Checks that a container is the one of that name, and may be of this speaker.
fn describe(
    member: &Member,
    hash: ModelHash,
    bytes: &[u8],
) -> Result<(Source, ModelHeader), UploadError> {
    let (container, name) = Container::parse_named(bytes)?;
    if name != hash {
        return Err(UploadError::Hash);
    }
    if container.epoch == Epoch(0) {
        return Err(UploadError::Generic);
    }
    let source = match container.plugin.kind() {
        PluginKind::Sound => Source::Microphone,
        PluginKind::Picture => Source::Camera,
    };
    if !member.permissions.may_be_modelled(source) {
        return Err(UploadError::Forbidden);
    }
    let header = ModelHeader {
        plugin: container.plugin,
        version: container.plugin_version,
        epoch: container.epoch,
        hash,
        bytes: bytes.len() as u32,
    };
    Ok((source, header))
}

impl From<UploadError> for Refusal {
    fn from(error: UploadError) -> Self {
        let (status, code) = match error {
            UploadError::TooOften => (StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooMuch),
            UploadError::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooMuch),
            UploadError::Slow => (StatusCode::REQUEST_TIMEOUT, ErrorCode::TooMuch),
            UploadError::NoSpace(_) => (StatusCode::INSUFFICIENT_STORAGE, ErrorCode::Full),
            UploadError::Broken
            | UploadError::Container(_)
            | UploadError::Delta(_)
            | UploadError::Hash
            | UploadError::Generic => (StatusCode::BAD_REQUEST, ErrorCode::Malformed),
            UploadError::NotKept => (StatusCode::NOT_FOUND, ErrorCode::NotFound),
            UploadError::Query => (StatusCode::BAD_REQUEST, ErrorCode::Malformed),
            UploadError::Base | UploadError::NotARefinement | UploadError::KeepsNone => {
                (StatusCode::CONFLICT, ErrorCode::Conflict)
            }
            UploadError::Forbidden => (StatusCode::FORBIDDEN, ErrorCode::Forbidden),
            UploadError::Put(PutError::Gone) => (StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized),
            UploadError::Put(PutError::Withdrawn) => (StatusCode::CONFLICT, ErrorCode::Conflict),
            UploadError::Put(PutError::Untold(error)) => return undelivered(error),
            UploadError::Internal => (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal),
        };
        Self::new(status, code, error.to_string())
    }
}
