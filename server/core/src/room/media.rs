//! The hot path: one packet to everyone who is to have it.

use crate::{
    bandwidth::PacketClass,
    forward::{Forward, Received, Selection, Skip},
    id::PacketId,
    input::{Feedback, RemoteEvent},
    media::Kind,
    output::Output,
    peer::SourceError,
    room::{
        Context, MemberKey, Room, Seat, TrackKey,
        schedule::{hasten, take_due},
    },
    rtp::{Packet, VideoDescriptor},
    sfu::{Kept, PacketError},
    slot::Slot,
};

impl Room {
    /// Takes a packet of a client of this shard.
    pub(crate) fn packet(
        &mut self,
        cx: &mut Context<'_>,
        member: MemberKey,
        id: PacketId,
        bytes: &[u8],
        out: &mut Vec<Forward>,
    ) -> Result<Kept, PacketError> {
        let peer = self.members[member].peer.as_mut().ok_or(PacketError::UnknownPeer)?;
        let mut packet = Packet::parse(bytes, peer.lines.extensions())?;
        let line = peer.lines.resolve(&packet).map_err(|SourceError| PacketError::UnknownSource)?;
        let key = line.track.ok_or(PacketError::NotPublished)?;
        if line.payload_type != packet.payload_type {
            return Err(PacketError::PayloadType);
        }
        let codec = line.codec;
        let track = &mut self.tracks[key];
        if track.muted {
            // Nobody gets it, but its number counts: a client may send silence all the while, and
            // after half an hour of it the numbers seem to be those from before.
            track.stream.receive(cx.now, &packet)?;
            return Err(PacketError::Muted);
        }
        packet.video = VideoDescriptor::parse(codec, packet.payload(bytes), track.encrypted);
        if cx.config.relay {
            let event = RemoteEvent::Packet { track: track.id, id, packet };
            self.relay(cx, || event);
        }
        self.forward(cx, key, id, &packet, out)
    }

    /// Takes a packet of a track: counts it, keeps it where it is part of a first picture, and
    /// appends what is to be sent.
    pub(crate) fn forward(
        &mut self,
        cx: &mut Context<'_>,
        key: TrackKey,
        id: PacketId,
        packet: &Packet,
        out: &mut Vec<Forward>,
    ) -> Result<Kept, PacketError> {
        let track = &mut self.tracks[key];
        if track.stream.would_restart(packet) && !track.restarts.admit(cx.now) {
            return Err(PacketError::Restarts);
        }
        let received = track.stream.receive(cx.now, packet)?;
        let kept = match track.codec.kind() {
            Kind::Video => {
                if received.starts_keyframe {
                    track.requests.keyframe(cx.now);
                }
                let kept = if cx.may_keep() {
                    track.cache.push(id, &received, |packet| cx.release(packet))
                } else {
                    track.cache.clear(|packet| cx.release(packet));
                    Kept::No
                };
                if kept == Kept::Yes {
                    *cx.kept += 1;
                }
                if let Some(due) = track.cache.poll_timeout() {
                    hasten(&mut self.schedule.keyframes, due);
                }
                kept
            }
            Kind::Audio => {
                if let Some(level) = packet.audio_level
                    && track.loudness.observe(cx.now, level)
                {
                    self.speakers.begun(cx.now, &mut self.schedule);
                }
                Kept::No
            }
        };
        self.fan_out(cx, key, id, &received, out);
        Ok(kept)
    }

    /// Hands a packet to every slot that is pointed at its track.
    fn fan_out(
        &mut self,
        cx: &mut Context<'_>,
        key: TrackKey,
        id: PacketId,
        received: &Received,
        out: &mut Vec<Forward>,
    ) {
        let track = &mut self.tracks[key];
        let class = match track.codec.kind() {
            Kind::Audio => PacketClass::Audio,
            Kind::Video => PacketClass::Video,
        };
        for &seat in &track.seats {
            let Some(peer) = self.members[seat.member].peer.as_mut() else { continue };
            let Some(slot) = peer.slots.get_mut(seat.slot) else { continue };
            match slot.stream.forward(received) {
                Selection::Send(rewrite) => out.push(Forward {
                    packet: id,
                    peer: peer.id,
                    class,
                    rewrite,
                    redundancy: None,
                }),
                Selection::Start(rewrite) => {
                    out.push(Forward {
                        packet: id,
                        peer: peer.id,
                        class,
                        rewrite,
                        redundancy: None,
                    });
                    self.scratch.seats.push(seat);
                }
                Selection::Skip(Skip::AwaitingKeyframe) => {
                    track.requests.want();
                    if let Some(due) = track.requests.poll_timeout() {
                        hasten(&mut self.schedule.keyframes, due);
                    }
                }
                Selection::Skip(Skip::Empty | Skip::BeforeStart) => {}
            }
        }
        while let Some(seat) = self.scratch.seats.pop() {
            self.announce_start(cx, seat);
        }
    }

