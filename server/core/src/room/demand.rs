//! What a publisher is asked for: the layers that anybody needs, and a voice that everybody's line
//! carries.
//!
//! What is needed is asked for at once; what nobody needs is stopped after a while, so that somebody
//! who turns a page to and fro costs no keyframe. A layer that was asked for and does not come, while
//! others do, is taken for one that the publisher cannot send.

use std::time::Duration;

use crate::{
    bandwidth::{Ladder, LayerState, Preference, VoiceRate},
    forward::{Received, RedLevel},
    id::{LayerIndex, TrackId},
    input::RemoteEvent,
    peer::MAX_LAYERS,
    room::{Context, Layer, Room, Track, TrackKey, allocate::SURVEY_INTERVAL},
    signal::{AudioDemand, LayerDemand, ServerMessage, Source},
    slot::LayerSet,
    time::Time,
};

/// For how long nobody must have needed a layer until it is stopped.
const LINGER: Duration = Duration::from_secs(2);

/// The same for the smallest layer: nobody must have watched at all.
const LINGER_SMALLEST: Duration = Duration::from_secs(10);

/// How long after it was asked for a layer may take to come: a round trip, the encoder's start, and
/// the second or so in which a browser's sender finds out what its line carries.
const START_TIME: Duration = Duration::from_millis(2_500);

/// How long what another shard needs counts, which it repeats each [`REPEAT`].
const LEASE: Duration = Duration::from_secs(4);

/// See [`LEASE`].
const REPEAT: Duration = Duration::from_secs(1);

/// For how long every line that hears a voice must carry it in full until it is asked for again.
const VOICE_HOLD: Duration = Duration::from_secs(10);

/// A voice at the normal rate: Opus at 24 to 32 kbit/s in packets of 20 ms, headers included.
pub(super) const VOICE_BITRATE: u64 = 50_000;

/// A voice at the low rate, headers included.
pub(super) const LOW_VOICE_BITRATE: u64 = 20_000;

/// Voices at the normal rate that a line must carry: more do not speak at once for long.
pub(super) const VOICES: u64 = 2;

/// How much more than the voices a line must carry that is to have a picture or another voice beside
/// them, in per mille.
const WITH_MORE: u64 = 2_500;

/// How much more a line must carry to count as wide again, in per mille.
const VOICE_MARGIN: u64 = 1_200;

/// For how long after it began what a layer is measured to take is not smoothed: as long as the meter
/// itself needs.
const MEASURING: Duration = Duration::from_millis(1_200);

/// Over which losses on the way to the node are counted, and the least packets for a verdict.
const UPLINK_SPAN: Duration = Duration::from_secs(2);

/// See [`UPLINK_SPAN`].
const UPLINK_PACKETS: u64 = 50;

/// As the publisher likes.
const NORMAL_VOICE: AudioDemand =
    AudioDemand { active: true, max_bitrate: None, packet_time: 20, dtx: false, red: false };

/// A sixth of the bits: with packets of 60 ms headers take a third of those at 20 ms.
const LOW_RATE_VOICE: AudioDemand =
    AudioDemand { active: true, max_bitrate: Some(10_000), packet_time: 60, dtx: true, red: false };

/// What a publication can be had in, and what its publisher was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Supply {
    ladder: Ladder,
    asked: [Asked; MAX_LAYERS],
    /// When the other shards were told what is needed here, and what.
    relayed: Option<(Time, LayerSet)>,
    /// When somebody last heard it over a line that is too thin for it.
    strained: Option<Time>,
    voice: AudioDemand,
    /// What it takes while somebody speaks, if it is a sound.
    rate: VoiceRate,
    /// When somebody last needed it raw, if it is a voice.
    heard: Time,
    /// What a voice loses on its way to the node.
    pub(super) uplink: Uplink,
}

/// The losses of a stream before anything is repaired.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Uplink {
    /// The epoch and the highest number that came.
    highest: Option<(u32, u64)>,
    came: u64,
    missed: u64,
    since: Time,
    red: RedLevel,
}

