//! What a speaker takes back is nowhere on the node any more: neither in the memory of its process, as
//! another process reads it, nor in its folder, nor in what anybody gets.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that meets a surprise fails")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use sotto_core::signal::{ClientMessage, ServerMessage, Source};
use sotto_frame::{Container, Delta, Epoch, ModelHash, PluginId};
use sotto_server::token::{Claims, GrantSource, Key};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

/// Bytes that are searched for: no two models share so many by chance.
const PIECE: usize = 64;
/// Bytes of memory that are looked at together.
const WINDOW: usize = 1 << 20;
/// What was taken back is gone within this time, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A node in a process of its own that keeps models in a folder, both gone behind the test.
struct Node {
    child: Child,
    addr: SocketAddr,
    folder: PathBuf,
}

impl Node {
    fn start() -> Self {
        let name = format!("sotto-deletion-{}", uuid::Uuid::new_v4().simple());
        let folder = std::env::temp_dir().join(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_sotto"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SOTTO_")) {
            command.env_remove(name);
        }
        let mut child = command
            .args(["serve", "--dev", "--http", "127.0.0.1:0", "--udp", "127.0.0.1:0"])
            .env("SOTTO_MODELS_KEPT_FOLDER", &folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addr = line.trim_end().strip_prefix("listening on http://").unwrap().parse().unwrap();
        Self { child, addr, folder }
    }

    async fn enter(&self, change: impl FnOnce(&mut Claims)) -> Person {
        let until = sotto_server::models::since_1970().as_secs() + 600;
        let mut claims = Claims::participant("team", "ann", until);
        change(&mut claims);
        let token = Key::development().sign(&claims);
        let url = format!("ws://{}/v1/signal", self.addr);
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let join = ClientMessage::Join { version: 1, token, name: None, resumption: None };
        socket.send(Message::text(serde_json::to_string(&join).unwrap())).await.unwrap();
        let welcome = socket.next().await.unwrap().unwrap();
        let welcome = serde_json::from_str(welcome.to_text().unwrap()).unwrap();
        let ServerMessage::Welcome { models, .. } = welcome else { panic!("{welcome:?}") };
        let http = TcpStream::connect(self.addr).await.unwrap();
        Person { addr: self.addr, socket, http, key: models.unwrap().key.0 }
    }

    /// How often a piece is in the memory of the node.
    fn in_memory(&self, piece: &[u8]) -> usize {
        let process = format!("/proc/{}", self.child.id());
        let maps = fs::read_to_string(format!("{process}/maps")).unwrap();
        let mut memory = fs::File::open(format!("{process}/mem")).unwrap();
        let mut found = 0;
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (range, rights) = (words.next().unwrap(), words.next().unwrap());
            // Pages that the kernel shows to every process are not read like others.
            if !rights.starts_with('r') || line.contains("[v") {
                continue;
            }
            let (from, to) = range.split_once('-').unwrap();
            let [from, to] = [from, to].map(|end| u64::from_str_radix(end, 16).unwrap());
            found += count(&mut memory, from, to, piece);
        }
        found
    }

    fn on_disk(&self, piece: &[u8]) -> usize {
        let files = fs::read_dir(&self.folder).unwrap();
        let files = files.map(|file| fs::read(file.unwrap().path()).unwrap());
        files.filter(|bytes| bytes.windows(PIECE).any(|window| window == piece)).count()
    }

    fn files(&self) -> usize {
        fs::read_dir(&self.folder).unwrap().count()
    }

    /// Waits until none of these models is anywhere.
    fn until_nowhere(&self, models: &[&Model], when: &str) {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let found: Vec<usize> = models.iter().map(|it| self.in_memory(it.middle())).collect();
            if found.iter().all(|&found| found == 0) {
                break;
            }
            assert!(Instant::now() < give_up, "{when}: in memory {found:?} times");
        }
        for model in models {
            assert_eq!(self.on_disk(model.middle()), 0, "{when}: on the disk");
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
        let _never_made = fs::remove_dir_all(&self.folder);
    }
}

/// How often a piece is in a range of another process's memory; what cannot be read has none.
fn count(memory: &mut fs::File, from: u64, to: u64, piece: &[u8]) -> usize {
    let mut found = 0;
    let mut window = vec![0; WINDOW + PIECE - 1];
    for at in (from..to).step_by(WINDOW) {
        let wanted = window.len().min((to - at) as usize);
        memory.seek(SeekFrom::Start(at)).unwrap();
        let mut filled = 0;
        while filled < wanted {
            match memory.read(&mut window[filled..wanted]) {
                Ok(0) | Err(_) => break,
                Ok(more) => filled += more,
            }
        }
        let mut rest = &window[..filled];
        while let Some(first) = rest.iter().position(|&byte| byte == piece[0]) {
            rest = &rest[first..];
            found += usize::from(rest.starts_with(piece));
            rest = &rest[1..];
        }
    }
    found
}

/// Somebody in a room, with one connection for requests that stays open, as browsers do it.
struct Person {
    addr: SocketAddr,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    http: TcpStream,
    key: String,
}

