//! Problems of members: failures by class, missing rows, unknown statuses, and removals.

use std::collections::BTreeMap;

use super::cause::ProblemCause;
use super::draft::Drafts;
use super::new_accounts;
use super::shown::ProblemSeverity;
use crate::domain::base::model::{PackName, Region};
use crate::domain::base::time::after;
use crate::domain::base::words::many;
use crate::domain::members::rollout::{Rollout, RolloutHealth};
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::observed::member::{MemberStatus, TroubledMember};
use crate::domain::observed::packs::RUN_MAX;
use crate::domain::present::report::RegionReport;
use crate::domain::present::view::CurrentState;
use crate::domain::present::view::deployment::{helping_step, helps, redeployed};

/// So many failed members of one pack, and more than one in so many, usually have one cause: as for
/// the alert `ConformdMembersFailingWidely`.
const WIDELY_MIN: usize = 5;
const WIDELY_ONE_IN: usize = 20;

pub(super) fn collect<'a>(facts: &'a CurrentState, drafts: &mut Drafts<'a>) {
    for (region, report) in facts.regions() {
        let Some(report) = report else { continue };
        for (pack, rollout) in &report.tracking.packs {
            let place = PackPlace { region, pack, rollout, report };
            place.failing(facts, drafts);
            place.widely(drafts);
            place.unread(drafts);
            place.unrecognized(drafts);
            place.removals(drafts);
            place.slow(facts, drafts);
        }
    }
}

/// The members of one pack in one region.
struct PackPlace<'a> {
    region: &'a Region,
    pack: &'a PackName,
    rollout: &'a Rollout,
    report: &'a RegionReport,
}

impl<'a> PackPlace<'a> {
    /// Members that failed or are missing.
    fn failing(&self, facts: &CurrentState, drafts: &mut Drafts<'a>) {
        let Self { region, pack, rollout, report } = *self;
        // In mode observe no step helps anybody.
        let (redeployed, step) = if facts.about.mode.may_put() {
            (redeployed(&report.plan, pack), helping_step(pack, report))
        } else {
            (None, None)
        };
        let mut known = BTreeMap::new();
        for member in &*rollout.troubled {
            let Some(cause) = cause(member) else { continue };
            let count: &mut usize = known.entry(cause).or_default();
            *count = count.saturating_add(1);
            if self.is_told(facts, member) {
                continue;
            }
            let is_redeployed = redeployed.is_some_and(|seen| seen.contains_key(&member.account));
            let is_helped = step.is_some_and(|step| helps(step, (member.account, member.status)));
            let is_ours = is_redeployed || is_helped;
            let shown = if is_ours { ProblemCause::Redeploying } else { cause };
            let draft = drafts.of(ProblemSeverity::Warning, shown);
            draft.member(member.account, (region, Some(pack), Some(member)));
        }
        // Members beyond the cap are counted without a name.
        let classes =
            rollout.classes.iter().map(|(class, count)| (ProblemCause::Member(*class), *count));
        for (cause, count) in classes.chain([(ProblemCause::Missing, rollout.counts.missing)]) {
            let unnamed = count.saturating_sub(known.get(&cause).copied().unwrap_or_default());
            if unnamed > 0 {
                let draft = drafts.of(ProblemSeverity::Warning, cause).pack(region, pack);
                draft.members = draft.members.saturating_add(unnamed);
            }
        }
    }

    /// Whether the deadline of the account says it already.
    fn is_told(&self, facts: &CurrentState, member: &TroubledMember) -> bool {
        let new_accounts = &self.report.tracking.new_accounts;
        let at = new_accounts.binary_search_by_key(&member.account, |one| one.account);
        let new_account = at.ok().and_then(|at| new_accounts.get(at));
        let new_account = new_account.filter(|one| one.missing.contains(self.pack));
        new_account.is_some_and(|new_account| {
            let key = new_accounts::key(facts, new_account, Some((self.pack, self.report)));
            match (key, member.status) {
                (Some((_, ProblemCause::RetriedByAws, _)) | None, _) => false,
                // It names the failure, or the recorder without which this is one.
                (Some((_, _, class)), MemberStatus::Failed(status)) => {
                    let is_unnamed =
                        matches!(status, FailureClass::NoRecorder | FailureClass::Other);
                    class.map_or(is_unnamed, |class| class == status)
                }
                (Some(_), _) => true,
            }
        })
    }

