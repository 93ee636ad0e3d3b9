//! New accounts, and the 7 hours for which AWS retries them.
//!
//! Deadlines count from AWS's `JoinedTimestamp`, never from our first observation, so that neither
//! a restart nor a jump of the local clock moves one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use super::rollout::Rollout;
use crate::domain::base::limits::RETRY_WINDOW;
use crate::domain::base::model::{AccountId, AccountState, PackName, Timestamp};
use crate::domain::base::time::after;
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::observed::member::MemberStatus;
use crate::domain::observed::recorder::{RecorderObservation, RecorderState};
use crate::domain::organization::account_list::{Account, AccountList};

/// Accounts that joined longer ago are not new any more: a first start in an old organization warns
/// of no missed deadlines.
pub const NEW: Duration = Duration::from_hours(7 * 24);

/// The phase of a new account in one region: the closed set of a metric label.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[derive(EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum NewAccountPhase {
    /// Within the window, and no sign of a recorder yet.
    Waiting,
    /// A recorder is known, some pack is there, or AWS is deploying after a redeployment.
    Deploying,
    /// Every pack that targets it was there at the same time. This is final, even if a pack fails
    /// later.
    Complete,
    /// The window is over, and a recorder is there now: a redeployment will help.
    Late,
    /// The window is over, some pack is not there, and no recorder is known: action required.
    Missed,
}

impl NewAccountPhase {
    /// The word used in labels and texts.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether the account has had all its packs.
    pub fn is_settled(self) -> bool {
        self == Self::Complete
    }
}

/// One new account in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewAccount {
    /// The account.
    pub account: AccountId,
    /// When it joined this time.
    pub joined: Timestamp,
    /// `joined` + [`RETRY_WINDOW`].
    pub deadline: Timestamp,
    /// Its phase.
    pub phase: NewAccountPhase,
    /// Packs that target it and are known not to be there; what was not read is not among them.
    pub missing: BTreeSet<PackName>,
    /// What the probe says of its recorder; `None` without a probe.
    pub recorder: Option<RecorderState>,
    /// When every pack was first observed on it, if this process observed the change.
    pub complete: Option<Timestamp>,
}

/// What keeps a pack from a new account, as far as a person can remove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackObstacle {
    /// No recorder is known.
    NoRecorder,
    /// This failure, which another person than the owner of a recorder may have to resolve.
    Failure(FailureClass),
}

impl NewAccount {
    /// What keeps a pack with this rollout from it; `None`: a recorder exists, and AWS retries.
    pub fn obstacle(&self, rollout: Option<&Rollout>) -> Option<PackObstacle> {
        let has_recorder = match &self.recorder {
            Some(RecorderState::Missing) => false,
            Some(recorder) if recorder.exists() => true,
            // A pack that was deployed proves that a recorder exists.
            Some(_) | None => {
                matches!(self.phase, NewAccountPhase::Deploying | NewAccountPhase::Late)
            }
        };
        let status = rollout.and_then(|rollout| rollout.new_accounts.get(&self.account));
        match status {
            // AWS has not published the error code of an account without recorder.
            Some(MemberStatus::Failed(FailureClass::NoRecorder | FailureClass::Other))
                if !has_recorder =>
            {
                Some(PackObstacle::NoRecorder)
            }
            Some(MemberStatus::Failed(FailureClass::NoRecorder)) => None,
            Some(MemberStatus::Failed(class)) if class.owner().is_person() => {
                Some(PackObstacle::Failure(*class))
            }
            // Any other failure of the deployment shows that AWS found a recorder.
            Some(MemberStatus::Failed(_)) => None,
            Some(
                MemberStatus::Ok
                | MemberStatus::InProgress
                | MemberStatus::Waiting
                | MemberStatus::Missing
                | MemberStatus::Inactive
                | MemberStatus::NotYetListed
                | MemberStatus::Left,
            )
            | None => (!has_recorder).then_some(PackObstacle::NoRecorder),
        }
    }
}

/// How far ahead of the clock a `JoinedTimestamp` may be. AWS refuses requests whose clock differs
/// by more than 5 minutes (AWS Signature Version 4), so a later time is invalid.
const AHEAD_MAX: Duration = Duration::from_mins(5);

