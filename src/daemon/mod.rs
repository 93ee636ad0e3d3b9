//! The daemon: every long task is spawned here, and they meet only in `watch` channels.
//!
//! ```text
//! source ─▶ region × n ─▶ reports ─▶ HTTP, journal
//!    │          ▲  ▲         │
//!    │          │  └── probe ◀┘
//!    └─▶ organization
//! ```

mod readiness;
mod record;
pub(crate) mod reloader;
pub(crate) mod settings;
mod supervise;
pub(crate) mod systemd;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::readiness::DaemonStatus;
use self::reloader::Reloader;
use self::settings::{about, demand, shown, token};
use self::supervise::{Hopeless, supervise};
use crate::beats::{Beats, SILENCE_MAX};
use crate::clock::Clock;
use crate::config::{Config, ConfigError, SettingsFile};
use crate::current::StateReceivers;
use crate::domain::base::heartbeat::{Task, TaskId};
use crate::domain::base::model::Region;
use crate::domain::declared::catalog::ParsedFile;
use crate::domain::declared::constraints::Constraints;
use crate::domain::declared::source::SourceStatus;
use crate::domain::observed::recorder::Recorders;
use crate::domain::organization::membership::Membership;
use crate::domain::plan::event::Events;
use crate::domain::plan::record::RecordStatus;
use crate::domain::present::journal::Notification;
use crate::domain::present::report::Reports;
use crate::http::{self, About, BearerToken, ConfirmedCaller, Listeners};
use crate::metrics::{Metrics, MetricsSetup, Program};
use crate::session;
use crate::session::{AwsSession, Remembering};
use crate::tasks::organization::Demand;
use crate::tasks::region::settings::RegionSettings;
use crate::tasks::region::task;
use crate::tasks::region::task::RegionChannels;
use crate::tasks::source::{FreshReading, ReadingCount};
use crate::tasks::{journal, organization, probe, source};

/// How long tasks may take to end after a stop; what is in flight then is abandoned.
const DRAIN: Duration = Duration::from_secs(9);
/// Between two tries to learn the caller's identity at start.
const IDENTITY_AGAIN: Duration = Duration::from_secs(10);

/// A daemon that has settings and has not started.
pub(crate) struct Daemon {
    config: Arc<Config>,
    clock: Clock,
    metrics: Metrics,
    beats: Beats,
    token: Option<BearerToken>,
    about: watch::Sender<About>,
    settings: watch::Sender<Arc<Config>>,
    /// What it does with the record.
    remembering: Remembering,
    reports: watch::Sender<Reports>,
    source: watch::Sender<SourceStatus>,
    readings: watch::Sender<ReadingCount>,
    membership: watch::Sender<Arc<Membership>>,
    recorders: watch::Sender<Arc<Recorders>>,
    news: broadcast::Sender<Notification>,
    events: watch::Sender<Events>,
    reconcile_now: watch::Sender<u64>,
    /// Accepted from outside.
    requests: Arc<Notify>,
    /// Asks the source for a reading.
    source_wake: Arc<Notify>,
    caller: watch::Sender<ConfirmedCaller>,
    record: watch::Sender<Option<RecordStatus>>,
}

impl Daemon {
    /// Sets everything up; nothing runs yet.
    pub(crate) fn new(
        config: Config,
        clock: Clock,
        remembering: Remembering,
    ) -> anyhow::Result<Self> {
        let about = about(&config, clock.now());
        let metrics = Metrics::new(&MetricsSetup {
            program: Program {
                version: about.version.clone(),
                commit: option_env!("CONFORMD_COMMIT").map(ToOwned::to_owned),
                simulated: about.simulated,
                started: about.started,
            },
            settings: shown(&config),
        })?;
        metrics.reloaded(true, clock.now());
        let config = Arc::new(config);
        Ok(Self {
            token: token(&config)?,
            remembering,
            settings: watch::Sender::new(Arc::clone(&config)),
            config,
            metrics,
            beats: Beats::new(clock.clone()),
            about: watch::Sender::new(about),
            clock,
            reports: watch::Sender::default(),
            source: watch::Sender::default(),
            readings: watch::Sender::default(),
            membership: watch::Sender::default(),
            recorders: watch::Sender::default(),
            news: broadcast::Sender::new(journal::NOTIFICATIONS_MAX),
            events: watch::Sender::default(),
            reconcile_now: watch::Sender::default(),
            requests: Arc::default(),
            source_wake: Arc::default(),
            caller: watch::Sender::new(ConfirmedCaller::Unconfirmed { problem: None }),
            record: watch::Sender::default(),
        })
    }

