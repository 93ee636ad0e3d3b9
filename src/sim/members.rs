//! The member accounts over time: when they joined and left, their state, their recorders.
//!
//! Accounts that differ from the ordinary are kept in sets of their own, since only those are
//! computed one by one.

use std::collections::{BTreeMap, BTreeSet};

use super::api::epoch::whole;
use super::setup::{MemberSetup, RecorderSetup};
use super::timeline::Timeline;
use crate::domain::base::model::{AccountId, AccountState, Region, Timestamp};

/// One account.
#[derive(Debug, Clone)]
pub(super) struct SimAccount {
    pub(super) id: AccountId,
    pub(super) name: String,
    pub(super) invited: bool,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) parent: String,
    pub(super) regions_off: BTreeSet<Region>,
    pub(super) stays: Vec<Stay>,
    pub(super) state: Timeline<AccountState>,
    /// Whether the role for organization deployments exists; AWS makes it everywhere but in the
    /// management account.
    pub(super) service_role: Timeline<bool>,
    recorder: Timeline<RecorderSetup>,
    recorders: BTreeMap<Region, Timeline<RecorderSetup>>,
}

/// One membership of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stay {
    /// When it became a member of this world.
    pub(super) joined: Timestamp,
    /// When AWS says it joined: the same, or earlier for one whose window is to be half over.
    clock: Timestamp,
    pub(super) left: Option<Timestamp>,
}

impl Stay {
    /// `JoinedTimestamp`: where clocks begin, in whole milliseconds.
    pub(super) fn joined_timestamp(self) -> Timestamp {
        whole(self.clock)
    }

    fn covers(self, at: Timestamp) -> bool {
        self.joined <= at && self.left.is_none_or(|left| at < left)
    }
}

impl SimAccount {
    fn new(now: Timestamp, member: MemberSetup) -> Self {
        let MemberSetup {
            id,
            name,
            state,
            joined,
            invited,
            parent,
            tags,
            regions_off,
            recorder,
            recorders,
        } = member;
        let recorders = recorders.into_iter();
        Self {
            id,
            name,
            invited,
            tags,
            parent,
            regions_off,
            stays: vec![Stay { joined: now, clock: joined.min(now), left: None }],
            state: Timeline::new(state),
            service_role: Timeline::new(true),
            recorder: Timeline::new(recorder),
            recorders: recorders.map(|(region, kind)| (region, Timeline::new(kind))).collect(),
        }
    }

    fn join_again(&mut self, now: Timestamp, member: MemberSetup) {
        let MemberSetup {
            id: _,
            name,
            state,
            joined,
            invited,
            parent,
            tags,
            regions_off,
            recorder,
            recorders,
        } = member;
        self.name = name;
        self.invited = invited;
        self.parent = parent;
        self.tags = tags;
        self.regions_off = regions_off;
        self.stays.push(Stay { joined: now, clock: joined.min(now), left: None });
        self.state.set(now, state);
        let before = self.recorder.clone();
        self.recorder.set(now, recorder);
        for region in recorders.keys() {
            self.recorders.entry(region.clone()).or_insert_with(|| before.clone());
        }
        for (region, timeline) in &mut self.recorders {
            timeline.set(now, recorders.get(region).copied().unwrap_or(recorder));
        }
    }

    /// Its membership at this moment.
    pub(super) fn stay(&self, at: Timestamp) -> Option<Stay> {
        self.stays.iter().rev().copied().find(|stay| stay.covers(at))
    }

    /// Its recorder at this moment.
    pub(super) fn recorder(&self, region: &Region, at: Timestamp) -> RecorderSetup {
        *self.recorders.get(region).unwrap_or(&self.recorder).at(at)
    }

    /// Its recorder just before this moment.
    pub(super) fn recorder_before(&self, region: &Region, at: Timestamp) -> RecorderSetup {
        *self.recorders.get(region).unwrap_or(&self.recorder).before(at)
    }

    /// When its recorder last changed.
    pub(super) fn recorder_changed(&self, region: &Region) -> Option<Timestamp> {
        self.recorders.get(region).unwrap_or(&self.recorder).changed()
    }

