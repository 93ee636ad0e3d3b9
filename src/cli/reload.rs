//! `conformd reload`: checks the settings, makes a running daemon load them, and prints what
//! changed. It exists because a container has no `kill`, and because SIGHUP alone does not report a
//! refusal.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::answers::events_after;
use super::terminal::print;
use crate::cli::settings;
use crate::clock::Clock;
use crate::config::{Config, SettingsFile};
use crate::domain::plan::event::{Event, EventKind};
use crate::session;

/// How long the answer of the daemon is awaited: it reads one file.
const PATIENCE: Duration = Duration::from_secs(5);
/// The time between two questions.
const ASK_EVERY: Duration = Duration::from_millis(100);

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
pub(super) async fn run(args: ReloadArgs) -> anyhow::Result<ExitCode> {
    let config = settings::settings(&args.settings)?;
    session::directory(&config)?;
    let pid = Pid::from_raw(args.pid).context("there is no process 0")?;
    // Without an answer the reload is asked for all the same: the daemon may serve elsewhere.
    let before = tokio::time::timeout(PATIENCE, events_after(&config, None)).await;
    let before = before.ok().and_then(Result::ok).map(|view| view.last);
    kill_process(pid, Signal::HUP)
        .with_context(|| format!("process {} cannot be signaled to reload", args.pid))?;
    let said = match before {
        Some(before) => outcome(&config, before).await,
        None => None,
    };
    match said {
        Some(event) if event.kind == EventKind::NotReloaded => bail!(event.text),
        Some(event) => print(&format!("{}\n", event.text))?,
        None => print("the daemon was asked to reload; its log reports the result\n")?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What the daemon says of the reload; nothing if it does not answer in time.
async fn outcome(config: &Config, before: u64) -> Option<Event> {
    let clock = Clock::system();
    let asked = async {
        loop {
            let events = events_after(config, Some(before)).await.ok()?.events;
            let mut outcomes = events
                .into_iter()
                .filter(|event| matches!(event.kind, EventKind::Reloaded | EventKind::NotReloaded));
            if let Some(outcome) = outcomes.next() {
                return Some(outcome);
            }
            clock.sleep(ASK_EVERY).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.ok().flatten()
}
