//! A plug-in through its traits, with the face of the tests: a bar.

use sotto_codec::{LearnError, Plugin, Verdict, testing::Bar};

use crate::face::{
    CodeError, Format, NotLearned, Video,
    coded::code,
    growth::Growth,
    learning::learn,
    loss::{decode_with_losses, recovery},
    receiver::Receiver,
    video::VideoWriter,
};

use super::SMALL;

/// A white bar on black that goes from left to right and starts again, black alone from `gone` on.
fn bars(path: &std::path::Path, format: Format, pictures: usize, gone: usize) -> Video {
    let mut writer = VideoWriter::create(path, format).expect("a folder of ours");
    let (width, height) = (format.width as usize, format.height as usize);
    for at in 0..pictures {
        let mut planes = vec![16; format.pixels()];
        let left = 4 + at % (width - 16);
        for row in (0..height).filter(|_| at < gone) {
            planes[row * width + left..][..8].fill(235);
        }
        planes.resize(format.bytes(), 128);
        writer.push(&planes).expect("a folder of ours");
    }
    writer.finish().expect("a folder of ours")
}

#[test]
fn a_clip_is_learned_coded_and_judged() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let video = bars(&folder.path().join("a.y4m"), SMALL, 60, 50);
    let mut learned = learn(&Bar, &video, 40).expect("there is a bar");
    let (first, whole) = (learned.first().0, learned.body.len());
    let epochs = learned.epochs.len();
    assert!(epochs >= 2 && first < whole, "{epochs} {first} {whole}");
    assert_eq!(learned.first().1, 10, "pictures until the first model");
    let mut growth = Growth::new(&Bar, &mut learned, false).expect("a model of ours");
    let to = folder.path().join("b.y4m");
    let coded = code(&mut growth, &video, &to).expect("it is for pictures");

    assert_eq!((coded.payloads.len(), coded.verdicts.len()), (30, 60));
    assert!(coded.payloads.iter().all(|payload| payload.bytes.len() == 12));
    assert!(coded.verdicts[..50].iter().all(|verdict| *verdict == Verdict::Green));
    assert!(coded.verdicts[50..].iter().all(|verdict| *verdict == Verdict::Red));
    let (source, decoded) = (video.picture(20).unwrap(), coded.decoded.picture(20).unwrap());
    let same = source.iter().zip(&decoded).filter(|(a, b)| a.abs_diff(**b) <= 2).count();
    assert!(same * 20 > source.len() * 19, "{same} of {}", source.len());
}

#[test]
fn a_model_that_grows_is_used_a_second_later_and_counts() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let video = bars(&folder.path().join("a.y4m"), SMALL, 60, 60);
    let mut learned = learn(&Bar, &video, 10).expect("there is a bar");
    let mut growth = Growth::new(&Bar, &mut learned, true).expect("a model of ours");
    let to = folder.path().join("b.y4m");
    let coded = code(&mut growth, &video, &to).expect("it is for pictures");
    let from: Vec<usize> = growth.uses().iter().map(|one| one.from).collect();
    assert!(from.len() > 1 && from[1] > SMALL.count(1.0), "{from:?}");
    assert!(growth.bytes > 0);
    let (lost, to) = (vec![false; coded.payloads.len()], folder.path().join("c.y4m"));
    let again = decode_with_losses(growth.uses(), &coded.payloads, &lost, &video, &to);
    let again = again.expect("a video");
    for at in 0..60 {
        assert_eq!(again.picture(at).expect("it is there"), coded.decoded.picture(at).unwrap());
    }
}

#[test]
fn a_clip_of_something_else_is_not_learned() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let video = bars(&folder.path().join("a.y4m"), SMALL, 20, 5);
    let reason = learn(&Bar, &video, 20);
    assert!(matches!(reason, Err(NotLearned::Learner(LearnError::TooLittle))));
}

#[test]
fn a_plug_in_for_sound_is_a_typed_error() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let video = bars(&folder.path().join("a.y4m"), SMALL, 4, 4);
    let voice = sotto_codec::voice::Voice::default();
    let generic = voice.generic().expect("voices have one");
    let receiver = Receiver::new(&*generic, SMALL);
    assert!(matches!(receiver.err(), Some(CodeError::Kind)));
    assert!(matches!(learn(&voice, &video, 4), Err(NotLearned::Media(_))));
}

#[test]
fn the_picture_before_is_held_while_payloads_do_not_come() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let video = bars(&folder.path().join("a.y4m"), SMALL, 16, 16);
    let mut learned = learn(&Bar, &video, 16).expect("there is a bar");
    let mut growth = Growth::new(&Bar, &mut learned, false).expect("a model of ours");
    let to = folder.path().join("b.y4m");
    let coded = code(&mut growth, &video, &to).expect("it is for pictures");
    let lost = [false, true, true, false, false, false, true, false];
    let to = folder.path().join("c.y4m");
    let with =
        decode_with_losses(growth.uses(), &coded.payloads, &lost, &video, &to).expect("a video");
    let picture = |video: &Video, at| video.picture(at).expect("it is there");
    for at in 2..6 {
        assert_eq!(picture(&with, at), picture(&coded.decoded, 1));
    }
    for at in [0, 1, 6, 7, 11, 14, 15] {
        assert_eq!(picture(&with, at), picture(&coded.decoded, at));
    }
    let found = recovery(&coded.payloads, &lost, &coded.decoded, &with).expect("videos of ours");
    assert_eq!((found.losses, found.ms_worst), (2, Some(0.0)));
}

#[test]
fn pictures_that_come_more_often_than_payloads_allow_are_refused_not_lost() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let format = Format { pictures: 100, ..SMALL };
    let video = bars(&folder.path().join("a.y4m"), format, 40, 40);
    let mut learned = learn(&Bar, &video, 40).expect("there is a bar");
    let mut growth = Growth::new(&Bar, &mut learned, false).expect("a model of ours");
    let coded = code(&mut growth, &video, &folder.path().join("b.y4m"));
    assert!(matches!(coded, Err(CodeError::Media(_))), "the bar takes 4 in 80 ms");
}
