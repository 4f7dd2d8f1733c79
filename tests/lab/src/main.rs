//! `sotto-lab`: experiments in virtual time.
#![allow(clippy::print_stdout, reason = "printing its figures is what a lab is for")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sotto_lab::bandwidth::{self, PROFILES};

#[derive(Parser)]
#[command(about = "Experiments in virtual time: the same seed gives the same figures.")]
struct Arguments {
    #[command(subcommand)]
    experiment: Experiment,
}

#[derive(Subcommand)]
enum Experiment {
    /// The congestion controller over links whose capacity, queue, delay and loss are known.
    Bandwidth {
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
        /// Only the profile of this name.
        #[arg(long)]
        profile: Option<String>,
        /// Seed of everything that is random.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Print what the sender did every 100 ms as CSV instead: needs a profile.
        #[arg(long, requires = "profile")]
        trace: bool,
    },
}

fn main() -> ExitCode {
    let Experiment::Bandwidth { json, profile, seed, trace } = Arguments::parse().experiment;
    let chosen: Vec<_> = PROFILES
        .iter()
        .filter(|known| profile.as_deref().is_none_or(|name| name == known.name))
        .collect();
    if chosen.is_empty() {
        eprintln!("no such profile; there are:");
        for known in &PROFILES {
            eprintln!("  {:<14} {}", known.name, known.what);
        }
        return ExitCode::FAILURE;
    }
    if trace {
        println!("{}", bandwidth::trace(chosen[0], seed));
        return ExitCode::SUCCESS;
    }
    let report = bandwidth::report(&chosen, seed, profile.is_none());
    println!("{}", if json { report.to_json() } else { report.to_table() });
    ExitCode::SUCCESS
}
