//! The story of one account and one pack: every Put and Delete that reached it, its joins and
//! leaves, and the obstacle to each attempt. The row is computed from the story.

use std::time::Duration;

use super::causes::{
    self, FailureText, inactive_member, no_recorder, no_service_role, region_off, too_many_packs,
    too_many_rules,
};
use super::failures::MemberAttempt;
use super::knobs::{Deviant, RecorderGate, UndeclaredInput, WaitingRow};
use super::members::{SimAccount, Stay};
use super::packs::{Act, SimDeployment};
use super::rollout::SimRollout;
use super::setup::RecorderSetup;
use super::timeline::after;
use crate::domain::base::model::{AccountState, Timestamp};
use crate::domain::observed::packs::{PackPhase, Verb};
use crate::sim::member_state::{SimMemberState, SimRow};

/// Something that happened to one account.
#[derive(Debug, Clone, Copy)]
enum StoryEvent<'a> {
    Run(&'a SimDeployment),
    Joined(Stay),
    Left,
}

/// The obstacle to an attempt.
enum Obstacle {
    /// The row fails.
    Fails(FailureText),
    /// The member is passed over.
    Skipped,
    /// There is no recorder; AWS tries again until then.
    Waits(Timestamp),
}

/// A member's story so far.
#[derive(Debug, Default)]
struct Story {
    member_state: SimMemberState,
    /// Whether the pack is deployed there.
    has: bool,
    /// Failed attempts by failure of the plan.
    tries: Vec<(u64, u32)>,
}

impl<'a> SimRollout<'a> {
    /// The state of this member.
    pub(super) fn member(&self, number: usize) -> SimMemberState {
        let Some(account) = self.members.get(number) else { return SimMemberState::default() };
        let events = self.events(account);
        let ends = events.iter().skip(1).map(|(at, _)| *at).chain([self.view.at]);
        let mut story = Story::default();
        for ((at, event), until) in events.iter().zip(ends) {
            let scene =
                StoryScene { rollout: self, account, number, until: until.min(self.view.at) };
            match event {
                StoryEvent::Run(run) => scene.run(&mut story, run),
                StoryEvent::Joined(stay) => scene.join(&mut story, *at, *stay),
                StoryEvent::Left => scene.leave(&mut story, *at),
            }
        }
        story.member_state
    }

    fn events(&self, account: &SimAccount) -> Vec<(Timestamp, StoryEvent<'a>)> {
        let view = self.view;
        let created = self.incarnation.created();
        let runs = self.incarnation.runs(view).map(|run| (run.at, StoryEvent::Run(run)));
        let joins = account.stays.iter().map(|stay| (stay.joined, StoryEvent::Joined(*stay)));
        let leaves = account.stays.iter().filter_map(|stay| Some((stay.left?, StoryEvent::Left)));
        let activations = account.state.changes().filter_map(|(at, before, state)| {
            let activated =
                (before, state) == (&AccountState::PendingActivation, &AccountState::Active);
            let stay = account.stay(at).filter(|_| activated)?;
            Some((at, StoryEvent::Joined(stay)))
        });
        let mut events: Vec<_> = joins
            .chain(leaves)
            .chain(activations)
            .filter(|(at, _)| created < *at && *at <= view.at)
            .chain(runs)
            .collect();
        events.sort_by_key(|(at, _)| *at);
        events
    }
}

/// The effect of one event on one account, up to the next event.
struct StoryScene<'a, 'b> {
    rollout: &'b SimRollout<'a>,
    account: &'b SimAccount,
    number: usize,
    until: Timestamp,
}

impl StoryScene<'_, '_> {
    fn run(&self, story: &mut Story, run: &SimDeployment) {
        let fan_out = &self.rollout.knobs.fan_out;
        let Some(start) = run.start(fan_out, self.number) else { return };
        if self.account.stay(run.at).is_none() {
            return;
        }
        story.member_state.by_membership = false;
        story.member_state.unfinished = false;
        let expected = run.act == Act::Put && !run.content.excluded.contains(&self.account.id);
        // An account without the pack and without a row is not touched by a removal, so it gets no
        // row.
        let nothing_to_do = !expected && !story.has && story.member_state.row.is_none();
        if nothing_to_do {
            return;
        }
        if self.until < start {
            story.member_state.unfinished = true;
            return;
        }
        match (expected, run.act) {
            (true, _) => self.deploy(story, run, start),
            (false, Act::Put) => {
                self.remove(story, run, start, self.rollout.knobs.joining.departed_linger);
            }
            (false, Act::Delete) => {
                self.remove(story, run, start, self.rollout.knobs.deleted_linger);
            }
        }
    }

