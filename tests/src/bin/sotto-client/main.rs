//! A participant without a browser, for tests of other languages: does what its arguments and its
//! standard input say, and writes what it sees as lines of JSON.

mod args;
mod crowd;
mod one;
mod say;
mod swarm;

use std::process::ExitCode;

use clap::Parser;

use args::Args;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let args = Args::parse();
    let outcome = match (args.swarm, args.crowd) {
        (Some(count), _) => swarm::run(&args, count).await,
        (None, Some(count)) => crowd::run(&args, count).await,
        (None, None) => one::run(&args).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say::failed(&failure);
            ExitCode::FAILURE
        }
    }
}
