//! The settings of a region.

use std::time::Duration;

use crate::domain::base::mode::Mode;
use crate::domain::base::model::Installation;
use crate::domain::base::time::Pace;
use crate::domain::members::tracker::Resyncs;
use crate::domain::plan::guard::LossLimits;
use crate::domain::plan::redeploy::Redeploy;

/// The settings of a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionSettings {
    /// The installation whose packs are ours.
    pub installation: Installation,
    /// How far conformd may go.
    pub mode: Mode,
    /// The losses that need no approval.
    pub limits: LossLimits,
    /// How long things take.
    pub pace: Pace,
    /// Organization packs per region (AWS Config quota: 50).
    pub quota: usize,
    /// How often members are read.
    pub resyncs: Resyncs,
    /// How conformd redeploys to accounts that AWS has stopped retrying.
    pub redeploy: Redeploy,
    /// The age from which an account list does not count as current.
    pub list_age_max: Duration,
}
