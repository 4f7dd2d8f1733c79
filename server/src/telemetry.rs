//! The log: on stderr, as text or JSON lines.
//!
//! Levels have a meaning. `error`: the node is damaged. `warn`: somebody should look. `info`: the
//! node's own life and who came and went. `debug`: one connection, with addresses. `trace`: one
//! packet. Tokens, keys and contents appear nowhere.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, LevelFilter, filter_fn},
    layer::{Filter, SubscriberExt},
    util::SubscriberInitExt,
};

use crate::config::LogConfig;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Sends the log of this process to stderr. If the process has a log already, as programs have
/// that run a node inside them, that one stays, and the result is `false`.
pub fn start(config: &LogConfig) -> bool {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match config.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let filtered = lines.with_filter(filter(&config.level));
    tracing_subscriber::registry().with(filtered).try_init().is_ok()
}

/// What these levels show. It has a highest level, so that whoever writes below it is not even asked:
/// the websocket library does so several times for each message.
fn filter(levels: &str) -> impl Filter<Registry> + use<> {
    let contents = filter_fn(shows_no_contents).with_max_level_hint(LevelFilter::TRACE);
    EnvFilter::new(levels).and(contents)
}

/// The websocket library writes whole messages below `info`, and the first message of a client
/// holds its token: no setting makes it do so here.
fn shows_no_contents(metadata: &Metadata<'_>) -> bool {
    let writes_contents = ["tungstenite", "tokio_tungstenite"]
        .iter()
        .any(|name| metadata.target().split("::").next() == Some(name));
    !writes_contents || *metadata.level() <= Level::INFO
}

/// Checks filter directives.
///
/// # Errors
/// What is wrong with them.
pub fn check_levels(levels: &str) -> Result<(), String> {
    EnvFilter::try_new(levels).map(|_| ()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_writes_below_the_highest_level_is_not_asked() {
        assert_eq!(filter("info").max_level_hint(), Some(LevelFilter::INFO));
        assert_eq!(filter("warn,sotto_server=debug").max_level_hint(), Some(LevelFilter::DEBUG));
    }
}
