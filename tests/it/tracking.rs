//! Reading members of large organizations: what it costs, what interrupts it, what it finds.
//!
//! One region on the simulator's in-process face, in virtual time; calls are counted from the
//! simulator's log.

#![expect(clippy::indexing_slicing, reason = "in a test an index is an assertion")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use strum::IntoEnumIterator as _;

use conformd::clock::Clock;
use conformd::cloud::{CloudError, Page, PageToken, RegionReader, RowFilter};
use conformd::domain::base::mode::Mode;
use conformd::domain::base::model::{AccountId, PackName, Place, Region, Timestamp};
use conformd::domain::base::time::Pace;
use conformd::domain::declared::catalog::Catalog;
use conformd::domain::declared::constraints::Constraints;
use conformd::domain::declared::snapshot::{
    Absence, FileContent, RevisionEvidence, Snapshot, SourcePath,
};
use conformd::domain::declared::source::SourceStatus;
use conformd::domain::members::new_account::NewAccountPhase;
use conformd::domain::members::rollout::RolloutHealth;
use conformd::domain::members::tracker::Resyncs;
use conformd::domain::observed::member::MemberStatus;
use conformd::domain::observed::packs::{PackRecord, StatusRecord, StatusRow};
use conformd::domain::organization::account_list::{Account, AccountList, OrganizationRecord};
use conformd::domain::organization::membership::Membership;
use conformd::domain::plan::guard::LossLimits;
use conformd::domain::plan::redeploy::{AfterDeadline, Redeploy};
use conformd::domain::present::report::RegionReport;
use conformd::sim::api::Operation;
use conformd::sim::failures::Failure;
use conformd::sim::faults::{FaultEffect, FaultRule};
use conformd::sim::in_process::InProcess;
use conformd::sim::knobs::{Knobs, Paging};
use conformd::sim::setup::{MemberSetup, RecorderSetup, WorldSetup};
use conformd::sim::world::World;
use conformd::tasks::region::read_depth::{Progress, ReadDepth};
use conformd::tasks::region::settings::RegionSettings;
use conformd::tasks::region::{PlanInvalidation, Reconciler, SharedWindow, Surroundings};

use crate::support::lab::manifests::{file, packs};
use crate::support::lab::{hours, lock, minutes, start};

const OWNER: u64 = 1;
const INTERVAL: Duration = Duration::from_mins(15);
const RESYNCS: Resyncs = Resyncs { trouble: INTERVAL, full: Duration::from_hours(6) };

fn id(number: u64) -> AccountId {
    format!("{number:012}").parse().unwrap()
}

/// A reader that takes its time over rows: a second of waiting, then the request.
#[derive(Debug, Clone)]
struct Slow {
    aws: InProcess,
    clock: Clock,
    wait: Duration,
}

impl RegionReader for Slow {
    fn place(&self) -> &Place {
        self.aws.place()
    }

    async fn caller(&self) -> Result<AccountId, CloudError> {
        self.aws.caller().await
    }

    async fn packs(&self, token: Option<PageToken>) -> Result<Page<PackRecord>, CloudError> {
        self.aws.packs(token).await
    }

    async fn statuses(&self, token: Option<PageToken>) -> Result<Page<StatusRecord>, CloudError> {
        self.aws.statuses(token).await
    }

    async fn rows(
        &self,
        pack: &PackName,
        filter: &RowFilter,
        token: Option<PageToken>,
    ) -> Result<Page<StatusRow>, CloudError> {
        self.clock.sleep(self.wait).await;
        self.aws.rows(pack, filter, token).await
    }
}

/// What a stage begins with.
#[derive(Debug, Clone)]
struct Setting {
    accounts: u64,
    packs: usize,
    knobs: Knobs,
    /// Whose packs they are; anybody but the management account is its delegated administrator.
    owner: u64,
    /// How long a request for rows takes.
    wait: Duration,
}

impl Setting {
    fn new(accounts: u64, packs: usize) -> Self {
        let (owner, wait) = (OWNER, Duration::ZERO);
        Self { accounts, packs, knobs: Knobs::instant(), owner, wait }
    }
}

