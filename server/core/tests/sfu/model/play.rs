//! Plays a sequence to the core and to the model, and compares.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use sotto_core::{
    Census, SfuConfig,
    id::{PeerId, Ssrc, TrackId},
    input::Feedback,
    media::{Kind, Offer},
    signal::{ClientMessage, Source, View},
};

use super::{
    expect::{AUDIO_SLOTS, Item, Model, VIDEO_SLOTS},
    link::{CLEAN, Link},
    ops::{Op, PEOPLE, ROOMS, sequence},
};
use crate::{
    media::{Sender, offer, simulcast_offer},
    world::{World, everything, line},
};

/// Between two packets of a microphone.
const STEP: Duration = Duration::from_millis(20);

/// A camera sends one frame each so many steps.
const FRAME_STEPS: u32 = 3;

/// And a sender report each so many.
const REPORT_STEPS: u32 = 50;

/// How long somebody speaks, and how long it is silent until nobody counts as speaking.
const SPEECH: Duration = Duration::from_millis(600);
const SILENCE: Duration = Duration::from_millis(1_400);

/// After so many operations everything must flow.
const FLOW_CHECKS: usize = 15;

/// Plays the sequence of a seed. A failure names the seed and the operation.
pub(crate) fn run(seed: u64, len: usize) {
    let ops = sequence(seed, len);
    let mut play = Play {
        world: World::new(SfuConfig::default()),
        model: Model::default(),
        link: Link::new(CLEAN, seed),
        steps: 0,
        told: BTreeMap::new(),
    };
    let mut trace = Trace { seed, ops: &ops, at: 0 };
    for (index, op) in ops.iter().enumerate() {
        trace.at = index;
        play.apply(op);
        play.compare();
        if index % FLOW_CHECKS == FLOW_CHECKS - 1 {
            play.check_flow();
        }
    }
    trace.at = ops.len();
    play.check_flow();
    play.end();
}

/// Tells what was played when a check fails.
struct Trace<'a> {
    seed: u64,
    ops: &'a [Op],
    at: usize,
}

impl Drop for Trace<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}, after these operations:", self.seed);
            let played = self.ops.iter().enumerate().take(self.at + 1);
            played.for_each(|(index, op)| eprintln!("  {index}: {op:?}"));
        }
    }
}

/// What somebody offers: every other one has a camera with simulcast layers.
fn offer_of(who: usize, audio: usize, video: usize) -> Offer {
    if who.is_multiple_of(2) { simulcast_offer(audio, video) } else { offer(audio, video) }
}

struct Play {
    world: World,
    model: Model,
    link: Link<(PeerId, Vec<u8>)>,
    steps: u32,
    /// What every client's slots carried after the last operation.
    told: BTreeMap<PeerId, BTreeMap<TrackId, Ssrc>>,
}

