//! How long it takes to be there: 50 joins one after the other of a room in which somebody sends
//! real video, from just before the websocket is opened to the first picture.
//!
//! Printed as JSON, in milliseconds: when the node said welcome, when its answer came, when ICE and
//! DTLS were done, when the first frame was whole, when ffmpeg had decoded it. Node and client share
//! one machine and one process. `--assert` fails above the budget: p50 300 ms, p95 600 ms.

use std::{io::Write, process::ExitCode, time::Duration};

use serde_json::json;
use sotto_core::signal::Source;
use sotto_tests::{
    client::{Media, Participant, Report},
    media::{
        Clip,
        make::{self, CAST, Shape},
    },
    node::Node,
};

const JOINS: usize = 50;
const ROOM: &str = "door";
const BUDGET_P50: Duration = Duration::from_millis(300);
const BUDGET_P95: Duration = Duration::from_millis(600);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let assert = std::env::args().any(|argument| argument == "--assert");
    let measured = joins().await;
    let column = |read: fn(&Report) -> Option<Duration>| -> Vec<Duration> {
        let mut column: Vec<_> = measured.iter().filter_map(read).collect();
        column.sort_unstable();
        column
    };
    let decoded = column(|report| report.first_picture);
    let rows = [
        ("welcome", column(|report| report.welcome)),
        ("answer", column(|report| report.answered)),
        ("ice", column(|report| report.validated)),
        ("dtls", column(|report| report.connected.map(|(at, _)| at))),
        ("assembled", column(|report| report.first_frame)),
        ("decoded", decoded.clone()),
    ];
    let mut figures = json!({ "bench": "join", "joins": JOINS, "size": "640x360" });
    for (name, column) in &rows {
        figures[*name] = json!({
            "count": column.len(),
            "p50": millis(percentile(column, 0.5)),
            "p95": millis(percentile(column, 0.95)),
            "longest": millis(percentile(column, 1.0)),
        });
    }
    if writeln!(std::io::stdout(), "{figures}").is_err() {
        return ExitCode::FAILURE;
    }
    let met = decoded.len() == JOINS
        && percentile(&decoded, 0.5) <= BUDGET_P50
        && percentile(&decoded, 0.95) <= BUDGET_P95;
    if assert && !met { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn joins() -> Vec<Report> {
    let node = Node::start().await;
    let clip = make::video(CAST[0], Shape::VGA).expect("ffmpeg makes the clip");
    let clip = Clip::video(&clip).expect("the clip was just made");
    let media = Media::Clip { clip, seek: true };
    let options = node.options(ROOM, "host").publishing(Source::Camera, media);
    let mut host = Participant::join(options).await.expect("the host joins");
    host.until("video is sent", |report| report.sent.iter().any(|sent| sent.frames > 15))
        .await
        .expect("the host sends");
    let mut measured = Vec::with_capacity(JOINS);
    for guest in 0..JOINS {
        let options = node.options(ROOM, &format!("guest-{guest}")).decoding();
        let mut guest = Participant::join(options).await.expect("a guest joins");
        let report = guest.until("a picture", |report| report.first_picture.is_some()).await;
        measured.push(report.expect("a guest sees the host"));
        guest.leave().await.expect("a guest leaves");
    }
    node.stop().await;
    measured
}

/// The smallest value that so large a share does not exceed.
fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(Duration::MAX)
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}
