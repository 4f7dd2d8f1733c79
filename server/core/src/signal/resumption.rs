//! What is said about coming back after a connection broke.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::signal::AccessKey;

/// What a client that can come back says when it joins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct JoinResumption {
    /// [`Resumption::token`] of its last session, whose participant it is to be again: where that
    /// session can no longer go on, also behind a restart of the node. One that is not of this
    /// identity and room is passed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<AccessKey>,
}

/// How a session goes on behind a websocket that broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resumption {
    /// What [`ClientMessage::Resume`](crate::signal::ClientMessage::Resume) and the next join show.
    /// As secret as an access token.
    pub token: AccessKey,
    /// How long the node waits, in milliseconds from when it finds the websocket broken.
    pub window_ms: u32,
    /// Another one whenever the node starts: whoever finds a new one is early, and others who were in
    /// the room may be on their way back.
    pub node: Uuid,
}
