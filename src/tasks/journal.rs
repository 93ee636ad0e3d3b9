//! The task that notes events for users (`domain/present/journal`).
//!
//! No task waits for it. It reads states from `watch` channels, where the latest value wins.
//! Reconciliations come through a `broadcast` channel, which never holds up a sender and reports
//! how many were lost, so that no outcome goes missing unnoticed. What is absent: the log, which
//! each task writes itself.

use std::time::Duration;

use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::beats::{Beats, SILENCE_MAX};
use crate::clock::Clock;
use crate::current::StateReceivers;
use crate::domain::base::heartbeat::{Task, TaskId};
use crate::domain::plan::event::Events;
use crate::domain::present::journal::{Journal, Notification};

/// Ticks that may wait to be noted: a few for each of some 30 regions, heard every second.
pub const NOTIFICATIONS_MAX: usize = 128;
/// The time between two readings of the channels, so that changes that belong together are noted
/// together.
const UPDATE_EVERY: Duration = Duration::from_secs(1);

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
        journal.update(&channels.current.facts());
        if journal.number() != told {
            channels.events.send_replace(journal.events());
        }
        heartbeat.beat();
    }
    heartbeat.end();
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
