//! The probe task on members that behave: whom it enters, how often, and what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conformd::beats::Beats;
use conformd::clock::Clock;
use conformd::cloud::{CloudError, MemberAccess, MemberVisit, Op, RecorderRecord};
use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::model::{AccountId, Region, Timestamp};
use conformd::domain::members::new_account::{NewAccount, NewAccountPhase};
use conformd::domain::members::probe::{FAILING_MAX, targets_of};
use conformd::domain::members::rollout::{CappedMembers, Rollout, RolloutHealth};
use conformd::domain::members::tracking::Tracking;
use conformd::domain::observed::failure_class::FailureClass;
use conformd::domain::observed::member::{Counts, MemberStatus, TroubledMember};
use conformd::domain::observed::recorder::Recorders;
use conformd::domain::present::report::{RegionReport, Reports};
use conformd::tasks::probe;
use conformd::tasks::probe::{MemberProbe, ProbeChannels};
use strum::IntoEnumIterator as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::sample::{pack, quiet, region};

/// Member accounts: those without a recorder everywhere, but for what is set here.
#[derive(Debug, Clone)]
struct Town(Arc<Mutex<Streets>>);

#[derive(Debug, Default)]
struct Streets {
    /// Where a recorder is at work.
    recording: BTreeSet<(AccountId, Region)>,
    /// What entering fails with.
    locked: BTreeMap<AccountId, FailureKind>,
    /// What looking fails with.
    dark: BTreeMap<Region, FailureKind>,
    /// Every request with its second.
    requests: Vec<(u64, String)>,
}

#[derive(Debug)]
struct House(Town, AccountId, Clock);

#[derive(Debug)]
struct Doors(Town, Clock);

fn failed(op: Op, place: &impl ToString, kind: FailureKind) -> CloudError {
    CloudError { op, place: place.to_string(), kind, source: "no".into() }
}

impl Town {
    fn set(&self, change: impl FnOnce(&mut Streets)) {
        change(&mut self.0.lock().unwrap());
    }

    fn note(&self, clock: &Clock, request: String) {
        self.set(|town| town.requests.push((clock.elapsed().as_secs(), request)));
    }

    /// The requests since the last time somebody asked.
    fn requests(&self) -> Vec<String> {
        let requests = std::mem::take(&mut self.0.lock().unwrap().requests);
        requests.into_iter().map(|(_, request)| request).collect()
    }
}

impl MemberAccess for Doors {
    type Visit = House;

    async fn enter(&self, account: AccountId) -> Result<House, CloudError> {
        let Self(town, clock) = self;
        town.note(clock, format!("enter {account}"));
        match town.0.lock().unwrap().locked.get(&account) {
            Some(kind) => Err(failed(Op::AssumeRole, &account, *kind)),
            None => Ok(House(town.clone(), account, clock.clone())),
        }
    }
}

impl House {
    fn ask(&self, op: Op, region: &Region) -> Result<bool, CloudError> {
        let Self(town, account, clock) = self;
        let what = if op == Op::DescribeConfigurationRecorders { "names" } else { "states" };
        town.note(clock, format!("{what} {account} {region}"));
        let town = town.0.lock().unwrap();
        match town.dark.get(region) {
            Some(kind) => Err(failed(op, region, *kind)),
            None => Ok(town.recording.contains(&(*account, region.clone()))),
        }
    }
}

impl MemberVisit for House {
    async fn recorders(&self, region: &Region) -> Result<Vec<String>, CloudError> {
        let is_there = self.ask(Op::DescribeConfigurationRecorders, region)?;
        Ok(is_there.then(|| "default".to_owned()).into_iter().collect())
    }

    async fn recorder_states(&self, region: &Region) -> Result<Vec<RecorderRecord>, CloudError> {
        let is_there = self.ask(Op::DescribeConfigurationRecorderStatus, region)?;
        let record = || RecorderRecord {
            name: "default".to_owned(),
            recording: true,
            failed: false,
            error_code: None,
        };
        Ok(is_there.then(record).into_iter().collect())
    }
}

fn account(number: u32) -> AccountId {
    format!("{number:012}").parse().unwrap()
}

