//! Residuals of pictures that the gate would not let through, or hardly.

use std::{ops::Range, sync::Arc};

use crate::face::{
    crop, draw,
    gate::{Excess, Limits, Measures, Places, REST_SIDE, WARNED, spared},
    grid::Field,
    image::{Image, Pyramid},
    model::FaceModel,
    overlay::placed,
    packet::Pose,
    planes::{BLOCK, Plane},
    regions::{Carrier, Ellipse, REGIONS},
    residual::{self, Block, COEFFICIENTS, DIAGONALS, Residual, SIDE, STEPS},
};

/// Part of a limit that errors are brought below: less than from which on the gate warns, since where
/// it looks for the face in what is drawn is not quite where the encoder had it.
const ENOUGH: f32 = 0.95 * WARNED;
/// Times beyond a limit from which on a picture is left to raw media: it would be little of the model, and
/// look like that.
const MOST_EXCESS: f32 = 3.0;
/// What is added to a coefficient in steps before it is rounded down: less than half, since zeros are
/// cheap.
const ROUNDING: f32 = 0.34;
/// What a bit is worth, in squared steps.
const WORTH: f32 = 0.12;
/// Times what is to be taken away of a face's error that is tried: blocks at its edge take away some that
/// does not count.
const PARTS: [f32; 4] = [1.1, 1.5, 2.2, 3.3];

/// Finds residuals.
#[derive(Debug)]
pub(super) struct ResidualSearch {
    model: Arc<FaceModel>,
    limits: Limits,
    cores: Vec<f32>,
}

/// A block that may be coded.
struct Candidate {
    block: usize,
    coefficients: Block,
    /// By how much the sum of squared errors falls.
    gain: f32,
}

impl ResidualSearch {
    /// With a model; of one without landmarks there are none to be found.
    pub(super) fn new(model: &Arc<FaceModel>) -> Self {
        Self { limits: Limits::new(model.levels), model: Arc::clone(model), cores: crop::cores() }
    }

    /// The residual with which a picture, from its whole size on, is good enough, in at most so many
    /// bits, and how many it takes; none where it is without, or cannot be.
    pub(super) fn find(
        &self,
        source: &Pyramid,
        pose: &Pose,
        field: &Field,
        before: Option<&Residual>,
        most_bits: f32,
    ) -> Option<(Residual, f32)> {
        let model = &*self.model;
        let &face = model.faces.get(pose.reference)?;
        let carrier = Carrier::before(model.grid, field, face);
        let places = Places::of(&carrier, &model.places[pose.reference]);
        let luma = drawn(model, pose, field);
        let drawn = Pyramid::of(&luma, 0);
        let measures = places.measure(&self.cores, source, &drawn);
        let excess = Excess::of(&measures, &self.limits).worst();
        if excess <= WARNED || excess > MOST_EXCESS {
            return None;
        }
        let error = Error::new(source.level(0), drawn.level(0));
        let across = model.grid.columns - 1;
        let wanted = self.wanted(&measures, &places, source, &drawn);
        let good_enough = |residual: &Residual| {
            let mut corrected = luma.clone();
            residual.samples(model.grid)?.add(&mut corrected);
            let measures = places.measure(&self.cores, source, &Pyramid::of(&corrected, 0));
            let now = Excess::of(&measures, &self.limits);
            Some((now.worst() <= ENOUGH, now.face <= ENOUGH))
        };
        let of_steps = |steps: Range<usize>| {
            for step in steps {
                let coded: Vec<_> =
                    wanted.iter().map(|group| group.coded(&error, across, STEPS[step])).collect();
                for part in PARTS {
                    let residual = chosen(step, &coded, &wanted, part);
                    let bits = residual.price(model.grid, before);
                    if bits > most_bits {
                        return None;
                    }
                    match good_enough(&residual) {
                        Some((true, _)) => return Some((residual, bits)),
                        Some((false, false)) => {}
                        // Of all but the face, all blocks are there.
                        Some((false, true)) | None => break,
                    }
                }
            }
            None
        };
        // Coarse steps first, but for those that did not do for the frame before.
        let first = before.map_or(0, |before| before.step.saturating_sub(1));
        of_steps(first..STEPS.len()).or_else(|| of_steps(0..first))
    }

    /// Which blocks help, by what is beyond its limit, and how much of the squared error they must
    /// take away there.
    fn wanted(
        &self,
        measures: &Measures,
        places: &Places,
        source: &Pyramid,
        drawn: &Pyramid,
    ) -> Vec<Group> {
        let parts = Excess::of(measures, &self.limits);
        let grid = self.model.grid;
        let (across, down) = (grid.columns - 1, grid.rows - 1);
        let within = |ellipse: &Ellipse| {
            let inverse = ellipse.inverse();
            let reach = [ellipse.right, ellipse.down].map(|(x, y)| x.hypot(y).max(1.0));
            let half = BLOCK as f32 / 2.0;
            let blocks = (0..across * down).filter(|block| {
                let x = (block % across * BLOCK) as f32 + half;
                let y = (block / across * BLOCK) as f32 + half;
                let (x, y) = inverse(x, y);
                let (x, y) =
                    ((x.abs() - half / reach[0]).max(0.0), (y.abs() - half / reach[1]).max(0.0));
                x * x + y * y < 1.0
            });
            blocks.collect::<Vec<_>>()
        };
        let mut groups = Vec::new();
        for region in 0..REGIONS {
            if parts.regions[region] > ENOUGH {
                groups.push(Group { blocks: within(&places.regions[region]), gain: f32::INFINITY });
            }
        }
        if parts.face > ENOUGH {
            let area = std::f32::consts::FRAC_PI_4 * places.face.area();
            let share = 1.0 - ENOUGH / parts.face;
            groups.push(Group { blocks: within(&places.face), gain: share * measures.face * area });
        }
        if parts.rest > ENOUGH {
            let limit = ENOUGH * measures.rest / parts.rest;
            let mut rest = places.rest(source, drawn);
            let spared = spared(rest.len());
            rest.sort_by(|a, b| b.1.total_cmp(&a.1));
            let bad = rest.iter().skip(spared).take_while(|block| block.1 > limit);
            let blocks = bad.flat_map(|&(corner, _)| {
                blocks_at(corner).filter(move |at| at.0 < across && at.1 < down)
            });
            let blocks = blocks.map(|(column, row)| row * across + column).collect();
            groups.push(Group { blocks, gain: f32::INFINITY });
        }
        groups
    }
}

