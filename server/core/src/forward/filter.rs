//! Which frames of one simulcast layer go on: its spatial and temporal layers.
//!
//! ```text
//!  frame ─► has it a dependency descriptor? ─► decode targets: what is present in the chosen one
//!                └─ no ─► VP9 and VP8 descriptors: what is not above the chosen layers
//! ```
//!
//! A choice becomes a [`Cut`] at the first picture from which on it can be decoded, and holds for
//! whole pictures: what comes late is judged by the cut of its time.

use super::{ActiveTargets, LayerChoice, Received, Skip};
use crate::rtp::{FrameDependency, Indication, VideoDescriptor};

/// Cuts that are remembered, for packets that come late or are asked for again. They change a few
/// times in a second at most.
const MAX_CUTS: usize = 4;

/// The frames that are sent, from some picture on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Media time of the first picture.
    since: u64,
    /// Media time of the first picture of which something was sent.
    sent: Option<u64>,
    /// Highest spatial and temporal layer.
    spatial: u8,
    temporal: u8,
    /// The decode target, where frames have dependency descriptors.
    target: Option<u8>,
}

/// What goes on of a live layer.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    /// The newest last; never empty.
    cuts: [Cut; MAX_CUTS],
    len: usize,
    /// The choice that the newest cut is made of; another one is considered with each packet.
    applied: Option<(u8, u8)>,
    /// The active decode targets for which it was made.
    active: Option<u16>,
    /// Media time of the newest picture.
    picture: u64,
    /// Highest layers that were seen.
    top: (u8, u8),
}

impl Filter {
    /// For a layer that starts with `first`, which is sent in any case.
    pub(super) fn new(choice: &LayerChoice, first: &Received) -> Self {
        let whole = Cut { since: 0, sent: None, spatial: u8::MAX, temporal: u8::MAX, target: None };
        let mut filter = Self {
            cuts: [whole; MAX_CUTS],
            len: 1,
            applied: None,
            active: None,
            picture: first.timestamp,
            top: (0, 0),
        };
        let cut = Cut { since: 0, ..filter.cut_for(choice, first) };
        if cut.keeps(first) {
            filter.cuts[0] = cut;
        }
        filter
    }

    /// What is sent now.
    pub(super) fn newest(&self) -> &Cut {
        &self.cuts[self.len - 1]
    }

    /// Judges a packet: `None` if it is sent, else why not.
    #[inline]
    pub(super) fn judge(&mut self, choice: &LayerChoice, received: &Received) -> Option<Skip> {
        let layers = layers(received)?;
        let new_picture = received.timestamp > self.picture;
        self.picture = self.picture.max(received.timestamp);
        self.top = (self.top.0.max(layers.0), self.top.1.max(layers.1));
        let settled = self.applied == Some((choice.spatial, choice.temporal))
            && self.active == received.packet.frame.as_ref().map(|frame| frame.active);
        if !settled || received.starts_keyframe {
            self.consider(choice, received, new_picture);
        }
        if self.at(received.timestamp).keeps(received) {
            return None;
        }
        Some(if self.awaits(choice, received) { Skip::AwaitingKeyframe } else { Skip::LeftOut })
    }

    /// Notes that a packet was sent.
    #[inline]
    pub(super) fn keep(&mut self, timestamp: u64) {
        let newest = &mut self.cuts[self.len - 1];
        if newest.sent.is_none() && newest.since <= timestamp {
            newest.sent = Some(timestamp);
        }
    }

    /// The cut of a media time.
    #[inline]
    pub(super) fn at(&self, timestamp: u64) -> &Cut {
        let cuts = &self.cuts[..self.len];
        cuts.iter().rev().find(|cut| cut.since <= timestamp).unwrap_or(&cuts[0])
    }

    /// Applies a choice as far as a decoder can follow at this packet.
    #[cold]
    fn consider(&mut self, choice: &LayerChoice, received: &Received, new_picture: bool) {
        let newest = *self.newest();
        let wanted = self.cut_for(choice, received);
        let next = match &received.packet.frame {
            _ if received.starts_keyframe => wanted,
            Some(frame) => by_targets(frame, &newest, &wanted, received, new_picture),
            None => self.by_layers(&newest, &wanted, received, new_picture),
        };
        if !next.same_frames(&newest) {
            self.push(Cut { since: received.timestamp, sent: None, ..next });
        }
        if next.same_frames(&wanted) {
            self.applied = Some((choice.spatial, choice.temporal));
            self.active = received.packet.frame.map(|frame| frame.active);
        } else {
            self.applied = None;
        }
    }

    /// The cut for a choice, regardless of what was sent before.
    fn cut_for(&self, choice: &LayerChoice, received: &Received) -> Cut {
        let since = received.timestamp;
        let frame = received.packet.frame.as_ref();
        let target = frame.and_then(|frame| frame.best_target(choice.spatial, choice.temporal));
        match frame.zip(target) {
            Some((frame, target)) => {
                let (spatial, temporal) = frame.target_layers(target);
                Cut { since, sent: None, spatial, temporal, target: Some(target) }
            }
            None => {
                let LayerChoice { spatial, temporal, .. } = *choice;
                Cut { since, sent: None, spatial, temporal, target: None }
            }
        }
    }

    /// Fewer temporal and spatial layers at once; more temporal ones at a frame after which they need
    /// nothing that was left out; more spatial ones at keyframes only.
    fn by_layers(&self, newest: &Cut, wanted: &Cut, received: &Received, new_picture: bool) -> Cut {
        let seen = |cut: &Cut| (cut.spatial.min(self.top.0), cut.temporal.min(self.top.1));
        let ((spatial, temporal), (to_spatial, to_temporal)) = (seen(newest), seen(wanted));
        let mut next = *newest;
        if !new_picture {
            return next;
        }
        if to_spatial <= spatial {
            next.spatial = wanted.spatial;
        }
        if to_temporal <= temporal {
            next.temporal = wanted.temporal;
        } else if let Some(allowed) = temporal_up(received, temporal) {
            next.temporal = if allowed >= to_temporal { wanted.temporal } else { allowed };
        }
        next.target = None;
        next
    }

