//! A hold: what conformd does not do for now, and why.

use std::borrow::Cow;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer};
use strum::{EnumIter, IntoStaticStr};
use thiserror::Error;

use super::desired::{SourceDoubt, Unresolvable};
use super::pending_approval::HeldLosses;
use super::step::PlanStep;
use crate::domain::base::model::{Installation, PackName, Timestamp};
use crate::domain::declared::catalog::ManifestProblem;
use crate::domain::declared::snapshot::SourcePath;
use crate::domain::observed::packs::{RolloutStatus, VoidMarker};
use crate::domain::organization::membership::ListDoubt;

/// A hold and its cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The pack; `None` when the whole region waits.
    pub pack: Option<PackName>,
    /// Why it waits.
    pub why: HoldCause,
    /// When it resolves automatically, if it can.
    pub until: Option<Timestamp>,
    /// What would be done otherwise.
    pub step: Option<Box<PlanStep>>,
}

impl Hold {
    /// The kind of its cause.
    pub fn reason(&self) -> HoldReason {
        self.why.reason()
    }
}

/// Why something waits. Its text says what to do if a person must act.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HoldCause {
    /// The region could not be read; the text of the failure.
    #[error("{0}")]
    RegionUnknown(String),
    /// There is no source yet.
    #[error("the source has not been read yet")]
    SourceUnread,
    /// The step causes a loss, and the source does not speak for it.
    #[error(transparent)]
    Source(SourceDoubt),
    /// A file of the pack may be cut off.
    #[error(
        "it causes a loss, but {0} ends in the middle of a line and may be truncated; if the file \
         is complete, end it with a line break"
    )]
    Truncated(SourcePath),
    /// The source was read once, and may show a half-written file.
    #[error("it causes a loss; waiting for a second reading of the source")]
    ReadOnce,
    /// The manifest cannot be acted on.
    #[error(transparent)]
    Unresolvable(Unresolvable),
    /// The manifest is invalid, and its last valid form stays in force.
    #[error("its manifest is invalid, the last valid content stays in force: {0}")]
    LastGoodKept(ManifestProblem),
    /// Its manifest suspends it; the reason that the manifest gives.
    #[error("{0}")]
    Suspended(String),
    /// The account list was read once since the start.
    #[error(
        "the account list was read once since the start; a change of exclusions waits for a \
         second reading"
    )]
    AccountListOnce,
    /// The account list is not current.
    #[error(transparent)]
    AccountList(ListDoubt),
    /// Only a newer account list shows who wrote the pack.
    #[error(
        "another writer or AWS itself wrote it; waiting for a newer account list, which shows \
         whether accounts joined or left"
    )]
    WriterUndecided,
    /// AWS does not list a pack of which it reports this status.
    #[error("AWS reports {0} for it, but does not list it yet")]
    Unlisted(RolloutStatus),
    /// A delete was sent, and AWS shows the pack still.
    #[error("its deletion was sent, but AWS does not show it yet")]
    DeletionSent,
    /// A Put was sent that AWS does not show.
    #[error("written recently, but AWS does not show it yet")]
    WriteSent,
    /// AWS is removing the pack.
    #[error("AWS is removing it")]
    Removing,
    /// AWS reports an active rollout.
    #[error("AWS is working on it ({0}) and accepts no change")]
    AtWork(RolloutStatus),
    /// AWS reports a status that proves nothing.
    #[error("AWS reports {0:?}, which this version does not recognize")]
    UnrecognizedStatus(String),
    /// It is the old name of a rename, and this is the new one.
    #[error(
        "{0} holds the same template and is not deployed yet; conformd deletes the old pack after \
         that"
    )]
    Renaming(PackName),
    /// A second observation has to agree.
    #[error("{0}; waiting for a second reading")]
    ObservedOnce(FirstObservation),
    /// No observation has shown it without a manifest before.
    #[error("observed once without a manifest; waiting for a second observation")]
    UnwantedOnce,
    /// No manifest declares it, which may be an accident.
    #[error(
        "no manifest declares it, but the file may be missing by accident; to delete the pack, \
         commit a manifest for it with `state: Absent` or the document that `conformd approve` \
         prints; to keep it, restore its manifest"
    )]
    Undeclared,
    /// Its manifest does not name this region, which may be an accident.
    #[error(
        "its manifest does not name this region, but a truncated file looks the same; to delete \
         the pack here, commit the document that `conformd approve` prints; to keep it, add the \
         region again"
    )]
    UndeclaredHere,
    /// It was orphaned.
    #[error(
        "no manifest declares it, and its deletion policy is Orphan: conformd leaves it in place"
    )]
    Orphaned,
    /// It exists without a marker.
    #[error(
        "a pack of this name exists without conformd's marker; set `spec.adopt: true` to take it \
         over, or rename one of the two"
    )]
    Unmanaged,
    /// Another writer replaced a pack that conformd had put.
    #[error(
        "another writer replaced the pack that conformd put at {} with one without conformd's \
         marker; find that writer in CloudTrail (PutOrganizationConformancePack); set `spec.adopt: \
         true` to take the pack back, which counts as a loss and waits for an approval",
        put.strftime("%Y-%m-%dT%H:%M:%SZ")
    )]
    Replaced {
        /// When conformd put it.
        put: Timestamp,
    },
    /// Another installation owns it.
    #[error("the conformd installation {0} owns it; this installation does not change it")]
    Foreign(Installation),
    /// Its marker is void.
    #[error("{0}; conformd does not change it")]
    Void(VoidMarker),
    /// AWS refused this content; AWS's text.
    #[error("AWS refused this content; change the template or its parameters: {0}")]
    Rejected(String),
    /// Another writer keeps changing it back.
    #[error(
        "another writer keeps reverting it: {puts} Puts within 6 hours; find that writer in \
         CloudTrail (PutOrganizationConformancePack)"
    )]
    Fight {
        /// How often it was put.
        puts: usize,
    },
    /// It was changed externally again within one interval.
    #[error("external change after the last Put; conformd corrects it at most once per interval")]
    CorrectedRecently,
    /// The last write failed; the text of the failure.
    #[error("the last attempt failed: {0}")]
    AttemptFailed(String),
    /// The last rollout failed.
    #[error("the last rollout failed; the next attempt follows later")]
    RolloutFailed,
    /// Its rollout failed, and its members were not read.
    #[error("its deployment failed; conformd does not know yet which members need another Put")]
    MembersUnread,
    /// Redeployments have a cooldown.
    #[error("it was put recently; one redeployment after the cooldown covers all late accounts")]
    Cooldown,
    /// AWS said that there is no room for another pack; AWS's text.
    #[error("the quota of packs is used up: {0}")]
    QuotaRefused(String),
    /// The region holds as many packs as it may.
    #[error("AWS allows {quota} packs in a region; conformd deletes none to make room")]
    QuotaFull {
        /// How many.
        quota: usize,
    },
    /// This region does not return markers.
    #[error(
        "AWS did not return the marker of {0} after its Put, so conformd could not recognize the \
         packs that it writes here; it writes nothing more until it restarts"
    )]
    MarkerLost(PackName),
    /// The same, of a step.
    #[error("writes are stopped in this region")]
    WritesStopped,
    /// AWS refuses writes; AWS's text.
    #[error("AWS refuses writes in this region: {0}")]
    WritesRefused(String),
    /// AWS refuses this write; AWS's text.
    #[error("AWS refuses this write: {0}")]
    WriteRefused(String),
    /// The guard holds its losses.
    #[error(transparent)]
    Guard(Arc<HeldLosses>),
    /// Mode `observe`.
    #[error("mode observe never writes")]
    ModeObserve,
    /// Mode `upsert`.
    #[error("mode upsert never deletes")]
    ModeUpsert,
}

