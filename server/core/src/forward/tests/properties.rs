//! Whatever publishers send, however the network orders it and wherever a slot is pointed, the slot
//! is one unbroken stream.

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    Kept,
    forward::{History, Refused},
    id::PacketId,
    rtp::Unwrapper,
};

const SOURCES: usize = 3;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    /// A publisher sends its next packet, after `skip` that are lost.
    Send { source: usize, skip: u16, keyframe: bool, ends_frame: bool },
    /// A publisher sends its next packet, which the network keeps for later.
    Hold { source: usize, keyframe: bool, ends_frame: bool },
    /// The oldest packet that the network keeps arrives.
    Arrive { source: usize },
    /// The packet that arrived last arrives again.
    Repeat { source: usize },
    /// A publisher starts its numbers anew.
    Restart { source: usize },
    /// The slot is pointed at a publisher.
    Point { source: usize },
    /// The slot is emptied.
    Clear,
    /// Time passes.
    Wait { ms: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let source = || 0..SOURCES;
    let rare = prop::bool::weighted(0.1);
    let often = prop::bool::weighted(0.6);
    let step = prop_oneof![
        20 => (source(), prop_oneof![9 => Just(0), 1 => 1..5u16], rare, often).prop_map(
            |(source, skip, keyframe, ends_frame)| Step::Send { source, skip, keyframe, ends_frame }
        ),
        3 => (source(), rare, often).prop_map(|(source, keyframe, ends_frame)| Step::Hold {
            source,
            keyframe,
            ends_frame
        }),
        3 => source().prop_map(|source| Step::Arrive { source }),
        1 => source().prop_map(|source| Step::Repeat { source }),
        1 => source().prop_map(|source| Step::Restart { source }),
        3 => source().prop_map(|source| Step::Point { source }),
        1 => Just(Step::Clear),
        4 => (0..200u64).prop_map(|ms| Step::Wait { ms }),
    ];
    vec(step, 0..400)
}

/// A publisher with the network on its way to the node.
struct Publisher {
    kind: Kind,
    layer: Layer,
    history: History,
    kept: HashSet<PacketId>,
    next: Sent,
    /// Grows with each restart.
    life: u32,
    next_is_new_frame: bool,
    held: Vec<Sent>,
    last: Option<Sent>,
}

/// One packet on the slot.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Out {
    /// Which pointing of the slot it belongs to: a re-point, or a publisher that started anew.
    content: u32,
    sent: (usize, u32, u16),
    sent_timestamp: u32,
    seen: Seen,
}

struct World {
    kind: Kind,
    now: u64,
    publishers: Vec<Publisher>,
    slot: SlotStream,
    pointed: Option<usize>,
    content: u32,
    packets: HashMap<u32, (Sent, u32)>,
    out: Vec<Out>,
}

impl Publisher {
    fn new(kind: Kind, number: u32) -> Self {
        // Near the ends of all counters.
        let next = Sent {
            ssrc: number,
            dependency: (number > 0).then(|| vec![0, 0xff, 0xfa]),
            timestamp: u32::MAX - 20_000 + number,
            seq: 65_500 + number as u16,
            ..match kind {
                Kind::Audio => audio(0, 0),
                Kind::Video => {
                    video(0, 0).picture(if number == 0 { 100 } else { 32_700 }, number != 0, 250)
                }
            }
        };
        Self {
            kind,
            layer: Layer::default(),
            history: History::new(kind),
            kept: HashSet::new(),
            next,
            life: 0,
            next_is_new_frame: true,
            held: Vec::new(),
            last: None,
        }
    }

