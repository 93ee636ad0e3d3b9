//! Tracking: the members of every pack of one region, and which rows to read next.
//!
//! Level-triggered: each observation brings the facts, each reading brings rows, and health is
//! computed from both from scratch. A restart loses this memory, which costs a resync.
//! `tasks/region` sends the requests and sets their rate.

mod account_index;
mod causes;
mod health;
mod judgment;
mod member_request;
mod pack_state;
mod read_requests;
mod rows;
mod summarizer;
mod summary;
pub mod target;
#[cfg(test)]
mod tests;
mod tracked_members;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use causes::OWN_ACCOUNT;
pub use member_request::{FILTERS, MemberRequest, PAGE};
pub use read_requests::{Rank, ReadRequest, Resyncs};
pub use rows::RowsInProgress;

use causes::Causes;
use member_request::ReadResult;
use pack_state::PackState;
use summarizer::{SummaryInputs, summary};
use tracked_members::TrackedMembers;

use super::new_account::{NewAccount, new_accounts};
use super::rollout::Rollout;
use super::tracking::Tracking;
use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{AccountId, PackName, Timestamp};
use crate::domain::base::time::Pace;
use crate::domain::members::tracker::target::Targets;
use crate::domain::observed::packs::{Ownership, PacksObservation, StatusRow, Unknown};
use crate::domain::observed::recorder::RecorderObservation;
use crate::domain::organization::account_list::AccountList;
use crate::domain::organization::membership::ListFreshness;

/// The most members with details for one region (5 MB): the API lists them and redeployments use
/// them. Packs share the number evenly; counts and health include every member.
const TROUBLED_MAX: usize = 100_000;

/// The members of one region.
#[derive(Debug, Clone, Default)]
pub struct MemberTracker {
    people: TrackedMembers,
    causes: Causes,
    states: BTreeMap<PackName, PackState>,
    rollouts: BTreeMap<PackName, Rollout>,
    new_accounts: Vec<NewAccount>,
    recorders: BTreeMap<AccountId, RecorderObservation>,
    observed_last: Option<Timestamp>,
    unknown: Option<Unknown>,
    /// How often members are read, as it was told last.
    resyncs: Option<Resyncs>,
}

/// A write that AWS took, or may have taken.
#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    /// Of this pack.
    pub pack: &'a PackName,
    /// A Put; else a Delete.
    pub is_put: bool,
}

/// The inputs of one complete observation of the region.
#[derive(Debug, Clone, Copy)]
pub struct RegionObservation<'a> {
    /// Every visible pack.
    pub seen: &'a PacksObservation,
    /// The desired packs; empty until a manifest has been read.
    pub targets: &'a Targets<'a>,
    /// The account list.
    pub list: Option<&'a Arc<AccountList>>,
    /// Whether the list is current.
    pub freshness: &'a ListFreshness,
    /// What a probe saw in this region.
    pub recorders: Option<&'a BTreeMap<AccountId, RecorderObservation>>,
}

impl MemberTracker {
    /// Updates the state from a complete observation of the region. All times are AWS's.
    pub fn observe(&mut self, facts: &RegionObservation<'_>, resyncs: &Resyncs, now: Timestamp) {
        let RegionObservation { seen, targets, list, freshness, recorders } = *facts;
        self.people.observe(list, freshness);
        if self.recorders != *recorders.unwrap_or(&BTreeMap::new()) {
            self.recorders = recorders.cloned().unwrap_or_default();
        }
        // A pack that is missing once may be missing from a short listing: its rows are kept until
        // a second observation, since reading them again costs a full resync.
        self.states.retain(|name, state| match seen.packs.get(name) {
            Some(pack) => matches!(pack.ownership, Ownership::Ours(_)),
            None => state.miss(seen.unlisted.get(name)),
        });
        for (name, pack) in &seen.packs {
            if !matches!(pack.ownership, Ownership::Ours(_)) {
                continue;
            }
            let target = targets.get(name).copied();
            match self.states.get_mut(name) {
                Some(state) => state.observe(pack, target, now),
                None => {
                    self.states.insert(name.clone(), PackState::new(pack, target, now));
                }
            }
        }
        (self.observed_last, self.unknown) = (Some(now), None);
        self.survey_all(resyncs, now);
    }

    /// Marks the region as unknown; the last state stays and is shown with the reason.
    pub fn lost(&mut self, unknown: &Unknown) {
        self.unknown = Some(unknown.clone());
        self.show();
    }

