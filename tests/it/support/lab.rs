//! A laboratory in virtual time: a simulated AWS, one reconciler a region, manifests as text.
//!
//! The runtime is single-threaded and its time is paused, so a run is the same every time and an
//! hour takes as long as its reconciliations. Every reconciliation is held to the invariants
//! ([`book`]) by witnesses of every call ([`witness`]); what happened is told as a trace, one line
//! an event.

#![expect(clippy::indexing_slicing, reason = "in a test an index is an assertion")]

pub(crate) mod book;
pub(crate) mod crew;
pub(crate) mod invariants;
pub(crate) mod manifests;
pub(crate) mod toll;
pub(crate) mod truth;
pub(crate) mod witness;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conformd::clock::Clock;
use conformd::domain::base::mode::Mode;
use conformd::domain::base::model::{AccountId, AccountState, PackName, Place, Region, Timestamp};
use conformd::domain::base::stamp::Stamp;
use conformd::domain::base::time::Pace;
use conformd::domain::declared::catalog::Catalog;
use conformd::domain::declared::constraints::Constraints;
use conformd::domain::declared::snapshot::{
    Absence, FileContent, RevisionEvidence, Snapshot, SourcePath,
};
use conformd::domain::declared::source::{ReadingOutcome, SourceProblem, SourceStatus};
use conformd::domain::members::tracker::Resyncs;
use conformd::domain::plan::guard::LossLimits;
use conformd::domain::plan::record::Deployment;
use conformd::domain::plan::redeploy::Redeploy;
use conformd::domain::present::plan_text::{PlanText, Values};
use conformd::domain::present::report::RegionReport;
use conformd::record::terms::RecordTerms;
use conformd::record::{BYTES_MAX, Record};
use conformd::sim::api::{Operation, RequestOrigin};
use conformd::sim::entry::AccountEntry;
use conformd::sim::event::WorldEvent;
use conformd::sim::faults::FaultRule;
use conformd::sim::gate::CallGate;
use conformd::sim::in_process::InProcess;
use conformd::sim::knobs::Knobs;
use conformd::sim::setup::{RecorderSetup, RoleSetup, WorldSetup};
use conformd::sim::world::World;
use conformd::tasks::region::settings::RegionSettings;
use conformd::tasks::region::{PlanInvalidation, Reconciler, SharedWindow, Surroundings};
use futures_util::FutureExt as _;
use jiff::SignedDuration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use book::{Book, Tick};
use crew::{Crew, Knowledge};
use toll::{Taker, Toll};
use truth::Truth;
use witness::{Lies, Tripwire, Witness};

/// Virtual seconds per second of the paused runtime, in labs that know their members.
const SPEED: u32 = 600;

/// From one reading of a plain directory to the next.
const SOURCE_INTERVAL: Duration = Duration::from_mins(1);

/// The interval of every lab's regions.
pub(crate) const INTERVAL: Duration = Duration::from_mins(15);

/// The account that owns the packs, and manages the organization unless a test says otherwise.
pub(crate) const OWNER: &str = "111111111111";

/// What a lab begins with.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) seed: u64,
    pub(crate) knobs: Knobs,
    pub(crate) regions: Vec<&'static str>,
    pub(crate) mode: Mode,
    /// Whose packs they are; an account that does not manage the organization is registered as
    /// its delegated administrator.
    pub(crate) owner: &'static str,
    pub(crate) quota: usize,
    pub(crate) limits: LossLimits,
    pub(crate) redeploy: Redeploy,
    /// What the process knows of members.
    pub(crate) knowledge: Knowledge,
    /// Whether processes have a record of what was lost, which was begun long ago.
    pub(crate) record: bool,
    /// Whether a manifest that is gone was taken out on purpose.
    pub(crate) absence: Absence,
    /// Members besides the three that every lab has; all of long standing.
    pub(crate) others: u64,
}

