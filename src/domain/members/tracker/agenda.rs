//! What to read next: who may have changed first, everybody in the end, nothing without need.
//!
//! A converged pack that nothing touches costs one slow resync. Readings that failed are tried again
//! ever more rarely; the rate of calls is the limiter's.

use std::time::Duration;

use super::course::{AGREE, Course};
use super::health::health;
use super::people::People;
use super::reading::{FILTERS, PAGE, Reading};
use super::summary::{Survey, Wanted};
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
    RolloutHealth,
    /// Everybody is read from time to time.
    Routine,
}

/// A reading, and when it is due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Errand {
    /// What comes first.
    pub rank: Rank,
    /// Not before.
    pub due: Timestamp,
    /// What to read.
    pub reading: Reading,
}

/// Everything that will have to be read of one pack if nothing changes.
pub(super) fn errands(
    (name, course): (&PackName, &Course),
    people: &People,
    resyncs: &Resyncs,
    pace: &Pace,
) -> Vec<Errand> {
    let mut all = Vec::new();
    // While AWS does not show what we wrote, rows would be those of before.
    if course.is_awaiting() || course.is_going() {
        return all;
    }
    let mut add = |rank, due: Timestamp, reading| all.push(Errand { rank, due, reading });
    let resync = || Reading::Resync(name.clone());
    let trouble = || trouble((name, course), people);
    let moved = course.changed.max(course.touched);
    let read = course.read.filter(|read| *read >= moved);
    match (course.read, read) {
        // Nothing says that anybody is in trouble: one reading tells everything.
        (None, _) if course.is_quiet() => add(Rank::RolloutHealth, Timestamp::MIN, resync()),
        (_, None) => add(Rank::Changed, moved, trouble()),
        (_, Some(read)) if course.survey.working > 0 => {
            let times = course.looks.saturating_sub(1);
            let wait = if course.is_at_work(read) {
                backoff(pace.look_again, times, pace.look_again_max).min(resyncs.trouble)
            } else {
                resyncs.trouble
            };
            add(Rank::Changed, after(read, wait), trouble());
        }
        (_, Some(_)) if !course.is_resynced() => add(Rank::RolloutHealth, moved, resync()),
        (_, Some(read)) if is_troubled(course, people) && !course.needs_agreement() => {
            add(Rank::Trouble, after(read, resyncs.trouble), trouble());
        }
        (_, Some(_)) => {}
    }
    if let Some(deadline) = course.survey.deadline {
        add(Rank::NewAccount, deadline, trouble());
    }
    if course.needs_agreement() {
        // Without a first resync since AWS went to work, its aggregate gets time to catch up.
        let first = course.agreement.map(|agreement| agreement.first);
        let from = first.unwrap_or_else(|| course.read_last().unwrap_or(moved).max(moved));
        add(Rank::RolloutHealth, after(from, AGREE), resync());
    }
    wanted((name, course), people, &mut add);
    if let Some(resynced) = course.resynced {
        let due = after(resynced, resyncs.full);
        add(Rank::Routine, due, resync());
        // However much trouble there is, everybody is read in the end.
        add(Rank::Changed, after(due, resyncs.full), resync());
    }
    if let Some(setback) = &course.setback {
        let wait = backoff(pace.requeue, setback.attempts.saturating_sub(1), pace.requeue_max);
        let again = after(setback.at, wait);
        for errand in &mut all {
            errand.due = errand.due.max(again);
        }
    }
    all
}

/// Whether the filtered listings of a pack say something: somebody fails or is at work, or AWS says
/// so and the members do not show otherwise.
pub(super) fn is_troubled(course: &Course, people: &People) -> bool {
    let Survey { counts, working, .. } = &course.survey;
    let is_calm = course.is_quiet() && counts.failed == 0 && *working == 0;
    !is_calm && !course.is_going() && health(course, people).0 != RolloutHealth::Healthy
}

/// Who is in trouble; everybody, when that is no dearer.
pub(super) fn trouble((name, course): (&PackName, &Course), people: &People) -> Reading {
    if resync_cost(people) <= trouble_cost(course) {
        Reading::Resync(name.clone())
    } else {
        Reading::Trouble(name.clone())
    }
}

/// Single accounts; all that are in trouble, or everybody, where that is cheaper.
fn wanted(
    (name, course): (&PackName, &Course),
    people: &People,
    add: &mut impl FnMut(Rank, Timestamp, Reading),
) {
    // Rows that a run changes by the minute are not worth a request each.
    let is_busy = course.survey.working > 0 || !course.is_resynced();
    let mut wanted =
        course.survey.wanted.iter().filter(|it| it.is_waiting || !is_busy).copied().peekable();
    let Some(Wanted { due, account, .. }) = wanted.peek().copied() else { return };
    let together = wanted.take_while(|it| it.due <= after(due, TOGETHER));
    let (filtered, others): (Vec<Wanted>, Vec<Wanted>) = together.partition(|it| it.is_filtered);
    let filters = trouble_cost(course);
    let reading = if resync_cost(people) <= filtered.len().min(filters).saturating_add(others.len())
    {
        Reading::Resync(name.clone())
    } else if filters < filtered.len() {
        Reading::Trouble(name.clone())
    } else {
        Reading::Account(name.clone(), account)
    };
    add(Rank::NewAccount, due, reading);
}

/// Accounts that are due within this time are read together, if that is cheaper.
const TOGETHER: Duration = Duration::from_mins(5);

/// Requests of a resync.
fn resync_cost(people: &People) -> usize {
    people.len().div_ceil(PAGE).max(1)
}

/// Requests of the filtered listings.
fn trouble_cost(course: &Course) -> usize {
    FILTERS.len().saturating_add(course.rows.rest_len() / PAGE)
}
