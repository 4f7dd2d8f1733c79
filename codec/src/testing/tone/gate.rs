//! Whether a sound is one tone, this speaker's, and decoded as that.

use super::{Speaker, analysis::Line};
use crate::{FRAME_SAMPLES, Fidelity, Gate, MediaError, Raw, Verdict};

/// Part of the energy that must be one tone: green from the first on, red below the second.
const PURITY: [f64; 2] = [0.9, 0.7];
/// Octaves between source and decoded tone: green up to the first, red past the second.
const DETUNED: [f64; 2] = [0.01, 0.03];
/// Octaves from the speaker's pitch: green up to the first; past the second it is somebody else.
const STRANGE: [f64; 2] = [0.5, 0.75];

#[derive(Debug)]
pub(super) struct ToneGate {
    speaker: Speaker,
}

impl ToneGate {
    pub(super) const fn new(speaker: Speaker) -> Self {
        Self { speaker }
    }
}

impl Gate for ToneGate {
    /// Scores: purity; likeness of the pitch to the decoded one; to the speaker's.
    fn observe(&mut self, source: &Raw<'_>, decoded: &Raw<'_>) -> Result<Fidelity, MediaError> {
        let source = source.sound()?.at_model_rate()?;
        let decoded = decoded.sound()?.at_model_rate()?;
        if source.len() != FRAME_SAMPLES || decoded.len() != FRAME_SAMPLES {
            return Err(MediaError::Amount);
        }
        let (source, decoded) = match (Line::of(source), Line::of(decoded)) {
            (None, None) => {
                return Ok(Fidelity {
                    verdict: Verdict::Green,
                    scores: vec![1.0; 3],
                    passing: false,
                });
            }
            (Some(source), Some(decoded)) => (source, decoded),
            _ => {
                return Ok(Fidelity {
                    verdict: Verdict::Red,
                    scores: vec![0.0; 3],
                    passing: false,
                });
            }
        };
        let octaves = |a: f64, b: f64| (a / b).log2().abs();
        let detuned = octaves(source.frequency, decoded.frequency);
        let strange = octaves(source.frequency, self.speaker.pitch);
        let verdict = judge(-source.purity, PURITY.map(|limit| -limit))
            .max(judge(detuned, DETUNED))
            .max(judge(strange, STRANGE));
        let likeness = |octaves: f64| (1.0 - octaves).clamp(0.0, 1.0) as f32;
        let scores = vec![source.purity as f32, likeness(detuned), likeness(strange)];
        Ok(Fidelity { verdict, scores, passing: false })
    }
}

fn judge(fault: f64, [green, amber]: [f64; 2]) -> Verdict {
    if fault <= green {
        Verdict::Green
    } else if fault <= amber {
        Verdict::Amber
    } else {
        Verdict::Red
    }
}
