use std::cmp::Ordering;

use proptest::{collection::vec, prelude::*};

use super::{Deviation, SpeakerModel};
use crate::{
    ModelError,
    voice::{
        coder::{Step, decode, encode},
        features::FEATURES,
        linear::Matrix,
        packet::PAIR,
    },
};

fn check(body: &[u8]) -> Result<(), ModelError> {
    let model = SpeakerModel::parse(body)?;
    assert_eq!(model.to_bytes(), body, "one model, one spelling");
    let mut payload = Vec::new();
    let heard = encode(&model, &[[2.0; FEATURES]; 12], Step::Fine, None, &mut payload);
    assert!(heard.as_flattened().iter().all(|number| number.is_finite()), "{heard:?}");
    assert!(decode(&model, &payload).is_ok(), "what it encodes, it decodes");
    Ok(())
}

#[test]
fn a_body_is_read_as_it_was_written_and_less_than_twenty_kilobytes() {
    let body = SpeakerModel::generic().to_bytes();
    assert_eq!(body.len(), SpeakerModel::BODY_LEN);
    assert!(body.len() < 20_000);
    assert_eq!(check(&body), Ok(()));
    assert_eq!(SpeakerModel::parse(&body).as_ref(), Ok(SpeakerModel::generic()));
}

#[test]
fn a_deviation_is_read_as_it_was_meant() {
    let value = |row: usize, column: usize| match row.cmp(&column) {
        Ordering::Less => 0.0,
        Ordering::Equal => 0.75 + (row % 20) as f64 / 32.0,
        Ordering::Greater => ((row * 7 + column * 3) % 90) as f64 / 64.0 - 0.75,
    };
    let transform = Matrix::from_fn(PAIR, value);
    let offsets = std::array::from_fn(|shape| {
        std::array::from_fn(|at| (shape * 40) as f32 / 64.0 - at as f32 / 8.0)
    });
    let deviation = Deviation::new(&offsets, &transform);
    assert_eq!((deviation.offsets(), deviation.transform()), (offsets, transform));
    let bytes = deviation.to_bytes();
    assert_eq!(bytes.as_slice().try_into().ok().map(Deviation::parse), Some(deviation));
    let nobody = Deviation::none();
    assert_eq!((nobody.offsets()[1], nobody.transform()), ([0.0; PAIR], Matrix::identity(PAIR)));
}

#[test]
fn bodies_of_other_lengths_or_levels_are_refused() {
    let body = SpeakerModel::generic().to_bytes();
    assert_eq!(check(&[]), Err(ModelError::Malformed));
    assert_eq!(check(&body[1..]), Err(ModelError::Malformed));
    assert_eq!(check(&[&body[..], &[0]].concat()), Err(ModelError::Malformed));
    let mut level = body;
    level[16] = 0x80;
    assert_eq!(check(&level), Err(ModelError::Malformed));
}

#[test]
fn bodies_of_one_byte_are_refused_or_make_finite_features() {
    for byte in 0..=u8::MAX {
        let _ = check(&[byte; SpeakerModel::BODY_LEN]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn any_body_is_refused_or_makes_finite_features(
        bytes in vec(any::<u8>(), SpeakerModel::BODY_LEN),
        untouched in 0..SpeakerModel::BODY_LEN,
    ) {
        let mut body = SpeakerModel::generic().to_bytes();
        body[untouched..].copy_from_slice(&bytes[untouched..]);
        body[16..16 + 1_280].iter_mut().for_each(|level| *level &= 0x7F);
        let _ = check(&body);
    }
}
