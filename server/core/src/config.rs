//! What an [`Sfu`](crate::Sfu) is told once. The shell reads and checks it.

use std::time::Duration;

use crate::{
    representation::BackoffTimes,
    signal::{LearningPlace, Policy, SlotLimits},
};

/// Settings of one [`Sfu`](crate::Sfu).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SfuConfig {
    /// Most participants of one room, those of other shards included. Default 1,000. One more is
    /// refused with [`ErrorCode::Full`](crate::signal::ErrorCode::Full).
    pub max_participants: u32,
    /// Most slots of one connection. Default 16 for audio, 64 for video. More are answered inactive.
    pub slots: SlotLimits,
    /// Most videos that one connection is sent, however many slots it has: the last-N of large rooms.
    /// Pins and screens come first, then who spoke last. Default 64.
    pub max_video: u16,
    /// Whether voices are asked for at 10 kbit/s in packets of 60 ms while somebody who hears them
    /// has a line that does not carry more. Default yes.
    pub low_rate_voice: bool,
    /// Most m-lines of one offer, rejected and stopped ones included. Default 256. An offer with
    /// more is refused: m-lines are never removed from a session, so a client that keeps adding
    /// some would grow without bound.
    pub max_media: u16,
    /// Most packets that the shell keeps for repair and first pictures, all rooms together. Default
    /// 16,384, half of the shell's buffers: the rest is for what is on its way. A layer that meets
    /// the limit keeps fewer: who asks for an older packet, or comes then, has to wait for a fresh
    /// keyframe.
    pub max_kept_packets: usize,
    /// Whether lost packets are asked for and sent again: NACK, RTX and RED are then accepted where
    /// offered. Default yes.
    pub repair: bool,
    /// Whether transport-wide feedback is accepted where offered, both ways. Without it nothing is
    /// known of a connection's bandwidth. Default yes.
    pub transport_cc: bool,
    /// How eagerly subscribers are served models instead of raw media, until they say otherwise.
    /// Default balanced.
    pub model_policy: Policy,
    /// Where models are learned: unless on the publishers' devices alone, the shell carries out
    /// [`Output::Learn`](crate::Output::Learn). Default publisher.
    pub learn: LearningPlace,
    /// Share of the participants whose models are used, in per cent: the others stay raw. Default 100.
    pub model_canary: u8,
    /// How long a model must have fitted until it is shown again after it did not.
    pub model_backoff: BackoffTimes,
    /// Time between two bundles to one subscriber; `None`: 20 to 80 ms, by its line. Default none.
    pub bundle_interval: Option<Duration>,
    /// How this shard numbers what it makes.
    pub numbering: Numbering,
    /// Whether what happens in the rooms is also told as [`Output::Relay`](crate::Output::Relay),
    /// for shards that share them. Default no.
    pub relay: bool,
}

impl Default for SfuConfig {
    fn default() -> Self {
        Self {
            max_participants: 1_000,
            slots: SlotLimits { audio: 16, video: 64 },
            max_video: 64,
            low_rate_voice: true,
            max_media: 256,
            max_kept_packets: 16_384,
            repair: true,
            transport_cc: true,
            model_policy: Policy::Balanced,
            learn: LearningPlace::Publisher,
            model_canary: 100,
            model_backoff: BackoffTimes::default(),
            bundle_interval: None,
            numbering: Numbering::default(),
            relay: false,
        }
    }
}

/// Which numbers a shard may give out, so that shards that share a room need not ask one another:
/// `first`, `first + step`, `first + 2 * step`, …
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbering {
    /// The first number, at least 1.
    pub first: u32,
    /// The number of shards that share rooms, at least 1.
    pub step: u32,
}

impl Default for Numbering {
    fn default() -> Self {
        Self { first: 1, step: 1 }
    }
}
