//! `sotto-load`: what people cost a node and a line, measured on a real node with native participants.
#![allow(clippy::print_stdout, reason = "printing its figures is what a load test is for")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sotto_load::bundle::{self, BundleArgs};

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
}

#[tokio::main]
async fn main() -> ExitCode {
    let Scenario::Bundle(args) = Arguments::parse().scenario;
    let report = match bundle::run(&args).await {
        Ok(report) => report,
        Err(error) => {
            eprintln!("sotto-load: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}", if args.json { report.to_json() } else { report.to_table() });
    if args.assert && !report.is_within_budgets() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