/// What random tests vary.
impl fmt::Debug for Setting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, knobs, owner, .. } = self;
        write!(out, "seed {seed}, owner {owner}, {:?}, {:?}", knobs.lag, knobs.paging)
    }
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            seed: 1,
            knobs: Knobs::default(),
            regions: vec!["eu-west-1", "us-east-1"],
            mode: Mode::Sync,
            owner: OWNER,
            quota: 50,
            limits: LossLimits::default(),
            redeploy: Redeploy::default(),
            knowledge: Knowledge::Nothing,
            record: true,
            absence: Absence::Atomic,
            others: 0,
        }
    }
}

impl Setting {
    /// A world in which everything takes effect and shows at once.
    pub(crate) fn instant() -> Self {
        Self { knobs: Knobs::instant(), ..Self::default() }
    }
}

/// The beginning of every lab.
pub(crate) fn start() -> Timestamp {
    "2026-11-02T00:00:00Z".parse().unwrap()
}

/// What the manifests say, and how fresh that is.
#[derive(Debug, Default)]
struct Source {
    files: BTreeMap<SourcePath, FileContent>,
    status: SourceStatus,
    /// Whether readings go on and succeed; else `status` grows old.
    is_read: bool,
    /// When these files were read for the first time.
    since: Option<Timestamp>,
}

impl Source {
    /// As a process sees it whose time of day is `told`.
    fn status(&self, now: Timestamp, told: Timestamp) -> SourceStatus {
        let mut status = self.status.clone();
        if self.is_read {
            status.read_last = Some(told);
        }
        if let Some(evidence) = &mut status.evidence {
            evidence.confirmed = match evidence.absence {
                Absence::Atomic => true,
                Absence::Declared => self.is_read && Some(now) >= evidence.confirms_at,
            };
        }
        status
    }
}

/// What everybody in the lab shares.
#[derive(Debug)]
pub(crate) struct Shared {
    clock: Clock,
    world: Arc<Mutex<World>>,
    policy: Mutex<RegionSettings>,
    policies: watch::Sender<Arc<RegionSettings>>,
    source: Mutex<Source>,
    /// Changes with the files.
    sources: watch::Sender<SourceStatus>,
    book: Mutex<Book>,
    lies: Arc<Mutex<Lies>>,
    toll: Arc<Mutex<Toll>>,
}

/// A lab. Tests that use it run on a paused, single-threaded runtime.
pub(crate) struct Lab {
    setting: Setting,
    shared: Arc<Shared>,
    /// Accepted when the manifests changed; one a region, so that they wake in order.
    reconcile_requests: Vec<Arc<Notify>>,
    /// The process: one task a region.
    lives: JoinSet<()>,
    crew: Option<Crew>,
    /// The clock of the machine that it runs on.
    process_clock: Clock,
    /// What its processes remember.
    record: Option<Record>,
    kills: u32,
}