impl Play {
    fn apply(&mut self, op: &Op) {
        match op.clone() {
            Op::Join { who, room } => self.join(who, room),
            Op::Leave { who } => {
                if let Some(peer) = self.peer(who) {
                    self.world.leave(peer);
                }
                self.model.leave(who);
            }
            Op::Lose { who } => {
                if let Some(peer) = self.peer(who) {
                    self.world.lose(peer);
                }
                self.model.leave(who);
            }
            Op::Outage { who, span } => self.flow(span, None, self.peer(who)),
            Op::Publish { who, source, muted } => {
                if let Some(peer) = self.peer(who) {
                    let mid = line(source);
                    let encrypted = false;
                    let publish = ClientMessage::Publish {
                        mid,
                        source,
                        muted,
                        encrypted,
                        layers: Vec::new(),
                    };
                    self.world.say(peer, publish);
                }
                self.model.publish(who, source, muted);
            }
            Op::Unpublish { who, source } => {
                if let Some(peer) = self.peer(who) {
                    self.world.say(peer, ClientMessage::Unpublish { mid: line(source) });
                }
                self.model.unpublish(who, source);
            }
            Op::Mute { who, source, muted } => {
                if let Some(peer) = self.peer(who) {
                    self.world.mute(peer, source, muted);
                }
                self.model.mute(who, source, muted);
            }
            Op::Restart { who, source } => {
                if let Some(peer) = self.peer(who) {
                    let encoders = self.world.client(peer).encoders(source);
                    encoders.iter_mut().for_each(Sender::restart);
                }
            }
            Op::Encode { who, layers } => {
                if let Some(peer) = self.peer(who) {
                    let encoders = &mut self.world.client(peer).layers;
                    for (encoder, active) in encoders.iter_mut().zip(layers) {
                        encoder.active = active;
                    }
                }
            }
            Op::Pin { who, whom } => {
                let pins = self.participants(&whom);
                self.change_view(who, |view| view.pins = pins);
            }
            Op::Hide { who, whom } => {
                let hidden = self.participants(&whom);
                self.change_view(who, |view| view.hidden = hidden);
            }
            Op::Mode { who, mode } => self.change_view(who, |view| view.mode = mode),
            Op::Tiles { who, tiles } => self.change_view(who, |view| view.tiles = tiles),
            Op::Offset { who, offset } => self.change_view(who, |view| view.offset = offset),
            Op::Slots { who, audio, video } => {
                self.model.set_slots(who, audio, video);
                if let Some(peer) = self.peer(who) {
                    self.world.offer(peer, offer_of(who, audio, video));
                }
            }
            Op::Talk { who } => {
                if self.model.talk(who) {
                    self.flow(SPEECH, self.peer(who), None);
                    self.flow(SILENCE, None, None);
                }
            }
            Op::AskForKeyframes { who } => {
                if let Some(peer) = self.peer(who) {
                    let answer = self.world.client(peer).answer.clone();
                    for ssrc in answer.media.iter().filter_map(|media| media.ssrc) {
                        self.world.feedback(peer, Feedback::KeyframeRequest { ssrc });
                    }
                }
            }
            Op::Flow { span } => self.flow(span, None, None),
            Op::Wait { span } => self.wait(span),
            Op::Link { conditions } => self.link.conditions = conditions,
        }
    }

    fn join(&mut self, who: usize, room: usize) {
        // One identity is in one room; in the same room the old connection is replaced.
        if let Some(person) = &self.model.people[who]
            && person.room != room
        {
            self.world.leave(person.peer);
        }
        let identity = format!("p{who}");
        let offer = offer_of(who, AUDIO_SLOTS, VIDEO_SLOTS);
        let peer = self.world.join_with(ROOMS[room], &identity, everything(), offer);
        let participant = self.world.client(peer).participant;
        self.model.join(who, room, peer, participant);
    }

    fn change_view(&mut self, who: usize, change: impl FnOnce(&mut View)) {
        if let Some(person) = &mut self.model.people[who] {
            change(&mut person.view);
            self.world.view(person.peer, person.view.clone());
        }
    }

    fn participants(&self, whom: &[usize]) -> Vec<sotto_core::id::ParticipantId> {
        let people = whom.iter().filter_map(|&who| self.model.people[who].as_ref());
        people.map(|person| person.participant).collect()
    }

    fn peer(&self, who: usize) -> Option<PeerId> {
        self.model.people[who].as_ref().map(|person| person.peer)
    }

    /// Everybody sends what it publishes; nothing leaves `silenced`.
    fn flow(&mut self, span: Duration, talker: Option<PeerId>, silenced: Option<PeerId>) {
        let end = self.world.now + span;
        while self.world.now < end {
            self.steps += 1;
            let people = self.model.people.iter().flatten();
            let people = people.filter(|person| Some(person.peer) != silenced);
            for person in people {
                for (&source, _) in person.tracks.iter().filter(|(_, track)| !track.muted) {
                    let is_frame = self.steps.is_multiple_of(FRAME_STEPS);
                    if source.kind() == Kind::Video && !is_frame {
                        continue;
                    }
                    let speaks = source == Source::Microphone && talker == Some(person.peer);
                    let now = self.world.now;
                    let client = self.world.client(person.peer);
                    for sender in client.encoders(source).iter_mut().filter(|s| s.active) {
                        sender.level = if speaks { 20 } else { 127 };
                        self.link.send(now, &(person.peer, sender.next(now)));
                    }
                }
            }
            if self.steps.is_multiple_of(REPORT_STEPS) {
                self.report();
            }
            self.wait(STEP);
        }
    }

