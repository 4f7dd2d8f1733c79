//! Raw voices and the congestion controller of whoever hears them, over a thin, long and lossy line, in
//! virtual time.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use sotto_core::{
    Input, Output, Sfu, SfuConfig, Time,
    bandwidth::{PacketClass, Sender, TransportFeedback, TransportFeedbackBuilder},
    forward::Forward,
    id::{PacketId, ParticipantId, PeerId, SeqNo, Ssrc},
    input::Join,
    signal::{ClientMessage, Source},
};
use uuid::Uuid;

use crate::{
    media::{self, offer},
    model::rng::Rng,
    world::{everything, line},
};

const SPEAKERS: u64 = 4;
const LISTENER: PeerId = PeerId(SPEAKERS);
const STEP: Duration = Duration::from_millis(1);

/// One way of the line, a queue of at most half a second, and losses in 1,000 packets.
const DELAY: Duration = Duration::from_millis(150);
const QUEUE: Duration = Duration::from_millis(500);
const LOSSES: u64 = 50;

/// Around an RTP packet: the CSRC, UDP, IPv4 and the tag of the cipher.
const WIRE: usize = 48;

/// Four who speak at once, and one who hears them over a line of so many kilobits per second.
struct Loop {
    sfu: Sfu,
    now: Time,
    voices: Vec<media::Sender>,
    sender: Sender,
    rng: Rng,
    kbps: u64,
    next_packet: u32,
    /// When the line has sent what it was given.
    line_free: Time,
    /// What is under way: arrival, number, bytes.
    line: VecDeque<(Time, SeqNo, usize)>,
    receiver: TransportFeedbackBuilder,
    reports: VecDeque<(Time, Vec<u8>)>,
    sizes: HashMap<PacketId, usize>,
    /// By second: bits that were sent, packets of the loudest, and the longest time in the queue.
    seconds: Vec<(u64, u64, u128)>,
}

impl Loop {
    fn new(kbps: u64) -> Self {
        let now = Time::from_micros(1_795_000_000_000_000);
        let mut this = Self {
            sfu: Sfu::new(SfuConfig::default()),
            now,
            voices: Vec::new(),
            sender: Sender::new(now),
            rng: Rng::new(1),
            kbps,
            next_packet: 0,
            line_free: now,
            line: VecDeque::new(),
            receiver: TransportFeedbackBuilder::new(Ssrc(1)),
            reports: VecDeque::new(),
            sizes: HashMap::new(),
            seconds: Vec::new(),
        };
        for number in 0..=SPEAKERS {
            let peer = PeerId(number);
            let participant = ParticipantId(Uuid::from_u128(number.into()));
            let (room, identity, name) = ("blue".into(), number.to_string(), String::new());
            let (permissions, model_key) = (everything(), None);
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
            let mut offer = offer(4, 0);
            for media in &mut offer.media {
                media.formats.iter_mut().for_each(|format| format.transport_cc = true);
            }
            let microphone = offer.media[0].clone();
            this.act(Input::Join(join));
            this.act(Input::Offer { peer, id: 1, offer });
            this.act(Input::Connected { peer });
            if peer != LISTENER {
                let (mid, source) = (line(Source::Microphone), Source::Microphone);
                let layers = Vec::new();
                let message =
                    ClientMessage::Publish { mid, source, muted: false, encrypted: false, layers };
                this.act(Input::Message { peer, message });
                let voice = media::Sender::new(&microphone, microphone.ssrc.unwrap(), peer);
                let level = if number == 0 { 20 } else { 30 };
                this.voices.push(media::Sender { level, ..voice });
            }
        }
        this
    }

    fn run(&mut self, seconds: u64) {
        for ms in 0..seconds * 1_000 {
            if ms % 1_000 == 0 {
                self.seconds.push((0, 0, 0));
            }
            if ms % 20 == 0 {
                self.speak();
            }
            while let Some(due) = self.sfu.poll_timeout().filter(|&due| due <= self.now) {
                self.sfu.handle_timeout(self.now.max(due));
                self.drain();
            }
            if self.sender.poll_timeout().is_some_and(|due| due <= self.now) {
                self.sender.handle_timeout(self.now);
            }
            while let Some(bytes) = self.sender.poll_padding(self.now) {
                self.send(bytes, PacketClass::Padding);
            }
            self.deliver();
            if let Some(estimate) = self.sender.poll_estimate() {
                self.act(Input::Bandwidth { peer: LISTENER, estimate });
            }
            self.now = self.now + STEP;
        }
    }

    fn speak(&mut self) {
        for number in 0..self.voices.len() {
            let bytes = self.voices[number].next(self.now);
            let id = PacketId(self.next_packet);
            self.next_packet += 1;
            self.sizes.insert(id, bytes.len() + WIRE);
            let mut out: Vec<Forward> = Vec::new();
            self.sfu.packet(self.now, PeerId(number as u64), id, &bytes, &mut out).unwrap();
            for forward in out.into_iter().filter(|forward| forward.peer == LISTENER) {
                self.seconds.last_mut().unwrap().1 += u64::from(number == 0);
                self.send(self.sizes[&forward.packet], forward.class);
            }
            self.drain();
        }
    }

    fn send(&mut self, bytes: usize, class: PacketClass) {
        let seq = self.sender.sent(self.now, bytes, class);
        let wait = self.line_free.saturating_since(self.now);
        let (bits, _, longest) = self.seconds.last_mut().unwrap();
        *bits += bytes as u64 * 8;
        *longest = (*longest).max(wait.as_millis());
        if wait > QUEUE || self.rng.happens(LOSSES) {
            return;
        }
        let span = Duration::from_micros(bytes as u64 * 8 * 1_000 / self.kbps);
        self.line_free = self.line_free.max(self.now) + span;
        self.line.push_back((self.line_free + DELAY, seq, bytes));
    }

    fn deliver(&mut self) {
        while let Some(&(at, seq, bytes)) = self.line.front()
            && at <= self.now
        {
            self.line.pop_front();
            self.receiver.received(at, seq, Ssrc(2), bytes);
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
            if let Output::Demand { peer: LISTENER, demand } = output {
                self.sender.demand(self.now, demand);
            }
        }
    }
}

#[test]
fn voices_that_a_thin_line_does_not_carry_are_held_back_within_moments_and_stay_so() {
    let mut call = Loop::new(64);
    call.run(60);
    for (second, &(bits, loudest, queued)) in call.seconds.iter().enumerate() {
        assert_eq!(loudest, 50, "in second {second}");
        assert!(
            second < 2 || bits <= 48_000 && queued <= 60,
            "in second {second}: {bits} {queued}"
        );
    }
}

#[test]
fn a_line_that_carries_every_voice_is_sent_every_voice() {
    let mut call = Loop::new(1_000);
    call.run(60);
    let least = call.seconds.iter().map(|&(bits, ..)| bits).min();
    assert!(least >= Some(SPEAKERS * 40_000), "{:?}", call.seconds);
}
