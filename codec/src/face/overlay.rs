//! Overlays in payloads: which other picture shows a region, and how it is moved.
//!
//! ```text
//!  unlike the frame before? │ overlaid? │ source: that of the other eye? or its number │ modes
//! ```

use super::{
    draw::Patch,
    grid::Field,
    model::FaceModel,
    number::{Activity, Ratio, number},
    planes::Planes,
    regions::{Carrier, Ellipse, MODE_STEP, MODES, REGIONS, TWINS},
};
use crate::{
    FrameError,
    entropy::{Context, Port, Price},
};

/// A region as another picture of the model shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overlay {
    /// Which: the references, then the details of this region.
    pub(super) source: usize,
    /// How it is moved, in [`MODE_STEP`]s.
    pub(super) numbers: [i32; MODES],
}

/// The overlays of a frame, by region.
pub(super) type Overlays = [Option<Overlay>; REGIONS];

/// An overlay, and where it is to be drawn.
pub(super) struct Placed<'a> {
    pub(super) region: usize,
    pub(super) overlay: &'a Overlay,
    pub(super) here: Ellipse,
}

impl Overlay {
    /// How it is moved, in pixels of the working picture.
    pub(super) fn coefficients(&self) -> [f32; MODES] {
        self.numbers.map(|number| number as f32 * MODE_STEP)
    }
}

impl Placed<'_> {
    /// Which of the details of the region shows it, if it is none of the references.
    pub(super) fn detail(&self, model: &FaceModel) -> Option<usize> {
        self.overlay.source.checked_sub(model.references.len())
    }

    /// How it is drawn of its source, which may be had at any size.
    pub(super) fn patch<'a>(&self, model: &FaceModel, source: &'a Planes) -> Patch<'a> {
        Patch {
            source,
            size: model.source_size(self.region, self.overlay.source),
            there: model.there(self.region, self.overlay.source),
            here: self.here,
            coefficients: self.overlay.coefficients(),
        }
    }
}

/// The overlays of a frame that is warped from a reference by a field, in the order in which they are
/// drawn.
pub(super) fn placed<'a>(
    model: &'a FaceModel,
    reference: usize,
    overlays: &'a Overlays,
    field: &Field,
) -> impl Iterator<Item = Placed<'a>> + use<'a> {
    let face = model.faces.get(reference);
    let carrier = face.map(|&face| Carrier::before(model.grid, field, face));
    overlays.iter().enumerate().filter_map(move |(region, overlay)| {
        let here = carrier?.carry(&model.places[reference][region]);
        Some(Placed { region, overlay: overlay.as_ref()?, here })
    })
}

/// What is known of an overlay before it is coded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    /// That of the frame before; of a frame that stands for itself there is none.
    before: Option<Option<&'a Overlay>>,
    /// Of the other eye: whether its source is another than in the frame before, and the source.
    twin: Option<(bool, Option<usize>)>,
}

/// "Of another source than in the frame before, or of none": alone, and by what the other eye does.
const UNLIKE_BEFORE: [Context; 3] =
    [Context::new(58_000), Context::new(63_000), Context::new(16_000)];
/// "This region is shown by another source": alone, and by whether the other eye is.
const OVERLAID: [Context; 3] = [Context::new(26_000), Context::new(48_000), Context::new(9_000)];
/// "By that of the other eye."
const AS_TWIN: Context = Context::new(20_000);
/// How far coefficients of modes vary in steps: 8 × log₂, by degree, and from frame to frame.
const MODE_DEVIATIONS: [i32; MODES / 2] = [14, 12, 12, 9, 9, 9];
const MODE_CHANGE: i32 = 4;

/// What is expected of a mode's coefficient.
pub(super) const fn mode_ratio(mode: usize, changes: bool) -> Ratio {
    Ratio::new(if changes { MODE_CHANGE } else { MODE_DEVIATIONS[mode % (MODES / 2)] }, 0)
}

impl<'a> Around<'a> {
    /// Of a region, given the overlays of the frame before and those of this frame so far.
    pub(super) fn of(region: usize, before: Option<&'a Overlays>, so_far: &Overlays) -> Self {
        let twin = TWINS[region].map(|twin| {
            let source = so_far[twin].map(|overlay| overlay.source);
            let last = before.map(|before| before[twin].map(|overlay| overlay.source));
            (last.is_some_and(|last| last != source), source)
        });
        Self { before: before.map(|before| before[region].as_ref()), twin }
    }

    /// What an overlay of this source is coded from.
    pub(super) fn from(&self, source: usize) -> Option<&'a Overlay> {
        self.before.flatten().filter(|before| before.source == source)
    }

    /// The source of the frame before, and that of the other eye.
    pub(super) fn sources(&self) -> impl Iterator<Item = usize> + use<> {
        let before = self.before.flatten().map(|before| before.source);
        before.into_iter().chain(self.twin.and_then(|twin| twin.1))
    }

    /// Bits that an overlay takes, or none.
    pub(super) fn price(&self, model: &FaceModel, region: usize, wanted: Option<&Overlay>) -> f32 {
        let mut price = Price::default();
        code(&mut price, model, region, self, Some(wanted)).expect("it is written, not read");
        price.0
    }
}

/// Writes or reads the overlay of a region.
///
/// # Errors
/// [`FrameError::Malformed`].
pub(super) fn code(
    port: &mut impl Port,
    model: &FaceModel,
    region: usize,
    around: &Around<'_>,
    known: Option<Option<&Overlay>>,
) -> Result<Option<Overlay>, FrameError> {
    let of = |overlay: Option<&Overlay>| overlay.map(|overlay| overlay.source);
    let wanted = known.flatten();
    let like_before = around.before.filter(|before| {
        let context = around.twin.map_or(0, |(unlike, _)| 1 + usize::from(unlike));
        !port.decide(UNLIKE_BEFORE[context], known.is_some() && of(wanted) != of(*before))
    });
    let (source, from) = match like_before {
        Some(None) => return Ok(None),
        Some(Some(before)) => (before.source, Some(&before.numbers)),
        None => {
            let context = around.twin.map_or(0, |(_, source)| 1 + usize::from(source.is_some()));
            if !port.decide(OVERLAID[context], wanted.is_some()) {
                return Ok(None);
            }
            let twin = around.twin.and_then(|twin| twin.1);
            let as_twin = twin.filter(|&twin| port.decide(AS_TWIN, of(wanted) == Some(twin)));
            let source = as_twin.unwrap_or_else(|| {
                let bits = model.sources(region).next_power_of_two().ilog2();
                port.bits(of(wanted).unwrap_or(0) as u32, bits) as usize
            });
            (source, None)
        }
    };
    if source >= model.sources(region) {
        return Err(FrameError::Malformed);
    }
    let mut activity = Activity::default();
    let mut numbers = [0; MODES];
    for (mode, out) in numbers.iter_mut().enumerate() {
        let from_number = from.map_or(0, |from| from[mode]);
        let off = wanted.map_or(0, |wanted| wanted.numbers[mode] - from_number);
        let ratio = mode_ratio(mode, from.is_some());
        let off = number(port, activity.adapted(ratio), off)?;
        activity.observe(ratio, off);
        *out = from_number + off;
    }
    Ok(Some(Overlay { source, numbers }))
}
