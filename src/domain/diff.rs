//! From desired and observed to a plan: pure, deterministic, one pack at a time.
//!
//! | wanted | observed | result |
//! |---|---|---|
//! | yes | absent | create; after it was seen in force, only when two looks agree |
//! | yes | not listed, but with a status | held until the list has had time to show it |
//! | yes | ours, equal | nothing; `LastUpdateTime` newer than after our Put: contested, healed |
//! | yes | ours, different | update; put back after two looks when somebody else changed it |
//! | yes | ours, failed | update; unchanged content ever more rarely |
//! | yes | unmanaged | adopt if the manifest says so, else held |
//! | yes | another's, void marker | held |
//! | no | ours | delete after two looks; `Orphan`: left in place |
//! | no | anything else | none of our business |
//!
//! Whatever AWS is working on, was written lately, was refused, or is paused is held with that
//! reason, and whatever takes something away waits for a source that was read whole. Mode and
//! guard come afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::changes::changes;
use super::content::Content;
use super::desired::{Basis, Desired, DesiredPack, Stuck, Want};
use super::history::{History, Memory, Pace, Sent, after, backoff};
use super::model::{DeletionPolicy, Digest, PackName, Place, Timestamp};
use super::observed::{
    Observed, ObservedPack, Ownership, Phase, RolloutStatus, Seen, StatusRecord, Verb, VoidMarker,
};
use super::plan::{Action, Bystander, Hold, HoldReason, Plan, Reason, Step, Weights};

/// Everything a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// Where.
    pub place: &'a Place,
    /// What the region should hold; `None` while the source was never read.
    pub desired: Option<&'a Desired>,
    /// What it showed.
    pub observed: &'a Observed,
    /// What is remembered of it, this observation included.
    pub history: &'a History,
    /// How long things take.
    pub pace: &'a Pace,
    /// How many organization packs the region has room for.
    pub quota: usize,
}

/// Makes the plan.
pub fn plan(inputs: &Inputs<'_>, now: Timestamp) -> Plan {
    let mut plan = Plan {
        place: inputs.place.clone(),
        revision: inputs.desired.map(|desired| desired.revision.clone()),
        steps: Vec::new(),
        holds: Vec::new(),
        bystanders: BTreeMap::new(),
        weights: Weights::default(),
    };
    let (seen, desired) = match (inputs.observed, inputs.desired) {
        (Observed::Unseen(unseen), _) => {
            plan.holds.push(region_hold(HoldReason::Unseen, unseen.why.clone()));
            return plan;
        }
        (Observed::Seen(_), None) => {
            let why = "the source has not been read yet".to_owned();
            plan.holds.push(region_hold(HoldReason::Source, why));
            return plan;
        }
        (Observed::Seen(seen), Some(desired)) => (seen, desired),
    };
    let region = Region { inputs, seen, desired, successors: successors(seen, desired), now };
    for name in seen.packs.keys().chain(desired.packs.keys()).collect::<BTreeSet<_>>() {
        match region.decide(name) {
            Decision::Nothing => {}
            Decision::Take(step) => plan.steps.push(*step),
            Decision::Hold(hold) => plan.holds.push(*hold),
            Decision::Leave(bystander) => {
                plan.bystanders.insert(name.clone(), bystander);
            }
        }
        plan.holds.extend(region.notice(name));
    }
    plan.weights = region.weights();
    region.respect_quota(&mut plan);
    region.respect_refusals(&mut plan);
    plan.holds.sort_by(|one, other| one.pack.cmp(&other.pack));
    plan
}

fn region_hold(reason: HoldReason, why: String) -> Hold {
    Hold { pack: None, reason, why, until: None, step: None }
}

/// What is decided about one pack.
enum Decision {
    Nothing,
    Take(Box<Step>),
    Hold(Box<Hold>),
    Leave(Bystander),
}

/// One region at one moment.
struct Region<'a> {
    inputs: &'a Inputs<'a>,
    seen: &'a Seen,
    desired: &'a Desired,
    successors: BTreeMap<Digest, &'a PackName>,
    now: Timestamp,
}

