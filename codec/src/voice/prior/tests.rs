use sotto_frame::ModelHash;

use super::{Prior, train};
use crate::voice::{features::Features, model::SpeakerModel};

/// Of the file whose making `PROVENANCE.md` tells.
const HASH: &str = "f91b60d81bf6ab265133bcb66b85667aaf820b1e4e034a22773a25d29016c97c";

#[test]
fn the_prior_is_that_of_its_provenance() {
    assert_eq!(ModelHash::of(Prior::embedded_bytes()).to_string(), HASH);
}

#[test]
fn the_prior_is_small_and_its_generic_model_has_no_deviation() {
    assert!(Prior::embedded_bytes().len() < 300_000);
    let body = SpeakerModel::generic().to_bytes();
    assert!(body[16 + 1_280..][..2_560].iter().all(|&byte| byte == 0), "no offsets");
}

#[test]
fn other_files_are_no_prior() {
    let file = Prior::embedded_bytes();
    assert!(Prior::parse(&[]).is_none());
    assert!(Prior::parse(&file[1..]).is_none());
    assert!(Prior::parse(&file[..file.len() - 1]).is_none());
}

#[test]
fn training_gives_the_same_bytes_for_the_same_speech() {
    let packet = |speaker: usize, at: usize| -> [Features; 8] {
        std::array::from_fn(|frame| {
            std::array::from_fn(|number| {
                let mixed = (7 * speaker + 31 * at + 5 * frame + 3 * number) * 2_654_435_761;
                (mixed >> 8 & 0xFF) as f32 / 256.0 - 0.5
            })
        })
    };
    let speaker = |speaker| (0..30).map(|at| packet(speaker, at)).collect::<Vec<_>>();
    let speakers: Vec<_> = (0..5).map(speaker).collect();
    let file = train(&speakers);
    assert!(Prior::parse(&file).is_some());
    assert_eq!(train(&speakers), file);
}
