//! One account's story with one pack: every Put and Delete it saw, its joins and leaves, and what
//! stood in the way at the moment of each attempt. The row is what the story comes to.

use std::time::Duration;

use super::causes::{
    self, Cause, inactive_member, no_recorder, no_service_role, region_off, too_many_packs,
    too_many_rules,
};
use super::failures::Attempt;
use super::knobs::{Deviant, RecorderGate, UndeclaredInput, WaitingRow};
use super::members::{Account, Stay};
use super::packs::{Act, Run};
use super::rollout::Rollout;
use super::setup::Recorder;
use super::timeline::after;
use crate::domain::base::model::{AccountState, Timestamp};
use crate::domain::observed::packs::{Phase, Verb};
use crate::sim::standing::{Row, Standing};

/// Something that happened to one account.
#[derive(Debug, Clone, Copy)]
enum Event<'a> {
    Run(&'a Run),
    Joined(Stay),
    Left,
}

/// What stands in the way of an attempt.
enum Obstacle {
    /// The row fails.
    Fails(Cause),
    /// The member is passed over.
    Skipped,
    /// There is no recorder; AWS tries again until then.
    Waits(Timestamp),
}

/// A member's story so far.
#[derive(Debug, Default)]
struct Story {
    standing: Standing,
    /// Whether the pack is deployed there.
    has: bool,
    /// Failed attempts by failure of the plan.
    tries: Vec<(u64, u32)>,
}

impl<'a> Rollout<'a> {
    /// Where this member stands.
    pub(super) fn member(&self, number: usize) -> Standing {
        let Some(account) = self.members.get(number) else { return Standing::default() };
        let events = self.events(account);
        let ends = events.iter().skip(1).map(|(at, _)| *at).chain([self.look.at]);
        let mut story = Story::default();
        for ((at, event), until) in events.iter().zip(ends) {
            let scene = Scene { rollout: self, account, number, until: until.min(self.look.at) };
            match event {
                Event::Run(run) => scene.run(&mut story, run),
                Event::Joined(stay) => scene.join(&mut story, *at, *stay),
                Event::Left => scene.leave(&mut story, *at),
            }
        }
        story.standing
    }

    fn events(&self, account: &Account) -> Vec<(Timestamp, Event<'a>)> {
        let look = self.look;
        let created = self.incarnation.created();
        let runs = self.incarnation.runs(look).map(|run| (run.at, Event::Run(run)));
        let joins = account.stays.iter().map(|stay| (stay.joined, Event::Joined(*stay)));
        let leaves = account.stays.iter().filter_map(|stay| Some((stay.left?, Event::Left)));
        let activations = account.state.changes().filter_map(|(at, before, state)| {
            let activated =
                (before, state) == (&AccountState::PendingActivation, &AccountState::Active);
            let stay = account.stay(at).filter(|_| activated)?;
            Some((at, Event::Joined(stay)))
        });
        let mut events: Vec<_> = joins
            .chain(leaves)
            .chain(activations)
            .filter(|(at, _)| created < *at && *at <= look.at)
            .chain(runs)
            .collect();
        events.sort_by_key(|(at, _)| *at);
        events
    }
}

/// One event's effect on one account, told up to the next event.
struct Scene<'a, 'b> {
    rollout: &'b Rollout<'a>,
    account: &'b Account,
    number: usize,
    until: Timestamp,
}