/// Columns and rows of the blocks that a block of the rest covers, given its left upper corner.
fn blocks_at((left, top): (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
    // It is told at a quarter of the size.
    const COVERED: usize = 4 * REST_SIDE / SIDE;
    let (column, row) = (4 * left / SIDE, 4 * top / SIDE);
    (0..COVERED * COVERED).map(move |at| (column + at % COVERED, row + at / COVERED))
}

/// Blocks, and how much of the squared error is to be taken away by them.
struct Group {
    blocks: Vec<usize>,
    gain: f32,
}

impl Group {
    /// Its blocks, those that take away most first.
    fn coded(&self, error: &Error, across: usize, size: f32) -> Vec<Candidate> {
        let coded = self.blocks.iter().map(|&block| {
            let transformed = residual::transformed(&error.block(block, across));
            let (coefficients, gain) = quantised(&transformed, size);
            Candidate { block, coefficients, gain }
        });
        let mut coded: Vec<_> = coded.filter(|candidate| candidate.gain > 0.0).collect();
        coded.sort_by(|a, b| b.gain.total_cmp(&a.gain));
        coded
    }
}

/// Of each group as many blocks as are needed to take away so many times what it says.
fn chosen(step: usize, coded: &[Vec<Candidate>], groups: &[Group], part: f32) -> Residual {
    let mut blocks: Vec<(usize, Block)> = Vec::new();
    for (candidates, group) in coded.iter().zip(groups) {
        let mut needed = part * group.gain;
        for candidate in candidates {
            if needed <= 0.0 {
                break;
            }
            needed -= candidate.gain;
            if blocks.iter().all(|(block, _)| *block != candidate.block) {
                blocks.push((candidate.block, candidate.coefficients));
            }
        }
    }
    blocks.sort_unstable_by_key(|block| block.0);
    Residual { step, blocks }
}

/// What a picture has more than what was drawn of it.
struct Error(Image);

impl Error {
    fn new(source: &Image, drawn: &Image) -> Self {
        let mut error = source.clone();
        for (error, drawn) in error.samples_mut().iter_mut().zip(drawn.samples()) {
            *error -= drawn;
        }
        Self(error)
    }

    fn block(&self, block: usize, across: usize) -> [f32; SIDE * SIDE] {
        let (left, top) = (block % across * SIDE, block / across * SIDE);
        std::array::from_fn(|at| self.0.row(top + at / SIDE)[left + at % SIDE])
    }
}

/// The luma that decoders draw, without a residual.
fn drawn(model: &FaceModel, pose: &Pose, field: &Field) -> Plane {
    let (width, height) = (model.width(), model.height());
    let mut luma = Plane::filled(width, height, 128);
    draw::warp(&model.references[pose.reference].y, model.grid, field, &mut luma);
    for placed in placed(model, pose.reference, &pose.overlays, field) {
        let source = match placed.detail(model) {
            None => &model.references[placed.overlay.source],
            Some(at) => &model.details[placed.region][at],
        };
        placed.patch(model, source).draw_luma((width, height), &mut luma);
    }
    luma
}

/// Coefficients in steps, of as many diagonals as are worth their bits, and by how much the sum of
/// squared errors falls.
fn quantised(transformed: &[f32; COEFFICIENTS], size: f32) -> (Block, f32) {
    let rounded = transformed.map(|value| {
        let steps = (value.abs() / size + ROUNDING) as i32;
        if value < 0.0 { -steps } else { steps }
    });
    let (bit, prices) = (WORTH * size * size, residual::prices(&rounded));
    let mut gain = 0.0;
    let gains = (0..DIAGONALS).map(|diagonal| {
        for at in residual::first(diagonal)..residual::first(diagonal + 1) {
            let left = transformed[at] - rounded[at] as f32 * size;
            gain += transformed[at] * transformed[at] - left * left;
        }
        gain
    });
    let gains: Vec<f32> = std::iter::once(0.0).chain(gains).collect();
    let worth = |diagonals: usize| gains[diagonals] - bit * prices[diagonals];
    let diagonals = (0..=DIAGONALS).max_by(|&a, &b| worth(a).total_cmp(&worth(b))).unwrap_or(0);
    let mut block = rounded;
    block[residual::first(diagonals)..].fill(0);
    (block, gains[diagonals])
}
