//! Everything a region goes by that the settings decide.

use std::time::Duration;

use crate::domain::base::mode::Mode;
use crate::domain::base::model::Installation;
use crate::domain::base::time::Pace;
use crate::domain::members::tracker::Resyncs;
use crate::domain::plan::guard::LossLimits;
use crate::domain::plan::redeploy::Redeploy;

/// Everything a region goes by that the settings decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionSettings {
    /// Whose packs are ours.
    pub installation: Installation,
    /// How far conformd may go.
    pub mode: Mode,
    /// What may go away unasked.
    pub limits: LossLimits,
    /// How long things take.
    pub pace: Pace,
    /// Organization packs per region (AWS Config quota: 50).
    pub quota: usize,
    /// How often members are read.
    pub resyncs: Resyncs,
    /// How accounts are redeployed that AWS gave up.
    pub redeploy: Redeploy,
    /// An account list that is older is not believed to be current.
    pub list_age_max: Duration,
}
