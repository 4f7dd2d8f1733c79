//! One function per parser of what strangers send. Each takes any bytes, and panics where an
//! invariant breaks that the parser promises.
//!
//! The committed corpora under `tests/fuzz/corpus` are replayed on every test run, with small
//! deterministic mutations; `make fuzz` explores further with the same functions.

mod face;
mod learners;
mod models;
mod voice;

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use sotto_core::{
    Time,
    bandwidth::{self, PacketClass, Sender, TransportFeedback},
    forward::{PayloadRewrite, Rewrite},
    id::{ExtensionId, PayloadType, RtpTime, SeqNo, ShortId, Ssrc},
    media::{Codec, Extension},
    rtp::{
        Dependency, DependencyReader, DependencyStructure, ExtensionMap, FrameTemplate, Indication,
        Packet,
    },
    signal::ClientMessage,
};
use sotto_server::shard::{
    demux,
    rtcp::Messages,
    sdp,
    transport::{
        Path, PeerTransport, RemoteParameters, SrtpProfile, Transport, TransportError,
        dtls::{self, Identity},
        ice,
        srtp::{Keys, Opener},
    },
};

use crate::client::ice::{Checker, Credentials};

pub use face::{face_model, face_payload};
pub use learners::learner_frames;
pub use models::{bundle, container, delta, packet, payload, weights};
pub use voice::{range_decoder, voice_model, voice_payload};

/// A parser under test.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Name of the target, and of the folder of its corpus.
    pub name: &'static str,
    /// Feeds it.
    pub run: fn(&[u8]),
    /// Mutations of each file of the corpus that a test run replays.
    pub mutations: u64,
}

impl Target {
    /// One that takes microseconds.
    const fn new(name: &'static str, run: fn(&[u8])) -> Self {
        Self { name, run, mutations: 2_000 }
    }
}

/// Every parser of what strangers send.
pub const TARGETS: [Target; 21] = [
    Target::new("rtp", rtp),
    Target::new("signal", signal),
    Target::new("demux", classify),
    Target::new("sdp", sdp),
    Target::new("stun", stun),
    Target::new("dtls", dtls),
    Target::new("srtp", srtp),
    Target::new("rtcp", rtcp),
    Target::new("feedback", feedback),
    Target::new("packet", packet),
    Target::new("bundle", bundle),
    Target::new("container", container),
    Target::new("delta", delta),
    Target::new("payload", payload),
    Target::new("weights", weights),
    Target::new("range_decoder", range_decoder),
    Target::new("voice_payload", voice_payload),
    Target { name: "voice_model", run: voice_model, mutations: 20 },
    Target::new("face_payload", face_payload),
    Target { name: "face_model", run: face_model, mutations: 200 },
    Target::new("learner_frames", learner_frames),
];

/// RTP headers, header extensions and payload descriptors, and the rewrite of what was read.
pub fn rtp(bytes: &[u8]) {
    let mut extensions = ExtensionMap::default();
    for (id, extension) in [
        (1, Extension::AudioLevel),
        (4, Extension::Mid),
        (10, Extension::Rid),
        (13, Extension::DependencyDescriptor),
        (200, Extension::DependencyDescriptor),
    ] {
        extensions.insert(ExtensionId(id), extension);
    }
    let Ok(mut packet) = Packet::parse(bytes, &extensions) else { return };
    let len = packet.payload(bytes).len();
    assert_eq!(len, usize::from(packet.payload_len), "the payload lies in the packet");
    for (codec, counters) in [
        (Codec::Opus, PayloadRewrite::Unchanged),
        (Codec::Vp8, PayloadRewrite::Vp8 { picture_id: 5, tl0_picture_index: 6 }),
        (Codec::Vp9, PayloadRewrite::Vp9 { picture_id: 5, tl0_picture_index: 6 }),
        (Codec::H264, PayloadRewrite::Unchanged),
        (Codec::Av1, PayloadRewrite::Unchanged),
    ] {
        let mut dependencies = stream_with_layers();
        for opaque in [true, false] {
            packet.describe(bytes, codec, opaque, &mut dependencies);
            let _: bool = packet.starts_keyframe();
            if let Some(frame) = packet.frame {
                assert!(frame.spatial < 4 && frame.temporal < 8, "layers within their limits");
                let _: Option<u8> = frame.best_target(1, 1);
            }
        }
        let payload = if packet.video.is_some() { counters } else { PayloadRewrite::Unchanged };
        rewrite(bytes, &packet, payload, &extensions);
    }
}

