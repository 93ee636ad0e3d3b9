//! The source task: reads the manifests, makes their catalog, and publishes the status of the
//! source.
//!
//! Level-triggered: every reading takes in everything, and the content decides. Events of the file
//! system, SIGHUP and webhooks only say when to look; losing one costs a period, not truth. A file
//! is parsed when its content is new; that it is still the same is found by comparing digests.
//! Parsing is done on a blocking thread, and a manifest that breaks the parser breaks nothing else:
//! the last catalog stays, and nothing is deleted until a reading succeeds again. What the task
//! deliberately does not do: take a missing directory for an empty one.

mod checkout;
pub mod directory;
mod fresh_reading;
pub mod limits;
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
use crate::domain::declared::catalog::{Catalog, FileParser, ParsedManifests};
use crate::domain::declared::constraints::Constraints;
use crate::domain::declared::snapshot::{Absence, Snapshot};
use crate::domain::declared::source::{
    EvidenceTerms, ParserCrash, ReadingOutcome, ReadingTime, SourceProblem, SourceStatus,
};
use directory::{Directory, ReadProblem, UnreadableSource};
use watch::DirectoryWatch;

pub use fresh_reading::{FreshReading, NoFreshReading, ReadingCount};

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
    /// What parses a file.
    pub parser: FileParser,
    /// What the settings say that absence means.
    pub absence: Absence,
}

/// Inputs and outputs of the source task.
#[derive(Debug, Clone)]
pub struct SourceChannels {
    /// What the settings demand of manifests.
    pub constraints: channel::Receiver<Constraints>,
    /// The status of the source. Receivers are woken by another catalog, new evidence, or a problem
    /// that begins, ends or changes; times and counts are only there to be looked at.
    pub status: channel::Sender<SourceStatus>,
    /// The readings, for whoever waits for the end of one.
    pub readings: channel::Sender<ReadingCount>,
    /// Asks for a reading now.
    pub wake: Arc<Notify>,
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

/// Reads the source until `stop`, and publishes how it stands.
pub async fn run(
    settings: SourceSettings,
    channels: SourceChannels,
    clock: Clock,
    stop: CancellationToken,
) {
    let SourceChannels { mut constraints, status, readings, wake } = channels;
    let SourceSettings { interval, absence, parser, .. } = settings;
    let terms = EvidenceTerms { absence, interval };
    let mut reader = SourceReader {
        settings,
        parsed: ParsedManifests::new(parser),
        made_of: None,
        watching: Watching::default(),
        hint: Arc::default(),
    };
    let hint = Arc::clone(&reader.hint);
    let mut period = pin!(clock.sleep(interval));
    loop {
        // Counted before it looks at anything: whoever asked earlier can wait for its end.
        let number = readings.borrow().begun.saturating_add(1);
        readings.send_modify(|count| count.begun = number);
        let demanded = constraints.borrow_and_update().clone();
        let known = status.borrow().clone();
        // A reading has no effects: to drop it half-way loses nothing.
        let reading = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            reading = reader.read(&known, demanded, &clock) => reading,
        };
        let is_busy = matches!(reading.result, Err(ReadProblem::Busy { .. }));
        let outcome = publish(&status, reading, terms);
        readings.send_modify(|count| count.ended = number);
        if outcome == ReadingOutcome::Changed {
            // The reading that confirms the new content comes exactly one interval later.
            period.set(clock.sleep(interval));
        }
        // Cancel-safe: a permit of `Notify` is kept until it is taken, and `changed` only marks a
        // version as seen.
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = wake.notified() => {}
            () = &mut period => period.set(clock.sleep(interval)),
            () = hint.notified() => quiet(&hint, &wake, &stop).await,
            Ok(()) = constraints.changed() => {}
            () = time::sleep(BUSY_WAIT), if is_busy => {}
        }
    }
}

/// Waits for the end of a burst, or until a reading is asked for.
async fn quiet(hint: &Notify, wake: &Notify, stop: &CancellationToken) {
    let burst = async { while time::timeout(QUIET, hint.notified()).await.is_ok() {} };
    // All arms are cancel-safe: a reading of everything follows whichever ends.
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = wake.notified() => {}
        () = burst => {}
        () = time::sleep(QUIET_MAX) => {
            tracing::debug!("source keeps changing, reading it now");
        }
    }
}

/// How one reading ended.
struct EndedReading {
    result: Result<Arc<Snapshot>>,
    time: ReadingTime,
    /// The catalog, or why there is none, if it had to be made.
    made: Option<MadeCatalog>,
    is_watched: bool,
}

type MadeCatalog = std::result::Result<Catalog, ParserCrash>;

/// Publishes the status of the source after a reading, and logs notable results.
fn publish(
    status: &channel::Sender<SourceStatus>,
    reading: EndedReading,
    terms: EvidenceTerms,
) -> ReadingOutcome {
    let EndedReading { result, time, made, is_watched } = reading;
    let mut outcome = ReadingOutcome::Unchanged;
    status.send_if_modified(|status| {
        let had_problem = status.unread.is_some();
        let (ended, matters) = status.record(result.map_err(SourceProblem::from), time, terms);
        outcome = ended;
        status.is_watched = is_watched;
        if matters {
            log(status, outcome, had_problem);
        }
        let is_made = made.is_some();
        if let Some(made) = made {
            status.declare(made);
        }
        matters || is_made
    });
    outcome
}

