//! Who is told to fetch which model, and what is set aside for it.

use std::time::Duration;

use sotto_frame::Epoch;

use crate::{
    id::ShortId,
    input::ModelHeader,
    output::Output,
    peer::{Fetched, Fetching},
    room::{Context, MemberKey, Room, TrackKey, schedule::hasten},
    signal::{FetchModel, ModelCopy, ServerMessage, Source},
};

/// The most that a model may take while it is fetched, in bits per second: more is of no use for some
/// 100 KB.
const MOST: u64 = 4_000_000;

/// The same while nothing is known of the line.
const UNKNOWN: u64 = 1_000_000;

/// A change of the share of a line in per mille that what is fetched follows.
const NOTABLE: u64 = 200;

/// How much longer than its rate says a fetch may take, and what it takes besides.
const PATIENCE: u32 = 3;
const SETUP: Duration = Duration::from_secs(5);

impl Room {
    /// Tells a client to fetch what it needs most, one model at a time.
    pub(super) fn fetch_models(&mut self, cx: &mut Context<'_>, key: MemberKey) {
        let Some((track, model)) = self.most_wanted(key) else { return };
        let (owner, source) = (self.tracks[track].owner, self.tracks[track].source);
        let (participant, who) = (self.members[owner].id, self.members[owner].short_id);
        let before = self.source_model(owner, source).and_then(|model| model.before);
        let used = self.source_model(owner, source).and_then(|model| model.used);
        let copy = self.copy_of(owner, source, model.hash);
        let Some(peer) = self.peer_mut(key) else { return };
        let most = peer.allowance.estimate.map_or(UNKNOWN, |_| MOST);
        let bitrate = peer.allowance.of_model(most);
        let base = peer.models.base(who, source).map(|base| base.hash);
        // The node keeps the last epochs, and no others.
        let base = base.filter(|&base| [used, before].iter().flatten().any(|m| m.hash == base));
        let time = Duration::from_micros(u64::from(model.bytes) * 8_000_000 / bitrate);
        let until = cx.now + SETUP + time * PATIENCE;
        let epoch = model.epoch;
        peer.models.fetching = Some(Fetching {
            who,
            source,
            epoch,
            hash: model.hash,
            bytes: model.bytes,
            bitrate,
            until,
        });
        let given = Fetched { who, participant, source, epoch, hash: model.hash };
        if !peer.models.fetched.contains(&given) {
            peer.models.fetched.push(given);
        }
        peer.allowance.stale = true;
        let fetch = FetchModel {
            participant,
            source,
            plugin: model.plugin.get(),
            version: model.version,
            epoch: epoch.0,
            hash: model.hash,
            bytes: model.bytes,
            base,
            bitrate,
        };
        if copy.is_some() {
            let copy = ModelCopy { participant, source, hash: model.hash, copy };
            cx.say(peer.id, ServerMessage::ModelCopy(copy));
        }
        cx.say(peer.id, ServerMessage::FetchModel(Box::new(fetch)));
        hasten(&mut peer.models.due, until);
        hasten(&mut self.schedule.forms, until);
    }

    /// What a line carries has changed: what is fetched over it keeps to its share.
    pub(in crate::room) fn pace_fetch(&mut self, cx: &mut Context<'_>, key: MemberKey) {
        let Some(peer) = self.peer_mut(key) else { return };
        let Some(fetching) = &mut peer.models.fetching else { return };
        let share = peer.allowance.of_model(MOST);
        let change = share.abs_diff(fetching.bitrate);
        if peer.allowance.estimate.is_none() || change * 1_000 < fetching.bitrate * NOTABLE {
            return;
        }
        // At worst all of it is still to come.
        let time = Duration::from_micros(u64::from(fetching.bytes) * 8_000_000 / share);
        fetching.until = fetching.until.max(cx.now + time * PATIENCE);
        fetching.bitrate = share;
        let rate = Output::ModelRate { peer: peer.id, hash: fetching.hash, bitrate: share };
        cx.outputs.push_back(rate);
    }

    /// A fetch has ended, well or not.
    pub(super) fn end_fetch(&mut self, key: MemberKey, who: ShortId, source: Source, epoch: Epoch) {
        let Some(peer) = self.peer_mut(key) else { return };
        let is_it =
            |fetch: &mut Fetching| (fetch.who, fetch.source, fetch.epoch) == (who, source, epoch);
        if peer.models.fetching.take_if(is_it).is_some() {
            peer.allowance.stale = true;
        }
    }

    /// Gives up a fetch that takes too long: it is tried again later.
    pub(super) fn end_overdue_fetch(&mut self, cx: &Context<'_>, key: MemberKey) {
        let Some(peer) = self.peer_mut(key) else { return };
        let overdue = peer.models.fetching.take_if(|fetch| fetch.until <= cx.now);
        let Some(Fetching { who, source, epoch, .. }) = overdue else { return };
        peer.allowance.stale = true;
        let speaker = self.order.get(&who).copied();
        let track = speaker.and_then(|speaker| self.published_source(speaker, source));
        if let (Some(track), Some(peer)) = (track, self.peer_mut(key))
            && let Some(form) = peer.models.form_mut(track)
        {
            form.representation.failed(cx.now, epoch, true, &cx.config.model_backoff);
        }
    }

    /// The model that a client needs most and does not hold; `None` while it fetches one.
    fn most_wanted(&self, key: MemberKey) -> Option<(TrackKey, ModelHeader)> {
        let peer = self.members[key].peer.as_ref()?;
        if peer.models.fetching.is_some() {
            return None;
        }
        let wanted = peer.models.forms.iter().filter_map(|form| {
            let of = &self.tracks[form.track];
            let who = self.members[of.owner].short_id;
            let latest = *self.source_model(of.owner, of.source)?.latest()?;
            let is_needed = form.representation.wants().is_some() || form.representation.is_model();
            let is_missing = !peer.models.holds(who, of.source, latest.epoch)
                && !form.representation.has_failed(latest.epoch);
            (is_needed && is_missing).then_some((form.rank, form.track, latest))
        });
        wanted.min_by_key(|(rank, ..)| *rank).map(|(_, track, model)| (track, model))
    }
}
