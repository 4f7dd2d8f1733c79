//! Many participants that come and go by a seeded schedule.

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng, rngs::SmallRng};
use serde_json::json;
use sotto_tests::client::{Participant, Report};
use tokio::task::JoinSet;

use super::{args::Args, say};

/// How long the schedule is if nothing else is said.
const DURATION: Duration = Duration::from_secs(30);

/// When one of them comes and goes, from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stay {
    comes: Duration,
    goes: Duration,
}

/// Runs the whole schedule.
///
/// # Errors
/// Somebody could not join or leave, as text.
pub(crate) async fn run(args: &Args, count: u32) -> Result<(), String> {
    let length = args.duration().unwrap_or(DURATION);
    let began = Instant::now();
    let mut stays = JoinSet::new();
    for (i, stay) in schedule(count, length, args.seed).into_iter().enumerate() {
        let args = args.clone();
        stays.spawn(async move { take_part(&args, began, stay, i).await });
    }
    let (mut done, mut wrong, mut foreign, mut unannounced) = (0, 0, 0, 0);
    let mut longest = Duration::ZERO;
    while let Some(stayed) = stays.join_next().await {
        let report = stayed.map_err(|error| error.to_string())??;
        done += 1;
        wrong += report.wrong_person();
        foreign += report.foreign();
        unannounced += report.unannounced();
        longest = longest.max(report.connected.map_or(Duration::ZERO, |(at, _)| at));
    }
    say::line(&json!({
        "event": "summary",
        "participants": done,
        "seconds": began.elapsed().as_secs_f64(),
        "wrongPerson": wrong,
        "foreign": foreign,
        "unannounced": unannounced,
        "slowestConnectMs": longest.as_secs_f64() * 1e3,
    }));
    Ok(())
}

async fn take_part(args: &Args, began: Instant, stay: Stay, i: usize) -> Result<Report, String> {
    tokio::time::sleep_until((began + stay.comes).into()).await;
    let name = format!("{}-{i}", args.name);
    // Few slots each: it is the one who stays that is to see them all.
    let options = args.options(&name).await?.with_slots(1, 2);
    let participant = Participant::join(options).await.map_err(|error| error.to_string())?;
    say::line(&json!({ "event": "joined", "name": name, "shortId": participant.short_id() }));
    tokio::time::sleep_until((began + stay.goes).into()).await;
    let report = participant.leave().await.map_err(|unmet| unmet.to_string())?;
    say::line(&json!({ "event": "left", "name": name }));
    Ok(report)
}

/// The first comes at once, the last when half the time is over; everyone stays for between a fifth
/// and two fifths of the time. So about 15 of 50 are there together, and in the last tenth nobody.
fn schedule(count: u32, length: Duration, seed: u64) -> Vec<Stay> {
    let mut random = SmallRng::seed_from_u64(seed);
    (0..count)
        .map(|i| {
            let comes = length.mul_f64(0.5 * f64::from(i) / f64::from(count.max(1)));
            let goes = comes + length.mul_f64(random.random_range(0.2..0.4));
            Stay { comes, goes }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_schedule_and_everyone_has_left_before_the_end() {
        let length = Duration::from_secs(30);
        let stays = schedule(50, length, 7);
        assert_eq!(stays, schedule(50, length, 7));
        assert_ne!(stays, schedule(50, length, 8));
        assert!(stays.iter().all(|stay| stay.comes < stay.goes && stay.goes < length));
        let together =
            |at: Duration| stays.iter().filter(|stay| stay.comes <= at && at < stay.goes).count();
        assert!(together(Duration::from_secs(12)) >= 12);
    }
}
