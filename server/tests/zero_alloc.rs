//! Forwarding allocates nothing: counted on the shard's thread, through its real turn, with real
//! sockets and real AES-GCM.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(unsafe_code, reason = "an allocator that counts is an allocator")]

#[path = "shard/support.rs"]
mod support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    time::{Duration, Instant},
};

use sotto_core::{
    bandwidth::TransportFeedbackBuilder,
    id::{SeqNo, Ssrc},
    signal::Source,
    time::Time,
};
use sotto_server::shard::socket::Batching;
use support::{Offering, Rig, TRANSPORT_ID, vp8_packet, vp8_packet_with};

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

/// A turn lasts as long as it takes until something is to be done, at most this: the publisher keeps
/// to what every way is taken to carry from the start.
const TURN: Duration = Duration::from_millis(5);

/// By when what remembers the last seconds has its size: the smallest round trip of ten seconds is
/// what takes longest.
const WARM_UP: Duration = Duration::from_secs(12);

#[test]
fn numbers_pacing_and_feedback_allocate_nothing_in_the_steady_state() {
    let mut rig = Rig::new(Batching::Segments);
    let mut publisher = rig.client_offering(Offering::Browser, "room", 1, 1);
    let mut watchers: Vec<_> = (0..8)
        .map(|_| {
            let watcher = rig.client_offering(Offering::Browser, "room", 1, 1);
            watcher.socket.set_nonblocking(true).unwrap();
            (watcher, TransportFeedbackBuilder::new(Ssrc(9)))
        })
        .collect();
    publisher.socket.set_nonblocking(true).unwrap();
    publisher.publish(&mut rig, "cam", Source::Camera);
    let start = Instant::now();
    let mut seq = 0_u16;
    let mut turn = |rig: &mut Rig| {
        let number = seq.to_be_bytes();
        // Never a keyframe after the first, so that the cache does not grow while we count.
        let picture = if seq == 0 { 0 } else { 1 + seq % 200 };
        let mut packet = vp8_packet_with(&[(TRANSPORT_ID, &number)], picture, 60);
        packet[2..4].copy_from_slice(&number);
        packet[4..8].copy_from_slice(&(u32::from(seq) * 450).to_be_bytes());
        publisher.send_rtp(&packet);
        seq = seq.wrapping_add(1);
        let before = ALLOCATIONS.get();
        assert!(rig.worker.turn(Some(TURN)).unwrap().is_continue());
        let allocations = ALLOCATIONS.get() - before;
        let now = Time::from_micros(start.elapsed().as_micros() as u64);
        for (watcher, feedback) in &mut watchers {
            let mut buffer = [0; 2_000];
            while let Ok(len) = watcher.socket.recv(&mut buffer) {
                if !(192..224).contains(&buffer[1]) {
                    let block = 12 + 4 * usize::from(buffer[0] & 0x0f);
                    let number = u16::from_be_bytes([buffer[block + 5], buffer[block + 6]]);
                    feedback.received(now, SeqNo(number), Ssrc(1), len + 28);
                }
            }
            let mut message = Vec::new();
            while feedback.poll(now, &mut message) {
                watcher.send_rtcp(&std::mem::take(&mut message));
            }
        }
        while publisher.socket.recv(&mut [0; 2_000]).is_ok() {}
        allocations
    };
    while start.elapsed() < WARM_UP {
        turn(&mut rig);
    }
    let before = rig.stats().counters;
    let allocations: u64 = (0..400).map(|_| turn(&mut rig)).sum();
    let after = rig.stats().counters;
    assert!(after.feedback_in > before.feedback_in && after.feedback_out > before.feedback_out);
    let forwarded = after.forwarded - before.forwarded;
    assert!(forwarded > 400, "{after:?}");
    assert_eq!(allocations, 0, "allocations for {forwarded} forwarded packets");
}
