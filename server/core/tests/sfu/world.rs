//! The shell and its clients, as far as the core can tell.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use sotto_core::{
    Input, Kept, Output, PacketError, Sfu, SfuConfig, Time,
    bandwidth::{Demand, Estimate},
    forward::Forward,
    id::{Mid, PacketId, ParticipantId, PeerId, RtpTime, SeqNo, ShortId, Ssrc, TrackId},
    input::{DataMessage, Feedback, Join, RemoteEvent},
    media::{Answer, Kind, Offer, PayloadFormat},
    output::{BundleRoute, LearnOrder, SenderReport},
    rtp::{ExtensionMap, Packet},
    signal::{
        AccessKey, ClientMessage, ErrorCode, LeaveReason, Participant, Permissions, ServerMessage,
        SlotAssignment, SlotContent, Source, Track, View,
    },
};
use sotto_frame::ModelHash;
use uuid::Uuid;

use crate::{
    media::{Sender, Stamp, offer},
    stream::Stream,
};

/// The start of every test, in microseconds since the Unix epoch.
const START: u64 = 1_795_000_000_000_000;

/// A core with clients around it.
pub(crate) struct World {
    pub(crate) sfu: Sfu,
    pub(crate) now: Time,
    pub(crate) clients: BTreeMap<PeerId, Client>,
    /// Whether slots may pause without a word.
    pub(crate) untold_pauses: bool,
    /// What other shards are to be told, with the bytes of packets.
    pub(crate) relayed: Vec<(String, RemoteEvent, Vec<u8>)>,
    slab: HashMap<PacketId, Stored>,
    next_packet: u32,
    next_peer: u64,
}

/// A packet in the slab.
struct Stored {
    bytes: Vec<u8>,
    kept: bool,
}

/// One client.
pub(crate) struct Client {
    pub(crate) participant: ParticipantId,
    pub(crate) name: String,
    pub(crate) view: View,
    /// The publications that it was told of.
    pub(crate) tracks: BTreeMap<TrackId, (ParticipantId, Track)>,
    pub(crate) short_id: Option<ShortId>,
    /// Messages that were not looked at yet.
    pub(crate) messages: Vec<ServerMessage>,
    /// What it was told about its slots.
    pub(crate) slots: BTreeMap<Mid, Option<SlotContent>>,
    pub(crate) answer: Answer,
    /// Media that was not looked at yet.
    pub(crate) media: Vec<Got>,
    pub(crate) reports: Vec<SenderReport>,
    pub(crate) data: Vec<(ShortId, DataMessage)>,
    pub(crate) closed: Option<LeaveReason>,
    /// What its sender was told to find out.
    pub(crate) demands: Vec<Demand>,
    /// What was set aside anew for models that it fetches.
    pub(crate) model_rates: Vec<(ModelHash, u64)>,
    pub(crate) keyframes_asked: Vec<(Time, Ssrc)>,
    /// What it was asked for again, and was to be sent again.
    pub(crate) nacks: Vec<(Ssrc, Vec<SeqNo>)>,
    pub(crate) resends: Vec<(Ssrc, SeqNo)>,
    /// Bundles that were not looked at yet.
    pub(crate) bundles: Vec<(Time, BundleRoute, Vec<u8>)>,
    /// What learners are to have of what it sends, that was not looked at yet.
    pub(crate) learn: Vec<(Source, LearnOrder)>,
    /// What it sends, by m-line.
    pub(crate) senders: BTreeMap<Mid, Sender>,
    /// The simulcast layers that it sends on its camera's m-line, if it does.
    pub(crate) layers: Vec<Sender>,
    streams: HashMap<Ssrc, Stream>,
}

/// One packet that a client got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) at: Time,
    pub(crate) mid: Mid,
    pub(crate) ssrc: Ssrc,
    pub(crate) seq: SeqNo,
    pub(crate) timestamp: RtpTime,
    pub(crate) csrc: ShortId,
    /// Which packet of whom it was.
    pub(crate) stamp: Stamp,
}

/// What a token usually allows.
pub(crate) fn everything() -> Permissions {
    Permissions {
        publish: true,
        sources: None,
        model_consent: None,
        subscribe: true,
        data: true,
        admin: false,
        hidden: false,
    }
}

impl World {
    pub(crate) fn new(config: SfuConfig) -> Self {
        Self {
            sfu: Sfu::new(config),
            now: Time::from_micros(START),
            clients: BTreeMap::new(),
            untold_pauses: false,
            relayed: Vec::new(),
            slab: HashMap::new(),
            next_packet: 0,
            next_peer: u64::from(config.numbering.first) * 1_000,
        }
    }