impl Lab {
    /// A lab whose process is not started yet; see [`Lab::boot`].
    pub(crate) fn new(setting: Setting) -> Self {
        let accounts = [OWNER, "222222222222", "333333333333"].map(|id| id.parse().unwrap());
        let others = (0..setting.others).map(member);
        let accounts = accounts.into_iter().chain(others);
        let regions = setting.regions.iter().map(|region| region.parse().unwrap());
        let mut setup = WorldSetup::new(start(), accounts, regions);
        (setup.seed, setup.knobs) = (setting.seed, setting.knobs.clone());
        let (role, external_id) = crew::PROBE;
        setup.roles.push(RoleSetup {
            account: None,
            name: role.to_owned(),
            trusted: setting.owner.parse().unwrap(),
            external_id: Some(external_id.to_owned()),
            exists: true,
        });
        if setting.owner != OWNER {
            setup.administrators.insert(setting.owner.parse().unwrap());
        }
        let policy = RegionSettings {
            installation: "main".parse().unwrap(),
            mode: setting.mode,
            limits: setting.limits,
            pace: Pace::new(INTERVAL),
            quota: setting.quota,
            resyncs: Resyncs { trouble: INTERVAL, full: Duration::from_hours(6) },
            redeploy: setting.redeploy,
            list_age_max: Duration::from_mins(30),
        };
        let world = Arc::new(Mutex::new(World::new(setup)));
        // Heartbeats are in real time: on a fast clock a week has few of them.
        let speed = if setting.knowledge == Knowledge::Nothing { 1 } else { SPEED };
        let clock = Clock::simulated(start(), speed);
        let members = 3 + usize::try_from(setting.others).unwrap();
        let toll = Toll::new(policy.installation.clone(), setting.limits, members);
        let toll = Arc::new(Mutex::new(toll));
        let book = Mutex::new(Book::new(policy.clone(), Arc::clone(&world), Arc::clone(&toll)));
        let record = setting.record.then(|| record(&policy, setting.owner));
        let (policies, sources) =
            (watch::Sender::new(Arc::new(policy.clone())), watch::Sender::default());
        let (policy, source) = (Mutex::new(policy), Mutex::default());
        let lies = Arc::default();
        let shared =
            Arc::new(Shared { clock, world, policy, policies, source, sources, book, lies, toll });
        let process_clock = shared.clock.clone();
        let (reconcile_requests, lives) = (Vec::new(), JoinSet::new());
        Self {
            setting,
            shared,
            reconcile_requests,
            lives,
            kills: 0,
            crew: None,
            process_clock,
            record,
        }
    }

    /// A lab with these manifests, whose process has started.
    pub(crate) fn with(setting: Setting, manifests: &str) -> Self {
        let mut lab = Self::new(setting);
        lab.write(manifests);
        lab.boot();
        lab
    }

    /// Starts a process that may go this far.
    pub(crate) fn boot_in(&mut self, mode: Mode) {
        self.reload(mode);
        self.boot();
    }

    /// Changes the mode of the processes that run, as a reload of the settings does.
    pub(crate) fn reload(&mut self, mode: Mode) {
        self.setting.mode = mode;
        let mut policy = lock(&self.shared.policy);
        policy.mode = mode;
        self.shared.policies.send_replace(Arc::new(policy.clone()));
        drop(policy);
        self.ask_now();
    }

    /// Starts a process that remembers nothing but what is in the record.
    pub(crate) fn boot(&mut self) {
        self.boot_with(&CallGate::open(), None);
    }

    /// Starts a process without a record, whatever others have.
    pub(crate) fn boot_without_record(&mut self) {
        let record = self.record.take();
        self.boot();
        self.record = record;
    }

    /// The record is lost; processes that start from now on have none.
    pub(crate) fn lose_record(&mut self) {
        self.record = None;
    }

    /// A copy of the record as it is now.
    pub(crate) fn record_copy(&self) -> Record {
        let policy = lock(&self.shared.policy).clone();
        let copy = record(&policy, self.setting.owner);
        let now = self.process_clock.stamp();
        let original = self.record.as_ref().unwrap();
        let remembered = original.window(now).now_or_never().unwrap().unwrap();
        assert!(remembered.losses.is_empty() && remembered.held.is_empty());
        let mut shown: BTreeMap<Region, Vec<Deployment>> = BTreeMap::new();
        for ((region, _), deployment) in remembered.deployments {
            shown.entry(region).or_default().push(deployment);
        }
        for (region, deployments) in shown {
            copy.observe(region, deployments, Vec::new()).now_or_never().unwrap().unwrap();
        }
        copy.level(remembered.levels).now_or_never().unwrap().unwrap();
        copy
    }

    /// Processes that start from now on have this record.
    pub(crate) fn use_record(&mut self, record: Record) {
        self.record = Some(record);
    }

    fn window(&self, clock: &Clock) -> SharedWindow {
        let Some(record) = &self.record else {
            return SharedWindow::without_record(clock, "no state directory is set".to_owned());
        };
        // A record in memory answers at once.
        let remembered = record.window(clock.stamp()).now_or_never().unwrap().unwrap();
        SharedWindow::with_record(record.clone(), &remembered, clock)
    }

