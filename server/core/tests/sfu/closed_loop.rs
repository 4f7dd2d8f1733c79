//! The rooms and the congestion controller of one subscriber together, over a link that becomes
//! narrow and wide again, in virtual time.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use sotto_core::{
    Input, Output, Sfu, SfuConfig, Time,
    bandwidth::{PacketClass, Sender, TransportFeedback, TransportFeedbackBuilder},
    forward::Forward,
    id::{Mid, PacketId, ParticipantId, PeerId, SeqNo, Ssrc},
    input::Join,
    media::Kind,
    signal::{ClientMessage, PublishedLayer, ServerMessage, SlotViewport, Source},
};
use uuid::Uuid;

use crate::{
    media::{self, RIDS, offer, rid, simulcast_offer},
    world::{everything, line},
};

const CAMERA: PeerId = PeerId(1);
const VIEWER: PeerId = PeerId(2);
const STEP: Duration = Duration::from_millis(1);

/// Height, and bits per second on the wire, of each layer.
const LAYERS: [(u16, u64); 3] = [(180, 100_000), (360, 350_000), (720, 1_200_000)];

/// Headers around an RTP packet.
const WIRE: usize = 44;

/// One way of 20 ms with a queue of at most 300 ms, and the same way back without one.
const DELAY: Duration = Duration::from_millis(20);
const QUEUE: Duration = Duration::from_millis(300);

/// What the link carries from each second on, in kilobits per second.
type Profile = [(u64, u64)];

struct Loop {
    sfu: Sfu,
    now: Time,
    begun: Time,
    layers: [media::Sender; 3],
    active: [bool; 3],
    next_packet: u32,
    sizes: HashMap<PacketId, (usize, u16)>,
    sender: Sender,
    waiting: VecDeque<(usize, PacketClass, u16)>,
    waiting_bytes: usize,
    /// When the link has sent what it was given.
    link_free: Time,
    /// What is under way: arrival, number, bytes, height.
    link: VecDeque<(Time, SeqNo, usize, u16)>,
    receiver: TransportFeedbackBuilder,
    reports: VecDeque<(Time, Vec<u8>)>,
    /// Bytes of each height that arrived, and the longest time in the queue, by second.
    arrived: Vec<HashMap<u16, usize>>,
    queued_ms: Vec<u128>,
    estimates: Vec<u64>,
}

impl Loop {
    fn new() -> Self {
        let now = Time::from_micros(1_795_000_000_000_000);
        let layers = [0, 1, 2].map(|index| media::Sender::layer(CAMERA, index));
        let mut this = Self {
            sfu: Sfu::new(SfuConfig::default()),
            now,
            begun: now,
            layers,
            active: [true; 3],
            next_packet: 0,
            sizes: HashMap::new(),
            sender: Sender::new(now),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            link_free: now,
            link: VecDeque::new(),
            receiver: TransportFeedbackBuilder::new(Ssrc(1)),
            reports: VecDeque::new(),
            arrived: Vec::new(),
            queued_ms: Vec::new(),
            estimates: Vec::new(),
        };
        let mut viewer_offer = offer(0, 1);
        for media in viewer_offer.media.iter_mut().filter(|media| media.kind == Kind::Video) {
            media.formats.iter_mut().for_each(|format| format.transport_cc = true);
        }
        for (peer, offer) in [(CAMERA, simulcast_offer(0, 0)), (VIEWER, viewer_offer)] {
            let participant = ParticipantId(Uuid::from_u128(peer.0.into()));
            let (room, identity, name) = ("blue".into(), peer.0.to_string(), String::new());
            let permissions = everything();
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
            this.act(Input::Join(join));
            this.act(Input::Offer { peer, id: 1, offer });
            this.act(Input::Connected { peer });
        }
        let layers = LAYERS.iter().zip(RIDS).map(|(&(height, bitrate), name)| PublishedLayer {
            rid: Some(rid(name)),
            width: height / 9 * 16,
            height,
            max_bitrate: Some(bitrate as u32),
            scalability_mode: None,
        });
        let (mid, source, layers) = (line(Source::Camera), Source::Camera, layers.collect());
        let message =
            ClientMessage::Publish { mid, source, muted: false, encrypted: false, layers };
        this.act(Input::Message { peer: CAMERA, message });
        let slots = vec![SlotViewport { mid: Mid::new("v0").unwrap(), width: 1_280, height: 720 }];
        this.act(Input::Message { peer: VIEWER, message: ClientMessage::Viewport { slots } });
        this
    }

    fn run(&mut self, profile: &Profile, seconds: u64) {
        let end = self.begun + Duration::from_secs(seconds);
        while self.now < end {
            let second = self.now.saturating_since(self.begun).as_secs();
            if self.arrived.len() <= second as usize {
                self.arrived.push(HashMap::new());
                self.queued_ms.push(0);
                self.estimates.push(self.sender.estimate().bitrate);
            }
            let kbps = profile.iter().rev().find(|(from, _)| *from <= second).unwrap().1;
            self.capture();
            while let Some(due) = self.sfu.poll_timeout().filter(|&due| due <= self.now) {
                self.sfu.handle_timeout(self.now.max(due));
                self.drain();
            }
            if self.sender.poll_timeout().is_some_and(|due| due <= self.now) {
                self.sender.handle_timeout(self.now);
            }
            self.pace(kbps);
            self.deliver();
            if let Some(estimate) = self.sender.poll_estimate() {
                self.act(Input::Bandwidth { peer: VIEWER, estimate });
            }
            self.now = self.now + STEP;
        }
    }

