//! The guard: which steps of a plan may be taken. The only maker of [`Approved`].
//!
//! Whatever takes something away — deletes, accounts newly excluded, most rules of a template —
//! stays within limits, all of it or none, or waits for an approval that names this very plan.
//! Ordinary Puts go on. Gates that are about one pack (second look, basis, progress) are `diff`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::history::after;
use super::manifest::Approval;
use super::mode::Mode;
use super::model::{Digest, PackName, Timestamp};
use super::plan::{Action, Change, Hold, HoldReason, Loss, Plan, Step};

/// A plan that has passed [`approve`]; the executor takes nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Approved(Plan);

impl Approved {
    /// The plan: its steps may be taken, what may not is among its holds.
    pub fn plan(&self) -> &Plan {
        &self.0
    }

    /// The steps that may be taken.
    pub fn into_steps(self) -> Vec<Step> {
        self.0.steps
    }
}

/// How much may go away unasked. Percentages are of 100, rounded down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Packs deleted or stripped per plan and region, of the owned ones there; at least 1.
    pub ratio_percent: u32,
    /// Distinct pack names deleted or stripped in 24 hours, all regions together.
    pub names_per_window: u32,
    /// Accounts newly excluded from one pack, whatever the organization's size.
    pub exclusions_max: u32,
    /// The same in percent of the members, if that is more.
    pub exclusions_percent: u32,
    /// Owned packs that must still be wanted before anything goes away.
    pub overlap_percent: u32,
}

impl Default for Limits {
    /// The defaults of the reliability targets, "Delete guard".
    fn default() -> Self {
        Self {
            ratio_percent: 10,
            names_per_window: 5,
            exclusions_max: 5,
            exclusions_percent: 5,
            overlap_percent: 50,
        }
    }
}

/// The window in which distinct names are counted.
const WINDOW: Duration = Duration::from_hours(24);

/// Which packs went away lately, in all regions of one process. The window lives in memory, so
/// a young process may take away only one name.
#[derive(Debug, Clone)]
pub struct Ledger {
    started: Timestamp,
    gone: BTreeMap<PackName, Timestamp>,
}

impl Ledger {
    /// An empty ledger of a process that started now.
    pub fn new(started: Timestamp) -> Self {
        Self { started, gone: BTreeMap::new() }
    }

    fn names(&self, now: Timestamp) -> BTreeSet<&PackName> {
        let recent = self.gone.iter().filter(|(_, at)| after(**at, WINDOW) > now);
        recent.map(|(name, _)| name).collect()
    }

    fn allowed(&self, limits: &Limits, now: Timestamp) -> usize {
        let is_young = now < after(self.started, WINDOW);
        let names = if is_young { limits.names_per_window.min(1) } else { limits.names_per_window };
        usize::try_from(names).unwrap_or(usize::MAX)
    }

    fn note(&mut self, names: impl IntoIterator<Item = PackName>, now: Timestamp) {
        self.gone.retain(|_, at| after(*at, WINDOW) > now);
        self.gone.extend(names.into_iter().map(|name| (name, now)));
    }
}

/// What the guard goes by, besides the plan and the ledger.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// How far conformd may go.
    pub mode: Mode,
    /// The limits.
    pub limits: &'a Limits,
    /// Approvals of the current revision.
    pub approvals: &'a BTreeMap<String, Approval>,
    /// Active member accounts, if known.
    pub members: Option<usize>,
    /// The time.
    pub now: Timestamp,
}

/// What the guard says of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// What may be done; everything else is among its holds.
    pub approved: Approved,
    /// What waits for a person.
    pub blocked: Option<Blocked>,
    /// The approval that let the plan through, by name.
    pub approval: Option<String>,
}

/// Steps that wait for an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Blocked {
    /// What an `Approval` manifest has to name.
    pub digest: Digest,
    /// Which limits were passed.
    pub trips: Vec<Trip>,
    /// The packs concerned.
    pub packs: BTreeSet<PackName>,
}

/// One limit that was passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trip {
    /// Which one.
    pub reason: TripReason,
    /// By how much, in words.
    pub why: String,
}

