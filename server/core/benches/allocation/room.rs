//! The room: people who speak, send and are told, and the time that the core takes for it.

use std::time::{Duration, Instant};

use sotto_core::{
    Input, Output, Sfu, SfuConfig, Time,
    bandwidth::Estimate,
    forward::Forward,
    id::{
        ExtensionId, Mid, PacketId, ParticipantId, PayloadType, PeerId, Rid, RtpTime, SeqNo, Ssrc,
    },
    input::Join,
    media::{Codec, Direction, Extension, Kind, Offer, OfferedMedia, PayloadFormat},
    rtp::{PacketBuilder, VideoDescriptor},
    signal::{
        ClientMessage, LeaveReason, Permissions, PublishedLayer, ServerMessage, SlotViewport,
        Source,
    },
};
use uuid::Uuid;

/// People in the room, all with cameras and microphones.
pub(crate) const PEOPLE: usize = 200;

/// Video slots of each.
pub(crate) const VISIBLE: usize = 25;

const AUDIO_SLOTS: usize = 4;

/// How many speak at a time.
const TALKERS: usize = 3;

/// Height and bits per second of each layer.
const LAYERS: [(u16, u64); 3] = [(180, 150_000), (360, 500_000), (720, 1_700_000)];
const RIDS: [&str; 3] = ["q", "h", "f"];

/// Everything happens in steps of this: each layer then sends what it makes in one packet.
const STEP: Duration = Duration::from_millis(100);

const MID: ExtensionId = ExtensionId(1);
const RID: ExtensionId = ExtensionId(2);
const LEVEL: ExtensionId = ExtensionId(3);

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// Time in the core apart from packets.
    pub(crate) deciding: Duration,
    /// Time in the core with packets.
    pub(crate) forwarding: Duration,
    /// Packets that were forwarded.
    pub(crate) forwards: u64,
    /// Slots of which subscribers were told another layer, or a pause.
    pub(crate) told: u64,
    /// Slots that were pointed at somebody else.
    pub(crate) pointed: u64,
    /// Changes of the dominant speaker.
    pub(crate) stages: u64,
    /// Times that a publisher was asked for other layers.
    pub(crate) demands: u64,
}

/// The room and its people.
pub(crate) struct Room {
    pub(crate) sfu: Sfu,
    pub(crate) figures: Figures,
    /// Whether lines change; else they only seem to, by up to a twelfth.
    pub(crate) restless: bool,
    now: Time,
    people: Vec<Person>,
    random: u64,
    packets: u32,
    out: Vec<Forward>,
    bytes: Vec<u8>,
    /// Who speaks, and until when.
    talkers: Vec<(usize, Time)>,
    dominant: Option<ParticipantId>,
}

struct Person {
    peer: PeerId,
    /// What its line carries, and until when.
    line: (u64, Time),
    estimated: Time,
    active: [bool; 3],
    keyframe: [bool; 3],
    seq: [u16; 4],
    picture: u16,
    shown: Vec<(Mid, Option<u16>)>,
}

impl Room {
    /// Everybody joins, publishes and says how large it shows its slots: one large, the rest small.
    pub(crate) fn new() -> Self {
        let mut room = Self {
            sfu: Sfu::new(SfuConfig { max_kept_packets: 0, ..SfuConfig::default() }),
            figures: Figures::default(),
            restless: true,
            now: Time::from_micros(1_795_000_000_000_000),
            people: Vec::new(),
            random: 7,
            packets: 0,
            out: Vec::new(),
            bytes: vec![0; 64_000],
            talkers: Vec::new(),
            dominant: None,
        };
        for n in 0..PEOPLE {
            let peer = PeerId(n as u64 + 1);
            room.people.push(Person {
                peer,
                line: (2_000_000, Time::default()),
                estimated: Time::default(),
                active: [true; 3],
                keyframe: [true; 3],
                seq: [1; 4],
                picture: 1,
                shown: Vec::new(),
            });
            room.enter(peer);
        }
        room
    }