    fn send(&mut self, keyframe: bool, ends_frame: bool) -> Sent {
        let ends_frame = ends_frame || self.kind == Kind::Audio;
        let mut sent = self.next.clone();
        if self.kind == Kind::Video {
            sent.start_of_frame = self.next_is_new_frame;
            sent.keyframe = keyframe && sent.start_of_frame;
        }
        sent.marker = ends_frame;
        // The subscriber finds out by these which packet it is.
        sent.body = [&self.life.to_be_bytes()[..], &sent.seq.to_be_bytes()].concat();
        self.next_is_new_frame = ends_frame;
        self.next.seq = self.next.seq.wrapping_add(1);
        if ends_frame {
            self.next.timestamp = self.next.timestamp.wrapping_add(2000);
            self.next.picture_id = self
                .next
                .picture_id
                .map(|(id, long)| ((id + 1) & if long { 0x7fff } else { 0x7f }, long));
            self.next.tl0 = self.next.tl0.map(|tl0| tl0.wrapping_add(1));
            if let Some([_, high, low]) = self.next.dependency.as_deref() {
                let [high, low] = u16::from_be_bytes([*high, *low]).wrapping_add(1).to_be_bytes();
                self.next.dependency = Some(vec![0, high, low]);
            }
        }
        sent
    }

    fn restart(&mut self) {
        self.life += 1;
        self.next.ssrc += 100;
        self.next.seq = self.next.seq.wrapping_add(30_000);
        self.next.timestamp = self.next.timestamp.wrapping_mul(7);
        self.next_is_new_frame = true;
        // What the network still holds of the old source would start it anew.
        self.held.clear();
        self.last = None;
    }
}

impl World {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            now: 0,
            publishers: (0..SOURCES as u32).map(|number| Publisher::new(kind, number)).collect(),
            slot: slot(
                kind,
                SlotStart {
                    seq: SeqNo(65_000),
                    timestamp: RtpTime(u32::MAX - 100_000),
                    picture_id: 32_000,
                    tl0_picture_index: 200,
                    frame_number: 65_000,
                },
            ),
            pointed: None,
            content: 0,
            packets: HashMap::new(),
            out: Vec::new(),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Send { source, skip, keyframe, ends_frame } => {
                let publisher = &mut self.publishers[source];
                for _ in 0..skip {
                    publisher.send(false, ends_frame);
                }
                let sent = publisher.send(keyframe, ends_frame);
                self.arrive(source, sent);
            }
            Step::Hold { source, keyframe, ends_frame } => {
                let publisher = &mut self.publishers[source];
                let sent = publisher.send(keyframe, ends_frame);
                publisher.held.push(sent);
            }
            Step::Arrive { source } => {
                if !self.publishers[source].held.is_empty() {
                    let sent = self.publishers[source].held.remove(0);
                    self.arrive(source, sent);
                }
            }
            Step::Repeat { source } => {
                if let Some(sent) = self.publishers[source].last.clone() {
                    let refused =
                        self.publishers[source].layer.stream.receive(ms(self.now), &sent.packet());
                    assert_eq!(refused, Err(Refused::Duplicate));
                }
            }
            Step::Restart { source } => self.publishers[source].restart(),
            Step::Point { source } => {
                self.pointed = Some(source);
                self.content += 1;
                point(
                    &mut self.slot,
                    target(source as u32 + 1, self.publishers[source].next.codec),
                );
                if self.kind == Kind::Video {
                    self.replay(source);
                }
            }
            Step::Clear => {
                self.pointed = None;
                self.slot.clear();
            }
            Step::Wait { ms } => self.now += ms,
        }
    }

    fn arrive(&mut self, source: usize, sent: Sent) {
        let publisher = &mut self.publishers[source];
        let received = publisher.layer.take(self.now, &sent);
        publisher.last = Some(sent.clone());
        let id = self.packets.len() as u32;
        self.packets.insert(id, (sent.clone(), publisher.life));
        if self.kind == Kind::Video {
            let held = &mut publisher.kept;
            let kept =
                publisher.history.push(PacketId(id), &received, !id.is_multiple_of(7), |id| {
                    assert!(held.remove(&id), "released what was not held");
                });
            if kept == Kept::Yes {
                held.insert(PacketId(id));
            }
        }
        if self.pointed == Some(source) {
            match self.slot.forward(LAYER, &received) {
                Selection::Start(rewrite) => {
                    self.content += 1;
                    assert_eq!(self.slot.first_timestamp(), Some(rewrite.timestamp));
                    self.note(source, id, &rewrite);
                }
                Selection::Send(rewrite) | Selection::Switch(rewrite) => {
                    self.note(source, id, &rewrite)
                }
                Selection::Skip(_) => {}
            }
        }
    }

    fn replay(&mut self, source: usize) {
        let replayed: Vec<_> =
            self.slot.replay(ms(self.now), LAYER, &self.publishers[source].history).collect();
        assert_eq!(self.slot.is_waiting(), replayed.is_empty());
        for (id, rewrite) in replayed {
            self.note(source, id.0, &rewrite);
        }
    }

    fn note(&mut self, source: usize, id: u32, rewrite: &Rewrite) {
        let (sent, life) = &self.packets[&id];
        self.out.push(Out {
            content: self.content,
            sent: (source, *life, sent.seq),
            sent_timestamp: sent.timestamp,
            seen: seen(rewrite, sent),
        });
    }

    /// The slot in the order of its sequence numbers, without wraps.
    fn slot_in_order(&self) -> BTreeMap<u64, &Out> {
        let mut unwrapper = Unwrapper::new();
        let mut in_order = BTreeMap::new();
        for out in &self.out {
            let seq = unwrapper.unwrap(u32::from(out.seen.seq), 16);
            let other = in_order.insert(seq, out);
            assert_eq!(other, None, "a sequence number names two packets");
        }
        in_order
    }
}

