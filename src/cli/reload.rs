//! `conformd reload`: checks the settings, then makes a running daemon load them. It exists because
//! a container has no `kill`, and because SIGHUP alone does not report a refusal.

use std::process::ExitCode;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

use crate::cli::settings;
use crate::config::SettingsFile;
use crate::session;

/// Arguments of `reload`.
#[derive(Debug, clap::Args)]
pub(super) struct ReloadArgs {
    #[command(flatten)]
    settings: SettingsFile,
    /// The process id of the daemon; 1 in a container.
    #[arg(long, env = "MAINPID", value_parser = clap::value_parser!(i32).range(1..))]
    pid: i32,
}

/// Asks for a reload; settings that cannot be used end it before with exit code 78.
pub(super) fn run(args: &ReloadArgs) -> anyhow::Result<ExitCode> {
    let config = settings::settings(&args.settings)?;
    session::directory(&config)?;
    let pid = Pid::from_raw(args.pid).context("there is no process 0")?;
    kill_process(pid, Signal::HUP)
        .with_context(|| format!("process {} cannot be signaled to reload", args.pid))?;
    Ok(ExitCode::SUCCESS)
}
