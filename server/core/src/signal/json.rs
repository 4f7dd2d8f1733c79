//! Messages as JSON text, and what is no message.

use serde::Deserialize;

use super::{ClientMessage, ErrorCode, MAX_MESSAGE_BYTES, ServerMessage};

impl ClientMessage {
    /// Reads one text frame.
    ///
    /// # Errors
    /// [`MessageError`], which says what to answer.
    pub fn from_json(text: &str) -> Result<Self, MessageError> {
        if text.len() > MAX_MESSAGE_BYTES {
            return Err(MessageError::TooLong(text.len()));
        }
        /// Only what is needed to name a type that we do not know.
        #[derive(Deserialize)]
        struct Tag {
            #[serde(rename = "type")]
            kind: String,
        }
        serde_json::from_str(text).map_err(|error| match serde_json::from_str::<Tag>(text) {
            Ok(Tag { kind }) if !Self::TYPES.contains(&kind.as_str()) => {
                MessageError::UnknownType(kind.chars().take(64).collect())
            }
            Ok(Tag { kind }) => {
                MessageError::Invalid { kind: Some(kind), reason: error.to_string() }
            }
            Err(_) => MessageError::Invalid { kind: None, reason: error.to_string() },
        })
    }

    /// Every `type` of a client's message.
    pub const TYPES: [&'static str; 20] = [
        "join",
        "resume",
        "offer",
        "publish",
        "layers",
        "unpublish",
        "mute",
        "view",
        "viewport",
        "modelSupport",
        "policy",
        "consent",
        "uplink",
        "learning",
        "gate",
        "modelHeld",
        "modelFailed",
        "switched",
        "leave",
        "ping",
    ];

    /// The `type` of this message.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Join { .. } => "join",
            Self::Resume { .. } => "resume",
            Self::Offer { .. } => "offer",
            Self::Publish { .. } => "publish",
            Self::Layers { .. } => "layers",
            Self::Unpublish { .. } => "unpublish",
            Self::Mute { .. } => "mute",
            Self::View(_) => "view",
            Self::Viewport { .. } => "viewport",
            Self::ModelSupport(_) => "modelSupport",
            Self::Policy { .. } => "policy",
            Self::Consent { .. } => "consent",
            Self::Uplink { .. } => "uplink",
            Self::Learning { .. } => "learning",
            Self::Gate { .. } => "gate",
            Self::ModelHeld(_) => "modelHeld",
            Self::ModelFailed { .. } => "modelFailed",
            Self::Switched(_) => "switched",
            Self::Leave => "leave",
            Self::Ping { .. } => "ping",
        }
    }
}

impl ServerMessage {
    /// This message as one text frame.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("messages hold only strings, numbers and lists of them")
    }
}

/// A frame that is not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Longer than [`MAX_MESSAGE_BYTES`].
    #[error("message of {0} bytes, the limit is {MAX_MESSAGE_BYTES}")]
    TooLong(usize),
    /// The `type` is not one of ours.
    #[error("unknown message type {0:?}")]
    UnknownType(String),
    /// Not JSON, or a known type with wrong fields.
    #[error("invalid message: {reason}")]
    Invalid {
        /// The `type`, where it could be read.
        kind: Option<String>,
        /// What is wrong, and where.
        reason: String,
    },
}

impl MessageError {
    /// What to say to the client.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::TooLong(_) => ErrorCode::TooMuch,
            Self::UnknownType(_) => ErrorCode::UnknownType,
            Self::Invalid { .. } => ErrorCode::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{View, ViewMode};

    #[test]
    fn unknown_fields_are_ignored_and_unknown_types_are_named() {
        assert_eq!(
            ClientMessage::from_json(r#"{"type":"ping","id":7,"colour":"red"}"#),
            Ok(ClientMessage::Ping { id: 7 })
        );
        assert_eq!(
            ClientMessage::from_json(r#"{"type":"teleport","id":7}"#),
            Err(MessageError::UnknownType("teleport".into()))
        );
    }

    #[test]
    fn a_known_type_with_a_wrong_field_is_malformed_not_unknown() {
        let error = ClientMessage::from_json(r#"{"type":"ping","id":"seven"}"#).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Malformed);
    }

    #[test]
    fn every_type_name_is_one_that_is_read_back() {
        let view = ClientMessage::from_json(r#"{"type":"view","mode":"speaker","tiles":4}"#);
        let expected = View { mode: ViewMode::Speaker, tiles: Some(4), ..View::default() };
        assert_eq!(view, Ok(ClientMessage::View(expected)));
        for name in ClientMessage::TYPES {
            let result = ClientMessage::from_json(&format!(r#"{{"type":"{name}"}}"#));
            assert!(!matches!(result, Err(MessageError::UnknownType(_))), "{name}");
        }
    }
}
