//! The slots of one client.

use crate::{
    arena::{Arena, key},
    forward::{Answered, SlotStart, SlotStream},
    id::{ExtensionId, LayerIndex, Mid, SeqNo, Ssrc, TrackId},
    media::{Codec, Kind, PayloadFormat},
    room::TrackKey,
    signal::SlotLimits,
    slot::{Chair, Serving},
    time::Time,
};

key! {
    /// A slot of one client.
    SlotKey
}

/// The first source number that slots get. They only have to differ from one another and from the
/// client's own, which the offer announces; round numbers are easy to find in a capture.
const FIRST_SSRC: u32 = 0x5074_0000;

/// What was negotiated for a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SlotSettings {
    /// Its m-line.
    pub(crate) mid: Mid,
    /// Audio or video.
    pub(crate) kind: Kind,
    /// How each codec goes on the wire, in the client's order.
    pub(crate) formats: Vec<PayloadFormat>,
    /// Id of the dependency descriptor, where negotiated.
    pub(crate) dependency: Option<ExtensionId>,
}

/// The sources of a slot, for as long as it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotSources {
    /// That of its packets.
    pub(crate) media: Ssrc,
    /// That of their retransmissions, and of padding, where RTX was negotiated.
    pub(crate) repair: Option<Ssrc>,
}

impl SlotSettings {
    /// Whether its packets are sent again on a source of their own.
    pub(crate) fn is_repaired(&self) -> bool {
        self.formats.iter().any(|format| format.rtx.is_some())
    }

    /// How a codec goes on the wire; `None`: the client does not decode it.
    pub(crate) fn format(&self, codec: Codec) -> Option<&PayloadFormat> {
        self.formats.iter().find(|format| format.codec == codec)
    }
}

/// One slot.
#[derive(Debug)]
pub(crate) struct Slot {
    settings: SlotSettings,
    sources: SlotSources,
    /// What it is pointed at.
    pub(crate) content: Option<TrackKey>,
    /// How that is served.
    pub(crate) serving: Serving,
    /// Whether it is to be served at all: not while its client receives the content's model. Video
    /// only.
    pub(crate) raw: bool,
    /// What it was pointed at last: a track that comes back gets the same slot.
    pub(crate) before: Option<TrackId>,
    /// What its client was told that it carries.
    pub(crate) told: Option<TrackId>,
    /// When its client was told that it was captured.
    pub(crate) told_capture: Option<Time>,
    /// Its packets' counters.
    pub(crate) stream: SlotStream,
    /// What was sent again lately.
    pub(crate) answered: Answered,
    /// The last number of the source of retransmissions.
    repaired: SeqNo,
}

impl Slot {
    /// What was negotiated.
    pub(crate) const fn settings(&self) -> &SlotSettings {
        &self.settings
    }

    /// Its sources.
    pub(crate) const fn sources(&self) -> SlotSources {
        self.sources
    }

    /// Uses up the next number of the source of retransmissions. Nobody else gives them out, so that
    /// no number stands for two packets.
    pub(crate) const fn next_repair(&mut self) -> SeqNo {
        self.repaired = self.repaired.next();
        self.repaired
    }

    /// As it is seated.
    pub(crate) const fn chair(&self, slot: SlotKey) -> Chair<SlotKey> {
        Chair { slot, content: self.content, before: self.before }
    }

    /// The layer of its content that it sends, or waits for.
    pub(crate) fn sending(&self) -> LayerIndex {
        let chosen = self.serving.choice.map(|choice| choice.layer);
        self.stream.layer().or(chosen).unwrap_or(LayerIndex(0))
    }

    /// Its m-line.
    pub(crate) const fn mid(&self) -> Mid {
        self.settings.mid
    }

    /// Audio or video.
    pub(crate) const fn kind(&self) -> Kind {
        self.settings.kind
    }
}

/// The slots of one client, by the order in which they were opened.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    slots: Arena<SlotKey, Slot>,
    opened: u32,
}

impl Slots {
    /// Opens a slot, or renews the settings of the one with this m-line, and gives its sources;
    /// `None` when the client has as many of its kind as are allowed. `avoid` are the sources that
    /// the client uses itself.
    pub(crate) fn open(
        &mut self,
        settings: SlotSettings,
        limits: &SlotLimits,
        avoid: &[Ssrc],
    ) -> Option<SlotSources> {
        let known = self.by_mid(settings.mid).map(|(key, slot)| (key, slot.sources));
        if let Some((key, mut sources)) = known {
            if settings.is_repaired() && sources.repair.is_none() {
                sources.repair = Some(self.fresh_ssrc(avoid));
            }
            let slot = &mut self.slots[key];
            // What it is pointed at goes on as before: payload types never change their meaning
            // within a session (RFC 3264 section 8.3.2).
            slot.stream.set_dependency(settings.dependency);
            slot.settings = settings;
            slot.sources = sources;
            return Some(sources);
        }
        let limit = match settings.kind {
            Kind::Audio => limits.audio,
            Kind::Video => limits.video,
        };
        if self.of_kind(settings.kind).count() >= usize::from(limit) {
            return None;
        }
        let media = self.fresh_ssrc(avoid);
        let repair = settings.is_repaired().then(|| self.fresh_ssrc(avoid));
        let sources = SlotSources { media, repair };
        let stream = SlotStream::new(media, settings.kind, SlotStart::default());
        self.slots.insert(Slot {
            settings,
            sources,
            content: None,
            serving: Serving::default(),
            raw: true,
            before: None,
            told: None,
            told_capture: None,
            stream,
            answered: Answered::new(),
            repaired: SeqNo(0),
        });
        Some(sources)
    }

    /// Takes a slot out. Its source is never given out again: under the same key a sequence number
    /// would stand for two packets.
    pub(crate) fn close(&mut self, key: SlotKey) -> Option<Slot> {
        self.slots.remove(key)
    }

    /// The slot of a key.
    pub(crate) fn get(&self, key: SlotKey) -> Option<&Slot> {
        self.slots.get(key)
    }

    /// The slot of a key.
    pub(crate) fn get_mut(&mut self, key: SlotKey) -> Option<&mut Slot> {
        self.slots.get_mut(key)
    }

    /// The slot of an m-line.
    pub(crate) fn by_mid(&self, mid: Mid) -> Option<(SlotKey, &Slot)> {
        self.slots.iter().find(|(_, slot)| slot.mid() == mid)
    }

    /// The slot of a source.
    pub(crate) fn by_ssrc(&self, ssrc: Ssrc) -> Option<(SlotKey, &Slot)> {
        self.slots.iter().find(|(_, slot)| slot.sources.media == ssrc)
    }

    /// Every slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SlotKey, &Slot)> {
        self.slots.iter()
    }

    /// Every slot.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (SlotKey, &mut Slot)> {
        self.slots.iter_mut()
    }

    /// Every slot of one kind.
    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (SlotKey, &Slot)> {
        self.slots.iter().filter(move |(_, slot)| slot.kind() == kind)
    }

    /// A source that nobody else uses on the connection: that of a slot, or of the bundle stream.
    pub(crate) fn fresh_ssrc(&mut self, avoid: &[Ssrc]) -> Ssrc {
        loop {
            let ssrc = Ssrc(FIRST_SSRC.wrapping_add(self.opened));
            self.opened = self.opened.wrapping_add(1);
            if !avoid.contains(&ssrc) {
                return ssrc;
            }
        }
    }
}
