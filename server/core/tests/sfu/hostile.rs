//! Publishers that send whatever comes to their mind: nothing panics, nothing is sent that cannot be
//! written, no number ever stands for two packets, and nothing stays when they have left.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use sotto_core::{
    Census, Input, Kept, Output, Sfu, SfuConfig, Time,
    bandwidth::{Estimate, PacketClass},
    forward::Forward,
    id::{ExtensionId, Mid, PacketId, ParticipantId, PayloadType, PeerId, RtpTime, SeqNo, Ssrc},
    input::{Feedback, Join},
    media::Offer,
    rtp::{Dependency, DependencyStructure, PacketBuilder},
    signal::{ClientMessage, LeaveReason, PublishedLayer, SlotViewport, Source},
    time::NtpTime,
};
use uuid::Uuid;

use crate::{
    media::{RIDS, rich_offer, rid},
    model::rng::Rng,
    svc::l3t3_key,
    world::everything,
};

const PEOPLE: u64 = 3;

/// Sequences, and steps of each.
const SEQUENCES: u64 = 40;
const STEPS: usize = 1_500;

/// The shell, as far as it counts here.
struct Shell {
    sfu: Sfu,
    rng: Rng,
    now: Time,
    slab: HashMap<PacketId, Vec<u8>>,
    kept: HashSet<PacketId>,
    next_packet: u32,
    /// What was sent under each number of each source of each peer.
    sent: HashMap<(PeerId, Ssrc, SeqNo), Vec<u8>>,
    /// What honest packets are coded in.
    codec: PayloadType,
    structure: DependencyStructure,
    /// The next number of each source.
    seqs: HashMap<(PeerId, Ssrc), u16>,
}

#[test]
fn no_stream_of_packets_and_messages_breaks_the_core_or_uses_a_number_twice() {
    for seed in 0..SEQUENCES {
        let mut shell = Shell::new(seed);
        for _ in 0..STEPS {
            shell.step();
        }
        assert!(!shell.sent.is_empty(), "seed {seed} had nothing to say");
        shell.end();
    }
}

impl Shell {
    fn new(seed: u64) -> Self {
        let config = SfuConfig { max_kept_packets: 200, ..SfuConfig::default() };
        let mut shell = Self {
            sfu: Sfu::new(config),
            rng: Rng::new(seed),
            now: Time::from_micros(1_795_000_000_000_000),
            slab: HashMap::new(),
            kept: HashSet::new(),
            next_packet: 0,
            sent: HashMap::new(),
            codec: PayloadType([96, 98, 102, 45][seed as usize % 4]),
            structure: l3t3_key(),
            seqs: HashMap::new(),
        };
        for n in 0..PEOPLE {
            let peer = PeerId(n);
            shell.drive(Input::Join(Join {
                peer,
                participant: ParticipantId(Uuid::from_u128(n.into())),
                room: "blue".into(),
                identity: n.to_string(),
                name: n.to_string(),
                permissions: everything(),
                model_key: None,
                resumption: None,
            }));
            shell.drive(Input::Offer { peer, id: 0, offer: rich_offer() });
            shell.drive(Input::Connected { peer });
            for (mid, source) in [("cam", Source::Camera), ("mic", Source::Microphone)] {
                let message = publish(mid, source, Vec::new());
                shell.drive(Input::Message { peer, message });
            }
        }
        shell
    }

    fn step(&mut self) {
        let peer = PeerId(self.rng.below(PEOPLE));
        match self.rng.below(1_000) {
            0..850 => self.packet(peer),
            850..930 => self.feedback(peer),
            930..960 => self.message(peer),
            960..963 => {
                let offer = self.offer();
                self.drive(Input::Offer { peer, id: 1, offer });
            }
            963..975 => {
                let estimate = Estimate {
                    bitrate: self.rng.below(3_000_000),
                    round_trip: self.rng.happens(800).then(|| self.span(300)),
                    loss_per_mille: self.rng.below(1_001) as u16,
                };
                self.drive(Input::Bandwidth { peer, estimate });
            }
            975..985 => {
                if let Some(padding) = self.sfu.padding(peer) {
                    let mark = format!("padding {}", padding.seq.0).into_bytes();
                    self.note((peer, padding.ssrc, padding.seq), mark);
                }
                self.drain();
            }
            _ => {
                let end = self.now + self.span(700);
                while let Some(due) = self.sfu.poll_timeout().filter(|&due| due <= end) {
                    self.now = self.now.max(due);
                    self.sfu.handle_timeout(self.now);
                    self.drain();
                }
                self.now = end;
            }
        }
        let micros = self.rng.below(5_000);
        self.now = self.now + Duration::from_micros(micros);
    }

