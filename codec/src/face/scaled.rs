//! References at the size that they are drawn at.

use super::planes::Planes;

/// Most halvings.
pub(super) const MOST: u32 = 4;

/// Smaller copies of references: those that were drawn, at each size that they were drawn at. All
/// of them together take a third of what the references do.
#[derive(Debug, Default)]
pub(super) struct Scaled {
    copies: [Vec<Option<Planes>>; MOST as usize],
}

/// How often references are halved for pictures of `width` pixels across, where working pictures
/// have `whole`: as often as that leaves them no smaller than the picture, so that none of their
/// samples is passed over.
pub(super) fn level(whole: usize, width: usize) -> u32 {
    (1..=MOST).take_while(|level| whole >> level >= width.max(2)).count() as u32
}

/// A picture smaller by 2 to the power of `level`.
pub(super) fn halved(whole: &Planes, level: u32) -> Planes {
    whole.resized(whole.width() >> level, whole.height() >> level)
}

impl Scaled {
    /// A reference as it is to be drawn.
    pub(super) fn get<'a>(
        &'a mut self,
        references: &'a [Planes],
        reference: usize,
        level: u32,
    ) -> &'a Planes {
        let whole = &references[reference];
        let Some(copies) = (level as usize).checked_sub(1).and_then(|at| self.copies.get_mut(at))
        else {
            return whole;
        };
        copies.resize(references.len(), None);
        copies[reference].get_or_insert_with(|| halved(whole, level))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_made_once_for_each_size() {
        let references = [Planes::grey(64, 48)];
        let mut scaled = Scaled::default();
        let level = level(64, 20);
        assert_eq!(level, 1);
        let copy: *const Planes = scaled.get(&references, 0, level);
        assert_eq!(scaled.get(&references, 0, 2).width(), 16);
        assert_eq!(scaled.get(&references, 0, 0).width(), 64);
        assert!(std::ptr::eq(copy, scaled.get(&references, 0, level)));
    }
}
