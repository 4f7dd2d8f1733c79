//! Which changes of an estimate are worth telling.

use std::time::Duration;

use crate::bandwidth::Estimate;

/// A change of the estimate by this share, in per cent, is told at once.
const TELL_UP: u64 = 4;
const TELL_DOWN: u64 = 2;
/// A round trip is told when it changes by a quarter and by this.
const TELL_ROUND_TRIP: Duration = Duration::from_millis(5);
/// Losses are told when they pass one of these, in per mille: what redundancy is chosen by.
const TELL_LOSSES: [u16; 8] = [5, 10, 15, 30, 50, 80, 120, 200];

/// Whether the difference is worth telling.
pub(super) fn differs(told: &Estimate, now: &Estimate) -> bool {
    let up = told.bitrate + told.bitrate * TELL_UP / 100;
    let down = told.bitrate - told.bitrate * TELL_DOWN / 100;
    let step = |loss: u16| TELL_LOSSES.iter().filter(|&&from| loss >= from).count();
    let round_trip = match (told.round_trip, now.round_trip) {
        (Some(told), Some(now)) => told.abs_diff(now) > (told / 4).max(TELL_ROUND_TRIP),
        (told, now) => told != now,
    };
    told.away != now.away
        || !(down..=up).contains(&now.bitrate)
        || round_trip
        || step(told.loss_per_mille) != step(now.loss_per_mille)
}
