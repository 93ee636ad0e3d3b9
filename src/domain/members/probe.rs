//! Which recorders the probe reads, when it reads them again, and what it remembers.
//!
//! It reads only new accounts and accounts that fail for lack of a recorder: an organization has
//! thousands of others. `tasks/probe` sends the requests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::tracking::Tracking;
use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{AccountId, Region, Timestamp};
use crate::domain::base::time::after;
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::observed::member::MemberStatus;
use crate::domain::observed::recorder::{
    RecorderKind, RecorderObservation, RecorderState, Recorders,
};

/// The most accounts per region that are probed because they fail for lack of a recorder: those
/// with the lowest ids, and the next ones once these are repaired. If more fail, recorders are
/// missing everywhere, which needs no probe to be known. New accounts come on top.
pub const FAILING_MAX: usize = 1_000;

/// The most probes (an account in a region) of one round. A round is published as a whole, which
/// starts a reconciliation of every region: at two requests a second about once a minute.
pub const PROBES_MAX: usize = 100;

/// The longest wait before the next probe of an account that could not be read or whose recorder
/// records: creating a missing role takes hours, and a working recorder seldom disappears.
const INTERVAL_MAX: Duration = Duration::from_hours(1);

/// How long an observation stays in force while probes get no answer.
const KEPT: Duration = Duration::from_hours(1);

/// The accounts to probe, by region.
pub type ProbeTargets = BTreeMap<Region, BTreeSet<AccountId>>;

/// The accounts of a region whose recorders have to be probed.
pub fn targets_of(tracking: &Tracking) -> BTreeSet<AccountId> {
    let unsettled = tracking.new_accounts.iter().filter(|one| !one.phase.is_settled());
    let members = tracking.packs.values().flat_map(|rollout| rollout.troubled.iter());
    let lacks = MemberStatus::Failed(FailureClass::NoRecorder);
    let failing: BTreeSet<AccountId> =
        members.filter(|member| member.status == lacks).map(|member| member.account).collect();
    let failing = failing.into_iter().take(FAILING_MAX);
    unsettled.map(|new_account| new_account.account).chain(failing).collect()
}

/// Which of the two steps of a probe failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeStage {
    /// Assuming the role in the account.
    Enter,
    /// Reading its recorders.
    Look,
}

/// A failed probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotProbed {
    /// The step that failed.
    pub stage: ProbeStage,
    /// The kind of failure.
    pub kind: FailureKind,
}

impl NotProbed {
    /// The reason in words that stay the same while the reason does.
    pub fn why(self) -> &'static str {
        match (self.stage, self.kind) {
            (ProbeStage::Enter, FailureKind::Denied) => {
                "the probe's role is missing there, or its trust policy or external id does not \
                 permit conformd"
            }
            (ProbeStage::Look, FailureKind::Denied) => {
                "the probe's role may not describe configuration recorders there"
            }
            (_, FailureKind::RegionDisabled) => "the account has not enabled the region",
            (_, FailureKind::Throttled) => "AWS throttled the request",
            (_, FailureKind::Credentials) => "the credentials were not accepted",
            (_, FailureKind::Timeout | FailureKind::Unreachable) => "AWS could not be reached",
            (_, FailureKind::Server | FailureKind::BrokenAnswer) => "AWS returned no usable answer",
            (
                _,
                FailureKind::InFlight
                | FailureKind::Rejected
                | FailureKind::Quota
                | FailureKind::NotDelegated
                | FailureKind::NoOrganization
                | FailureKind::NoSuchPack
                | FailureKind::NoSuchUnit
                | FailureKind::NoSuchAccount
                | FailureKind::BadToken,
            ) => "AWS refused the request",
        }
    }

    /// Whether this says nothing about the account, and passes by itself.
    pub fn is_passing(self) -> bool {
        match self.kind {
            FailureKind::Throttled
            | FailureKind::Credentials
            | FailureKind::Timeout
            | FailureKind::Unreachable
            | FailureKind::Server
            | FailureKind::BrokenAnswer => true,
            FailureKind::Denied
            | FailureKind::RegionDisabled
            | FailureKind::InFlight
            | FailureKind::Rejected
            | FailureKind::Quota
            | FailureKind::NotDelegated
            | FailureKind::NoOrganization
            | FailureKind::NoSuchPack
            | FailureKind::NoSuchUnit
            | FailureKind::NoSuchAccount
            | FailureKind::BadToken => false,
        }
    }
}

