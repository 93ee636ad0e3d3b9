//! The losses that a plan asks for, and the terms by which the guard judges them.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::base::mode::Mode;
use crate::domain::base::model::{PackName, Region};
use crate::domain::declared::approval::{Approval, Approvals};
use crate::domain::organization::membership::Shrink;
use crate::domain::plan::effective_rules::HeldRules;
use crate::domain::plan::hold::HoldReason;
use crate::domain::plan::loss::{Loss, LossAt};
use crate::domain::plan::pending_approval::VoidApproval;
use crate::domain::plan::region_plan::Plan;
use crate::domain::plan::step::PlanStep;
use crate::domain::plan::window::{LossWindow, ProcessTime};

/// How much may be lost unapproved within 24 hours. Percentages are of 100, rounded down.
/// `docs/guard.md` explains each limit and its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LossLimits {
    /// Packs deleted in one region, of the largest number owned there; at least 1.
    pub ratio_percent: u32,
    /// Different packs deleted or stripped of rules, all regions together.
    pub names_per_window: u32,
    /// Effective rules lost by all packs of a region together.
    pub rules_max: u32,
    /// The same in percent of the largest number of effective rules there, if that is more.
    pub rules_percent: u32,
    /// Accounts newly excluded, over all packs and regions, each counted once.
    pub exclusions_max: u32,
    /// The same in percent of the active members, if that is more.
    pub exclusions_percent: u32,
    /// Share of the active accounts above which no pack may come to exclude more.
    pub excluded_percent: u32,
    /// Owned packs of a region that must still be desired before anything is lost there.
    pub overlap_percent: u32,
}

impl Default for LossLimits {
    fn default() -> Self {
        Self {
            ratio_percent: 10,
            names_per_window: 5,
            rules_max: 5,
            rules_percent: 10,
            exclusions_max: 5,
            exclusions_percent: 5,
            excluded_percent: 20,
            overlap_percent: 50,
        }
    }
}

/// The inputs of the guard besides the plan and the window.
#[derive(Debug, Clone, Copy)]
pub struct GuardTerms<'a> {
    /// How far conformd may go.
    pub mode: Mode,
    /// The limits.
    pub limits: &'a LossLimits,
    /// Approvals of the current revision.
    pub approvals: Approvals<'a>,
    /// The effective rules that the region's packs hold now.
    pub rules: &'a HeldRules<'a>,
    /// Active member accounts, if known.
    pub members: Option<usize>,
    /// A much shorter account list that waits.
    pub shrink: Option<&'a Shrink>,
    /// The moment, on the clock of the window.
    pub elapsed: ProcessTime,
}

/// The losses of a plan, with the steps that cause them.
pub(super) struct RequestedLosses<'a> {
    pub(super) plan: &'a Plan,
    /// Steps with losses, ordered by pack, whether they may be taken now or wait.
    pub(super) steps: Vec<&'a PlanStep>,
    /// Losses that no approval covers.
    pub(super) uncovered: BTreeSet<LossAt>,
    /// Losses that one covers.
    pub(super) covered: BTreeMap<LossAt, &'a Approval>,
}

impl<'a> RequestedLosses<'a> {
    pub(super) fn of(plan: &'a Plan, terms: &GuardTerms<'a>, window: &LossWindow) -> Self {
        // Steps that only wait count with those that may be taken now. Otherwise a plan could pass
        // the limits in two halves, because one pack happened to be busy.
        let held = plan.holds.iter().filter(|hold| is_imminent(hold.reason()));
        let held = held.filter_map(|hold| hold.step.as_deref());
        let mut steps: Vec<&PlanStep> =
            plan.steps.iter().chain(held).filter(|step| !step.losses.is_empty()).collect();
        steps.sort_by_key(|step| &step.pack);
        let (mut uncovered, mut covered) = (BTreeSet::new(), BTreeMap::new());
        for step in &steps {
            for at in losses_of(&plan.place.region, step) {
                match terms.approvals.covering(window, &at, step.last_update) {
                    Some(approval) => {
                        covered.insert(at, approval);
                    }
                    None => {
                        uncovered.insert(at);
                    }
                }
            }
        }
        Self { plan, steps, uncovered, covered }
    }

    pub(super) fn region(&self) -> &'a Region {
        &self.plan.place.region
    }

    /// Why approvals that name an uncovered loss do not count.
    pub(super) fn void(
        &self,
        terms: &GuardTerms<'_>,
        window: &LossWindow,
    ) -> BTreeSet<VoidApproval> {
        let last_update = |at: &LossAt| {
            self.steps.iter().find(|step| step.pack == at.pack).and_then(|step| step.last_update)
        };
        let void = |at| terms.approvals.void(window, at, last_update(at));
        self.uncovered.iter().filter_map(void).collect()
    }

    /// The steps that ask for something which no approval covers.
    pub(super) fn packs(&self) -> BTreeSet<PackName> {
        self.uncovered.iter().map(|at| at.pack.clone()).collect()
    }

    /// The uncovered losses of one pack.
    pub(super) fn of_pack(&self, pack: &PackName) -> impl Iterator<Item = &Loss> {
        let pack = pack.clone();
        self.uncovered.iter().filter(move |at| at.pack == pack).map(|at| &at.loss)
    }
}

/// The losses of a step, each with its place.
pub(super) fn losses_of<'a>(
    region: &'a Region,
    step: &'a PlanStep,
) -> impl Iterator<Item = LossAt> + 'a {
    step.losses.lost.iter().map(|loss| LossAt {
        region: region.clone(),
        pack: step.pack.clone(),
        loss: loss.clone(),
    })
}

/// Whether a step with this hold reason will happen without further input. A write that AWS does
/// not show yet (`Settling`) counts already in the window, and is judged again once it shows.
pub(super) fn is_imminent(reason: HoldReason) -> bool {
    match reason {
        HoldReason::Unconfirmed
        | HoldReason::InProgress
        | HoldReason::Retry
        | HoldReason::Denied => true,
        HoldReason::Mode
        | HoldReason::Settling
        | HoldReason::Source
        | HoldReason::Invalid
        | HoldReason::Unsupported
        | HoldReason::Unknown
        | HoldReason::Guard
        | HoldReason::Suspended
        | HoldReason::Foreign
        | HoldReason::Unmanaged
        | HoldReason::Quota
        | HoldReason::Rejected
        | HoldReason::Conflict
        | HoldReason::Orphaned
        | HoldReason::Undeclared
        | HoldReason::Membership => false,
    }
}
