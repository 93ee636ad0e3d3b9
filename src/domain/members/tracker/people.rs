//! The accounts of the organization as one region's memory knows them: the list, and numbers.

use std::sync::Arc;

use super::roster::{AccountIndex, AccountInterner, AccountSet};
use crate::domain::base::model::{AccountId, Timestamp};
use crate::domain::organization::account_list::{Account, AccountList};
use crate::domain::organization::membership::ListFreshness;

/// Who is a member, and how far that can be believed.
#[derive(Debug, Clone, Default)]
pub(super) struct TrackedMembers {
    /// The numbers of everybody, rows included.
    pub(super) roster: AccountInterner,
    /// The list; `None` before the first.
    pub(super) list: Option<Arc<AccountList>>,
    /// Whether it is the newest there is.
    pub(super) is_current: bool,
    /// What is to be said of it, if it is not.
    pub(super) doubt: Option<String>,
    /// The accounts' numbers, in the order of the list.
    numbers: Vec<AccountIndex>,
    listed: AccountSet,
}

impl TrackedMembers {
    /// Takes in the list as it stands.
    pub(super) fn observe(&mut self, list: Option<&Arc<AccountList>>, freshness: &ListFreshness) {
        (self.is_current, self.doubt) = match freshness {
            ListFreshness::Current => (true, None),
            ListFreshness::Frozen(why) | ListFreshness::Unknown(why) => (false, Some(why.clone())),
        };
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

    /// When the list was read; long ago without one.
    pub(super) fn list_read(&self) -> Timestamp {
        self.list.as_ref().map_or(Timestamp::MIN, |list| list.read)
    }

    /// How many accounts the list holds.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }
}
