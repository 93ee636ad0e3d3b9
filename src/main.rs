//! The `conformd` program: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    conformd::cli::main()
}