    /// Lets the process's time of day jump, so that it is wrong by `error`.
    pub(crate) fn stray(&mut self, error: SignedDuration) {
        lock(&self.shared.book).is_astray = true;
        self.process_clock.stray(error);
    }

    /// The same; every call passes the gate and the tripwire.
    pub(crate) fn boot_with(&mut self, gate: &CallGate, tripwire: Option<&Tripwire>) {
        let process = lock(&self.shared.book).begin(&lock(&self.shared.policy));
        lock(&self.shared.source).status.catalog = None;
        let clock = self.shared.clock.astray(SignedDuration::ZERO);
        self.process_clock = clock.clone();
        let aws = |place: &Place| {
            let (world, time) = (Arc::clone(&self.shared.world), self.shared.clock.clone());
            InProcess::new(world, time, place.clone()).with_date_clock(clock.clone())
        };
        let window = Arc::new(self.window(&clock));
        let places = self.places();
        let crew = Crew::start(self.setting.knowledge, &aws(&places[0]), &clock, &mut self.lives);
        self.crew = Some(crew.clone());
        self.read();
        for place in places {
            let aws = aws(&place).with_gate(gate.clone());
            let watches_since = self.record.is_none().then(|| self.now());
            let taker = Taker { process, watches_since, approvals: BTreeMap::new() };
            let (time, lies) = (self.shared.clock.clone(), Arc::clone(&self.shared.lies));
            let toll = (Arc::clone(&self.shared.toll), taker);
            let witness = Witness::new(aws, time, tripwire.cloned(), lies, toll);
            let writer = self.setting.mode.may_put().then(|| witness.clone());
            let reconciler =
                Reconciler::new(witness.clone(), writer, clock.clone(), Arc::clone(&window));
            let reconcile_now = Arc::new(Notify::new());
            self.reconcile_requests.push(Arc::clone(&reconcile_now));
            let shared = Arc::clone(&self.shared);
            let (crew, clock) = (crew.clone(), clock.clone());
            let watched = PlanInvalidation {
                policy: Some(shared.policies.subscribe()),
                source: Some(shared.sources.subscribe()),
                ..PlanInvalidation::default()
            };
            let life = Life {
                process,
                reconciler,
                witness,
                place,
                shared,
                reconcile_now,
                crew,
                clock,
                watched,
            };
            self.lives.spawn(life.run());
        }
    }

    /// Ends the process at once, wherever it is.
    pub(crate) fn kill(&mut self) {
        self.lives = JoinSet::new();
        self.crew = None;
        self.reconcile_requests.clear();
        self.kills += 1;
        lock(&self.shared.book).settle_toll();
        lock(&self.shared.book).say(self.now(), "-- killed");
    }

    /// Whether a process of this lab was killed.
    pub(crate) fn was_killed(&self) -> bool {
        self.kills > 0
    }

