//! Packets there and back, and what is refused.

use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::{
    Activity, Entry, EntryError, MAX_DATAGRAM_LEN, MAX_ENTRIES, MAX_PAYLOAD_LEN, MediaTime,
    PluginId, PluginKind, WriteError,
};

const VOICE: Entry<'_> = Entry {
    plugin: PluginId::VOICE,
    epoch: 3,
    activity: Some(Activity { level: 4, talking: true }),
    payload: &[1, 2, 3],
};
const FACE: Entry<'_> =
    Entry { plugin: PluginId::FACE, epoch: 1, activity: None, payload: &[4, 5] };

fn written(write: impl FnOnce(&mut PacketWriter<'_>) -> Result<(), WriteError>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = PacketWriter::begin(&mut out, MediaTime(0x0102_0304), false);
    write(&mut writer).expect("entries within the limits");
    writer.finish().expect("a block with entries");
    out
}

#[test]
fn a_packet_is_the_bytes_of_the_diagram() {
    let bytes = written(|writer| {
        writer.entry(&VOICE)?;
        writer.entry(&FACE)?;
        writer.older(MediaTime(0x0102_0304 - 80), &FACE)
    });
    let expected = [
        0x40, 1, 2, 3, 4, // version, media time
        0x0b, 0x48, 3, 1, 2, 3, // voice, epoch 3, level 4, talking
        0xc9, 2, 4, 5, // face, epoch 1, last
        0, 80, 0xc9, 2, 4, 5, // 80 ms older
    ];
    assert_eq!(bytes, expected);
}

#[test]
fn a_packet_cut_anywhere_but_between_blocks_is_an_error() {
    let bytes = written(|writer| {
        writer.entry(&VOICE)?;
        writer.older(MediaTime(0x0102_0304 - 80), &VOICE)
    });
    for len in 0..bytes.len() {
        match ModelPacket::parse(&bytes[..len]) {
            Ok(packet) => assert_eq!((len, packet.blocks().count()), (11, 1)),
            Err(PacketError::Truncated | PacketError::Entry(EntryError::Truncated)) => {}
            Err(other) => panic!("{len} bytes: {other}"),
        }
    }
}

#[test]
fn every_rule_has_an_error_of_its_own() {
    let refused = |bytes: &[u8]| ModelPacket::parse(bytes).expect_err("a broken packet");
    let entry = |error| PacketError::Entry(error);
    assert_eq!(refused(&[0x40; MAX_DATAGRAM_LEN + 1]), PacketError::TooLong);
    assert_eq!(refused(&[0x80, 0, 0, 0, 0, 0xc8, 0]), PacketError::Version);
    assert_eq!(refused(&[0x41, 0, 0, 0, 0, 0xc8, 0]), PacketError::Reserved);
    assert_eq!(refused(&[0x40, 0, 0, 0, 0, 0x88, 1, 0]), entry(EntryError::Reserved));
    assert_eq!(refused(&[0x40, 0, 0, 0, 0, 0xc8, 0x80, 0]), entry(EntryError::Varint));
    assert_eq!(refused(&[0x40, 0, 0, 0, 0, 0xc8, 0xcd, 8]), entry(EntryError::PayloadTooLong));
    assert_eq!(refused(&[0x40, 0, 0, 0, 0, 0x48, 0, 0xc8, 0]), entry(EntryError::PluginTwice));
    let mut many = vec![0x40, 0, 0, 0, 0];
    for plugin in (0..=MAX_ENTRIES as u8).rev() {
        many.extend_from_slice(&[plugin << 3, 0, 0][..if plugin < 8 { 3 } else { 2 }]);
    }
    assert_eq!(refused(&many), entry(EntryError::TooManyEntries));
    let mut blocks = vec![0x40, 0, 0, 0, 0, 0xc8, 0];
    blocks.extend_from_slice(&[0, 1, 0xc8, 0].repeat(MAX_BLOCKS));
    assert_eq!(refused(&blocks), PacketError::TooManyBlocks);
    assert_eq!(refused(&[0x40, 0, 0, 0, 0, 0xc8, 0, 0, 0, 0xc8, 0]), PacketError::NotOlder);
}

#[test]
fn a_write_that_breaks_a_limit_leaves_the_packet_as_it_was() {
    let long = [0; MAX_PAYLOAD_LEN + 1];
    let mut out = vec![7];
    let mut writer = PacketWriter::begin(&mut out, MediaTime(100), true);
    assert_eq!(writer.older(MediaTime(20), &FACE), Err(WriteError::NoEntries));
    writer.entry(&FACE).expect("an entry within the limits");
    assert_eq!(writer.entry(&FACE), Err(WriteError::PluginTwice));
    assert_eq!(writer.entry(&Entry { activity: None, ..VOICE }), Err(WriteError::Value));
    assert_eq!(writer.entry(&Entry { epoch: 8, ..VOICE }), Err(WriteError::Value));
    assert_eq!(writer.entry(&Entry { payload: &long, ..VOICE }), Err(WriteError::PayloadTooLong));
    assert_eq!(writer.older(MediaTime(100), &VOICE), Err(WriteError::NotOlder));
    assert_eq!(writer.older(MediaTime(101), &VOICE), Err(WriteError::NotOlder));
    let loud = Some(Activity { level: 16, talking: true });
    assert_eq!(
        writer.older(MediaTime(20), &Entry { activity: loud, ..VOICE }),
        Err(WriteError::Value)
    );
    writer.older(MediaTime(20), &VOICE).expect("a block within the limits");
    let most = Entry { payload: &long[1..], ..FACE };
    writer.entry(&most).expect("the longest payload");
    assert_eq!(writer.older(MediaTime(10), &most), Err(WriteError::Full));
    writer.older(MediaTime(10), &FACE).expect("a third block");
    writer.older(MediaTime(5), &FACE).expect("a fourth block");
    assert_eq!(writer.older(MediaTime(1), &FACE), Err(WriteError::TooManyBlocks));
    let len = writer.finish().expect("a block with entries");
    assert_eq!(len, out.len() - 1);
    let packet = ModelPacket::parse(&out[1..]).expect("what we write can be read");
    assert!(packet.encrypted());
    let times: Vec<u32> = packet.blocks().map(|block| block.time.0).collect();
    assert_eq!(times, [100, 20, 10, 5]);
}

#[test]
fn an_unfinished_packet_leaves_nothing() {
    let mut out = vec![7];
    let writer = PacketWriter::begin(&mut out, MediaTime(0), false);
    assert_eq!(writer.finish(), Err(WriteError::NoEntries));
    assert_eq!(out, [7]);
    let mut writer = PacketWriter::begin(&mut out, MediaTime(0), false);
    writer.entry(&FACE).expect("an entry within the limits");
    drop(writer);
    assert_eq!(out, [7]);
}

/// Age in milliseconds, and per plug-in: epoch, level, talking, payload.
type Written = (u16, Vec<(u8, u8, u8, bool, Vec<u8>)>);

fn block() -> impl Strategy<Value = Written> {
    let entry = (0u8..16, 0u8..8, 0u8..16, any::<bool>(), vec(any::<u8>(), 0..40));
    (1u16.., vec(entry, 1..=MAX_ENTRIES)).prop_map(|(age, mut entries)| {
        entries.sort_by_key(|entry| entry.0);
        entries.dedup_by_key(|entry| entry.0);
        (age, entries)
    })
}

fn entry_of((plugin, epoch, level, talking, payload): &(u8, u8, u8, bool, Vec<u8>)) -> Entry<'_> {
    let plugin = PluginId::new(*plugin).expect("below 16");
    let sound = plugin.kind() == PluginKind::Sound;
    let activity = sound.then_some(Activity { level: *level, talking: *talking });
    Entry { plugin, epoch: *epoch, activity, payload }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        time: u32,
        encrypted: bool,
        blocks in vec(block(), 1..=MAX_BLOCKS),
    ) {
        let mut out = Vec::new();
        let mut writer = PacketWriter::begin(&mut out, MediaTime(time), encrypted);
        let mut expected = Vec::new();
        for (index, (age, entries)) in blocks.iter().enumerate() {
            let at = if index == 0 { time } else { time.wrapping_sub(u32::from(*age)) };
            for (place, entry) in entries.iter().map(entry_of).enumerate() {
                let outcome = match (index, place) {
                    (1.., 0) => writer.older(MediaTime(at), &entry),
                    _ => writer.entry(&entry),
                };
                match outcome {
                    Ok(()) => expected.push((MediaTime(at), entry)),
                    Err(error) => {
                        prop_assert_eq!(error, WriteError::Full);
                        if index > 0 && place == 0 {
                            break;
                        }
                    }
                }
            }
        }
        writer.finish().expect("the first entry fits");
        let packet = ModelPacket::parse(&out).expect("what we write can be read");
        prop_assert_eq!((packet.time(), packet.encrypted()), (MediaTime(time), encrypted));
        let read: Vec<_> = packet
            .blocks()
            .flat_map(|block| block.entries().map(move |entry| (block.time, entry)))
            .collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn arbitrary_bytes_are_an_error_or_a_packet(
        first in option::of(0u8..2),
        mut bytes in vec(any::<u8>(), 0..200),
    ) {
        if let (Some(first), Some(byte)) = (first, bytes.first_mut()) {
            *byte = 0x40 | first << 5;
        }
        if let Ok(packet) = ModelPacket::parse(&bytes) {
            let mut payloads = 0;
            for block in packet.blocks() {
                for entry in block.entries() {
                    payloads += 2 + entry.payload.len();
                }
            }
            prop_assert!(payloads <= bytes.len() && payloads > 0);
        }
    }
}