    /// Lets so many seconds pass.
    pub(crate) fn run(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            self.speak();
            for person in 0..PEOPLE {
                self.estimate(person);
                self.send(person);
            }
            self.pass();
        }
    }

    fn enter(&mut self, peer: PeerId) {
        let permissions = Permissions {
            publish: true,
            sources: None,
            model_consent: None,
            subscribe: true,
            data: true,
            admin: false,
            hidden: false,
        };
        let participant = ParticipantId(Uuid::from_u128(peer.0.into()));
        let (room, identity) = ("hall".to_owned(), peer.0.to_string());
        let name = identity.clone();
        let model_key = None;
        let join = Join {
            peer,
            participant,
            room,
            identity,
            name,
            permissions,
            model_key,
            resumption: None,
        };
        self.act(Input::Join(join));
        self.act(Input::Offer { peer, id: 1, offer: offer() });
        self.act(Input::Connected { peer });
        let layers = LAYERS.iter().zip(RIDS).map(|(&(height, bitrate), rid)| PublishedLayer {
            rid: Rid::new(rid).ok(),
            width: height / 9 * 16,
            height,
            max_bitrate: Some(bitrate as u32),
            scalability_mode: None,
        });
        let publications = [
            (mid("m".into()), Source::Microphone, Vec::new()),
            (mid("c".into()), Source::Camera, layers.collect()),
        ];
        for (mid, source, layers) in publications {
            let message =
                ClientMessage::Publish { mid, source, muted: false, encrypted: false, layers };
            self.act(Input::Message { peer, message });
        }
        let slots = (0..VISIBLE).map(|n| {
            let height = if n == 0 { 720 } else { 180 };
            SlotViewport { mid: mid(format!("v{n}")), width: height / 9 * 16, height }
        });
        let message = ClientMessage::Viewport { slots: slots.collect() };
        self.act(Input::Message { peer, message });
    }

    /// Lets those begin and end who do.
    fn speak(&mut self) {
        let now = self.now;
        self.talkers.retain(|&(_, until)| until > now);
        while self.talkers.len() < TALKERS {
            let who = self.random(PEOPLE as u64) as usize;
            let until = now + Duration::from_millis(800 + self.random(6_000));
            self.talkers.push((who, until));
        }
    }

    /// A line that carries something else each 5 to 25 seconds, and an estimate of it twice a second
    /// that is off by up to a twelfth.
    fn estimate(&mut self, person: usize) {
        let now = self.now;
        if self.restless && self.people[person].line.1 <= now {
            let octaves = self.random(4_700) as f64 / 1_000.0;
            let carries = (300_000.0 * octaves.exp2()) as u64;
            let until = now + Duration::from_millis(5_000 + self.random(20_000));
            self.people[person].line = (carries, until);
        }
        if now.saturating_since(self.people[person].estimated) < Duration::from_millis(500) {
            return;
        }
        let noise = 917 + self.random(167);
        let person = &mut self.people[person];
        person.estimated = now;
        let (peer, bitrate) = (person.peer, person.line.0 * noise / 1_000);
        let estimate = Estimate { bitrate, round_trip: None, loss_per_mille: 0 };
        self.act(Input::Bandwidth { peer, estimate });
    }

    fn send(&mut self, who: usize) {
        let level = if self.talkers.iter().any(|&(talker, _)| talker == who) { 25 } else { 127 };
        self.packet(who, None, 400, level);
        for (layer, (_, bitrate)) in LAYERS.into_iter().enumerate() {
            if self.people[who].active[layer] {
                self.packet(who, Some(layer), bitrate as usize / 80, 0);
            }
        }
    }

    fn packet(&mut self, who: usize, layer: Option<usize>, size: usize, level: u8) {
        let person = &mut self.people[who];
        let mut payload = vec![0; size];
        let stream = layer.map_or(3, |layer| layer);
        if let Some(layer) = layer {
            let descriptor = VideoDescriptor::Vp8 {
                start_of_frame: true,
                keyframe: person.keyframe[layer],
                picture_id: Some((person.picture & 0x7fff, true)),
                tl0_picture_index: Some(person.picture as u8),
                temporal_layer: Some((0, false)),
            };
            let len = descriptor.write(&mut payload).unwrap();
            payload[len] = u8::from(!person.keyframe[layer]);
            person.keyframe[layer] = false;
            person.picture = person.picture.wrapping_add(u16::from(layer == 2));
        }
        let level = [level];
        let extensions: &[(ExtensionId, &[u8])] = match layer {
            Some(layer) => &[(MID, b"c"), (RID, RIDS[layer].as_bytes())],
            None => &[(MID, b"m"), (LEVEL, &level)],
        };
        let rate = if layer.is_some() { 90 } else { 48 };
        let builder = PacketBuilder {
            ssrc: Ssrc(10 + stream as u32),
            payload_type: PayloadType(if layer.is_some() { 96 } else { 111 }),
            seq: SeqNo(person.seq[stream]),
            timestamp: RtpTime((self.now.as_micros() / 1_000 * rate) as u32),
            marker: layer.is_some(),
            csrcs: &[],
            extensions,
            payload: &payload,
            padding: 0,
        };
        person.seq[stream] = person.seq[stream].wrapping_add(1);
        let (peer, len) = (person.peer, builder.write(&mut self.bytes).unwrap());
        self.packets += 1;
        let start = Instant::now();
        let bytes = &self.bytes[..len];
        self.sfu.packet(self.now, peer, PacketId(self.packets), bytes, &mut self.out).unwrap();
        self.figures.forwarding += start.elapsed();
        self.figures.forwards += self.out.len() as u64;
        self.out.clear();
    }

    fn pass(&mut self) {
        let end = self.now + STEP;
        while let Some(due) = self.sfu.poll_timeout().filter(|&due| due <= end) {
            self.now = self.now.max(due);
            let start = Instant::now();
            self.sfu.handle_timeout(self.now);
            self.figures.deciding += start.elapsed();
            self.drain();
        }
        self.now = end;
        self.drain();
    }

    fn act(&mut self, input: Input) {
        let start = Instant::now();
        self.sfu.handle(self.now, input);
        self.figures.deciding += start.elapsed();
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.sfu.poll_output() {
            match output {
                Output::Message { peer, message } => self.hear(peer, message),
                Output::RequestKeyframe { peer, ssrc } => {
                    let layer = (ssrc.0 as usize).saturating_sub(10);
                    self.people[peer.0 as usize - 1].keyframe[layer] = true;
                }
                _ => {}
            }
        }
    }

    fn hear(&mut self, peer: PeerId, message: ServerMessage) {
        let person = &mut self.people[peer.0 as usize - 1];
        match message {
            ServerMessage::Demand { layers, .. } if !layers.is_empty() => {
                self.figures.demands += 1;
                for (layer, demand) in layers.iter().enumerate() {
                    person.keyframe[layer] |= demand.active && !person.active[layer];
                    person.active[layer] = demand.active;
                }
            }
            ServerMessage::Quality { slots } => {
                for slot in slots {
                    let height = slot.layer.and_then(|layer| layer.height);
                    let before = person.shown.iter_mut().find(|(mid, _)| *mid == slot.mid);
                    match before {
                        Some((_, before)) => {
                            self.figures.told += u64::from(*before != height);
                            *before = height;
                        }
                        None => person.shown.push((slot.mid, height)),
                    }
                }
            }
            ServerMessage::Slots { slots } => {
                let news = slots.iter().filter(|slot| slot.mid.as_str().starts_with('v'));
                let news = news.filter_map(|slot| slot.content.as_ref());
                let pointed = news.filter(|content| content.rtp_timestamp.is_none());
                self.figures.pointed += pointed.count() as u64;
            }
            ServerMessage::Speakers { speakers } if peer.0 == 1 => {
                let dominant = speakers.first().map(|speaker| speaker.participant);
                if dominant.is_some() && dominant != self.dominant {
                    self.dominant = dominant;
                    self.figures.stages += 1;
                }
            }
            ServerMessage::ParticipantLeft { reason, .. } => {
                assert_eq!(reason, LeaveReason::Left, "nobody is lost");
            }
            ServerMessage::Error { message, .. } => panic!("{peer:?} was refused: {message}"),
            _ => {}
        }
    }

    fn random(&mut self, below: u64) -> u64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.random >> 33) % below
    }
}

