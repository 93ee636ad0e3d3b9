//! A hold: what conformd does not do for now, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};

use super::step::PlanStep;
use crate::domain::base::model::{PackName, Timestamp};

/// A hold and its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Hold {
    /// The pack; `None` when the whole region waits.
    pub pack: Option<PackName>,
    /// The kind of reason.
    pub reason: HoldReason,
    /// The reason in words, with what to do if a person must act.
    pub why: String,
    /// When it resolves automatically, if it can.
    pub until: Option<Timestamp>,
    /// What would be done otherwise.
    pub step: Option<Box<PlanStep>>,
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
