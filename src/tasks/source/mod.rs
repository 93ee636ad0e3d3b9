//! The source task: keeps the last good snapshot of the manifests and says how fresh it is.
//!
//! Level-triggered: every reading takes in everything, and the content decides. Events of the file
//! system, SIGHUP and webhooks only say when to look; losing one costs a period, not truth. What
//! it deliberately does not do: parse a manifest, or take a missing directory for an empty one.

mod checkout;
pub mod directory;
pub mod limits;
mod state;
mod system;
mod tree;
mod watch;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch as channel};
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::declared::snapshot::{Absence, Snapshot};
use directory::{Directory, ReadProblem, ReferencedFiles};
use state::{EvidenceTerms, ReadingTime};
use watch::DirectoryWatch;

pub use state::{ReadingOutcome, SourceProblem, SourceState};

/// Quiet that ends a burst of events: a checkout of one file causes dozens within milliseconds.
const QUIET: Duration = Duration::from_millis(150);
/// The longest that a directory which never falls quiet may put a reading off.
const QUIET_MAX: Duration = Duration::from_secs(2);
/// Between the two equal readings that make a snapshot: a file written in pieces must not pass.
const SETTLE: Duration = Duration::from_millis(50);
/// Readings until a source that is never twice the same is called unreadable.
const SETTLE_READINGS_MAX: usize = 20;

/// Until the next reading of a directory in which git is at work: nothing tells when it ends.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// What to read, and how often.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// Where the manifests are.
    pub directory: Directory,
    /// How often it is read without any hint.
    pub interval: Duration,
    /// Whether to ask the file system for events; `false` for network mounts.
    pub events: bool,
    /// Which templates the manifests name.
    pub wanted: ReferencedFiles,
    /// What the settings say that absence means.
    pub absence: Absence,
}

/// The watch, and what it takes to set it up again.
#[derive(Debug, Default)]
struct Watching {
    /// Absent when the file system cannot be watched.
    watch: Option<DirectoryWatch>,
    /// The directories of the last good reading.
    folders: BTreeSet<PathBuf>,
    /// Whether the loss of the watch has been said.
    warned: bool,
}

type Result<T> = std::result::Result<T, ReadProblem>;

/// Reads the source until `stop`, and publishes what it finds. `wake` asks for a reading now.
///
/// Receivers are woken by a changed snapshot, new evidence or a changed problem, and by the end of
/// each reading that `wake` asked for; times and counts are only there to be looked at.
pub async fn run(
    settings: SourceSettings,
    clock: Clock,
    publish: channel::Sender<SourceState>,
    wake: Arc<Notify>,
    stop: CancellationToken,
) {
    let hint = Arc::new(Notify::new());
    let mut watching = Watching::default();
    let mut period = pin!(clock.sleep(settings.interval));
    let terms = EvidenceTerms { absence: settings.absence, interval: settings.interval };
    let mut is_asked_for = false;
    loop {
        let began = begin(&publish, &clock);
        let known = publish.borrow().snapshot.clone();
        let reading = async {
            if settings.events {
                watching.arm(settings.directory.root(), &hint).await;
            }
            settled(&settings, known.as_deref(), &mut watching, &hint).await
        };
        // A reading has no effects: to drop it half-way loses nothing.
        let result = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            result = reading => result,
        };
        let time = ReadingTime { began, ended: clock.elapsed(), now: clock.now() };
        let is_busy = matches!(result, Err(ReadProblem::Busy { .. }));
        let shown =
            ShownReading { time, terms, is_watched: watching.watch.is_some(), is_asked_for };
        if show(&publish, result, shown) == ReadingOutcome::Changed {
            // The reading that confirms the new content comes exactly one interval later.
            period.set(clock.sleep(settings.interval));
        }
        // Cancel-safe: a permit of `Notify` is kept until it is taken.
        is_asked_for = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = wake.notified() => true,
            () = &mut period => {
                period.set(clock.sleep(settings.interval));
                false
            }
            () = hint.notified() => quiet(&hint, &wake, &stop).await,
            () = time::sleep(BUSY_WAIT), if is_busy => false,
        };
    }
}

/// Counts a reading before it looks at anything: whoever asked earlier can wait for its end.
fn begin(publish: &channel::Sender<SourceState>, clock: &Clock) -> Duration {
    publish.send_if_modified(|state| {
        state.readings_begun = state.readings_begun.saturating_add(1);
        false
    });
    clock.elapsed()
}

/// Waits for the end of a burst; says whether a reading was asked for meanwhile.
async fn quiet(hint: &Notify, wake: &Notify, stop: &CancellationToken) -> bool {
    let burst = async { while time::timeout(QUIET, hint.notified()).await.is_ok() {} };
    // All arms are cancel-safe: a reading of everything follows whichever ends.
    tokio::select! {
        biased;
        () = stop.cancelled() => false,
        () = wake.notified() => true,
        () = burst => false,
        () = time::sleep(QUIET_MAX) => {
            tracing::debug!("source keeps changing, reading it now");
            false
        }
    }
}

