//! What a publication can be had in, from the least to the best.

use crate::{forward::LayerChoice, id::LayerIndex};

/// Most rungs of a ladder: three simulcast layers of three spatial layers each, and the three lower
/// frame rates of the smallest of them.
pub const MAX_RUNGS: usize = 12;

/// Share of a layer's bits that its lower temporal layers take together, in per mille; by the number
/// of temporal layers. As libwebrtc's encoders divide them.
const TEMPORAL_SHARES: [&[u64]; 4] =
    [&[1_000], &[600, 1_000], &[400, 600, 1_000], &[250, 400, 600, 1_000]];

/// Share of a layer's bits that its lower spatial layers take together, in per mille; by the number
/// of spatial layers. Each has half the width and height of the next.
const SPATIAL_SHARES: [&[u64]; 3] = [&[1_000], &[250, 1_000], &[80, 300, 1_000]];

/// One simulcast layer, as far as choosing goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerState {
    /// Its height in pixels; zero: not known.
    pub height: u16,
    /// Bits per second on the wire of all of it: measured, or what it is expected to take when it is
    /// started.
    pub bitrate: u64,
    /// Spatial layers inside of it, 1 to 3.
    pub spatial: u8,
    /// Temporal layers inside of it, 1 to 4.
    pub temporal: u8,
    /// Whether it comes, or would come if it were asked for.
    pub available: bool,
    /// What is taken up to a spatial layer (first index) and a temporal layer, in per mille of
    /// [`Self::bitrate`], where measured.
    pub shares: Option<[[u16; 3]; 3]>,
}

/// What matters more in a publication when there is not enough for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preference {
    /// Every frame: a face.
    Motion,
    /// Every pixel: a screen.
    Detail,
}

/// One step of quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// What a slot sends of the publication.
    pub choice: LayerChoice,
    /// Highest spatial layer of it, from 0.
    pub spatial: u8,
    /// Highest temporal layer of it, from 0.
    pub temporal: u8,
    /// Height in pixels; zero: not known.
    pub height: u16,
    /// Bits per second on the wire; never less than that of a lower rung.
    pub bitrate: u64,
}

const BOTTOM: Rung = Rung {
    choice: LayerChoice { layer: LayerIndex(0), spatial: 0, temporal: 0 },
    spatial: 0,
    temporal: 0,
    height: 0,
    bitrate: 0,
};

/// What a publication can be had in now, from the least to the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    rungs: [Rung; MAX_RUNGS],
    len: u8,
    short: bool,
}

impl Default for Ladder {
    fn default() -> Self {
        Self { rungs: [BOTTOM; MAX_RUNGS], len: 0, short: false }
    }
}

impl Ladder {
    /// The ladder of a publication, from its layers by [`LayerIndex`]. Of more than three layers the
    /// first three count.
    ///
    /// A face gets lower frame rates only in its smallest picture: sharper at half the frame rate
    /// looks worse than smooth. A screen gets them everywhere but in its largest.
    pub fn new(layers: &[LayerState], preference: Preference) -> Self {
        let mut ladder = Self::default();
        let layers = &layers[..layers.len().min(3)];
        let top = layers.iter().rposition(|layer| layer.available);
        ladder.short = layers.last().is_some_and(|layer| !layer.available);
        let bottom = layers.iter().position(|layer| layer.available);
        for (index, layer) in layers.iter().enumerate().filter(|(_, layer)| layer.available) {
            let spatial = layer.spatial.clamp(1, 3);
            for s in 0..spatial {
                let is_lowest = Some(index) == bottom && s == 0;
                let is_highest = Some(index) == top && s + 1 == spatial;
                let rates = match preference {
                    Preference::Motion if is_lowest => FrameRates::All,
                    Preference::Motion => FrameRates::Highest,
                    Preference::Detail if is_highest => FrameRates::All,
                    Preference::Detail => FrameRates::Lowest,
                };
                ladder.push_step(LayerIndex(index as u8), layer, s, rates);
            }
        }
        ladder
    }

    /// From the least to the best. Empty: nothing comes.
    pub fn rungs(&self) -> &[Rung] {
        &self.rungs[..usize::from(self.len)]
    }

    /// Whether the publisher does not send the best that it announced.
    pub const fn is_short(&self) -> bool {
        self.short
    }

