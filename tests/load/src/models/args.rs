//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use sotto_core::signal;

/// What to measure.
#[derive(Args, Clone, Debug)]
pub struct ModelsArgs {
    /// People who all see and hear each other, of whom five at most talk.
    #[arg(long, default_value_t = 9)]
    pub people: u32,
    /// Folder of what `sotto-lab record` wrote; people are taken from it in turn.
    #[arg(long, value_name = "DIR")]
    pub recordings: Option<PathBuf>,
    /// Leave out of the recordings what either gate says something about: what models would take of
    /// people whom the gates let through all the time.
    #[arg(long)]
    pub calm: bool,
    /// Seconds that are measured of each meeting once nothing is learned any more.
    #[arg(long, default_value_t = 60.0)]
    pub seconds: f64,
    /// Seconds for which nothing is measured behind what changes: the joining, the last model. A
    /// source whose gate was red is in model form again after up to 30.
    #[arg(long, default_value_t = 20.0)]
    pub settle: f64,
    /// Time between two bundles to one person, in milliseconds.
    #[arg(long, default_value_t = 80)]
    pub flush_ms: u64,
    /// How eagerly models are shown.
    #[arg(long, value_enum, default_value_t = Policy::Frugal)]
    pub policy: Policy,
    /// What people get does not follow what their lines carry.
    #[arg(long)]
    pub no_congestion_control: bool,
    /// File to write what reached the watcher each second to, of both meetings.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// How eagerly models are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Policy {
    /// Raw unless the line is short.
    Quality,
    /// Small tiles and voices in model form.
    Balanced,
    /// Models wherever the gate is green.
    Frugal,
}

impl Policy {
    /// What it is called in figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quality => "quality",
            Self::Balanced => "balanced",
            Self::Frugal => "frugal",
        }
    }

    /// What it is called in the configuration of a node.
    pub const fn of_node(self) -> signal::Policy {
        match self {
            Self::Quality => signal::Policy::Quality,
            Self::Balanced => signal::Policy::Balanced,
            Self::Frugal => signal::Policy::Frugal,
        }
    }
}

impl Default for ModelsArgs {
    fn default() -> Self {
        Self {
            people: 9,
            recordings: None,
            calm: false,
            seconds: 60.0,
            settle: 20.0,
            flush_ms: 80,
            policy: Policy::Frugal,
            no_congestion_control: false,
            csv: None,
            json: false,
        }
    }
}

impl ModelsArgs {
    /// How long what is steady is measured.
    pub fn window(&self) -> Duration {
        Duration::from_secs_f64(self.seconds.max(1.0))
    }

    /// How long nothing is measured behind a change.
    pub fn settling(&self) -> Duration {
        Duration::from_secs_f64(self.settle.max(0.0))
    }
}
