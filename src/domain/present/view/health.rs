//! Is everything as it should be, in one word and one sentence, with every reason why not.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};

use super::cell::{CellState, CellView};
use super::new_accounts::{DeadlineView, NewAccountsSummary};
use super::region::{RegionState, RegionView};
use super::totals::Totals;
use super::{ConfirmedCaller, ViewFacts};
use crate::domain::base::model::{PackName, Region};
use crate::domain::base::words::{many, span};
use crate::domain::members::new_account::NewAccountPhase;
use crate::domain::organization::membership::ListFreshness;
use crate::domain::plan::record::{NoRecordCause, RecordStatus};
use crate::domain::present::report::Declarations;

/// The answer in one word.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[derive(EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum HealthState {
    /// No action is required, and everything was seen; what is under way is healthy.
    Healthy,
    /// Something could not be seen, and nothing that was is wrong.
    Unknown,
    /// Something is wrong for certain.
    Degraded,
}

impl HealthState {
    /// The word used in texts.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The exit code that says it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::Degraded => 1,
            Self::Unknown => 2,
        }
    }
}

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HealthView {
    /// In one word: the worst of the reasons.
    pub state: HealthState,
    /// In one sentence.
    pub summary: String,
    /// Why it is not healthy.
    pub reasons: Vec<ReasonView>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReasonView {
    /// What it makes of the whole.
    pub state: HealthState,
    /// What it is about.
    pub subject: Subject,
    /// What is the matter.
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
pub(super) fn health(facts: &ViewFacts, parts: &HealthParts<'_>) -> HealthView {
    let mut reasons: Vec<ReasonView> = Vec::new();
    reasons.extend(source(facts));
    reasons.extend(caller(facts));
    reasons.extend(organization(facts));
    reasons.extend(record(facts));
    for (region, view) in parts.regions {
        reasons.extend(of_region(region, view));
        reasons.extend(view.cells.iter().filter_map(|(pack, cell)| of_cell(region, pack, cell)));
        reasons.extend(unread(region, view));
    }
    reasons.extend(deadlines(&parts.new_accounts.phases));
    let state = reasons.iter().map(|reason| reason.state).max().unwrap_or(HealthState::Healthy);
    HealthView { state, summary: summary(facts, parts), reasons }
}

fn reason(state: HealthState, subject: Subject, why: String) -> ReasonView {
    ReasonView { state, subject, why }
}

fn source(facts: &ViewFacts) -> Option<ReasonView> {
    let source = &facts.source;
    let invalid = Declarations::in_force(source).invalid;
    let (state, why) = match (source.problem(), source.read_last) {
        (Some(problem), _) => {
            (HealthState::Degraded, format!("the source could not be read: {problem}"))
        }
        (None, None) => (HealthState::Unknown, "the source was not read yet".to_owned()),
        (None, Some(_)) if invalid > 0 => {
            (HealthState::Degraded, format!("{} invalid", many(invalid, "manifest")))
        }
        (None, Some(_)) => return None,
    };
    Some(reason(state, Subject::Source, why))
}

fn caller(facts: &ViewFacts) -> Option<ReasonView> {
    let ConfirmedCaller::Unconfirmed { problem } = &facts.caller else { return None };
    let why = match problem {
        Some(problem) => format!("AWS did not confirm the identity: {problem}"),
        None => "the caller identity was not read yet".to_owned(),
    };
    Some(reason(HealthState::Unknown, Subject::Caller, why))
}

fn organization(facts: &ViewFacts) -> Option<ReasonView> {
    let (state, why) = match facts.list_freshness() {
        ListFreshness::Current => return None,
        ListFreshness::Frozen(why) => (HealthState::Degraded, why),
        ListFreshness::Unknown(why) => (HealthState::Unknown, why),
    };
    Some(reason(state, Subject::Organization, why))
}

/// A record that is configured and cannot be used keeps losses from being sent. Without any, the
/// process is careful for a day, which is no problem.
fn record(facts: &ViewFacts) -> Option<ReasonView> {
    match facts.record.as_ref()? {
        RecordStatus::Usable { .. } => None,
        RecordStatus::Unusable(none) if none.cause == NoRecordCause::NotConfigured => None,
        RecordStatus::Unusable(none) => {
            let why = format!(
                "the record cannot be used, so every loss waits for an approval: \
                {none}"
            );
            Some(reason(HealthState::Degraded, Subject::Record, why))
        }
    }
}

fn of_region(region: &Region, view: &RegionView) -> Option<ReasonView> {
    let why = match view.state {
        RegionState::Pending => format!("{region} was not refreshed yet"),
        RegionState::Unknown => {
            let unknown = view.report.as_ref().and_then(|report| report.unknown.as_ref());
            format!("{region} could not be read: {}", unknown.map_or("", |unknown| &unknown.why))
        }
        RegionState::InProgress | RegionState::OutOfSync | RegionState::Synced => return None,
    };
    Some(reason(HealthState::Unknown, Subject::Region, why))
}

fn of_cell(region: &Region, pack: &PackName, cell: &CellView) -> Option<ReasonView> {
    if cell.cell != CellState::Failed && !cell.action_required {
        return None;
    }
    // Failing members say more than the reason of the pack, if there are any.
    let members = failing(cell);
    let why = if members.is_empty() { cell.why.clone().unwrap_or_default() } else { members };
    Some(reason(HealthState::Degraded, Subject::Pack, format!("{pack} in {region}: {why}")))
}

/// `3 failed, 1 missing`, if there are any.
pub(super) fn failing(cell: &CellView) -> String {
    let counts = &cell.rollout.counts;
    let parts = [(counts.failed, "failed"), (counts.missing, "missing")];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    parts.map(|(number, word)| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
}

/// Packs of a region that was seen, whose members were not.
fn unread(region: &Region, view: &RegionView) -> Option<ReasonView> {
    if matches!(view.state, RegionState::Pending | RegionState::Unknown) {
        return None;
    }
    let is_unread = |cell: &&CellView| cell.cell == CellState::Unknown;
    let count = view.cells.values().filter(is_unread).count();
    let first = view.cells.values().find(is_unread)?;
    let why = first.why.as_deref().unwrap_or("they were not read yet");
    let why = format!("the members of {} in {region} are unknown: {why}", many(count, "pack"));
    Some(reason(HealthState::Unknown, Subject::Region, why))
}

fn deadlines(phases: &BTreeMap<NewAccountPhase, usize>) -> Option<ReasonView> {
    let clauses = over(phases);
    (!clauses.is_empty())
        .then(|| reason(HealthState::Degraded, Subject::Accounts, clauses.join("; ")))
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
fn summary(facts: &ViewFacts, parts: &HealthParts<'_>) -> String {
    let HealthParts { regions, totals, new_accounts } = parts;
    // Packs come first, then what makes their numbers incomplete or doubtful, and last the
    // deadlines.
    let unknown = regions
        .values()
        .filter(|view| matches!(view.state, RegionState::Pending | RegionState::Unknown))
        .count();
    let mut clauses = vec![packs(totals)];
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

fn packs(totals: &Totals) -> String {
    let of = |cell| totals.cells.get(&cell).copied().unwrap_or_default();
    let all: usize = totals.cells.values().sum();
    let deployments = many(all, "pack deployment");
    // Only the most urgent group is named, in the order in which a user has to act.
    if all == 0 {
        "no pack is declared or deployed".to_owned()
    } else if totals.action_required > 0 {
        format!("action required in {} of {deployments}", totals.action_required)
    } else if of(CellState::Failed) > 0 {
        let verb = if of(CellState::Failed) == 1 { "has" } else { "have" };
        format!("{} of {deployments} {verb} failing accounts", of(CellState::Failed))
    } else if of(CellState::Unknown) > 0 {
        let verb = if of(CellState::Unknown) == 1 { "is" } else { "are" };
        format!("{} of {deployments} {verb} unknown", of(CellState::Unknown))
    } else if of(CellState::OutOfSync) > 0 {
        let verb = if of(CellState::OutOfSync) == 1 { "differs" } else { "differ" };
        format!("{} of {deployments} {verb} from the manifests", of(CellState::OutOfSync))
    } else if of(CellState::Rolling) > 0 {
        let verb = if of(CellState::Rolling) == 1 { "is" } else { "are" };
        format!("{} of {deployments} {verb} in progress", of(CellState::Rolling))
    } else if of(CellState::Held) > 0 {
        let verb = if of(CellState::Held) == 1 { "is" } else { "are" };
        format!("{} of {deployments} {verb} intentionally held", of(CellState::Held))
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
