//! Limits that a plan exceeds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};
use thiserror::Error;

use crate::domain::base::model::{PackName, Region, Timestamp};
use crate::domain::base::time::to_second;
use crate::domain::base::words::many;

/// A limit that a plan exceeds, and by how much.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Trip {
    /// See [`TripReason::EmptySource`].
    #[error("the source declares no pack at all")]
    EmptySource,
    /// See [`TripReason::Overlap`].
    #[error(
        "only {desired} of {} owned here{} are still desired (at least {percent} %); check that \
         source.directory is the right directory",
        many(*owned, "pack"),
        if *was { " 24 h ago" } else { "" }
    )]
    Overlap {
        /// How many are still desired.
        desired: usize,
        /// Of how many.
        owned: usize,
        /// The limit.
        percent: u32,
        /// Whether they are those of 24 hours ago.
        was: bool,
    },
    /// See [`TripReason::Conflict`].
    #[error(
        "{pack} was deleted at {} and exists again: another writer, or a change that was reverted",
        to_second(*when)
    )]
    Conflict {
        /// The pack.
        pack: PackName,
        /// When it was deleted.
        when: Timestamp,
    },
    /// See [`TripReason::Adoption`].
    #[error(
        "adopting {} may lose rules or accounts: AWS does not return the template of an unmanaged \
         pack",
        names(packs)
    )]
    Adoption {
        /// The unmanaged packs.
        packs: Vec<PackName>,
    },
    /// See [`TripReason::Ratio`].
    #[error("deleting {} in {region} within 24 h {}", share.of("pack"), share.limit())]
    Ratio {
        /// The region.
        region: Region,
        /// Packs that are deleted.
        share: Share,
    },
    /// See [`TripReason::Window`].
    #[error(
        "{} deleted or stripped of rules within 24 h, all regions together (limit {max})",
        many(*packs, "pack")
    )]
    Window {
        /// How many.
        packs: usize,
        /// The limit.
        max: usize,
    },
    /// See [`TripReason::RuleLoss`]: of one pack.
    #[error("{pack} loses {} within 24 h {}", share.of("effective rule"), share.limit())]
    PackRules {
        /// The pack.
        pack: PackName,
        /// Its rules.
        share: Share,
    },
    /// See [`TripReason::RuleLoss`]: of all packs of a region.
    #[error("{region} loses {} within 24 h {}", share.of("effective rule"), share.limit())]
    RegionRules {
        /// The region.
        region: Region,
        /// Their rules.
        share: Share,
    },
    /// See [`TripReason::RuleLoss`]: what deleted packs leave in a region.
    #[error(
        "{region} keeps {left} of {} when packs are deleted (at least {percent} %)",
        many(*of, "effective rule")
    )]
    RulesLeft {
        /// The region.
        region: Region,
        /// Rules that are left.
        left: usize,
        /// Of how many.
        of: usize,
        /// The limit.
        percent: u32,
    },
    /// See [`TripReason::Exclusions`]: of all packs.
    #[error(
        "{} newly excluded within 24 h, all packs together (limit {max})",
        many(*accounts, "active account")
    )]
    Exclusions {
        /// How many.
        accounts: usize,
        /// The limit.
        max: usize,
    },
    /// See [`TripReason::Exclusions`]: of one pack.
    #[error(
        "{pack} would exclude {excluded} of {} (limit {percent} %)",
        many(*members, "active account")
    )]
    ExcludedShare {
        /// The pack.
        pack: PackName,
        /// How many it would exclude.
        excluded: usize,
        /// Of how many.
        members: usize,
        /// The limit.
        percent: u32,
    },
    /// See [`TripReason::Membership`]: a newer list is much shorter.
    #[error("the account list shrank from {before} to {after} active accounts")]
    ListShrank {
        /// Active accounts before.
        before: usize,
        /// Those of them that are active in the newer list as well.
        after: usize,
    },
    /// See [`TripReason::Membership`]: there is no list.
    #[error("the account list is unknown, so the share of excluded accounts is unknown")]
    ListUnknown,
    /// See [`TripReason::Caution`].
    #[error(transparent)]
    Caution(WindowDoubt),
    /// See [`TripReason::Held`].
    #[error(
        "held since {}; it needs an approval even when it is within the limits",
        to_second(*since)
    )]
    Held {
        /// Since when.
        since: Timestamp,
    },
}

/// How many are lost, of how many, and the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// How many.
    pub lost: usize,
    /// Of how many that are there now, with those that were lost.
    pub now: usize,
    /// The number that the limit is a percentage of.
    pub basis: usize,
    /// The limit.
    pub max: usize,
}

impl Share {
    /// `2 of 3 packs`.
    fn of(self, noun: &str) -> String {
        format!("{} of {}", self.lost, many(self.now, noun))
    }

    /// The limit, with the number that it is a percentage of where that differs from `now`.
    fn limit(self) -> String {
        let Self { lost: _, now, basis, max } = self;
        let by = if basis == now { String::new() } else { format!(", by the {basis} of 24 h ago") };
        format!("(limit {max}{by})")
    }
}

/// Why nothing may be lost without an approval.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WindowDoubt {
    /// The losses of this process could not be recorded; the text of the failure.
    #[error("the record cannot be written, so every loss is held: {0}")]
    RecordUnwritable(String),
    /// What was lost within 24 hours is not known.
    #[error("the losses of the last 24 h are unknown ({gap}; observed for {hours} h so far)")]
    Unknown {
        /// Why.
        gap: RecordGap,
        /// For how long this process has observed.
        hours: u64,
    },
}

/// Why the record does not know every loss within 24 hours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Error)]
pub enum RecordGap {
    /// Nothing is known of a record.
    #[default]
    #[error("no record")]
    Unspecified,
    /// There is no record; why, in the words of the record.
    #[error("{0}")]
    Absent(String),
    /// It was begun within 24 hours.
    #[error("the record is less than 24 hours old")]
    Young,
    /// A pack was put without it.
    #[error(
        "{pack} in {region} was put by another process of this installation or manually, or the \
         record is an old copy"
    )]
    OtherWriter {
        /// The pack.
        pack: PackName,
        /// The region.
        region: Region,
    },
}

fn names(packs: &[PackName]) -> String {
    packs.iter().map(PackName::as_str).collect::<Vec<_>>().join(", ")
}

impl Trip {
    /// Which limit it is.
    pub fn reason(&self) -> TripReason {
        match self {
            Self::EmptySource => TripReason::EmptySource,
            Self::Overlap { .. } => TripReason::Overlap,
            Self::Conflict { .. } => TripReason::Conflict,
            Self::Adoption { .. } => TripReason::Adoption,
            Self::Ratio { .. } => TripReason::Ratio,
            Self::Window { .. } => TripReason::Window,
            Self::PackRules { .. } | Self::RegionRules { .. } | Self::RulesLeft { .. } => {
                TripReason::RuleLoss
            }
            Self::Exclusions { .. } | Self::ExcludedShare { .. } => TripReason::Exclusions,
            Self::ListShrank { .. } | Self::ListUnknown => TripReason::Membership,
            Self::Caution(_) => TripReason::Caution,
            Self::Held { .. } => TripReason::Held,
        }
    }
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