/// Writes what was read, and reads it again.
fn rewrite(bytes: &[u8], packet: &Packet, payload: PayloadRewrite, extensions: &ExtensionMap) {
    let rewrite = Rewrite {
        header_len: packet.header_len,
        payload_len: packet.payload_len,
        ssrc: Ssrc(1),
        payload_type: PayloadType(96),
        seq: SeqNo(7),
        timestamp: RtpTime(9),
        marker: packet.marker,
        csrc: ShortId(3),
        original: None,
        payload,
        dependency: None,
    };
    let mut out = vec![0; bytes.len() + sotto_core::forward::MAX_HEADER_LEN];
    let written = rewrite.write(bytes, &mut out, None).expect("a parsed packet can be rewritten");
    let again = Packet::parse(&out[..written], extensions).expect("what we write can be read");
    assert_eq!(again.payload_len, packet.payload_len, "a rewrite keeps the payload's length");
    assert_eq!((again.ssrc, again.seq, again.timestamp), (Ssrc(1), SeqNo(7), RtpTime(9)));
}

/// The descriptors of a stream with two temporal layers, whose structure has been read.
fn stream_with_layers() -> DependencyReader {
    let template = |temporal, indications: [Indication; 2]| FrameTemplate {
        spatial: 0,
        temporal,
        indications: indications.to_vec(),
        references: vec![1],
        chains: vec![1],
    };
    let structure = DependencyStructure {
        id_offset: 0,
        templates: vec![
            template(0, [Indication::Switch, Indication::Switch]),
            template(1, [Indication::NotPresent, Indication::Discardable]),
        ],
        protected_by: vec![0, 0],
        resolutions: Vec::new(),
    };
    let keyframe = Dependency {
        start_of_frame: true,
        end_of_frame: true,
        template: 0,
        frame_number: 0,
        structure: &structure,
        attached: true,
        active: None,
        indications: None,
        references: None,
        chains: None,
    };
    let mut data = [0; 32];
    let len = keyframe.write(&mut data).expect("a structure that can be said");
    let mut reader = DependencyReader::new();
    assert!(reader.read(&data[..len]).is_some(), "what we write can be read");
    reader
}

/// Messages of the websocket.
pub fn signal(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match ClientMessage::from_json(text) {
        Ok(message) => {
            let json = serde_json::to_string(&message).expect("a message is plain data");
            assert_eq!(ClientMessage::from_json(&json).as_ref(), Ok(&message));
        }
        Err(error) => {
            assert!(error.to_string().len() < 4 * 1024, "an error does not echo its input");
        }
    }
}

/// The first byte of a datagram.
pub fn classify(bytes: &[u8]) {
    let class = demux::classify(bytes);
    assert!(class.is_none() || !bytes.is_empty());
}

/// Offers.
pub fn sdp(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(parsed) = sdp::parse(text) {
        assert!(parsed.offer.media.len() <= sdp::MAX_SECTIONS, "more m-lines than the limit");
    }
}

/// STUN from strangers: found by user name, then checked.
pub fn stun(bytes: &[u8]) {
    if let Some(name) = ice::user_name_of(bytes) {
        assert!(name.len() <= bytes.len(), "a name is part of the message");
    }
    let now = Instant::now();
    let mut transport = negotiated(now).0;
    let _: Result<(), TransportError> = transport.handle_stun(now, PATH, bytes);
    assert_eq!(transport.poll_event(), None, "nobody guesses a password of 128 bits");
    let answered: usize = drain(&mut transport);
    assert!(answered <= bytes.len() + 128, "no amplification: {answered} bytes");
}

