//! One participant that does what its standard input says.

use std::time::{Duration, Instant};

use sotto_core::signal::{Source, View};
use sotto_tests::client::{Participant, Report};
use tokio::sync::mpsc;

use super::{args::Args, say};

/// How often the report is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How often the state is written.
const STATE: Duration = Duration::from_secs(1);

/// Runs until it is told to leave, its time is up, or the node ends it.
///
/// # Errors
/// It could not join, or a command cannot be understood, as text.
pub(crate) async fn run(args: &Args) -> Result<(), String> {
    let options = args.options(&args.name).await?;
    let participant = Participant::join(options).await.map_err(|error| error.to_string())?;
    let began = Instant::now();
    let end = args.duration().map(|duration| began + duration);
    let mut narrator = Narrator { decodes: args.decodes(), ..Narrator::default() };
    let mut lines = standard_input();
    let mut listening = true;
    let mut look = tokio::time::interval(LOOK);
    let mut next_state = began + STATE;
    loop {
        tokio::select! {
            line = lines.recv(), if listening => match line {
                Some(line) if line.trim() == "leave" => break,
                Some(line) => obey(&participant, line.trim()).await?,
                // Without an input it lives as long as its time, or until it is killed.
                None => listening = false,
            },
            _ = look.tick() => {}
        }
        let now = Instant::now();
        let over = participant.look(|report| {
            narrator.tell(report);
            if now >= next_state {
                next_state = now + STATE;
                say::state("stats", report, began.elapsed().as_secs_f64());
            }
            report.ended.is_some()
        });
        if over || end.is_some_and(|end| now >= end) {
            break;
        }
    }
    participant.look(|report| say::state("summary", report, began.elapsed().as_secs_f64()));
    if participant.look(|report| report.ended.is_some()) {
        return Err(format!("{:?}", participant.report().ended));
    }
    participant.leave().await.map(drop).map_err(|unmet| unmet.to_string())
}

/// Lines of standard input, read by a thread of their own: a read that blocks must not keep the
/// program from ending. A full queue makes the reader wait.
pub(super) fn standard_input() -> mpsc::Receiver<String> {
    let (lines, queue) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                break;
            }
        }
    });
    queue
}

/// Carries out one line of standard input.
async fn obey(participant: &Participant, line: &str) -> Result<(), String> {
    let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
    match command {
        "mute" | "unmute" => {
            for source in [Source::Microphone, Source::Camera, Source::Screen] {
                if rest.is_empty() || format!("{source:?}").eq_ignore_ascii_case(rest) {
                    participant.mute(source, command == "mute").await;
                }
            }
        }
        "view" => {
            let view: View = serde_json::from_str(rest).map_err(|error| error.to_string())?;
            participant.view(view).await;
        }
        "chat" => participant.chat(rest).await,
        "" => {}
        other => return Err(format!("unknown command {other:?}")),
    }
    Ok(())
}

/// Says each thing once, when it has happened.
#[derive(Default)]
struct Narrator {
    decodes: bool,
    joined: bool,
    connected: bool,
    first_frame: bool,
    chats: usize,
}

impl Narrator {
    fn tell(&mut self, report: &Report) {
        if report.welcome.is_some() && !std::mem::replace(&mut self.joined, true) {
            say::joined(report);
        }
        if report.connected.is_some() && !std::mem::replace(&mut self.connected, true) {
            say::connected(report);
        }
        let first = if self.decodes { report.first_picture } else { report.first_frame };
        if let Some(at) = first
            && !std::mem::replace(&mut self.first_frame, true)
        {
            say::first_frame(report, at);
        }
        for chat in &report.chat[self.chats.min(report.chat.len())..] {
            say::chat(report, chat);
        }
        self.chats = report.chat.len();
    }
}