    /// The highest rung that is worth sending to where it is shown `shown` pixels high: the smallest
    /// picture of at least nine tenths of that, in its full frame rate. `None`: it is not shown, or
    /// there are no rungs.
    pub fn best(&self, shown: u16) -> Option<usize> {
        let rungs = self.rungs();
        if shown == 0 || rungs.is_empty() {
            return None;
        }
        let fills = |rung: &Rung| fills(rung.height, shown);
        let Some(first) = rungs.iter().position(fills) else { return Some(rungs.len() - 1) };
        let picture = |rung: &Rung| (rung.choice.layer, rung.spatial);
        rungs.iter().rposition(|rung| picture(rung) == picture(&rungs[first]))
    }

    /// Whether the best of it is as large as it is shown, and more would be of no use.
    pub fn fills(&self, shown: u16) -> bool {
        self.rungs().last().is_some_and(|rung| fills(rung.height, shown))
    }

    /// The rung of a choice that was made when the ladder may have been another: the highest that is
    /// not above it, or the lowest.
    pub fn position(&self, choice: LayerChoice) -> usize {
        self.rungs().iter().rposition(|rung| rung.choice <= choice).unwrap_or(0)
    }

    fn push_step(&mut self, index: LayerIndex, layer: &LayerState, s: u8, rates: FrameRates) {
        let spatial = layer.spatial.clamp(1, 3);
        let temporal = layer.temporal.clamp(1, 4);
        let spatial_share = SPATIAL_SHARES[usize::from(spatial) - 1][usize::from(s)];
        let (first, last) = match rates {
            FrameRates::All => (0, temporal - 1),
            FrameRates::Highest => (temporal - 1, temporal - 1),
            FrameRates::Lowest => (0, 0),
        };
        for t in first..=last {
            let temporal_share = TEMPORAL_SHARES[usize::from(temporal) - 1][usize::from(t)];
            let usual = spatial_share * temporal_share / 1_000;
            let place = |row: [u16; 3]| row.get(usize::from(t)).copied();
            let measured = layer.shares.and_then(|shares| place(shares[usize::from(s)]));
            let share = measured.map_or(usual, u64::from);
            let bitrate = layer.bitrate.saturating_mul(share) / 1_000;
            let below = self.rungs().last().map_or(0, |rung| rung.bitrate);
            // All of it is said as "all", so that layers which turn up later are not cut off.
            let whole = |own: u8, count: u8| if own + 1 == count { u8::MAX } else { own };
            let choice = LayerChoice {
                layer: index,
                spatial: whole(s, spatial),
                temporal: whole(t, temporal),
            };
            let Some(rung) = self.rungs.get_mut(usize::from(self.len)) else { return };
            *rung = Rung {
                choice,
                spatial: s,
                temporal: t,
                height: layer.height >> (spatial - 1 - s),
                bitrate: bitrate.max(below),
            };
            self.len += 1;
        }
    }
}

fn fills(height: u16, shown: u16) -> bool {
    u32::from(height) * 10 >= u32::from(shown) * 9
}

