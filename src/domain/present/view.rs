//! What people are shown: documents made of reports, membership and catalog, as the API serves
//! them and the command line prints them.
//!
//! Building is pure and one way: nothing is decided on a view. Every document can be read back, so
//! that the command line shows a daemon's answer as if it were its own.

pub mod account;
pub mod approval_ways;
pub mod approvals;
pub mod deployment;
pub mod events;
pub mod health;
mod known_member;
pub mod members;
pub mod new_accounts;
mod next;
pub mod packs;
pub mod problem;
pub mod region;
pub mod status;
pub mod text;
mod totals;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::report::{RegionReport, Reports};
use crate::domain::base::mode::Mode;
use crate::domain::base::model::{AccountId, Installation, PackName, Region, Timestamp};
use crate::domain::base::nearest::nearest;
use crate::domain::base::untrusted::{ACCOUNT_NAME_MAX, one_line};
use crate::domain::base::words::first_few;
use crate::domain::declared::catalog::Declared;
use crate::domain::declared::source::SourceStatus;
use crate::domain::observed::recorder::Recorders;
use crate::domain::organization::account_list::Account;
use crate::domain::organization::membership::{ListFreshness, Membership};
use crate::domain::plan::record::RecordStatus;
use crate::domain::plan::redeploy::Redeploy;

/// The version of every document; it changes when a field goes away or changes its meaning.
pub const VERSION: u32 = 1;

/// What the program is: changes only when settings are reloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The program's version.
    pub version: String,
    /// When the process began.
    pub started: Timestamp,
    /// Whose packs are ours.
    pub installation: Installation,
    /// How far conformd may go.
    pub mode: Mode,
    /// Whether the built-in simulator stands in for AWS.
    pub simulated: bool,
    /// The configured regions.
    pub regions: BTreeSet<Region>,
    /// An account list that is older is not believed to be current.
    pub list_age_max: Duration,
    /// How conformd redeploys to accounts that AWS stopped retrying.
    pub redeploy: Redeploy,
    /// How often the source is read.
    pub source_interval: Duration,
    /// How often a region is reconciled.
    pub region_interval: Duration,
    /// How often every member is read.
    pub resync_interval: Duration,
    /// Organization packs per region (AWS Config quota).
    pub quota: usize,
}

/// Who AWS says we are. Once confirmed, it stays confirmed, so that readiness does not flap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ConfirmedCaller {
    /// Not asked yet, or no answer so far.
    Unconfirmed {
        /// Why the last try failed.
        problem: Option<String>,
    },
    /// The account that was expected.
    Confirmed {
        /// That account.
        account: AccountId,
    },
}

/// Everything that views are made of, at one moment.
#[derive(Debug, Clone)]
pub struct CurrentState {
    /// What the program is.
    pub about: About,
    /// Whether AWS has confirmed who asks.
    pub caller: ConfirmedCaller,
    /// The source.
    pub source: SourceStatus,
    /// Who is a member of the organization.
    pub membership: Arc<Membership>,
    /// What is known of the members' recorders.
    pub recorders: Arc<Recorders>,
    /// The last report of each region.
    pub reports: Reports,
    /// Whether losses are remembered; `None` before it was looked for.
    pub record: Option<RecordStatus>,
    /// AWS's clock minus the own one, once an answer of AWS has shown it.
    pub skew: Option<SignedDuration>,
    /// The time, by AWS's clock.
    pub now: Timestamp,
}

impl CurrentState {
    /// When the process began, by AWS's clock as far as it is known.
    fn started(&self) -> Timestamp {
        let skew = self.skew.unwrap_or_default();
        self.about.started.checked_add(skew).unwrap_or(self.about.started)
    }

    /// Every configured region, with its report once there is one.
    fn regions(&self) -> impl Iterator<Item = (&Region, Option<&RegionReport>)> {
        let report = |region| self.reports.get(region).map(Arc::as_ref);
        self.about.regions.iter().map(move |region| (region, report(region)))
    }

    /// Leaves only these regions to be shown.
    pub fn only(&mut self, regions: BTreeSet<Region>) -> Result<(), NotFound> {
        let known = &self.about.regions;
        if let Some(unconfigured) = regions.iter().find(|region| !known.contains(region)) {
            let known = known.iter().map(Region::as_str);
            return Err(absent("configured region", unconfigured.as_str(), known));
        }
        self.about.regions = regions;
        Ok(())
    }

    /// The packs that manifests in force declare for this region.
    fn desired(&self, region: &Region) -> BTreeSet<&PackName> {
        let packs = self.source.catalog.iter().flat_map(|catalog| &catalog.packs);
        let is_here = |pack: &Declared| pack.in_force().is_some_and(|pack| pack.covers(region));
        packs.filter(|(_, pack)| is_here(pack)).map(|(name, _)| name).collect()
    }

    /// How far the account list can be believed.
    fn list_freshness(&self) -> ListFreshness {
        self.membership.freshness(self.now, self.about.list_age_max)
    }

    /// An account as the list has it.
    fn account(&self, id: AccountId) -> Option<&Account> {
        self.membership.list.as_ref()?.accounts.get(&id)
    }

    /// An account's name, if it has one.
    pub fn name(&self, id: AccountId) -> Option<String> {
        let account = self.account(id)?;
        (!account.name.is_empty()).then(|| one_line(&account.name, ACCOUNT_NAME_MAX))
    }
}

/// Items of something that is counted, zeros included.
fn census<K: Ord + Copy>(
    all: impl IntoIterator<Item = K>,
    items: impl IntoIterator<Item = K>,
) -> BTreeMap<K, usize> {
    let mut counts: BTreeMap<K, usize> = all.into_iter().map(|kind| (kind, 0)).collect();
    for kind in items {
        let count = counts.entry(kind).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

/// What was asked for does not exist; the sentence says what does.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct NotFound(pub String);

/// There is no such thing, and this is the nearest that there is.
fn absent<'a>(what: &str, word: &str, all: impl Iterator<Item = &'a str>) -> NotFound {
    let all: Vec<&str> = all.collect();
    let hint = match nearest(word, all.iter().copied()) {
        Some(one) => format!("did you mean {one}?"),
        None if all.is_empty() => "there is none".to_owned(),
        None => {
            let names: Vec<String> = all.into_iter().map(ToOwned::to_owned).collect();
            format!("there is {}", first_few(&names, FEW))
        }
    };
    NotFound(format!("there is no {what} {word}; {hint}"))
}

/// Names that are listed for somebody who asked for another one.
const FEW: usize = 20;

/// A page of a list: pages are numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListPage {
    /// Which one.
    pub number: usize,
    /// How many entries it holds at most.
    pub limit: usize,
}

impl ListPage {
    /// More entries a page are refused.
    pub const LIMIT_MAX: usize = 1_000;
    /// Entries of a page by default.
    pub const LIMIT: usize = 100;

    /// The entries of this page.
    fn of<T>(self, entries: impl Iterator<Item = T>) -> Vec<T> {
        let before = self.number.saturating_sub(1).saturating_mul(self.limit);
        entries.skip(before).take(self.limit).collect()
    }

    /// How many pages so many entries are; none is one empty page.
    fn count(self, entries: usize) -> usize {
        entries.div_ceil(self.limit.max(1)).max(1)
    }
}

impl Default for ListPage {
    /// The first hundred.
    fn default() -> Self {
        Self { number: 1, limit: Self::LIMIT }
    }
}
