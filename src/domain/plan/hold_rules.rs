//! Why a decided step has to wait, and until when.
//!
//! `planner` decides which step a pack needs; the guard limits losses.

use std::time::Duration;

use super::decision::{Decision, PlanContext};
use super::desired::{DesiredPack, SourceTrust};
use super::history::{History, ObservedContent, PackHistory, Sent, SuspectContent};
use super::hold::{FirstObservation, Hold, HoldCause};
use super::outcome::{Outcome, StepResult};
use super::own_puts::Fight;
use super::region_plan::Plan;
use super::step::{Action, Change, PlanStep, Reason};
use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{Digest, PackName, Timestamp};
use crate::domain::base::time::{Pace, after, backoff};
use crate::domain::declared::snapshot::{Absence, SourcePath};
use crate::domain::members::rollout::RolloutHealth;
use crate::domain::observed::content::Content;
use crate::domain::observed::packs::{ObservedPack, PackPhase, RolloutStatus, StatusRecord, Verb};
use crate::domain::organization::membership::ListFreshness;
use crate::domain::organization::membership_changes::PossibleCause;
use crate::domain::plan::decision::PlanInputs;
use crate::domain::plan::desired::DesiredEntry;
use crate::domain::plan::loss::LossAt;

/// How long conformd believes AWS that a rollout is active, unless every member is known to be
/// done: the status that AWS shows to a delegated administrator may stay `CREATE_IN_PROGRESS`
/// forever (terraform-provider-aws#24545). After that conformd tries the write; while a rollout
/// really is active, AWS refuses it with `ResourceInUseException`, which costs nothing.
const PROGRESS_BELIEVED: Duration = Duration::from_hours(1);