    /// So many failures that one cause is likely.
    fn widely(&self, drafts: &mut Drafts<'a>) {
        let Self { region, pack, rollout, .. } = *self;
        let counts = rollout.counts;
        let all = [counts.ok, counts.in_progress, counts.waiting, counts.failed, counts.missing]
            .into_iter()
            .fold(0_usize, usize::saturating_add);
        let failed = counts.failed;
        if failed >= WIDELY_MIN && failed.saturating_mul(WIDELY_ONE_IN) > all {
            let draft = drafts.of(ProblemSeverity::Critical, ProblemCause::FailingWidely);
            draft.pack(region, pack);
            let is_failed = |member: &&TroubledMember| member.status.failure_class().is_some();
            let named = rollout.troubled.iter().filter(is_failed);
            let named = named.fold(0_usize, |count, member| {
                draft.member(member.account, (region, Some(pack), Some(member)));
                count.saturating_add(1)
            });
            draft.members = draft.members.saturating_add(failed.saturating_sub(named));
            draft.say(format!("{pack} in {region} failed in {failed} of {}", many(all, "account")));
        }
    }

    /// Members that were not read the last time.
    fn unread(&self, drafts: &mut Drafts<'a>) {
        let Self { region, pack, rollout, .. } = *self;
        let why = rollout.why.clone().unwrap_or_default();
        match rollout.unread {
            Some(kind) if kind.refuses_caller() => {
                let cause = ProblemCause::of_failure(kind);
                let draft = drafts.of(ProblemSeverity::Critical, cause).pack(region, pack);
                draft.say(why);
            }
            Some(_) => {
                let draft = drafts.of(ProblemSeverity::Warning, ProblemCause::MembersUnread);
                draft.pack(region, pack).say(why);
            }
            None if rollout.is_unexplained() => {
                drafts
                    .of(ProblemSeverity::Warning, ProblemCause::Member(FailureClass::Other))
                    .pack(region, pack)
                    .say(why);
            }
            None if rollout.health == RolloutHealth::Unknown => {
                let draft = drafts.of(ProblemSeverity::Info, ProblemCause::MembersUnread);
                draft.pack(region, pack).say(why);
            }
            None => {}
        }
    }

    /// Rows with a status that this version does not recognize.
    fn unrecognized(&self, drafts: &mut Drafts<'a>) {
        let Self { region, pack, rollout, .. } = *self;
        if rollout.unrecognized.all > 0 {
            let draft = drafts.of(ProblemSeverity::Warning, ProblemCause::StatusUnknown);
            draft.capped((region, pack), &rollout.unrecognized);
        }
    }

    /// Removals that failed: of a pack that goes away, and of one that leaves excluded accounts.
    fn removals(&self, drafts: &mut Drafts<'a>) {
        let Self { region, pack, rollout, .. } = *self;
        for (class, members) in &rollout.removals {
            let key = (ProblemSeverity::Warning, ProblemCause::RemovalFailed, Some(*class));
            drafts.classed(key).capped((region, pack), members);
        }
    }

    /// Rollouts and removals that last longer than AWS takes.
    fn slow(&self, facts: &CurrentState, drafts: &mut Drafts<'a>) {
        let Self { region, pack, rollout, report } = *self;
        let updated = report.packs.get(pack).and_then(|pack| pack.last_update);
        if updated.is_none_or(|at| after(at, RUN_MAX) > facts.now) {
            return;
        }
        let cause = if rollout.health == RolloutHealth::Deleting {
            ProblemCause::RemovalSlow
        } else if rollout.counts.in_progress > 0 {
            ProblemCause::RolloutSlow
        } else {
            return;
        };
        let draft = drafts.of(ProblemSeverity::Warning, cause).pack(region, pack);
        let working = rollout.troubled.iter();
        for member in working.filter(|member| member.status == MemberStatus::InProgress) {
            draft.member(member.account, (region, Some(pack), Some(member)));
        }
    }
}

/// The problem of a member, if it has one.
fn cause(member: &TroubledMember) -> Option<ProblemCause> {
    match member.status {
        MemberStatus::Failed(class) => Some(ProblemCause::Member(class)),
        MemberStatus::Missing => Some(ProblemCause::Missing),
        MemberStatus::Ok
        | MemberStatus::InProgress
        | MemberStatus::Waiting
        | MemberStatus::Inactive
        | MemberStatus::NotYetListed
        | MemberStatus::Left => None,
    }
}
