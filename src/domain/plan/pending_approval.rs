//! Losses that wait for an approval, and approvals that do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use thiserror::Error;

use super::loss::Loss;
use super::trip::Trip;
use crate::domain::base::model::{PackName, Region};
use crate::domain::base::words::many;

/// Losses of one region that wait for an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingApproval {
    /// The limits that they exceed.
    pub trips: Vec<Trip>,
    /// What would be lost, by pack.
    pub losses: BTreeMap<PackName, BTreeSet<Loss>>,
}

impl PendingApproval {
    /// How many packs would be deleted.
    pub fn deletes(&self) -> usize {
        self.losses.values().filter(|losses| losses.contains(&Loss::Pack)).count()
    }

    /// What waits, in a few words: `delete 2 packs, lose 3 rules`.
    pub fn summary(&self) -> String {
        let all = || self.losses.values().flatten();
        let accounts = all().filter_map(|loss| match loss {
            Loss::Account(account) => Some(account),
            Loss::Pack | Loss::Adoption | Loss::Rule(_) | Loss::Rules(_) => None,
        });
        let adoptions = all().filter(|loss| **loss == Loss::Adoption).count();
        let parts = [
            ("delete", self.deletes(), "pack"),
            ("adopt", adoptions, "pack"),
            ("lose", all().map(Loss::rules).sum(), "rule"),
            ("exclude", accounts.collect::<BTreeSet<_>>().len(), "account"),
        ];
        let parts = parts.into_iter().filter(|(_, count, _)| *count > 0);
        let parts: Vec<String> =
            parts.map(|(verb, count, noun)| format!("{verb} {}", many(count, noun))).collect();
        parts.join(", ")
    }
}

/// The losses of a region that the guard holds, and what the reader of a hold has to know.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct HeldLosses {
    /// The region.
    pub region: Region,
    /// What waits, and why.
    pub pending: PendingApproval,
    /// Approvals that name one of the losses and do not count.
    pub void: BTreeSet<VoidApproval>,
}

impl fmt::Display for HeldLosses {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, pending, void } = self;
        let trips = pending.trips.iter().map(ToString::to_string);
        let reasons: Vec<String> = trips.chain(void.iter().map(ToString::to_string)).collect();
        write!(
            out,
            "waiting for approval: {} in {region} ({}); commit the document that `conformd \
             approve` prints, or revert the change",
            pending.summary(),
            reasons.join("; ")
        )
    }
}

/// An approval that names a loss and does not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Error)]
#[error("the approval {name} does not count: {why}")]
pub struct VoidApproval {
    /// Its `metadata.name`.
    pub name: String,
    /// Why it does not count.
    pub why: VoidApprovalCause,
}

/// Why an approval does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum VoidApprovalCause {
    /// It has expired.
    #[error("it has expired")]
    Expired,
    /// It expires too far ahead.
    #[error("it expires more than 7 days ahead")]
    TooLong,
    /// Its use could not be recorded.
    #[error("the record cannot be written, so every loss is held; make it writable first")]
    RecordUnwritable,
    /// It was used.
    #[error("it was already used for this loss; commit a new one")]
    Used,
    /// Whether it was used before is not known.
    #[error(
        "without a record, an approval permits only losses of packs that AWS last changed before \
         the approval was read"
    )]
    NoRecord,
}