/// Every new account that is targeted by some pack here, by id.
///
/// `expected` says whether a pack targets an account by its selectors; whether the account is
/// active is decided here. `before` is what this function returned last time, `now` AWS's clock.
/// An account that is not active yet waits, and nothing is missing from it.
///
/// Phases move forward with these exceptions: a redeployment takes `Late` and `Missed` back to
/// `Deploying`, and a recorder that comes or goes turns the two into each other. `Complete` is
/// final for this joining: a pack that fails later shows in its health, and is no missed deadline.
/// A miss needs rows that were read after the deadline, so that neither a clock that jumps nor a
/// pause of this process declares one.
pub fn new_accounts(
    list: &AccountList,
    packs: &BTreeMap<PackName, Rollout>,
    expected: impl Fn(&PackName, AccountId) -> bool,
    recorders: &BTreeMap<AccountId, RecorderObservation>,
    before: &[NewAccount],
    now: Timestamp,
) -> Vec<NewAccount> {
    let new = list.accounts.values().filter_map(|account| Some((account, joined(account, now)?)));
    new.filter_map(|(account, joined)| {
        let targets = packs.iter().filter(|(pack, _)| expected(pack, account.id));
        let targets: Vec<(&PackName, &Rollout)> = targets.collect();
        // Where the account has not enabled the region, AWS retries nothing and no recorder helps:
        // there is no deadline to meet.
        let is_off = targets.iter().any(|(_, rollout)| {
            let off = MemberStatus::Failed(FailureClass::RegionDisabled);
            rollout.new_accounts.get(&account.id) == Some(&off)
        });
        if is_off {
            return None;
        }
        let at = before.binary_search_by_key(&account.id, |it| it.account).ok();
        let before = at.and_then(|at| before.get(at)).filter(|it| it.joined == joined);
        let recorder = recorders.get(&account.id).map(|observation| &observation.recorder);
        let stand = Stand { account, joined, targets: &targets, recorder, before };
        (!targets.is_empty()).then(|| stand.new_account(now))
    })
    .collect()
}

/// When the account joined, if it is new and is, or can still become, a full member.
fn joined(account: &Account, now: Timestamp) -> Option<Timestamp> {
    let is_member =
        matches!(account.state, Some(AccountState::Active | AccountState::PendingActivation));
    joined_lately(account, now).filter(|_| is_member)
}

/// When AWS stops retrying an account that joined at this time.
pub fn deadline_of(joined: Timestamp) -> Timestamp {
    after(joined, RETRY_WINDOW)
}

/// When an account joined, if it is new; `None` for a time in the future.
pub(super) fn joined_lately(account: &Account, now: Timestamp) -> Option<Timestamp> {
    let is_lately =
        |joined: &Timestamp| *joined <= after(now, AHEAD_MAX) && after(*joined, NEW) > now;
    account.joined.filter(is_lately)
}

/// The state of one pack in one new account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PackStage {
    There,
    Coming,
    /// AWS tried until the deadline without success.
    GivenUp,
    /// Not there; AWS still tries, or the last reading is older than the deadline.
    Open,
    Unread,
}

/// The inputs for one new account.
struct Stand<'a> {
    account: &'a Account,
    joined: Timestamp,
    targets: &'a [(&'a PackName, &'a Rollout)],
    recorder: Option<&'a RecorderState>,
    before: Option<&'a NewAccount>,
}

