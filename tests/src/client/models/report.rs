//! What a participant has seen of models.

use std::{collections::BTreeMap, time::Duration};

use sotto_core::{
    id::ParticipantId,
    media::Kind,
    signal::{
        ForgetModel, LearnedModel, LearnerState, ModelAccess, ModelDemand, ReceivedForm, Source,
    },
};
use sotto_frame::{Epoch, ModelHash, PluginId, PluginKind};

use super::Lateness;

/// Everything that a participant has seen of models.
#[derive(Clone, Debug, Default)]
pub struct ModelsReport {
    /// How models are had, as the welcome said.
    pub access: Option<ModelAccess>,
    /// What the node wants of our model stream.
    pub demand: Option<ModelDemand>,
    /// What came of our uploads.
    pub uploads: Vec<Uploaded>,
    /// Epochs of ours that are in use: source and epoch.
    pub accepted: Vec<(Source, u32)>,
    /// What the node's learners of ours do, as it said last, and how far they are, in per mille.
    pub learners: BTreeMap<Source, (LearnerState, u16)>,
    /// Models of ours that the node has learned.
    pub learned: Vec<LearnedModel>,
    /// What we send: source, and payloads so far.
    pub sent: Vec<(Source, u32)>,
    /// Packets of our model stream.
    pub packets: u32,
    /// Packets of it that the node asked for again.
    pub repeated: u64,
    /// The source of the bundle stream, from the answer.
    pub ssrc: Option<u32>,
    /// In which form we are to play whom, as the node said last.
    pub forms: BTreeMap<(ParticipantId, Source), ReceivedForm>,
    /// How often the form changed in which we are to play somebody, since it was raw.
    pub switches: u64,
    /// Models that we have, the latest epoch last.
    pub held: BTreeMap<(ParticipantId, Source), Vec<Held>>,
    /// Models that we fetched.
    pub fetched: Vec<Fetched>,
    /// Models that we were told to forget.
    pub forgotten: Vec<ForgetModel>,
    /// Uploads and fetches that failed, in words.
    pub failures: Vec<String>,
    /// The bundle stream as a whole.
    pub bundles: BundlesReport,
    /// What came of whom: short id and plug-in.
    pub entries: BTreeMap<(u32, u8), EntriesReport>,
    /// How long payloads were on their way from their sender to us.
    pub lateness: Lateness,
}

impl ModelsReport {
    /// What came of one person for one plug-in.
    pub fn of(&self, short_id: u32, plugin: PluginId) -> EntriesReport {
        self.entries.get(&(short_id, plugin.get())).copied().unwrap_or_default()
    }

    /// The latest epoch that we hold of somebody's source.
    pub fn holds(&self, participant: ParticipantId, source: Source) -> Option<u32> {
        self.held.get(&(participant, source))?.last().map(|held| held.epoch)
    }

    /// Whether we hold the model of a short id and plug-in in an epoch of these low bits.
    pub(super) fn holds_low(&self, short_id: u32, plugin: u8, low: u8) -> bool {
        let mut forms = self.forms.values().filter(|form| form.short_id.0 == short_id);
        forms.any(|form| {
            let held = self.held.get(&(form.participant, form.source));
            let is_it = |held: &Held| held.plugin == plugin && Epoch(held.epoch).low() == low;
            held.into_iter().flatten().any(is_it)
        })
    }

    /// In which form we are to play somebody's source.
    pub fn form(&self, participant: ParticipantId, source: Source) -> Option<&ReceivedForm> {
        self.forms.get(&(participant, source))
    }

    /// When the last payload came of somebody's source, whatever the plug-in.
    pub fn last(&self, short_id: u32, kind: Kind) -> Option<Duration> {
        let of = self.entries.range((short_id, 0)..=(short_id, u8::MAX));
        let of = of.filter(|((_, plugin), _)| {
            let kind_of = PluginId::new(*plugin).map(PluginId::kind);
            matches!(
                (kind_of, kind),
                (Ok(PluginKind::Sound), Kind::Audio) | (Ok(PluginKind::Picture), Kind::Video)
            )
        });
        of.filter_map(|(_, entries)| entries.last).max()
    }

    /// What came of everybody.
    pub fn total(&self) -> EntriesReport {
        self.entries.values().fold(EntriesReport::default(), |total, of| total.plus(of))
    }
}

/// An upload of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// Of which source.
    pub source: Source,
    /// Which epoch.
    pub epoch: u32,
    /// Bytes of the body.
    pub bytes: usize,
    /// The status: 201 new, 200 known.
    pub status: u16,
}

