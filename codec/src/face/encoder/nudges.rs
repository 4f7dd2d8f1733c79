//! Motion of single nodes, where it buys more than its bits cost.

use crate::face::{
    normal::Target,
    packet::{MAX_NUDGE, NUDGE, price_of_nudge},
    step::Step,
};

/// Most nudges of a frame.
const MOST: usize = 40;
/// What a nudge of one pixel counts as squared error, so that nodes in flat places stay.
const REST: f32 = 200.0;
/// How much of what the equations promise comes true, found on clips.
const TRUST: f32 = 1.0;

/// Adds nudges, the best first, to those that are there. `slope` is that of what is shown with them.
pub(super) fn add(
    target: &Target,
    near_face: &[bool],
    mut slope: Vec<f32>,
    step: Step,
    nudges: &mut Vec<(usize, [i32; 2])>,
) {
    let nodes = slope.len() / 2;
    for _ in 0..MOST {
        let best = (0..nodes)
            .map(|node| (node, offer(target, &slope, step, node, near_face[node])))
            .max_by(|a, b| a.1.1.total_cmp(&b.1.1));
        let Some((node, (nudge, gain))) = best else { break };
        if gain <= 0.0 {
            break;
        }
        target.matrix().add_column(node, nudge.map(|value| value as f32 * NUDGE), &mut slope);
        match nudges.iter_mut().find(|(at, _)| *at == node) {
            Some((_, there)) => {
                for (there, value) in there.iter_mut().zip(nudge) {
                    *there = (*there + value).clamp(-MAX_NUDGE, MAX_NUDGE);
                }
            }
            None => nudges.push((node, nudge)),
        }
    }
    nudges.retain(|(_, nudge)| *nudge != [0; 2]);
    nudges.sort_by_key(|(node, _)| *node);
}

/// What nudge a node asks for, and what it would gain beyond its price.
fn offer(
    target: &Target,
    slope: &[f32],
    step: Step,
    node: usize,
    near_face: bool,
) -> ([i32; 2], f32) {
    let [xx, xy, yy] = target.matrix().diagonal(node);
    let (x, y) = (slope[node], slope[slope.len() / 2 + node]);
    let (stiff_x, stiff_y) = (xx + REST, yy + REST);
    let determinant = stiff_x * stiff_y - xy * xy;
    let wanted = [-(stiff_y * x - xy * y) / determinant, -(stiff_x * y - xy * x) / determinant];
    let limit = MAX_NUDGE as f32 / 4.0;
    let nudge = wanted.map(|value| (value / NUDGE).clamp(-limit, limit).round() as i32);
    if nudge == [0; 2] {
        return (nudge, 0.0);
    }
    let [dx, dy] = nudge.map(|value| value as f32 * NUDGE);
    let gain =
        -2.0 * (x * dx + y * dy) - (stiff_x * dx * dx + 2.0 * xy * dx * dy + stiff_y * dy * dy);
    (nudge, TRUST * gain - step.worth_of_bit() * price_of_nudge(nudge, near_face))
}
