//! Problems of regions and packs: what could not be read, what is held, and what AWS refused.

use std::time::Duration;

use super::cause::ProblemCause;
use super::draft::Drafts;
use super::shown::{ProblemSeverity, unread_severity};
use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{Region, Timestamp};
use crate::domain::base::time::after;
use crate::domain::base::words::ago;
use crate::domain::observed::packs::Unknown;
use crate::domain::plan::hold::Hold;
use crate::domain::plan::outcome::{Outcome, StepResult};
use crate::domain::present::report::RegionReport;
use crate::domain::present::view::CurrentState;
use crate::domain::present::view::deployment::is_left_alone;

/// A region that was not read for so many intervals is old, and if all are, they are lost: as for
/// the alerts `ConformdRegionStale` and `ConformdAllRegionsStale`.
const INTERVALS_LOST: u32 = 3;
/// Full resyncs may be late by this much beyond two intervals, as for the alert
/// `ConformdResyncStale`.
const RESYNC_LATE: Duration = Duration::from_hours(1);
/// A region with more of its quota in use, in percent, is nearly full, as for the alert
/// `ConformdPackQuotaNear`.
const QUOTA_NEAR_PERCENT: usize = 90;

pub(super) fn collect<'a>(facts: &'a CurrentState, drafts: &mut Drafts<'a>) {
    let started = facts.started();
    let limit = facts.about.region_interval.saturating_mul(INTERVALS_LOST);
    let is_old = |report: Option<&RegionReport>| {
        let read = report.and_then(|report| report.last_read).unwrap_or(started).max(started);
        after(read, limit) < facts.now
    };
    let is_lost = facts.regions().all(|(_, report)| is_old(report));
    for (region, report) in facts.regions() {
        match report {
            Some(RegionReport { unknown: Some(unknown), last_read, .. }) => {
                let last = *last_read;
                unread(drafts, &UnreadRegion { region, unknown, last, now: facts.now, is_lost });
            }
            _ if is_old(report) => old(drafts, region, report, (facts.now, is_lost)),
            Some(_) => {}
            None => {
                let draft = drafts.of(ProblemSeverity::Info, ProblemCause::NotReadYet);
                draft.region(region).say(format!("{region} was not refreshed yet"));
            }
        }
        if let Some(report) = report.filter(|report| report.unknown.is_none()) {
            read(facts, region, report, drafts);
        }
    }
}

/// A region that could not be read the last time.
struct UnreadRegion<'a> {
    region: &'a Region,
    unknown: &'a Unknown,
    /// When it was last read.
    last: Option<Timestamp>,
    now: Timestamp,
    /// Whether no region was read for long.
    is_lost: bool,
}

fn unread<'a>(drafts: &mut Drafts<'a>, unread: &UnreadRegion<'a>) {
    let UnreadRegion { region, unknown, last, now, is_lost } = *unread;
    // What would pass has not passed in any region: somebody has to look.
    let cause = Some(ProblemCause::of_failure(unknown.kind));
    let cause = cause.filter(|cause| *cause != ProblemCause::Unread || !is_lost);
    let cause = cause.unwrap_or(if unknown.kind == FailureKind::Throttled {
        ProblemCause::RequestsThrottled
    } else {
        ProblemCause::Unreachable
    });
    let severity = if is_lost { ProblemSeverity::Critical } else { unread_severity(unknown.kind) };
    let draft = drafts.of(severity, cause).region(region);
    let seen = last.map_or("never read".to_owned(), |at| format!("last read {}", ago(at, now)));
    draft.say(format!("{region} could not be read ({seen}): {}", unknown.why));
}

/// A region whose last reading is old although none failed: its task hangs, or is slow.
fn old<'a>(
    drafts: &mut Drafts<'a>,
    region: &'a Region,
    report: Option<&RegionReport>,
    (now, is_lost): (Timestamp, bool),
) {
    let last = report.and_then(|report| report.last_read);
    let seen = last.map_or("never read".to_owned(), |at| format!("last read {}", ago(at, now)));
    let severity = if is_lost { ProblemSeverity::Critical } else { ProblemSeverity::Warning };
    let draft = drafts.of(severity, ProblemCause::Unreachable);
    draft.region(region).say(format!("{region} was {seen}"));
}

/// A region that was read.
fn read<'a>(
    facts: &CurrentState,
    region: &'a Region,
    report: &'a RegionReport,
    drafts: &mut Drafts<'a>,
) {
    for hold in &report.plan.holds {
        held(region, report, hold, drafts);
    }
    for outcome in &report.outcomes {
        refused(region, outcome, drafts);
    }
    if let Some(pending) = &report.pending {
        for pack in pending.losses.keys() {
            let draft = drafts.of(ProblemSeverity::Critical, ProblemCause::Approval);
            draft.pack(region, pack);
            for trip in &pending.trips {
                draft.say(trip.to_string());
            }
        }
    }
    if report.observed.saturating_mul(100) > facts.about.quota.saturating_mul(QUOTA_NEAR_PERCENT) {
        let draft = drafts.of(ProblemSeverity::Warning, ProblemCause::QuotaNear).region(region);
        draft.say(format!("{region} holds {} of {} packs", report.observed, facts.about.quota));
    }
    let old = facts.about.resync_interval.saturating_mul(2).saturating_add(RESYNC_LATE);
    if let Some(since) = report.tracking.resync_since
        && after(since, old) < facts.now
    {
        let draft = drafts.of(ProblemSeverity::Warning, ProblemCause::ResyncOld).region(region);
        draft.say(format!("all members in {region} were last read {}", ago(since, facts.now)));
    }
}

fn held<'a>(region: &'a Region, report: &'a RegionReport, hold: &'a Hold, drafts: &mut Drafts<'a>) {
    let Some(cause) = ProblemCause::of_hold(&hold.why) else { return };
    // What waits before a pack that nobody asked for is no problem of anybody's.
    if hold.pack.as_ref().is_some_and(|pack| is_left_alone(report, pack)) {
        return;
    }
    let severity = if matches!(cause, ProblemCause::Waiting | ProblemCause::Suspended) {
        ProblemSeverity::Info
    } else if matches!(
        cause,
        ProblemCause::Denied | ProblemCause::MarkerLost | ProblemCause::Approval
    ) {
        ProblemSeverity::Critical
    } else {
        ProblemSeverity::Warning
    };
    let draft = drafts.of(severity, cause).region(region);
    draft.say(hold.why.to_string());
    if let Some(pack) = &hold.pack {
        draft.pack(region, pack);
    }
}

/// A step that AWS refused for good; the next plan holds it.
fn refused<'a>(region: &'a Region, outcome: &'a Outcome, drafts: &mut Drafts<'a>) {
    let StepResult::Failed { kind, why } = &outcome.result else { return };
    if !kind.is_final() {
        return;
    }
    let severity = unread_severity(*kind);
    let draft = drafts.of(severity, ProblemCause::of_failure(*kind));
    draft.pack(region, &outcome.step.pack).say(why.as_str());
}
