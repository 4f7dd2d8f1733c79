//! What a participant has seen so far. Times are measured from just before the websocket was
//! opened.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use sotto_core::{
    id::ParticipantId,
    media::Kind,
    signal::{
        self, ErrorCode, LeaveReason, Permissions, SlotAssignment, SlotContent, SlotLimits, Speaker,
    },
};

use super::{models::ModelsReport, srtp::Profile};
use crate::media::Heard;

/// Entries that a log of a slot keeps: enough for every test, and bounded.
const LOG: usize = 4_096;

/// Everything that a participant has seen.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How the node sees us, once we are in.
    pub me: Option<signal::Participant>,
    /// What our token lets us do.
    pub permissions: Option<Permissions>,
    /// How many slots the node fills.
    pub limits: Option<SlotLimits>,
    /// Who is in the room, without us.
    pub people: BTreeMap<ParticipantId, signal::Participant>,
    /// Names by short id of everyone who was ever in the room with us. Numbers are not given twice.
    pub met: BTreeMap<u32, String>,
    /// Who left, and why.
    pub left: Vec<(ParticipantId, LeaveReason)>,
    /// Who speaks now.
    pub speakers: Vec<Speaker>,
    /// Offers that we sent.
    pub offers: u32,
    /// Answers that came.
    pub answers: u32,
    /// When the node let us in.
    pub welcome: Option<Duration>,
    /// When the answer came.
    pub answered: Option<Duration>,
    /// Where the node receives media, from its answer.
    pub remote: Option<SocketAddr>,
    /// When ICE had a valid pair.
    pub validated: Option<Duration>,
    /// When media could flow, and under which profile.
    pub connected: Option<(Duration, Profile)>,
    /// When the first frame of any video slot was whole and could be decoded.
    pub first_frame: Option<Duration>,
    /// When the first picture came out of a decoder.
    pub first_picture: Option<Duration>,
    /// Our slots, audio first.
    pub slots: Vec<SlotReport>,
    /// Our publications.
    pub sent: Vec<SentReport>,
    /// Messages on data channels.
    pub chat: Vec<Chat>,
    /// Labels of our data channels that the node accepted.
    pub channels: Vec<String>,
    /// Why data channels failed, if they did.
    pub data_failure: Option<String>,
    /// What it has seen of models.
    pub models: ModelsReport,
    /// What the node refused.
    pub refusals: Vec<Refusal>,
    /// Pongs that came.
    pub pongs: Vec<u32>,
    /// Packets that were not authentic, came twice, or belong to no slot.
    pub rejected: u64,
    /// Datagrams of the node that reached us, and the bytes of UDP in them.
    pub datagrams: (u64, u64),
    /// Media that the line lost on purpose, on the way to the node and from it.
    pub dropped: (u64, u64),
    /// Set when the participant is gone.
    pub ended: Option<Ended>,
}

impl Report {
    /// Where and how often a participant of this short id was received.
    pub fn source(&self, short_id: u32, kind: Kind) -> Option<SourceReport> {
        let slots = self.slots.iter().filter(|slot| slot.kind == kind);
        let sources = slots.filter_map(|slot| slot.sources.get(&short_id));
        sources.cloned().reduce(|total, more| total.plus(&more))
    }

    /// The participant of that identity.
    pub fn person(&self, identity: &str) -> Option<&signal::Participant> {
        self.people.values().find(|person| person.identity == identity)
    }

    /// Whom the video slots show now, in the order of the slots; empty slots left out.
    pub fn shown(&self) -> Vec<&SlotContent> {
        let video = self.slots.iter().filter(|slot| slot.kind == Kind::Video);
        video.filter_map(|slot| slot.content.as_ref()).collect()
    }

    /// Packets whose payload names another sender than their header does.
    pub fn wrong_person(&self) -> u64 {
        self.slots.iter().map(|slot| slot.wrong_person).sum()
    }

    /// Packets of people that we were never told of, or of ourselves.
    pub fn foreign(&self) -> u64 {
        self.slots.iter().map(|slot| slot.foreign).sum()
    }