    /// Where log lines that had to be dropped are counted.
    pub(crate) fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// The heartbeats of its tasks.
    pub(crate) fn beats(&self) -> Beats {
        self.beats.clone()
    }

    /// Its state in one line.
    pub(crate) fn status(&self) -> DaemonStatus {
        DaemonStatus(self.current())
    }

    /// What it knows, at every moment.
    pub(crate) fn http_state(&self) -> http::HttpState {
        http::HttpState {
            current: self.current(),
            events: self.events.subscribe(),
            beats: self.beats.clone(),
            metrics: self.metrics.clone(),
            reconcile_now: Arc::clone(&self.requests),
            token: self.token.clone(),
        }
    }

    /// Everything that is known, as it changes.
    pub(crate) fn current(&self) -> StateReceivers {
        StateReceivers {
            about: self.about.subscribe(),
            caller: self.caller.subscribe(),
            source: self.source.subscribe(),
            membership: self.membership.subscribe(),
            recorders: self.recorders.subscribe(),
            reports: self.reports.subscribe(),
            record: self.record.subscribe(),
            clock: self.clock.clone(),
        }
    }

    /// What takes new settings from this file.
    pub(crate) fn reloader(&self, file: SettingsFile) -> Reloader {
        Reloader {
            file,
            settings: self.settings.clone(),
            news: self.news.clone(),
            metrics: self.metrics.clone(),
            clock: self.clock.clone(),
        }
    }

    /// Runs until `stop`; then tasks have [`DRAIN`] to end.
    pub(crate) async fn serve(
        self,
        listeners: impl Into<Listeners>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut tasks: JoinSet<Result<(), Hopeless>> = JoinSet::new();
        self.spawn_http(&mut tasks, listeners.into(), &stop);
        self.spawn_journal(&mut tasks, &stop);
        let constraints = watch::Sender::new(session::constraints(&self.config));
        self.spawn_source(&mut tasks, &constraints, &stop)?;
        let Some(session) = self.open_session(&stop).await? else {
            return drain(tasks).await;
        };
        let session = Arc::new(session);
        self.spawn_record(&mut tasks, &session, &stop);
        self.spawn_probe(&mut tasks, &session, &stop);
        let policy = watch::Sender::new(Arc::new(session::policy(&self.config)));
        let mut source = self.source.subscribe();
        let demand = watch::Sender::new(demand(&self.config, &source.borrow()));
        self.spawn_organization(&mut tasks, &session, &demand, stop.clone());
        let mut regions: BTreeMap<Region, CancellationToken> = BTreeMap::new();
        let mut settings = self.settings.subscribe();
        loop {
            let config = settings.borrow_and_update().clone();
            self.metrics.configure(&shown(&config));
            self.about.send_modify(|shown| *shown = about(&config, shown.started));
            // Before the settings of regions: no region may write by new settings what was checked
            // against the old ones.
            constraints.send_if_modified(|constraints| {
                replace(constraints, session::constraints(&config))
            });
            policy.send_if_modified(|policy| replace(policy, Arc::new(session::policy(&config))));
            let asked = crate::daemon::demand(&config, &source.borrow_and_update());
            demand.send_if_modified(|demand| replace(demand, asked));
            let wanted: BTreeSet<&Region> = config.aws.regions.iter().collect();
            regions.retain(|region, token| {
                let stays = wanted.contains(region);
                if !stays {
                    token.cancel();
                    self.forget(region);
                }
                stays
            });
            for region in wanted {
                if !regions.contains_key(region) {
                    let token = stop.child_token();
                    let end = token.clone();
                    self.spawn_region(&mut tasks, &session, region, &policy, &constraints, end);
                    regions.insert(region.clone(), token);
                }
            }
            // All arms are cancel-safe: `join_next` only takes finished tasks.
            tokio::select! {
                biased;
                () = stop.cancelled() => return drain(tasks).await,
                Ok(()) = settings.changed() => {}
                Ok(()) = source.changed() => {}
                () = self.requests.notified() => {
                    self.source_wake.notify_one();
                    self.reconcile_now.send_modify(|count| *count = count.wrapping_add(1));
                }
                Some(end) = tasks.join_next() => {
                    if let Ok(Err(hopeless)) = end {
                        stop.cancel();
                        drain(tasks).await?;
                        return Err(hopeless.into());
                    }
                }
            }
        }
    }

