//! What the commands that talk to AWS have in common: settings, identity, one reconciler a region.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use tokio::sync::Semaphore;

use crate::aws::{
    AwsCloud, AwsMembers, AwsOrganization, AwsReader, AwsWriter, CallObserver, CallerIdentity,
    Patience,
};
use crate::clock::Clock;
use crate::cloud::{Attempt, AttemptObserver};
use crate::config::{self, Config, ConfigError, IntervalSettings};
use crate::domain::base::failure::chain;
use crate::domain::base::limits;
use crate::domain::base::mode::Mode;
use crate::domain::base::model::{AccountId, Place, Region};
use crate::domain::base::time::Pace;
use crate::domain::declared::constraints::Constraints;
use crate::domain::declared::snapshot::Absence;
use crate::domain::members::tracker::Resyncs;
use crate::domain::plan::record::{NoRecordCause, RecordStatus};
use crate::limiter::{Budget, Limited, Limiter};
use crate::record;
use crate::record::BYTES_MAX;
use crate::record::terms::RecordTerms;
use crate::tasks::organization::Paced;
use crate::tasks::probe::MemberProbe;
use crate::tasks::region::settings::RegionSettings;
use crate::tasks::region::{Reconciler, SharedWindow};
use crate::tasks::source::directory::Directory;

/// A reconciler as the commands use it: the real SDK behind the client-side rate limit.
pub(crate) type CloudReconciler = Reconciler<Limited<AwsReader>, Limited<AwsWriter>>;

/// What the settings decide for a region.
pub(crate) fn policy(config: &Config) -> RegionSettings {
    RegionSettings {
        installation: config.installation.clone(),
        mode: config.mode,
        limits: config.guard,
        pace: pace(&config.intervals),
        quota: limits::PACKS.upper,
        resyncs: Resyncs {
            trouble: config.intervals.failure_resync,
            full: config.intervals.full_resync,
        },
        redeploy: config.redeploy,
        list_age_max: config.intervals.organization.saturating_mul(LIST_AGES),
    }
}

/// Which record these settings mean; `command` is what others read who find it in use.
pub(crate) fn record_terms(config: &Config, command: &str) -> RecordTerms {
    RecordTerms {
        directory: config.state_directory.clone(),
        installation: config.installation.clone(),
        account: config.aws.expected_account,
        command: command.to_owned(),
        retention: config.record_retention,
        bytes_max: BYTES_MAX,
    }
}

/// An account list that missed this many walks is old.
const LIST_AGES: u32 = 3;

/// How long things take; how often members are read is [`Resyncs`]'s.
fn pace(intervals: &IntervalSettings) -> Pace {
    let IntervalSettings {
        source: _,
        organization: _,
        region,
        in_progress,
        requeue,
        failure_resync: _,
        full_resync: _,
    } = *intervals;
    Pace {
        refresh_again: in_progress.first,
        refresh_again_max: in_progress.max,
        requeue: requeue.first,
        requeue_max: requeue.max,
        ..Pace::new(region)
    }
}

/// What manifests are checked against.
pub(crate) fn constraints(config: &Config) -> Constraints {
    Constraints {
        regions: Some(config.aws.regions.clone()),
        template_bucket: config.templates.is_some(),
        remediation_allowed: config.remediations,
    }
}

/// The directory of the settings.
pub(crate) fn directory(config: &Config) -> anyhow::Result<Directory> {
    let config::SourceLocation::Directory { root, path, absence: _ } = &config.source;
    Directory::new(root, path)
        .map_err(|escape| ConfigError(format!("source.directory: {escape}")).into())
}

/// What absence from the source means, by the settings.
pub(crate) fn absence(config: &Config) -> Absence {
    let config::SourceLocation::Directory { root: _, path: _, absence } = &config.source;
    *absence
}

