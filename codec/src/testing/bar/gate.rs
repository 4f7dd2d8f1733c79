//! Whether a picture has one bar, and the decoded one shows it.

use super::{
    PER_MILLE,
    analysis::{Scene, difference},
};
use crate::{Fidelity, Gate, MediaError, Raw, Verdict};

/// Sum of the differences of red, green and blue of backgrounds, and of bars: green up to the
/// first, red past the second. Video coding alone makes some 15.
const COLOUR: [u32; 2] = [48, 96];
/// Difference of the positions in per mille: green up to the first, red past the second.
const PLACE: [u32; 2] = [15, 40];

#[derive(Debug)]
pub(super) struct BarGate;

impl Gate for BarGate {
    /// Scores: likeness of the backgrounds, of the bars, of their positions.
    fn observe(&mut self, source: &Raw<'_>, decoded: &Raw<'_>) -> Result<Fidelity, MediaError> {
        let (source, decoded) = (source.picture()?, decoded.picture()?);
        if (source.width(), source.height()) != (decoded.width(), decoded.height()) {
            return Err(MediaError::Size);
        }
        let (source, decoded) = (Scene::of(&source), Scene::of(&decoded));
        let background = difference(source.background, decoded.background);
        let likeness = |fault: u32, most: u32| 1.0 - fault.min(most) as f32 / most as f32;
        let most = 3 * u32::from(u8::MAX);
        let (Some(seen), Some(shown)) = (source.only_bar(), decoded.only_bar()) else {
            let scores = vec![likeness(background, most), 0.0, 0.0];
            return Ok(Fidelity { verdict: Verdict::Red, scores, passing: false });
        };
        let colour = difference(seen.colour, shown.colour);
        let place = u32::from(seen.position.abs_diff(shown.position));
        let verdict = judge(background, COLOUR).max(judge(colour, COLOUR)).max(judge(place, PLACE));
        let scores = vec![
            likeness(background, most),
            likeness(colour, most),
            likeness(place, u32::from(PER_MILLE)),
        ];
        Ok(Fidelity { verdict, scores, passing: false })
    }
}

fn judge(fault: u32, [green, amber]: [u32; 2]) -> Verdict {
    if fault <= green {
        Verdict::Green
    } else if fault <= amber {
        Verdict::Amber
    } else {
        Verdict::Red
    }
}