impl PlanContext<'_> {
    /// Holds the creation of a pack that AWS does not list but reports a status for, other than a
    /// removal: a pack of this name exists, and only the list will show its owner.
    pub(super) fn unlisted(&self, record: &StatusRecord, step: &PlanStep) -> Option<Decision> {
        if matches!(record.status, RolloutStatus::Known(Verb::Delete, _)) {
            return None;
        }
        let until = record.last_update.map(|at| after(at, self.inputs.pace.settle));
        until
            .is_none_or(|until| until > self.now)
            .then(|| waiting(step.clone(), HoldCause::Unlisted(record.status.clone()), until))
    }

    /// Holds a pack whose removal is running or was sent: it can only be created again after that.
    pub(super) fn leaving(&self, name: &PackName, have: &ObservedPack) -> Option<Decision> {
        if have.status.as_ref().is_some_and(is_leaving) {
            return Some(hold(name, HoldCause::Removing));
        }
        // AWS may show the old status for minutes after it accepted the delete. Without this hold
        // the delete would be sent again.
        let sent = self.memory(name)?.sent.filter(|sent| sent.content.is_none())?;
        Some(Decision::Hold(Box::new(Hold {
            pack: Some(name.clone()),
            why: HoldCause::DeletionSent,
            until: Some(after(sent.span.ended, self.inputs.pace.settle)),
            step: None,
        })))
    }

    /// Holds that apply to every delete.
    pub(super) fn delete_holds(&self, have: &ObservedPack, step: &PlanStep) -> Option<Decision> {
        if let Some(hold) = self.leaving(&step.pack, have) {
            return Some(hold);
        }
        if let Some(hold) = self.write_holds(have.status.as_ref(), step) {
            return Some(hold);
        }
        // A delete needs proof that no rollout is in progress, and a status that this version does
        // not know proves nothing.
        let record = have.status.as_ref()?;
        let RolloutStatus::Unknown(status) = &record.status else { return None };
        Some(waiting(step.clone(), HoldCause::UnrecognizedStatus(status.clone()), None))
    }

    /// Holds that apply to every Put.
    pub(super) fn put_holds(
        &self,
        want: &DesiredPack,
        status: Option<&StatusRecord>,
        step: &PlanStep,
    ) -> Option<Decision> {
        // From what the user decides to what AWS says: a suspended pack is reported as suspended,
        // whatever else holds it.
        if let Some(suspend) = &want.suspend
            && suspend.until.is_none_or(|until| until > self.now)
        {
            let why = HoldCause::Suspended(suspend.reason.clone());
            return Some(waiting(step.clone(), why, suspend.until));
        }
        if let Some(hold) = self.membership_hold(want, step) {
            return Some(hold);
        }
        if let Some(hold) = self.write_holds(status, step) {
            return Some(hold);
        }
        let memory = self.memory(&step.pack)?;
        let content = want.content.fingerprint();
        if let Some(rejected) = &memory.rejected {
            let until = after(rejected.at, self.inputs.pace.recheck);
            if rejected.content == content && until > self.now {
                return Some(waiting(
                    step.clone(),
                    HoldCause::Rejected(rejected.why.clone()),
                    Some(until),
                ));
            }
        }
        // Two writers that overwrite each other cause a rollout to every member each time. conformd
        // stops and reports the conflict.
        let Fight { puts, until } = memory.fight(content, self.now)?;
        Some(waiting(step.clone(), HoldCause::Fight { puts }, Some(until)))
    }

    /// Holds changes of exclusions while the account list is old or in doubt: accounts would be
    /// excluded or included by mistake.
    fn membership_hold(&self, want: &DesiredPack, step: &PlanStep) -> Option<Decision> {
        let (why, until) = match &self.desired.freshness {
            ListFreshness::Current => return None,
            ListFreshness::ReadOnce { confirms_at } => {
                (HoldCause::AccountListOnce, Some(*confirms_at))
            }
            ListFreshness::Frozen(doubt) | ListFreshness::Unknown(doubt) => {
                (HoldCause::AccountList(doubt.clone()), None)
            }
        };
        // Other updates keep the exclusions that AWS holds, so they do not depend on the list. A
        // create would deploy to accounts that the list may exclude.
        let decides = matches!(step.action, Action::Create(_))
            || step.changes.iter().any(|change| matches!(change, Change::Exclusions { .. }));
        (want.selects && decides).then(|| waiting(step.clone(), why, until))
    }

    /// Holds that apply to every write.
    fn write_holds(&self, status: Option<&StatusRecord>, step: &PlanStep) -> Option<Decision> {
        // The source comes first: a step with losses from a broken source must not look as if it
        // only waited for AWS, since the guard judges steps that only wait.
        if let Some(hold) = self.source_hold(step).or_else(|| self.reading_hold(step)) {
            return Some(hold);
        }
        if let Some(record) = status.filter(|record| self.is_at_work(record, step.last_update)) {
            return Some(waiting(step.clone(), HoldCause::AtWork(record.status.clone()), None));
        }
        let memory = self.memory(&step.pack)?;
        let wanted = step.action.content().map(Content::fingerprint);
        if let Some(sent) = memory.sent.filter(|sent| !is_overtaken(sent, wanted)) {
            let until = after(sent.span.ended, self.inputs.pace.settle);
            return Some(waiting(step.clone(), HoldCause::WriteSent, Some(until)));
        }
        if let Some(wait) = memory.denied.as_ref().filter(|wait| wait.until > self.now) {
            let is_of_region = self.inputs.history.denied.is_some();
            let why = refusal(is_of_region, wait.why.clone());
            return Some(waiting(step.clone(), why, Some(wait.until)));
        }
        let wait = memory.requeued.as_ref().filter(|wait| wait.until > self.now)?;
        let why = HoldCause::AttemptFailed(wait.why.clone());
        Some(waiting(step.clone(), why, Some(wait.until)))
    }

    /// Whether AWS reports an active rollout, and may still be right.
    pub(super) fn is_at_work(&self, record: &StatusRecord, last_update: Option<Timestamp>) -> bool {
        let since = last_update.max(record.last_update);
        // Member rows appear some time after the rollout begins, so a resync before that proves
        // nothing.
        let begun = since.map(|since| after(since, self.inputs.pace.settle));
        let is_done = self.rollout(&record.name).is_some_and(|rollout| {
            (rollout.aggregate_stuck || rollout.health == RolloutHealth::StuckAggregate)
                && rollout.resynced.is_some()
                && rollout.resynced >= begun
        });
        record.status.is_in_progress()
            && !is_done
            && since.is_none_or(|since| after(since, PROGRESS_BELIEVED) > self.now)
    }

    /// Holds every step with losses while the source is invalid or was not read: a pack or rule may
    /// be missing from it by mistake.
    fn source_hold(&self, step: &PlanStep) -> Option<Decision> {
        let SourceTrust::Doubted(doubt) = &self.desired.trust else { return None };
        (!step.losses.is_empty())
            .then(|| waiting(step.clone(), HoldCause::Source(doubt.clone()), None))
    }

    /// Holds a step with losses until a second equal reading: a directory that is not published as
    /// a whole may show a half-written file.
    fn reading_hold(&self, step: &PlanStep) -> Option<Decision> {
        if step.losses.is_empty() {
            return None;
        }
        // This comes before the second reading: a file that was cut off for good reads the same
        // twice.
        if let Some(path) = self.unended(step) {
            return Some(waiting(step.clone(), HoldCause::Truncated(path.clone()), None));
        }
        if self.desired.confirmed {
            return None;
        }
        Some(waiting(step.clone(), HoldCause::ReadOnce, self.desired.confirms_at))
    }

    /// A file of the pack that may be cut off, if the directory is not published as a whole and no
    /// approval permits the losses.
    fn unended(&self, step: &PlanStep) -> Option<&SourcePath> {
        let Some(DesiredEntry::Pack(want)) = self.desired.packs.get(&step.pack) else {
            return None;
        };
        let path = want.unended.as_ref().filter(|_| self.desired.absence != Absence::Atomic)?;
        let PlanInputs { approvals, window, place, .. } = self.inputs;
        let is_permitted = step.losses.lost.iter().all(|loss| {
            let (region, pack) = (place.region.clone(), step.pack.clone());
            let at = LossAt { region, pack, loss: loss.clone() };
            approvals.covering(window, &at, step.last_update).is_some()
        });
        (!is_permitted).then_some(path)
    }

    /// Takes the step if the observation has lasted for `apart`, else holds it.
    pub(super) fn agree(
        &self,
        step: PlanStep,
        what: FirstObservation,
        since: Timestamp,
        apart: Duration,
    ) -> Decision {
        let until = after(since, apart);
        if self.now >= until {
            return Decision::Step(Box::new(step));
        }
        waiting(step, HoldCause::ObservedOnce(what), Some(until))
    }

    /// Puts the desired content back after an external change. An observation that is no newer than
    /// what was in force may come from an old snapshot, so it has to last. A write that changed
    /// nothing may be AWS's own.
    pub(super) fn put_back(
        &self,
        step: PlanStep,
        want: &DesiredPack,
        suspect: SuspectContent,
    ) -> Decision {
        let SuspectContent { observed, since } = suspect;
        if let ObservedContent::Holds(_, at) = observed
            && step.reason == Reason::ForeignWrite
            && self.inputs.history.excuse(at) == PossibleCause::Undecided
        {
            return waiting(step, HoldCause::WriterUndecided, None);
        }
        let pace = self.inputs.pace;
        let is_stale = self.memory(&step.pack).is_some_and(PackHistory::is_stale);
        let apart = if is_stale { pace.interval } else { pace.refresh_again };
        self.restore(step, want, FirstObservation::Changed, since, apart)
    }

    /// Undoes an external change: at most once per interval, and after a second observation.
    pub(super) fn restore(
        &self,
        step: PlanStep,
        want: &DesiredPack,
        what: FirstObservation,
        since: Timestamp,
        apart: Duration,
    ) -> Decision {
        let (content, pace) = (want.content.fingerprint(), self.inputs.pace);
        let memory = self.memory(&step.pack);
        match memory.and_then(|memory| memory.restore_not_before(content, self.now, pace)) {
            None => self.agree(step, what, since, apart),
            Some(until) => waiting(step, HoldCause::CorrectedRecently, Some(until)),
        }
    }

    /// Repeats a failed removal with a growing backoff that counts from AWS's own timestamps, so
    /// that a restart shortens nothing.
    pub(super) fn retry(&self, step: PlanStep, have: &ObservedPack) -> Decision {
        let (memory, pace) = (self.memory(&step.pack), self.inputs.pace);
        let tried = memory.map_or(0, |memory| memory.tries.count);
        let status = have.status.as_ref().and_then(|status| status.last_update);
        let last = have.record.last_update.max(status.unwrap_or(Timestamp::MIN));
        self.not_before(step, after(last, backoff(pace.retry_min, tried, pace.retry_max)))
    }

    /// Takes the step once this moment has come.
    pub(super) fn not_before(&self, step: PlanStep, due: Timestamp) -> Decision {
        if self.now >= due {
            return Decision::Step(Box::new(step));
        }
        let why = match &step.action {
            Action::Redeploy(_) => HoldCause::Cooldown,
            Action::Create(_) | Action::Adopt(_) | Action::Update(_) | Action::Delete => {
                HoldCause::RolloutFailed
            }
        };
        waiting(step, why, Some(due))
    }

    /// Holds creates that exceed the quota of packs.
    pub(super) fn respect_quota(&self, plan: &mut Plan) {
        let coming = self.desired.packs.keys().filter(|name| {
            let sent = self.memory(name).and_then(|memory| memory.sent);
            !self.seen.packs.contains_key(*name) && sent.is_some_and(|sent| sent.content.is_some())
        });
        let taken = self.seen.packs.len().saturating_add(coming.count());
        // Creates that were sent and are not listed yet take room too: otherwise AWS would refuse
        // some of the next ones.
        let mut room = self.inputs.quota.saturating_sub(taken);
        let refused = self.inputs.history.quota.as_ref().filter(|wait| wait.until > self.now);
        let (mut kept, mut held) = (Vec::new(), Vec::new());
        for step in std::mem::take(&mut plan.steps) {
            if !matches!(step.action, Action::Create(_)) {
                kept.push(step);
            } else if let Some(wait) = refused {
                let why = HoldCause::QuotaRefused(wait.why.clone());
                held.push(step_hold(step, why, Some(wait.until)));
            // The refusal of AWS comes before the count: the real quota can be lower than the
            // setting, or other owners can use it up.
            } else if room == 0 {
                let why = HoldCause::QuotaFull { quota: self.inputs.quota };
                held.push(step_hold(step, why, None));
            } else {
                room = room.saturating_sub(1);
                kept.push(step);
            }
        }
        plan.steps = kept;
        plan.holds.extend(held);
    }

    /// Holds every step while writes have stopped in the region, or AWS refuses them.
    pub(super) fn respect_refusals(&self, plan: &mut Plan) {
        let history = self.inputs.history;
        let denied = history.denied.as_ref().filter(|wait| wait.until > self.now);
        // `stopped` comes first: it lasts until a restart, so no time may be shown at which it
        // ends.
        let (why, until) = match (&history.stopped, denied) {
            (Some(pack), _) => {
                plan.holds.push(region_hold(HoldCause::MarkerLost(pack.clone())));
                (HoldCause::WritesStopped, None)
            }
            (None, Some(wait)) => (HoldCause::WritesRefused(wait.why.clone()), Some(wait.until)),
            (None, None) => return,
        };
        let steps = std::mem::take(&mut plan.steps);
        plan.holds.extend(steps.into_iter().map(|step| step_hold(step, why.clone(), until)));
    }
}

