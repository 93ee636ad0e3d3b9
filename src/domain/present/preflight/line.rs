//! One line of a preflight, and the words that lines share.

use serde::Serialize;
use strum::{EnumIter, IntoStaticStr};

use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::Region;
use crate::domain::base::untrusted::flowing;
use crate::domain::observed::packs::Unknown;

/// How a check ended: the worst comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[derive(strum::Display, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Grade {
    /// Nothing to do.
    Ok,
    /// It works, and somebody should look at it.
    Warn,
    /// It will not work.
    Fail,
}

impl Grade {
    /// The word used in texts.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The stable name of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[derive(EnumIter, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum CheckName {
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

impl CheckName {
    /// The name used in texts and JSON.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One line of a preflight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckLine {
    /// What was checked.
    pub check: CheckName,
    /// The region, where there is one line for each.
    pub region: Option<Region>,
    /// How it ended.
    pub result: Grade,
    /// What was found.
    pub detail: String,
    /// What to do.
    pub advice: Option<String>,
}

impl CheckLine {
    pub(super) fn new(check: CheckName, result: Grade, detail: impl Into<String>) -> Self {
        Self { check, region: None, result, detail: detail.into(), advice: None }
    }

    pub(super) fn ok(check: CheckName, detail: impl Into<String>) -> Self {
        Self::new(check, Grade::Ok, detail)
    }

    pub(super) fn warn(
        check: CheckName,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(check, Grade::Warn, detail).advised(advice)
    }

    pub(super) fn fail(
        check: CheckName,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(check, Grade::Fail, detail).advised(advice)
    }

    /// Something could not be read; `action` is the permission it takes.
    pub(super) fn unread(check: CheckName, what: &str, unknown: &Unknown, action: &str) -> Self {
        Self::fail(check, format!("{what}: {}", shown(&unknown.why)), remedy(unknown.kind, action))
    }

    pub(super) fn advised(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }

    pub(super) fn of(self, region: &Region) -> Self {
        Self { region: Some(region.clone()), ..self }
    }
}

/// Characters of a foreign text that a line keeps: AWS's words with the id of the request.
pub(super) const WHY_MAX: usize = 320;

pub(super) fn shown(why: &str) -> String {
    flowing(why, WHY_MAX)
}

/// What to do about a read that failed like this.
pub(super) fn remedy(kind: FailureKind, action: &str) -> String {
    let advice = match kind {
        FailureKind::Denied => return format!("allow {action}"),
        FailureKind::Credentials => {
            "renew or correct the credentials (aws.profile, environment, role)"
        }
        FailureKind::Timeout | FailureKind::Unreachable => "check network, DNS and proxy",
        FailureKind::Throttled => "another client uses up AWS's rate limit; try again in a minute",
        FailureKind::RegionDisabled => "enable the region, or remove it from aws.regions",
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
        | FailureKind::BadToken => "try again; if the error persists, report it with this text",
    };
    advice.to_owned()
}
