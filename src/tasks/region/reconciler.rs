//! One pass over a region: observe, desire, track, plan, approve, execute, report.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::clock_readings::{ClockReadings, running};
use super::gate::{PlanInvalidation, ReconciliationGate};
use super::member_reads::MemberReads;
use super::observe;
use super::settings::RegionSettings;
use super::shared_window::{Intent, SharedWindow};
use crate::clock::Clock;
use crate::cloud::{RegionReader, Writer};
use crate::domain::base::failure::{FailureKind, chain};
use crate::domain::base::model::{AccountId, Digest, Timestamp};
use crate::domain::base::time::{Pace, backoff, jittered};
use crate::domain::declared::approval::Approvals;
use crate::domain::declared::catalog::Declared;
use crate::domain::declared::manifest::TemplateSource;
use crate::domain::declared::source::SourceStatus;
use crate::domain::members::tracker::RegionObservation;
use crate::domain::members::tracking::Tracking;
use crate::domain::observed::packs::{Observed, Ownership};
use crate::domain::observed::recorder::Recorders;
use crate::domain::organization::membership::{ListFreshness, Membership};
use crate::domain::plan::decision::PlanInputs;
use crate::domain::plan::desired::{Desired, DesiredInputs, SourceTrust, desired};
use crate::domain::plan::effective_rules::{HeldRules, TemplatesByDigest};
use crate::domain::plan::guard::{GuardTerms, Ruling, approve};
use crate::domain::plan::history::History;
use crate::domain::plan::hold_rules::refused;
use crate::domain::plan::outcome::{Outcome, StepResult};
use crate::domain::plan::own_puts::WriteSpan;
use crate::domain::plan::planner::plan;
use crate::domain::plan::window::LossWindow;
use crate::domain::present::report::{Reconciliation, RegionReport, Timing};
use crate::executor::execute;

/// The inputs of a region that other tasks publish.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// What the manifests say, and how far they can be believed.
    pub source: SourceStatus,
    /// Who is a member of the organization.
    pub membership: Arc<Membership>,
    /// The members' recorders.
    pub recorders: Arc<Recorders>,
}

/// One region's loop body with its memory.
#[derive(Debug)]
pub struct Reconciler<R, W> {
    pub(super) reader: R,
    /// `None` in observe mode: there is nothing here that could write.
    pub(super) writer: Option<W>,
    pub(super) clock: Clock,
    pub(super) window: Arc<SharedWindow>,
    /// Templates that this process has seen, by digest: what packs hold is judged by them.
    pub(super) templates: TemplatesByDigest,
    /// When the last observation began, on a clock that counts sleep.
    pub(super) observed: Duration,
    pub(super) history: History,
    pub(super) members: MemberReads,
    /// The state of the tracker as last published.
    pub(super) tracking: Tracking,
    pub(super) reconciliations: u64,
    pub(super) last_read: Option<Timestamp>,
    /// Reconciliations in a row that were followed by an early one.
    pub(super) hurried: u32,
}

impl<R: RegionReader, W: Writer> Reconciler<R, W> {
    /// A reconciler without memory; the window is shared by all regions.
    pub fn new(reader: R, writer: Option<W>, clock: Clock, window: Arc<SharedWindow>) -> Self {
        Self {
            reader,
            writer,
            clock,
            window,
            templates: TemplatesByDigest::new(),
            observed: Duration::ZERO,
            history: History::default(),
            members: MemberReads::default(),
            tracking: Tracking::default(),
            reconciliations: 0,
            last_read: None,
            hurried: 0,
        }
    }

    /// The reader, for questions besides reconciling.
    pub fn reader(&self) -> &R {
        &self.reader
    }

    /// Whether it holds anything that could write.
    pub fn can_write(&self) -> bool {
        self.writer.is_some()
    }

    /// Observes and rules, and takes no step.
    pub async fn refresh(
        &mut self,
        policy: &RegionSettings,
        around: &Surroundings,
    ) -> (RegionReport, Ruling) {
        self.refresh_with(policy, around, Intent::Show).await
    }

    /// The same for a plan that is carried out at once: what it may lose is reserved.
    pub async fn prepare(
        &mut self,
        policy: &RegionSettings,
        around: &Surroundings,
    ) -> (RegionReport, Ruling) {
        self.refresh_with(policy, around, Intent::Act).await
    }

    /// Remembers what a ruling holds although it is not carried out, and which approvals were read.
    pub async fn remember(&self, ruling: &Ruling) {
        self.window.remember(ruling).await;
    }

    /// Gives back what a prepared ruling reserved, when it is not carried out.
    pub fn release(&self, ruling: &Ruling) {
        self.window.release(ruling);
    }

