//! Standard input, line by line.

use serde::de::DeserializeOwned;
use sotto_core::signal::{ClientMessage, Source, View};
use sotto_tests::client::Participant;
use tokio::sync::mpsc;

/// Lines of standard input, read by a thread of their own: a read that blocks must not keep the
/// program from ending. A full queue makes the reader wait.
pub(crate) fn standard_input() -> mpsc::Receiver<String> {
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
///
/// # Errors
/// It cannot be understood, as text.
pub(crate) async fn obey(participant: &Participant, line: &str) -> Result<(), String> {
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
        "gate" => {
            let (source, state) = rest.split_once(' ').ok_or("gate which source, and how?")?;
            participant.gate(read(source)?, read(state)?).await;
        }
        "refine" => participant.refine(read(rest)?).await,
        "policy" => participant.say(ClientMessage::Policy { policy: read(rest)? }).await,
        "" => {}
        other => return Err(format!("unknown command {other:?}")),
    }
    Ok(())
}

/// Something that is one word of the protocol: `camera`, `red`, `frugal`.
fn read<T: DeserializeOwned>(word: &str) -> Result<T, String> {
    serde_json::from_value(word.into()).map_err(|error| error.to_string())
}
