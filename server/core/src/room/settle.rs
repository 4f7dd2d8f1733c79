//! After an input has changed something: slots are pointed at what their clients should have now.

use crate::{
    media::Kind,
    output::Output,
    room::{Context, MemberKey, Room, Seat, TrackKey, schedule::take_due},
    signal::{ServerMessage, SlotAssignment, SlotContent, Source},
    slot::{Picture, Scene, SlotKey, Viewer, Voice, seat, wanted_audio, wanted_video},
    time::Time,
};

/// Whose slots have to be looked at.
#[derive(Debug, Default)]
pub(crate) struct Stale {
    everyone: bool,
    members: Vec<MemberKey>,
}

impl Stale {
    /// What can be shown has changed.
    pub(crate) const fn everyone(&mut self) {
        self.everyone = true;
    }

    /// What one client wants or can take has changed.
    pub(crate) fn member(&mut self, member: MemberKey) {
        self.members.push(member);
    }

    /// Somebody left.
    pub(crate) fn forget(&mut self, member: MemberKey) {
        self.members.retain(|&other| other != member);
    }
}

impl Room {
    /// Points slots anew where something has changed, and tells their clients: one message each.
    pub(crate) fn settle(&mut self, cx: &mut Context<'_>) {
        if take_due(&mut self.schedule.settle, cx.now) {
            self.stale.everyone();
        }
        // Once more for those whose voices left their slots, or came back to them.
        for _ in 0..2 {
            let Stale { everyone, members } = std::mem::take(&mut self.stale);
            // What they want or can take may decide over forms too.
            for &member in &members {
                self.review_soon(cx, member);
            }
            let members: Vec<MemberKey> =
                if everyone { self.order.values().copied().collect() } else { members };
            if members.is_empty() {
                break;
            }
            let scene = self.scene(cx);
            for member in members {
                self.settle_member(cx, &scene, member);
            }
        }
        if self.schedule.keyframes.is_some_and(|due| due <= cx.now) {
            self.ask_for_keyframes(cx);
        }
    }

    fn settle_member(&mut self, cx: &mut Context<'_>, scene: &Scene, key: MemberKey) {
        let member = &self.members[key];
        let Some(peer) = &member.peer else { return };
        let mut changes = Vec::new();
        for kind in [Kind::Audio, Kind::Video] {
            let chairs: Vec<_> =
                peer.slots.of_kind(kind).map(|(key, slot)| slot.chair(key)).collect();
            let current: Vec<TrackKey> = chairs.iter().filter_map(|chair| chair.content).collect();
            let wanted = match kind {
                _ if !peer.connected => Vec::new(),
                Kind::Audio => {
                    let is_raw = |track| peer.models.form(track).is_none_or(|form| form.raw);
                    wanted_audio(scene, &current, member.short_id, chairs.len(), is_raw)
                }
                Kind::Video => {
                    let slots = chairs.len().min(cx.config.max_video.into());
                    let current = if peer.turned_page { &[] } else { &current[..] };
                    let viewer = Viewer { who: member.short_id, view: &peer.view, slots, current };
                    wanted_video(scene, &viewer)
                }
            };
            changes.extend(seat(&chairs, &wanted, |track| self.tracks[track].id));
        }
        if let Some(peer) = self.peer_mut(key) {
            peer.turned_page = false;
        }
        if !changes.is_empty() {
            self.review_soon(cx, key);
        }
        for (slot, content) in changes {
            self.point(cx, Seat { member: key, slot }, content);
        }
        let voices_changed = self.fit_heard(cx, key);
        if self.peer_mut(key).is_some_and(|peer| peer.allowance.stale) {
            self.serve(cx, key);
        }
        self.tell_slots(cx, key);
        if voices_changed {
            self.tell_quality(cx, key);
        }
        // Behind the message, so that media comes on slots that were announced.
        self.flush_replays(cx);
        while let Some(seat) = self.scratch.seats.pop() {
            self.report_seat(cx, seat);
        }
    }

    /// Sends what was kept for slots that were pointed anew.
    pub(super) fn flush_replays(&mut self, cx: &mut Context<'_>) {
        cx.outputs.extend(self.scratch.forwards.drain(..).map(Output::Forward));
    }

    /// Tells a client which of its slots changed since it was told last.
    pub(super) fn tell_slots(&mut self, cx: &mut Context<'_>, key: MemberKey) {
        let Some(peer) = self.members[key].peer.as_mut() else { return };
        let mut changed: Vec<SlotKey> = Vec::new();
        for (slot_key, slot) in peer.slots.iter_mut() {
            let content = slot.content.map(|track| self.tracks[track].id);
            if slot.told != content {
                slot.told = content;
                changed.push(slot_key);
            }
        }
        if changed.is_empty() {
            return;
        }
        let peer_id = peer.id;
        let slots = changed
            .into_iter()
            .filter_map(|slot| self.assignment(cx.now, Seat { member: key, slot }));
        let slots = slots.collect();
        cx.say(peer_id, ServerMessage::Slots { slots });
    }

    /// A slot as its client is told now.
    fn assignment(&mut self, now: Time, seat: Seat) -> Option<SlotAssignment> {
        let capture = self.capture_time(now, seat);
        let slot = self.slot_mut(seat)?;
        slot.told_capture = capture;
        let (mid, content) = (slot.mid(), slot.content);
        let rtp_timestamp = slot.stream.first_timestamp();
        let content = content.map(|track| {
            let track = &self.tracks[track];
            let owner = &self.members[track.owner];
            SlotContent {
                participant: owner.id,
                short_id: owner.short_id,
                track: track.id,
                rtp_timestamp,
                capture_time: capture.map(Time::as_micros),
            }
        });
        Some(SlotAssignment { mid, content })
    }

    /// Tells a client what one of its slots carries.
    pub(crate) fn tell_slot(&mut self, cx: &mut Context<'_>, seat: Seat) {
        let Some(assignment) = self.assignment(cx.now, seat) else { return };
        if let Some(peer) = &self.members[seat.member].peer {
            cx.say(peer.id, ServerMessage::Slots { slots: vec![assignment] });
        }
    }

    /// What can be shown and heard now.
    fn scene(&self, cx: &Context<'_>) -> Scene {
        let (mut screens, mut cameras, mut voices) = (Vec::new(), Vec::new(), Vec::new());
        for &key in self.order.values() {
            let member = &self.members[key];
            let mut tracks = member.tracks.iter().map(|&track| &self.tracks[track]);
            let microphone = tracks.find(|track| track.source == Source::Microphone);
            let voice = microphone.map(|track| &track.loudness);
            for (track, t) in member.tracks.iter().map(|&track| (track, &self.tracks[track])) {
                let picture = Picture {
                    track,
                    owner: member.short_id,
                    participant: member.id,
                    speaking: voice.is_some_and(|voice| voice.is_speaking()),
                    last_spoke: voice.and_then(|voice| voice.last_spoke(cx.now)),
                };
                match t.source {
                    _ if t.muted => {}
                    Source::Screen => screens.push(picture),
                    Source::Camera => cameras.push(picture),
                    Source::Microphone | Source::ScreenAudio => voices.push(Voice {
                        track,
                        owner: member.short_id,
                        speaking: t.loudness.is_speaking(),
                        last_spoke: t.loudness.last_spoke(cx.now),
                        average: t.loudness.average(),
                    }),
                }
            }
        }
        Scene::new(screens, cameras, voices, self.speakers.dominant())
    }
}
