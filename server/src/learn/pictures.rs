//! Pictures on their way from a decoder to the learner.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// Pictures that wait for the learner. Full: the oldest is dropped. Which ones are learned from matters
/// little, and while a model is made none are.
const MOST: usize = 4;

/// A picture in planes: y, u, v, without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) planes: Vec<u8>,
}

/// A short queue that a decoder never waits for.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    pictures: VecDeque<Decoded>,
    closed: bool,
}

impl Pictures {
    /// Adds one.
    pub(super) fn push(&self, picture: Decoded) {
        let mut queue = self.lock();
        if queue.pictures.len() == MOST {
            queue.pictures.pop_front();
        }
        queue.pictures.push_back(picture);
        self.changed.notify_one();
    }

    /// Waits for the next one; `None`: there will be none.
    pub(super) fn next(&self) -> Option<Decoded> {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(picture) = queue.pictures.pop_front() {
                return Some(picture);
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends it; what waits is dropped.
    pub(super) fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        queue.pictures.clear();
        self.changed.notify_all();
    }

    /// No one panics between two changes that belong together.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32) -> Decoded {
        Decoded { width, height: 1, planes: Vec::new() }
    }

    #[test]
    fn a_learner_that_is_behind_misses_the_oldest_and_ends_with_the_queue() {
        let pictures = Pictures::default();
        (0..6).for_each(|width| pictures.push(picture(width)));
        let widths: Vec<_> =
            (0..4).map_while(|_| pictures.next()).map(|picture| picture.width).collect();
        assert_eq!(widths, [2, 3, 4, 5]);
        pictures.push(picture(7));
        pictures.close();
        assert_eq!(pictures.next(), None);
    }
}
