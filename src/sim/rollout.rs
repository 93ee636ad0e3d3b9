//! The rollout of a pack as a whole: the members that have to be computed, whether it is active,
//! and the aggregate.
//!
//! Nothing is stored. A row is computed from the story of an account (`story`), the aggregate from
//! the rows. A read of an earlier moment is the same computation, and 10,000 accounts cost nothing
//! until a request needs them.

use std::collections::BTreeSet;

use super::causes::FailureText;
use super::failures::Failures;
use super::knobs::{AdministratorAggregate, Knobs, UndeclaredInput};
use super::member_state::SimMemberState;
use super::members::MemberArena;
use super::packs::{Act, DelayedView, Incarnation, SimDeployment};
use super::timeline::after;
use crate::domain::base::model::{AccountId, PackName, Place, Timestamp};
use crate::domain::observed::packs::{PackPhase, Verb};

/// The aggregate of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregate {
    /// What was done.
    pub verb: Verb,
    /// The phase.
    pub phase: PackPhase,
    /// Why it failed.
    pub cause: Option<FailureText>,
    /// Since when it shows this.
    pub since: Timestamp,
}

/// One pack as one reader sees it at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct SimRollout<'a> {
    pub(super) knobs: &'a Knobs,
    pub(super) members: &'a MemberArena,
    pub(super) failures: &'a Failures,
    pub(super) management: &'a AccountId,
    pub(super) place: &'a Place,
    pub(super) name: &'a PackName,
    pub(super) incarnation: &'a Incarnation,
    pub(super) view: DelayedView,
}

impl SimRollout<'_> {
    /// The members that have to be computed one by one; `None` for all of them.
    fn odd(&self) -> Option<BTreeSet<usize>> {
        let Self { members, failures, place, name, incarnation, view, .. } = *self;
        let crowded = incarnation.runs(view).any(|run| run.crowd.is_some());
        let undeclared = self.knobs.undeclared_input == UndeclaredInput::MembersFail;
        // Each of these can make any member fail or wait, so no member can be skipped.
        if crowded || undeclared || failures.concern_everybody(&place.region, name) {
            return None;
        }
        let mut odd: BTreeSet<usize> = members.odd(&place.region, incarnation.created()).collect();
        odd.extend(members.number(self.management));
        let planned = failures.accounts(&place.region, name);
        let excluded = incarnation.runs(view).flat_map(|run| &run.content.excluded);
        odd.extend(planned.chain(excluded).filter_map(|account| members.number(account)));
        Some(odd)
    }

    /// The members that have to be computed: only the odd ones once every ordinary member has
    /// finished.
    pub(super) fn members_to_check(&self, ordinary_matter: bool) -> Vec<usize> {
        let finished = self
            .incarnation
            .last_run(self.view)
            .is_none_or(|run| run.end(&self.knobs.fan_out) <= self.view.at);
        // While ordinary members are still in progress, or their rows are wanted too, all have to
        // be computed.
        match self.odd() {
            Some(odd) if finished && !ordinary_matter => odd.into_iter().collect(),
            Some(_) | None => (0..self.members.count()).collect(),
        }
    }

    /// Whether a rollout is active, as locks see it.
    pub(super) fn is_active(&self) -> bool {
        let locks = self.knobs.joining.holds_lock;
        self.unfinished(|member_state| locks || !member_state.by_membership)
    }

    fn unfinished(&self, counts: impl Fn(&SimMemberState) -> bool) -> bool {
        let Some(last) = self.incarnation.last_run(self.view) else { return false };
        let open = |number: usize| {
            let member_state = self.member(number);
            member_state.unfinished && counts(&member_state)
        };
        // A rollout that is still active ends with its last members, so these are checked first:
        // usually one of them answers the question.
        let running = self.view.at < last.end(&self.knobs.fan_out);
        (running && last.last_first().any(open))
            || self.members_to_check(false).into_iter().any(open)
    }

    /// Whether the owner is a delegated administrator.
    pub(super) fn is_administrators(&self) -> bool {
        self.place.account != *self.management
    }

    /// The aggregate, before any reader-specific disguise.
    pub(super) fn aggregate(&self) -> Option<Aggregate> {
        let last = self.incarnation.last_run(self.view)?;
        let moves = self.knobs.joining.moves_aggregate;
        let verb = self.aggregate_verb(last, moves);
        // In progress comes first: AWS reports failures in the aggregate only when all members are
        // done. Whether a join moves the aggregate is not known, so a knob decides.
        if self.unfinished(|member_state| moves || !member_state.by_membership) {
            return Some(Aggregate {
                verb,
                phase: PackPhase::InProgress,
                cause: None,
                since: last.at,
            });
        }
        let mut since = last.end(&self.knobs.fan_out).min(self.view.at);
        let mut failed = 0_u32;
        let mut first: Option<(AccountId, FailureText)> = None;
        for number in self.members_to_check(false) {
            let Some(row) = self.member(number).row else { continue };
            since = since.max(row.since);
            if row.phase == PackPhase::Failed {
                failed += 1;
                let account = self.members.get(number).map(|account| account.id);
                first = first.or_else(|| account.zip(row.cause));
            }
        }
        let cause = first.map(|(account, cause)| FailureText {
            message: format!(
                "{failed} member account(s) failed; first {account}: {}",
                cause.message
            ),
            code: cause.code,
        });
        let phase = if failed == 0 { PackPhase::Successful } else { PackPhase::Failed };
        Some(Aggregate { verb, phase, cause, since })
    }

    /// The aggregate as this reader is shown it; `None` when there is none, or none any more.
    pub(super) fn shown_aggregate(&self) -> Option<Aggregate> {
        let last = self.incarnation.last_run(self.view)?;
        let stuck = self.knobs.administrator_aggregate != AdministratorAggregate::Sound;
        // Users reported the stuck status for Puts only, so removals end as usual.
        if last.act == Act::Put && stuck && self.is_administrators() {
            let since = self.incarnation.created();
            let phase = PackPhase::InProgress;
            return Some(Aggregate { verb: Verb::Create, phase, cause: None, since });
        }
        let aggregate = self.aggregate()?;
        let gone = aggregate.verb == Verb::Delete && aggregate.phase == PackPhase::Successful;
        let forgotten = gone && after(aggregate.since, self.knobs.deleted_linger) <= self.view.at;
        (!forgotten).then_some(aggregate)
    }

    fn aggregate_verb(&self, last: &SimDeployment, moves: bool) -> Verb {
        if last.act == Act::Delete {
            return Verb::Delete;
        }
        // AWS reports CREATE only for the first rollout of a pack.
        let updated = self.incarnation.runs(self.view).nth(1).is_some();
        if updated || (moves && self.membership_changed()) { Verb::Update } else { Verb::Create }
    }

    /// When an account last joined or left while this pack existed.
    pub(super) fn membership_change(&self) -> Option<Timestamp> {
        let created = self.incarnation.created();
        let odd = self.members.odd(&self.place.region, created);
        odd.filter_map(|number| self.members.get(number))
            .flat_map(|account| &account.stays)
            .flat_map(|stay| [Some(stay.joined), stay.left])
            .flatten()
            .filter(|at| created < *at && *at <= self.view.at)
            .max()
    }

    fn membership_changed(&self) -> bool {
        self.membership_change().is_some()
    }
}
