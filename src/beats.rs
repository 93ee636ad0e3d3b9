//! Heartbeats: what proves that a long task still runs, without asking AWS.
//!
//! Silence is measured in real time, since a frozen or fast simulated clock says nothing about a
//! task that hangs. Who reads the beats and what follows is not decided here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Clock;
use crate::domain::base::heartbeat::TaskId;
use crate::domain::base::model::Timestamp;

/// A task without a heartbeat for longer than this hangs. The watchdog of 60 s is fed only while
/// every task sends heartbeats, so a hang ends within 180 s.
pub const SILENCE_MAX: Duration = Duration::from_mins(2);
/// How often a task sends a heartbeat while it waits or works: several times within
/// [`SILENCE_MAX`].
pub const BEAT_EVERY: Duration = Duration::from_secs(20);

/// The heartbeats of one process. Clones share them.
#[derive(Debug, Clone)]
pub struct Beats(Arc<BeatsInner>);

#[derive(Debug)]
struct BeatsInner {
    clock: Clock,
    beats: Mutex<BTreeMap<TaskId, Beat>>,
}

#[derive(Debug, Clone, Copy)]
struct Beat {
    at: Timestamp,
    instant: Instant,
    silence_max: Duration,
}

/// One task's heartbeat as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSign {
    /// Whose.
    pub beater: TaskId,
    /// When it last beat, on the daemon's clock.
    pub at: Timestamp,
    /// For how long it has been silent, in real time.
    pub silent: Duration,
    /// For how long it may be silent.
    pub silence_max: Duration,
}

impl TaskSign {
    /// Whether the task has been silent for too long.
    pub fn is_overdue(&self) -> bool {
        self.silent > self.silence_max
    }
}

/// A task's end of its heartbeat. To drop it is no end: a task that panicked falls silent and is
/// found.
#[derive(Debug)]
pub struct Heartbeat {
    beats: Beats,
    beater: TaskId,
}

impl Beats {
    /// No task yet.
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(BeatsInner { clock, beats: Mutex::default() }))
    }

    /// A task begins; it beats for the first time now.
    pub fn begin(&self, beater: TaskId, silence_max: Duration) -> Heartbeat {
        let beat = Beat { at: self.0.clock.now(), instant: now(), silence_max };
        self.with(|beats| beats.insert(beater.clone(), beat));
        Heartbeat { beats: self.clone(), beater }
    }

    /// Every task, in order.
    pub fn signs(&self) -> Vec<TaskSign> {
        let now = now();
        let sign = |(beater, beat): (&TaskId, &Beat)| TaskSign {
            beater: beater.clone(),
            at: beat.at,
            silent: now.saturating_duration_since(beat.instant),
            silence_max: beat.silence_max,
        };
        self.with(|beats| beats.iter().map(sign).collect())
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<TaskId, Beat>) -> T) -> T {
        // Every change is one insert or removal: a poisoned lock holds a whole map.
        act(&mut self.0.beats.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Heartbeat {
    /// The task is alive.
    pub fn beat(&self) {
        let (at, instant) = (self.beats.0.clock.now(), now());
        self.beats.with(|beats| {
            if let Some(beat) = beats.get_mut(&self.beater) {
                (beat.at, beat.instant) = (at, instant);
            }
        });
    }

    /// Beats for as long as `work` is polled: for waits, and for work whose every part ends within
    /// its own timeout.
    pub async fn during<F: Future>(&self, work: F) -> F::Output {
        let mut work = std::pin::pin!(work);
        loop {
            self.beat();
            // `work` is pinned outside of the loop and never dropped half-way.
            tokio::select! {
                biased;
                output = &mut work => {
                    self.beat();
                    return output;
                }
                () = tokio::time::sleep(BEAT_EVERY) => {}
            }
        }
    }

    /// The task ends as it should: its heartbeats are not expected any more.
    pub fn end(self) {
        self.beats.with(|beats| beats.remove(&self.beater));
    }
}

#[expect(clippy::disallowed_methods, reason = "a hang takes real time on any clock")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::base::heartbeat::Task;

    fn beats() -> Beats {
        Beats::new(Clock::simulated(Timestamp::UNIX_EPOCH, 0))
    }

    fn overdue(beats: &Beats) -> Vec<String> {
        let signs = beats.signs();
        signs.iter().filter(|sign| sign.is_overdue()).map(|sign| sign.beater.to_string()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_falls_silent_is_found_and_its_next_beat_heals() {
        let beats = beats();
        let region: crate::domain::base::model::Region = "eu-west-1".parse().unwrap();
        let hung = beats.begin(TaskId::regional(&region), SILENCE_MAX);
        let alive = beats.begin(TaskId::sole(Task::Source), SILENCE_MAX);
        tokio::time::sleep(SILENCE_MAX).await;
        alive.beat();
        assert_eq!(overdue(&beats), Vec::<String>::new());
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(overdue(&beats), ["region eu-west-1"]);
        hung.beat();
        assert_eq!(overdue(&beats), Vec::<String>::new());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panicked_is_found_and_one_that_ended_is_not() {
        let beats = beats();
        drop(beats.begin(TaskId::sole(Task::Source), SILENCE_MAX));
        beats.begin(TaskId::sole(Task::Http), SILENCE_MAX).end();
        tokio::time::sleep(SILENCE_MAX * 2).await;
        assert_eq!(overdue(&beats), ["source"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_waits_is_not_silent() {
        let beats = beats();
        let heartbeat = beats.begin(TaskId::sole(Task::Source), SILENCE_MAX);
        let waiting = heartbeat.during(tokio::time::sleep(SILENCE_MAX * 3));
        let watch = async {
            tokio::time::sleep(SILENCE_MAX * 2).await;
            overdue(&beats)
        };
        let ((), late) = tokio::join!(waiting, watch);
        assert_eq!(late, Vec::<String>::new());
    }
}
