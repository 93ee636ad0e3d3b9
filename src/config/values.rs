//! What the settings say, as values: each has a default here or is required.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::base::mode::Mode;
use crate::domain::base::model::{AccountId, Installation, Region};
use crate::domain::declared::snapshot::Absence;
use crate::domain::plan::guard;
use crate::domain::plan::redeploy::Redeploy;
use crate::domain::present::iam_policy::{ExternalId, RoleName};

/// Settings that passed every check which needs no AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Names this conformd in the marker of every pack it writes.
    pub installation: Installation,
    /// How much it may change.
    pub mode: Mode,
    /// Which AWS it calls, and with which credentials.
    pub aws: Aws,
    /// Where the manifests are.
    pub source: SourceLocation,
    /// The intervals.
    pub intervals: IntervalSettings,
    /// How much may go away unasked; past it everything destructive waits for an approval.
    pub guard: guard::LossLimits,
    /// How fast it may ask AWS.
    pub limits: RateLimits,
    /// How recorders of members are probed; `None`: they are not.
    pub recorder_probe: Option<RecorderProbe>,
    /// How conformd redeploys to accounts that AWS has stopped retrying.
    pub redeploy: Redeploy,
    /// Where templates go that are too large for a request; `None`: nowhere.
    pub templates: Option<TemplateBucket>,
    /// Whether templates may hold remediations, which act in every member account.
    pub remediations: bool,
    /// Where the record lies, which remembers losses; `None`: nothing is remembered.
    pub state_directory: Option<PathBuf>,
    /// How long the record keeps history.
    pub record_retention: Duration,
    /// Keys of `metadata.labels` that metrics of packs show.
    pub pack_labels: BTreeSet<String>,
    /// Its own HTTP server.
    pub http: Http,
}

impl Config {
    /// Whether a simulated AWS answers.
    pub fn is_simulated(&self) -> bool {
        self.aws.endpoint.is_some()
    }

    /// The settings that differ in `new` and are only read when the process starts.
    pub fn changes_needing_restart(&self, new: &Self) -> Vec<&'static str> {
        let changes = self.differences(new).into_iter();
        changes.filter(|(_, takes)| *takes == TakesEffect::AtStart).map(|(name, _)| name).collect()
    }

    /// The settings that differ in `new`.
    pub fn changes(&self, new: &Self) -> Vec<&'static str> {
        self.differences(new).into_iter().map(|(name, _)| name).collect()
    }

    fn differences(&self, new: &Self) -> Vec<(&'static str, TakesEffect)> {
        let Self {
            installation,
            mode,
            aws: Aws { profile, expected_account, regions, endpoint },
            source,
            intervals,
            guard,
            limits,
            recorder_probe,
            redeploy,
            templates,
            remediations,
            state_directory,
            record_retention,
            pack_labels,
            http: Http { listen, metrics_listen, token_file },
        } = self;
        let mut changes = Vec::new();
        let mut note = |takes: TakesEffect, same: bool, name| {
            if !same {
                changes.push((name, takes));
            }
        };
        let (start, reload) = (TakesEffect::AtStart, TakesEffect::AtReload);
        note(start, *installation == new.installation, "installation");
        note(reload, *mode == new.mode, "mode");
        note(start, *profile == new.aws.profile, "aws.profile");
        note(start, *expected_account == new.aws.expected_account, "aws.expectedAccountId");
        note(reload, *regions == new.aws.regions, "aws.regions");
        note(start, *endpoint == new.aws.endpoint, "aws.endpoint");
        note(start, *source == new.source, "source");
        note(start, intervals.source == new.intervals.source, "intervals.source");
        let others = IntervalSettings { source: intervals.source, ..new.intervals };
        note(reload, *intervals == others, "intervals");
        note(reload, *guard == new.guard, "guard");
        note(start, *limits == new.limits, "limits");
        note(start, *recorder_probe == new.recorder_probe, "recorderProbe");
        note(reload, *redeploy == new.redeploy, "redeploy");
        note(reload, *templates == new.templates, "templates.bucket");
        note(reload, *remediations == new.remediations, "templates.remediations");
        note(start, *state_directory == new.state_directory, "stateDirectory");
        note(start, *record_retention == new.record_retention, "record.retention");
        note(reload, *pack_labels == new.pack_labels, "metrics.labels");
        note(start, *listen == new.http.listen, "http.listen");
        note(start, *metrics_listen == new.http.metrics_listen, "http.metricsListen");
        note(start, *token_file == new.http.token_file, "http.tokenFile");
        changes
    }
}

