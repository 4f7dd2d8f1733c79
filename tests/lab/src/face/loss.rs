//! Payloads that do not come.

use std::path::Path;

use serde::Serialize;

use super::{
    coded::{CodeError, Payload, offset_ms},
    growth::{Use, used},
    receiver::Receiver,
    states::percentile,
    video::{Video, VideoError, VideoWriter},
};

/// Of luma, mean square error at which two pictures are the same one (PSNR 48 dB).
const SAME: f64 = 1.0;

/// How long it takes to be right again, from the time at which payloads come again to the first
/// picture that is what it would be without the loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Recovery {
    /// Losses, each of one or more payloads in a row.
    pub losses: usize,
    /// Of 95 % of them, milliseconds.
    pub ms_p95: Option<f64>,
    /// Of the worst, milliseconds; where the next loss or the end comes first, until then.
    pub ms_worst: Option<f64>,
}

/// Writes what is seen of payloads, coded with these models, of which some are `lost`: in place of those, the picture before.
///
/// # Errors
/// [`CodeError`].
pub(super) fn decode_with_losses(
    uses: &[Use],
    payloads: &[Payload],
    lost: &[bool],
    like: &Video,
    to: &Path,
) -> Result<Video, CodeError> {
    let format = like.format();
    let mut receiver = Receiver::new(&*uses[0].model, format)?;
    let mut writer = VideoWriter::create(to, format)?;
    let mut with = 0;
    for (payload, lost) in payloads.iter().zip(lost) {
        let now = used(uses, payload.pictures.start);
        if now != with {
            receiver.change(&*uses[now].model)?;
            with = now;
        }
        if !lost {
            receiver.receive(&payload.bytes)?;
        }
        for at in payload.pictures.clone() {
            if !lost {
                receiver.draw(offset_ms(format, at))?;
            }
            writer.push(receiver.planes())?;
        }
    }
    Ok(writer.finish()?)
}

/// How fast what is seen with losses becomes what is seen without.
///
/// # Errors
/// [`VideoError`].
pub(super) fn recovery(
    payloads: &[Payload],
    lost: &[bool],
    without: &Video,
    with: &Video,
) -> Result<Recovery, VideoError> {
    let luma = without.format().pixels();
    let mut same = Vec::with_capacity(without.pictures());
    for at in 0..without.pictures() {
        let (a, b) = (without.picture(at)?, with.picture(at)?);
        let pairs = a[..luma].iter().zip(&b[..luma]);
        let sum: u64 = pairs.map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum();
        same.push(sum as f64 <= SAME * luma as f64);
    }
    let pictures: Vec<_> = payloads.iter().map(|payload| payload.pictures.clone()).collect();
    let mut pictures_wrong: Vec<_> = wrong_after(&pictures, lost, &same)
        .into_iter()
        .map(|wrong| wrong as f64 * 1e3 / without.format().rate())
        .collect();
    pictures_wrong.sort_by(f64::total_cmp);
    Ok(Recovery {
        losses: pictures_wrong.len(),
        ms_p95: percentile(&pictures_wrong, 0.95),
        ms_worst: pictures_wrong.last().copied(),
    })
}

/// Of each loss, pictures behind it that are not the same, until one is or the next loss begins.
pub(super) fn wrong_after(
    pictures: &[std::ops::Range<usize>],
    lost: &[bool],
    same: &[bool],
) -> Vec<usize> {
    let mut found = Vec::new();
    for (at, pair) in lost.array_windows::<2>().enumerate() {
        if *pair != [true, false] {
            continue;
        }
        let next = lost[at + 1..].iter().position(|lost| *lost);
        let end = next.map_or(same.len(), |next| pictures[at + 1 + next].start);
        let behind = &same[pictures[at + 1].start..end];
        found.push(behind.iter().position(|same| *same).unwrap_or(behind.len()));
    }
    found
}
