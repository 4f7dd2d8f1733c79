//! Debian's coturn, by the credentials that this node hands out.
#![expect(clippy::unwrap_used, reason = "a test that meets a surprise fails")]

use std::{
    io::{BufRead, BufReader},
    net::{TcpListener, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sotto_server::{
    tls::{CertificateSource, CertificateStore},
    turn::{Credentials, IceUrl, ProbeError, Reached, SharedSecret, TurnAccess, TurnConfig, probe},
};

/// A TURN server in a process of its own.
struct Coturn {
    child: Child,
    folder: PathBuf,
    port: u16,
    tls_port: u16,
}

impl Coturn {
    /// `None`: it is not installed, which fails where everything must run.
    fn start() -> Option<Self> {
        let folder =
            std::env::temp_dir().join(format!("sotto-coturn-{}", uuid::Uuid::new_v4().simple()));
        let names = vec!["localhost".to_owned()];
        let source = CertificateSource::SelfSigned { folder: Some(folder.clone()), names };
        CertificateStore::open(source).unwrap();
        let (port, tls_port) = (free_port(), free_port());
        let file = |name: &str| folder.join(name).display().to_string();
        let started = Command::new("turnserver")
            .args(["-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--realm=sotto"])
            .args(["--use-auth-secret", "--static-auth-secret=north", "--no-cli", "--no-dtls"])
            .args(["--log-file=stdout", "--simple-log", "--allow-loopback-peers"])
            .arg(format!("--listening-port={port}"))
            .arg(format!("--tls-listening-port={tls_port}"))
            .arg(format!("--cert={}", file("self-signed.crt")))
            .arg(format!("--pkey={}", file("self-signed.key")))
            .arg(format!("--pidfile={}", file("pid")))
            .arg(format!("--userdb={}", file("db")))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match started {
            Ok(child) => child,
            Err(error) => {
                std::fs::remove_dir_all(&folder).unwrap();
                assert!(std::env::var_os("CI").is_none(), "turnserver: {error}");
                eprintln!("SKIPPED: no TURN server to ask: install coturn ({error})");
                return None;
            }
        };
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.by_ref().any(|line| line.unwrap().contains("Total General servers"));
        assert!(ready, "coturn ended before it listened");
        // Whatever else it says: a full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { child, folder, port, tls_port })
    }

    fn urls(&self) -> Vec<IceUrl> {
        let Self { port, tls_port, .. } = self;
        [
            format!("stun:127.0.0.1:{port}"),
            format!("turn:127.0.0.1:{port}"),
            format!("turn:127.0.0.1:{port}?transport=tcp"),
            format!("turns:localhost:{tls_port}"),
        ]
        .iter()
        .map(|url| IceUrl::new(url).unwrap())
        .collect()
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// One that is free for UDP and TCP.
fn free_port() -> u16 {
    loop {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        if TcpListener::bind(addr).is_ok() {
            return addr.port();
        }
    }
}

#[test]
fn coturn_lends_an_address_for_what_we_sign_over_udp_tcp_and_tls_and_for_nothing_else() {
    let Some(coturn) = Coturn::start() else { return };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let signed = |secret: &[u8], now: Duration| {
        let secret = SharedSecret::new(secret);
        let access = TurnAccess::Shared { secret, lifetime: Duration::from_secs(60) };
        let config = TurnConfig { urls: coturn.urls(), access: Some(access) };
        config.credentials(now, "somebody").unwrap()
    };
    let good = signed(b"north", now);
    let found: Vec<_> = coturn.urls().iter().map(|url| probe(url, Some(&good)).unwrap()).collect();
    assert_eq!(found, [Reached::Seen, Reached::Lent, Reached::Lent, Reached::Lent]);
    let refused = |credentials: &Credentials| {
        for url in &coturn.urls()[1..] {
            let found = probe(url, Some(credentials));
            assert!(matches!(found, Err(ProbeError::Refused(401))), "{url}: {found:?}");
        }
    };
    refused(&signed(b"south", now));
    refused(&signed(b"north", now - Duration::from_secs(3_600)));
    refused(&Credentials { username: good.username.clone(), password: "guessed".into() });
}