    /// A frame each 33 ms in every active layer; keyframes are five times as large.
    fn capture(&mut self) {
        if !self.now.saturating_since(self.begun).as_millis().is_multiple_of(33) {
            return;
        }
        for (index, &(height, bitrate)) in LAYERS.iter().enumerate() {
            if !self.active[index] {
                continue;
            }
            let share = if self.layers[index].keyframe { 5 } else { 1 };
            let mut rest = (bitrate * 33 / 8_000) as usize * share;
            while rest > 0 {
                let size = rest.min(1_150);
                rest -= size;
                self.layers[index].size = size.max(32);
                let bytes = self.layers[index].next(self.now);
                let id = PacketId(self.next_packet);
                self.next_packet += 1;
                self.sizes.insert(id, (bytes.len() + WIRE, height));
                let mut out = Vec::new();
                self.sfu.packet(self.now, CAMERA, id, &bytes, &mut out).unwrap();
                out.into_iter().for_each(|forward| self.enqueue(&forward));
                self.drain();
            }
        }
    }

    fn enqueue(&mut self, forward: &Forward) {
        let (bytes, height) = self.sizes[&forward.packet];
        assert_eq!(forward.peer, VIEWER);
        self.waiting.push_back((bytes, forward.class, height));
        self.waiting_bytes += bytes;
        self.sender.queued(self.now, self.waiting_bytes);
    }

    fn pace(&mut self, kbps: u64) {
        while let Some(&(bytes, class, height)) = self.waiting.front() {
            if !self.sender.may_send(self.now, class) {
                break;
            }
            self.waiting.pop_front();
            self.waiting_bytes -= bytes;
            self.sender.queued(self.now, self.waiting_bytes);
            self.send(kbps, bytes, class, height);
        }
        while self.waiting.is_empty()
            && let Some(bytes) = self.sender.poll_padding(self.now)
        {
            self.send(kbps, bytes, PacketClass::Padding, 0);
        }
    }

    fn send(&mut self, kbps: u64, bytes: usize, class: PacketClass, height: u16) {
        let seq = self.sender.sent(self.now, bytes, class);
        let wait = self.link_free.saturating_since(self.now);
        let queued = self.queued_ms.last_mut().unwrap();
        *queued = (*queued).max(wait.as_millis());
        if wait > QUEUE {
            return;
        }
        let span = Duration::from_micros(bytes as u64 * 8 * 1_000 / kbps);
        self.link_free = self.link_free.max(self.now) + span;
        self.link.push_back((self.link_free + DELAY, seq, bytes, height));
    }

    fn deliver(&mut self) {
        while let Some(&(at, seq, bytes, height)) = self.link.front()
            && at <= self.now
        {
            self.link.pop_front();
            self.receiver.received(at, seq, Ssrc(2), bytes);
            *self.arrived.last_mut().unwrap().entry(height).or_default() += bytes;
        }
        while self.receiver.poll_timeout().is_some_and(|due| due <= self.now) {
            let mut report = Vec::new();
            if !self.receiver.poll(self.now, &mut report) {
                break;
            }
            self.reports.push_back((self.now + DELAY, report));
        }
        while self.reports.front().is_some_and(|(at, _)| *at <= self.now) {
            let (_, report) = self.reports.pop_front().unwrap();
            self.sender.feedback(self.now, &TransportFeedback::parse(&report).unwrap());
        }
    }

    fn act(&mut self, input: Input) {
        self.sfu.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.sfu.poll_output() {
            match output {
                Output::Forward(forward) => self.enqueue(&forward),
                Output::Demand { demand, .. } => self.sender.demand(self.now, demand),
                Output::RequestKeyframe { ssrc, .. } => {
                    let layer = self.layers.iter_mut().find(|layer| layer.ssrc == ssrc);
                    layer.unwrap().keyframe = true;
                }
                Output::Message { message: ServerMessage::Demand { layers, .. }, .. } => {
                    for (index, demand) in layers.iter().enumerate() {
                        self.layers[index].keyframe |= demand.active && !self.active[index];
                        self.active[index] = demand.active;
                    }
                }
                _ => {}
            }
        }
    }

    /// The height of which most arrived in a second; 0 is padding or nothing.
    fn height(&self, second: usize) -> u16 {
        let pictures = self.arrived[second].iter().filter(|(height, _)| **height > 0);
        pictures.max_by_key(|(_, bytes)| **bytes).map_or(0, |(height, _)| *height)
    }
}

#[test]
fn a_link_that_becomes_narrow_and_wide_again_carries_what_it_can() {
    let mut call = Loop::new();
    call.run(&[(0, 2_500), (20, 300), (40, 2_500)], 60);
    let heights: Vec<u16> = (0..60).map(|second| call.height(second)).collect();
    let report = || {
        let rows = (0..60).map(|s| {
            format!(
                "{s} s: {} kbit/s, {}, {} ms",
                call.estimates[s] / 1_000,
                heights[s],
                call.queued_ms[s]
            )
        });
        rows.collect::<Vec<_>>().join("\n")
    };
    assert!(heights[1] > 0, "a picture at once\n{}", report());
    let up = heights.iter().position(|&height| height == 720).unwrap_or(99);
    assert!(up <= 12, "the large layer after {up} s\n{}", report());
    let down = (20..40).find(|&second| heights[second] == 180).unwrap_or(99);
    assert!(
        down <= 23,
        "the small layer {} s after the link became narrow\n{}",
        down - 20,
        report()
    );
    assert!(heights[24..40].iter().all(|&height| height == 180), "{}", report());
    let back = (40..60).find(|&second| heights[second] == 720).unwrap_or(99);
    assert!(back <= 52, "the large layer {} s after the link became wide\n{}", back - 40, report());
}
