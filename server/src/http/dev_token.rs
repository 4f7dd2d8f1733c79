//! `POST /v1/dev/token`: a token for everybody who asks, while the key is no secret anyway.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
};
use serde::{Deserialize, Serialize};
use sotto_core::signal::ErrorCode;
use uuid::Uuid;

use super::{origin, refusal::Refusal, routes::Node};
use crate::{
    name::{RoomName, person_name},
    token::Claims,
};

/// How long such a token lives, in seconds: a working day.
const LIFETIME_S: u64 = 12 * 3600;

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    room: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    identity: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Issued {
    token: String,
}

/// Routed only while the development key is in use.
pub(super) async fn issue(
    State(node): State<Arc<Node>>,
    headers: HeaderMap,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<Json<Issued>, Refusal> {
    if !origin::may_connect(&headers, &node.http.allowed_origins) {
        return Err(Refusal::origin());
    }
    let malformed =
        |message: String| Refusal::new(StatusCode::BAD_REQUEST, ErrorCode::Malformed, message);
    let Json(wanted) = wanted
        .map_err(|error| Refusal { status: error.status(), ..malformed(error.body_text()) })?;
    let room = RoomName::new(&wanted.room).map_err(|error| malformed(error.to_string()))?;
    let checked = |what: &str, text: Option<String>| {
        text.map(|text| {
            person_name(&text).map_err(|error| malformed(format!("the {what} {error}")))
        })
        .transpose()
    };
    let name = checked("name", wanted.name)?;
    let identity = checked("identity", wanted.identity)?
        .unwrap_or_else(|| format!("guest-{}", Uuid::new_v4().simple()));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = Claims { name, ..Claims::participant(room.as_str(), &identity, now + LIFETIME_S) };
    Ok(Json(Issued { token: node.key.sign(&claims) }))
}
