//! The account list in force, and whether it is current.
//!
//! A list is read whole or not at all. When it cannot be read, or shrinks by more than a tenth, the
//! last complete one stays in force and everything that depends on it freezes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::account_list::AccountList;
use crate::domain::base::model::{AccountId, Timestamp};
use crate::domain::base::time::after;
use crate::domain::declared::approval::{Approval, Approvals, Validity};
use crate::domain::organization::account_list::{WalkFailure, kind};

/// The members of the organization.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    /// The last list that was accepted; `None` before the first.
    pub list: Option<Arc<AccountList>>,
    /// When a walk was last tried, by AWS's clock, with whatever result.
    pub attempt_last: Option<Timestamp>,
    /// Why the newest walk gave no list.
    pub problem: Option<WalkFailure>,
    /// A newer list that is much shorter, and waits.
    pub shrink: Option<Shrink>,
    /// As long as no second walk has found the same members as the first one of this process. AWS
    /// may show an account in another state, or not at all, for some seconds.
    pub unconfirmed: Option<Unconfirmed>,
}

/// A list that no second walk has confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unconfirmed {
    /// A walk that begins then, or later, confirms it: by the clock that never goes back, since
    /// what is known of AWS's clock becomes more exact with every answer.
    pub due: Duration,
    /// A little later, by AWS's clock.
    pub confirms_at: Timestamp,
}

/// A list that lost more than a tenth of its active accounts: it counts when a second walk agrees,
/// or when an `Approval` names the number that is left. A listing that is short by mistake would
/// otherwise exclude or include accounts by the hundred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shrink {
    /// Active accounts before.
    pub before: usize,
    /// Those of them that are active in the newer list as well.
    pub after: usize,
    /// When the first walk that missed them began.
    pub since: Timestamp,
    /// The accounts that every walk since then missed.
    #[serde(skip)]
    pub gone: BTreeSet<AccountId>,
}

/// Whether the account list is current.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListFreshness {
    /// It is recent, and no newer one is in doubt.
    Current,
    /// It is recent, but no second walk has confirmed it since the start: no exclusion may change.
    ReadOnce {
        /// A walk that begins then, or later, confirms it.
        confirms_at: Timestamp,
    },
    /// It is old, or a newer one is in doubt: nothing that depends on it may change.
    Frozen(ListDoubt),
    /// There is none yet.
    Unknown(ListDoubt),
}

impl Default for ListFreshness {
    fn default() -> Self {
        Self::Unknown(ListDoubt::NotRead)
    }
}

impl ListFreshness {
    /// Why it is not current.
    pub fn doubt(&self) -> Option<&ListDoubt> {
        match self {
            Self::Current | Self::ReadOnce { confirms_at: _ } => None,
            Self::Frozen(doubt) | Self::Unknown(doubt) => Some(doubt),
        }
    }
}

/// Why the account list is not current.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ListDoubt {
    /// No walk has ended yet.
    #[error("the account list was not read yet")]
    NotRead,
    /// The newest walk failed; the text of the failure.
    #[error("the account list could not be read: {0}")]
    Unreadable(String),
    /// The last complete walk is too long ago.
    #[error("the account list was last read at {read}")]
    Old {
        /// When it began.
        read: Timestamp,
    },
    /// A newer list is much shorter.
    #[error(
        "the account list shrank from {before} to {after} active accounts; it takes effect when a \
         second reading confirms it, or with an approval with `accountList: {after}`"
    )]
    Shrank {
        /// Active accounts before.
        before: usize,
        /// Those of them that are active in the newer list as well.
        after: usize,
    },
}

/// The terms for accepting a newer list.
#[derive(Debug, Clone, Copy)]
pub struct AcceptanceTerms<'a> {
    /// The shortest time between two walks that count as independent.
    pub apart: Duration,
    /// Approvals of the current revision.
    pub approvals: &'a BTreeMap<String, Approval>,
    /// The time, by AWS's clock.
    pub now: Timestamp,
    /// When the walk began, by the clock that never goes back.
    pub began: Duration,
}

/// One of this many active accounts may be missing from a newer list: 10 % (`docs/guard.md`, "The
/// limits").
const GONE_MAX_ONE_IN: usize = 10;

/// The first walk of a process is confirmed by one an interval later, or this much if that is less:
/// AWS Organizations shows a change of state or place everywhere within seconds.
pub const FIRST_APART_MAX: Duration = Duration::from_mins(1);

/// How exactly AWS's clock is known: its answers have the time in whole seconds.
const CLOCK_ERROR: Duration = Duration::from_secs(2);

