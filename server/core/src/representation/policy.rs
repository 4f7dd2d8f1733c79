//! Whether a subscriber is better served by a model than by raw media.

use crate::{bandwidth::Importance, media::Kind, signal::Policy};

/// What a policy is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Sound or picture.
    pub kind: Kind,
    /// What the track is to the subscriber: sound counts as a tile.
    pub importance: Importance,
    /// How high a picture is shown, in device pixels; `None`: not known.
    pub shown: Option<u16>,
    /// Whether the subscriber's line does not carry the raw form beside everything else.
    pub short: bool,
    /// Whether it is in model form now, or on the way there.
    pub in_model: bool,
}

/// The highest tile that counts as small, in device pixels.
const SMALL_TILE: u16 = 360;

/// Whether model form is wanted by a policy (design section 7). What is in model form already stays
/// in it a little longer, so that nothing flaps at the border.
pub fn wants_model(policy: Policy, setting: &Setting) -> bool {
    match (policy, setting.kind) {
        (Policy::Frugal, _) => true,
        (Policy::Quality, _) => setting.short,
        (Policy::Balanced, Kind::Audio) => true,
        (Policy::Balanced, Kind::Video) => {
            let border = if setting.in_model { SMALL_TILE + SMALL_TILE / 8 } else { SMALL_TILE };
            let small = setting.shown.is_none_or(|height| height <= border);
            setting.short || (setting.importance > Importance::Screen && small)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TILE: Setting = Setting {
        kind: Kind::Video,
        importance: Importance::Tile,
        shown: Some(180),
        short: false,
        in_model: false,
    };

    fn check(setting: Setting, quality: bool, balanced: bool, frugal: bool) {
        let wants = [Policy::Quality, Policy::Balanced, Policy::Frugal]
            .map(|policy| wants_model(policy, &setting));
        assert_eq!(wants, [quality, balanced, frugal], "{setting:?}");
    }

    #[test]
    fn quality_waits_for_a_short_line_and_balanced_spares_the_stage() {
        check(TILE, false, true, true);
        check(Setting { shown: Some(720), ..TILE }, false, false, true);
        check(Setting { importance: Importance::Stage, ..TILE }, false, false, true);
        check(Setting { short: true, ..TILE }, true, true, true);
        let stage = Setting { importance: Importance::Stage, short: true, ..TILE };
        check(stage, true, true, true);
    }

    #[test]
    fn voices_are_in_model_form_unless_quality_is_wanted() {
        let voice = Setting { kind: Kind::Audio, shown: None, ..TILE };
        check(voice, false, true, true);
        check(Setting { short: true, ..voice }, true, true, true);
    }

    #[test]
    fn a_tile_at_the_border_does_not_flap() {
        let border = Setting { shown: Some(SMALL_TILE + 20), ..TILE };
        check(border, false, false, true);
        check(Setting { in_model: true, ..border }, false, true, true);
    }
}
