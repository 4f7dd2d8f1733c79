//! The checks.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener, UdpSocket},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::process::{Resource, getrlimit};
use socket2::{Domain, Socket, Type};
use sotto_core::media::Codec;

use super::{Finding, certificate, turn};
use crate::{
    config::{Config, KeptConfig, LearnConfig, MediaConfig},
    learn::Decoders,
};

/// Files that a node has open beside the sockets of its clients: its own sockets, pipes of learners,
/// what it serves.
const OWN_FILES: u64 = 256;
/// The first of January 2026: a clock before that was never set.
const EARLIEST: Duration = Duration::from_secs(1_767_225_600);
/// A hundred years behind that.
const LATEST: Duration = Duration::from_secs(1_767_225_600 + 36_525 * 86_400);

pub(super) fn all(config: &Config) -> Vec<Finding> {
    let mut findings = vec![
        media_port(config.media.listen),
        http_port(config.http.listen),
        open_files(getrlimit(Resource::Nofile).current, config.limits.peers),
        buffers(&config.media),
        clock(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()),
        decoders(&config.models.learners),
    ];
    findings.extend(certificate::check(config));
    findings.extend(turn::check(&config.turn));
    findings.extend(config.models.kept.as_ref().map(kept_folder));
    findings
}

fn media_port(addr: SocketAddr) -> Finding {
    bound("media port", "media.listen", addr, UdpSocket::bind(addr).map(drop))
}

fn http_port(addr: SocketAddr) -> Finding {
    bound("http port", "http.listen", addr, TcpListener::bind(addr).map(drop))
}

fn bound(check: &'static str, setting: &str, addr: SocketAddr, result: io::Result<()>) -> Finding {
    let Err(error) = result else { return Finding::ok(check, format!("{addr} is free")) };
    let advice = match error.kind() {
        ErrorKind::AddrInUse => {
            format!("another program has it, or a node that runs: end it, or set {setting}")
        }
        ErrorKind::AddrNotAvailable => format!("set {setting} to an address of this machine"),
        ErrorKind::PermissionDenied => format!("set {setting} to a port above 1023"),
        _ => format!("set {setting} to an address and port that can be used"),
    };
    Finding::fail(check, format!("{addr}: {error}"), advice)
}

/// `limit`: of this process; `None`: there is none.
fn open_files(limit: Option<u64>, peers: usize) -> Finding {
    let check = "open files";
    let wanted = OWN_FILES + peers as u64;
    let advice = format!("ulimit -n {wanted}, or LimitNOFILE={wanted} in its unit");
    match limit {
        Some(limit) if limit < OWN_FILES => {
            Finding::fail(check, format!("{limit} at most, which a node itself needs"), advice)
        }
        Some(limit) if limit < wanted => {
            let people = limit - OWN_FILES;
            let found = format!("{limit} at most: for {people} people, not for {peers}");
            Finding::warn(check, found, format!("{advice}; or a lower limits.peers"))
        }
        Some(limit) => Finding::ok(check, format!("{limit} at most")),
        None => Finding::ok(check, "no limit"),
    }
}

fn buffers(media: &MediaConfig) -> Finding {
    let check = "socket buffers";
    let domain = Domain::for_address(media.listen);
    let given = Socket::new(domain, Type::DGRAM, None).and_then(|socket| {
        socket.set_recv_buffer_size(media.receive_buffer)?;
        socket.set_send_buffer_size(media.send_buffer)?;
        Ok((socket.recv_buffer_size()?, socket.send_buffer_size()?))
    });
    // Linux counts its own bookkeeping, and tells twice of what it was asked for.
    match given {
        Ok((receive, send)) => buffers_given(media, receive / 2, send / 2),
        Err(error) => Finding::fail(check, error.to_string(), "UDP sockets are needed"),
    }
}

fn buffers_given(media: &MediaConfig, receive: usize, send: usize) -> Finding {
    let check = "socket buffers";
    let found = format!("{receive} bytes to receive and {send} to send");
    let short = [
        (receive, media.receive_buffer, "net.core.rmem_max"),
        (send, media.send_buffer, "net.core.wmem_max"),
    ];
    let sysctls: Vec<_> = short
        .iter()
        .filter(|(given, asked, _)| given < asked)
        .map(|(_, asked, name)| format!("{name}={asked}"))
        .collect();
    if sysctls.is_empty() {
        return Finding::ok(check, found);
    }
    let advice =
        format!("packets are lost when a crowd sends at once: sysctl -w {}", sysctls.join(" "));
    Finding::warn(check, found, advice)
}

/// `now`: since 1970.
fn clock(now: Duration) -> Finding {
    let check = "clock";
    if (EARLIEST..LATEST).contains(&now) {
        return Finding::ok(check, format!("{} s since 1970", now.as_secs()));
    }
    let found = format!("{} s since 1970 cannot be now", now.as_secs());
    Finding::fail(check, found, "tokens are valid for a time: set it, and keep it right with NTP")
}

