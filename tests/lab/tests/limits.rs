//! What the congestion controller owes: every profile, several seeds, in virtual time.

use sotto_lab::bandwidth::{PROFILES, STARVED, report};

const SEEDS: std::ops::RangeInclusive<u64> = 1..=2;

#[test]
fn every_link_is_followed_in_time_and_without_a_long_queue() {
    for seed in SEEDS {
        let report = report(&PROFILES.iter().collect::<Vec<_>>(), seed, true);
        for row in &report.profiles {
            let name = format!("{} with seed {}", row.profile, report.seed);
            assert!(row.settle_down_s.is_none_or(|s| s <= 3.0), "{name}: {row:?}");
            assert!(row.settle_up_s.is_none_or(|s| s <= 15.0), "{name}: {row:?}");
            assert!(row.queue_ms_p95 <= 150.0, "{name}: {row:?}");
            assert!(row.settled_rate >= 0.6, "{name}: {row:?}");
            assert!(row.utilisation >= if row.profile == "fast" { 0.2 } else { 0.5 }, "{row:?}");
        }
        for row in report.profiles.iter().filter(|row| ["loss", "bursts"].contains(&row.profile)) {
            // Losses that are not ours leave the rate alone.
            assert!(row.loss > 0.03 && row.settled_rate > 0.7, "{row:?}");
        }
        assert!(report.fairness.is_some_and(|jain| jain >= 0.9), "{:?}", report.fairness);
        for shares in report.beside_tcp.iter().flatten() {
            assert!(shares.our_share.min(shares.tcp_share) >= STARVED, "{shares:?}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_figures() {
    let json = || report(&[&PROFILES[6]], 5, false).to_json();
    assert_eq!(json(), json());
}
