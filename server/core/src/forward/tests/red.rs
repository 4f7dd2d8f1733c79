use std::{collections::HashMap, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{
    Kept,
    bandwidth::PacketClass,
    forward::{Forward, History, RedLevel, Redundancy, unpack_red},
    id::{PacketId, PeerId},
};

const RED: PayloadType = PayloadType(63);

/// A talker whose packets are kept, and a subscriber that gets some of them redundantly.
struct Talk {
    layer: Layer,
    history: History,
    slot: SlotStream,
    slab: HashMap<PacketId, Vec<u8>>,
}

impl Talk {
    fn new() -> Self {
        let mut slot = slot(Kind::Audio, SlotStart::default());
        point(&mut slot, target(1, Codec::Opus));
        let history = History::new(Kind::Audio);
        Self { layer: Layer::default(), history, slot, slab: HashMap::new() }
    }

    /// Sends a packet with `level` predecessors of which `carried` holds, and gives what the
    /// subscriber reads: media time and payload of each block, the primary one first.
    fn say(
        &mut self,
        level: usize,
        sent: &Sent,
        carried: impl Fn(&Received) -> bool,
    ) -> Vec<(u32, Vec<u8>)> {
        let id = PacketId(self.slab.len() as u32);
        let received = self.layer.take(u64::from(sent.timestamp / 48), sent);
        self.slab.insert(id, sent.bytes());
        let redundancy = Redundancy::choose(level, RED, &received, &self.history, carried);
        assert_eq!(self.history.push(id, &received, true, |_| {}), Kept::Yes);
        let (Selection::Send(rewrite) | Selection::Start(rewrite)) =
            self.slot.forward(LAYER, &received)
        else {
            panic!("audio is always sent");
        };
        let forward =
            Forward { packet: id, peer: PeerId(1), class: PacketClass::Audio, rewrite, redundancy };
        assert_eq!(
            forward.packets().count(),
            1 + redundancy.map_or(0, |r| r.blocks.iter().flatten().count())
        );
        let mut out = vec![0; 1500];
        let len =
            forward.write(|id| self.slab.get(&id).map(Vec::as_slice), &mut out, None).unwrap();
        let bytes = &out[..len];
        let packet = Packet::parse(bytes, &ExtensionMap::default()).unwrap();
        if redundancy.is_none() {
            assert_eq!(packet.payload_type, SLOT_PAYLOAD);
            return vec![(packet.timestamp.0, packet.payload(bytes).to_vec())];
        }
        assert_eq!(packet.payload_type, RED);
        let unpacked = unpack_red(&packet, packet.payload(bytes)).unwrap();
        std::iter::once(unpacked.primary)
            .chain(unpacked.older.into_iter().flatten())
            .map(|block| {
                assert_eq!(block.payload_type, SLOT_PAYLOAD);
                (block.timestamp.0, block.payload(bytes).to_vec())
            })
            .collect()
    }
}

fn word(seq: u16) -> Sent {
    Sent { body: vec![seq as u8; 20 + usize::from(seq % 7)], ..audio(seq, u32::from(seq) * 960) }
}

#[test]
fn a_packet_carries_as_many_predecessors_as_its_level_says() {
    let mut talk = Talk::new();
    let first = talk.say(2, &word(1), |_| true);
    assert_eq!(first.len(), 1, "nothing was before it");
    let start = first[0].0;
    assert_eq!(talk.say(2, &word(2), |_| true).len(), 2);
    let third = talk.say(2, &word(3), |_| true);
    let expected: Vec<_> =
        [3, 2, 1].map(|seq| (start + (u32::from(seq) - 1) * 960, word(seq).body)).to_vec();
    assert_eq!(third, expected);
    assert_eq!(talk.say(1, &word(4), |_| true).len(), 2);
    assert_eq!(talk.say(0, &word(5), |_| true).len(), 1);
}

#[test]
fn a_gap_a_pause_and_another_content_end_the_row() {
    let mut talk = Talk::new();
    talk.say(0, &word(1), |_| true);
    talk.say(0, &word(3), |_| true);
    assert_eq!(talk.say(2, &word(4), |_| true).len(), 2, "packet 2 never came");
    // 341 ms fit the offset, more do not.
    let pause = |by: u32| Sent { timestamp: 4 * 960 + by, ..word(5) };
    assert_eq!(talk.say(2, &pause(16_384), |_| true).len(), 1);
    assert_eq!(
        talk.say(2, &Sent { timestamp: 4 * 960 + 16_384 + 16_383, ..word(6) }, |_| true).len(),
        2
    );
    let first_of_content = 1 << 40;
    assert_eq!(
        talk.say(2, &Sent { timestamp: 40_000, ..word(7) }, |p| p.seq > first_of_content + 6).len(),
        1
    );
}

#[test]
fn no_packet_outgrows_the_path() {
    let mut talk = Talk::new();
    let long = |seq, len| Sent { body: vec![1; len], ..word(seq) };
    talk.say(0, &long(1, 1024), |_| true);
    assert_eq!(talk.say(2, &long(2, 10), |_| true).len(), 1, "1024 bytes do not fit 10 bits");
    talk.say(0, &long(3, 700), |_| true);
    assert_eq!(talk.say(2, &long(4, 500), |_| true).len(), 1);
    assert_eq!(talk.say(2, &long(5, 300), |_| true).len(), 2, "500 fit, 700 more do not");
}

#[test]
fn a_publishers_redundancy_is_taken_apart() {
    // Two blocks before the primary, as Chrome writes them: 1920 and 960 units back.
    let mut payload = vec![0x80 | 111, 30, 0, 2, 0x80 | 111, 15, 0, 3, 111];
    payload.extend([1, 1, 2, 2, 2, 3, 3, 3, 3]);
    let sent = Sent { body: payload, ..audio(7, 96_000) };
    let bytes = sent.bytes();
    let packet = sent.packet();
    let unpacked = unpack_red(&packet, packet.payload(&bytes)).unwrap();
    assert_eq!((unpacked.primary.seq, unpacked.primary.payload(&bytes)), (SeqNo(7), &[3; 4][..]));
    assert_eq!(unpacked.primary.payload_type, PayloadType(111));
    let older: Vec<_> = unpacked
        .older
        .iter()
        .flatten()
        .map(|block| (block.seq.0, block.timestamp.0, block.payload(&bytes).to_vec()))
        .collect();
    assert_eq!(older, [(6, 95_040, vec![2; 3]), (5, 94_080, vec![1; 2])]);
}

#[test]
fn redundancy_begins_and_ends_at_different_losses() {
    let rtt = Some(Duration::from_millis(40));
    let mut level = RedLevel::default();
    let seen: Vec<_> = [0, 29, 30, 20, 14, 30, 119, 120, 90, 79, 15, 14, 200]
        .map(|loss| level.observe(loss, rtt))
        .to_vec();
    assert_eq!(seen, [0, 0, 1, 1, 0, 1, 1, 2, 2, 1, 1, 0, 2]);
    let far = Some(Duration::from_millis(151));
    assert_eq!(RedLevel::default().observe(10, far), 1, "nothing can be asked for again");
    assert_eq!(RedLevel::default().observe(10, rtt), 0);
}

proptest! {
    #[test]
    fn any_bytes_are_taken_apart_or_refused(payload in prop::collection::vec(any::<u8>(), 0..80)) {
        let sent = Sent { body: payload, ..audio(7, 96_000) };
        let bytes = sent.bytes();
        let packet = sent.packet();
        if let Ok(unpacked) = unpack_red(&packet, packet.payload(&bytes)) {
            let end = |block: Packet| usize::from(block.header_len + block.payload_len);
            prop_assert_eq!(end(unpacked.primary), bytes.len());
            for block in unpacked.older.into_iter().flatten() {
                prop_assert!(end(block) <= bytes.len());
                prop_assert!(block.payload_len > 0);
            }
        }
    }
}