    fn spawn_source(
        &self,
        tasks: &mut JoinSet<Result<(), Hopeless>>,
        constraints: &watch::Sender<Constraints>,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let reading = source::SourceSettings {
            directory: session::directory(&self.config)?,
            interval: self.config.intervals.source,
            events: true,
            parser: ParsedFile::of,
            absence: session::absence(&self.config),
        };
        let channels = source::SourceChannels {
            constraints: constraints.subscribe(),
            status: self.source.clone(),
            readings: self.readings.clone(),
            wake: Arc::clone(&self.source_wake),
        };
        let (clock, beats, end) = (self.clock.clone(), self.beats.clone(), stop.clone());
        let metrics = self.metrics.clone();
        tasks.spawn(supervise(
            "source",
            stop.clone(),
            move || metrics.panicked(Task::Source),
            move || {
                let heartbeat = beats.begin(TaskId::sole(Task::Source), SILENCE_MAX);
                let (clock, end) = (clock.clone(), end.clone());
                let task = source::run(reading.clone(), channels.clone(), clock, end);
                async move {
                    heartbeat.during(task).await;
                    heartbeat.end();
                }
            },
        ));
        Ok(())
    }

    fn spawn_http(
        &self,
        tasks: &mut JoinSet<Result<(), Hopeless>>,
        listeners: Listeners,
        stop: &CancellationToken,
    ) {
        let (state, stop) = (self.http_state(), stop.clone());
        tasks.spawn(async move {
            http::serve(listeners, state, stop).await;
            Ok(())
        });
    }

    fn spawn_journal(&self, tasks: &mut JoinSet<Result<(), Hopeless>>, stop: &CancellationToken) {
        let channels = journal::JournalChannels {
            current: self.current(),
            news: self.news.clone(),
            events: self.events.clone(),
            beats: self.beats.clone(),
        };
        let (metrics, clock, end) = (self.metrics.clone(), self.clock.clone(), stop.clone());
        tasks.spawn(supervise(
            "journal",
            stop.clone(),
            move || metrics.panicked(Task::Journal),
            move || journal::run(channels.clone(), clock.clone(), end.clone()),
        ));
    }

    fn spawn_probe(
        &self,
        tasks: &mut JoinSet<Result<(), Hopeless>>,
        session: &AwsSession,
        stop: &CancellationToken,
    ) {
        let channels = probe::ProbeChannels {
            reports: self.reports.subscribe(),
            recorders: self.recorders.clone(),
            beats: self.beats.clone(),
        };
        let (probe, metrics, end) =
            (session.probe().map(Arc::new), self.metrics.clone(), stop.clone());
        tasks.spawn(supervise(
            "probe",
            stop.clone(),
            move || metrics.panicked(Task::Probe),
            move || probe::run(probe.clone(), channels.clone(), end.clone()),
        ));
    }

