//! Every pack deployment of a fleet, counted.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::members::rollout::RolloutHealth;
use crate::domain::observed::member::Counts;
use crate::domain::present::report::SyncState;
use crate::domain::present::view::cell::CellState;
use crate::domain::present::view::region::RegionState;

/// Counts over all regions, zeros included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Regions.
    pub regions: BTreeMap<RegionState, usize>,
    /// Visible and wanted packs by whether AWS holds what is wanted.
    pub packs: BTreeMap<SyncState, usize>,
    /// Cells.
    pub cells: BTreeMap<CellState, usize>,
    /// Cells that require action.
    pub action_required: usize,
    /// Cells by whether the pack arrived.
    pub by_health: BTreeMap<RolloutHealth, usize>,
    /// Members of all cells.
    pub members: Counts,
    /// Holds.
    pub held: usize,
    /// Packs that wait for an approval.
    pub blocked: usize,
}