impl Uplink {
    /// Counts a packet that came in time, and those that should have come before it.
    pub(super) fn observe(&mut self, received: &Received) {
        let (epoch, seq) = (received.epoch, received.seq);
        self.came += 1;
        match self.highest {
            Some((known, highest)) if known == epoch => {
                self.missed += seq.saturating_sub(highest + 1);
                self.highest = Some((epoch, highest.max(seq)));
            }
            _ => self.highest = Some((epoch, seq)),
        }
    }

    /// Whether packets should carry their predecessors, by the losses of the last two seconds.
    fn wants_redundancy(&mut self, now: Time) -> bool {
        let all = self.came + self.missed;
        if now.saturating_since(self.since) >= UPLINK_SPAN && all >= UPLINK_PACKETS {
            self.red.observe((self.missed * 1_000 / all) as u16, None);
            (self.came, self.missed, self.since) = (0, 0, now);
        }
        self.red.level() > 0
    }
}

/// What a publisher was asked about one layer.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// Whether it is to be sent, as it was told; at first all are.
    active: bool,
    /// Since when.
    since: Time,
    /// When somebody last needed it.
    needed: Time,
    /// Until when another shard needs it.
    leased: Time,
    /// What it takes; `None`: it never came.
    taken: Option<Taken>,
}

/// What a layer was measured to take.
#[derive(Clone, Copy, Debug)]
struct Taken {
    /// Bits per second, smoothed.
    takes: u64,
    /// The first time that it was measured.
    first: Time,
    /// The last time.
    at: Time,
}

impl Supply {
    /// Of a publication that began just now.
    pub(crate) fn new(now: Time) -> Self {
        let asked =
            Asked { active: true, since: now, needed: now, leased: Time::default(), taken: None };
        Self {
            ladder: Ladder::default(),
            asked: [asked; MAX_LAYERS],
            relayed: None,
            strained: None,
            voice: NORMAL_VOICE,
            rate: VoiceRate::new(VOICE_BITRATE),
            heard: now,
            uplink: Uplink::default(),
        }
    }

    /// What it can be had in.
    pub(crate) const fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// Whether the publisher was asked to code the voice at a low rate.
    pub(super) fn is_low_rate(&self) -> bool {
        self.voice.max_bitrate.is_some()
    }

    /// Bits per second that a voice takes on the way to a client while somebody speaks.
    pub(super) const fn voice_takes(&self) -> u64 {
        self.rate.takes()
    }

    /// Somebody hears it over a line that is too thin for it.
    pub(super) const fn strain(&mut self, now: Time) {
        self.strained = Some(now);
    }
}

impl Asked {
    /// Whether it comes, or would if it were asked for; given whether it does, and whether any other
    /// does.
    fn is_available(&self, now: Time, alive: bool, any: bool) -> bool {
        alive || !any || !self.active || now.saturating_since(self.since) < START_TIME
    }

    /// Takes what was measured: in the first second as it is, then more within a second and less
    /// within two, so that a keyframe does not pass for a rate, nor a still moment for a cheap picture.
    fn measure(&mut self, now: Time, bitrate: u64) {
        let Some(Taken { takes, first, at }) = &mut self.taken else {
            self.taken = Some(Taken { takes: bitrate, first: now, at: now });
            return;
        };
        if now.saturating_since(*first) < MEASURING {
            *takes = bitrate;
        } else if now.saturating_since(*at) < SURVEY_INTERVAL {
            return;
        } else if bitrate > *takes {
            *takes += (bitrate - *takes) / 4;
        } else {
            *takes -= (*takes - bitrate) / 8;
        }
        *at = now;
    }
}

