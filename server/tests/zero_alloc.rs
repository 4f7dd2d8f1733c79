//! Forwarding allocates nothing: counted on the shard's thread, through its real turn, with real
//! sockets and real AES-GCM.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(unsafe_code, reason = "an allocator that counts is an allocator")]

#[path = "shard/call.rs"]
mod call;
#[path = "shard/learning.rs"]
mod learning;
#[path = "shard/support.rs"]
mod support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use call::Call;
use sotto_core::{
    bandwidth::TransportFeedbackBuilder,
    id::{ExtensionId, SeqNo, Ssrc},
    output::Worth,
    signal::{ClientMessage, LearningState, ModelTransport, Source},
    time::Time,
};
use sotto_server::shard::{MediaTap, PeerEvent, socket::Batching};
use support::{MIC, OPUS, Offering, Rig, TRANSPORT_ID, packet, vp8_packet};
use tokio::sync::mpsc::Receiver;

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
/// Turns in which allocations are counted.
const TURNS: usize = 256;
/// Packets from one keyframe of [`vp8_packet`] to the next.
const KEYFRAME_EACH: u16 = 256;

/// Longer than any packet is kept.
const HISTORY: Duration = Duration::from_millis(2_500);

#[test]
fn the_allocator_counts() {
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(ALLOCATIONS.get(), before + 1);
}

/// Takes all that was said on websockets, and tells whether there was anything: that is made anew, and
/// is no part of forwarding.
fn was_said<'a>(everyone: impl Iterator<Item = &'a mut Receiver<PeerEvent>>) -> bool {
    let all = everyone.map(|events| std::iter::from_fn(|| events.try_recv().ok()).count());
    all.sum::<usize>() > 0
}

/// Counts what a learner would have.
struct CountingTap(Arc<AtomicU64>);

impl MediaTap for CountingTap {
    fn packet(&mut self, _: &[u8]) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn set_worth(&mut self, _: Worth) {}
}

