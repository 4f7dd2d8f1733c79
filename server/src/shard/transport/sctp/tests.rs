//! A client's SCTP against ours, in one process and in virtual time.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rtc_datachannel::message::{
    Message as Dcep,
    message_channel_open::{ChannelType, DataChannelOpen},
};
use rtc_sctp::{
    Association, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Event, Payload,
    PayloadProtocolIdentifier as Ppid, StreamEvent, TransportConfig,
};
use rtc_shared::{TransportProtocol, marshal::Marshal as _};

use super::*;
use crate::shard::transport::{MAX_MESSAGE, TransportError, guard::PANICS};

const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

struct Pair {
    now: Instant,
    endpoint: Endpoint,
    client: Association,
    server: Channels,
    /// What the client received: stream, kind, bytes.
    got: Vec<(u16, Ppid, Vec<u8>)>,
    closed: Vec<u16>,
    number: u32,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let config = Arc::new(EndpointConfig::new());
        let mut endpoint = Endpoint::new(SERVER, TransportProtocol::UDP, config, None);
        let transport = TransportConfig::default().with_max_message_size(1 << 20);
        let (_, client) = endpoint.connect(now, ClientConfig::new(transport), SERVER).unwrap();
        let server = Channels::new(262_144);
        let (got, closed) = (Vec::new(), Vec::new());
        Self { now, endpoint, client, server, got, closed, number: 0 }
    }

    /// Until both are quiet; `lost` decides by direction and number.
    fn run(&mut self, limit: Duration, lost: impl Fn(bool, u32) -> bool) {
        let end = self.now + limit;
        loop {
            let mut quiet = true;
            while let Some(transmit) = self.client.poll_transmit(self.now) {
                let Payload::RawEncode(packets) = transmit.message else { continue };
                for packet in packets {
                    quiet = false;
                    self.number += 1;
                    if !lost(true, self.number) {
                        self.server.handle(self.now, packet);
                    }
                }
            }
            while let Some(packet) = self.server.poll_transmit() {
                quiet = false;
                self.number += 1;
                if lost(false, self.number) {
                    continue;
                }
                if let Some((_, DatagramEvent::AssociationEvent(event))) =
                    self.endpoint.handle(self.now, SERVER, None, packet)
                {
                    self.client.handle_event(event);
                }
            }
            self.read();
            if !quiet {
                continue;
            }
            let timers = [self.client.poll_timeout(), self.server.poll_timeout()];
            let Some(due) = timers.into_iter().flatten().min().filter(|due| *due <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(due);
            self.client.handle_timeout(self.now);
            self.server.handle_timeout(self.now);
        }
    }

    fn read(&mut self) {
        while let Some(event) = self.client.poll() {
            match event {
                Event::Stream(StreamEvent::Readable { id }) => {
                    let mut stream = self.client.stream(id).unwrap();
                    while let Ok(Some(chunks)) = stream.read_sctp() {
                        let bytes = chunks.to_payload(1 << 20).unwrap().to_vec();
                        self.got.push((id, chunks.ppi, bytes));
                    }
                }
                Event::AssociationLost { id, .. } => self.closed.push(id),
                _ => {}
            }
        }
    }

    fn open(&mut self, stream: u16, label: &str, channel_type: ChannelType) {
        let open = Dcep::DataChannelOpen(DataChannelOpen {
            channel_type,
            priority: 0,
            reliability_parameter: 0,
            label: label.into(),
            protocol: Vec::new(),
        });
        let bytes = open.marshal().unwrap();
        let mut stream = self.client.open_stream(stream, Ppid::Dcep).unwrap();
        stream.write_with_ppi(self.now, &bytes, Ppid::Dcep).unwrap();
    }

    fn write(&mut self, stream: u16, kind: Ppid, bytes: &[u8]) {
        let mut stream = self.client.stream(stream).unwrap();
        stream.write_with_ppi(self.now, bytes, kind).unwrap();
    }

    fn messages(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.server.poll_message()).collect()
    }

    fn acknowledged(&self, stream: u16) -> bool {
        self.got.contains(&(stream, Ppid::Dcep, vec![2]))
    }
}

fn nothing(_: bool, _: u32) -> bool {
    false
}

const SECOND: Duration = Duration::from_secs(1);

fn message(label: &str, text: bool, payload: &[u8]) -> Message {
    Message { label: label.into(), text, payload: payload.into() }
}