/// Wanted packs that AWS does not report as deployed, by template: an unwanted pack with the same
/// template is the old name of a rename in progress.
fn successors<'a>(seen: &Seen, desired: &'a Desired) -> BTreeMap<Digest, &'a PackName> {
    let waiting = desired.packs.iter().filter_map(|(name, want)| {
        let Want::Pack(want) = want else { return None };
        let status = seen.packs.get(name).and_then(|pack| pack.status.as_ref());
        let is_deployed = status.is_some_and(|record| {
            matches!(
                record.status,
                RolloutStatus::Known(Verb::Create | Verb::Update, Phase::Successful)
            )
        });
        (!is_deployed).then_some((want.marker.template, name))
    });
    waiting.collect()
}

impl Region<'_> {
    fn decide(&self, name: &PackName) -> Decision {
        let want = self.desired.packs.get(name);
        let have = self.seen.packs.get(name);
        match (want, have) {
            (None, None) => Decision::Nothing,
            (Some(Want::Stuck(stuck)), _) => stuck_hold(name, stuck),
            (Some(Want::Pack(want)), None) => self.missing(name, want),
            (Some(Want::Pack(want)), Some(have)) => self.present(name, want, have),
            (None, Some(have)) => self.unwanted(name, have),
        }
    }

    fn memory(&self, name: &PackName) -> Option<&Memory> {
        self.inputs.history.of(name)
    }

    /// Wanted and not listed.
    fn missing(&self, name: &PackName, want: &DesiredPack) -> Decision {
        let suspect = self.memory(name).and_then(|memory| memory.suspect);
        let step = Step {
            pack: name.clone(),
            action: Action::Create(Box::new(want.content.clone())),
            reason: if suspect.is_some() { Reason::Vanished } else { Reason::Missing },
            changes: changes(want, None),
            marker_now: None,
            last_update: None,
        };
        let status = self.seen.unlisted.get(name);
        if let Some(hold) = self.put_holds(want, status, &step) {
            return hold;
        }
        if let Some(hold) = status.and_then(|record| self.unlisted(record, &step)) {
            return hold;
        }
        match suspect {
            None => Decision::Take(Box::new(step)),
            Some((_, since)) => {
                let what = "it was in force and is not listed any more";
                self.heal(step, want, (what, since, self.inputs.pace.interval))
            }
        }
    }

    /// Not listed, and yet AWS reports a status that is no removal: something of this name exists,
    /// and whose it is will be known when the list shows it.
    fn unlisted(&self, record: &StatusRecord, step: &Step) -> Option<Decision> {
        if matches!(record.status, RolloutStatus::Known(Verb::Delete, _)) {
            return None;
        }
        let until = record.last_update.map(|at| after(at, self.inputs.pace.settle));
        until.is_none_or(|until| until > self.now).then(|| {
            let why = format!("AWS reports {} for it and does not list it yet", record.status);
            waiting(step.clone(), HoldReason::Settling, why, until)
        })
    }

    /// Wanted and listed.
    fn present(&self, name: &PackName, want: &DesiredPack, have: &ObservedPack) -> Decision {
        let marker = match &have.ownership {
            Ownership::Ours(marker) => marker,
            Ownership::Unmanaged if want.adopt => return self.adoption(name, want, have),
            Ownership::Unmanaged => {
                let why = "a pack of this name exists without conformd's marker; set \
                           `spec.adopt: true` to take it over, or rename one of the two";
                return hold(name, HoldReason::Unmanaged, why.to_owned());
            }
            Ownership::Foreign(owner) => {
                let why = format!("installation {owner} of conformd owns it; it is never touched");
                return hold(name, HoldReason::Foreign, why);
            }
            Ownership::Void(void) => return hold(name, HoldReason::Foreign, void_text(void)),
        };
        if let Some(hold) = self.leaving(name, have) {
            return hold;
        }
        let changes = changes(want, Some((have, Some(marker))));
        let suspect = self.memory(name).and_then(|memory| memory.suspect);
        let reason = match (&have.status, suspect) {
            (Some(status), _) if is_failed(status) => failed(status),
            (_, Some(_)) if changes.is_empty() => Reason::ForeignWrite,
            (_, Some(_)) => Reason::ForeignChange,
            (_, None) if changes.is_empty() => return Decision::Nothing,
            (_, None) => Reason::Changed,
        };
        let step = Step {
            pack: name.clone(),
            action: Action::Update(Box::new(want.content.clone())),
            reason,
            changes,
            marker_now: Some(marker.clone()),
            last_update: Some(have.record.last_update),
        };
        if let Some(hold) = self.put_holds(want, have.status.as_ref(), &step) {
            return hold;
        }
        match (&step.reason, suspect) {
            (Reason::Failed { .. }, _) if step.changes.is_empty() => self.retry(step, have),
            (_, Some((_, since))) => self.put_back(step, want, since),
            _ => Decision::Take(Box::new(step)),
        }
    }

    fn adoption(&self, name: &PackName, want: &DesiredPack, have: &ObservedPack) -> Decision {
        let step = Step {
            pack: name.clone(),
            action: Action::Adopt(Box::new(want.content.clone())),
            reason: Reason::Adoption,
            changes: changes(want, Some((have, None))),
            marker_now: None,
            last_update: Some(have.record.last_update),
        };
        if let Some(hold) = self.put_holds(want, have.status.as_ref(), &step) {
            return hold;
        }
        match self.memory(name).and_then(|memory| memory.suspect) {
            // It was ours a moment ago: somebody overwrote it, marker and all.
            Some((_, since)) => self.put_back(step, want, since),
            None => Decision::Take(Box::new(step)),
        }
    }

    /// Listed, and no manifest wants it here.
    fn unwanted(&self, name: &PackName, have: &ObservedPack) -> Decision {
        let marker = match &have.ownership {
            Ownership::Ours(marker) => marker,
            Ownership::Unmanaged => return Decision::Leave(Bystander::Unmanaged),
            Ownership::Foreign(owner) => return Decision::Leave(Bystander::Foreign(owner.clone())),
            Ownership::Void(void) => return Decision::Leave(Bystander::Void(void.clone())),
        };
        if marker.policy == DeletionPolicy::Orphan {
            let why = "no manifest wants it and its deletion policy is Orphan: left in place";
            return hold(name, HoldReason::Orphaned, why.to_owned());
        }
        let failure = have.status.as_ref().filter(|record| {
            matches!(record.status, RolloutStatus::Known(Verb::Delete, Phase::Failed))
        });
        let step = Step {
            pack: name.clone(),
            action: Action::Delete,
            reason: match failure {
                Some(record) => failed(record),
                None if self.desired.elsewhere.contains(name) => Reason::RegionDropped,
                None => Reason::Unwanted,
            },
            changes: Vec::new(),
            marker_now: Some(marker.clone()),
            last_update: Some(have.record.last_update),
        };
        if let Some(hold) = self.delete_holds(have, &step) {
            return hold;
        }
        if let Some(successor) = self.successors.get(&marker.template) {
            let why = format!(
                "{successor} holds the same template and is not deployed yet; the old pack goes \
                 only after it"
            );
            return waiting(step, HoldReason::InProgress, why, None);
        }
        match self.memory(name).and_then(|memory| memory.unwanted.as_ref()) {
            Some((since, _)) => {
                let agreed =
                    self.agree(step, ("no manifest wants it", *since, self.inputs.pace.interval));
                match agreed {
                    Decision::Take(step) if failure.is_some() => self.retry(*step, have),
                    agreed => agreed,
                }
            }
            None => waiting(step, HoldReason::SecondLook, "seen unwanted once".to_owned(), None),
        }
    }

    /// Whether its removal runs already: there is nothing to do but to wait, and to create it
    /// again when it is wanted.
    fn leaving(&self, name: &PackName, have: &ObservedPack) -> Option<Decision> {
        if have.status.as_ref().is_some_and(is_leaving) {
            let why = "AWS is removing it".to_owned();
            return Some(hold(name, HoldReason::InProgress, why));
        }
        let sent = self.memory(name)?.sent.filter(|sent| sent.content.is_none())?;
        Some(Decision::Hold(Box::new(Hold {
            pack: Some(name.clone()),
            reason: HoldReason::Settling,
            why: "its removal was sent, AWS does not show it yet".to_owned(),
            until: Some(after(sent.at, self.inputs.pace.settle)),
            step: None,
        })))
    }

    /// Holds that apply to every delete.
    fn delete_holds(&self, have: &ObservedPack, step: &Step) -> Option<Decision> {
        if let Some(hold) = self.leaving(&step.pack, have) {
            return Some(hold);
        }
        if let Some(hold) = self.write_holds(have.status.as_ref(), step) {
            return Some(hold);
        }
        let record = have.status.as_ref()?;
        let RolloutStatus::Unknown(status) = &record.status else { return None };
        let why = format!("AWS reports {status:?}, which this version does not know");
        Some(waiting(step.clone(), HoldReason::InProgress, why, None))
    }

    /// Holds that apply to every Put.
    fn put_holds(
        &self,
        want: &DesiredPack,
        status: Option<&StatusRecord>,
        step: &Step,
    ) -> Option<Decision> {
        if let Some(suspend) = &want.suspend
            && suspend.until.is_none_or(|until| until > self.now)
        {
            let why = suspend.reason.clone();
            return Some(waiting(step.clone(), HoldReason::Suspended, why, suspend.until));
        }
        if let Some(hold) = self.write_holds(status, step) {
            return Some(hold);
        }
        let memory = self.memory(&step.pack)?;
        let content = want.content.fingerprint();
        if let Some((refused, at, why)) = &memory.rejected {
            let until = after(*at, self.inputs.pace.recheck);
            if *refused == content && until > self.now {
                let why = format!("AWS refused this content, change it: {why}");
                return Some(waiting(step.clone(), HoldReason::Rejected, why, Some(until)));
            }
        }
        let fight = memory.fight(content, self.now)?;
        let why = format!(
            "somebody keeps changing it back: {} Puts within 6 hours; find the second writer \
             (CloudTrail, PutOrganizationConformancePack)",
            fight.puts
        );
        Some(waiting(step.clone(), HoldReason::Contested, why, Some(fight.until)))
    }

    /// Holds that apply to every write.
    fn write_holds(&self, status: Option<&StatusRecord>, step: &Step) -> Option<Decision> {
        if let Some(hold) = self.basis_hold(step) {
            return Some(hold);
        }
        if let Some(record) = status.filter(|record| record.status.is_in_progress()) {
            let why = format!("AWS is working on it ({}) and takes no change", record.status);
            return Some(waiting(step.clone(), HoldReason::InProgress, why, None));
        }
        let memory = self.memory(&step.pack)?;
        let wanted = step.action.content().map(Content::fingerprint);
        if let Some(sent) = memory.sent.filter(|sent| !is_overtaken(sent, wanted)) {
            let until = after(sent.at, self.inputs.pace.settle);
            let why = "written lately, AWS does not show it yet".to_owned();
            return Some(waiting(step.clone(), HoldReason::Settling, why, Some(until)));
        }
        let wait = memory.requeued.as_ref().filter(|wait| wait.until > self.now)?;
        let why = format!("the last try failed: {}", wait.why);
        Some(waiting(step.clone(), HoldReason::Retry, why, Some(wait.until)))
    }

    /// Nothing is taken away on the strength of a source that was not read whole (I-S1, I-S2).
    fn basis_hold(&self, step: &Step) -> Option<Decision> {
        let (reason, why) = match &self.desired.basis {
            Basis::Whole => return None,
            Basis::Invalid(why) => (HoldReason::Invalid, why),
            Basis::Unread(why) => (HoldReason::Source, why),
        };
        (!step.losses().is_empty()).then(|| waiting(step.clone(), reason, why.clone(), None))
    }

    /// Waits until two looks this far apart agree.
    fn agree(&self, step: Step, (what, since, apart): (&str, Timestamp, Duration)) -> Decision {
        let until = after(since, apart);
        if self.now >= until {
            return Decision::Take(Box::new(step));
        }
        let why = format!("{what}; a second look has to agree first");
        waiting(step, HoldReason::SecondLook, why, Some(until))
    }

    /// Puts back what somebody else changed. A sight that is no newer than what was in force may
    /// come from an old snapshot, so it has to last.
    fn put_back(&self, step: Step, want: &DesiredPack, since: Timestamp) -> Decision {
        let pace = self.inputs.pace;
        let is_stale = self.memory(&step.pack).is_some_and(Memory::looks_stale);
        let apart = if is_stale { pace.interval } else { pace.look_again };
        self.heal(step, want, ("it is not what was last seen in force", since, apart))
    }

    /// Undoes what somebody else did: once per interval, and after a second look.
    fn heal(&self, step: Step, want: &DesiredPack, look: (&str, Timestamp, Duration)) -> Decision {
        let (content, pace) = (want.content.fingerprint(), self.inputs.pace);
        let memory = self.memory(&step.pack);
        match memory.and_then(|memory| memory.heal_not_before(content, self.now, pace)) {
            None => self.agree(step, look),
            Some(until) => {
                let why = "somebody else wrote it after us; it is put back at most once per \
                           interval";
                waiting(step, HoldReason::Contested, why.to_owned(), Some(until))
            }
        }
    }

    /// Puts a failed deployment again, ever more rarely, counted from AWS's own time stamp.
    fn retry(&self, step: Step, have: &ObservedPack) -> Decision {
        let tried = self.memory(&step.pack).map_or(0, |memory| memory.retries);
        let pace = self.inputs.pace;
        let status = have.status.as_ref().and_then(|status| status.last_update);
        let last = status.map_or(have.record.last_update, |at| at.max(have.record.last_update));
        let until = after(last, backoff(pace.retry_min, tried, pace.retry_max));
        if self.now >= until {
            return Decision::Take(Box::new(step));
        }
        let why = "the last run failed; the next try comes later".to_owned();
        waiting(step, HoldReason::Retry, why, Some(until))
    }

    /// What must be said of a pack besides what is done with it.
    fn notice(&self, name: &PackName) -> Option<Hold> {
        let Want::Pack(want) = self.desired.packs.get(name)? else { return None };
        let why = want.invalid_now.as_ref()?;
        Some(Hold {
            pack: Some(name.clone()),
            reason: HoldReason::Invalid,
            why: format!("its manifest is invalid, the last good form stays in force: {why}"),
            until: None,
            step: None,
        })
    }

    /// A pack that was orphaned on purpose is forgotten: it says nothing about the source.
    fn weights(&self) -> Weights {
        let is_wanted = |name: &PackName| self.desired.packs.contains_key(name);
        let owned = self.seen.packs.iter().filter(|(name, pack)| match &pack.ownership {
            Ownership::Ours(marker) => is_wanted(name) || marker.policy == DeletionPolicy::Delete,
            Ownership::Foreign(_) | Ownership::Void(_) | Ownership::Unmanaged => false,
        });
        let owned: Vec<&PackName> = owned.map(|(name, _)| name).collect();
        let owned_wanted = owned.iter().filter(|name| is_wanted(name)).count();
        Weights { owned: owned.len(), owned_wanted, source_empty: self.desired.empty }
    }

    /// Holds creates for which there is no room.
    fn respect_quota(&self, plan: &mut Plan) {
        let coming = self.desired.packs.keys().filter(|name| {
            let sent = self.memory(name).and_then(|memory| memory.sent);
            !self.seen.packs.contains_key(*name) && sent.is_some_and(|sent| sent.content.is_some())
        });
        let taken = self.seen.packs.len().saturating_add(coming.count());
        let mut room = self.inputs.quota.saturating_sub(taken);
        let refused = self.inputs.history.quota.as_ref().filter(|wait| wait.until > self.now);
        let (mut kept, mut held) = (Vec::new(), Vec::new());
        for step in std::mem::take(&mut plan.steps) {
            if !matches!(step.action, Action::Create(_)) {
                kept.push(step);
            } else if let Some(wait) = refused {
                let why = format!("AWS has no room for another pack: {}", wait.why);
                held.push((step, why, Some(wait.until)));
            } else if room == 0 {
                let why = format!(
                    "AWS allows {} packs in a region; nothing is deleted to make room",
                    self.inputs.quota
                );
                held.push((step, why, None));
            } else {
                room = room.saturating_sub(1);
                kept.push(step);
            }
        }
        plan.steps = kept;
        plan.holds.extend(
            held.into_iter()
                .map(|(step, why, until)| step_hold(step, HoldReason::Quota, why, until)),
        );
    }

    /// Holds everything while the caller may not write here, or must not.
    fn respect_refusals(&self, plan: &mut Plan) {
        let history = self.inputs.history;
        let denied = history.denied.as_ref().filter(|wait| wait.until > self.now);
        let (why, until) = match (&history.stopped, denied) {
            (Some(why), _) => {
                plan.holds.push(region_hold(HoldReason::Denied, why.clone()));
                ("writes have stopped here".to_owned(), None)
            }
            (None, Some(wait)) => {
                (format!("writes are refused here: {}", wait.why), Some(wait.until))
            }
            (None, None) => return,
        };
        let steps = std::mem::take(&mut plan.steps);
        plan.holds.extend(
            steps.into_iter().map(|step| step_hold(step, HoldReason::Denied, why.clone(), until)),
        );
    }
}

