//! Models, as one connection receives them.

use std::time::Duration;

use sotto_frame::{Epoch, ModelHash, PluginId};

use crate::{
    bundle::{Bundler, Rank, Resends, Voices},
    id::{Mid, ParticipantId, PayloadType, ShortId, Ssrc},
    media::Kind,
    representation::{Representation, Status, Support, ThinLine},
    room::{TrackKey, plugin_kind},
    signal::{Decoding, ModelSupport, ModelTransport, Policy, Source},
    time::Time,
};

/// Plug-ins that a client may name.
pub(crate) const MAX_PLUGINS: usize = 16;

/// The receiving m-line of the bundle stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BundleLine {
    /// Its tag.
    pub(crate) mid: Mid,
    /// The source of its packets, for as long as the connection lives.
    pub(crate) ssrc: Ssrc,
    /// The payload type of Opus there.
    pub(crate) payload_type: PayloadType,
}

/// What one connection receives in model form, and what it was told of it.
#[derive(Debug)]
pub(crate) struct PeerModels {
    /// Whether the node uses models: otherwise none is offered, whatever its client says.
    pub(crate) enabled: bool,
    /// Where bundles go as RTP.
    pub(crate) line: Option<BundleLine>,
    /// What the client can show; `None`: it did not say, and shows none.
    support: Option<ModelSupport>,
    /// What the client asked for.
    pub(crate) policy: Option<Policy>,
    /// The tracks that it may receive in model form.
    pub(crate) forms: Vec<TrackForm>,
    /// The models that it holds.
    held: Vec<Held>,
    /// The models that it was told to fetch, and may hold, with their speakers.
    pub(crate) fetched: Vec<Fetched>,
    /// The one that it is fetching.
    pub(crate) fetching: Option<Fetching>,
    /// More is lost than can be concealed.
    pub(crate) lossy: bool,
    /// Whether the line to the client is thin.
    pub(crate) downward: ThinLine,
    /// Whether the line from it is, as it said.
    pub(crate) upward: ThinLine,
    /// When its forms are to be looked at.
    pub(crate) due: Option<Time>,
    pub(crate) voices: Voices,
    pub(crate) bundler: Bundler,
    pub(crate) resends: Resends,
}

/// In which form one track is received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrackForm {
    pub(crate) track: TrackKey,
    pub(crate) representation: Representation,
    /// What the client was told, and by how much its publisher's clock was off then.
    pub(crate) told: Option<(Status, Option<u64>)>,
    /// How important its frames are.
    pub(crate) rank: Rank,
    /// Whether raw media were to flow when it was last looked at.
    pub(crate) raw: bool,
}

/// A model that the client holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    who: ShortId,
    source: Source,
    epoch: Epoch,
}

/// A model that the client was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fetched {
    pub(crate) who: ShortId,
    pub(crate) participant: ParticipantId,
    pub(crate) source: Source,
    pub(crate) epoch: Epoch,
    pub(crate) hash: ModelHash,
}

/// A model that is on its way to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fetching {
    pub(crate) who: ShortId,
    pub(crate) source: Source,
    pub(crate) epoch: Epoch,
    pub(crate) hash: ModelHash,
    /// Its length.
    pub(crate) bytes: u32,
    /// What is set aside for it on the line, in bits per second.
    pub(crate) bitrate: u64,
    /// When it is given up.
    pub(crate) until: Time,
}

impl PeerModels {
    /// Of a connection that said nothing yet.
    pub(crate) fn new(interval: Option<Duration>) -> Self {
        Self {
            enabled: false,
            line: None,
            support: None,
            policy: None,
            forms: Vec::new(),
            held: Vec::new(),
            fetched: Vec::new(),
            fetching: None,
            lossy: false,
            downward: ThinLine::default(),
            upward: ThinLine::default(),
            due: None,
            voices: Voices::default(),
            bundler: Bundler::new(interval),
            resends: Resends::default(),
        }
    }

    /// The client says what it can show.
    pub(crate) fn set_support(&mut self, support: ModelSupport) {
        self.support = Some(support);
    }

    /// Whether the client ever said what it can show: it is then told in which form everything comes.
    pub(crate) const fn is_asking(&self) -> bool {
        self.support.is_some()
    }

    /// How bundles go to it; `None`: there is no way.
    pub(crate) fn transport(&self) -> Option<ModelTransport> {
        match self.support.as_ref()?.transport {
            ModelTransport::Rtp => self.line.map(|_| ModelTransport::Rtp),
            ModelTransport::Data => Some(ModelTransport::Data),
        }
    }

    /// Whether the client can show models of a plug-in.
    pub(crate) fn support(&self, plugin: u8, version: u8) -> Support {
        let known = self.support.iter().flat_map(|support| &support.plugins);
        let known = known.filter(|known| (known.plugin, known.version) == (plugin, version));
        match known.map(|known| known.decode).next() {
            _ if self.transport().is_none() => Support::No,
            Some(Decoding::Yes) => Support::Yes,
            Some(Decoding::TooSlow) => Support::TooSlow,
            Some(Decoding::No) | None => Support::No,
        }
    }