/// Everything that talks to one organization.
#[derive(Debug)]
pub(crate) struct AwsSession {
    /// The settings it was opened with.
    pub(crate) config: Arc<Config>,
    /// The clock of the session.
    pub(crate) clock: Clock,
    /// The SDK.
    pub(crate) cloud: AwsCloud,
    /// AWS Organizations, at the pace that all its users here share.
    pub(crate) organization: Paced<AwsOrganization>,
    /// The owner of all packs: the account of the settings, and proven to be the caller's.
    pub(crate) account: AccountId,
    /// The ARN of who calls, for the log.
    pub(crate) caller: String,
    /// Its partition: `aws`, `aws-cn`, `aws-us-gov` …
    partition: String,
    observer: Arc<dyn AttemptObserver>,
    /// The losses within 24 hours, over all regions.
    window: Arc<SharedWindow>,
    slots: Arc<Semaphore>,
    limiters: Mutex<BTreeMap<Region, Arc<Limiter>>>,
}

/// What a command does with the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remembering {
    /// It writes to AWS, so it takes the record for itself, under this name.
    Takes(&'static str),
    /// It only shows what would be: it reads what is there, also while another process has it.
    Reads,
    /// It is a simulation that begins and ends with the process: nothing was lost before.
    Simulates,
}

impl Remembering {
    async fn window(self, config: &Config, clock: &Clock) -> anyhow::Result<SharedWindow> {
        let command = match self {
            Self::Takes(command) => command,
            Self::Reads | Self::Simulates => "",
        };
        let terms = record_terms(config, command);
        let now = clock.stamp();
        let clock = clock.clone();
        // Opening reads the whole file.
        let open = move || match self {
            Self::Simulates => SharedWindow::watched(&clock),
            Self::Reads => {
                let read = record::RecordReader::open(&terms)
                    .and_then(|reader| reader.window(&now).map(|remembered| (reader, remembered)));
                SharedWindow::as_read(read, &clock)
            }
            Self::Takes(_) => {
                let record::Opened { record, window, notices } =
                    record::Record::open(terms.clone(), &now);
                for notice in notices {
                    tracing::error!(notice, "a new record was created");
                }
                if let RecordStatus::Unusable(none) = record.status() {
                    if none.cause == NoRecordCause::NotConfigured {
                        tracing::info!("losses are not kept across restarts");
                        return SharedWindow::with_record(record, &window, &clock);
                    }
                    tracing::warn!(kind = none.cause.as_str(), error = none.why, "no record");
                    if none.cause == NoRecordCause::InUse {
                        // What packs hold is judged alike by all commands.
                        let reader = record::RecordReader::open(&terms).ok();
                        return SharedWindow::with_record(record, &window, &clock).beside(reader);
                    }
                }
                SharedWindow::with_record(record, &window, &clock)
            }
        };
        Ok(tokio::task::spawn_blocking(open).await?)
    }
}

/// Requests in flight in all regions together: conformd's own choice.
const IN_FLIGHT_MAX: usize = 64;

impl AwsSession {
    /// Connects, and proves that the credentials belong to the account of the settings: packs are
    /// visible per caller, so the wrong one would put everything twice.
    pub(crate) async fn open(
        config: Arc<Config>,
        clock: Clock,
        observer: Arc<dyn AttemptObserver>,
        remembering: Remembering,
    ) -> anyhow::Result<Self> {
        let cloud = connect(&config, clock.clone(), Arc::clone(&observer)).await?;
        let identity = identity(&cloud, &config.aws.regions).await?;
        let expected = &config.aws.expected_account;
        if identity.account != *expected {
            let CallerIdentity { account, arn, partition: _ } = identity;
            return Err(ConfigError(format!(
                "the credentials in use are of account {account} ({arn}), and the settings expect \
                 {expected} (aws.expectedAccountId); organization packs are visible only to the \
                 account that put them, so conformd does nothing"
            ))
            .into());
        }
        Ok(Self {
            account: *expected,
            caller: identity.arn,
            partition: identity.partition,
            observer,
            window: Arc::new(remembering.window(&config, &clock).await?),
            slots: Arc::new(Semaphore::new(IN_FLIGHT_MAX)),
            limiters: Mutex::default(),
            organization: Paced::new(&cloud.organization(), &clock),
            config,
            clock,
            cloud,
        })
    }