impl Track {
    /// Looks anew at what the publication can be had in. Returns whether other layers can be had than
    /// before.
    pub(crate) fn survey(&mut self, now: Time) -> bool {
        // Once a publisher says what it makes, what it does not name is not made.
        let made = self.layers.iter().rposition(|layer| layer.described.is_some());
        let count = made.map_or(self.layers.len(), |last| last + 1).min(MAX_LAYERS);
        let before = (self.supply.ladder.rungs().len(), self.supply.ladder.is_short());
        let (alive, is_single) = (self.alive(), count == 1);
        let any = !alive.is_empty() && !is_single;
        let mut states = [LayerState::default(); MAX_LAYERS];
        let pairs = self.layers.iter().zip(&mut self.supply.asked).zip(&mut states);
        for (place, ((layer, asked), state)) in pairs.enumerate().take(count) {
            let is_alive = alive.contains(LayerIndex(place as u8));
            let measured = layer.bitrate(now);
            // The end of a layer that stops is no measure of it.
            if measured > 0 && layer.is_flowing(now) {
                asked.measure(now, measured.min(most(layer)));
            }
            *state = describe(layer, place, count);
            state.bitrate = asked.taken.map_or(state.bitrate, |taken| taken.takes);
            state.available = asked.is_available(now, is_alive, any);
        }
        let preference = match self.source {
            Source::Screen => Preference::Detail,
            _ => Preference::Motion,
        };
        self.supply.ladder = Ladder::new(&states[..count], preference);
        before != (self.supply.ladder.rungs().len(), self.supply.ladder.is_short())
    }

    /// Looks what a sound takes that somebody hears.
    pub(super) fn measure_voice(&mut self, now: Time) {
        if !self.seats.is_empty() {
            let measured = self.layer(LayerIndex(0)).bitrate(now);
            self.supply.rate.measure(now, measured, self.loudness.is_speaking());
        }
    }

    /// Whether a layer comes, or would if it were asked for.
    pub(super) fn can_come(&self, now: Time, index: LayerIndex) -> bool {
        let alive = self.alive();
        let any = !alive.is_empty() && self.layers.len() > 1;
        self.supply.asked[usize::from(index.0)].is_available(now, alive.contains(index), any)
    }
}

/// A layer as its publisher describes it, or as it usually is.
fn describe(layer: &Layer, place: usize, count: usize) -> LayerState {
    // Of simulcast the heights matter more than that they are right.
    let usual_height = if count == 1 { 0 } else { 720 >> (count - 1 - place) };
    let height = layer.described.map_or(usual_height, |described| described.height);
    let limit = layer.described.and_then(|described| described.max_bitrate);
    let (spatial, temporal) = layer.parts();
    LayerState {
        height,
        bitrate: limit.map_or(usual_bitrate(height), u64::from),
        spatial,
        temporal,
        available: true,
        shares: layer.shares(),
    }
}

/// What a layer takes at most on the wire, by its encoder's own limit: a keyframe alone, over a short
/// while, may pass for more.
fn most(layer: &Layer) -> u64 {
    let limit = layer.described.and_then(|described| described.max_bitrate);
    limit.map_or(u64::MAX, |limit| u64::from(limit) * 6 / 5)
}

/// What browsers spend on a camera of a height in pixels, in bits per second.
const fn usual_bitrate(height: u16) -> u64 {
    match height {
        0 => 1_000_000,
        1..=200 => 150_000,
        201..=300 => 300_000,
        301..=400 => 500_000,
        401..=600 => 1_000_000,
        601..=800 => 1_700_000,
        801..=1_200 => 3_000_000,
        _ => 6_000_000,
    }
}

impl Room {
    /// A slot needs these layers from now on: those that were stopped are asked for at once.
    pub(super) fn need(&mut self, cx: &mut Context<'_>, key: TrackKey, needs: LayerSet) {
        let supply = &mut self.tracks[key].supply;
        let mut woken = false;
        for (place, asked) in supply.asked.iter_mut().enumerate() {
            if needs.contains(LayerIndex(place as u8)) {
                asked.needed = cx.now;
                if !asked.active {
                    (asked.active, asked.since, woken) = (true, cx.now, true);
                }
            }
        }
        if woken {
            self.ask_for_layers(cx, key);
        }
    }

