//! Faces.

use std::time::Duration;

use sotto_codec::Registry;
use sotto_core::media::Codec;
use sotto_frame::{Container, PluginId};
use sotto_server::{
    config::LearnConfig,
    learn::{
        FailedReason, RefusedReason, Report,
        depacketise::{Depacketiser, Size},
        intake::Intake,
        reorder::Ordered,
    },
};

use crate::{
    face::{Sender, frames},
    pool::{Pool, Script, config, in_processes, job},
};

const CODECS: [Codec; 4] = [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1];

#[test]
fn frames_of_every_codec_come_whole_out_of_their_packets() {
    for codec in CODECS {
        let frames = frames(codec, 12, (320, 240));
        let packets = Sender::default().packets(codec, &frames);
        assert!(packets.len() > frames.len(), "{codec:?}: some frames take several packets");
        let mut intake = Intake::new(job(1, codec).format);
        let mut depacketiser = Depacketiser::new(codec);
        let mut whole = Vec::new();
        for packet in &packets {
            intake.push(packet);
            while let Some(Ordered::Packet(payload)) = intake.pop() {
                whole.extend(depacketiser.push(&payload).unwrap());
            }
        }
        assert_eq!(whole.len(), frames.len(), "{codec:?}");
        let keyframes: Vec<_> = whole.iter().map(|frame| frame.keyframe).collect();
        let mut expected = vec![None; frames.len()];
        expected[0] = Some(Size { width: 320, height: 240 });
        assert_eq!(keyframes, expected, "{codec:?}");
        for (whole, frame) in whole.iter().zip(&frames) {
            match codec {
                // Without delimiters, and with start codes of one length.
                Codec::H264 => {}
                _ => assert!(whole.bytes == *frame, "{codec:?}"),
            }
        }
    }
}

/// Somebody is in front of the camera until there is a model that the codec can use.
fn check(config: &LearnConfig, codec: Codec) {
    let pool = Pool::start(config);
    let job = job(1, codec);
    let mut tap = pool.begin(job);
    let frames = frames(codec, 120, (96, 96));
    let mut sender = Sender::default();
    let report = loop {
        let (report, _) = pool.feed(&mut tap, |_| sender.packets(codec, &frames));
        // Where a packet was late, or the first one came while it began.
        if report != Report::KeyframeWanted {
            break report;
        }
    };
    let Report::Model { container, epoch } = report else { panic!("{codec:?}: {report:?}") };
    let parsed = Container::parse(&container).unwrap();
    assert_eq!((parsed.plugin, parsed.epoch), (PluginId::FACE, epoch));
    assert_eq!(epoch, job.first_epoch);
    assert!(Registry::standard().model(&parsed).is_ok(), "{codec:?}: a model that can be used");
}

#[test]
fn a_face_is_learned_in_a_process_of_its_own() {
    check(&in_processes(), Codec::Vp8);
}

#[test]
fn a_face_is_learned_of_vp9() {
    check(&config(), Codec::Vp9);
}

#[test]
fn a_face_is_learned_of_h264() {
    check(&config(), Codec::H264);
}

#[test]
fn a_face_is_learned_of_av1() {
    check(&config(), Codec::Av1);
}

#[test]
fn the_first_keyframe_is_decoded_and_what_goes_on_from_it() {
    for codec in CODECS {
        let pool = Pool::start(&config());
        let mut tap = pool.begin(job(1, codec));
        let packets = Sender::default().packets(codec, &frames(codec, 30, (96, 96)));
        packets.iter().for_each(|packet| tap.packet(packet));
        assert!(pool.progress() > 0.0, "{codec:?}: a picture was learned from");
    }
}

#[test]
fn without_ffmpeg_no_face_is_learned() {
    let pool = Pool::start(&LearnConfig { ffmpeg: "/nowhere/ffmpeg".into(), ..in_processes() });
    let job = job(1, Codec::Vp8);
    let tap = pool.begin(job);
    assert_eq!(pool.next(), (job.key, Report::Refused(RefusedReason::NoDecoder)));
    assert!(tap.is_over());
}

#[test]
fn an_ffmpeg_without_the_codec_refuses_too() {
    let script = Script::new("echo ' V....D vp8 the only one'");
    let pool = Pool::start(&LearnConfig { ffmpeg: script.program(), ..config() });
    let _vp9 = pool.begin(job(1, Codec::Vp9));
    assert_eq!(pool.next().1, Report::Refused(RefusedReason::NoDecoder));
}

/// What becomes of video whose decoder is this once it was asked what it can decode.
fn check_decoder(lines: &str, patience: Duration, expected: FailedReason) {
    let listing = "case \"$*\" in *-decoders) echo ' V....D vp8 what'; exit;; esac";
    let script = Script::new(&format!("{listing}\n{lines}"));
    let config = LearnConfig { ffmpeg: script.program(), patience, ..in_processes() };
    let pool = Pool::start(&config);
    let mut tap = pool.begin(job(1, Codec::Vp8));
    // Every one a keyframe, and larger than a pipe in a moment.
    let frames = frames(Codec::Vp8, 1, (640, 480));
    let mut sender = Sender::default();
    let report = loop {
        let (report, _) = pool.feed(&mut tap, |_| sender.packets(Codec::Vp8, &frames));
        if report != Report::KeyframeWanted {
            break report;
        }
    };
    assert_eq!(report, Report::Failed(expected), "{lines}");
}

#[test]
fn a_decoder_that_ends_by_itself_is_started_again_and_then_given_up() {
    check_decoder("exit 1", Duration::from_secs(100), FailedReason::Decoder);
}

#[test]
fn a_decoder_that_gives_no_pictures_is_given_up() {
    check_decoder("cat >/dev/null; true", Duration::from_secs(100), FailedReason::Decoder);
}

#[test]
fn a_decoder_that_takes_no_frames_is_ended_with_its_learner() {
    check_decoder("exec sleep 1000", Duration::from_secs(3), FailedReason::Hung);
}

#[test]
fn a_stream_without_keyframes_asks_for_one() {
    let pool = Pool::start(&config());
    let mut tap = pool.begin(job(1, Codec::Vp8));
    let mut frames = frames(Codec::Vp8, 10, (96, 96));
    frames.remove(0);
    let mut sender = Sender::default();
    let (report, _) = pool.feed(&mut tap, |_| sender.packets(Codec::Vp8, &frames));
    assert_eq!(report, Report::KeyframeWanted);
}
