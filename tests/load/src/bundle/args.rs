//! The command line.

use std::time::Duration;

use clap::{Args, ValueEnum};
use sotto_core::signal::ModelTransport;

use crate::{crowd::CrowdPlan, line::Line};

/// What to measure.
#[derive(Args, Clone, Debug)]
pub struct BundleArgs {
    /// People who are seen, of whom five at most talk.
    #[arg(long, default_value_t = 9)]
    pub people: u32,
    /// Time between two bundles to one watcher, in milliseconds.
    #[arg(long, default_value_t = 80)]
    pub flush_ms: u64,
    /// Seconds that are measured, half of them in model form and half raw.
    #[arg(long, default_value_t = 30.0)]
    pub seconds: f64,
    /// Those who see and hear the people.
    #[arg(long, default_value_t = 3)]
    pub watchers: u32,
    /// What lies between a watcher and the node, such as `loss=10,rtt=200` (percent, ms).
    #[arg(long)]
    pub line: Option<Line>,
    /// How model packets and bundles travel.
    #[arg(long, value_enum, default_value_t = Transport::Rtp)]
    pub transport: Transport,
    /// Watchers do not ask for lost bundles: only feedback tells of them.
    #[arg(long)]
    pub no_nack: bool,
    /// What a watcher gets does not follow what its line carries.
    #[arg(long)]
    pub no_congestion_control: bool,
    /// 1, 9 and 25 people with 20, 40 and 80 ms each, against the budgets.
    #[arg(long, conflicts_with_all = ["people", "flush_ms"])]
    pub sweep: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Fail where a budget is not kept.
    #[arg(long)]
    pub assert: bool,
}

/// How model packets and bundles travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// As RTP.
    Rtp,
    /// As messages of a data channel.
    Data,
}

impl Transport {
    /// What it is called in figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rtp => "rtp",
            Self::Data => "data",
        }
    }
}

impl BundleArgs {
    /// How long one of the windows of each form is.
    pub fn window(&self, rounds: usize) -> Duration {
        Duration::from_secs_f64(self.seconds.max(1.0) / 2.0 / rounds as f64)
    }

    /// Who is there.
    pub fn plan(&self, people: u32) -> CrowdPlan {
        CrowdPlan {
            people,
            watchers: self.watchers.max(1),
            transport: match self.transport {
                Transport::Rtp => ModelTransport::Rtp,
                Transport::Data => ModelTransport::Data,
            },
            nack: !self.no_nack,
            line: self.line.as_ref().map(|line| line.shape.clone()),
        }
    }
}
