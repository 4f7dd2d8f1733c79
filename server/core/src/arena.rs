//! Dense storage with typed keys: one indexed read per access, keys of removed entries are reused.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    marker::PhantomData,
    ops::{Index, IndexMut},
};

/// A key of an [`Arena`]. Made by [`key!`].
pub(crate) trait Key: Copy {
    /// From a position.
    fn from_index(index: usize) -> Self;
    /// The position.
    fn index(self) -> usize;
}

/// Declares a key type.
macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(u32);

        impl crate::arena::Key for $name {
            fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).expect("an arena holds fewer than 2^32 entries"))
            }

            fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

pub(crate) use key;

/// Entries of `T` under keys of `K`. Whoever removes an entry also drops every copy of its key:
/// a stale key would meet the next tenant.
#[derive(Debug)]
pub(crate) struct Arena<K, T> {
    entries: Vec<Option<T>>,
    vacant: BinaryHeap<Reverse<usize>>,
    key: PhantomData<K>,
}

impl<K, T> Default for Arena<K, T> {
    fn default() -> Self {
        Self { entries: Vec::new(), vacant: BinaryHeap::new(), key: PhantomData }
    }
}

impl<K: Key, T> Arena<K, T> {
    /// Adds an entry, under the lowest free key.
    pub(crate) fn insert(&mut self, entry: T) -> K {
        match self.vacant.pop() {
            Some(Reverse(index)) => {
                self.entries[index] = Some(entry);
                K::from_index(index)
            }
            None => {
                self.entries.push(Some(entry));
                K::from_index(self.entries.len() - 1)
            }
        }
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, key: K) -> Option<T> {
        let entry = self.entries.get_mut(key.index())?.take();
        if entry.is_some() {
            self.vacant.push(Reverse(key.index()));
        }
        entry
    }

    /// The entry of `key`, if there is one.
    pub(crate) fn get(&self, key: K) -> Option<&T> {
        self.entries.get(key.index())?.as_ref()
    }

    /// The entry of `key`, if there is one.
    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut T> {
        self.entries.get_mut(key.index())?.as_mut()
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.vacant.len()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every entry, by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &T)> {
        let entries = self.entries.iter().enumerate();
        entries.filter_map(|(index, entry)| Some((K::from_index(index), entry.as_ref()?)))
    }

    /// Every entry, by key.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut T)> {
        let entries = self.entries.iter_mut().enumerate();
        entries.filter_map(|(index, entry)| Some((K::from_index(index), entry.as_mut()?)))
    }
}

impl<K: Key, T> Index<K> for Arena<K, T> {
    type Output = T;

    fn index(&self, key: K) -> &T {
        self.get(key).expect("the entry lives: keys are dropped with their entries")
    }
}

impl<K: Key, T> IndexMut<K> for Arena<K, T> {
    fn index_mut(&mut self, key: K) -> &mut T {
        self.get_mut(key).expect("the entry lives: keys are dropped with their entries")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    key!(Seat);

    #[test]
    fn a_removed_entry_leaves_its_key_to_the_next() {
        let mut arena = Arena::<Seat, &str>::default();
        let first = arena.insert("first");
        let second = arena.insert("second");
        assert_eq!(arena.remove(first), Some("first"));
        assert_eq!((arena.remove(first), arena.get(first), arena.len()), (None, None, 1));
        assert_eq!(arena.insert("third"), first);
        assert_eq!(arena.iter().collect::<Vec<_>>(), [(first, &"third"), (second, &"second")]);
    }
}