    /// A client enters; nothing is negotiated.
    pub(crate) fn enter(&mut self, room: &str, identity: &str, permissions: Permissions) -> PeerId {
        let participant = participant_of(PeerId(self.next_peer));
        self.enter_as(participant, room, identity, permissions)
    }

    /// As [`Self::enter`], as this participant.
    pub(crate) fn enter_as(
        &mut self,
        participant: ParticipantId,
        room: &str,
        identity: &str,
        permissions: Permissions,
    ) -> PeerId {
        let peer = PeerId(self.next_peer);
        self.next_peer += 1;
        let client = Client {
            participant,
            name: identity.into(),
            view: View::default(),
            tracks: BTreeMap::new(),
            short_id: None,
            messages: Vec::new(),
            slots: BTreeMap::new(),
            answer: Answer::default(),
            media: Vec::new(),
            reports: Vec::new(),
            data: Vec::new(),
            closed: None,
            demands: Vec::new(),
            model_rates: Vec::new(),
            keyframes_asked: Vec::new(),
            nacks: Vec::new(),
            resends: Vec::new(),
            bundles: Vec::new(),
            learn: Vec::new(),
            senders: BTreeMap::new(),
            layers: Vec::new(),
            streams: HashMap::new(),
        };
        self.clients.insert(peer, client);
        self.drive(Input::Join(Join {
            peer,
            participant,
            room: room.into(),
            identity: identity.into(),
            name: identity.to_uppercase(),
            permissions,
            model_key: Some(AccessKey("key".into())),
            resumption: None,
        }));
        peer
    }

    /// A client enters, negotiates the usual m-lines and connects.
    pub(crate) fn join(&mut self, room: &str, identity: &str) -> PeerId {
        self.join_with(room, identity, everything(), offer(4, 9))
    }

    pub(crate) fn join_with(
        &mut self,
        room: &str,
        identity: &str,
        permissions: Permissions,
        offer: Offer,
    ) -> PeerId {
        let peer = self.enter(room, identity, permissions);
        self.offer(peer, offer);
        self.drive(Input::Connected { peer });
        peer
    }

    pub(crate) fn offer(&mut self, peer: PeerId, offer: Offer) {
        for media in &offer.media {
            if let Some(ssrc) = media.ssrc {
                let senders = &mut self.clients.get_mut(&peer).unwrap().senders;
                senders.entry(media.mid).or_insert_with(|| Sender::new(media, ssrc, peer));
            }
            let client = self.clients.get_mut(&peer).unwrap();
            if client.layers.is_empty() {
                let indices = (0..3).zip(&media.rids);
                client.layers = indices.map(|(index, _)| Sender::layer(peer, index)).collect();
            }
        }
        self.drive(Input::Offer { peer, id: 1, offer });
    }

    pub(crate) fn say(&mut self, peer: PeerId, message: ClientMessage) {
        self.drive(Input::Message { peer, message });
    }

    pub(crate) fn publish(&mut self, peer: PeerId, source: Source) {
        let message = ClientMessage::Publish {
            mid: line(source),
            source,
            muted: false,
            encrypted: false,
            layers: Vec::new(),
        };
        self.say(peer, message);
    }

    pub(crate) fn mute(&mut self, peer: PeerId, source: Source, muted: bool) {
        self.say(peer, ClientMessage::Mute { mid: line(source), muted });
    }

    pub(crate) fn view(&mut self, peer: PeerId, view: View) {
        self.client(peer).view = view.clone();
        self.say(peer, ClientMessage::View(view));
    }

    pub(crate) fn leave(&mut self, peer: PeerId) {
        self.say(peer, ClientMessage::Leave);
    }

    pub(crate) fn lose(&mut self, peer: PeerId) {
        self.drive(Input::Disconnected { peer, reason: LeaveReason::ConnectionLost });
        self.clients.remove(&peer);
    }

    pub(crate) fn feedback(&mut self, peer: PeerId, feedback: Feedback) {
        self.drive(Input::Feedback { peer, feedback });
    }

    /// The way to a client carries so many kilobits per second.
    pub(crate) fn estimate(&mut self, peer: PeerId, kbps: u64) {
        let estimate = Estimate { bitrate: kbps * 1_000, round_trip: None, loss_per_mille: 0 };
        self.drive(Input::Bandwidth { peer, estimate });
    }

