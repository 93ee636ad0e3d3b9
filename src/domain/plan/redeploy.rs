//! What conformd itself can do about members that failed: put the pack again, or leave it.
//!
//! AWS retries no account after its window, and a Put is the only lever there is; it redeploys to
//! everybody, so it is pulled for all at once and ever more rarely.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use crate::domain::base::model::{AccountId, Timestamp};
use crate::domain::base::time::{after, backoff};
use crate::domain::members::new_account::{NewAccount, NewAccountPhase};
use crate::domain::members::rollout::Rollout;
use crate::domain::observed::failure_class::{FailureClass, classify};
use crate::domain::observed::member::{MemberStatus, TroubledMember};
use crate::domain::observed::packs;
use crate::domain::observed::packs::{PackRecord, RolloutStatus, StatusRecord};
use crate::domain::observed::recorder::RecorderObservation;

/// When late accounts are worth a Put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AfterDeadline {
    /// Never.
    Never,
    /// When their recorder is known to be there.
    RecorderSeen,
    /// Always, once per cooldown, though nobody knows whether it helps.
    Always,
}

/// How redeployments are made (settings: `redeploy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redeploy {
    /// When a late account is worth a Put.
    pub after_deadline: AfterDeadline,
    /// The shortest time between redeployments of one pack in one region, from its
    /// `LastUpdateTime`.
    pub cooldown: Duration,
}

impl Default for Redeploy {
    /// Only where it is known to help; an hour as the longest run that was reported
    /// (terraform-provider-aws#20560: well over ten minutes for 72 accounts).
    fn default() -> Self {
        Self { after_deadline: AfterDeadline::RecorderSeen, cooldown: Duration::from_hours(1) }
    }
}

impl Redeploy {
    /// What a person has to change before late accounts can be redeployed at all.
    pub fn advice(&self, is_probed: bool) -> Option<&'static str> {
        match self.after_deadline {
            AfterDeadline::Never => Some(
                "conformd does not redeploy to late accounts (redeploy.afterDeadline: never): \
                 change the manifest of the pack, or set redeploy.afterDeadline to recorderSeen.",
            ),
            AfterDeadline::RecorderSeen if !is_probed => Some(
                "conformd does not observe recorders, so it does not redeploy to late accounts: \
                 configure recorderProbe, or set redeploy.afterDeadline: always.",
            ),
            AfterDeadline::RecorderSeen | AfterDeadline::Always => None,
        }
    }
}

/// What would help the members of one pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "remedy", rename_all = "snake_case")]
pub enum Remedy {
    /// Nothing is wrong, or nothing that a Put could mend before it ends by itself.
    Nothing,
    /// Not known yet: the members have to be read first.
    Unread,
    /// One Put for accounts that AWS gave up and that can take the pack now.
    Redeploy {
        /// Whom it is for.
        accounts: BTreeSet<AccountId>,
        /// Those of them whose recorder the probe saw, and when.
        seen: BTreeMap<AccountId, Timestamp>,
        /// Not before.
        due: Timestamp,
    },
    /// One Put because failures may have passed.
    Retry {
        /// The failures that may have passed.
        classes: BTreeMap<FailureClass, usize>,
        /// Not before.
        due: Timestamp,
    },
    /// Only a person can mend this.
    Person {
        /// The failures.
        classes: BTreeMap<FailureClass, usize>,
    },
}

/// Everything that decides about one pack that holds what is wanted.
#[derive(Debug, Clone, Copy)]
pub struct RedeployCase<'a> {
    /// How it arrived; `None` while nothing is known of its members.
    pub rollout: Option<&'a Rollout>,
    /// Its list entry.
    pub record: &'a PackRecord,
    /// Its aggregate.
    pub status: Option<&'a StatusRecord>,
    /// Accounts that joined lately, by id.
    pub new_accounts: &'a [NewAccount],
    /// What the probe saw here.
    pub recorders: Option<&'a BTreeMap<AccountId, RecorderObservation>>,
    /// How accounts are redeployed.
    pub redeploy: &'a Redeploy,
    /// What this process did about it already.
    pub tries: &'a Tries,
    /// When this process last put this content, for whatever reason.
    pub put_last: Option<Timestamp>,
    /// The first and the longest wait between Puts of one failed pack.
    pub waits: (Duration, Duration),
}

