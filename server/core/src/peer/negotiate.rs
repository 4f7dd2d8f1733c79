//! From offer to answer.
//!
//! An offer is checked as a whole before anything changes. m-lines are known by their tags: those
//! of an earlier offer keep their source, publication or slot; those that are gone, stopped or
//! turned round give up what they held.

use crate::{
    config::SfuConfig,
    id::{ExtensionId, LayerIndex, Mid, Rid, Ssrc},
    media::{
        Answer, AnsweredMedia, Direction, Extension, Kind, Offer, OfferedMedia, PayloadFormat,
    },
    peer::{BundleLine, Line, LineSource, MAX_LAYERS, Peer},
    room::TrackKey,
    rtp::ExtensionMap,
    signal::{Permissions, Source},
    slot::{SlotKey, SlotSettings, SlotSources},
};

/// An offer that is refused as a whole; nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum OfferError {
    /// More m-lines than this node takes.
    #[error("{count} m-lines, the limit is {limit}")]
    TooManyMedia {
        /// How many there are.
        count: usize,
        /// How many are allowed.
        limit: u16,
    },
    /// Two m-lines of one tag.
    #[error("two m-lines have the mid {0}")]
    DuplicateMid(Mid),
    /// An m-line changed between audio and video.
    #[error("the m-line {0} changed its kind of media")]
    KindChanged(Mid),
    /// One extension id with two meanings (RFC 8843 section 9.1 forbids it in a BUNDLE group).
    #[error("the header extension id {} has two meanings", .0.0)]
    ConflictingExtension(ExtensionId),
    /// One source on two m-lines.
    #[error("two m-lines announce the source {}", .0.0)]
    DuplicateSource(Ssrc),
}

/// What came of an offer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Negotiated {
    /// What to say.
    pub(crate) answer: Answer,
    /// Publications whose m-line is gone.
    pub(crate) ended: Vec<TrackKey>,
    /// Slots whose m-line is gone, with what they were pointed at.
    pub(crate) closed: Vec<(SlotKey, TrackKey)>,
}

/// Applies an offer to a peer.
///
/// # Errors
/// [`OfferError`]: nothing changed.
pub(crate) fn negotiate(
    peer: &mut Peer,
    config: &SfuConfig,
    offer: &Offer,
) -> Result<Negotiated, OfferError> {
    let extensions = check(peer, config, offer)?;
    let announced: Vec<Ssrc> = offer.media.iter().flat_map(sources).collect();
    let mut lines = Vec::new();
    let closed = close_slots(peer, config, offer);
    let mut answer = Answer::default();
    let mut bundles = None;
    for media in &offer.media {
        let accepted = match accept(media, offer, &peer.permissions, config) {
            Some(Role::Publication) => {
                let line = line(peer, media, config);
                let rids = media.rids.iter().copied().filter(|rid| line.rids.contains(rid));
                let accepted = Accepted { rids: rids.collect(), ..Accepted::default() };
                lines.push(line);
                Some(accepted)
            }
            Some(Role::ModelStream) => {
                let formats = model_formats(media, config);
                lines.push(Line {
                    formats,
                    models: true,
                    track: None,
                    ..line(peer, media, config)
                });
                Some(Accepted { models: true, ..Accepted::default() })
            }
            Some(Role::BundleStream) => {
                bundles = bundle_line(peer, media, config, &announced);
                bundles.map(|line| Accepted {
                    sources: Some(SlotSources { media: line.ssrc, repair: None }),
                    models: true,
                    ..Accepted::default()
                })
            }
            Some(Role::Slot) => {
                let settings = SlotSettings {
                    mid: media.mid,
                    kind: media.kind,
                    formats: formats(media, config),
                    dependency: id_of(media, Extension::DependencyDescriptor),
                };
                let sources = peer.slots.open(settings, &config.slots, &announced);
                sources.map(|sources| Accepted { sources: Some(sources), ..Accepted::default() })
            }
            None => None,
        };
        answer.media.push(respond(media, config, accepted));
    }
    let ended = peer.lines.iter().filter_map(|line| line.track);
    let ended = ended.filter(|&track| lines.iter().all(|line| line.track != Some(track))).collect();
    peer.lines.replace(lines, extensions);
    peer.models.line = bundles;
    Ok(Negotiated { answer, ended, closed })
}