/// What reads, and what it remembers from one reading to the next. Losing it costs a parse.
#[derive(Debug)]
struct SourceReader {
    settings: SourceSettings,
    parsed: ParsedManifests,
    /// What the last catalog was made of, or failed to be made of.
    made_of: Option<(Arc<Snapshot>, Constraints)>,
    watching: Watching,
    /// Notified when something changes in the directories that are watched.
    hint: Arc<Notify>,
}

impl SourceReader {
    /// Reads the source. The catalog is made anew of another content, and for other settings, even
    /// while the source cannot be read.
    async fn read(
        &mut self,
        known: &SourceStatus,
        demanded: Constraints,
        clock: &Clock,
    ) -> EndedReading {
        let began = clock.elapsed();
        let result = self.settled(known.snapshot.as_ref()).await;
        let time = ReadingTime { began, ended: clock.elapsed(), now: clock.aws_now() };
        let newest = result.as_ref().ok().or(known.snapshot.as_ref()).cloned();
        let made = match newest {
            Some(newest) => self.declare(newest, demanded, known.catalog.clone()).await,
            None => None,
        };
        EndedReading { result, time, made, is_watched: self.watching.watch.is_some() }
    }

    /// Reads until two consecutive readings agree, or one agrees with what is known.
    async fn settled(&mut self, known: Option<&Arc<Snapshot>>) -> Result<Arc<Snapshot>> {
        if self.settings.events {
            self.watching.arm(self.settings.directory.root(), &self.hint).await;
        }
        let mut before: Option<Result<Snapshot>> = None;
        for _ in 0..SETTLE_READINGS_MAX {
            let now = self.read_once().await;
            if let (Ok(now), Some(known)) = (&now, known)
                && **known == *now
            {
                return Ok(Arc::clone(known));
            }
            // Most of what git does is over before the last of these readings.
            let is_busy = matches!(now, Err(ReadProblem::Busy { .. }));
            if !is_busy && before.as_ref() == Some(&now) {
                return now.map(Arc::new);
            }
            before = Some(now);
            time::sleep(SETTLE).await;
        }
        if let Some(Err(busy @ ReadProblem::Busy { .. })) = before {
            return Err(busy);
        }
        let (place, why) = (self.settings.directory.place(), UnreadableSource::Unsettled);
        Err(ReadProblem::Unreadable { place, why })
    }

    /// Reads once, and lets the watch follow the directories that were found.
    async fn read_once(&mut self) -> Result<Snapshot> {
        let directory = self.settings.directory.clone();
        let place = directory.place();
        let mut parsed = self.take_parsed();
        let read = tokio::task::spawn_blocking(move || {
            let reading = directory.read(|files| parsed.update(files));
            (reading, parsed)
        });
        let reading = match read.await {
            Ok((reading, parsed)) => {
                self.parsed = parsed;
                reading?
            }
            Err(error) => {
                let why = UnreadableSource::Ended(error.to_string());
                return Err(ReadProblem::Unreadable { place, why });
            }
        };
        self.watching.follow(reading.folders, &self.hint).await;
        Ok(reading.snapshot)
    }

    /// The catalog of a content, or why there is none; nothing if it was made before.
    async fn declare(
        &mut self,
        snapshot: Arc<Snapshot>,
        constraints: Constraints,
        known: Option<Arc<Catalog>>,
    ) -> Option<MadeCatalog> {
        let is_made = self.made_of.as_ref().is_some_and(|(made_of, demanded)| {
            Arc::ptr_eq(made_of, &snapshot) && *demanded == constraints
        });
        if is_made {
            return None;
        }
        self.made_of = Some((Arc::clone(&snapshot), constraints.clone()));
        let mut parsed = self.take_parsed();
        let make = move || {
            let catalog = parsed.catalog(&snapshot, &constraints, known.as_deref());
            (catalog, parsed)
        };
        let Ok((catalog, parsed)) = tokio::task::spawn_blocking(make).await else {
            tracing::error!("manifest parser panicked");
            return Some(Err(ParserCrash));
        };
        self.parsed = parsed;
        Some(Ok(catalog))
    }

    /// What was parsed, for a blocking thread; if it panics, everything is parsed anew.
    fn take_parsed(&mut self) -> ParsedManifests {
        std::mem::replace(&mut self.parsed, ParsedManifests::new(self.settings.parser))
    }
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

/// Logs notable results of a reading.
fn log(status: &SourceStatus, outcome: ReadingOutcome, had_problem: bool) {
    // With a problem nothing else is new: the content in force is the one before.
    if let Some(problem) = &status.unread {
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
    if let (ReadingOutcome::Changed, Some(snapshot)) = (outcome, &status.snapshot) {
        let files = snapshot.files.len();
        tracing::info!(revision = snapshot.revision.0, files, "source changed");
    }
}