impl Membership {
    /// Whether the list is current; one that is older than `age_max` is not. Both times are AWS's.
    pub fn freshness(&self, now: Timestamp, age_max: Duration) -> ListFreshness {
        let unreadable =
            self.problem.as_ref().map(|problem| ListDoubt::Unreadable(problem.why.clone()));
        let Some(list) = &self.list else {
            return ListFreshness::Unknown(unreadable.unwrap_or(ListDoubt::NotRead));
        };
        // A shrink comes before a failed walk: it needs an approval or another walk, while a failed
        // walk may pass by itself.
        if let Some(Shrink { before, after, since: _, gone: _ }) = self.shrink {
            return ListFreshness::Frozen(ListDoubt::Shrank { before, after });
        }
        match unreadable {
            Some(doubt) => ListFreshness::Frozen(doubt),
            None if after(list.read, age_max) < now => {
                ListFreshness::Frozen(ListDoubt::Old { read: list.read })
            }
            None => match self.unconfirmed {
                Some(Unconfirmed { due: _, confirms_at }) => {
                    ListFreshness::ReadOnce { confirms_at }
                }
                None => ListFreshness::Current,
            },
        }
    }

    /// The membership after another walk. A failed walk changes no account; a complete one is in
    /// force at once, unless more than a tenth of the active accounts are missing from it or
    /// active no more. Then only those count as gone that every walk missed for `apart`.
    #[must_use]
    pub fn after_walk(
        &self,
        walk: Result<AccountList, WalkFailure>,
        terms: &AcceptanceTerms<'_>,
    ) -> Self {
        let attempt_last = Some(terms.now);
        let newer = match walk {
            Ok(newer) => self.settle(newer, terms),
            Err(problem) => return Self { attempt_last, problem: Some(problem), ..self.clone() },
        };
        // The first list after a start is accepted whatever its length: there is no earlier one to
        // compare it with. No exclusion changes before another walk has confirmed it.
        let Some(list) = self.list.as_deref().filter(|_| self.unconfirmed.is_none()) else {
            let unconfirmed = self.unconfirmed_with(&newer, terms);
            let list = Some(Arc::new(newer));
            return Self { list, attempt_last, problem: None, shrink: None, unconfirmed };
        };
        let shrink = self.doubt(list, &newer, terms);
        let list = if shrink.is_some() { self.list.clone() } else { Some(Arc::new(newer)) };
        Self { list, attempt_last, problem: None, shrink, unconfirmed: None }
    }

    /// Until when a newer list is not confirmed; `None` if it confirms the earlier ones itself.
    fn unconfirmed_with(
        &self,
        newer: &AccountList,
        terms: &AcceptanceTerms<'_>,
    ) -> Option<Unconfirmed> {
        let same = self.list.as_deref().filter(|list| list.has_members_of(newer));
        let unconfirmed = same.and(self.unconfirmed).unwrap_or_else(|| {
            let apart = terms.apart.min(FIRST_APART_MAX);
            let due = terms.began.saturating_add(apart);
            // Whoever waits until then by AWS's clock, which is known to a second, is not early.
            let confirms_at = after(after(newer.read, apart), CLOCK_ERROR);
            Unconfirmed { due, confirms_at }
        });
        (terms.began < unconfirmed.due).then_some(unconfirmed)
    }

    /// A newer list that says which states no second walk has confirmed yet.
    fn settle(&self, newer: AccountList, terms: &AcceptanceTerms<'_>) -> AccountList {
        let Some(list) = self.list.as_deref().filter(|_| self.unconfirmed.is_none()) else {
            return newer;
        };
        let is_apart = after(list.read, terms.apart) <= newer.read;
        let unsettled = newer.accounts.values().filter_map(|account| {
            let before = list.accounts.get(&account.id)?;
            // An account that joined again is another one: nothing is known of it yet.
            if before.joined != account.joined {
                return None;
            }
            let settled = list.settled_state(before);
            let is_confirmed = is_apart && before.state == account.state;
            (account.state != settled && !is_confirmed).then_some((account.id, settled))
        });
        let unsettled = unsettled.collect();
        AccountList { unsettled, ..newer }
    }

