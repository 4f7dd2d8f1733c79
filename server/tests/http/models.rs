//! Models over HTTP: who may upload and fetch them, and how fast they come.

mod kept;
mod learned;

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use sotto_core::{
    id::{ParticipantId, PeerId},
    input::ModelHeader,
    signal::{ClientMessage, FetchModel, ForgetModel, LeaveReason, ServerMessage, Source},
};
use sotto_frame::{Container, Delta, Epoch, ModelHash, PluginId};
use sotto_server::{
    config::Config,
    http::Origin,
    shard::{Command, PeerEvent},
    token::{Claims, GrantSource, Key},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};
use uuid::Uuid;

use crate::support::{Client, Node, join_with, now, within};

/// Faster than anything here is waited for.
const FAST: u64 = 100_000_000;

/// Somebody in a room.
struct Person {
    client: Client,
    events: mpsc::Sender<PeerEvent>,
    peer: PeerId,
    key: String,
}

/// What a request came to.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Node {
    async fn person(&mut self, room: &str, identity: &str) -> Person {
        self.person_with(Claims::participant(room, identity, now() + 60)).await
    }

    async fn person_with(&mut self, claims: Claims) -> Person {
        let mut client = Client::connect(self.addr()).await;
        client.say(&join_with(Key::development().sign(&claims))).await;
        match self.command().await {
            Command::Join { join, events } => {
                Person { client, events, peer: join.peer, key: join.model_key.unwrap().0 }
            }
            other => panic!("a join is expected, found {other:?}"),
        }
    }

    /// One request with the key of a connection.
    async fn ask(&self, method: &str, path: &str, key: &str, body: &[u8]) -> Answer {
        let head = format!("Authorization: Bearer {key}\r\n");
        self.ask_with(method, path, &head, body).await
    }

    async fn ask_with(&self, method: &str, path: &str, head: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}\
             Content-Length: {length}\r\n\r\n"
        );
        let mut stream = TcpStream::connect(self.addr()).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // Refused before it was read to its end: what was answered counts.
        let _written_or_refused = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _whole_or_reset = within(stream.read_to_end(&mut answer)).await;
        Answer::read(answer)
    }

    /// A request of which the answer is still to be read.
    async fn begin(&self, method: &str, path: &str, key: &str) -> TcpStream {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Authorization: Bearer {key}\r\n\r\n"
        );
        let mut stream = TcpStream::connect(self.addr()).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    async fn put(&self, of: &Person, model: &Model) -> Answer {
        self.ask("PUT", &model.path(), &of.key, &model.bytes).await
    }

    async fn fetch(&self, by: &Person, model: &Model) -> Answer {
        self.ask("GET", &model.path(), &by.key, &[]).await
    }
}

impl Person {
    /// The core tells it to fetch a model.
    async fn told_to_fetch(&mut self, model: &Model, bitrate: u64) {
        let fetch = FetchModel {
            participant: ParticipantId(Uuid::from_u128(1)),
            source: Source::Camera,
            plugin: 9,
            version: 1,
            epoch: 1,
            hash: model.hash,
            bytes: model.bytes.len() as u32,
            base: None,
            bitrate,
        };
        self.told(ServerMessage::FetchModel(Box::new(fetch))).await;
    }

    /// The core tells it to forget a model.
    async fn told_to_forget(&mut self, model: &Model) {
        let participant = ParticipantId(Uuid::from_u128(1));
        let (source, hash) = (Source::Camera, model.hash);
        self.told(ServerMessage::ForgetModel(ForgetModel {
            participant,
            source,
            hash,
            left: false,
        }))
        .await;
    }

    async fn told(&mut self, message: ServerMessage) {
        self.events.send(PeerEvent::Message(message.clone())).await.unwrap();
        assert_eq!(self.client.hear().await, message);
    }
}

impl Answer {
    fn read(mut bytes: Vec<u8>) -> Self {
        let at = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head");
        let body = bytes.split_off(at + 4);
        let head = String::from_utf8(bytes).unwrap();
        Self { status: head[9..12].parse().unwrap(), head, body }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Status and code of a refusal.
    fn refusal(&self) -> (u16, String) {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        (self.status, body["error"]["code"].as_str().unwrap().to_owned())
    }
}

fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// A container.
struct Model {
    bytes: Vec<u8>,
    hash: ModelHash,
}

impl Model {
    fn new(plugin: PluginId, epoch: u32, body: &[u8]) -> Self {
        let epoch = Epoch(epoch);
        let container = Container { plugin, plugin_version: 1, epoch, created_at_ms: 1, body };
        let (bytes, hash) = container.write().unwrap();
        Self { bytes, hash }
    }

