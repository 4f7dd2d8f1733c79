//! From pictures to a model.
//!
//! ```text
//!  pictures ─► Gallery: some, spread over time ─► references::choose: those from which the others
//!  can be warped ─► motion of all pictures ─► basis::of: what this face does ─► model
//!  ─► Novelty: poses that it lacks ─► further references
//! ```

mod basis;
mod details;
mod gallery;
mod landmarks;
mod novelty;
mod references;
mod rehearsal;

use gallery::{Gallery, Study};
use novelty::Novelty;
use references::{Chosen, Motion};

use super::{
    details::Details,
    gate::Levels,
    model::{Closing, Components, Deviation, ModelWriter},
    planes::Planes,
    subspace::Basis,
};
use crate::{LearnError, Learner, MediaError, Progress, Raw};

/// A first model is small, and there soon.
const FIRST: Extent =
    Extent { pictures: 100, references: 8, components: 16, bytes: 29_000, most: 40_000 };
/// The next one is learned anew of all that was seen: made of what a first one has, it would be worse
/// by 3 to 10 VMAF-NEG of the face. After 24 s at 25 pictures a second, a speaker is known.
const WHOLE: Extent =
    Extent { pictures: 600, references: 20, components: 48, bytes: 140_000, most: 160_000 };
/// Pictures of which a model may have as much as that.
const ENOUGH: u32 = 200;
/// Once a model is whole it grows by what is new, by so many bytes in so many pictures: 1 kbit/s over
/// any minute at 25 pictures a second.
const MOST_ADDED: usize = 7_500;
const MINUTE: u32 = 1_500;
/// About what a reference takes, and what a difference of two models takes beside it.
const REFERENCE_BYTES: usize = 4_500;
const DELTA_BYTES: usize = 300;
/// One picture of so many is looked at for what is new.
const LOOKED_AT: u32 = 5;
/// How coarse the textures of references may be, the finest first, in quarters of luma steps; what
/// they are worth in bytes is measured with [`TEXTURE_STEP`], which details have, too.
const TEXTURE_STEPS: [u16; 7] = [40, 48, 64, 80, 96, 128, 192];
const TEXTURE_STEP: u16 = 64;
/// By how much smaller a model is with coarser textures: their bytes times their step to the power of
/// this stay the same.
const BYTES_BY_STEP: f32 = 0.9;
/// What levels that are not known yet may add to a model, however the coder rounds.
const LEVELS_BYTES: usize = 4;
/// A whole model is learned anew of all that was seen where it missed so many pictures since then, 3 s,
/// …
const MISSED: u32 = 75;
/// … and one in so many; but not before there is twice as much to learn from, so that its bytes come
/// ever more rarely.
const MISSED_ONE_IN: u32 = 16;
/// Share of a speaker's own pictures, in per mille, that may be bad as the gate sees it: with more, a
/// model is no use.
const MOST_BAD: usize = 400;

/// How much a model has, and after how many pictures it is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    pictures: u32,
    references: usize,
    /// Of motion.
    components: usize,
    /// Of both, about.
    bytes: usize,
    /// Of all, at most.
    most: usize,
}

impl Extent {
    /// Half of it in as many bytes, if there is less.
    const fn half(self) -> Option<Self> {
        let [references, components] = [self.references.div_ceil(2), self.components.div_ceil(2)];
        if references == self.references && components == self.components {
            return None;
        }
        Some(Self { references, components, ..self })
    }
}

/// Learns a face, and goes on while its model is in use.
#[derive(Debug, Default)]
pub(super) struct FaceLearner {
    gallery: Gallery,
    seen: u32,
    /// How many were seen when it was learned from all of them last.
    learned_at: u32,
    learned: Option<Learned>,
    /// Pictures since then that the model in use did not fit.
    missed: u32,
    /// Bytes that were added to a whole model in the last [`MINUTE`], and when.
    added: Vec<(u32, usize)>,
}

/// A model before its rehearsal.
struct Draft {
    writer: ModelWriter,
    /// Of the textures of its references.
    step: u16,
    closing: Closing,
}

/// A model, ready to be added to.
#[derive(Debug)]
struct Learned {
    writer: ModelWriter,
    /// How many pictures were seen by then.
    at: u32,
    /// Of the textures of its references.
    step: u16,
    /// Looks for poses that it lacks, once it is whole.
    novelty: Option<Novelty>,
}

