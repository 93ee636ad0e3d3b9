//! From desired and observed to a plan: pure, deterministic, one pack at a time.
//!
//! | wanted | observed | result |
//! |---|---|---|
//! | yes | absent | create; after it was seen in force, only when two observations agree |
//! | yes | not listed, but with a status | held until the list has had time to show it |
//! | yes | ours, equal | nothing; `LastUpdateTime` newer than after our Put: conflict, healed |
//! | yes | ours, different | update; put back after two observations when it was changed externally
//! |
//! | yes | ours, equal, members failed | put again if that helps (`remedy`), ever more rarely |
//! | yes | unmanaged | adopt if the manifest says so, else held |
//! | yes | another's, void marker | held |
//! | no | ours | delete after two observations; `Orphan`: left in place; not declared at all: held
//! until |
//! | | | its manifest says `state: Absent` or an approval names it, unless absence is evidence |
//! | no | anything else | ignored |
//!
//! A pack that AWS is working on, that was written lately, refused, or suspended is held with that
//! reason, and a step with losses waits for a source that was read whole. Mode and guard come
//! afterwards.

use std::collections::{BTreeMap, BTreeSet};

use super::desired::{Desired, DesiredEntry, DesiredPack, SourceTrust};
use super::diff::{PutContext, changes, losses};
use super::history::{PackHistory, SuspectContent};
use super::hold::{FirstObservation, Hold, HoldCause};
use super::hold_rules::{hold, region_hold, waiting};
use super::loss::{Loss, LossAt, Losses};
use super::redeploy::{RedeployCase, Remedy, Tries, remedy};
use super::region_plan::{Bystander, Plan, Weights};
use super::step::{Action, Change, PlanStep, Reason};
use crate::domain::base::model::{DeletionPolicy, Digest, Marker, PackName, Timestamp};
use crate::domain::base::untrusted::FAILURE_MAX;
use crate::domain::declared::snapshot::Absence;
use crate::domain::members::rollout::{Rollout, RolloutHealth};
use crate::domain::members::tracking::Tracking;
use crate::domain::observed::packs::{
    Observed, ObservedPack, Ownership, PackPhase, PacksObservation, RolloutStatus, StatusRecord,
    Verb,
};
use crate::domain::organization::account_list::AccountList;
use crate::domain::plan::decision::{Decision, PlanContext, PlanInputs};

/// Makes the plan.
pub fn plan(inputs: &PlanInputs<'_>, now: Timestamp) -> Plan {
    let mut plan = Plan {
        place: inputs.place.clone(),
        revision: inputs.desired.map(|desired| desired.revision.clone()),
        steps: Vec::new(),
        holds: Vec::new(),
        bystanders: BTreeMap::new(),
        weights: Weights::default(),
    };
    // An unknown region comes first: without an observation every desired pack would look missing
    // and every write would be planned blindly.
    let (seen, desired) = match (inputs.observed, inputs.desired) {
        (Observed::Unknown(unknown), _) => {
            plan.holds.push(region_hold(HoldCause::RegionUnknown(unknown.why.clone())));
            return plan;
        }
        (Observed::Seen(_), None) => {
            plan.holds.push(region_hold(HoldCause::SourceUnread));
            return plan;
        }
        (Observed::Seen(seen), Some(desired)) => (seen, desired),
    };
    let region = PlanContext {
        inputs,
        seen,
        desired,
        successors: successors(inputs.tracking, seen, desired),
        now,
    };
    for name in seen.packs.keys().chain(desired.packs.keys()).collect::<BTreeSet<_>>() {
        match region.decide(name) {
            Decision::InSync => plan.holds.extend(region.suspension(name)),
            Decision::Step(step) => plan.steps.push(*step),
            Decision::Hold(hold) => plan.holds.push(*hold),
            Decision::NotOurs(bystander) => {
                plan.bystanders.insert(name.clone(), bystander);
            }
        }
        plan.holds.extend(region.notice(name));
    }
    // Quota and refusals come after all decisions: the quota needs every create of the plan to
    // count the room that is left, and a refusal holds every step of the region, whatever its
    // reason.
    plan.weights = region.weights();
    region.respect_quota(&mut plan);
    region.respect_refusals(&mut plan);
    plan.holds.sort_by(|one, other| one.pack.cmp(&other.pack));
    plan
}

