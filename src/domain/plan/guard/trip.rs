//! Limits that a plan exceeds.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// Every reason, in label order.
    pub const ALL: [Self; 11] = [
        Self::EmptySource,
        Self::Ratio,
        Self::Window,
        Self::Exclusions,
        Self::RuleLoss,
        Self::Overlap,
        Self::Membership,
        Self::Adoption,
        Self::Conflict,
        Self::Caution,
        Self::Held,
    ];

    /// The word used in labels and texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmptySource => "empty_source",
            Self::Ratio => "ratio",
            Self::Window => "window",
            Self::Exclusions => "exclusions",
            Self::RuleLoss => "rule_loss",
            Self::Overlap => "overlap",
            Self::Membership => "membership",
            Self::Adoption => "adoption",
            Self::Conflict => "conflict",
            Self::Caution => "caution",
            Self::Held => "held",
        }
    }
}

impl fmt::Display for TripReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