    /// A packet whose parts belong together now and then.
    fn packet(&mut self, peer: PeerId) {
        let rng = &mut self.rng;
        let layer = rng.below(3) as usize;
        let is_honest = rng.happens(900);
        let source = if is_honest { layer as u32 } else { rng.below(8) as u32 };
        let ssrc = Ssrc(50_000 + source);
        let next = self.seqs.entry((peer, ssrc)).or_insert(65_000);
        *next = match rng.below(1_000) {
            0..900 => next.wrapping_add(1),
            900..995 => next.wrapping_add(rng.below(40) as u16).wrapping_sub(20),
            _ => rng.next() as u16,
        };
        let seq = *next;
        let payload_type = match is_honest {
            true => self.codec,
            false => PayloadType(rng.pick(&[96, 97, 97, 98, 99, 102, 45, 111, 63, 7])),
        };
        // What follows is read as the payload of many codecs, or as none.
        let noise: Vec<u8> = (0..rng.below(60)).map(|_| rng.next() as u8).collect();
        // The front of a VP8 keyframe, with picture id and index, behind the number of an original
        // packet where it is a retransmission; or noise.
        let mut payload = Vec::new();
        if payload_type == PayloadType(97) {
            payload.extend(seq.wrapping_sub(rng.below(5) as u16).to_be_bytes());
        }
        if rng.happens(700) {
            let delta = u8::from(rng.happens(800));
            let picture = (seq / 3) as u8;
            payload.extend(match self.codec.0 {
                // VP9: picture id of seven bits, layers, index; a keyframe is predicted from nothing.
                98 => [0xac | delta << 6, picture & 0x7f, (seq % 9) as u8, picture, 0, 0],
                // H.264: a parameter set, or a slice.
                102 => [if delta == 0 { 0x67 } else { 0x41 }, 0, 0, 0, 0, 0],
                // AV1: the first packet of a sequence, or one that continues.
                45 => [0x10 | (1 - delta) << 3, 0x0a, 0, 0, 0, 0],
                _ => [0x90, 0xc0, 0x80, picture, picture, delta],
            });
        }
        payload.extend(noise);
        let mid = if is_honest { "cam" } else { rng.pick(&["cam", "mic", "v0", "none"]) };
        let tag = if is_honest { RIDS[layer] } else { rng.pick(&["q", "h", "f", "x"]) };
        let mut descriptor: Vec<u8> = (0..3 + rng.below(8)).map(|_| rng.next() as u8).collect();
        if rng.happens(900) {
            // One that is well-formed, and fits what came before or not.
            let dependency = Dependency {
                start_of_frame: rng.happens(900),
                end_of_frame: rng.happens(900),
                template: rng.below(12) as u8,
                frame_number: seq,
                structure: &self.structure,
                attached: rng.happens(60),
                active: rng.happens(60).then(|| rng.below(512) as u16),
                indications: None,
                references: None,
                chains: None,
            };
            let mut data = [0; 255];
            if let Ok(len) = dependency.write(&mut data) {
                descriptor = data[..len].to_vec();
            }
        }
        let mut extensions: Vec<(ExtensionId, &[u8])> = Vec::new();
        for (id, data, often) in [
            (4, mid.as_bytes(), 600),
            (10, tag.as_bytes(), 500),
            (11, tag.as_bytes(), 300),
            (12, &descriptor[..], if self.codec == PayloadType(96) { 300 } else { 850 }),
            (1, &descriptor[..1], 300),
            (3, &descriptor[..2], 500),
        ] {
            if rng.happens(often) {
                extensions.push((ExtensionId(id), data));
            }
        }
        let builder = PacketBuilder {
            ssrc,
            payload_type,
            seq: SeqNo(seq),
            timestamp: RtpTime((self.now.as_micros() / 1_000 * 90) as u32),
            marker: rng.happens(500),
            csrcs: &[],
            extensions: &extensions,
            payload: &payload,
            padding: if rng.happens(50) { 5 } else { 0 },
        };
        let mut bytes = vec![0; 300];
        let len = builder.write(&mut bytes).unwrap();
        bytes.truncate(len);
        let id = PacketId(self.next_packet);
        self.next_packet += 1;
        let mut out = Vec::new();
        let result = self.sfu.packet(self.now, peer, id, &bytes, &mut out);
        self.slab.insert(id, bytes);
        if result == Ok(Kept::Yes) {
            self.kept.insert(id);
        }
        out.into_iter().for_each(|forward| self.write(&forward));
        self.drain();
        if !self.kept.contains(&id) {
            self.slab.remove(&id);
        }
    }