/// Checks everything that can be refused.
fn check(peer: &Peer, config: &SfuConfig, offer: &Offer) -> Result<ExtensionMap, OfferError> {
    let count = offer.media.len();
    if count > usize::from(config.max_media) {
        return Err(OfferError::TooManyMedia { count, limit: config.max_media });
    }
    let mut extensions = ExtensionMap::default();
    for (index, media) in offer.media.iter().enumerate() {
        let earlier = &offer.media[..index];
        if earlier.iter().any(|other| other.mid == media.mid) {
            return Err(OfferError::DuplicateMid(media.mid));
        }
        let announced = || earlier.iter().flat_map(sources).chain(media.ssrc);
        let twice = |ssrc: &Ssrc| announced().filter(|other| other == ssrc).count() > 1;
        let repeated = media.ssrc.filter(twice);
        let repair = media.rtx_ssrc.filter(|&ssrc| announced().any(|other| other == ssrc));
        if let Some(ssrc) = repeated.or(repair) {
            return Err(OfferError::DuplicateSource(ssrc));
        }
        let line = peer.lines.get(media.mid).map(|line| line.kind);
        let known = line.or_else(|| peer.slots.by_mid(media.mid).map(|(_, slot)| slot.kind()));
        if known.is_some_and(|kind| kind != media.kind) {
            return Err(OfferError::KindChanged(media.mid));
        }
        for &(extension, id) in &media.extensions {
            if extensions.get(id).is_some_and(|known| known != extension) {
                return Err(OfferError::ConflictingExtension(id));
            }
            extensions.insert(id, extension);
        }
    }
    Ok(extensions)
}

/// Closes the slots that the offer no longer has.
fn close_slots(peer: &mut Peer, config: &SfuConfig, offer: &Offer) -> Vec<(SlotKey, TrackKey)> {
    let permissions = &peer.permissions;
    let stays = |mid| {
        let media = offer.media.iter().find(|media| media.mid == mid);
        let accepted = media.and_then(|media| accept(media, offer, permissions, config));
        accepted == Some(Role::Slot)
    };
    let gone = peer.slots.iter().filter(|(_, slot)| !stays(slot.mid()));
    let gone: Vec<SlotKey> = gone.map(|(key, _)| key).collect();
    gone.into_iter().filter_map(|key| Some((key, peer.slots.close(key)?.content?))).collect()
}

/// What an m-line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Publication,
    Slot,
    /// The client's model packets.
    ModelStream,
    /// Bundles to the client.
    BundleStream,
}

/// Whether an m-line is granted and understood: what it is for.
fn accept(
    media: &OfferedMedia,
    offer: &Offer,
    permissions: &Permissions,
    config: &SfuConfig,
) -> Option<Role> {
    let is_named = |mid: Option<Mid>| mid == Some(media.mid) && media.kind == Kind::Audio;
    let (role, granted) = match media.direction {
        Direction::Send if is_named(offer.models.send) => {
            (Role::ModelStream, Source::ALL.iter().any(|&source| permissions.may_publish(source)))
        }
        Direction::Send => (Role::Publication, permissions.may_publish_kind(media.kind)),
        Direction::Receive if is_named(offer.models.receive) => {
            (Role::BundleStream, permissions.subscribe)
        }
        Direction::Receive => (Role::Slot, permissions.subscribe),
        Direction::Inactive => return None,
    };
    (granted && !formats(media, config).is_empty()).then_some(role)
}

/// The formats of a line that carries models' frames: Opus alone, as a name.
fn model_formats(media: &OfferedMedia, config: &SfuConfig) -> Vec<PayloadFormat> {
    let formats = formats(media, config).into_iter().take(1);
    formats.map(|format| PayloadFormat { rtx: None, red: None, ..format }).collect()
}

/// The line of the bundle stream: the one that was there, renewed, or a fresh one.
fn bundle_line(
    peer: &mut Peer,
    media: &OfferedMedia,
    config: &SfuConfig,
    announced: &[Ssrc],
) -> Option<BundleLine> {
    let payload_type = model_formats(media, config).first()?.payload_type;
    let known = peer.models.line.filter(|line| line.mid == media.mid);
    let ssrc = known.map_or_else(|| peer.slots.fresh_ssrc(announced), |line| line.ssrc);
    Some(BundleLine { mid: media.mid, ssrc, payload_type })
}