    /// Another shard needs these layers.
    pub(crate) fn lease_layers(&mut self, cx: &mut Context<'_>, key: TrackKey, layers: u8) {
        let layers = LayerSet::from_bits(layers);
        let supply = &mut self.tracks[key].supply;
        for (place, asked) in supply.asked.iter_mut().enumerate() {
            if layers.contains(LayerIndex(place as u8)) {
                asked.leased = cx.now + LEASE;
            }
        }
        self.need(cx, key, layers);
    }

    /// Stops the layers that nobody has needed for a while.
    pub(super) fn stop_unneeded_layers(&mut self, cx: &mut Context<'_>) {
        let mut tracks = std::mem::take(&mut self.scratch.layers);
        let videos = self.tracks.iter().filter(|(_, track)| track.is_video());
        let videos = videos.filter(|(key, _)| self.is_surveyed(*key));
        tracks.extend(videos.map(|(key, _)| (key, LayerIndex(0))));
        for (key, _) in tracks.drain(..) {
            let needs = self.needs(key);
            let track = &mut self.tracks[key];
            let count = track.layers.len();
            let mut stopped = false;
            for (place, asked) in track.supply.asked.iter_mut().enumerate().take(count) {
                if needs.contains(LayerIndex(place as u8)) || asked.leased > cx.now {
                    asked.needed = cx.now;
                }
                let linger = if place == 0 { LINGER_SMALLEST } else { LINGER };
                if asked.active && cx.now.saturating_since(asked.needed) >= linger {
                    (asked.active, asked.since, stopped) = (false, cx.now, true);
                }
            }
            if self.members[track.owner].peer.is_none() {
                self.relay_needs(cx, key, needs);
            } else if stopped {
                self.ask_for_layers(cx, key);
            }
        }
        self.scratch.layers = tracks;
    }

    /// The layers of a track that slots and learners here need; the smallest among them whenever anybody watches:
    /// to it everybody can go down without waiting.
    fn needs(&self, key: TrackKey) -> LayerSet {
        let mut needs = LayerSet::default();
        for seat in &self.tracks[key].seats {
            let peer = self.members[seat.member].peer.as_ref();
            let Some(slot) = peer.and_then(|peer| peer.slots.get(seat.slot)) else { continue };
            needs.add_all(slot.serving.needs);
            // Until it has gone over to another.
            if let Some(layer) = slot.stream.layer() {
                needs.add(layer);
            }
        }
        if !needs.is_empty() || self.may_fall(key) {
            needs.add(LayerIndex(0));
        }
        if let Some(layer) = self.learned_layer(key) {
            needs.add(layer);
        }
        needs
    }

    /// Tells the shard of the publisher what is needed here.
    fn relay_needs(&mut self, cx: &mut Context<'_>, key: TrackKey, needs: LayerSet) {
        let track = &mut self.tracks[key];
        let is_told = match track.supply.relayed {
            Some((at, told)) => {
                told == needs && (needs.is_empty() || cx.now.saturating_since(at) < REPEAT)
            }
            None => needs.is_empty(),
        };
        if !is_told {
            track.supply.relayed = Some((cx.now, needs));
            let (track, layers) = (track.id, needs.bits());
            self.relay(cx, || RemoteEvent::LayersNeeded { track, layers });
        }
    }

    /// Tells a publisher which layers are needed.
    fn ask_for_layers(&mut self, cx: &mut Context<'_>, key: TrackKey) {
        let track = &self.tracks[key];
        let Some(peer) = &self.members[track.owner].peer else {
            let (track, layers) = (track.id, self.needs(key).bits());
            return self.relay(cx, || RemoteEvent::LayersNeeded { track, layers });
        };
        let Some(mid) = peer.lines.of_track(key).map(|line| line.mid) else { return };
        let layers = track.layers.iter().zip(&track.supply.asked);
        let layers =
            layers.map(|(layer, asked)| LayerDemand { rid: layer.rid, active: asked.active });
        let layers = layers.collect();
        cx.say(peer.id, ServerMessage::Demand { mid, layers, audio: None });
    }

