//! Which rows to read next: first those that may have changed, in the end all, and none without
//! need.
//!
//! A healthy pack without changes costs one slow resync. Failed readings are repeated with a
//! growing backoff; the limiter sets the rate of calls.

use std::time::Duration;

use super::health::health;
use super::member_request::{FILTERS, MemberRequest, PAGE};
use super::pack_state::{AGREE, PackState};
use super::summary::{MemberSummary, RowToRead};
use super::tracked_members::TrackedMembers;
use crate::domain::base::model::{PackName, Timestamp};
use crate::domain::base::time::{Pace, after, backoff};
use crate::domain::members::rollout::RolloutHealth;

/// How often members are read (settings: `intervals.failureResync`, `intervals.fullResync`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resyncs {
    /// Between two failure resyncs, and between two readings of accounts in their retry window.
    pub trouble: Duration,
    /// Between two full resyncs.
    pub full: Duration,
}

/// The order of readings when several are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// A command waits for it.
    Command,
    /// The pack changed recently, or a rollout is in progress.
    Changed,
    /// A new account waits for it.
    NewAccount,
    /// The pack has failures, and nothing changed since the last reading.
    Trouble,
    /// A health waits for a full resync.
    Health,
    /// The routine full resync.
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

/// Every reading that one pack will need if nothing changes.
pub(super) fn requests(
    name: &PackName,
    state: &PackState,
    people: &TrackedMembers,
    resyncs: &Resyncs,
    pace: &Pace,
) -> Vec<ReadRequest> {
    let mut all = Vec::new();
    // While AWS does not show our last write, its rows are still those from before it.
    if state.is_awaiting() || state.is_going() {
        return all;
    }
    let mut add = |rank, due: Timestamp, reading| all.push(ReadRequest { rank, due, reading });
    let resync = || MemberRequest::Resync(name.clone());
    let trouble = || trouble(name, state, people);
    let moved = state.changed.max(state.touched);
    let read = state.read.filter(|read| *read >= moved);
    match (state.read, read) {
        // The aggregate reports success, so a full resync is needed anyway to confirm it.
        (None, _) if state.is_quiet() => add(Rank::Health, Timestamp::MIN, resync()),
        (_, None) => add(Rank::Changed, moved, trouble()),
        (_, Some(read)) if state.summary.working > 0 => {
            let times = state.in_progress_reads.saturating_sub(1);
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
        // Without a first resync since the rollout began, the aggregate gets time to catch up.
        let first = state.agreement.map(|agreement| agreement.first);
        let from = first.unwrap_or_else(|| state.read_last().unwrap_or(moved).max(moved));
        add(Rank::Health, after(from, AGREE), resync());
    }
    missing_rows(name, state, people, &mut add);
    if let Some(resynced) = state.resynced {
        let due = after(resynced, resyncs.full);
        add(Rank::Routine, due, resync());
        // Higher ranks could delay the routine resync forever, so it is raised once it is one
        // interval late.
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

/// Whether a failure resync of this pack can find anything: members fail or are in progress, or the
/// aggregate says so and the rows do not prove the opposite.
pub(super) fn is_troubled(state: &PackState, people: &TrackedMembers) -> bool {
    let MemberSummary { counts, working, .. } = &state.summary;
    // A quiet aggregate without failed members is not enough if a member is still in progress; an
    // aggregate that never becomes quiet does not count once the rows prove the pack healthy.
    let is_calm = state.is_quiet() && counts.failed == 0 && *working == 0;
    !is_calm && !state.is_going() && health(state, people).0 != RolloutHealth::Healthy
}

/// A failure resync, or a full resync where it costs no more requests.
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

/// Readings of single accounts, or a failure or full resync where that costs fewer requests.
fn missing_rows(
    name: &PackName,
    state: &PackState,
    people: &TrackedMembers,
    add: &mut impl FnMut(Rank, Timestamp, MemberRequest),
) {
    // During a rollout rows change every minute, so reading single accounts would waste requests.
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
