//! `sotto-load`: what people cost a node and a line, measured on a real node with native participants.
#![allow(clippy::print_stdout, reason = "printing its figures is what a load test is for")]

use std::{
    error::Error,
    io::{Read as _, stdin},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use sotto_load::{
    attend::{self, AttendArgs},
    bundle::{self, BundleArgs},
    models::{self, ModelsArgs},
};

#[derive(Parser)]
#[command(about = "Real people on a real node of this process, over loopback.")]
struct Arguments {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
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
    let result = match Arguments::parse().scenario {
        Scenario::Bundle(args) => of_bundle(&args).await,
        Scenario::Models(args) => of_models(&args).await,
        Scenario::Attend(args) => of_attend(&args).await,
    };
    result.unwrap_or_else(|error| {
        eprintln!("sotto-load: {error}");
        ExitCode::FAILURE
    })
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