/// The last results of the probe, for its current targets only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProbeResults(BTreeMap<Region, BTreeMap<AccountId, ProbedRecorder>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct ProbedRecorder {
    observation: RecorderObservation,
    /// Since when the recorder has been in this state.
    since: Timestamp,
    /// When the account was last probed, with any result.
    tried: Timestamp,
}

impl ProbedRecorder {
    fn first(observation: RecorderObservation) -> Self {
        Self { since: observation.at, tried: observation.at, observation }
    }

    /// Whether to probe again; at once if the last probe lies in the future because the clock went
    /// back.
    fn is_due(&self, interval: Duration, now: Timestamp) -> bool {
        self.due(interval) <= now || now < self.tried
    }

    /// Whether it stays in force while probes get no answer.
    fn is_fresh(&self, now: Timestamp) -> bool {
        let RecorderObservation { recorder, at } = &self.observation;
        recorder.kind() != RecorderKind::Unknown && now < after(*at, KEPT)
    }

    /// Not before.
    fn due(&self, interval: Duration) -> Timestamp {
        let wait = match self.observation.recorder {
            RecorderState::Missing | RecorderState::Stopped | RecorderState::Failing { .. } => {
                interval
            }
            RecorderState::Recording => interval.max(INTERVAL_MAX),
            // The wait is as long as the state has lasted, so each wait is twice the one before.
            RecorderState::Unknown { .. } => {
                let lasted = Duration::try_from(self.tried.duration_since(self.since));
                lasted.unwrap_or_default().min(INTERVAL_MAX).max(interval)
            }
        };
        after(self.tried, wait)
    }
}

impl ProbeResults {
    /// Starts from the published results, so that a restarted probe task forgets nothing.
    pub fn of(known: &Recorders) -> Self {
        let results = |accounts: &BTreeMap<AccountId, RecorderObservation>| {
            let results = accounts.iter();
            results
                .map(|(account, observation)| {
                    (*account, ProbedRecorder::first(observation.clone()))
                })
                .collect()
        };
        let regions = known.regions.iter();
        Self(regions.map(|(region, accounts)| (region.clone(), results(accounts))).collect())
    }

    /// The results in the form in which they are published.
    pub fn recorders(&self) -> Recorders {
        let observations = |accounts: &BTreeMap<AccountId, ProbedRecorder>| {
            accounts
                .iter()
                .map(|(account, result)| (*account, result.observation.clone()))
                .collect()
        };
        let regions = self.0.iter();
        let regions = regions.map(|(region, accounts)| (region.clone(), observations(accounts)));
        Recorders { probed: true, regions: regions.collect() }
    }

    /// Forgets accounts that are no longer targets; returns whether there were any.
    pub fn keep(&mut self, targets: &ProbeTargets) -> bool {
        let known = self.len();
        self.0.retain(|region, accounts| {
            let targets = targets.get(region);
            accounts.retain(|account, _| targets.is_some_and(|targets| targets.contains(account)));
            !accounts.is_empty()
        });
        self.len() < known
    }

    fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// Updates the results from one probe; returns whether the recorder changed.
    pub fn note(
        &mut self,
        region: &Region,
        account: AccountId,
        observed: Result<RecorderState, NotProbed>,
        now: Timestamp,
    ) -> bool {
        let accounts = self.0.entry(region.clone()).or_default();
        let mut known = accounts.get_mut(&account);
        let recorder = match (observed, &mut known) {
            (Ok(recorder), _) => recorder,
            // A passing failure says nothing about the account. Replacing a fresh result with
            // `Unknown` would hold a redeployment for which the evidence exists.
            (Err(not_probed), Some(result)) if not_probed.is_passing() && result.is_fresh(now) => {
                result.tried = now;
                return false;
            }
            (Err(not_probed), _) => RecorderState::Unknown { why: not_probed.why().to_owned() },
        };
        let differs = known.as_ref().is_none_or(|result| result.observation.recorder != recorder);
        let observation = RecorderObservation { recorder, at: now };
        match known {
            // An unchanged state keeps its `since`, which the backoff of unknown states counts
            // from.
            Some(result) if !differs => (result.observation, result.tried) = (observation, now),
            Some(_) | None => {
                accounts.insert(account, ProbedRecorder::first(observation));
            }
        }
        differs
    }