/// Desired packs that are not yet ours and deployed, by template: a pack that is not desired and
/// has the same template is the old name of a rename in progress.
// An owned pack and its successor have equal templates, since a rename changes only the name.
fn successors<'a>(
    tracking: &Tracking,
    seen: &PacksObservation,
    desired: &'a Desired,
) -> BTreeMap<Digest, &'a PackName> {
    let waiting = desired.packs.iter().filter_map(|(name, want)| {
        let DesiredEntry::Pack(want) = want else { return None };
        let have = seen.packs.get(name);
        let rollout = tracking.packs.get(name);
        let is_deployed = have.is_some_and(|have| holds(have, want.marker.template, rollout));
        (!is_deployed).then_some((want.marker.template, name))
    });
    waiting.collect()
}

/// Whether this pack is ours, holds this template, and is deployed: AWS reports success, or a
/// resync since the last write found it on every member. A stuck status proves nothing, however old
/// it is.
fn holds(have: &ObservedPack, template: Digest, rollout: Option<&Rollout>) -> bool {
    let is_ours = match &have.ownership {
        Ownership::Ours(marker) => marker.template == template,
        Ownership::Foreign(_) | Ownership::Void(_) | Ownership::Unmanaged => false,
    };
    let status = have.status.as_ref().map(|record| &record.status);
    let deployed = RolloutStatus::Known(Verb::Create, PackPhase::Successful);
    let updated = RolloutStatus::Known(Verb::Update, PackPhase::Successful);
    // AWS may report CREATE_IN_PROGRESS forever to a delegated administrator. Without the second
    // proof a rename would then never delete the old pack.
    let has_arrived = rollout.is_some_and(|rollout| {
        rollout.health == RolloutHealth::Healthy
            && rollout.resynced >= Some(have.record.last_update)
    });
    is_ours && (status == Some(&deployed) || status == Some(&updated) || has_arrived)
}

