//! What a connected peer costs while nothing happens: counted at the allocator.

#![allow(unsafe_code)] // A global allocator can only be counted by being one.
#![allow(clippy::unwrap_used, reason = "a test: what fails, fails it")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicIsize, Ordering},
    },
    time::Instant,
};

use bytes::{Bytes, BytesMut};
use ring::digest;
use rtc_crypto::{RTCCryptoProvider, providers::RingProvider};
use rtc_datachannel::message::{Message as Dcep, message_channel_open::DataChannelOpen};
use rtc_dtls::{
    config::ConfigBuilder,
    crypto::Certificate,
    endpoint::{Endpoint, EndpointEvent},
    extension::extension_use_srtp::SrtpProtectionProfile,
};
use rtc_sctp::{
    ClientConfig, DatagramEvent, EndpointConfig, Payload, PayloadProtocolIdentifier as Ppid,
    TransportConfig,
};
use rtc_shared::{TransportProtocol, marshal::Marshal as _};
use rtc_stun::{
    attributes::{ATTR_USE_CANDIDATE, ATTR_USERNAME},
    fingerprint::FINGERPRINT,
    integrity::MessageIntegrity,
    message::{BINDING_REQUEST, Message, Setter as _, TransactionId},
    textattrs::TextAttribute,
};
use sotto_server::shard::transport::{
    Path, PeerTransport, RemoteParameters, Transport, TransportEvent, dtls::Identity,
};

struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call goes to the system's allocator as it came; only sizes are added up beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size().cast_signed(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on unchanged.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size().cast_signed(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on unchanged.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const PEERS: usize = 20;

/// Of the 60 KB that transport and signalling may have together.
const LIMIT_CONNECTED: isize = 24 * 1024;
const LIMIT_WITH_CHANNEL: isize = 32 * 1024;

const NODE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

#[test]
fn a_connected_idle_peer_fits_its_budget_with_and_without_a_data_channel() {
    let identity = Arc::new(Identity::generate().unwrap());
    // The first one pays for what all share.
    drop(connected(&identity, true));
    let cost = |with_channel: bool| {
        let before = LIVE.load(Ordering::Relaxed);
        let peers: Vec<_> = (0..PEERS).map(|_| connected(&identity, with_channel)).collect();
        let each = (LIVE.load(Ordering::Relaxed) - before) / PEERS.cast_signed();
        drop(peers);
        let left = (LIVE.load(Ordering::Relaxed) - before) / PEERS.cast_signed();
        assert!(left < 256, "{left} bytes of each peer stay behind");
        each
    };
    let (plain, channel) = (cost(false), cost(true));
    eprintln!("connected: {plain} bytes a peer; with a data channel: {channel}");
    assert!(plain < LIMIT_CONNECTED && channel < LIMIT_WITH_CHANNEL);
}

/// A peer that went through ICE, DTLS and, if wanted, opened a data channel. Its client is gone.
fn connected(identity: &Arc<Identity>, with_channel: bool) -> PeerTransport {
    let now = Instant::now();
    let path = Path { local: NODE, remote: SocketAddr::from(([127, 0, 0, 1], 5_000)) };
    let (mut dtls, fingerprint) = client(now);
    let mut server = PeerTransport::new(identity.clone());
    let remote = RemoteParameters {
        ufrag: "them".into(),
        pwd: "their password, never used".into(),
        fingerprint,
        sctp: Some((5_000, 65_536)),
    };
    server.set_remote(now, remote);
    let check = check(&server);
    server.handle_stun(now, path, &check).unwrap();
    let mut sctp = Sctp::start(now);
    let mut up = false;
    for _ in 0..40 {
        while let Some(packet) = up.then(|| sctp.poll(now)).flatten().filter(|_| with_channel) {
            dtls.write(now, NODE, &packet).unwrap();
        }
        while let Some(transmit) = dtls.poll_transmit() {
            server.handle_dtls(now, path, &transmit.message).unwrap();
        }
        while let Some(datagram) = server.poll_transmit() {
            if datagram.payload[0] < 20 {
                continue;
            }
            let payload = BytesMut::from(&datagram.payload[..]);
            for event in dtls.read(now, NODE, None, payload).unwrap() {
                match event {
                    EndpointEvent::HandshakeComplete => up = true,
                    EndpointEvent::ApplicationData(data) => sctp.take(now, data.freeze()),
                    _ => panic!("the node closed"),
                }
            }
        }
        if up {
            sctp.open(now);
        }
    }
    let events: Vec<_> = std::iter::from_fn(|| server.poll_event()).collect();
    assert!(events.iter().any(|event| matches!(event, TransportEvent::Connected { .. })));
    assert_eq!(server.send_data(now, "chat", true, b"").is_ok(), with_channel);
    while server.poll_transmit().is_some() {}
    server
}

