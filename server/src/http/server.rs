//! The listener: accepts, hands over to the routes, stops.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    task, time,
};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use super::{
    certificate,
    door::{Door, Opened, Waiting},
    plane::MediaPlane,
    routes::{Node, misled, routes},
    session::Sessions,
};
use crate::{
    config::Config,
    models::{AUDIT, ModelStore, Swept, Vault, VaultError, since_1970},
    tls::{self, CertificateError, CertificateStore, Reloaded},
};

/// Pause after a failed accept: the cause (no file handles, mostly) does not go away by trying.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often kept models are looked at for being too old.
const SWEEP_INTERVAL: Duration = Duration::from_secs(3_600);

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be bound.
    #[error(transparent)]
    Listen(#[from] io::Error),
    /// Models cannot be kept where they should be.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// There is no certificate to serve with.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// A listener that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct HttpServer {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    /// Ends when everything that served is gone.
    ended: mpsc::Receiver<Infallible>,
    stop_timeout: Duration,
    models: Option<Arc<ModelStore>>,
    waiting: Arc<Waiting>,
    /// `None`: it is plain HTTP.
    certificates: Option<Arc<CertificateStore>>,
}

/// Binds and serves, inside a tokio runtime.
///
/// # Errors
/// [`ServeError`].
pub async fn start(config: &Config, media: Arc<dyn MediaPlane>) -> Result<HttpServer, ServeError> {
    let vault = config
        .models
        .kept
        .as_ref()
        .map(|kept| Vault::open(&kept.folder, &config.key, kept.lifetime, kept.max_bytes));
    let vault = vault.transpose()?;
    let open = |tls: &tls::TlsConfig| CertificateStore::open(tls.source.clone()).map(Arc::new);
    let certificates = config.tls.as_ref().map(open).transpose()?;
    let listener = TcpListener::bind(config.http.listen).await?;
    let addr = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let (alive, ended) = mpsc::channel(1);
    let models = config.models.enabled.then(|| ModelStore::new(config.models.max_bytes, vault));
    let models = models.map(Arc::new);
    if let Some(store) = models.clone().filter(|store| store.vault().is_some()) {
        tokio::spawn(sweep(store, stopped.clone()));
    }
    let node = Arc::new(Node {
        http: config.http.clone(),
        limits: config.limits,
        key: config.key.clone(),
        turn: config.turn.clone(),
        media,
        models: models.clone(),
        sessions: Arc::new(Sessions::new(&config.key, config.http.resume_window)),
        sockets: Arc::new(Semaphore::new(config.http.max_connections)),
        seats: Arc::new(Semaphore::new(config.limits.peers)),
        stop: stopped.clone(),
        _alive: alive,
    });
    let http = &config.http;
    let handshakes = certificates.clone().map(|store| TlsAcceptor::from(tls::server_config(store)));
    let door = Door::new(handshakes, http.max_handshakes, http.handshake_timeout);
    let waiting = door.waiting().clone();
    if let Some((tls, store)) = config.tls.as_ref().zip(certificates.clone()) {
        tokio::spawn(certificate::watch(store, tls.look_interval, stopped.clone()));
    }
    let acceptor = Acceptor {
        listener,
        slots: Arc::new(Semaphore::new(http.max_connections)),
        server: Arc::new(Server {
            door,
            router: routes(node, config.tls.as_ref().and_then(|tls| tls.hsts)),
            misled: misled(),
            header_timeout: http.header_timeout,
        }),
        stop: stopped,
    };
    tokio::spawn(acceptor.run());
    let stop_timeout = http.stop_timeout;
    Ok(HttpServer { addr, stop, ended, stop_timeout, models, waiting, certificates })
}

