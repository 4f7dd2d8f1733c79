//! Which shard takes a new peer.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::atomic::{AtomicU64, Ordering},
};

use sotto_core::id::PeerId;

use super::{
    Command,
    handle::{ShardHandle, Undelivered},
};

/// Bits of a [`PeerId`] that name its shard; the others count.
const SHARD_BITS: u32 = 8;

/// Most shards of one node.
pub const MAX_SHARDS: usize = 1 << SHARD_BITS;

/// Peers by which a shard may be ahead of the mean, and still be given more of its own rooms: small
/// rooms stay whole.
const SLACK: u64 = 16;

/// The shards of a node, and the choice among them.
///
/// Every room has an order of preference over all shards, the same each time, in which those with
/// much more than their share of the load are passed over. So a room stays together as long as its
/// shard can carry it, without a list of rooms.
#[derive(Debug)]
pub struct Placement {
    shards: Vec<ShardHandle>,
    next: AtomicU64,
}

/// No shards, or more than [`MAX_SHARDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a node has 1 to {MAX_SHARDS} shards, not {0}")]
pub struct ShardCount(usize);

impl Placement {
    /// Over these shards.
    ///
    /// # Errors
    /// Too many or none.
    pub fn new(shards: Vec<ShardHandle>) -> Result<Self, ShardCount> {
        if shards.is_empty() || shards.len() > MAX_SHARDS {
            return Err(ShardCount(shards.len()));
        }
        Ok(Self { shards, next: AtomicU64::new(0) })
    }

    /// Chooses the shard of a new peer and gives it the id that names both.
    pub fn place(&self, room: &str) -> PeerId {
        let loads: Vec<u32> = self.shards.iter().map(ShardHandle::peers).collect();
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        PeerId(count << SHARD_BITS | choose(&loads, room) as u64)
    }

    /// Queues a command for the shard of `peer`.
    ///
    /// # Errors
    /// As [`ShardHandle::try_send`]; an id of no shard of ours counts as stopped.
    pub fn try_send(&self, peer: PeerId, command: Command) -> Result<(), Undelivered> {
        let shard = (peer.0 % MAX_SHARDS as u64) as usize;
        self.shards.get(shard).ok_or(Undelivered::Stopped)?.try_send(command)
    }

    /// Every shard.
    pub fn shards(&self) -> &[ShardHandle] {
        &self.shards
    }
}

/// The shard that a peer of `room` goes to.
fn choose(loads: &[u32], room: &str) -> usize {
    let total: u64 = loads.iter().map(|load| u64::from(*load)).sum();
    let shards = loads.len().max(1) as u64;
    // A quarter above the mean.
    let limit = total * 5 / (shards * 4) + SLACK;
    // Every bit of the hash must count here, which a faster one does not promise.
    let weight = |shard: usize| {
        let mut hasher = DefaultHasher::new();
        (room, shard).hash(&mut hasher);
        hasher.finish()
    };
    let within = (0..loads.len()).filter(|shard| u64::from(loads[*shard]) <= limit);
    within.max_by_key(|shard| weight(*shard)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_stays_together_while_its_shard_can_carry_it() {
        let mut loads = [0_u32; 8];
        let home = choose(&loads, "room");
        for _ in 0..SLACK {
            let shard = choose(&loads, "room");
            assert_eq!(shard, home);
            loads[shard] += 1;
        }
    }

    #[test]
    fn many_rooms_share_the_shards_about_evenly() {
        let mut loads = [0_u32; 4];
        for room in 0..500 {
            for _ in 0..8 {
                loads[choose(&loads, &format!("room-{room}"))] += 1;
            }
        }
        assert!(loads.iter().all(|load| (800..=1_300).contains(load)), "{loads:?}");
    }

    #[test]
    fn a_room_larger_than_a_shard_spreads_over_several() {
        let mut loads = [0_u32; 4];
        for _ in 0..4_000 {
            loads[choose(&loads, "stadium")] += 1;
        }
        let limit = 1_000 * 5 / 4 + SLACK as u32 + 1;
        assert!(loads.iter().all(|load| *load <= limit), "{loads:?}");
        assert!(loads.iter().filter(|load| **load > 1_000).count() == 3, "{loads:?}");
    }

    #[test]
    fn one_shard_takes_everybody() {
        assert_eq!(choose(&[1_000_000], "room"), 0);
    }
}