    /// Kills the process and starts a new one.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.boot();
    }

    /// Lets time pass.
    pub(crate) async fn run_for(&mut self, time: Duration) {
        let until = self.now() + time;
        self.run_until(until, std::future::pending()).await;
    }

    /// Lets time pass until then, or until `end`; whether it was `end`.
    pub(crate) async fn run_until(
        &mut self,
        until: Timestamp,
        end: impl Future<Output = ()>,
    ) -> bool {
        let clock = self.shared.clock.clone();
        let left = until.duration_since(clock.now()).try_into().unwrap_or_default();
        tokio::select! {
            biased;
            Some(ended) = self.lives.join_next() => match ended {
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                _ => panic!("a region ended by itself"),
            },
            () = end => true,
            () = clock.sleep(left) => false,
        }
    }

    /// Replaces all manifests; they are read at once.
    pub(crate) fn write(&mut self, manifests: &str) {
        self.write_files([("packs.yaml", manifests)]);
    }

    /// The same, in several files.
    pub(crate) fn write_files<'a>(&mut self, files: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let file = |(path, text): (&str, &str)| {
            (SourcePath::new(path).unwrap(), FileContent::Bytes(text.as_bytes().into()))
        };
        let files = files.into_iter().map(file).collect();
        let mut source = lock(&self.shared.source);
        if source.files != files {
            (source.files, source.since) = (files, None);
        }
        drop(source);
        self.read();
    }

    /// Readings succeed again.
    pub(crate) fn read_source(&mut self) {
        self.read();
    }

    /// Reads the manifests, as the source task does.
    fn read(&self) {
        let mut source = lock(&self.shared.source);
        let snapshot = Snapshot::of_directory(source.files.clone());
        let regions = self.places().into_iter().map(|place| place.region).collect();
        let catalog = Some(catalog(&snapshot, regions, source.status.catalog.as_deref()));
        let now = self.now();
        let since = *source.since.get_or_insert(now);
        source.status = SourceStatus {
            catalog: catalog.clone(),
            read_last: Some(now),
            evidence: Some(RevisionEvidence {
                absence: self.setting.absence,
                since,
                since_elapsed: Duration::ZERO,
                confirmed: false,
                confirms_at: Some(since + SOURCE_INTERVAL),
            }),
            ..SourceStatus::default()
        };
        source.is_read = true;
        self.shared.sources.send_if_modified(|status| {
            let is_new = status.catalog != catalog;
            status.catalog = catalog;
            is_new
        });
        self.crew.iter().for_each(|crew| crew.ask(&source.status));
        drop(source);
        self.ask_now();
    }

    /// Wakes every region, as `POST /api/v1/reconcile` does.
    pub(crate) fn ask_now(&self) {
        self.reconcile_requests.iter().for_each(|reconcile_now| reconcile_now.notify_one());
    }

    /// From now on readings fail with this problem.
    pub(crate) fn fail_source(&mut self, problem: &str) {
        let mut source = lock(&self.shared.source);
        source.status.read_last = Some(self.now());
        source.status.unread =
            Some(SourceProblem { outcome: ReadingOutcome::Unreadable, text: problem.to_owned() });
        source.is_read = false;
    }

    /// From now on nobody reads the source, and nobody says so.
    pub(crate) fn freeze_source(&mut self) {
        let mut source = lock(&self.shared.source);
        source.status.read_last = Some(self.now());
        source.is_read = false;
    }

    /// Something happens to AWS now.
    pub(crate) fn event(&mut self, event: &WorldEvent) {
        let now = self.now();
        event.happen(&mut self.world(), now).unwrap();
    }

    /// Requests begin to go wrong.
    pub(crate) fn fault(&mut self, rule: FaultRule) {
        self.world().add_fault(rule);
    }

    /// No request goes wrong any more.
    pub(crate) fn heal(&mut self) {
        self.world().clear_faults();
    }

    /// From now on the credentials in use are another account's.
    pub(crate) fn pretend_to_be(&mut self, account: AccountId) {
        lock(&self.shared.lies).caller = Some(account);
    }

    /// From now on AWS does not echo markers.
    pub(crate) fn drop_markers(&mut self) {
        lock(&self.shared.lies).drops_markers = true;
    }

    /// From now on the answer to a write takes so long.
    pub(crate) fn slow_writes(&mut self, wait: Duration) {
        lock(&self.shared.lies).write_takes = wait;
    }

    /// A line of the trace for what the test does.
    pub(crate) fn note(&mut self, what: &str) {
        let now = self.now();
        lock(&self.shared.book).say(now, &format!("-- {what}"));
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.shared.world)
    }

    pub(crate) fn owner(&self) -> AccountId {
        self.setting.owner.parse().unwrap()
    }

    pub(crate) fn places(&self) -> Vec<Place> {
        let (account, regions) = (self.owner(), self.setting.regions.iter());
        let place = |region: &&str| Place { account, region: region.parse().unwrap() };
        regions.map(place).collect()
    }

    /// Every pack of the owner as it is, without delay or disguise.
    pub(crate) fn truth(&self) -> BTreeMap<(Region, PackName), Truth> {
        let mut world = self.world();
        world.advance_to(self.now());
        let packs = self.places().into_iter().flat_map(|place| {
            let names = world.pack_names(&place);
            let packs = names.into_iter().map(|name| {
                let truth =
                    Truth::of(&world, &place, &name, &lock(&self.shared.policy).installation);
                ((place.region.clone(), name), truth)
            });
            packs.collect::<Vec<_>>()
        });
        packs.collect()
    }

    /// How often each pack was put and deleted by us with effect.
    pub(crate) fn effects(&self) -> BTreeMap<(Region, String), Effects> {
        let mut all = BTreeMap::<_, Effects>::new();
        for entry in self.world().log().entries() {
            let Some(pack) = entry.subject.clone().filter(|_| entry.took_effect) else { continue };
            let effects = all.entry((entry.region.clone(), pack)).or_default();
            match (entry.origin, entry.operation) {
                (RequestOrigin::Client, Operation::PutOrganizationConformancePack) => {
                    effects.puts += 1;
                }
                (RequestOrigin::Client, Operation::DeleteOrganizationConformancePack) => {
                    effects.deletes += 1;
                }
                _ => {}
            }
        }
        all.retain(|_, effects| *effects != Effects::default());
        all
    }

    /// The trace since it was taken last.
    pub(crate) fn trace(&self) -> String {
        lock(&self.shared.book).take_trace()
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.shared.book)
    }

    /// The most of each limit that was used within any day.
    pub(crate) fn worst(&self) -> BTreeMap<&'static str, (toll::Share, String)> {
        lock(&self.shared.book).settle_toll();
        lock(&self.shared.toll).worst.clone()
    }

    /// The last report of a region.
    pub(crate) fn report(&self, region: &str) -> RegionReport {
        lock(&self.shared.book).reports[&region.parse::<Region>().unwrap()].clone()
    }

    /// An approval of everything that waits for one in a region; nothing where nothing does.
    pub(crate) fn approval_of_pending(&self, region: &str) -> String {
        let Some(pending) = self.report(region).pending else { return String::new() };
        let expires = self.now() + hours(6 * 24);
        format!("---\n{}", manifests::approval_of_losses(region, &pending.losses, expires))
    }

    /// The last plan of every region.
    pub(crate) fn plans(&self) -> String {
        lock(&self.shared.book).plans()
    }

    /// The last plan of a region, without its first line.
    pub(crate) fn plan(&self, region: &str) -> String {
        let report = self.report(region);
        let text = PlanText { plan: &report.plan, values: Values::Shown }.to_string();
        text.split_once('\n').unwrap().1.to_owned()
    }
}

