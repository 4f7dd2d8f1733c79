//! The model stream of a participant: what all its sources say of one stretch of time, in one packet.

use std::time::{Duration, Instant};

use sotto_core::signal::{GateState, ModelDemand, ModelTransport, Source};
use sotto_frame::{Entry, Epoch, MediaTime, PacketWriter};

use super::{
    ModelPublish,
    strand::{Payload, Strand},
};
use crate::{
    client::{nack::Kept, rtp, sdp},
    media::synthetic::wall_micros,
};

/// Length of a packet's media until the node says otherwise, in milliseconds.
const PACKET_TIME: u32 = 80;
/// RTP clock units of a millisecond: Opus runs at 48 kHz.
const UNITS_PER_MS: u32 = 48;
/// Between sender reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// A model stream and its clock: milliseconds since 1970, modulo 2^32.
pub struct ModelSource {
    ssrc: u32,
    transport: ModelTransport,
    strands: Vec<Strand>,
    packet_time: u32,
    redundancy: usize,
    next: Pending,
    /// The latest blocks, the newest first.
    sent: Vec<(MediaTime, Vec<Payload>)>,
    seq: u16,
    packets: u32,
    octets: u32,
    kept: Kept,
    next_report: Instant,
}

/// The packet that is being recorded.
#[derive(Clone, Copy, Debug)]
struct Pending {
    time: MediaTime,
    /// In milliseconds.
    length: u32,
    /// When it is whole.
    due: Instant,
}

impl Pending {
    fn begin(now: Instant, length: u32) -> Self {
        Self { time: MediaTime(wall_ms()), length, due: now + millis(length) }
    }

    /// The one that follows it.
    fn after(self, length: u32) -> Self {
        let time = self.time.offset(self.length as i32);
        Self { time, length, due: self.due + millis(length) }
    }
}

impl ModelSource {
    /// A stream whose first packet is whole 80 ms after `now`, on this source where it is RTP.
    pub fn new(
        now: Instant,
        ssrc: u32,
        publish: &ModelPublish,
        transport: ModelTransport,
        seed: u32,
    ) -> Self {
        let sources = [(Source::Microphone, &publish.voice), (Source::Camera, &publish.face)];
        let strands = sources.into_iter().filter_map(|(source, content)| {
            Some(Strand::new(source, content.clone()?, publish.talking, seed))
        });
        Self {
            ssrc,
            transport,
            strands: strands.collect(),
            packet_time: PACKET_TIME,
            redundancy: 0,
            next: Pending::begin(now, PACKET_TIME),
            sent: Vec::new(),
            seq: (ssrc >> 4) as u16,
            packets: 0,
            octets: 0,
            kept: Kept::new(None),
            next_report: now,
        }
    }

    /// Its RTP source.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// What it sends.
    pub fn strands(&self) -> &[Strand] {
        &self.strands
    }

    /// What it sends of one source.
    pub fn strand(&mut self, source: Source) -> Option<&mut Strand> {
        self.strands.iter_mut().find(|strand| strand.source() == source)
    }

    /// Packets sent so far.
    pub const fn packets(&self) -> u32 {
        self.packets
    }

    /// The gate of a source found something else.
    pub fn set_gate(&mut self, source: Source, gate: GateState) {
        self.strand(source).into_iter().for_each(|strand| strand.set_gate(gate));
    }

    /// Makes the next epoch of a source's model.
    pub fn refine(&mut self, source: Source) {
        self.strand(source).into_iter().for_each(Strand::refine);
    }

    /// The sources of which a recording has a new model, so long after the beginning.
    pub fn learn(&mut self, since: Duration) -> Vec<Source> {
        let learned = self.strands.iter_mut().filter_map(|strand| {
            let is_new = strand.learn(since);
            is_new.then_some(strand.source())
        });
        learned.collect()
    }

    /// What recorded gates have found since this was asked for.
    pub fn poll_gates(&mut self) -> Vec<(Source, GateState)> {
        let gates = self.strands.iter_mut().map(|strand| (strand.source(), strand.poll_gate()));
        gates.filter_map(|(source, gate)| Some((source, gate?))).collect()
    }

