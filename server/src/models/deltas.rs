//! What those lack who hold another model of the same speaker: made once, for everybody.

use std::{collections::VecDeque, sync::Arc};

use sotto_frame::ModelHash;
use tokio::sync::OnceCell;

use super::space::Blob;

/// Deltas that are kept: a refinement is fetched by a whole room within seconds, and then by nobody.
const CAPACITY: usize = 32;

/// A delta, once somebody has made it. `None` in it: it is of no use, the whole is no longer.
pub type DeltaCell = Arc<OnceCell<Option<Arc<Blob>>>>;

/// Deltas by base and target, oldest first.
#[derive(Debug, Default)]
pub(super) struct Deltas {
    cells: VecDeque<(ModelHash, ModelHash, DeltaCell)>,
}

impl Deltas {
    /// The delta from `base` to `target`, to be made by the first one who asks. Full: the oldest is
    /// dropped, and made anew if somebody asks for it.
    pub(super) fn get(&mut self, base: ModelHash, target: ModelHash) -> DeltaCell {
        let is_it = |(from, to, _): &&(ModelHash, ModelHash, _)| (*from, *to) == (base, target);
        if let Some((_, _, cell)) = self.cells.iter().find(is_it) {
            return cell.clone();
        }
        if self.cells.len() == CAPACITY {
            self.cells.pop_front();
        }
        let cell = DeltaCell::default();
        self.cells.push_back((base, target, cell.clone()));
        cell
    }

    /// Drops everything that was made of a model.
    pub(super) fn forget(&mut self, model: ModelHash) {
        self.cells.retain(|(base, target, _)| *base != model && *target != model);
    }

    /// Drops everything: the room is needed.
    pub(super) fn clear(&mut self) {
        self.cells.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u8) -> ModelHash {
        ModelHash([number; 32])
    }

    #[test]
    fn a_delta_is_made_once_and_gone_with_either_model() {
        let mut deltas = Deltas::default();
        let cell = deltas.get(hash(1), hash(2));
        assert!(Arc::ptr_eq(&cell, &deltas.get(hash(1), hash(2))));
        assert!(!Arc::ptr_eq(&cell, &deltas.get(hash(2), hash(1))));
        deltas.forget(hash(1));
        assert!(!Arc::ptr_eq(&cell, &deltas.get(hash(1), hash(2))));
        assert_eq!(deltas.cells.len(), 1);
    }

    #[test]
    fn only_so_many_are_kept() {
        let mut deltas = Deltas::default();
        for number in 0..100 {
            deltas.get(hash(number), hash(number + 1));
        }
        assert_eq!(deltas.cells.len(), CAPACITY);
    }
}
