//! One receive slot: puts packets in order and frames together, and checks what they claim.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use sotto_core::{media::Kind, time::NtpTime};

use super::{
    Listen,
    nack::Wanted,
    red,
    report::SlotReport,
    rtp::{Block, Header},
    sdp,
};
use crate::media::{
    Ear, PictureDecoder,
    synthetic::{Note, wall_micros},
    vp8,
};

/// How long a missing packet is waited for.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long one is waited for that can be asked for again.
const PATIENCE_WITH_NACK: Duration = Duration::from_secs(1);
/// Packets held behind a missing one. When there are more, the missing one is given up.
const HELD: usize = 512;
/// A pause between two frames that a person would call a freeze.
const FREEZE: Duration = Duration::from_millis(500);
/// Between two keyframe requests.
const REQUEST_INTERVAL: Duration = Duration::from_millis(300);
/// Where in a payload a synthetic note can begin: behind descriptor and frame header.
const NOTE_WITHIN: usize = 64;

/// What the checks need to know of the world.
pub struct Scene<'a> {
    /// Now.
    pub now: Instant,
    /// Time since the websocket was opened.
    pub at: Duration,
    /// Whether this short id is someone else in the room, as far as we were told.
    pub known: &'a dyn Fn(u32) -> bool,
}

/// What happened that others may want to know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing new.
    Nothing,
    /// Another person, or the first frame of one.
    News,
}

/// One slot.
pub struct Slot {
    kind: Kind,
    listen: Listen,
    next: Option<u64>,
    held: BTreeMap<u64, (Instant, Header, Bytes)>,
    newest: u64,
    /// What is missing; nothing is asked for where the node did not accept NACK.
    wanted: Wanted,
    nack: bool,
    assembler: vp8::Assembler,
    /// Until a keyframe comes, frames refer to something that is missing.
    broken: bool,
    wants_keyframe: bool,
    asked: Option<Instant>,
    last_picture_id: Option<u16>,
    last_timestamp: Option<u32>,
    ear: Option<Ear>,
    decoder: Option<PictureDecoder>,
    /// Whom each frame in the decoder shows, by number.
    in_decoder: BTreeMap<u64, u32>,
    pushed: u64,
    sender_report: Option<(NtpTime, u32, Instant)>,
}

impl Slot {
    /// An empty slot.
    pub fn new(kind: Kind, listen: Listen) -> Self {
        Self {
            kind,
            listen,
            next: None,
            held: BTreeMap::new(),
            newest: 0,
            wanted: Wanted::default(),
            nack: false,
            assembler: vp8::Assembler::new(),
            broken: true,
            wants_keyframe: false,
            asked: None,
            last_picture_id: None,
            last_timestamp: None,
            ear: None,
            decoder: None,
            in_decoder: BTreeMap::new(),
            pushed: 0,
            sender_report: None,
        }
    }

    /// Takes a packet as it came from the network.
    pub fn packet(
        &mut self,
        scene: &Scene<'_>,
        header: Header,
        packet: BytesMut,
        report: &mut SlotReport,
    ) -> Seen {
        let seq = self.extend(header.seq);
        let next = *self.next.get_or_insert(seq);
        if seq < next || self.held.contains_key(&seq) {
            report.late += 1;
            return Seen::Nothing;
        }
        if seq > self.newest {
            let from = if self.newest == 0 { seq } else { self.newest + 1 };
            self.wanted.miss(scene.now, from..seq);
            self.newest = seq;
        } else {
            report.repaired += u64::from(self.wanted.came(seq));
        }
        let payload = packet.freeze().slice(header.payload.0..header.payload.1);
        if self.kind == Kind::Audio && header.payload_type == sdp::RED {
            self.redundant(scene, header, seq, &payload, report);
        } else {
            self.held.insert(seq, (scene.now, header, payload));
        }
        self.release(scene, report)
    }

    /// What the node accepted against loss.
    pub const fn negotiated(&mut self, nack: bool) {
        self.nack = nack;
    }

    /// The packets of this slot that are to be asked for now.
    pub fn poll_missing(&mut self, now: Instant) -> Vec<u16> {
        if self.nack { self.wanted.poll(now) } else { Vec::new() }
    }

