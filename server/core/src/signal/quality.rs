//! What is sent and received in which quality, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{Mid, Rid};

/// How large a slot is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SlotViewport {
    /// The receiving m-line.
    pub mid: Mid,
    /// Width in device pixels; zero: it cannot be seen, and nothing is sent on it.
    pub width: u16,
    /// Height in device pixels; zero: as for the width.
    pub height: u16,
}

/// One layer that a publisher's encoder can make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishedLayer {
    /// Its simulcast tag; none without simulcast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rid: Option<Rid>,
    /// Width in pixels.
    pub width: u16,
    /// Height in pixels.
    pub height: u16,
    /// Upper limit of its encoder in bits per second, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bitrate: Option<u32>,
    /// Layers inside of it (W3C WebRTC-SVC, for example `L3T3_KEY`); none: one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scalability_mode: Option<String>,
}

/// In which quality a slot is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SlotQuality {
    /// The receiving m-line.
    pub mid: Mid,
    /// The layer that is sent; `None`: nothing is, and `limit` says why.
    pub layer: Option<ReceivedLayer>,
    /// Why nothing is sent, or why it is not the best layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<QualityLimit>,
}

/// The layer that a slot carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedLayer {
    /// Simulcast tag; none without simulcast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rid: Option<Rid>,
    /// Highest spatial layer that is sent, from 0.
    pub spatial: u8,
    /// Highest temporal layer that is sent, from 0.
    pub temporal: u8,
    /// Its height in pixels, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u16>,
}

/// What keeps a slot from being served, or from being served better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum QualityLimit {
    /// The way to the subscriber does not carry more.
    Bandwidth,
    /// The subscriber's page does not show it, or shows it too small for more.
    Viewport,
    /// The subscriber cannot decode the publisher's codec.
    Codec,
    /// The publisher sends nothing better: its own line, processor or camera.
    Publisher,
}

/// Which layer of a publication is wanted by anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LayerDemand {
    /// Its simulcast tag; none without simulcast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rid: Option<Rid>,
    /// Whether it is to be sent.
    pub active: bool,
}

/// How a voice is to be coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AudioDemand {
    /// Whether it is to be sent at all; not while everybody hears its model.
    #[serde(default = "yes")]
    pub active: bool,
    /// Upper limit of the encoder in bits per second; `None`: as the publisher likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bitrate: Option<u32>,
    /// Length of a packet in milliseconds: 20 or 60.
    pub packet_time: u8,
    /// Whether nothing is to be sent in silence (discontinuous transmission).
    pub dtx: bool,
    /// Whether packets are to carry their predecessors (RFC 2198).
    pub red: bool,
}

const fn yes() -> bool {
    true
}
