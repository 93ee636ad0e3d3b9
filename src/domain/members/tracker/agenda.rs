//! What to read next: who may have changed first, everybody in the end, nothing without need.
//!
//! A healthy pack that nothing touches costs one slow resync. Readings that failed are tried
//! again ever more rarely; the rate of calls is the limiter's.

use std::time::Duration;

use super::health::health;
use super::pack_state::{AGREE, PackState};
use super::people::TrackedMembers;
use super::reading::{FILTERS, MemberRequest, PAGE};
use super::summary::{MemberSummary, RowToRead};
use crate::domain::base::model::{PackName, Timestamp};
use crate::domain::base::time::{Pace, after, backoff};
use crate::domain::members::rollout::RolloutHealth;

/// How often members are read (settings: `intervals.failureResync`, `intervals.fullResync`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resyncs {
    /// Between two readings of the members in trouble, and of those whose window is open.
    pub trouble: Duration,
    /// Between two readings of everybody.
    pub full: Duration,
}

/// What comes first when several readings are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// A command waits for it.
    Command,
    /// It changed lately, or a run is on its way.
    Changed,
    /// Somebody joined lately.
    NewAccount,
    /// It is in trouble as before.
    Trouble,
    /// A health waits for a reading of everybody.
    Health,
    /// Everybody is read from time to time.
    Routine,
}

/// A reading, and when it is due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadRequest {
    /// What comes first.
    pub rank: Rank,
    /// Not before.
    pub due: Timestamp,
    /// What to read.
    pub reading: MemberRequest,
}

/// Everything that will have to be read of one pack if nothing changes.
pub(super) fn requests(
    name: &PackName,
    state: &PackState,
    people: &TrackedMembers,
    resyncs: &Resyncs,
    pace: &Pace,
) -> Vec<ReadRequest> {
    let mut all = Vec::new();
    // While AWS does not show what we wrote, rows would be those of before.
    if state.is_awaiting() || state.is_going() {
        return all;
    }
    let mut add = |rank, due: Timestamp, reading| all.push(ReadRequest { rank, due, reading });
    let resync = || MemberRequest::Resync(name.clone());
    let trouble = || trouble(name, state, people);
    let moved = state.changed.max(state.touched);
    let read = state.read.filter(|read| *read >= moved);
    match (state.read, read) {
        // Nothing says that anybody is in trouble: one reading tells everything.
        (None, _) if state.is_quiet() => add(Rank::Health, Timestamp::MIN, resync()),
        (_, None) => add(Rank::Changed, moved, trouble()),
        (_, Some(read)) if state.summary.working > 0 => {
            let times = state.looks.saturating_sub(1);
            let wait = if state.is_at_work(read) {
                backoff(pace.refresh_again, times, pace.refresh_again_max).min(resyncs.trouble)
            } else {
                resyncs.trouble
            };
            add(Rank::Changed, after(read, wait), trouble());
        }
        (_, Some(_)) if !state.is_resynced() => add(Rank::Health, moved, resync()),
        (_, Some(read)) if is_troubled(state, people) && !state.needs_agreement() => {
            add(Rank::Trouble, after(read, resyncs.trouble), trouble());
        }
        (_, Some(_)) => {}
    }
    if let Some(deadline) = state.summary.deadline {
        add(Rank::NewAccount, deadline, trouble());
    }
    if state.needs_agreement() {
        // Without a first resync since AWS went to work, its aggregate gets time to catch up.
        let first = state.agreement.map(|agreement| agreement.first);
        let from = first.unwrap_or_else(|| state.read_last().unwrap_or(moved).max(moved));
        add(Rank::Health, after(from, AGREE), resync());
    }
    missing_rows(name, state, people, &mut add);
    if let Some(resynced) = state.resynced {
        let due = after(resynced, resyncs.full);
        add(Rank::Routine, due, resync());
        // However much trouble there is, everybody is read in the end.
        add(Rank::Changed, after(due, resyncs.full), resync());
    }
    if let Some(setback) = &state.setback {
        let wait = backoff(pace.requeue, setback.attempts.saturating_sub(1), pace.requeue_max);
        let again = after(setback.at, wait);
        for request in &mut all {
            request.due = request.due.max(again);
        }
    }
    all
}

/// Whether the filtered listings of a pack say something: somebody fails or is at work, or AWS says
/// so and the members do not show otherwise.
pub(super) fn is_troubled(state: &PackState, people: &TrackedMembers) -> bool {
    let MemberSummary { counts, working, .. } = &state.summary;
    let is_calm = state.is_quiet() && counts.failed == 0 && *working == 0;
    !is_calm && !state.is_going() && health(state, people).0 != RolloutHealth::Healthy
}

/// Who is in trouble; everybody, when that is no dearer.
pub(super) fn trouble(
    name: &PackName,
    state: &PackState,
    people: &TrackedMembers,
) -> MemberRequest {
    if resync_cost(people) <= trouble_cost(state) {
        MemberRequest::Resync(name.clone())
    } else {
        MemberRequest::Trouble(name.clone())
    }
}

/// Single accounts; all that are in trouble, or everybody, where that is cheaper.
fn missing_rows(
    name: &PackName,
    state: &PackState,
    people: &TrackedMembers,
    add: &mut impl FnMut(Rank, Timestamp, MemberRequest),
) {
    // Rows that a run changes by the minute are not worth a request each.
    let is_busy = state.summary.working > 0 || !state.is_resynced();
    let mut wanted =
        state.summary.wanted.iter().filter(|it| it.is_waiting || !is_busy).copied().peekable();
    let Some(RowToRead { due, account, .. }) = wanted.peek().copied() else { return };
    let together = wanted.take_while(|it| it.due <= after(due, TOGETHER));
    let (filtered, others): (Vec<RowToRead>, Vec<RowToRead>) =
        together.partition(|it| it.is_filtered);
    let filters = trouble_cost(state);
    let reading = if resync_cost(people) <= filtered.len().min(filters).saturating_add(others.len())
    {
        MemberRequest::Resync(name.clone())
    } else if filters < filtered.len() {
        MemberRequest::Trouble(name.clone())
    } else {
        MemberRequest::Account(name.clone(), account)
    };
    add(Rank::NewAccount, due, reading);
}

/// Accounts that are due within this time are read together, if that is cheaper.
const TOGETHER: Duration = Duration::from_mins(5);

/// Requests of a resync.
fn resync_cost(people: &TrackedMembers) -> usize {
    people.len().div_ceil(PAGE).max(1)
}

/// Requests of the filtered listings.
fn trouble_cost(state: &PackState) -> usize {
    FILTERS.len().saturating_add(state.rows.rest_len() / PAGE)
}
