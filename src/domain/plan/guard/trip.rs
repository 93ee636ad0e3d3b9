//! Limits that a plan exceeds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};

/// One limit that was passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trip {
    /// Which one.
    pub reason: TripReason,
    /// By how much, in words.
    pub why: String,
}

/// Which limit: the closed set of a metric label.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum TripReason {
    /// The source declares nothing at all.
    EmptySource,
    /// Too many packs of one region.
    Ratio,
    /// Too many packs in 24 hours, all regions together.
    Window,
    /// Too many accounts newly excluded.
    Exclusions,
    /// A pack, or all packs of a region, lose too many effective rules.
    RuleLoss,
    /// Too few owned packs are still desired: the wrong directory?
    Overlap,
    /// The account list shrank, or is not known.
    Membership,
    /// An adoption may lose what the unmanaged pack holds.
    Adoption,
    /// What was deleted is there again: another writer, or a revert.
    Conflict,
    /// What was lost within 24 hours is not known.
    Caution,
    /// It was held before: time releases nothing.
    Held,
}

impl TripReason {
    /// The word used in labels and texts.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
