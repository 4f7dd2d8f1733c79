//! The HTTP port behind TLS.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use sotto_server::{
    http::SentAway,
    tls::{CertificateSource, CertificateStore, Reloaded, TlsConfig},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer},
};

use crate::support::{Node, token, within};

/// A folder with a pair of files in PEM, and what a client is to trust.
struct Pair {
    folder: PathBuf,
}

impl Pair {
    fn new() -> Self {
        let name = format!("sotto-tls-{}", uuid::Uuid::new_v4().simple());
        let pair = Self { folder: std::env::temp_dir().join(name) };
        pair.renew();
        pair
    }

    fn files(&self) -> (PathBuf, PathBuf) {
        (self.folder.join("self-signed.crt"), self.folder.join("self-signed.key"))
    }

    /// Another certificate in the place of the one that is there. Gives it.
    fn renew(&self) -> CertificateDer<'static> {
        let (certificate, _) = self.files();
        if certificate.exists() {
            std::fs::remove_file(certificate).unwrap();
        }
        let names = vec!["localhost".to_owned()];
        let folder = Some(self.folder.clone());
        let store = CertificateStore::open(CertificateSource::SelfSigned { folder, names });
        store.unwrap().current().cert[0].clone()
    }

    fn config(&self) -> TlsConfig {
        let (certificate, key) = self.files();
        TlsConfig {
            source: CertificateSource::Files { certificate, key },
            hsts: None,
            look_interval: Duration::from_secs(3_600),
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

async fn handshake(
    stream: TcpStream,
    trusted: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = "localhost".try_into().unwrap();
    within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

async fn get(stream: &mut TlsStream<TcpStream>, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 65_536];
    let mut len = 0;
    while !answer[..len].ends_with(b"ok") {
        let read = within(stream.read(&mut answer[len..])).await.unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&answer[..len]));
        len += read;
    }
    String::from_utf8_lossy(&answer[..len]).into_owned()
}

async fn from(local: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::from(local), 0))).unwrap();
    within(socket.connect(to)).await.unwrap()
}

#[tokio::test]
async fn a_page_comes_over_tls_as_http_1_1_and_says_how_long_to_come_so_only_where_it_should() {
    for hsts in [None, Some(Duration::from_secs(86_400))] {
        let pair = Pair::new();
        let trusted = pair.renew();
        let tls = TlsConfig { hsts, ..pair.config() };
        let node = Node::start(|config| config.tls = Some(tls)).await;
        let stream = TcpStream::connect(node.addr()).await.unwrap();
        let mut stream = handshake(stream, &trusted).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let answer = get(&mut stream, "/healthz").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let said = answer.contains("strict-transport-security: max-age=86400\r\n");
        assert_eq!(said, hsts.is_some(), "{answer}");
    }
}

#[tokio::test]
async fn a_websocket_opens_over_tls() {
    let pair = Pair::new();
    let trusted = pair.renew();
    let mut node = Node::start(|config| config.tls = Some(pair.config())).await;
    let stream = TcpStream::connect(node.addr()).await.unwrap();
    let stream = handshake(stream, &trusted).await.unwrap();
    let url = "wss://localhost/v1/signal";
    let (mut socket, _) = within(tokio_tungstenite::client_async(url, stream)).await.unwrap();
    let join = serde_json::to_string(&crate::support::join_with(token("team", "ann"))).unwrap();
    let message = tokio_tungstenite::tungstenite::Message::text(join);
    within(futures_util::SinkExt::send(&mut socket, message)).await.unwrap();
    assert!(matches!(node.command().await, sotto_server::shard::Command::Join { .. }));
}

#[tokio::test]
async fn whoever_speaks_plain_http_is_sent_to_https() {
    let pair = Pair::new();
    let node = Node::start(|config| config.tls = Some(pair.config())).await;
    let answer = node.get("/room/team?a=b").await;
    assert!(answer.starts_with("HTTP/1.1 308"), "{answer}");
    assert!(answer.contains("location: https://localhost/room/team?a=b\r\n"), "{answer}");
    assert!(!answer.contains("strict-transport-security"), "{answer}");
}

#[tokio::test]
async fn a_renewed_certificate_is_for_new_handshakes_and_a_broken_one_for_none() {
    let pair = Pair::new();
    let first = pair.renew();
    let node = Node::start(|config| config.tls = Some(pair.config())).await;
    let connect = || async { TcpStream::connect(node.addr()).await.unwrap() };
    let mut open = handshake(connect().await, &first).await.unwrap();

    std::fs::write(pair.files().1, b"broken").unwrap();
    assert!(node.server.reload_certificate().await.unwrap().is_err());
    handshake(connect().await, &first).await.unwrap();

    let second = pair.renew();
    assert_eq!(node.server.reload_certificate().await.unwrap().unwrap(), Reloaded::Changed);
    handshake(connect().await, &second).await.unwrap();
    assert!(handshake(connect().await, &first).await.is_err(), "it is another one");
    assert!(get(&mut open, "/healthz").await.ends_with("ok"), "what is open stays open");
}

#[tokio::test]
async fn a_flood_of_half_open_handshakes_keeps_nobody_else_out_and_ends_in_time() {
    let pair = Pair::new();
    let trusted = pair.renew();
    let node = Node::start(|config| {
        config.tls = Some(pair.config());
        config.http.max_handshakes = 16;
        config.http.handshake_timeout = Duration::from_millis(500);
    })
    .await;
    // The head of a ClientHello, and nothing behind it; or nothing at all.
    let mut silent = Vec::new();
    for n in 0..40 {
        let mut stream = from([127, 0, 0, 9], node.addr()).await;
        if n % 2 == 0 {
            stream.write_all(&[22, 3, 1]).await.unwrap();
        }
        silent.push(stream);
    }
    let mut stream = handshake(from([127, 0, 0, 1], node.addr()).await, &trusted).await.unwrap();
    assert!(get(&mut stream, "/healthz").await.ends_with("ok"));
    for stream in &mut silent {
        let ended = within(stream.read(&mut [0; 64])).await;
        assert!(!matches!(ended, Ok(1..)), "the node says nothing to them");
    }
    assert_eq!(node.server.waiting().now(), 0);
    let SentAway { crowded, late, failed } = node.server.waiting().sent_away();
    assert_eq!((crowded, late, failed), (38, 2, 0));
    handshake(from([127, 0, 0, 9], node.addr()).await, &trusted).await.unwrap();
}