    /// The shrink that a newer list shows, unless a second walk or an approval confirms it.
    fn doubt(
        &self,
        list: &AccountList,
        newer: &AccountList,
        terms: &AcceptanceTerms<'_>,
    ) -> Option<Shrink> {
        let before = list.active().count();
        let gone = gone(list, newer);
        let missed = self.shrink.as_ref().map(|shrink| (shrink.since, &shrink.gone));
        let is_proven = missed.is_some_and(|(since, _)| after(since, terms.apart) <= newer.read);
        let missed_again: BTreeSet<AccountId> =
            missed.map(|(_, missed)| missed & &gone).unwrap_or_default();
        let proven = if is_proven { missed_again.len() } else { 0 };
        // Accounts are compared, not numbers: new accounts must not make up for missing ones. Only
        // accounts that two walks missed are proven gone, and the rest is measured against what is
        // left.
        let doubtful = gone.len().saturating_sub(proven);
        if doubtful.saturating_mul(GONE_MAX_ONE_IN) <= before.saturating_sub(proven) {
            return None;
        }
        let after = before.saturating_sub(gone.len());
        let (now, all) = (terms.now, terms.approvals);
        let approvals = Approvals { all, now, aws_now: now };
        let mut valid =
            all.values().filter(|approval| approvals.validity(approval) == Validity::InForce);
        if valid.any(|approval| approval.permits_list(after)) {
            return None;
        }
        // The wait of the first walk goes on as long as some of its accounts are still missing.
        // Another set of missing accounts is a new doubt with a new wait.
        let (since, gone) = match missed {
            Some((since, _)) if !is_proven && !missed_again.is_empty() => (since, missed_again),
            Some(_) | None => (newer.read, gone),
        };
        Some(Shrink { before, after, since, gone })
    }

    /// Whether this differs from `before` in more than times and texts, so that regions have to
    /// reconcile.
    pub fn differs_from(&self, before: &Self) -> bool {
        let Self { list, attempt_last: _, problem, shrink, unconfirmed } = self;
        // Equal pointers are the frequent case, and spare the comparison of 50,000 accounts.
        let is_same_list = match (list, &before.list) {
            (Some(list), Some(before)) => Arc::ptr_eq(list, before) || list.agrees(before),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        !is_same_list
            || *shrink != before.shrink
            || *unconfirmed != before.unconfirmed
            || kind(problem.as_ref()) != kind(before.problem.as_ref())
    }
}

/// Accounts that were active and are not any more, or are not listed.
fn gone(list: &AccountList, newer: &AccountList) -> BTreeSet<AccountId> {
    let newer: BTreeSet<AccountId> = newer.active().map(|account| account.id).collect();
    list.active().map(|account| account.id).filter(|id| !newer.contains(id)).collect()
}

#[cfg(test)]
mod tests {
    use crate::domain::base::failure::FailureKind;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::base::model::AccountState;
    use crate::domain::declared::approval::{Permit, Permitted};
    use crate::domain::declared::diagnostic::Span;
    use crate::domain::declared::manifest::ManifestOrigin;
    use crate::domain::declared::snapshot::SourcePath;
    use crate::domain::organization::account_list::{Account, OrganizationRecord};

    const APART: Duration = Duration::from_mins(10);

    fn at(minute: u64) -> Timestamp {
        after("2026-11-01T00:00:00Z".parse().unwrap(), Duration::from_mins(minute))
    }

    fn elapsed(minute: u64) -> Duration {
        Duration::from_mins(minute)
    }

    fn list(ids: impl IntoIterator<Item = usize>, minute: u64) -> AccountList {
        let accounts = ids.into_iter().map(|id| {
            let id: AccountId = format!("2{id:011}").parse().unwrap();
            let state = Some(AccountState::Active);
            let name = String::new();
            (id, Account { id, name, state, joined: None, units: None, tags: None })
        });
        AccountList {
            organization: OrganizationRecord {
                id: "o-example".to_owned(),
                management: "111111111111".parse().unwrap(),
                all_features: true,
            },
            accounts: accounts.collect(),
            units_absent: BTreeSet::new(),
            units_walked: BTreeSet::new(),
            tags_problem: None,
            unsettled: BTreeMap::new(),
            read: at(minute),
        }
    }

    fn failure() -> WalkFailure {
        WalkFailure { kind: FailureKind::Throttled, why: "too many requests".to_owned() }
    }

    fn approval(active: usize, expires: Timestamp) -> BTreeMap<String, Approval> {
        let origin = ManifestOrigin {
            path: SourcePath::new("approval.yaml").unwrap(),
            span: Span { line: 1, column: 1, start: 0, end: 1 },
        };
        let (name, reason) = ("gone".to_owned(), "sold".to_owned());
        let permits = vec![Permit { what: Permitted::AccountList(active), regions: None }];
        [(name.clone(), Approval { name, origin, reason, expires, permits })].into()
    }

    /// One walk after another, each with its minute.
    #[derive(Default)]
    struct WalkSeries(Membership);