fn client(now: Instant) -> (Endpoint, [u8; 32]) {
    let provider: Arc<dyn RTCCryptoProvider> = Arc::new(RingProvider::new());
    let certificate =
        Certificate::generate_self_signed(["client".to_owned()], provider.crypto()).unwrap();
    let digest = digest::digest(&digest::SHA256, &certificate.certificate[0]);
    let config = ConfigBuilder::default()
        .with_crypto_provider(provider)
        .with_certificates(vec![certificate])
        .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
        .with_insecure_skip_verify(true)
        .build(true, None)
        .unwrap();
    let mut endpoint = Endpoint::new(NODE, TransportProtocol::UDP, None);
    endpoint.connect(now, NODE, Arc::new(config), None).unwrap();
    (endpoint, *digest.as_ref().first_chunk().unwrap())
}

fn check(server: &PeerTransport) -> Vec<u8> {
    let provider = RingProvider::new();
    let local = server.local();
    let mut message = Message::new();
    BINDING_REQUEST.add_to(&mut message).unwrap();
    TransactionId([7; 12]).add_to(&mut message).unwrap();
    message.write_header();
    let user = format!("{}:them", local.ufrag);
    TextAttribute::new(ATTR_USERNAME, user).add_to(&mut message).unwrap();
    message.add(ATTR_USE_CANDIDATE, &[]);
    MessageIntegrity::new_raw_integrity_with_provider(local.pwd, provider.crypto())
        .add_to(&mut message)
        .unwrap();
    FINGERPRINT.add_to(&mut message).unwrap();
    message.raw
}

/// The client's association, which opens one channel as soon as it can.
struct Sctp {
    endpoint: rtc_sctp::Endpoint,
    association: rtc_sctp::Association,
    opened: bool,
    queued: Vec<Bytes>,
}

impl Sctp {
    fn start(now: Instant) -> Self {
        let config = Arc::new(EndpointConfig::new());
        let mut endpoint = rtc_sctp::Endpoint::new(NODE, TransportProtocol::UDP, config, None);
        let client = ClientConfig::new(TransportConfig::default());
        let (_, association) = endpoint.connect(now, client, NODE).unwrap();
        Self { endpoint, association, opened: false, queued: Vec::new() }
    }

    fn poll(&mut self, now: Instant) -> Option<Bytes> {
        while let Some(transmit) = self.association.poll_transmit(now) {
            if let Payload::RawEncode(packets) = transmit.message {
                self.queued.splice(0..0, packets.into_iter().rev());
            }
        }
        self.queued.pop()
    }

    fn take(&mut self, now: Instant, packet: Bytes) {
        if let Some((_, DatagramEvent::AssociationEvent(event))) =
            self.endpoint.handle(now, NODE, None, packet)
        {
            self.association.handle_event(event);
        }
    }

    fn open(&mut self, now: Instant) {
        if self.opened || self.association.is_handshaking() {
            return;
        }
        self.opened = true;
        let open = Dcep::DataChannelOpen(DataChannelOpen {
            channel_type: Default::default(),
            priority: 0,
            reliability_parameter: 0,
            label: b"chat".to_vec(),
            protocol: Vec::new(),
        });
        let mut stream = self.association.open_stream(0, Ppid::Dcep).unwrap();
        stream.write_with_ppi(now, &open.marshal().unwrap(), Ppid::Dcep).unwrap();
    }
}
