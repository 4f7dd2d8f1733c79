//! Bundles there and back, and what is refused.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    Activity, Entry, EntryError, MAX_DATAGRAM_LEN, MAX_ENTRIES, MAX_PAYLOAD_LEN, PluginId,
    WriteError,
};

const VOICE: Entry<'_> =
    Entry { plugin: PluginId::VOICE, epoch: 3, activity: None, payload: &[1, 2, 3] };
const FACE: Entry<'_> =
    Entry { plugin: PluginId::FACE, epoch: 1, activity: None, payload: &[4, 5] };

#[test]
fn a_bundle_is_the_bytes_of_the_diagram() {
    let mut out = vec![7];
    let mut writer = BundleWriter::begin(&mut out);
    writer.push_block(5, 0x0102, [VOICE, FACE]).expect("a block that fits");
    writer.push_block(200, 0x0304, [FACE]).expect("a block that fits");
    assert_eq!((writer.len(), writer.blocks(), writer.room()), (21, 2, MAX_DATAGRAM_LEN - 21));
    let expected = [
        7, 0x40, // what was there; version
        5, 1, 2, 0x0b, 3, 1, 2, 3, 0xc9, 2, 4, 5, // participant 5, voice and face
        0xc8, 1, 3, 4, 0xc9, 2, 4, 5, // participant 200
    ];
    assert_eq!(out, expected);
}

#[test]
fn a_voice_and_a_face_of_one_person_cost_seven_bytes() {
    let mut out = Vec::new();
    let mut writer = BundleWriter::begin(&mut out);
    let before = writer.len();
    writer.push_block(127, 0, [VOICE, FACE]).expect("a block that fits");
    let payload = VOICE.payload.len() + FACE.payload.len();
    assert_eq!(writer.len() - before - payload, 7);
    assert_eq!(block_len(127, entry_len(3) + entry_len(2)) - payload, 7);
}

#[test]
fn what_a_publisher_measured_is_not_in_a_bundle() {
    let loud = Entry { activity: Some(Activity { level: 0, talking: true }), ..VOICE };
    let mut out = Vec::new();
    BundleWriter::begin(&mut out).push_block(1, 0, [loud]).expect("a block that fits");
    let bundle = Bundle::parse(&out).expect("what we write can be read");
    let entries: Vec<_> = bundle.blocks().flat_map(|block| block.entries()).collect();
    assert_eq!(entries, [VOICE]);
}

#[test]
fn a_block_that_does_not_fit_leaves_the_bundle_as_it_was() {
    let long = [9; MAX_PAYLOAD_LEN + 1];
    let most = Entry { payload: &long[1..], ..FACE };
    let mut out = Vec::with_capacity(MAX_DATAGRAM_LEN);
    let mut writer = BundleWriter::begin(&mut out);
    writer.push_block(1, 0, [most]).expect("the longest payload");
    let len = writer.len();
    let tail = |len: usize| Entry { payload: &long[..len], ..VOICE };
    let room = writer.room();
    let too_long = room - block_len(2, entry_len(0)) + 1;
    assert_eq!(writer.push_block(2, 0, [tail(too_long)]), Err(WriteError::Full));
    assert_eq!(writer.push_block(2, 0, [FACE, tail(room)]), Err(WriteError::Full));
    assert_eq!(writer.push_block(0, 0, [FACE]), Err(WriteError::NoParticipant));
    assert_eq!(writer.push_block(2, 0, []), Err(WriteError::NoEntries));
    assert_eq!(writer.push_block(2, 0, [FACE, FACE]), Err(WriteError::PluginTwice));
    let longest = Entry { payload: &long, ..FACE };
    assert_eq!(writer.push_block(2, 0, [longest]), Err(WriteError::PayloadTooLong));
    assert_eq!((writer.len(), writer.blocks()), (len, 1));
    writer.push_block(2, 0, [tail(too_long - 1)]).expect("what fits to the byte");
    assert_eq!(writer.room(), 0);
    assert_eq!(out.capacity(), MAX_DATAGRAM_LEN, "nothing was allocated");
    assert_eq!(Bundle::parse(&out).map(|bundle| bundle.blocks().count()), Ok(2));
}

#[test]
fn entries_encoded_once_give_the_same_bundle() {
    let mut store = vec![1, 2];
    let encoded = encode_entries([VOICE, FACE], &mut store).expect("entries of a block");
    let (mut copied, mut written) = (Vec::new(), Vec::new());
    let mut writer = BundleWriter::begin(&mut copied);
    writer.push_encoded(300, 9, encoded).expect("a block that fits");
    assert_eq!(writer.push_encoded(0, 9, encoded), Err(WriteError::NoParticipant));
    BundleWriter::begin(&mut written).push_block(300, 9, [VOICE, FACE]).expect("it fits");
    assert_eq!(copied, written);
    assert_eq!(encode_entries([], &mut store), Err(WriteError::NoEntries));
    assert_eq!(store.len(), 2 + entry_len(3) + entry_len(2));
}

