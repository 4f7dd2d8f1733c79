//! The `sotto` program as others start it.
#![expect(clippy::unwrap_used, reason = "a test that meets a surprise fails")]

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use sotto_core::signal::{ClientMessage, ServerMessage, Source};
use sotto_server::{
    models::{Vault, since_1970},
    token::Key,
};
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

/// A node in a process of its own.
struct Process {
    child: Child,
    addr: SocketAddr,
    out: BufReader<ChildStdout>,
    log: ChildStderr,
}

impl Process {
    fn start(flags: &[&str]) -> Self {
        let mut child = sotto(&["serve", "--dev", "--http", "127.0.0.1:0", "--udp", "127.0.0.1:0"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let (scheme, addr) =
            line.trim_end().strip_prefix("listening on ").unwrap().split_once("://").unwrap();
        assert_eq!(scheme == "https", flags.contains(&"--tls-self-signed"));
        let addr = addr.parse().unwrap();
        let log = child.stderr.take().unwrap();
        Self { child, addr, out, log }
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Reads the log until it says that: what it said.
    fn log_until(&mut self, wanted: &str) -> String {
        let (mut said, mut byte) = (Vec::new(), [0]);
        while !String::from_utf8_lossy(&said).contains(wanted) {
            assert_eq!(self.log.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&said));
            said.push(byte[0]);
        }
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Waits for the end: how it ended, what else it said, and its log.
    fn end(mut self) -> (ExitStatus, String, String) {
        let (mut rest, mut log) = (String::new(), String::new());
        self.log.read_to_string(&mut log).unwrap();
        self.out.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest, log)
    }
}

/// Nothing of this process's environment that could be a setting goes to the program.
fn sotto(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sotto"));
    let ours = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("SOTTO_"));
    ours.for_each(|name| {
        command.env_remove(name);
    });
    command.args(arguments);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_says_where_it_is_serves_and_ends_cleanly_on_sigterm() {
    let node = Process::start(&["--log", "trace"]);
    let token = output(&["token", "--dev", "--room", "team", "--identity", "ann"]);
    let url = format!("ws://{}/v1/signal", node.addr);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let join =
        ClientMessage::Join { version: 1, token: token.clone(), name: None, resumption: None };
    socket.send(Message::text(serde_json::to_string(&join).unwrap())).await.unwrap();
    let welcome = socket.next().await.unwrap().unwrap();
    let welcome: ServerMessage = serde_json::from_str(welcome.to_text().unwrap()).unwrap();
    assert!(matches!(welcome, ServerMessage::Welcome { .. }), "{welcome:?}");

    node.signal("-TERM");
    let close = loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Close(frame) => break frame.unwrap(),
            _ => continue,
        }
    };
    assert_eq!(close.code, CloseCode::Away);
    // The answer to the close goes out with the next read.
    assert!(socket.next().await.is_none_or(|end| end.is_err()));
    let (status, rest, log) = node.end();
    assert!(status.success(), "{status}\n{log}");
    assert_eq!(rest, "", "one line on stdout");
    assert!(log.contains("WARN") && log.contains("the development key is in use"), "{log}");
    assert!(log.contains("stopped"), "{log}");
    let signature = token.rsplit('.').next().unwrap();
    assert!(!log.contains(signature), "the token is in the log");
}

#[test]
fn sigint_ends_a_node_as_well() {
    let node = Process::start(&[]);
    node.signal("-INT");
    let (status, _, log) = node.end();
    assert!(status.success(), "{log}");
}

#[test]
fn sighup_has_the_certificate_read_again_and_ends_nothing() {
    let mut node = Process::start(&["--tls-self-signed"]);
    node.signal("-HUP");
    let said = node.log_until("the certificate is the one in use");
    node.signal("-TERM");
    let (status, ..) = node.end();
    assert!(status.success(), "{status}\n{said}");
}

#[test]
fn a_node_that_cannot_start_says_why_and_fails() {
    let key = "0123456789abcdef0123456789abcdef";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let check = |arguments: &[&str], (name, text): (&str, &str), message: &str| {
        let output = sotto(arguments).env(name, text).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(message), "{arguments:?}: {error}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
        assert!(!error.contains(key), "{error}");
    };
    let none = ("LANG", "C");
    check(&["serve"], none, "no key: set auth.key_file");
    check(&["--dev"], ("SOTTO_AUTH_KEY", key), "only one of auth.key");
    check(&["--dev"], ("SOTTO_HTTP_PORT", "1"), "SOTTO_HTTP_PORT is no setting");
    let taken = ["--dev", "--udp", "127.0.0.1:0", "--http", &addr];
    check(&taken, none, "cannot listen for HTTP on");
}

#[test]
fn a_doctor_says_what_a_machine_lacks_and_fails_where_a_node_would() {
    let free = ["doctor", "--dev", "--http", "127.0.0.1:0", "--udp", "127.0.0.1:0"];
    let lines = output(&free);
    assert!(
        lines.lines().all(|line| line.starts_with("ok") || line.starts_with("warn")),
        "{lines}"
    );
    for check in
        ["media port", "http port", "open files", "socket buffers", "clock", "video decoders"]
    {
        assert!(lines.contains(check), "{check}: {lines}");
    }
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let check = |arguments: &[&str], found: &str| {
        let output = sotto(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["verdict"], "fail", "{json}");
        let mut findings = json["findings"].as_array().unwrap().iter();
        let failed = findings.find(|finding| finding["verdict"] == "fail").unwrap();
        assert!(failed["found"].as_str().unwrap().contains(found), "{failed}");
        assert!(failed["advice"].is_string(), "{failed}");
    };
    check(&["doctor", "--json", "--dev", "--http", "127.0.0.1:0", "--udp", &addr], &addr);
    check(&["doctor", "--json"], "no key");
}

#[test]
fn the_schema_is_printed_as_it_is_committed() {
    let printed = output(&["schema"]);
    assert_eq!(printed, sotto_server::schema::COMMITTED.trim_end());
}

/// What a command prints, without the last line end.
fn output(arguments: &[&str]) -> String {
    let output = sotto(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn an_operator_removes_what_is_kept_of_somebody() {
    let folder =
        std::env::temp_dir().join(format!("sotto-forget-{}", uuid::Uuid::new_v4().simple()));
    let (day, now) = (Duration::from_secs(86_400), since_1970());
    let vault = Vault::open(&folder, &Key::development(), day, 1 << 20).unwrap();
    assert!(vault.keep("ann", Source::Camera, b"a face", now, || true).unwrap().is_some());
    assert!(vault.keep("bob", Source::Camera, b"a face", now, || true).unwrap().is_some());
    let forget = || {
        let mut command = sotto(&["forget", "--dev", "--identity", "ann"]);
        command.env("SOTTO_MODELS_KEPT_FOLDER", &folder).output().unwrap()
    };
    for said in ["1 model removed\n", "nothing was kept\n"] {
        let output = forget();
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stdout).unwrap(), said);
    }
    assert_eq!(vault.kept("bob", now).len(), 1);
    std::fs::remove_dir_all(&folder).unwrap();
    let nowhere = sotto(&["forget", "--dev", "--identity", "ann"]).output().unwrap();
    let error = String::from_utf8(nowhere.stderr).unwrap();
    assert!(
        !nowhere.status.success() && error.contains("models.kept_folder is not set"),
        "{error}"
    );
}
