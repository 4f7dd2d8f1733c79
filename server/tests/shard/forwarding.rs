use sotto_core::signal::Source;
use sotto_server::shard::socket::Batching;

use crate::{
    media::opus_packet,
    support::{Rig, vp8_packet},
};

/// Fixed header and one CSRC.
const HEADER: usize = 16;

#[test]
fn a_voice_packet_arrives_with_its_payload_untouched_and_its_speaker_named() {
    let mut rig = Rig::new(Batching::Segments);
    let mut speaker = rig.client("room", 1, 1);
    let mut listener = rig.client("room", 1, 1);
    speaker.publish(&mut rig, "mic", Source::Microphone);
    speaker.send_rtp(&opus_packet(7, b"voice"));
    rig.turn();
    let packet = listener.receive_rtp();
    assert_eq!(&packet[HEADER..], b"voice");
    assert_eq!(packet[0], 0x81, "version 2, no extension, one contributing source");
    assert_eq!(packet[1] & 0x7f, crate::support::OPUS);
    assert_eq!(packet[12..16], [0, 0, 0, 1], "the short id of the one who came first");
}

#[test]
fn every_way_through_the_kernel_delivers_the_same_media() {
    let through = |batching| {
        let mut rig = Rig::new(batching);
        let mut publisher = rig.client("room", 1, 1);
        let mut watchers: Vec<_> = (0..3).map(|_| rig.client("room", 1, 1)).collect();
        publisher.publish(&mut rig, "cam", Source::Camera);
        for seq in 0..60 {
            // Runs, and ends of runs.
            publisher.send_rtp(&vp8_packet(seq, if seq % 7 == 6 { 300 } else { 1_000 }));
            if seq % 20 == 19 {
                rig.turn();
            }
        }
        rig.turn();
        let payloads = |watcher: &mut crate::support::Client| -> Vec<Vec<u8>> {
            let mut before: Option<u16> = None;
            (0..60)
                .map(|_| {
                    let packet = watcher.receive_rtp();
                    let seq = u16::from_be_bytes([packet[2], packet[3]]);
                    assert!(before.is_none_or(|before| before.wrapping_add(1) == seq));
                    before = Some(seq);
                    // Behind the descriptor, whose picture id is the slot's own.
                    packet[HEADER + 4..].to_vec()
                })
                .collect()
        };
        let got: Vec<_> = watchers.iter_mut().map(payloads).collect();
        let stats = rig.stats();
        assert_eq!(stats.counters.forwarded, 180);
        assert_eq!(stats.counters.drops().count(), 0, "{:?}", stats.counters);
        let runs: u64 = stats.run_lengths.0[1..].iter().sum();
        assert_eq!(runs > 0, batching == Batching::Segments, "{:?}", stats.run_lengths);
        got
    };
    let single = through(Batching::Single);
    for watcher in &single {
        for (seq, payload) in watcher.iter().enumerate() {
            assert_eq!(payload, &vp8_packet(seq as u16, payload.len() + 4)[HEADER..]);
        }
    }
    assert_eq!(through(Batching::Messages), single);
    assert_eq!(through(Batching::Segments), single);
}

#[test]
fn a_latecomer_gets_the_keyframe_and_what_followed_from_the_cache() {
    let mut rig = Rig::new(Batching::Segments);
    let mut publisher = rig.client("room", 1, 1);
    publisher.publish(&mut rig, "cam", Source::Camera);
    for seq in 0..5 {
        publisher.send_rtp(&vp8_packet(seq, 500));
        rig.turn();
    }
    let mut late = rig.client("room", 1, 1);
    for seq in 0..5_u16 {
        let packet = late.receive_rtp();
        assert_eq!(packet[HEADER + 4..], vp8_packet(seq, 500)[HEADER..]);
    }
    drop(publisher);
}