    /// Does what the node asks for.
    pub fn obey(&mut self, demand: &ModelDemand) {
        if !self.strands.iter().any(Strand::is_recorded) {
            self.packet_time = u32::from(demand.packet_time).clamp(20, 120);
        }
        self.redundancy = usize::from(demand.redundancy);
        for strand in &mut self.strands {
            let asked = demand.sources.iter().find(|asked| asked.source == strand.source());
            let asked = asked.filter(|asked| asked.active);
            strand.want(asked.map(|asked| Epoch(asked.epoch)));
        }
    }

    /// Begins anew at `now`: nothing can be sent before the connection is up.
    pub fn start(&mut self, now: Instant) {
        self.next = Pending::begin(now, self.packet_time);
    }

    /// When [`Self::emit`] has something to send.
    pub const fn due(&self) -> Instant {
        self.next.due
    }

    /// Writes what is due: RTP packets, or bare model packets where they travel as messages.
    pub fn emit(&mut self, now: Instant, sender: u32, out: &mut Vec<Vec<u8>>) {
        while self.due() <= now {
            let time = self.next.time;
            self.next = self.next.after(self.packet_time);
            let payloads: Vec<_> =
                self.strands.iter_mut().filter_map(|strand| strand.take(sender)).collect();
            if payloads.is_empty() {
                self.sent.clear();
                continue;
            }
            self.sent.insert(0, (time, payloads));
            self.sent.truncate(1 + self.redundancy);
            self.packet(out);
        }
    }

    /// The sender report that is due.
    pub fn report(&mut self, now: Instant) -> Option<Vec<u8>> {
        if now < self.next_report || self.packets == 0 || self.transport == ModelTransport::Data {
            return None;
        }
        self.next_report = now + REPORT_INTERVAL;
        let Pending { time, length, due } = self.next;
        let left = due.saturating_duration_since(now).as_micros() as u32 * UNITS_PER_MS / 1_000;
        let end = time.offset(length as i32).0.wrapping_mul(UNITS_PER_MS);
        let rtp = end.wrapping_sub(left);
        Some(rtp::write_sender_report(self.ssrc, rtp::ntp(now), rtp, self.packets, self.octets))
    }

    /// The packets that the node asks for again, as far as they are still there.
    pub fn repeat(&mut self, missing: &[u16]) -> Vec<Vec<u8>> {
        missing.iter().filter_map(|seq| self.kept.answer(*seq)).collect()
    }

    /// Writes the blocks that are kept, the newest first.
    fn packet(&mut self, out: &mut Vec<Vec<u8>>) {
        let time = self.sent[0].0;
        let mut packet = Vec::with_capacity(256);
        if self.transport == ModelTransport::Rtp {
            let header = rtp::Outgoing {
                payload_type: sdp::OPUS,
                marker: false,
                seq: self.seq,
                timestamp: time.0.wrapping_mul(UNITS_PER_MS),
                ssrc: self.ssrc,
                mid: sdp::MODELS_SEND,
                level: None,
            };
            header.write(&mut packet);
        }
        let mut writer = PacketWriter::begin(&mut packet, time, false);
        for (age, (time, payloads)) in self.sent.iter().enumerate() {
            for (i, payload) in payloads.iter().enumerate() {
                let entry = entry(payload);
                let begins = age > 0 && i == 0;
                let written =
                    if begins { writer.older(*time, &entry) } else { writer.entry(&entry) };
                written.expect("payloads of a test fit a packet");
            }
        }
        let len = writer.finish().expect("a block has a payload");
        if self.transport == ModelTransport::Rtp {
            self.kept.push(self.seq, &packet);
            self.seq = self.seq.wrapping_add(1);
        }
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(len as u32);
        out.push(packet);
    }
}

fn entry(payload: &Payload) -> Entry<'_> {
    let Payload { plugin, epoch, activity, bytes } = payload;
    Entry { plugin: *plugin, epoch: *epoch, activity: *activity, payload: bytes }
}

