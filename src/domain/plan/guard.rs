//! The guard: which steps of a plan may be taken. The only maker of [`Approved`].
//!
//! One pure function of the plan, of what was lost within 24 hours ([`LossWindow`]) and of the
//! terms. Losses that no approval covers stay within the limits, all of a plan or none of it, or
//! wait for an approval; ordinary Puts go on. What was held stays held until it is approved or
//! withdrawn. Gates that are about one pack (second observation, source, progress) are `diff`'s;
//! what only waits for one of them is judged already, so that the answer does not depend on which
//! pack happens to be busy.

mod asked;
mod limits;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::hold::HoldCause;
use super::hold_rules::step_hold;
use super::loss::{Loss, LossAt};
use super::pending_approval::{HeldLosses, PendingApproval};
use super::region_plan::Plan;
use super::step::{Action, PlanStep};
use super::window::{HeldSince, HoldBasis, LossWindow, Lost, ProcessTime, SPAN};
use crate::domain::base::mode::Mode;
use crate::domain::base::model::{Digest, PackName, Timestamp};
use crate::domain::declared::approval::Approval;
use crate::domain::plan::window::Holding;
use asked::{RequestedLosses, is_imminent, losses_of};

pub use asked::{GuardTerms, LossLimits};

/// A plan that has passed [`approve`]; the executor takes nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Approved {
    plan: Plan,
    #[serde(skip)]
    permits: BTreeMap<PackName, Vec<Used>>,
}

/// An approval that permits a loss of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// Its `metadata.name`.
    pub name: String,
    /// Its `spec.reason`.
    pub reason: String,
    /// Which document it is.
    pub id: Digest,
    /// What it permits here.
    pub at: LossAt,
}

impl Approved {
    /// The plan: its steps may be taken; every other step is among its holds.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The approvals that a step of this pack rests on; none where it needs none.
    pub fn permits(&self, pack: &PackName) -> &[Used] {
        self.permits.get(pack).map_or(&[], Vec::as_slice)
    }

    /// The names of all approvals that its steps rest on.
    pub fn approval_names(&self) -> BTreeSet<&str> {
        let used = self.plan.steps.iter().flat_map(|step| self.permits(&step.pack));
        used.map(|used| used.name.as_str()).collect()
    }

    /// Every loss of a step that may be taken, with the approval that permits it.
    pub fn losses(&self) -> Vec<(LossAt, Option<&Used>)> {
        let region = &self.plan.place.region;
        let steps = self.plan.steps.iter();
        let losses = steps.flat_map(|step| losses_of(region, step));
        losses
            .map(|at| {
                let permits = self.permits(&at.pack).iter();
                let used = permits.into_iter().find(|used| used.at == at);
                (at, used)
            })
            .collect()
    }

    /// The steps that may be taken.
    pub fn into_steps(self) -> Vec<PlanStep> {
        self.plan.steps
    }
}

/// The ruling of the guard on a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// The steps that may be taken; every other step is among its holds.
    pub approved: Approved,
    /// What waits for an approval.
    pub pending: Option<PendingApproval>,
    /// Every loss that the plan asks for and that is not permitted: it is held from now on.
    pub held: BTreeSet<LossAt>,
    /// What it is held for.
    pub basis: HoldBasis,
    /// The packs whose losses cannot be judged.
    pub unjudged: Unjudged,
}

/// The packs whose losses the plan cannot tell: what was held of them stays held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unjudged {
    /// None of a region that could not be read, or without a source.
    All,
    /// These: they have to wait for another reason.
    Packs(BTreeSet<PackName>),
}

impl Unjudged {
    fn of(plan: &Plan) -> Self {
        let others = plan.holds.iter().filter(|hold| !is_imminent(hold.reason()));
        let packs: Option<BTreeSet<PackName>> = others.map(|hold| hold.pack.clone()).collect();
        packs.map_or(Self::All, Self::Packs)
    }

    fn contains(&self, pack: &PackName) -> bool {
        match self {
            Self::All => true,
            Self::Packs(packs) => packs.contains(pack),
        }
    }
}

