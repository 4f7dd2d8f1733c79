//! What was measured of each picture, as CSV, for whoever looks for the reason of a figure.

use std::{fmt::Write as _, fs, path::Path};

use super::{
    coded::Coded,
    scores::{Original, Scores},
    states::{Match, Matches},
    tools::{ToolError, failed},
};

const HEAD: &str = "picture,ms,payload_bytes,verdict,face_vmaf_neg,frame_vmaf_neg,face_psnr,\
    mouth_psnr,eye_psnr,eyes,eyes_shown,eye_state,mouth,mouth_shown,mouth_state,gate_scores\n";

/// Writes a line for each picture. Openings are in parts of the clip's scales; the bytes of a payload
/// stand at its first picture; the scores of the gate are those of the plug-in, in its order.
///
/// # Errors
/// [`ToolError::Io`].
pub(super) fn write(
    path: &Path,
    original: &Original<'_>,
    coded: &Coded,
    scores: &Scores,
) -> Result<(), ToolError> {
    let matches = Matches::of(&original.scales, &original.openings, &scores.openings);
    let format = original.video.format();
    let mut text = HEAD.to_owned();
    for payload in &coded.payloads {
        for at in payload.pictures.clone() {
            let bytes = (at == payload.pictures.start).then_some(payload.bytes.len() as f64);
            let (face, frame) = (scores.vmaf.face[at].neg, scores.vmaf.frame[at].neg);
            let psnr = scores.psnr[at];
            let (before, after) = (original.openings[at], scores.openings[at]);
            let verdict = format!("{:?}", coded.verdicts[at]).to_lowercase();
            _ = write!(text, "{at},{},{},{verdict}", format.time_ms(at), number(bytes, 0));
            for value in [Some(face), Some(frame), Some(psnr.face), psnr.mouth, psnr.eyes] {
                _ = write!(text, ",{}", number(value, 2));
            }
            let eyes = [before, after].map(|of| of.map(|of| of.eyes / original.scales.eyes));
            let mouth = [before, after].map(|of| of.map(|of| of.mouth / original.scales.mouth));
            for ([before, after], state) in [(eyes, matches.eyes[at]), (mouth, matches.mouth[at])] {
                let (before, after) = (number(before, 3), number(after, 3));
                _ = write!(text, ",{before},{after},{}", word(state));
            }
            let scores = coded.measured[at].iter().map(|score| format!("{score:.5}"));
            _ = writeln!(text, ",{}", scores.collect::<Vec<_>>().join(" "));
        }
    }
    fs::write(path, text).map_err(|source| failed(path, source))
}

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.decimals$}"))
}

const fn word(state: Match) -> &'static str {
    match state {
        Match::Unclear => "",
        Match::Right(_) => "right",
        Match::Wrong(true) => "open_shown_closed",
        Match::Wrong(false) => "closed_shown_open",
    }
}
