//! What is inside of a layer, by what comes.

use std::time::Duration;

use super::{RateMeter, Received};
use crate::{
    rtp::{Indication, VideoDescriptor},
    time::Time,
};

/// Spatial and temporal layers that are told apart: what the registered scalability modes have. What
/// is above counts as the highest.
const MAX: usize = 3;

/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A part of which nothing came for so long is not there. Longer than two frames of a screen that
/// stands still are apart.
const SILENCE: Duration = Duration::from_millis(2_500);

/// Spatial and temporal layers of one encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inside {
    /// Spatial layers, 1 to 3.
    pub spatial: u8,
    /// Temporal layers, 1 to 3.
    pub temporal: u8,
    /// What a subscriber takes who gets all up to a spatial layer (first index) and a temporal layer,
    /// in per mille of the whole. Never falls along an index.
    pub shares: [[u16; MAX]; MAX],
}

/// Finds out what is inside of a layer. Nothing is found where neither payload nor dependency
/// descriptor tells.
#[derive(Clone, Debug, Default)]
pub struct InsideMeter {
    /// Made at the first packet that is not of a lone layer.
    parts: Option<Box<[[Part; MAX]; MAX]>>,
    inside: Option<Inside>,
    next_look: Option<Time>,
    last: Time,
}

/// One spatial and one temporal layer.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    /// When a packet of the very layers came.
    seen: Option<Time>,
    /// What whoever gets all up to here takes.
    rate: RateMeter,
}

impl InsideMeter {
    /// Nothing came yet.
    pub const fn new() -> Self {
        Self { parts: None, inside: None, next_look: None, last: Time::from_micros(0) }
    }

    /// What was inside over the last seconds in which something came; `None` if that is not known,
    /// or not yet.
    pub const fn inside(&self) -> Option<&Inside> {
        self.inside.as_ref()
    }

    /// Takes a packet of `len` bytes.
    #[inline]
    pub fn observe(&mut self, received: &Received, len: usize) {
        let Some((spatial, temporal)) = place(received) else { return };
        if self.parts.is_none() && (spatial, temporal) == (0, 0) {
            // Most streams: nothing to be told apart.
            self.last = received.at;
            let look = *self.next_look.get_or_insert(received.at + LOOK_INTERVAL);
            if self.inside.is_none() && received.at >= look {
                self.inside = Some(Inside { spatial: 1, temporal: 1, shares: [[1_000; MAX]; MAX] });
            }
            return;
        }
        self.observe_part(received, len, spatial, temporal);
    }

    fn observe_part(&mut self, received: &Received, len: usize, spatial: usize, temporal: usize) {
        let now = received.at;
        let parts = self.parts.get_or_insert_default();
        parts[spatial][temporal].seen = Some(now);
        match &received.packet.frame {
            // Whoever gets a high spatial layer need not get all frames of the lower ones.
            Some(frame) => {
                for target in 0..frame.targets.count {
                    if frame.indication(target) != Indication::NotPresent {
                        let (s, t) = frame.target_layers(target);
                        parts[clamp(s)][clamp(t)].rate.observe(now, len);
                    }
                }
            }
            None => {
                let above = parts[spatial..].iter_mut().flat_map(|row| &mut row[temporal..]);
                above.for_each(|part| part.rate.observe(now, len));
            }
        }
        let paused = now.saturating_since(self.last) >= LOOK_INTERVAL;
        self.last = now;
        match self.next_look {
            Some(look) if !paused && now >= look => {
                self.inside = look_at(parts, now);
                self.next_look = Some(now + LOOK_INTERVAL);
            }
            // A whole interval of packets is needed to see all parts.
            None => self.next_look = Some(now + LOOK_INTERVAL),
            Some(_) if paused => self.next_look = Some(now + LOOK_INTERVAL),
            Some(_) => {}
        }
    }
}

fn look_at(parts: &[[Part; MAX]; MAX], now: Time) -> Option<Inside> {
    let is_there = |part: &Part| part.seen.is_some_and(|at| now.saturating_since(at) < SILENCE);
    let spatial = parts.iter().rposition(|row| row.iter().any(is_there))?;
    let temporal = (0..MAX).rev().find(|&t| parts.iter().any(|row| is_there(&row[t])))?;
    let whole = parts[spatial][temporal].rate.bitrate(now);
    if whole == 0 {
        return None;
    }
    let mut shares: [[u16; MAX]; MAX] = [[1_000; MAX]; MAX];
    for s in 0..=spatial {
        for t in 0..=temporal {
            let share = parts[s][t].rate.bitrate(now) * 1_000 / whole;
            let left = if s > 0 { shares[s - 1][t] } else { 0 };
            let below = if t > 0 { shares[s][t - 1] } else { 0 };
            shares[s][t] = (share.min(1_000) as u16).max(left).max(below);
        }
    }
    Some(Inside { spatial: spatial as u8 + 1, temporal: temporal as u8 + 1, shares })
}

/// The spatial and the temporal layer of a packet, where it says so.
fn place(received: &Received) -> Option<(usize, usize)> {
    if let Some(frame) = &received.packet.frame {
        return Some((clamp(frame.spatial), clamp(frame.temporal)));
    }
    match received.packet.video? {
        VideoDescriptor::Vp8 { temporal_layer, .. } => {
            Some((0, clamp(temporal_layer.map_or(0, |(layer, _)| layer))))
        }
        VideoDescriptor::Vp9(descriptor) => {
            let layers = descriptor.layers.unwrap_or_default();
            Some((clamp(layers.spatial), clamp(layers.temporal)))
        }
        VideoDescriptor::H264 { .. } | VideoDescriptor::Av1 { .. } => None,
    }
}

fn clamp(layer: u8) -> usize {
    usize::from(layer).min(MAX - 1)
}