    /// One input, and everything that comes of it.
    pub(crate) fn drive(&mut self, input: Input) {
        self.sfu.handle(self.now, input);
        self.drain();
    }

    /// Lets time pass, with all timers on the way.
    pub(crate) fn pass(&mut self, duration: Duration) {
        self.pass_until(self.now + duration);
    }

    pub(crate) fn pass_until(&mut self, end: Time) {
        let mut rounds = 0;
        while let Some(due) = self.sfu.poll_timeout().filter(|&due| due <= end) {
            self.now = self.now.max(due);
            self.sfu.handle_timeout(self.now);
            self.drain();
            rounds += 1;
            assert!(rounds < 100_000, "a timer is due again and again at {due:?}");
        }
        self.now = self.now.max(end);
    }

    /// A client's next packet on the m-line of `source`.
    pub(crate) fn send(&mut self, peer: PeerId, source: Source) -> Result<Kept, PacketError> {
        self.send_with(peer, source, |_| {})
    }

    pub(crate) fn send_with(
        &mut self,
        peer: PeerId,
        source: Source,
        change: impl FnOnce(&mut Sender),
    ) -> Result<Kept, PacketError> {
        let client = self.clients.get_mut(&peer).unwrap();
        let sender = client.senders.get_mut(&line(source)).unwrap();
        change(sender);
        let bytes = sender.next(self.now);
        self.arrive(peer, bytes)
    }

    /// A packet comes in.
    pub(crate) fn arrive(&mut self, peer: PeerId, bytes: Vec<u8>) -> Result<Kept, PacketError> {
        let id = PacketId(self.next_packet);
        self.next_packet += 1;
        let mut out = Vec::new();
        let result = self.sfu.packet(self.now, peer, id, &bytes, &mut out);
        self.slab.insert(id, Stored { bytes, kept: result == Ok(Kept::Yes) });
        for forward in out {
            assert_eq!(forward.packet, id, "a live forward is of the packet that came");
            self.deliver(forward);
        }
        self.drain();
        if self.slab.get(&id).is_some_and(|packet| !packet.kept) {
            self.slab.remove(&id);
        }
        result
    }

    /// News of another shard, with the bytes if it is a packet.
    pub(crate) fn hear_of(&mut self, room: String, mut event: RemoteEvent, bytes: Vec<u8>) {
        if let RemoteEvent::Packet { id, .. } = &mut event {
            *id = PacketId(self.next_packet);
            self.next_packet += 1;
            self.slab.insert(*id, Stored { bytes, kept: true });
        }
        self.drive(Input::Remote { room, event });
    }

