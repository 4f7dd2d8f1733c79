//! Timers: a hierarchical wheel with one deadline per key.
//!
//! Level 0 has a slot for each of the next 64 ticks, level 1 for each 64 ticks after that, and so on.
//! A deadline is put into the level whose slots just reach it, and moves down as its time comes
//! nearer: setting, moving and cancelling cost the same however many timers there are.

use std::time::{Duration, Instant};

/// The finest difference between two deadlines. Nothing in ICE, DTLS, SCTP or RTCP is finer.
pub const TICK: Duration = Duration::from_millis(1);

const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
const LEVELS: usize = 4;

/// The furthest deadline that has a slot of its own, in ticks: about 4.6 hours. A later one waits in
/// the furthest slot and is placed again from there.
const HORIZON: u64 = (1 << (SLOT_BITS * LEVELS as u32)) - 1;

/// No entry.
const NONE: u32 = u32::MAX;

/// One deadline per key. Keys are small numbers: they index a table.
#[derive(Debug)]
pub struct Wheel {
    origin: Instant,
    /// Every tick up to this one has been dealt with.
    now: u64,
    entries: Vec<Entry>,
    /// First entry of each slot.
    slots: [[u32; SLOTS]; LEVELS],
    /// Which slots have entries.
    occupied: [u64; LEVELS],
    /// First entry of those that are due.
    due: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// In ticks since the origin.
    deadline: u64,
    previous: u32,
    next: u32,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Nowhere,
    Slot { level: u8, slot: u8 },
    Due,
}

impl Wheel {
    /// No timer set.
    pub fn new(origin: Instant) -> Self {
        Self {
            origin,
            now: 0,
            entries: Vec::new(),
            slots: [[NONE; SLOTS]; LEVELS],
            occupied: [0; LEVELS],
            due: NONE,
        }
    }

    /// Sets or moves the timer of `key`. It fires at the first tick that is not before `deadline`.
    pub fn set(&mut self, key: u32, deadline: Instant) {
        let ticks = deadline.saturating_duration_since(self.origin).as_nanos();
        let ticks = u64::try_from(ticks.div_ceil(TICK.as_nanos())).unwrap_or(u64::MAX);
        if self.entries.len() <= key as usize {
            let nowhere = Entry { deadline: 0, previous: NONE, next: NONE, place: Place::Nowhere };
            self.entries.resize(key as usize + 1, nowhere);
        }
        if self.entries[key as usize].place != Place::Nowhere {
            if self.entries[key as usize].deadline == ticks {
                return;
            }
            self.unlink(key);
        }
        self.entries[key as usize].deadline = ticks;
        self.link(key);
    }

    /// Clears the timer of `key`, if it is set.
    pub fn cancel(&mut self, key: u32) {
        if self.entries.get(key as usize).is_some_and(|entry| entry.place != Place::Nowhere) {
            self.unlink(key);
        }
    }

    /// When to call [`Self::advance`] next: at or before the earliest deadline.
    pub fn next(&self) -> Option<Instant> {
        if self.due != NONE {
            return Some(self.instant(self.now));
        }
        (0..LEVELS).filter_map(|level| self.next_slot(level)).min().map(|tick| self.instant(tick))
    }

    /// Moves time on. What is due then comes out of [`Self::pop`].
    pub fn advance(&mut self, now: Instant) {
        let target = now.saturating_duration_since(self.origin).as_nanos() / TICK.as_nanos();
        let target = u64::try_from(target).unwrap_or(u64::MAX);
        while self.now < target {
            // Jump to the next tick at which anything happens.
            let next = (0..LEVELS).filter_map(|level| self.next_slot(level)).min();
            self.now = next.unwrap_or(target).min(target);
            for level in (0..LEVELS).rev() {
                let shift = SLOT_BITS * level as u32;
                if self.now & ((1 << shift) - 1) == 0 {
                    self.empty(level, (self.now >> shift) as usize % SLOTS);
                }
            }
        }
    }

    /// A key whose timer has fired. It is no longer set.
    pub fn pop(&mut self) -> Option<u32> {
        let key = self.due;
        if key == NONE {
            return None;
        }
        self.unlink(key);
        Some(key)
    }

    fn instant(&self, tick: u64) -> Instant {
        let nanos = u64::try_from(TICK.as_nanos()).unwrap_or(u64::MAX).saturating_mul(tick);
        self.origin + Duration::from_nanos(nanos)
    }

    /// The next tick at which a slot of this level is to be emptied.
    fn next_slot(&self, level: usize) -> Option<u64> {
        let shift = SLOT_BITS * level as u32;
        let occupied = self.occupied[level];
        if occupied == 0 {
            return None;
        }
        // Slots in the order in which their time comes, starting behind the current one.
        let current = self.now >> shift;
        let rotated = occupied.rotate_right(((current + 1) % SLOTS as u64) as u32);
        Some((current + 1 + u64::from(rotated.trailing_zeros())) << shift)
    }

    /// Puts every entry of a slot where it belongs now.
    fn empty(&mut self, level: usize, slot: usize) {
        while self.slots[level][slot] != NONE {
            let key = self.slots[level][slot];
            self.unlink(key);
            self.link(key);
        }
    }

