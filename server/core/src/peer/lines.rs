//! The sending m-lines of one client, and which source belongs to which.

use crate::{
    id::{LayerIndex, Mid, PayloadType, Rid, RtpTime, Ssrc},
    media::{Kind, PayloadFormat},
    room::TrackKey,
    rtp::{ExtensionMap, Packet},
    sfu::PacketError,
    time::NtpTime,
};

/// One accepted sending m-line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its tag.
    pub(crate) mid: Mid,
    /// Audio or video.
    pub(crate) kind: Kind,
    /// What was accepted, in the client's order.
    pub(crate) formats: Vec<PayloadFormat>,
    /// Its simulcast layers, at most [`MAX_LAYERS`], by [`LayerIndex`]. Empty: one layer.
    pub(crate) rids: Vec<Rid>,
    /// Its sources, as far as they were announced or seen: at most two a layer.
    pub(crate) sources: Vec<LineSource>,
    /// What is published on it.
    pub(crate) track: Option<TrackKey>,
    /// Whether it carries the client's model stream, and no publication.
    pub(crate) models: bool,
}

/// Most simulcast layers of one m-line. Browsers send no more than three.
pub(crate) const MAX_LAYERS: usize = 3;

/// A source of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineSource {
    /// Its number.
    pub(crate) ssrc: Ssrc,
    /// The layer that it carries or repairs.
    pub(crate) layer: LayerIndex,
    /// Whether it carries retransmissions (RFC 4588).
    pub(crate) repair: bool,
    /// Its latest sender report.
    pub(crate) report: Option<(NtpTime, RtpTime)>,
}

/// Where a packet comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// What is published there.
    pub(crate) track: Option<TrackKey>,
    /// Which of its layers.
    pub(crate) layer: LayerIndex,
    /// What was negotiated for its payload type, or for the one that it repairs or repeats.
    pub(crate) format: PayloadFormat,
    /// What the packet is.
    pub(crate) part: Part,
    /// Whether it is of the client's model stream.
    pub(crate) models: bool,
}

/// What a packet of a format is, by its payload type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Media.
    Media,
    /// A retransmission (RFC 4588).
    Retransmission,
    /// Media with redundancy (RFC 2198).
    Redundancy,
}

/// A packet that belongs to no layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceError {
    /// Its source belongs to no m-line, and it names none, or one that is not there.
    Unknown,
    /// It names a layer that was not negotiated.
    Layer,
    /// Its payload type was not negotiated for its m-line.
    PayloadType,
}

impl From<SourceError> for PacketError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Unknown => Self::UnknownSource,
            SourceError::Layer => Self::UnknownLayer,
            SourceError::PayloadType => Self::PayloadType,
        }
    }
}

impl Line {
    /// Gives the layers another order. Those that `order` does not name follow as they were.
    pub(crate) fn reorder(&mut self, order: &[Rid]) {
        let before = self.rids.clone();
        let place = |rid: &Rid| order.iter().position(|other| other == rid).unwrap_or(order.len());
        self.rids.sort_by_key(place);
        for source in &mut self.sources {
            let rid = before.get(usize::from(source.layer.0));
            let moved = rid.and_then(|rid| self.rids.iter().position(|other| other == rid));
            source.layer = moved.map_or(source.layer, |place| LayerIndex(place as u8));
        }
    }

    fn source(&self, ssrc: Ssrc) -> Option<&LineSource> {
        self.sources.iter().find(|source| source.ssrc == ssrc)
    }

    fn layer_of(&self, rid: Rid) -> Option<LayerIndex> {
        self.rids.iter().position(|&other| other == rid).map(|place| LayerIndex(place as u8))
    }

    fn format_of(&self, payload_type: PayloadType) -> Option<(PayloadFormat, Part)> {
        let parts = |format: &PayloadFormat| {
            if format.payload_type == payload_type {
                Some(Part::Media)
            } else if format.rtx == Some(payload_type) {
                Some(Part::Retransmission)
            } else if format.red == Some(payload_type) {
                Some(Part::Redundancy)
            } else {
                None
            }
        };
        self.formats.iter().find_map(|format| Some((*format, parts(format)?)))
    }
}