impl Learner for FaceLearner {
    fn push(&mut self, raw: &Raw<'_>) -> Result<Progress, MediaError> {
        let picture = raw.picture()?;
        self.gallery.push(&picture);
        self.seen = self.seen.saturating_add(1);
        if let Some(Learned { writer, novelty: Some(novelty), .. }) = &mut self.learned {
            self.added.retain(|added| self.seen - added.0 < MINUTE);
            if self.seen.is_multiple_of(LOOKED_AT) {
                let model = writer.model();
                novelty.look(Planes::of(&picture, model.width(), model.height()));
            }
        }
        Ok(Progress {
            per_mille: (self.seen.min(WHOLE.pictures) * 1000 / WHOLE.pictures) as u16,
            usable: self.seen >= FIRST.pictures,
            refined: self.seen >= self.next() || self.lacks_something(),
        })
    }

    fn finish(&mut self) -> Result<Vec<u8>, LearnError> {
        if self.seen < FIRST.pictures {
            return Err(LearnError::TooLittle);
        }
        let again = self.next();
        match &mut self.learned {
            Some(learned) if learned.novelty.is_some() && self.seen < again => {
                let room = room(&self.added);
                self.added.extend(learned.add_found(room).map(|bytes| (self.seen, bytes)));
            }
            Some(_) if self.learned_at == self.seen => {}
            _ => {
                // Who did not fit at first starts with a small model all the same.
                let is_late = self.learned.is_none() && self.learned_at > 0;
                let extent = if self.seen < ENOUGH || is_late { FIRST } else { WHOLE };
                self.learned_at = self.seen;
                self.missed = 0;
                self.learned = Some(self.learn(extent)?);
            }
        }
        Ok(self.learned.as_ref().map_or_else(Vec::new, |learned| learned.writer.body().to_vec()))
    }

    fn push_missed(&mut self, raw: &Raw<'_>) -> Result<(), MediaError> {
        self.gallery.push_missed(&raw.picture()?);
        self.missed = self.missed.saturating_add(1);
        Ok(())
    }
}

impl FaceLearner {
    /// How many pictures there must be for it to be worth learning from all of them again.
    fn next(&self) -> u32 {
        let is_whole = self.learned.as_ref().is_some_and(|learned| learned.novelty.is_some());
        match self.learned_at {
            at if is_whole && self.misses_much() => at.saturating_mul(2),
            _ if is_whole => u32::MAX,
            at if at < FIRST.pictures => FIRST.pictures,
            at if at < WHOLE.pictures => WHOLE.pictures,
            // Behind a first model that was late.
            at if self.learned.as_ref().is_some_and(|learned| learned.at == at) => at + 1,
            // One who did not fit may fit later.
            at => at.saturating_mul(2),
        }
    }

    /// Whether what the model in use does not fit is worth learning it anew.
    const fn misses_much(&self) -> bool {
        self.missed >= MISSED && self.missed * MISSED_ONE_IN >= self.seen - self.learned_at
    }

    /// Whether a whole model lacks a pose that there is room for.
    fn lacks_something(&self) -> bool {
        let Some(Learned { writer, novelty: Some(novelty), .. }) = &self.learned else {
            return false;
        };
        novelty.found() && writer.model().has_room() && room(&self.added) >= REFERENCE_BYTES
    }

    /// Learns from all pictures: half of it where there are too few bytes even with the coarsest
    /// textures.
    fn learn(&self, mut extent: Extent) -> Result<Learned, LearnError> {
        let studies = self.gallery.studies();
        let mut memory = references::choose(&studies, extent.references);
        let Draft { writer, step, mut closing } = loop {
            let motion = references::motion(&studies, &memory);
            if let Some(draft) = self.draft(extent, &studies, &memory, &motion) {
                break draft;
            }
            extent = extent.half().ok_or(LearnError::Unfit)?;
            memory.truncate(extent.references);
        };
        let model = writer.closed(&closing);
        let rehearsal = rehearsal::of(&self.gallery, &memory, model.model().clone());
        if rehearsal.bad_per_mille > MOST_BAD {
            return Err(LearnError::Unfit);
        }
        closing.levels = rehearsal.levels;
        let writer = writer.closed(&closing);
        let is_whole = self.seen >= WHOLE.pictures && extent.pictures == WHOLE.pictures;
        let novelty = is_whole.then(|| Novelty::new(writer.model(), &studies));
        Ok(Learned { writer, at: self.seen, step, novelty })
    }

