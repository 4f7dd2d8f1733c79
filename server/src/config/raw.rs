//! The configuration as it is written, nothing checked but names and types.

use serde::{Deserialize, Serialize};

/// All sections. What each setting means, its unit and its range are in `assets/sotto.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Raw {
    /// Page, websocket, API.
    pub http: RawHttp,
    /// Certificate of the HTTP port.
    pub tls: RawTls,
    /// Sockets of the media.
    pub media: RawMedia,
    /// STUN and TURN servers.
    pub turn: RawTurn,
    /// Models of voices and faces.
    pub models: RawModels,
    /// Tokens.
    pub auth: RawAuth,
    /// What a client may use up.
    pub limits: RawLimits,
    /// The log.
    pub log: RawLog,
}

/// `[http]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented once, in assets/sotto.toml")]
pub struct RawHttp {
    pub listen: String,
    pub web_root: String,
    pub allowed_origins: Vec<String>,
    pub max_connections: u64,
    pub max_handshakes: u64,
    pub handshake_timeout_ms: u64,
    pub header_timeout_ms: u64,
    pub join_timeout_ms: u64,
    pub ping_interval_ms: u64,
    pub ping_timeout_ms: u64,
    pub write_timeout_ms: u64,
    pub stop_timeout_ms: u64,
    pub resume_window_ms: u64,
}

/// `[tls]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented once, in assets/sotto.toml")]
pub struct RawTls {
    pub certificate_file: String,
    pub key_file: String,
    pub self_signed: bool,
    pub self_signed_folder: String,
    pub hsts_days: u64,
}

/// `[media]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented once, in assets/sotto.toml")]
pub struct RawMedia {
    pub listen: String,
    pub advertise: Vec<String>,
    pub receive_buffer_bytes: u64,
    pub send_buffer_bytes: u64,
    pub packet_buffers: u64,
    pub core: String,
    pub repair: bool,
    pub congestion_control: bool,
    pub low_rate_voice: bool,
}

/// `[models]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented once, in assets/sotto.toml")]
pub struct RawModels {
    pub enabled: bool,
    pub policy: String,
    pub learn: String,
    pub max_bytes: u64,
    pub bundle_interval_ms: u64,
    pub kept_folder: String,
    pub kept_days: u64,
    pub kept_bytes: u64,
    pub node_learners: u64,
    pub learner_processes: bool,
    pub ffmpeg: String,
}

/// `[turn]`
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented once, in assets/sotto.toml")]
pub struct RawTurn {
    pub urls: Vec<String>,
    pub secret: String,
    pub secret_file: String,
    pub lifetime_s: u64,
    pub username: String,
    pub password: String,
}

/// `[auth]`
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented once, in assets/sotto.toml")]
pub struct RawAuth {
    pub key: String,
    pub key_file: String,
    pub development: bool,
}

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented once, in assets/sotto.toml")]
pub struct RawLimits {
    pub peers: u64,
    pub participants_per_room: u64,
    pub audio_slots: u64,
    pub video_slots: u64,
    pub videos_per_client: u64,
    pub messages_per_second: u64,
    pub message_burst: u64,
    pub event_queue: u64,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented once, in assets/sotto.toml")]
pub struct RawLog {
    pub level: String,
    pub format: String,
}

impl Default for RawHttp {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            web_root: "web-client/dist".into(),
            allowed_origins: Vec::new(),
            max_connections: 8192,
            max_handshakes: 1024,
            handshake_timeout_ms: 10_000,
            header_timeout_ms: 10_000,
            join_timeout_ms: 10_000,
            ping_interval_ms: 15_000,
            ping_timeout_ms: 30_000,
            write_timeout_ms: 10_000,
            stop_timeout_ms: 5_000,
            resume_window_ms: 30_000,
        }
    }
}

impl Default for RawMedia {
    fn default() -> Self {
        Self {
            listen: "0.0.0.0:7788".into(),
            advertise: Vec::new(),
            receive_buffer_bytes: 4 << 20,
            send_buffer_bytes: 4 << 20,
            packet_buffers: 32_768,
            core: "any".into(),
            repair: true,
            congestion_control: true,
            low_rate_voice: true,
        }
    }
}

impl Default for RawTurn {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            secret: String::new(),
            secret_file: String::new(),
            lifetime_s: 43_200,
            username: String::new(),
            password: String::new(),
        }
    }
}

impl Default for RawModels {
    fn default() -> Self {
        Self {
            enabled: true,
            policy: "balanced".into(),
            learn: "auto".into(),
            max_bytes: 256 << 20,
            bundle_interval_ms: 0,
            kept_folder: String::new(),
            kept_days: 30,
            kept_bytes: 4 << 30,
            node_learners: 1,
            learner_processes: true,
            ffmpeg: "ffmpeg".into(),
        }
    }
}

impl Default for RawLimits {
    fn default() -> Self {
        Self {
            peers: 2000,
            participants_per_room: 200,
            audio_slots: 16,
            video_slots: 64,
            videos_per_client: 64,
            messages_per_second: 50,
            message_burst: 100,
            event_queue: 1024,
        }
    }
}

impl Default for RawLog {
    fn default() -> Self {
        Self { level: "info".into(), format: "text".into() }
    }
}

const fn hidden(secret: &str) -> &'static str {
    if secret.is_empty() { "" } else { "<secret>" }
}

impl std::fmt::Debug for RawTurn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawTurn")
            .field("urls", &self.urls)
            .field("secret", &hidden(&self.secret))
            .field("secret_file", &self.secret_file)
            .field("lifetime_s", &self.lifetime_s)
            .field("username", &self.username)
            .field("password", &hidden(&self.password))
            .finish()
    }
}

impl std::fmt::Debug for RawAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawAuth")
            .field("key", &hidden(&self.key))
            .field("key_file", &self.key_file)
            .field("development", &self.development)
            .finish()
    }
}
