//! What is said about models: who can show them, where they are fetched, and in which form a track is
//! received.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sotto_frame::ModelHash;

use crate::{
    id::{Mid, ParticipantId, ShortId},
    signal::Source,
};

/// Which m-lines of an offer carry models' frames: neither is a publication, nor a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelLines {
    /// A sending audio m-line: the client's model stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send: Option<Mid>,
    /// A receiving audio m-line: the bundle stream to the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive: Option<Mid>,
}

/// What a client can show in model form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelSupport {
    /// The plug-ins that it knows, at most 16.
    pub plugins: Vec<PluginSupport>,
    /// How its model packets and bundles travel.
    pub transport: ModelTransport,
}

/// What a client can do with one plug-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginSupport {
    /// Its number on the wire, 0 to 15.
    pub plugin: u8,
    /// The version of its models and frames.
    pub version: u8,
    /// Whether it can be shown.
    pub decode: Decoding,
}

/// The model of a plug-in that knows no speaker, epoch 0: everybody who has the plug-in in that version
/// has it, so it is never fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenericModel {
    /// The plug-in's number on the wire, 0 to 7: of sound.
    pub plugin: u8,
    /// The version of its models and frames.
    pub version: u8,
}

/// Whether a device decodes a plug-in's frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Decoding {
    /// In time.
    Yes,
    /// Not at all.
    No,
    /// It could, but not in time.
    TooSlow,
}

/// How model packets and bundles travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ModelTransport {
    /// As the payload of RTP packets on the m-lines that the offer named.
    #[default]
    Rtp,
    /// As binary messages of the data channel `models`.
    Data,
}

/// What the gate of a publisher's encoder says: whether the model fits what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GateState {
    /// It fits.
    #[default]
    Green,
    /// It fits less than it did: raw media may be needed soon.
    Amber,
    /// It does not: what it would make must not be shown.
    Red,
}

/// Where models are learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LearningPlace {
    /// On the speakers' devices alone.
    Publisher,
    /// On the node.
    Node,
    /// On the speaker's device if that can, else on the node.
    #[default]
    Auto,
}

/// What a client's learner is doing while there is no model yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LearningState {
    /// It learns, or will as soon as there is something to learn from.
    #[default]
    Learning,
    /// It waits for its turn.
    Busy,
    /// It does not learn: the node is to, of what it is sent raw. The speaker has agreed
    /// ([`ClientMessage::Consent`](crate::signal::ClientMessage::Consent)) before.
    Node,
}

/// What the node's learner of a client's source is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LearnerState {
    /// It waits for its turn, or for another try after it failed.
    Waiting,
    /// It learns, or will as soon as there is something to learn from.
    Learning,
    /// It has learned what it wanted.
    Finished,
    /// It cannot learn this: the node has no decoder for it, it is encrypted end to end, or it failed
    /// again and again.
    Refused,
}

/// A model that the node has learned of the client's own source. It is used once the client, which
/// encodes with it, has fetched it and uploaded it without a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LearnedModel {
    /// Microphone or camera.
    pub source: Source,
    /// The plug-in.
    pub plugin: u8,
    /// Its version.
    pub version: u8,
    /// The epoch.
    pub epoch: u32,
    /// Its name: 64 hexadecimal digits.
    #[serde(with = "hash_text")]
    #[schemars(with = "String")]
    pub hash: ModelHash,
    /// Bytes of the whole container.
    pub bytes: u32,
}

/// Why a client has no use for a model that it was told to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ModelFailure {
    /// It could not be fetched: it is tried again.
    Fetch,
    /// What came is not what its hash says: it is tried again.
    Corrupt,
    /// The plug-in cannot read it.
    Unsupported,
    /// The decoder failed with it.
    Decoder,
}

/// How eagerly a subscriber is served models instead of raw media.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Policy {
    /// Raw media unless the line is too short for it.
    Quality,
    /// Small tiles and voices in model form, whoever is on stage raw.
    #[default]
    Balanced,
    /// Models wherever the gate is green.
    Frugal,
}

/// The form in which a track is received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// As the publisher's encoder made it.
    #[default]
    Raw,
    /// Made by the speaker's model from a few numbers.
    Model,
}

/// Why a track is received raw.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum RawReason {
    /// There is no model yet: it is being learned.
    Learning,
    /// There is no model yet: the learners are busy with others.
    LearnersBusy,
    /// The subscriber cannot show such a model.
    NoModelSupport,
    /// The subscriber's device is too slow for it.
    TooSlow,
    /// The model does not fit what is on camera or in the microphone, or did not a moment ago.
    GateTripped,
    /// The subscriber does not have the model yet, or could not get it.
    NotFetched,
    /// The room's settings or the speaker's consent forbid it, or the node cannot learn it.
    Disabled,
    /// The track is not among those that try models out.
    NotInCanary,
    /// More frames are lost than can be concealed.
    LossyModel,
    /// By the subscriber's policy raw is better here: on stage, or while the line carries it.
    Policy,
    /// No frame of the model has come for a while.
    Stalled,
}

