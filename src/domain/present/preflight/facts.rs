//! What was found out about an installation, before anything is judged.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use crate::domain::base::mode::Mode;
use crate::domain::base::model::{AccountId, Region, Timestamp};
use crate::domain::members::probe::NotProbed;
use crate::domain::observed::packs::{RolloutStatus, Unknown};
use crate::domain::observed::recorder::RecorderState;
use crate::domain::organization::account_list::{Account, OrganizationRecord};
use crate::domain::plan::record::NoRecord;
use crate::domain::present::report::Declarations;

/// Everything that was found out.
#[derive(Debug, Clone)]
pub struct PreflightFacts {
    /// `aws.expectedAccountId`
    pub expected: AccountId,
    /// How far conformd is to go.
    pub mode: Mode,
    /// Whether something stands in for AWS.
    pub simulated: bool,
    /// Whose credentials are in use.
    pub caller: Result<CallerFacts, Unknown>,
    /// The organization.
    pub organization: Result<OrganizationRecord, Unknown>,
    /// Its delegated administrators for organization packs.
    pub administrators: Result<BTreeSet<AccountId>, Unknown>,
    /// The services that have trusted access, as principals.
    pub services: Result<BTreeSet<String>, Unknown>,
    /// Its accounts.
    pub accounts: Result<Vec<Account>, Unknown>,
    /// What each configured region answered.
    pub regions: BTreeMap<Region, RegionFacts>,
    /// The management account under one pack of ours; `None` while there is none to ask for.
    pub row: Option<Result<Option<RolloutStatus>, Unknown>>,
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

impl PreflightFacts {
    /// Who owns the packs: the caller, or who it should be while it is not known.
    pub(super) fn owner(&self) -> AccountId {
        self.caller.as_ref().map_or(self.expected, |caller| caller.account)
    }

    /// Whether the owner of the packs is known to be the management account.
    pub(super) fn is_management(&self) -> bool {
        let owner = self.owner();
        self.organization.as_ref().is_ok_and(|organization| organization.management == owner)
    }

    /// Whether the credentials are those of another account than the settings say.
    pub(super) fn is_other_account(&self) -> bool {
        self.caller.as_ref().is_ok_and(|caller| caller.account != self.expected)
    }
}

/// Whose credentials are in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerFacts {
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
    pub packs: Result<PackCensus, Unknown>,
    /// Whether their statuses could be read.
    pub statuses: Result<(), Unknown>,
}

/// The packs of one region, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PackCensus {
    /// Of this installation.
    pub ours: usize,
    /// Of other installations, or with a marker that is void.
    pub foreign: usize,
    /// Without a marker.
    pub unmanaged: usize,
    /// Declared, and not there yet.
    pub missing: usize,
}

impl PackCensus {
    pub(super) fn visible(self) -> usize {
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
pub type Tried = Result<RecorderState, NotProbed>;

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