    /// Whether every rollout succeeds in every region that [`SimAccount::odd_regions`] does not
    /// name.
    fn is_plain(&self) -> bool {
        let stays = matches!(self.stays.as_slice(), [Stay { left: None, .. }]);
        let active = self.state == Timeline::new(AccountState::Active);
        stays && active && self.recorder == Timeline::new(RecorderSetup::Recording)
    }

    fn odd_regions(&self) -> impl Iterator<Item = &Region> {
        let sound = Timeline::new(RecorderSetup::Recording);
        let odd = self.recorders.iter().filter(move |(_, timeline)| **timeline != sound);
        odd.map(|(region, _)| region).chain(&self.regions_off)
    }
}

/// All accounts that ever were members, by a number that never changes.
#[derive(Debug, Clone, Default)]
pub(super) struct MemberArena {
    accounts: Vec<SimAccount>,
    numbers: BTreeMap<AccountId, usize>,
    odd: BTreeSet<usize>,
    odd_by_region: BTreeMap<Region, BTreeSet<usize>>,
    rollouts: BTreeSet<(Timestamp, usize)>,
}

impl MemberArena {
    pub(super) fn new(members: Vec<MemberSetup>) -> Self {
        let mut all = Self::default();
        for member in members {
            all.join(member.joined, member);
        }
        all
    }

    /// How many there ever were.
    pub(super) fn count(&self) -> usize {
        self.accounts.len()
    }

    pub(super) fn get(&self, number: usize) -> Option<&SimAccount> {
        self.accounts.get(number)
    }

    pub(super) fn number(&self, id: &AccountId) -> Option<usize> {
        self.numbers.get(id).copied()
    }

    pub(super) fn find(&self, id: &AccountId) -> Option<&SimAccount> {
        self.number(id).and_then(|number| self.get(number))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &SimAccount> {
        self.accounts.iter()
    }

    /// Adds an account, or lets one that left join again. Nothing happens while it is a member.
    pub(super) fn join(&mut self, now: Timestamp, member: MemberSetup) {
        // An account that joins again keeps its number: rows and stories of its first stay refer to
        // it.
        let number = if let Some(number) = self.number(&member.id) {
            let present = self.accounts.get_mut(number);
            let Some(account) = present.filter(|account| account.stay(now).is_none()) else {
                return;
            };
            account.join_again(now, member);
            number
        } else {
            let number = self.accounts.len();
            self.numbers.insert(member.id, number);
            self.accounts.push(SimAccount::new(now, member));
            number
        };
        self.rollouts.insert((now, number));
        self.sort(number);
    }

    /// Changes an account; nothing happens when there is none of that id.
    pub(super) fn change(&mut self, id: &AccountId, change: impl FnOnce(&mut SimAccount)) -> bool {
        let Some(number) = self.number(id) else { return false };
        let Some(account) = self.accounts.get_mut(number) else { return false };
        change(account);
        self.sort(number);
        true
    }

    /// Sets the recorder of an account from `at` on.
    pub(super) fn set_recorder(
        &mut self,
        id: &AccountId,
        region: &Region,
        at: Timestamp,
        kind: RecorderSetup,
    ) -> bool {
        self.change(id, |account| {
            let everywhere = account.recorder.clone();
            let timeline = account.recorders.entry(region.clone());
            timeline.or_insert(everywhere).set(at, kind);
        })
    }

    /// Numbers of the accounts in which a rollout in this region may fail for reasons other than
    /// the pack itself, including those that joined after `since`.
    pub(super) fn odd(&self, region: &Region, since: Timestamp) -> impl Iterator<Item = usize> {
        let here = self.odd_by_region.get(region).into_iter().flatten();
        let late = self.rollouts.range((since, 0)..).map(|(_, number)| *number);
        self.odd.iter().chain(here).copied().chain(late)
    }

    fn sort(&mut self, number: usize) {
        let Some(account) = self.accounts.get(number) else { return };
        if account.is_plain() {
            self.odd.remove(&number);
        } else {
            self.odd.insert(number);
        }
        // The account may have been odd in other regions before, so it is removed from all of them
        // first.
        for numbers in self.odd_by_region.values_mut() {
            numbers.remove(&number);
        }
        for region in account.odd_regions() {
            self.odd_by_region.entry(region.clone()).or_default().insert(number);
        }
    }
}
