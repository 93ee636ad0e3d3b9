//! `conformd reload`: checks the settings, makes a running daemon load them, and prints what
//! changed. It exists because a container has no `kill`, and because SIGHUP alone does not report a
//! refusal.
//!
//! SIGHUP ends a process that does not handle it. So it is sent only to a daemon, and only if the
//! daemon of these settings answers, which then reports the result.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::answers::{events_after, listening};
use super::ask::Address;
use super::exit::WrongName;
use super::terminal::print;
use crate::cli::settings;
use crate::clock::Clock;
use crate::config::{Config, SettingsFile};
use crate::domain::base::untrusted::flowing;
use crate::domain::plan::event::{Event, EventKind};
use crate::session;

/// How long the answer of the daemon is awaited: it reads one file.
const PATIENCE: Duration = Duration::from_secs(5);
/// The time between two questions.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Characters of the name of a process; the kernel keeps 15.
const NAME_MAX: usize = 64;

/// Arguments of `reload`.
#[derive(Debug, clap::Args)]
pub(super) struct ReloadArgs {
    #[command(flatten)]
    settings: SettingsFile,
    /// The process id of the daemon; 1 in a container.
    #[arg(long, env = "MAINPID", value_parser = clap::value_parser!(i32).range(1..))]
    pid: i32,
    /// Where the daemon answers now [default: http.listen of the settings].
    #[arg(long, value_name = "URL")]
    daemon: Option<Address>,
}

/// Asks for a reload; settings that cannot be used end it before with exit code 78.
pub(super) async fn run(args: ReloadArgs) -> anyhow::Result<ExitCode> {
    let config = settings::settings(&args.settings)?;
    session::directory(&config)?;
    let pid = Pid::from_raw(args.pid).context("there is no process 0")?;
    check_process(pid)?;
    let daemon = args.daemon.unwrap_or_else(|| listening(&config));
    // Asked before the signal: its answer shows whose daemon it is, and which events are older.
    let before = tokio::time::timeout(PATIENCE, events_after(&config, &daemon, None)).await;
    let before = before.context("there is no answer in time").flatten().with_context(|| {
        format!(
            "nothing was reloaded, because no daemon of these settings answers at {daemon} \
             (a daemon keeps its http.listen until it restarts; --daemon says where it answers now)"
        )
    })?;
    kill_process(pid, Signal::HUP)
        .with_context(|| format!("process {} cannot be signaled to reload", args.pid))?;
    match outcome(&config, &daemon, before.last).await {
        Some(event) if event.kind == EventKind::NotReloaded => bail!(event.text),
        Some(event) => print(&format!("{}\n", event.text))?,
        None => bail!(
            "process {} was asked to reload, but the daemon at {daemon} has not reported a reload \
             within {}: check that it is this process, and read its log",
            args.pid,
            humantime::format_duration(PATIENCE)
        ),
    }
    Ok(ExitCode::SUCCESS)
}

/// An error unless this process is a conformd that handles SIGHUP, as only the daemon does.
fn check_process(pid: Pid) -> Result<(), WrongName> {
    let wrong = |what: String| Err(WrongName(format!("nothing was reloaded: {what}")));
    let number = pid.as_raw_nonzero();
    let status = Path::new("/proc").join(number.to_string()).join("status");
    let Ok(status) = fs::read_to_string(status) else {
        if test_kill_process(pid) == Err(Errno::SRCH) {
            return wrong(format!("there is no process {number}"));
        }
        // The unit hides other processes (`ProtectProc=invisible`), and the service manager knows
        // which process is the daemon.
        if std::env::var_os("MAINPID").is_some_and(|main| *main == *number.to_string()) {
            return Ok(());
        }
        return wrong(format!(
            "/proc does not show whether process {number} is a conformd; send it SIGHUP yourself: \
             kill -HUP {number}"
        ));
    };
    // The kernel names a process after its program; the daemon lets no other process see more.
    let name = status.lines().find_map(|line| line.strip_prefix("Name:"));
    let name = flowing(name.unwrap_or_default(), NAME_MAX);
    if name != "conformd" {
        return wrong(format!("process {number} is {name}, which is not a conformd"));
    }
    if !catches_hangup(&status) {
        return wrong(format!("process {number} is a conformd, but not a daemon (conformd run)"));
    }
    Ok(())
}

/// Whether the process with this `/proc/PID/status` handles SIGHUP: the signal 1 is the lowest bit
/// of the hexadecimal mask `SigCgt` (`proc_pid_status(5)`).
fn catches_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

/// What the daemon says of the reload; nothing if it does not answer in time.
async fn outcome(config: &Config, daemon: &Address, before: u64) -> Option<Event> {
    let clock = Clock::system();
    let asked = async {
        loop {
            let events = events_after(config, daemon, Some(before)).await.ok()?.events;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_does_not_handle_a_hangup_is_no_daemon() {
        let status = |mask: &str| format!("Name:\tconformd\nSigCgt:\t{mask}\nCapInh:\t0\n");
        assert!(catches_hangup(&status("0000000000004001")));
        assert!(!catches_hangup(&status("0000000000004002")));
        assert!(!catches_hangup(""));
    }
}
