//! The assembly of a node.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use sotto_core::{
    config::SfuConfig,
    id::PeerId,
    signal::{LearningPlace, SlotLimits},
};
use tokio::{sync::mpsc, task, time};
use tracing::{error, info, warn};

use crate::{
    config::Config,
    http::{self, HttpServer, MediaPlane, ServeError},
    learn::{LearnerStats, Learners},
    learned::{self, Delivery},
    models::{ModelStore, VaultError},
    name::RoomName,
    shard::{
        BeginLearning, Command, Shard, ShardAddresses, ShardConfig, ShardEnd, Undelivered,
        placement::{Placement, ShardCount},
        transport::{
            PeerTransport,
            dtls::{Identity, IdentityError},
        },
    },
    telemetry,
    tls::{CertificateError, Reloaded},
};

/// Pause before a shard that is too busy to be stopped is told again.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Starts nodes.
#[derive(Debug)]
pub struct App;

/// A node that runs until it is stopped. Dropping it ends it too, without waiting.
#[derive(Debug)]
pub struct Running {
    http: HttpServer,
    shards: Vec<Shard>,
    placement: Arc<Placement>,
    learners: Option<Learners>,
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No certificate.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] IdentityError),
    /// No media socket, or no thread for it.
    #[error("cannot listen for media on {addr} (media.listen): {error}")]
    Media {
        /// Where it should listen.
        addr: SocketAddr,
        /// Why it cannot.
        error: io::Error,
    },
    /// More shards than can be numbered.
    #[error(transparent)]
    Shards(#[from] ShardCount),
    /// No HTTP socket.
    #[error("cannot listen for HTTP on {addr} (http.listen): {error}")]
    Http {
        /// Where it should listen.
        addr: SocketAddr,
        /// Why it cannot.
        error: io::Error,
    },
    /// No place for models.
    #[error(transparent)]
    Vault(VaultError),
    /// No certificate for HTTP.
    #[error("cannot serve https (tls): {0}")]
    Tls(CertificateError),
}

impl App {
    /// Builds a node and lets people in. Runs inside a tokio runtime.
    ///
    /// # Errors
    /// What could not be built. What was built before it is gone again.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        // First, so that everything after it can be heard.
        telemetry::start(&config.log);
        // Before the shards, whose answers carry its fingerprint.
        let identity = Arc::new(Identity::generate()?);
        // Before the shards, which hand jobs to them.
        let (told, reports) = mpsc::channel(learned::QUEUE);
        let learns = learns_at(&config) != LearningPlace::Publisher;
        let reporter = learned::reporter(told);
        let learners = learns.then(|| Learners::start(&config.models.learners, reporter));
        // Before the websockets, which hand joins to them: who gets in can be served.
        let begin_learning = learners.clone().map(learned::begin);
        let shard = start_shard(&config, identity, begin_learning)?;
        let placement = Arc::new(Placement::new(vec![shard.handle.clone()])?);
        // Last: from here on people come.
        let http = http::start(&config, placement.clone()).await.map_err(|error| match error {
            ServeError::Listen(error) => StartError::Http { addr: config.http.listen, error },
            ServeError::Vault(error) => StartError::Vault(error),
            ServeError::Certificate(error) => StartError::Tls(error),
        })?;
        if let Some(store) = http.models().cloned() {
            tokio::spawn(Delivery::new(store, placement.clone()).run(reports));
        }
        info!(http = %http.addr(), media = %shard.addresses.bind, "started");
        if config.key.is_development() {
            warn!(
                "the development key is in use: everybody can make tokens for every room; \
                 set auth.key_file before others can reach this node"
            );
        }
        if !config.http.web_root.join("index.html").is_file() {
            warn!(web_root = %config.http.web_root.display(), "the web client is not there");
        }
        Ok(Running { http, shards: vec![shard], placement, learners })
    }
}

impl Running {
    /// Where page and websocket are.
    pub const fn http_addr(&self) -> SocketAddr {
        self.http.addr()
    }

