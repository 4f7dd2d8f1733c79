//! One native participant: a lean WebRTC client over the node's websocket.
//!
//! ```text
//!  Participant (handle) ──Command──► engine (one task: owns websocket, socket and all below)
//!        ▲                             ├─ offer/answer   SDP by hand
//!        │ watch                       ├─ link           ice → dtls → srtp, sctp
//!        └────────── Report ◄──────────├─ publication    clip or synthetic → RTP, paced
//!                                      ├─ slot           RTP → order → frames → checks
//!                                      ├─ nack, red, twcc, loss    repair, and what it is for
//!                                      └─ models    model stream, bundles, fetches over http
//! ```
//!
//! Everything below the engine is sans-IO. Nothing here shares code with the node's own
//! transport: SRTP and RTP parsing come from elsewhere, so that a mistake does not cancel out.

pub mod data;
pub mod dtls;
mod engine;
pub mod http;
pub mod ice;
pub mod link;
pub mod loss;
pub mod models;
pub mod nack;
pub mod options;
pub mod participant;
pub mod publication;
pub mod red;
pub mod report;
pub mod rtp;
pub mod sdp;
pub mod slot;
pub mod srtp;
pub mod twcc;

pub use dtls::Profiles;
pub use link::{Link, LinkEvent};
pub use loss::Loss;
pub use options::{Listen, Media, Options, Publish, Repair, SLOT_DEFAULTS};
pub use participant::{JoinError, Participant, Unmet, dev_token};
pub use report::{Chat, Ended, Refusal, Report, SentReport, SlotReport, SourceReport};
pub use sdp::{Answer, ModelMedia, Offer, SlotLine};