    fn link(&mut self, key: u32) {
        let deadline = self.entries[key as usize].deadline;
        let place = if deadline <= self.now {
            Place::Due
        } else {
            let deadline = deadline.min(self.now + HORIZON);
            // The highest group of bits in which the deadline differs from now.
            let level = (63 - (deadline ^ self.now).leading_zeros()) / SLOT_BITS;
            // A carry out of the top level wraps around in it: still ahead, within the horizon.
            let level = level.min(LEVELS as u32 - 1);
            let slot = (deadline >> (SLOT_BITS * level)) % SLOTS as u64;
            Place::Slot { level: level as u8, slot: slot as u8 }
        };
        let head = match place {
            Place::Slot { level, slot } => {
                self.occupied[usize::from(level)] |= 1 << slot;
                &mut self.slots[usize::from(level)][usize::from(slot)]
            }
            Place::Due | Place::Nowhere => &mut self.due,
        };
        let next = std::mem::replace(head, key);
        let entry = &mut self.entries[key as usize];
        (entry.previous, entry.next, entry.place) = (NONE, next, place);
        if next != NONE {
            self.entries[next as usize].previous = key;
        }
    }

    fn unlink(&mut self, key: u32) {
        let Entry { previous, next, place, .. } = self.entries[key as usize];
        if next != NONE {
            self.entries[next as usize].previous = previous;
        }
        if previous != NONE {
            self.entries[previous as usize].next = next;
        } else {
            match place {
                Place::Slot { level, slot } => {
                    self.slots[usize::from(level)][usize::from(slot)] = next;
                    if next == NONE {
                        self.occupied[usize::from(level)] &= !(1 << slot);
                    }
                }
                Place::Due => self.due = next,
                Place::Nowhere => {}
            }
        }
        self.entries[key as usize].place = Place::Nowhere;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn drain(wheel: &mut Wheel) -> Vec<u32> {
        let mut fired: Vec<u32> = std::iter::from_fn(|| wheel.pop()).collect();
        fired.sort_unstable();
        fired
    }

    #[test]
    fn a_timer_fires_once_at_its_tick_and_not_before() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        wheel.set(7, start + Duration::from_micros(5_001));
        assert_eq!(wheel.next(), Some(start + ms(6)), "rounded up: never early");
        wheel.advance(start + Duration::from_micros(5_999));
        assert!(drain(&mut wheel).is_empty());
        wheel.advance(start + ms(6));
        assert_eq!(drain(&mut wheel), [7]);
        wheel.advance(start + ms(100_000));
        assert!(drain(&mut wheel).is_empty());
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn a_moved_timer_fires_at_the_new_time_only() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        wheel.set(1, start + ms(10));
        wheel.set(1, start + ms(5_000));
        wheel.advance(start + ms(4_999));
        assert!(drain(&mut wheel).is_empty());
        wheel.set(1, start + ms(5_001));
        wheel.advance(start + ms(5_000));
        assert!(drain(&mut wheel).is_empty());
        wheel.advance(start + ms(5_001));
        assert_eq!(drain(&mut wheel), [1]);
    }

    #[test]
    fn a_cancelled_timer_does_not_fire_even_when_it_was_due() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        wheel.set(1, start + ms(1));
        wheel.set(2, start + ms(1));
        wheel.set(3, start + ms(700));
        wheel.advance(start + ms(2));
        wheel.cancel(2);
        wheel.cancel(3);
        wheel.cancel(99);
        assert_eq!(drain(&mut wheel), [1]);
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn a_deadline_in_the_past_is_due_at_once() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        wheel.advance(start + ms(500));
        wheel.set(1, start + ms(3));
        assert_eq!(wheel.next(), Some(start + ms(500)));
        assert_eq!(drain(&mut wheel), [1]);
    }

    #[test]
    fn a_deadline_beyond_the_furthest_slot_still_fires_in_its_time() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        let deadline = start + Duration::from_secs(24 * 3600);
        wheel.set(1, deadline);
        let mut steps = 0;
        while let Some(next) = wheel.next() {
            wheel.advance(next);
            let fired = wheel.pop();
            assert_eq!(fired.is_some(), next >= deadline);
            steps += 1;
        }
        assert!(steps < 100, "{steps} steps for one timer");
    }

    /// Against a sorted map, with a generator of its own so that the sequence never changes.
    #[test]
    fn it_agrees_with_a_sorted_map_over_a_long_random_sequence() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        let mut model: BTreeMap<u32, u64> = BTreeMap::new();
        let mut now = 0;
        for step in 0..50_000 {
            let key = random(200) as u32;
            let reach = [3, 70, 5_000, 300_000, 9_000_000][random(5) as usize];
            match random(4) {
                0 | 1 => {
                    let deadline = now + random(reach);
                    wheel.set(key, start + ms(deadline));
                    model.insert(key, deadline);
                }
                2 => {
                    wheel.cancel(key);
                    model.remove(&key);
                }
                _ => {
                    if let Some(earliest) = model.values().min() {
                        let next = wheel.next().expect("a timer is set");
                        assert!(next <= start + ms((*earliest).max(now)), "step {step}");
                    } else {
                        assert_eq!(wheel.next(), None);
                    }
                    now += random(reach.min(400_000));
                    wheel.advance(start + ms(now));
                    let due: Vec<u32> =
                        model.iter().filter(|(_, at)| **at <= now).map(|(key, _)| *key).collect();
                    model.retain(|_, at| *at > now);
                    assert_eq!(drain(&mut wheel), due, "step {step}");
                }
            }
        }
    }
}