    /// A model that is not yet rehearsed, its textures as fine as there are bytes for; `None` where
    /// it has too many even with the coarsest.
    fn draft(
        &self,
        extent: Extent,
        studies: &[Study],
        memory: &[Chosen],
        motion: &[Motion],
    ) -> Option<Draft> {
        let written = |(basis, deviations): &(Basis, Vec<Deviation>), step| {
            let spreads = deviations.iter().map(|deviation| deviation.absolute).collect();
            let mut writer = ModelWriter::new(studies[0].grid);
            writer.add_motion(&Components { basis: basis.clone(), spreads });
            for chosen in memory {
                writer.add_reference(self.gallery.picture(chosen.study), chosen.parent, step);
            }
            writer
        };
        let mut moves = basis::of(studies, motion, &[], extent.components);
        let first = written(&moves, TEXTURE_STEP);
        let landmarks = landmarks::find(studies, motion, first.model());
        if let Some(landmarks) = landmarks {
            // Now that it is known where the face is, what it does counts more.
            let faces = first.model().faces_by(landmarks);
            moves = basis::of(studies, motion, &faces, extent.components);
        }
        let finest = texture_step(first.len(), extent.bytes);
        TEXTURE_STEPS.into_iter().filter(|step| *step >= finest).find_map(|step| {
            let writer = written(&moves, step);
            let deviations = moves.1.clone();
            let (details, levels) = (Details::default(), Levels::default());
            let mut closing =
                Closing { deviations, landmarks, details, step: TEXTURE_STEP, levels };
            let model = writer.closed(&closing);
            closing.details = details::choose(&self.gallery, studies, motion, model.model());
            let fits = writer.closed(&closing).len() + LEVELS_BYTES <= extent.most;
            fits.then_some(Draft { writer, step, closing })
        })
    }
}

impl Learned {
    /// Makes a reference of a pose that was new and stayed, as fine as there is room for, and gives the
    /// bytes that it takes.
    fn add_found(&mut self, room: usize) -> Option<usize> {
        if !self.writer.model().has_room() {
            return None;
        }
        let (planes, parent) = self.novelty.as_mut()?.take()?;
        let added = |step| {
            let mut writer = self.writer.clone();
            writer.add_reference(&planes, parent, step);
            let bytes = writer.len() - self.writer.len() + DELTA_BYTES;
            (bytes <= room).then_some((writer, bytes))
        };
        let mut steps = TEXTURE_STEPS.into_iter().filter(|step| *step >= self.step);
        let (writer, bytes) = steps.find_map(added)?;
        self.writer = writer;
        Some(bytes)
    }
}

/// Bytes that may be added still.
fn room(added: &[(u32, usize)]) -> usize {
    MOST_ADDED.saturating_sub(added.iter().map(|added| added.1).sum())
}

/// The finest step with which a model has not more bytes than there is room for, of those that it has
/// at [`TEXTURE_STEP`].
fn texture_step(bytes: usize, room: usize) -> u16 {
    let fits = |step: &u16| {
        let finer = f32::from(TEXTURE_STEP) / f32::from(*step);
        bytes as f32 * finer.powf(BYTES_BY_STEP) <= room as f32
    };
    let [.., coarsest] = TEXTURE_STEPS;
    TEXTURE_STEPS.into_iter().find(fits).unwrap_or(coarsest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::tests::{picture, view};

    #[test]
    fn a_model_has_no_more_bytes_than_it_may() {
        let mut learner = FaceLearner::default();
        for time in 0..FIRST.pictures as usize {
            learner.push(&Raw::Picture(view(&picture(time)))).expect("a picture");
        }
        const { assert!(FIRST.most <= 40_000 && WHOLE.most <= 160_000) };
        let freely = learner.learn(FIRST).expect("it fits").writer.len();
        let mut fitted = 0;
        for part in [2, 6, 40] {
            let most = freely / part;
            match learner.learn(Extent { most, ..FIRST }) {
                Ok(learned) => {
                    let bytes = learned.writer.len();
                    assert!(bytes <= most, "{bytes} of {most}");
                    fitted += 1;
                }
                Err(error) => assert_eq!(error, LearnError::Unfit),
            }
        }
        assert!(fitted > 0, "{freely} bytes cannot be fewer");
    }

    #[test]
    fn textures_are_as_fine_as_their_bytes_allow() {
        assert_eq!(texture_step(50_000, 110_000), 40);
        assert_eq!(texture_step(109_000, 110_000), 64);
        assert_eq!(texture_step(111_000, 110_000), 80);
        assert_eq!(texture_step(4_000_000, 110_000), 192);
    }
}
