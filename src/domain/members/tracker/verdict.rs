//! From how everybody stands to whether a pack arrived.

use super::course::Course;
use super::people::People;
use crate::domain::base::model::AccountId;
use crate::domain::members::rollout::{Arrival, Verdict};
use crate::domain::observed::packs::Unseen;

/// How a pack arrived. `unseen`: why the region could not be looked at last.
pub(super) fn arrival(course: &Course, people: &People, unseen: Option<&Unseen>) -> Arrival {
    let survey = &course.survey;
    let (verdict, why) = verdict(course, people);
    let is_done = survey.counts.in_progress == 0 && survey.counts.waiting == 0;
    let mut whys: Vec<String> = why.into_iter().collect();
    whys.extend(notes(course));
    if verdict != Verdict::Unseen {
        whys.extend(people.doubt.clone());
    }
    whys.extend(unseen.map(|unseen| format!("the region could not be read: {}", unseen.why)));
    Arrival {
        verdict,
        why: (!whys.is_empty()).then(|| whys.join("; ")),
        aggregate_stuck: course.is_in_progress() && is_done && course.is_agreed(),
        expected: survey.expected,
        counts: survey.counts,
        classes: survey.classes.clone(),
        troubled: survey.troubled.clone(),
        truncated: survey.truncated,
        newcomers: survey.newcomers.clone(),
        management_missing: survey.management_missing,
        resynced: course.resynced,
        read: course.read,
    }
}

/// The first that applies, in the order that [`Verdict`] documents, and why it is no better.
pub(super) fn verdict(course: &Course, people: &People) -> (Verdict, Option<String>) {
    let counts = &course.survey.counts;
    let say = |verdict, why: &str| (verdict, Some(why.to_owned()));
    if course.is_deleting() {
        return (Verdict::Deleting, None);
    }
    if course.read.is_none() {
        return say(Verdict::Unseen, "its members were not read yet");
    }
    if counts.failed > 0 {
        return (Verdict::Degraded, None);
    }
    if people.list.is_none() {
        let why = people.doubt.as_deref().unwrap_or("the account list was not read yet");
        return say(Verdict::Unseen, why);
    }
    if counts.missing > 0 {
        return (Verdict::Missing, None);
    }
    if course.is_awaiting() {
        return say(Verdict::Converging, "AWS does not show the last write yet");
    }
    if counts.in_progress > 0 || counts.waiting > 0 {
        return (Verdict::Converging, None);
    }
    if course.resynced.is_none() {
        return say(Verdict::Unseen, "not all of its members were read yet");
    }
    if !course.is_resynced() {
        return say(Verdict::Converging, "its members were not all read since the last change");
    }
    if course.is_in_progress() && !course.is_agreed() {
        let why = "every account is done, and AWS says \"in progress\": a second reading decides";
        return say(Verdict::StuckAggregate, why);
    }
    if course.survey.old > 0 {
        let why = "rows are older than the last change: a second reading decides";
        return say(Verdict::Converging, why);
    }
    (Verdict::Converged, None)
}

/// What has to be said whatever the verdict.
fn notes(course: &Course) -> impl Iterator<Item = String> {
    let survey = &course.survey;
    let count = |found: Option<(usize, AccountId)>, one: &str, many: &str| {
        found.map(|(count, first)| match count {
            1 => format!("{one} {first}"),
            _ => format!("{many} {count} accounts, the first of them {first}"),
        })
    };
    let unknown = "shows a status that this version does not know";
    let unknown =
        count(survey.unknown, "the row of", "rows of").map(|who| format!("{who} {unknown}"));
    let stuck = count(survey.stuck, "excluded account", "excluded:")
        .map(|who| format!("{who}: AWS could not remove it there (DELETE_FAILED)"));
    let setback = course.setback.as_ref();
    let setback = setback
        .map(|setback| format!("members could not be read at {}: {}", setback.at, setback.why));
    let told = "AWS leaves out accounts that are wanted now, until the next Put";
    let told = (!course.told.is_empty()).then(|| told.to_owned());
    [unknown, stuck, told, setback].into_iter().flatten()
}