impl Person {
    /// Status and body of an answer.
    async fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             Content-Length: {}\r\n\r\n",
            self.key,
            body.len()
        );
        self.http.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        let mut answer = Vec::new();
        let end = loop {
            if let Some(at) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            assert_ne!(self.http.read_buf(&mut answer).await.unwrap(), 0, "{method} {path}");
        };
        let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let length = field("content-length: ").map_or(0, |text| text.parse().unwrap());
        while answer.len() < end + length {
            assert_ne!(self.http.read_buf(&mut answer).await.unwrap(), 0, "{method} {path}");
        }
        if field("connection: close").is_some() {
            self.http = TcpStream::connect(self.addr).await.unwrap();
        }
        (head[9..12].parse().unwrap(), answer.split_off(end))
    }

    async fn put(&mut self, model: &Model, body: &[u8]) -> u16 {
        self.ask("PUT", &format!("{}?keep=true", model.path()), body).await.0
    }

    /// Gives a model and a refinement of it, has both kept, and looks at what is kept.
    async fn give(&mut self, [first, second]: [&Model; 2]) {
        let delta = Delta::between(&first.bytes, &second.bytes).unwrap();
        assert_eq!(self.put(first, &first.bytes).await, 201);
        assert_eq!(self.put(second, &delta).await, 201);
        let (_, kept) = self.ask("GET", "/v1/models", &[]).await;
        assert!(String::from_utf8(kept).unwrap().contains(&second.hash.to_string()));
        assert_eq!(self.ask("GET", &second.path(), &[]).await, (200, second.bytes.clone()));
    }

    async fn withdraw(&mut self) {
        let no = ClientMessage::Consent { source: Source::Camera, granted: false, generic: None };
        self.socket.send(Message::text(serde_json::to_string(&no).unwrap())).await.unwrap();
    }
}

/// A model of a face, as large as a real one.
struct Model {
    bytes: Vec<u8>,
    hash: ModelHash,
}

impl Model {
    /// Bytes that are nowhere else: a xorshift of `seed`, of which a refinement changes every third block.
    fn new(seed: u64, epoch: u32) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15 ^ (seed << 32 | seed);
        let words = (0..16_000_u64).flat_map(|at| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let refined = at / 64 % 3 == 2;
            (if refined { state.rotate_left(epoch) } else { state }).to_le_bytes()
        });
        let body: Vec<u8> = words.collect();
        let container = Container {
            plugin: PluginId::FACE,
            plugin_version: 1,
            epoch: Epoch(epoch),
            created_at_ms: 1_800_000_000_000,
            body: &body,
        };
        let (bytes, hash) = container.write().unwrap();
        Self { bytes, hash }
    }

    fn middle(&self) -> &[u8] {
        &self.bytes[self.bytes.len() / 2..][..PIECE]
    }

    fn path(&self) -> String {
        format!("/v1/models/{}", self.hash)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_by_either_door_is_in_no_memory_and_on_no_disk() {
    let node = Node::start();
    for (seed, door) in [(1, "websocket"), (2, "http")] {
        let [first, second] = [1, 2].map(|epoch| Model::new(seed, epoch));
        let mut ann = node.enter(|_| {}).await;
        ann.give([&first, &second]).await;
        assert!(node.in_memory(second.middle()) > 0, "the search finds what is there");
        assert_eq!((node.files(), node.on_disk(second.middle())), (1, 0), "encrypted");
        if door == "http" {
            assert_eq!(ann.ask("DELETE", &second.path(), &[]).await.0, 204);
        } else {
            ann.withdraw().await;
        }
        node.until_nowhere(&[&first, &second], door);
        let give_up = Instant::now() + PATIENCE;
        while node.files() > 0 {
            assert!(Instant::now() < give_up, "{door}: a file is left");
            tokio::task::yield_now().await;
        }
        for model in [&first, &second] {
            assert_eq!(ann.ask("GET", &model.path(), &[]).await.0, 403, "{door}");
            assert_eq!(ann.put(model, &[]).await, 404, "{door}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_whoever_left_nothing_is_in_memory_and_of_what_was_kept_and_removed_neither() {
    let node = Node::start();
    let [first, second] = [1, 2].map(|epoch| Model::new(3, epoch));
    let mut ann = node.enter(|_| {}).await;
    ann.give([&first, &second]).await;
    drop(ann);
    node.until_nowhere(&[&first, &second], "she left");
    let mut ann = node.enter(|_| {}).await;
    assert_eq!(ann.ask("GET", "/v1/models", &[]).await.0, 200);
    assert_eq!(ann.ask("GET", &second.path(), &[]).await, (200, second.bytes.clone()));
    assert!(node.in_memory(second.middle()) > 0, "it was kept");
    assert_eq!(ann.ask("DELETE", "/v1/models", &[]).await.0, 204);
    node.until_nowhere(&[&first, &second], "she wants nothing kept");
    assert_eq!(node.files(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_was_not_agreed_to_leaves_nothing_on_the_node() {
    let node = Node::start();
    let model = Model::new(4, 1);
    let no_face = |claims: &mut Claims| {
        claims.video.model_consent = Some(vec![GrantSource::Microphone]);
    };
    let mut ann = node.enter(no_face).await;
    assert_eq!(ann.put(&model, &model.bytes).await, 403);
    node.until_nowhere(&[&model], "refused");
    assert_eq!(node.files(), 0);
    assert_eq!(ann.ask("GET", &model.path(), &[]).await.0, 403);
}
