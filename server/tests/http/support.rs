//! A node's HTTP side on a loopback port, with a channel in place of the shards.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use sotto_core::{
    id::PeerId,
    signal::{ClientMessage, ServerMessage},
};
use sotto_server::{
    config::Config,
    http::{self, HttpServer, MediaPlane},
    name::RoomName,
    shard::{Command, PeerEvent, Undelivered},
    token::{Claims, Key},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    time,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest, protocol::frame::coding::CloseCode},
};

/// Longer than anything here takes: a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// In place of the shards: hands every command to the test.
pub(crate) struct Recorder {
    commands: mpsc::UnboundedSender<Command>,
    peers: AtomicU64,
    /// While set, every command is refused.
    pub(crate) full: AtomicBool,
}

impl MediaPlane for Recorder {
    fn place(&self, _room: &RoomName) -> PeerId {
        PeerId(self.peers.fetch_add(1, Ordering::Relaxed))
    }

    fn try_send(&self, _peer: PeerId, command: Command) -> Result<(), Undelivered> {
        if self.full.load(Ordering::Relaxed) {
            return Err(Undelivered::Full);
        }
        self.commands.send(command).map_err(|_| Undelivered::Stopped)
    }
}

/// The node under test.
pub(crate) struct Node {
    pub(crate) server: HttpServer,
    pub(crate) media: Arc<Recorder>,
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
}

impl Node {
    pub(crate) async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::development();
        change(&mut config);
        let (sender, commands) = mpsc::unbounded_channel();
        let media = Arc::new(Recorder {
            commands: sender,
            peers: AtomicU64::new(1),
            full: AtomicBool::new(false),
        });
        let server = http::start(&config, media.clone()).await.unwrap();
        Self { server, media, commands }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The next command that reaches the media side.
    pub(crate) async fn command(&mut self) -> Command {
        within(self.commands.recv()).await.expect("the node runs")
    }

    /// A client that has joined, and where its events go.
    pub(crate) async fn join(&mut self) -> (Client, mpsc::Sender<PeerEvent>) {
        let mut client = Client::connect(self.addr()).await;
        client.say(&join_with(token("team", "ann"))).await;
        match self.command().await {
            Command::Join { events, .. } => (client, events),
            other => panic!("a join is expected, found {other:?}"),
        }
    }

    /// One request, and all of the answer: status line, headers and body.
    pub(crate) async fn request(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.addr()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        within(stream.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        self.request(&format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ))
        .await
    }
}

/// A websocket client.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self::connect_from(addr, None).await.unwrap()
    }

    /// Connects as a page of `origin` would; the status of the refusal if it is refused.
    pub(crate) async fn connect_from(addr: SocketAddr, origin: Option<&str>) -> Result<Self, u16> {
        let mut request = format!("ws://{addr}/v1/signal").into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        match within(tokio_tungstenite::connect_async(request)).await {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                Err(response.status().as_u16())
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn send(&mut self, message: Message) {
        within(self.socket.send(message)).await.unwrap();
    }

    pub(crate) async fn say(&mut self, message: &ClientMessage) {
        self.text(&serde_json::to_string(message).unwrap()).await;
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    /// The next frame that is not a ping or pong; `None` when the connection is cut.
    pub(crate) async fn frame(&mut self) -> Option<Message> {
        loop {
            match within(self.socket.next()).await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message)) => return Some(message),
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The next message of the node.
    pub(crate) async fn hear(&mut self) -> ServerMessage {
        match self.frame().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("a message is expected, found {other:?}"),
        }
    }

    /// The next message, which must be an error: its code in JSON, text, `about`, and whether it
    /// is fatal.
    pub(crate) async fn error(&mut self) -> (String, String, Option<String>, bool) {
        match self.hear().await {
            ServerMessage::Error { code, message, about, fatal } => {
                let code = serde_json::to_value(code).unwrap().as_str().unwrap().to_owned();
                (code, message, about, fatal)
            }
            other => panic!("an error is expected, found {other:?}"),
        }
    }

    /// Expects a fatal error of that code, then the close.
    pub(crate) async fn refused(&mut self, code: &str) -> String {
        let (found, message, _, fatal) = self.error().await;
        assert_eq!((&*found, fatal), (code, true), "{message}");
        self.closed().await;
        message
    }

    /// Expects the close: its code and reason.
    pub(crate) async fn closed(&mut self) -> (CloseCode, String) {
        match self.frame().await {
            Some(Message::Close(Some(frame))) => (frame.code, frame.reason.to_string()),
            other => panic!("a close is expected, found {other:?}"),
        }
    }
}

pub(crate) fn token(room: &str, identity: &str) -> String {
    Key::development().sign(&Claims::participant(room, identity, now() + 60))
}

pub(crate) fn join_with(token: String) -> ClientMessage {
    ClientMessage::Join { version: 1, token, name: None, resumption: None }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_secs()
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    time::timeout(PATIENCE, future).await.expect("the node answers")
}

/// A folder with files in it that lives as long as the value.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = std::env::temp_dir().join(format!("sotto-{}-{name}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(root)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}
