//! Accounts that joined lately, over all regions: where each stands and how much time is left.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator as _;

use super::{CurrentState, ListPage, VERSION, census};
use crate::domain::base::model::{AccountId, PackName, Region, Timestamp};
use crate::domain::base::words::seconds_to;
use crate::domain::members::new_account::{NewAccount, NewAccountPhase};
use crate::domain::observed::recorder::RecorderState;

/// New accounts that the status names; the rest is counted.
const NAMED_MAX: usize = 50;

/// New accounts as the status shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewAccountsSummary {
    /// Accounts by the most urgent of their phases, zeros included.
    pub phases: BTreeMap<NewAccountPhase, usize>,
    /// Those that are not settled, the most urgent first.
    pub accounts: Vec<NewAccountView>,
    /// How many more there are that are not settled.
    pub left_out: usize,
    /// The earliest deadline that can still be met.
    pub deadline_next: Option<DeadlineView>,
}

/// A deadline that can still be met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadlineView {
    /// When.
    pub at: Timestamp,
    /// The seconds until then.
    pub left_seconds: i64,
    /// Whose.
    pub account: AccountId,
    /// Where packs are still waited for.
    pub regions: BTreeSet<Region>,
}

/// A page of all new accounts: `GET /api/v1/new-accounts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewAccountsView {
    /// See [`VERSION`].
    pub version: u32,
    /// Whether nothing in it is about a real account.
    pub simulated: bool,
    /// By AWS's clock.
    pub now: Timestamp,
    /// Accounts by the most urgent of their phases, zeros included, whatever was asked for.
    pub phases: BTreeMap<NewAccountPhase, usize>,
    /// How many accounts were asked for.
    pub total: usize,
    /// Which page this is.
    pub page: usize,
    /// How many pages there are.
    pub pages: usize,
    /// Accounts on this page, by id.
    pub accounts: Vec<NewAccountView>,
}

/// One new account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewAccountView {
    /// Who.
    pub account: AccountId,
    /// Its name.
    pub name: Option<String>,
    /// When it joined this time.
    pub joined: Timestamp,
    /// Until when AWS retries it.
    pub deadline: Timestamp,
    /// The seconds until then; negative when it is over.
    pub left_seconds: i64,
    /// The most urgent of its phases.
    pub phase: NewAccountPhase,
    /// Where it stands in each region.
    pub regions: BTreeMap<Region, NewAccountInRegion>,
}

/// A new account in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewAccountInRegion {
    /// Where it stands.
    pub phase: NewAccountPhase,
    /// Packs that target it and are not there yet.
    pub missing: BTreeSet<PackName>,
    /// What the probe says of its recorder; `None` without a probe.
    pub recorder: Option<RecorderState>,
    /// When every pack was first seen to be there, if the daemon saw it happen.
    pub complete: Option<Timestamp>,
}

/// How urgent a phase is.
fn urgency(phase: NewAccountPhase) -> u8 {
    match phase {
        NewAccountPhase::Complete => 0,
        NewAccountPhase::Deploying => 1,
        NewAccountPhase::Waiting => 2,
        NewAccountPhase::Late => 3,
        NewAccountPhase::Missed => 4,
    }
}

/// Every new account, by id.
fn new_accounts(facts: &CurrentState) -> BTreeMap<AccountId, NewAccountView> {
    let mut accounts: BTreeMap<AccountId, NewAccountView> = BTreeMap::new();
    for (region, report) in facts.regions() {
        for new_account in report.into_iter().flat_map(|report| &report.tracking.new_accounts) {
            let account =
                accounts.entry(new_account.account).or_insert_with(|| begun(facts, new_account));
            let NewAccount { account: _, joined, deadline, phase, missing, recorder, complete } =
                new_account;
            // A region that has not heard of a re-join yet goes by the old clock.
            if account.joined < *joined {
                (account.joined, account.deadline) = (*joined, *deadline);
                account.left_seconds = seconds_to(facts.now, *deadline);
            }
            if urgency(account.phase) < urgency(*phase) {
                account.phase = *phase;
            }
            let view = NewAccountInRegion {
                phase: *phase,
                missing: missing.clone(),
                recorder: recorder.clone(),
                complete: *complete,
            };
            account.regions.insert(region.clone(), view);
        }
    }
    accounts
}

fn begun(facts: &CurrentState, new_account: &NewAccount) -> NewAccountView {
    NewAccountView {
        account: new_account.account,
        name: facts.name(new_account.account),
        joined: new_account.joined,
        deadline: new_account.deadline,
        left_seconds: seconds_to(facts.now, new_account.deadline),
        phase: new_account.phase,
        regions: BTreeMap::new(),
    }
}

fn phases<'a>(
    accounts: impl Iterator<Item = &'a NewAccountView>,
) -> BTreeMap<NewAccountPhase, usize> {
    census(NewAccountPhase::iter(), accounts.map(|account| account.phase))
}

/// New accounts for the status.
pub(super) fn new_accounts_summary(facts: &CurrentState) -> NewAccountsSummary {
    let all = new_accounts(facts);
    let phases = phases(all.values());
    let mut open: Vec<NewAccountView> =
        all.into_values().filter(|account| !account.phase.is_settled()).collect();
    open.sort_by_key(|account| (std::cmp::Reverse(urgency(account.phase)), account.deadline));
    let deadline_next = deadline_next(&open);
    let left_out = open.len().saturating_sub(NAMED_MAX);
    open.truncate(NAMED_MAX);
    NewAccountsSummary { phases, accounts: open, left_out, deadline_next }
}

fn deadline_next(open: &[NewAccountView]) -> Option<DeadlineView> {
    let ahead = open.iter().filter(|account| account.left_seconds > 0);
    let next = ahead.min_by_key(|account| account.deadline)?;
    let waiting = next.regions.iter().filter(|(_, one)| !one.phase.is_settled());
    Some(DeadlineView {
        at: next.deadline,
        left_seconds: next.left_seconds,
        account: next.account,
        regions: waiting.map(|(region, _)| region.clone()).collect(),
    })
}

/// A page of new accounts, of all phases or of one.
pub fn page(
    facts: &CurrentState,
    phase: Option<NewAccountPhase>,
    page: ListPage,
) -> NewAccountsView {
    let all = new_accounts(facts);
    let phases = phases(all.values());
    let is_asked = |account: &NewAccountView| phase.is_none_or(|phase| account.phase == phase);
    let asked: Vec<NewAccountView> = all.into_values().filter(is_asked).collect();
    NewAccountsView {
        version: VERSION,
        simulated: facts.about.simulated,
        now: facts.now,
        phases,
        total: asked.len(),
        page: page.number,
        pages: page.count(asked.len()),
        accounts: page.of(asked.into_iter()),
    }
}