    /// Of a face, `len` bytes of noise that begins alike in every epoch.
    fn face(epoch: u32, len: usize) -> Self {
        let mut state = 7_u32;
        let mut body: Vec<u8> = (0..len)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        if let Some(last) = body.last_mut() {
            *last = epoch as u8;
        }
        Self::new(PluginId::FACE, epoch, &body)
    }

    fn path(&self) -> String {
        format!("/v1/models/{}", self.hash)
    }
}

async fn start() -> Node {
    Node::start(|_| ()).await
}

#[tokio::test]
async fn a_model_goes_from_its_speaker_to_those_who_are_told_to_fetch_it() {
    let mut node = start().await;
    let ann = node.person("team", "ann").await;
    let mut bob = node.person("team", "bob").await;
    let model = Model::face(3, 5_000);
    assert_eq!(node.put(&ann, &model).await.status, 201);
    let Command::Model { peer, model: header } = node.command().await else { panic!("a model") };
    let (plugin, epoch, bytes) = (PluginId::FACE, Epoch(3), model.bytes.len() as u32);
    let expected = ModelHeader { plugin, version: 1, epoch, hash: model.hash, bytes };
    assert_eq!((peer, header), (ann.peer, expected));
    assert_eq!(node.put(&ann, &model).await.status, 200, "known");

    assert_eq!(node.fetch(&bob, &model).await.refusal(), refusal(403, "forbidden"));
    bob.told_to_fetch(&model, FAST).await;
    let answer = node.fetch(&bob, &model).await;
    assert_eq!((answer.status, &answer.body), (200, &model.bytes));
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    assert_eq!(answer.header("etag"), Some(&*format!("\"{}\"", model.hash)));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let Command::ModelServed { peer, hash, bytes } = node.command().await else { panic!("booked") };
    assert_eq!((peer, hash), (bob.peer, model.hash));
    assert!(bytes > model.bytes.len() as u64, "with what IP and TCP add");

    let eve = node.person("elsewhere", "eve").await;
    assert_eq!(node.fetch(&eve, &model).await.refusal(), refusal(403, "forbidden"));
    let stats = node.server.models().unwrap().stats();
    let traffic = |person: &Person| {
        let (_, traffic) = stats.peers.iter().find(|(peer, _)| *peer == person.peer).unwrap();
        (traffic.uploaded, traffic.fetched)
    };
    let len = model.bytes.len() as u64;
    assert_eq!([traffic(&ann), traffic(&bob), traffic(&eve)], [(2 * len, 0), (0, len), (0, 0)]);

    bob.told_to_forget(&model).await;
    assert_eq!(node.fetch(&bob, &model).await.refusal(), refusal(403, "forbidden"));
}

#[tokio::test]
async fn only_the_key_of_a_connection_that_is_there_opens_the_door() {
    let mut node = start().await;
    let ann = node.person("team", "ann").await;
    let model = Model::face(1, 100);
    let path = model.path();
    let wrong = "A".repeat(43);
    for head in [
        String::new(),
        format!("Authorization: Bearer {wrong}\r\n"),
        format!("Authorization: Basic {}\r\n", ann.key),
        format!("Authorization: {}\r\n", ann.key),
        "Authorization: Bearer\r\n".into(),
    ] {
        for method in ["GET", "PUT", "DELETE"] {
            let answer = node.ask_with(method, &path, &head, &model.bytes).await;
            assert_eq!(answer.refusal(), refusal(401, "unauthorized"), "{method} {head}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    let Person { mut client, key, .. } = ann;
    client.say(&ClientMessage::Leave).await;
    client.closed().await;
    assert!(matches!(node.command().await, Command::Disconnect { .. }));
    // The websocket's task lets go of it right behind its goodbye.
    let give_up = Instant::now() + Duration::from_secs(10);
    while node.ask("GET", &path, &key, &[]).await.status != 401 {
        assert!(Instant::now() < give_up, "the key outlives its connection");
    }
}

#[tokio::test]
async fn what_is_no_model_of_ones_own_is_refused_and_no_room_hears_of_it() {
    let mut node = start().await;
    let ann = node.person("team", "ann").await;
    let good = Model::face(1, 100);
    let generic = Model::face(0, 100);
    let mut broken = good.bytes.clone();
    broken[30] ^= 1;
    let delta = Delta::between(&good.bytes, &Model::face(2, 100).bytes).unwrap();
    let other = Model::face(2, 100).path();
    for (what, path, body, expected) in [
        ("another name", other.clone(), &good.bytes, refusal(400, "malformed")),
        ("a changed byte", good.path(), &broken, refusal(400, "malformed")),
        ("nothing", good.path(), &Vec::new(), refusal(404, "notFound")),
        ("the generic model", generic.path(), &generic.bytes, refusal(400, "malformed")),
        ("a delta of what is not here", other, &delta, refusal(409, "conflict")),
        ("no hash", "/v1/models/xyz".into(), &good.bytes, refusal(404, "notFound")),
    ] {
        let answer = node.ask("PUT", &path, &ann.key, body).await;
        assert_eq!(answer.refusal(), expected, "{what}");
    }
    let long = vec![0; (4 << 20) + 5_000];
    let answer = node.ask("PUT", &good.path(), &ann.key, &long).await;
    assert_eq!(answer.refusal(), refusal(413, "tooMuch"));
    assert!(node.commands.try_recv().is_err());
    let stats = node.server.models().unwrap().stats();
    assert_eq!((stats.models, stats.bytes), (0, 0));
}

#[tokio::test]
async fn a_model_needs_the_grant_to_publish_its_source() {
    let mut node = start().await;
    let mut claims = Claims::participant("team", "ann", now() + 60);
    claims.video.can_publish_sources = Some(vec![GrantSource::Microphone]);
    let ann = node.person_with(claims).await;
    let face = Model::face(1, 100);
    assert_eq!(node.put(&ann, &face).await.refusal(), refusal(403, "forbidden"));
    let voice = Model::new(PluginId::VOICE, 1, b"voice");
    assert_eq!(node.put(&ann, &voice).await.status, 201);
}

#[tokio::test]
async fn a_model_needs_the_consent_of_a_token_that_speaks_of_it() {
    let mut node = start().await;
    let mut claims = Claims::participant("team", "ann", now() + 60);
    claims.video.model_consent = Some(vec![GrantSource::Microphone]);
    let ann = node.person_with(claims.clone()).await;
    let (face, voice) = (Model::face(1, 100), Model::new(PluginId::VOICE, 1, b"voice"));
    assert_eq!(node.put(&ann, &face).await.refusal(), refusal(403, "forbidden"));
    assert_eq!(node.put(&ann, &voice).await.status, 201);
    assert!(matches!(node.command().await, Command::Model { .. }));
    claims.video.model_consent = Some(Vec::new());
    let nobody = node.person_with(Claims { sub: "bob".into(), ..claims }).await;
    assert_eq!(node.put(&nobody, &voice).await.refusal(), refusal(403, "forbidden"));
}

#[tokio::test]
async fn a_refinement_goes_up_and_comes_down_as_a_delta() {
    let mut node = start().await;
    let ann = node.person("team", "ann").await;
    let mut bob = node.person("team", "bob").await;
    let (first, second) = (Model::face(1, 20_000), Model::face(2, 20_000));
    assert_eq!(node.put(&ann, &first).await.status, 201);
    let up = Delta::between(&first.bytes, &second.bytes).unwrap();
    assert!(up.len() < 500);
    assert_eq!(node.ask("PUT", &second.path(), &ann.key, &up).await.status, 201);
    bob.told_to_fetch(&second, FAST).await;
    assert_eq!(node.fetch(&bob, &second).await.body, second.bytes);

    let path = format!("{}?base={}", second.path(), first.hash);
    let down = node.ask("GET", &path, &bob.key, &[]).await;
    let tag = format!("\"{}-{}\"", second.hash, first.hash);
    assert_eq!((down.status, down.header("etag")), (200, Some(&*tag)));
    let delta = Delta::parse(&down.body).unwrap();
    assert_eq!(delta.apply(&first.bytes), Ok(second.bytes.clone()));
    // A base that the node does not have: the whole.
    let path = format!("{}?base={}", second.path(), "0".repeat(64));
    assert_eq!(node.ask("GET", &path, &bob.key, &[]).await.body, second.bytes);
    let path = format!("{}?base=first", second.path());
    let answer = node.ask("GET", &path, &bob.key, &[]).await;
    assert_eq!(answer.refusal(), refusal(400, "malformed"));

    // Back to an earlier epoch is no refinement.
    let back = Delta::between(&second.bytes, &first.bytes).unwrap();
    let again = Model::face(1, 20_001);
    let sideways = Delta::between(&second.bytes, &again.bytes).unwrap();
    for (path, delta) in [(first.path(), back), (again.path(), sideways)] {
        let answer = node.ask("PUT", &path, &ann.key, &delta).await;
        assert_eq!(answer.refusal(), refusal(409, "conflict"));
    }
}

#[tokio::test]
async fn a_body_comes_at_the_rate_of_its_grant_and_breaks_off_when_that_ends() {
    let mut node = start().await;
    let ann = node.person("team", "ann").await;
    let mut bob = node.person("team", "bob").await;
    let model = Model::face(1, 30_000);
    assert_eq!(node.put(&ann, &model).await.status, 201);
    bob.told_to_fetch(&model, 400_000).await;
    let begun = Instant::now();
    assert_eq!(node.fetch(&bob, &model).await.body, model.bytes);
    let taken = begun.elapsed();
    // 31,200 bytes on the wire; the last piece need not wait for its own time.
    assert!(taken >= Duration::from_millis(580), "{taken:?}");

    bob.told_to_fetch(&model, 40_000).await;
    let mut download = node.begin("GET", &model.path(), &bob.key).await;
    let mut got = vec![0; 1_000];
    within(download.read_exact(&mut got)).await.unwrap();
    let begun = Instant::now();
    bob.told_to_forget(&model).await;
    let _whole_or_reset = within(download.read_to_end(&mut got)).await;
    let answer = Answer::read(got);
    assert_eq!(answer.status, 200);
    assert!((1..20_000).contains(&answer.body.len()), "{} bytes", answer.body.len());
    assert_eq!(answer.body, model.bytes[..answer.body.len()]);
    assert!(begun.elapsed() < Duration::from_secs(4), "6 s would be all of it");
}

#[tokio::test]
async fn a_body_on_its_way_follows_what_is_set_aside_for_it() {
    let mut node = start().await;
    let ann = node.person("team", "ann").await;
    let mut bob = node.person("team", "bob").await;
    let model = Model::face(1, 30_000);
    assert_eq!(node.put(&ann, &model).await.status, 201);
    bob.told_to_fetch(&model, 40_000).await;
    let begun = Instant::now();
    let mut download = node.begin("GET", &model.path(), &bob.key).await;
    let mut got = vec![0; 1_000];
    within(download.read_exact(&mut got)).await.unwrap();
    let faster = PeerEvent::ModelRate { hash: model.hash, bitrate: 4_000_000 };
    bob.events.send(faster).await.unwrap();
    within(download.read_to_end(&mut got)).await.unwrap();
    assert_eq!(Answer::read(got).body, model.bytes);
    assert!(begun.elapsed() < Duration::from_secs(3), "6 s would be the rate at first");
}

#[tokio::test]
async fn a_model_that_its_room_cannot_hear_of_was_never_there() {
    let mut node = start().await;
    let ann = node.person("team", "ann").await;
    let model = Model::face(1, 100);
    node.media.full.store(true, Ordering::Relaxed);
    assert_eq!(node.put(&ann, &model).await.refusal(), refusal(503, "full"));
    assert_eq!(node.server.models().unwrap().stats().models, 0);
    node.media.full.store(false, Ordering::Relaxed);
    assert_eq!(node.put(&ann, &model).await.status, 201);
    node.media.full.store(true, Ordering::Relaxed);
    let answer = node.ask("DELETE", &model.path(), &ann.key, &[]).await;
    assert_eq!(answer.refusal(), refusal(503, "full"));
    assert_eq!(node.server.models().unwrap().stats().models, 1, "nothing was withdrawn");
}

#[tokio::test]
async fn a_speaker_takes_its_models_back_by_either_door_or_by_leaving() {
    let mut node = start().await;
    let mut ann = node.person("team", "ann").await;
    let mut bob = node.person("team", "bob").await;
    let model = Model::face(1, 100);
    bob.told_to_fetch(&model, FAST).await;
    let withdrawn =
        ClientMessage::Consent { source: Source::Camera, granted: false, generic: None };
    for door in ["http", "websocket", "leave"] {
        assert_eq!(node.put(&ann, &model).await.status, 201, "{door}");
        assert!(matches!(node.command().await, Command::Model { .. }));
        assert_eq!(node.fetch(&bob, &model).await.status, 200, "{door}");
        match door {
            "http" => {
                let path = model.path();
                let theirs = node.ask("DELETE", &path, &bob.key, &[]).await;
                assert_eq!(theirs.refusal(), refusal(404, "notFound"));
                assert_eq!(node.ask("DELETE", &path, &ann.key, &[]).await.status, 204);
            }
            "websocket" => ann.client.say(&withdrawn).await,
            _ => ann.client.say(&ClientMessage::Leave).await,
        }
        // That it was fetched comes first.
        let mut next = node.command().await;
        if let Command::ModelServed { .. } = next {
            next = node.command().await;
        }
        match next {
            Command::Message { peer, message } => {
                assert_eq!((peer, message), (ann.peer, withdrawn.clone()), "{door}");
            }
            Command::Disconnect { reason: LeaveReason::Left, .. } => {}
            other => panic!("{door}: {other:?}"),
        }
        // The task that told the room of it lets go of the bytes right behind that.
        let give_up = Instant::now() + Duration::from_secs(10);
        while node.fetch(&bob, &model).await.status != 404 {
            assert!(Instant::now() < give_up, "{door}");
        }
    }
}

#[tokio::test]
async fn a_full_node_and_a_speaker_in_a_hurry_are_refused() {
    let mut node = Node::start(|config: &mut Config| config.models.max_bytes = 10_000).await;
    let ann = node.person("team", "ann").await;
    assert_eq!(node.put(&ann, &Model::face(1, 6_000)).await.status, 201);
    let second = Model::face(2, 6_000);
    assert_eq!(node.put(&ann, &second).await.refusal(), refusal(507, "full"));
    let mut last = node.put(&ann, &second).await;
    for _ in 0..10 {
        if last.status == 429 {
            break;
        }
        last = node.put(&ann, &second).await;
    }
    assert_eq!(last.refusal(), refusal(429, "tooMuch"));
}

#[tokio::test]
async fn pages_that_may_connect_may_fetch_and_others_may_not() {
    let mut node = Node::start(|config| {
        config.http.allowed_origins = vec![Origin::new("https://partner.example").unwrap()];
    })
    .await;
    let ann = node.person("team", "ann").await;
    let model = Model::face(1, 100);
    let path = model.path();
    let preflight = |origin: &str| {
        format!(
            "Origin: {origin}\r\nAccess-Control-Request-Method: PUT\r\n\
             Access-Control-Request-Headers: authorization\r\n"
        )
    };
    let asked = node.ask_with("OPTIONS", &path, &preflight("https://partner.example"), &[]).await;
    assert_eq!(asked.status, 204);
    let allowed = Some("https://partner.example");
    assert_eq!(asked.header("access-control-allow-origin"), allowed);
    assert_eq!(asked.header("access-control-allow-methods"), Some("GET, PUT, DELETE"));
    assert!(asked.header("access-control-allow-headers").unwrap().contains("authorization"));
    let evil = node.ask_with("OPTIONS", &path, &preflight("https://evil.example"), &[]).await;
    assert_eq!(evil.refusal(), refusal(403, "forbidden"));
    assert_eq!(evil.header("access-control-allow-origin"), None);

    let with_key =
        |origin: &str| format!("Authorization: Bearer {}\r\nOrigin: {origin}\r\n", ann.key);
    let put = node.ask_with("PUT", &path, &with_key("https://partner.example"), &model.bytes).await;
    assert_eq!((put.status, put.header("access-control-allow-origin")), (201, allowed));
    assert_eq!(put.header("cross-origin-resource-policy"), Some("cross-origin"));
    // Refusals can be read, too.
    let get = node.ask_with("GET", &path, &with_key("https://partner.example"), &[]).await;
    assert_eq!((get.status, get.header("access-control-allow-origin")), (403, allowed));
    let evil = node.ask_with("PUT", &path, &with_key("https://evil.example"), &model.bytes).await;
    assert_eq!(evil.refusal(), refusal(403, "forbidden"));
}

#[tokio::test]
async fn a_node_without_models_gives_no_keys_and_has_no_such_door() {
    let mut node = Node::start(|config| config.models.enabled = false).await;
    let mut client = Client::connect(node.addr()).await;
    client.say(&join_with(crate::support::token("team", "ann"))).await;
    let Command::Join { join, .. } = node.command().await else { panic!("a join") };
    assert_eq!(join.model_key, None);
    let model = Model::face(1, 100);
    let answer = node.ask("PUT", &model.path(), "A", &model.bytes).await;
    assert_eq!(answer.refusal(), refusal(404, "notFound"));
    assert!(node.server.models().is_none());
}