impl PlanContext<'_> {
    fn decide(&self, name: &PackName) -> Decision {
        let want = self.desired.packs.get(name);
        let have = self.seen.packs.get(name);
        match (want, have) {
            (None, None) => Decision::InSync,
            (Some(DesiredEntry::Unresolvable(stuck)), _) => {
                hold(name, HoldCause::Unresolvable(stuck.clone()))
            }
            (Some(DesiredEntry::Pack(want)), None) => self.missing(name, want),
            (Some(DesiredEntry::Pack(want)), Some(have)) => self.present(name, want, have),
            (None, Some(have)) => self.unwanted(name, have),
        }
    }

    pub(super) fn memory(&self, name: &PackName) -> Option<&PackHistory> {
        self.inputs.history.of(name)
    }

    pub(super) fn rollout(&self, name: &PackName) -> Option<&Rollout> {
        self.inputs.tracking.packs.get(name)
    }

    fn list(&self) -> Option<&AccountList> {
        self.desired.list.as_deref()
    }

    /// Decides about a pack that is desired and not listed.
    fn missing(&self, name: &PackName, want: &DesiredPack) -> Decision {
        let suspect = self.memory(name).and_then(|memory| memory.suspect);
        let step = PlanStep {
            pack: name.clone(),
            action: Action::Create(Box::new(want.content.clone())),
            reason: if suspect.is_some() { Reason::Vanished } else { Reason::Missing },
            changes: changes(want, None, self.list(), self.inputs.rules),
            marker_now: None,
            last_update: None,
            losses: Losses::default(),
        };
        // The list and the statuses of AWS are separately consistent: a status without a list entry
        // may belong to a pack that exists. Creating it could overwrite the pack of another
        // installation.
        let status = self.seen.unlisted.get(name);
        if let Some(hold) = self.put_holds(want, status, &step) {
            return hold;
        }
        if let Some(hold) = status.and_then(|record| self.unlisted(record, &step)) {
            return hold;
        }
        // A pack that was in force and is gone may be a short listing: a second observation has to
        // agree before it is put again.
        match suspect {
            None => Decision::Step(Box::new(step)),
            Some(SuspectContent { observed: _, since }) => {
                let (what, apart) = (FirstObservation::Vanished, self.inputs.pace.interval);
                self.restore(step, want, what, since, apart)
            }
        }
    }

    /// Decides about a pack that is desired and listed.
    fn present(&self, name: &PackName, want: &DesiredPack, have: &ObservedPack) -> Decision {
        // Ownership comes first: nothing below may apply to a pack that is not ours.
        let marker = match &have.ownership {
            Ownership::Ours(marker) => marker,
            Ownership::Unmanaged if want.adopt => return self.adoption(name, want, have),
            Ownership::Unmanaged => return hold(name, self.without_marker(name)),
            Ownership::Foreign(owner) => return hold(name, HoldCause::Foreign(owner.clone())),
            Ownership::Void(void) => return hold(name, HoldCause::Void(void.clone())),
        };
        // While AWS removes the pack, comparing it with the desired state is pointless: AWS would
        // refuse the update, and the pack is created again once it is gone.
        if let Some(hold) = self.leaving(name, have) {
            return hold;
        }
        let changes = changes(want, Some((have, Some(marker))), self.list(), self.inputs.rules);
        let suspect = self.memory(name).and_then(|memory| memory.suspect);
        let failure = have.status.as_ref().filter(|status| is_failed(status));
        // With differences, a failed deployment comes before an external change, since it carries
        // AWS's error. Without differences and external change only members are left to consider.
        let reason = match (changes.is_empty(), suspect, failure) {
            (true, Some(_), _) => Reason::ForeignWrite,
            (true, None, _) => return self.redeploy_members(name, marker, want, have),
            (false, _, Some(status)) => failed(status),
            (false, Some(_), None) => Reason::ForeignChange,
            (false, None, None) => Reason::Changed,
        };
        let step = PlanStep {
            pack: name.clone(),
            action: Action::Update(Box::new(want.content.clone())),
            reason,
            losses: self.losses(name, want, &changes),
            changes,
            marker_now: Some(marker.clone()),
            last_update: Some(have.record.last_update),
        };
        if let Some(hold) = self.put_holds(want, have.status.as_ref(), &step) {
            return hold;
        }
        match suspect {
            Some(suspect) => self.put_back(step, want, suspect),
            None => Decision::Step(Box::new(step)),
        }
    }

    /// Decides whether to redeploy a pack of ours that is in sync, for members that do not have it.
    fn redeploy_members(
        &self,
        name: &PackName,
        marker: &Marker,
        want: &DesiredPack,
        have: &ObservedPack,
    ) -> Decision {
        let status = have.status.as_ref();
        let last_update = Some(have.record.last_update);
        let is_at_work = status.is_some_and(|status| self.is_at_work(status, last_update));
        let (memory, none) = (self.memory(name), Tries::default());
        let PlanInputs { place, tracking, recorders, redeploy, pace, .. } = self.inputs;
        let case = RedeployCase {
            rollout: self.rollout(name),
            record: &have.record,
            status,
            new_accounts: &tracking.new_accounts,
            recorders: recorders.regions.get(&place.region),
            redeploy,
            tries: memory.map_or(&none, |memory| &memory.tries),
            put_last: memory.and_then(|memory| memory.put_last(want.content.fingerprint())),
            waits: (pace.retry_min, pace.retry_max),
        };
        let content = || Box::new(want.content.clone());
        let (action, reason, due) = match remedy(&case) {
            Remedy::Nothing | Remedy::Person { .. } => return Decision::InSync,
            // Members that failed so far may still succeed, and a redeployment may be in progress.
            // Another redeployment is shown as held: one new account can keep a rollout in progress
            // for hours.
            Remedy::Unread | Remedy::Retry { .. } if is_at_work => return Decision::InSync,
            Remedy::Redeploy { accounts, seen, .. }
                if is_at_work && case.tries.served(&accounts, &seen) =>
            {
                return Decision::InSync;
            }
            Remedy::Unread => return hold(name, HoldCause::MembersUnread),
            Remedy::Redeploy { accounts, seen, due } => {
                (Action::Redeploy(content()), Reason::Redeploy { accounts, seen }, due)
            }
            Remedy::Retry { classes, due } => {
                (Action::Update(content()), Reason::MembersFailed { classes }, due)
            }
        };
        let (pack, marker_now) = (name.clone(), Some(marker.clone()));
        let (changes, losses) = (Vec::new(), Losses::default());
        let step = PlanStep { pack, action, reason, changes, marker_now, last_update, losses };
        self.put_holds(want, status, &step).unwrap_or_else(|| self.not_before(step, due))
    }

    /// Why a pack without a marker is held.
    fn without_marker(&self, name: &PackName) -> HoldCause {
        match self.memory(name).and_then(PackHistory::replaced) {
            Some(put) => HoldCause::Replaced { put },
            None => HoldCause::Unmanaged,
        }
    }

    fn adoption(&self, name: &PackName, want: &DesiredPack, have: &ObservedPack) -> Decision {
        let changes = changes(want, Some((have, None)), self.list(), self.inputs.rules);
        let mut losses = self.losses(name, want, &changes);
        // AWS does not return the template of the pack, so its losses are unknown and need an
        // approval.
        losses.lost.insert(Loss::Adoption);
        let step = PlanStep {
            pack: name.clone(),
            action: Action::Adopt(Box::new(want.content.clone())),
            reason: match self.memory(name).and_then(PackHistory::replaced) {
                Some(_) => Reason::ForeignChange,
                None => Reason::Adoption,
            },
            changes,
            marker_now: None,
            last_update: Some(have.record.last_update),
            losses,
        };
        if let Some(hold) = self.put_holds(want, have.status.as_ref(), &step) {
            return hold;
        }
        match self.memory(name).and_then(|memory| memory.suspect) {
            // It was ours a moment ago: somebody overwrote it, marker and all.
            Some(suspect) => self.put_back(step, want, suspect),
            None => Decision::Step(Box::new(step)),
        }
    }

    /// Decides about a pack that is listed and not desired here.
    fn unwanted(&self, name: &PackName, have: &ObservedPack) -> Decision {
        let marker = match &have.ownership {
            Ownership::Ours(marker) => marker,
            Ownership::Unmanaged => return Decision::NotOurs(Bystander::Unmanaged),
            Ownership::Foreign(owner) => {
                return Decision::NotOurs(Bystander::Foreign(owner.clone()));
            }
            Ownership::Void(void) => return Decision::NotOurs(Bystander::Void(void.clone())),
        };
        // The policy is read from the marker, because the manifest that declared it is gone.
        if marker.policy == DeletionPolicy::Orphan {
            return hold(name, HoldCause::Orphaned);
        }
        let failure = have.status.as_ref().filter(|record| {
            matches!(record.status, RolloutStatus::Known(Verb::Delete, PackPhase::Failed))
        });
        let step = PlanStep {
            pack: name.clone(),
            action: Action::Delete,
            // A removal that AWS failed is repeated with a backoff and reported with AWS's error,
            // whatever asked for it first.
            reason: match failure {
                Some(record) => failed(record),
                None if self.desired.absent.contains_key(name) => Reason::Absent,
                None if self.desired.elsewhere.contains(name) => Reason::RegionDropped,
                None => Reason::Unwanted,
            },
            changes: Vec::new(),
            marker_now: Some(marker.clone()),
            last_update: Some(have.record.last_update),
            losses: Losses::of_pack(),
        };
        // This hold comes before the others: the guard counts a delete that only waits for AWS or
        // for a second observation, and must not count one that lacks evidence.
        if let Some(hold) = self.undeclared(&step) {
            return hold;
        }
        if let Some(hold) = self.delete_holds(have, &step) {
            return hold;
        }
        if failure.is_some()
            && let Decision::Hold(hold) = self.retry(step.clone(), have)
        {
            return Decision::Hold(hold);
        }
        if let Some(successor) = self.successors.get(&marker.template) {
            return waiting(step, HoldCause::Renaming((*successor).clone()), None);
        }
        match self.memory(name).and_then(|memory| memory.unwanted.as_ref()) {
            Some(unwanted) => {
                let (what, apart) = (FirstObservation::Unwanted, self.inputs.pace.interval);
                self.agree(step, what, unwanted.since, apart)
            }
            None => waiting(step, HoldCause::UnwantedOnce, None),
        }
    }

    /// What a Put over an existing pack takes away.
    fn losses(&self, name: &PackName, want: &DesiredPack, changes: &[Change]) -> Losses {
        let PlanInputs { place, window, elapsed, .. } = *self.inputs;
        // An approval that left the source and comes back still permits what it names.
        let permitted = window.rules_permitted(name, &place.region);
        // The names in an approval are not known while the source holds an error, or when an
        // earlier process without a record may have read it.
        let knows_names =
            self.desired.trust == SourceTrust::Whole && window.caution(elapsed).is_none();
        let scene = PutContext { place, list: self.list(), permitted, knows_names };
        losses(name, want, changes, self.inputs.rules, &scene)
    }

    /// Holds the delete of a pack that no manifest names here. A file that is gone or cut off is no
    /// evidence: it may have been lost by accident.
    fn undeclared(&self, step: &PlanStep) -> Option<Decision> {
        let is_declared = self.desired.absent.contains_key(&step.pack);
        // While the source holds an error, its declarations are not known: the source hold is
        // reported instead.
        let is_whole = self.desired.trust == SourceTrust::Whole;
        if is_declared || !is_whole || self.desired.absence == Absence::Atomic {
            return None;
        }
        let region = self.inputs.place.region.clone();
        let at = LossAt { region, pack: step.pack.clone(), loss: Loss::Pack };
        let PlanInputs { approvals, window, .. } = self.inputs;
        if approvals.covering(window, &at, step.last_update).is_some() {
            return None;
        }
        let why = if self.desired.elsewhere.contains(&step.pack) {
            HoldCause::UndeclaredHere
        } else {
            HoldCause::Undeclared
        };
        Some(waiting(step.clone(), why, None))
    }

    /// A notice about a pack that does not depend on the decision about it.
    fn notice(&self, name: &PackName) -> Option<Hold> {
        let DesiredEntry::Pack(want) = self.desired.packs.get(name)? else { return None };
        let why = HoldCause::LastGoodKept(want.invalid_now.clone()?);
        Some(Hold { pack: Some(name.clone()), why, until: None, step: None })
    }

    /// Says that a pack is suspended although nothing is to be done about it.
    fn suspension(&self, name: &PackName) -> Option<Hold> {
        let DesiredEntry::Pack(want) = self.desired.packs.get(name)? else { return None };
        let suspend = want.suspend.as_ref()?;
        suspend.until.is_none_or(|until| until > self.now).then(|| Hold {
            pack: Some(name.clone()),
            why: HoldCause::Suspended(suspend.reason.clone()),
            until: suspend.until,
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
        let unwanted: BTreeSet<PackName> =
            owned.iter().copied().filter(|name| !is_wanted(name)).cloned().collect();
        let owned_wanted = owned.len().saturating_sub(unwanted.len());
        Weights { owned: owned.len(), owned_wanted, unwanted, source_empty: self.desired.empty }
    }
}

fn is_failed(record: &StatusRecord) -> bool {
    matches!(record.status, RolloutStatus::Known(_, PackPhase::Failed))
}

fn failed(record: &StatusRecord) -> Reason {
    let cut = |text: &Option<String>| {
        text.as_ref().map(|text| text.chars().take(FAILURE_MAX).collect::<String>())
    };
    Reason::Failed { code: cut(&record.error_code), message: cut(&record.error_message) }
}

#[cfg(test)]
mod tests {
    use crate::domain::base::time::Pace;
    use crate::domain::declared::approval::Approvals;
    use crate::domain::observed::recorder::Recorders;
    use crate::domain::plan::effective_rules::HeldRules;
    use crate::domain::plan::history::History;
    use crate::domain::plan::redeploy::Redeploy;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::domain::base::model::Installation;
    use crate::domain::base::model::counted::DIGESTS;
    use crate::domain::base::model::{MARKER_PARAMETER, Marker, Place, ResultsBucket, Revision};
    use crate::domain::declared::snapshot::SourcePath;
    use crate::domain::declared::template::Template;
    use crate::domain::observed::content::Content;
    use crate::domain::observed::packs::{PackRecord, join};
    use crate::domain::organization::membership::ListFreshness;
    use crate::domain::plan::desired::SourceTrust;
    use crate::domain::plan::window::{LossWindow, SPAN};

    fn template() -> Template {
        let text = "Resources: {R: {Type: AWS::Config::ConfigRule, Properties: {ConfigRuleName: r, \
                    Source: {Owner: AWS, SourceIdentifier: R}}}}";
        Template::parse(&SourcePath::new("template.yaml").unwrap(), text).unwrap().0
    }

    /// A whole source in which nothing is declared yet.
    fn nothing() -> Desired {
        Desired {
            revision: Revision("r1".to_owned()),
            trust: SourceTrust::Whole,
            absence: Absence::Atomic,
            confirmed: true,
            confirms_at: None,
            empty: false,
            elsewhere: BTreeSet::new(),
            absent: BTreeMap::new(),
            packs: BTreeMap::new(),
            list: None,
            freshness: ListFreshness::Current,
        }
    }

    /// A region of this many packs: a third in sync, a third to be updated, a third unwanted.
    fn work(packs: usize) -> usize {
        let place = Place {
            account: "111111111111".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        };
        let installation: Installation = "main".parse().unwrap();
        let mut desired = nothing();
        let mut records = Vec::new();
        let template = Arc::new(template());
        for number in 0..packs {
            let name: PackName = format!("p{number}").parse().unwrap();
            let (policy, spot) = (DeletionPolicy::Delete, (&place, &name));
            let marker = Marker::new(installation.clone(), template.digest, 10, policy, spot);
            let mut inputs: BTreeMap<_, _> =
                [(MARKER_PARAMETER.to_owned(), marker.to_string())].into();
            let content = Content {
                body: Arc::from(""),
                inputs: inputs.clone(),
                excluded: BTreeSet::new(),
                delivery: ResultsBucket::default(),
            };
            if number % 3 != 0 {
                let (adopt, suspend, invalid_now) = (false, None, None);
                let (excluded, selects) = (BTreeMap::new(), false);
                let want = DesiredPack {
                    content,
                    template: Arc::clone(&template),
                    marker,
                    excluded,
                    selects,
                    adopt,
                    suspend,
                    invalid_now,
                    unended: None,
                };
                desired.packs.insert(name.clone(), DesiredEntry::Pack(Box::new(want)));
            }
            if number % 3 == 1 {
                inputs.insert("age".to_owned(), "90".to_owned());
            }
            let (excluded, delivery) = (BTreeSet::new(), ResultsBucket::default());
            let (arn, last_update) = (name.to_string(), Timestamp::UNIX_EPOCH);
            records.push(PackRecord { name, arn, last_update, inputs, excluded, delivery });
        }
        let before = DIGESTS.get();
        let seen = join(records, Vec::new(), &installation, &place);
        let (mut history, pace) = (History::default(), Pace::new(Duration::from_mins(15)));
        history.observe(&seen, &desired, Timestamp::UNIX_EPOCH, &pace);
        let observed = Observed::Seen(seen);
        let (templates, approvals) = (BTreeMap::new(), BTreeMap::new());
        let now = Timestamp::UNIX_EPOCH;
        let inputs = PlanInputs {
            place: &place,
            desired: Some(&desired),
            observed: &observed,
            history: &history,
            tracking: &Tracking::default(),
            recorders: &Recorders::default(),
            redeploy: &Redeploy::default(),
            pace: &pace,
            quota: 1_000,
            rules: &HeldRules::new(&place, None, &templates),
            approvals: Approvals { all: &approvals, now, aws_now: now },
            window: &LossWindow::with_record(SPAN, SPAN),
            elapsed: SPAN,
        };
        let plan = plan(&inputs, now);
        assert_eq!(plan.steps_with_held().count(), packs / 3 * 2);
        DIGESTS.get() - before
    }

    #[test]
    fn planning_twice_as_many_packs_is_twice_the_work() {
        assert_eq!(work(600), 2 * work(300));
        assert!(work(300) <= 300 * 5, "{} digests for 300 packs", work(300));
    }
}
