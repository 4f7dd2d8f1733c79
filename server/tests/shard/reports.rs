use std::time::{Duration, Instant};

use sotto_core::{
    id::{Mid, RtpTime, Ssrc},
    signal::{ClientMessage, Source},
    time::NtpTime,
};
use sotto_server::shard::{
    Command,
    rtcp::{Compound, Message, Messages},
    socket::Batching,
};

use crate::{
    media::opus_packet,
    support::{CAMERA, Client, MIC, Rig, vp8_packet},
};

/// Turns the loop until the client has got RTCP in which `wanted` finds something.
fn rtcp_until<R>(
    rig: &mut Rig,
    client: &mut Client,
    mut wanted: impl FnMut(Message) -> Option<R>,
) -> R {
    client.socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let give_up = Instant::now() + Duration::from_secs(10);
    let mut buffer = [0; 2_000];
    loop {
        assert!(Instant::now() < give_up, "it never came");
        rig.turn();
        let Ok(len) = client.socket.recv(&mut buffer) else { continue };
        if !(192..224).contains(&buffer[1]) {
            continue;
        }
        let len = client.opener.open_rtcp(&mut buffer[..len]).unwrap();
        for message in Messages::of(&buffer[..len]) {
            if let Some(found) = wanted(message.unwrap()) {
                return found;
            }
        }
    }
}

#[test]
fn a_publisher_is_told_within_two_seconds_how_its_packets_arrive() {
    let mut rig = Rig::new(Batching::Segments);
    let mut speaker = rig.client("room", 1, 1);
    speaker.publish(&mut rig, "mic", Source::Microphone);
    let start = Instant::now();
    for seq in [10, 11, 13] {
        speaker.send_rtp(&opus_packet(seq, b"voice"));
    }
    let block = rtcp_until(&mut rig, &mut speaker, |message| match message {
        Message::Report(block) => Some(block),
        _ => None,
    });
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!((block.ssrc, block.lost, block.highest_seq), (Ssrc(MIC), 1, 13));
    assert_eq!(block.fraction_lost, 64, "one of four");
}

#[test]
fn a_subscriber_that_lost_the_picture_makes_the_publisher_send_a_keyframe() {
    let mut rig = Rig::new(Batching::Segments);
    let mut publisher = rig.client("room", 1, 1);
    let mut watcher = rig.client("room", 1, 1);
    publisher.publish(&mut rig, "cam", Source::Camera);
    publisher.send_rtp(&vp8_packet(0, 500));
    rig.turn();
    let packet = watcher.receive_rtp();
    let slot = Ssrc(u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]));
    let mut buffer = [0; 100];
    let mut compound = Compound::new(&mut buffer);
    assert!(compound.receiver_report(&[]) && compound.picture_loss(slot));
    let len = compound.len();
    watcher.send_rtcp(&buffer[..len]);
    let asked = rtcp_until(&mut rig, &mut publisher, |message| match message {
        Message::KeyframeRequest { ssrc } => Some(ssrc),
        _ => None,
    });
    assert_eq!(asked, Ssrc(CAMERA));
}

#[test]
fn a_slot_has_sender_reports_on_its_own_timeline() {
    let mut rig = Rig::new(Batching::Segments);
    let mut speaker = rig.client("room", 1, 1);
    let mut listener = rig.client("room", 1, 1);
    speaker.publish(&mut rig, "mic", Source::Microphone);
    let mut buffer = [0; 100];
    let mut compound = Compound::new(&mut buffer);
    let report = sotto_core::output::SenderReport {
        ssrc: Ssrc(MIC),
        ntp: NtpTime(0xe000_0000_0000_0000),
        rtp: RtpTime(960),
        packets: 1,
        octets: 5,
    };
    assert!(compound.sender_report(&report));
    let len = compound.len();
    speaker.send_rtp(&opus_packet(0, b"voice"));
    speaker.send_rtcp(&buffer[..len]);
    speaker.send_rtp(&opus_packet(1, b"voice"));
    rig.turn();
    let first = listener.receive_rtp();
    let slot = Ssrc(u32::from_be_bytes([first[8], first[9], first[10], first[11]]));
    let (ssrc, rtp) = rtcp_until(&mut rig, &mut listener, |message| match message {
        Message::SenderReport { ssrc, rtp, .. } => Some((ssrc, rtp)),
        _ => None,
    });
    assert_eq!(ssrc, slot);
    let sent = RtpTime(u32::from_be_bytes([first[4], first[5], first[6], first[7]]));
    assert!(rtp.distance(sent).unsigned_abs() < 48_000 * 12, "near what was sent");
}

#[test]
fn what_is_sent_while_muted_is_not_told_as_lost() {
    let mut rig = Rig::new(Batching::Segments);
    let mut speaker = rig.client("room", 1, 1);
    speaker.publish(&mut rig, "mic", Source::Microphone);
    let mut seqs = 10..;
    for muted in [false, true, false] {
        let mid = Mid::new("mic").unwrap();
        let message = ClientMessage::Mute { mid, muted };
        rig.handle.try_send(Command::Message { peer: speaker.peer, message }).unwrap();
        rig.turn();
        for seq in seqs.by_ref().take(10) {
            speaker.send_rtp(&opus_packet(seq, b"voice"));
        }
        rig.turn();
    }
    let block = rtcp_until(&mut rig, &mut speaker, |message| match message {
        Message::Report(block) if block.highest_seq == 39 => Some(block),
        _ => None,
    });
    assert_eq!((block.ssrc, block.lost), (Ssrc(MIC), 0));
}
