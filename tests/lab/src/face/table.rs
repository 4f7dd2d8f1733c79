//! What was measured, for people to read.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::report::{ClipFigures, LeftOut, Report};
use crate::voice::table::{Column, table};

const RATE: [Column; 12] = [
    ("kbit/s", "/payload_bps", 1e-3, 2),
    ("all", "/all/payload_bps", 1e-3, 2),
    ("+model 5'", "/with_model_bps/5min", 1e-3, 2),
    ("10'", "/with_model_bps/10min", 1e-3, 2),
    ("30'", "/with_model_bps/30min", 1e-3, 2),
    ("wire", "/wire/alone_bps", 1e-3, 2),
    ("headers", "/wire/alone_headers_bps", 1e-3, 2),
    ("bundle", "/wire/bundled_bps", 1e-3, 2),
    ("B/entry", "/wire/bundled_header_bytes", 1.0, 1),
    ("x AV1", "/ratio_av1", 1.0, 2),
    ("x VP9", "/ratio_vp9", 1.0, 2),
    ("x VP8", "/ratio_vp8", 1.0, 2),
];
const QUALITY: [Column; 13] = [
    ("face NEG", "/face_vmaf_neg", 1.0, 1),
    ("frame NEG", "/frame_vmaf_neg", 1.0, 1),
    ("face V", "/face_vmaf", 1.0, 1),
    ("frame V", "/frame_vmaf", 1.0, 1),
    ("face dB", "/face_psnr", 1.0, 1),
    ("mouth dB", "/mouth_psnr", 1.0, 1),
    ("p5", "/mouth_psnr_p5", 1.0, 1),
    ("eyes dB", "/eye_psnr", 1.0, 1),
    ("p5", "/eye_psnr_p5", 1.0, 1),
    ("x AV1", "/ratio_av1", 1.0, 2),
    ("x VP8", "/ratio_vp8", 1.0, 2),
    ("loss10", "/loss10/face_vmaf_neg_drop", 1.0, 2),
    ("heal ms", "/loss10/recovery/ms_worst", 1.0, 0),
];
const STATES: [Column; 11] = [
    ("eyes %", "/eye_state_agreement", 100.0, 1),
    ("closed %", "/eyes/closed", 100.0, 1),
    ("open %", "/eyes/open", 100.0, 1),
    ("n closed", "/eyes/closed_pictures", 1.0, 0),
    ("r", "/eye_correlation", 1.0, 3),
    ("mouth %", "/mouth_state_agreement", 100.0, 1),
    ("closed %", "/mouth/closed", 100.0, 1),
    ("open %", "/mouth/open", 100.0, 1),
    ("n closed", "/mouth/closed_pictures", 1.0, 0),
    ("r", "/mouth_correlation", 1.0, 3),
    ("run", "/longest_wrong_run", 1.0, 0),
];
const VALIDATION: [Column; 6] = [
    ("AV1 eyes %", "/validation/av1_eyes/all", 100.0, 2),
    ("mouth %", "/validation/av1_mouth/all", 100.0, 2),
    ("shuffled eyes %", "/validation/shuffled_eyes/all", 100.0, 1),
    ("closed %", "/validation/shuffled_eyes/closed", 100.0, 1),
    ("mouth %", "/validation/shuffled_mouth/all", 100.0, 1),
    ("closed %", "/validation/shuffled_mouth/closed", 100.0, 1),
];
const COST: [Column; 9] = [
    ("pass %", "/gate_pass", 100.0, 1),
    ("green %", "/gate_green", 100.0, 1),
    ("model B", "/model_bytes", 1.0, 0),
    ("first B", "/first_model_bytes", 1.0, 0),
    ("at s", "/first_model_s", 1.0, 1),
    ("learn s", "/learn_s", 1.0, 2),
    ("fps", "/encode_fps", 1.0, 1),
    ("decode ms", "/decode_ms", 1.0, 2),
    ("ns/pixel", "/decode_ns_per_pixel", 1.0, 1),
];
const PEERS: [Column; 9] = [
    ("asked", "/asked_bps", 1e-3, 0),
    ("kbit/s", "/payload_bps", 1e-3, 1),
    ("face NEG", "/face_vmaf_neg", 1.0, 1),
    ("frame NEG", "/frame_vmaf_neg", 1.0, 1),
    ("face dB", "/face_psnr", 1.0, 1),
    ("mouth p5", "/mouth_psnr_p5", 1.0, 1),
    ("eyes p5", "/eye_psnr_p5", 1.0, 1),
    ("eyes %", "/eye_state_agreement", 100.0, 1),
    ("mouth %", "/mouth_state_agreement", 100.0, 1),
];