    /// Packets that the core has asked the shell to keep.
    pub(crate) fn kept(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn client(&mut self, peer: PeerId) -> &mut Client {
        self.clients.get_mut(&peer).unwrap()
    }

    /// What a client was told since it was last asked.
    pub(crate) fn heard(&mut self, peer: PeerId) -> Vec<ServerMessage> {
        std::mem::take(&mut self.client(peer).messages)
    }

    /// The errors that a client was told since it was last asked.
    pub(crate) fn errors(&mut self, peer: PeerId) -> Vec<ErrorCode> {
        let errors = self.heard(peer).into_iter().filter_map(|message| match message {
            ServerMessage::Error { code, .. } => Some(code),
            _ => None,
        });
        errors.collect()
    }

    /// Who is in a client's slots of one kind, by name, in the order of its m-lines.
    pub(crate) fn seen(&self, peer: PeerId, prefix: &str) -> Vec<&str> {
        let slots = self.clients[&peer].slots.iter();
        let slots = slots.filter(|(mid, _)| mid.as_str().starts_with(prefix));
        slots
            .map(|(_, content)| match content {
                Some(content) => self
                    .clients
                    .values()
                    .find(|client| client.participant == content.participant)
                    .map_or("?", |client| &client.name),
                None => "-",
            })
            .collect()
    }

    fn drain(&mut self) {
        while let Some(output) = self.sfu.poll_output() {
            match output {
                Output::Message { peer, message } => self.take_message(peer, message),
                Output::Answer { peer, answer, .. } => self.client(peer).take_answer(answer),
                Output::Forward(forward) => self.deliver(forward),
                Output::Release { packet } => {
                    let released = self.slab.remove(&packet).expect("released once");
                    assert!(released.kept, "only kept packets are released");
                }
                Output::RequestKeyframe { peer, ssrc } => {
                    let now = self.now;
                    self.client(peer).keyframes_asked.push((now, ssrc));
                }
                Output::SenderReport { peer, report } => self.client(peer).reports.push(report),
                Output::Data { peer, from, message } => {
                    self.client(peer).data.push((from, message));
                }
                Output::Demand { peer, demand } => self.client(peer).demands.push(demand),
                Output::Nack { peer, ssrc, missing } => {
                    self.client(peer).nacks.push((ssrc, missing));
                }
                Output::Resend { peer, ssrc, seq } => self.client(peer).resends.push((ssrc, seq)),
                Output::ModelRate { peer, hash, bitrate } => {
                    self.client(peer).model_rates.push((hash, bitrate));
                }
                Output::Bundle { peer } => self.take_bundles(peer),
                Output::Learn { peer, source, order } => {
                    // Of who has left, there is nothing to be told.
                    if let Some(client) = self.clients.get_mut(&peer) {
                        client.learn.push((source, order));
                    }
                }
                Output::Close { peer, reason } => self.client(peer).closed = Some(reason),
                Output::Relay { room, event } => {
                    let bytes = match &event {
                        RemoteEvent::Packet { id, .. } => self.slab[id].bytes.clone(),
                        _ => Vec::new(),
                    };
                    self.relayed.push((room, event, bytes));
                }
            }
        }
    }

    /// Takes the bundles that are due for a client.
    fn take_bundles(&mut self, peer: PeerId) {
        let mut bytes = Vec::new();
        while let Some(route) = self.sfu.bundle(self.now, peer, &mut bytes) {
            let (now, bytes) = (self.now, bytes.clone());
            self.client(peer).bundles.push((now, route, bytes));
        }
    }

    fn take_message(&mut self, peer: PeerId, message: ServerMessage) {
        let client = self.clients.get_mut(&peer).expect("messages go to clients that are there");
        match &message {
            ServerMessage::Welcome { participant, participants, .. } => {
                client.short_id = Some(participant.short_id);
                participants.iter().for_each(|other| client.learn(other));
            }
            ServerMessage::ParticipantJoined { participant } => client.learn(participant),
            ServerMessage::ParticipantReturned { participant } => {
                client.tracks.retain(|_, (owner, _)| *owner != participant.id);
                client.learn(participant);
            }
            ServerMessage::ParticipantLeft { participant, .. } => {
                client.tracks.retain(|_, (owner, _)| owner != participant);
            }
            ServerMessage::TrackPublished { participant, track } => {
                client.tracks.insert(track.id, (*participant, track.clone()));
            }
            ServerMessage::TrackUnpublished { track, .. } => {
                client.tracks.remove(track).expect("what ends was published");
            }
            ServerMessage::TrackMuted { track, muted, .. } => {
                let (_, track) = client.tracks.get_mut(track).expect("what is muted is published");
                assert_ne!(track.muted, *muted, "muting is told when it changes");
                track.muted = *muted;
            }
            ServerMessage::Slots { slots } => {
                assert!(!slots.is_empty(), "an empty slot message says nothing");
                slots.iter().for_each(|slot| client.learn_slot(slot));
            }
            ServerMessage::Forms { forms } => {
                // What comes raw again begins anew.
                for form in forms {
                    let slots = client.slots.iter().filter(|(_, content)| {
                        content.as_ref().is_some_and(|c| c.participant == form.participant)
                    });
                    let sources = slots.filter_map(|(&mid, _)| client.ssrc(mid));
                    for ssrc in sources.collect::<Vec<_>>() {
                        client.streams.entry(ssrc).or_default().repoint();
                    }
                }
            }
            ServerMessage::Quality { slots } => {
                // What is paused begins anew.
                for slot in slots.iter().filter(|slot| slot.layer.is_none()) {
                    let ssrc = client.ssrc(slot.mid).expect("slots are answered lines");
                    client.streams.entry(ssrc).or_default().repoint();
                }
            }
            _ => {}
        }
        client.messages.push(message);
    }

    /// A client gets a packet: written, read back and checked.
    fn deliver(&mut self, forward: Forward) {
        let source = &self.slab[&forward.packet].bytes;
        let mut out = vec![0; 2_000];
        let len = forward
            .rewrite
            .write(source, &mut out, None)
            .expect("what is forwarded can be written");
        out.truncate(len);
        let packet = Packet::parse(&out, &ExtensionMap::default()).expect("we write RTP");
        let client = self.clients.get_mut(&forward.peer).expect("media goes to clients");
        let line = client.answer.media.iter().find(|line| line.ssrc == Some(packet.ssrc));
        let line = line.expect("media comes on sources that the answer named");
        let accepted = |format: &PayloadFormat| format.payload_type == packet.payload_type;
        assert!(line.formats.iter().any(accepted), "{:?}", packet.payload_type);
        let csrc = ShortId(u32::from_be_bytes(out[12..16].try_into().unwrap()));
        let content = client.slots.get(&line.mid).cloned().flatten();
        let content = content.expect("media comes on slots that were announced");
        assert_eq!(content.short_id, csrc, "the CSRC is that of the announced content");
        assert_ne!(Some(csrc), client.short_id, "nobody gets its own media");
        let (owner, track) = client.tracks.get(&content.track).expect("slots carry known tracks");
        assert_eq!((*owner, track.muted), (content.participant, false));
        let video = track.source.kind() == Kind::Video;
        assert!(!(video && client.view.hidden.contains(owner)), "hidden video is not sent");
        let payload = packet.payload(&out).to_vec();
        let stamp = Stamp::read(track.source.kind(), &payload);
        assert_eq!(line_source(stamp.line), track.source, "the media is of the announced track");
        assert_eq!(participant_of(stamp.peer), *owner, "the media is of the announced person");
        let got = Got {
            at: self.now,
            mid: line.mid,
            ssrc: packet.ssrc,
            seq: packet.seq,
            timestamp: packet.timestamp,
            csrc,
            stamp,
        };
        client.streams.entry(packet.ssrc).or_default().take(&got, self.untold_pauses);
        client.media.push(got);
    }
}

impl Client {
    /// The encoders behind one publication.
    pub(crate) fn encoders(&mut self, source: Source) -> &mut [Sender] {
        if source == Source::Camera && !self.layers.is_empty() {
            return &mut self.layers;
        }
        let sender = self.senders.get_mut(&line(source));
        sender.map(std::slice::from_mut).unwrap_or_default()
    }

