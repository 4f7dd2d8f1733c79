//! Who talks when, as RTTM files say it (NIST, "The Rich Transcription 2009 Evaluation Plan").

use std::ops::Range;

use sotto_codec::SOUND_RATE;

/// Turns of talkers in recordings.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels(Vec<Turn>);

#[derive(Clone, Debug)]
struct Turn {
    recording: String,
    samples: Range<usize>,
}

impl Labels {
    /// Adds the `SPEAKER` lines of a file; others, and what is no line of RTTM, are passed over.
    pub(super) fn add(&mut self, rttm: &str) {
        self.0.extend(rttm.lines().filter_map(turn));
    }

    /// When at least two talk in the clip of this name, ordered and apart. `None` where no turn of
    /// it is known. A clip goes by the end of its name: `ami-dev00` is recording `dev00`.
    pub(super) fn overlaps(&self, clip: &str) -> Option<Vec<Range<usize>>> {
        let turns = self.0.iter().filter(|turn| clip.ends_with(&turn.recording));
        // +1 where a turn begins, -1 where it ends.
        let mut changes: Vec<(usize, i32)> =
            turns.flat_map(|turn| [(turn.samples.start, 1), (turn.samples.end, -1)]).collect();
        if changes.is_empty() {
            return None;
        }
        changes.sort_unstable();
        let (mut talking, mut since) = (0, None);
        let mut overlaps = Vec::new();
        for (at, change) in changes {
            talking += change;
            match since {
                None if talking >= 2 => since = Some(at),
                Some(start) if talking < 2 => {
                    overlaps.push(start..at);
                    since = None;
                }
                _ => {}
            }
        }
        Some(overlaps)
    }
}

/// `SPEAKER recording channel start-seconds duration-seconds …`
fn turn(line: &str) -> Option<Turn> {
    let mut fields = line.split_whitespace();
    if fields.next() != Some("SPEAKER") {
        return None;
    }
    let recording = fields.next()?.to_owned();
    let mut seconds = fields.skip(1).map(|field| field.parse::<f64>().ok());
    let (start, duration) = (seconds.next()??, seconds.next()??);
    let sample = |seconds: f64| (seconds * f64::from(SOUND_RATE)).round() as usize;
    Some(Turn { recording, samples: sample(start)..sample(start + duration) })
}