    /// The first packet of a new content went out: its client learns the media time of it, and gets
    /// a sender report if one can be made.
    fn announce_start(&mut self, cx: &mut Context<'_>, seat: Seat) {
        self.tell_slot(cx, seat);
        self.report_seat(cx, seat);
    }

    /// RTCP of a client.
    pub(crate) fn feedback(&mut self, cx: &mut Context<'_>, member: MemberKey, feedback: Feedback) {
        let Some(peer) = self.members[member].peer.as_mut() else { return };
        match feedback {
            Feedback::KeyframeRequest { ssrc } => {
                let content = peer.slots.by_ssrc(ssrc).and_then(|(_, slot)| slot.content);
                if let Some(track) = content {
                    self.want_keyframe(track);
                }
            }
            Feedback::SenderReport { ssrc, ntp, rtp } => {
                let track = peer.lines.of_source(ssrc).and_then(|line| line.track);
                if let Some(track) = track {
                    self.sender_report(cx, track, ntp, rtp);
                }
            }
            // Without effect until slots keep what they sent.
            Feedback::Nack { .. } => {}
            Feedback::Bye { ssrc } => {
                let track = peer.lines.of_source(ssrc).and_then(|line| line.track);
                if let Some(track) = track {
                    self.tracks[track].cache.clear(|packet| cx.release(packet));
                }
            }
            // What a subscriber loses becomes a decision with the bandwidth estimate.
            Feedback::ReceptionReport { .. } => {}
        }
    }

    /// A subscriber cannot go on without a keyframe.
    pub(crate) fn want_keyframe(&mut self, key: TrackKey) {
        let track = &mut self.tracks[key];
        if track.codec.kind() == Kind::Video && !track.muted {
            track.requests.want();
            if let Some(due) = track.requests.poll_timeout() {
                hasten(&mut self.schedule.keyframes, due);
            }
        }
    }

    /// Sends the keyframe requests that are due, and drops caches that are too old.
    pub(crate) fn ask_for_keyframes(&mut self, cx: &mut Context<'_>) {
        if !take_due(&mut self.schedule.keyframes, cx.now) {
            return;
        }
        let mut asked = std::mem::take(&mut self.scratch.tracks);
        for (key, track) in self.tracks.iter_mut() {
            if track.codec.kind() == Kind::Audio {
                continue;
            }
            track.cache.handle_timeout(cx.now, |packet| cx.release(packet));
            if track.requests.handle_timeout(cx.now) {
                asked.push(key);
            }
            let due = [track.cache.poll_timeout(), track.requests.poll_timeout()];
            for due in due.into_iter().flatten() {
                hasten(&mut self.schedule.keyframes, due);
            }
        }
        for key in asked.drain(..) {
            self.ask_publisher(cx, key);
        }
        self.scratch.tracks = asked;
    }

    fn ask_publisher(&mut self, cx: &mut Context<'_>, key: TrackKey) {
        let track = &self.tracks[key];
        match &self.members[track.owner].peer {
            Some(peer) => {
                let announced = || peer.lines.of_track(key).and_then(|line| line.ssrc);
                if let Some(ssrc) = track.stream.ssrc().or_else(announced) {
                    cx.outputs.push_back(Output::RequestKeyframe { peer: peer.id, ssrc });
                }
            }
            None => {
                let track = track.id;
                self.relay(cx, || RemoteEvent::KeyframeWanted { track });
            }
        }
    }

    /// The slot of a seat.
    pub(crate) fn slot_mut(&mut self, seat: Seat) -> Option<&mut Slot> {
        self.members.get_mut(seat.member)?.peer.as_mut()?.slots.get_mut(seat.slot)
    }
}