    /// A packet of redundant audio: itself, and those before it that are missing.
    fn redundant(
        &mut self,
        scene: &Scene<'_>,
        header: Header,
        seq: u64,
        payload: &Bytes,
        report: &mut SlotReport,
    ) {
        let Some(blocks) = red::blocks(payload) else {
            report.malformed += 1;
            return;
        };
        let first = self.next.unwrap_or(seq);
        for (block, back) in blocks.iter().rev().zip(0..) {
            let Some(number) = seq.checked_sub(back).filter(|number| *number >= first) else {
                continue;
            };
            if block.payload_type != sdp::OPUS || block.payload.is_empty() {
                report.malformed += 1;
            } else if !self.held.contains_key(&number) {
                let header = Header {
                    seq: number as u16,
                    timestamp: header.timestamp.wrapping_sub(block.behind),
                    payload_type: sdp::OPUS,
                    ..header
                };
                if back > 0 {
                    report.recovered += 1;
                    self.wanted.came(number);
                }
                self.held.insert(number, (scene.now, header, payload.slice_ref(block.payload)));
            }
        }
    }

    /// Gives up missing packets that were waited for long enough, and takes decoded pictures.
    pub fn tick(&mut self, scene: &Scene<'_>, report: &mut SlotReport) -> Seen {
        let seen = self.release(scene, report);
        let mut news = seen;
        while let Some(picture) = self.decoder.as_mut().and_then(PictureDecoder::poll) {
            let Some(short_id) = self.in_decoder.remove(&picture.number) else { continue };
            let source = report.sources.entry(short_id).or_default();
            source.pictures += 1;
            source.colour = Some(picture.corner());
            news = Seen::News;
        }
        news
    }

    /// The node says that the slot is empty now: a pause is not a freeze.
    pub fn emptied(&mut self, report: &mut SlotReport) {
        for source in report.sources.values_mut() {
            source.last_frame = None;
        }
    }

    /// A sender report of this slot.
    pub fn sender_report(&mut self, now: Instant, ntp: NtpTime, rtp: u32, report: &mut SlotReport) {
        report.sender_reports += 1;
        self.sender_report = Some((ntp, rtp, now));
    }

    /// The wall clock of a media time in microseconds, from the last sender report.
    fn wall_us(&self, timestamp: u32) -> Option<i64> {
        let (ntp, rtp, _) = self.sender_report?;
        let rate = if self.kind == Kind::Audio { 48_000 } else { 90_000 };
        let since = i64::from(timestamp.wrapping_sub(rtp) as i32) * 1_000_000 / rate;
        i64::try_from(ntp.to_time().as_micros()).ok()?.checked_add(since)
    }

    /// Whether the node should be asked for a keyframe now.
    pub fn poll_keyframe_request(&mut self, now: Instant) -> bool {
        let patient = self.asked.is_some_and(|asked| now < asked + REQUEST_INTERVAL);
        if !self.wants_keyframe || patient {
            return false;
        }
        self.wants_keyframe = false;
        self.asked = Some(now);
        true
    }

    /// What a receiver report says about this slot.
    pub fn block(&self, now: Instant, report: &SlotReport) -> Option<Block> {
        let last_report = self.sender_report.map(|(ntp, _, at)| (ntp.middle(), now - at));
        Some(Block {
            ssrc: report.ssrc?,
            lost: u32::try_from(report.lost).unwrap_or(u32::MAX),
            highest: self.next?.wrapping_sub(1) as u32,
            last_report,
        })
    }

    /// The sequence number with the cycles that bring it closest to what is expected.
    fn extend(&self, seq: u16) -> u64 {
        // One cycle up, so that a packet from before the first one has a number too.
        let Some(next) = self.next else { return 0x1_0000 | u64::from(seq) };
        let distance = seq.wrapping_sub(next as u16) as i16;
        next.wrapping_add_signed(i64::from(distance))
    }

    fn release(&mut self, scene: &Scene<'_>, report: &mut SlotReport) -> Seen {
        let mut seen = Seen::Nothing;
        while let (Some(next), Some(entry)) = (self.next, self.held.first_entry()) {
            let seq = *entry.key();
            let waited = scene.now.saturating_duration_since(entry.get().0);
            if seq != next {
                let patience = if self.nack { PATIENCE_WITH_NACK } else { PATIENCE };
                if waited < patience && self.held.len() < HELD {
                    break;
                }
                self.wanted.forget_before(seq);
                report.lost += seq - next;
                self.broken = true;
                self.assembler.abandon();
                self.next = Some(seq);
                continue;
            }
            let (_, header, payload) = entry.remove();
            self.next = Some(seq + 1);
            if self.in_order(scene, header, &payload, report) == Seen::News {
                seen = Seen::News;
            }
        }
        seen
    }