/// The sending m-lines of one client, and its header extensions. A handful: scanned, not hashed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    lines: Vec<Line>,
    extensions: ExtensionMap,
}

impl Lines {
    /// Replaces what was negotiated.
    pub(crate) fn replace(&mut self, lines: Vec<Line>, extensions: ExtensionMap) {
        self.lines = lines;
        self.extensions = extensions;
    }

    /// What header extension ids mean here.
    pub(crate) const fn extensions(&self) -> &ExtensionMap {
        &self.extensions
    }

    /// Every line.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }

    /// The line of a tag.
    pub(crate) fn get(&self, mid: Mid) -> Option<&Line> {
        self.lines.iter().find(|line| line.mid == mid)
    }

    /// The line of a tag.
    pub(crate) fn get_mut(&mut self, mid: Mid) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.mid == mid)
    }

    /// A track has ended: its line is free.
    pub(crate) fn forget(&mut self, track: TrackKey) {
        for line in self.lines.iter_mut().filter(|line| line.track == Some(track)) {
            line.track = None;
        }
    }

    /// The line of a track.
    pub(crate) fn of_track(&self, track: TrackKey) -> Option<&Line> {
        self.lines.iter().find(|line| line.track == Some(track))
    }

    /// The source of a layer, once announced or seen.
    pub(crate) fn source_of(&self, track: TrackKey, layer: LayerIndex) -> Option<Ssrc> {
        let mut sources = self.of_track(track)?.sources.iter();
        sources.find(|source| source.layer == layer && !source.repair).map(|source| source.ssrc)
    }

    /// The source of a layer's retransmissions, once announced or seen.
    pub(crate) fn repair_of(&self, track: TrackKey, layer: LayerIndex) -> Option<Ssrc> {
        let mut sources = self.of_track(track)?.sources.iter();
        sources.find(|source| source.layer == layer && source.repair).map(|source| source.ssrc)
    }

    /// What a source carries, as RTCP names it, with the track that is published there.
    pub(crate) fn of_source(&mut self, ssrc: Ssrc) -> Option<(Option<TrackKey>, &mut LineSource)> {
        self.lines.iter_mut().find_map(|line| {
            let source = line.sources.iter_mut().find(|source| source.ssrc == ssrc)?;
            Some((line.track, source))
        })
    }

    /// Where a packet comes from, by its source, or by the tags that it carries (RFC 8843 section
    /// 9.2, RFC 8852). Tags move its source to the line and layer that they name; these forget the
    /// source that they had.
    ///
    /// # Errors
    /// [`SourceError`]: nothing changed.
    pub(crate) fn resolve(&mut self, packet: &Packet) -> Result<Origin, SourceError> {
        let index = match packet.mid {
            Some(mid) => self.lines.iter().position(|line| line.mid == mid),
            None => self.lines.iter().position(|line| line.source(packet.ssrc).is_some()),
        };
        let index = index.ok_or(SourceError::Unknown)?;
        let line = &self.lines[index];
        let (format, part) = line.format_of(packet.payload_type).ok_or(SourceError::PayloadType)?;
        let repair = part == Part::Retransmission;
        let tag = if repair { packet.repaired_rid } else { packet.rid };
        let known = line.source(packet.ssrc);
        let layer = match (tag, known) {
            _ if line.rids.is_empty() => LayerIndex(0),
            (Some(rid), _) => line.layer_of(rid).ok_or(SourceError::Layer)?,
            (None, Some(source)) => source.layer,
            (None, None) => return Err(SourceError::Unknown),
        };
        let origin = Origin { track: line.track, layer, format, part, models: line.models };
        match known {
            Some(source) if source.layer == layer && source.repair == repair => {}
            // Only a tag moves a source.
            Some(_) if packet.mid.is_none() && tag.is_none() => {
                return Err(SourceError::PayloadType);
            }
            _ => self.learn(index, LineSource { ssrc: packet.ssrc, layer, repair, report: None }),
        }
        Ok(origin)
    }

    fn learn(&mut self, index: usize, source: LineSource) {
        for line in &mut self.lines {
            line.sources.retain(|other| other.ssrc != source.ssrc);
        }
        let sources = &mut self.lines[index].sources;
        sources.retain(|other| (other.layer, other.repair) != (source.layer, source.repair));
        sources.push(source);
    }
}