/// Which limit: the closed set of a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TripReason {
    /// The source declares nothing at all.
    EmptySource,
    /// Too many packs of one region.
    Ratio,
    /// Too many names in 24 hours.
    Window,
    /// Too many accounts newly excluded.
    Exclusions,
    /// A template loses most of its rules.
    RuleLoss,
    /// Too few owned packs are still wanted: the wrong directory?
    Overlap,
    /// The account list shrank.
    Membership,
}

impl TripReason {
    /// Every reason, in label order.
    pub const ALL: [Self; 7] = [
        Self::EmptySource,
        Self::Ratio,
        Self::Window,
        Self::Exclusions,
        Self::RuleLoss,
        Self::Overlap,
        Self::Membership,
    ];

    /// The word used in labels and texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmptySource => "empty_source",
            Self::Ratio => "ratio",
            Self::Window => "window",
            Self::Exclusions => "exclusions",
            Self::RuleLoss => "rule_loss",
            Self::Overlap => "overlap",
            Self::Membership => "membership",
        }
    }
}

impl fmt::Display for TripReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Rules on a plan. The ledger is written when something may go away.
pub fn approve(mut plan: Plan, terms: &Terms<'_>, ledger: &mut Ledger) -> Ruling {
    if terms.mode == Mode::Upsert {
        let why = "mode upsert never deletes";
        hold_steps(&mut plan, |step| matches!(step.action, Action::Delete), HoldReason::Mode, why);
    }
    let losses: Vec<(&Step, Vec<Loss>)> = plan
        .steps
        .iter()
        .map(|step| (step, step.losses()))
        .filter(|(_, losses)| !losses.is_empty())
        .collect();
    let trips = trips(&losses, &plan, terms, ledger);
    let digest = digest(&plan, &losses);
    let packs: BTreeSet<PackName> = losses.iter().map(|(step, _)| step.pack.clone()).collect();
    let gone: Vec<PackName> = taken_away(&losses).map(|step| step.pack.clone()).collect();
    let approval = terms
        .approvals
        .values()
        .find(|approval| approval.plan == digest && approval.expires > terms.now)
        .filter(|_| !trips.is_empty());
    let mut blocked = None;
    if !trips.is_empty() && approval.is_none() {
        let why = block_text(&trips, &digest);
        hold_steps(&mut plan, |step| packs.contains(&step.pack), HoldReason::Guard, &why);
        blocked = Some(Blocked { digest, trips, packs });
    } else if terms.mode == Mode::Sync || terms.mode == Mode::Upsert {
        ledger.note(gone, terms.now);
    }
    if terms.mode == Mode::Observe {
        hold_steps(&mut plan, |_| true, HoldReason::Mode, "mode observe never writes");
    }
    let approval = approval.map(|approval| approval.name.clone());
    Ruling { approved: Approved(plan), blocked, approval }
}

fn block_text(trips: &[Trip], digest: &Digest) -> String {
    let reasons: Vec<String> =
        trips.iter().map(|trip| format!("{}: {}", trip.reason, trip.why)).collect();
    format!(
        "the guard wants a person to approve this ({}); commit an Approval manifest with \
         `plan: {digest}`, or revert",
        reasons.join("; ")
    )
}

/// Moves the steps that fit from the steps to the holds.
fn hold_steps(plan: &mut Plan, fits: impl Fn(&Step) -> bool, reason: HoldReason, why: &str) {
    let (held, kept): (Vec<Step>, Vec<Step>) =
        std::mem::take(&mut plan.steps).into_iter().partition(fits);
    plan.steps = kept;
    plan.holds.extend(held.into_iter().map(|step| Hold {
        pack: Some(step.pack.clone()),
        reason,
        why: why.to_owned(),
        until: None,
        step: Some(Box::new(step)),
    }));
    plan.holds.sort_by(|one, other| one.pack.cmp(&other.pack));
}

