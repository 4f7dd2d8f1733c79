//! Identifiers. None of them is a bare number once it has crossed a module boundary.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One connection (signalling and transport together) on one shard. Chosen by the shell, unique
/// for the lifetime of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u64);

/// A participant, for as long as it is in the room, across reconnections.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct ParticipantId(pub Uuid);

/// A published track. Unique within the node.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct TrackId(pub u64);

/// A participant's number within its room: small, never zero, never given to a second participant
/// while the room exists. Travels as the CSRC of slot packets.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct ShortId(pub u32);

/// A packet in the shell's slab. The core keeps ids and headers, the shell keeps the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId(pub u32);

/// RTP synchronisation source (RFC 3550 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ssrc(pub u32);

/// RTP payload type, 0 to 127.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayloadType(pub u8);

/// One simulcast layer of a publication, by its place in the publication: 0 to 2. The place stays the
/// same as long as the publication lives; it says nothing about size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerIndex(pub u8);

/// Id of an RTP header extension as negotiated (RFC 8285): 1 to 14 in the one-byte form, up to
/// 255 in the two-byte form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtensionId(pub u8);

/// RTP sequence number (RFC 3550 section 5.1): arithmetic is modulo 2^16.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SeqNo(pub u16);

impl SeqNo {
    /// The next number.
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Signed distance from `other` to `self`, in -32768..=32767 (RFC 1982 arithmetic).
    pub const fn distance(self, other: Self) -> i16 {
        self.0.wrapping_sub(other.0) as i16
    }
}

/// RTP timestamp in units of the codec's clock (RFC 3550 section 5.1): arithmetic is modulo 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct RtpTime(pub u32);

impl RtpTime {
    /// Signed distance from `other` to `self` in clock units.
    pub const fn distance(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// This timestamp moved by a (wrapping) offset.
    pub const fn offset(self, by: u32) -> Self {
        Self(self.0.wrapping_add(by))
    }
}

/// Identification tag of an m-line (RFC 5888), at most 16 bytes: what fits the one-byte header
/// extension.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mid(Token);

/// Restriction identifier of a simulcast layer (RFC 8851), at most 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rid(Token);

/// The tag is empty, longer than 16 bytes, or holds a character that RFC 4566 tokens may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identification tag of 1 to 16 token characters")]
pub struct InvalidTag;

macro_rules! tag {
    ($name:ident) => {
        impl $name {
            /// Reads a tag.
            ///
            /// # Errors
            /// [`InvalidTag`] if it is empty, too long, or not an RFC 4566 token.
            pub fn new(text: &str) -> Result<Self, InvalidTag> {
                Token::new(text.as_bytes()).map(Self)
            }

            /// Reads a tag from the bytes of a header extension.
            ///
            /// # Errors
            /// As [`Self::new`].
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidTag> {
                Token::new(bytes).map(Self)
            }

            /// The tag as text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.as_str())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX_TAG })
            }
        }
    };
}

tag!(Mid);
tag!(Rid);

/// Longest tag: the payload of a one-byte header extension (RFC 8285 section 4.2).
const MAX_TAG: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Token {
    bytes: [u8; MAX_TAG],
    len: u8,
}

impl Token {
    fn new(text: &[u8]) -> Result<Self, InvalidTag> {
        let mut bytes = [0; MAX_TAG];
        let slot = bytes.get_mut(..text.len()).ok_or(InvalidTag)?;
        if text.is_empty() || !text.iter().all(|&b| is_token_char(b)) {
            return Err(InvalidTag);
        }
        slot.copy_from_slice(text);
        Ok(Self { bytes, len: text.len() as u8 })
    }

    fn as_str(&self) -> &str {
        let bytes = &self.bytes[..usize::from(self.len)];
        std::str::from_utf8(bytes).expect("a token is ASCII: checked when it was made")
    }
}

/// `token-char` of RFC 4566 section 9.
fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_of_sixteen_token_characters_is_the_longest() {
        assert_eq!(
            Mid::new("0123456789abcdef").map(|m| m.to_string()),
            Ok("0123456789abcdef".into())
        );
        for bad in ["", "0123456789abcdefg", "a b", "ä", "a\r\n"] {
            assert_eq!(Mid::new(bad), Err(InvalidTag), "{bad:?}");
        }
    }

    #[test]
    fn sequence_distance_is_signed_across_the_wrap() {
        assert_eq!(SeqNo(1).distance(SeqNo(65_535)), 2);
        assert_eq!(SeqNo(65_535).distance(SeqNo(1)), -2);
    }
}
