//! The first test of all: browsers complete ICE and DTLS with our transport, with AES-128-GCM, their
//! media decrypts, and a data channel echoes.

#![allow(clippy::unwrap_used, reason = "a test: what fails, fails it")]

use std::{
    fs,
    net::SocketAddr,
    path::Path as FilePath,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::State,
    response::Html,
    routing::{get, post},
};
use serde_json::{Value, json};
use sotto_core::{
    id::Ssrc,
    media::{Answer, AnsweredMedia, Direction, Offer},
};
use sotto_server::shard::{
    sdp::{self, Answering},
    transport::{
        Path, PeerTransport, SrtpProfile, Transport, TransportEvent,
        dtls::{Identity, Records},
    },
};
use sotto_tests::browser::Browser;
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::{mpsc, oneshot},
    time::timeout,
};

/// From starting the browser, on a machine that does other things too.
const LIMIT: Duration = Duration::from_secs(120);

/// Half a second of audio and video.
const ENOUGH_PACKETS: u32 = 50;

#[tokio::test]
async fn chromium_connects_with_gcm_sends_media_and_is_echoed() {
    check(Browser::Chromium).await;
}

#[tokio::test]
async fn firefox_connects_with_gcm_sends_media_and_is_echoed() {
    check(Browser::Firefox).await;
}

async fn check(browser: Browser) {
    if !browser.is_installed() {
        eprintln!("SKIPPED: {} is not installed", browser.program());
        return;
    }
    let (asks, node) = mpsc::channel(8);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new()
        .route("/", get(|| async { Html(include_str!("browser_handshake.html")) }))
        .route("/offer", post(offer))
        .route("/result", post(result))
        .with_state(asks);
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let running = browser.open(&format!("http://{address}/")).unwrap();
    let outcome = timeout(LIMIT, Node::bind(browser).await.run(node)).await;
    drop(running);
    server.abort();
    let node = outcome.expect("the browser never reported");

    let report = node.report.as_ref().unwrap();
    eprintln!("{browser:?}: {report}, {} packets opened, {:?}", node.opened, node.handshake);
    assert_eq!(report["error"], Value::Null);
    assert_eq!(
        report["got"],
        json!(["grüß dich", "bytes:3:1,2,3", "", "60000 x"]),
        "the echo is what was sent"
    );
    assert_eq!(node.profile, Some(SrtpProfile::AeadAes128Gcm));
    assert!(node.opened >= ENOUGH_PACKETS && node.reports > 0);
    assert_eq!(node.refused, 0, "no packet fails to open");
}

enum Ask {
    Offer(String, oneshot::Sender<String>),
    Result(Value),
}

async fn offer(State(asks): State<mpsc::Sender<Ask>>, Json(body): Json<Value>) -> String {
    let (reply, answer) = oneshot::channel();
    let sdp = body["sdp"].as_str().unwrap().to_owned();
    asks.send(Ask::Offer(sdp, reply)).await.unwrap();
    answer.await.unwrap()
}

async fn result(State(asks): State<mpsc::Sender<Ask>>, Json(body): Json<Value>) {
    asks.send(Ask::Result(body)).await.unwrap();
}

/// The smallest node there can be: one socket, one peer.
struct Node {
    browser: Browser,
    socket: UdpSocket,
    local: SocketAddr,
    transport: PeerTransport,
    profile: Option<SrtpProfile>,
    started: Option<Instant>,
    /// From the answer to `Connected`.
    handshake: Option<Duration>,
    opened: u32,
    reports: u32,
    refused: u32,
    report: Option<Value>,
    captured: u32,
}