    /// The stages up to the ruling: observe, desire, track, plan, approve, report.
    async fn refresh_with(
        &mut self,
        policy: &RegionSettings,
        around: &Surroundings,
        intent: Intent,
    ) -> (RegionReport, Ruling) {
        self.reconciliations = self.reconciliations.saturating_add(1);
        let (started, began) = (self.clock.aws_now(), self.clock.elapsed());
        let observed = self.observe(policy).await;
        let (now, read) = (self.clock.aws_now(), self.clock.elapsed());
        let freshness = around.membership.freshness(now, policy.list_age_max);
        let desired = self.desire(policy, around, &freshness, now);
        if let (Observed::Seen(seen), Some(desired)) = (&observed, &desired) {
            // This comes before the plan, which has to know the writes that AWS does not show yet.
            self.history.observe(seen, desired, now, &policy.pace);
        }
        self.note_members(policy, around, &observed, desired.as_ref(), &freshness);
        self.history.arrive(&self.tracking);
        self.note_templates(around, &observed).await;
        self.note_losses(&observed).await;
        let ruling = self.rule(policy, around, &observed, desired.as_ref(), intent);
        if intent == Intent::Act {
            // This comes before any step is taken: held losses must outlive the process.
            self.window.keep().await;
        }
        if let Observed::Seen(seen) = &observed {
            self.window.keep_shown(&self.reader.place().region, seen, &self.templates).await;
        }
        let observe = read.saturating_sub(began);
        let plan = self.clock.elapsed().saturating_sub(read);
        let timing = Timing { observe, plan, ..Timing::default() };
        let report = self.report(policy, &observed, &ruling, started);
        let warnings = match (&around.source.catalog, &desired) {
            (Some(catalog), Some(desired)) => {
                desired.warnings(catalog, &self.reader.place().region)
            }
            (None, _) | (_, None) => BTreeMap::new(),
        };
        (RegionReport { timing, ..report }.warned(warnings), ruling)
    }

    async fn observe(&mut self, policy: &RegionSettings) -> Observed {
        self.observed = running(&self.clock);
        let observed = observe::observe(&self.reader, &policy.installation).await;
        if matches!(observed, Observed::Seen(_)) {
            self.last_read = Some(self.clock.aws_now());
        }
        observed
    }

    fn desire(
        &self,
        policy: &RegionSettings,
        around: &Surroundings,
        freshness: &ListFreshness,
        now: Timestamp,
    ) -> Option<Desired> {
        let Surroundings { source, membership, recorders: _ } = around;
        let catalog = source.catalog.as_ref()?;
        let evidence = source.evidence_in_force();
        let inputs = DesiredInputs {
            trust: SourceTrust::of(source, now),
            absence: evidence.map(|evidence| evidence.absence).unwrap_or_default(),
            confirmed: evidence.is_some_and(|evidence| evidence.confirmed),
            confirms_at: evidence.and_then(|evidence| evidence.confirms_at),
            list: membership.list.clone(),
            freshness: freshness.clone(),
        };
        Some(desired(catalog, &policy.installation, self.reader.place(), inputs))
    }

    fn report(
        &self,
        policy: &RegionSettings,
        observed: &Observed,
        ruling: &Ruling,
        started: Timestamp,
    ) -> RegionReport {
        let (number, last_read) = (self.reconciliations, self.last_read);
        let reconciliation = Reconciliation { number, started, last_read };
        let report = RegionReport::ruled(reconciliation, policy.mode, observed, ruling);
        RegionReport { tracking: self.tracking.clone(), ..report }
    }

    /// Updates the tracker from an observation.
    fn note_members(
        &mut self,
        policy: &RegionSettings,
        around: &Surroundings,
        observed: &Observed,
        desired: Option<&Desired>,
        freshness: &ListFreshness,
    ) {
        let tracked = &mut self.members.tracker;
        match observed {
            Observed::Unknown(unknown) => tracked.lost(unknown),
            Observed::Seen(seen) => {
                let list = around.membership.list.as_ref();
                let recorders = around.recorders.regions.get(&self.reader.place().region);
                let targets = &desired.map(Desired::targets).unwrap_or_default();
                let facts = RegionObservation { seen, targets, list, freshness, recorders };
                tracked.observe(&facts, &policy.resyncs, self.clock.aws_now());
            }
        }
        self.tracking = tracked.tracking();
    }

