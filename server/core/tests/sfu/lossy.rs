//! A publisher and a subscriber on lines that lose packets, in virtual time. Both ask for what they
//! miss and send again what they are asked for, as browsers do.
//!
//! Every packet that the node sends goes through [`Lossy::seal`], which holds what encryption lives
//! by: never two packets under one source and number.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use sotto_core::{
    Input, Kept, Output, Sfu, SfuConfig, Time,
    bandwidth::{Estimate, PacketClass},
    forward::{Forward, unpack_red},
    id::{ExtensionId, Mid, PacketId, PayloadType, PeerId, SeqNo, Ssrc},
    input::{Feedback, Join},
    media::{Direction, Extension, Kind, Offer, OfferedMedia},
    rtp::{ExtensionMap, Packet, PacketBuilder, Unwrapper},
    signal::{ClientMessage, LeaveReason, ServerMessage, Source},
};
use uuid::Uuid;

use crate::{
    media::{OPUS, RIDS, Sender, media, rid},
    model::{
        link::{CLEAN, Conditions, Link},
        rng::Rng,
    },
    world::{everything, line},
};

const PUBLISHER: PeerId = PeerId(1);
const SUBSCRIBER: PeerId = PeerId(2);
const RED: PayloadType = PayloadType(63);
const RTX: PayloadType = PayloadType(97);
const MID_ID: ExtensionId = ExtensionId(4);
const RID_ID: ExtensionId = ExtensionId(10);
const REPAIRED_RID_ID: ExtensionId = ExtensionId(11);

/// One step of time.
const STEP: Duration = Duration::from_millis(1);

/// How a subscriber asks: when, how often, how many times.
const ASK_AFTER: Duration = Duration::from_millis(10);
const ASK_INTERVAL: Duration = Duration::from_millis(60);
const ASK_TIMES: u8 = 10;

/// How lines lose packets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Losses {
    /// Losses that begin, in 1,000 packets.
    pub(crate) per_mille: u64,
    /// Packets that are lost then.
    pub(crate) burst: u32,
    /// Whether the way to the node loses, and the one from it.
    pub(crate) up: bool,
    pub(crate) down: bool,
    /// Time on the way.
    pub(crate) delay: Duration,
    /// What the node offers and is offered against it.
    pub(crate) nack: bool,
    pub(crate) red: bool,
}

/// Five in a hundred both ways, 80 ms there and back, and everything against it.
pub(crate) const FIVE_PERCENT: Losses = Losses {
    per_mille: 50,
    burst: 1,
    up: true,
    down: true,
    delay: Duration::from_millis(40),
    nack: true,
    red: true,
};

/// What went over the subscriber's line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) forwards: u64,
    pub(crate) retransmissions: u64,
    pub(crate) redundant: u64,
    pub(crate) resent: u64,
    pub(crate) padding: u64,
    /// Packets that the publisher sent again.
    pub(crate) repeated: u64,
    pub(crate) keyframes: u64,
}

/// One direction: a link, and the bursts that it loses.
struct Line<T> {
    link: Link<T>,
    rng: Rng,
    per_mille: u64,
    burst: u32,
    losing: u32,
}

impl<T: Clone> Line<T> {
    fn new(losses: &Losses, loses: bool, seed: u64, jitter: Duration) -> Self {
        let conditions = Conditions { delay: losses.delay, jitter, ..CLEAN };
        let per_mille = if loses { losses.per_mille } else { 0 };
        let (link, rng) = (Link::new(conditions, seed), Rng::new(seed + 1));
        Self { link, rng, per_mille, burst: losses.burst, losing: 0 }
    }

    fn send(&mut self, now: Time, packet: &T) {
        if self.losing == 0 && self.rng.happens(self.per_mille) {
            self.losing = self.burst;
        }
        match self.losing.checked_sub(1) {
            Some(left) => self.losing = left,
            None => self.link.send(now, packet),
        }
    }
}

/// What a subscriber has of one slot.
#[derive(Default)]
struct Slot {
    unwrapper: Unwrapper,
    /// What came, and when.
    came: BTreeMap<u64, Time>,
    /// What did not: since when, requests, time of the next one.
    missing: BTreeMap<u64, (u8, Time)>,
    nack: bool,
}

