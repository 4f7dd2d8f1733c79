//! Where decrypted packets live while somebody may still need them.

use sotto_core::{forward::Forward, id::PacketId};

/// Bytes that a packet may have: what an Ethernet frame holds.
pub const PACKET_BYTES: usize = 1_500;

/// A fixed number of packet buffers, counted references to them, and no allocation after the start.
///
/// Memory is taken from the system when a buffer is first written, and buffers are reused last in,
/// first out, so a quiet shard stays small and a busy one stays in the cache.
pub struct Slab {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    /// Buffers that were used before and are free now.
    free: Vec<u32>,
    /// Buffers below this one were used before.
    fresh: u32,
    in_use: u32,
}

#[derive(Clone, Copy)]
struct Slot {
    len: u16,
    /// Not atomic: a slab belongs to one thread.
    references: u32,
}

impl Slab {
    /// Room for `capacity` packets.
    pub fn new(capacity: u32) -> Self {
        Self {
            bytes: vec![0; capacity as usize * PACKET_BYTES],
            slots: vec![Slot { len: 0, references: 0 }; capacity as usize],
            free: Vec::with_capacity(capacity as usize),
            fresh: 0,
            in_use: 0,
        }
    }

    /// Copies a packet in, with one reference. `None` when every buffer is in use or the packet is
    /// longer than [`PACKET_BYTES`]: the newest packet is the one to drop, since those that are held
    /// are on their way to somebody.
    pub fn insert(&mut self, packet: &[u8]) -> Option<PacketId> {
        if packet.len() > PACKET_BYTES {
            return None;
        }
        let index = match self.free.pop() {
            Some(index) => index,
            None if (self.fresh as usize) < self.slots.len() => {
                self.fresh += 1;
                self.fresh - 1
            }
            None => return None,
        };
        self.in_use += 1;
        self.slots[index as usize] = Slot { len: packet.len() as u16, references: 1 };
        let start = index as usize * PACKET_BYTES;
        self.bytes[start..start + packet.len()].copy_from_slice(packet);
        Some(PacketId(index))
    }

    /// The packet, if anybody holds it.
    pub fn get(&self, id: PacketId) -> Option<&[u8]> {
        let slot = self.slots.get(id.0 as usize).filter(|slot| slot.references > 0)?;
        let start = id.0 as usize * PACKET_BYTES;
        self.bytes.get(start..start + usize::from(slot.len))
    }

    /// One more holder. Gives whether there is such a packet.
    pub fn hold(&mut self, id: PacketId) -> bool {
        match self.slots.get_mut(id.0 as usize) {
            Some(slot) if slot.references > 0 => {
                slot.references += 1;
                true
            }
            _ => false,
        }
    }

    /// One holder fewer; the last one frees the buffer. Gives whether there was such a packet.
    pub fn release(&mut self, id: PacketId) -> bool {
        match self.slots.get_mut(id.0 as usize) {
            Some(slot) if slot.references > 0 => {
                slot.references -= 1;
                if slot.references == 0 {
                    self.free.push(id.0);
                    self.in_use -= 1;
                }
                true
            }
            _ => false,
        }
    }

    /// One more holder of every packet that a forward reads.
    #[inline]
    pub fn hold_all(&mut self, forward: &Forward) {
        self.hold(forward.packet);
        if forward.redundancy.is_some() {
            for older in forward.packets().skip(1) {
                self.hold(older);
            }
        }
    }

    /// One holder fewer of every packet that a forward reads.
    #[inline]
    pub fn release_all(&mut self, forward: &Forward) {
        self.release(forward.packet);
        if forward.redundancy.is_some() {
            for older in forward.packets().skip(1) {
                self.release(older);
            }
        }
    }

    /// Whether room runs short: more than three quarters of the buffers are in use.
    pub fn is_crowded(&self) -> bool {
        self.slots.len() - (self.in_use as usize) < self.slots.len() / 4
    }

    /// Packets that are held.
    pub fn in_use(&self) -> u32 {
        self.in_use
    }

    /// Packets that can be held.
    pub fn capacity(&self) -> u32 {
        self.slots.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_stays_until_its_last_holder_releases_it() {
        let mut slab = Slab::new(2);
        let id = slab.insert(b"abc").unwrap();
        assert!(slab.hold(id));
        assert!(slab.release(id));
        assert_eq!(slab.get(id), Some(&b"abc"[..]));
        assert!(slab.release(id));
        assert_eq!(slab.get(id), None);
        assert!(!slab.release(id), "nothing to release twice");
        assert!(!slab.hold(id));
        assert_eq!(slab.in_use(), 0);
    }

    #[test]
    fn a_full_slab_refuses_the_newest() {
        let mut slab = Slab::new(2);
        let first = slab.insert(b"1").unwrap();
        let second = slab.insert(b"2").unwrap();
        assert_ne!(first, second);
        assert_eq!(slab.insert(b"3"), None);
        slab.release(first);
        let third = slab.insert(b"3").unwrap();
        assert_eq!(third, first, "last freed, first reused");
        assert_eq!(slab.get(second), Some(&b"2"[..]));
        assert_eq!((slab.in_use(), slab.capacity()), (2, 2));
    }

    #[test]
    fn a_slab_is_crowded_above_three_quarters() {
        let mut slab = Slab::new(8);
        let ids: Vec<_> = (0..7).filter_map(|_| slab.insert(b"1")).collect();
        assert!(slab.is_crowded());
        slab.release(ids[0]);
        assert!(!slab.is_crowded());
    }

    #[test]
    fn a_packet_longer_than_a_buffer_is_refused() {
        let mut slab = Slab::new(1);
        assert_eq!(slab.insert(&[0; PACKET_BYTES + 1]), None);
        assert!(slab.insert(&[0; PACKET_BYTES]).is_some());
    }

    #[test]
    fn an_id_that_was_never_given_out_is_nobody() {
        let mut slab = Slab::new(1);
        assert_eq!(slab.get(PacketId(7)), None);
        assert!(!slab.hold(PacketId(7)));
        assert!(!slab.release(PacketId(0)));
    }
}