    fn feedback(&mut self, peer: PeerId) {
        let slots = [0x5074_0000, 0x5074_0001, 0x5074_0002, 50_000, 50_001, 50_002, 9];
        let ssrc = Ssrc(self.rng.pick(&slots));
        let numbers: Vec<u16> = self.sent.keys().map(|(_, _, seq)| seq.0).take(1).collect();
        let near = numbers.first().copied().unwrap_or(0).wrapping_add(self.rng.below(50) as u16);
        let feedback = match self.rng.below(5) {
            0 => Feedback::KeyframeRequest { ssrc },
            1 => Feedback::SenderReport {
                ssrc,
                ntp: NtpTime(self.now.to_ntp().0.wrapping_add(self.rng.below(1 << 34))),
                rtp: RtpTime(self.rng.next() as u32),
            },
            2 => Feedback::ReceptionReport {
                ssrc,
                fraction_lost: self.rng.next() as u8,
                round_trip_us: self.rng.happens(700).then(|| self.rng.below(400_000) as u32),
            },
            3 => {
                let first = SeqNo(near);
                Feedback::Nack { ssrc, first, following: self.rng.next() as u16 }
            }
            _ => Feedback::Bye { ssrc },
        };
        self.drive(Input::Feedback { peer, feedback });
    }

    fn message(&mut self, peer: PeerId) {
        let mid = self.rng.pick(&["cam", "mic", "none"]);
        let source = self.rng.pick(&[Source::Camera, Source::Microphone, Source::Screen]);
        let layers = (0..self.rng.below(5)).map(|_| PublishedLayer {
            rid: self.rng.happens(900).then(|| rid(self.rng.pick(&["q", "h", "f", "x"]))),
            width: self.rng.below(2_000) as u16,
            height: self.rng.below(2_000) as u16,
            max_bitrate: None,
            scalability_mode: self.rng.happens(300).then(|| "L3T3_KEY".to_owned()),
        });
        let layers = layers.collect();
        let mid_of = |mid: &str| Mid::new(mid).unwrap();
        let message = match self.rng.below(20) {
            0..8 => publish(mid, source, layers),
            8..12 => ClientMessage::Layers { mid: mid_of(mid), layers },
            12 => ClientMessage::Unpublish { mid: mid_of(mid) },
            13..16 => ClientMessage::Mute { mid: mid_of(mid), muted: self.rng.happens(300) },
            _ => {
                let (width, height) = (self.rng.below(900) as u16, self.rng.below(900) as u16);
                let slot = SlotViewport { mid: mid_of("v0"), width, height };
                ClientMessage::Viewport { slots: vec![slot] }
            }
        };
        self.drive(Input::Message { peer, message });
    }

    /// The usual offer with something missing.
    fn offer(&mut self) -> Offer {
        let mut offer = rich_offer();
        for media in &mut offer.media {
            media.formats.retain(|_| self.rng.happens(900));
            media.rids.retain(|_| self.rng.happens(700));
            media.extensions.retain(|_| self.rng.happens(800));
            if self.rng.happens(200) {
                media.formats.iter_mut().for_each(|format| format.rtx = None);
            }
        }
        offer.media.retain(|_| self.rng.happens(980));
        offer
    }

    fn drive(&mut self, input: Input) {
        self.sfu.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.sfu.poll_output() {
            match output {
                Output::Forward(forward) => self.write(&forward),
                Output::Release { packet } => {
                    assert!(self.kept.remove(&packet), "{packet:?} is released once, if kept");
                    self.slab.remove(&packet);
                }
                _ => {}
            }
        }
    }

    fn write(&mut self, forward: &Forward) {
        let mut out = vec![0; 2_000];
        let bytes = |id: PacketId| self.slab.get(&id).map(Vec::as_slice);
        let len = forward.write(bytes, &mut out, None).expect("what is forwarded can be written");
        out.truncate(len);
        let rewrite = &forward.rewrite;
        let is_repair = forward.class == PacketClass::Retransmission;
        assert_eq!(rewrite.original.is_some(), is_repair, "{forward:?}");
        self.note((forward.peer, rewrite.ssrc, rewrite.seq), out);
    }

    fn note(&mut self, number: (PeerId, Ssrc, SeqNo), bytes: Vec<u8>) {
        // Sequences are shorter than 2^16 packets of a slot.
        let before = self.sent.insert(number, bytes);
        assert_eq!(before, None, "{number:?} stands for two packets");
    }

    fn span(&mut self, most: u64) -> Duration {
        Duration::from_millis(self.rng.below(most))
    }

    fn end(mut self) {
        for n in 0..PEOPLE {
            self.drive(Input::Disconnected { peer: PeerId(n), reason: LeaveReason::Left });
        }
        assert_eq!((self.sfu.census(), self.kept.len()), (Census::default(), 0));
    }
}

fn publish(mid: &str, source: Source, layers: Vec<PublishedLayer>) -> ClientMessage {
    let mid = Mid::new(mid).unwrap();
    ClientMessage::Publish { mid, source, muted: false, encrypted: false, layers }
}