/// Steps that delete a pack or strip it of its rules.
fn taken_away<'a>(losses: &'a [(&Step, Vec<Loss>)]) -> impl Iterator<Item = &'a Step> {
    losses
        .iter()
        .filter(|(_, losses)| {
            losses.iter().any(|loss| matches!(loss, Loss::Pack | Loss::Rules { .. }))
        })
        .map(|(step, _)| *step)
}

fn percent(of: usize, percent: u32) -> usize {
    let percent = usize::try_from(percent).unwrap_or(usize::MAX);
    of.saturating_mul(percent).checked_div(100).unwrap_or_default()
}

/// Whether `part` is less than this percentage of `of`.
fn is_below(part: usize, of: usize, percent: u32) -> bool {
    let percent = usize::try_from(percent).unwrap_or(usize::MAX);
    part.saturating_mul(100) < of.saturating_mul(percent)
}

fn trips(
    losses: &[(&Step, Vec<Loss>)],
    plan: &Plan,
    terms: &Terms<'_>,
    ledger: &Ledger,
) -> Vec<Trip> {
    if losses.is_empty() {
        return Vec::new();
    }
    let mut trips = Vec::new();
    let mut trip = |reason, why: String| trips.push(Trip { reason, why });
    let weights = plan.weights;
    if weights.source_empty {
        trip(TripReason::EmptySource, "the source declares no pack at all".to_owned());
    }
    if is_below(weights.owned_wanted, weights.owned, terms.limits.overlap_percent) {
        let why = format!(
            "only {} of {} owned packs are still wanted; is this the right directory?",
            weights.owned_wanted, weights.owned
        );
        trip(TripReason::Overlap, why);
    }
    let away = taken_away(losses).count();
    let away_max = percent(weights.owned, terms.limits.ratio_percent).max(1);
    if away > away_max {
        let why = format!("{away} of {} owned packs, at most {away_max}", weights.owned);
        trip(TripReason::Ratio, why);
    }
    let names: BTreeSet<&PackName> =
        ledger.names(terms.now).into_iter().chain(taken_away(losses).map(|it| &it.pack)).collect();
    let names_max = ledger.allowed(terms.limits, terms.now);
    if away > 0 && names.len() > names_max {
        let why = format!("{} names within 24 hours, at most {names_max}", names.len());
        trip(TripReason::Window, why);
    }
    for (step, losses) in losses {
        for loss in losses {
            match loss {
                Loss::Pack => {}
                Loss::Accounts(count) => {
                    let relative = terms
                        .members
                        .map_or(0, |members| percent(members, terms.limits.exclusions_percent));
                    let absolute = usize::try_from(terms.limits.exclusions_max);
                    let max = relative.max(absolute.unwrap_or(usize::MAX));
                    if *count > max {
                        let why = format!("{} loses {count} accounts, at most {max}", step.pack);
                        trip(TripReason::Exclusions, why);
                    }
                }
                Loss::Rules { old, new } => {
                    let old = old.map_or_else(|| "unknown".to_owned(), |old| old.to_string());
                    let why = format!("{} keeps {new} of {old} rules", step.pack);
                    trip(TripReason::RuleLoss, why);
                }
            }
        }
    }
    trips
}

/// The digest of everything destructive: the place, the steps and the markers observed on their
/// targets; not the revision, since committing the approval changes it.
fn digest(plan: &Plan, losses: &[(&Step, Vec<Loss>)]) -> Digest {
    let mut parts = vec![plan.place.to_string()];
    for (step, _) in losses {
        let Step { pack, action, reason: _, changes, marker_now, last_update: _ } = step;
        let marker = marker_now.as_ref().map(ToString::to_string).unwrap_or_default();
        parts.extend([pack.to_string(), action.kind().to_string(), marker]);
        for change in changes {
            match change {
                Change::Exclusions { entering, leaving: _ } => {
                    parts.extend(entering.iter().map(|account| format!("-{account}")));
                }
                Change::Template { old: _, new } => {
                    parts.push(format!("{}-{}", new.digest, new.rules));
                }
                Change::Parameter { .. }
                | Change::Delivery { .. }
                | Change::DeletionPolicy { .. } => {}
            }
        }
    }
    Digest::of(parts.iter().map(String::as_bytes))
}