/// One region with its reconciler.
struct Stage {
    clock: Clock,
    world: Arc<Mutex<World>>,
    region: Region,
    reconciler: Reconciler<Slow, InProcess>,
    policy: RegionSettings,
    around: Surroundings,
    accounts: BTreeMap<AccountId, Account>,
    ticks: u64,
    report: Option<RegionReport>,
}

impl Stage {
    fn new(setting: &Setting) -> Self {
        let Setting { accounts, packs: count, knobs, owner, wait } = setting.clone();
        let region: Region = "eu-west-1".parse().unwrap();
        let mut setup = WorldSetup::new(start(), (1..=accounts).map(id), [region.clone()]);
        setup.knobs = knobs;
        if owner != OWNER {
            setup.administrators.insert(id(owner));
        }
        let accounts = setup.accounts.iter().map(account).collect();
        let clock = Clock::simulated(start(), 1);
        let world = Arc::new(Mutex::new(World::new(setup)));
        let place = Place { account: id(owner), region: region.clone() };
        let aws = InProcess::new(Arc::clone(&world), clock.clone(), place);
        let slow = Slow { aws: aws.clone(), clock: clock.clone(), wait };
        let window = Arc::new(SharedWindow::watched(&clock));
        let reconciler = Reconciler::new(slow, Some(aws), clock.clone(), window);
        let policy = RegionSettings {
            installation: "main".parse().unwrap(),
            mode: Mode::Sync,
            limits: LossLimits::default(),
            pace: Pace::new(INTERVAL),
            quota: 50,
            resyncs: RESYNCS,
            redeploy: Redeploy { after_deadline: AfterDeadline::Never, ..Redeploy::default() },
            list_age_max: minutes(30),
        };
        let names: Vec<String> = (0..count).map(|number| format!("pack-{number:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let files = BTreeMap::from([(
            SourcePath::new("packs.yaml").unwrap(),
            FileContent::Bytes(file(&packs(&names)).as_bytes().into()),
        )]);
        let catalog = Catalog::read(&Snapshot::of_directory(files), &Constraints::default(), None);
        let source = SourceStatus {
            catalog: Some(Arc::new(catalog)),
            read_last: Some(start()),
            evidence: Some(RevisionEvidence {
                absence: Absence::Atomic,
                since: start(),
                since_elapsed: Duration::ZERO,
                confirmed: true,
                confirms_at: None,
            }),
            ..SourceStatus::default()
        };
        let around = Surroundings { source, ..Surroundings::default() };
        let (ticks, report) = (0, None);
        Self { clock, world, region, reconciler, policy, around, accounts, ticks, report }
    }

    /// Walks the organization if that is due.
    fn walk(&mut self) {
        let now = self.clock.now();
        let list = self.around.membership.list.as_ref();
        if list.is_some_and(|list| list.read + Duration::from_mins(10) > now) {
            return;
        }
        let organization =
            OrganizationRecord { id: "o-1".to_owned(), management: id(OWNER), all_features: true };
        let accounts = self.accounts.clone();
        let units_absent = std::collections::BTreeSet::new();
        let list = AccountList {
            organization,
            accounts,
            units_absent,
            units_walked: [].into(),
            tags_problem: None,
            unsettled: BTreeMap::new(),
            read: now,
        };
        let membership = Membership { list: Some(Arc::new(list)), ..Membership::default() };
        self.around.membership = Arc::new(membership);
    }

    async fn tick(&mut self) -> Duration {
        self.walk();
        let watched = PlanInvalidation::default();
        let report = self.reconciler.reconcile(&self.policy, &self.around, &watched).await;
        let pause = self.reconciler.pause(&report, &self.policy.pace);
        self.ticks += 1;
        self.report = Some(report);
        pause
    }

    /// Ticks, and reads members between reconciliations; `step` is the longest time without
    /// interruption.
    async fn run_for(&mut self, time: Duration, step: Duration) {
        let end = self.clock.now() + time;
        while self.clock.now() < end {
            let pause = self.tick().await;
            let until = (self.clock.now() + pause).min(end);
            while self.clock.now() < until {
                let left = until.duration_since(self.clock.now()).try_into().unwrap();
                tokio::select! {
                    biased;
                    () = self.clock.sleep(step.min(left)) => {}
                    _ = self.reconciler.follow(&self.policy) => {}
                }
            }
        }
    }

    async fn run(&mut self, time: Duration) {
        self.run_for(time, hours(1)).await;
    }

    fn calls(&self) -> u64 {
        lock(&self.world).log().calls_in(&self.region)
    }

    fn pages(&self) -> u64 {
        let rows = Operation::GetOrganizationConformancePackDetailedStatus;
        lock(&self.world).log().count_in(&self.region, rows)
    }

    fn by_health(&self) -> BTreeMap<RolloutHealth, usize> {
        let mut by_health = BTreeMap::new();
        for rollout in self.reconciler.tracking().packs.values() {
            *by_health.entry(rollout.health).or_default() += 1;
        }
        by_health
    }

    /// These accounts fail in this pack from the next Put on.
    fn fail(&mut self, pack: usize, accounts: impl Iterator<Item = u64>) {
        for number in accounts {
            let failure = Failure {
                account: Some(id(number)),
                pack: Some(format!("pack-{pack:02}").parse().unwrap()),
                code: "AccessDeniedException".to_owned(),
                message: format!("account {} is not authorized", id(number)),
                ..Failure::default()
            };
            lock(&self.world).fail(self.clock.now(), failure);
        }
    }

    fn join(&mut self, numbers: impl Iterator<Item = u64>, recorder: RecorderSetup) {
        let now = self.clock.now();
        for number in numbers {
            let member = MemberSetup { recorder, ..MemberSetup::new(id(number), now) };
            self.accounts.insert(id(number), account(&member).1);
            lock(&self.world).join(now, member);
        }
    }

    /// How the pack stands: health and members.
    fn text(&self, pack: &str) -> String {
        let rollout = &self.reconciler.tracking().packs[&pack.parse().unwrap()];
        let mut text = rollout.health.as_str().to_owned();
        for kind in conformd::domain::observed::member::StatusKind::iter() {
            match rollout.counts.of(kind) {
                0 => {}
                count => write!(text, " {count} {}", kind.as_str()).unwrap(),
            }
        }
        if rollout.aggregate_stuck {
            text += ", aggregate stuck";
        }
        text
    }
}

