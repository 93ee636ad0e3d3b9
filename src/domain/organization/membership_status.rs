//! The membership in the form in which it is published: counts and times, no account names.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator as _;

use super::account_list::WalkFailure;
use super::membership::{Membership, Shrink};
use crate::domain::base::model::{AccountId, AccountState, Timestamp, UnitId};

/// The membership as the API, the metrics and the command line show it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MembershipStatus {
    /// The organization, `o-…`; `None` before the first list.
    pub organization: Option<String>,
    /// The management account.
    pub management: Option<AccountId>,
    /// Accounts in the list in force, whatever their state.
    pub accounts: usize,
    /// Those of them in each state, zeros included.
    pub states: BTreeMap<AccountState, usize>,
    /// Those of them in a state that this version does not know.
    pub state_unknown: usize,
    /// Those of them whose tags are read.
    pub tags_read: usize,
    /// Why tags that manifests ask for are not all read, if a request failed.
    pub tags_problem: Option<WalkFailure>,
    /// Units that manifests name and that do not exist.
    pub units_absent: BTreeSet<UnitId>,
    /// When the walk that gave the list began, by AWS's clock.
    pub read: Option<Timestamp>,
    /// When a walk was last tried, by AWS's clock, with whatever result.
    pub attempt_last: Option<Timestamp>,
    /// Why the newest walk gave no list.
    pub problem: Option<WalkFailure>,
    /// A newer list that is much shorter, and waits.
    pub shrink: Option<Shrink>,
    /// The advice, if action is required.
    pub to_do: Option<String>,
}

impl MembershipStatus {
    /// How old the list is, by AWS's clock; `None` before the first.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.read.map(|read| Duration::try_from(now.duration_since(read)).unwrap_or_default())
    }
}

impl Membership {
    /// The published form of the membership.
    pub fn status(&self) -> MembershipStatus {
        let Self { list, attempt_last, problem, shrink, unconfirmed: _ } = self;
        let mut status = MembershipStatus {
            states: AccountState::iter().map(|state| (state, 0)).collect(),
            attempt_last: *attempt_last,
            problem: problem.clone(),
            shrink: shrink.clone(),
            to_do: shrink.as_ref().map(to_do),
            ..MembershipStatus::default()
        };
        let Some(list) = list else { return status };
        for account in list.accounts.values() {
            let number = match account.state {
                Some(state) => status.states.entry(state).or_default(),
                None => &mut status.state_unknown,
            };
            *number = number.saturating_add(1);
        }
        MembershipStatus {
            organization: Some(list.organization.id.clone()),
            management: Some(list.organization.management),
            accounts: list.accounts.len(),
            tags_read: list.accounts.values().filter(|account| account.tags.is_some()).count(),
            tags_problem: list.tags_problem.clone(),
            units_absent: list.units_absent.clone(),
            read: Some(list.read),
            ..status
        }
    }
}

fn to_do(Shrink { before, after, since: _, gone: _ }: &Shrink) -> String {
    let fewer = before.saturating_sub(*after);
    format!(
        "{fewer} of {before} active accounts are missing from the account list; if they left the \
         organization, wait for the next reading or commit an Approval with `accountList: \
         {after}`; otherwise, \
         check AWS Organizations and the permissions of the caller"
    )
}
