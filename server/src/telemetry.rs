//! The log: on stderr, as text or JSON lines.
//!
//! Levels have a meaning. `error`: the node is damaged. `warn`: somebody should look. `info`: the
//! node's own life and who came and went. `debug`: one connection, with addresses. `trace`: one
//! packet. Tokens, keys and contents appear nowhere.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

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
    let builder = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(EnvFilter::new(&config.level));
    match config.format {
        LogFormat::Text => builder.try_init().is_ok(),
        LogFormat::Json => builder.json().try_init().is_ok(),
    }
}

/// Checks filter directives.
///
/// # Errors
/// What is wrong with them.
pub fn check_levels(levels: &str) -> Result<(), String> {
    EnvFilter::try_new(levels).map(|_| ()).map_err(|error| error.to_string())
}
