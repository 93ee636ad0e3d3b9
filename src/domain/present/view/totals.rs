//! Every pack deployment of a fleet, counted.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::members::rollout::RolloutHealth;
use crate::domain::observed::member::Counts;
use crate::domain::present::axes::{HealthStatus, SyncStatus};
use crate::domain::present::report::SyncReason;

/// Counts over all regions, zeros included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Regions by sync.
    pub regions: BTreeMap<SyncStatus, usize>,
    /// Pack deployments by sync.
    pub sync: BTreeMap<SyncStatus, usize>,
    /// Pack deployments by health.
    pub health: BTreeMap<HealthStatus, usize>,
    /// Pack deployments by the health of their rollout, which says more.
    pub rollouts: BTreeMap<RolloutHealth, usize>,
    /// Visible and desired packs that have a reason.
    pub reasons: BTreeMap<SyncReason, usize>,
    /// Pack deployments that require action.
    pub action_required: usize,
    /// Members of all pack deployments.
    pub members: Counts,
    /// Holds.
    pub held: usize,
    /// Packs that wait for an approval.
    pub blocked: usize,
}
