//! Sender reports of slots.

use std::time::Duration;

use crate::{
    arena::Key,
    id::{LayerIndex, RtpTime},
    input::RemoteEvent,
    output::Output,
    room::{Context, MemberKey, Room, Seat, TrackKey, schedule::take_due},
    time::{NtpTime, Time},
};

/// Between two rounds of reports. Each round serves one in [`ROUNDS`] of the members, so that every
/// slot reports about once per second and the node never reports for everybody at once.
const ROUND: Duration = Duration::from_millis(100);

/// Rounds until everybody was served.
const ROUNDS: usize = 10;

/// A client is told anew when a capture time is off by more: a tenth of what people notice between
/// lips and voice. A sound card that is off by 50 ppm drifts as far in 100 s.
const MAX_CAPTURE_ERROR: Duration = Duration::from_millis(5);

impl Room {
    /// A publisher's sender report came: from now on its slots can report.
    pub(crate) fn sender_report(
        &mut self,
        cx: &mut Context<'_>,
        key: TrackKey,
        layer: LayerIndex,
        ntp: NtpTime,
        rtp: RtpTime,
    ) {
        let track = &mut self.tracks[key];
        let (id, owner) = (track.id, track.owner);
        let state = track.layer_mut(layer);
        let was_known = state.clock.is_known();
        self.members[owner].clock.observe(cx.now, ntp);
        state.clock.observe(ntp, rtp);
        state.stream.align(&state.clock);
        self.relay_of(cx, owner, || RemoteEvent::SenderReport { track: id, layer, ntp, rtp });
        if !was_known {
            for index in 0..self.tracks[key].layer(layer).seats.len() {
                self.report_seat(cx, self.tracks[key].layer(layer).seats[index]);
            }
        }
    }

    /// Sends the reports of one round, while there is a slot that is pointed at something.
    pub(crate) fn report(&mut self, cx: &mut Context<'_>) {
        if !take_due(&mut self.schedule.reports, cx.now) {
            return;
        }
        self.report_round = (self.report_round + 1) % ROUNDS;
        let mut seats = std::mem::take(&mut self.scratch.seats);
        let members = self.members.iter().filter(|(key, _)| self.is_served(*key));
        for (member, peer) in members.filter_map(|(key, member)| Some((key, member.peer.as_ref()?)))
        {
            let pointed = peer.slots.iter().filter(|(_, slot)| slot.content.is_some());
            seats.extend(pointed.map(|(slot, _)| Seat { member, slot }));
        }
        for seat in seats.drain(..) {
            self.report_seat(cx, seat);
        }
        self.scratch.seats = seats;
        if self.tracks.iter().any(|(_, track)| !track.seats.is_empty()) {
            self.schedule.reports = Some(cx.now + ROUND);
        }
    }

    /// Slots were pointed at something: rounds go on, or begin.
    pub(crate) fn start_reports(&mut self, cx: &Context<'_>) {
        self.schedule.reports.get_or_insert(cx.now + ROUND);
    }

    /// Sends the report of a slot, if one is due and can be made.
    pub(crate) fn report_seat(&mut self, cx: &mut Context<'_>, seat: Seat) {
        let Some(slot) = self.slot_mut(seat) else { return };
        let (Some(content), sending) = (slot.content, slot.sending()) else { return };
        let track = &self.tracks[content];
        let (media, publisher) = (track.layer(sending).clock, self.members[track.owner].clock);
        let Some(peer) = self.members[seat.member].peer.as_mut() else { return };
        let Some(slot) = peer.slots.get_mut(seat.slot) else { return };
        let Some(report) = slot.stream.report(cx.now, &publisher, &media) else { return };
        let told = slot.told_capture;
        cx.outputs.push_back(Output::SenderReport { peer: peer.id, report });
        let capture = self.capture_time(cx.now, seat);
        if has_moved(told, capture) {
            self.tell_slot(cx, seat);
        }
    }

    /// When the first media of what a slot carries was captured, on the node's wall clock.
    pub(crate) fn capture_time(&self, now: Time, seat: Seat) -> Option<Time> {
        let slot = self.members.get(seat.member)?.peer.as_ref()?.slots.get(seat.slot)?;
        let track = &self.tracks[slot.content?];
        let media = &track.layer(slot.sending()).clock;
        slot.stream.capture_time(now, &self.members[track.owner].clock, media)
    }

    fn is_served(&self, member: MemberKey) -> bool {
        member.index() % ROUNDS == self.report_round
    }
}

/// Whether a client is to be told a capture time, which was `told` and is `now`.
fn has_moved(told: Option<Time>, now: Option<Time>) -> bool {
    match (told, now) {
        (Some(told), Some(now)) => {
            now.saturating_since(told).max(told.saturating_since(now)) > MAX_CAPTURE_ERROR
        }
        (None, now) => now.is_some(),
        (Some(_), None) => false,
    }
}