/// What one observation showed that a second one has to confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FirstObservation {
    /// A pack of ours is gone.
    #[error("it was deployed, and AWS no longer lists it")]
    Vanished,
    /// A pack of ours holds something else.
    #[error("it is not the content that was last observed")]
    Changed,
    /// A pack of ours is not desired.
    #[error("no manifest declares it")]
    Unwanted,
}

impl HoldCause {
    /// Its kind.
    pub fn reason(&self) -> HoldReason {
        match self {
            Self::RegionUnknown(_) => HoldReason::Unknown,
            Self::Source(SourceDoubt::Invalid)
            | Self::Unresolvable(Unresolvable::Invalid(_))
            | Self::LastGoodKept(_) => HoldReason::Invalid,
            Self::SourceUnread | Self::Source(_) | Self::Truncated(_) => HoldReason::Source,
            Self::Unresolvable(Unresolvable::Unsupported(_)) => HoldReason::Unsupported,
            Self::Unresolvable(Unresolvable::Unresolved(_))
            | Self::AccountList(_)
            | Self::WriterUndecided => HoldReason::Membership,
            Self::ReadOnce | Self::AccountListOnce | Self::ObservedOnce(_) | Self::UnwantedOnce => {
                HoldReason::Unconfirmed
            }
            Self::Suspended(_) => HoldReason::Suspended,
            Self::Unlisted(_) | Self::DeletionSent | Self::WriteSent => HoldReason::Settling,
            Self::Removing | Self::AtWork(_) | Self::UnrecognizedStatus(_) | Self::Renaming(_) => {
                HoldReason::InProgress
            }
            Self::Undeclared | Self::UndeclaredHere => HoldReason::Undeclared,
            Self::Orphaned => HoldReason::Orphaned,
            Self::Unmanaged | Self::Replaced { .. } => HoldReason::Unmanaged,
            Self::Foreign(_) | Self::Void(_) => HoldReason::Foreign,
            Self::Rejected(_) => HoldReason::Rejected,
            Self::Fight { .. } | Self::CorrectedRecently => HoldReason::Conflict,
            Self::AttemptFailed(_) | Self::RolloutFailed | Self::MembersUnread | Self::Cooldown => {
                HoldReason::Retry
            }
            Self::QuotaRefused(_) | Self::QuotaFull { .. } => HoldReason::Quota,
            Self::MarkerLost(_)
            | Self::WritesStopped
            | Self::WritesRefused(_)
            | Self::WriteRefused(_) => HoldReason::Denied,
            Self::Guard(_) => HoldReason::Guard,
            Self::ModeObserve | Self::ModeUpsert => HoldReason::Mode,
        }
    }