/// What is accepted of the offered formats: all that the node knows, in the client's order. What a
/// publisher sends is then up to it, and a slot takes whatever publishers send.
fn formats(media: &OfferedMedia, config: &SfuConfig) -> Vec<PayloadFormat> {
    let known = media.formats.iter().filter(|format| format.codec.kind() == media.kind);
    let accepted = known.map(|format| PayloadFormat {
        // What sets off no retransmission needs no number for one.
        rtx: format.rtx.filter(|_| config.repair && format.nack),
        red: format.red.filter(|_| config.repair),
        nack: format.nack && config.repair,
        transport_cc: format.transport_cc && config.transport_cc,
        ..*format
    });
    accepted.collect()
}

/// Every source that an m-line announces.
fn sources(media: &OfferedMedia) -> impl Iterator<Item = Ssrc> + use<> {
    media.ssrc.into_iter().chain(media.rtx_ssrc)
}

/// The line of an accepted sending m-line: the one that was there, renewed, or a fresh one.
fn line(peer: &Peer, media: &OfferedMedia, config: &SfuConfig) -> Line {
    let before = peer.lines.get(media.mid);
    let track = before.and_then(|line| line.track);
    // The layers of a publication stay what they are for as long as it lives.
    let rids = match (before, track) {
        (Some(before), Some(_)) => before.rids.clone(),
        _ => layers(media),
    };
    // Sources are known by the places of their layers.
    let known = before.filter(|before| before.rids == rids);
    let sources = known.map(|line| line.sources.clone()).unwrap_or_default();
    let mut line = Line {
        mid: media.mid,
        kind: media.kind,
        formats: formats(media, config),
        rids,
        sources,
        track,
        models: false,
    };
    let announced = [(media.ssrc, false), (media.rtx_ssrc, true)];
    for (ssrc, repair) in announced {
        // With simulcast the packets say which layer they are of.
        if let Some(ssrc) = ssrc.filter(|_| line.rids.is_empty()) {
            let report = line.sources.iter().find(|source| source.ssrc == ssrc);
            let report = report.and_then(|source| source.report);
            line.sources.retain(|source| source.ssrc != ssrc && source.repair != repair);
            line.sources.push(LineSource { ssrc, layer: LayerIndex(0), repair, report });
        }
    }
    line
}

/// The accepted simulcast layers: the first ones, and only those that packets can name.
fn layers(media: &OfferedMedia) -> Vec<Rid> {
    let tagged = id_of(media, Extension::Rid).is_some() && media.kind == Kind::Video;
    if tagged { media.rids.iter().copied().take(MAX_LAYERS).collect() } else { Vec::new() }
}

/// What is said to an accepted m-line beside its formats.
#[derive(Default)]
struct Accepted {
    /// Layers of a publication.
    rids: Vec<Rid>,
    /// Sources of a slot, or of the bundle stream.
    sources: Option<SlotSources>,
    /// Whether it carries models' frames.
    models: bool,
}

fn respond(media: &OfferedMedia, config: &SfuConfig, accepted: Option<Accepted>) -> AnsweredMedia {
    let Some(Accepted { rids, sources, models }) = accepted else {
        return AnsweredMedia {
            mid: media.mid,
            direction: Direction::Inactive,
            // Kept without media rather than rejected wherever the node knows the codec, so that a
            // later offer can start the same m-line.
            formats: formats(media, config),
            extensions: Vec::new(),
            rids: Vec::new(),
            ssrc: None,
            rtx_ssrc: None,
        };
    };
    let wanted = |extension: Extension| match (media.direction, extension) {
        (_, Extension::Mid) => true,
        (Direction::Send, Extension::AudioLevel) => media.kind == Kind::Audio && !models,
        (Direction::Send, Extension::Rid | Extension::RepairedRid) => !rids.is_empty(),
        (_, Extension::TransportCc) => config.transport_cc,
        (_, Extension::DependencyDescriptor) => media.kind == Kind::Video,
        _ => false,
    };
    let extensions = media.extensions.iter().filter(|(extension, _)| wanted(*extension));
    AnsweredMedia {
        mid: media.mid,
        direction: media.direction,
        formats: if models { model_formats(media, config) } else { formats(media, config) },
        extensions: extensions.copied().collect(),
        rids,
        ssrc: sources.map(|sources| sources.media),
        rtx_ssrc: sources.and_then(|sources| sources.repair),
    }
}

fn id_of(media: &OfferedMedia, wanted: Extension) -> Option<ExtensionId> {
    media.extensions.iter().find(|(known, _)| *known == wanted).map(|&(_, id)| id)
}
