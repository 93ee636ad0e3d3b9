//! How one account stands with a pack, as its row shows it.

use crate::domain::base::model::Timestamp;
use crate::domain::observed::packs::{Phase, Verb};
use crate::sim::causes::Cause;

/// One member's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What was done.
    pub verb: Verb,
    /// How far it got.
    pub phase: Phase,
    /// Why it failed.
    pub cause: Option<Cause>,
    /// Since when the row shows this.
    pub since: Timestamp,
}

/// Where a member stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) row: Option<Row>,
    /// Whether work on it is still to come or under way.
    pub(super) unfinished: bool,
    /// Whether that work comes from a join or leave, not from a Put or Delete.
    pub(super) by_membership: bool,
}