    /// Every publisher reports its clocks.
    fn report(&mut self) {
        let now = self.world.now;
        let peers: Vec<PeerId> = self.model.people.iter().flatten().map(|p| p.peer).collect();
        for peer in peers {
            let encoders: Vec<Sender> =
                self.world.client(peer).all_encoders().map(|sender| sender.clone()).collect();
            for sender in encoders {
                let report = Feedback::SenderReport {
                    ssrc: sender.ssrc,
                    ntp: now.to_ntp(),
                    rtp: sender.clock(now),
                };
                self.world.feedback(peer, report);
            }
        }
    }

    /// Time goes on; what is on its way arrives.
    fn wait(&mut self, span: Duration) {
        let end = self.world.now + span;
        while let Some((at, (peer, bytes))) = self.link.receive(end) {
            self.world.pass_until(at);
            // Refused where its publication or its sender is gone by now, or it came twice.
            let _refused = self.world.arrive(peer, bytes);
        }
        self.world.pass_until(end);
        for client in self.world.clients.values_mut() {
            for (_, ssrc) in std::mem::take(&mut client.keyframes_asked) {
                let asked = client.all_encoders().filter(|sender| sender.ssrc == ssrc);
                asked.for_each(|sender| sender.keyframe = true);
            }
        }
    }

    /// What clients were told is what the model says, and nothing moved that need not.
    fn compare(&mut self) {
        for who in 0..PEOPLE {
            let Some(peer) = self.peer(who) else { continue };
            self.model.check_video(who, &self.seen(peer, Kind::Video));
            self.model.check_audio(who, &self.seen(peer, Kind::Audio));
            let client = &self.world.clients[&peer];
            let now: BTreeMap<TrackId, Ssrc> = client
                .slots
                .iter()
                .filter_map(|(&mid, content)| Some((content.as_ref()?.track, client.ssrc(mid)?)))
                .collect();
            if let Some(before) = self.told.insert(peer, now.clone()) {
                for (track, ssrc) in before {
                    let is_open = client.answer.media.iter().any(|media| media.ssrc == Some(ssrc));
                    let moved = now.get(&track).filter(|&&now| is_open && now != ssrc);
                    assert_eq!(moved, None, "{track:?} of {who} was in {ssrc:?}");
                }
            }
        }
    }

    fn seen(&self, peer: PeerId, kind: Kind) -> BTreeSet<Item> {
        let client = &self.world.clients[&peer];
        let contents = client.slots.values().flatten();
        let items =
            contents.map(|content| (content.participant, client.tracks[&content.track].1.source));
        items.filter(|(_, source)| source.kind() == kind).collect()
    }

    /// Over a clean link everything that was announced comes, whole.
    fn check_flow(&mut self) {
        let conditions = std::mem::replace(&mut self.link.conditions, CLEAN);
        self.flow(Duration::from_secs(2), None, None);
        for client in self.world.clients.values_mut() {
            client.media.clear();
        }
        self.flow(Duration::from_secs(1), None, None);
        for client in self.world.clients.values() {
            let slots = client.slots.iter().filter(|_| client.closed.is_none());
            for (mid, content) in slots.filter(|(_, content)| content.is_some()) {
                let got = client.media.iter().filter(|got| got.mid == *mid).count();
                let least = if mid.as_str().starts_with('a') { 49 } else { 16 };
                assert!(got >= least, "{}: {got} packets of {content:?}", client.name);
            }
        }
        self.link.conditions = conditions;
    }

    /// Everybody leaves, and nothing remains.
    fn end(mut self) {
        for who in 0..PEOPLE {
            if let Some(peer) = self.peer(who) {
                self.world.leave(peer);
            }
        }
        self.world.pass(Duration::from_secs(60));
        assert_eq!(self.world.sfu.census(), Census::default());
        assert_eq!((self.world.kept(), self.world.sfu.poll_timeout()), (0, None));
    }
}
