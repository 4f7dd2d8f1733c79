//! What is known of the way to a client, as far as repair goes.

use std::time::Duration;

use crate::{
    bandwidth::Estimate,
    forward::{RedLevel, RepairBudget, UNKNOWN_ROUND_TRIP},
    time::Time,
};

/// The way to one client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Downlink {
    estimate: Option<Estimate>,
    /// Of a reception report; [`Estimate::round_trip`] is better.
    reported: Option<Duration>,
    red: RedLevel,
    budget: RepairBudget,
}

impl Downlink {
    /// Nothing is known yet.
    pub(crate) fn new(now: Time) -> Self {
        Self {
            estimate: None,
            reported: None,
            red: RedLevel::default(),
            budget: RepairBudget::new(now),
        }
    }

    /// What the connection's sender found out.
    pub(crate) fn estimated(&mut self, estimate: Estimate) {
        self.estimate = Some(estimate);
        self.red.observe(estimate.loss_per_mille, self.round_trip());
    }

    /// A reception report about a slot: `fraction_lost` in 1/256. What was repaired in time is not
    /// lost by it, so it only counts where nothing better is known.
    pub(crate) fn reported(&mut self, fraction_lost: u8, round_trip: Option<Duration>) {
        self.reported = round_trip.or(self.reported);
        if self.estimate.is_none() {
            let per_mille = u32::from(fraction_lost) * 1_000 / 256;
            self.red.observe(per_mille as u16, self.round_trip());
        }
    }

    /// The round trip, once measured.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.estimate.and_then(|estimate| estimate.round_trip).or(self.reported)
    }

    /// The round trip, or what is assumed for it.
    pub(crate) fn assumed_round_trip(&self) -> Duration {
        self.round_trip().unwrap_or(UNKNOWN_ROUND_TRIP)
    }

    /// How many predecessors each packet of sound carries.
    pub(crate) const fn red_level(&self) -> usize {
        self.red.level()
    }

    /// Whether a packet of `bytes` may be repeated now; if so, it is paid for.
    #[must_use]
    pub(crate) fn may_repeat(&mut self, now: Time, bytes: usize) -> bool {
        self.budget.take(now, bytes, self.estimate.map(|estimate| estimate.bitrate))
    }
}
