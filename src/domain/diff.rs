//! From desired and observed to a plan: pure, deterministic, one pack at a time.
//!
//! | wanted | observed | result |
//! |---|---|---|
//! | yes | absent | create; after it was seen in force, only when two looks agree |
//! | yes | ours, equal | nothing; `LastUpdateTime` newer than after our Put: contested, healed |
//! | yes | ours, different or failed | update |
//! | yes | unmanaged | adopt if the manifest says so, else held |
//! | yes | another's, void marker | held |
//! | no | ours | delete after two looks; `Orphan`: left in place |
//! | no | anything else | none of our business |
//!
//! Whatever AWS is working on, was written lately, was refused, or is paused is held with that
//! reason. Mode and guard come afterwards.

use std::collections::BTreeSet;

use super::content::fingerprint_of;
use super::desired::{Basis, Desired, DesiredPack, Stuck, Want};
use super::history::{History, Memory, Pace, Sight, after, backoff};
use super::model::{DeletionPolicy, MARKER_PARAMETER, Marker, PackName, Place, Timestamp};
use super::observed::{
    Observed, ObservedPack, Ownership, Phase, RolloutStatus, Seen, StatusRecord, Verb, VoidMarker,
};
use super::plan::{
    Action, Bystander, Change, Hold, HoldReason, ParameterValue, Plan, Reason, Step, TemplateMark,
    Weights,
};

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
        bystanders: std::collections::BTreeMap::new(),
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
    let region = Region { inputs, seen, desired, now };
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
    now: Timestamp,
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
        let step = Step {
            pack: name.clone(),
            action: Action::Create(Box::new(want.content.clone())),
            reason: Reason::Missing,
            changes: changes(want, None),
            marker_now: None,
            last_update: None,
        };
        let status = self.seen.unlisted.get(name);
        if let Some(hold) = self.common_holds(want, status, &step) {
            return hold;
        }
        let memory = self.memory(name);
        match memory.and_then(|memory| memory.suspect) {
            None => Decision::Take(Box::new(step)),
            Some((Sight::Absent | Sight::Holds(..), since)) => {
                let step = Step { reason: Reason::Vanished, ..step };
                let what = "it was in force and is not listed any more";
                self.agree(step, (what, since, self.inputs.pace.interval))
            }
        }
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
        if let Some(hold) = self.common_holds(want, have.status.as_ref(), &step) {
            return hold;
        }
        match (&step.reason, suspect) {
            (Reason::Failed { .. }, _) if step.changes.is_empty() => self.retry(step, have),
            (_, Some((_, since))) => self.heal(step, want, since),
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
        self.common_holds(want, have.status.as_ref(), &step)
            .unwrap_or_else(|| Decision::Take(Box::new(step)))
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
        let step = Step {
            pack: name.clone(),
            action: Action::Delete,
            reason: if self.desired.elsewhere.contains(name) {
                Reason::RegionDropped
            } else {
                Reason::Unwanted
            },
            changes: Vec::new(),
            marker_now: Some(marker.clone()),
            last_update: Some(have.record.last_update),
        };
        match &self.desired.basis {
            Basis::Whole => {}
            Basis::Invalid(why) => return waiting(step, HoldReason::Invalid, why.clone(), None),
            Basis::Unread(why) => return waiting(step, HoldReason::Source, why.clone(), None),
        }
        if let Some(hold) = self.write_holds(have.status.as_ref(), &step) {
            return hold;
        }
        if let Some(status) = have.status.as_ref().filter(|status| is_failed(status))
            && let RolloutStatus::Known(Verb::Delete, _) = status.status
            && let Decision::Hold(hold) = self.retry(step.clone(), have)
        {
            return Decision::Hold(hold);
        }
        if let Some(successor) = self.successor(marker) {
            let why = format!(
                "{successor} holds the same template and is not deployed yet; the old pack goes \
                 only after it"
            );
            return waiting(step, HoldReason::InProgress, why, None);
        }
        match self.memory(name).and_then(|memory| memory.unwanted.as_ref()) {
            Some((since, _)) => {
                let what = "no manifest wants it";
                self.agree(step, (what, *since, self.inputs.pace.interval))
            }
            None => waiting(step, HoldReason::SecondLook, "seen unwanted once".to_owned(), None),
        }
    }

    /// A wanted pack with the same template that AWS does not report as deployed: a rename in
    /// progress.
    fn successor(&self, marker: &Marker) -> Option<&PackName> {
        self.desired.packs.iter().find_map(|(name, want)| {
            let Want::Pack(want) = want else { return None };
            let deployed = self.seen.packs.get(name).and_then(|pack| pack.status.as_ref());
            let deployed = deployed.is_some_and(|record| {
                matches!(record.status, RolloutStatus::Known(_, Phase::Successful))
            });
            (want.marker.template == marker.template && !deployed).then_some(name)
        })
    }

    /// Holds that apply to every Put.
    fn common_holds(
        &self,
        want: &DesiredPack,
        status: Option<&StatusRecord>,
        step: &Step,
    ) -> Option<Decision> {
        if let Some(suspend) = &want.suspend
            && suspend.until.is_none_or(|until| until > self.now)
        {
            let why = format!("suspended: {}", suspend.reason);
            return Some(waiting(step.clone(), HoldReason::Suspended, why, suspend.until));
        }
        if let Some(hold) = self.write_holds(status, step) {
            return Some(hold);
        }
        let (refused, at, why) = self.memory(&step.pack)?.rejected.as_ref()?;
        let until = after(*at, self.inputs.pace.recheck);
        (*refused == want.content.fingerprint() && until > self.now).then(|| {
            let why = format!("AWS refused this content, change it: {why}");
            waiting(step.clone(), HoldReason::Rejected, why, Some(until))
        })
    }

    /// Holds that apply to every write.
    fn write_holds(&self, status: Option<&StatusRecord>, step: &Step) -> Option<Decision> {
        if let Some(record) = status.filter(|record| record.status.is_in_progress()) {
            let why = format!("AWS is working on it ({}) and takes no change", record.status);
            return Some(waiting(step.clone(), HoldReason::InProgress, why, None));
        }
        let memory = self.memory(&step.pack)?;
        if let Some(sent) = &memory.sent {
            let until = after(sent.at, self.inputs.pace.settle);
            let why = "written lately, AWS does not show it yet".to_owned();
            return Some(waiting(step.clone(), HoldReason::Settling, why, Some(until)));
        }
        let wait = memory.requeued.as_ref().filter(|wait| wait.until > self.now)?;
        let why = format!("the last try failed: {}", wait.why);
        Some(waiting(step.clone(), HoldReason::Retry, why, Some(wait.until)))
    }

    /// Waits until two looks this far apart agree.
    fn agree(
        &self,
        step: Step,
        (what, since, apart): (&str, Timestamp, std::time::Duration),
    ) -> Decision {
        let until = after(since, apart);
        if self.now >= until {
            return Decision::Take(Box::new(step));
        }
        let why = format!("{what}; a second look has to agree first");
        waiting(step, HoldReason::SecondLook, why, Some(until))
    }

    /// Puts back what somebody else changed: after a second look, once per interval, and not when
    /// it has become a fight.
    fn heal(&self, step: Step, want: &DesiredPack, since: Timestamp) -> Decision {
        let memory = self.memory(&step.pack);
        let content = want.content.fingerprint();
        let pace = self.inputs.pace;
        let Some(heal) = memory.and_then(|memory| memory.heal_not_before(content, self.now, pace))
        else {
            let what = "it is not what was last seen in force";
            return self.agree(step, (what, since, pace.look_again));
        };
        let why = match heal.puts {
            Some(puts) => format!(
                "somebody keeps changing it back: {puts} Puts within 6 hours; find the second \
                 writer (CloudTrail, PutOrganizationConformancePack)"
            ),
            None => {
                "somebody else wrote it lately; it is put back at most once per interval".to_owned()
            }
        };
        waiting(step, HoldReason::Contested, why, Some(heal.until))
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
        let code = match &step.reason {
            Reason::Failed { code: Some(code), message: _ } => format!(" ({code})"),
            Reason::Failed { code: None, message: _ }
            | Reason::Missing
            | Reason::Vanished
            | Reason::Adoption
            | Reason::Changed
            | Reason::ForeignChange
            | Reason::ForeignWrite
            | Reason::Unwanted
            | Reason::RegionDropped => String::new(),
        };
        let why = format!("the last run failed{code}; the next try comes later");
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

    fn weights(&self) -> Weights {
        let owned: Vec<&PackName> = self
            .seen
            .packs
            .iter()
            .filter(|(_, pack)| matches!(pack.ownership, Ownership::Ours(_)))
            .map(|(name, _)| name)
            .collect();
        let wanted = owned.iter().filter(|name| self.desired.packs.contains_key(**name)).count();
        Weights { owned: owned.len(), owned_wanted: wanted, source_empty: self.desired.empty }
    }

    /// Holds creates for which there is no room.
    fn respect_quota(&self, plan: &mut Plan) {
        let mut room = self.inputs.quota.saturating_sub(self.seen.packs.len());
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
                    "the region holds {} packs and AWS allows {}; nothing is deleted to make room",
                    self.seen.packs.len(),
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
            (Some(why), _) => (why.clone(), None),
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

/// Everything in which a pack differs from what is wanted.
fn changes(want: &DesiredPack, have: Option<(&ObservedPack, Option<&Marker>)>) -> Vec<Change> {
    let DesiredPack { content, marker, adopt: _, suspend: _, invalid_now: _ } = want;
    if have.is_some_and(|(have, _)| fingerprint_of(&have.record) == content.fingerprint()) {
        return Vec::new();
    }
    let record = have.map(|(have, _)| &have.record);
    let marker_now = have.and_then(|(_, marker)| marker);
    let mut changes = Vec::new();
    let new = TemplateMark { digest: marker.template, rules: marker.rules };
    let old = marker_now.map(|now| TemplateMark { digest: now.template, rules: now.rules });
    if old != Some(new) {
        changes.push(Change::Template { old, new });
    }
    let empty = std::collections::BTreeMap::new();
    let inputs_now = record.map_or(&empty, |record| &record.inputs);
    let names: BTreeSet<&String> = inputs_now.keys().chain(content.inputs.keys()).collect();
    for name in names.into_iter().filter(|name| *name != MARKER_PARAMETER) {
        let (old, new) = (inputs_now.get(name), content.inputs.get(name));
        if old != new {
            let value = |text: Option<&String>| text.map(|text| ParameterValue::new(text));
            let (old, new) = (value(old), value(new));
            changes.push(Change::Parameter { name: name.clone(), old, new });
        }
    }
    let nobody = BTreeSet::new();
    let excluded_now = record.map_or(&nobody, |record| &record.excluded);
    let entering: BTreeSet<_> = content.excluded.difference(excluded_now).cloned().collect();
    let leaving: BTreeSet<_> = excluded_now.difference(&content.excluded).cloned().collect();
    if !(entering.is_empty() && leaving.is_empty()) {
        changes.push(Change::Exclusions { entering, leaving });
    }
    let delivery_now = record.map(|record| record.delivery.clone()).unwrap_or_default();
    if delivery_now != content.delivery {
        changes.push(Change::Delivery { old: delivery_now, new: content.delivery.clone() });
    }
    if let Some(now) = marker_now.filter(|now| now.policy != marker.policy) {
        changes.push(Change::DeletionPolicy { old: now.policy, new: marker.policy });
    }
    changes
}