fn decoders(learners: &LearnConfig) -> Finding {
    let check = "video decoders";
    if learners.places == 0 {
        return Finding::ok(
            check,
            "none is needed: nothing is learned here (models.node_learners)",
        );
    }
    let program = learners.ffmpeg.display();
    match Decoders::of(learners.ffmpeg.as_os_str()) {
        Ok(decoders) => decoders_of(&decoders, &program.to_string()),
        Err(error) => {
            let found = format!("{program}: {error}: no faces are learned on this node");
            Finding::warn(check, found, "install ffmpeg, or set models.ffmpeg to where it is")
        }
    }
}

fn decoders_of(decoders: &Decoders, program: &str) -> Finding {
    let check = "video decoders";
    let codecs =
        [("VP8", Codec::Vp8), ("VP9", Codec::Vp9), ("H.264", Codec::H264), ("AV1", Codec::Av1)];
    let (there, missing): (Vec<_>, Vec<_>) =
        codecs.iter().partition(|(_, codec)| decoders.decoder(*codec).is_some());
    let names = |codecs: &[&(&str, Codec)]| {
        codecs.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    };
    if missing.is_empty() {
        return Finding::ok(check, format!("{program} decodes {}", names(&there)));
    }
    let found = format!("{program} does not decode {}", names(&missing));
    let advice = "faces sent so are not learned on this node: install an ffmpeg that does";
    Finding::warn(check, found, advice)
}

fn kept_folder(kept: &KeptConfig) -> Finding {
    let check = "kept models";
    let folder = kept.folder.display();
    match probe(&kept.folder) {
        Ok(()) => Finding::ok(check, format!("{folder} can be written")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let advice = "it is made when the node starts, if the node may";
            Finding::warn(check, format!("{folder} is not there"), advice)
        }
        Err(error) => {
            let advice = "let the node's user write it, or set models.kept_folder";
            Finding::fail(check, format!("{folder}: {error}"), advice)
        }
    }
}

/// Writes a file and removes it.
fn probe(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".sotto-doctor-{}", std::process::id()));
    OpenOptions::new().write(true).create_new(true).open(&path)?;
    fs::remove_file(&path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_port_that_is_taken_fails_and_a_free_one_does_not() {
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let finding = media_port(taken.local_addr().unwrap());
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.advice.unwrap().contains("media.listen"));
        assert_eq!(media_port("127.0.0.1:0".parse().unwrap()).verdict, Verdict::Ok);
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(http_port(taken.local_addr().unwrap()).verdict, Verdict::Fail);
        let foreign = media_port("192.0.2.1:0".parse().unwrap());
        assert!(foreign.advice.unwrap().contains("an address of this machine"));
    }

    #[test]
    fn every_person_takes_an_open_file() {
        assert_eq!(open_files(None, 2_000).verdict, Verdict::Ok);
        assert_eq!(open_files(Some(2_256), 2_000).verdict, Verdict::Ok);
        let few = open_files(Some(1_024), 2_000);
        assert_eq!(few.verdict, Verdict::Warn);
        assert!(few.found.contains("for 768 people") && few.advice.unwrap().contains("2256"));
        assert_eq!(open_files(Some(64), 2_000).verdict, Verdict::Fail);
    }

    #[test]
    fn buffers_that_are_smaller_than_asked_for_name_their_sysctl() {
        let media = Config::development().media;
        let (receive, send) = (media.receive_buffer, media.send_buffer);
        assert_eq!(buffers_given(&media, receive, send).verdict, Verdict::Ok);
        let advice = buffers_given(&media, 212_992, send).advice.unwrap();
        assert!(advice.contains("net.core.rmem_max=4194304") && !advice.contains("wmem_max"));
    }

    #[test]
    fn a_clock_that_was_never_set_fails() {
        assert_eq!(clock(Duration::ZERO).verdict, Verdict::Fail);
        assert_eq!(clock(EARLIEST).verdict, Verdict::Ok);
        assert_eq!(clock(LATEST).verdict, Verdict::Fail);
    }

    #[test]
    fn an_ffmpeg_that_is_not_there_or_lacks_something_is_worth_a_warning() {
        let mut learners = Config::development().models.learners;
        learners.ffmpeg = "/nowhere/ffmpeg".into();
        let finding = decoders(&learners);
        assert_eq!(finding.verdict, Verdict::Warn);
        assert!(finding.found.contains("/nowhere/ffmpeg"), "{finding}");
        let finding = decoders_of(&Decoders::default(), "ffmpeg");
        assert!(finding.found.ends_with("does not decode VP8, VP9, H.264, AV1"), "{finding}");
        learners.places = 0;
        assert_eq!(decoders(&learners).verdict, Verdict::Ok);
    }

    #[test]
    fn a_folder_that_cannot_be_written_fails() {
        let kept = |folder: &Path| KeptConfig {
            folder: folder.into(),
            lifetime: Duration::from_secs(1),
            max_bytes: 1,
        };
        let folder =
            std::env::temp_dir().join(format!("sotto-doctor-{}", uuid::Uuid::new_v4().simple()));
        assert_eq!(kept_folder(&kept(&folder)).verdict, Verdict::Warn);
        fs::create_dir(&folder).unwrap();
        assert_eq!(kept_folder(&kept(&folder)).verdict, Verdict::Ok);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "nothing is left behind");
        let file = folder.join("file");
        fs::write(&file, b"").unwrap();
        assert_eq!(kept_folder(&kept(&file)).verdict, Verdict::Fail);
        fs::remove_dir_all(&folder).unwrap();
    }
}
