//! The quality of a decoded video, over the pictures that are shown.

use serde::Serialize;

use super::{
    regions::RegionPsnr,
    scores::{Original, Scores},
    states::{Agreement, Matches, correlation, percentile},
    vmaf::Vmaf,
};

/// Over some pictures of a video; `None` where there are none.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Quality {
    /// VMAF-NEG of the face.
    pub face_vmaf_neg: Option<f64>,
    /// VMAF-NEG of the whole picture.
    pub frame_vmaf_neg: Option<f64>,
    /// VMAF of the face.
    pub face_vmaf: Option<f64>,
    /// VMAF of the whole picture.
    pub frame_vmaf: Option<f64>,
    /// PSNR of the face's luma in dB, mean.
    pub face_psnr: Option<f64>,
    /// Its 5th percentile.
    pub face_psnr_p5: Option<f64>,
    /// Of the mouth.
    pub mouth_psnr: Option<f64>,
    /// Of the mouth.
    pub mouth_psnr_p5: Option<f64>,
    /// Of the eyes.
    pub eye_psnr: Option<f64>,
    /// Of the eyes.
    pub eye_psnr_p5: Option<f64>,
    /// Share of pictures with eyes open or closed as they are, 0 to 1.
    pub eye_state_agreement: Option<f64>,
    /// The same of the mouth.
    pub mouth_state_agreement: Option<f64>,
    /// Which pictures that is.
    pub eyes: Agreement,
    /// Which pictures that is.
    pub mouth: Agreement,
    /// Correlation of the opening of the eyes in both, -1 to 1.
    pub eye_correlation: Option<f64>,
    /// Correlation of the opening of the mouth in both.
    pub mouth_correlation: Option<f64>,
    /// Pictures in a row with wrong eyes or a wrong mouth, at most.
    pub longest_wrong_run: usize,
}

impl Quality {
    /// Over the pictures that are `shown`.
    pub(super) fn of(original: &Original<'_>, scores: &Scores, shown: &[bool]) -> Self {
        let vmaf = |scores: &[Vmaf], of: fn(&Vmaf) -> f64| {
            mean(scores.iter().zip(shown).filter(|(_, shown)| **shown).map(|(score, _)| of(score)))
        };
        let psnr = |of: fn(&RegionPsnr) -> Option<f64>| {
            let pictures = scores.psnr.iter().zip(shown).filter(|(_, shown)| **shown);
            let mut values: Vec<_> = pictures.filter_map(|(psnr, _)| of(psnr)).collect();
            values.sort_by(f64::total_cmp);
            (mean(values.iter().copied()), percentile(&values, 0.05))
        };
        let matches = Matches::of(&original.scales, &original.openings, &scores.openings);
        let eyes = Agreement::of(&matches.eyes, shown);
        let mouth = Agreement::of(&matches.mouth, shown);
        let (face_psnr, face_psnr_p5) = psnr(|psnr| Some(psnr.face));
        let (mouth_psnr, mouth_psnr_p5) = psnr(|psnr| psnr.mouth);
        let (eye_psnr, eye_psnr_p5) = psnr(|psnr| psnr.eyes);
        let (before, after) = (&original.openings, &scores.openings);
        Self {
            face_vmaf_neg: vmaf(&scores.vmaf.face, |vmaf| vmaf.neg),
            frame_vmaf_neg: vmaf(&scores.vmaf.frame, |vmaf| vmaf.neg),
            face_vmaf: vmaf(&scores.vmaf.face, |vmaf| vmaf.vmaf),
            frame_vmaf: vmaf(&scores.vmaf.frame, |vmaf| vmaf.vmaf),
            face_psnr,
            face_psnr_p5,
            mouth_psnr,
            mouth_psnr_p5,
            eye_psnr,
            eye_psnr_p5,
            eye_state_agreement: eyes.all,
            mouth_state_agreement: mouth.all,
            eyes,
            mouth,
            eye_correlation: correlation(before, after, shown, |openings| openings.eyes),
            mouth_correlation: correlation(before, after, shown, |openings| openings.mouth),
            longest_wrong_run: matches.longest_wrong_run(shown),
        }
    }
}

/// Of any numbers; `None` of none.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / f64::from(count))
}
