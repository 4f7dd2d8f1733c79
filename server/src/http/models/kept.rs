//! `/v1/models`: what the node keeps of whoever asks, from earlier meetings.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use serde::Serialize;
use sotto_core::signal::{ErrorCode, Source};
use sotto_frame::{Container, ModelHash};
use tokio::{sync::SemaphorePermit, task};

use super::{Door, undelivered};
use crate::{
    http::refusal::Refusal,
    models::{Member, ModelStore, since_1970},
    shard::Command,
};

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shelf {
    /// For how many days a model is kept that is uploaded with `keep`; `None`: this node keeps none.
    days: Option<u64>,
    kept: Vec<KeptModel>,
}

/// A model that may be fetched, and be used again by an upload without a body.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct KeptModel {
    source: Source,
    plugin: u8,
    version: u8,
    epoch: u32,
    hash: String,
    bytes: usize,
    /// When it is removed, seconds since 1970.
    expires: u64,
}

/// Says what is kept of the speaker, and lets this connection fetch it.
pub(super) async fn list(
    State(door): State<Door>,
    headers: HeaderMap,
) -> Result<Json<Shelf>, Refusal> {
    let member = door.member(&headers)?;
    let _one = alone(&member)?;
    let (store, speaker) = (door.store.clone(), member.clone());
    let found = task::spawn_blocking(move || look(&store, &speaker)).await;
    found.map(Json).map_err(|_| broken())
}

/// Removes all that is kept of the speaker. What it uses in this meeting, it goes on using.
pub(super) async fn forget(
    State(door): State<Door>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let member = door.member(&headers)?;
    let _one = alone(&member)?;
    for source in [Source::Microphone, Source::Camera] {
        let peer = member.peer;
        let copies = Command::ModelKept { peer, source, kept: None };
        door.node.media.try_send(peer, copies).map_err(undelivered)?;
    }
    door.store.offer_nothing(&member);
    let (store, identity) = (door.store.clone(), member.identity.clone());
    let forgotten = task::spawn_blocking(move || store.forget_kept(&identity, None));
    forgotten.await.map_err(|_| broken())?;
    Ok(StatusCode::NO_CONTENT)
}

/// One at a time, like uploads, which may write the same files.
fn alone(member: &Member) -> Result<SemaphorePermit<'_>, Refusal> {
    member.upload.try_acquire().map_err(|_| {
        let code = StatusCode::TOO_MANY_REQUESTS;
        Refusal::new(code, ErrorCode::TooMuch, "one look or upload at a time")
    })
}

fn broken() -> Refusal {
    let code = StatusCode::INTERNAL_SERVER_ERROR;
    Refusal::new(code, ErrorCode::Internal, "what is kept could not be looked at")
}

fn look(store: &ModelStore, member: &Member) -> Shelf {
    const DAY: u64 = 86_400;
    let Some(vault) = store.vault() else { return Shelf { days: None, kept: Vec::new() } };
    let begun = member.withdrawals();
    let found = vault.kept(&member.identity, since_1970()).into_iter();
    let allowed = found.filter(|kept| member.permissions.may_be_modelled(kept.source));
    let mut rows = Vec::new();
    let readable = allowed.filter_map(|kept| {
        let (container, hash) = Container::parse_named(&kept.container).ok()?;
        rows.push((
            hash,
            KeptModel {
                source: kept.source,
                plugin: container.plugin.get(),
                version: container.plugin_version,
                epoch: container.epoch.0,
                hash: hash.to_string(),
                bytes: kept.container.len(),
                expires: kept.expires.as_secs(),
            },
        ));
        Some((kept, hash))
    });
    let readable = readable.collect();
    let offered: Vec<ModelHash> = store.offer(member, begun, readable);
    rows.retain(|(hash, _)| offered.contains(hash));
    Shelf {
        days: Some(vault.lifetime().as_secs() / DAY),
        kept: rows.into_iter().map(|(_, row)| row).collect(),
    }
}