impl Node {
    async fn bind(browser: Browser) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        Self {
            browser,
            local: socket.local_addr().unwrap(),
            socket,
            transport: PeerTransport::new(Arc::new(Identity::generate().unwrap())),
            profile: None,
            started: None,
            handshake: None,
            opened: 0,
            reports: 0,
            refused: 0,
            report: None,
            captured: 0,
        }
    }

    /// Until the page reported and enough media came.
    async fn run(mut self, mut asks: mpsc::Receiver<Ask>) -> Self {
        let mut buffer = vec![0; 65_536];
        while self.report.as_ref().is_none_or(|report| report["error"].is_null())
            && (self.report.is_none() || self.opened < ENOUGH_PACKETS || self.reports == 0)
        {
            let due = self.transport.poll_timeout();
            let due = due.unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
            tokio::select! {
                Some(ask) = asks.recv() => match ask {
                    Ask::Offer(sdp, reply) => reply.send(self.answer(&sdp)).unwrap(),
                    Ask::Result(report) => self.report = Some(report),
                },
                received = self.socket.recv_from(&mut buffer) => {
                    let (len, remote) = received.unwrap();
                    self.receive(remote, &mut buffer[..len]);
                }
                () = tokio::time::sleep_until(due.into()) => {
                    self.transport.handle_timeout(Instant::now());
                }
            }
            self.drain().await;
        }
        self
    }

    fn answer(&mut self, sdp: &str) -> String {
        self.capture("offer.sdp", sdp.as_bytes());
        let parsed = sdp::parse(sdp).unwrap();
        self.started = Some(Instant::now());
        self.transport.set_remote(Instant::now(), parsed.remote);
        sdp::render(
            &parsed.layout,
            &accept(&parsed.offer),
            &Answering {
                local: &self.transport.local(),
                candidates: &[self.local],
                session: 1,
                version: 1,
            },
        )
    }

    fn receive(&mut self, remote: SocketAddr, datagram: &mut [u8]) {
        let (now, path) = (Instant::now(), Path { local: self.local, remote });
        match datagram[0] {
            0..=3 => self.transport.handle_stun(now, path, datagram).unwrap(),
            20..=63 => {
                if self.profile.is_none() && Records::new(datagram).next().is_some() {
                    self.captured += 1;
                    self.capture(&format!("dtls-{}.bin", self.captured), datagram);
                }
                self.transport.handle_dtls(now, path, datagram).unwrap();
            }
            128..=191 if matches!(datagram[1], 192..=223) => {
                match self.transport.open_rtcp(datagram) {
                    Ok(_) => self.reports += 1,
                    Err(_) => self.refused += 1,
                }
            }
            128..=191 => match self.transport.open_rtp(datagram) {
                Ok(_) => self.opened += 1,
                Err(_) => self.refused += 1,
            },
            other => panic!("a datagram that starts with {other}"),
        }
    }

    async fn drain(&mut self) {
        while let Some(event) = self.transport.poll_event() {
            match event {
                TransportEvent::Connected { profile } => {
                    self.profile = Some(profile);
                    self.handshake = self.started.map(|started| started.elapsed());
                }
                TransportEvent::Data { label, text, payload } => {
                    self.transport.send_data(Instant::now(), &label, text, &payload).unwrap();
                }
                TransportEvent::Closed(cause) => panic!("closed: {cause:?}"),
                _ => {}
            }
        }
        while let Some(datagram) = self.transport.poll_transmit() {
            self.socket.send_to(&datagram.payload, datagram.path.remote).await.unwrap();
        }
    }

    /// Keeps what the browser sent, where `SOTTO_CAPTURE` names a directory: so were the committed
    /// samples of the parsers' tests made.
    fn capture(&self, name: &str, bytes: &[u8]) {
        if let Some(directory) = std::env::var_os("SOTTO_CAPTURE") {
            let name = format!("{}-{name}", self.browser.program());
            fs::write(FilePath::new(&directory).join(name), bytes).unwrap();
        }
    }
}

/// Takes everything that is offered.
fn accept(offer: &Offer) -> Answer {
    let media = (1_000..).zip(&offer.media).map(|(ssrc, offered)| AnsweredMedia {
        mid: offered.mid,
        direction: offered.direction,
        formats: offered.formats.iter().take(1).cloned().collect(),
        extensions: offered.extensions.clone(),
        rids: offered.rids.clone(),
        ssrc: (offered.direction == Direction::Receive).then_some(Ssrc(ssrc)),
        rtx_ssrc: None,
    });
    Answer { media: media.collect() }
}