fn mid(name: String) -> Mid {
    Mid::new(&name).unwrap()
}

fn offer() -> Offer {
    let line = |name: String, kind, direction| {
        let is_video = kind == Kind::Video;
        let (codec, payload_type, own) = if is_video {
            (Codec::Vp8, PayloadType(96), (Extension::Rid, RID))
        } else {
            (Codec::Opus, PayloadType(111), (Extension::AudioLevel, LEVEL))
        };
        let format = PayloadFormat {
            payload_type,
            codec,
            rtx: None,
            red: None,
            nack: false,
            transport_cc: true,
        };
        OfferedMedia {
            mid: mid(name),
            kind,
            direction,
            formats: vec![format],
            extensions: vec![(Extension::Mid, MID), own],
            rids: Vec::new(),
            ssrc: None,
            rtx_ssrc: None,
        }
    };
    let mut camera = line("c".into(), Kind::Video, Direction::Send);
    camera.rids = RIDS.iter().filter_map(|rid| Rid::new(rid).ok()).collect();
    let mut media = vec![line("m".into(), Kind::Audio, Direction::Send), camera];
    let sounds = (0..AUDIO_SLOTS).map(|n| line(format!("a{n}"), Kind::Audio, Direction::Receive));
    media.extend(sounds);
    let pictures = (0..VISIBLE).map(|n| line(format!("v{n}"), Kind::Video, Direction::Receive));
    media.extend(pictures);
    Offer { media, ..Offer::default() }
}