/// A member as the organization lists it.
fn account(member: &MemberSetup) -> (AccountId, Account) {
    let account = Account {
        id: member.id,
        name: member.name.clone(),
        state: Some(member.state),
        joined: Some(member.joined),
        units: None,
        tags: None,
    };
    (member.id, account)
}

fn only(health: RolloutHealth, count: usize) -> BTreeMap<RolloutHealth, usize> {
    BTreeMap::from([(health, count)])
}

#[tokio::test(start_paused = true)]
async fn a_converged_organization_of_10_000_costs_two_calls_a_tick_and_a_slow_resync() {
    let mut stage = Stage::new(&Setting::new(10_000, 2));
    stage.run(hours(1)).await;
    assert_eq!(stage.by_health(), only(RolloutHealth::Healthy, 2));
    let (calls, pages, ticks) = (stage.calls(), stage.pages(), stage.ticks);
    stage.run(hours(12)).await;
    assert_eq!(stage.by_health(), only(RolloutHealth::Healthy, 2));
    let resyncs = 2 * 100 * 2;
    assert_eq!(stage.pages() - pages, resyncs, "two packs, 100 pages, twice in twelve hours");
    assert_eq!(stage.calls() - calls, resyncs + 2 * (stage.ticks - ticks));
    assert!(stage.ticks - ticks <= 49, "{} reconciliations", stage.ticks - ticks);
    assert_eq!(lock(&stage.world).log().mutations(), 2);
}