impl Scene<'_, '_> {
    fn run(&self, story: &mut Story, run: &Run) {
        let fan_out = &self.rollout.knobs.fan_out;
        let Some(start) = run.start(fan_out, self.number) else { return };
        if self.account.stay(run.at).is_none() {
            return;
        }
        story.standing.by_membership = false;
        story.standing.unfinished = false;
        let wanted = run.act == Act::Put && !run.content.excluded.contains(&self.account.id);
        let nothing_to_do = !wanted && !story.has && story.standing.row.is_none();
        if nothing_to_do {
            return;
        }
        if self.until < start {
            story.standing.unfinished = true;
            return;
        }
        match (wanted, run.act) {
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
        let Rollout { incarnation, knobs, .. } = self.rollout;
        let tries = std::mem::take(&mut story.tries);
        *story = Story { tries, ..Story::default() };
        let last = incarnation.runs(self.rollout.look).filter(|run| run.at <= at).last();
        let Some(run) = last.filter(|run| run.act == Act::Put) else { return };
        if run.content.excluded.contains(&self.account.id) {
            return;
        }
        story.standing.by_membership = true;
        let start = after(at, knobs.joining.delay)
            .min(after(stay.joined_timestamp(), knobs.joining.window));
        if self.until < start {
            story.standing.unfinished = true;
        } else {
            self.deploy(story, run, start.max(at));
        }
    }

    fn leave(&self, story: &mut Story, at: Timestamp) {
        let knobs = self.rollout.knobs;
        story.standing.by_membership = true;
        story.standing.unfinished = false;
        if story.has {
            let end = after(at, knobs.fan_out.removal);
            self.finish_removal(story, at, end, None, knobs.joining.departed_linger);
        } else {
            story.standing.row = None;
        }
    }

    /// An attempt at `start`, repeated while AWS waits for a recorder.
    fn deploy(&self, story: &mut Story, run: &Run, start: Timestamp) {
        let verb = if story.has { Verb::Update } else { Verb::Create };
        let mut at = start;
        loop {
            let deadline = match self.obstacle(story, run, at) {
                None => return self.finish_deployment(story, run, (verb, at), None),
                Some(Obstacle::Fails(cause)) => {
                    return self.finish_deployment(story, run, (verb, at), Some(cause));
                }
                Some(Obstacle::Skipped) => return,
                Some(Obstacle::Waits(deadline)) => deadline,
            };
            let next = after(at, self.retry()).min(deadline);
            if self.until < next {
                return self.wait(story, verb, (start, at));
            }
            at = next;
            if at == deadline {
                return self.last_attempt(story, run, verb, at);
            }
        }
    }

    /// The attempt at the end of the window sees what was there just before it.
    fn last_attempt(&self, story: &mut Story, run: &Run, verb: Verb, deadline: Timestamp) {
        let region = &self.rollout.place.region;
        let recorder = self.account.recorder_before(region, deadline);
        if self.opens_gate(recorder) {
            self.finish_deployment(story, run, (verb, deadline), None);
        } else {
            let row =
                Row { verb, phase: Phase::Failed, cause: Some(no_recorder()), since: deadline };
            story.standing.row = Some(row);
            story.standing.unfinished = false;
        }
    }

    fn wait(&self, story: &mut Story, verb: Verb, (start, tried): (Timestamp, Timestamp)) {
        let waiting = self.rollout.knobs.joining.waiting;
        story.standing.unfinished = waiting == WaitingRow::InProgress;
        story.standing.by_membership = true;
        let row = |phase, cause, since| Some(Row { verb, phase, cause, since });
        match waiting {
            WaitingRow::InProgress => story.standing.row = row(Phase::InProgress, None, start),
            WaitingRow::Failed => {
                story.standing.row = row(Phase::Failed, Some(no_recorder()), tried);
            }
            WaitingRow::Absent => {}
        }
    }

    fn finish_deployment(
        &self,
        story: &mut Story,
        run: &Run,
        (verb, start): (Verb, Timestamp),
        cause: Option<Cause>,
    ) {
        let knobs = self.rollout.knobs;
        let end = after(start, knobs.fan_out.duration);
        let undeclared = knobs.undeclared_input == UndeclaredInput::MembersFail;
        let cause = cause.or_else(|| undeclared.then(|| causes::undeclared_input(run)).flatten());
        let standing = &mut story.standing;
        if self.until < end {
            standing.unfinished = true;
            standing.row = Some(Row { verb, phase: Phase::InProgress, cause: None, since: start });
            return;
        }
        standing.unfinished = false;
        let phase = if cause.is_some() { Phase::Failed } else { Phase::Successful };
        story.has |= cause.is_none();
        standing.row = Some(Row { verb, phase, cause, since: end });
    }

    fn remove(&self, story: &mut Story, run: &Run, start: Timestamp, linger: Duration) {
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
        cause: Option<Cause>,
        linger: Duration,
    ) {
        let verb = Verb::Delete;
        let standing = &mut story.standing;
        if self.until < end {
            standing.unfinished = true;
            standing.row = Some(Row { verb, phase: Phase::InProgress, cause: None, since: start });
            return;
        }
        standing.unfinished = false;
        if cause.is_some() {
            standing.row = Some(Row { verb, phase: Phase::Failed, cause, since: end });
            return;
        }
        story.has = false;
        let lingers = self.until < after(end, linger);
        let row = Row { verb, phase: Phase::Successful, cause: None, since: end };
        standing.row = lingers.then_some(row);
    }

    /// What stands in the way of a deployment at this moment.
    fn obstacle(&self, story: &mut Story, run: &Run, at: Timestamp) -> Option<Obstacle> {
        let Rollout { knobs, place, management, .. } = *self.rollout;
        let account = self.account;
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

    fn opens_gate(&self, recorder: Recorder) -> bool {
        match self.rollout.knobs.recorder_gate {
            RecorderGate::CustomerManaged => {
                matches!(recorder, Recorder::Stopped | Recorder::Recording | Recorder::Failing)
            }
            RecorderGate::Recording => {
                matches!(recorder, Recorder::Recording | Recorder::Failing)
            }
            RecorderGate::Any => recorder != Recorder::Missing,
        }
    }

    /// The failure of the plan that this attempt meets; it counts as one of its times.
    fn planned(&self, story: &mut Story, run: &Run, act: Act, at: Timestamp) -> Option<Cause> {
        let attempt = Attempt {
            account: &self.account.id,
            region: &self.rollout.place.region,
            pack: self.rollout.name,
            rules: &run.content.template.identifiers,
            act,
            at,
        };
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

    /// Packs and rules in this member with this run's own.
    fn load(&self, run: &Run) -> (usize, u32) {
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

fn passed(deviant: Deviant, cause: Cause) -> Obstacle {
    match deviant {
        Deviant::Fails => Obstacle::Fails(cause),
        Deviant::Skipped => Obstacle::Skipped,
    }
}
