//! The `sotto` binary.

use std::process::ExitCode;

use sotto_server::wiping::Wiping;

/// A model that is deleted is not in the process any longer.
#[global_allocator]
static ALLOCATOR: Wiping = Wiping;

fn main() -> ExitCode {
    sotto_server::cli::run()
}