/// In which frame rates a picture is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FrameRates {
    All,
    Highest,
    Lowest,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(height: u16, kbps: u64, temporal: u8) -> LayerState {
        let bitrate = kbps * 1_000;
        LayerState { height, bitrate, spatial: 1, temporal, available: true, shares: None }
    }

    /// Rungs as (layer, spatial, temporal, height, kbit/s).
    fn check(
        layers: &[LayerState],
        preference: Preference,
        expected: &[(u8, u8, u8, u16, u64)],
    ) -> Ladder {
        let ladder = Ladder::new(layers, preference);
        let rungs = ladder.rungs().iter();
        let rungs = rungs
            .map(|r| (r.choice.layer.0, r.spatial, r.temporal, r.height, r.bitrate / 1_000))
            .collect::<Vec<_>>();
        assert_eq!(rungs, expected);
        ladder
    }

    #[test]
    fn a_camera_gives_up_pictures_before_frames_until_the_smallest_picture() {
        let layers = [layer(180, 150, 3), layer(360, 500, 3), layer(720, 1_700, 3)];
        let rungs = [
            (0, 0, 0, 180, 60),
            (0, 0, 1, 180, 90),
            (0, 0, 2, 180, 150),
            (1, 0, 2, 360, 500),
            (2, 0, 2, 720, 1_700),
        ];
        check(&layers, Preference::Motion, &rungs);
    }

    #[test]
    fn measured_shares_count_more_than_usual_ones() {
        let shares = Some([[100, 150, 200], [250, 400, 500], [500, 750, 1_000]]);
        let svc = LayerState { spatial: 3, shares, ..layer(720, 1_000, 3) };
        let rungs = [
            (0, 0, 0, 180, 100),
            (0, 0, 1, 180, 150),
            (0, 0, 2, 180, 200),
            (0, 1, 2, 360, 500),
            (0, 2, 2, 720, 1_000),
        ];
        check(&[svc], Preference::Motion, &rungs);
    }

    #[test]
    fn a_screen_gives_up_frames_before_pixels() {
        let layers = [layer(540, 300, 3), layer(1_080, 2_000, 3)];
        let rungs = [
            (0, 0, 0, 540, 120),
            (1, 0, 0, 1_080, 800),
            (1, 0, 1, 1_080, 1_200),
            (1, 0, 2, 1_080, 2_000),
        ];
        check(&layers, Preference::Detail, &rungs);
    }

    #[test]
    fn spatial_layers_inside_of_one_are_steps_of_their_own() {
        let svc = LayerState { spatial: 3, ..layer(720, 1_500, 3) };
        let rungs = [
            (0, 0, 0, 180, 48),
            (0, 0, 1, 180, 72),
            (0, 0, 2, 180, 120),
            (0, 1, 2, 360, 450),
            (0, 2, 2, 720, 1_500),
        ];
        let ladder = check(&[svc], Preference::Motion, &rungs);
        let choice =
            |n: usize| (ladder.rungs()[n].choice.spatial, ladder.rungs()[n].choice.temporal);
        assert_eq!((choice(0), choice(4)), ((0, 0), (u8::MAX, u8::MAX)));
    }

    #[test]
    fn a_larger_picture_never_costs_less() {
        let layers = [layer(180, 150, 1), layer(360, 90, 1)];
        check(&layers, Preference::Motion, &[(0, 0, 0, 180, 150), (1, 0, 0, 360, 150)]);
    }

    #[test]
    fn layers_that_do_not_come_are_no_rungs() {
        let gone = LayerState { available: false, ..layer(720, 1_700, 1) };
        let layers = [layer(180, 150, 1), layer(360, 500, 1), gone];
        let ladder =
            check(&layers, Preference::Motion, &[(0, 0, 0, 180, 150), (1, 0, 0, 360, 500)]);
        assert!(ladder.is_short());
        let ladder = check(&[gone, gone], Preference::Motion, &[]);
        assert_eq!((ladder.is_short(), ladder.best(720)), (true, None));
    }

    #[test]
    fn the_best_rung_fills_what_is_shown_and_no_more() {
        let layers = [layer(180, 150, 3), layer(360, 500, 3), layer(720, 1_700, 3)];
        let ladder = Ladder::new(&layers, Preference::Motion);
        let shown = [
            (0, None),
            (100, Some(2)),
            (200, Some(2)),
            (201, Some(3)),
            (400, Some(3)),
            (401, Some(4)),
        ];
        for (shown, best) in shown {
            assert_eq!(ladder.best(shown), best, "shown {shown} high");
        }
        let unknown = Ladder::new(&[layer(0, 900, 1)], Preference::Motion);
        assert_eq!(unknown.best(180), Some(0));
    }

    #[test]
    fn a_choice_finds_its_rung_when_the_ladder_has_changed() {
        let mut layers = [layer(180, 150, 3), layer(360, 500, 3), layer(720, 1_700, 3)];
        let whole = |layer| LayerChoice::whole(LayerIndex(layer));
        let ladder = Ladder::new(&layers, Preference::Motion);
        assert_eq!([0, 1, 2].map(|layer| ladder.position(whole(layer))), [2, 3, 4]);
        layers[1].available = false;
        let ladder = Ladder::new(&layers, Preference::Motion);
        assert_eq!([0, 1, 2].map(|layer| ladder.position(whole(layer))), [2, 2, 3]);
        layers[0].available = false;
        let ladder = Ladder::new(&layers, Preference::Motion);
        assert_eq!(ladder.position(whole(0)), 0);
    }
}