    /// Whether a packet that is left out would be sent if there were a keyframe.
    fn awaits(&self, choice: &LayerChoice, received: &Received) -> bool {
        let newest = self.newest();
        match &received.packet.frame {
            Some(frame) => {
                let wanted = frame.best_target(choice.spatial, choice.temporal);
                wanted.is_some_and(|target| {
                    frame.target_layers(target).0 != newest.spatial
                        && frame.indication(target) != Indication::NotPresent
                })
            }
            None => layers(received)
                .is_some_and(|(spatial, _)| spatial > newest.spatial && spatial <= choice.spatial),
        }
    }

    /// Full: the oldest cut is forgotten.
    fn push(&mut self, cut: Cut) {
        if self.newest().since == cut.since {
            self.cuts[self.len - 1] = cut;
            return;
        }
        if self.len == MAX_CUTS {
            self.cuts.rotate_left(1);
        } else {
            self.len += 1;
        }
        self.cuts[self.len - 1] = cut;
    }
}

impl Cut {
    /// Highest spatial and temporal layer that is sent.
    pub(super) const fn layers(&self) -> (u8, u8) {
        (self.spatial, self.temporal)
    }

    /// Whether a packet is sent.
    #[inline]
    pub(super) fn keeps(&self, received: &Received) -> bool {
        match (&received.packet.frame, self.target) {
            (Some(frame), Some(target)) => frame.indication(target) != Indication::NotPresent,
            _ => layers(received).is_none_or(|(spatial, temporal)| {
                spatial <= self.spatial && temporal <= self.temporal
            }),
        }
    }

    /// Whether a packet is the last one of its picture that is sent.
    #[inline]
    pub(super) fn ends_picture(&self, received: &Received) -> bool {
        let packet = &received.packet;
        if packet.marker || self.spatial == u8::MAX {
            return packet.marker;
        }
        match (&packet.frame, &packet.dependency, &packet.video) {
            (Some(frame), Some(descriptor), _) => {
                descriptor.end_of_frame && frame.spatial == self.spatial
            }
            (_, _, Some(VideoDescriptor::Vp9(vp9))) => {
                vp9.end_of_frame && vp9.layers.is_some_and(|at| at.spatial == self.spatial)
            }
            _ => false,
        }
    }

    /// The active decode targets to tell with a packet, where that is not what it says by itself:
    /// with the structure, and all along the first picture of a cut. A receiver remembers them.
    #[inline]
    pub(super) fn active(&self, received: &Received) -> Option<ActiveTargets> {
        let (target, frame) = (self.target?, received.packet.frame.as_ref()?);
        let begins = self.sent == Some(received.timestamp) && self.since > 0;
        let structure =
            received.packet.dependency.as_ref().is_some_and(|descriptor| descriptor.keyframe);
        if !begins && !structure && !frame.active_present {
            return None;
        }
        let mask = frame.within(target);
        let told = begins || mask != frame.active;
        told.then_some(ActiveTargets {
            mask,
            count: frame.targets.count,
            at: frame.active_at,
            replaces: frame.active_present,
        })
    }

    fn same_frames(&self, other: &Self) -> bool {
        (self.spatial, self.temporal, self.target) == (other.spatial, other.temporal, other.target)
    }
}

/// At a frame that is sent and that both targets have, if the wanted one can be decoded from it on;
/// fewer temporal layers at once.
fn by_targets(
    frame: &FrameDependency,
    newest: &Cut,
    wanted: &Cut,
    received: &Received,
    new_picture: bool,
) -> Cut {
    let fewer = wanted.spatial == newest.spatial && wanted.temporal <= newest.temporal;
    if fewer {
        return if new_picture || wanted.same_frames(newest) { *wanted } else { *newest };
    }
    let starts = received.packet.dependency.is_some_and(|descriptor| descriptor.start_of_frame);
    let whole_picture = new_picture || wanted.spatial == newest.spatial;
    let switches =
        wanted.target.is_some_and(|target| frame.indication(target) == Indication::Switch);
    if starts && whole_picture && switches && newest.keeps(received) { *wanted } else { *newest }
}

/// The highest temporal layer that can be decoded from this frame on, where it is more than the
/// `present` one.
fn temporal_up(received: &Received, present: u8) -> Option<u8> {
    match received.packet.video? {
        VideoDescriptor::Vp9(vp9) => {
            let layers = vp9.layers?;
            (layers.switch_up && layers.temporal <= present).then_some(u8::MAX)
        }
        VideoDescriptor::Vp8 { temporal_layer: Some((layer, sync)), .. } => {
            (sync && layer == present + 1).then_some(layer)
        }
        _ => None,
    }
}

/// Spatial and temporal layer of a packet's frame, where it says them.
#[inline]
fn layers(received: &Received) -> Option<(u8, u8)> {
    let packet = &received.packet;
    if let Some(frame) = &packet.frame {
        return Some((frame.spatial, frame.temporal));
    }
    match packet.video.as_ref()? {
        VideoDescriptor::Vp9(vp9) => vp9.layers.as_ref().map(|at| (at.spatial, at.temporal)),
        VideoDescriptor::Vp8 { temporal_layer, .. } => temporal_layer.map(|(layer, _)| (0, layer)),
        VideoDescriptor::H264 { .. } | VideoDescriptor::Av1 { .. } => None,
    }
}
