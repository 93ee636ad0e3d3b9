//! The organization: its member accounts as one walk found them.
//!
//! `membership` decides whether the list is current, `selector` which accounts a pack excludes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{AccountId, AccountState, Timestamp, UnitId};

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name, for display.
    pub name: String,
    /// Its state; `None` for a value this version does not know, which is never taken as active.
    pub state: Option<AccountState>,
    /// When it joined this time: the start of the 7-hour window.
    pub joined: Option<Timestamp>,
    /// The units it is in, the outermost first; `None` if AWS did not return them and no unit was
    /// walked. After a walk that began at a selected unit, the path begins there.
    pub units: Option<Arc<[UnitId]>>,
    /// Its tags; `None` while they were not read, which they are only when a manifest asks.
    pub tags: Option<Arc<BTreeMap<String, String>>>,
}

impl Account {
    /// Whether it is a full member. AWS deploys packs to no other accounts.
    pub fn is_active(&self) -> bool {
        self.state == Some(AccountState::Active)
    }
}

/// Whether the exclusion of an account in this state can be a loss: an unknown state may be an
/// active one, and an account that is being created becomes active.
fn may_be_active(state: Option<AccountState>) -> bool {
    match state {
        None | Some(AccountState::Active | AccountState::PendingActivation) => true,
        Some(AccountState::Suspended | AccountState::PendingClosure | AccountState::Closed) => {
            false
        }
    }
}

/// All accounts of a complete listing.
pub type Accounts = BTreeMap<AccountId, Account>;

/// The answer of `DescribeOrganization`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationRecord {
    /// `o-…`
    pub id: String,
    /// The management account.
    pub management: AccountId,
    /// Whether `FeatureSet` is `ALL`, without which there are no organization packs.
    pub all_features: bool,
}

/// One complete walk of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountList {
    /// The organization.
    pub organization: OrganizationRecord,
    /// Every account.
    pub accounts: Accounts,
    /// Units that manifests name and that do not exist.
    pub units_absent: BTreeSet<UnitId>,
    /// Units that were walked down because AWS did not give every account's path: a path that does
    /// not begin at the root says nothing about any other unit. Empty when no walk was needed.
    pub units_walked: BTreeSet<UnitId>,
    /// Why tags that manifests ask for are not all read, if a request failed.
    pub tags_problem: Option<WalkFailure>,
    /// Accounts whose state changed in this walk, with the state before it: exclusions go by that
    /// one until a second walk agrees.
    pub unsettled: BTreeMap<AccountId, Option<AccountState>>,
    /// When the walk began, by AWS's clock: what happened later may be missing.
    pub read: Timestamp,
}

impl AccountList {
    /// The active accounts, management included.
    pub fn active(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values().filter(|account| account.is_active())
    }

    /// The state that exclusions go by: the one that two walks agree on. A state that changes with
    /// every walk would otherwise change exclusions, and cause a Put, each time.
    pub fn settled_state(&self, account: &Account) -> Option<AccountState> {
        self.unsettled.get(&account.id).copied().unwrap_or(account.state)
    }

    /// Whether the exclusion of an account can be a loss. A state that one walk alone has seen
    /// proves nothing, and an account that is not a member yet may join.
    pub fn may_be_active(&self, account: AccountId) -> bool {
        self.accounts.get(&account).is_none_or(|account| {
            may_be_active(account.state) || may_be_active(self.settled_state(account))
        })
    }

    /// How many accounts have no settled state that this version recognizes.
    pub fn states_unknown(&self) -> usize {
        let accounts = self.accounts.values();
        accounts.filter(|account| self.settled_state(account).is_none()).count()
    }

    /// Whether the account is in this unit or beneath it; `None` if that was not read.
    pub fn is_beneath(&self, account: &Account, unit: &UnitId) -> Option<bool> {
        let units = account.units.as_deref()?;
        let is_whole = units.first().is_some_and(UnitId::is_root);
        // A path that does not begin at the root was found by a walk of one unit. That the path
        // lacks the unit asked for proves something only if that unit was walked as well.
        if units.contains(unit) {
            Some(true)
        } else {
            (is_whole || self.units_walked.contains(unit)).then_some(false)
        }
    }

    /// Whether it has the same accounts, in the same states and units. Tags are read over hours, by
    /// requests of their own.
    pub(super) fn has_members_of(&self, other: &Self) -> bool {
        let key = |account: &Account| {
            let Account { id, name: _, state, joined, units, tags: _ } = account;
            (*id, *state, *joined, units.clone())
        };
        self.accounts.values().map(key).eq(other.accounts.values().map(key))
    }

    /// Whether it says the same as another list, whenever either was read.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        // The time of the walk and the text of a problem differ with every walk: comparing them
        // would start a reconciliation of every region each time. Without `..` a new field stops
        // the build here.
        let Self {
            organization,
            accounts,
            units_absent,
            units_walked,
            tags_problem,
            unsettled,
            read: _,
        } = self;
        *organization == other.organization
            && *accounts == other.accounts
            && *units_absent == other.units_absent
            && *units_walked == other.units_walked
            && *unsettled == other.unsettled
            && kind(tags_problem.as_ref()) == kind(other.tags_problem.as_ref())
    }
}

/// Why a walk gave no list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WalkFailure {
    /// The kind of failure.
    pub kind: FailureKind,
    /// The whole chain of causes in words.
    pub why: String,
}

/// The comparable part of a failure: its text may name a request.
pub(super) fn kind(problem: Option<&WalkFailure>) -> Option<FailureKind> {
    problem.map(|problem| problem.kind)
}
