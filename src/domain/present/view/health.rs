//! Is everything as it should be, in one word and one sentence: a projection of the problems.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CurrentState;
use super::deployment::PackDeploymentView;
use super::new_accounts::{DeadlineView, NewAccountsSummary};
use super::problem::Problems;
use super::problem::cause::ProblemCause;
use super::region::RegionView;
use super::totals::Totals;
use crate::domain::base::model::{PackName, Region};
use crate::domain::base::words::{counted, grouped, many, span};
use crate::domain::present::axes::{HealthStatus, SyncStatus};

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HealthView {
    /// In one word: the worst of the problems and of the regions.
    pub state: HealthStatus,
    /// Whether somebody has to act.
    pub action_required: bool,
    /// In one sentence.
    pub summary: String,
}

impl HealthView {
    /// The first line of texts: what is required says more than the word.
    pub fn headline(&self) -> String {
        let Self { state, action_required, summary } = self;
        if *action_required { summary.clone() } else { format!("{}: {summary}", state.title()) }
    }
}

/// What the answer is made of.
pub(super) struct HealthParts<'a> {
    pub(super) problems: &'a Problems,
    pub(super) regions: &'a BTreeMap<Region, RegionView>,
    pub(super) totals: &'a Totals,
    pub(super) new_accounts: &'a NewAccountsSummary,
}

/// The answer over everything that is shown.
pub(super) fn health(facts: &CurrentState, parts: &HealthParts<'_>) -> HealthView {
    let HealthParts { problems, regions, .. } = parts;
    let of_problems = problems.all.iter().map(|problem| problem.health);
    // A pack that differs from its manifest is not as it should be, however well its members are.
    let of_regions = regions.values().flat_map(|view| {
        let is_behind = view.sync == SyncStatus::OutOfSync
            && view.deployments.values().any(PackDeploymentView::is_out_of_sync);
        [Some(view.health), is_behind.then_some(HealthStatus::Progressing)].into_iter().flatten()
    });
    let state = of_problems.chain(of_regions).max().unwrap_or(HealthStatus::Healthy);
    let action_required = problems.all.iter().any(|problem| problem.action_required);
    HealthView { state, action_required, summary: summary(facts, parts) }
}

/// `3 failed, 1 missing`, if there are any.
pub(super) fn failing(deployment: &PackDeploymentView) -> String {
    let counts = &deployment.rollout.counts;
    let parts = [(counts.failed, "failed"), (counts.missing, "missing")];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    parts.map(|(number, word)| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
}

/// The answer in one sentence: what action is required, and by when.
fn summary(facts: &CurrentState, parts: &HealthParts<'_>) -> String {
    let HealthParts { problems, regions, totals, new_accounts } = parts;
    let required = required(facts, problems);
    let mut clauses = if required.is_empty() {
        vec![packs(regions, totals)]
    } else {
        vec![format!("Action required: {}", required.join("; "))]
    };
    // What is not known makes the other numbers incomplete.
    let unknown = regions.values().filter(|view| view.sync == SyncStatus::Unknown).count();
    if unknown > 0 {
        let verb = if unknown == 1 { "was" } else { "were" };
        clauses.push(format!("{} of {} {verb} not read", unknown, many(regions.len(), "region")));
    }
    let others = problems.all.iter().filter(|problem| !problem.action_required);
    let others = others.filter(|problem| {
        problem.health >= HealthStatus::Unknown && problem.packs.is_empty() && problem.accounts == 0
    });
    clauses.extend(others.filter(|one| one.regions.is_empty()).flat_map(|one| one.details.clone()));
    clauses.extend(new_accounts.deadline_next.as_ref().map(deadline));
    clauses.join("; ")
}

/// What requires action: accounts and their causes first, then everything that is about none.
fn required(facts: &CurrentState, problems: &Problems) -> Vec<String> {
    let all = || problems.all.iter().filter(|problem| problem.action_required);
    let causes: BTreeSet<_> = all()
        .filter(|problem| problem.members > 0)
        .map(|problem| (problem.cause, problem.class))
        .collect();
    let mut clauses = Vec::new();
    if !causes.is_empty() {
        let list = facts.membership.list.as_ref();
        let of_all = list.map_or(String::new(), |list| {
            format!(" of {}", grouped(list.active().count().saturating_add(problems.inactive)))
        });
        let noun = if problems.accounts == 1 && of_all.is_empty() { "account" } else { "accounts" };
        let accounts = grouped(problems.accounts);
        clauses.push(format!("{accounts}{of_all} {noun} ({})", many(causes.len(), "cause")));
    }
    let mut others: BTreeMap<ProblemCause, (BTreeSet<&PackName>, BTreeSet<&Region>)> =
        BTreeMap::new();
    let mut order = Vec::new();
    for problem in all().filter(|problem| problem.members == 0) {
        let (packs, regions) = others.entry(problem.cause).or_default();
        packs.extend(&problem.packs);
        regions.extend(&problem.regions);
        if !order.contains(&problem.cause) {
            order.push(problem.cause);
        }
    }
    for cause in order {
        let Some((packs, regions)) = others.get(&cause) else { continue };
        clauses.push(format!("{}{}", cause.words(), place(packs, regions)));
    }
    clauses
}

/// ` (legacy, eu-west-1)`, ` (2 packs, 3 regions)`; nothing for what is everywhere.
fn place(packs: &BTreeSet<&PackName>, regions: &BTreeSet<&Region>) -> String {
    let packs: Vec<&str> = packs.iter().map(|pack| pack.as_str()).collect();
    let regions: Vec<&str> = regions.iter().map(|region| region.as_str()).collect();
    let parts = [counted(&packs, "pack"), counted(&regions, "region")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
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
    let waiting = all_regions.clone().filter(is_waiting).count();
    let removed = all_regions.filter(|one| one.is_removed()).count();
    // Only the most urgent group is named.
    if all == 0 {
        "no pack is declared or deployed".to_owned()
    } else if of(HealthStatus::Degraded) > 0 {
        of_all(of(HealthStatus::Degraded), "has failing accounts", "have failing accounts")
    } else if of(HealthStatus::Unknown) > 0 {
        of_all(of(HealthStatus::Unknown), "is unknown", "are unknown")
    } else if waiting > 0 {
        of_all(waiting, "differs from the manifests", "differ from the manifests")
    } else if removed > 0 && removed == of(HealthStatus::Progressing) {
        of_all(removed, "is being removed", "are being removed")
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