impl Stand<'_> {
    fn new_account(&self, now: Timestamp) -> NewAccount {
        let deadline = deadline_of(self.joined);
        let stages: Vec<(&PackName, PackStage)> =
            self.targets.iter().map(|(pack, it)| (*pack, self.stage(it, deadline))).collect();
        // AWS deploys only to active accounts: an account that is still pending waits, and no pack
        // is missing from it.
        let is_active = self.account.is_active();
        let phase =
            if is_active { self.phase(&stages, now >= deadline) } else { NewAccountPhase::Waiting };
        let missing = stages.iter().filter(|(_, stage)| is_active && stage.is_missing());
        NewAccount {
            account: self.account.id,
            joined: self.joined,
            deadline,
            phase,
            missing: missing.map(|(pack, _)| (*pack).clone()).collect(),
            recorder: self.recorder.cloned(),
            complete: self.completed(phase, now),
        }
    }

    fn stage(&self, rollout: &Rollout, deadline: Timestamp) -> PackStage {
        // A row that was read before the deadline cannot prove a missed deadline, even if the
        // deadline has passed since.
        let is_late = rollout.read.max(rollout.resynced).is_some_and(|read| read >= deadline);
        match rollout.new_accounts.get(&self.account.id) {
            Some(MemberStatus::Ok) => PackStage::There,
            Some(MemberStatus::InProgress) => PackStage::Coming,
            Some(MemberStatus::Failed(_) | MemberStatus::Missing) if is_late => PackStage::GivenUp,
            Some(MemberStatus::Failed(_) | MemberStatus::Missing | MemberStatus::Waiting) => {
                PackStage::Open
            }
            Some(MemberStatus::Inactive | MemberStatus::NotYetListed | MemberStatus::Left)
            | None => PackStage::Unread,
        }
    }

    fn phase(&self, stages: &[(&PackName, PackStage)], is_over: bool) -> NewAccountPhase {
        let any = |wanted: PackStage| stages.iter().any(|(_, stage)| *stage == wanted);
        let is_there = stages.iter().all(|(_, stage)| *stage == PackStage::There);
        let before = self.before.map(|before| before.phase);
        // Complete comes first and is final: a pack that fails later must not look like a missed
        // deadline.
        if is_there || before == Some(NewAccountPhase::Complete) {
            return NewAccountPhase::Complete;
        }
        let was_over = matches!(before, Some(NewAccountPhase::Late | NewAccountPhase::Missed));
        if was_over || is_over {
            // Without a probe, a pack that was deployed proves that a recorder exists.
            let has_recorder = match self.recorder {
                None | Some(RecorderState::Unknown { .. }) => any(PackStage::There),
                Some(recorder) => recorder.exists(),
            };
            match (any(PackStage::GivenUp), any(PackStage::Coming), before) {
                (true, _, _) if has_recorder => return NewAccountPhase::Late,
                (true, _, _) => return NewAccountPhase::Missed,
                (false, true, _) => return NewAccountPhase::Deploying,
                (false, false, Some(before)) if was_over => return before,
                (false, false, _) => {}
            }
        }
        // A row "in progress" proves nothing: AWS may report it while it waits for a recorder.
        let has_recorder = self.recorder.is_some_and(RecorderState::exists);
        if has_recorder || any(PackStage::There) || before == Some(NewAccountPhase::Deploying) {
            NewAccountPhase::Deploying
        } else {
            NewAccountPhase::Waiting
        }
    }

    /// When it was first observed to have every pack; unknown if the first observation showed it
    /// so.
    fn completed(&self, phase: NewAccountPhase, now: Timestamp) -> Option<Timestamp> {
        let before = self.before?;
        let comes = phase == NewAccountPhase::Complete && before.phase != phase;
        before.complete.or((comes && !before.missing.is_empty()).then_some(now))
    }
}

impl PackStage {
    /// Whether the pack is known not to be there.
    fn is_missing(self) -> bool {
        match self {
            Self::Coming | Self::GivenUp | Self::Open => true,
            Self::There | Self::Unread => false,
        }
    }
}

/// How close the deadline is, or that it was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// At most [`NEAR`] is left.
    Near,
    /// At most [`IMMINENT`] is left.
    Imminent,
    /// See [`NewAccountPhase::Missed`].
    Missed,
}

/// The time left at the first warning: 4 hours after joining. Users report that other tools take up
/// to 45 minutes to roll out a recorder, so it should exist by then.
pub const NEAR: Duration = Duration::from_hours(3);
/// The time left at the urgent warning: 6 hours after joining.
pub const IMMINENT: Duration = Duration::from_hours(1);

