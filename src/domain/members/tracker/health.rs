//! The health of a pack, computed from the status of its members.

use super::pack_state::PackState;
use super::tracked_members::TrackedMembers;
use crate::domain::base::model::AccountId;
use crate::domain::members::rollout::{CappedMembers, Rollout, RolloutHealth};
use crate::domain::observed::packs::Unknown;
use crate::domain::organization::membership::ListDoubt;

/// The rollout of a pack. `unknown`: why the region could not be read last.
pub(super) fn rollout(
    state: &PackState,
    people: &TrackedMembers,
    unknown: Option<&Unknown>,
) -> Rollout {
    let summary = &state.summary;
    let (health, why) = health(state, people);
    // In the counts, `waiting` members are new accounts without recorder, for which AWS still
    // works.
    let is_done = summary.counts.in_progress == 0 && summary.counts.waiting == 0;
    let mut whys: Vec<String> = why.into_iter().collect();
    whys.extend(notes(state));
    // An unknown health already names the missing list as its reason.
    if health != RolloutHealth::Unknown {
        whys.extend(people.freshness.doubt().map(ToString::to_string));
    }
    whys.extend(unknown.map(|unknown| format!("the region could not be read: {}", unknown.why)));
    Rollout {
        health,
        why: (!whys.is_empty()).then(|| whys.join("; ")),
        aggregate_stuck: state.is_in_progress() && is_done && state.is_agreed(),
        expected: summary.expected,
        counts: summary.counts,
        classes: summary.classes.clone(),
        troubled: summary.troubled.clone(),
        truncated: summary.truncated,
        new_accounts: summary.new_accounts.clone(),
        management_missing: summary.management_missing,
        unread: state.setback.as_ref().map(|setback| setback.kind),
        outdated: state.is_outdated(),
        unrecognized: summary.unrecognized.clone(),
        removals: summary.removals.clone(),
        resynced: state.resynced,
        read: state.read,
    }
}

/// The first health that applies, in the order that [`RolloutHealth`] documents, and why it is not
/// better.
pub(super) fn health(
    state: &PackState,
    people: &TrackedMembers,
) -> (RolloutHealth, Option<String>) {
    let counts = &state.summary.counts;
    let say = |health, why: &str| (health, Some(why.to_owned()));
    // AWS repeats no removal that failed: it stays until its reason is repaired.
    if state.is_deleting() {
        let is_stuck = !state.summary.removals.is_empty();
        let health = if is_stuck { RolloutHealth::Degraded } else { RolloutHealth::Deleting };
        return (health, None);
    }
    if state.read.is_none() {
        return say(RolloutHealth::Unknown, "its members were not read yet");
    }
    // Failures come before a missing account list: a failed row is proof without a list. Everything
    // below needs to know which accounts are expected.
    if counts.failed > 0 {
        return (RolloutHealth::Degraded, None);
    }
    if people.list.is_none() {
        let why = people.freshness.doubt().unwrap_or(&ListDoubt::NotRead);
        return say(RolloutHealth::Unknown, &why.to_string());
    }
    if people.is_without_active() && !state.is_going() {
        return say(RolloutHealth::Unknown, "no account of the organization is known to be active");
    }
    if counts.missing > 0 {
        return (RolloutHealth::Missing, None);
    }
    // Until AWS shows the last write, good rows belong to the content before it.
    if state.is_awaiting() {
        return say(RolloutHealth::Progressing, "AWS does not show the last write yet");
    }
    // Nothing is known of a member whose status is not recognized, however many others are done.
    if state.summary.unrecognized.all > 0 {
        return (RolloutHealth::Unknown, None);
    }
    // What was read before the change says nothing about what AWS does since.
    if state.is_outdated() {
        return say(RolloutHealth::Unknown, "its members could not be read since the last change");
    }
    if counts.in_progress > 0 || counts.waiting > 0 {
        return (RolloutHealth::Progressing, None);
    }
    if state.resynced.is_none() {
        return say(RolloutHealth::Unknown, "not all of its members were read yet");
    }
    if !state.is_resynced() {
        return say(
            RolloutHealth::Progressing,
            "its members were not all read since the last change",
        );
    }
    // Healthy has to be proven: the aggregate may be stuck, and rows from before the last Put do
    // not show that this content is deployed. A second resync settles both.
    if state.is_in_progress() && !state.is_agreed() {
        let why = "every account is done, but AWS reports \"in progress\": waiting for a \
            second reading";
        return say(RolloutHealth::StuckAggregate, why);
    }
    if state.summary.old > 0 {
        let why = "rows are older than the last change: waiting for a second reading";
        return say(RolloutHealth::Progressing, why);
    }
    (RolloutHealth::Healthy, None)
}

/// Notes that are shown with any health.
fn notes(state: &PackState) -> impl Iterator<Item = String> {
    let summary = &state.summary;
    let count = |found: Option<(usize, AccountId)>, one: &str, many: &str| {
        found.map(|(count, first)| match count {
            1 => format!("{one} {first}"),
            _ => format!("{many} {count} accounts, the first of them {first}"),
        })
    };
    let unknown = "shows a status that this version does not recognize";
    let of = |members: &CappedMembers| Some((members.all, members.kept.first()?.account));
    let unknown = count(of(&summary.unrecognized), "the row of", "rows of")
        .map(|who| format!("{who} {unknown}"));
    let removals = summary.removals.values().filter_map(of);
    let removals =
        removals.reduce(|(some, one), (more, other)| (some.saturating_add(more), one.min(other)));
    let stuck = count(removals, "account", "")
        .map(|who| format!("{}: AWS could not remove it there (DELETE_FAILED)", who.trim_start()));
    let setback = state.setback.as_ref();
    let setback = setback
        .map(|setback| format!("members could not be read at {:.0}: {}", setback.at, setback.why));
    let told = "AWS excludes accounts that should have the pack, until the next Put";
    let told = (!state.included_by_next_put.is_empty()).then(|| told.to_owned());
    [unknown, stuck, told, setback].into_iter().flatten()
}
