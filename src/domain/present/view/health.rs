//! Is everything as it should be, in one word and one sentence, with every reason why not.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deployment::PackDeploymentView;
use super::new_accounts::{DeadlineView, NewAccountsSummary};
use super::region::RegionView;
use super::totals::Totals;
use super::{ConfirmedCaller, CurrentState};
use crate::domain::base::model::{PackName, Region};
use crate::domain::base::words::{many, span};
use crate::domain::members::new_account::NewAccountPhase;
use crate::domain::organization::membership::ListFreshness;
use crate::domain::plan::record::{NoRecordCause, RecordStatus};
use crate::domain::present::axes::{HealthStatus, SyncStatus};
use crate::domain::present::report::Declarations;

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HealthView {
    /// In one word: the worst of the reasons and of the regions.
    pub state: HealthStatus,
    /// In one sentence.
    pub summary: String,
    /// What is degraded or unknown, and why.
    pub reasons: Vec<ReasonView>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReasonView {
    /// What it makes of the whole.
    pub state: HealthStatus,
    /// What it is about.
    pub subject: Subject,
    /// The problem.
    pub why: String,
}

/// What a reason is about.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The manifests.
    Source,
    /// Whether AWS has confirmed who asks.
    Caller,
    /// The account list.
    Organization,
    /// What remembers losses over restarts.
    Record,
    /// A whole region.
    Region,
    /// One pack in one region.
    Pack,
    /// New accounts.
    Accounts,
}

/// What the answer is made of.
pub(super) struct HealthParts<'a> {
    pub(super) regions: &'a BTreeMap<Region, RegionView>,
    pub(super) totals: &'a Totals,
    pub(super) new_accounts: &'a NewAccountsSummary,
}

/// The answer over everything that is shown.
pub(super) fn health(facts: &CurrentState, parts: &HealthParts<'_>) -> HealthView {
    let mut reasons: Vec<ReasonView> = Vec::new();
    reasons.extend(source(facts));
    reasons.extend(caller(facts));
    reasons.extend(organization(facts));
    reasons.extend(record(facts));
    for (region, view) in parts.regions {
        reasons.extend(of_region(region, view));
        reasons.extend(
            view.deployments
                .iter()
                .filter_map(|(pack, deployment)| of_deployment(region, pack, deployment)),
        );
        reasons.extend(unread(region, view));
    }
    reasons.extend(deadlines(&parts.new_accounts.phases));
    let reasoned = reasons.iter().map(|reason| reason.state);
    let regional = parts.regions.values().map(|view| view.health);
    let state = reasoned.chain(regional).max().unwrap_or(HealthStatus::Healthy);
    HealthView { state, summary: summary(facts, parts), reasons }
}

fn reason(state: HealthStatus, subject: Subject, why: String) -> ReasonView {
    ReasonView { state, subject, why }
}

fn source(facts: &CurrentState) -> Option<ReasonView> {
    let source = &facts.source;
    let invalid = Declarations::in_force(source).invalid;
    let (state, why) = match (source.problem(), source.read_last) {
        (Some(problem), _) => {
            (HealthStatus::Degraded, format!("the source could not be read: {problem}"))
        }
        (None, None) => (HealthStatus::Unknown, "the source was not read yet".to_owned()),
        (None, Some(_)) if invalid > 0 => {
            (HealthStatus::Degraded, format!("{} invalid", many(invalid, "manifest")))
        }
        (None, Some(_)) => return None,
    };
    Some(reason(state, Subject::Source, why))
}

fn caller(facts: &CurrentState) -> Option<ReasonView> {
    let ConfirmedCaller::Unconfirmed { problem } = &facts.caller else { return None };
    let why = match problem {
        Some(problem) => format!("AWS did not confirm the identity: {problem}"),
        None => "the caller identity was not read yet".to_owned(),
    };
    Some(reason(HealthStatus::Unknown, Subject::Caller, why))
}

fn organization(facts: &CurrentState) -> Option<ReasonView> {
    let (state, why) = match facts.list_freshness() {
        ListFreshness::Current => return None,
        ListFreshness::Frozen(doubt) => (HealthStatus::Degraded, doubt),
        ListFreshness::Unknown(doubt) => (HealthStatus::Unknown, doubt),
    };
    Some(reason(state, Subject::Organization, why.to_string()))
}

/// A record that is configured and cannot be used keeps losses from being sent. Without any, the
/// process is careful for a day, which is no problem.
fn record(facts: &CurrentState) -> Option<ReasonView> {
    match facts.record.as_ref()? {
        RecordStatus::Usable { .. } => None,
        RecordStatus::Unusable(none) if none.cause == NoRecordCause::NotConfigured => None,
        RecordStatus::Unusable(none) => {
            let why =
                format!("the record cannot be used, so every loss waits for an approval: {none}");
            Some(reason(HealthStatus::Degraded, Subject::Record, why))
        }
    }
}

fn of_region(region: &Region, view: &RegionView) -> Option<ReasonView> {
    if view.sync != SyncStatus::Unknown {
        return None;
    }
    let why = match &view.report {
        None => format!("{region} was not refreshed yet"),
        Some(report) => {
            let unknown = report.unknown.as_ref();
            format!("{region} could not be read: {}", unknown.map_or("", |unknown| &unknown.why))
        }
    };
    Some(reason(HealthStatus::Unknown, Subject::Region, why))
}

fn of_deployment(
    region: &Region,
    pack: &PackName,
    deployment: &PackDeploymentView,
) -> Option<ReasonView> {
    if deployment.health != HealthStatus::Degraded && !deployment.action_required {
        return None;
    }
    // Failing members say more than the reason of the pack, if there are any.
    let members = failing(deployment);
    let why = if members.is_empty() { deployment.why.clone().unwrap_or_default() } else { members };
    Some(reason(HealthStatus::Degraded, Subject::Pack, format!("{pack} in {region}: {why}")))
}

