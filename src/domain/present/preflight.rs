//! What a preflight found out about an installation: facts in, one line a check out.
//!
//! Every check has its line whatever became of the others. How facts are gathered is not known
//! here.

mod machine;
mod members;
mod organization;
mod regions;

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::Serialize;

use super::report::Declarations;
use crate::domain::base::failure::FailureKind;
use crate::domain::base::mode::Mode;
use crate::domain::base::model::{AccountId, Region, Timestamp};
use crate::domain::base::untrusted::flowing;
use crate::domain::members::probe::Unlooked;
use crate::domain::observed::packs::{RolloutStatus, Unseen};
use crate::domain::observed::recorder::RecorderState;
use crate::domain::organization::account_list::{Account, OrganizationRecord};
use crate::domain::plan::record::NoRecord;

/// Characters of a foreign text that a line keeps: AWS's words with the id of the request.
const WHY_MAX: usize = 320;

/// How a check ended: the worst comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Nothing to do.
    Ok,
    /// It works, and somebody should look at it.
    Warn,
    /// It will not work.
    Fail,
}

impl Grade {
    /// Every grade, the best first.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Warn, Self::Fail];

    /// The word used in texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// The stable name of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Whose credentials are in use.
    Identity,
    /// Whether there is an organization that can have packs.
    Organization,
    /// Whether the caller may own organization packs.
    Administrator,
    /// Whether AWS Config may act in the organization.
    TrustedAccess,
    /// Whether the members can be listed.
    Accounts,
    /// Whether a region answers; one line a region.
    Region,
    /// How much of the quota is used; one line a region.
    Packs,
    /// Whether everything may be done that the mode asks for.
    Permissions,
    /// Whether recorders of members can be looked at.
    RecorderProbe,
    /// Whether packs can arrive in the management account.
    ManagementAccount,
    /// Whether the manifests can be read and are valid.
    Source,
    /// Whether losses are remembered.
    Record,
    /// Where large templates go.
    TemplateBucket,
    /// Where the results of packs go.
    DeliveryBuckets,
    /// Who can reach the daemon's HTTP server.
    HttpListen,
    /// Who may ask the daemon for work.
    HttpToken,
    /// How far the own clock is from AWS's.
    Clock,
}

impl Check {
    /// The name used in texts and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Organization => "organization",
            Self::Administrator => "administrator",
            Self::TrustedAccess => "trusted-access",
            Self::Accounts => "accounts",
            Self::Region => "region",
            Self::Packs => "packs",
            Self::Permissions => "permissions",
            Self::RecorderProbe => "recorder-probe",
            Self::ManagementAccount => "management-account",
            Self::Source => "source",
            Self::Record => "record",
            Self::TemplateBucket => "template-bucket",
            Self::DeliveryBuckets => "delivery-buckets",
            Self::HttpListen => "http-listen",
            Self::HttpToken => "http-token",
            Self::Clock => "clock",
        }
    }
}

/// One line of a preflight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What was checked.
    pub check: Check,
    /// The region, where there is one line for each.
    pub region: Option<Region>,
    /// How it ended.
    pub result: Grade,
    /// What was found.
    pub detail: String,
    /// What to do.
    pub advice: Option<String>,
}

impl Line {
    fn new(check: Check, result: Grade, detail: impl Into<String>) -> Self {
        Self { check, region: None, result, detail: detail.into(), advice: None }
    }

    fn ok(check: Check, detail: impl Into<String>) -> Self {
        Self::new(check, Grade::Ok, detail)
    }

    fn warn(check: Check, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(check, Grade::Warn, detail).advised(advice)
    }

    fn fail(check: Check, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(check, Grade::Fail, detail).advised(advice)
    }

    /// Something could not be read; `action` is the permission it takes.
    fn unread(check: Check, what: &str, unseen: &Unseen, action: &str) -> Self {
        Self::fail(check, format!("{what}: {}", shown(&unseen.why)), remedy(unseen.kind, action))
    }

    fn advised(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }

    fn of(self, region: &Region) -> Self {
        Self { region: Some(region.clone()), ..self }
    }
}

fn shown(why: &str) -> String {
    flowing(why, WHY_MAX)
}

/// What to do about a read that failed like this.
fn remedy(kind: FailureKind, action: &str) -> String {
    let advice = match kind {
        FailureKind::Denied => return format!("allow {action}"),
        FailureKind::Credentials => {
            "renew or correct the credentials (aws.profile, environment, role)"
        }
        FailureKind::Timeout | FailureKind::Unreachable => "check network, DNS and proxy",
        FailureKind::Throttled => "something else asks AWS too often; try again in a minute",
        FailureKind::RegionDisabled => "enable the region, or take it out of aws.regions",
        FailureKind::NotDelegated => "see the line `administrator`",
        FailureKind::NoOrganization => "see the line `organization`",
        FailureKind::Server
        | FailureKind::BrokenAnswer
        | FailureKind::InFlight
        | FailureKind::Rejected
        | FailureKind::Quota
        | FailureKind::NoSuchPack
        | FailureKind::NoSuchUnit
        | FailureKind::NoSuchAccount
        | FailureKind::BadToken => "try again; if it stays, report it with this text",
    };
    advice.to_owned()
}

