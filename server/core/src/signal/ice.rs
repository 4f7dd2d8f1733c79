//! Servers that help a client to reach the node.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::AccessKey;

/// Servers with the same credentials: an `RTCIceServer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IceServer {
    /// Where they are: `stun:`, `turn:`, `turns:`.
    pub urls: Vec<String>,
    /// User name, for TURN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Password, for TURN. Good for hours, not for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<AccessKey>,
}

/// Whether the field is left out.
pub(super) fn no_servers(servers: &[IceServer]) -> bool {
    servers.is_empty()
}