    /// Opens a session for a command that answers once.
    pub(crate) async fn once(config: Config, remembering: Remembering) -> anyhow::Result<Self> {
        let (config, clock) = (Arc::new(config), Clock::system());
        Self::open(config, clock, Arc::new(UncountedCalls), remembering).await
    }

    /// The losses within 24 hours, and the record behind them.
    pub(crate) fn window(&self) -> &Arc<SharedWindow> {
        &self.window
    }

    /// A reconciler of this region; in observe mode it holds nothing that could write.
    pub(crate) fn reconciler(&self, region: &Region, mode: Mode) -> CloudReconciler {
        let place = self.place(region);
        let limiter = self.limiter(region);
        let reader = Limited::new(self.cloud.reader(&place), Arc::clone(&limiter));
        let writer =
            mode.may_put().then(|| Limited::new(self.cloud.writer(&place), Arc::clone(&limiter)));
        Reconciler::new(reader, writer, self.clock.clone(), Arc::clone(&self.window))
    }

    /// The probe of members' recorders, if the settings ask for it.
    pub(crate) fn probe(&self) -> Option<MemberProbe<AwsMembers>> {
        let Config { recorder_probe, installation, .. } = &*self.config;
        let probe = recorder_probe.as_ref()?;
        let members = self.cloud.members(probe, installation, &self.partition);
        Some(MemberProbe::new(members, probe.interval, self.clock.clone()))
    }

    /// The owner's place in this region.
    pub(crate) fn place(&self, region: &Region) -> Place {
        Place { account: self.account, region: region.clone() }
    }

    /// The pace of a region: one for its reads and writes, kept over restarts of its task.
    pub(crate) fn limiter(&self, region: &Region) -> Arc<Limiter> {
        let config::RateLimits { reads_per_second, burst, in_flight } = self.config.limits;
        let budget = Budget { per_second: reads_per_second, burst, in_flight };
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        let limiter = limiters.entry(region.clone()).or_insert_with(|| {
            let limiter = Limiter::new(budget, self.clock.clone())
                .sharing(Arc::clone(&self.slots))
                .observed(region.clone(), Arc::clone(&self.observer));
            Arc::new(limiter)
        });
        Arc::clone(limiter)
    }
}

/// The SDK as the settings want it; nothing is asked yet.
pub(crate) async fn connect(
    config: &Config,
    clock: Clock,
    observer: Arc<dyn AttemptObserver>,
) -> anyhow::Result<AwsCloud> {
    let observer = CallObserver { observer, clock };
    let connected = AwsCloud::connect(&config.aws, Patience::default(), observer).await;
    connected.map_err(|problem| ConfigError(chain(&problem)).into())
}

/// Who we are, as the first region that answers says: one dead region must not stop the others.
async fn identity(cloud: &AwsCloud, regions: &BTreeSet<Region>) -> anyhow::Result<CallerIdentity> {
    let mut last = None;
    for region in regions {
        match cloud.caller_identity(region).await {
            Ok(identity) => return Ok(identity),
            Err(error) => last = Some(error),
        }
    }
    let error = last.context("the settings name no region")?;
    Err(error).context("the caller identity could not be read in any region")
}

/// For commands that answer once: their metrics are not scraped.
#[derive(Debug)]
pub(crate) struct UncountedCalls;

