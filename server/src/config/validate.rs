//! The rules. Each has an error of its own, which names the setting and what it may be.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
    time::Duration,
};

use sotto_core::signal::{LearningPlace, Policy};

use super::{
    Config, HttpConfig, Isolation, KeptConfig, LearnConfig, Limits, LogConfig, MediaConfig,
    ModelConfig, Raw, RawAuth,
    tls::{self, InvalidTls},
    turn::{self, InvalidTurn},
};
use crate::{
    http::{Origin, OriginError},
    learn::wire::MAX_PATH_LEN,
    telemetry::{self, LogFormat},
    token::{Key, ShortKey},
};

/// Most addresses that clients are told: each is a candidate in every answer, and a check that
/// every client makes.
const MAX_ADVERTISED: usize = 16;

/// A learner is silent while it makes a model: 13 s for the worst of faces on a core of its own, and
/// learners are behind everything else.
const LEARNER_PATIENCE: Duration = Duration::from_secs(180);

/// Somebody who was silent for so long may be so for the whole meeting.
const LEARNER_IDLE: Duration = Duration::from_secs(30);

/// The rule that a configuration breaks.
#[derive(Debug, thiserror::Error)]
pub enum InvalidConfig {
    /// Not an address with a port.
    #[error("{setting}: an address and a port such as 127.0.0.1:8080 is expected, found {text:?}")]
    Address {
        /// Which setting.
        setting: &'static str,
        /// What is there.
        text: String,
    },
    /// A number out of its range.
    #[error("{setting} is {value}, it must be in {} to {}", .range.start(), .range.end())]
    Range {
        /// Which setting.
        setting: &'static str,
        /// What is there.
        value: u64,
        /// What may be there.
        range: RangeInclusive<u64>,
    },
    /// A ping would always come too late.
    #[error("http.ping_timeout_ms must be more than http.ping_interval_ms")]
    PingTimeout,
    /// Certificate of the HTTP port.
    #[error(transparent)]
    Tls(#[from] InvalidTls),
    /// Not an origin.
    #[error("http.allowed_origins: {text:?}: {error}")]
    Origin {
        /// What is there.
        text: String,
        /// What is wrong with it.
        error: OriginError,
    },
    /// Not an IP address that a client could reach.
    #[error("media.advertise: an IP address of this node is expected, found {0:?}")]
    Advertise(String),
    /// Neither a number nor `any`.
    #[error("media.core: the number of a core or \"any\" is expected, found {0:?}")]
    Core(String),
    /// More than clients should try.
    #[error("media.advertise has {0} addresses, the limit is {MAX_ADVERTISED}")]
    ManyAdvertised(usize),
    /// The addresses of this machine could not be listed.
    #[error("media.advertise is empty and the addresses of this machine cannot be listed: {0}")]
    Interfaces(io::Error),
    /// This machine has no address of that family.
    #[error("media.advertise is empty and no address of this machine fits media.listen")]
    NoAddress,
    /// STUN and TURN servers.
    #[error(transparent)]
    Turn(#[from] InvalidTurn),
    /// Not a policy.
    #[error("models.policy: \"quality\", \"balanced\" or \"frugal\" is expected, found {0:?}")]
    Policy(String),
    /// No place where models are learned.
    #[error("models.learn: \"publisher\", \"node\" or \"auto\" is expected, found {0:?}")]
    Learn(String),
    /// The node is to learn, and has no learners.
    #[error("models.learn is \"node\", which needs models.node_learners to be 1 or more")]
    NoLearners,
    /// No program, or more than a path may have.
    #[error("models.ffmpeg: the name of a program of 1 to {MAX_PATH_LEN} bytes is expected")]
    Ffmpeg,
    /// Nothing signs tokens.
    #[error("no key: set auth.key_file or auth.key (SOTTO_AUTH_KEY), or try it out with --dev")]
    NoKey,
    /// More than one thing signs tokens.
    #[error("only one of auth.key, auth.key_file and auth.development (--dev) may be set")]
    ManyKeys,
    /// The key file cannot be read.
    #[error("auth.key_file: cannot read {path}: {error}")]
    KeyFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The key is guessable.
    #[error("auth: {0}")]
    ShortKey(#[from] ShortKey),
    /// Not filter directives.
    #[error("log.level: {0}")]
    LogLevel(String),
    /// Not a format.
    #[error("log.format: \"text\" or \"json\" is expected, found {0:?}")]
    LogFormat(String),
}

impl Raw {
    /// Checks every rule.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(self) -> Result<Config, InvalidConfig> {
        let http = self.http()?;
        let media = self.media()?;
        let tls = tls::checked(&self.tls, &http, &media)?;
        let models = self.models()?;
        let limits = self.limits()?;
        let log = self.log()?;
        // Last, because they read files.
        let turn = turn::checked(&self.turn)?;
        let key = key(&self.auth)?;
        Ok(Config { http, tls, media, turn, models, key, limits, log })
    }

    fn http(&self) -> Result<HttpConfig, InvalidConfig> {
        let raw = &self.http;
        let ping_interval = millis("http.ping_interval_ms", raw.ping_interval_ms)?;
        let ping_timeout = millis("http.ping_timeout_ms", raw.ping_timeout_ms)?;
        if ping_timeout <= ping_interval {
            return Err(InvalidConfig::PingTimeout);
        }
        let origin = |text: &String| {
            Origin::new(text).map_err(|error| InvalidConfig::Origin { text: text.clone(), error })
        };
        Ok(HttpConfig {
            listen: address("http.listen", &raw.listen)?,
            web_root: PathBuf::from(&raw.web_root),
            allowed_origins: raw.allowed_origins.iter().map(origin).collect::<Result<_, _>>()?,
            max_connections: within("http.max_connections", raw.max_connections, 16..=1_000_000)?,
            max_handshakes: within("http.max_handshakes", raw.max_handshakes, 16..=65_536)?,
            handshake_timeout: millis("http.handshake_timeout_ms", raw.handshake_timeout_ms)?,
            header_timeout: millis("http.header_timeout_ms", raw.header_timeout_ms)?,
            join_timeout: millis("http.join_timeout_ms", raw.join_timeout_ms)?,
            ping_interval,
            ping_timeout,
            write_timeout: millis("http.write_timeout_ms", raw.write_timeout_ms)?,
            stop_timeout: millis("http.stop_timeout_ms", raw.stop_timeout_ms)?,
            resume_window: within("http.resume_window_ms", raw.resume_window_ms, 0..=600_000)
                .map(Duration::from_millis)?,
        })
    }

    fn media(&self) -> Result<MediaConfig, InvalidConfig> {
        let listen = address("media.listen", &self.media.listen)?;
        let advertise = match &self.media.advertise[..] {
            [] if listen.ip().is_unspecified() => own_addresses(listen.is_ipv4())?,
            [] => vec![listen.ip()],
            texts => texts.iter().map(|text| reachable(text)).collect::<Result<_, _>>()?,
        };
        if advertise.len() > MAX_ADVERTISED {
            return Err(InvalidConfig::ManyAdvertised(advertise.len()));
        }
        let raw = &self.media;
        let buffer = 65_536..=1 << 30;
        let core = match &*raw.core {
            "any" => None,
            number => Some(number.parse().map_err(|_| InvalidConfig::Core(number.to_owned()))?),
        };
        Ok(MediaConfig {
            core,
            listen,
            advertise,
            receive_buffer: within(
                "media.receive_buffer_bytes",
                raw.receive_buffer_bytes,
                buffer.clone(),
            )?,
            send_buffer: within("media.send_buffer_bytes", raw.send_buffer_bytes, buffer)?,
            packet_buffers: within("media.packet_buffers", raw.packet_buffers, 1_024..=4_194_304)?,
            repair: raw.repair,
            congestion_control: raw.congestion_control,
            low_rate_voice: raw.low_rate_voice,
        })
    }

    fn models(&self) -> Result<ModelConfig, InvalidConfig> {
        let raw = &self.models;
        let policy = match &*raw.policy {
            "quality" => Policy::Quality,
            "balanced" => Policy::Balanced,
            "frugal" => Policy::Frugal,
            other => return Err(InvalidConfig::Policy(other.to_owned())),
        };
        let learn = match &*raw.learn {
            "publisher" => LearningPlace::Publisher,
            "node" => LearningPlace::Node,
            "auto" => LearningPlace::Auto,
            other => return Err(InvalidConfig::Learn(other.to_owned())),
        };
        let max_bytes = within("models.max_bytes", raw.max_bytes, 16 << 20..=1 << 40)?;
        let bundle_interval = match raw.bundle_interval_ms {
            0 => None,
            ms => {
                Some(within("models.bundle_interval_ms", ms, 10..=500).map(Duration::from_millis)?)
            }
        };
        let days: u64 = within("models.kept_days", raw.kept_days, 1..=3_650)?;
        let kept_bytes = within("models.kept_bytes", raw.kept_bytes, 4 << 20..=1 << 50)?;
        let kept = (!raw.kept_folder.is_empty()).then(|| KeptConfig {
            folder: PathBuf::from(&raw.kept_folder),
            lifetime: Duration::from_secs(days * 86_400),
            max_bytes: kept_bytes,
        });
        let learners = self.learners()?;
        if learn == LearningPlace::Node && learners.places == 0 {
            return Err(InvalidConfig::NoLearners);
        }
        let enabled = raw.enabled;
        Ok(ModelConfig { enabled, policy, learn, max_bytes, bundle_interval, kept, learners })
    }

    fn learners(&self) -> Result<LearnConfig, InvalidConfig> {
        let raw = &self.models;
        if raw.ffmpeg.is_empty() || raw.ffmpeg.len() > MAX_PATH_LEN {
            return Err(InvalidConfig::Ffmpeg);
        }
        let isolation = match raw.learner_processes {
            // The very program that runs, also where its file was replaced since.
            true => Isolation::Process { program: "/proc/self/exe".into() },
            false => Isolation::Thread,
        };
        Ok(LearnConfig {
            places: within("models.node_learners", raw.node_learners, 0..=1_024)?,
            isolation,
            ffmpeg: PathBuf::from(&raw.ffmpeg),
            patience: LEARNER_PATIENCE,
            idle: LEARNER_IDLE,
        })
    }

    fn limits(&self) -> Result<Limits, InvalidConfig> {
        let raw = &self.limits;
        Ok(Limits {
            peers: within("limits.peers", raw.peers, 1..=1_000_000)?,
            participants_per_room: within(
                "limits.participants_per_room",
                raw.participants_per_room,
                1..=100_000,
            )?,
            audio_slots: within("limits.audio_slots", raw.audio_slots, 0..=64)?,
            video_slots: within("limits.video_slots", raw.video_slots, 0..=256)?,
            videos_per_client: within("limits.videos_per_client", raw.videos_per_client, 0..=256)?,
            messages_per_second: within(
                "limits.messages_per_second",
                raw.messages_per_second,
                1..=10_000,
            )?,
            message_burst: within("limits.message_burst", raw.message_burst, 1..=10_000)?,
            event_queue: within("limits.event_queue", raw.event_queue, 16..=65_536)?,
        })
    }

    fn log(&self) -> Result<LogConfig, InvalidConfig> {
        telemetry::check_levels(&self.log.level).map_err(InvalidConfig::LogLevel)?;
        let format = match &*self.log.format {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            other => return Err(InvalidConfig::LogFormat(other.to_owned())),
        };
        Ok(LogConfig { level: self.log.level.clone(), format })
    }
}

fn address(setting: &'static str, text: &str) -> Result<SocketAddr, InvalidConfig> {
    text.parse().map_err(|_| InvalidConfig::Address { setting, text: text.to_owned() })
}

/// Durations of the configuration: from a tenth of a second, below which a test or a slow line
/// would be cut off, to ten minutes, above which they protect nothing.
fn millis(setting: &'static str, value: u64) -> Result<Duration, InvalidConfig> {
    within(setting, value, 100..=600_000).map(Duration::from_millis)
}

pub(super) fn within<N: TryFrom<u64>>(
    setting: &'static str,
    value: u64,
    range: RangeInclusive<u64>,
) -> Result<N, InvalidConfig> {
    match N::try_from(value) {
        Ok(number) if range.contains(&value) => Ok(number),
        _ => Err(InvalidConfig::Range { setting, value, range }),
    }
}

fn reachable(text: &str) -> Result<IpAddr, InvalidConfig> {
    match text.parse::<IpAddr>() {
        Ok(ip) if !ip.is_unspecified() && !ip.is_multicast() => Ok(ip),
        _ => Err(InvalidConfig::Advertise(text.to_owned())),
    }
}

/// The addresses of this machine that media may come to, loopback first so that a meeting on one
/// machine works without a network. Link-local IPv6 needs a zone that a candidate cannot name.
fn own_addresses(v4_only: bool) -> Result<Vec<IpAddr>, InvalidConfig> {
    let interfaces = if_addrs::get_if_addrs().map_err(InvalidConfig::Interfaces)?;
    let mut addresses: Vec<IpAddr> = interfaces
        .iter()
        .map(if_addrs::Interface::ip)
        .filter(|ip| match ip {
            IpAddr::V4(_) => true,
            IpAddr::V6(ip) => !v4_only && !ip.is_unicast_link_local(),
        })
        .collect();
    addresses.sort_by_key(|ip| (!ip.is_loopback(), *ip));
    addresses.dedup();
    addresses.truncate(MAX_ADVERTISED);
    if addresses.is_empty() { Err(InvalidConfig::NoAddress) } else { Ok(addresses) }
}

fn key(auth: &RawAuth) -> Result<Key, InvalidConfig> {
    match (auth.key.is_empty(), auth.key_file.is_empty(), auth.development) {
        (true, true, true) => Ok(Key::development()),
        (false, true, false) => Ok(Key::new(auth.key.as_bytes())?),
        (true, false, false) => {
            let path = PathBuf::from(&auth.key_file);
            match std::fs::read(&path) {
                Ok(bytes) => Ok(Key::new(bytes.trim_ascii())?),
                Err(error) => Err(InvalidConfig::KeyFile { path, error }),
            }
        }
        (true, true, false) => Err(InvalidConfig::NoKey),
        _ => Err(InvalidConfig::ManyKeys),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of the development defaults with one change.
    fn check(change: impl FnOnce(&mut Raw)) -> Result<Config, String> {
        let mut raw = Raw::default();
        raw.auth.development = true;
        change(&mut raw);
        raw.validate().map_err(|error| error.to_string())
    }

    fn refused(change: impl FnOnce(&mut Raw), message: &str) {
        assert_eq!(check(change).unwrap_err(), message);
    }

    #[test]
    fn the_defaults_with_a_key_are_valid_and_advertise_loopback_first() {
        let config = check(|_| ()).unwrap();
        assert!(config.media.advertise[0].is_loopback());
        assert!(config.media.advertise.iter().all(IpAddr::is_ipv4));
    }

    #[test]
    fn learners_are_processes_of_this_program_unless_threads_are_asked_for() {
        let learners = check(|_| ()).unwrap().models.learners;
        assert_eq!(learners.isolation, Isolation::Process { program: "/proc/self/exe".into() });
        let threads = |raw: &mut Raw| raw.models.learner_processes = false;
        assert_eq!(check(threads).unwrap().models.learners.isolation, Isolation::Thread);
        refused(
            |raw| raw.models.node_learners = 1_025,
            "models.node_learners is 1025, it must be in 0 to 1024",
        );
        let message = "models.ffmpeg: the name of a program of 1 to 4096 bytes is expected";
        refused(|raw| raw.models.ffmpeg.clear(), message);
        refused(|raw| raw.models.ffmpeg = "f".repeat(4_097), message);
    }

    #[test]
    fn numbers_out_of_range_are_refused_with_the_range() {
        refused(
            |raw| raw.limits.audio_slots = 65,
            "limits.audio_slots is 65, it must be in 0 to 64",
        );
        refused(|raw| raw.limits.peers = 0, "limits.peers is 0, it must be in 1 to 1000000");
        refused(
            |raw| raw.models.max_bytes = 1 << 20,
            "models.max_bytes is 1048576, it must be in 16777216 to 1099511627776",
        );
        refused(|raw| raw.models.kept_days = 0, "models.kept_days is 0, it must be in 1 to 3650");
        refused(
            |raw| raw.http.join_timeout_ms = u64::MAX,
            "http.join_timeout_ms is 18446744073709551615, it must be in 100 to 600000",
        );
        refused(
            |raw| raw.http.ping_timeout_ms = 15_000,
            "http.ping_timeout_ms must be more than http.ping_interval_ms",
        );
    }

    #[test]
    fn addresses_are_numbers_that_can_be_reached() {
        refused(
            |raw| raw.http.listen = "localhost".into(),
            "http.listen: an address and a port such as 127.0.0.1:8080 is expected, found \
             \"localhost\"",
        );
        for bad in ["0.0.0.0", "224.0.0.1", "example.org"] {
            refused(
                |raw| raw.media.advertise = vec![bad.into()],
                &format!("media.advertise: an IP address of this node is expected, found {bad:?}"),
            );
        }
        refused(
            |raw| raw.media.advertise = vec!["10.0.0.1".into(); 17],
            "media.advertise has 17 addresses, the limit is 16",
        );
        let config = check(|raw| raw.media.advertise = vec!["203.0.113.7".into()]).unwrap();
        assert_eq!(config.media.advertise, ["203.0.113.7".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn exactly_one_key_is_used() {
        let long = "k".repeat(32);
        assert!(
            !check(|raw| {
                raw.auth = RawAuth { key: long.clone(), ..RawAuth::default() };
            })
            .unwrap()
            .key
            .is_development()
        );
        refused(
            |raw| raw.auth = RawAuth::default(),
            "no key: set auth.key_file or auth.key (SOTTO_AUTH_KEY), or try it out with --dev",
        );
        refused(
            |raw| raw.auth.key = long.clone(),
            "only one of auth.key, auth.key_file and auth.development (--dev) may be set",
        );
        refused(
            |raw| raw.auth = RawAuth { key: "short".into(), ..RawAuth::default() },
            "auth: the key has 5 bytes, at least 32 are needed (RFC 7518 section 3.2)",
        );
        let error = check(|raw| {
            raw.auth = RawAuth { key_file: "/nonexistent/key".into(), ..RawAuth::default() };
        })
        .unwrap_err();
        assert!(error.starts_with("auth.key_file: cannot read /nonexistent/key"), "{error}");
    }

    #[test]
    fn words_are_those_that_exist() {
        refused(
            |raw| raw.media.core = "-1".into(),
            "media.core: the number of a core or \"any\" is expected, found \"-1\"",
        );
        assert_eq!(check(|raw| raw.media.core = "3".into()).unwrap().media.core, Some(3));
        refused(
            |raw| raw.models.policy = "fast".into(),
            "models.policy: \"quality\", \"balanced\" or \"frugal\" is expected, found \"fast\"",
        );
        refused(
            |raw| raw.models.learn = "nowhere".into(),
            "models.learn: \"publisher\", \"node\" or \"auto\" is expected, found \"nowhere\"",
        );
        refused(
            |raw| (raw.models.learn, raw.models.node_learners) = ("node".into(), 0),
            "models.learn is \"node\", which needs models.node_learners to be 1 or more",
        );
        let here = check(|raw| raw.models.learn = "node".into()).unwrap();
        assert_eq!(here.models.learn, LearningPlace::Node);
        refused(
            |raw| raw.models.bundle_interval_ms = 5,
            "models.bundle_interval_ms is 5, it must be in 10 to 500",
        );
        let pinned = check(|raw| raw.models.bundle_interval_ms = 80).unwrap();
        assert_eq!(pinned.models.bundle_interval, Some(Duration::from_millis(80)));
        let frugal = check(|raw| raw.models.policy = "frugal".into()).unwrap();
        assert_eq!(frugal.models.policy, Policy::Frugal);
        assert_eq!(frugal.models.kept, None, "nothing is kept unless there is a place for it");
        let kept = check(|raw| raw.models.kept_folder = "/var/lib/sotto".into()).unwrap();
        assert_eq!(kept.models.kept.unwrap().lifetime, Duration::from_secs(30 * 86_400));
        refused(
            |raw| raw.log.format = "xml".into(),
            "log.format: \"text\" or \"json\" is expected, found \"xml\"",
        );
        assert!(check(|raw| raw.log.level = "loud=very=much".into()).is_err());
        assert!(check(|raw| raw.http.allowed_origins = vec!["example.org".into()]).is_err());
    }
}
