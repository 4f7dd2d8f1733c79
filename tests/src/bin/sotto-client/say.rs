//! The lines of JSON on standard output.

use std::{io::Write, time::Duration};

use serde_json::{Value, json};
use sotto_core::media::Kind;
use sotto_tests::client::{Report, SlotReport, SourceReport};

/// Writes one line. Nobody reads any more: the program ends when its input does.
pub(crate) fn line(value: &Value) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{value}").and_then(|()| out.flush()).is_err() {
        tracing::warn!("standard output is closed");
    }
}

/// Something that ends the program.
pub(crate) fn failed(why: &str) {
    line(&json!({ "event": "failed", "why": why }));
}

/// We are in.
pub(crate) fn joined(report: &Report) {
    let me = report.me.as_ref();
    line(&json!({
        "event": "joined",
        "ms": report.welcome.map(millis),
        "id": me.map(|me| me.id),
        "shortId": me.map(|me| me.short_id),
    }));
}

/// Media can flow.
pub(crate) fn connected(report: &Report) {
    let (at, profile) = report.connected.unzip();
    let profile = profile.map(|profile| format!("{profile:?}").to_lowercase());
    line(&json!({
        "event": "connected",
        "ms": at.map(millis),
        "answerMs": report.answered.map(millis),
        "iceMs": report.validated.map(millis),
        "profile": profile,
    }));
}

/// The first frame, decoded where that is asked for.
pub(crate) fn first_frame(report: &Report, at: Duration) {
    line(&json!({
        "event": "first_frame",
        "ms": millis(at),
        "assembledMs": report.first_frame.map(millis),
        "decodedMs": report.first_picture.map(millis),
    }));
}

/// What is seen now, or at the end.
pub(crate) fn state(event: &str, report: &Report, seconds: f64) {
    line(&json!({
        "event": event,
        "seconds": seconds,
        "offers": report.offers,
        "people": report.people.values().map(|person| &person.name).collect::<Vec<_>>(),
        "wrongPerson": report.wrong_person(),
        "foreign": report.foreign(),
        "unannounced": report.unannounced(),
        "rejected": report.rejected,
        "dropped": { "up": report.dropped.0, "down": report.dropped.1 },
        "sent": report.sent.iter().map(|sent| json!({
            "source": sent.source,
            "frames": sent.frames,
            "packets": sent.packets,
            "behindMs": millis(sent.behind),
            "keyframeRequests": sent.keyframe_requests,
            "repeated": sent.repeated,
        })).collect::<Vec<_>>(),
        "slots": report.slots.iter().filter(|slot| slot.packets > 0)
            .map(|slot| slot_of(report, slot)).collect::<Vec<_>>(),
        "refusals": report.refusals.iter().map(|refusal| json!({
            "code": refusal.code, "message": refusal.message, "about": refusal.about,
        })).collect::<Vec<_>>(),
    }));
}

/// A message on a data channel.
pub(crate) fn chat(report: &Report, chat: &sotto_tests::client::Chat) {
    line(&json!({
        "event": "chat",
        "label": chat.label,
        "from": name_of(report, chat.from),
        "text": String::from_utf8_lossy(&chat.payload),
    }));
}

fn slot_of(report: &Report, slot: &SlotReport) -> Value {
    json!({
        "mid": slot.mid,
        "kind": slot.kind,
        "from": slot.content.as_ref().map(|content| name_of(report, content.short_id.0)),
        "packets": slot.packets,
        "lost": slot.lost,
        "repaired": slot.repaired,
        "recovered": slot.recovered,
        "asked": slot.asked,
        "padding": slot.padding,
        "frames": slot.frames,
        "keyframes": slot.keyframes,
        "undecodable": slot.undecodable,
        "pictureGaps": slot.picture_gaps,
        "timeReversals": slot.time_reversals,
        "switches": slot.switches.len(),
        "delayUs": delay(slot.delay_us),
        "sources": slot.sources.iter()
            .map(|(id, source)| source_of(report, slot.kind, *id, source)).collect::<Vec<_>>(),
    })
}

fn source_of(report: &Report, kind: Kind, id: u32, source: &SourceReport) -> Value {
    let first_to_last = source.first_frame.zip(source.last_frame);
    let seconds = first_to_last.map(|(first, last)| last.saturating_sub(first).as_secs_f64());
    let rate = seconds.filter(|seconds| *seconds > 0.0);
    let mut value = json!({
        "name": name_of(report, id),
        "shortId": id,
        "packets": source.packets,
        "frames": source.frames,
        "rate": rate.map(|seconds| (source.frames.saturating_sub(1)) as f64 / seconds),
        "longestGapMs": millis(source.longest_gap),
        "freezes": source.freezes,
    });
    match kind {
        Kind::Video => {
            value["size"] = json!(source.size);
            value["pictures"] = json!(source.pictures);
            value["colour"] = json!(source.colour);
        }
        Kind::Audio => {
            value["levelDbfs"] = json!(source.heard.map(|heard| heard.level_dbfs));
            value["frequencyHz"] = json!(source.heard.map(|heard| heard.frequency_hz));
        }
    }
    value
}

fn delay((sum, count, largest): (u64, u64, u64)) -> Option<Value> {
    let mean = sum.checked_div(count)?;
    Some(json!({ "mean": mean, "largest": largest }))
}

fn name_of(report: &Report, short_id: u32) -> Option<&str> {
    report.met.get(&short_id).map(String::as_str)
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}
