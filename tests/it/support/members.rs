//! Members in the line language: what is known of them, one fact a line.
//!
//! `iam read 11:59` says when the members of a pack were last read, `resynced` that it was all of
//! them, `stuck` and `healthy` what came of it, `unlisted` that there is no account list.
//! `iam 222222222222 no_recorder 11:00` is a member with its status or failure class and the time
//! of its row. `222222222222 joined 04:00` is when an account joined, `222222222222 stopped 11:30`
//! what a probe saw of its recorder. `#always` and `#never` are about redeployments, `#cooldown 30`
//! is theirs in minutes.

#![expect(clippy::unwrap_used, reason = "tests state what must hold")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use strum::IntoEnumIterator as _;

use conformd::domain::base::model::{AccountId, AccountState, PackName, Timestamp};
use conformd::domain::members::new_account::new_accounts;
use conformd::domain::members::rollout::{CappedMembers, Rollout, RolloutHealth};
use conformd::domain::members::tracking::Tracking;
use conformd::domain::observed::failure_class::FailureClass;
use conformd::domain::observed::member::{Counts, MemberStatus, StatusKind, TroubledMember};
use conformd::domain::observed::recorder::{RecorderObservation, RecorderState, Recorders};
use conformd::domain::organization::account_list::{
    Account, AccountList, Accounts, OrganizationRecord,
};
use conformd::domain::plan::redeploy::{AfterDeadline, Redeploy};

use crate::support::lines::{at, is_time, lines, place};

/// What is known of the members of a region.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members {
    pub(crate) tracking: Tracking,
    pub(crate) recorders: Recorders,
    pub(crate) redeploy: Redeploy,
}

/// What is known of the members at this moment.
pub(crate) fn members(text: &str, now: Timestamp) -> Members {
    let mut members = Members::default();
    let (mut packs, mut joined, mut observations) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
    for line in lines(text) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["#always"] => members.redeploy.after_deadline = AfterDeadline::Always,
            ["#never"] => members.redeploy.after_deadline = AfterDeadline::Never,
            ["#cooldown", minutes] => {
                members.redeploy.cooldown = Duration::from_mins(minutes.parse().unwrap());
            }
            [account, "joined", time] => joined.push((account.parse().unwrap(), at(time))),
            [account, state, time] if account.parse::<AccountId>().is_ok() => {
                let observation = RecorderObservation { recorder: recorder(state), at: at(time) };
                observations.insert(account.parse().unwrap(), observation);
            }
            [pack, ref facts @ ..] => {
                let pack: PackName = pack.parse().unwrap();
                tell(packs.entry(pack).or_insert_with(unread), facts);
            }
            [] => {}
        }
    }
    let packs: BTreeMap<PackName, Rollout> =
        packs.into_iter().map(|(name, rollout)| (name, judged(rollout))).collect();
    let list = list_of(joined, now);
    let expected = |pack: &PackName, account| {
        packs.get(pack).is_some_and(|rollout| rollout.new_accounts.contains_key(&account))
    };
    let new_accounts = new_accounts(&list, &packs, expected, &observations, &[], now);
    members.recorders.probed = !observations.is_empty();
    members.recorders.regions = BTreeMap::from([(place().region, observations)]);
    members.tracking =
        Tracking { packs, new_accounts, trouble_last: None, resync_last: None, resync_since: None };
    members
}

fn recorder(word: &str) -> RecorderState {
    match word {
        "recording" => RecorderState::Recording,
        "stopped" => RecorderState::Stopped,
        "gone" => RecorderState::Missing,
        word => RecorderState::Unknown { why: word.to_owned() },
    }
}

fn status(word: &str) -> MemberStatus {
    let class = || FailureClass::ALL.into_iter().find(|class| class.as_str() == word).unwrap();
    match StatusKind::iter().find(|kind| kind.as_str() == word) {
        Some(StatusKind::Ok) => MemberStatus::Ok,
        Some(StatusKind::InProgress) => MemberStatus::InProgress,
        Some(StatusKind::Waiting) => MemberStatus::Waiting,
        Some(StatusKind::Missing) => MemberStatus::Missing,
        Some(StatusKind::Inactive) => MemberStatus::Inactive,
        Some(StatusKind::NotYetListed) => MemberStatus::NotYetListed,
        Some(StatusKind::Left) => MemberStatus::Left,
        Some(StatusKind::Failed) | None => MemberStatus::Failed(class()),
    }
}

fn unread() -> Rollout {
    Rollout {
        health: RolloutHealth::Unknown,
        why: None,
        aggregate_stuck: false,
        expected: Some(0),
        counts: Counts::default(),
        classes: BTreeMap::new(),
        troubled: Arc::from([]),
        truncated: false,
        new_accounts: BTreeMap::new(),
        management_missing: false,
        unread: None,
        outdated: false,
        unrecognized: CappedMembers::default(),
        removals: BTreeMap::new(),
        resynced: None,
        read: None,
    }
}

fn tell(rollout: &mut Rollout, facts: &[&str]) {
    match facts {
        ["read", time] => rollout.read = Some(at(time)),
        ["resynced", time] => rollout.resynced = Some(at(time)),
        ["unlisted"] => rollout.expected = None,
        ["stuck"] => rollout.health = RolloutHealth::StuckAggregate,
        ["healthy"] => rollout.health = RolloutHealth::Healthy,
        [account, word, rest @ ..] => {
            let (account, status) = (account.parse().unwrap(), status(word));
            let last_update = rest.first().filter(|word| is_time(word)).map(|time| at(time));
            rollout.counts.count(status);
            if let MemberStatus::Failed(class) = status {
                *rollout.classes.entry(class).or_default() += 1;
            }
            rollout.new_accounts.insert(account, status);
            if status != MemberStatus::Ok {
                let member = TroubledMember { account, status, cause: None, last_update };
                let troubled = rollout.troubled.iter().cloned().chain([member]).collect();
                rollout.troubled = troubled;
            }
        }
        facts => panic!("{facts:?} says nothing"),
    }
}

/// With the health that follows, where none was given.
fn judged(rollout: Rollout) -> Rollout {
    let health = match (rollout.health, rollout.counts) {
        (RolloutHealth::Unknown, Counts { failed: 1.., .. }) => RolloutHealth::Degraded,
        (RolloutHealth::Unknown, Counts { missing: 1.., .. }) => RolloutHealth::Missing,
        (health, _) => health,
    };
    let expected = rollout.expected.map(|_| rollout.new_accounts.len());
    Rollout { health, expected, ..rollout }
}

fn list_of(joined: Vec<(AccountId, Timestamp)>, read: Timestamp) -> AccountList {
    let account = |(id, joined)| Account {
        id,
        name: "member".to_owned(),
        state: Some(AccountState::Active),
        joined: Some(joined),
        units: None,
        tags: None,
    };
    let accounts: Accounts = joined.into_iter().map(|it| (it.0, account(it))).collect();
    AccountList {
        organization: OrganizationRecord {
            id: "o-example".to_owned(),
            management: place().account,
            all_features: true,
        },
        accounts,
        units_absent: [].into(),
        units_walked: [].into(),
        tags_problem: None,
        unsettled: BTreeMap::new(),
        read,
    }
}

/// `#list 12:00 333333333333@11:30`.
pub(crate) fn account_list(line: &str) -> Arc<AccountList> {
    let mut words = line.split_whitespace().skip(1);
    let read = at(words.next().unwrap());
    let joined = words.map(|word| {
        let (account, joined) = word.split_once('@').unwrap();
        (account.parse().unwrap(), at(joined))
    });
    Arc::new(list_of(joined.collect(), read))
}
