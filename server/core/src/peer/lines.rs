//! The sending m-lines of one client, and which source belongs to which.

use crate::{
    id::{Mid, PayloadType, Ssrc},
    media::{Codec, Kind},
    room::TrackKey,
    rtp::{ExtensionMap, Packet},
};

/// One accepted sending m-line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its tag.
    pub(crate) mid: Mid,
    /// Audio or video.
    pub(crate) kind: Kind,
    /// The payload type that was accepted.
    pub(crate) payload_type: PayloadType,
    /// What it stands for.
    pub(crate) codec: Codec,
    /// Its source, once announced or seen.
    pub(crate) ssrc: Option<Ssrc>,
    /// What is published on it.
    pub(crate) track: Option<TrackKey>,
}

/// A packet that belongs to no m-line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceError;

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

    /// The line of a source, as RTCP names it.
    pub(crate) fn of_source(&self, ssrc: Ssrc) -> Option<&Line> {
        self.lines.iter().find(|line| line.ssrc == Some(ssrc))
    }

    /// The line of a packet, by its source, or by the tag that it carries (RFC 8843 section 9.2).
    /// A tag moves its source to the line that it names; the line forgets the source it had.
    pub(crate) fn resolve(&mut self, packet: &Packet) -> Result<&Line, SourceError> {
        let Some(mid) = packet.mid else {
            return self.of_source(packet.ssrc).ok_or(SourceError);
        };
        let index = self.lines.iter().position(|line| line.mid == mid).ok_or(SourceError)?;
        if self.lines[index].ssrc != Some(packet.ssrc) {
            for line in self.lines.iter_mut().filter(|line| line.ssrc == Some(packet.ssrc)) {
                line.ssrc = None;
            }
            self.lines[index].ssrc = Some(packet.ssrc);
        }
        Ok(&self.lines[index])
    }
}
