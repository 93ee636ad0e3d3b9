//! Joins and leaves of accounts, which tell whether AWS itself may have written a pack.
//!
//! AWS deploys packs when an account joins and removes them when one leaves, and does not document
//! whether that moves `LastUpdateTime` (`docs/aws.md`). Such a write is no external change.

use std::sync::Arc;
use std::time::Duration;

use super::account_list::AccountList;
use crate::domain::base::limits::RETRY_WINDOW;
use crate::domain::base::model::{AccountId, Timestamp};
use crate::domain::base::time::after;

/// For how long after a joining or leaving AWS may still write: its retries, and an hour for the
/// last of them (AWS Config takes more than an hour to remove rules, reported by users).
const WRITES: Duration = RETRY_WINDOW.saturating_add(Duration::from_hours(1));

/// The newest account list, and when its members last changed.
#[derive(Debug, Clone, Default)]
pub struct MembershipChanges {
    list: Option<Arc<AccountList>>,
    /// The walks between which accounts came or went.
    moved: Option<(Timestamp, Timestamp)>,
}

/// Whether AWS itself may have written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PossibleCause {
    /// An account joined or left at about that time.
    Membership,
    /// No account did, or there is no account list.
    None,
    /// The account list is older than the write.
    Undecided,
}

impl MembershipChanges {
    /// Updates the state from the list in force.
    pub fn observe(&mut self, list: Option<&Arc<AccountList>>) {
        let Some(list) = list else { return };
        if let Some(before) = &self.list {
            if Arc::ptr_eq(before, list) || list.read <= before.read {
                return;
            }
            // A join or leave happened at some moment between two walks, so the whole span counts.
            // A change that follows within the time of AWS's writes extends the span, or the
            // earlier one would be forgotten.
            if !active(before).eq(active(list)) {
                let earlier = self.moved.filter(|(_, last)| after(*last, WRITES) >= before.read);
                let first = earlier.map_or(before.read, |(first, _)| first);
                self.moved = Some((first, list.read));
            }
        }
        self.list = Some(Arc::clone(list));
    }

    /// Whether AWS itself may have written a pack at this moment.
    pub fn excuse(&self, at: Timestamp) -> PossibleCause {
        let Some(list) = &self.list else { return PossibleCause::None };
        let spans = |first: Timestamp, last: Timestamp| first <= at && at <= after(last, WRITES);
        let mut joined = list.accounts.values().filter_map(|account| account.joined);
        // A known join or leave comes first. Only without one does an account list from before the
        // write leave the question open: a newer list may still show a join.
        if joined.any(|joined| spans(joined, joined))
            || self.moved.is_some_and(|(first, last)| spans(first, last))
        {
            PossibleCause::Membership
        } else if list.read < at {
            PossibleCause::Undecided
        } else {
            PossibleCause::None
        }
    }
}

fn active(list: &AccountList) -> impl Iterator<Item = AccountId> {
    list.active().map(|account| account.id)
}