impl Slot {
    fn take(&mut self, now: Time, seq: SeqNo) {
        let number = self.unwrapper.unwrap(u32::from(seq.0), 16);
        if let Some((&highest, _)) = self.came.last_key_value() {
            for number in highest + 1..number {
                self.missing.insert(number, (0, now + ASK_AFTER));
            }
        }
        self.missing.remove(&number);
        self.came.entry(number).or_insert(now);
    }

    fn ask(&mut self, now: Time) -> Vec<SeqNo> {
        let due =
            self.missing.iter_mut().filter(|(_, (tries, at))| *at <= now && *tries < ASK_TIMES);
        due.map(|(seq, (tries, at))| {
            *tries += 1;
            *at = now + ASK_INTERVAL;
            SeqNo(*seq as u16)
        })
        .collect()
    }
}

/// The two and the node between them.
pub(crate) struct Lossy {
    pub(crate) sfu: Sfu,
    pub(crate) now: Time,
    pub(crate) tally: Tally,
    pub(crate) mic: Sender,
    pub(crate) layers: Vec<Sender>,
    /// Which layers are sent.
    pub(crate) active: Vec<bool>,
    /// Predecessors that the publisher's own packets of sound carry.
    pub(crate) publisher_red: bool,
    /// Whether the publisher was asked last for redundancy.
    pub(crate) asked_red: bool,
    /// What the subscriber's line is said to lose, in 1,000.
    pub(crate) reported_loss: u16,
    slab: HashMap<PacketId, (Vec<u8>, bool)>,
    next_packet: u32,
    kept: HashMap<(Ssrc, u16), Vec<u8>>,
    last_voice: Option<Vec<u8>>,
    repeated: HashMap<Ssrc, SeqNo>,
    up: Line<Vec<u8>>,
    up_feedback: Line<(Ssrc, Vec<SeqNo>)>,
    down: Line<Vec<u8>>,
    down_feedback: Line<Feedback>,
    sealed: HashMap<(Ssrc, u64), Vec<u8>>,
    rollovers: HashMap<Ssrc, Unwrapper>,
    slots: HashMap<Ssrc, Slot>,
    repairs: HashMap<Ssrc, Ssrc>,
    kinds: HashMap<Ssrc, Kind>,
    steps: u64,
}

impl Lossy {
    /// Both join, the publisher with a microphone and a camera of `layers` layers.
    pub(crate) fn new(losses: &Losses, layers: u8, seed: u64, jitter: Duration) -> Self {
        let voice = media("mic", Kind::Audio, Direction::Send);
        let seeded = |n: u64| seed * 100 + n;
        let mut lossy = Self {
            sfu: Sfu::new(SfuConfig::default()),
            now: Time::from_micros(1_795_000_000_000_000),
            tally: Tally::default(),
            mic: Sender { tagged: true, ..Sender::new(&voice, Ssrc(1_001), PUBLISHER) },
            layers: (0..layers).map(|index| Sender::layer(PUBLISHER, index)).collect(),
            active: vec![true; layers.into()],
            publisher_red: false,
            asked_red: false,
            reported_loss: 0,
            slab: HashMap::new(),
            next_packet: 0,
            kept: HashMap::new(),
            last_voice: None,
            repeated: HashMap::new(),
            up: Line::new(losses, losses.up, seeded(1), jitter),
            up_feedback: Line::new(losses, losses.up, seeded(2), jitter),
            down: Line::new(losses, losses.down, seeded(3), jitter),
            down_feedback: Line::new(losses, losses.down, seeded(4), jitter),
            sealed: HashMap::new(),
            rollovers: HashMap::new(),
            slots: HashMap::new(),
            repairs: HashMap::new(),
            kinds: HashMap::new(),
            steps: 0,
        };
        let mut camera = media("cam", Kind::Video, Direction::Send);
        camera.rids = RIDS[..layers.into()].iter().map(|name| rid(name)).collect();
        camera.extensions.push((Extension::Rid, RID_ID));
        camera.extensions.push((Extension::RepairedRid, REPAIRED_RID_ID));
        lossy.join(PUBLISHER, losses, vec![voice, camera]);
        lossy.join(
            SUBSCRIBER,
            losses,
            vec![
                media("a0", Kind::Audio, Direction::Receive),
                media("v0", Kind::Video, Direction::Receive),
            ],
        );
        for source in [Source::Microphone, Source::Camera] {
            let (mid, layers) = (line(source), Vec::new());
            lossy.say(ClientMessage::Publish {
                mid,
                source,
                muted: false,
                encrypted: false,
                layers,
            });
        }
        lossy
    }

