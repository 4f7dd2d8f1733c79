//! `/v1/models/{hash}`: how models come and go; `/v1/models`: what is kept of a speaker.
//!
//! ```text
//!  cross_origin ─► member (bearer key) ─┬ PUT     upload: read, check ─► store ─► Command::Model ─► vault
//!                                       ├ GET     download: grant ─► delta or whole ─► paced body
//!                                       ├ DELETE  withdraw: Consent { granted: false } ─► drop
//!                                       └ /       kept: vault ─► store, for this connection
//! ```

mod cross_origin;
mod download;
mod kept;
mod upload;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State, rejection::PathRejection},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{AUTHORIZATION, CONNECTION},
    },
    middleware,
    response::Response,
    routing::{get, put},
};
use sotto_core::signal::{ClientMessage, ErrorCode};
use sotto_frame::ModelHash;
use tokio::task;

use super::{refusal::Refusal, routes::Node};
use crate::{
    models::{Member, ModelKey, ModelStore},
    shard::{Command, Undelivered},
};

/// What these requests need.
#[derive(Clone)]
struct Door {
    node: Arc<Node>,
    store: Arc<ModelStore>,
}

/// The routes, for a node that uses models.
pub(super) fn routes(node: Arc<Node>, store: Arc<ModelStore>) -> Router {
    let door = Door { node: node.clone(), store };
    let upload = put(upload::put).layer(middleware::map_response(end_connection));
    let methods = get(download::get)
        .merge(upload)
        .delete(withdraw)
        .options(cross_origin::preflight)
        .with_state(door.clone());
    let shelf =
        get(kept::list).delete(kept::forget).options(cross_origin::preflight).with_state(door);
    Router::new()
        .route("/v1/models", shelf)
        .route("/v1/models/{hash}", methods)
        .route_layer(middleware::from_fn_with_state(node, cross_origin::apply))
}

/// `DELETE /v1/models/{hash}`: a speaker takes back its consent for the source that this is a model
/// of. All of its models of that source go, kept ones too.
async fn withdraw(
    State(door): State<Door>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let member = door.member(&headers)?;
    let hash = hash(path)?;
    let own = door.store.own(&member, hash).or_else(|| door.store.offered(&member, hash));
    let (source, _) = own.ok_or_else(no_such_model)?;
    let peer = member.peer;
    let message = ClientMessage::Consent { source, granted: false, generic: None };
    let tell = || door.node.media.try_send(peer, Command::Message { peer, message });
    door.store.withdraw(&member, source, tell).map_err(undelivered)?;
    let (store, identity) = (door.store.clone(), member.identity);
    // Whoever reads the answer finds nothing on the disk.
    let forgotten = task::spawn_blocking(move || store.forget_kept(&identity, Some(source)));
    forgotten.await.map_err(|_| {
        let message = "what is kept could not be removed";
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, message)
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// What was read of a connection stays in its buffers for as long as that is open: one that carried a
/// model ends with the answer, and the next request opens another.
async fn end_connection(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

impl Door {
    /// The connection whose key a request shows (RFC 6750 section 2.1).
    fn member(&self, headers: &HeaderMap) -> Result<Member, Refusal> {
        let text = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = text
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .and_then(|(_, key)| ModelKey::from_text(key));
        key.and_then(|key| self.store.member(&key)).ok_or_else(|| {
            let message = "the key of welcome.models is wanted, while its connection lives";
            Refusal::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, message)
        })
    }
}

/// The hash that a path names.
fn hash(path: Result<Path<String>, PathRejection>) -> Result<ModelHash, Refusal> {
    path.ok().and_then(|Path(text)| text.parse().ok()).ok_or_else(no_such_model)
}

fn no_such_model() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, "there is no such model")
}

/// The shard did not take a command: nothing was done.
fn undelivered(error: Undelivered) -> Refusal {
    let code = match error {
        Undelivered::Full => ErrorCode::Full,
        Undelivered::Stopped => ErrorCode::Internal,
    };
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, code, error.to_string())
}
