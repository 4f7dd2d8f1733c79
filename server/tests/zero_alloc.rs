//! Forwarding allocates nothing: counted on the shard's thread, through its real turn, with real
//! sockets and real AES-GCM.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(unsafe_code, reason = "an allocator that counts is an allocator")]

#[path = "shard/support.rs"]
mod support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use sotto_core::signal::Source;
use sotto_server::shard::socket::Batching;
use support::{Rig, vp8_packet};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, and a count of the allocations of each thread.
struct Counting;

// SAFETY: every call goes to the system's allocator as it came; the count is a thread-local cell that
// needs neither allocation nor destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`; the memory came from the system.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `realloc`; the memory came from the system.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SUBSCRIBERS: usize = 50;
const PACKETS_PER_TURN: u16 = 8;

#[test]
fn the_allocator_counts() {
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(ALLOCATIONS.get(), before + 1);
}

#[test]
fn forwarding_one_to_fifty_allocates_nothing_in_the_steady_state() {
    for batching in [Batching::Messages, Batching::Segments] {
        let mut rig = Rig::new(batching);
        let mut publisher = rig.client("room", 0, 1);
        let mut subscribers: Vec<_> = (0..SUBSCRIBERS).map(|_| rig.client("room", 0, 1)).collect();
        publisher.publish(&mut rig, "cam", Source::Camera);
        let sender = publisher.peer;
        let mut seq = 0_u16;
        let mut turn = |rig: &mut Rig| {
            for _ in 0..PACKETS_PER_TURN {
                publisher.send_rtp(&vp8_packet(seq, 1_160));
                seq = seq.wrapping_add(1);
            }
            let before = ALLOCATIONS.get();
            rig.turn();
            ALLOCATIONS.get() - before
        };
        // Queues, caches and histories reach their size: three keyframes go by, and a report.
        let mut reported = false;
        for warm in 0.. {
            turn(&mut rig);
            if warm >= 96 && reported {
                break;
            }
            let peers = rig.stats().peers;
            reported = peers.iter().any(|(peer, out)| *peer == sender && out.packets_out > 0);
        }
        let before = rig.stats().counters;
        let mut allocations = 0;
        // Two more keyframes, with what the cache takes and gives back.
        for _ in 0..64 {
            allocations += turn(&mut rig);
        }
        let after = rig.stats().counters;
        let forwarded = after.forwarded - before.forwarded;
        assert_eq!(forwarded, 64 * u64::from(PACKETS_PER_TURN) * SUBSCRIBERS as u64);
        assert_eq!(allocations, 0, "allocations for {forwarded} forwarded packets ({batching:?})");
        // What was counted was media: the first packet of everyone can be read.
        for subscriber in &mut subscribers {
            let mut buffer = [0; 2_000];
            let len = subscriber.socket.recv(&mut buffer).unwrap();
            let len = subscriber.opener.open_rtp(&mut buffer[..len]).unwrap();
            assert_eq!(buffer[16 + 4..len], vp8_packet(0, 1_160)[12 + 4..]);
            assert!(!subscriber.events.is_closed());
        }
    }
}
