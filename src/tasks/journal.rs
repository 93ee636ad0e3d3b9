//! The task that notes events for users (`domain/present/journal`).
//!
//! No task waits for it. It reads states from `watch` channels, where the latest value wins.
//! Reconciliations come through a `broadcast` channel, which never holds up a sender and reports
//! how many were lost, so that no outcome goes missing unnoticed. It also logs the problems that
//! begin and end; everything else in the log is written by the task that it is about.

use std::time::Duration;

use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::beats::{Beats, SILENCE_MAX};
use crate::clock::Clock;
use crate::current::StateReceivers;
use crate::domain::base::heartbeat::{Task, TaskId};
use crate::domain::base::words::first_few;
use crate::domain::plan::event::Events;
use crate::domain::present::journal::{Journal, Notification};
use crate::domain::present::problem_changes::{ProblemChange, ReportedProblems};
use crate::domain::present::view::problem::{ProblemSeverity, ProblemView};

/// Ticks that may wait to be noted: a few for each of some 30 regions, heard every second.
pub const NOTIFICATIONS_MAX: usize = 128;
/// The time between two readings of the channels, so that changes that belong together are noted
/// together.
const UPDATE_EVERY: Duration = Duration::from_secs(1);

/// Packs or regions that one line of the log names.
const FEW: usize = 5;

/// The inputs and outputs of the task.
#[derive(Debug, Clone)]
pub struct JournalChannels {
    /// Everything that is known, as it changes.
    pub current: StateReceivers,
    /// Ticks and reloads, each of them.
    pub news: broadcast::Sender<Notification>,
    /// Where events go; they go on from those that are there.
    pub events: watch::Sender<Events>,
    /// Where the task proves that it is alive.
    pub beats: Beats,
}

/// Notes what happens until `stop`.
///
/// It looks by the clock and not by changes: that time runs out for a new account is none.
pub async fn run(channels: JournalChannels, clock: Clock, stop: CancellationToken) {
    let heartbeat = channels.beats.begin(TaskId::sole(Task::Journal), SILENCE_MAX);
    let mut news = channels.news.subscribe();
    let mut journal = Journal::resume(&channels.events.borrow());
    let mut problems = ReportedProblems::default();
    let mut looks = interval(UPDATE_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // Both arms are cancel-safe.
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = looks.tick() => {}
        }
        let told = journal.number();
        // Outcomes come first: the state of a pack follows from what was done to it.
        hear(&mut journal, &mut news, &clock);
        let facts = channels.current.facts();
        journal.update(&facts);
        problems.update(&facts).iter().for_each(log);
        if journal.number() != told {
            channels.events.send_replace(journal.events());
        }
        heartbeat.beat();
    }
    heartbeat.end();
}

/// Logs that a problem began or ended. Its severity decides the level.
fn log(change: &ProblemChange) {
    let problem = match change {
        ProblemChange::Began(problem) => problem,
        ProblemChange::Ended(cause) => {
            tracing::info!(reason = cause.as_str(), "problem ended");
            return;
        }
    };
    let ProblemView { severity, cause, owner, accounts, advice, .. } = &**problem;
    let (reason, owner) = (cause.as_str(), owner.as_str());
    let packs = first_few(&problem.packs.iter().map(ToString::to_string).collect::<Vec<_>>(), FEW);
    let regions = problem.regions.iter().map(ToString::to_string).collect::<Vec<_>>();
    let regions = first_few(&regions, FEW);
    let details = problem.details.join("; ");
    match severity {
        ProblemSeverity::Critical => {
            tracing::error!(
                reason,
                owner,
                accounts,
                packs,
                regions,
                details,
                advice,
                "critical problem"
            );
        }
        ProblemSeverity::Warning => {
            tracing::warn!(reason, owner, accounts, packs, regions, details, advice, "problem");
        }
        ProblemSeverity::Info => {}
    }
}

/// Notes all news that wait.
fn hear(journal: &mut Journal, news: &mut broadcast::Receiver<Notification>, clock: &Clock) {
    loop {
        match news.try_recv() {
            Ok(one) => journal.note(&one, clock.aws_now()),
            Err(TryRecvError::Lagged(count)) => journal.lost(count, clock.aws_now()),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return,
        }
    }
}