/// The hold of a step that AWS has just refused: until the next attempt.
pub fn refused(history: &History, outcome: &Outcome, pace: &Pace) -> Option<Hold> {
    let Outcome { step, result } = outcome;
    let StepResult::Failed { kind, why } = result else { return None };
    let why = why.clone();
    let memory = history.of(&step.pack)?;
    let (why, until) = if *kind == FailureKind::NoSuchPack {
        return None;
    } else if *kind == FailureKind::Quota {
        (HoldCause::QuotaRefused(why), history.quota.as_ref()?.until)
    } else if kind.refuses_caller() {
        (refusal(history.denied.is_some(), why), memory.denied.as_ref()?.until)
    } else if let Some(rejected) = &memory.rejected {
        (HoldCause::Rejected(why), after(rejected.at, pace.recheck))
    } else {
        (HoldCause::AttemptFailed(why), memory.requeued.as_ref()?.until)
    };
    Some(step_hold(step.clone(), why, Some(until)))
}

/// The refusal of every write of the region, or of one while others are accepted.
fn refusal(is_of_region: bool, why: String) -> HoldCause {
    if is_of_region { HoldCause::WritesRefused(why) } else { HoldCause::WriteRefused(why) }
}

pub(super) fn region_hold(why: HoldCause) -> Hold {
    Hold { pack: None, why, until: None, step: None }
}

