//! What conformd can do about failed members: put the pack again, or leave it.
//!
//! AWS retries no account after its retry window of 7 hours, and only a Put makes it try again. A
//! Put redeploys to every member, so conformd sends one for all late accounts together, with a
//! growing backoff.

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

/// When late accounts cause a redeployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AfterDeadline {
    /// Never.
    Never,
    /// When the probe has seen their recorder.
    RecorderSeen,
    /// Always, once per cooldown, even if no probe shows that it helps.
    Always,
}

/// How redeployments are made (settings: `redeploy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redeploy {
    /// When a late account causes a redeployment.
    pub after_deadline: AfterDeadline,
    /// The shortest time between redeployments of one pack in one region, from its
    /// `LastUpdateTime`.
    pub cooldown: Duration,
}

impl Default for Redeploy {
    /// Redeploys only where the probe shows that it helps. One hour leaves room for a rollout as
    /// long as users report it (terraform-provider-aws#20560: well over ten minutes for 72
    /// accounts).
    fn default() -> Self {
        Self { after_deadline: AfterDeadline::RecorderSeen, cooldown: Duration::from_hours(1) }
    }
}

impl Redeploy {
    /// The advice to the user if the settings prevent redeployment to late accounts.
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
    /// Nothing is wrong, or AWS is still trying by itself.
    Nothing,
    /// Not known yet: the members have to be read first.
    Unread,
    /// One Put for accounts that AWS stopped retrying and that can take the pack now.
    Redeploy {
        /// The accounts that it is for.
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
    /// The owner of each failure has to act; a Put does not help.
    Person {
        /// The failures.
        classes: BTreeMap<FailureClass, usize>,
    },
}

/// The inputs of the decision about one pack that is in sync.
#[derive(Debug, Clone, Copy)]
pub struct RedeployCase<'a> {
    /// Its rollout; `None` while its members have not been read.
    pub rollout: Option<&'a Rollout>,
    /// Its list entry.
    pub record: &'a PackRecord,
    /// Its aggregate.
    pub status: Option<&'a StatusRecord>,
    /// New accounts, by id.
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

/// The redeployments of one pack since it was last on all members, in this process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tries {
    /// How often it put the pack again.
    pub count: u32,
    /// The accounts that they were for.
    pub redeployed: BTreeSet<AccountId>,
    /// The accounts among these whose recorder was observed before.
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

/// A row that changed at most this long after the deadline shows AWS's last try. The number is
/// inferred: as long as a new account may be without a row.
const LAST_TRY: Duration = Duration::from_mins(30);

/// What would help, and when.
///
/// Member rows from before the last rollout do not describe it, and without an account list the new
/// accounts are not known. AWS itself retries new accounts while their retry window is open,
/// whatever their rows say. The accounts that AWS stopped retrying, and older ones without
/// recorder, are redeployed together once they can take the pack; failures that may have passed are
/// put again with a growing backoff. A Put serves both, so the earlier of the two is planned.
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
    // The earlier Put also reaches the members that the later one would be for. A tie goes to the
    // redeployment, which names its accounts.
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

    /// The failures that count, without those of accounts that AWS still retries. If no member has
    /// a row, the error of the aggregate counts for all of them.
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
        // A rollout that fails before any member starts leaves no rows: the aggregate is the only
        // source of its cause.
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

    /// When the pack may be put again for failures that may have passed; `None` if there are none.
    fn retry(&self, classes: &BTreeMap<FailureClass, usize>) -> Option<Timestamp> {
        let (first, longest) = self.waits;
        // The status may be from before our last Put: the latest of the three times starts the
        // wait.
        let last = self.status.and_then(|status| status.last_update);
        let last = last.max(self.put_last).max(Some(self.record.last_update))?;
        let is_retryable = classes.keys().any(|class| class.is_retryable());
        is_retryable.then(|| after(last, backoff(first, self.tries.count, longest)))
    }

    /// The accounts to redeploy to, and when: once per cooldown, and with a growing backoff when
    /// all of them were redeployed before in the same condition and it did not help.
    fn redeploy(&self, rollout: &Rollout) -> Option<(Timestamp, BTreeSet<AccountId>)> {
        let members = rollout.troubled.iter().filter(|member| self.is_rescuable(member));
        let accounts: BTreeSet<AccountId> = members.map(|member| member.account).collect();
        if accounts.is_empty() {
            return None;
        }
        let cooldown = self.redeploy.cooldown;
        let (_, longest) = self.waits;
        // One new account, or a recorder that appeared since, brings the wait back to the cooldown:
        // an account must not wait longer because others failed before it.
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
            // A recorder seen before the failure did not prevent it, so only a later observation
            // counts.
            AfterDeadline::RecorderSeen => {
                let observation = self.observation(member.account);
                self.is_given_up(member)
                    && observation.is_some_and(|it| it.recorder.exists() && Some(it.at) > failed)
            }
        }
    }

    /// Whether AWS has stopped retrying this account, for lack of a recorder as far as is known.
    fn is_given_up(&self, member: &TroubledMember) -> bool {
        let new_account = self.new_account(member.account);
        // Inside the retry window AWS works on the account itself: a Put would redeploy to every
        // member and help none.
        if new_account.is_some_and(is_open) {
            return false;
        }
        let late = new_account.filter(|new_account| new_account.phase != NewAccountPhase::Complete);
        match (member.status, late) {
            (MemberStatus::Failed(FailureClass::NoRecorder), _)
            | (MemberStatus::Missing, Some(_)) => true,
            // AWS has not published the error code of a member without recorder. If the retry
            // window ended without success and no Put has come since, one Put is tried; if the row
            // fails again after it, the cause was another one.
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

    /// The accounts of these whose recorder was seen, and when.
    fn recorders_observed(&self, accounts: &BTreeSet<AccountId>) -> BTreeMap<AccountId, Timestamp> {
        let observations = accounts.iter().filter_map(|id| Some((*id, self.observation(*id)?)));
        observations.filter(|(_, it)| it.recorder.exists()).map(|(id, it)| (id, it.at)).collect()
    }
}

/// Whether AWS still retries this account by itself.
fn is_open(new_account: &NewAccount) -> bool {
    match new_account.phase {
        NewAccountPhase::Waiting | NewAccountPhase::Deploying => true,
        NewAccountPhase::Complete | NewAccountPhase::Late | NewAccountPhase::Missed => false,
    }
}
