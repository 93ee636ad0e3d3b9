//! `conformd completions`: what a shell needs to complete the command line.

use std::process::ExitCode;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: clap_complete::Shell,
}

/// Prints them.
#[expect(clippy::unnecessary_wraps, reason = "every command returns the same")]
pub(super) fn run(args: &CompletionsArgs, mut command: clap::Command) -> anyhow::Result<ExitCode> {
    clap_complete::generate(args.shell, &mut command, "conformd", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}