/// The warning about a new account at this moment; `now` is AWS's clock.
pub fn warning(new_account: &NewAccount, now: Timestamp) -> Option<Warning> {
    match new_account.phase {
        NewAccountPhase::Missed => Some(Warning::Missed),
        // A redeployment follows, or the plan says why none does.
        NewAccountPhase::Complete | NewAccountPhase::Late => None,
        // No pack is known to be missing, or the deadline has passed and no row was read since.
        NewAccountPhase::Waiting | NewAccountPhase::Deploying
            if new_account.missing.is_empty() || now >= new_account.deadline =>
        {
            None
        }
        NewAccountPhase::Waiting | NewAccountPhase::Deploying => {
            if after(now, IMMINENT) >= new_account.deadline {
                Some(Warning::Imminent)
            } else {
                (after(now, NEAR) >= new_account.deadline).then_some(Warning::Near)
            }
        }
    }
}

/// The warnings that were given, so that each is given once.
#[derive(Debug, Clone, Default)]
pub struct Warnings {
    said: BTreeMap<AccountId, (Timestamp, Warning)>,
}

impl Warnings {
    /// The warnings that are due and were not given yet; a warning covers the lesser ones.
    pub fn due<'a>(
        &mut self,
        new_accounts: &'a [NewAccount],
        now: Timestamp,
    ) -> Vec<(Warning, &'a NewAccount)> {
        let mut said = BTreeMap::new();
        let mut due = Vec::new();
        for new_account in new_accounts {
            let before = self.said.get(&new_account.account);
            let before = before.filter(|(joined, _)| *joined == new_account.joined);
            let (before, now) = (before.map(|(_, it)| *it), warning(new_account, now));
            if let Some(warning) = now.filter(|_| now > before) {
                due.push((warning, new_account));
            }
            if let Some(warning) = now.max(before) {
                said.insert(new_account.account, (new_account.joined, warning));
            }
        }
        self.said = said;
        due
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use insta::assert_snapshot;
    use jiff::SignedDuration;
    use proptest::prelude::*;
    use proptest::sample::select;
    use strum::IntoEnumIterator as _;

    use super::*;
    use crate::domain::members::rollout::{CappedMembers, RolloutHealth};
    use crate::domain::observed::member::Counts;
    use crate::domain::organization::account_list::{Accounts, OrganizationRecord};

    const JOINED: &str = "2026-11-01T12:00:00Z";

    fn joined() -> Timestamp {
        JOINED.parse().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        joined().checked_add(SignedDuration::from_secs(seconds)).unwrap()
    }

    fn hours(hours: i64) -> Timestamp {
        at(hours * 3_600)
    }

    fn id() -> AccountId {
        "222222222222".parse().unwrap()
    }

    fn list(joined: Option<Timestamp>, state: Option<AccountState>) -> AccountList {
        let account =
            Account { id: id(), name: "new".to_owned(), state, joined, units: None, tags: None };
        AccountList {
            organization: OrganizationRecord {
                id: "o-example".to_owned(),
                management: "111111111111".parse().unwrap(),
                all_features: true,
            },
            accounts: Accounts::from([(account.id, account)]),
            units_absent: BTreeSet::new(),
            units_walked: BTreeSet::new(),
            tags_problem: None,
            unsettled: BTreeMap::new(),
            read: JOINED.parse().unwrap(),
        }
    }

    /// A pack in which the account stands so, as read then.
    fn rollout(status: Option<MemberStatus>, read: Timestamp) -> Rollout {
        Rollout {
            health: RolloutHealth::Progressing,
            why: None,
            aggregate_stuck: false,
            expected: None,
            counts: Counts::default(),
            classes: BTreeMap::new(),
            troubled: Arc::from([]),
            truncated: false,
            new_accounts: status.map(|status| (id(), status)).into_iter().collect(),
            management_missing: false,
            unread: None,
            outdated: false,
            unrecognized: CappedMembers::default(),
            removals: BTreeMap::new(),
            resynced: None,
            read: Some(read),
        }
    }

    /// One look at the account.
    #[derive(Debug, Clone)]
    struct AccountObservation {
        now: Timestamp,
        packs: [Option<MemberStatus>; 2],
        read: Timestamp,
        recorder: Option<RecorderState>,
    }

    fn observed(
        list: &AccountList,
        look: &AccountObservation,
        before: &[NewAccount],
    ) -> Vec<NewAccount> {
        let AccountObservation { now, packs: [one, other], read, recorder } = look;
        let packs = [("a", one), ("b", other)]
            .map(|(name, status)| (name.parse().unwrap(), rollout(*status, *read)));
        let observation =
            |recorder: &RecorderState| RecorderObservation { recorder: recorder.clone(), at: *now };
        let recorders = recorder.iter().map(|recorder| (id(), observation(recorder)));
        new_accounts(list, &packs.into(), |_, _| true, &recorders.collect(), before, *now)
    }

    /// Looks at hours after joining: the status of both packs, and what the probe says.
    fn story(looks: &[(i64, MemberStatus, Option<RecorderState>)]) -> String {
        let (list, mut before) = (list(Some(joined()), Some(AccountState::Active)), Vec::new());
        let lines = looks.iter().map(|(hour, status, recorder)| {
            let (now, packs) = (hours(*hour), [Some(MemberStatus::Ok), Some(*status)]);
            let packs = if *status == MemberStatus::Waiting { [Some(*status); 2] } else { packs };
            let sight = AccountObservation { now, packs, read: now, recorder: recorder.clone() };
            before = observed(&list, &sight, &before);
            let it = before.first().unwrap();
            let warning = warning(it, now).map_or(String::new(), |it| format!(", {it:?}"));
            let missing: Vec<&str> = it.missing.iter().map(PackName::as_str).collect();
            let since = it.complete.map_or(String::new(), |at| format!(" since {at}"));
            format!("+{hour} {}{since} [{}]{warning}", it.phase.as_str(), missing.join(" "))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    const FAILED: MemberStatus = MemberStatus::Failed(FailureClass::NoRecorder);

    #[test]
    fn an_account_waits_deploys_and_converges() {
        use MemberStatus::{Ok, Waiting};
        assert_snapshot!(story(&[
            (0, Waiting, None),
            (1, Waiting, Some(RecorderState::Missing)),
            (4, Waiting, Some(RecorderState::Missing)),
            (5, Waiting, Some(RecorderState::Stopped)),
            (6, Ok, Some(RecorderState::Recording)),
            (9, FAILED, Some(RecorderState::Missing)),
        ]), @"
        +0 waiting [a b]
        +1 waiting [a b]
        +4 waiting [a b], Near
        +5 deploying [a b], Near
        +6 complete since 2026-11-01T18:00:00Z []
        +9 complete since 2026-11-01T18:00:00Z [b]
        ");
    }

    #[test]
    fn an_account_that_missed_its_window_is_late_once_its_recorder_is_there() {
        use MemberStatus::{InProgress, Ok};
        assert_snapshot!(story(&[
            (6, MemberStatus::Waiting, Some(RecorderState::Missing)),
            (7, FAILED, Some(RecorderState::Missing)),
            (8, FAILED, Some(RecorderState::Recording)),
            (9, InProgress, Some(RecorderState::Recording)),
            (10, FAILED, Some(RecorderState::Missing)),
            (11, InProgress, None),
            (12, Ok, None),
        ]), @"
        +6 waiting [a b], Imminent
        +7 missed [b], Missed
        +8 late [b]
        +9 deploying [b]
        +10 missed [b], Missed
        +11 deploying [b]
        +12 complete since 2026-11-02T00:00:00Z []
        ");
    }

    #[test]
    fn without_a_probe_a_pack_that_arrived_shows_that_there_is_a_recorder() {
        assert_snapshot!(story(&[(7, MemberStatus::Missing, None)]), @"+7 late [b]");
        let unknown = RecorderState::Unknown { why: "access denied".to_owned() };
        assert_snapshot!(story(&[(7, FAILED, Some(unknown))]), @"+7 late [b]");
    }

    fn phase_at(now: Timestamp, read: Timestamp, before: &[NewAccount]) -> NewAccountPhase {
        let list = list(Some(joined()), Some(AccountState::Active));
        let sight = AccountObservation { now, packs: [Some(FAILED); 2], read, recorder: None };
        observed(&list, &sight, before).first().unwrap().phase
    }

    #[test]
    fn a_miss_is_declared_at_the_deadline_to_the_second_and_on_later_rows_only() {
        let deadline = 7 * 3_600;
        assert_eq!(phase_at(at(deadline - 1), at(deadline - 1), &[]), NewAccountPhase::Waiting);
        assert_eq!(phase_at(at(deadline), at(deadline), &[]), NewAccountPhase::Missed);
        assert_eq!(phase_at(at(deadline + 1), at(deadline - 1), &[]), NewAccountPhase::Waiting);
        assert_eq!(phase_at(hours(100), at(deadline - 1), &[]), NewAccountPhase::Waiting);
    }

    #[test]
    fn a_clock_that_goes_back_takes_no_miss_back() {
        let list = list(Some(joined()), Some(AccountState::Active));
        let (now, packs) = (hours(8), [Some(FAILED); 2]);
        let missed =
            observed(&list, &AccountObservation { now, packs, read: now, recorder: None }, &[]);
        assert_eq!(phase_at(hours(1), hours(1), &missed), NewAccountPhase::Missed);
    }

    #[test]
    fn an_account_that_joins_again_has_a_new_clock() {
        let (now, packs) = (hours(8), [Some(FAILED); 2]);
        let sight = |now| AccountObservation { now, packs, read: now, recorder: None };
        let active = Some(AccountState::Active);
        let missed = observed(&list(Some(joined()), active), &sight(now), &[]);
        let again = observed(&list(Some(now), active), &sight(hours(9)), &missed);
        let phases = [&missed, &again].map(|it| it.first().map(|it| (it.phase, it.deadline)));
        assert_eq!(
            phases,
            [
                Some((NewAccountPhase::Missed, hours(7))),
                Some((NewAccountPhase::Waiting, hours(15)))
            ]
        );
    }

    #[test]
    fn only_accounts_that_joined_lately_and_may_be_deployed_to_have_a_clock() {
        let (now, packs) = (hours(8), [Some(FAILED); 2]);
        let sight = AccountObservation { now, packs, read: now, recorder: None };
        let phase = |joined, state| {
            observed(&list(joined, state), &sight, &[]).first().map(|new_account| new_account.phase)
        };
        let active = Some(AccountState::Active);
        assert_eq!(phase(Some(joined()), active), Some(NewAccountPhase::Missed));
        for state in AccountState::iter() {
            let expected = match state {
                AccountState::Active => Some(NewAccountPhase::Missed),
                AccountState::PendingActivation => Some(NewAccountPhase::Waiting),
                AccountState::Suspended | AccountState::PendingClosure | AccountState::Closed => {
                    None
                }
            };
            assert_eq!(phase(Some(joined()), Some(state)), expected, "{state}");
        }
        assert_eq!(phase(Some(joined()), None), None);
        assert_eq!(phase(None, active), None);
        assert_eq!(phase(Some(Timestamp::UNIX_EPOCH), active), None);
        let days = |days: i64| now.checked_sub(SignedDuration::from_hours(24 * days)).unwrap();
        let second = SignedDuration::from_secs(1);
        assert_eq!(phase(Some(days(7)), active), None);
        assert_eq!(
            phase(Some(days(7).checked_add(second).unwrap()), active),
            Some(NewAccountPhase::Missed)
        );
        let ahead = |seconds| Some(now.checked_add(SignedDuration::from_secs(seconds)).unwrap());
        assert_eq!(phase(ahead(300), active), Some(NewAccountPhase::Waiting));
        assert_eq!(phase(ahead(301), active), None);
        assert_eq!(phase(Some(Timestamp::MAX), active), None);
    }

    #[test]
    fn every_warning_is_said_once_and_nothing_is_said_of_what_was_not_read() {
        let list = list(Some(joined()), Some(AccountState::Active));
        let (mut warnings, mut before, mut told) = (Warnings::default(), Vec::new(), Vec::new());
        for minute in 0..600 {
            let status = (minute >= 30).then_some(FAILED);
            let (now, packs) = (at(minute * 60), [status; 2]);
            before = observed(
                &list,
                &AccountObservation { now, packs, read: now, recorder: None },
                &before,
            );
            told.extend(warnings.due(&before, now).iter().map(|(it, _)| (minute, *it)));
        }
        let expected = [(240, Warning::Near), (360, Warning::Imminent), (420, Warning::Missed)];
        assert_eq!(told, expected);
        let (now, mut fresh) = (hours(5), Warnings::default());
        let unread = observed(
            &list,
            &AccountObservation { now, packs: [None; 2], read: now, recorder: None },
            &[],
        );
        assert_eq!(fresh.due(&unread, now), []);
    }

    fn any_observation()
    -> impl Strategy<Value = (i64, [Option<MemberStatus>; 2], i64, Option<RecorderState>)> {
        use MemberStatus::{InProgress, Missing, NotYetListed, Ok, Waiting};
        let statuses = [Ok, Ok, InProgress, Waiting, FAILED, Missing, NotYetListed];
        let status = || proptest::option::weighted(0.9, select(statuses.to_vec()));
        let unknown = RecorderState::Unknown { why: "?".to_owned() };
        let states =
            vec![RecorderState::Missing, RecorderState::Stopped, RecorderState::Recording, unknown];
        let recorder = proptest::option::of(select(states));
        (0_i64..7_200, [status(), status()], 0_i64..7_200, recorder)
    }

    fn rank(phase: NewAccountPhase) -> u8 {
        match phase {
            NewAccountPhase::Waiting => 0,
            NewAccountPhase::Deploying => 1,
            NewAccountPhase::Late | NewAccountPhase::Missed => 2,
            NewAccountPhase::Complete => 3,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, ..Default::default() })]

        #[test]
        fn phases_go_forward_except_by_a_redeploy_and_every_account_is_accounted_for(
            looks in proptest::collection::vec(any_observation(), 1..20), ends_well: bool,
        ) {
            let list = list(Some(joined()), Some(AccountState::Active));
            let (mut before, mut now, deadline) = (Vec::new(), joined(), hours(7));
            for (seconds, packs, age, recorder) in looks {
                now = after(now, Duration::from_secs(seconds.unsigned_abs()));
                let read = now.checked_sub(SignedDuration::from_secs(age)).unwrap();
                let sight = AccountObservation { now, packs, read, recorder: recorder.clone() };
                let after = observed(&list, &sight, &before);
                let new_account = after.first().unwrap();
                let phase = new_account.phase;
                let is_running = packs.contains(&Some(MemberStatus::InProgress));
                if let Some(before) = before.first() {
                    let NewAccount { phase: old, complete, .. } = before;
                    let is_redeploy =
                        rank(*old) == 2 && phase == NewAccountPhase::Deploying && is_running;
                    prop_assert!(rank(phase) >= rank(*old) || is_redeploy, "{old:?} → {phase:?}");
                    prop_assert!(complete.is_none() || new_account.complete == *complete);
                }
                if rank(phase) == 2 {
                    let known = before.first().is_some_and(|it: &NewAccount| rank(it.phase) == 2);
                    prop_assert!(known || read >= deadline, "missed on rows of {read}");
                }
                let is_first = before.first().is_none_or(|it| it.phase != phase);
                if phase == NewAccountPhase::Missed && is_first {
                    prop_assert!(!recorder.is_some_and(|recorder| recorder.exists()));
                }
                if packs == [Some(MemberStatus::Ok); 2] {
                    prop_assert_eq!(phase, NewAccountPhase::Complete);
                }
                before = after;
            }
            let (now, last) = (hours(160), if ends_well { MemberStatus::Ok } else { FAILED });
            let packs = [Some(last); 2];
            let seen = AccountObservation { now, packs, read: now, recorder: None };
            let end = observed(&list, &seen, &before).first().unwrap().phase;
            let is_settled =
                if ends_well { end == NewAccountPhase::Complete } else { rank(end) >= 2 };
            prop_assert!(is_settled, "{end:?}");
        }
    }
}