    /// Updates the state from the writes of a reconciliation.
    pub fn wrote<'a>(
        &mut self,
        writes: impl IntoIterator<Item = Write<'a>>,
        resyncs: &Resyncs,
        now: Timestamp,
    ) {
        for Write { pack, is_put } in writes {
            if let Some(state) = self.states.get_mut(pack) {
                state.wrote(is_put, now);
            }
        }
        self.survey_all(resyncs, now);
    }

    /// Adds a page of rows to a reading.
    pub fn note(&mut self, draft: &mut RowsInProgress, rows: &[StatusRow]) {
        draft.add(rows, &mut self.people.roster, &mut self.causes);
    }

    /// Updates the state from a reading that was read to its end.
    pub fn complete(
        &mut self,
        reading: &MemberRequest,
        draft: RowsInProgress,
        resyncs: &Resyncs,
        began: Timestamp,
        ended: Timestamp,
    ) {
        // The pack may have been deleted while its rows were read.
        let Some(state) = self.states.get_mut(reading.pack()) else { return };
        let found = match reading {
            MemberRequest::Trouble(_) => ReadResult::Trouble(draft),
            MemberRequest::Account(_, account) => {
                ReadResult::Account(self.people.roster.number(*account), draft)
            }
            MemberRequest::Resync(_) => ReadResult::Resync(draft),
        };
        // Without a list no row can be called unlisted, so every row counts as listed.
        let (people, has_list) = (&self.people, self.people.list.is_some());
        state.complete(found, began, |number| !has_list || people.is_listed(number));
        self.causes.forget_unused();
        self.summary(reading.pack(), resyncs, ended);
        let is_resync = matches!(reading, MemberRequest::Resync(_));
        let is_alone = matches!(reading, MemberRequest::Account(..));
        // The row of one account says nothing about the rollout as a whole.
        if let Some(state) = self.states.get_mut(reading.pack()).filter(|_| !is_alone) {
            state.conclude(is_resync, began, ended);
        }
        self.show_new_accounts(ended);
    }

    /// Notes that a reading failed, or returned nonsense.
    pub fn fail(
        &mut self,
        reading: &MemberRequest,
        kind: FailureKind,
        why: String,
        now: Timestamp,
    ) {
        if let Some(state) = self.states.get_mut(reading.pack()) {
            state.fail(kind, why, now);
            // What could not be read since a change counts nowhere from now on.
            if let Some(resyncs) = self.resyncs.filter(|_| state.is_outdated()) {
                self.summary(reading.pack(), &resyncs, now);
            }
        }
        self.show();
    }

    /// Every reading that is due or will be, if nothing changes; none while the region is unknown.
    pub fn requests(&self, resyncs: &Resyncs, pace: &Pace) -> Vec<ReadRequest> {
        if self.unknown.is_some() || self.observed_last.is_none() {
            return Vec::new();
        }
        let states = self.states.iter();
        let requests = states.flat_map(|(name, state)| {
            read_requests::requests(name, state, &self.people, resyncs, pace)
        });
        requests.collect()
    }

    /// One failure resync for every pack whose aggregate does not report success.
    pub fn troubled(&self) -> Vec<MemberRequest> {
        let is_troubled = |state: &PackState| !state.is_quiet() && !state.is_going();
        let troubled = self.states.iter().filter(|(_, state)| is_troubled(state));
        troubled.map(|(name, state)| read_requests::trouble(name, state, &self.people)).collect()
    }

    /// One full resync for every pack.
    pub fn everybody(&self) -> Vec<MemberRequest> {
        let states = self.states.iter().filter(|(_, state)| !state.is_going());
        states.map(|(name, _)| MemberRequest::Resync(name.clone())).collect()
    }

    /// Whether rows that were read from `began` on may be from before a change of this pack.
    pub fn is_outdated(&self, pack: &PackName, began: Timestamp) -> bool {
        self.states.get(pack).is_none_or(|state| state.changed > began)
    }

    /// The published state of all members.
    pub fn tracking(&self) -> Tracking {
        let states = self.states.values();
        let troubled =
            states.clone().filter(|state| read_requests::is_troubled(state, &self.people));
        let trouble = troubled.map(|state| state.read).min();
        // Nobody reads the members of a pack that AWS is removing.
        let staying = states.filter(|state| !state.is_going());
        let resyncs = staying.clone().map(|state| state.resynced).min();
        let since = staying.map(|state| state.resynced.unwrap_or(state.first_seen)).min();
        Tracking {
            packs: self.rollouts.clone(),
            new_accounts: self.new_accounts.clone(),
            trouble_last: trouble.unwrap_or(self.observed_last),
            resync_last: resyncs.unwrap_or(self.observed_last),
            resync_since: since,
        }
    }

    fn survey_all(&mut self, resyncs: &Resyncs, now: Timestamp) {
        self.resyncs = Some(*resyncs);
        let names: Vec<PackName> = self.states.keys().cloned().collect();
        for name in &names {
            self.summary(name, resyncs, now);
        }
        self.show_new_accounts(now);
    }

    fn summary(&mut self, pack: &PackName, resyncs: &Resyncs, now: Timestamp) {
        let troubled_max = TROUBLED_MAX.checked_div(self.states.len()).unwrap_or(TROUBLED_MAX);
        let Some(state) = self.states.get_mut(pack) else { return };
        let view =
            SummaryInputs { people: &self.people, now, again: resyncs.trouble, troubled_max };
        state.summary = summary(state, &view);
    }

    fn show_new_accounts(&mut self, now: Timestamp) {
        self.show();
        let Some(list) = &self.people.list else { return };
        let is_expected = |pack: &PackName, account: AccountId| {
            self.states
                .get(pack)
                .is_some_and(|state| !state.is_deleting() && !state.excluded.contains(&account))
        };
        let packs = &self.rollouts;
        self.new_accounts =
            new_accounts(list, packs, is_expected, &self.recorders, &self.new_accounts, now);
    }

    fn show(&mut self) {
        let (people, unknown) = (&self.people, self.unknown.as_ref());
        let rollouts = self
            .states
            .iter()
            .map(|(name, it)| (name.clone(), health::rollout(it, people, unknown)));
        self.rollouts = rollouts.collect();
    }
}
