//! The state of the daemon for the service manager: whether it is ready, and one line. The API has
//! the details; [`crate::http`] decides what makes it ready.

use std::fmt::Write as _;

use super::systemd::ServiceReport;
use crate::current::StateReceivers;
use crate::domain::declared::source::SourceStatus;
use crate::domain::present::report::{RegionReport, Reports};
use crate::domain::present::view::CurrentState;
use crate::http::{About, unready};

/// What the line is made of, as it changes.
#[derive(Debug)]
pub(crate) struct DaemonStatus(pub(crate) StateReceivers);

impl DaemonStatus {
    /// Waits until something is new. Cancel-safe: `changed` only marks a version as seen.
    pub(crate) async fn changed(&mut self) {
        let StateReceivers { about, source, caller, reports, .. } = &mut self.0;
        tokio::select! {
            Ok(()) = about.changed() => {}
            Ok(()) = source.changed() => {}
            Ok(()) = caller.changed() => {}
            Ok(()) = reports.changed() => {}
            // The daemon has ended, and nothing will ever be new.
            else => std::future::pending().await,
        }
    }

    /// The status at this moment.
    pub(crate) fn now(&self) -> ServiceReport {
        let CurrentState { about, source, caller, reports, .. } = self.0.facts();
        let unready = unready(&source, &caller);
        let status = if unready.is_empty() {
            line(&about, &source, &reports)
        } else {
            format!("waiting: {}", unready.join("; "))
        };
        ServiceReport { ready: unready.is_empty(), status }
    }
}

/// Such as `sync, regions: 2 synced, 1 unknown; 3 held; revision 067f6d02`.
fn line(about: &About, source: &SourceStatus, reports: &Reports) -> String {
    let seen = || reports.values().filter(|report| report.unknown.is_none());
    let count = |fits: fn(&RegionReport) -> bool| seen().filter(|report| fits(report)).count();
    let (unknown, synced) = (reports.len() - seen().count(), count(RegionReport::is_synced));
    let rolling = count(|report| !report.is_synced() && report.is_in_progress());
    let regions = [
        (synced, "synced"),
        (rolling, "in progress"),
        (reports.len() - unknown - synced - rolling, "out of sync"),
        (unknown, "unknown"),
        (about.regions.len().saturating_sub(reports.len()), "not refreshed yet"),
    ];
    let counts = regions.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    let simulated = if about.simulated { "SIMULATED: " } else { "" };
    let mut line = format!("{simulated}{}, regions: {}", about.mode, counts.join(", "));
    let held: usize = reports.values().map(|report| report.plan.holds.len()).sum();
    let add = |line: &mut String, text: std::fmt::Arguments<'_>| {
        line.write_fmt(text).expect("writing to a string cannot fail");
    };
    // Parts without content are left out: `systemctl status` shows one line.
    if held > 0 {
        add(&mut line, format_args!("; {held} held"));
    }
    if let Some(revision) = source.revision() {
        add(&mut line, format_args!("; revision {revision}"));
    }
    if let Some(problem) = source.problem() {
        add(&mut line, format_args!("; source: {problem}"));
    }
    line
}
