//! Flows over a link, step by step.

use sotto_core::bandwidth::PacketClass;

use super::{
    flow::Flow,
    link::{Link, Packet},
    profile::Profile,
    tcp::Tcp,
};

/// Length of a step in microseconds.
const STEP_US: u64 = 1_000;
/// A sample is taken every so often, in microseconds.
const SAMPLE_US: u64 = 100_000;

/// Seconds of a TCP flow that do not count: slow start says nothing of a share.
pub(super) const TCP_START_S: u32 = 5;

/// What happened in 100 ms to one flow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// End of the interval in seconds.
    pub at_s: f64,
    /// Bits per second that the link carries.
    pub capacity: u64,
    /// Bits per second that the sender estimates.
    pub estimate: u64,
    /// Bits per second that left, padding included.
    pub sent: u64,
    /// Bits per second that came to the far end, padding left out.
    pub media: u64,
    /// Bits per second that came to the far end.
    pub arrived: u64,
}

/// What was measured.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Every 100 ms, for each flow.
    pub samples: Vec<Vec<Sample>>,
    /// Milliseconds that each packet of our flows which arrived has waited at the bottleneck.
    pub link_ms: Vec<f64>,
    /// The same with the wait for its turn in the sender.
    pub all_ms: Vec<f64>,
    /// Packets of our flows that were sent, and those of them that were lost.
    pub packets: (u64, u64),
    /// Bytes that a competing TCP flow brought to the far end, and ours meanwhile.
    pub beside_tcp: (u64, u64),
    /// Bytes of pictures that the senders gave up for having waited too long.
    pub given_up_bytes: u64,
}

/// Runs `flows` connections over the link of `profile`, the second one 10 s after the first.
pub fn run(profile: &Profile, flows: usize, seed: u64) -> Run {
    let mut ours: Vec<_> =
        (0..flows).map(|n| Flow::new(profile.cameras, seed * 1_000 + n as u64)).collect();
    let mut link = Link::new(profile, seed);
    let mut tcp = None;
    let mut measured = Run { samples: vec![Vec::new(); flows], ..Run::default() };
    let mut sums = vec![Sample::default(); flows];
    // What is known of packets under way, by flow and number.
    let mut under_way: Vec<Vec<(PacketClass, u64)>> = vec![Vec::new(); flows];
    let mut leaving = Vec::new();
    let mut acknowledgements = std::collections::VecDeque::new();
    let back_us = u64::from(profile.delay_ms) * 1_000;
    let end_us = u64::from(profile.seconds) * 1_000_000;
    for now_us in (0..end_us).step_by(STEP_US as usize) {
        for (index, flow) in ours.iter_mut().enumerate() {
            if now_us < index as u64 * 10_000_000 {
                continue;
            }
            leaving.clear();
            flow.step(now_us, &mut leaving);
            for packet in &leaving {
                sums[index].sent += u64::from(packet.bytes);
                measured.packets.0 += 1;
                under_way[index].push((packet.class, packet.waited_us));
                link.push(Packet {
                    flow: index,
                    number: packet.number,
                    bytes: packet.bytes,
                    at_us: now_us,
                });
            }
        }
        if let Some((from, to)) = profile.tcp
            && (u64::from(from)..u64::from(to)).contains(&(now_us / 1_000_000))
        {
            let tcp = tcp.get_or_insert_with(|| Tcp::new(now_us));
            while acknowledgements.front().is_some_and(|(at_us, _)| *at_us <= now_us) {
                if let Some((at_us, number)) = acknowledgements.pop_front() {
                    tcp.acknowledged(at_us, number);
                }
            }
            while let Some((number, bytes)) = tcp.poll(now_us) {
                link.push(Packet { flow: flows, number, bytes, at_us: now_us });
            }
        }
        link.advance(now_us + STEP_US);
        for lost in link.dropped.drain(..) {
            measured.packets.1 += u64::from(lost.flow < flows);
        }
        while let Some(&delivery) = link.delivered.front()
            && delivery.arrival_us <= now_us + STEP_US
        {
            link.delivered.pop_front();
            let packet = delivery.packet;
            let bytes = u64::from(packet.bytes);
            let competes = profile.tcp.is_some_and(|(from, to)| {
                (u64::from(from + TCP_START_S)..u64::from(to)).contains(&(now_us / 1_000_000))
            });
            if packet.flow == flows {
                acknowledgements.push_back((delivery.arrival_us + back_us, packet.number));
                measured.beside_tcp.0 += if competes { bytes } else { 0 };
                continue;
            }
            measured.beside_tcp.1 += if competes { bytes } else { 0 };
            let (class, waited_us) = under_way[packet.flow][packet.number as usize];
            ours[packet.flow].arrived(delivery.arrival_us, packet.number, packet.bytes);
            sums[packet.flow].arrived += bytes;
            sums[packet.flow].media += if class == PacketClass::Padding { 0 } else { bytes };
            measured.link_ms.push(delivery.queued_us as f64 / 1e3);
            if class != PacketClass::Padding {
                measured.all_ms.push((delivery.queued_us + waited_us) as f64 / 1e3);
            }
        }
        for flow in &mut ours {
            flow.report(now_us + STEP_US, back_us);
        }
        if (now_us + STEP_US).is_multiple_of(SAMPLE_US) {
            for (index, flow) in ours.iter().enumerate() {
                let per_second = |bytes: u64| bytes * 8 * 1_000_000 / SAMPLE_US;
                let sum = std::mem::take(&mut sums[index]);
                measured.samples[index].push(Sample {
                    at_s: (now_us + STEP_US) as f64 / 1e6,
                    capacity: profile.capacity(now_us),
                    estimate: flow.estimate().bitrate,
                    sent: per_second(sum.sent),
                    media: per_second(sum.media),
                    arrived: per_second(sum.arrived),
                });
            }
        }
    }
    measured.given_up_bytes = ours.iter().map(|flow| flow.given_up_bytes).sum();
    measured.link_ms.sort_by(f64::total_cmp);
    measured.all_ms.sort_by(f64::total_cmp);
    measured
}

/// The value below which a share of the sorted values lies.
pub fn share(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share) as usize).copied().unwrap_or(0.0)
}