    fn in_order(
        &mut self,
        scene: &Scene<'_>,
        header: Header,
        payload: &Bytes,
        report: &mut SlotReport,
    ) -> Seen {
        report.packets += 1;
        report.bytes += payload.len() as u64;
        let Some(csrc) = header.csrc else {
            report.anonymous += 1;
            return Seen::Nothing;
        };
        let mut seen = Seen::Nothing;
        if report.csrc != Some(csrc) {
            report.csrc = Some(csrc);
            report.switched(csrc, header.timestamp);
            self.assembler.abandon();
            self.broken = true;
            if let Some(ear) = &mut self.ear {
                ear.forget();
            }
            report.sources.entry(csrc).or_default().last_frame = None;
            seen = Seen::News;
        }
        if !(scene.known)(csrc) {
            report.foreign += 1;
        }
        if let Some(note) = Note::find(&payload[..payload.len().min(NOTE_WITHIN)]) {
            report.wrong_person += u64::from(note.sender != csrc);
            let delay = wall_micros().saturating_sub(note.sent_us);
            let (sum, count, largest) = &mut report.delay_us;
            (*sum, *count, *largest) = (*sum + delay, *count + 1, delay.max(*largest));
            if let Some(wall) = self.wall_us(header.timestamp) {
                let source = report.sources.entry(csrc).or_default();
                source.clock_us = Some(wall - note.sent_us as i64);
            }
        }
        let source = report.sources.entry(csrc).or_default();
        source.packets += 1;
        source.first_packet.get_or_insert(scene.at);
        match self.kind {
            Kind::Audio => self.audio(scene, header, payload, csrc, report),
            Kind::Video => {
                if let Some(part) = vp8::part(payload)
                    && let Some(frame) = self.assembler.push(header.timestamp, header.marker, &part)
                    && self.frame(scene, frame, csrc, report)
                {
                    seen = Seen::News;
                }
            }
        }
        seen
    }

    fn audio(
        &mut self,
        scene: &Scene<'_>,
        header: Header,
        payload: &Bytes,
        csrc: u32,
        report: &mut SlotReport,
    ) {
        self.check_time(header.timestamp, report);
        let source = report.sources.entry(csrc).or_default();
        arrived(source, scene.at);
        if self.listen == Listen::Decode {
            if self.ear.is_none() {
                self.ear = Ear::new().ok();
            }
            // Twice a second is enough for the pitch: it is the dear part.
            if let Some(ear) = &mut self.ear
                && ear.packet(payload).is_ok()
                && source.frames.is_multiple_of(25)
            {
                source.heard = ear.heard().or(source.heard);
            }
        }
    }

    /// A whole frame. True: the first of this person.
    fn frame(
        &mut self,
        scene: &Scene<'_>,
        frame: vp8::Assembled,
        csrc: u32,
        report: &mut SlotReport,
    ) -> bool {
        self.check_time(frame.timestamp, report);
        let continued = !std::mem::replace(&mut self.broken, false);
        if frame.keyframe {
            report.keyframes += 1;
        } else if !continued {
            self.broken = true;
            self.wants_keyframe = true;
            report.undecodable += 1;
            return false;
        }
        if let Some((id, long)) = frame.picture_id {
            let mask = if long { 0x7fff } else { 0x7f };
            let expected = self.last_picture_id.map(|last| last.wrapping_add(1) & mask);
            if continued && expected.is_some_and(|expected| expected != id) {
                report.picture_gaps += 1;
            }
            self.last_picture_id = Some(id);
        }
        report.frames += 1;
        let source = report.sources.entry(csrc).or_default();
        let first = source.first_frame.is_none();
        arrived(source, scene.at);
        if frame.keyframe {
            source.size = vp8::size(&frame.data).or(source.size);
        }
        if self.listen == Listen::Decode {
            self.decode(frame.data, csrc);
        }
        first
    }

    fn decode(&mut self, frame: Bytes, csrc: u32) {
        if self.decoder.is_none() {
            self.decoder = PictureDecoder::start().ok();
        }
        let Some(decoder) = &mut self.decoder else { return };
        let dropped = decoder.dropped();
        decoder.push(frame);
        if decoder.dropped() == dropped {
            self.in_decoder.insert(self.pushed, csrc);
            self.pushed += 1;
        }
    }

