//! One walk of the organization: everything, or why not.
//!
//! Accounts come with their units where AWS says them (`Paths`). Where it does not, the units that
//! manifests select are walked down, and no others. Tags are not read here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::clock::Clock;
use crate::cloud::{CloudError, OrganizationReader};
use crate::domain::base::failure::{FailureKind, chain};
use crate::domain::base::model::{AccountId, Timestamp, UnitId};
use crate::domain::declared::interest::Interest;
use crate::domain::organization::account_list::{AccountList, Accounts, WalkFailure};
use crate::listing::{Incomplete, read_all};

/// Why there is no list.
#[derive(Debug, Error)]
enum WalkError {
    #[error("the organization could not be described")]
    Organization(#[source] CloudError),
    #[error("the accounts could not be listed")]
    Accounts(#[source] Incomplete),
    #[error("the list of accounts lacks the management account {0}")]
    Headless(AccountId),
    #[error("unit {unit} could not be walked")]
    Unit {
        unit: UnitId,
        #[source]
        source: Incomplete,
    },
}

impl WalkError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Organization(error) => error.kind,
            Self::Headless(_) => FailureKind::BrokenAnswer,
            Self::Accounts(source) | Self::Unit { unit: _, source } => source.kind(),
        }
    }
}

/// Walks the organization once; tags are unread afterwards.
pub(super) async fn walk<O: OrganizationReader>(
    organization: &O,
    interest: &Interest,
    clock: &Clock,
) -> Result<AccountList, WalkFailure> {
    let list = read(organization, interest, clock).await;
    list.map_err(|broken| WalkFailure { kind: broken.kind(), why: chain(&broken) })
}

async fn read<O: OrganizationReader>(
    port: &O,
    interest: &Interest,
    clock: &Clock,
) -> Result<AccountList, WalkError> {
    let began = clock.elapsed();
    let organization = port.describe().await.map_err(WalkError::Organization)?;
    let accounts = read_all(|token| port.accounts(token), |account| account.id).await;
    let accounts = accounts.map_err(WalkError::Accounts)?;
    let mut accounts: Accounts =
        accounts.into_iter().map(|account| (account.id, account)).collect();
    // Every organization lists its management account, so a list without it is not complete.
    if !accounts.contains_key(&organization.management) {
        return Err(WalkError::Headless(organization.management));
    }
    let (mut units_absent, mut units_walked) = (BTreeSet::new(), BTreeSet::new());
    if accounts.values().all(|account| account.units.is_some()) {
        units_absent = absent(port, interest, &accounts).await;
    // Walking units costs a request for each one, so it happens only if AWS returned no paths and a
    // manifest selects units.
    } else if !interest.units.is_empty() {
        let tree = UnitTree::walk(port, &interest.units).await?;
        for account in accounts.values_mut().filter(|account| account.units.is_none()) {
            account.units = Some(tree.path_of(&account.id));
        }
        units_absent = tree.absent;
        units_walked = tree.walked;
    }
    Ok(AccountList {
        organization,
        accounts,
        units_absent,
        units_walked,
        tags_problem: None,
        unsettled: BTreeMap::new(),
        read: began_at(clock, began),
    })
}

/// When a walk began, by AWS's clock: only its own answers may have shown that clock.
fn began_at(clock: &Clock, began: Duration) -> Timestamp {
    let took = clock.elapsed().saturating_sub(began);
    let now = clock.aws_now();
    now.checked_sub(took).unwrap_or(now)
}

/// Selected units without accounts because they do not exist. It serves only a warning, so a failed
/// request leaves the question open.
async fn absent<O: OrganizationReader>(
    port: &O,
    interest: &Interest,
    accounts: &Accounts,
) -> BTreeSet<UnitId> {
    let held = accounts.values().filter_map(|account| account.units.as_deref());
    let held: BTreeSet<&UnitId> = held.flatten().collect();
    let mut absent = BTreeSet::new();
    for unit in interest.units.iter().filter(|unit| !held.contains(unit)) {
        let page = port.accounts_of(unit, None).await;
        if page.is_err_and(|error| error.kind == FailureKind::NoSuchUnit) {
            absent.insert(unit.clone());
        }
    }
    absent
}

/// What lies beneath the selected units.
#[derive(Debug, Default)]
struct UnitTree {
    /// Every unit that was asked.
    walked: BTreeSet<UnitId>,
    /// Selected units that do not exist.
    absent: BTreeSet<UnitId>,
    /// Units by what lies beneath them.
    parents: BTreeMap<UnitId, UnitId>,
    /// The unit that each account is directly under.
    homes: BTreeMap<AccountId, UnitId>,
}

impl UnitTree {
    /// Asks every selected unit, and every unit beneath one, once.
    async fn walk<O: OrganizationReader>(
        port: &O,
        selected: &BTreeSet<UnitId>,
    ) -> Result<Self, WalkError> {
        let mut tree = Self::default();
        let mut ahead: Vec<UnitId> = selected.iter().cloned().collect();
        while let Some(unit) = ahead.pop() {
            if !tree.walked.insert(unit.clone()) {
                continue;
            }
            let answer = tree.ask(port, &unit).await;
            match answer {
                Ok(units) => ahead.extend(units),
                Err(error) if error.kind() == FailureKind::NoSuchUnit => {
                    // One that is not selected went away between two requests.
                    tree.absent.extend(selected.get(&unit).cloned());
                }
                Err(source) => return Err(WalkError::Unit { unit, source }),
            }
        }
        Ok(tree)
    }

    /// Adds one unit; returns the units beneath it.
    async fn ask<O: OrganizationReader>(
        &mut self,
        port: &O,
        unit: &UnitId,
    ) -> Result<Vec<UnitId>, Incomplete> {
        let accounts = read_all(|token| port.accounts_of(unit, token), |account| *account).await?;
        let units = read_all(|token| port.units_of(unit, token), UnitId::clone).await?;
        self.homes.extend(accounts.into_iter().map(|account| (account, unit.clone())));
        self.parents.extend(units.iter().map(|below| (below.clone(), unit.clone())));
        Ok(units)
    }

    /// The walked units that an account is in, the outermost first.
    fn path_of(&self, account: &AccountId) -> Arc<[UnitId]> {
        let mut path = Vec::new();
        let mut next = self.homes.get(account);
        // The path is never longer than the tree, so a circle in AWS's answers cannot make it
        // endless.
        while let Some(unit) = next.filter(|_| path.len() < self.walked.len()) {
            path.push(unit.clone());
            next = self.parents.get(unit);
        }
        path.reverse();
        path.into()
    }
}