    impl WalkSeries {
        fn walk(&mut self, ids: impl IntoIterator<Item = usize>, minute: u64) -> &mut Self {
            self.approved(&BTreeMap::new(), ids, minute)
        }

        fn approved(
            &mut self,
            approvals: &BTreeMap<String, Approval>,
            ids: impl IntoIterator<Item = usize>,
            minute: u64,
        ) -> &mut Self {
            let terms = AcceptanceTerms {
                apart: APART,
                approvals,
                now: at(minute),
                began: elapsed(minute),
            };
            let is_first = self.0.list.is_none();
            self.0 = self.0.after_walk(Ok(list(ids, minute)), &terms);
            if is_first {
                // A second walk has confirmed it.
                self.0.unconfirmed = None;
            }
            self
        }

        fn fail(&mut self, minute: u64) -> &mut Self {
            let terms = AcceptanceTerms {
                apart: APART,
                approvals: &BTreeMap::new(),
                now: at(minute),
                began: elapsed(minute),
            };
            self.0 = self.0.after_walk(Err(failure()), &terms);
            self
        }

        fn accounts(&self) -> usize {
            self.0.list.as_ref().unwrap().accounts.len()
        }
    }

    #[test]
    fn the_first_list_is_confirmed_after_a_minute_whatever_is_learned_of_aws_s_clock() {
        let none = BTreeMap::new();
        let walk = |before: &Membership, read, seconds| {
            let (now, began) = (at(read), Duration::from_secs(seconds));
            let terms = AcceptanceTerms { apart: APART, approvals: &none, now, began };
            before.after_walk(Ok(list(0..10, read)), &terms)
        };
        let first = walk(&Membership::default(), 30, 0);
        // By AWS's clock the second walk seems to be long after the first, or long before it.
        for read in [90, 0] {
            assert!(walk(&first, read, 59).unconfirmed.is_some());
            assert_eq!(walk(&first, read, 60).unconfirmed, None);
        }
    }

    #[test]
    fn a_tenth_may_leave_at_once_and_more_wait_for_a_second_walk_an_interval_later() {
        let mut course = WalkSeries::default();
        course.walk(0..100, 0).walk(0..90, 10);
        assert_eq!((course.accounts(), &course.0.shrink), (90, &None));
        course.walk(0..80, 20);
        let shrink = course.0.shrink.clone().unwrap();
        assert_eq!((course.accounts(), shrink.before, shrink.after), (90, 90, 80));
        course.walk(0..80, 29);
        assert_eq!((course.accounts(), course.0.shrink.clone().unwrap()), (90, shrink));
        course.walk(0..80, 30);
        assert_eq!((course.accounts(), &course.0.shrink), (80, &None));
    }

    #[test]
    fn a_few_more_that_leave_meanwhile_do_not_start_the_wait_anew_and_many_do() {
        let mut course = WalkSeries::default();
        course.walk(0..100, 0).walk(0..50, 10).walk(0..48, 20);
        assert_eq!(course.accounts(), 48);
        course.walk(0..40, 30).walk(0..20, 40);
        assert_eq!(course.accounts(), 48);
        course.walk(0..20, 50);
        assert_eq!(course.accounts(), 20);
    }

    #[test]
    fn other_accounts_that_take_their_place_make_up_for_nobody() {
        let mut course = WalkSeries::default();
        course.walk(0..100, 0).walk(100..200, 10);
        let shrink = course.0.shrink.as_ref().unwrap();
        assert_eq!((shrink.before, shrink.after), (100, 0));
    }

    #[test]
    fn a_list_that_recovers_is_in_force_at_once_and_the_next_loss_waits_anew() {
        let mut course = WalkSeries::default();
        course.walk(0..100, 0).walk(0..50, 10).walk(0..100, 20);
        assert_eq!((course.accounts(), &course.0.shrink), (100, &None));
        course.walk(0..50, 30);
        assert_eq!(course.0.shrink.as_ref().unwrap().since, at(30));
    }

    #[test]
    fn an_approval_of_just_this_many_accounts_counts_until_it_expires() {
        let mut course = WalkSeries::default();
        course.walk(0..100, 0).walk(0..50, 10);
        course.approved(&approval(50, at(12)), 0..50, 12);
        assert_eq!(course.accounts(), 100);
        course.approved(&approval(50, at(14)), 0..49, 13);
        assert_eq!(course.accounts(), 100);
        course.approved(&approval(50, at(15)), 0..50, 14);
        assert_eq!((course.accounts(), &course.0.shrink), (50, &None));
    }

