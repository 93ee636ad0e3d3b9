//! The status of one account for a pack, as its row shows it.

use crate::domain::base::model::Timestamp;
use crate::domain::observed::packs::{PackPhase, Verb};
use crate::sim::causes::FailureText;

/// One member's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimRow {
    /// What was done.
    pub verb: Verb,
    /// The phase.
    pub phase: PackPhase,
    /// Why it failed.
    pub cause: Option<FailureText>,
    /// Since when the row shows this.
    pub since: Timestamp,
}

/// The state of a member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SimMemberState {
    pub(super) row: Option<SimRow>,
    /// Whether work on it is still to come or under way.
    pub(super) unfinished: bool,
    /// Whether that work comes from a join or leave, not from a Put or Delete.
    pub(super) by_membership: bool,
}
