//! Accounts as small numbers, so that a set of 10,000 of them is a kilobyte.
//!
//! Numbers are given in the order in which accounts first appear and are never reused. They live as
//! long as the process and have no meaning outside of one region's memory.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;

use crate::domain::base::model::AccountId;

/// An account's number in a [`AccountInterner`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AccountIndex(u32);

/// Every account that appeared in a list or in a row.
#[derive(Debug, Clone, Default)]
pub(super) struct AccountInterner {
    numbers: BTreeMap<AccountId, AccountIndex>,
    ids: Vec<AccountId>,
}

impl AccountInterner {
    /// The account's number, a new one if the account is new.
    pub(super) fn number(&mut self, id: AccountId) -> AccountIndex {
        let next = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(id).or_insert_with(|| {
            self.ids.push(id);
            AccountIndex(next)
        })
    }

    /// The account with this number.
    pub(super) fn id(&self, AccountIndex(number): AccountIndex) -> Option<AccountId> {
        self.ids.get(usize::try_from(number).ok()?).copied()
    }
}

/// A set of accounts, one bit each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AccountSet(FixedBitSet);

impl AccountSet {
    /// Adds an account.
    pub(super) fn insert(&mut self, number: AccountIndex) {
        self.0.grow_and_insert(place(number));
    }

    /// Removes an account.
    pub(super) fn remove(&mut self, number: AccountIndex) {
        // The set ends with its highest account: beyond it there is no bit to take out.
        if self.contains(number) {
            self.0.remove(place(number));
        }
    }

    /// Whether the set holds the account.
    pub(super) fn contains(&self, number: AccountIndex) -> bool {
        self.0.contains(place(number))
    }

    /// Moves every account of `other` here.
    pub(super) fn append(&mut self, other: &mut Self) {
        self.0.union_with(&std::mem::take(other).0);
    }

    /// The accounts, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = AccountIndex> {
        self.0.ones().filter_map(|place| u32::try_from(place).ok()).map(AccountIndex)
    }
}

fn place(AccountIndex(number): AccountIndex) -> usize {
    usize::try_from(number).expect("a pointer has 32 bits or more")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_of_bits_is_a_set(
            acts in proptest::collection::vec((0_u32..200, any::<bool>()), 0..60),
        ) {
            let (mut bits, mut set) = (AccountSet::default(), BTreeSet::new());
            for (number, is_insert) in acts {
                if is_insert {
                    bits.insert(AccountIndex(number));
                    set.insert(AccountIndex(number));
                } else {
                    bits.remove(AccountIndex(number));
                    set.remove(&AccountIndex(number));
                }
                prop_assert_eq!(bits.contains(AccountIndex(number)), is_insert);
            }
            prop_assert!(bits.iter().eq(set.iter().copied()));
            let mut all = AccountSet::default();
            all.append(&mut bits);
            prop_assert!(all.iter().eq(set) && bits.iter().next().is_none());
        }
    }

    #[test]
    fn an_account_keeps_its_number() {
        let mut roster = AccountInterner::default();
        let ids: Vec<AccountId> =
            ["222222222222", "111111111111"].map(|id| id.parse().unwrap()).to_vec();
        let numbers: Vec<AccountIndex> = ids.iter().map(|id| roster.number(*id)).collect();
        assert_eq!(roster.number(ids[0]), numbers[0]);
        assert_eq!(roster.id(numbers[1]), Some(ids[1]));
        assert_eq!(roster.id(AccountIndex(2)), None);
    }
}