    fn join(&mut self, peer: PeerId, losses: &Losses, mut media: Vec<OfferedMedia>) {
        for format in media.iter_mut().flat_map(|media| &mut media.formats) {
            format.nack = losses.nack;
            format.rtx = format.rtx.filter(|_| losses.nack);
            format.red = (losses.red && format.payload_type == OPUS).then_some(RED);
        }
        let participant = sotto_core::id::ParticipantId(Uuid::from_u128(peer.0.into()));
        self.input(Input::Join(Join {
            peer,
            participant,
            room: "blue".into(),
            identity: format!("p{}", peer.0),
            name: String::new(),
            permissions: everything(),
            model_key: None,
            resumption: None,
        }));
        self.input(Input::Offer { peer, id: 1, offer: Offer { media, ..Offer::default() } });
        self.input(Input::Connected { peer });
    }

    /// The publisher says something.
    pub(crate) fn say(&mut self, message: ClientMessage) {
        self.input(Input::Message { peer: PUBLISHER, message });
    }

    /// The subscriber is gone, and all that was kept for it must be too.
    pub(crate) fn end(&mut self) -> usize {
        for peer in [SUBSCRIBER, PUBLISHER] {
            self.input(Input::Disconnected { peer, reason: LeaveReason::Left });
        }
        self.slab.len()
    }

    /// Lets time pass: 50 packets of sound and 30 frames a second in each layer, while `sending`.
    pub(crate) fn run(&mut self, span: Duration, sending: bool) {
        let end = self.now + span;
        while self.now < end {
            self.now = self.now + STEP;
            self.steps += 1;
            if sending {
                self.publish();
            }
            while let Some((_, bytes)) = self.up.link.receive(self.now) {
                self.arrive(bytes);
            }
            while let Some((_, (ssrc, missing))) = self.up_feedback.link.receive(self.now) {
                missing.into_iter().for_each(|seq| self.repeat(ssrc, seq));
            }
            while let Some((_, bytes)) = self.down.link.receive(self.now) {
                self.receive(&bytes);
            }
            while let Some((_, feedback)) = self.down_feedback.link.receive(self.now) {
                self.input(Input::Feedback { peer: SUBSCRIBER, feedback });
            }
            while self.sfu.poll_timeout().is_some_and(|due| due <= self.now) {
                self.sfu.handle_timeout(self.now);
                self.drain();
            }
            self.ask();
            if self.steps.is_multiple_of(200) {
                let estimate = Estimate {
                    bitrate: 5_000_000,
                    round_trip: Some(self.down.link.conditions.delay * 2),
                    loss_per_mille: self.reported_loss,
                };
                for peer in [PUBLISHER, SUBSCRIBER] {
                    self.input(Input::Bandwidth { peer, estimate });
                }
            }
        }
    }

    fn publish(&mut self) {
        if self.steps.is_multiple_of(20) {
            let mut bytes = self.mic.next(self.now);
            let packet = read(&bytes);
            let payload = packet.payload(&bytes).to_vec();
            if self.publisher_red
                && let Some(before) = self.last_voice.take()
            {
                let head = usize::from(packet.header_len);
                bytes.truncate(head);
                bytes[1] = bytes[1] & 0x80 | RED.0;
                let field = 960u32 << 10 | before.len() as u32;
                bytes.extend([0x80 | OPUS.0, (field >> 16) as u8, (field >> 8) as u8, field as u8]);
                bytes.push(OPUS.0);
                bytes.extend(before);
                bytes.extend(&payload);
            }
            self.last_voice = Some(payload);
            self.send(bytes);
        }
        if self.steps.is_multiple_of(33) {
            for index in 0..self.layers.len() {
                if self.active[index] {
                    let bytes = self.layers[index].next(self.now);
                    self.send(bytes);
                }
            }
        }
    }

