//! Model frames on their way: from a publisher's packets into the bundles of whoever gets them.

use std::time::Duration;

use sotto_frame::{Activity, Entry, MediaTime, ModelPacket};

use super::source_of;
use crate::{
    bundle::{Frame, Spent},
    forward::{Missing, Received, RedLevel, SourceStream},
    id::{LayerIndex, RtpTime, SeqNo, Ssrc},
    ledger::BUNDLE_OVERHEAD,
    media::Kind,
    output::{BundleRoute, Output},
    room::{
        Context, MemberKey, Room, TrackKey,
        schedule::{hasten, take_due},
    },
    rtp::{AudioLevel, Packet},
    sfu::PacketError,
    signal::ModelTransport,
    time::Time,
};

/// What part of a line bundles may take, in per mille: raw media and control need the rest.
const BUNDLE_SHARE: u64 = 800;

/// Over which losses of a model stream are counted, and the least packets for a verdict: its packets
/// are 80 ms apart.
const UPLINK_SPAN: Duration = Duration::from_secs(3);

/// See [`UPLINK_SPAN`].
const UPLINK_PACKETS: u64 = 20;

/// A client's model stream as it comes in.
#[derive(Clone, Debug)]
pub(crate) struct Uplink {
    stream: SourceStream,
    missing: Missing,
    /// The highest number that came, with its epoch.
    highest: Option<(u32, u64)>,
    came: u64,
    missed: u64,
    since: Time,
    red: RedLevel,
}

impl Uplink {
    /// One on which nothing came yet.
    pub(crate) fn new() -> Self {
        Self {
            stream: SourceStream::new(),
            missing: Missing::new(Kind::Audio),
            highest: None,
            came: 0,
            missed: 0,
            since: Time::default(),
            red: RedLevel::default(),
        }
    }

    /// Counts a packet, and those that should have come before it.
    fn observe(&mut self, received: &Received, round_trip: Option<Duration>) {
        self.came += 1;
        match self.highest {
            Some((epoch, highest)) if epoch == received.epoch => {
                self.missed += received.seq.saturating_sub(highest + 1);
                self.highest = Some((epoch, highest.max(received.seq)));
            }
            _ => self.highest = Some((received.epoch, received.seq)),
        }
        let all = self.came + self.missed;
        if received.at.saturating_since(self.since) >= UPLINK_SPAN && all >= UPLINK_PACKETS {
            self.red.observe((self.missed * 1_000 / all) as u16, round_trip);
            (self.came, self.missed, self.since) = (0, 0, received.at);
        }
    }

    /// How many earlier blocks each packet is to repeat: 0 or 1.
    pub(super) fn redundancy(&self) -> u8 {
        u8::from(self.red.level() > 0)
    }
}

impl Room {
    /// Takes an RTP packet of a client's model stream. `nack`: it sends again what it is asked for.
    ///
    /// # Errors
    /// [`PacketError`]: it goes nowhere; count it.
    pub(crate) fn model_rtp(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        packet: &Packet,
        payload: &[u8],
        nack: bool,
    ) -> Result<(), PacketError> {
        let peer = self.members[key].peer.as_mut().ok_or(PacketError::UnknownPeer)?;
        let round_trip = peer.downlink.round_trip();
        let uplink = &mut peer.uplink;
        let received = uplink.stream.receive(cx.now, packet)?;
        uplink.observe(&received, round_trip);
        if nack {
            uplink.missing.received(&received, round_trip);
            if let Some(due) = uplink.missing.poll_timeout() {
                hasten(&mut self.schedule.repairs, due);
            }
        }
        if payload.is_empty() {
            // Browsers probe with padding on this source while they send no video.
            return Err(PacketError::Padding);
        }
        self.model_packet(cx, key, payload)
    }

    /// Takes a model packet that came as a message.
    pub(crate) fn model_message(&mut self, cx: &mut Context<'_>, key: MemberKey, bytes: &[u8]) {
        if let Err(error) = self.model_packet(cx, key, bytes)
            && let Some(peer) = self.peer_mut(key)
        {
            tracing::trace!(peer = peer.id.0, %error, "model packet dropped");
        }
    }

    /// Asks clients for the packets of their model streams that are missing and due.
    pub(crate) fn ask_for_model_packets(&mut self, cx: &mut Context<'_>) {
        for (_, member) in self.members.iter_mut() {
            let Some(peer) = &mut member.peer else { continue };
            let round_trip = peer.downlink.round_trip();
            let Uplink { stream, missing, .. } = &mut peer.uplink;
            if missing.is_empty() {
                continue;
            }
            let mut ask = Vec::new();
            // What is given up is lost: there is no keyframe to ask for.
            let _given_up = missing.handle_timeout(cx.now, round_trip, &mut ask);
            if let Some(ssrc) = stream.ssrc().filter(|_| !ask.is_empty()) {
                cx.outputs.push_back(Output::Nack { peer: peer.id, ssrc, missing: ask });
            }
            if let Some(due) = missing.poll_timeout() {
                hasten(&mut self.schedule.repairs, due);
            }
        }
    }

    fn model_packet(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        bytes: &[u8],
    ) -> Result<(), PacketError> {
        let packet = ModelPacket::parse(bytes)?;
        let mut fitting = false;
        for block in packet.blocks() {
            for entry in block.entries() {
                fitting |= self.model_frame(cx, key, block.time, &entry);
            }
        }
        if fitting { Ok(()) } else { Err(PacketError::UnknownModel) }
    }

