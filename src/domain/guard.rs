//! The guard: which steps of a plan may be taken. The only maker of [`Approved`].
//!
//! Whatever takes something away — deletes, accounts newly excluded, most rules of a template —
//! stays within limits, all of it or none, or waits for an approval that names this very plan.
//! Ordinary Puts go on. Gates that are about one pack (second look, basis, progress) are `diff`'s;
//! what only waits for one of them is ruled on already, so that neither the verdict nor the digest
//! depends on which pack happens to be busy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::history::after;
use super::manifest::Approval;
use super::mode::Mode;
use super::model::{Digest, PackName, Place, Timestamp};
use super::organization::Shrink;
use super::plan::{Action, Change, Hold, HoldReason, Loss, Plan, Step};

/// A plan that has passed [`approve`]; the executor takes nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Approved {
    plan: Plan,
    #[serde(skip)]
    digest: Option<Digest>,
}

impl Approved {
    /// The plan: its steps may be taken, what may not is among its holds.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The digest of whatever takes something away, held or not; `None` when nothing does.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The steps that may be taken.
    pub fn into_steps(self) -> Vec<Step> {
        self.plan.steps
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

/// Which packs went away lately, in all regions of one process, and what was approved. The window
/// lives in memory, so a young process may take away only one name.
#[derive(Debug, Clone)]
pub struct Ledger {
    started: Timestamp,
    gone: BTreeMap<PackName, Timestamp>,
    /// The steps of every plan that an approval let through, by the digest of that plan: the
    /// approval also covers what is left of it when some steps are done and others are not.
    granted: BTreeMap<Digest, BTreeSet<Digest>>,
}

impl Ledger {
    /// An empty ledger of a process that started now.
    pub fn new(started: Timestamp) -> Self {
        Self { started, gone: BTreeMap::new(), granted: BTreeMap::new() }
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

    /// The approval of this plan, or of one that this is the rest of.
    fn approval<'a>(&mut self, losses: &Losses<'_>, terms: &Terms<'a>) -> Option<&'a Approval> {
        let digests: BTreeSet<Digest> = losses.digests().collect();
        let mut valid = terms.approvals.values().filter(|approval| approval.expires > terms.now);
        let approval = valid.find(|approval| {
            let granted = self.granted.get(&approval.plan);
            approval.plan == losses.digest()
                || granted.is_some_and(|granted| digests.is_subset(granted))
        })?;
        self.granted.entry(approval.plan).or_insert(digests);
        Some(approval)
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
    /// A much shorter account list that waits.
    pub shrink: Option<&'a Shrink>,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Blocked {
    /// What an `Approval` manifest has to name.
    pub digest: Digest,
    /// Which limits were passed.
    pub trips: Vec<Trip>,
    /// The packs concerned.
    pub packs: BTreeSet<PackName>,
}

/// One limit that was passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trip {
    /// Which one.
    pub reason: TripReason,
    /// By how much, in words.
    pub why: String,
}

/// Which limit: the closed set of a metric label.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
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

/// Everything in a plan that takes something away.
struct Losses<'a> {
    plan: &'a Plan,
    /// Ordered by pack, whether it may be taken now or waits.
    steps: Vec<(&'a Step, Vec<Loss>)>,
}

impl<'a> Losses<'a> {
    fn of(plan: &'a Plan) -> Self {
        let held = plan.holds.iter().filter(|hold| is_imminent(hold.reason));
        let held = held.filter_map(|hold| hold.step.as_deref());
        let steps = plan.steps.iter().chain(held).map(|step| (step, step.losses()));
        let mut steps: Vec<_> = steps.filter(|(_, losses)| !losses.is_empty()).collect();
        steps.sort_by_key(|(step, _)| &step.pack);
        Self { plan, steps }
    }

    fn packs(&self) -> BTreeSet<PackName> {
        self.steps.iter().map(|(step, _)| step.pack.clone()).collect()
    }

    /// Packs that are deleted or stripped of their rules.
    fn taken_away(&self) -> impl Iterator<Item = &'a PackName> {
        let is_away = |loss: &Loss| matches!(loss, Loss::Pack | Loss::Rules { .. });
        let away = self.steps.iter().filter(move |(_, losses)| losses.iter().any(is_away));
        away.map(|(step, _)| &step.pack)
    }

    fn digests(&self) -> impl Iterator<Item = Digest> {
        self.steps.iter().map(|(step, _)| step_digest(&self.plan.place, step))
    }

    fn digest(&self) -> Digest {
        let digests: Vec<String> = self.digests().map(|digest| digest.to_string()).collect();
        Digest::of(digests.iter().map(String::as_bytes))
    }
}

/// Whether what is held for this reason is going to happen by itself.
fn is_imminent(reason: HoldReason) -> bool {
    match reason {
        HoldReason::SecondLook
        | HoldReason::Settling
        | HoldReason::InProgress
        | HoldReason::Retry
        | HoldReason::Denied => true,
        HoldReason::Mode
        | HoldReason::Source
        | HoldReason::Invalid
        | HoldReason::Unsupported
        | HoldReason::Unseen
        | HoldReason::Guard
        | HoldReason::Suspended
        | HoldReason::Foreign
        | HoldReason::Unmanaged
        | HoldReason::Quota
        | HoldReason::Rejected
        | HoldReason::Contested
        | HoldReason::Orphaned
        | HoldReason::Membership => false,
    }
}

/// Rules on a plan. The ledger is written when something may go away.
pub fn approve(mut plan: Plan, terms: &Terms<'_>, ledger: &mut Ledger) -> Ruling {
    if terms.mode == Mode::Upsert {
        forbid_deletes(&mut plan);
    }
    let losses = Losses::of(&plan);
    let digest = (!losses.steps.is_empty()).then(|| losses.digest());
    let trips = trips(&losses, terms, ledger);
    let approval = if trips.is_empty() { None } else { ledger.approval(&losses, terms) };
    let mut blocked = None;
    if let Some(digest) = digest.filter(|_| !trips.is_empty() && approval.is_none()) {
        let (packs, why) = (losses.packs(), block_text(&trips, &digest));
        block(&mut plan, &packs, &why);
        blocked = Some(Blocked { digest, trips, packs });
    }
    match terms.mode {
        Mode::Observe => {
            hold_steps(&mut plan, |_| true, HoldReason::Mode, "mode observe never writes");
        }
        Mode::Upsert | Mode::Sync => {
            let going = plan.steps.iter().map(|step| (&step.pack, step.losses()));
            let away = |loss: &Loss| matches!(loss, Loss::Pack | Loss::Rules { .. });
            let gone = going.filter(|(_, losses)| losses.iter().any(away));
            ledger.note(gone.map(|(pack, _)| pack.clone()), terms.now);
        }
    }
    let approval = approval.map(|approval| approval.name.clone());
    Ruling { approved: Approved { plan, digest }, blocked, approval }
}

/// Deletes never happen in this mode, neither now nor when their wait is over.
fn forbid_deletes(plan: &mut Plan) {
    let why = "mode upsert never deletes";
    hold_steps(plan, |step| matches!(step.action, Action::Delete), HoldReason::Mode, why);
    for hold in &mut plan.holds {
        let step = hold.step.as_deref();
        if step.is_some_and(|step| matches!(step.action, Action::Delete)) {
            (hold.reason, hold.why, hold.until) = (HoldReason::Mode, why.to_owned(), None);
        }
    }
}

/// Holds everything that takes something away, and says so where it only waited until now.
fn block(plan: &mut Plan, packs: &BTreeSet<PackName>, why: &str) {
    for hold in plan.holds.iter_mut().filter(|hold| is_imminent(hold.reason)) {
        if hold.step.as_ref().is_some_and(|step| packs.contains(&step.pack)) {
            (hold.reason, hold.why, hold.until) = (HoldReason::Guard, why.to_owned(), None);
        }
    }
    hold_steps(plan, |step| packs.contains(&step.pack), HoldReason::Guard, why);
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

fn percent(of: usize, percent: u32) -> usize {
    let percent = usize::try_from(percent).unwrap_or(usize::MAX);
    of.saturating_mul(percent).checked_div(100).unwrap_or_default()
}

/// Whether `part` is less than this percentage of `of`.
fn is_below(part: usize, of: usize, percent: u32) -> bool {
    let percent = usize::try_from(percent).unwrap_or(usize::MAX);
    part.saturating_mul(100) < of.saturating_mul(percent)
}

fn trips(losses: &Losses<'_>, terms: &Terms<'_>, ledger: &Ledger) -> Vec<Trip> {
    if losses.steps.is_empty() {
        return Vec::new();
    }
    let mut trips = Vec::new();
    let mut trip = |reason, why: String| trips.push(Trip { reason, why });
    let weights = losses.plan.weights;
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
    let away = losses.taken_away().count();
    let away_max = percent(weights.owned, terms.limits.ratio_percent).max(1);
    if away > away_max {
        let why = format!("{away} of {} owned packs, at most {away_max}", weights.owned);
        trip(TripReason::Ratio, why);
    }
    let names: BTreeSet<&PackName> =
        ledger.names(terms.now).into_iter().chain(losses.taken_away()).collect();
    let names_max = ledger.allowed(terms.limits, terms.now);
    if away > 0 && names.len() > names_max {
        let why = format!("{} names within 24 hours, at most {names_max}", names.len());
        trip(TripReason::Window, why);
    }
    if let Some(Shrink { digest: _, before, after, since: _, gone: _ }) = terms.shrink
        && losses.steps.iter().flat_map(|(_, losses)| losses).any(is_exclusion)
    {
        let why = format!("the account list shrank from {before} to {after} active accounts");
        trip(TripReason::Membership, why);
    }
    for (step, losses) in &losses.steps {
        trips.extend(losses.iter().filter_map(|loss| loss_trip(&step.pack, loss, terms)));
    }
    trips
}

fn is_exclusion(loss: &Loss) -> bool {
    match loss {
        Loss::Accounts(_) => true,
        Loss::Pack | Loss::Rules { .. } => false,
    }
}

/// The limits of one pack's change.
fn loss_trip(pack: &PackName, loss: &Loss, terms: &Terms<'_>) -> Option<Trip> {
    match loss {
        Loss::Pack => None,
        Loss::Accounts(count) => {
            let limits = terms.limits;
            let relative =
                terms.members.map_or(0, |members| percent(members, limits.exclusions_percent));
            let max = relative.max(usize::try_from(limits.exclusions_max).unwrap_or(usize::MAX));
            let why = format!("{pack} loses {count} accounts, at most {max}");
            (*count > max).then_some(Trip { reason: TripReason::Exclusions, why })
        }
        Loss::Rules { old, new } => {
            let old = old.map_or_else(|| "unknown".to_owned(), |old| old.to_string());
            let why = format!("{pack} keeps {new} of {old} rules");
            Some(Trip { reason: TripReason::RuleLoss, why })
        }
    }
}

/// The digest of one destructive step: where, what, and the marker observed on its target; not the
/// revision, since committing the approval changes it. Of exclusions it covers who loses the pack,
/// not by which rule, and nobody who gains it or has nothing to lose: that moves by itself.
fn step_digest(place: &Place, step: &Step) -> Digest {
    let Step { pack, action, reason: _, changes, marker_now, last_update: _ } = step;
    let marker = marker_now.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut parts = vec![place.to_string(), pack.to_string(), action.kind().to_string(), marker];
    for change in changes {
        match change {
            Change::Exclusions { entering, leaving: _ } => {
                let losing = entering.iter().filter(|(_, entering)| entering.counts);
                parts.extend(losing.map(|(account, _)| format!("-{account}")));
            }
            Change::Template { old: _, new } => {
                parts.push(format!("{}-{}", new.digest, new.rules));
            }
            Change::Parameter { .. } | Change::Delivery { .. } | Change::DeletionPolicy { .. } => {}
        }
    }
    Digest::of(parts.iter().map(String::as_bytes))
}
