//! The decision about one pack, and the inputs of a plan.

use std::collections::BTreeMap;

use crate::domain::base::model::{Digest, PackName, Place, Timestamp};
use crate::domain::base::time::Pace;
use crate::domain::declared::approval::Approvals;
use crate::domain::members::tracking::Tracking;
use crate::domain::observed::packs::{Observed, PacksObservation};
use crate::domain::observed::recorder::Recorders;
use crate::domain::plan::desired::Desired;
use crate::domain::plan::effective_rules::HeldRules;
use crate::domain::plan::history::History;
use crate::domain::plan::hold::Hold;
use crate::domain::plan::redeploy::Redeploy;
use crate::domain::plan::region_plan::Bystander;
use crate::domain::plan::step::PlanStep;
use crate::domain::plan::window::{LossWindow, ProcessTime};

/// The inputs of a plan.
#[derive(Debug, Clone, Copy)]
pub struct PlanInputs<'a> {
    /// The account and region.
    pub place: &'a Place,
    /// The desired packs of the region; `None` until the source has been read once.
    pub desired: Option<&'a Desired>,
    /// Its observation.
    pub observed: &'a Observed,
    /// Its history, including this observation.
    pub history: &'a History,
    /// Its members.
    pub tracking: &'a Tracking,
    /// Its members' recorders.
    pub recorders: &'a Recorders,
    /// How conformd redeploys to accounts that AWS has stopped retrying.
    pub redeploy: &'a Redeploy,
    /// How long things take.
    pub pace: &'a Pace,
    /// How many organization packs the region has room for.
    pub quota: usize,
    /// The effective rules that the packs hold.
    pub rules: &'a HeldRules<'a>,
    /// The approvals of the revision.
    pub approvals: Approvals<'a>,
    /// The used approvals, and the losses within 24 hours.
    pub window: &'a LossWindow,
    /// The moment by the clock of the window.
    pub elapsed: ProcessTime,
}

/// The decision about one pack.
pub(super) enum Decision {
    /// The pack is as it should be.
    InSync,
    /// This step is due.
    Step(Box<PlanStep>),
    /// It waits.
    Hold(Box<Hold>),
    /// The pack is not ours and not desired.
    NotOurs(Bystander),
}

/// One region at one moment.
pub(super) struct PlanContext<'a> {
    pub(super) inputs: &'a PlanInputs<'a>,
    pub(super) seen: &'a PacksObservation,
    pub(super) desired: &'a Desired,
    pub(super) successors: BTreeMap<Digest, &'a PackName>,
    pub(super) now: Timestamp,
}
