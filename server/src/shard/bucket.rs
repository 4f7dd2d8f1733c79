//! A limit on how often something may happen.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

/// A token bucket: so many at once, refilled at so many a second.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// When the bucket would have been empty: it is as full as the time since then is long.
    empty_at: Option<Instant>,
}

/// What a [`Bucket`] allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Per second, at least 1.
    pub per_second: u32,
    /// At once, at least 1.
    pub burst: u32,
}

impl Bucket {
    /// Full.
    pub const fn full() -> Self {
        Self { empty_at: None }
    }

    /// Takes one token, if there is one.
    pub fn take(&mut self, now: Instant, rate: Rate) -> bool {
        let token = Duration::from_secs(1) / rate.per_second.max(1);
        let full = token * rate.burst.max(1);
        // Never fuller than full.
        let oldest = now.checked_sub(full).unwrap_or(now);
        let empty_at = self.empty_at.map_or(oldest, |at| at.max(oldest));
        if now.saturating_duration_since(empty_at) < token {
            return false;
        }
        self.empty_at = Some(empty_at + token);
        true
    }
}

/// Buckets in a [`BucketTable`]: 16 KiB.
const TABLE: usize = 1_024;

/// Buckets for strangers: a fixed number, shared by the addresses that fall into the same one, so
/// that no flood makes it grow.
pub struct BucketTable {
    buckets: Vec<Bucket>,
    rate: Rate,
}

impl BucketTable {
    /// Every bucket is full.
    pub fn new(rate: Rate) -> Self {
        Self { buckets: vec![Bucket::full(); TABLE], rate }
    }

    /// Takes one token of this address, if there is one.
    pub fn take(&mut self, now: Instant, ip: IpAddr) -> bool {
        let hash = rustc_hash::FxBuildHasher;
        let index = std::hash::BuildHasher::hash_one(&hash, ip) as usize % TABLE;
        self.buckets[index].take(now, self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_counts() {
        let mut bucket = Bucket::full();
        let rate = Rate { per_second: 10, burst: 3 };
        let mut now = Instant::now() + Duration::from_secs(60);
        let taken = |bucket: &mut Bucket, now| (0..10).filter(|_| bucket.take(now, rate)).count();
        assert_eq!(taken(&mut bucket, now), 3);
        now += Duration::from_millis(99);
        assert_eq!(taken(&mut bucket, now), 0);
        now += Duration::from_millis(1);
        assert_eq!(taken(&mut bucket, now), 1);
        now += Duration::from_secs(3600);
        assert_eq!(taken(&mut bucket, now), 3, "never fuller than full");
    }

    #[test]
    fn one_address_does_not_use_up_what_belongs_to_another() {
        let now = Instant::now() + Duration::from_secs(60);
        let mut table = BucketTable::new(Rate { per_second: 1, burst: 2 });
        let (flood, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert_eq!((0..1000).filter(|_| table.take(now, flood)).count(), 2);
        assert!(table.take(now, other));
    }
}