pub(super) fn hold(name: &PackName, why: HoldCause) -> Decision {
    Decision::Hold(Box::new(Hold { pack: Some(name.clone()), why, until: None, step: None }))
}

pub(super) fn waiting(step: PlanStep, why: HoldCause, until: Option<Timestamp>) -> Decision {
    Decision::Hold(Box::new(step_hold(step, why, until)))
}

/// The hold of a step.
pub(super) fn step_hold(step: PlanStep, why: HoldCause, until: Option<Timestamp>) -> Hold {
    Hold { pack: Some(step.pack.clone()), why, until, step: Some(Box::new(step)) }
}

/// Whether an accepted Put is not the desired content any more. The next Put need not wait for it:
/// AWS accepts the new content or says that it is busy. A write without an answer could still
/// arrive, so conformd waits for it.
fn is_overtaken(sent: &Sent, wanted: Option<Digest>) -> bool {
    // A delete on either side is waited for: only a Put replaces a Put.
    sent.accepted && sent.content.is_some() && wanted.is_some() && sent.content != wanted
}

/// Whether AWS is removing the pack, or reports its removal.
fn is_leaving(record: &StatusRecord) -> bool {
    matches!(
        record.status,
        RolloutStatus::Known(Verb::Delete, PackPhase::InProgress | PackPhase::Successful)
    )
}