/// Everything that was found out.
#[derive(Debug, Clone)]
pub struct Facts {
    /// `aws.expectedAccountId`
    pub expected: AccountId,
    /// How far conformd is to go.
    pub mode: Mode,
    /// Whether something stands in for AWS.
    pub simulated: bool,
    /// Whose credentials are in use.
    pub caller: Result<Caller, Unseen>,
    /// The organization.
    pub organization: Result<OrganizationRecord, Unseen>,
    /// Its delegated administrators for organization packs.
    pub administrators: Result<BTreeSet<AccountId>, Unseen>,
    /// The services that have trusted access, as principals.
    pub services: Result<BTreeSet<String>, Unseen>,
    /// Its accounts.
    pub accounts: Result<Vec<Account>, Unseen>,
    /// What each configured region answered.
    pub regions: BTreeMap<Region, RegionFacts>,
    /// The management account under one pack of ours; `None` while there is none to ask for.
    pub row: Option<Result<Option<RolloutStatus>, Unseen>>,
    /// The probe, if one is configured.
    pub probe: Option<ProbeFacts>,
    /// What the manifests declare, or why they could not be read.
    pub source: Result<Declarations, String>,
    /// What the record remembers, or why there is none.
    pub record: Result<RecordFacts, NoRecord>,
    /// What the manifests ask for.
    pub wishes: Wishes,
    /// `templates.bucket`
    pub template_bucket: Option<String>,
    /// `http.listen` and `http.metricsListen`, as far as other machines may reach them.
    pub exposed: Vec<String>,
    /// `http.tokenFile`
    pub token: TokenFile,
    /// How far AWS's clock is ahead of the own; `None` when AWS did not tell.
    pub skew: Option<SignedDuration>,
}

impl Facts {
    /// Who owns the packs: the caller, or who it should be while it is not known.
    fn owner(&self) -> AccountId {
        self.caller.as_ref().map_or(self.expected, |caller| caller.account)
    }
}

/// Whose credentials are in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub account: AccountId,
    /// The user or the session of a role.
    pub arn: String,
    /// The partition: `aws`, `aws-cn`, `aws-us-gov` …
    pub partition: String,
}

/// What one region answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionFacts {
    /// Its packs.
    pub packs: Result<Census, Unseen>,
    /// Whether their statuses could be read.
    pub statuses: Result<(), Unseen>,
}

/// The packs of one region, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// Of this installation.
    pub ours: usize,
    /// Of other installations, or with a marker that is void.
    pub foreign: usize,
    /// Without a marker.
    pub unmanaged: usize,
    /// Declared, and not there yet.
    pub missing: usize,
}

impl Census {
    fn visible(self) -> usize {
        self.ours.saturating_add(self.foreign).saturating_add(self.unmanaged)
    }
}

/// How far the probe came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeFacts {
    /// `recorderProbe.roleName`
    pub role_name: String,
    /// Whether `recorderProbe.externalId` is given.
    pub has_external_id: bool,
    /// The members it was tried on, the management account left out.
    pub members: BTreeMap<AccountId, Tried>,
    /// The management account.
    pub management: Option<Tried>,
}

/// What a look at one account's recorder gave.
pub type Tried = Result<RecorderState, Unlooked>;

/// What the record remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFacts {
    /// Since when.
    pub began: Timestamp,
    /// Whether that is long enough to know all losses that count.
    pub covers_window: bool,
    /// The losses that count.
    pub losses: usize,
    /// What waits for an approval.
    pub held: usize,
    /// The bytes it takes.
    pub bytes: u64,
}

/// What the manifests ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Whether some manifest excludes organizational units.
    pub units: bool,
    /// Packs that do not exclude the management account by its id.
    pub management: usize,
    /// Buckets that results are to go to.
    pub buckets: BTreeSet<String>,
}

/// The file of `http.tokenFile`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenFile {
    /// None is named.
    None,
    /// It cannot be read.
    Unreadable(String),
    /// It holds no token, or one that is too short.
    Weak(String),
    /// It holds a token.
    Good {
        /// Whether every user of the machine may read it.
        world_readable: bool,
    },
}

/// Every line, in the order in which things build upon each other.
pub fn lines(facts: &Facts) -> Vec<Line> {
    let mut lines = vec![
        organization::identity(facts),
        organization::organization(facts),
        organization::administrator(facts),
        organization::trusted_access(facts),
        organization::accounts(facts),
    ];
    for (region, found) in &facts.regions {
        lines.push(regions::region(found).of(region));
        if let Ok(census) = &found.packs {
            lines.push(regions::packs(*census).of(region));
        }
    }
    lines.extend([
        regions::permissions(facts),
        members::recorder_probe(facts),
        members::management_account(facts),
        machine::source(facts),
        machine::record(facts),
        machine::template_bucket(facts),
        machine::delivery_buckets(facts),
        machine::http_listen(facts),
        machine::http_token(facts),
        machine::clock(facts),
    ]);
    lines
}
