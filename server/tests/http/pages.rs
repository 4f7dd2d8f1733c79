//! Everything of the node that is plain HTTP.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::{Folder, Node, within};
use sotto_server::token::Key;
use tokio::{io::AsyncReadExt, net::TcpStream};

/// A node that serves a small web client.
async fn with_pages(name: &str) -> (Node, Folder) {
    let script = "console.log('a script long enough to be worth compressing');".repeat(20);
    let folder = Folder::new(
        name,
        &[
            ("index.html", "<!doctype html><title>Sotto</title>"),
            ("assets/page-1a2b.js", &script),
            ("sdk/sotto.js", "export const connect = 1;"),
            ("favicon.svg", "<svg/>"),
        ],
    );
    let root = folder.0.clone();
    (Node::start(|config| config.http.web_root = root).await, folder)
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[tokio::test]
async fn the_page_is_served_at_the_root_and_for_every_room() {
    let (node, _folder) = with_pages("page").await;
    for path in ["/", "/room/team", "/room/%E4%BC%9A%E8%AE%AE"] {
        let answer = node.get(path).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert!(answer.ends_with("<title>Sotto</title>"), "{path}: {answer}");
        assert_eq!(header(&answer, "cache-control"), Some("no-cache"));
    }
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let (node, _folder) = with_pages("headers").await;
    for path in ["/", "/healthz", "/assets/page-1a2b.js", "/nothing", "/v1/nothing"] {
        let answer = node.get(path).await;
        assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(header(&answer, "cross-origin-opener-policy"), Some("same-origin"), "{path}");
        assert_eq!(header(&answer, "cross-origin-embedder-policy"), Some("require-corp"), "{path}");
        let policy = header(&answer, "content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors"), "{path}: {policy}");
    }
    let page = node.get("/").await;
    let policy = header(&page, "content-security-policy").unwrap();
    assert!(policy.contains("'wasm-unsafe-eval'"), "{policy}");
    assert!(policy.contains("connect-src 'self' ws://localhost wss://localhost;"), "{policy}");
}

#[tokio::test]
async fn hashed_assets_are_kept_for_ever_and_the_sdk_is_open_to_other_sites() {
    let (node, _folder) = with_pages("caching").await;
    let asset = node.get("/assets/page-1a2b.js").await;
    let forever = Some("public, max-age=31536000, immutable");
    assert_eq!(header(&asset, "cache-control"), forever);
    let missing = node.get("/assets/page-3c4d.js").await;
    assert!(missing.starts_with("HTTP/1.1 404"), "{missing}");
    assert_eq!(header(&missing, "cache-control"), Some("no-cache"));
    let sdk = node.get("/sdk/sotto.js").await;
    assert_eq!(header(&sdk, "access-control-allow-origin"), Some("*"));
    assert_eq!(header(&sdk, "cross-origin-resource-policy"), Some("cross-origin"));
    assert_eq!(header(&sdk, "content-type"), Some("text/javascript"));
}

#[tokio::test]
async fn answers_are_compressed_for_clients_that_say_so() {
    let (node, _folder) = with_pages("gzip").await;
    let request = "GET /assets/page-1a2b.js HTTP/1.1\r\nHost: localhost\r\n\
                   Accept-Encoding: gzip\r\nConnection: close\r\n\r\n";
    let answer = node.request(request).await;
    assert_eq!(header(&answer, "content-encoding"), Some("gzip"), "{answer}");
}

#[tokio::test]
async fn nothing_outside_the_folder_is_served() {
    let (node, _folder) = with_pages("traversal").await;
    for path in
        ["/../Cargo.toml", "/%2e%2e/Cargo.toml", "/assets/..%2f..%2fCargo.toml", "//etc/passwd"]
    {
        let answer = node.get(path).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn errors_are_json_with_a_code() {
    let node = Node::start(|config| config.http.web_root = "/nonexistent".into()).await;
    for (path, status, code) in [
        ("/nothing", 404, "notFound"),
        ("/v1/nothing", 404, "notFound"),
        ("/v1/dev/token", 405, "notFound"),
        ("/v1/signal", 400, "malformed"),
        ("/", 404, "notFound"),
    ] {
        let answer = node.get(path).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
        let body: serde_json::Value =
            serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        assert_eq!(body["error"]["code"], code, "{path}: {answer}");
    }
    assert!(node.get("/").await.contains("the web client is not in http.web_root"));
    assert!(node.get("/healthz").await.ends_with("\r\n\r\nok"));
}

/// Asks for a development token.
async fn ask(node: &Node, headers: &str, body: &str) -> String {
    let length = body.len();
    node.request(&format!(
        "POST /v1/dev/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\
         Content-Length: {length}\r\n\r\n{body}"
    ))
    .await
}

const JSON: &str = "Content-Type: application/json\r\n";

#[tokio::test]
async fn everybody_gets_a_token_while_the_key_is_the_development_key() {
    let node = Node::start(|_| ()).await;
    let answer = ask(&node, JSON, r#"{"room":"team","name":"Ann","identity":"ann"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(header(&answer, "cache-control"), Some("no-store"));
    let body: serde_json::Value =
        serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let access = Key::development().verify(body["token"].as_str().unwrap(), now).unwrap();
    assert_eq!((access.room.as_str(), &*access.identity), ("team", "ann"));
    assert_eq!(access.name.as_deref(), Some("Ann"));
    let anonymous = ask(&node, JSON, r#"{"room":"team"}"#).await;
    assert!(anonymous.starts_with("HTTP/1.1 200"), "{anonymous}");
}

#[tokio::test]
async fn bad_requests_for_a_token_are_named() {
    let node = Node::start(|_| ()).await;
    for (headers, body, status, message) in [
        (JSON, r#"{"room":"a b"}"#, 400, "the room name has ' ' in it"),
        (JSON, r#"{"room":"team","name":" "}"#, 400, "the name is empty"),
        (JSON, "{", 400, "EOF"),
        (JSON, "{}", 422, "missing field `room`"),
        ("", "{}", 415, "Content-Type"),
    ] {
        let answer = ask(&node, headers, body).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{body}: {answer}");
        assert!(answer.contains(message), "{body}: {answer}");
    }
    let long = ask(&node, JSON, &format!(r#"{{"room":"{}"}}"#, "x".repeat(5000))).await;
    assert!(long.starts_with("HTTP/1.1 413"), "{long}");
    let foreign = format!("{JSON}Origin: https://evil.example\r\n");
    let foreign = ask(&node, &foreign, r#"{"room":"team"}"#).await;
    assert!(foreign.starts_with("HTTP/1.1 403"), "{foreign}");
}

#[tokio::test]
async fn there_is_no_such_door_with_a_real_key() {
    let node = Node::start(|config| config.key = Key::new(&[1; 32]).unwrap()).await;
    let answer = ask(&node, JSON, r#"{"room":"team"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[tokio::test]
async fn a_connection_that_sends_no_request_is_closed() {
    let node = Node::start(|config| config.http.header_timeout = Duration::from_millis(100)).await;
    let mut stream = TcpStream::connect(node.addr()).await.unwrap();
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "");
}
