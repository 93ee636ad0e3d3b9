//! Whether a plan is still the one that was shown: pure.
//!
//! Times and texts of holds may differ, since they change while the user reads. Steps, holds and
//! their reasons may not.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::base::model::{PackName, Region};
use crate::domain::declared::approval::Approval;
use crate::domain::plan::hold::HoldReason;
use crate::domain::plan::loss::LossAt;
use crate::domain::plan::region_plan::Plan;
use crate::domain::plan::step::PlanStep;

/// What a plan says of one pack, or of a whole region.
#[derive(Debug, Default, PartialEq, Eq)]
struct HoldLine<'a> {
    /// What would be done.
    taken: Option<&'a PlanStep>,
    /// What is held, and for which reason.
    held: Vec<(HoldReason, Option<&'a PlanStep>)>,
}

type HoldLines<'a> = BTreeMap<(&'a Region, Option<&'a PackName>), HoldLine<'a>>;

fn lines<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> HoldLines<'a> {
    let mut lines = HoldLines::new();
    for Plan { place, steps, holds, .. } in plans {
        for step in steps {
            lines.entry((&place.region, Some(&step.pack))).or_default().taken = Some(step);
        }
        for hold in holds {
            let line = lines.entry((&place.region, hold.pack.as_ref())).or_default();
            line.held.push((hold.reason(), hold.step.as_deref()));
        }
    }
    for line in lines.values_mut() {
        line.held.sort_by_key(|(reason, _)| *reason);
    }
    lines
}

impl<'a> HoldLine<'a> {
    /// The change that this is about, whether it may be made or waits.
    fn step(&self) -> Option<&'a PlanStep> {
        self.taken.or_else(|| self.held.iter().find_map(|(_, step)| *step))
    }

    /// In a few words.
    fn say(&self) -> String {
        let taken = self.taken.map(|step| step.action.kind().to_string());
        let held = self.held.iter().map(|(reason, step)| match step {
            Some(step) => format!("{} held ({reason})", step.action.kind()),
            None => format!("held ({reason})"),
        });
        let all: Vec<String> = taken.into_iter().chain(held).collect();
        if all.is_empty() { "no change".to_owned() } else { all.join(", ") }
    }
}

/// Whether the only difference is that the approval typed at the terminal permits what waited for
/// one: the same step, that is not held for that any more.
fn is_permitted(
    region: &Region,
    shown: &HoldLine<'_>,
    now: &HoldLine<'_>,
    typed: &Approval,
) -> bool {
    // The step itself has to be equal: the typed number permits the losses that were shown, and no
    // others.
    let waited = shown
        .held
        .iter()
        .any(|(reason, _)| matches!(reason, HoldReason::Guard | HoldReason::Undeclared));
    let (Some(before), Some(after)) = (shown.step(), now.step()) else { return false };
    let at = |loss| LossAt { region: region.clone(), pack: before.pack.clone(), loss };
    let mut losses = before.losses.lost.iter().cloned().map(at);
    waited
        && before == after
        && losses.all(|loss| typed.permits.iter().any(|permit| permit.covers(&loss)))
}

