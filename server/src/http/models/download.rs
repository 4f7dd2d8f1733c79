//! `GET /v1/models/{hash}`: a model that this connection was told to fetch, at the rate that the core
//! set aside for it.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{
        HeaderMap, HeaderName, StatusCode,
        header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG},
    },
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::Deserialize;
use sotto_core::signal::ErrorCode;
use sotto_frame::{Delta, ModelHash};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task, time,
};

use super::{Door, hash, no_such_model};
use crate::{
    http::{refusal::Refusal, server::stopped},
    models::{Blob, Denied, Download, Grant, Member, ModelStore, chunk_len, wire_len},
    shard::Command,
};

/// A model never changes under its name; but it is of a person, who may want it forgotten: no cache
/// keeps it.
const CACHING: &str = "private, no-store";

/// What the address may say besides the hash.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    /// A model that the client holds.
    #[serde(default)]
    base: Option<String>,
}

/// Gives a model, or what the client lacks of it.
pub(super) async fn get(
    State(door): State<Door>,
    path: Result<Path<String>, PathRejection>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let member = door.member(&headers)?;
    let hash = hash(path)?;
    let base: Option<ModelHash> = match wanted {
        Ok(Query(Wanted { base: None })) => None,
        Ok(Query(Wanted { base: Some(text) })) => Some(text.parse().map_err(|_| bad_base())?),
        Err(_) => return Err(bad_base()),
    };
    let Download { model, grant } =
        door.store.open(&member, hash).map_err(|denied| match denied {
            Denied::NotGranted => {
                Refusal::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, denied.to_string())
            }
            Denied::Unknown => no_such_model(),
        })?;
    // Full: refused, and the client comes again when one of the others has ended.
    let permit = member.downloads.clone().try_acquire_owned().map_err(|_| {
        let message = "as many downloads as a connection may have are on their way";
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooMuch, message)
    })?;
    let delta = match base {
        Some(base) => delta(&door.store, base, hash, &model).await.map(|delta| (base, delta)),
        None => None,
    };
    let (body, tag) = match delta {
        Some((base, delta)) => (delta, format!("\"{hash}-{base}\"")),
        None => (model, format!("\"{hash}\"")),
    };
    let head: [(HeaderName, String); 4] = [
        (CONTENT_TYPE, "application/octet-stream".into()),
        (CONTENT_LENGTH, body.bytes().len().to_string()),
        (CACHE_CONTROL, CACHING.into()),
        (ETAG, tag),
    ];
    let body = Paced { door, member, grant, hash, bytes: body, _permit: permit }.into_body();
    Ok((head, body).into_response())
}

fn bad_base() -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, ErrorCode::Malformed, "base is not the hash of a model")
}

/// What makes `target` of the base, if that is here, of the same speaker, and worth it.
async fn delta(
    store: &ModelStore,
    base: ModelHash,
    target: ModelHash,
    model: &Arc<Blob>,
) -> Option<Arc<Blob>> {
    let (base, cell) = store.delta(base, target)?;
    let space = store.reserve();
    let model = model.clone();
    // Whoever comes first makes it, not on a thread that serves others; the rest wait for it.
    let make = || async move {
        let made = task::spawn_blocking(move || {
            let delta = Delta::between(base.bytes(), model.bytes()).ok()?;
            let shorter = delta.len() < model.bytes().len();
            Blob::new(delta, space).ok().filter(|_| shorter)
        });
        made.await.ok().flatten().map(Arc::new)
    };
    cell.get_or_init(make).await.clone()
}

/// A body on its way.
struct Paced {
    door: Door,
    member: Member,
    grant: Grant,
    hash: ModelHash,
    bytes: Arc<Blob>,
    _permit: OwnedSemaphorePermit,
}

impl Paced {
    /// Sends piece by piece from a task of its own, which notices at any time that the grant is
    /// revoked, the node stops, or the client does not read: a model is not held for those who do not
    /// take it. The body then breaks off.
    fn into_body(self) -> Body {
        // Full: the task waits for the client to read, `http.write_timeout_ms` at most.
        let (pieces, mut body) = mpsc::channel::<Result<Bytes, Unfinished>>(1);
        tokio::spawn(async move {
            let mut grant = self.grant.clone();
            let mut stop = self.door.node.stop.clone();
            let patience = self.door.node.http.write_timeout;
            let sent = tokio::select! {
                sent = self.send(&pieces, patience) => sent,
                () = grant.revoked() => Err(Unfinished),
                () = stopped(&mut stop) => Err(Unfinished),
            };
            if sent.is_err() {
                tracing::debug!(peer = self.member.peer.0, "download of a model ended early");
            }
        });
        Body::from_stream(stream::poll_fn(move |cx| body.poll_recv(cx)))
    }

    async fn send(
        &self,
        pieces: &mpsc::Sender<Result<Bytes, Unfinished>>,
        patience: Duration,
    ) -> Result<(), Unfinished> {
        let mut rest = self.bytes.bytes();
        while !rest.is_empty() {
            let bitrate = self.grant.bitrate().ok_or(Unfinished)?;
            let (piece, behind) = rest.split_at(chunk_len(bitrate).min(rest.len()));
            let now = time::Instant::now().into_std();
            let due = self.grant.pace(now, wire_len(piece.len()), bitrate);
            time::sleep_until(due.into()).await;
            // A copy: what waits in buffers must not keep the whole.
            let sent = pieces.send(Ok(Bytes::copy_from_slice(piece)));
            time::timeout(patience, sent).await.map_err(|_| Unfinished)?.map_err(|_| Unfinished)?;
            self.member.count_fetched(piece.len());
            rest = behind;
        }
        self.book();
        Ok(())
    }
}

impl Paced {
    /// Tells the room what it took.
    fn book(&self) {
        let peer = self.member.peer;
        let bytes = wire_len(self.bytes.bytes().len());
        let served = Command::ModelServed { peer, hash: self.hash, bytes };
        if let Err(error) = self.door.node.media.try_send(peer, served) {
            // Full: the account misses this one; a meeting does not wait for its accounts.
            tracing::debug!(peer = peer.0, %error, "a download was not booked");
        }
    }
}

/// A body that breaks off.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the model may not be fetched any longer")]
struct Unfinished;