#[test]
fn channels_open_in_band_and_carry_text_and_bytes_and_nothing_both_ways() {
    let mut pair = Pair::new();
    pair.run(SECOND, nothing);
    pair.open(0, "chat", ChannelType::Reliable);
    pair.open(2, "state", ChannelType::ReliableUnordered);
    pair.write(0, Ppid::String, "grüß dich".as_bytes());
    pair.run(SECOND, nothing);
    assert!(pair.acknowledged(0) && pair.acknowledged(2));
    pair.write(0, Ppid::StringEmpty, &[0]);
    pair.write(2, Ppid::Binary, &[1, 2, 3]);
    pair.write(2, Ppid::BinaryEmpty, &[0]);
    pair.run(SECOND, nothing);
    assert_eq!(
        pair.messages(),
        [
            message("chat", true, "grüß dich".as_bytes()),
            message("chat", true, b""),
            message("state", false, &[1, 2, 3]),
            message("state", false, b""),
        ]
    );
    let long = vec![7; MAX_MESSAGE as usize];
    for (label, text, payload) in
        [("chat", true, &b"hi"[..]), ("chat", false, &long), ("state", true, b"")]
    {
        pair.server.send(pair.now, label, text, payload).unwrap();
    }
    pair.run(SECOND, nothing);
    let got: Vec<_> = pair.got.iter().filter(|(_, kind, _)| *kind != Ppid::Dcep).collect();
    assert_eq!(got.len(), 3);
    assert_eq!(got[0], &(0, Ppid::String, b"hi".to_vec()));
    assert_eq!((got[1].1, got[1].2.len()), (Ppid::Binary, long.len()));
    assert_eq!(got[2], &(2, Ppid::StringEmpty, vec![0]));
}

#[test]
fn any_packet_of_the_start_may_be_lost() {
    for missing in 1..12 {
        let mut pair = Pair::new();
        pair.run(Duration::from_secs(20), |_, number| number == missing);
        pair.open(0, "chat", ChannelType::Reliable);
        pair.write(0, Ppid::String, b"hi");
        pair.run(Duration::from_secs(20), |_, number| number == missing);
        assert_eq!(pair.messages(), [message("chat", true, b"hi")], "lost {missing}");
    }
}

#[test]
fn what_cannot_be_sent_is_refused_by_name() {
    let mut pair = Pair::new();
    let now = pair.now;
    assert_eq!(pair.server.send(now, "chat", true, b"x"), Err(TransportError::NoChannel));
    pair.run(SECOND, nothing);
    pair.open(0, "chat", ChannelType::Reliable);
    pair.run(SECOND, nothing);
    let too_long = vec![0; MAX_MESSAGE as usize + 1];
    assert_eq!(pair.server.send(now, "chat", false, &too_long), Err(TransportError::TooLong));
    assert_eq!(pair.server.send(now, "other", true, b"x"), Err(TransportError::NoChannel));
    // The client does not read: the queue fills and then refuses.
    let sent = (0..1_000)
        .take_while(|_| pair.server.send(pair.now, "chat", false, &[0; 10_000]).is_ok())
        .count();
    assert_eq!(sent, MAX_QUEUED / 10_000);
    let full = pair.server.send(pair.now, "chat", false, &[0; 10_000]);
    assert_eq!(full, Err(TransportError::ChannelFull));
}

#[test]
fn the_channel_for_models_holds_less_than_others() {
    let mut pair = Pair::new();
    pair.run(SECOND, nothing);
    pair.open(0, "models", ChannelType::PartialReliableRexmitUnordered);
    pair.run(SECOND, nothing);
    let bundle = [0; 1_000];
    let sent =
        (0..1_000).take_while(|_| pair.server.send(pair.now, "models", false, &bundle).is_ok());
    assert_eq!(sent.count(), MAX_QUEUED_MODELS / 1_000);
    // Its messages are never sent twice: it empties, and those that were lost do not come.
    pair.run(SECOND * 20, |to_server, number| !to_server && number % 4 == 0);
    assert_eq!(pair.server.send(pair.now, "models", false, &bundle), Ok(()));
    let bundles = pair.got.iter().filter(|(_, kind, _)| *kind == Ppid::Binary).count();
    assert!((20..MAX_QUEUED_MODELS / 1_000).contains(&bundles), "{bundles}");
}

#[test]
fn channels_are_bounded_and_a_closed_one_makes_room() {
    let mut pair = Pair::new();
    pair.run(SECOND, nothing);
    for number in 0..20 {
        pair.open(number * 2, &format!("c{number}"), ChannelType::Reliable);
    }
    pair.run(SECOND, nothing);
    assert!(pair.acknowledged(30) && !pair.acknowledged(32));
    assert_eq!(pair.server.send(pair.now, "c16", true, b"x"), Err(TransportError::NoChannel));
    pair.client.stream(0).unwrap().close(pair.now).unwrap();
    pair.run(SECOND, nothing);
    assert_eq!(pair.server.send(pair.now, "c0", true, b"x"), Err(TransportError::NoChannel));
    pair.open(100, "late", ChannelType::Reliable);
    pair.run(SECOND, nothing);
    assert!(pair.acknowledged(100));
}

