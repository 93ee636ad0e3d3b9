//! The daemon in virtual time: its own tasks in its own channels, on a simulated AWS and a real
//! directory. Without a server, sessions, supervision and the log.

use std::collections::BTreeSet;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use conformd::beats::{Beats, Heartbeat, SILENCE_MAX};
use conformd::clock::Clock;
use conformd::cloud::AttemptObserver;
use conformd::domain::base::heartbeat::{Task, TaskId};
use conformd::domain::base::limits;
use conformd::domain::base::mode::Mode;
use conformd::domain::base::model::{PackName, Place, Region, Timestamp};
use conformd::domain::base::time::Pace;
use conformd::domain::declared::catalog::ParsedFile;
use conformd::domain::declared::constraints::Constraints;
use conformd::domain::declared::snapshot::Absence;
use conformd::domain::declared::source::SourceStatus;
use conformd::domain::members::tracker::Resyncs;
use conformd::domain::observed::recorder::Recorders;
use conformd::domain::organization::membership::Membership;
use conformd::domain::plan::guard::LossLimits;
use conformd::domain::plan::redeploy::Redeploy;
use conformd::domain::present::report::Reports;
use conformd::domain::present::view::{About, ConfirmedCaller, CurrentState};
use conformd::limiter::{Budget, Limited, Limiter};
use conformd::metrics::{
    Exchange, LoopPeriods, Metrics, MetricsSetup, MetricsView, Program, ReloadedSettings,
};
use conformd::sim::in_process::InProcess;
use conformd::sim::simulation::Simulation;
use conformd::tasks::organization::{Demand, Paced};
use conformd::tasks::probe::MemberProbe;
use conformd::tasks::region::settings::RegionSettings;
use conformd::tasks::region::task::RegionChannels;
use conformd::tasks::region::{Reconciler, SharedWindow, task};
use conformd::tasks::source::directory::Directory;
use conformd::tasks::source::{FreshReading, ReadingCount};
use conformd::tasks::{organization, probe, source};
use tokio::sync::{Notify, Semaphore, broadcast, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::story::{OWNER, PROBE, REGIONS};

/// The defaults of the settings.
const INTERVALS: LoopPeriods = LoopPeriods {
    source: Duration::from_mins(1),
    organization: Duration::from_mins(10),
    region: Duration::from_mins(15),
    failure_resync: Duration::from_mins(15),
    full_resync: Duration::from_hours(6),
};
const PROBED_EVERY: Duration = Duration::from_mins(10);

/// One process, from its start until it is dropped.
pub(crate) struct Daemon {
    clock: Clock,
    metrics: Metrics,
    beats: Beats,
    pulses: [Heartbeat; 2],
    reports: watch::Sender<Reports>,
    source: watch::Sender<SourceStatus>,
    readings: watch::Sender<ReadingCount>,
    /// Asks for a reading of the source.
    wake: Arc<Notify>,
    membership: watch::Sender<Arc<Membership>>,
    recorders: watch::Sender<Arc<Recorders>>,
    tasks: JoinSet<()>,
    started: Timestamp,
}

impl Daemon {
    /// Starts every task, without any memory.
    pub(crate) fn start(simulation: &Simulation, manifests: &Path) -> Self {
        let clock = simulation.clock().astray(jiff::SignedDuration::ZERO);
        let started = clock.now();
        let program =
            Program { version: "0.1.0".to_owned(), commit: None, simulated: true, started };
        let settings = ReloadedSettings {
            mode: Mode::Sync,
            regions: regions(),
            intervals: INTERVALS,
            quota: 50,
            pack_labels: BTreeSet::new(),
        };
        let metrics = Metrics::new(&MetricsSetup { program, settings }).unwrap();
        metrics.reloaded(true, clock.now());
        metrics.show_record(true, 4_096, 0);
        metrics.routes(&["/metrics"], &["GET"], &["2xx"]);
        let beats = Beats::new(clock.clone());
        let pulses = [Task::Source, Task::Http];
        let mut daemon = Self {
            pulses: pulses.map(|task| beats.begin(TaskId::sole(task), SILENCE_MAX)),
            beats,
            clock,
            metrics,
            reports: watch::Sender::default(),
            source: watch::Sender::default(),
            wake: Arc::new(Notify::new()),
            readings: watch::Sender::default(),
            membership: watch::Sender::default(),
            recorders: watch::Sender::default(),
            tasks: JoinSet::new(),
            started,
        };
        daemon.spawn_source(manifests);
        let aws = daemon.aws(simulation, REGIONS[0]);
        let [asked, sources @ ..] = daemon.sources_apart();
        daemon.spawn_organization(&aws, asked);
        daemon.spawn_probe(&aws);
        daemon.spawn_regions(simulation, sources);
        daemon
    }

    fn aws(&self, simulation: &Simulation, region: &str) -> InProcess {
        let place = Place { account: OWNER.parse().unwrap(), region: region.parse().unwrap() };
        InProcess::new(Arc::clone(simulation.world()), simulation.clock().clone(), place)
            .with_date_clock(self.clock.clone())
            .with_observer(Arc::new(self.metrics.clone()))
    }

    fn spawn_source(&mut self, manifests: &Path) {
        let settings = source::SourceSettings {
            directory: Directory::new(manifests, "").unwrap(),
            interval: INTERVALS.source,
            events: false,
            parser: ParsedFile::of,
            absence: Absence::Atomic,
        };
        let (sender, constraints) = watch::channel(constraints());
        let channels = source::SourceChannels {
            constraints,
            status: self.source.clone(),
            readings: self.readings.clone(),
            wake: Arc::clone(&self.wake),
        };
        let (clock, stop) = (self.clock.clone(), CancellationToken::new());
        self.tasks.spawn(async move {
            source::run(settings, channels, clock, stop).await;
            drop(sender);
        });
    }

    fn spawn_organization(&mut self, aws: &InProcess, mut source: watch::Receiver<SourceStatus>) {
        let asked = watch::Sender::new(demand(&SourceStatus::default()));
        let channels = organization::OrganizationChannels {
            demand: asked.subscribe(),
            membership: self.membership.clone(),
            beats: self.beats.clone(),
        };
        self.tasks.spawn(async move {
            while source.changed().await.is_ok() {
                asked.send_replace(demand(&source.borrow_and_update()));
            }
        });
        let (port, clock) = (Paced::new(aws, &self.clock), self.clock.clone());
        self.tasks.spawn(organization::run(port, channels, clock, CancellationToken::new()));
    }

    fn spawn_probe(&mut self, aws: &InProcess) {
        let channels = probe::ProbeChannels {
            reports: self.reports.subscribe(),
            recorders: self.recorders.clone(),
            beats: self.beats.clone(),
        };
        let (role, external_id) = PROBE;
        let members = aws.members(role, Some(external_id));
        let probe = Arc::new(MemberProbe::new(members, PROBED_EVERY, self.clock.clone()));
        self.tasks.spawn(probe::run(Some(probe), channels, CancellationToken::new()));
    }

    /// Channels that follow the source: whoever hears them is woken only by what wakes receivers of
    /// the source, and sees its times all the same.
    fn sources_apart(&mut self) -> [watch::Receiver<SourceStatus>; 4] {
        let senders = [(); 4].map(|()| watch::Sender::<SourceStatus>::default());
        let receivers = senders.each_ref().map(watch::Sender::subscribe);
        let (mut source, mut readings) = (self.source.subscribe(), self.readings.subscribe());
        self.tasks.spawn(async move {
            while readings.changed().await.is_ok() {
                let wakes = source.has_changed().is_ok_and(|changed| changed);
                let now = source.borrow_and_update().clone();
                for sender in &senders {
                    sender.send_if_modified(|shown| {
                        shown.clone_from(&now);
                        wakes
                    });
                }
            }
        });
        receivers
    }

    /// So many channels that follow this one. Receivers of one channel wake in random order, and a
    /// recording has to be the same every time.
    fn apart<T: Clone + Default + Send + Sync + 'static, const COUNT: usize>(
        &mut self,
        mut channel: watch::Receiver<T>,
    ) -> [watch::Receiver<T>; COUNT] {
        let senders = [(); COUNT].map(|()| watch::Sender::<T>::default());
        let receivers = senders.each_ref().map(watch::Sender::subscribe);
        self.tasks.spawn(async move {
            while channel.changed().await.is_ok() {
                let news = channel.borrow_and_update().clone();
                for sender in &senders {
                    sender.send_replace(news.clone());
                }
            }
        });
        receivers
    }

    fn spawn_regions(
        &mut self,
        simulation: &Simulation,
        sources: [watch::Receiver<SourceStatus>; 3],
    ) {
        let window = Arc::new(SharedWindow::watched(&self.clock));
        let slots = Arc::new(Semaphore::new(64));
        let policy = watch::Sender::new(Arc::new(policy()));
        let constraints = watch::Sender::new(constraints());
        let reconcile_now = watch::Sender::default();
        let membership: [_; 3] = self.apart(self.membership.subscribe());
        let recorders: [_; 3] = self.apart(self.recorders.subscribe());
        let apart = sources.into_iter().zip(membership).zip(recorders);
        for (region, ((source, membership), recorders)) in REGIONS.into_iter().zip(apart) {
            let observer: Arc<dyn AttemptObserver> = Arc::new(self.metrics.clone());
            let limiter = Limiter::new(budget(), self.clock.clone())
                .sharing(Arc::clone(&slots))
                .observed(region.parse().unwrap(), observer);
            let aws = Limited::new(self.aws(simulation, region), Arc::new(limiter));
            let (clock, window) = (self.clock.clone(), Arc::clone(&window));
            let reconciler = Reconciler::new(aws.clone(), Some(aws), clock.clone(), window);
            let channels = RegionChannels {
                policy: policy.subscribe(),
                constraints: constraints.subscribe(),
                source,
                membership,
                recorders,
                fresh_reading: FreshReading {
                    wake: Arc::clone(&self.wake),
                    readings: self.readings.subscribe(),
                    status: self.source.subscribe(),
                },
                reconcile_now: watch::Sender::subscribe(&reconcile_now),
                reports: self.reports.clone(),
                // Nobody keeps a journal here.
                news: broadcast::Sender::new(1),
                metrics: self.metrics.clone(),
                beats: self.beats.clone(),
            };
            self.tasks.spawn(task::run(reconciler, channels, clock, CancellationToken::new()));
        }
        // Nobody changes the settings or rings; the channels have to stay open.
        self.tasks.spawn(async move {
            std::future::pending::<()>().await;
            drop((policy, constraints, reconcile_now));
        });
    }

    /// The answer to `GET /metrics`.
    pub(crate) fn scrape(&self) -> String {
        self.pulses.iter().for_each(Heartbeat::beat);
        let beats = self.beats.signs().into_iter().map(|sign| (sign.beater, sign.at)).collect();
        let facts = &self.facts();
        let now = self.clock.now();
        let text = self.metrics.scrape(MetricsView { facts, beats: &beats, now });
        self.metrics.answered(&Exchange {
            route: "/metrics",
            method: "GET",
            code: "2xx",
            elapsed: Duration::ZERO,
        });
        text.unwrap()
    }

    /// The packs that wait for an approval, in any region.
    pub(crate) fn pending(&self) -> BTreeSet<PackName> {
        let reports = self.reports.borrow();
        let pending = reports.values().filter_map(|report| report.pending.as_ref());
        pending.flat_map(|pending| pending.losses.keys().cloned()).collect()
    }

    pub(crate) fn facts(&self) -> CurrentState {
        CurrentState {
            about: About {
                regions: regions(),
                started: self.started,
                ..crate::support::people::about()
            },
            caller: ConfirmedCaller::Confirmed { account: OWNER.parse().unwrap() },
            source: self.source.borrow().clone(),
            membership: self.membership.borrow().clone(),
            recorders: self.recorders.borrow().clone(),
            reports: self.reports.borrow().clone(),
            record: None,
            skew: self.clock.skew(),
            now: self.clock.aws_now(),
        }
    }
}

