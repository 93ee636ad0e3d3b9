//! `conformd completions`: what a shell needs to complete the command line.

use std::process::ExitCode;

use clap::CommandFactory as _;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell.
    shell: clap_complete::Shell,
}

/// Prints them.
#[expect(clippy::unnecessary_wraps, reason = "every command returns the same")]
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut command = super::Cli::command();
    clap_complete::generate(args.shell, &mut command, "conformd", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}