fn new_account(number: u32, phase: NewAccountPhase) -> NewAccount {
    let joined: Timestamp = "2026-11-01T08:00:00Z".parse().unwrap();
    NewAccount {
        account: account(number),
        joined,
        deadline: "2026-11-01T15:00:00Z".parse().unwrap(),
        phase,
        missing: [pack("iam")].into(),
        recorder: None,
        complete: None,
    }
}

/// A report in which these accounts are new, and these failed like this.
fn report(
    name: &str,
    new_accounts: impl IntoIterator<Item = (u32, NewAccountPhase)>,
    members: impl IntoIterator<Item = (u32, MemberStatus)>,
) -> RegionReport {
    let troubled: Vec<TroubledMember> = members
        .into_iter()
        .map(|(number, status)| TroubledMember {
            account: account(number),
            status,
            cause: None,
            last_update: None,
        })
        .collect();
    let rollout = Rollout {
        health: RolloutHealth::Degraded,
        why: None,
        aggregate_stuck: false,
        expected: None,
        counts: Counts::default(),
        classes: BTreeMap::new(),
        troubled: troubled.into(),
        truncated: false,
        new_accounts: BTreeMap::new(),
        management_missing: false,
        unread: None,
        outdated: false,
        unrecognized: CappedMembers::default(),
        removals: BTreeMap::new(),
        resynced: None,
        read: None,
    };
    let new_accounts = new_accounts.into_iter().map(|(number, phase)| new_account(number, phase));
    let tracking = Tracking {
        packs: [(pack("iam"), rollout)].into(),
        new_accounts: new_accounts.collect(),
        ..Tracking::default()
    };
    RegionReport { tracking, ..quiet(name) }
}

fn reports(all: impl IntoIterator<Item = RegionReport>) -> Reports {
    all.into_iter().map(|report| (report.place.region.clone(), Arc::new(report))).collect()
}

/// So many new accounts that wait in each of these regions.
fn waiting(accounts: u32, regions: &[&str]) -> Reports {
    reports(regions.iter().map(|name| report(name, (1..=accounts).map(waits), [])))
}

fn waits(number: u32) -> (u32, NewAccountPhase) {
    (number, NewAccountPhase::Waiting)
}

/// A probe at work in virtual time.
struct Scene {
    town: Town,
    clock: Clock,
    reports: watch::Sender<Reports>,
    recorders: watch::Receiver<Arc<Recorders>>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

#[expect(clippy::disallowed_methods, reason = "a test owns its tasks")]
impl Scene {
    fn new(reports: Reports) -> Self {
        let clock = Clock::simulated("2026-11-01T12:00:00Z".parse().unwrap(), 1);
        let town = Town(Arc::default());
        let doors = Doors(town.clone(), clock.clone());
        let probe = MemberProbe::new(doors, Duration::from_mins(10), clock.clone());
        Self::start(Some(probe), (town, clock), reports)
    }