    /// Whether the client can show models of any plug-in for a kind of media.
    pub(crate) fn may_show(&self, kind: Kind) -> bool {
        let known = self.support.iter().flat_map(|support| &support.plugins);
        let mut shown = known.filter(|known| known.decode == Decoding::Yes);
        let is_of = |plugin| PluginId::new(plugin).is_ok_and(|id| id.kind() == plugin_kind(kind));
        self.transport().is_some() && shown.any(|known| is_of(known.plugin))
    }

    /// The form of a track; `None`: raw, and nothing else was ever thought of.
    pub(crate) fn form(&self, track: TrackKey) -> Option<&TrackForm> {
        self.forms.iter().find(|form| form.track == track)
    }

    /// See [`Self::form`].
    pub(crate) fn form_mut(&mut self, track: TrackKey) -> Option<&mut TrackForm> {
        self.forms.iter_mut().find(|form| form.track == track)
    }

    /// Whether the client holds an epoch. The generic one comes with the plug-in.
    pub(crate) fn holds(&self, who: ShortId, source: Source, epoch: Epoch) -> bool {
        epoch.is_generic() || self.held.contains(&Held { who, source, epoch })
    }

    /// The client holds an epoch from now on; those before the last one are forgotten.
    pub(crate) fn hold(&mut self, who: ShortId, source: Source, epoch: Epoch) {
        let held = Held { who, source, epoch };
        if self.held.contains(&held) {
            return;
        }
        let last = self.held.iter().filter(|held| (held.who, held.source) == (who, source));
        let last = last.map(|held| held.epoch).max().map(|last| last.min(epoch));
        self.held.retain(|held| {
            (held.who, held.source) != (who, source) || last.is_none_or(|last| held.epoch >= last)
        });
        self.held.push(held);
    }

    /// The latest epoch that the client holds of those that the node gave it, with its name.
    pub(crate) fn base(&self, who: ShortId, source: Source) -> Option<&Fetched> {
        let given = self.fetched.iter().filter(|given| (given.who, given.source) == (who, source));
        given.filter(|given| self.holds(who, source, given.epoch)).max_by_key(|given| given.epoch)
    }

    /// Takes out the models of a speaker's source that `gone` names, which the client is to forget.
    pub(crate) fn forget_models(
        &mut self,
        who: ShortId,
        source: Source,
        gone: impl Fn(Epoch) -> bool,
    ) -> Vec<Fetched> {
        let is_of = |w: ShortId, s: Source, epoch: Epoch| (w, s) == (who, source) && gone(epoch);
        self.held.retain(|held| !is_of(held.who, held.source, held.epoch));
        let fetching = &mut self.fetching;
        fetching.take_if(|fetch| is_of(fetch.who, fetch.source, fetch.epoch));
        let (forgotten, kept) = self.fetched.iter().partition(|f| is_of(f.who, f.source, f.epoch));
        self.fetched = kept;
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::PluginSupport;

    #[test]
    fn support_is_by_plug_in_and_version_and_needs_a_way_for_bundles() {
        let plugin = |plugin, decode| PluginSupport { plugin, version: 2, decode };
        let plugins = vec![plugin(1, Decoding::Yes), plugin(9, Decoding::TooSlow)];
        let mut models = PeerModels::new(None);
        assert_eq!(models.support(1, 2), Support::No, "it said nothing");
        models.set_support(ModelSupport { plugins, transport: ModelTransport::Rtp });
        assert_eq!(models.support(1, 2), Support::No, "no m-line for bundles");
        models.line = Some(BundleLine {
            mid: Mid::new("9").expect("a tag"),
            ssrc: Ssrc(1),
            payload_type: PayloadType(111),
        });
        let all = [(1, 2), (1, 1), (9, 2), (3, 2)].map(|(id, version)| models.support(id, version));
        assert_eq!(all, [Support::Yes, Support::No, Support::TooSlow, Support::No]);
    }

    #[test]
    fn the_last_two_epochs_of_each_model_are_held() {
        let mut models = PeerModels::new(None);
        let (ann, bob) = (ShortId(1), ShortId(2));
        for epoch in 1..=4 {
            models.hold(ann, Source::Camera, Epoch(epoch));
        }
        models.hold(bob, Source::Camera, Epoch(1));
        let holds = |who, epoch| models.holds(who, Source::Camera, Epoch(epoch));
        assert_eq!([1, 2, 3, 4].map(|epoch| holds(ann, epoch)), [false, false, true, true]);
        assert!(holds(bob, 1) && !models.holds(ann, Source::Microphone, Epoch(4)));
    }
}