    /// Marks the voices that are heard over lines too thin for them, and asks for each voice in the
    /// rate that the thinnest line carries, with redundancy where the publisher's own loses packets.
    pub(super) fn fit_voices(&mut self, cx: &mut Context<'_>) {
        if cx.config.low_rate_voice {
            self.mark_strained_voices(cx);
        }
        let mut voices = std::mem::take(&mut self.scratch.voices);
        let is_voice = |track: &Track| track.source == Source::Microphone;
        voices.extend(self.tracks.iter().filter(|(_, track)| is_voice(track)).map(|(key, _)| key));
        for key in voices.drain(..) {
            let needed = self.needs_raw_voice(key);
            self.fit_voice(cx, key, needed);
        }
        self.scratch.voices = voices;
    }

    /// Asks for one voice as its listeners need it. `needed`: some do so raw.
    pub(super) fn fit_voice(&mut self, cx: &mut Context<'_>, key: TrackKey, needed: bool) {
        let track = &mut self.tracks[key];
        if needed {
            track.supply.heard = cx.now;
        }
        let Some(peer) = &self.members[track.owner].peer else { return };
        let Some(line) = peer.lines.of_track(key) else { return };
        let recent = |at: Time| cx.now.saturating_since(at) < VOICE_HOLD;
        let has_red = line.formats.iter().any(|format| format.red.is_some());
        // Stopped after a while, so that one who changes his mind costs nothing.
        let active = cx.now.saturating_since(track.supply.heard) < LINGER;
        let voice = if track.supply.strained.is_some_and(recent) {
            AudioDemand { active, ..LOW_RATE_VOICE }
        } else {
            let red = has_red && track.supply.uplink.wants_redundancy(cx.now);
            AudioDemand { active, red, ..NORMAL_VOICE }
        };
        if track.supply.voice != voice {
            let is_low = voice.max_bitrate.is_some();
            if track.supply.is_low_rate() != is_low {
                let usual = if is_low { LOW_VOICE_BITRATE } else { VOICE_BITRATE };
                track.supply.rate.ask(cx.now, usual);
            }
            track.supply.voice = voice;
            let (mid, layers) = (line.mid, Vec::new());
            cx.say(peer.id, ServerMessage::Demand { mid, layers, audio: Some(voice) });
        }
    }

    fn mark_strained_voices(&mut self, cx: &Context<'_>) {
        let mut voices = std::mem::take(&mut self.scratch.voices);
        for (_, member) in self.members.iter().filter(|(key, _)| self.is_surveyed(*key)) {
            let Some(peer) = &member.peer else { continue };
            let Some(estimate) = peer.allowance.estimate else { continue };
            let heard = || {
                let slots = peer.slots.iter().filter_map(|(_, slot)| slot.content);
                slots.filter(|&track| self.tracks[track].source == Source::Microphone)
            };
            let low = heard().any(|track| self.tracks[track].supply.is_low_rate());
            let margin = if low { VOICE_MARGIN } else { 1_000 };
            let needed = VOICE_BITRATE * VOICES.min(heard().count() as u64) * margin / 1_000;
            // Whatever finds no place beside voices is worth more than their full rate.
            let paused = peer.slots.iter().any(|(_, slot)| slot.serving.is_paused());
            let needed = if low || paused { needed * WITH_MORE / 1_000 } else { needed };
            if estimate.bitrate < needed {
                voices.extend(heard());
            }
        }
        for key in voices.drain(..) {
            self.tracks[key].supply.strain(cx.now);
        }
        self.scratch.voices = voices;
    }

    /// What another shard needs of a track of this one.
    pub(crate) fn layers_needed(&mut self, cx: &mut Context<'_>, track: TrackId, layers: u8) {
        let here = |&key: &TrackKey| self.members[self.tracks[key].owner].peer.is_some();
        if let Some(key) = self.track_of(track).filter(here) {
            self.lease_layers(cx, key, layers);
        }
    }
}