impl AttemptObserver for UncountedCalls {
    fn attempted(&self, _attempt: &Attempt<'_>) {}
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::config::SettingsFile;
    use crate::domain::declared::snapshot::SourcePath;
    use crate::sim::http::serve;
    use crate::sim::scenario::Scenario;
    use crate::sim::simulation::Simulation;
    use crate::tasks::region::Surroundings;

    fn paced(intervals: &str) -> Pace {
        let settings = format!(
            "installation: main\nmode: observe\nsource: {{directory: {{root: .}}}}\n\
             aws: {{expectedAccountId: '111111111111', regions: [eu-west-1]}}\n\
             intervals: {{{intervals}}}\n"
        );
        let path = SourcePath::new("conformd.yaml").unwrap();
        policy(&config::parse(&path, &settings, Path::new("")).unwrap().config).pace
    }

    #[test]
    fn the_intervals_of_the_settings_set_the_pace() {
        let minutes = Duration::from_mins;
        for region in [1, 5, 15, 60] {
            assert_eq!(paced(&format!("region: {region}m")), Pace::new(minutes(region)));
        }
        let pace =
            paced("region: 20m, inProgress: {first: 2m, max: 4m}, requeue: {first: 3m, max: 30m}");
        let busy = [pace.refresh_again, pace.refresh_again_max];
        assert_eq!((pace.interval, busy), (minutes(20), [minutes(2), minutes(4)]));
        assert_eq!([pace.requeue, pace.requeue_max], [minutes(3), minutes(30)]);
    }

    #[derive(clap::Parser)]
    struct Flags {
        #[command(flatten)]
        settings: SettingsFile,
    }

    #[test]
    fn the_flag_for_the_record_comes_before_the_settings_and_may_be_a_list_of_systemds() {
        let settings = "installation: main\nmode: observe\nsource: {directory: {root: .}}\n\
            aws: {expectedAccountId: '111111111111', regions: [eu-west-1]}\nstateDirectory: own\n";
        let path = SourcePath::new("conformd.yaml").unwrap();
        let config = config::parse(&path, settings, Path::new("/etc")).unwrap().config;
        let directory = |flags: &[&str]| {
            let flags = <Flags as clap::Parser>::parse_from([&["conformd"], flags].concat());
            record_terms(&flags.settings.over(config.clone()), "conformd run").directory
        };
        let path = |text: &str| Some(Path::new(text).to_owned());
        assert_eq!(directory(&[]), path("/etc/own"));
        assert_eq!(directory(&["--state-directory", "/var/lib/a"]), path("/var/lib/a"));
        assert_eq!(directory(&["--state-directory", "/var/lib/a:/var/lib/b"]), path("/var/lib/a"));
    }

    /// The regions that requests waited for.
    #[derive(Debug, Default)]
    struct Waits(Mutex<Vec<String>>);

    impl AttemptObserver for Waits {
        fn attempted(&self, _attempt: &Attempt<'_>) {}

        fn waited(&self, region: &str, _wait: Duration) {
            self.0.lock().unwrap().push(region.to_owned());
        }
    }

    #[tokio::test]
    async fn who_listens_to_a_session_hears_of_waits_for_its_limiters() {
        let scenario = Scenario::demo("2026-11-02T08:00:00Z".parse().unwrap()).unwrap();
        let simulation = Simulation::new(&scenario, 0);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let settings = format!(
            "installation: main\nmode: observe\nsource: {{directory: {{root: .}}}}\n\
             aws:\n  expectedAccountId: {:?}\n  regions: [eu-west-1]\n  endpoint:\n    \
             url: http://{}\n    credentials: {{accessKeyId: AKIASIM, secretAccessKey: x}}\n",
            scenario.owner.as_str(),
            listener.local_addr().unwrap(),
        );
        let path = SourcePath::new("conformd.yaml").unwrap();
        let config = Arc::new(config::parse(&path, &settings, Path::new("")).unwrap().config);
        let (waits, stop) = (Arc::new(Waits::default()), CancellationToken::new());
        let asked = async {
            let clock = simulation.clock().clone();
            let session =
                AwsSession::open(config, clock, waits.clone(), Remembering::Reads).await.unwrap();
            let mut region = session.reconciler(&"eu-west-1".parse().unwrap(), Mode::Observe);
            region.refresh(&policy(&session.config), &Surroundings::default()).await.0
        };
        let served = serve(listener, simulation.clone(), scenario.options, stop.clone());
        tokio::select! {
            report = asked => assert_eq!(report.unknown, None),
            () = served => panic!("the simulator ended"),
        }
        assert_eq!(*waits.0.lock().unwrap(), ["eu-west-1", "eu-west-1"], "packs and statuses");
    }
}