/// What a process did about failed members of one pack, since it last had all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tries {
    /// How often it put the pack again.
    pub count: u32,
    /// For whom.
    pub redeployed: BTreeSet<AccountId>,
    /// Those of them whose recorder was seen before.
    pub equipped: BTreeSet<AccountId>,
}

impl Tries {
    /// Whether all of them were redeployed already, with the recorders that were seen by now.
    pub fn served(
        &self,
        accounts: &BTreeSet<AccountId>,
        seen: &BTreeMap<AccountId, Timestamp>,
    ) -> bool {
        accounts.is_subset(&self.redeployed) && seen.keys().all(|id| self.equipped.contains(id))
    }
}

/// A row that changed this long after the deadline at most is that of AWS's last try (inferred; as
/// long as a new account may be without a row).
const LAST_TRY: Duration = Duration::from_mins(30);

/// What would help, and when.
///
/// Members that were read before the last run began tell nothing of it, and without an account list
/// nobody knows who joined lately. Accounts that did are AWS's business while their window is open,
/// whatever their rows say. Of those that AWS gave up, and of older ones without recorder,
/// everybody who can take the pack now is redeployed together; failures that may have passed are
/// put again ever more rarely. Whichever comes first serves both.
pub fn remedy(case: &RedeployCase<'_>) -> Remedy {
    let failure = case.failure();
    let since = failure.and_then(|status| status.last_update).max(Some(case.record.last_update));
    let is_read = |rollout: &&Rollout| {
        rollout.read.max(rollout.resynced) >= since && rollout.expected.is_some()
    };
    let Some(rollout) = case.rollout.filter(is_read) else {
        return if failure.is_some() { Remedy::Unread } else { Remedy::Nothing };
    };
    let classes = case.classes(rollout);
    let retry = case.retry(&classes);
    match case.redeploy(rollout) {
        Some((due, accounts)) if retry.is_none_or(|retry| due <= retry) => {
            Remedy::Redeploy { seen: case.recorders_observed(&accounts), accounts, due }
        }
        Some(_) | None => match retry {
            Some(due) => {
                let retryable = classes.into_iter().filter(|(class, _)| class.is_retryable());
                Remedy::Retry { classes: retryable.collect(), due }
            }
            None if classes.is_empty() && rollout.counts.missing == 0 => Remedy::Nothing,
            None => Remedy::Person { classes },
        },
    }
}

