//! The way from a client to the node, in virtual time.

use std::{collections::BTreeMap, time::Duration};

use sotto_core::Time;

use super::rng::Rng;

/// What a link does to packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conditions {
    /// Packets lost, in 1,000.
    pub(crate) loss: u64,
    /// Packets that come twice, in 1,000.
    pub(crate) duplication: u64,
    /// The least time on the way.
    pub(crate) delay: Duration,
    /// Up to this much is added, evenly: packets overtake one another.
    pub(crate) jitter: Duration,
}

/// A link that loses nothing and reorders nothing.
pub(crate) const CLEAN: Conditions = Conditions {
    loss: 0,
    duplication: 0,
    delay: Duration::from_millis(10),
    jitter: Duration::ZERO,
};

/// Packets on their way.
#[derive(Debug)]
pub(crate) struct Link<T> {
    pub(crate) conditions: Conditions,
    rng: Rng,
    /// By time of arrival, then by order of sending.
    flying: BTreeMap<(Time, u64), T>,
    sent: u64,
}

impl<T: Clone> Link<T> {
    pub(crate) const fn new(conditions: Conditions, seed: u64) -> Self {
        Self { conditions, rng: Rng::new(seed), flying: BTreeMap::new(), sent: 0 }
    }

    pub(crate) fn send(&mut self, now: Time, packet: &T) {
        let Conditions { loss, duplication, delay, jitter } = self.conditions;
        if self.rng.happens(loss) {
            return;
        }
        for _ in 0..1 + u64::from(self.rng.happens(duplication)) {
            let late = self.rng.below(jitter.as_micros() as u64 + 1);
            let arrival = now + delay + Duration::from_micros(late);
            self.sent += 1;
            self.flying.insert((arrival, self.sent), packet.clone());
        }
    }

    /// The next packet that arrives until `end`.
    pub(crate) fn receive(&mut self, end: Time) -> Option<(Time, T)> {
        let first = self.flying.first_entry().filter(|entry| entry.key().0 <= end)?;
        let ((arrival, _), packet) = first.remove_entry();
        Some((arrival, packet))
    }
}

/// Sends a packet each 10 ms and gives what arrives: number and time on the way, in ms.
#[cfg(test)]
fn measure(conditions: Conditions, packets: u64) -> Vec<(u64, f64)> {
    let mut link = Link::new(conditions, 42);
    let sent_at = |n: u64| Time::from_micros(n * 10_000);
    for n in 0..packets {
        link.send(sent_at(n), &n);
    }
    let mut arrived = Vec::new();
    while let Some((at, n)) = link.receive(sent_at(packets * 2)) {
        arrived.push((n, at.saturating_since(sent_at(n)).as_secs_f64() * 1e3));
    }
    arrived
}

#[test]
fn the_link_loses_and_doubles_as_many_packets_as_it_says() {
    let lossy = Conditions { loss: 100, ..CLEAN };
    assert!((8_800..9_200).contains(&measure(lossy, 10_000).len()));
    let doubling = Conditions { duplication: 50, ..CLEAN };
    assert!((10_400..10_600).contains(&measure(doubling, 10_000).len()));
    assert_eq!(measure(CLEAN, 10_000).len(), 10_000);
    assert_eq!(measure(Conditions { loss: 1_000, ..CLEAN }, 1_000).len(), 0);
}

#[test]
fn the_link_delays_by_what_it_says_and_jitter_reorders() {
    let jitter = Duration::from_millis(40);
    let arrived = measure(Conditions { jitter, ..CLEAN }, 10_000);
    let delays = || arrived.iter().map(|&(_, delay)| delay);
    let (least, most) = (delays().fold(f64::MAX, f64::min), delays().fold(0.0, f64::max));
    let mean = delays().sum::<f64>() / arrived.len() as f64;
    assert!((10.0..10.5).contains(&least), "{least}");
    assert!(most <= 50.0 && most > 49.5, "{most}");
    assert!((mean - 30.0).abs() < 0.5, "{mean}");
    let overtaken = arrived.windows(2).filter(|pair| pair[0].0 > pair[1].0).count();
    assert!(overtaken > 1_000, "{overtaken}");
    let orderly = measure(CLEAN, 1_000);
    assert!(orderly.iter().all(|&(_, delay)| (delay - 10.0).abs() < 1e-9));
    assert!(orderly.windows(2).all(|pair| pair[0].0 < pair[1].0));
}