/// What conformd did to a pack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Effects {
    pub(crate) puts: u32,
    pub(crate) deletes: u32,
}

/// One region's task, as `region::task` runs it, without metrics and with a witness.
struct Life {
    process: u32,
    reconciler: Reconciler<Witness, Witness>,
    witness: Witness,
    place: Place,
    shared: Arc<Shared>,
    reconcile_now: Arc<Notify>,
    crew: Crew,
    clock: Clock,
    watched: PlanInvalidation,
}

impl Life {
    async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let Shared { clock, policy, source, book, .. } = &*shared;
        loop {
            // What the reconciliation goes by counts as seen; what comes later closes its gate.
            self.watched.policy.iter_mut().for_each(|it| drop(it.borrow_and_update()));
            self.watched.source.iter_mut().for_each(|it| drop(it.borrow_and_update()));
            let (started, policy) = (clock.now(), lock(policy).clone());
            let now = self.clock.now();
            let source = lock(source).status(started, now);
            let catalog = source.catalog.as_ref();
            let approvals = catalog.map(|it| it.approvals.clone()).unwrap_or_default();
            self.witness.goes_by(approvals);
            let around = Surroundings {
                source: source.clone(),
                membership: Arc::clone(&self.crew.membership.borrow_and_update()),
                recorders: Arc::clone(&self.crew.recorders.borrow_and_update()),
            };
            let report = self.reconciler.reconcile(&policy, &around, &self.watched).await;
            let pause = self.reconciler.pause(&report, &policy.pace);
            let notes = self.witness.take_notes();
            let place = self.place.clone();
            let tick = Tick { process: self.process, started, now, place, source, notes };
            lock(book).enter(&tick, report, clock.now());
            self.rest(&policy, pause).await;
        }
    }

    /// Reads members until something wakes the region.
    async fn rest(&mut self, policy: &RegionSettings, pause: Duration) {
        let began = self.clock.elapsed();
        let mut end = began + pause;
        loop {
            self.tell();
            let left = end.saturating_sub(self.clock.elapsed());
            let follows = self.crew.knowledge.has_rows();
            // All arms are cancel-safe: a request that nobody awaits is kept.
            let news = tokio::select! {
                biased;
                () = self.reconcile_now.notified() => return,
                () = self.crew.changed() => return,
                () = self.clock.sleep(left) => return,
                news = self.reconciler.follow(policy), if follows => news,
            };
            let soon = began + policy.pace.refresh_again;
            if news.matters {
                end = end.min(soon);
            }
        }
    }

    /// Shows what is known of members, as the daemon publishes it.
    fn tell(&self) {
        let (book, now) = (&self.shared.book, self.shared.clock.now());
        let tracking = self.reconciler.tracking().clone();
        let report = lock(book).learn(self.process, &self.place.region, tracking, now);
        self.crew.publish(&report);
    }
}

