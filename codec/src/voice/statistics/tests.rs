use super::Statistics;
use crate::voice::{
    coder::{Step, encode},
    features::{CORRELATION, Features, PITCH},
    model::SpeakerModel,
};

/// Somebody who is heard as nobody else is: a hum, louder and softer.
fn hum(from: usize) -> Vec<Features> {
    let frame = |at: usize| {
        let mut features = [0.0; 20];
        features[0] = (at * 7 % 23) as f32 / 12.0 - 1.0;
        features[2] = (at * 5 % 11) as f32 / 8.0 + 1.5;
        features[PITCH] = (at * 3 % 17) as f32 / 170.0 - 0.9;
        features[CORRELATION] = 0.4;
        features
    };
    (from..from + 8).map(frame).collect()
}

fn bytes(model: &SpeakerModel) -> usize {
    let mut payloads = Vec::new();
    for at in 0..20 {
        encode(model, &hum(5_000 + 8 * at), Step::Fine, None, &mut payloads);
    }
    payloads.len()
}

#[test]
fn nothing_heard_is_nearly_anybody() {
    let (learned, generic) = (Statistics::new().model(), SpeakerModel::generic());
    assert!(bytes(&learned).abs_diff(bytes(generic)) * 20 < bytes(generic));
}

#[test]
fn what_was_heard_of_a_speaker_makes_the_speaker_cheaper() {
    let mut statistics = Statistics::default();
    (0..375).for_each(|at| statistics.push(&hum(8 * at)));
    let (learned, generic) = (bytes(&statistics.model()), bytes(SpeakerModel::generic()));
    assert!(learned * 4 < generic * 3, "{learned} bytes, not {generic}");
}

#[test]
fn what_is_no_number_does_no_harm_and_too_little_is_left_out() {
    let mut statistics = Statistics::new();
    statistics.push(&[[f32::NAN; 20]; 40]);
    statistics.push(&[[f32::INFINITY; 20]; 40]);
    statistics.push(&hum(0)[..7]);
    statistics.push(&[]);
    let model = statistics.model();
    assert_eq!(SpeakerModel::parse(&model.to_bytes()), Ok(model));
}
