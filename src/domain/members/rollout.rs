//! The rollout of a pack: its health over its members, never over the aggregate status alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{AccountId, Timestamp};
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::observed::member::{Counts, MemberStatus, TroubledMember};

/// Whether a pack has arrived: the closed set of a metric label. Of several that apply, the first
/// in this order: deleting, unknown, degraded, missing, progressing, stuck aggregate, healthy.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RolloutHealth {
    /// Every expected account has it.
    Healthy,
    /// A rollout is in progress, or AWS still retries new accounts.
    Progressing,
    /// Expected accounts failed.
    Degraded,
    /// Expected accounts have no row, past the grace.
    Missing,
    /// Every account is done while the aggregate says "in progress"; a second resync has to agree
    /// before it is called healthy.
    StuckAggregate,
    /// It is being removed.
    Deleting,
    /// Its members were not read yet, or the account list is unknown.
    Unknown,
}

impl RolloutHealth {
    /// Every health, in label order.
    pub const ALL: [Self; 7] = [
        Self::Healthy,
        Self::Progressing,
        Self::Degraded,
        Self::Missing,
        Self::StuckAggregate,
        Self::Deleting,
        Self::Unknown,
    ];

    /// The health as users see it: `None` while it is unknown, and `Progressing` while only a
    /// second resync is missing.
    pub fn reported(self) -> Option<Self> {
        match self {
            Self::Unknown => None,
            Self::StuckAggregate => Some(Self::Progressing),
            Self::Healthy | Self::Progressing | Self::Degraded | Self::Missing | Self::Deleting => {
                Some(self)
            }
        }
    }

    /// The word used in labels and texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Progressing => "progressing",
            Self::Degraded => "degraded",
            Self::Missing => "missing",
            Self::StuckAggregate => "stuck_aggregate",
            Self::Deleting => "deleting",
            Self::Unknown => "unknown",
        }
    }
}

/// Members of one kind: all are counted, and some are kept by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CappedMembers {
    /// Those that are kept, by account.
    pub kept: Arc<[TroubledMember]>,
    /// How many there are.
    pub all: usize,
}

/// How a pack arrived at its members in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each a field of the API")]
pub struct Rollout {
    /// The health.
    pub health: RolloutHealth,
    /// Why the health is not better, in words, if there is a reason: what was not read, what is
    /// unknown, how old the figures are.
    pub why: Option<String>,
    /// The aggregate reports "in progress" although every account is done.
    pub aggregate_stuck: bool,
    /// How many accounts are expected to have it; `None` while the account list is not known.
    pub expected: Option<usize>,
    /// Members by status.
    pub counts: Counts,
    /// Failed members by class; classes that do not occur are absent.
    pub classes: BTreeMap<FailureClass, usize>,
    /// Members that are not simply ok, by account; kept up to a cap.
    #[serde(skip)]
    pub troubled: Arc<[TroubledMember]>,
    /// Whether more were found than are kept.
    pub truncated: bool,
    /// The status of every new account, ok included; absent: not known yet.
    #[serde(skip)]
    pub new_accounts: BTreeMap<AccountId, MemberStatus>,
    /// The management account has no row: this is shown, but does not make the pack missing.
    pub management_missing: bool,
    /// Why the last reading of its members failed, if it did.
    pub unread: Option<FailureKind>,
    /// Its members could not be read since its last change: nothing is known of those that are not
    /// counted.
    pub outdated: bool,
    /// Members whose row has a status that this version does not recognize.
    #[serde(skip)]
    pub unrecognized: CappedMembers,
    /// Accounts from which AWS could not remove it, by reason.
    #[serde(skip)]
    pub removals: BTreeMap<FailureClass, CappedMembers>,
    /// When every member was last read, by AWS's clock.
    pub resynced: Option<Timestamp>,
    /// When the last failure resync or full resync ran, by AWS's clock.
    pub read: Option<Timestamp>,
}

impl Rollout {
    /// Whether its health is bad without any member or removal that would explain it.
    pub fn is_unexplained(&self) -> bool {
        let is_bad = matches!(self.health, RolloutHealth::Degraded | RolloutHealth::Missing);
        is_bad && self.counts.failed == 0 && self.counts.missing == 0 && self.removals.is_empty()
    }

    /// The rollout in a few words; `None` while its health is unknown. Counts that change all the
    /// time are left out.
    pub fn headline(&self) -> Option<String> {
        let health = self.health.reported()?;
        let classes = self.classes.iter().map(|(class, count)| format!("{count} {class}"));
        let classes: Vec<String> = classes.collect();
        let why =
            if classes.is_empty() { String::new() } else { format!(" ({})", classes.join(", ")) };
        Some(format!("{}{why}", health.as_str()))
    }
}