    /// Changes of person within a slot that the node did not announce with the very timestamp at
    /// which they happened. Announcements travel on another connection than media: ask again
    /// until it is zero or time is up.
    pub fn unannounced(&self) -> usize {
        self.slots.iter().map(SlotReport::unannounced).sum()
    }
}

/// One slot.
#[derive(Clone, Debug)]
pub struct SlotReport {
    /// Its m-line.
    pub mid: String,
    /// Audio or video.
    pub kind: Kind,
    /// Its source, from the answer.
    pub ssrc: Option<u32>,
    /// What the node says that it carries.
    pub content: Option<SlotContent>,
    /// How often the node pointed it at something else.
    pub assignments: u32,
    /// Packets in order.
    pub packets: u64,
    /// Payload bytes.
    pub bytes: u64,
    /// Source of its retransmissions and of padding, from the answer.
    pub rtx_ssrc: Option<u32>,
    /// Sequence numbers that never came.
    pub lost: u64,
    /// Packets that came because they had been asked for.
    pub repaired: u64,
    /// Packets that came as redundancy of a later one.
    pub recovered: u64,
    /// Packets that were asked for, each time counted.
    pub asked: u64,
    /// Packets without content, with which the node finds out what the line carries.
    pub padding: u64,
    /// Packets of redundant audio that cannot be read.
    pub malformed: u64,
    /// Packets that came after their place was given up, or twice.
    pub late: u64,
    /// Packets without a CSRC.
    pub anonymous: u64,
    /// As [`Report::wrong_person`].
    pub wrong_person: u64,
    /// As [`Report::foreign`].
    pub foreign: u64,
    /// Frames that could be decoded.
    pub frames: u64,
    /// Keyframes among them.
    pub keyframes: u64,
    /// Whole frames that refer to one that is missing.
    pub undecodable: u64,
    /// Breaks in the picture id between frames that both could be decoded.
    pub picture_gaps: u64,
    /// Frames or audio packets whose timestamp went back.
    pub time_reversals: u64,
    /// Sender reports of the slot.
    pub sender_reports: u64,
    /// Delay of synthetic packets from sender to us in microseconds: sum, count, largest.
    pub delay_us: (u64, u64, u64),
    /// By short id, what came of each person.
    pub sources: BTreeMap<u32, SourceReport>,
    /// The CSRC of the last packet in order.
    pub csrc: Option<u32>,
    /// Changes of person as the packets show them: short id and first timestamp.
    pub switches: VecDeque<(u32, u32)>,
    /// Changes of person as the node announced them.
    pub announced: VecDeque<(u32, u32)>,
}

impl SlotReport {
    pub(super) fn new(mid: String, kind: Kind) -> Self {
        Self {
            mid,
            kind,
            ssrc: None,
            content: None,
            assignments: 0,
            packets: 0,
            bytes: 0,
            rtx_ssrc: None,
            lost: 0,
            repaired: 0,
            recovered: 0,
            asked: 0,
            padding: 0,
            malformed: 0,
            late: 0,
            anonymous: 0,
            wrong_person: 0,
            foreign: 0,
            frames: 0,
            keyframes: 0,
            undecodable: 0,
            picture_gaps: 0,
            time_reversals: 0,
            sender_reports: 0,
            delay_us: (0, 0, 0),
            sources: BTreeMap::new(),
            csrc: None,
            switches: VecDeque::new(),
            announced: VecDeque::new(),
        }
    }

    pub(super) fn assign(&mut self, assignment: &SlotAssignment) {
        let before = self.content.as_ref().map(|content| content.track);
        self.content.clone_from(&assignment.content);
        if let Some(content) = &self.content {
            if before != Some(content.track) {
                self.assignments += 1;
            }
            if let Some(timestamp) = content.rtp_timestamp {
                log(&mut self.announced, (content.short_id.0, timestamp.0));
            }
        }
    }

    pub(super) fn switched(&mut self, short_id: u32, timestamp: u32) {
        log(&mut self.switches, (short_id, timestamp));
    }

