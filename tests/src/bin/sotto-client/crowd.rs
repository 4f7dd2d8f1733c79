//! Many participants that come at once and stay.

use std::time::{Duration, Instant};

use serde_json::json;
use sotto_core::signal::ClientMessage;
use sotto_tests::client::{Participant, models::background};

use super::{
    args::Args,
    input::{obey, standard_input},
    say,
};

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Brings everybody in, says the same to everybody, and lets everybody leave.
///
/// # Errors
/// Somebody could not join or leave, or was ended by the node, as text.
pub(crate) async fn run(args: &Args, count: u32) -> Result<(), String> {
    let mut people = Vec::new();
    for i in 0..count {
        people.push(enter(args, i).await?);
    }
    say::line(&json!({ "event": "gathered", "participants": count }));
    let began = Instant::now();
    let mut lines = standard_input();
    let mut listening = true;
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            line = lines.recv(), if listening => match line {
                Some(line) if line.trim() == "leave" => break,
                Some(line) => {
                    for person in &people {
                        obey(person, line.trim()).await?;
                    }
                }
                // Without an input it lives as long as its time, or until it is killed.
                None => listening = false,
            },
            _ = look.tick() => {}
        }
        if let Some(ended) =
            people.iter().find_map(|person| person.look(|report| report.ended.clone()))
        {
            return Err(format!("{ended:?}"));
        }
        if args.duration().is_some_and(|duration| began.elapsed() >= duration) {
            break;
        }
    }
    for person in people {
        person.look(|report| say::state("summary", report, began.elapsed().as_secs_f64()));
        person.leave().await.map_err(|unmet| unmet.to_string())?;
    }
    Ok(())
}

async fn enter(args: &Args, i: u32) -> Result<Participant, String> {
    let (name, number) = (format!("{}-{i}", args.name), args.number + i);
    let options = args.options(&name, number).await?;
    let participant = Participant::join(options).await.map_err(|error| error.to_string())?;
    if let Some(policy) = args.policy {
        participant.say(ClientMessage::Policy { policy }).await;
    }
    say::line(&json!({
        "event": "joined",
        "name": name,
        "id": participant.id(),
        "shortId": participant.short_id(),
        "number": number,
        "background": args.uses_models().then(|| background(number)),
    }));
    Ok(participant)
}