/// When a change of a setting takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TakesEffect {
    AtStart,
    AtReload,
}

/// Which AWS to call, and with which credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aws {
    /// Named profile of the AWS configuration files; `None`: the default chain of the SDK.
    pub profile: Option<String>,
    /// The account that owns the packs; any other caller is refused.
    pub expected_account: AccountId,
    /// The regions to keep; never empty, in the order of their names.
    pub regions: BTreeSet<Region>,
    /// Something other than AWS to talk to, such as the simulator.
    pub endpoint: Option<Endpoint>,
}

/// A simulated AWS endpoint on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// An `http://` address on the loopback interface, for every service and region.
    pub url: String,
    /// Keys to sign with; `None`: whatever the SDK finds.
    pub credentials: Option<StaticCredentials>,
}

/// Keys for a simulated AWS. They grant no access, so they may be in the settings.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticCredentials {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: String,
}

impl fmt::Debug for StaticCredentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { access_key_id, secret_access_key: _ } = self;
        out.debug_struct("StaticCredentials")
            .field("access_key_id", access_key_id)
            .finish_non_exhaustive()
    }
}

/// Where the manifests are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceLocation {
    /// A directory that something else keeps up to date.
    Directory {
        /// Nothing outside it is ever read; relative paths start at the settings file.
        root: PathBuf,
        /// The directory beneath it that holds manifests; `.` for the root itself.
        path: String,
        /// What it means that a manifest is gone.
        absence: Absence,
    },
}

/// How often it observes, and how long it waits before it tries again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntervalSettings {
    /// Source: read afresh even without a sign of change.
    pub source: Duration,
    /// Account list of the organization.
    pub organization: Duration,
    /// One region: a whole tick.
    pub region: Duration,
    /// A pack whose roll-out is running.
    pub in_progress: Backoff,
    /// A pack whose step failed or was refused for now.
    pub requeue: Backoff,
    /// Members that failed or are still busy.
    pub failure_resync: Duration,
    /// Every member of every pack.
    pub full_resync: Duration,
}

impl Default for IntervalSettings {
    fn default() -> Self {
        let minutes = Duration::from_mins;
        Self {
            source: minutes(1),
            organization: minutes(10),
            region: minutes(15),
            in_progress: Backoff { first: minutes(1), max: minutes(5) },
            requeue: Backoff { first: minutes(1), max: minutes(15) },
            failure_resync: minutes(15),
            full_resync: Duration::from_hours(6),
        }
    }
}

/// A wait that starts short and doubles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait.
    pub first: Duration,
    /// The longest wait; at least `first`.
    pub max: Duration,
}

/// How fast AWS may be asked, per region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests a second in the long run.
    pub reads_per_second: NonZeroU32,
    /// Requests that may come at once after a quiet time.
    pub burst: NonZeroU32,
    /// Requests that may be under way at one moment.
    pub in_flight: NonZeroUsize,
}

impl Default for RateLimits {
    /// AWS Config publishes no rates; these stay below the lowest ones that users reported.
    fn default() -> Self {
        Self {
            reads_per_second: NonZeroU32::MIN.saturating_add(1),
            burst: NonZeroU32::MIN.saturating_add(9),
            in_flight: NonZeroUsize::MIN.saturating_add(3),
        }
    }
}

/// How recorders of members are probed: with a role that every member account has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecorderProbe {
    /// The role's name, with its path if it has one, the same in every account.
    pub role_name: RoleName,
    /// The external id that its trust policy asks for; no secret, and different per installation.
    pub external_id: Option<ExternalId>,
    /// How often a target is probed again.
    pub interval: Duration,
}

/// Where templates go that are too large for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateBucket {
    /// Bucket, in each region's own S3.
    pub bucket: String,
    /// Key prefix, without a slash at its end; empty for none.
    pub prefix: String,
}

/// The HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Another one for metrics and health; the metrics leave the first one then.
    pub metrics_listen: Option<SocketAddr>,
    /// File with the token that requests which ask for work must carry; `None`: such requests are
    /// refused.
    pub token_file: Option<PathBuf>,
}

impl Http {
    /// The addresses that other machines may reach.
    pub fn exposed(&self) -> impl Iterator<Item = SocketAddr> + use<> {
        let all = [Some(self.listen), self.metrics_listen].into_iter().flatten();
        all.filter(|address| !address.ip().to_canonical().is_loopback())
    }
}

impl Default for Http {
    fn default() -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 9464));
        Self { listen, metrics_listen: None, token_file: None }
    }
}