#[test]
fn forwarding_one_to_fifty_allocates_nothing_in_the_steady_state_learned_or_not() {
    for (batching, learned) in [(Batching::Messages, false), (Batching::Segments, true)] {
        let tapped = Arc::new(AtomicU64::new(0));
        let count = tapped.clone();
        let begin = move |_, _, _| -> Box<dyn MediaTap> { Box::new(CountingTap(count.clone())) };
        let mut rig = Rig::learning(batching, Box::new(begin));
        let mut publisher = rig.client_offering(Offering::default(), "room", 0, 1);
        let mut subscribers: Vec<_> = (0..SUBSCRIBERS)
            .map(|_| rig.client_offering(Offering::default(), "room", 0, 1))
            .collect();
        publisher.publish(&mut rig, "cam", Source::Camera);
        if learned {
            let source = Source::Camera;
            publisher
                .say(&mut rig, ClientMessage::Consent { source, granted: true, generic: None });
            let state = LearningState::Node;
            publisher.say(&mut rig, ClientMessage::Learning { source, state });
        }
        let sender = publisher.peer;
        let mut seq = 0_u16;
        // Whether there is a keyframe in it, and allocations.
        let mut turn = |rig: &mut Rig| {
            let has_keyframe = seq.is_multiple_of(KEYFRAME_EACH);
            for _ in 0..PACKETS_PER_TURN {
                publisher.send_rtp(&vp8_packet(seq, 1_160));
                seq = seq.wrapping_add(1);
            }
            let before = ALLOCATIONS.get();
            rig.turn();
            let allocations = ALLOCATIONS.get() - before;
            let everyone = subscribers.iter_mut().map(|subscriber| &mut subscriber.events);
            let said = was_said(everyone.chain([&mut publisher.events]));
            (has_keyframe, if said { 0 } else { allocations })
        };
        // Queues, caches and histories reach their size: keyframes go by, a report, and the time for
        // which packets are kept; then, in a pause, all that was kept is let go at once.
        let start = Instant::now();
        let mut reported = false;
        while !reported || start.elapsed() < HISTORY {
            turn(&mut rig);
            let peers = rig.stats().peers;
            reported = peers.iter().any(|(peer, out)| *peer == sender && out.packets_out > 0);
        }
        let pause = Instant::now() + HISTORY;
        while let Some(rest) = pause.checked_duration_since(Instant::now()) {
            assert!(rig.worker.turn(Some(rest)).unwrap().is_continue());
        }
        for _ in 0..96 {
            turn(&mut rig);
        }
        let before = rig.stats().counters;
        // With keyframes, and with what the cache takes and gives back.
        let turns: Vec<_> = (0..TURNS).map(|_| turn(&mut rig)).collect();
        let after = rig.stats().counters;
        let forwarded = after.forwarded - before.forwarded;
        assert_eq!(forwarded, (TURNS * PACKETS_PER_TURN as usize * SUBSCRIBERS) as u64);
        let sent = if learned { u64::from(seq) } else { 0 };
        assert_eq!(tapped.load(Ordering::Relaxed), sent, "packets for a learner");
        // Every second it is decided anew what each of them gets, which is no part of forwarding: that
        // meets some turns, how many is the machine's. What forwarding takes, turns would take.
        for with_keyframe in [true, false] {
            let kind = turns.iter().filter(|(has_keyframe, _)| *has_keyframe == with_keyframe);
            let clean = kind.clone().filter(|(_, allocations)| *allocations == 0).count();
            assert!(
                2 * clean > kind.count(),
                "allocations while forwarding: {turns:?} ({batching:?})"
            );
        }
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

const WATCHERS: u64 = 8;

/// Time between two packets: the publisher keeps to what every way is taken to carry from the start.
const TURN: Duration = Duration::from_millis(5);

/// By when what remembers the last seconds has its size: the smallest round trip of ten seconds is
/// what takes longest.
const WARM_UP: Duration = Duration::from_secs(12);

#[test]
fn numbers_pacing_and_feedback_allocate_nothing_in_the_steady_state() {
    let mut rig = Rig::new(Batching::Segments);
    let mut publisher =
        rig.client_offering(Offering { feedback: true, repair: true }, "room", 1, 1);
    let mut watchers: Vec<_> = (0..WATCHERS)
        .map(|_| {
            let watcher =
                rig.client_offering(Offering { feedback: true, repair: true }, "room", 1, 1);
            watcher.socket.set_nonblocking(true).unwrap();
            (watcher, TransportFeedbackBuilder::new(Ssrc(9)))
        })
        .collect();
    publisher.socket.set_nonblocking(true).unwrap();
    publisher.publish(&mut rig, "mic", Source::Microphone);
    let start = Instant::now();
    let mut seq = 0_u16;
    let mut turn = |rig: &mut Rig| {
        let number = seq.to_be_bytes();
        // Sound goes on whatever a busy machine does to the estimates.
        let extensions: [(_, &[u8]); 2] = [(ExtensionId(1), &[0x80 | 20]), (TRANSPORT_ID, &number)];
        let packet = packet(MIC, OPUS, seq, u32::from(seq) * 960, &extensions, &[7; 60]);
        publisher.send_rtp(&packet);
        seq = seq.wrapping_add(1);
        let before = ALLOCATIONS.get();
        let next = Instant::now() + TURN;
        while let Some(rest) = next.checked_duration_since(Instant::now()) {
            assert!(rig.worker.turn(Some(rest)).unwrap().is_continue());
        }
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
        let everyone = watchers.iter_mut().map(|(watcher, _)| &mut watcher.events);
        if was_said(everyone.chain([&mut publisher.events])) { 0 } else { allocations }
    };
    while start.elapsed() < WARM_UP {
        turn(&mut rig);
    }
    let before = rig.stats().counters;
    let turns: Vec<u64> = (0..400).map(|_| turn(&mut rig)).collect();
    let after = rig.stats().counters;
    assert!(after.feedback_in > before.feedback_in && after.feedback_out > before.feedback_out);
    let forwarded = after.forwarded - before.forwarded;
    assert_eq!(forwarded, 400 * WATCHERS, "{after:?}");
    check_rare(&turns);
}

/// That next to no turn allocates: forwarding, feedback and bundles are in one of sixteen at least; what
/// is decided anew now and then, because the machine was slow, is not.
fn check_rare(turns: &[u64]) {
    let dirty = turns.iter().filter(|&&allocations| allocations > 0).count();
    assert!(
        100 * dirty <= turns.len(),
        "allocations in {dirty} of {} turns: {turns:?}",
        turns.len()
    );
}

/// A model stream has a packet each 80 ms.
const TURNS_PER_FRAME: u32 = 16;

#[test]
fn bundles_allocate_nothing_in_the_steady_state() {
    let mut call = Call::new(ModelTransport::Rtp);
    let mut feedback = TransportFeedbackBuilder::new(Ssrc(9));
    let start = Instant::now();
    let (mut turns, mut bundles) = (0, 0);
    let mut turn = |call: &mut Call| {
        if turns % TURNS_PER_FRAME == 0 {
            call.send_frame();
        }
        turns += 1;
        let before = ALLOCATIONS.get();
        let next = Instant::now() + TURN;
        while let Some(rest) = next.checked_duration_since(Instant::now()) {
            assert!(call.rig.worker.turn(Some(rest)).unwrap().is_continue());
        }
        let allocations = ALLOCATIONS.get() - before;
        let now = Time::from_micros(start.elapsed().as_micros() as u64);
        let mut buffer = [0; 2_000];
        while let Ok(len) = call.listener.socket.recv(&mut buffer) {
            if buffer[8..12] == call.bundles.0.to_be_bytes() {
                bundles += 1;
            }
            if !(192..224).contains(&buffer[1]) {
                let number = u16::from_be_bytes([buffer[17], buffer[18]]);
                feedback.received(now, SeqNo(number), Ssrc(1), len + 28);
            }
        }
        let mut message = Vec::new();
        while feedback.poll(now, &mut message) {
            call.listener.send_rtcp(&std::mem::take(&mut message));
        }
        while call.speaker.socket.recv(&mut [0; 2_000]).is_ok() {}
        while call.speaker.events.try_recv().is_ok() {}
        // What is said on a websocket is made anew, and is no part of it.
        if call.switch() { (0, bundles) } else { (allocations, bundles) }
    };
    while start.elapsed() < WARM_UP {
        turn(&mut call);
    }
    let (_, before) = turn(&mut call);
    let turns: Vec<u64> = (0..800).map(|_| turn(&mut call).0).collect();
    let (_, after) = turn(&mut call);
    assert!(after - before > 30, "{} bundles", after - before);
    check_rare(&turns);
}