    fn rule(
        &self,
        policy: &RegionSettings,
        around: &Surroundings,
        observed: &Observed,
        desired: Option<&Desired>,
        intent: Intent,
    ) -> Ruling {
        let moment = ClockReadings::of(&self.clock);
        let none = BTreeMap::new();
        let all = around.source.catalog.as_ref().map_or(&none, |catalog| &catalog.approvals);
        let approvals = Approvals { all, now: moment.now, aws_now: moment.aws_now };
        let seen = match observed {
            Observed::Seen(seen) => Some(seen),
            Observed::Unknown(_) => None,
        };
        let rules = HeldRules::new(self.reader.place(), seen, &self.templates);
        // In mode observe nothing is sent, so nothing may be reserved: the reservation would count
        // as a loss for 24 hours.
        let intent = if policy.mode.may_put() { intent } else { Intent::Show };
        self.window.rule(moment, intent, |window| {
            window.note_read(all.values(), moment.aws_now);
            let parts = PlanParts { policy, around, observed, desired, rules: &rules, approvals };
            self.judge(&parts, window, moment)
        })
    }

    /// Plans and rules: pure.
    fn judge(&self, parts: &PlanParts<'_>, window: &LossWindow, moment: ClockReadings) -> Ruling {
        let PlanParts { policy, around, observed, desired, rules, approvals } = *parts;
        let inputs = PlanInputs {
            place: self.reader.place(),
            desired,
            observed,
            history: &self.history,
            tracking: &self.tracking,
            recorders: &around.recorders,
            redeploy: &policy.redeploy,
            pace: &policy.pace,
            quota: policy.quota,
            rules,
            approvals,
            window,
            elapsed: moment.elapsed,
        };
        let membership = &around.membership;
        let terms = GuardTerms {
            mode: policy.mode,
            limits: &policy.limits,
            approvals,
            rules,
            members: membership.list.as_ref().map(|list| list.active().count()),
            shrink: membership.shrink.as_ref(),
            elapsed: moment.elapsed,
        };
        approve(plan(&inputs, moment.aws_now), &terms, window)
    }

    /// Keeps the templates of the manifests in force: after the next change they are what the packs
    /// still hold.
    async fn note_templates(&mut self, around: &Surroundings, observed: &Observed) {
        if let Observed::Seen(seen) = observed {
            let held = seen.packs.values().filter_map(|pack| match &pack.ownership {
                Ownership::Ours(marker) => Some(marker.template),
                Ownership::Foreign(_) | Ownership::Void(_) | Ownership::Unmanaged => None,
            });
            let unknown = held.filter(|digest| !self.templates.contains_key(digest)).collect();
            self.window.recall_templates(unknown, &mut self.templates).await;
        }
        let Some(catalog) = &around.source.catalog else { return };
        let held = |digest: &Digest| match observed {
            Observed::Seen(seen) => seen.packs.values().any(|pack| match &pack.ownership {
                Ownership::Ours(marker) => marker.template == *digest,
                Ownership::Foreign(_) | Ownership::Void(_) | Ownership::Unmanaged => false,
            }),
            Observed::Unknown(_) => true,
        };
        // Templates that no pack holds are dropped: over months, revisions would fill the memory.
        self.templates.retain(|digest, _| held(digest));
        for manifest in catalog.packs.values().filter_map(Declared::in_force) {
            if let TemplateSource::Read(template) = &manifest.template {
                let known = self.templates.entry(template.digest);
                known.or_insert_with(|| Arc::clone(template));
            }
        }
    }

    /// Updates the window from an observation.
    async fn note_losses(&self, observed: &Observed) {
        if let Observed::Seen(seen) = observed {
            let rules = HeldRules::new(self.reader.place(), Some(seen), &self.templates);
            self.window.observe(&self.reader.place().region, seen, &rules).await;
        }
    }

    /// Observes, rules, and takes the permitted steps.
    pub async fn reconcile(
        &mut self,
        policy: &RegionSettings,
        around: &Surroundings,
        watched: &PlanInvalidation,
    ) -> RegionReport {
        let (mut report, ruling) = self.prepare(policy, around).await;
        let ruled = self.clock.elapsed();
        report.outcomes = self.act(policy, ruling, watched).await;
        let outcomes = report.outcomes.iter();
        report.hold(outcomes.filter_map(|it| refused(&self.history, it, &policy.pace)).collect());
        report.tracking.clone_from(&self.tracking);
        report.finished = self.clock.aws_now();
        report.timing.apply = self.clock.elapsed().saturating_sub(ruled);
        report
    }