/// What holds between a packet of the slot and the next one in its order, `gap` numbers later.
fn check_neighbours(before: &Out, after: &Out, gap: u64) {
    let time = RtpTime(after.seen.timestamp).distance(RtpTime(before.seen.timestamp));
    if before.content != after.content {
        assert!(after.content > before.content, "an old content came back");
        assert_eq!(gap, 1, "a re-point leaves no gap");
        assert!(time > 0, "media time went back at a re-point");
        return;
    }
    assert_eq!(before.sent.0, after.sent.0);
    let sent_gap = after.sent.2.wrapping_sub(before.sent.2);
    assert_eq!(gap, u64::from(sent_gap), "gaps are those of the source");
    let sent_time = RtpTime(after.sent_timestamp).distance(RtpTime(before.sent_timestamp));
    assert_eq!(time.signum(), sent_time.signum(), "frames are those of the source");
    assert!(time <= sent_time, "time runs at most as fast as that of the source");
    let same_frame = sent_time == 0;
    let (a, b) = (&before.seen, &after.seen);
    assert_eq!(a.picture_id == b.picture_id, same_frame || a.picture_id.is_none());
    assert_eq!(a.tl0 == b.tl0, same_frame || a.tl0.is_none());
    assert_eq!(a.frame_number == b.frame_number, same_frame || a.frame_number.is_none());
}

fn check(kind: Kind, steps: Vec<Step>) {
    let mut world = World::new(kind);
    for step in steps {
        world.step(step);
    }
    let in_order = world.slot_in_order();
    for ((seq, before), (next, after)) in in_order.iter().zip(in_order.iter().skip(1)) {
        check_neighbours(before, after, next - seq);
    }
    assert_eq!(world.slot.sent().0 as usize, world.out.len());
    for publisher in &mut world.publishers {
        let held = &mut publisher.kept;
        publisher.history.clear(|id| assert!(held.remove(&id), "released what was not held"));
        assert!(held.is_empty(), "kept for ever: {held:?}");
    }
}

proptest! {
    #[test]
    fn an_audio_slot_is_one_unbroken_stream(steps in steps()) {
        check(Kind::Audio, steps);
    }

    #[test]
    fn a_video_slot_is_one_unbroken_stream(steps in steps()) {
        check(Kind::Video, steps);
    }
}
