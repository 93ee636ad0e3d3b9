//! The tags of accounts: one request an account, so they are read little by little and kept.
//!
//! Accounts whose tags were never asked for come first. Afterwards those asked longest ago are
//! asked again, for half an interval after every walk: at 10,000 accounts and 5 requests a second
//! no tag is older than some 80 minutes. What could not be read for a day counts as unread.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};

use super::pace::IN_FLIGHT;
use crate::clock::Clock;
use crate::cloud::OrganizationReader;
use crate::domain::base::failure::chain;
use crate::domain::base::model::AccountId;
use crate::domain::organization::account_list::{AccountList, WalkFailure};
use crate::listing::{Incomplete, read_all};

/// Tags that were read longer ago are not believed: an account that is re-tagged moves within a
/// day, or the packs that ask wait.
const AGE_MAX: Duration = Duration::from_hours(24);

/// So many failures end a round: what fails that often fails for all, and is asked again later.
const FAILURES_MAX: usize = 5;

/// Tags by account.
#[derive(Debug, Default)]
pub(super) struct Tags(BTreeMap<AccountId, CachedTags>);

/// Moments are those of the own clock.
#[derive(Debug, Default)]
struct CachedTags {
    /// When they were last asked for.
    tried: Duration,
    /// What was read last, and when.
    read: Option<(Duration, Arc<BTreeMap<String, String>>)>,
    /// Why the last request failed.
    problem: Option<WalkFailure>,
}

/// Which accounts a round is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// Those that were never asked for.
    New,
    /// Those last asked for before this moment of the own clock, the longest ago first.
    Before(Duration),
}

impl Tags {
    /// What a list holds already, to be asked for again as soon as can be.
    pub(super) fn of(list: &AccountList, now: Duration) -> Self {
        let known = list.accounts.values().filter_map(|account| {
            let read = Some((now, Arc::clone(account.tags.as_ref()?)));
            Some((account.id, CachedTags { read, ..CachedTags::default() }))
        });
        Self(known.collect())
    }

    /// Writes into the list what is known of its accounts, and forgets all others.
    pub(super) fn write(&mut self, list: &mut AccountList, now: Duration) {
        self.0.retain(|account, _| list.accounts.contains_key(account));
        list.tags_problem = None;
        for account in list.accounts.values_mut() {
            let entry = self.0.get(&account.id);
            let read = entry.and_then(|entry| entry.read.as_ref());
            let fresh = read.filter(|(at, _)| now.saturating_sub(*at) <= AGE_MAX);
            account.tags = fresh.map(|(_, tags)| Arc::clone(tags));
            if account.tags.is_none() && list.tags_problem.is_none() {
                list.tags_problem = entry.and_then(|entry| entry.problem.clone());
            }
        }
    }

    /// Asks for the tags of accounts until `until` or until all are read.
    pub(super) async fn read<O: OrganizationReader>(
        &mut self,
        organization: &O,
        list: &AccountList,
        round: Round,
        clock: &Clock,
        until: Duration,
    ) {
        let due = self.due(list, round);
        let mut answers = stream::iter(due)
            .take_while(|_| std::future::ready(clock.elapsed() < until))
            .map(async |account| (account, tags(organization, account).await))
            .buffer_unordered(IN_FLIGHT);
        let mut failures = 0_usize;
        while let Some((account, answer)) = answers.next().await {
            let now = clock.elapsed();
            let entry = self.0.entry(account).or_default();
            entry.tried = now;
            match answer {
                Ok(tags) => (entry.read, entry.problem) = (Some((now, Arc::new(tags))), None),
                Err(error) => {
                    let kind = error.kind();
                    let why = format!("the tags of {account}: {}", chain(&error));
                    tracing::warn!(%account, kind = kind.as_str(), error = why, "tags not read");
                    entry.problem = Some(WalkFailure { kind, why });
                    failures = failures.saturating_add(1);
                }
            }
            // Many failures mean that none will succeed now; the rest is tried after the next walk.
            if failures >= FAILURES_MAX {
                break;
            }
        }
    }

    fn due(&self, list: &AccountList, round: Round) -> Vec<AccountId> {
        let accounts = list.accounts.keys();
        let tried = |account| self.0.get(account).map(|entry| entry.tried);
        match round {
            Round::New => accounts.filter(|account| tried(account).is_none()).copied().collect(),
            Round::Before(moment) => {
                let known = accounts.filter_map(|account| Some((tried(account)?, *account)));
                let due: BTreeSet<_> = known.filter(|(tried, _)| *tried < moment).collect();
                due.into_iter().map(|(_, account)| account).collect()
            }
        }
    }
}

async fn tags<O: OrganizationReader>(
    organization: &O,
    account: AccountId,
) -> Result<BTreeMap<String, String>, Incomplete> {
    let tags = read_all(|token| organization.tags(account, token), |(key, _)| key.clone()).await?;
    Ok(tags.into_iter().collect())
}
