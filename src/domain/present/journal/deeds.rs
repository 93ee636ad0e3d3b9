//! The steps of a reconciliation, by outcome.

use std::collections::BTreeMap;

use super::note::{Note, packs};
use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::PackName;
use crate::domain::plan::event::{EventKind, Weight};
use crate::domain::plan::outcome::{Outcome, StepResult};
use crate::domain::plan::step::ActionKind;
use crate::domain::present::plan_text;
use crate::domain::present::report::RegionReport;
use crate::domain::present::view::problem::unread_severity;

/// One note for all steps of one kind that ended alike.
pub(super) fn of(report: &RegionReport) -> Vec<Note> {
    let approvals = report.approvals.iter().map(|name| {
        let text = format!("the approval {name} permits losses in this region");
        Note::new(EventKind::Guard, Weight::Warning, text).at(&report.place.region)
    });
    let mut alike: BTreeMap<(ActionKind, String), Vec<&Outcome>> = BTreeMap::new();
    // What a stop left undone is no deed.
    for outcome in report.outcomes.iter().filter(|it| it.result != StepResult::NotStarted) {
        let ending = outcome.result.headline();
        alike.entry((outcome.step.action.kind(), ending)).or_default().push(outcome);
    }
    let deeds = alike.into_iter().map(|((kind, ending), outcomes)| {
        let named: Vec<&PackName> = outcomes.iter().map(|outcome| &outcome.step.pack).collect();
        let why = match outcomes.as_slice() {
            [outcome] => plan_text::why(&outcome.step),
            _ => None,
        };
        let said = outcomes.first().and_then(|outcome| words(&outcome.result));
        let more = why.as_deref().into_iter().chain(said).map(|text| format!("; {text}"));
        let text = format!("{}: {kind} {ending}{}", packs(&named), more.collect::<String>());
        let weights = outcomes.iter().map(|outcome| weight(&outcome.result));
        let weight = weights.max().unwrap_or(Weight::Normal);
        Note::new(EventKind::Mutation, weight, text).at(&report.place.region).of(&named)
    });
    approvals.chain(deeds).collect()
}

/// AWS's own words.
fn words(ending: &StepResult) -> Option<&str> {
    match ending {
        StepResult::Failed { kind: _, why } | StepResult::Unknown { kind: _, why } => Some(why),
        StepResult::Accepted { .. } | StepResult::NotStarted => None,
    }
}

fn weight(ending: &StepResult) -> Weight {
    match ending {
        // Another rollout is in progress: it is tried again.
        StepResult::Accepted { .. }
        | StepResult::NotStarted
        | StepResult::Failed { kind: FailureKind::InFlight, why: _ } => Weight::Normal,
        StepResult::Failed { kind, why: _ } if kind.is_final() => unread_severity(*kind).weight(),
        StepResult::Failed { .. } | StepResult::Unknown { .. } => Weight::Warning,
    }
}