fn constraints() -> Constraints {
    Constraints { regions: Some(regions()), ..Constraints::default() }
}

fn regions() -> BTreeSet<Region> {
    REGIONS.into_iter().map(|region| region.parse().unwrap()).collect()
}

fn policy() -> RegionSettings {
    RegionSettings {
        installation: "main".parse().unwrap(),
        mode: Mode::Sync,
        limits: LossLimits::default(),
        pace: Pace::new(INTERVALS.region),
        quota: limits::PACKS.upper,
        resyncs: Resyncs { trouble: INTERVALS.failure_resync, full: INTERVALS.full_resync },
        redeploy: Redeploy::default(),
        list_age_max: INTERVALS.organization * 3,
    }
}

/// The default of the settings.
fn budget() -> Budget {
    let [per_second, burst] = [2, 10].map(|number| NonZeroU32::new(number).unwrap());
    Budget { per_second, burst, in_flight: NonZeroUsize::new(4).unwrap() }
}

fn demand(source: &SourceStatus) -> Demand {
    let catalog = source.catalog.as_ref();
    Demand {
        interest: catalog.map(|catalog| catalog.interest()),
        approvals: catalog.map(|catalog| catalog.approvals.clone()).unwrap_or_default(),
        interval: INTERVALS.organization,
    }
}