    fn start(
        probe: Option<MemberProbe<Doors>>,
        (town, clock): (Town, Clock),
        now: Reports,
    ) -> Self {
        let (reports, recorders) = (watch::Sender::new(now), watch::Sender::default());
        let (seen, stop) = (recorders.subscribe(), CancellationToken::new());
        let channels = ProbeChannels {
            reports: reports.subscribe(),
            recorders,
            beats: Beats::new(clock.clone()),
        };
        let task = tokio::spawn(probe::run(probe.map(Arc::new), channels, stop.clone()));
        Self { town, clock, reports, recorders: seen, stop, task }
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// What is said of this account, by region.
    fn said(&self, number: u32) -> Vec<String> {
        let recorders = self.recorders.borrow();
        let regions = recorders.regions.iter();
        let said = regions.filter_map(|(region, accounts)| {
            Some(format!("{region} {}", accounts.get(&account(number))?.recorder.kind().as_str()))
        });
        said.collect()
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

#[test]
fn only_accounts_that_joined_lately_or_lack_a_recorder_are_wanted() {
    let phases = NewAccountPhase::iter().zip(1..).map(|(phase, number)| (number, phase));
    let classes = FailureClass::ALL.into_iter().zip(100..);
    let failed = classes.map(|(class, number)| (number, MemberStatus::Failed(class)));
    let others = [(200, MemberStatus::Missing), (201, MemberStatus::InProgress)];
    let report = report("eu-west-1", phases, failed.chain(others));
    let targets = targets_of(&report.tracking);
    let accounts: Vec<&str> = targets.iter().map(AccountId::as_str).collect();
    // All phases but converged, and the third class.
    assert_eq!(
        accounts,
        ["000000000001", "000000000002", "000000000004", "000000000005", "000000000102"]
    );
}

#[test]
fn failing_accounts_are_bounded_and_new_ones_come_on_top() {
    let failing =
        (1..=3_000).map(|number| (number, MemberStatus::Failed(FailureClass::NoRecorder)));
    let accounts = targets_of(&report("eu-west-1", [waits(9_999)], failing).tracking);
    assert_eq!(accounts.len(), FAILING_MAX + 1);
    assert!(accounts.contains(&account(9_999)));
}

#[tokio::test(start_paused = true)]
async fn one_entry_serves_all_regions_and_the_next_round_of_its_session() {
    let scene = Scene::new(waiting(1, &["eu-west-1", "us-east-1"]));
    scene.town.set(|town| {
        town.recording.insert((account(1), region("eu-west-1")));
    });
    scene.pass(Duration::from_mins(1)).await;
    assert_eq!(
        scene.town.requests(),
        [
            "enter 000000000001",
            "names 000000000001 eu-west-1",
            "states 000000000001 eu-west-1",
            "names 000000000001 us-east-1",
        ]
    );
    assert_eq!(scene.said(1), ["eu-west-1 recording", "us-east-1 missing"]);
    scene.pass(Duration::from_mins(10)).await;
    assert_eq!(scene.town.requests(), ["names 000000000001 us-east-1"]);
    scene.pass(Duration::from_mins(10)).await;
    let again = ["enter 000000000001", "names 000000000001 us-east-1"];
    assert_eq!(scene.town.requests(), again, "a session ends before its quarter of an hour");
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_recorder_that_appears_wakes_the_regions_and_the_same_answer_does_not() {
    let mut scene = Scene::new(waiting(1, &["eu-west-1"]));
    scene.pass(Duration::from_mins(1)).await;
    assert!(scene.recorders.borrow_and_update().probed);
    let first = scene.recorders.borrow().of(&region("eu-west-1"), account(1)).unwrap().at;
    scene.pass(Duration::from_mins(10)).await;
    assert!(!scene.recorders.has_changed().unwrap(), "still missing: nobody is woken");
    let second = scene.recorders.borrow().of(&region("eu-west-1"), account(1)).unwrap().at;
    assert!(first < second, "and yet the newest moment is shown");
    scene.town.set(|town| {
        town.recording.insert((account(1), region("eu-west-1")));
    });
    scene.pass(Duration::from_mins(10)).await;
    assert!(scene.recorders.has_changed().unwrap());
    assert_eq!(scene.said(1), ["eu-west-1 recording"]);
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_account_that_joins_is_looked_at_at_once_and_forgotten_when_it_is_fine() {
    let scene = Scene::new(Reports::new());
    scene.pass(Duration::from_mins(5)).await;
    assert_eq!(scene.town.requests(), [""; 0]);
    scene.reports.send_replace(waiting(1, &["eu-west-1"]));
    scene.pass(Duration::from_secs(1)).await;
    assert_eq!(scene.said(1), ["eu-west-1 missing"]);
    let fine = report("eu-west-1", [(1, NewAccountPhase::Complete)], []);
    scene.reports.send_replace(reports([fine]));
    scene.pass(Duration::from_secs(1)).await;
    assert_eq!(scene.said(1), [""; 0]);
    assert!(scene.recorders.borrow().regions.is_empty());
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn five_hundred_accounts_in_twenty_regions_are_looked_at_in_turn_and_in_pace() {
    let names: Vec<String> = (1..=20).map(|number| format!("eu-west-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut scene = Scene::new(waiting(500, &names));
    let started = scene.clock.elapsed();
    let mut wakes = 0;
    while scene.said(500).len() < 20 {
        scene.recorders.changed().await.unwrap();
        wakes += 1;
    }
    let took = scene.clock.elapsed().saturating_sub(started);
    assert!(
        took < Duration::from_mins(90),
        "all 10,000 within the window, though it takes {took:?}"
    );
    let minutes = u32::try_from(took.as_secs() / 60).unwrap();
    assert!(wakes <= minutes * 2, "{wakes} wakes in {minutes} minutes");
    let mut by_minute: BTreeMap<u64, u32> = BTreeMap::new();
    let mut entries: BTreeMap<String, u32> = BTreeMap::new();
    for (second, request) in &scene.town.0.lock().unwrap().requests {
        *by_minute.entry(second / 60).or_default() += 1;
        if request.starts_with("enter") {
            *entries.entry(request.clone()).or_default() += 1;
        }
    }
    assert!(by_minute.values().all(|count| *count <= 2 * 60 + 5), "{by_minute:?}");
    // Nobody is entered a second time before everybody was once.
    assert_eq!((entries.len(), entries.values().max()), (500, Some(&1)));
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_door_that_stays_shut_is_unknown_and_never_missing() {
    let scene = Scene::new(waiting(3, &["eu-west-1", "us-east-1"]));
    scene.town.set(|town| {
        town.locked = [
            (account(1), FailureKind::Denied),
            (account(2), FailureKind::Throttled),
            (account(3), FailureKind::Unreachable),
        ]
        .into();
    });
    scene.pass(Duration::from_mins(1)).await;
    for number in 1..=3 {
        assert_eq!(scene.said(number), ["eu-west-1 unknown", "us-east-1 unknown"]);
    }
    let recorders = scene.recorders.borrow().clone();
    let observations = &recorders.regions[&region("eu-west-1")];
    let shown = serde_json::to_string_pretty(observations).unwrap();
    let whys: Vec<&str> = shown.lines().filter(|line| line.contains("why")).collect();
    insta::assert_snapshot!(whys.join("\n"), @r#"
    "why": "the probe's role is missing there, or its trust policy or external id does not permit conformd"
    "why": "AWS throttled the request"
    "why": "AWS could not be reached"
    "#);
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_region_that_gives_no_answer_is_asked_once_a_round() {
    let scene = Scene::new(waiting(40, &["eu-west-1", "us-east-1"]));
    scene.town.set(|town| {
        town.dark.insert(region("eu-west-1"), FailureKind::Timeout);
    });
    scene.pass(Duration::from_mins(9)).await;
    let requests = scene.town.requests();
    let asked = requests.iter().filter(|request| request.ends_with("eu-west-1")).count();
    assert!(asked <= 4, "{asked}: those under way at once");
    for number in 1..=40 {
        assert_eq!(scene.said(number), ["eu-west-1 unknown", "us-east-1 missing"]);
    }
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_begins_anew_forgets_nothing() {
    let scene = Scene::new(waiting(1, &["eu-west-1"]));
    scene.pass(Duration::from_mins(1)).await;
    let known = scene.recorders.borrow().clone();
    let Scene { town, clock, reports, recorders: _, stop, task } = scene;
    stop.cancel();
    task.await.unwrap();
    town.requests();
    let recorders = watch::Sender::new(Arc::clone(&known));
    let (seen, stop) = (recorders.subscribe(), CancellationToken::new());
    let probe = MemberProbe::new(
        Doors(town.clone(), clock.clone()),
        Duration::from_mins(10),
        clock.clone(),
    );
    let beats = Beats::new(clock);
    let channels = ProbeChannels { reports: reports.subscribe(), recorders, beats };
    let soon = tokio::time::timeout(
        Duration::from_mins(1),
        probe::run(Some(Arc::new(probe)), channels, stop),
    );
    assert!(soon.await.is_err());
    assert_eq!(town.requests(), [""; 0]);
    assert_eq!(*seen.borrow(), known);
}

#[tokio::test(start_paused = true)]
async fn without_a_probe_that_is_said_and_nobody_is_asked() {
    let clock = Clock::simulated("2026-11-01T12:00:00Z".parse().unwrap(), 1);
    let mut scene = Scene::start(None, (Town(Arc::default()), clock), waiting(5, &["eu-west-1"]));
    scene.recorders.changed().await.unwrap();
    scene.pass(Duration::from_hours(1)).await;
    assert_eq!(**scene.recorders.borrow(), Recorders::default());
    assert_eq!(scene.town.requests(), [""; 0]);
    scene.end().await;
}
