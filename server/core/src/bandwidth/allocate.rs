//! Who gets how much: one subscriber's bits, divided over its video slots.
//!
//! Quality is handed out in steps ([`Ladder`]), in an order that does not depend on what there is to
//! spend: the smallest picture for everyone, most important first; then what is on stage up to 360
//! lines, the others up to 180; then, class by class, one step each in turn. A step that cannot be
//! paid for is passed over, and its slot is done. So with more to spend, the first step in which two
//! divisions differ is always one more.
//!
//! Steps that a slot has now are paid from all there is; steps up, from what has been there for a
//! while, less a margin ([`Budget`]). So a slot goes down at once and up with care.

use crate::{
    bandwidth::{Demand, Ladder},
    forward::LayerChoice,
    signal::QualityLimit,
};

/// Height in pixels up to which what is on stage is improved before the others are.
const STAGE_HEIGHT: u16 = 360;

/// Height in pixels up to which the others are improved before the stage goes on.
const TILE_HEIGHT: u16 = 180;

/// How much of the budget the smallest picture of the one thing on stage may take, in per mille: an
/// estimate that is a little too low is better than a dark stage.
const OVERSEND: u64 = 1_250;

/// How important a slot is. The first is served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Importance {
    /// Pinned, or on stage.
    Stage,
    /// A shared screen.
    Screen,
    /// Somebody who speaks.
    Speaker,
    /// One of many.
    Tile,
}

impl Importance {
    const ALL: [Self; 4] = [Self::Stage, Self::Screen, Self::Speaker, Self::Tile];
}

/// How a slot is served before an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Current {
    /// It was pointed at this publication just now.
    Fresh,
    /// Nothing is sent, for want of bandwidth.
    Paused,
    /// This is sent, or is about to be.
    At(LayerChoice),
}

/// One slot that is pointed at a publication.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// What the publication can be had in.
    pub ladder: &'a Ladder,
    /// How important it is.
    pub importance: Importance,
    /// How high it is shown, in device pixels; zero: not at all.
    pub shown: u16,
    /// What it has.
    pub current: Current,
}

/// What may be spent, in bits per second on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// On what the slots have now, and on the smallest picture of fresh ones.
    pub keep: u64,
    /// In all, when something is improved. Not more than `keep`.
    pub improve: u64,
}

impl Budget {
    /// As much as one likes.
    pub const UNLIMITED: Self = Self { keep: u64::MAX, improve: u64::MAX };
}

/// What one slot gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which rung of its ladder; `None`: it is paused, and `limit` says why.
    pub rung: Option<usize>,
    /// Why it does not get more; `None`: there is no more.
    pub limit: Option<QualityLimit>,
}

/// Divides budgets. Keeps its buffers: an allocation allocates nothing once they have grown.
#[derive(Clone, Debug, Default)]
pub struct Allocator {
    order: Vec<u32>,
    slots: Vec<Slot>,
    shares: Vec<Share>,
}

/// A slot while a budget is divided.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// How many rungs it has got.
    taken: usize,
    /// How many it had.
    held: usize,
    /// How many are worth having.
    wanted: usize,
    /// The next one could not be paid for.
    done: bool,
}

/// What a division has spent, and what stood in its way.
#[derive(Clone, Copy, Debug)]
struct Purse {
    budget: Budget,
    spent: u64,
    /// The least that a step would have cost which could not be paid for.
    refused: Option<u64>,
}