/// A model that we have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// Its epoch.
    pub epoch: u32,
    /// Its name.
    pub hash: ModelHash,
    /// For which plug-in.
    pub plugin: u8,
}

/// A model that we fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Whose.
    pub participant: ParticipantId,
    /// Of which source.
    pub source: Source,
    /// Which epoch.
    pub epoch: u32,
    /// Bytes that came.
    pub bytes: usize,
    /// Whether they were the difference to one that we had.
    pub delta: bool,
    /// When it was there.
    pub at: Duration,
}

/// The bundle stream as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BundlesReport {
    /// Bundles, repeated ones too.
    pub packets: u64,
    /// Bytes on the wire, IPv4 and UDP headers, encryption and repeats included.
    pub wire_bytes: u64,
    /// Bytes of bundles.
    pub bytes: u64,
    /// Blocks in them.
    pub blocks: u64,
    /// Bytes of payloads in them, each counted when it came first.
    pub payload_bytes: u64,
    /// Bytes of payloads that had come already.
    pub repeated_bytes: u64,
    /// Bundles that cannot be read.
    pub malformed: u64,
    /// Numbers of the stream that were asked for, each time counted.
    pub asked: u64,
    /// Bundles that came because they had been asked for.
    pub repaired: u64,
}

impl BundlesReport {
    /// Both together.
    #[must_use]
    pub const fn plus(self, more: &Self) -> Self {
        Self {
            packets: self.packets + more.packets,
            wire_bytes: self.wire_bytes + more.wire_bytes,
            bytes: self.bytes + more.bytes,
            blocks: self.blocks + more.blocks,
            payload_bytes: self.payload_bytes + more.payload_bytes,
            repeated_bytes: self.repeated_bytes + more.repeated_bytes,
            malformed: self.malformed + more.malformed,
            asked: self.asked + more.asked,
            repaired: self.repaired + more.repaired,
        }
    }

    /// What came since it was like that.
    #[must_use]
    pub const fn since(self, before: &Self) -> Self {
        Self {
            packets: self.packets - before.packets,
            wire_bytes: self.wire_bytes - before.wire_bytes,
            bytes: self.bytes - before.bytes,
            blocks: self.blocks - before.blocks,
            payload_bytes: self.payload_bytes - before.payload_bytes,
            repeated_bytes: self.repeated_bytes - before.repeated_bytes,
            malformed: self.malformed - before.malformed,
            asked: self.asked - before.asked,
            repaired: self.repaired - before.repaired,
        }
    }
}

/// What came of one person for one plug-in. Shares are those of payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntriesReport {
    /// Payloads that came, each counted once.
    pub received: u64,
    /// Payloads that had come already.
    pub repeats: u64,
    /// Of those that came, how many a later one had overtaken.
    pub overtaken: u64,
    /// Payloads that never came.
    pub lost: u64,
    /// Payloads that are waited for.
    pub waiting: u64,
    /// Payloads left out in a row: the other form was sent, or another voice.
    pub paused: u64,
    /// Payloads that are not what their sender sent, or not of the one whom the bundle names.
    pub misattributed: u64,
    /// Payloads of the codec's plug-ins that name nobody.
    pub nameless: u64,
    /// Payloads of an epoch that we do not hold.
    pub unheld: u64,
    /// When the first one came.
    pub first: Option<Duration>,
    /// When the last one came.
    pub last: Option<Duration>,
}

impl EntriesReport {
    /// The share of payloads that were lost, 0 to 1.
    pub fn share_lost(&self) -> f64 {
        self.lost as f64 / (self.received + self.lost).max(1) as f64
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, more: &Self) -> Self {
        Self {
            received: self.received + more.received,
            repeats: self.repeats + more.repeats,
            overtaken: self.overtaken + more.overtaken,
            lost: self.lost + more.lost,
            waiting: self.waiting + more.waiting,
            paused: self.paused + more.paused,
            misattributed: self.misattributed + more.misattributed,
            nameless: self.nameless + more.nameless,
            unheld: self.unheld + more.unheld,
            first: self.first.into_iter().chain(more.first).min(),
            last: self.last.max(more.last),
        }
    }

    /// What came since it was like that. What is waited for is waited for now.
    #[must_use]
    pub const fn since(self, before: &Self) -> Self {
        Self {
            received: self.received - before.received,
            repeats: self.repeats - before.repeats,
            overtaken: self.overtaken - before.overtaken,
            lost: self.lost - before.lost,
            paused: self.paused - before.paused,
            misattributed: self.misattributed - before.misattributed,
            nameless: self.nameless - before.nameless,
            unheld: self.unheld - before.unheld,
            ..self
        }
    }
}