/// In what a plan differs from the one that was shown, a sentence each; nothing if it is the same.
pub(super) fn differences<'a>(
    shown: impl IntoIterator<Item = &'a Plan>,
    now: impl IntoIterator<Item = &'a Plan>,
    typed: Option<&Approval>,
) -> Vec<String> {
    let (shown, now) = (lines(shown), lines(now));
    let nothing = HoldLine::default();
    let keys: BTreeSet<_> = shown.keys().chain(now.keys()).copied().collect();
    let differing = keys.into_iter().filter_map(|(region, pack)| {
        let before = shown.get(&(region, pack)).unwrap_or(&nothing);
        let after = now.get(&(region, pack)).unwrap_or(&nothing);
        if before == after || typed.is_some_and(|typed| is_permitted(region, before, after, typed))
        {
            return None;
        }
        let what = pack.map_or("the whole region", PackName::as_str);
        let (was, is) = (before.say(), after.say());
        // Equal words hide a difference in content, so the sentence says that there is one.
        Some(if was == is {
            format!("{what} in {region}: {is}, with other content or over another state")
        } else {
            format!("{what} in {region}: shown was {was}, now it is {is}")
        })
    });
    differing.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::base::model::{Place, Timestamp};
    use crate::domain::plan::hold::{Hold, HoldCause};
    use crate::domain::plan::loss::Losses;
    use crate::domain::plan::pending_approval::{HeldLosses, PendingApproval};
    use crate::domain::plan::region_plan::Weights;
    use crate::domain::plan::step::{Action, Reason};
    use crate::domain::present::approval_document::{ApprovalText, LIFE, WaitingLosses};

    fn step(pack: &str, update: i64) -> PlanStep {
        PlanStep {
            pack: pack.parse().unwrap(),
            action: Action::Delete,
            reason: Reason::Absent,
            changes: vec![],
            marker_now: None,
            last_update: Some(Timestamp::from_second(update).unwrap()),
            losses: Losses::of_pack(),
        }
    }

    fn hold(step: PlanStep, why: HoldCause, until: i64) -> Hold {
        let until = Timestamp::from_second(until).ok();
        Hold { pack: Some(step.pack.clone()), why, until, step: Some(Box::new(step)) }
    }

    fn plan(steps: Vec<PlanStep>, holds: Vec<Hold>) -> Plan {
        let place = Place {
            account: "111111111111".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        };
        let (bystanders, weights) = (BTreeMap::new(), Weights::default());
        Plan { place, revision: None, steps, holds, bystanders, weights }
    }

    fn typed(packs: &[&str]) -> Approval {
        let at = |pack: &&str| LossAt {
            region: "eu-west-1".parse().unwrap(),
            pack: pack.parse().unwrap(),
            loss: crate::domain::plan::loss::Loss::Pack,
        };
        let losses = packs.iter().map(at).collect();
        let waiting = WaitingLosses::reported(losses, BTreeMap::new(), vec![]);
        waiting.approval(ApprovalText { reason: None, made: Timestamp::UNIX_EPOCH, life: LIFE })
    }

    fn check(shown: &Plan, now: &Plan, typed: Option<&Approval>) -> Vec<String> {
        differences([shown], [now], typed)
    }

    #[test]
    fn words_and_moments_of_a_hold_may_change_and_nothing_else() {
        let held = |why, until| hold(step("a", 1), why, until);
        let (one, two) = (HoldCause::ReadOnce, HoldCause::UnwantedOnce);
        let shown = plan(vec![step("b", 1)], vec![held(one.clone(), 10)]);
        assert_eq!(check(&shown, &plan(vec![step("b", 1)], vec![held(two, 20)]), None), [""; 0]);
        let taken = plan(vec![step("a", 1), step("b", 1)], vec![]);
        let now = "a in eu-west-1: shown was delete held (unconfirmed), now it is delete";
        assert_eq!(check(&shown, &taken, None), [now]);
        let gone = plan(vec![], vec![held(one, 10)]);
        assert_eq!(
            check(&shown, &gone, None),
            ["b in eu-west-1: shown was delete, now it is no change"]
        );
    }

    #[test]
    fn a_pack_that_another_writer_changed_meanwhile_is_another_plan() {
        let (shown, now) = (plan(vec![step("a", 1)], vec![]), plan(vec![step("a", 2)], vec![]));
        let differing = "a in eu-west-1: delete, with other content or over another state";
        assert_eq!(check(&shown, &now, None), [differing]);
    }

    #[test]
    fn what_was_typed_explains_that_a_loss_is_not_held_and_explains_nothing_else() {
        let held = |pack, why| hold(step(pack, 1), why, 1);
        let guard = HoldCause::Guard(Arc::new(HeldLosses {
            region: "eu-west-1".parse().unwrap(),
            pending: PendingApproval { trips: vec![], losses: BTreeMap::new() },
            void: BTreeSet::new(),
        }));
        let shown = plan(vec![], vec![held("a", guard), held("b", HoldCause::Undeclared)]);
        let now = plan(vec![step("a", 1)], vec![held("b", HoldCause::ReadOnce)]);
        assert_eq!(check(&shown, &now, None).len(), 2);
        assert_eq!(check(&shown, &now, Some(&typed(&["a", "b"]))), [""; 0]);
        assert_eq!(check(&shown, &now, Some(&typed(&["a"]))).len(), 1);
        let other = plan(vec![step("a", 2)], vec![held("b", HoldCause::Undeclared)]);
        assert_eq!(check(&shown, &other, Some(&typed(&["a", "b"]))).len(), 1);
        let denied = plan(vec![step("c", 1)], shown.holds.clone());
        assert_eq!(check(&shown, &denied, Some(&typed(&["a", "b", "c"]))).len(), 1);
    }
}
