//! `sotto-load`: what people cost a node and a line, measured on a real node with native participants.
#![allow(clippy::print_stdout, reason = "printing its figures is what a load test is for")]

mod allocations;

use std::{
    error::Error,
    io::{Read as _, stdin},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use sotto_load::{
    attend::{self, AttendArgs},
    bundle::{self, BundleArgs},
    fanout::{self, FanoutArgs},
    janus::{self, JanusArgs},
    models::{self, ModelsArgs},
    scenario::{
        self, AudioArgs, CapacityArgs, ChurnArgs, Failure, Figures, MeetArgs, StormArgs,
        WebinarArgs,
    },
};
use tracing_subscriber::EnvFilter;

#[derive(Parser)]
#[command(about = "How many people a node carries, and what each of them costs it.")]
struct Arguments {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// Rooms of people who all see and hear each other.
    Meet(MeetArgs),
    /// One room: some who send, many who watch.
    Webinar(WebinarArgs),
    /// One room whose people all have their microphone on.
    Audio(AudioArgs),
    /// People who arrive as fast as is said.
    JoinStorm(StormArgs),
    /// People who come and go: whether anything of them stays.
    Churn(ChurnArgs),
    /// How many people this machine carries: more and more of them, until a bound breaks.
    Capacity(CapacityArgs),
    /// The packet path alone at full speed: one publisher, many subscribers, real sockets.
    Fanout(FanoutArgs),
    /// The same traffic through Sotto and through Debian's Janus, in turn, on the same core.
    Janus(JanusArgs),
    /// People in model form: what their frames take on the wire, how late they come, which are lost,
    /// and what they cost the node against raw media.
    Bundle(BundleArgs),
    /// A meeting of people whom `sotto-lab record` has recorded: one downlink raw, while models are
    /// learned, and behind that; what it costs the node.
    Models(ModelsArgs),
    /// Recorded people who join a room of a node that runs already, and stay until the standard input
    /// ends. Says `joined` when everybody is there.
    Attend(AttendArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let result = match Arguments::parse().scenario {
        Scenario::Meet(args) => shown(scenario::meet(&args).await, args.common.json),
        Scenario::Webinar(args) => shown(scenario::webinar(&args).await, args.common.json),
        Scenario::Audio(args) => shown(scenario::audio(&args).await, args.common.json),
        Scenario::JoinStorm(args) => shown(scenario::join_storm(&args).await, args.common.json),
        Scenario::Churn(args) => of_churn(&args).await,
        Scenario::Capacity(args) => of_capacity(&args).await,
        Scenario::Fanout(args) => of_fanout(&args),
        Scenario::Janus(args) => of_janus(&args).await,
        Scenario::Bundle(args) => of_bundle(&args).await,
        Scenario::Models(args) => of_models(&args).await,
        Scenario::Attend(args) => of_attend(&args).await,
    };
    result.unwrap_or_else(|error| {
        eprintln!("sotto-load: {error}");
        ExitCode::FAILURE
    })
}

/// Packets of another room are a failure, whatever else is good.
fn shown(figures: Result<Figures, Failure>, json: bool) -> Result<ExitCode, Box<dyn Error>> {
    let figures = figures?;
    println!("{}", if json { figures.to_json() } else { figures.to_table() });
    Ok(if figures.wrong_room == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn of_churn(args: &ChurnArgs) -> Result<ExitCode, Box<dyn Error>> {
    let figures = scenario::churn(args).await?;
    println!("{}", if args.common.json { figures.to_json() } else { figures.to_table() });
    Ok(if figures.wrong_room == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn of_capacity(args: &CapacityArgs) -> Result<ExitCode, Box<dyn Error>> {
    let capacity = scenario::capacity(args).await?;
    println!("{}", if args.common.json { capacity.to_json() } else { capacity.to_table() });
    Ok(ExitCode::SUCCESS)
}

async fn of_janus(args: &JanusArgs) -> Result<ExitCode, Box<dyn Error>> {
    let comparison = janus::compare(args).await?;
    println!("{}", if args.common.json { comparison.to_json() } else { comparison.to_table() });
    Ok(ExitCode::SUCCESS)
}

fn of_fanout(args: &FanoutArgs) -> Result<ExitCode, Box<dyn Error>> {
    let figures = fanout::run(args, allocations::of_this_thread)?;
    println!("{}", if args.json { figures.to_json() } else { figures.to_table() });
    Ok(ExitCode::SUCCESS)
}

async fn of_bundle(args: &BundleArgs) -> Result<ExitCode, Box<dyn Error>> {
    let report = bundle::run(args).await?;
    println!("{}", if args.json { report.to_json() } else { report.to_table() });
    let is_good = !args.assert || report.is_within_budgets();
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn of_models(args: &ModelsArgs) -> Result<ExitCode, Box<dyn Error>> {
    let figures = models::run(args).await?;
    println!("{}", if args.json { figures.to_json() } else { figures.to_table() });
    Ok(ExitCode::SUCCESS)
}

async fn of_attend(args: &AttendArgs) -> Result<ExitCode, Box<dyn Error>> {
    let people = attend::attend(args).await?;
    println!("joined");
    tokio::task::spawn_blocking(|| stdin().read_to_end(&mut Vec::new())).await??;
    drop(people);
    Ok(ExitCode::SUCCESS)
}