    /// The accounts to probe now, each with its regions: those never probed first, then the one
    /// that waited longest. At most [`PROBES_MAX`] probes, unless a single account takes more.
    pub fn due(
        &self,
        targets: &ProbeTargets,
        interval: Duration,
        now: Timestamp,
    ) -> Vec<(AccountId, Vec<Region>)> {
        // The oldest probe among the regions in which the account is due; `None` comes first.
        let mut accounts: BTreeMap<AccountId, (Option<Timestamp>, Vec<Region>)> = BTreeMap::new();
        for (region, account) in spots(targets) {
            let result = self.last_observation(region, account);
            if result.is_some_and(|result| !result.is_due(interval, now)) {
                continue;
            }
            let tried = result.map(|result| result.tried);
            let (oldest, regions) = accounts.entry(account).or_insert((tried, Vec::new()));
            *oldest = tried.min(*oldest);
            regions.push(region.clone());
        }
        let mut accounts: Vec<_> = accounts.into_iter().collect();
        accounts.sort_by_key(|(account, (oldest, _))| (*oldest, *account));
        let mut observations = 0_usize;
        let within = accounts.into_iter().take_while(|(_, (_, regions))| {
            let is_first = observations == 0;
            observations = observations.saturating_add(regions.len());
            is_first || observations <= PROBES_MAX
        });
        within.map(|(account, (_, regions))| (account, regions)).collect()
    }

    /// When the next account is due; `None` without targets.
    pub fn due_next(&self, targets: &ProbeTargets, interval: Duration) -> Option<Timestamp> {
        let due = spots(targets).map(|(region, account)| {
            self.last_observation(region, account)
                .map_or(Timestamp::MIN, |result| result.due(interval))
        });
        due.min()
    }

    fn last_observation(&self, region: &Region, account: AccountId) -> Option<&ProbedRecorder> {
        self.0.get(region)?.get(&account)
    }
}