impl RedeployCase<'_> {
    fn failure(&self) -> Option<&StatusRecord> {
        let is_failed = |status: &&StatusRecord| {
            matches!(status.status, RolloutStatus::Known(_, packs::PackPhase::Failed))
        };
        self.status.filter(is_failed)
    }

    fn new_account(&self, account: AccountId) -> Option<&NewAccount> {
        let at = self.new_accounts.binary_search_by_key(&account, |it| it.account).ok()?;
        self.new_accounts.get(at)
    }

    fn observation(&self, account: AccountId) -> Option<&RecorderObservation> {
        self.recorders?.get(&account)
    }

    /// Failures that count: not those of accounts that AWS still tries. Where nobody has a row, AWS
    /// names one cause for all.
    fn classes(&self, rollout: &Rollout) -> BTreeMap<FailureClass, usize> {
        let mut classes = rollout.classes.clone();
        for new_account in self.new_accounts.iter().filter(|new_account| is_open(new_account)) {
            if let Some(MemberStatus::Failed(class)) =
                rollout.new_accounts.get(&new_account.account)
                && let Some(number) = classes.get_mut(class)
            {
                *number = number.saturating_sub(1);
            }
        }
        classes.retain(|_, number| *number > 0);
        if let Some(status) = self.failure()
            && classes.is_empty()
            && rollout.counts.missing > 0
        {
            let class = classify(status.error_code.as_deref(), status.error_message.as_deref());
            classes.insert(class, rollout.counts.missing);
        }
        classes
    }

    /// When the pack may be put again for failures that may have passed, if there are any.
    fn retry(&self, classes: &BTreeMap<FailureClass, usize>) -> Option<Timestamp> {
        let (first, longest) = self.waits;
        // The status may be older than a Put of ours that it says nothing about yet.
        let last = self.status.and_then(|status| status.last_update);
        let last = last.max(self.put_last).max(Some(self.record.last_update))?;
        let is_retryable = classes.keys().any(|class| class.is_retryable());
        is_retryable.then(|| after(last, backoff(first, self.tries.count, longest)))
    }

    /// Everybody who can be redeployed, and when: once per cooldown, and ever more rarely when all
    /// of them were redeployed already, as they are now, and it did not help.
    fn redeploy(&self, rollout: &Rollout) -> Option<(Timestamp, BTreeSet<AccountId>)> {
        let members = rollout.troubled.iter().filter(|member| self.is_rescuable(member));
        let accounts: BTreeSet<AccountId> = members.map(|member| member.account).collect();
        if accounts.is_empty() {
            return None;
        }
        let cooldown = self.redeploy.cooldown;
        let (_, longest) = self.waits;
        let count = if self.tries.served(&accounts, &self.recorders_observed(&accounts)) {
            self.tries.count
        } else {
            0
        };
        let wait = backoff(cooldown, count, longest.max(cooldown));
        let last = self.put_last.max(Some(self.record.last_update))?;
        Some((after(last, wait), accounts))
    }

    fn is_rescuable(&self, member: &TroubledMember) -> bool {
        let failed = member.last_update;
        match self.redeploy.after_deadline {
            AfterDeadline::Never => false,
            AfterDeadline::Always => self.is_given_up(member),
            AfterDeadline::RecorderSeen => {
                let observation = self.observation(member.account);
                self.is_given_up(member)
                    && observation.is_some_and(|it| it.recorder.exists() && Some(it.at) > failed)
            }
        }
    }

    /// Whether AWS does not try this account any more, for want of a recorder as far as is known.
    fn is_given_up(&self, member: &TroubledMember) -> bool {
        let new_account = self.new_account(member.account);
        if new_account.is_some_and(is_open) {
            return false;
        }
        let late = new_account.filter(|new_account| new_account.phase != NewAccountPhase::Complete);
        match (member.status, late) {
            (MemberStatus::Failed(FailureClass::NoRecorder), _)
            | (MemberStatus::Missing, Some(_)) => true,
            // The code of a row without recorder was never published. When the window has ended in
            // vain and no Put has come since, one is worth it; if it fails alike, it was not that.
            (MemberStatus::Failed(FailureClass::Other), Some(late)) => {
                let last = member.last_update.max(Some(self.record.last_update));
                last < Some(after(late.deadline, LAST_TRY))
            }
            (
                MemberStatus::Ok
                | MemberStatus::InProgress
                | MemberStatus::Waiting
                | MemberStatus::Failed(_)
                | MemberStatus::Missing
                | MemberStatus::Inactive
                | MemberStatus::NotYetListed
                | MemberStatus::Left,
                _,
            ) => false,
        }
    }

    /// Those of them that have a recorder, and when it was seen.
    fn recorders_observed(&self, accounts: &BTreeSet<AccountId>) -> BTreeMap<AccountId, Timestamp> {
        let observations = accounts.iter().filter_map(|id| Some((*id, self.observation(*id)?)));
        observations.filter(|(_, it)| it.recorder.exists()).map(|(id, it)| (id, it.at)).collect()
    }
}

/// Whether AWS still tries this account by itself.
fn is_open(new_account: &NewAccount) -> bool {
    match new_account.phase {
        NewAccountPhase::Waiting | NewAccountPhase::Deploying => true,
        NewAccountPhase::Complete | NewAccountPhase::Late | NewAccountPhase::Missed => false,
    }
}