    /// Takes the approved steps of a ruling that was prepared.
    pub async fn act(
        &mut self,
        policy: &RegionSettings,
        ruling: Ruling,
        watched: &PlanInvalidation,
    ) -> Vec<Outcome> {
        if ruling.approved.plan().is_empty() {
            return Vec::new();
        }
        let revision = ruling.approved.plan().revision.clone();
        let mut spans = BTreeMap::new();
        let outcomes = match (&self.writer, self.wrong_account().await) {
            (Some(writer), None) => {
                let gate = ReconciliationGate {
                    watched,
                    window: &self.window,
                    clock: &self.clock,
                    region: &self.reader.place().region,
                    observed: self.observed,
                    spans: Mutex::default(),
                };
                self.window.intend(&self.reader.place().region, &ruling.approved).await;
                let outcomes = execute(ruling.approved, writer, &gate).await;
                spans = gate.spans.into_inner().unwrap_or_else(PoisonError::into_inner);
                outcomes
            }
            (Some(_), Some(refusal)) => refuse_all(ruling, &refusal),
            (None, _) => Vec::new(),
        };
        self.window.settle(self.reader.place(), revision.as_ref(), &outcomes).await;
        // An accepted write proves that the caller may write here, whichever step was refused. So
        // the refusals of the caller come first. A quota that is used up is none: a create that was
        // accepted came before it.
        let is_refused = |it: &&Outcome| match &it.result {
            StepResult::Failed { kind, why: _ } => kind.refuses_caller(),
            StepResult::Accepted { .. } | StepResult::Unknown { .. } | StepResult::NotStarted => {
                false
            }
        };
        let (refused, others): (Vec<_>, Vec<_>) = outcomes.iter().partition(is_refused);
        for outcome in refused.into_iter().chain(others) {
            let span = spans.remove(&outcome.step.pack);
            let span = span.unwrap_or_else(|| WriteSpan::at(self.clock.aws_now()));
            self.history.record(outcome, span, &policy.pace);
        }
        let writes = outcomes.iter().filter_map(Outcome::write);
        self.members.tracker.wrote(writes, &policy.resyncs, self.clock.aws_now());
        self.tracking = self.members.tracker.tracking();
        outcomes
    }

    /// Why the credentials in use may not write here: they belong to another account, or cannot
    /// be asked. Packs are visible per caller, so another account would put every pack twice.
    async fn wrong_account(&self) -> Option<StepResult> {
        let expected: &AccountId = &self.reader.place().account;
        match self.reader.caller().await {
            Ok(account) if account == *expected => None,
            Ok(account) => Some(StepResult::Failed {
                kind: FailureKind::Credentials,
                why: format!("the credentials in use are of account {account}, not {expected}"),
            }),
            Err(error) => Some(StepResult::Failed { kind: error.kind, why: chain(&error) }),
        }
    }

    /// How long to wait before the next reconciliation, if nothing wakes the region earlier.
    pub fn pause(&mut self, report: &RegionReport, pace: &Pace) -> Duration {
        let acted = !report.outcomes.is_empty();
        let is_hurried = acted || report.unknown.is_some() || report.is_in_progress();
        self.hurried = if is_hurried && !acted { self.hurried.saturating_add(1) } else { 0 };
        // Regions do not reconcile together.
        let parts = [report.place.to_string(), report.reconciliation.to_string()];
        let regular =
            jittered(pace.interval, pace.interval / 10, parts.iter().map(String::as_bytes));
        let pause = if acted {
            FIRST_REFRESH.min(regular)
        } else if is_hurried {
            let times = self.hurried.saturating_sub(1);
            backoff(pace.refresh_again, times, pace.refresh_again_max).min(regular)
        } else {
            regular
        };
        let now = self.clock.aws_now();
        let lifts = report
            .plan
            .wakes()
            .map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default().max(LIFT_MIN));
        lifts.map_or(pause, |lift| pause.min(lift))
    }
}

/// The inputs of a plan and a ruling.
#[derive(Debug, Clone, Copy)]
struct PlanParts<'a> {
    policy: &'a RegionSettings,
    around: &'a Surroundings,
    observed: &'a Observed,
    desired: Option<&'a Desired>,
    rules: &'a HeldRules<'a>,
    approvals: Approvals<'a>,
}

/// The wait before the first observation after a write. Terraform's AWS provider also waits 30 s
/// before it reads a pack that it has put (`docs/aws.md`, "Delays").
const FIRST_REFRESH: Duration = Duration::from_secs(30);
/// The shortest wait for a hold that resolves automatically.
const LIFT_MIN: Duration = Duration::from_secs(1);

fn refuse_all(ruling: Ruling, refusal: &StepResult) -> Vec<Outcome> {
    let steps = ruling.approved.into_steps();
    steps.into_iter().map(|step| Outcome { step, result: refusal.clone() }).collect()
}