/// Removes kept models whose time has come, until the node stops.
async fn sweep(store: Arc<ModelStore>, mut stop: watch::Receiver<bool>) {
    let mut turn = time::interval(SWEEP_INTERVAL);
    loop {
        tokio::select! {
            _ = turn.tick() => {}
            () = stopped(&mut stop) => return,
        }
        let store = store.clone();
        let swept = task::spawn_blocking(move || store.vault().map(|v| v.sweep(since_1970())));
        match swept.await {
            Ok(Some(Ok(Swept { expired: 0, crowded: 0 })) | None) => {}
            Ok(Some(Ok(Swept { expired, crowded }))) => {
                tracing::info!(target: AUDIT, expired, crowded, "kept models removed");
            }
            Ok(Some(Err(error))) => warn!(%error, "kept models could not be looked at"),
            Err(error) => warn!(%error, "looking at kept models ended early"),
        }
    }
}

impl HttpServer {
    /// The address that it listens on.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The models that people uploaded; `None`: this node uses none.
    pub const fn models(&self) -> Option<&Arc<ModelStore>> {
        self.models.as_ref()
    }

    /// Those who came and have not said yet what they are.
    pub fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Reads the certificate again; `None`: there is none, it is plain HTTP.
    ///
    /// # Errors
    /// [`CertificateError`]: the one in use stays.
    pub async fn reload_certificate(&self) -> Option<Result<Reloaded, CertificateError>> {
        let store = self.certificates.clone()?;
        // Ends early only when the runtime does.
        task::spawn_blocking(move || store.reload()).await.ok()
    }

    /// Accepts nothing more, closes every websocket, and waits for the requests in progress, for
    /// `http.stop_timeout_ms` at most.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if time::timeout(self.stop_timeout, self.ended.recv()).await.is_err() {
            warn!("some connections did not end in time");
        }
    }
}

struct Acceptor {
    listener: TcpListener,
    slots: Arc<Semaphore>,
    server: Arc<Server>,
    stop: watch::Receiver<bool>,
}

/// What every connection needs.
struct Server {
    door: Door,
    router: Router,
    /// For those who speak plain HTTP where TLS is wanted.
    misled: Router,
    header_timeout: Duration,
}

impl Acceptor {
    async fn run(self) {
        let mut stop = self.stop.clone();
        loop {
            tokio::select! {
                () = stopped(&mut stop) => break,
                () = self.accept() => {}
            }
        }
    }

    /// Takes one connection, when there is a slot for it: until then it waits in the kernel.
    async fn accept(&self) {
        let slot = self.slots.clone().acquire_owned().await.expect("the slots are never closed");
        match self.listener.accept().await {
            Ok((stream, remote)) => {
                debug!(%remote, "connection");
                let (server, stop) = (self.server.clone(), self.stop.clone());
                tokio::spawn(server.receive(stream, remote, slot, stop));
            }
            Err(error) => {
                warn!(%error, "cannot accept connections");
                time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Server {
    async fn receive(
        self: Arc<Self>,
        stream: TcpStream,
        remote: SocketAddr,
        slot: OwnedSemaphorePermit,
        mut stop: watch::Receiver<bool>,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "connection without TCP_NODELAY");
        }
        let opened = tokio::select! {
            opened = self.door.open(stream, remote.ip()) => opened,
            () = stopped(&mut stop) => return,
        };
        match opened {
            Ok(Opened::Plain(stream)) => self.serve(stream, &self.router, stop).await,
            Ok(Opened::Tls(stream)) => self.serve(*stream, &self.router, stop).await,
            Ok(Opened::Misled(stream)) => self.serve(stream, &self.misled, stop).await,
            Err(closed) => debug!(%closed, "connection closed"),
        }
        drop(slot);
    }

    async fn serve<S>(&self, stream: S, router: &Router, mut stop: watch::Receiver<bool>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = TowerToHyperService::new(router.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = stopped(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            debug!(%error, "connection ended");
        }
    }
}

/// Waits until the node stops, or whoever could say so is gone.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _stopped_or_dropped = stop.wait_for(|&stopped| stopped).await;
}
