//! What waits for an approval, over all regions: the losses, the reasons, and the document that
//! would permit them.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::region::{HoldView, RegionView};
use super::{ConfirmedCaller, CurrentState, VERSION};
use crate::domain::base::model::{AccountId, Installation, PackName, Region, Revision, Timestamp};
use crate::domain::base::untrusted::{ACCOUNT_NAME_MAX, SHOWN_TEXT_MAX, flowing, one_line};
use crate::domain::base::words::{first_few, many};
use crate::domain::organization::membership::Membership;
use crate::domain::plan::hold::HoldReason;
use crate::domain::plan::loss::{Loss, LossAt};
use crate::domain::present::approval_document::{
    ApprovalDocument, ApprovalText, LIFE, WaitingLosses,
};
use crate::domain::present::report::RegionReport;

/// `GET /api/v1/approvals/pending`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalsView {
    /// See [`VERSION`].
    pub version: u32,
    /// Whether nothing in it is about a real account.
    pub simulated: bool,
    /// By AWS's clock.
    pub now: Timestamp,
    /// Whose packs are ours.
    pub installation: Installation,
    /// Whether AWS has confirmed who asks.
    pub caller: ConfirmedCaller,
    /// The revision that asks for it.
    pub revision: Option<Revision>,
    /// What waits, in a few words; empty when nothing does.
    pub summary: String,
    /// Which limits stand against it, each once.
    pub reasons: Vec<String>,
    /// Every loss with its region and pack.
    pub losses: BTreeSet<LossAt>,
    /// Packs that no manifest declares, with their regions; deleting them is among the losses.
    pub undeclared: BTreeMap<PackName, BTreeSet<Region>>,
    /// Names of the accounts among the losses, as far as they are known.
    pub names: BTreeMap<AccountId, String>,
    /// Regions that could not be read, each with the reason: their losses are missing here.
    pub unknown: BTreeMap<Region, String>,
    /// An `Approval` manifest of exactly these losses, whose reason is still to be filled in.
    pub document: Option<String>,
}

/// What waits in every configured region.
pub fn approvals(facts: &CurrentState) -> ApprovalsView {
    let waiting = WaitingLosses::of(facts.regions().filter_map(|(_, report)| report));
    let names = names(&waiting, &facts.membership);
    let simulated = facts.about.simulated;
    let statement = ApprovalText { reason: None, made: facts.now, life: LIFE };
    ApprovalsView {
        version: VERSION,
        simulated,
        now: facts.now,
        installation: facts.about.installation.clone(),
        caller: facts.caller.clone(),
        revision: facts.source.revision().cloned(),
        summary: waiting.summary(),
        reasons: waiting.reasons().to_vec(),
        document: document(&waiting, statement, &names, simulated),
        losses: waiting.losses().clone(),
        undeclared: waiting.undeclared().clone(),
        names,
        unknown: facts
            .regions()
            .filter_map(|(region, report)| Some((region.clone(), unknown(report)?)))
            .collect(),
    }
}

/// Why what waits in a region is not known.
fn unknown(report: Option<&RegionReport>) -> Option<String> {
    match report {
        Some(report) => {
            report.unknown.as_ref().map(|unknown| flowing(&unknown.why, SHOWN_TEXT_MAX))
        }
        None => Some("it was not reconciled yet".to_owned()),
    }
}

/// The document that permits what waits; `None` if nothing does.
pub fn document(
    waiting: &WaitingLosses,
    statement: ApprovalText<'_>,
    names: &BTreeMap<AccountId, String>,
    simulated: bool,
) -> Option<String> {
    if waiting.is_empty() {
        return None;
    }
    let approval = waiting.approval(statement);
    Some(ApprovalDocument { approval: &approval, waiting, names, simulated }.to_string())
}

/// Names of the accounts that would be excluded.
pub fn names(waiting: &WaitingLosses, membership: &Membership) -> BTreeMap<AccountId, String> {
    let accounts = waiting.losses().iter().filter_map(|at| match &at.loss {
        Loss::Account(account) => Some(*account),
        Loss::Pack | Loss::Adoption | Loss::Rule(_) | Loss::Rules(_) => None,
    });
    let list = membership.list.as_ref();
    accounts
        .filter_map(|id| {
            let name = &list?.accounts.get(&id)?.name;
            (!name.is_empty()).then(|| (id, one_line(name, ACCOUNT_NAME_MAX)))
        })
        .collect()
}

/// What waits in the regions of a status.
pub fn waiting(regions: &BTreeMap<Region, RegionView>) -> WaitingLosses {
    let mut waiting = WaitingLosses::default();
    for (region, view) in regions {
        let Some(report) = &view.report else { continue };
        let undeclared = report.holds.iter().filter(|hold| hold.reason == HoldReason::Undeclared);
        let packs = undeclared.filter_map(|hold| hold.pack.as_ref());
        let losses = report.pending.iter().flat_map(|pending| &pending.losses);
        let reasons = report.pending.iter().flat_map(|pending| &pending.trips);
        waiting.add(region, losses, reasons.map(|trip| trip.why.clone()), packs);
    }
    waiting
}

/// Whether a hold is told among what waits for an approval.
pub fn is_pending_approval(view: &RegionView, hold: &HoldView) -> bool {
    let pending = view.report.as_ref().and_then(|report| report.pending.as_ref());
    match hold.reason {
        HoldReason::Undeclared => true,
        HoldReason::Guard => {
            let pending = pending.zip(hold.pack.as_ref());
            pending.is_some_and(|(pending, pack)| pending.losses.contains_key(pack))
        }
        HoldReason::Mode
        | HoldReason::Source
        | HoldReason::Invalid
        | HoldReason::Unsupported
        | HoldReason::Unknown
        | HoldReason::Unconfirmed
        | HoldReason::Settling
        | HoldReason::InProgress
        | HoldReason::Suspended
        | HoldReason::Foreign
        | HoldReason::Unmanaged
        | HoldReason::Quota
        | HoldReason::Rejected
        | HoldReason::Conflict
        | HoldReason::Retry
        | HoldReason::Denied
        | HoldReason::Orphaned
        | HoldReason::Membership => false,
    }
}

/// Packs that are named in one line; the document names all.
const PACKS_MAX: usize = 5;

/// `2 packs in 3 regions are not declared there by any manifest`; `None` if there are none.
pub fn undeclared(waiting: &WaitingLosses) -> Option<String> {
    let packs = waiting.undeclared();
    let regions: BTreeSet<&Region> = packs.values().flatten().collect();
    // One region is named, several are counted.
    let place = match regions.iter().next() {
        Some(only) if regions.len() == 1 => only.to_string(),
        Some(_) | None => many(regions.len(), "region"),
    };
    let verb = if packs.len() == 1 { "is" } else { "are" };
    (!packs.is_empty()).then(|| {
        format!(
            "{} in {place} {verb} not declared there by any manifest",
            many(packs.len(), "pack")
        )
    })
}

/// The names of those packs.
pub fn undeclared_names(waiting: &WaitingLosses) -> String {
    let names: Vec<String> = waiting.undeclared().keys().map(ToString::to_string).collect();
    first_few(&names, PACKS_MAX)
}

impl ApprovalsView {
    /// What waits, as it was reported.
    pub fn waiting(&self) -> WaitingLosses {
        let Self { losses, undeclared, reasons, .. } = self;
        WaitingLosses::reported(losses.clone(), undeclared.clone(), reasons.clone())
    }
}