/// Reads until two consecutive readings agree, or one agrees with what is known.
async fn settled(
    settings: &SourceSettings,
    known: Option<&Snapshot>,
    watching: &mut Watching,
    hint: &Notify,
) -> Result<Snapshot> {
    let mut before: Option<Result<Snapshot>> = None;
    for _ in 0..SETTLE_READINGS_MAX {
        let now = read_once(settings, watching, hint).await;
        let is_known = now.as_ref().is_ok_and(|now| known == Some(now));
        // Most of what git does is over before the last of these readings.
        let is_busy = matches!(now, Err(ReadProblem::Busy { .. }));
        if is_known || (!is_busy && before.as_ref() == Some(&now)) {
            return now;
        }
        before = Some(now);
        time::sleep(SETTLE).await;
    }
    if let Some(Err(busy @ ReadProblem::Busy { .. })) = before {
        return Err(busy);
    }
    let why = "it was never twice the same".to_owned();
    Err(ReadProblem::Unreadable { place: settings.directory.place(), why })
}

/// Reads once, and lets the watch follow the directories that were found.
async fn read_once(
    settings: &SourceSettings,
    watching: &mut Watching,
    hint: &Notify,
) -> Result<Snapshot> {
    let SourceSettings { directory, wanted, .. } = settings.clone();
    let place = directory.place();
    let read = tokio::task::spawn_blocking(move || directory.read(wanted));
    let reading = match read.await {
        Ok(reading) => reading?,
        Err(error) => {
            return Err(ReadProblem::Unreadable { place, why: format!("reading ended: {error}") });
        }
    };
    watching.follow(reading.folders, hint).await;
    Ok(reading.snapshot)
}

impl Watching {
    /// Watches anew, before each reading: a directory that was replaced is watched no more, and
    /// nothing would say so.
    async fn arm(&mut self, root: &Path, hint: &Arc<Notify>) {
        self.watch = None;
        let (root, folders) = (root.to_owned(), self.folders.clone());
        let hint = Arc::clone(hint);
        let start = move || {
            let mut watch = DirectoryWatch::new(&root, move || hint.notify_one())?;
            watch.follow(&folders)?;
            Ok::<_, notify::Error>(watch)
        };
        match tokio::task::spawn_blocking(start).await {
            Ok(Ok(watch)) => self.watch = Some(watch),
            Ok(Err(error)) => self.lost(&error),
            Err(error) => self.lost(&error),
        }
    }

    /// Watches the directories that a reading found.
    async fn follow(&mut self, folders: BTreeSet<PathBuf>, hint: &Notify) {
        self.folders.clone_from(&folders);
        let Some(mut watch) = self.watch.take() else { return };
        let follow = move || watch.follow(&folders).map(|grown| (watch, grown));
        match tokio::task::spawn_blocking(follow).await {
            Ok(Ok((watch, grown))) => {
                self.watch = Some(watch);
                self.warned = false;
                if grown {
                    // What happened there before it was watched is not known.
                    hint.notify_one();
                }
            }
            Ok(Err(error)) => self.lost(&error),
            Err(error) => self.lost(&error),
        }
    }

    fn lost(&mut self, error: &(dyn std::error::Error + 'static)) {
        if !self.warned {
            tracing::warn!(error, "source is not watched, only the periodic reading finds changes");
        }
        self.warned = true;
    }
}

/// What goes with the result of a reading.
#[derive(Debug, Clone, Copy)]
struct ShownReading {
    time: ReadingTime,
    terms: EvidenceTerms,
    is_watched: bool,
    /// Whether a receiver waits for the end of this reading, whatever it gave.
    is_asked_for: bool,
}

/// Publishes the result of a reading and logs what a person would want to know.
fn show(
    publish: &channel::Sender<SourceState>,
    result: Result<Snapshot>,
    shown: ShownReading,
) -> ReadingOutcome {
    let ShownReading { time, terms, is_watched, is_asked_for } = shown;
    let mut outcome = ReadingOutcome::Unchanged;
    publish.send_if_modified(|state| {
        let had_problem = state.problem.is_some();
        let (ended, matters) = state.record(result, time, terms);
        outcome = ended;
        state.is_watched = is_watched;
        if matters {
            log(state, outcome, had_problem);
        }
        matters || is_asked_for
    });
    outcome
}

fn log(state: &SourceState, outcome: ReadingOutcome, had_problem: bool) {
    if let Some(problem) = &state.problem {
        tracing::warn!(
            kind = problem.outcome.as_str(),
            error = problem.text,
            "source cannot be used, the last good revision stays in force"
        );
        return;
    }
    if had_problem {
        tracing::info!("source can be read again");
    }
    if let (ReadingOutcome::Changed, Some(snapshot)) = (outcome, &state.snapshot) {
        let files = snapshot.files.len();
        tracing::info!(revision = snapshot.revision.0, files, "source changed");
    }
}