/// In which form one track reaches a subscriber.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedForm {
    /// Whose.
    pub participant: ParticipantId,
    /// Its number in bundles.
    pub short_id: ShortId,
    /// Microphone or camera.
    pub source: Source,
    /// What is to be played, as soon as it is there.
    pub form: Form,
    /// Why it is raw; `None` for models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RawReason>,
    /// The epoch of the model that is on its way, or that frames are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// The plug-in of that model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<u8>,
    /// Whether both forms are sent: the client goes over and says [`FormSwitched`].
    pub overlap: bool,
    /// A media time of the model stream in milliseconds, modulo 2^32, whose capture time is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<u32>,
    /// When the media of that time was captured, on the node's wall clock, in microseconds since the
    /// Unix epoch. Sent again whenever it moved by more than 5 ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_time: Option<u64>,
}

/// A client plays the other form now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FormSwitched {
    /// Whose.
    pub participant: ParticipantId,
    /// Microphone or camera.
    pub source: Source,
    /// What is played.
    pub form: Form,
}

/// One epoch of the model of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelEpoch {
    /// Whose.
    pub participant: ParticipantId,
    /// Microphone or camera.
    pub source: Source,
    /// Which.
    pub epoch: u32,
}

/// A model that a client is to fetch now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FetchModel {
    /// Whose.
    pub participant: ParticipantId,
    /// Microphone or camera.
    pub source: Source,
    /// The plug-in.
    pub plugin: u8,
    /// Its version.
    pub version: u8,
    /// The epoch.
    pub epoch: u32,
    /// Its name: 64 hexadecimal digits.
    #[serde(with = "hash_text")]
    #[schemars(with = "String")]
    pub hash: ModelHash,
    /// Bytes of the whole container.
    pub bytes: u32,
    /// A model that the client holds, from which the node can give the difference.
    #[serde(default, with = "optional_hash_text", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub base: Option<ModelHash>,
    /// At which rate the node will send it, in bits per second: it is part of what the line carries.
    pub bitrate: u64,
}

/// A model that a client is to forget, with everything that was made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForgetModel {
    /// Whose.
    pub participant: ParticipantId,
    /// Microphone or camera.
    pub source: Source,
    /// Its name: 64 hexadecimal digits.
    #[serde(with = "hash_text")]
    #[schemars(with = "String")]
    pub hash: ModelHash,
    /// Its speaker only left: a copy on disk that was allowed may stay there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left: bool,
}

/// Whether a client may keep a copy of a model on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelCopy {
    /// Whose.
    pub participant: ParticipantId,
    /// Microphone or camera.
    pub source: Source,
    /// Its name: 64 hexadecimal digits.
    #[serde(with = "hash_text")]
    #[schemars(with = "String")]
    pub hash: ModelHash,
    /// How; absent: a copy that was made is to be removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<DiskCopy>,
}

/// How a copy of a model may be kept on disk: encrypted, and not for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiskCopy {
    /// What it is encrypted with (AES-256-GCM): 32 bytes, base64url without padding. It is told for as long
    /// as the copy is allowed, and never written to a disk itself.
    pub key: AccessKey,
    /// When it is to be removed, in seconds since 1970.
    pub expires: u64,
}

/// What anybody needs of a publisher's model stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelDemand {
    /// Each source that has a model.
    pub sources: Vec<SourceDemand>,
    /// Media time of one packet in milliseconds: 40, 80 or 120.
    pub packet_time: u8,
    /// How many earlier blocks each packet repeats: 0 or 1.
    pub redundancy: u8,
}

/// What anybody needs of one source's model form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceDemand {
    /// Microphone or camera.
    pub source: Source,
    /// Whether frames are to be sent.
    pub active: bool,
    /// In which epoch.
    pub epoch: u32,
}

/// Models, as a client that enters is told of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelAccess {
    /// What `/v1/models` asks for as bearer token, for as long as this connection lives.
    pub key: AccessKey,
    /// The room's policy, until the client says another.
    pub policy: Policy,
    /// Where models are learned.
    pub learn: LearningPlace,
}

/// A secret: a bearer token, or what something is encrypted with. Not shown where messages are printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(with = "String")]
pub struct AccessKey(pub String);

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(…)")
    }
}

mod hash_text {
    use serde::{Deserialize, Deserializer, Serializer};
    use sotto_frame::ModelHash;

    pub(super) fn serialize<S: Serializer>(
        hash: &ModelHash,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(hash)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<ModelHash, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

mod optional_hash_text {
    use serde::{Deserialize, Deserializer, Serializer};
    use sotto_frame::ModelHash;

    pub(super) fn serialize<S: Serializer>(
        hash: &Option<ModelHash>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match hash {
            Some(hash) => serializer.collect_str(hash),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<ModelHash>, D::Error> {
        let text = Option::<std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}