    fn spawn_organization(
        &self,
        tasks: &mut JoinSet<Result<(), Hopeless>>,
        session: &Arc<AwsSession>,
        demand: &watch::Sender<Demand>,
        stop: CancellationToken,
    ) {
        let channels = organization::OrganizationChannels {
            demand: demand.subscribe(),
            membership: self.membership.clone(),
            beats: self.beats.clone(),
        };
        let (session, clock) = (Arc::clone(session), self.clock.clone());
        let (metrics, end) = (self.metrics.clone(), stop.clone());
        tasks.spawn(supervise(
            "organization",
            stop,
            move || metrics.panicked(Task::Organization),
            move || {
                let port = session.organization.clone();
                organization::run(port, channels.clone(), clock.clone(), end.clone())
            },
        ));
    }

    fn spawn_region(
        &self,
        tasks: &mut JoinSet<Result<(), Hopeless>>,
        session: &Arc<AwsSession>,
        region: &Region,
        policy: &watch::Sender<Arc<RegionSettings>>,
        constraints: &watch::Sender<Constraints>,
        stop: CancellationToken,
    ) {
        let channels = RegionChannels {
            policy: policy.subscribe(),
            constraints: constraints.subscribe(),
            source: self.source.subscribe(),
            membership: self.membership.subscribe(),
            recorders: self.recorders.subscribe(),
            fresh_reading: FreshReading {
                wake: Arc::clone(&self.source_wake),
                readings: self.readings.subscribe(),
                status: self.source.subscribe(),
            },
            reconcile_now: self.reconcile_now.subscribe(),
            reports: self.reports.clone(),
            news: self.news.clone(),
            metrics: self.metrics.clone(),
            beats: self.beats.clone(),
        };
        let (session, region, clock) = (Arc::clone(session), region.clone(), self.clock.clone());
        let metrics = self.metrics.clone();
        let end = stop.clone();
        tasks.spawn(supervise(
            "region",
            stop,
            move || metrics.panicked(Task::Region),
            move || {
                let mode = channels.policy.borrow().mode;
                let reconciler = session.reconciler(&region, mode);
                task::run(reconciler, channels.clone(), clock.clone(), end.clone())
            },
        ));
    }

    /// A region that left the settings: nothing is deleted there, and nothing is shown of it.
    fn forget(&self, region: &Region) {
        self.reports.send_modify(|reports| {
            reports.remove(region);
        });
    }

    /// Opens the session as soon as AWS says who we are; `None` when stopped before.
    async fn open_session(&self, stop: &CancellationToken) -> anyhow::Result<Option<AwsSession>> {
        loop {
            let observer = Arc::new(self.metrics.clone());
            let opening = AwsSession::open(
                Arc::clone(&self.config),
                self.clock.clone(),
                observer,
                self.remembering,
            );
            // Reading an identity has no effects: dropping it loses nothing.
            let opened = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(None),
                opened = opening => opened,
            };
            match opened {
                Ok(session) => {
                    let account = session.account;
                    self.caller.send_replace(ConfirmedCaller::Confirmed { account });
                    let (caller, mode) = (&session.caller, self.config.mode);
                    tracing::info!(%account, caller, %mode, "ready");
                    return Ok(Some(session));
                }
                Err(error) if error.is::<ConfigError>() => return Err(error),
                Err(error) => {
                    let why = format!("{error:#}");
                    tracing::warn!(error = why, "caller identity unknown");
                    self.caller.send_replace(ConfirmedCaller::Unconfirmed { problem: Some(why) });
                }
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(None),
                () = tokio::time::sleep(IDENTITY_AGAIN) => {}
            }
        }
    }
}

/// Replaces a value; says whether it was another one.
fn replace<T: PartialEq>(place: &mut T, value: T) -> bool {
    let differs = *place != value;
    *place = value;
    differs
}

/// Waits for the tasks to end, for a while.
async fn drain(mut tasks: JoinSet<Result<(), Hopeless>>) -> anyhow::Result<()> {
    let ended = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, ended).await.is_err() {
        tracing::warn!("calls in flight were aborted");
    }
    Ok(())
}