#[test]
fn every_rule_has_an_error_of_its_own() {
    let refused = |bytes: &[u8]| Bundle::parse(bytes).expect_err("a broken bundle");
    assert_eq!(refused(&[]), BundleError::Truncated);
    assert_eq!(refused(&[0x40; MAX_DATAGRAM_LEN + 1]), BundleError::TooLong);
    assert_eq!(refused(&[0x00]), BundleError::Version);
    assert_eq!(refused(&[0x60]), BundleError::Reserved);
    assert_eq!(refused(&[0x40, 0, 0, 0, 0xc8, 0]), BundleError::Participant);
    assert_eq!(refused(&[0x40, 0x80, 0, 0, 0, 0xc8, 0]), BundleError::Participant);
    let twice = refused(&[0x40, 1, 0, 0, 0x48, 0, 0xc8, 0]);
    assert_eq!(twice, BundleError::Entry(EntryError::PluginTwice));
    let mut many = vec![0x40];
    many.extend_from_slice(&[1, 0, 0, 0xc8, 0].repeat(MAX_BLOCKS));
    assert_eq!(Bundle::parse(&many).map(|bundle| bundle.blocks().count()), Ok(MAX_BLOCKS));
    many.extend_from_slice(&[1, 0, 0, 0xc8, 0]);
    assert_eq!(refused(&many), BundleError::TooManyBlocks);
    let mut out = Vec::new();
    let mut writer = BundleWriter::begin(&mut out);
    for participant in 1..=MAX_BLOCKS as u32 {
        writer.push_block(participant, 0, [FACE]).expect("a block that fits");
    }
    assert_eq!(writer.push_block(99, 0, [FACE]), Err(WriteError::TooManyBlocks));
}

type Written = (u32, u16, Vec<(u8, u8, Vec<u8>)>);

fn block() -> impl Strategy<Value = Written> {
    let entry = (0u8..16, 0u8..8, vec(any::<u8>(), 0..40));
    let participant = prop_oneof![1u32..200, 1u32..];
    (participant, any::<u16>(), vec(entry, 1..=MAX_ENTRIES)).prop_map(|(who, time, mut entries)| {
        entries.sort_by_key(|entry| entry.0);
        entries.dedup_by_key(|entry| entry.0);
        (who, time, entries)
    })
}

fn entry_of((plugin, epoch, payload): &(u8, u8, Vec<u8>)) -> Entry<'_> {
    let plugin = PluginId::new(*plugin).expect("below 16");
    Entry { plugin, epoch: *epoch, activity: None, payload }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again_and_as_long_as_foretold(blocks in vec(block(), 0..80)) {
        let mut out = Vec::new();
        let mut writer = BundleWriter::begin(&mut out);
        let mut expected = Vec::new();
        let mut boundaries = vec![1];
        for (who, time, entries) in &blocks {
            let (before, room) = (writer.len(), writer.room());
            let entries_len = entries.iter().map(|entry| entry_len(entry.2.len())).sum();
            let len = block_len(*who, entries_len);
            match writer.push_block(*who, *time, entries.iter().map(entry_of)) {
                Ok(()) => {
                    prop_assert_eq!(writer.len() - before, len);
                    boundaries.push(writer.len());
                    expected.push((*who, *time, entries));
                }
                Err(WriteError::TooManyBlocks) => prop_assert_eq!(writer.blocks(), MAX_BLOCKS),
                Err(error) => {
                    prop_assert_eq!(error, WriteError::Full);
                    prop_assert!(len > room);
                    prop_assert_eq!(writer.len(), before);
                }
            }
        }
        let bundle = Bundle::parse(&out).expect("what we write can be read");
        prop_assert_eq!(bundle.blocks().count(), expected.len());
        for (block, (who, time, entries)) in bundle.blocks().zip(expected) {
            prop_assert_eq!((block.participant, block.time), (who, time));
            prop_assert!(block.entries().eq(entries.iter().map(entry_of)));
        }
        for len in 0..out.len() {
            match Bundle::parse(&out[..len]) {
                Ok(_) => prop_assert!(boundaries.contains(&len)),
                Err(error) => prop_assert!(matches!(
                    error,
                    BundleError::Truncated | BundleError::Entry(EntryError::Truncated)
                )),
            }
        }
    }

    #[test]
    fn arbitrary_bytes_are_an_error_or_a_bundle(mut bytes in vec(any::<u8>(), 0..200)) {
        if let Some(first) = bytes.first_mut() {
            *first = 0x40;
        }
        if let Ok(bundle) = Bundle::parse(&bytes) {
            let read: usize = bundle
                .blocks()
                .map(|block| {
                    let entries = block.entries().map(|entry| entry_len(entry.payload.len())).sum();
                    block_len(block.participant, entries)
                })
                .sum();
            prop_assert_eq!(read + 1, bytes.len());
        }
    }
}
