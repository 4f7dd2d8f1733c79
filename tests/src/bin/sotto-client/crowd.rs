//! Many participants who stay, and whose voices and faces can be had as models.

use std::time::Instant;

use serde_json::json;
use sotto_core::signal::Source;
use sotto_tests::client::{
    Media, Participant,
    models::{ModelOptions, ModelPublish, Talking},
};

use super::{args::Args, one::standard_input, say};

/// Voices that talk at a time: as many as bundles carry.
const VOICES: u32 = 5;
/// Raw media, while it is wanted: nobody looks at it.
const CAMERA: Media = Media::SyntheticVideo { fps: 10, bytes: 600 };
const VOICE: Media = Media::SyntheticAudio { level: 40 };

/// Brings everybody in, says `ready` when the node has all their models, and stays until `leave`.
///
/// # Errors
/// Somebody could not join, upload or leave, as text.
pub(crate) async fn run(args: &Args, count: u32) -> Result<(), String> {
    let began = Instant::now();
    let mut people = Vec::new();
    for i in 0..count {
        let name = format!("{}-{i}", args.name);
        let talking = Talking::InTurns { turn: i / VOICES, turns: count.div_ceil(VOICES) };
        let options = args
            .options(&name)
            .await?
            .with_slots(0, 0)
            .publishing(Source::Camera, CAMERA)
            .publishing(Source::Microphone, VOICE)
            .with_models(ModelOptions {
                publish: Some(ModelPublish::marked(talking)),
                ..ModelOptions::default()
            });
        let person = Participant::join(options).await.map_err(|error| error.to_string())?;
        say::line(&json!({ "event": "joined", "name": name, "shortId": person.short_id() }));
        people.push(person);
    }
    for person in &mut people {
        let accepted = person.until("both models are in use", |report| {
            report.models.accepted.len() == 2 && report.connected.is_some()
        });
        accepted.await.map_err(|unmet| unmet.to_string())?;
    }
    say::line(&json!({ "event": "ready", "seconds": began.elapsed().as_secs_f64() }));
    let mut lines = standard_input();
    while lines.recv().await.is_some_and(|line| line.trim() != "leave") {}
    let mut packets = 0;
    for person in people {
        let report = person.leave().await.map_err(|unmet| unmet.to_string())?;
        packets += u64::from(report.models.packets);
    }
    say::line(&json!({ "event": "summary", "participants": count, "packets": packets }));
    Ok(())
}
