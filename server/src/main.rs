//! The `sotto` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    sotto_server::cli::run()
}