    fn join(&self, story: &mut Story, at: Timestamp, stay: Stay) {
        let SimRollout { incarnation, knobs, .. } = self.rollout;
        // A new stay starts without rows and packs; only the counts of planned failures go on, so
        // that "fails twice" means twice in all.
        let tries = std::mem::take(&mut story.tries);
        *story = Story { tries, ..Story::default() };
        let last = incarnation.runs(self.rollout.view).filter(|run| run.at <= at).last();
        let Some(run) = last.filter(|run| run.act == Act::Put) else { return };
        if run.content.excluded.contains(&self.account.id) {
            return;
        }
        story.member_state.by_membership = true;
        let start = after(at, knobs.joining.delay)
            .min(after(stay.joined_timestamp(), knobs.joining.window));
        if self.until < start {
            story.member_state.unfinished = true;
        } else {
            self.deploy(story, run, start.max(at));
        }
    }

    fn leave(&self, story: &mut Story, at: Timestamp) {
        let knobs = self.rollout.knobs;
        story.member_state.by_membership = true;
        story.member_state.unfinished = false;
        if story.has {
            let end = after(at, knobs.fan_out.removal);
            self.finish_removal(story, at, end, None, knobs.joining.departed_linger);
        } else {
            story.member_state.row = None;
        }
    }

    /// An attempt at `start`, repeated while AWS waits for a recorder.
    fn deploy(&self, story: &mut Story, run: &SimDeployment, start: Timestamp) {
        let verb = if story.has { Verb::Update } else { Verb::Create };
        let mut at = start;
        loop {
            let deadline = match self.obstacle(story, run, at) {
                None => return self.finish_deployment(story, run, verb, at, None),
                Some(Obstacle::Fails(cause)) => {
                    return self.finish_deployment(story, run, verb, at, Some(cause));
                }
                Some(Obstacle::Skipped) => return,
                Some(Obstacle::Waits(deadline)) => deadline,
            };
            // The last attempt is at the deadline itself. AWS documents the 7 hours and not the
            // moments of its attempts.
            let next = after(at, self.retry()).min(deadline);
            if self.until < next {
                return self.wait(story, verb, start, at);
            }
            at = next;
            if at == deadline {
                return self.last_attempt(story, run, verb, at);
            }
        }
    }

    /// The attempt at the end of the window sees what was there just before it.
    fn last_attempt(
        &self,
        story: &mut Story,
        run: &SimDeployment,
        verb: Verb,
        deadline: Timestamp,
    ) {
        let region = &self.rollout.place.region;
        let recorder = self.account.recorder_before(region, deadline);
        if self.opens_gate(recorder) {
            self.finish_deployment(story, run, verb, deadline, None);
        } else {
            let row = SimRow {
                verb,
                phase: PackPhase::Failed,
                cause: Some(no_recorder()),
                since: deadline,
            };
            story.member_state.row = Some(row);
            story.member_state.unfinished = false;
        }
    }

    fn wait(&self, story: &mut Story, verb: Verb, start: Timestamp, tried: Timestamp) {
        let waiting = self.rollout.knobs.joining.waiting;
        story.member_state.unfinished = waiting == WaitingRow::InProgress;
        story.member_state.by_membership = true;
        let row = |phase, cause, since| Some(SimRow { verb, phase, cause, since });
        match waiting {
            WaitingRow::InProgress => {
                story.member_state.row = row(PackPhase::InProgress, None, start);
            }
            WaitingRow::Failed => {
                story.member_state.row = row(PackPhase::Failed, Some(no_recorder()), tried);
            }
            WaitingRow::Absent => {}
        }
    }

    fn finish_deployment(
        &self,
        story: &mut Story,
        run: &SimDeployment,
        verb: Verb,
        start: Timestamp,
        cause: Option<FailureText>,
    ) {
        let knobs = self.rollout.knobs;
        let end = after(start, knobs.fan_out.duration);
        let undeclared = knobs.undeclared_input == UndeclaredInput::MembersFail;
        let cause = cause.or_else(|| undeclared.then(|| causes::undeclared_input(run)).flatten());
        let member_state = &mut story.member_state;
        if self.until < end {
            member_state.unfinished = true;
            member_state.row =
                Some(SimRow { verb, phase: PackPhase::InProgress, cause: None, since: start });
            return;
        }
        member_state.unfinished = false;
        let phase = if cause.is_some() { PackPhase::Failed } else { PackPhase::Successful };
        // A failed update leaves the former version of the pack in the member: an assumption, since
        // AWS does not document it.
        story.has |= cause.is_none();
        member_state.row = Some(SimRow { verb, phase, cause, since: end });
    }

    fn remove(&self, story: &mut Story, run: &SimDeployment, start: Timestamp, linger: Duration) {
        let cause = if story.has {
            let inactive = self.inactive(start).filter(|deviant| *deviant == Deviant::Fails);
            self.planned(story, run, Act::Delete, start)
                .or_else(|| inactive.map(|_| inactive_member(&self.account.id)))
        } else {
            None
        };
        let end = after(start, self.rollout.knobs.fan_out.removal);
        self.finish_removal(story, start, end, cause, linger);
    }