    fn check_time(&mut self, timestamp: u32, report: &mut SlotReport) {
        if let Some(last) = self.last_timestamp.replace(timestamp)
            && timestamp.wrapping_sub(last) as i32 <= 0
        {
            report.time_reversals += 1;
        }
    }
}

fn arrived(source: &mut super::SourceReport, at: Duration) {
    source.frames += 1;
    source.first_frame.get_or_insert(at);
    if let Some(last) = source.last_frame.replace(at) {
        let gap = at.saturating_sub(last);
        source.longest_gap = source.longest_gap.max(gap);
        source.freezes += u32::from(gap > FREEZE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rig {
        slot: Slot,
        report: SlotReport,
        start: Instant,
        elapsed: Duration,
    }

    impl Rig {
        fn new() -> Self {
            Self {
                slot: Slot::new(Kind::Video, Listen::Check),
                report: SlotReport::new("v0".into(), Kind::Video),
                start: Instant::now(),
                elapsed: Duration::ZERO,
            }
        }

        /// A one-packet frame of `csrc`, 100 ms after the one before.
        fn frame(&mut self, seq: u16, csrc: u32, keyframe: bool) {
            self.elapsed += Duration::from_millis(100);
            let counters = vp8::Counters { picture_id: seq, tl0_picture_index: None };
            let mut payload = Vec::new();
            counters.write(true, &mut payload);
            payload.extend([u8::from(!keyframe), 0, 0]);
            let header = Header {
                payload_type: 96,
                marker: true,
                seq,
                timestamp: u32::from(seq) * 9_000,
                ssrc: 1,
                csrc: Some(csrc),
                transport: None,
                payload: (0, payload.len()),
            };
            let scene =
                Scene { now: self.start + self.elapsed, at: self.elapsed, known: &|id| id < 9 };
            self.slot.packet(&scene, header, payload.as_slice().into(), &mut self.report);
        }
    }

    #[test]
    fn a_person_begins_with_a_keyframe_and_what_precedes_it_counts_as_undecodable() {
        let mut rig = Rig::new();
        rig.frame(1, 5, true);
        rig.frame(2, 5, false);
        rig.frame(3, 6, false);
        assert!(rig.slot.poll_keyframe_request(rig.start));
        assert!(!rig.slot.poll_keyframe_request(rig.start), "asked once");
        rig.frame(4, 6, true);
        let Rig { report, .. } = rig;
        assert_eq!((report.frames, report.undecodable, report.keyframes), (3, 1, 2));
        assert_eq!(report.switches, [(5, 9_000), (6, 27_000)]);
    }

    #[test]
    fn reordered_packets_come_in_order_and_missing_ones_are_counted_after_a_while() {
        let mut rig = Rig::new();
        for seq in [65_534, 0, 65_535, 1] {
            rig.frame(seq, 5, seq == 65_534);
        }
        assert_eq!((rig.report.frames, rig.report.lost), (4, 0));
        rig.frame(3, 5, false);
        rig.frame(4, 5, false);
        assert_eq!(rig.report.frames, 4, "packet 2 is waited for");
        rig.frame(5, 5, false);
        rig.frame(6, 5, true);
        assert_eq!((rig.report.lost, rig.report.undecodable, rig.report.frames), (1, 3, 5));
        rig.frame(2, 5, false);
        assert_eq!(rig.report.late, 1);
    }

    #[test]
    fn an_unannounced_switch_is_told_from_an_announced_one() {
        let mut rig = Rig::new();
        rig.frame(1, 5, true);
        assert_eq!(rig.report.announced.len(), 0);
        let mut report = super::super::Report { slots: vec![rig.report], ..Default::default() };
        assert_eq!(report.unannounced(), 1);
        report.slots[0].announced.push_back((5, 9_000));
        assert_eq!(report.unannounced(), 0);
    }

    #[test]
    fn a_pause_of_more_than_half_a_second_is_a_freeze_unless_the_slot_was_empty() {
        let mut rig = Rig::new();
        rig.frame(1, 5, true);
        rig.elapsed += Duration::from_millis(500);
        rig.frame(2, 5, false);
        assert_eq!(rig.report.sources[&5].freezes, 1);
        rig.slot.emptied(&mut rig.report);
        rig.elapsed += Duration::from_secs(5);
        rig.frame(3, 5, true);
        assert_eq!(rig.report.sources[&5].freezes, 1);
        assert_eq!(rig.report.foreign, 0);
        rig.frame(4, 77, true);
        assert_eq!(rig.report.foreign, 1);
    }
}
