//! Configuration: text → [`Raw`] → [`Config`].
//!
//! ```text
//!  assets/sotto.toml (defaults) ← file ← environment ← flags   =  Raw    every value as written
//!  Raw::validate                                               =  Config every rule held
//! ```

mod raw;
mod sources;
mod tls;
mod turn;
mod validate;

use std::{net::IpAddr, net::SocketAddr, path::PathBuf, time::Duration};

pub use raw::{Raw, RawAuth, RawHttp, RawLimits, RawLog, RawMedia, RawModels, RawTls, RawTurn};
pub use sources::{Flags, SourceError, load};
pub use tls::InvalidTls;
pub use turn::InvalidTurn;
pub use validate::InvalidConfig;

use sotto_core::signal::{LearningPlace, Policy};

use crate::{http::Origin, telemetry::LogFormat, tls::TlsConfig, token::Key, turn::TurnConfig};

/// The annotated file with every setting and its default.
pub const ANNOTATED_DEFAULTS: &str = include_str!("../../../assets/sotto.toml");

/// A configuration that was checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Page, websocket, API.
    pub http: HttpConfig,
    /// Certificate of the HTTP port; `None`: plain HTTP, for this machine or behind a proxy.
    pub tls: Option<TlsConfig>,
    /// Sockets of the media.
    pub media: MediaConfig,
    /// STUN and TURN servers that clients are told of.
    pub turn: TurnConfig,
    /// Models of voices and faces.
    pub models: ModelConfig,
    /// Signs and checks tokens.
    pub key: Key,
    /// What a client may use up.
    pub limits: Limits,
    /// The log.
    pub log: LogConfig,
}

/// Page, websocket, API.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Folder of the web client.
    pub web_root: PathBuf,
    /// Other sites whose pages may connect.
    pub allowed_origins: Vec<Origin>,
    /// TCP connections at once.
    pub max_connections: usize,
    /// TCP connections at once that have not said yet what they are.
    pub max_handshakes: usize,
    /// Time to say it, a TLS handshake included.
    pub handshake_timeout: Duration,
    /// Time for the head of a request.
    pub header_timeout: Duration,
    /// Time from the opening of a websocket to its join.
    pub join_timeout: Duration,
    /// Time between pings.
    pub ping_interval: Duration,
    /// Silence after which a websocket is dead.
    pub ping_timeout: Duration,
    /// Time for a client to take what was written.
    pub write_timeout: Duration,
    /// Time for websockets to end when the node stops.
    pub stop_timeout: Duration,
    /// How long a session waits for a client whose websocket broke; zero: not at all.
    pub resume_window: Duration,
}

/// Sockets of the media.
#[derive(Clone, Debug)]
pub struct MediaConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What clients are told, never empty.
    pub advertise: Vec<IpAddr>,
    /// Receive buffer of the kernel, in bytes.
    pub receive_buffer: usize,
    /// Send buffer of the kernel, in bytes.
    pub send_buffer: usize,
    /// Packets that may be kept at once.
    pub packet_buffers: u32,
    /// Core on which the media thread stays; `None`: the system chooses.
    pub core: Option<usize>,
    /// Whether losses are repaired.
    pub repair: bool,
    /// Whether what a person gets follows what its line carries.
    pub congestion_control: bool,
    /// Whether voices are asked for at a low rate while a line that hears them needs it.
    pub low_rate_voice: bool,
}

/// Models of voices and faces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelConfig {
    /// Whether there are any.
    pub enabled: bool,
    /// How eagerly people are served them, until they say otherwise.
    pub policy: Policy,
    /// Where they are learned.
    pub learn: LearningPlace,
    /// Bytes of all that the node holds at once.
    pub max_bytes: u64,
    /// Time between two bundles of model frames to one person; `None`: by the line.
    pub bundle_interval: Option<Duration>,
    /// What speakers may leave behind for another meeting; `None`: nothing.
    pub kept: Option<KeptConfig>,
    /// What is learned on this node.
    pub learners: LearnConfig,
}

/// Models that are learned on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LearnConfig {
    /// Faces that are learned at once; eight voices take the place of one. 0: nothing is learned here.
    pub places: u32,
    /// What a learner runs in.
    pub isolation: Isolation,
    /// The program that decodes video.
    pub ffmpeg: PathBuf,
    /// How long a learner may neither take packets nor say anything before it is ended.
    pub patience: Duration,
    /// How long a learner that learns nothing new keeps its place while others wait.
    pub idle: Duration,
}

/// What a learner runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// A process of its own, with limits, which can be killed.
    Process {
        /// The program whose subcommand [`crate::learn::SUBCOMMAND`] it is.
        program: PathBuf,
    },
    /// A thread of this process.
    Thread,
}

/// Models that are kept between meetings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptConfig {
    /// Where.
    pub folder: PathBuf,
    /// How long.
    pub lifetime: Duration,
    /// Bytes of all of them.
    pub max_bytes: u64,
}

/// What a client may use up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections in rooms of this node.
    pub peers: usize,
    /// Participants of one room.
    pub participants_per_room: u32,
    /// Audio slots of one connection.
    pub audio_slots: u16,
    /// Video slots of one connection.
    pub video_slots: u16,
    /// Videos that one connection is sent at most.
    pub videos_per_client: u16,
    /// Messages of a websocket per second.
    pub messages_per_second: u32,
    /// Messages of a websocket at once.
    pub message_burst: u32,
    /// Messages that wait for a client.
    pub event_queue: usize,
}

/// The log.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// Filter directives.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

impl Config {
    /// A node for tests and experiments inside a process: the development key, loopback only,
    /// ports that the system chooses.
    pub fn development() -> Self {
        let mut raw = Raw::default();
        raw.http.listen = "127.0.0.1:0".into();
        raw.media.listen = "127.0.0.1:0".into();
        raw.auth.development = true;
        // Whatever this process is, it need not be one that has learners to start.
        raw.models.learner_processes = false;
        raw.validate().expect("the defaults are valid: tested below")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_annotated_file_says_exactly_the_defaults() {
        let file: Raw = toml::from_str(ANNOTATED_DEFAULTS).unwrap();
        assert_eq!(file, Raw::default());
        let said: toml::Table = ANNOTATED_DEFAULTS.parse().unwrap();
        assert_eq!(
            said,
            toml::Table::try_from(Raw::default()).unwrap(),
            "every key is in the file"
        );
    }

    #[test]
    fn the_development_configuration_stays_on_loopback() {
        let config = Config::development();
        assert!(config.key.is_development());
        assert!(config.http.listen.ip().is_loopback());
        assert_eq!(config.media.advertise, [config.media.listen.ip()]);
    }
}