/// Milliseconds since 1970, modulo 2^32.
pub(super) fn wall_ms() -> u32 {
    (wall_micros() / 1_000) as u32
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

#[cfg(test)]
mod tests {
    use sotto_core::signal::SourceDemand;
    use sotto_frame::ModelPacket;

    use super::*;
    use crate::client::models::{Stamp, strand::BAR};

    fn source(transport: ModelTransport) -> (Instant, ModelSource) {
        let now = Instant::now();
        (now, ModelSource::new(now, 9, &ModelPublish::TALKING, transport, 1))
    }

    fn demand(active: bool, packet_time: u8, redundancy: u8) -> ModelDemand {
        let of = |source| SourceDemand { source, active, epoch: 1 };
        let sources = [Source::Microphone, Source::Camera].map(of).into();
        ModelDemand { sources, packet_time, redundancy }
    }

    /// Media time and numbers of the pictures of each packet, block by block.
    fn read(packets: &[Vec<u8>]) -> Vec<Vec<(u32, u32)>> {
        let blocks = |packet: &Vec<u8>| {
            let packet = ModelPacket::parse(packet).unwrap();
            let read = packet.blocks().map(|block| {
                let faces = block.entries().filter(|entry| entry.plugin == BAR);
                let stamps = faces.filter_map(|entry| Stamp::read(BAR, entry.payload));
                (block.time.0, stamps.last().unwrap().counter)
            });
            read.collect()
        };
        packets.iter().map(blocks).collect()
    }

    #[test]
    fn nothing_is_sent_until_it_is_asked_for_and_then_a_packet_each_80_ms() {
        let (start, mut source) = source(ModelTransport::Data);
        let mut packets = Vec::new();
        source.emit(start + millis(500), 5, &mut packets);
        assert!(packets.is_empty());
        source.obey(&demand(true, 80, 0));
        source.emit(start + millis(800), 5, &mut packets);
        let read = read(&packets);
        assert_eq!(read.iter().map(|blocks| blocks[0].1).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert!(read.windows(2).all(|pair| pair[1][0].0.wrapping_sub(pair[0][0].0) == 80));
        source.obey(&demand(false, 80, 0));
        source.emit(start + millis(2_000), 5, &mut packets);
        assert_eq!(packets.len(), 4);
    }

    #[test]
    fn each_packet_repeats_the_block_before_it_where_that_is_asked_for() {
        let (start, mut source) = source(ModelTransport::Data);
        source.obey(&demand(true, 40, 1));
        let mut packets = Vec::new();
        source.emit(start + millis(200), 5, &mut packets);
        let read = read(&packets);
        assert_eq!(read[0].len(), 1);
        assert!(read[1..].iter().all(|blocks| blocks.len() == 2));
        assert_eq!((read[1][0].1, read[1][1].1), (1, 0));
        assert_eq!(read[2][0].0.wrapping_sub(read[2][1].0), 40);
    }

    #[test]
    fn as_rtp_a_packet_keeps_the_clock_and_comes_again_as_it_was() {
        let (start, mut source) = source(ModelTransport::Rtp);
        source.obey(&demand(true, 80, 0));
        let mut packets = Vec::new();
        source.emit(start + millis(160), 5, &mut packets);
        let headers: Vec<_> =
            packets.iter().map(|packet| rtp::Header::parse(packet).unwrap()).collect();
        assert_eq!(headers[1].timestamp.wrapping_sub(headers[0].timestamp), 80 * 48);
        let packet = ModelPacket::parse(&packets[1][headers[1].payload.0..]).unwrap();
        let time = packet.blocks().next().unwrap().time;
        assert_eq!(headers[1].timestamp, time.0.wrapping_mul(48));
        assert_eq!(source.repeat(&[headers[0].seq, 12_345]), packets[..1]);
        let report = source.report(start + millis(160)).unwrap();
        let [rtp::Feedback::SenderReport { rtp, .. }] = rtp::feedback(&report)[..] else {
            panic!("one sender report");
        };
        assert_eq!(rtp, headers[1].timestamp.wrapping_add(80 * 48), "its 80 ms have just passed");
    }
}