/// A record that was begun a month before the lab, in which nothing was lost.
fn record(policy: &RegionSettings, owner: &str) -> Record {
    let terms = RecordTerms {
        directory: None,
        installation: policy.installation.clone(),
        account: owner.parse().unwrap(),
        command: "conformd run".to_owned(),
        retention: hours(90 * 24),
        bytes_max: BYTES_MAX,
    };
    let began = Stamp { wall: start() - hours(30 * 24), aws: None, boot: None };
    Record::in_memory(terms, &began)
}

/// An account joins, with this recorder everywhere.
pub(crate) fn joins(account: AccountId, recorder: RecorderSetup) -> WorldEvent {
    WorldEvent::Join(AccountEntry {
        id: account,
        name: None,
        state: AccountState::Active,
        joined: None,
        invited: false,
        parent: None,
        tags: BTreeMap::new(),
        regions_off: BTreeSet::new(),
        recorder,
        recorders: BTreeMap::new(),
    })
}

/// The id of one of the other members.
pub(crate) fn member(number: u64) -> AccountId {
    format!("{:012}", 400_000_000_000 + number).parse().unwrap()
}

/// Reads the manifests, or remembers what was read of them after the same past.
fn catalog(
    snapshot: &Snapshot,
    regions: BTreeSet<Region>,
    previous: Option<&Catalog>,
) -> Arc<Catalog> {
    let key = (snapshot.revision.0.clone(), previous.map(|it| it.revision.0.clone()), regions);
    let constraints = Constraints { regions: Some(key.2.clone()), ..Constraints::default() };
    let read = || Arc::new(Catalog::read(snapshot, &constraints, previous));
    // What is remembered of a broken past may be anything.
    if previous.is_some_and(|catalog| !catalog.wholly_valid) {
        return read();
    }
    CATALOGS.with_borrow_mut(|known| Arc::clone(known.entry(key).or_insert_with(read)))
}

thread_local! {
    /// Thousands of runs read a few manifests.
    static CATALOGS: RefCell<BTreeMap<Reading, Arc<Catalog>>> = RefCell::default();
}

/// A revision, the one before it, and the regions.
type Reading = (String, Option<String>, BTreeSet<Region>);

/// The content of a lock; what panicked elsewhere is reported there.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs this on a fresh runtime of the lab's kind, for properties.
pub(crate) fn in_virtual_time<T>(run: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(run)
}

/// So many minutes.
pub(crate) fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

/// So many hours.
pub(crate) fn hours(hours: u64) -> Duration {
    Duration::from_hours(hours)
}