    fn send(&mut self, bytes: Vec<u8>) {
        let packet = read(&bytes);
        self.kept.insert((packet.ssrc, packet.seq.0), bytes.clone());
        self.up.send(self.now, &bytes);
    }

    /// The publisher sends a packet again: sound as it was, pictures as retransmissions.
    fn repeat(&mut self, ssrc: Ssrc, seq: SeqNo) {
        let Some(bytes) = self.kept.get(&(ssrc, seq.0)).cloned() else { return };
        self.tally.repeated += 1;
        let packet = read(&bytes);
        let Some(layer) = self.layers.iter().find(|layer| layer.ssrc == ssrc) else {
            return self.up.send(self.now, &bytes);
        };
        let number = self.repeated.entry(ssrc).or_default();
        *number = number.next();
        let mut payload = seq.0.to_be_bytes().to_vec();
        payload.extend(packet.payload(&bytes));
        let rid = layer.rid.unwrap();
        let builder = PacketBuilder {
            ssrc: Ssrc(ssrc.0 + 50_000),
            payload_type: RTX,
            seq: *number,
            timestamp: packet.timestamp,
            marker: packet.marker,
            csrcs: &[],
            extensions: &[
                (MID_ID, layer.mid.as_str().as_bytes()),
                (REPAIRED_RID_ID, rid.as_str().as_bytes()),
            ],
            payload: &payload,
            padding: 0,
        };
        let mut out = vec![0; 300];
        let len = builder.write(&mut out).unwrap();
        out.truncate(len);
        self.up.send(self.now, &out);
    }

    fn arrive(&mut self, bytes: Vec<u8>) {
        let id = PacketId(self.next_packet);
        self.next_packet += 1;
        let mut out = Vec::new();
        let result = self.sfu.packet(self.now, PUBLISHER, id, &bytes, &mut out);
        self.slab.insert(id, (bytes, result == Ok(Kept::Yes)));
        out.into_iter().for_each(|forward| self.forward(forward));
        self.drain();
        if self.slab.get(&id).is_some_and(|(_, kept)| !kept) {
            self.slab.remove(&id);
        }
    }

    fn input(&mut self, input: Input) {
        self.sfu.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.sfu.poll_output() {
            match output {
                Output::Answer { peer: SUBSCRIBER, answer, .. } => {
                    for media in answer.media {
                        let ssrc = media.ssrc.expect("slots have sources");
                        let nack = media.formats.iter().any(|format| format.nack);
                        self.slots.insert(ssrc, Slot { nack, ..Slot::default() });
                        self.kinds.insert(ssrc, media.formats[0].codec.kind());
                        self.repairs.extend(media.rtx_ssrc.map(|rtx| (rtx, ssrc)));
                    }
                }
                Output::Message {
                    peer: PUBLISHER,
                    message: ServerMessage::Demand { audio: Some(voice), .. },
                } => self.asked_red = voice.red,
                Output::Forward(forward) => self.forward(forward),
                Output::Release { packet } => {
                    let (_, kept) = self.slab.remove(&packet).expect("released once");
                    assert!(kept, "only kept packets are released");
                }
                Output::RequestKeyframe { ssrc, .. } => {
                    self.tally.keyframes += 1;
                    let layer = self.layers.iter_mut().find(|layer| layer.ssrc == ssrc);
                    layer.into_iter().for_each(|layer| layer.keyframe = true);
                }
                Output::Nack { peer: PUBLISHER, ssrc, missing } => {
                    self.up_feedback.send(self.now, &(ssrc, missing));
                }
                Output::Resend { peer: SUBSCRIBER, ssrc, seq } => {
                    let number = self.rollovers[&ssrc];
                    let number = { number }.unwrap(u32::from(seq.0), 16);
                    if let Some(bytes) = self.sealed.get(&(ssrc, number)) {
                        self.tally.resent += 1;
                        self.down.send(self.now, bytes);
                    }
                }
                _ => {}
            }
        }
    }

