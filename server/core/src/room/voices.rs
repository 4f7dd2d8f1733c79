//! Which of the raw voices in its slots a client is sent: as many as its line carries.
//!
//! ```text
//! Estimate ─ signalling ─ bundles ─ a model that is fetched ─► Budget ─┐
//! Loudness, dominant speaker, VoiceRate ─► RawVoice ──────────────────┴─► carried ─► choose, quality
//! ```

use std::cmp::Ordering;

use crate::{
    bandwidth::{Current, RawVoice, carried},
    forward::LayerChoice,
    id::LayerIndex,
    media::Kind,
    room::{
        Context, MemberKey, Room, Seat, Track,
        demand::{LOW_VOICE_BITRATE, VOICE_BITRATE, VOICES},
    },
    signal::QualityLimit,
    slot::SlotKey,
    time::Time,
};

/// What a line carries besides media and models, in bits per second: the websocket, and what TCP says
/// of models that are fetched.
const SIGNALLING: u64 = 4_000;

/// What sound takes on the way to a client, in bits per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sound {
    /// What is sent now: voices, bundles and a model that is fetched.
    pub(super) sent: u64,
    /// With the cheapest voice that is held back; `None`: none is.
    pub(super) next: Option<u64>,
    /// If all voices were sent, and none asked for at a low rate.
    pub(super) full: u64,
}

impl Room {
    /// Sends a client the raw voices that its line carries beside models and signalling, and holds
    /// back the others. Returns whether those are others than before.
    pub(super) fn fit_heard(&mut self, cx: &mut Context<'_>, key: MemberKey) -> bool {
        let now = cx.now;
        let reserved = SIGNALLING.saturating_add(self.models_take(now, key));
        let Some(peer) = self.peer_mut(key) else { return false };
        let budget = peer.allowance.sound_budget(now, reserved);
        let heard = || self.heard(now, key);
        let all = heard().fold(0_u64, |sum, (_, voice)| sum.saturating_add(voice.takes));
        if all <= budget.keep && heard().all(|(_, voice)| voice.sent) {
            return false;
        }
        let (slots, voices): (Vec<SlotKey>, Vec<RawVoice>) = heard().unzip();
        let sent = carried(budget, &voices);
        let before = voices.iter().filter(|voice| voice.sent).count();
        let after = sent.iter().filter(|&&sent| sent).count();
        let changes = slots.into_iter().zip(&voices).zip(sent);
        let changes = changes.filter(|((_, voice), sent)| voice.sent != *sent);
        let changes: Vec<(SlotKey, bool)> = changes.map(|((slot, _), sent)| (slot, sent)).collect();
        for &(slot, sent) in &changes {
            self.send_voice(cx, Seat { member: key, slot }, sent);
        }
        let Some(peer) = self.peer_mut(key) else { return false };
        match after.cmp(&before) {
            Ordering::Less => peer.allowance.voices.lowered(now),
            Ordering::Equal => {}
            Ordering::Greater => peer.allowance.voices.improved(now),
        }
        peer.allowance.stale |= !changes.is_empty();
        !changes.is_empty()
    }

    /// Lets an audio slot send what it is pointed at, or holds it back.
    fn send_voice(&mut self, cx: &mut Context<'_>, seat: Seat, is_sent: bool) {
        let Some(slot) = self.slot_mut(seat) else { return };
        (slot.serving.current, slot.serving.limit) = if is_sent {
            (Current::Fresh, None)
        } else {
            (Current::Paused, Some(QualityLimit::Bandwidth))
        };
        self.choose(cx, seat, is_sent.then_some(LayerChoice::whole(LayerIndex(0))));
    }

    /// The raw voices that have slots of a client. One that is silent counts with what its silence
    /// takes.
    fn heard(&self, now: Time, key: MemberKey) -> impl Iterator<Item = (SlotKey, RawVoice)> {
        let stage = self.on_stage();
        let slots = self.members[key].peer.iter().flat_map(|peer| peer.slots.of_kind(Kind::Audio));
        slots.filter_map(move |(key, slot)| {
            let track = &self.tracks[slot.content?];
            let speaking = track.loudness.is_speaking();
            let voice = RawVoice {
                speaking,
                dominant: Some(track.owner) == stage,
                last_spoke: track.loudness.last_spoke(now),
                level: track.loudness.average() as u8,
                sent: !slot.serving.is_paused(),
                takes: if speaking { track.supply.voice_takes() } else { measured(now, track) },
            };
            Some((key, voice))
        })
    }

    /// Bits per second that bundles and a model that is fetched take on the way to a client.
    fn models_take(&self, now: Time, key: MemberKey) -> u64 {
        let Some(peer) = &self.members[key].peer else { return 0 };
        let fetched = peer.models.fetching.map_or(0, |fetching| fetching.bitrate);
        peer.models.bundler.bitrate(now) + peer.allowance.of_model(fetched)
    }

    /// Bits per second that the raw voices of a client would take if all that are heard spoke, models
    /// beside them.
    pub(super) fn all_speak(&self, now: Time, key: MemberKey) -> u64 {
        let Some(peer) = &self.members[key].peer else { return 0 };
        let heard = peer.slots.of_kind(Kind::Audio).filter_map(|(_, slot)| slot.content);
        let voices = heard.map(|track| self.tracks[track].supply.voice_takes());
        voices.fold(self.models_take(now, key), u64::saturating_add)
    }

    /// What sound takes on the way to a client.
    pub(super) fn sound(&self, now: Time, key: MemberKey) -> Sound {
        let (mut sent, mut held, mut next) = (0_u64, 0_u64, None::<u64>);
        let (mut is_low, mut heard) = (false, 0);
        let Some(peer) = &self.members[key].peer else { return Sound::default() };
        for (_, slot) in peer.slots.of_kind(Kind::Audio) {
            let Some(track) = slot.content.map(|track| &self.tracks[track]) else { continue };
            heard += 1;
            is_low |= track.supply.is_low_rate();
            if slot.serving.is_paused() {
                let takes = track.supply.voice_takes();
                held = held.saturating_add(takes);
                next = Some(next.map_or(takes, |next| next.min(takes)));
            } else {
                sent += measured(now, track);
            }
        }
        // Where all are silent now, somebody may speak in a moment.
        let voice = if is_low { LOW_VOICE_BITRATE } else { VOICE_BITRATE };
        let sent = sent.max(voice * heard.min(1));
        let full = if is_low { VOICES.min(heard) * VOICE_BITRATE } else { sent };
        let models = self.models_take(now, key);
        Sound {
            sent: sent + models,
            next: next.map(|next| sent.saturating_add(next) + models + SIGNALLING),
            full: full.max(sent.saturating_add(held)) + models,
        }
    }
}

/// Bits per second that a sound takes now on the way to a client.
fn measured(now: Time, track: &Track) -> u64 {
    track.layer(LayerIndex(0)).bitrate(now)
}