#[test]
fn a_long_label_and_a_message_that_is_too_long_are_refused() {
    let mut pair = Pair::new();
    pair.run(SECOND, nothing);
    pair.open(0, &"x".repeat(MAX_LABEL + 1), ChannelType::Reliable);
    pair.open(2, "chat", ChannelType::Reliable);
    pair.run(SECOND, nothing);
    assert!(!pair.acknowledged(0) && pair.acknowledged(2));
    pair.write(2, Ppid::Binary, &vec![0; MAX_MESSAGE as usize + 1]);
    pair.write(2, Ppid::Binary, b"fits");
    pair.run(Duration::from_secs(5), nothing);
    assert_eq!(pair.messages(), [message("chat", false, b"fits")]);
}

#[test]
fn a_client_that_starts_over_gets_a_new_association() {
    let mut pair = Pair::new();
    pair.run(SECOND, nothing);
    pair.open(0, "chat", ChannelType::Reliable);
    pair.run(SECOND, nothing);
    let server = std::mem::replace(&mut pair.server, Channels::new(0));
    let mut again = Pair { server, ..Pair::new() };
    again.run(SECOND, nothing);
    assert_eq!(again.server.send(again.now, "chat", true, b"x"), Err(TransportError::NoChannel));
    again.open(4, "chat", ChannelType::Reliable);
    again.write(4, Ppid::String, b"back");
    again.run(SECOND, nothing);
    assert_eq!(again.messages(), [message("chat", true, b"back")]);
}

#[test]
fn junk_and_mangled_packets_neither_panic_nor_grow_anything() {
    let mut state = 5_u32;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for _ in 0..1_000 {
        let mut pair = Pair::new();
        pair.run(SECOND, nothing);
        pair.open(0, "chat", ChannelType::Reliable);
        for _ in 0..50 {
            let Some(transmit) = pair.client.poll_transmit(pair.now) else {
                pair.client.handle_timeout(pair.now);
                pair.now += SECOND;
                continue;
            };
            let Payload::RawEncode(packets) = transmit.message else { continue };
            for packet in packets {
                let mut bytes = packet.to_vec();
                for _ in 0..1 + random(4) {
                    let at = random(bytes.len());
                    bytes[at] = random(256) as u8;
                }
                seal(&mut bytes);
                pair.server.handle(pair.now, Bytes::from(bytes));
                pair.server.handle_timeout(pair.now);
                while pair.server.poll_transmit().is_some() {}
            }
        }
    }
    assert_eq!(PANICS.get(), 0);
}

#[test]
fn chunks_of_every_kind_with_any_body_never_panic() {
    let mut state = 77_u32;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for _ in 0..1_000 {
        let mut pair = Pair::new();
        pair.run(SECOND, nothing);
        pair.open(0, "chat", ChannelType::Reliable);
        let header = pair.client.poll_transmit(pair.now).and_then(|transmit| {
            let Payload::RawEncode(packets) = transmit.message else { return None };
            let header = packets[0][..12].to_vec();
            pair.server.handle(pair.now, packets[0].clone());
            Some(header)
        });
        let (header, first_tsn) = (header.unwrap(), 3);
        pair.server.send(pair.now, "chat", true, b"something under way").ok();
        for _ in 0..30 {
            let mut bytes = header.clone();
            for _ in 0..1 + random(3) {
                // Data, init to shutdown-complete, reconfiguration, forward TSN, unknown.
                let kind = [0, 0, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 130, 130, 192, 192, 77];
                let len: usize = [0, 4, 8, 12, 16, 20, 24, 40, 41][random(9)];
                bytes.extend([kind[random(kind.len())], random(8) as u8]);
                bytes.extend((4 + len as u16).to_be_bytes());
                let mut body: Vec<u8> = (0..len).map(|_| [0, 1, 4, 13, 255][random(5)]).collect();
                match random(3) {
                    // Often near what is expected: small numbers, whole parameters.
                    0 if len >= 12 => body[..4].copy_from_slice(&[0, 13, 0, len as u8]),
                    1 if len >= 4 => body[..4].copy_from_slice(&[0, 0, 0, first_tsn]),
                    _ => {}
                }
                body.resize(len.next_multiple_of(4), 0);
                bytes.extend(body);
            }
            seal(&mut bytes);
            pair.server.handle(pair.now, Bytes::from(bytes));
            pair.now += Duration::from_millis(random(4_000) as u64);
            pair.server.handle_timeout(pair.now);
            while pair.server.poll_transmit().is_some() {}
        }
    }
    assert_eq!(PANICS.get(), 0);
}

/// A right checksum, or everything would end at the first look.
fn seal(packet: &mut [u8]) {
    packet[8..12].fill(0);
    let sum = crc32c(packet);
    packet[8..12].copy_from_slice(&sum.to_le_bytes());
}

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ if sum & 1 == 1 { 0x82F6_3B78 } else { 0 }
        })
    })
}