fn spots(targets: &ProbeTargets) -> impl Iterator<Item = (&Region, AccountId)> {
    let regions = targets.iter();
    regions.flat_map(|(region, accounts)| accounts.iter().map(move |account| (region, *account)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Duration = Duration::from_mins(10);

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn account(number: u32) -> AccountId {
        format!("{number:012}").parse().unwrap()
    }

    fn region(number: u32) -> Region {
        format!("eu-west-{number}").parse().unwrap()
    }

    fn of(spots: &[(u32, u32)]) -> ProbeTargets {
        let mut targets = ProbeTargets::new();
        for (in_region, number) in spots {
            targets.entry(region(*in_region)).or_default().insert(account(*number));
        }
        targets
    }

    fn failed(stage: ProbeStage, kind: FailureKind) -> Result<RecorderState, NotProbed> {
        Err(NotProbed { stage, kind })
    }

    /// When one account is looked at within a day, if every look gives `look`; in minutes.
    fn due_after(observed: &Result<RecorderState, NotProbed>) -> Vec<i64> {
        let (targets, mut results) = (of(&[(1, 1)]), ProbeResults::default());
        let mut times = Vec::new();
        for minute in 0..6 * 60 {
            if !results.due(&targets, INTERVAL, at(minute)).is_empty() {
                results.note(&region(1), account(1), observed.clone(), at(minute));
                times.push(minute);
            }
        }
        times
    }

    fn kind(results: &ProbeResults) -> &'static str {
        let recorders = results.recorders();
        recorders.of(&region(1), account(1)).unwrap().recorder.kind().as_str()
    }

    #[test]
    fn a_missing_recorder_is_looked_for_at_every_interval() {
        assert_eq!(due_after(&Ok(RecorderState::Missing))[..4], [0, 10, 20, 30]);
        assert_eq!(due_after(&Ok(RecorderState::Stopped))[..4], [0, 10, 20, 30]);
    }

    #[test]
    fn a_recorder_that_records_is_looked_at_once_an_hour() {
        assert_eq!(due_after(&Ok(RecorderState::Recording)), [0, 60, 120, 180, 240, 300]);
    }

    #[test]
    fn a_role_that_lets_nobody_in_is_tried_ever_more_rarely_up_to_once_an_hour() {
        let denied = failed(ProbeStage::Enter, FailureKind::Denied);
        assert_eq!(due_after(&denied), [0, 10, 20, 40, 80, 140, 200, 260, 320]);
    }

    #[test]
    fn a_missing_answer_does_not_unsee_a_recorder_until_it_is_an_hour_old() {
        let (here, mut results) = (region(1), ProbeResults::default());
        assert!(results.note(&here, account(1), Ok(RecorderState::Stopped), at(0)));
        assert!(!results.note(
            &here,
            account(1),
            failed(ProbeStage::Look, FailureKind::Throttled),
            at(59)
        ));
        assert_eq!(kind(&results), "stopped");
        assert_eq!(results.due(&of(&[(1, 1)]), INTERVAL, at(60)), [], "it was tried a minute ago");
        assert!(results.note(
            &here,
            account(1),
            failed(ProbeStage::Look, FailureKind::Timeout),
            at(60)
        ));
        assert_eq!(kind(&results), "unknown");
        assert!(!results.note(
            &here,
            account(1),
            failed(ProbeStage::Look, FailureKind::Timeout),
            at(70)
        ));
        assert!(results.note(&here, account(1), Ok(RecorderState::Stopped), at(80)));
    }

    #[test]
    fn a_refusal_counts_at_once_and_is_never_called_missing() {
        for stage in [ProbeStage::Enter, ProbeStage::Look] {
            let (here, mut results) = (region(1), ProbeResults::default());
            results.note(&here, account(1), Ok(RecorderState::Recording), at(0));
            assert!(results.note(&here, account(1), failed(stage, FailureKind::Denied), at(1)));
            assert_eq!(kind(&results), "unknown");
        }
    }

    #[test]
    fn a_clock_that_went_back_keeps_nobody_from_being_looked_at() {
        let (targets, mut results) = (of(&[(1, 1)]), ProbeResults::default());
        results.note(&region(1), account(1), Ok(RecorderState::Missing), at(600));
        assert_eq!(results.due(&targets, INTERVAL, at(0)).len(), 1);
    }

    #[test]
    fn whoever_was_never_looked_at_comes_first_and_then_the_oldest() {
        let (targets, mut results) =
            (of(&[(1, 1), (1, 2), (2, 2), (1, 3), (2, 3)]), ProbeResults::default());
        results.note(&region(1), account(1), Ok(RecorderState::Missing), at(5));
        results.note(&region(1), account(2), Ok(RecorderState::Missing), at(0));
        results.note(&region(2), account(2), Ok(RecorderState::Recording), at(0));
        results.note(&region(1), account(3), Ok(RecorderState::Missing), at(20));
        let due = results.due(&targets, INTERVAL, at(20));
        let shown: Vec<String> = due
            .iter()
            .map(|(account, regions)| {
                let regions: Vec<&str> = regions.iter().map(Region::as_str).collect();
                format!("{account} {}", regions.join(" "))
            })
            .collect();
        assert_eq!(
            shown,
            ["000000000003 eu-west-2", "000000000002 eu-west-1", "000000000001 eu-west-1"]
        );
    }

    #[test]
    fn who_is_not_wanted_any_more_is_forgotten() {
        let mut results = ProbeResults::default();
        for number in 1..=3 {
            results.note(&region(number), account(number), Ok(RecorderState::Missing), at(0));
        }
        let targets = of(&[(2, 2), (2, 9)]);
        assert!(results.keep(&targets) && !results.keep(&targets));
        let recorders = results.recorders();
        assert_eq!(recorders.regions.len(), 1);
        assert!(recorders.of(&region(2), account(2)).is_some());
        assert_eq!(
            ProbeResults::of(&recorders),
            results,
            "and what is left survives a new beginning"
        );
    }

    proptest! {
        #[test]
        fn rounds_are_bounded_and_reach_everybody(
            spots in proptest::collection::btree_set((1_u32..25, 0_u32..60), 1..900),
        ) {
            let spots: Vec<_> = spots.into_iter().collect();
            let (targets, mut results) = (of(&spots), ProbeResults::default());
            let mut seen = 0;
            loop {
                let due = results.due(&targets, INTERVAL, at(0));
                if due.is_empty() {
                    break;
                }
                let observations: usize = due.iter().map(|(_, regions)| regions.len()).sum();
                prop_assert!(observations <= PROBES_MAX);
                for (account, regions) in due {
                    for region in regions {
                        results.note(&region, account, Ok(RecorderState::Missing), at(0));
                        seen += 1;
                    }
                }
            }
            prop_assert_eq!(seen, spots.len());
            prop_assert_eq!(results.due_next(&targets, INTERVAL), Some(at(10)));
        }
    }
}