/// `3 failed, 1 missing`, if there are any.
pub(super) fn failing(deployment: &PackDeploymentView) -> String {
    let counts = &deployment.rollout.counts;
    let parts = [(counts.failed, "failed"), (counts.missing, "missing")];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    parts.map(|(number, word)| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
}

/// Packs of a region that was seen, whose members were not.
fn unread(region: &Region, view: &RegionView) -> Option<ReasonView> {
    if view.sync == SyncStatus::Unknown {
        return None;
    }
    // Whoever has to act on a pack has a reason of its own to read.
    let is_unread = |deployment: &&PackDeploymentView| {
        deployment.health == HealthStatus::Unknown && !deployment.action_required
    };
    let count = view.deployments.values().filter(is_unread).count();
    let first = view.deployments.values().find(is_unread)?;
    let why = first.why.as_deref().unwrap_or("they were not read yet");
    let why = format!("the members of {} in {region} are unknown: {why}", many(count, "pack"));
    Some(reason(HealthStatus::Unknown, Subject::Region, why))
}

fn deadlines(phases: &BTreeMap<NewAccountPhase, usize>) -> Option<ReasonView> {
    let clauses = over(phases);
    (!clauses.is_empty())
        .then(|| reason(HealthStatus::Degraded, Subject::Accounts, clauses.join("; ")))
}

/// Accounts whose time is over, in words.
fn over(phases: &BTreeMap<NewAccountPhase, usize>) -> Vec<String> {
    let of = |phase| phases.get(&phase).copied().unwrap_or_default();
    let missed = match of(NewAccountPhase::Missed) {
        0 => None,
        1 => Some("action required for 1 new account that missed the deadline".to_owned()),
        many => Some(format!("action required for {many} new accounts that missed the deadline")),
    };
    let late = match of(NewAccountPhase::Late) {
        0 => None,
        1 => Some("1 new account is late and has a recorder now".to_owned()),
        many => Some(format!("{many} new accounts are late and have a recorder now")),
    };
    missed.into_iter().chain(late).collect()
}

/// The answer in one sentence: what action is required, and by when.
fn summary(facts: &CurrentState, parts: &HealthParts<'_>) -> String {
    let HealthParts { regions, totals, new_accounts } = parts;
    // Packs come first, then what makes their numbers incomplete or doubtful, and last the
    // deadlines.
    let unknown = regions.values().filter(|view| view.sync == SyncStatus::Unknown).count();
    let mut clauses = vec![packs(regions, totals)];
    if unknown > 0 {
        let verb = if unknown == 1 { "was" } else { "were" };
        clauses.push(format!("{} of {} {verb} not read", unknown, many(regions.len(), "region")));
    }
    if caller(facts).is_some() {
        clauses.push("AWS has not confirmed the credentials".to_owned());
    }
    if source(facts).is_some() {
        clauses.push("action required in the source".to_owned());
    }
    if record(facts).is_some() {
        clauses.push("the record cannot be used".to_owned());
    }
    if let ListFreshness::Frozen(_) | ListFreshness::Unknown(_) = facts.list_freshness() {
        clauses.push("the account list is not current".to_owned());
    }
    clauses.extend(over(&new_accounts.phases));
    clauses.extend(new_accounts.deadline_next.as_ref().map(deadline));
    clauses.join("; ")
}

fn packs(regions: &BTreeMap<Region, RegionView>, totals: &Totals) -> String {
    let of = |health| totals.health.get(&health).copied().unwrap_or_default();
    let all: usize = totals.health.values().sum();
    let deployments = many(all, "pack deployment");
    let of_all = |number: usize, one: &str, more: &str| {
        format!("{number} of {deployments} {}", if number == 1 { one } else { more })
    };
    // One that is changing, or suspended, is out of sync for this reason.
    let is_waiting = |one: &&PackDeploymentView| {
        (one.sync, one.health) == (SyncStatus::OutOfSync, HealthStatus::Healthy)
    };
    let all_regions = regions.values().flat_map(|view| view.deployments.values());
    let waiting = all_regions.filter(is_waiting).count();
    // Only the most urgent group is named, in the order in which a user has to act.
    if all == 0 {
        "no pack is declared or deployed".to_owned()
    } else if totals.action_required > 0 {
        format!("action required in {} of {deployments}", totals.action_required)
    } else if of(HealthStatus::Degraded) > 0 {
        of_all(of(HealthStatus::Degraded), "has failing accounts", "have failing accounts")
    } else if of(HealthStatus::Unknown) > 0 {
        of_all(of(HealthStatus::Unknown), "is unknown", "are unknown")
    } else if waiting > 0 {
        of_all(waiting, "differs from the manifests", "differ from the manifests")
    } else if of(HealthStatus::Progressing) > 0 {
        of_all(of(HealthStatus::Progressing), "is in progress", "are in progress")
    } else if of(HealthStatus::Suspended) > 0 {
        of_all(of(HealthStatus::Suspended), "is intentionally held", "are intentionally held")
    } else if all == 1 {
        "the one pack deployment is in place".to_owned()
    } else {
        format!("all {deployments} are in place")
    }
}

fn deadline(next: &DeadlineView) -> String {
    let DeadlineView { at: _, left_seconds, account, regions } = next;
    let place = match (regions.first(), regions.len()) {
        (None, _) => String::new(),
        (Some(region), 1) => format!(", {region}"),
        (Some(region), number) => format!(", {region} and {} more", number.saturating_sub(1)),
    };
    format!("next deadline in {} ({account}{place})", span(*left_seconds))
}
