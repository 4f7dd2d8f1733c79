//! What speakers leave behind for another meeting.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use sotto_core::signal::DiskCopy;
use sotto_server::config::KeptConfig;

use super::*;

/// A node that keeps models, and where; the folder is removed behind the test.
struct Keeping {
    node: Node,
    folder: PathBuf,
}

impl Keeping {
    async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("sotto-kept-{}", Uuid::new_v4().simple()));
        let kept = KeptConfig {
            folder: folder.clone(),
            lifetime: Duration::from_secs(30 * 86_400),
            max_bytes: 1 << 30,
        };
        Self { node: Node::start(|config| config.models.kept = Some(kept)).await, folder }
    }

    async fn kept(&self, by: &Person) -> Value {
        let answer = self.node.ask("GET", "/v1/models", &by.key, &[]).await;
        assert_eq!(answer.status, 200);
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Ann gives a model, and wants it kept. Returns how others may keep copies of it.
    async fn keep(&mut self, by: &Person, model: &Model) -> DiskCopy {
        let path = format!("{}?keep=true", model.path());
        assert_eq!(self.node.ask("PUT", &path, &by.key, &model.bytes).await.status, 201);
        assert!(matches!(self.node.command().await, Command::Model { .. }));
        match self.node.command().await {
            Command::ModelKept { peer, kept: Some((hash, copy)), .. } => {
                assert_eq!((peer, hash), (by.peer, model.hash));
                copy
            }
            other => panic!("the room hears that copies are allowed, not {other:?}"),
        }
    }

    async fn leave(&mut self, mut person: Person) {
        person.client.say(&ClientMessage::Leave).await;
        while !matches!(self.node.command().await, Command::Disconnect { .. }) {}
    }

    fn files(&self) -> usize {
        fs::read_dir(&self.folder).unwrap().count()
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        let _never_made = fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn a_speaker_finds_what_it_left_behind_and_uses_it_without_sending_it_again() {
    let mut keeping = Keeping::start().await;
    let ann = keeping.node.person("team", "ann").await;
    let (first, second) = (Model::face(1, 5_000), Model::face(2, 6_000));
    assert_eq!(keeping.kept(&ann).await, json!({ "days": 30, "kept": [] }));
    keeping.keep(&ann, &first).await;
    keeping.keep(&ann, &second).await;
    keeping.leave(ann).await;

    let ann = keeping.node.person("another", "ann").await;
    let bob = keeping.node.person("another", "bob").await;
    let (kept, theirs) = (keeping.kept(&ann).await, keeping.kept(&bob).await);
    assert_eq!(theirs["kept"], json!([]));
    let [row] = &kept["kept"].as_array().unwrap()[..] else { panic!("the newest alone: {kept}") };
    assert!(row["expires"].as_u64().unwrap() > now());
    let told = (&row["source"], &row["plugin"], &row["epoch"], &row["hash"], &row["bytes"]);
    let hash = json!(second.hash.to_string());
    assert_eq!(told, (&json!("camera"), &json!(9), &json!(2), &hash, &json!(second.bytes.len())));

    assert_eq!(keeping.node.fetch(&bob, &second).await.refusal(), refusal(403, "forbidden"));
    assert_eq!(keeping.node.fetch(&ann, &second).await.body, second.bytes);
    assert!(matches!(keeping.node.command().await, Command::ModelServed { .. }));
    let path = second.path();
    let stolen = keeping.node.ask("PUT", &path, &bob.key, &[]).await;
    assert_eq!(stolen.refusal(), refusal(404, "notFound"));
    assert_eq!(keeping.node.ask("PUT", &path, &ann.key, &[]).await.status, 201);
    let Command::Model { peer, model } = keeping.node.command().await else { panic!("a model") };
    assert_eq!((peer, model.hash, model.epoch), (ann.peer, second.hash, Epoch(2)));
}

#[tokio::test]
async fn what_is_taken_back_is_kept_no_longer() {
    let mut keeping = Keeping::start().await;
    let model = Model::face(1, 300);
    let withdrawn =
        ClientMessage::Consent { source: Source::Camera, granted: false, generic: None };
    for door in ["http", "http, in another meeting", "websocket"] {
        let mut ann = keeping.node.person("team", "ann").await;
        keeping.keep(&ann, &model).await;
        assert_eq!(keeping.files(), 1, "{door}");
        if door != "http" {
            keeping.leave(ann).await;
            ann = keeping.node.person("another", "ann").await;
            assert_eq!(keeping.kept(&ann).await["kept"].as_array().unwrap().len(), 1, "{door}");
        }
        if door == "websocket" {
            ann.client.say(&withdrawn).await;
            // Said to the room at once; the disk follows.
            let give_up = Instant::now() + Duration::from_secs(10);
            while keeping.files() > 0 {
                assert!(Instant::now() < give_up, "it is still on the disk");
                tokio::task::yield_now().await;
            }
        } else {
            let answer = keeping.node.ask("DELETE", &model.path(), &ann.key, &[]).await;
            assert_eq!((answer.status, keeping.files()), (204, 0), "{door}");
        }
        assert!(matches!(keeping.node.command().await, Command::Message { .. }));
        assert_eq!(keeping.kept(&ann).await["kept"], json!([]), "{door}");
        assert_eq!(
            keeping.node.ask("PUT", &model.path(), &ann.key, &[]).await.status,
            404,
            "{door}"
        );
        assert_eq!(keeping.node.server.models().unwrap().stats().bytes, 0, "{door}");
        keeping.leave(ann).await;
    }
}

#[tokio::test]
async fn a_speaker_who_wants_nothing_kept_any_longer_goes_on_in_this_meeting() {
    let mut keeping = Keeping::start().await;
    let ann = keeping.node.person("team", "ann").await;
    let model = Model::face(1, 300);
    keeping.keep(&ann, &model).await;
    assert_eq!(keeping.kept(&ann).await["kept"].as_array().unwrap().len(), 1);
    assert_eq!(keeping.node.ask("DELETE", "/v1/models", &ann.key, &[]).await.status, 204);
    assert_eq!((keeping.files(), keeping.kept(&ann).await["kept"].clone()), (0, json!([])));
    assert_eq!(keeping.node.server.models().unwrap().stats().models, 1);
    for of in [Source::Microphone, Source::Camera] {
        let heard = keeping.node.command().await;
        let Command::ModelKept { source, kept: None, .. } = heard else { panic!("{heard:?}") };
        assert_eq!(source, of, "nobody may keep a copy any longer");
    }
    assert!(keeping.node.commands.try_recv().is_err(), "the room hears nothing else of it");
    let path = format!("{}?keep=true", model.path());
    assert_eq!(keeping.node.ask("PUT", &path, &ann.key, &model.bytes).await.status, 200);
    assert_eq!(keeping.files(), 1, "wanted again");
}

#[tokio::test]
async fn copies_of_a_model_have_a_key_of_their_speaker_and_model_that_is_the_same_in_each_meeting()
{
    let mut keeping = Keeping::start().await;
    let (first, second) = (Model::face(1, 300), Model::face(2, 300));
    let mut keys = Vec::new();
    for (identity, model) in [("ann", &first), ("ann", &first), ("ann", &second), ("bob", &first)] {
        let person = keeping.node.person("team", identity).await;
        let DiskCopy { key, expires } = keeping.keep(&person, model).await;
        assert!((30 * 86_400 - 60..=30 * 86_400).contains(&(expires - now())));
        assert_eq!(key.0.len(), 43, "32 bytes");
        keys.push(key.0);
        keeping.leave(person).await;
    }
    assert_eq!(keys[0], keys[1]);
    keys.dedup();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 3);
}

#[tokio::test]
async fn a_token_without_consent_gets_nothing_back() {
    let mut keeping = Keeping::start().await;
    let ann = keeping.node.person("team", "ann").await;
    keeping.keep(&ann, &Model::face(1, 300)).await;
    keeping.leave(ann).await;
    let mut claims = Claims::participant("team", "ann", now() + 60);
    claims.video.model_consent = Some(vec![GrantSource::Microphone]);
    let ann = keeping.node.person_with(claims).await;
    assert_eq!(keeping.kept(&ann).await["kept"], json!([]));
}

#[tokio::test]
async fn a_node_that_keeps_nothing_says_so() {
    let mut node = start().await;
    let ann = node.person("team", "ann").await;
    let answer = node.ask("GET", "/v1/models", &ann.key, &[]).await;
    let told: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(told, json!({ "days": null, "kept": [] }));
    let model = Model::face(1, 300);
    let path = format!("{}?keep=true", model.path());
    let answer = node.ask("PUT", &path, &ann.key, &model.bytes).await;
    assert_eq!(answer.refusal(), refusal(409, "conflict"));
    let path = format!("{}?keep=perhaps", model.path());
    let answer = node.ask("PUT", &path, &ann.key, &model.bytes).await;
    assert_eq!(answer.refusal(), refusal(400, "malformed"));
}