/// DTLS over a path that ICE validated: records, fragments, the ClientHello, and what the library
/// makes of it.
pub fn dtls(bytes: &[u8]) {
    for record in dtls::Records::new(bytes) {
        assert!(record.whole.len() <= bytes.len());
    }
    let mut reassembly = dtls::Reassembly::default();
    let _: dtls::Taken = reassembly.push(bytes);
    while let Some(message) = reassembly.pop() {
        assert!(message.len() <= dtls::MAX_HELD + 12, "a message within the limit");
        drop(dtls::offered_profiles(&message));
    }
    drop(dtls::offered_profiles(bytes));

    let now = Instant::now();
    let (mut transport, credentials) = negotiated(now);
    let check = Checker::new(now, &theirs(), &credentials).poll(now).expect("the first is due");
    transport.handle_stun(now, PATH, &check).expect("a check with the right password");
    drain(&mut transport);
    let mut at = now;
    for datagram in bytes.chunks(1200) {
        let _: Result<(), TransportError> = transport.handle_dtls(at, PATH, datagram);
        drain(&mut transport);
        at += Duration::from_millis(500);
        transport.handle_timeout(at);
        drain(&mut transport);
    }
}

/// SRTP and SRTCP under a key that the sender does not know.
pub fn srtp(bytes: &[u8]) {
    for profile in [SrtpProfile::AeadAes128Gcm, SrtpProfile::Aes128CmHmacSha1_80] {
        let material = vec![7; Keys::exported_len(profile)];
        let keys = Keys::from_exported(profile, &material).expect("as long as it says");
        let mut opener = Opener::new(profile, &keys.client);
        assert!(opener.open_rtp(&mut bytes.to_vec()).is_err(), "a forged RTP packet");
        assert!(opener.open_rtcp(&mut bytes.to_vec()).is_err(), "a forged RTCP packet");
    }
}

/// Compound RTCP packets.
pub fn rtcp(bytes: &[u8]) {
    let messages = Messages::of(bytes).count();
    assert!(messages <= 1 + bytes.len() / 4, "no message without bytes of its own");
}

const PATH: Path = Path {
    local: std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1),
    remote: std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 2),
};

fn theirs() -> Credentials {
    Credentials { ufrag: "abcd".into(), pwd: "abcdefghijklmnopqrstuv".into() }
}

/// A transport after offer and answer, and its credentials.
fn negotiated(now: Instant) -> (PeerTransport, Credentials) {
    static IDENTITY: OnceLock<Arc<Identity>> = OnceLock::new();
    let identity = IDENTITY.get_or_init(|| {
        Arc::new(Identity::generate().expect("a key pair from the system's random source"))
    });
    let mut transport = PeerTransport::new(Arc::clone(identity));
    let Credentials { ufrag, pwd } = theirs();
    let remote = RemoteParameters { ufrag, pwd, fingerprint: [1; 32], sctp: Some((5000, 65_536)) };
    transport.set_remote(now, remote);
    let local = transport.local();
    (transport, Credentials { ufrag: local.ufrag, pwd: local.pwd })
}

/// Empties what a transport wants done and gives the bytes that it would have sent.
fn drain(transport: &mut PeerTransport) -> usize {
    while transport.poll_event().is_some() {}
    std::iter::from_fn(|| transport.poll_transmit()).map(|datagram| datagram.payload.len()).sum()
}

/// Transport-wide feedback, and what a sender of 200 packets makes of it.
pub fn feedback(bytes: &[u8]) {
    let Ok(feedback) = TransportFeedback::parse(bytes) else { return };
    assert_eq!(feedback.packets().count(), usize::from(feedback.count()));
    let mut now = Time::from_micros(1_000_000_000);
    let mut sender = Sender::new(now);
    for _ in 0..200 {
        sender.sent(now, 1_000, PacketClass::Video);
        now = now + Duration::from_millis(5);
    }
    for _ in 0..3 {
        sender.feedback(now, &feedback);
        sender.handle_timeout(now);
        let estimate = sender.estimate();
        assert!((bandwidth::MIN_BITRATE..=bandwidth::MAX_BITRATE).contains(&estimate.bitrate));
        assert!(estimate.loss_per_mille <= 1_000);
        now = now + Duration::from_millis(300);
    }
}