    /// Reads the certificate of the HTTP side again, and says what came of it.
    pub async fn reload_certificate(&self) {
        match self.http.reload_certificate().await {
            None => info!("there is no certificate to read again"),
            Some(Ok(Reloaded::Same)) => info!("the certificate is the one in use"),
            Some(Ok(Reloaded::Changed)) => info!("new handshakes get the new certificate"),
            Some(Err(error)) => {
                warn!(%error, "the certificate in use stays: the new one cannot be used");
            }
        }
    }

    /// The models that people uploaded; `None`: this node uses none.
    pub fn models(&self) -> Option<&ModelStore> {
        self.http.models().map(AsRef::as_ref)
    }

    /// What its learners do; `None`: this node learns nothing.
    pub fn learners(&self) -> Option<LearnerStats> {
        self.learners.as_ref().map(Learners::stats)
    }

    /// The shards, for those who watch them.
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// Waits until a shard ends by itself, which none should.
    pub async fn broken(&mut self) -> ShardEnd {
        let Some(shard) = self.shards.first_mut() else { return ShardEnd::Stopped };
        // Gone without a word: its thread ended outside everything that catches its end.
        (&mut shard.ended).await.unwrap_or(ShardEnd::Panicked)
    }

    /// Closes every websocket, then every transport, and waits for both.
    pub async fn stop(self) {
        let Self { http, shards, placement, learners } = self;
        // The websockets first: their goodbyes still go to the shards.
        http.stop().await;
        for shard in placement.shards() {
            // Full: tried again, or the shard would never end. Stopped: it has ended already.
            while shard.try_send(Command::Stop) == Err(Undelivered::Full) {
                time::sleep(RETRY_PAUSE).await;
            }
        }
        let threads: Vec<_> = shards.into_iter().map(|shard| shard.thread).collect();
        let join = move || threads.into_iter().all(|thread| thread.join().is_ok());
        if !task::spawn_blocking(join).await.unwrap_or(false) {
            error!("a shard did not end well");
        }
        drop(learners);
        info!("stopped");
    }
}

/// Where models are learned, as far as there is somebody to do it.
fn learns_at(config: &Config) -> LearningPlace {
    let models = &config.models;
    match models.learn {
        here if models.enabled && models.learners.places > 0 => here,
        _ => LearningPlace::Publisher,
    }
}

fn start_shard(
    config: &Config,
    identity: Arc<Identity>,
    begin_learning: Option<BeginLearning>,
) -> Result<Shard, StartError> {
    let media = &config.media;
    let addr = media.listen;
    let advertised = media.advertise.iter().map(|&ip| SocketAddr::new(ip, addr.port())).collect();
    let limits = &config.limits;
    let addresses = ShardAddresses { bind: addr, advertised };
    let shard = ShardConfig {
        receive_buffer: media.receive_buffer,
        send_buffer: media.send_buffer,
        slab_packets: media.packet_buffers,
        // The websockets count the seats. They give one away a moment before the shard hears the
        // goodbye, so the shard's own limit must not be met first.
        core: media.core,
        max_peers: limits.peers.saturating_mul(2),
        sfu: SfuConfig {
            max_participants: limits.participants_per_room,
            slots: SlotLimits { audio: limits.audio_slots, video: limits.video_slots },
            // The other half is for what is on its way.
            max_kept_packets: media.packet_buffers as usize / 2,
            repair: media.repair,
            transport_cc: media.congestion_control,
            max_video: limits.videos_per_client,
            low_rate_voice: media.low_rate_voice,
            model_policy: config.models.policy,
            learn: learns_at(config),
            bundle_interval: config.models.bundle_interval,
            ..SfuConfig::default()
        },
        ..ShardConfig::at(addresses)
    };
    let make_transport = move |_now| PeerTransport::new(identity.clone());
    Shard::start(shard, Box::new(make_transport), begin_learning)
        .map_err(|error| StartError::Media { addr, error })
}

impl MediaPlane for Placement {
    fn place(&self, room: &RoomName) -> PeerId {
        self.place(room.as_str())
    }

    fn try_send(&self, peer: PeerId, command: Command) -> Result<(), Undelivered> {
        self.try_send(peer, command)
    }
}