    /// Takes one frame. Returns whether it is of a model that the node knows.
    fn model_frame(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        time: MediaTime,
        entry: &Entry<'_>,
    ) -> bool {
        let source = source_of(entry.plugin.kind());
        let member = &mut self.members.get_mut(key).expect("a member that is here");
        let Some(model) = member.models.iter_mut().find(|model| model.source == source) else {
            return false;
        };
        if !model.is_of(entry.plugin, entry.epoch) {
            return false;
        }
        model.last = Some(cx.now);
        let Some(track) = self.published_source(key, source) else { return true };
        if self.tracks[track].muted {
            return true;
        }
        let model = self.source_model_mut(key, source);
        if !model.is_new(time) {
            return true;
        }
        if let Some(activity) = entry.activity {
            self.model_loudness(cx, track, activity);
        }
        let participant = self.members[key].short_id;
        let frame = Frame {
            participant,
            time,
            plugin: entry.plugin,
            epoch: entry.epoch,
            payload: entry.payload,
        };
        for seat in &mut self.tracks[track].model_seats {
            let Some(peer) = self.members.get_mut(seat.member).and_then(|m| m.peer.as_mut()) else {
                continue;
            };
            let models = &mut peer.models;
            let is_heard = entry
                .activity
                .is_none_or(|activity| models.voices.admit(cx.now, participant, activity));
            if !peer.connected || !is_heard {
                continue;
            }
            let copies = peer.downlink.red_level() as u8;
            models.bundler.push(cx.now, &frame, seat.rank, copies);
            seat.last = Some(cx.now);
            if let Some(due) = models.bundler.poll_timeout() {
                hasten(&mut self.schedule.bundles, due);
            }
        }
        true
    }

    /// How loud a voice is, where its raw form does not say.
    fn model_loudness(&mut self, cx: &Context<'_>, track: TrackKey, activity: Activity) {
        let track = &mut self.tracks[track];
        if track.layer(LayerIndex(0)).is_flowing(cx.now) {
            return;
        }
        let level = AudioLevel { level: activity.level * 8, voice: activity.talking };
        if track.loudness.observe(cx.now, level) {
            self.speakers.begun(cx.now, &mut self.schedule);
        }
    }

    /// Lets the bundles leave that are due, and with them those that nearly are: a shard that wakes up
    /// once for all of a room has less to do.
    pub(crate) fn flush_bundles(&mut self, cx: &mut Context<'_>) {
        if !take_due(&mut self.schedule.bundles, cx.now) {
            return;
        }
        let mut leaving = None;
        for (_, member) in self.members.iter_mut() {
            let Some(peer) = &mut member.peer else { continue };
            let bundler = &mut peer.models.bundler;
            if let Some(estimate) = peer.allowance.estimate {
                bundler.observe(estimate.bitrate, estimate.bitrate * BUNDLE_SHARE / 1_000);
            }
            if bundler.begin_flush(cx.now) {
                let interval = bundler.interval();
                leaving = Some(leaving.map_or(interval, |least: Duration| least.min(interval)));
                cx.outputs.push_back(Output::Bundle { peer: peer.id });
            }
        }
        for (_, member) in self.members.iter_mut() {
            let Some(peer) = &mut member.peer else { continue };
            let bundler = &mut peer.models.bundler;
            if leaving.is_some_and(|interval| bundler.join_flush(cx.now, interval)) {
                cx.outputs.push_back(Output::Bundle { peer: peer.id });
            } else if let Some(due) = bundler.poll_timeout() {
                hasten(&mut self.schedule.bundles, due);
            }
        }
    }

    /// Writes the next bundle of a client; `None`: there is none.
    pub(crate) fn bundle(
        &mut self,
        now: Time,
        key: MemberKey,
        out: &mut Vec<u8>,
    ) -> Option<BundleRoute> {
        let peer = self.members.get_mut(key)?.peer.as_mut()?;
        let models = &mut peer.models;
        let transport = models.transport()?;
        if !models.bundler.write(now, out) {
            if let Some(due) = models.bundler.poll_timeout() {
                hasten(&mut self.schedule.bundles, due);
            }
            return None;
        }
        let wire = out.len() as u32 + BUNDLE_OVERHEAD as u32;
        let route = match (transport, models.line) {
            (ModelTransport::Rtp, Some(line)) => BundleRoute::Rtp {
                ssrc: line.ssrc,
                payload_type: line.payload_type,
                seq: models.resends.number(now, wire),
                timestamp: RtpTime((now.as_micros() * 48 / 1_000) as u32),
            },
            _ => BundleRoute::Data,
        };
        for at in 0..models.bundler.spent().len() {
            self.book_frame(key, at);
        }
        Some(route)
    }

    /// Enters a frame of a client's last bundle into the ledger of its track.
    fn book_frame(&mut self, key: MemberKey, at: usize) {
        let Some(peer) = &self.members[key].peer else { return };
        let Some(&Spent { participant, kind, bytes }) = peer.models.bundler.spent().get(at) else {
            return;
        };
        let source = source_of(kind);
        let speaker = self.order.get(&participant).copied();
        let track = speaker.and_then(|speaker| self.published_source(speaker, source));
        if let Some(track) = track {
            self.tracks[track].ledger.model.add(1, bytes);
        }
    }

    /// A packet did not arrive: if it is one of the bundle stream, and still of use, it is sent again.
    pub(crate) fn bundle_lost(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        ssrc: Ssrc,
        seq: SeqNo,
    ) {
        let Some(peer) = self.members[key].peer.as_mut() else { return };
        if peer.models.line.is_none_or(|line| line.ssrc != ssrc) {
            return;
        }
        let round_trip = peer.downlink.assumed_round_trip();
        let downlink = &mut peer.downlink;
        let pay = |bytes| downlink.may_repeat(cx.now, bytes);
        if peer.models.resends.admit(cx.now, seq, round_trip, pay) {
            cx.outputs.push_back(Output::Resend { peer: peer.id, ssrc, seq });
        }
    }
}