    /// What lifts it.
    pub fn lift(&self) -> Lift {
        if matches!(self, Self::WriterUndecided) {
            // The next account list decides.
            Lift::Time
        } else if matches!(self, Self::UnrecognizedStatus(_)) {
            // Another version may recognize it; this one never does.
            Lift::Person
        } else {
            self.reason().lift()
        }
    }
}

/// The form of a hold in JSON.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Hold", description = "A hold and its reason.")]
struct HoldDocument<'a> {
    /// The pack; `None` when the whole region waits.
    pack: &'a Option<PackName>,
    /// The kind of reason.
    reason: HoldReason,
    /// The reason in words, with what to do if a person must act.
    why: String,
    /// When it resolves automatically, if it can.
    until: &'a Option<Timestamp>,
    /// What would be done otherwise.
    step: &'a Option<Box<PlanStep>>,
}

impl Serialize for Hold {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let Self { pack, why, until, step } = self;
        let (reason, why) = (why.reason(), why.to_string());
        HoldDocument { pack, reason, why, until, step }.serialize(out)
    }
}

impl JsonSchema for Hold {
    fn schema_name() -> Cow<'static, str> {
        HoldDocument::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        HoldDocument::json_schema(generator)
    }
}

/// What lifts a hold, the easiest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lift {
    /// Time, or the next reconciliation.
    Time,
    /// A person, who has decided so.
    Purpose,
    /// A person, who may not know yet.
    Person,
}

/// Why something waits: the closed set of a metric label.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum HoldReason {
    /// The mode does not allow it.
    Mode,
    /// The source cannot be read, or was not read recently.
    Source,
    /// A manifest is invalid; what was good before stays in force.
    Invalid,
    /// The manifest asks for something this version does not do.
    Unsupported,
    /// The region could not be read.
    Unknown,
    /// A second observation has to agree first.
    Unconfirmed,
    /// Written recently; AWS may not show it yet.
    Settling,
    /// The losses wait for approval.
    Guard,
    /// AWS is working on the pack.
    InProgress,
    /// The manifest is suspended.
    Suspended,
    /// Another installation's pack, or a marker that counts for nothing.
    Foreign,
    /// The pack is unmanaged, and the manifest does not adopt it.
    Unmanaged,
    /// No room for another pack.
    Quota,
    /// AWS refused this very content.
    Rejected,
    /// Another writer keeps changing it back.
    Conflict,
    /// A failed deployment or a failed write waits for its next try.
    Retry,
    /// AWS refuses writes here.
    Denied,
    /// Its manifest went away with `deletionPolicy: Orphan`: left in place for good.
    Orphaned,
    /// No manifest declares it, and there is no evidence that this is intended.
    Undeclared,
    /// It depends on the account list, which is not known, old, or in doubt.
    Membership,
}

impl HoldReason {
    /// The word used in labels and texts.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What lifts a hold of this kind.
    pub fn lift(self) -> Lift {
        match self {
            Self::Unknown | Self::Unconfirmed | Self::Settling | Self::InProgress | Self::Retry => {
                Lift::Time
            }
            Self::Suspended | Self::Orphaned => Lift::Purpose,
            Self::Mode
            | Self::Source
            | Self::Invalid
            | Self::Unsupported
            | Self::Guard
            | Self::Foreign
            | Self::Unmanaged
            | Self::Quota
            | Self::Rejected
            | Self::Conflict
            | Self::Denied
            | Self::Undeclared
            | Self::Membership => Lift::Person,
        }
    }
}
