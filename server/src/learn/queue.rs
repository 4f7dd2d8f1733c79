//! Who gets the next place.

use sotto_core::media::Kind;

use super::Worth;

/// What a job takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// Shares of a place.
    pub(super) shares: u32,
    /// Processor time in microseconds of one core for a second of media.
    micros: u64,
}

/// Shares of one place: of a face, or of so many voices. Voices are 80 times cheaper to learn than
/// faces, but each takes a process.
pub(super) const PLACE: u32 = 8;

impl Cost {
    /// Learning 30 s of a voice takes 0.17 s of one core (`make bench-voice`), decoding them as much
    /// again at most.
    const VOICE: Self = Self { shares: 1, micros: 10_000 };
    /// Learning 20 s of a face takes 9 s of one core (`make bench-face`), decoding 360 lines in ffmpeg 4 %.
    const FACE: Self = Self { shares: PLACE, micros: 500_000 };

    pub(super) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Audio => Self::VOICE,
            Kind::Video => Self::FACE,
        }
    }
}

/// A job that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) worth: Worth,
    pub(super) cost: Cost,
    /// How often it had a place already.
    pub(super) turns: u32,
}

impl Candidate {
    /// The higher, the sooner: whoever had fewer turns, then whoever saves more for its cost.
    pub(super) fn rank(&self) -> (u32, u64) {
        let worth = self.worth.savings().saturating_mul(1_000) / self.cost.micros;
        (u32::MAX - self.turns, worth)
    }
}

/// The one to begin with so many free shares. The first in rank has the next place: nobody overtakes
/// it, or a face would never find a whole place free. Among equals, who came first.
pub(super) fn next(candidates: &[Candidate], free: u32) -> Option<usize> {
    let first = |best: Option<usize>, at: usize| match best {
        Some(best) if candidates[best].rank() >= candidates[at].rank() => Some(best),
        _ => Some(at),
    };
    let best = (0..candidates.len()).fold(None, first)?;
    (candidates[best].cost.shares <= free).then_some(best)
}

/// The one to refuse where there are too many: the last in rank; among equals, who came last.
pub(super) fn last(candidates: &[Candidate]) -> Option<usize> {
    (0..candidates.len()).min_by_key(|&at| (candidates[at].rank(), usize::MAX - at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(subscribers: u32, turns: u32) -> Candidate {
        let worth = Worth { subscribers, bytes_per_second: 5_000 };
        Candidate { worth, cost: Cost::VOICE, turns }
    }

    fn face(subscribers: u32, turns: u32) -> Candidate {
        let worth = Worth { subscribers, bytes_per_second: 60_000 };
        Candidate { worth, cost: Cost::FACE, turns }
    }

    #[test]
    fn whoever_saves_most_for_its_cost_is_first() {
        for (candidates, expected) in [
            (vec![], None),
            (vec![voice(1, 0), voice(3, 0), voice(2, 0)], Some(1)),
            (vec![voice(2, 0), voice(2, 0)], Some(0)),
            // A face saves twelve times as much, and takes fifty times as long.
            (vec![face(4, 0), voice(4, 0)], Some(1)),
            (vec![face(16, 0), voice(4, 0)], Some(1)),
            (vec![face(17, 0), voice(4, 0)], Some(0)),
            // Who has had a turn waits for those who have not.
            (vec![voice(50, 1), face(1, 0)], Some(1)),
        ] {
            assert_eq!(next(&candidates, PLACE), expected, "{candidates:?}");
        }
    }

    #[test]
    fn nobody_overtakes_a_face_that_waits_for_a_whole_place() {
        let candidates = [voice(1, 1), face(1, 0)];
        assert_eq!(next(&candidates, PLACE - 1), None);
        assert_eq!(next(&candidates, PLACE), Some(1));
        assert_eq!(next(&candidates[..1], 1), Some(0));
        assert_eq!(next(&candidates[..1], 0), None);
    }

    #[test]
    fn the_one_of_least_worth_is_refused() {
        assert_eq!(last(&[]), None);
        assert_eq!(last(&[voice(1, 0), voice(3, 0), voice(1, 0)]), Some(2));
        assert_eq!(last(&[voice(1, 0), voice(3, 1), voice(2, 0)]), Some(1));
    }
}