#[tokio::test(start_paused = true)]
async fn twenty_packs_with_100_failed_members_each_cost_six_filtered_calls_an_interval() {
    let mut stage = Stage::new(&Setting::new(1_000, 20));
    for pack in 0..20 {
        stage.fail(pack, 101..=200);
    }
    stage.run(hours(1)).await;
    assert_eq!(stage.by_health(), only(RolloutHealth::Degraded, 20));
    assert_eq!(stage.text("pack-00"), "degraded 900 ok 100 failed");
    // Nothing is put meanwhile, which would have to be followed up.
    stage.policy.mode = Mode::Observe;
    let pages = stage.pages();
    stage.run(hours(1)).await;
    let (spent, intervals) = (stage.pages() - pages, 4);
    assert!(spent <= 20 * 6 * intervals, "{spent} calls in {intervals} intervals");
    assert!(spent >= 20 * 6 * (intervals - 1), "{spent} calls in {intervals} intervals");
    let rollout = &stage.reconciler.tracking().packs[&"pack-07".parse().unwrap()];
    let causes = rollout.troubled.iter().filter_map(|member| member.cause.clone());
    let causes: Vec<_> = causes.collect();
    assert!(causes.iter().all(|cause| Arc::ptr_eq(cause, &causes[0])), "one text for all");
    assert_eq!(causes[0].message, "account <this account> is not authorized");
}