    fn forward(&mut self, forward: Forward) {
        assert_eq!(forward.peer, SUBSCRIBER);
        let mut out = vec![0; 2_000];
        let bytes = |id: PacketId| self.slab.get(&id).map(|(bytes, _)| bytes.as_slice());
        let len = forward.write(bytes, &mut out, None).expect("what is forwarded can be written");
        out.truncate(len);
        self.tally.forwards += 1;
        self.tally.redundant += u64::from(forward.redundancy.is_some());
        self.tally.retransmissions += u64::from(forward.class == PacketClass::Retransmission);
        self.seal(out);
    }

    /// A packet without content, as a prober sends it.
    pub(crate) fn pad(&mut self) {
        let Some(padding) = self.sfu.padding(SUBSCRIBER) else { return };
        let builder = PacketBuilder {
            ssrc: padding.ssrc,
            payload_type: padding.payload_type,
            seq: padding.seq,
            timestamp: padding.timestamp,
            marker: false,
            csrcs: &[],
            extensions: &[],
            payload: &[],
            padding: 200,
        };
        let mut out = vec![0; 300];
        let len = builder.write(&mut out).unwrap();
        out.truncate(len);
        self.tally.padding += 1;
        self.seal(out);
    }

    /// Encrypts and sends: a number of a source is used for one packet and never for another.
    fn seal(&mut self, bytes: Vec<u8>) {
        let packet = read(&bytes);
        let rollover = self.rollovers.entry(packet.ssrc).or_default();
        let number = rollover.unwrap(u32::from(packet.seq.0), 16);
        let before = self.sealed.insert((packet.ssrc, number), bytes.clone());
        assert_eq!(before, None, "{:?} {number} stands for two packets", packet.ssrc);
        self.down.send(self.now, &bytes);
    }

    fn receive(&mut self, bytes: &[u8]) {
        let packet = read(bytes);
        if let Some(media) = self.repairs.get(&packet.ssrc) {
            if let Some(original) = packet.payload(bytes).first_chunk() {
                let seq = SeqNo(u16::from_be_bytes(*original));
                // What is repeated is what was, or would have been, sent.
                self.slots.get_mut(media).unwrap().take(self.now, seq);
            }
            return;
        }
        let slot = self.slots.get_mut(&packet.ssrc).expect("a source of the answer");
        slot.take(self.now, packet.seq);
        if packet.payload_type == RED {
            let unpacked = unpack_red(&packet, packet.payload(bytes)).expect("we write RED");
            for older in unpacked.older.iter().flatten() {
                slot.take(self.now, older.seq);
            }
        }
    }

    fn ask(&mut self) {
        for (&ssrc, slot) in self.slots.iter_mut().filter(|(_, slot)| slot.nack) {
            for first in slot.ask(self.now) {
                let feedback = Feedback::Nack { ssrc, first, following: 0 };
                self.down_feedback.send(self.now, &feedback);
            }
        }
    }

    /// Packets of one kind of which the subscriber got nothing at all, or not within `patience` of
    /// those after them, in 1,000.
    pub(crate) fn lost(&self, kind: Kind, patience: Duration) -> f64 {
        let slots = self.slots.iter().filter(|(ssrc, _)| self.kinds[ssrc] == kind);
        let (mut lost, mut all) = (0usize, 0usize);
        for (_, slot) in slots {
            let (Some((&first, _)), Some((&last, _))) =
                (slot.came.first_key_value(), slot.came.last_key_value())
            else {
                continue;
            };
            all += (last - first + 1) as usize;
            lost += (last - first + 1) as usize - slot.came.len();
            let mut newest = Time::default();
            for &at in slot.came.values().rev() {
                // Later ones came before it: how long before?
                lost += usize::from(newest != Time::default() && at > newest + patience);
                newest = if newest == Time::default() { at } else { newest.min(at) };
            }
        }
        lost as f64 * 1_000.0 / all.max(1) as f64
    }

    /// Packets of one kind that the subscriber's slots are to have had.
    pub(crate) fn came(&self, kind: Kind) -> usize {
        let slots = self.slots.iter().filter(|(ssrc, _)| self.kinds[ssrc] == kind);
        slots.map(|(_, slot)| slot.came.len()).sum()
    }
}

/// The mid of the camera.
pub(crate) fn camera() -> Mid {
    line(Source::Camera)
}

fn read(bytes: &[u8]) -> Packet {
    Packet::parse(bytes, &ExtensionMap::default()).expect("RTP")
}