impl Allocator {
    /// Divides `budget`. The shares come in the order of the candidates; the sums in the demand are
    /// of these candidates alone. Costs about the number of steps that are taken.
    pub fn allocate(&mut self, budget: Budget, candidates: &[Candidate<'_>]) -> (&[Share], Demand) {
        self.arrange(candidates);
        let mut purse = Purse { budget, spent: 0, refused: None };
        self.smallest_for_everyone(candidates, &mut purse);
        self.up_to(candidates, &mut purse, STAGE_HEIGHT, |class| class == Importance::Stage);
        self.up_to(candidates, &mut purse, TILE_HEIGHT, |class| class != Importance::Stage);
        for class in Importance::ALL {
            self.in_turn(candidates, &mut purse, class);
        }
        self.shares.clear();
        let shares = self.slots.iter().zip(candidates).map(|(slot, candidate)| Share {
            rung: slot.taken.checked_sub(1),
            limit: limit(slot, candidate),
        });
        self.shares.extend(shares);
        let best = self.slots.iter().zip(candidates).map(|(slot, candidate)| {
            slot.wanted.checked_sub(1).map_or(0, |best| candidate.ladder.rungs()[best].bitrate)
        });
        let demand = Demand {
            allocated: purse.spent,
            wanted: best.sum(),
            next_step: purse.refused.map(|cost| purse.spent.saturating_add(cost)),
        };
        (&self.shares, demand)
    }

    /// Sorts the candidates: by class, then larger before smaller, then as they come.
    fn arrange(&mut self, candidates: &[Candidate<'_>]) {
        self.slots.clear();
        self.slots.extend(candidates.iter().map(|candidate| {
            let rungs = candidate.ladder.rungs().len();
            let held = match candidate.current {
                Current::Fresh => 1,
                Current::Paused => 0,
                Current::At(choice) => candidate.ladder.position(choice) + 1,
            };
            let wanted = candidate.ladder.best(candidate.shown).map_or(0, |best| best + 1);
            Slot { taken: 0, held: held.min(rungs), wanted, done: false }
        }));
        self.order.clear();
        self.order.extend(0..candidates.len() as u32);
        let rank = |&index: &u32| {
            let candidate = &candidates[index as usize];
            (candidate.importance, std::cmp::Reverse(candidate.shown), index)
        };
        self.order.sort_unstable_by_key(rank);
    }

    fn smallest_for_everyone(&mut self, candidates: &[Candidate<'_>], purse: &mut Purse) {
        let mut first = true;
        for index in self.order.iter().map(|&index| index as usize) {
            let (slot, candidate) = (&mut self.slots[index], &candidates[index]);
            if slot.wanted == 0 {
                continue;
            }
            let on_stage = matches!(candidate.importance, Importance::Stage | Importance::Screen);
            let oversend = first && on_stage;
            first = false;
            slot.raise(candidate.ladder, purse, oversend);
        }
    }

    fn up_to(
        &mut self,
        candidates: &[Candidate<'_>],
        purse: &mut Purse,
        height: u16,
        class: impl Fn(Importance) -> bool,
    ) {
        for index in self.order.iter().map(|&index| index as usize) {
            let (slot, candidate) = (&mut self.slots[index], &candidates[index]);
            if !class(candidate.importance) {
                continue;
            }
            let next = |slot: &Slot| candidate.ladder.rungs().get(slot.taken);
            while next(slot).is_some_and(|rung| rung.height <= height)
                && slot.raise(candidate.ladder, purse, false)
            {}
        }
    }

    /// One step each, again and again, until no step can be taken.
    fn in_turn(&mut self, candidates: &[Candidate<'_>], purse: &mut Purse, class: Importance) {
        let begin =
            self.order.partition_point(|&index| candidates[index as usize].importance < class);
        let end =
            self.order.partition_point(|&index| candidates[index as usize].importance <= class);
        loop {
            let mut any = false;
            for index in self.order[begin..end].iter().map(|&index| index as usize) {
                any |= self.slots[index].raise(candidates[index].ladder, purse, false);
            }
            if !any {
                return;
            }
        }
    }
}

impl Slot {
    /// Takes the next step, if there is one and it can be paid for.
    fn raise(&mut self, ladder: &Ladder, purse: &mut Purse, oversend: bool) -> bool {
        if self.done || self.taken >= self.wanted {
            return false;
        }
        let rungs = ladder.rungs();
        let below = self.taken.checked_sub(1).map_or(0, |below| rungs[below].bitrate);
        let cost = rungs[self.taken].bitrate.saturating_sub(below);
        let is_held = self.taken < self.held;
        if purse.pay(cost, is_held, oversend) {
            self.taken += 1;
            true
        } else {
            self.done = true;
            false
        }
    }
}

impl Purse {
    fn pay(&mut self, cost: u64, is_held: bool, oversend: bool) -> bool {
        let limit = if is_held { self.budget.keep } else { self.budget.improve };
        let limit = if oversend { (limit / 1_000).saturating_mul(OVERSEND) } else { limit };
        let total = self.spent.saturating_add(cost);
        let can_pay = total <= limit;
        if can_pay {
            self.spent = total;
        } else {
            self.refused = Some(self.refused.map_or(cost, |least| least.min(cost)));
        }
        can_pay
    }
}

/// Why a slot does not get more than it does.
fn limit(slot: &Slot, candidate: &Candidate<'_>) -> Option<QualityLimit> {
    let rungs = candidate.ladder.rungs().len();
    if candidate.shown == 0 {
        Some(QualityLimit::Viewport)
    } else if slot.taken < slot.wanted {
        Some(QualityLimit::Bandwidth)
    } else if rungs == 0
        || (candidate.ladder.is_short() && !candidate.ladder.fills(candidate.shown))
    {
        Some(QualityLimit::Publisher)
    } else if slot.taken < rungs || candidate.ladder.is_short() {
        Some(QualityLimit::Viewport)
    } else {
        None
    }
}

#[cfg(test)]
#[path = "allocate_tests.rs"]
mod tests;
