//! An observation of a region: every pack that the caller can see, or why the region is unknown.
//!
//! Records are AWS's answers with parsed identifiers; [`Observed`] is a whole region at one moment.
//! An unknown region is a value: nothing is planned on it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use strum::EnumString;

use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{
    AccountId, Installation, MARKER_PARAMETER, Marker, MarkerProblem, PackName, Place,
    ResultsBucket, Timestamp,
};
use crate::domain::base::untrusted::WORD_MAX;

/// The operation that a status is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Verb {
    /// First deployment.
    Create,
    /// A later deployment, or one that AWS started when an account joined or left.
    Update,
    /// Removal.
    Delete,
}

/// A rollout that AWS has reported as active for longer is over: the status that a delegated
/// administrator sees may stay `CREATE_IN_PROGRESS` forever (`docs/aws.md`, "Status"). AWS's own
/// CloudFormation handler waits 706 minutes, nearly 12 hours, for a rollout.
pub const RUN_MAX: Duration = Duration::from_hours(12);

/// The phase of the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum PackPhase {
    /// Running: Put and Delete of the pack are refused meanwhile.
    InProgress,
    /// Ended well.
    Successful,
    /// Ended with failures; a new Put is allowed.
    Failed,
}

/// A status of a pack (aggregate) or of one account's row, such as `CREATE_SUCCESSFUL`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RolloutStatus {
    /// One of the nine that AWS documents.
    Known(Verb, PackPhase),
    /// Any other text: shown, never acted on.
    Unknown(String),
}

impl RolloutStatus {
    /// Whether AWS reports a rollout as active.
    pub fn is_in_progress(&self) -> bool {
        matches!(self, Self::Known(_, PackPhase::InProgress))
    }
}

impl FromStr for RolloutStatus {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = text
            .split_once('_')
            .and_then(|(verb, phase)| Some(Self::Known(verb.parse().ok()?, phase.parse().ok()?)));
        Ok(known.unwrap_or_else(|| Self::Unknown(text.chars().take(WORD_MAX).collect())))
    }
}

impl fmt::Display for RolloutStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(verb, phase) => out.pad(&format!("{verb}_{phase}")),
            Self::Unknown(text) => out.pad(text),
        }
    }
}

impl Serialize for RolloutStatus {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RolloutStatus {
    fn deserialize<D: serde::Deserializer<'de>>(text: D) -> Result<Self, D::Error> {
        let Ok(status) = String::deserialize(text)?.parse();
        Ok(status)
    }
}

/// One entry of `DescribeOrganizationConformancePacks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackRecord {
    /// Its name.
    pub name: PackName,
    /// Its ARN, new after a delete and re-create.
    pub arn: String,
    /// When AWS last changed it.
    pub last_update: Timestamp,
    /// Input parameters, the marker among them.
    pub inputs: BTreeMap<String, String>,
    /// Accounts it is not deployed to.
    pub excluded: BTreeSet<AccountId>,
    /// Where results go.
    pub delivery: ResultsBucket,
}

/// One entry of `DescribeOrganizationConformancePackStatuses`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRecord {
    /// The pack.
    pub name: PackName,
    /// The aggregate, which never decides a health alone.
    pub status: RolloutStatus,
    /// AWS's code when it failed.
    pub error_code: Option<String>,
    /// AWS's words when it failed: foreign text, untrusted.
    pub error_message: Option<String>,
    /// When the status last changed.
    pub last_update: Option<Timestamp>,
}

/// One account's entry of `GetOrganizationConformancePackDetailedStatus`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRow {
    /// The member account.
    pub account: AccountId,
    /// Its state.
    pub status: RolloutStatus,
    /// AWS's code when it failed.
    pub error_code: Option<String>,
    /// AWS's words when it failed: foreign text, untrusted.
    pub error_message: Option<String>,
    /// When the row last changed.
    pub last_update: Option<Timestamp>,
}

/// The owner of a pack, from its marker.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ownership {
    /// Ours, with what was last delivered.
    Ours(Marker),
    /// Another installation of conformd wrote it.
    Foreign(Installation),
    /// A marker that was copied here, is of a newer version, or is malformed: never touched.
    Void(VoidMarker),
    /// No marker: made by hand or by another tool.
    Unmanaged,
}

/// Why a marker is void.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VoidMarker {
    /// Its binding names another pack or place.
    Copied,
    /// It cannot be read.
    Unreadable(MarkerProblem),
}

impl fmt::Display for VoidMarker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Copied => {
                out.write_str("its marker was copied from another pack, account or region")
            }
            Self::Unreadable(problem) => write!(out, "{problem}"),
        }
    }
}

/// One pack as observed: list entry and status together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedPack {
    /// The list entry.
    pub record: PackRecord,
    /// The status, absent for a while after a Put.
    pub status: Option<StatusRecord>,
    /// The owner.
    pub ownership: Ownership,
}

/// A whole region at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// All pages of both lists were read.
    Seen(PacksObservation),
    /// It could not be read whole.
    Unknown(Unknown),
}

/// A complete observation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PacksObservation {
    /// Every visible pack.
    pub packs: BTreeMap<PackName, ObservedPack>,
    /// Packs that have a status and no list entry: being deleted, or not listed yet.
    pub unlisted: BTreeMap<PackName, StatusRecord>,
}

/// Why a region could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unknown {
    /// The kind of failure.
    pub kind: FailureKind,
    /// The whole chain of causes in words.
    pub why: String,
}

/// The owner of the pack with this record, as this installation at this place sees it.
pub fn ownership(record: &PackRecord, installation: &Installation, place: &Place) -> Ownership {
    let Some(value) = record.inputs.get(MARKER_PARAMETER) else {
        return Ownership::Unmanaged;
    };
    // The binding comes before the installation: a marker that was copied from another pack proves
    // no owner, whatever installation it names.
    match value.parse::<Marker>() {
        Err(problem) => Ownership::Void(VoidMarker::Unreadable(problem)),
        Ok(marker) if !marker.binds((place, &record.name)) => Ownership::Void(VoidMarker::Copied),
        Ok(marker) if marker.installation != *installation => {
            Ownership::Foreign(marker.installation)
        }
        Ok(marker) => Ownership::Ours(marker),
    }
}

/// Joins the two lists of a region into one observation. A pack that was created again while the
/// pages were read is listed twice: the newer entry is the one that exists.
pub fn join(
    records: Vec<PackRecord>,
    statuses: Vec<StatusRecord>,
    installation: &Installation,
    place: &Place,
) -> PacksObservation {
    let mut seen = PacksObservation::default();
    for record in records {
        let other = seen.packs.get(&record.name);
        if other.is_some_and(|other| other.record.last_update > record.last_update) {
            continue;
        }
        let ownership = ownership(&record, installation, place);
        let pack = ObservedPack { ownership, status: None, record };
        seen.packs.insert(pack.record.name.clone(), pack);
    }
    for status in statuses {
        match seen.packs.get_mut(&status.name) {
            Some(pack) => pack.status = Some(status),
            None => {
                seen.unlisted.insert(status.name.clone(), status);
            }
        }
    }
    seen
}

impl JsonSchema for RolloutStatus {
    fn schema_name() -> Cow<'static, str> {
        "RolloutStatus".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "AWS's own word, such as CREATE_SUCCESSFUL.",
            "maxLength": 64
        })
    }
}