    #[test]
    fn an_account_that_is_suspended_is_one_less() {
        let mut course = WalkSeries::default();
        course.walk(0..10, 0);
        let mut newer = list(0..10, 10);
        for account in newer.accounts.values_mut().take(2) {
            account.state = Some(AccountState::Suspended);
        }
        let terms = AcceptanceTerms {
            apart: APART,
            approvals: &BTreeMap::new(),
            now: at(10),
            began: elapsed(10),
        };
        assert_eq!(course.0.after_walk(Ok(newer), &terms).shrink.unwrap().after, 8);
    }

    fn folded(why: &str) -> String {
        let why = why.replace(" that counts", "\n    that counts");
        why.replace(" with an approval", "\n    with an approval")
    }

    #[test]
    fn what_is_doubted_failed_or_old_is_frozen_and_what_was_never_read_is_unknown() {
        let freshness = |course: &WalkSeries, minute| match course
            .0
            .freshness(at(minute), APART * 3)
        {
            ListFreshness::Current => "current".to_owned(),
            ListFreshness::ReadOnce { confirms_at } => format!("read once, until {confirms_at}"),
            ListFreshness::Frozen(why) => {
                format!("frozen: {}", folded(&why.to_string().replace("; ", ";\n    ")))
            }
            ListFreshness::Unknown(why) => format!("unknown: {why}"),
        };
        let mut course = WalkSeries::default();
        let mut seen = vec![freshness(&course, 0)];
        seen.push(freshness(course.fail(0), 0));
        seen.push(freshness(course.walk(0..100, 10), 40));
        seen.push(freshness(&course, 41));
        seen.push(freshness(course.fail(41), 41));
        seen.push(freshness(course.walk(0..50, 42), 42));
        insta::assert_snapshot!(seen.join("\n"), @"
        unknown: the account list was not read yet
        unknown: the account list could not be read: too many requests
        current
        frozen: the account list was last read at 2026-11-01T00:10:00Z
        frozen: the account list could not be read: too many requests
        frozen: the account list shrank from 100 to 50 active accounts;
            it takes effect when a second reading confirms it, or
            with an approval with `accountList: 50`
        ");
    }

    #[test]
    fn a_walk_that_finds_nothing_new_is_no_news_and_neither_is_a_failure_in_other_words() {
        let mut course = WalkSeries::default();
        let first = course.walk(0..3, 0).0.clone();
        assert!(first.differs_from(&Membership::default()));
        let same = course.walk(0..3, 10).0.clone();
        assert!(!same.differs_from(&first) && same.list.as_ref().unwrap().read == at(10));
        let failed = course.fail(20).0.clone();
        assert!(failed.differs_from(&same));
        let mut again = course.fail(30).0.clone();
        again.problem.as_mut().unwrap().why = "request 2: too many requests".to_owned();
        assert!(!again.differs_from(&failed));
        assert!(course.walk(0..3, 40).0.differs_from(&again));
    }

    /// The accounts that a walk finds; `None` for one that fails.
    fn any_walk() -> impl Strategy<Value = Option<BTreeSet<usize>>> {
        proptest::option::of(proptest::collection::btree_set(0_usize..40, 1..40))
    }

    proptest! {
        #[test]
        fn no_account_leaves_the_list_unless_few_do_or_two_walks_apart_missed_it(
            walks in proptest::collection::vec((any_walk(), 1_u64..15), 1..12),
        ) {
            let (mut course, mut minute) = (WalkSeries::default(), 0);
            // When each account was first missed by every walk since.
            let mut missed: BTreeMap<AccountId, u64> = BTreeMap::new();
            for (walk, pause) in walks {
                minute += pause;
                let before = course.0.list.clone();
                match walk {
                    None => {
                        course.fail(minute);
                        prop_assert_eq!(&course.0.list, &before);
                    }
                    Some(ids) => {
                        let newer = list(ids.iter().copied(), minute);
                        missed.retain(|id, _| !newer.accounts.contains_key(id));
                        course.walk(ids, minute);
                        let Some(before) = before else { continue };
                        let gone = gone(&before, &newer);
                        for id in &gone {
                            missed.entry(*id).or_insert(minute);
                        }
                        let is_in_force = course.0.list.as_deref() == Some(&newer);
                        prop_assert_eq!(course.0.shrink.is_none(), is_in_force);
                        let proven = gone.iter().filter(|id| missed[id] + 10 <= minute).count();
                        let few = (gone.len() - proven) * 10 <= before.accounts.len() - proven;
                        prop_assert!(!is_in_force || few);
                    }
                }
            }
        }
    }
}