fn stuck_hold(name: &PackName, stuck: &Stuck) -> Decision {
    match stuck {
        Stuck::Invalid(why) => hold(name, HoldReason::Invalid, why.clone()),
        Stuck::Unsupported(why) => hold(name, HoldReason::Unsupported, why.clone()),
    }
}

fn hold(name: &PackName, reason: HoldReason, why: String) -> Decision {
    let pack = Some(name.clone());
    Decision::Hold(Box::new(Hold { pack, reason, why, until: None, step: None }))
}

fn waiting(step: Step, reason: HoldReason, why: String, until: Option<Timestamp>) -> Decision {
    Decision::Hold(Box::new(step_hold(step, reason, why, until)))
}

fn step_hold(step: Step, reason: HoldReason, why: String, until: Option<Timestamp>) -> Hold {
    Hold { pack: Some(step.pack.clone()), reason, why, until, step: Some(Box::new(step)) }
}

/// What a void marker means, in words.
pub fn void_text(void: &VoidMarker) -> String {
    match void {
        VoidMarker::Copied => "its marker was written for another pack or place (a copy); it is \
                               never touched"
            .to_owned(),
        VoidMarker::Unreadable(problem) => format!("{problem}; it is never touched"),
    }
}

/// Whether the content that was sent is not what is wanted any more: AWS takes the new one, or says
/// that it is busy. A write that nobody confirmed could still arrive, so it is waited for.
fn is_overtaken(sent: &Sent, wanted: Option<Digest>) -> bool {
    sent.accepted && sent.content.is_some() && wanted.is_some() && sent.content != wanted
}

/// Whether AWS is removing it, or says that it has.
fn is_leaving(record: &StatusRecord) -> bool {
    matches!(
        record.status,
        RolloutStatus::Known(Verb::Delete, Phase::InProgress | Phase::Successful)
    )
}

fn is_failed(record: &StatusRecord) -> bool {
    matches!(record.status, RolloutStatus::Known(_, Phase::Failed))
}

fn failed(record: &StatusRecord) -> Reason {
    let cut = |text: &Option<String>| {
        text.as_ref().map(|text| text.chars().take(FOREIGN_TEXT_MAX).collect::<String>())
    };
    Reason::Failed { code: cut(&record.error_code), message: cut(&record.error_message) }
}

/// Foreign text is cut at this many characters (reliability A-15: 512).
const FOREIGN_TEXT_MAX: usize = 512;