    /// All of its encoders.
    pub(crate) fn all_encoders(&mut self) -> impl Iterator<Item = &mut Sender> {
        self.senders.values_mut().chain(&mut self.layers)
    }

    /// The source of a slot.
    pub(crate) fn ssrc(&self, mid: Mid) -> Option<Ssrc> {
        self.answer.media.iter().find(|media| media.mid == mid)?.ssrc
    }

    /// Slots that are gone, or that are new under an old name, carry nothing.
    fn take_answer(&mut self, answer: Answer) {
        let before = std::mem::replace(&mut self.answer, answer);
        let source = |answer: &Answer, mid: Mid| {
            answer.media.iter().find(|media| media.mid == mid).and_then(|media| media.ssrc)
        };
        let answer = &self.answer;
        self.slots.retain(|&mid, _| {
            source(answer, mid).is_some_and(|ssrc| source(&before, mid) == Some(ssrc))
        });
    }

    fn learn(&mut self, other: &Participant) {
        for track in &other.tracks {
            self.tracks.insert(track.id, (other.id, track.clone()));
        }
    }

    fn learn_slot(&mut self, slot: &SlotAssignment) {
        let SlotAssignment { mid, content } = slot;
        let media = self.answer.media.iter().find(|media| media.mid == *mid);
        let ssrc = media.and_then(|media| media.ssrc).expect("slots are answered lines");
        let before = self.slots.insert(*mid, content.clone()).flatten();
        // The same content told again with its first timestamp, or with that of a restart.
        let goes_on = match (&before, content) {
            (Some(before), Some(now)) => before.track == now.track && now.rtp_timestamp.is_some(),
            (before, now) => before.is_none() && now.is_none(),
        };
        if !goes_on {
            self.streams.entry(ssrc).or_default().repoint();
        }
    }
}

/// A client's participant id says which connection it has.
fn participant_of(peer: PeerId) -> ParticipantId {
    ParticipantId(Uuid::from_u128(peer.0.into()))
}

/// The source that is sent on an m-line.
fn line_source(line: Mid) -> Source {
    Source::ALL.into_iter().find(|&source| self::line(source) == line).unwrap()
}

/// The m-line on which a source is sent.
pub(crate) fn line(source: Source) -> Mid {
    Mid::new(match source {
        Source::Microphone => "mic",
        Source::Camera => "cam",
        Source::Screen => "scr",
        Source::ScreenAudio => "sca",
    })
    .unwrap()
}
