//! The accounts of the organization in the memory of one region: the list, and their numbers.

use std::sync::Arc;

use super::account_index::{AccountIndex, AccountInterner, AccountSet};
use crate::domain::base::model::{AccountId, Timestamp};
use crate::domain::organization::account_list::{Account, AccountList};
use crate::domain::organization::membership::ListFreshness;

/// The account list, and whether it is current.
#[derive(Debug, Clone, Default)]
pub(super) struct TrackedMembers {
    /// The numbers of all accounts, including those that only rows show.
    pub(super) roster: AccountInterner,
    /// The list; `None` before the first.
    pub(super) list: Option<Arc<AccountList>>,
    /// Whether it is current.
    pub(super) freshness: ListFreshness,
    /// The accounts' numbers, in the order of the list.
    numbers: Vec<AccountIndex>,
    listed: AccountSet,
}

impl TrackedMembers {
    /// Updates the list and its freshness.
    pub(super) fn observe(&mut self, list: Option<&Arc<AccountList>>, freshness: &ListFreshness) {
        self.freshness.clone_from(freshness);
        // Without a list the last one stays in force. The same list again is skipped, since
        // numbering 50,000 accounts at every reconciliation would be waste.
        let Some(list) = list else { return };
        if self.list.as_ref().is_some_and(|known| Arc::ptr_eq(known, list)) {
            return;
        }
        let numbers = list.accounts.keys().map(|id| self.roster.number(*id));
        self.numbers = numbers.collect();
        self.listed = AccountSet::default();
        for number in &self.numbers {
            self.listed.insert(*number);
        }
        self.list = Some(Arc::clone(list));
    }

    /// Every account of the list with its number.
    pub(super) fn accounts(&self) -> impl Iterator<Item = (&Account, AccountIndex)> {
        let accounts = self.list.iter().flat_map(|list| list.accounts.values());
        accounts.zip(self.numbers.iter().copied())
    }

    /// Whether the list holds this account.
    pub(super) fn is_listed(&self, number: AccountIndex) -> bool {
        self.listed.contains(number)
    }

    /// Whether it manages the organization.
    pub(super) fn is_management(&self, account: AccountId) -> bool {
        self.list.as_ref().is_some_and(|list| list.organization.management == account)
    }

    /// Whether there is a list, and no account in it is known to be active.
    pub(super) fn is_without_active(&self) -> bool {
        self.list.as_ref().is_some_and(|list| list.active().next().is_none())
    }

    /// When the list was read; the earliest time without one.
    pub(super) fn list_read(&self) -> Timestamp {
        self.list.as_ref().map_or(Timestamp::MIN, |list| list.read)
    }

    /// How many accounts the list holds.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }
}