    fn unannounced(&self) -> usize {
        self.switches.iter().filter(|switch| !self.announced.contains(switch)).count()
    }
}

fn log(entries: &mut VecDeque<(u32, u32)>, entry: (u32, u32)) {
    if entries.len() == LOG {
        entries.pop_front();
    }
    entries.push_back(entry);
}

/// What came of one person in one slot.
#[derive(Clone, Debug, Default)]
pub struct SourceReport {
    /// Packets.
    pub packets: u64,
    /// Frames that could be decoded; for audio, packets.
    pub frames: u64,
    /// When the first packet came.
    pub first_packet: Option<Duration>,
    /// When the first frame came that could be decoded.
    pub first_frame: Option<Duration>,
    /// When the last one came.
    pub last_frame: Option<Duration>,
    /// Longest time between two frames while the slot was pointed at this person.
    pub longest_gap: Duration,
    /// Gaps of more than half a second.
    pub freezes: u32,
    /// Width and height of the last keyframe.
    pub size: Option<(u16, u16)>,
    /// By how much the slot's sender reports place synthetic packets behind the time at which they
    /// were sent, in microseconds. Equal for sound and pictures of one person, or lips and voice
    /// part.
    pub clock_us: Option<i64>,
    /// Decoded pictures.
    pub pictures: u64,
    /// Corner of the last decoded picture.
    pub colour: Option<[u8; 3]>,
    /// What this person sounded like in the last half second.
    pub heard: Option<Heard>,
}

impl SourceReport {
    fn plus(mut self, more: &Self) -> Self {
        self.packets += more.packets;
        self.frames += more.frames;
        self.first_packet = earliest(self.first_packet, more.first_packet);
        self.first_frame = earliest(self.first_frame, more.first_frame);
        if more.last_frame > self.last_frame {
            self.last_frame = more.last_frame;
            self.size = more.size.or(self.size);
            self.clock_us = more.clock_us.or(self.clock_us);
            self.colour = more.colour.or(self.colour);
            self.heard = more.heard.or(self.heard);
        }
        self.longest_gap = self.longest_gap.max(more.longest_gap);
        self.freezes += more.freezes;
        self.pictures += more.pictures;
        self
    }
}

fn earliest(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    a.into_iter().chain(b).min()
}

/// One publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentReport {
    /// What it is.
    pub source: signal::Source,
    /// Whether anybody is to get it, as the node said last. Heeded by those who have models.
    pub wanted: bool,
    /// Frames sent.
    pub frames: u64,
    /// Packets sent.
    pub packets: u32,
    /// Longest time by which a frame was sent after it was due.
    pub behind: Duration,
    /// Keyframes that the node asked for.
    pub keyframe_requests: u32,
    /// Packets that were sent again because the node asked.
    pub repeated: u32,
    /// Packets that the node reported lost, in 1/256, in its last report.
    pub fraction_lost: Option<u8>,
}

/// A message on a data channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// Label of the channel.
    pub label: String,
    /// Short id of the sender.
    pub from: u32,
    /// Whether it was sent as text.
    pub text: bool,
    /// The message.
    pub payload: Vec<u8>,
}

impl Chat {
    /// Reads the node's framing: short id, kind, payload.
    pub(super) fn parse(label: String, message: &[u8]) -> Option<Self> {
        let (from, rest) = message.split_first_chunk::<4>()?;
        let (kind, payload) = rest.split_first()?;
        let from = u32::from_be_bytes(*from);
        Some(Self { label, from, text: *kind == 1, payload: payload.into() })
    }
}

/// Something that the node refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub code: ErrorCode,
    /// In words.
    pub message: String,
    /// `type` of the refused message.
    pub about: Option<String>,
    /// Whether the node closes the connection.
    pub fatal: bool,
}

/// How a participation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// We left.
    Left,
    /// We vanished without a word.
    Vanished,
    /// The node closed the websocket.
    ClosedByNode,
    /// The connection could not be made or broke.
    Failed(String),
}