    fn finish_removal(
        &self,
        story: &mut Story,
        start: Timestamp,
        end: Timestamp,
        cause: Option<FailureText>,
        linger: Duration,
    ) {
        let verb = Verb::Delete;
        let member_state = &mut story.member_state;
        if self.until < end {
            member_state.unfinished = true;
            member_state.row =
                Some(SimRow { verb, phase: PackPhase::InProgress, cause: None, since: start });
            return;
        }
        member_state.unfinished = false;
        if cause.is_some() {
            member_state.row = Some(SimRow { verb, phase: PackPhase::Failed, cause, since: end });
            return;
        }
        story.has = false;
        let lingers = self.until < after(end, linger);
        let row = SimRow { verb, phase: PackPhase::Successful, cause: None, since: end };
        member_state.row = lingers.then_some(row);
    }

    /// The obstacle to a deployment at this moment.
    fn obstacle(&self, story: &mut Story, run: &SimDeployment, at: Timestamp) -> Option<Obstacle> {
        let SimRollout { knobs, place, management, .. } = *self.rollout;
        let account = self.account;
        // From what AWS knows before it starts (member, state, region, role) to what the deployment
        // meets in the member. The recorder comes last, since only a missing recorder is waited
        // for.
        let Some(stay) = account.stay(at) else { return Some(Obstacle::Skipped) };
        if *account.state.at(at) == AccountState::PendingActivation {
            return Some(Obstacle::Skipped);
        }
        if let Some(deviant) = self.inactive(at) {
            return Some(passed(deviant, inactive_member(&account.id)));
        }
        if account.regions_off.contains(&place.region) {
            return Some(passed(knobs.region_off_members, region_off(&place.region)));
        }
        if account.id == *management && !account.service_role.at(at) {
            return Some(Obstacle::Fails(no_service_role(&account.id)));
        }
        if let Some(cause) = self.planned(story, run, Act::Put, at) {
            return Some(Obstacle::Fails(cause));
        }
        let (packs, rules) = self.load(run);
        if rules > knobs.quotas.member_rules {
            return Some(Obstacle::Fails(too_many_rules()));
        }
        if packs > knobs.quotas.packs {
            return Some(Obstacle::Fails(too_many_packs()));
        }
        let needed = run.content.template.has_managed_rules || knobs.lambda_rules_need_recorder;
        if !needed || self.opens_gate(account.recorder(&place.region, at)) {
            return None;
        }
        let deadline = after(stay.joined_timestamp(), knobs.joining.window);
        Some(if at < deadline { Obstacle::Waits(deadline) } else { Obstacle::Fails(no_recorder()) })
    }

    fn inactive(&self, at: Timestamp) -> Option<Deviant> {
        match self.account.state.at(at) {
            AccountState::Active | AccountState::PendingActivation => None,
            AccountState::Suspended | AccountState::PendingClosure | AccountState::Closed => {
                Some(self.rollout.knobs.inactive_members)
            }
        }
    }

    fn opens_gate(&self, recorder: RecorderSetup) -> bool {
        match self.rollout.knobs.recorder_gate {
            RecorderGate::CustomerManaged => {
                matches!(
                    recorder,
                    RecorderSetup::Stopped | RecorderSetup::Recording | RecorderSetup::Failing
                )
            }
            RecorderGate::Recording => {
                matches!(recorder, RecorderSetup::Recording | RecorderSetup::Failing)
            }
            RecorderGate::Any => recorder != RecorderSetup::Missing,
        }
    }

    /// The failure of the plan that this attempt meets; it counts as one of its times.
    fn planned(
        &self,
        story: &mut Story,
        run: &SimDeployment,
        act: Act,
        at: Timestamp,
    ) -> Option<FailureText> {
        let attempt = MemberAttempt {
            account: &self.account.id,
            region: &self.rollout.place.region,
            pack: self.rollout.name,
            rules: &run.content.template.identifiers,
            act,
            at,
        };
        // The first planned failure with tries left counts, so that two failures follow one another
        // instead of using up their times together.
        for planned in self.rollout.failures.hits(attempt) {
            let id = planned.id.0;
            if !story.tries.iter().any(|(tried, _)| *tried == id) {
                story.tries.push((id, 0));
            }
            let Some((_, tries)) = story.tries.iter_mut().find(|(tried, _)| *tried == id) else {
                continue;
            };
            if planned.failure.times.is_none_or(|times| *tries < times) {
                *tries += 1;
                return Some(planned.failure.cause(attempt.account, attempt.region));
            }
        }
        None
    }

    /// Packs and rules in this member, including those of this rollout.
    fn load(&self, run: &SimDeployment) -> (usize, u32) {
        let crowd = run.crowd.iter().flat_map(|crowd| crowd.iter());
        let there = crowd.filter(|content| !content.excluded.contains(&self.account.id));
        there.fold((1, run.content.template.rules), |(packs, rules), content| {
            (packs + 1, rules.saturating_add(content.template.rules))
        })
    }

    fn retry(&self) -> Duration {
        // At least a minute, so that a zero in a scenario cannot make the loop endless.
        self.rollout.knobs.joining.retry.max(Duration::from_mins(1))
    }
}

fn passed(deviant: Deviant, cause: FailureText) -> Obstacle {
    match deviant {
        Deviant::Fails => Obstacle::Fails(cause),
        Deviant::Skipped => Obstacle::Skipped,
    }
}