/// Rules on a plan.
pub fn approve(mut plan: Plan, terms: &GuardTerms<'_>, window: &LossWindow) -> Ruling {
    // Deletes that the mode forbids are removed before the losses are counted: they will not
    // happen, and would trip limits for the rest of the plan.
    if terms.mode == Mode::Upsert {
        forbid_deletes(&mut plan);
    }
    // This has to come before the guard adds its own holds, since packs held by the guard are
    // judged.
    let unjudged = Unjudged::of(&plan);
    let asked = RequestedLosses::of(&plan, terms, window);
    let trips = limits::trips(&asked, terms, window, HoldBasis::Vanished);
    // A hold that exists only because of vanished packs ends when they show again. To know that,
    // the limits are checked a second time without them.
    let basis = if limits::trips(&asked, terms, window, HoldBasis::Asked).is_empty() {
        HoldBasis::Vanished
    } else {
        HoldBasis::Asked
    };
    let mut permits: BTreeMap<PackName, Vec<Used>> = BTreeMap::new();
    for (at, approval) in &asked.covered {
        let Approval { name, reason, .. } = *approval;
        let (name, reason) = (name.clone(), reason.clone());
        let used = Used { name, reason, id: approval.id(), at: at.clone() };
        permits.entry(at.pack.clone()).or_default().push(used);
    }
    let (mut pending, mut held) = (None, BTreeSet::new());
    if !trips.is_empty() {
        let packs = asked.packs();
        let mut losses: BTreeMap<PackName, BTreeSet<Loss>> = BTreeMap::new();
        for at in &asked.uncovered {
            losses.entry(at.pack.clone()).or_default().insert(at.loss.clone());
        }
        held.clone_from(&asked.uncovered);
        let waiting = PendingApproval { trips, losses };
        let (region, void) = (asked.region().clone(), asked.void(terms, window));
        let losses = HeldLosses { region, void, pending: waiting.clone() };
        block(&mut plan, &packs, &HoldCause::Guard(Arc::new(losses)));
        pending = Some(waiting);
    }
    // Observe comes last, so that the report shows what the guard would say in a mode that writes.
    if terms.mode == Mode::Observe {
        hold_steps(&mut plan, |_| true, &HoldCause::ModeObserve);
    }
    Ruling { approved: Approved { plan, permits }, pending, held, basis, unjudged }
}

impl LossWindow {
    /// Updates the window from a ruling whose steps are about to be taken. Permitted losses count
    /// from now on, and held ones stay held.
    pub fn commit(&mut self, ruling: &Ruling, now: ProcessTime, when: Timestamp) -> Holding {
        for (at, used) in ruling.approved.losses() {
            let until = now.saturating_add(SPAN);
            let approval = used.map(|used| used.name.clone());
            let (external, confirmed) = (false, false);
            let lost = Lost { at, until, when, approval, external, confirmed };
            self.reserve(lost, used.map(|used| used.id), now);
        }
        self.hold_ruled(ruling, when)
    }

    /// Updates the held losses from a ruling, whether its steps are taken or not.
    pub fn hold_ruled(&mut self, ruling: &Ruling, when: Timestamp) -> Holding {
        let region = &ruling.approved.plan.place.region;
        let could_be = |pack: &PackName| !ruling.unjudged.contains(pack);
        self.hold(region, &ruling.held, could_be, HeldSince { when, basis: ruling.basis })
    }
}

/// Holds all deletes, those that could happen now and those that wait: mode `upsert` never deletes.
fn forbid_deletes(plan: &mut Plan) {
    hold_steps(plan, |step| matches!(step.action, Action::Delete), &HoldCause::ModeUpsert);
    for hold in &mut plan.holds {
        let step = hold.step.as_deref();
        // A delete that waits for another reason would otherwise be announced with a time at which
        // it never happens.
        if step.is_some_and(|step| matches!(step.action, Action::Delete)) {
            (hold.why, hold.until) = (HoldCause::ModeUpsert, None);
        }
    }
}

/// Holds every step with losses of these packs, and gives that reason to those that waited already.
fn block(plan: &mut Plan, packs: &BTreeSet<PackName>, why: &HoldCause) {
    // Waiting steps get the reason of the guard too. Otherwise the approval would be requested only
    // when their wait is over.
    for hold in plan.holds.iter_mut().filter(|hold| is_imminent(hold.reason())) {
        if hold
            .step
            .as_ref()
            .is_some_and(|step| packs.contains(&step.pack) && !step.losses.is_empty())
        {
            (hold.why, hold.until) = (why.clone(), None);
        }
    }
    hold_steps(plan, |step| packs.contains(&step.pack), why);
}

/// Moves the steps that match from the steps to the holds.
fn hold_steps(plan: &mut Plan, fits: impl Fn(&PlanStep) -> bool, why: &HoldCause) {
    let (held, kept): (Vec<PlanStep>, Vec<PlanStep>) =
        std::mem::take(&mut plan.steps).into_iter().partition(fits);
    plan.steps = kept;
    plan.holds.extend(held.into_iter().map(|step| step_hold(step, why.clone(), None)));
    plan.holds.sort_by(|one, other| one.pack.cmp(&other.pack));
}
