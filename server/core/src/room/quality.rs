//! What clients say about how large they show their slots, and are told about how those are served.

use std::time::Duration;

use crate::{
    forward::LayerChoice,
    id::{LayerIndex, Mid},
    media::Kind,
    room::{Context, MemberKey, Room},
    signal::{ErrorCode, ReceivedLayer, ServerMessage, SlotQuality, SlotViewport},
    slot::{Quality, Slot},
};

/// Least time between two messages about one client's bandwidth.
const BANDWIDTH_INTERVAL: Duration = Duration::from_secs(1);

/// Change of the bandwidth in per mille that a client is told.
const NOTABLE_BANDWIDTH: u64 = 100;

/// A viewport that is refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ViewportError {
    /// More entries than the client has video slots.
    #[error("{count} slots, you have {slots}")]
    TooMany {
        /// Entries.
        count: usize,
        /// Slots.
        slots: usize,
    },
    /// No video slot has this tag.
    #[error("no video slot has the mid {0}")]
    NoSuchSlot(Mid),
}

impl ViewportError {
    /// What to say to the client.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::TooMany { .. } => ErrorCode::TooMuch,
            Self::NoSuchSlot(_) => ErrorCode::NotFound,
        }
    }
}

impl Room {
    /// A client says how large it shows its slots.
    ///
    /// # Errors
    /// [`ViewportError`]: nothing changed.
    pub(crate) fn viewport(
        &mut self,
        key: MemberKey,
        viewports: &[SlotViewport],
    ) -> Result<(), ViewportError> {
        let Some(peer) = self.peer_mut(key) else { return Ok(()) };
        let (count, slots) = (viewports.len(), peer.slots.of_kind(Kind::Video).count());
        if count > slots {
            return Err(ViewportError::TooMany { count, slots });
        }
        let is_slot =
            |mid| peer.slots.by_mid(mid).is_some_and(|(_, slot)| slot.kind() == Kind::Video);
        if let Some(unknown) = viewports.iter().find(|viewport| !is_slot(viewport.mid)) {
            return Err(ViewportError::NoSuchSlot(unknown.mid));
        }
        for (_, slot) in peer.slots.iter_mut() {
            let mid = slot.mid();
            slot.serving.show(viewports.iter().find(|viewport| viewport.mid == mid));
        }
        self.serve_anew(key);
        self.look_again(key);
        Ok(())
    }

    /// Tells a client what has changed in how its slots are served, and what its line carries.
    pub(super) fn tell_quality(&mut self, cx: &mut Context<'_>, key: MemberKey) {
        let Some(peer) = self.members[key].peer.as_mut() else { return };
        peer.allowance.untold = false;
        let mut changes = Vec::new();
        for (_, slot) in peer.slots.iter_mut() {
            let Some(content) = slot.content else { continue };
            let Some(quality) = quality(&self.tracks[content], slot) else { continue };
            // Of a voice there is one quality: that it is held back is news, and that it is no more.
            let is_news = slot.kind() == Kind::Video
                || slot.serving.is_paused()
                || slot.serving.told.is_some();
            if is_news && slot.serving.told != Some(quality) {
                slot.serving.told = Some(quality);
                let (layer, limit) = quality;
                changes.push(SlotQuality { mid: slot.mid(), layer, limit });
            }
        }
        let peer_id = peer.id;
        if !changes.is_empty() {
            cx.say(peer_id, ServerMessage::Quality { slots: changes });
        }
        self.tell_bandwidth(cx, key);
    }

    fn tell_bandwidth(&mut self, cx: &mut Context<'_>, key: MemberKey) {
        let Some(peer) = self.members[key].peer.as_mut() else { return };
        let (allowance, peer) = (&mut peer.allowance, peer.id);
        let Some(estimate) = allowance.estimate.map(|estimate| estimate.bitrate) else { return };
        let allocated = allowance.demand.allocated;
        let moved = |told: u64, now: u64| {
            told.abs_diff(now).saturating_mul(1_000) >= told.saturating_mul(NOTABLE_BANDWIDTH)
                && told != now
        };
        let is_due = allowance.told.is_none_or(|(at, told_estimate, told_allocated)| {
            cx.now.saturating_since(at) >= BANDWIDTH_INTERVAL
                && (moved(told_estimate, estimate) || moved(told_allocated, allocated))
        });
        if is_due {
            allowance.told = Some((cx.now, estimate, allocated));
            let wanted = allowance.demand.wanted;
            cx.say(peer, ServerMessage::Bandwidth { estimate, allocated, wanted });
        }
    }
}

/// What a slot is sent; `None`: nothing was sent yet of what it is to be sent.
fn quality(track: &crate::room::Track, slot: &Slot) -> Option<Quality> {
    let serving = &slot.serving;
    if serving.choice.is_none() {
        // Between being pointed and being served for the first time there is nothing to tell.
        return serving.limit.map(|limit| (None, Some(limit)));
    }
    // Not what was chosen: a picture may have to wait for a keyframe.
    let sending = match slot.kind() {
        Kind::Audio => LayerChoice::whole(LayerIndex(0)),
        Kind::Video => slot.stream.sending()?,
    };
    let layer = track.layer(sending.layer);
    let (spatial, temporal) = layer.parts();
    let (spatial, temporal) =
        (sending.spatial.min(spatial - 1), sending.temporal.min(temporal - 1));
    let height = layer.height(spatial);
    Some((Some(ReceivedLayer { rid: layer.rid, spatial, temporal, height }), serving.limit))
}