impl Report {
    /// Tables: rates, quality and states of what the gate lets through and of all pictures, costs,
    /// and the curves of peers.
    pub fn to_table(&self) -> String {
        let means = self.means();
        let row = |clip: &ClipFigures| (clip.name.clone(), json!(clip));
        let measured = self.clips.iter().filter(|clip| clip.figures.is_some());
        let mut clips: Vec<_> = measured.map(row).collect();
        let mut text = String::new();
        if !clips.is_empty() {
            clips.push((String::from("mean"), means));
            let all: Vec<_> =
                clips.iter().map(|(name, of)| (name.clone(), of["all"].clone())).collect();
            text += "rates in kbit/s, of pictures that the gate lets through (all: of all); bits of \
                     peers at the same quality over these\n";
            table(&mut text, "clip", &RATE, &clips);
            self.bounds(&mut text);
            text += "\npictures that the gate lets through\n";
            table(&mut text, "clip", &QUALITY, &clips);
            text += "\nall pictures\n";
            table(&mut text, "clip", &QUALITY, &all);
            text += "\nstates of eyes and mouth that are right, in pictures that the gate lets through\n";
            table(&mut text, "clip", &STATES, &clips);
            text += "\nthe same in all pictures\n";
            table(&mut text, "clip", &STATES, &all);
            text += "\ngate, model, speed\n";
            table(&mut text, "clip", &COST, &clips);
        }
        let every: Vec<_> = self.clips.iter().map(row).collect();
        if self.clips.iter().any(|clip| !clip.peers.is_empty()) {
            text +=
                "\nstates by the measure itself: AV1 at its dearest, and the original shuffled\n";
            table(&mut text, "clip", &VALIDATION, &every);
        }
        for clip in &self.clips {
            curves(&mut text, clip);
        }
        for clip in &self.clips {
            if let Some(reason) = &clip.refusal {
                _ = writeln!(text, "refused, stays raw: {}: {reason}", clip.name);
            }
        }
        for LeftOut { name, reason } in &self.left_out {
            _ = writeln!(text, "left out: {name}: {reason}");
        }
        _ = write!(text, "settings: {}", self.settings);
        text
    }

    /// Says which ratios are bounds.
    fn bounds(&self, text: &mut String) {
        for clip in &self.clips {
            let object = json!(clip);
            for codec in ["av1", "vp9", "vp8"] {
                let what = match object[format!("ratio_{codec}_bound")].as_str() {
                    Some("at_most") => "at most: its cheapest point is better",
                    Some("at_least") => "at least: its dearest point is worse",
                    _ => continue,
                };
                _ = writeln!(text, "  {} x {}: {what}", clip.name, codec.to_uppercase());
            }
        }
    }
}

fn curves(text: &mut String, clip: &ClipFigures) {
    if clip.peers.is_empty() {
        return;
    }
    let ClipFigures { name, width, height, fps, .. } = clip;
    _ = writeln!(text, "\npeers: {name}, {width}x{height}, {fps:.2} pictures a second");
    let mut rows: Vec<(String, Value)> = Vec::new();
    for (codec, resolutions) in &clip.peers {
        for (resolution, points) in resolutions {
            let label = |_| format!("{codec} {resolution}");
            rows.extend(points.iter().map(|point| (label(()), json!(point))));
        }
    }
    table(text, "codec", &PEERS, &rows);
}
