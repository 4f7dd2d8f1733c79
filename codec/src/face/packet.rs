//! What a frame shows, in a range coder.
//!
//! ```text
//!  whether of the same reference as the frame before, or which
//!  coefficients │ nudges of nodes │ overlays of regions │ residual
//! ```

use super::{
    grid::{Field, Grid},
    model::FaceModel,
    number::{Activity, Ratio, number},
    overlay::{self, Around, Overlays},
    regions::REGIONS,
    residual::{self, Residual},
    step::Step,
};
use crate::{
    FrameError,
    entropy::{Context, Port},
};

/// What the motion of a single node is told in, in pixels of the working picture.
pub(super) const NUDGE: f32 = 0.5;
/// Most steps of a nudge: changes from one to the other can be written too.
pub(super) const MAX_NUDGE: i32 = 23;

/// "This frame is of the reference of the one before."
const SAME: Context = Context::new(4_000);
/// "Nodes are nudged otherwise than in the frame before."
const ANY_NUDGED: Context = Context::new(40_000);
/// "This node is nudged", where no neighbour is, where one is, and where two are: far from the face,
/// and near it.
const NUDGED: [[Context; 3]; 2] = [
    [Context::new(65_440), Context::new(61_500), Context::new(53_000)],
    [Context::new(63_800), Context::new(57_000), Context::new(48_000)],
];
/// How far nudges vary, in steps.
const NUDGE_RATIO: Ratio = Ratio::new(6, 0);

/// What one frame shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pose {
    /// Which reference.
    pub(super) reference: usize,
    /// How it is warped, in steps, a number a component.
    pub(super) coefficients: Vec<i32>,
    /// What is added at single nodes, by node, in [`NUDGE`]s: across and down.
    pub(super) nudges: Vec<(usize, [i32; 2])>,
    /// Regions that other pictures show.
    pub(super) overlays: Overlays,
    /// What is added to that.
    pub(super) residual: Residual,
}

impl Pose {
    /// The motion that it means.
    pub(super) fn field(&self, model: &FaceModel, step: Step) -> Field {
        let size = step.size();
        let coefficients: Vec<f32> = self.coefficients.iter().map(|&at| at as f32 * size).collect();
        let mut field = model.basis.field(model.grid, &coefficients);
        let nodes = model.grid.nodes();
        for &(node, [across, down]) in &self.nudges {
            field[node] += across as f32 * NUDGE;
            field[nodes + node] += down as f32 * NUDGE;
        }
        field
    }
}

/// Writes or reads what a frame shows. Much of it is told from the frame before, where there is one.
///
/// # Errors
/// [`FrameError::Malformed`].
pub(super) fn code_pose(
    port: &mut impl Port,
    model: &FaceModel,
    step: Step,
    before: Option<&Pose>,
    known: Option<&Pose>,
) -> Result<Pose, FrameError> {
    let same = before.filter(|before| {
        port.decide(SAME, known.is_some_and(|known| known.reference == before.reference))
    });
    let reference = match same {
        Some(before) => before.reference,
        None => {
            let bits = model.references.len().next_power_of_two().ilog2();
            port.bits(known.map_or(0, |known| known.reference) as u32, bits) as usize
        }
    };
    if reference >= model.references.len() {
        return Err(FrameError::Malformed);
    }
    let expected = Expected { step, before: same };
    let mut activity = Activity::default();
    let coefficients = (0..model.deviations.len()).map(|at| {
        let (from, ratio) = (expected.coefficient(at), expected.ratio(model, at));
        let off = known.map_or(0, |known| known.coefficients[at] - from);
        let off = number(port, activity.adapted(ratio), off)?;
        activity.observe(ratio, off);
        Ok(from + off)
    });
    let coefficients = coefficients.collect::<Result<_, FrameError>>()?;
    let from = same.map_or(&[][..], |before| &before.nudges);
    let known_nudges = known.map(|known| &known.nudges[..]);
    let nudges = code_nudges(port, model.grid, &model.near_face[reference], from, known_nudges)?;
    let mut overlays = [None; REGIONS];
    if !model.places.is_empty() {
        for region in 0..REGIONS {
            let around = Around::of(region, before.map(|before| &before.overlays), &overlays);
            let known = known.map(|known| known.overlays[region].as_ref());
            overlays[region] = overlay::code(port, model, region, &around, known)?;
        }
    }
    let from = before.map(|before| &before.residual);
    let residual = residual::code(port, model.grid, from, known.map(|known| &known.residual))?;
    Ok(Pose { reference, coefficients, nudges, overlays, residual })
}

/// What is expected of the coefficients of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub(super) step: Step,
    /// The frame before, where that has the same reference.
    pub(super) before: Option<&'a Pose>,
}

impl Expected<'_> {
    /// What a coefficient is coded from.
    pub(super) fn coefficient(&self, at: usize) -> i32 {
        self.before.map_or(0, |before| before.coefficients[at])
    }

    /// How far it varies around that.
    pub(super) fn ratio(&self, model: &FaceModel, at: usize) -> Ratio {
        let deviation = model.deviations[at];
        let deviation = if self.before.is_some() { deviation.change } else { deviation.absolute };
        Ratio::new(deviation.into(), self.step.eighths())
    }
}

/// Nudges on top of those of the frame before.
fn code_nudges(
    port: &mut impl Port,
    grid: Grid,
    near_face: &[bool],
    from: &[(usize, [i32; 2])],
    known: Option<&[(usize, [i32; 2])]>,
) -> Result<Vec<(usize, [i32; 2])>, FrameError> {
    let mut before = vec![[0; 2]; grid.nodes()];
    from.iter().for_each(|&(node, nudge)| before[node] = nudge);
    let mut wanted = vec![[0; 2]; if known.is_some() { grid.nodes() } else { 0 }];
    known.unwrap_or(&[]).iter().for_each(|&(node, nudge)| wanted[node] = nudge);
    if !port.decide(ANY_NUDGED, known.is_some_and(|known| known != from)) {
        return Ok(from.to_vec());
    }
    let mut changed = vec![0_usize; grid.nodes()];
    let mut nudges = Vec::new();
    for node in 0..grid.nodes() {
        let around = changed.get(node.wrapping_sub(1)).unwrap_or(&0)
            + changed.get(node.wrapping_sub(grid.columns)).unwrap_or(&0);
        let off = wanted
            .get(node)
            .map_or([0; 2], |wanted| [wanted[0] - before[node][0], wanted[1] - before[node][1]]);
        let mut nudge = before[node];
        if port.decide(NUDGED[usize::from(near_face[node])][around], off != [0; 2]) {
            changed[node] = 1;
            for (value, off) in nudge.iter_mut().zip(off) {
                *value += number(port, NUDGE_RATIO, off)?;
            }
        }
        if nudge.iter().any(|value| value.abs() > MAX_NUDGE) {
            return Err(FrameError::Malformed);
        }
        if nudge != [0; 2] {
            nudges.push((node, nudge));
        }
    }
    Ok(nudges)
}

/// Bits that a nudge takes, roughly.
pub(super) fn price_of_nudge(nudge: [i32; 2], near_face: bool) -> f32 {
    let alone = NUDGED[usize::from(near_face)][0].cost(true);
    alone + nudge.iter().map(|&value| NUDGE_RATIO.price(value)).sum::<f32>()
}