#[tokio::test(start_paused = true)]
async fn for_a_delegated_administrator_a_stuck_aggregate_is_seen_through() {
    let mut stage = Stage::new(&Setting { owner: 2, ..Setting::new(1_000, 2) });
    stage.fail(1, 500..=500);
    lock(&stage.world).set_service_role(start(), &id(OWNER), true);
    stage.run(hours(1)).await;
    assert_eq!(stage.text("pack-00"), "healthy 1000 ok, aggregate stuck");
    assert_eq!(stage.text("pack-01"), "degraded 999 ok 1 failed, aggregate stuck");
    let aggregates: Vec<String> = stage
        .report
        .as_ref()
        .unwrap()
        .packs
        .values()
        .map(|pack| pack.status.as_ref().unwrap().to_string())
        .collect();
    assert_eq!(aggregates, ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS"]);
    // The healthy one costs no more than the slow resync from now on.
    let pages = stage.pages();
    stage.run(hours(5)).await;
    let spent = stage.pages() - pages;
    assert!(spent <= 20 * 6 + 2 * 10, "{spent} calls");
    assert_eq!(stage.text("pack-00"), "healthy 1000 ok, aggregate stuck");
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_is_interrupted_goes_on_where_it_was() {
    let wait = Duration::from_secs(1);
    let mut stage = Stage::new(&Setting { wait, ..Setting::new(5_000, 1) });
    // Nobody gets to finish more than three pages in a row.
    stage.run_for(minutes(30), Duration::from_millis(3_500)).await;
    assert_eq!(stage.by_health(), only(RolloutHealth::Healthy, 1));
    // At most: a look for trouble, and twice everybody.
    assert!(stage.pages() <= 6 + 2 * 50, "{} pages", stage.pages());
}

#[tokio::test(start_paused = true)]
async fn throttling_refused_tokens_and_empty_pages_delay_a_resync_and_falsify_nothing() {
    let rows = Operation::GetOrganizationConformancePackDetailedStatus;
    let paging = Paging { shuffled: true, empty_pages: true, ..Paging::default() };
    for effect in [FaultEffect::Throttled, FaultEffect::BadToken] {
        let mut setting = Setting::new(3_000, 1);
        setting.knobs.paging = paging.clone();
        let mut stage = Stage::new(&setting);
        lock(&stage.world).add_fault(FaultRule::always(effect.clone()).on(rows).nth(20, 3));
        stage.run(minutes(30)).await;
        assert_eq!(stage.text("pack-00"), "healthy 3000 ok", "{effect:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_of_rows_that_cannot_be_read_proves_nothing() {
    let rows = Operation::GetOrganizationConformancePackDetailedStatus;
    let endless = FaultEffect::Endless { same_token: true };
    for effect in
        [FaultEffect::AccessDenied, endless, FaultEffect::Malformed, FaultEffect::Throttled]
    {
        let mut stage = Stage::new(&Setting::new(1_000, 1));
        let fault = lock(&stage.world).add_fault(FaultRule::always(effect.clone()).on(rows));
        stage.run(hours(2)).await;
        assert_eq!(stage.text("pack-00"), "unknown", "{effect:?}");
        assert!(stage.pages() < 40, "{} pages in two hours of {effect:?}", stage.pages());
        lock(&stage.world).remove_fault(fault);
        stage.run(hours(1)).await;
        assert_eq!(stage.text("pack-00"), "healthy 1000 ok", "{effect:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_effort_reads_everybody_once_and_a_small_one_only_those_in_trouble() {
    let mut stage = Stage::new(&Setting::new(1_000, 2));
    stage.fail(1, 500..=509);
    stage.tick().await;
    stage.clock.sleep(minutes(40)).await;
    stage.tick().await;
    let mut told = Vec::new();
    let policy = stage.policy.clone();
    stage.reconciler.track(&policy, ReadDepth::Trouble, |progress| told.push(progress)).await;
    assert_eq!(stage.pages(), 6);
    assert_eq!(stage.text("pack-01"), "degraded 10 failed");
    assert_eq!(told.last(), Some(&Progress { done: 1, all: 1, pages: 6 }));
    stage.reconciler.track(&policy, ReadDepth::Full, |progress| told.push(progress)).await;
    assert_eq!(stage.pages(), 6 + 20);
    assert_eq!(told.last(), Some(&Progress { done: 2, all: 2, pages: 20 }));
    assert_eq!(stage.text("pack-00"), "healthy 1000 ok");
    assert_eq!(stage.text("pack-01"), "degraded 990 ok 10 failed");
}

#[tokio::test(start_paused = true)]
async fn five_hundred_accounts_that_join_at_once_are_read_together() {
    let mut stage = Stage::new(&Setting::new(2_000, 3));
    stage.run(hours(1)).await;
    assert_eq!(stage.by_health(), only(RolloutHealth::Healthy, 3));
    stage.join(2_001..=2_250, RecorderSetup::Recording);
    stage.join(2_251..=2_500, RecorderSetup::Missing);
    let pages = stage.pages();
    stage.run(hours(2)).await;
    let spent = stage.pages() - pages;
    assert!(spent <= 3 * 8 * 2 * 25, "{spent} calls in eight intervals");
    assert_eq!(stage.text("pack-00"), "progressing 2250 ok 250 waiting");
    let new_accounts = &stage.reconciler.tracking().new_accounts;
    let phases =
        |phase: NewAccountPhase| new_accounts.iter().filter(|it| it.phase == phase).count();
    assert_eq!((phases(NewAccountPhase::Complete), phases(NewAccountPhase::Waiting)), (250, 250));
    stage.run(hours(6)).await;
    assert_eq!(stage.text("pack-00"), "degraded 2250 ok 250 failed");
    let new_accounts = &stage.reconciler.tracking().new_accounts;
    assert_eq!(new_accounts.iter().filter(|it| it.phase == NewAccountPhase::Missed).count(), 250);
}

#[tokio::test(start_paused = true)]
async fn one_account_that_joins_10_000_costs_single_reads() {
    let mut stage = Stage::new(&Setting::new(10_000, 1));
    stage.run(hours(1)).await;
    stage.join(20_000..=20_000, RecorderSetup::Missing);
    let pages = stage.pages();
    stage.run(hours(2)).await;
    let member = id(20_000);
    let pack: PackName = "pack-00".parse().unwrap();
    let status = |stage: &Stage| stage.reconciler.tracking().packs[&pack].new_accounts[&member];
    assert_eq!(status(&stage), MemberStatus::Waiting);
    let now = stage.clock.now();
    let region = stage.region.clone();
    lock(&stage.world).set_recorder(now, &member, &region, RecorderSetup::Recording);
    stage.run(hours(1)).await;
    assert_eq!(status(&stage), MemberStatus::Ok);
    assert_eq!(stage.text("pack-00"), "healthy 10001 ok");
    let spent = stage.pages() - pages;
    assert!(spent <= 12 * 7 + 12, "{spent} calls in three hours");
    let new_account = &stage.reconciler.tracking().new_accounts[0];
    let deadline: Timestamp = new_account.joined + hours(7);
    assert_eq!((new_account.phase, new_account.deadline), (NewAccountPhase::Complete, deadline));
}
