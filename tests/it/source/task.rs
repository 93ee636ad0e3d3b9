//! The source task: what it publishes, what it keeps, what wakes it.
//!
//! The clock of these tests stands still: without [`Task::pass_interval`], what arrives was brought
//! by events of the file system.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use conformd::clock::Clock;
use conformd::domain::base::model::Timestamp;
use conformd::domain::declared::catalog::{FileParser, ParsedFile};
use conformd::domain::declared::constraints::Constraints;
use conformd::domain::declared::snapshot::{Absence, FileContent, SourcePath};
use conformd::domain::declared::source::{ReadingOutcome, SourceStatus};
use conformd::tasks::source::directory::Directory;
use conformd::tasks::source::{ReadingCount, SourceChannels, SourceSettings, run};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Home, listing, publish};

/// A guard against a test that never ends; never a measure.
const PATIENCE: Duration = Duration::from_mins(1);
const INTERVAL: Duration = Duration::from_mins(1);

/// A source task that runs.
struct Task {
    state: watch::Receiver<SourceStatus>,
    clock: Clock,
    wake: Arc<Notify>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Task {
    fn start(home: &Home, events: bool, parser: FileParser) -> Self {
        let directory = Directory::new(&home.root, "").unwrap();
        let settings = SourceSettings {
            directory,
            interval: INTERVAL,
            events,
            parser,
            absence: Absence::Declared,
        };
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH, 0);
        let (publish, state) = watch::channel(SourceStatus::default());
        let (wake, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let channels = SourceChannels {
            constraints: watch::Sender::new(Constraints::default()).subscribe(),
            status: publish,
            readings: watch::Sender::new(ReadingCount::default()),
            wake: Arc::clone(&wake),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(run(settings, channels, clock.clone(), stop.clone()));
        Self { state, clock, wake, stop, tasks }
    }

    async fn until(&mut self, what: &str, holds: impl Fn(&SourceStatus) -> bool) -> SourceStatus {
        let waited =
            tokio::time::timeout(PATIENCE, self.state.wait_for(|state| holds(state))).await;
        let found = waited.unwrap_or_else(|_| panic!("never came: {what}"));
        found.unwrap().clone()
    }

    async fn until_files(&mut self, files: &str) -> SourceStatus {
        self.until(files, |state| state.unread.is_none() && content(state) == files).await
    }

    async fn until_problem(&mut self, outcome: ReadingOutcome) -> SourceStatus {
        let holds = |state: &SourceStatus| problem(state) == Some(outcome);
        self.until(outcome.as_str(), holds).await
    }

    fn pass_interval(&self) {
        self.clock.advance(INTERVAL);
    }

    async fn end(mut self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.tasks.join_next()).await;
        ended.expect("the task ends when it is stopped").unwrap().unwrap();
    }
}

/// Takes a text of one line, `template: PATH`, for a manifest of that template.
fn naming(path: &SourcePath, content: &FileContent) -> ParsedFile {
    let FileContent::Bytes(bytes) = content else { return ParsedFile::of(path, content) };
    let text = String::from_utf8_lossy(bytes);
    let Some(template) = text.strip_prefix("template: ") else {
        return ParsedFile::of(path, content);
    };
    let manifest = super::strays::manifest("a").replace("t.yaml", template);
    ParsedFile::of(path, &FileContent::Bytes(manifest.as_bytes().into()))
}

fn content(state: &SourceStatus) -> String {
    state.snapshot.as_ref().map_or_else(String::new, |found| listing(found).replace('\n', ", "))
}

fn problem(state: &SourceStatus) -> Option<ReadingOutcome> {
    state.unread.as_ref().map(|problem| problem.outcome)
}

#[tokio::test]
async fn a_root_missing_at_start_is_a_problem_until_it_appears() {
    let home = Home::new(&[]);
    fs::remove_dir(&home.root).unwrap();
    let mut task = Task::start(&home, true, naming);
    let state = task.until_problem(ReadingOutcome::Unreadable).await;
    assert_eq!((state.snapshot, state.read_last), (None, None));
    assert!(state.attempt_last.is_some());
    home.write("a.yaml", "a");
    task.until_files("a.yaml: a").await;
    task.end().await;
}

#[tokio::test]
async fn a_root_that_vanishes_keeps_its_last_good_content() {
    let home = Home::new(&[("a.yaml", "a")]);
    let mut task = Task::start(&home, true, naming);
    task.until_files("a.yaml: a").await;
    fs::rename(&home.root, home.outside.path().join("away")).unwrap();
    let state = task.until_problem(ReadingOutcome::Unreadable).await;
    assert_eq!(content(&state), "a.yaml: a");
    fs::create_dir(&home.root).unwrap();
    let state = task.until_problem(ReadingOutcome::Empty).await;
    assert_eq!(content(&state), "a.yaml: a");
    // Watched again after it was replaced.
    home.write("b.yaml", "b");
    task.until_files("b.yaml: b").await;
    home.write("b.yaml", "c");
    task.until_files("b.yaml: c").await;
    task.end().await;
}

#[tokio::test]
async fn an_emptied_source_keeps_its_last_good_content() {
    let home = Home::new(&[("a.yaml", "a")]);
    let mut task = Task::start(&home, true, naming);
    task.until_files("a.yaml: a").await;
    fs::remove_file(home.at("a.yaml")).unwrap();
    let state = task.until_problem(ReadingOutcome::Empty).await;
    assert_eq!(content(&state), "a.yaml: a");
    assert_eq!(state.reads[&ReadingOutcome::Changed], 1);
    task.end().await;
}

#[tokio::test]
async fn files_saved_in_new_and_nested_directories_are_seen_by_events() {
    let home = Home::new(&[("a.yaml", "template: deep/t")]);
    let mut task = Task::start(&home, true, naming);
    let state = task.until_files("a.yaml: template: deep/t").await;
    assert!(state.is_watched);
    home.write("deep/t", "1");
    task.until_files("a.yaml: template: deep/t, deep/t: 1").await;
    home.write("deep/t", "2");
    task.until_files("a.yaml: template: deep/t, deep/t: 2").await;
    home.write("a.yaml", "a");
    home.write("new/er/b.yaml", "b");
    task.until_files("a.yaml: a, new/er/b.yaml: b").await;
    task.end().await;
}

#[tokio::test]
async fn each_swap_of_a_config_map_is_seen_by_events() {
    let home = Home::new(&[]);
    publish(&home.root, 0, &["a.yaml"]);
    let mut task = Task::start(&home, true, naming);
    for number in 1..=4 {
        publish(&home.root, number, &["a.yaml"]);
        task.until_files(&format!("a.yaml: {number}")).await;
    }
    task.end().await;
}

#[tokio::test]
async fn without_events_the_periodic_reading_finds_the_change() {
    let home = Home::new(&[("a.yaml", "1")]);
    let mut task = Task::start(&home, false, naming);
    let state = task.until_files("a.yaml: 1").await;
    assert!(!state.is_watched);
    home.write("a.yaml", "2");
    task.pass_interval();
    task.until_files("a.yaml: 2").await;
    task.end().await;
}

#[tokio::test]
async fn content_decides_where_size_and_time_say_nothing() {
    let home = Home::new(&[("a.yaml", "1")]);
    let modified = fs::metadata(home.at("a.yaml")).unwrap().modified().unwrap();
    let mut task = Task::start(&home, false, naming);
    task.until_files("a.yaml: 1").await;
    home.write("a.yaml", "2");
    File::options().append(true).open(home.at("a.yaml")).unwrap().set_modified(modified).unwrap();
    task.wake.notify_one();
    task.until_files("a.yaml: 2").await;
    task.end().await;
}

#[tokio::test]
async fn an_unchanged_source_is_not_a_new_revision() {
    let home = Home::new(&[("a.yaml", "1")]);
    let mut task = Task::start(&home, false, naming);
    let first = task.until_files("a.yaml: 1").await;
    task.wake.notify_one();
    task.pass_interval();
    fs::rename(home.at("a.yaml"), home.at("a")).unwrap();
    task.wake.notify_one();
    let state = task.until_problem(ReadingOutcome::Empty).await;
    assert_eq!(state.reads[&ReadingOutcome::Changed], 1);
    assert_eq!(state.snapshot, first.snapshot);
    task.end().await;
}

static HALF_WRITTEN: OnceLock<PathBuf> = OnceLock::new();

#[tokio::test]
async fn a_file_read_half_written_is_never_published() {
    let home = Home::new(&[("a.yaml", "half")]);
    HALF_WRITTEN.set(home.at("a.yaml")).unwrap();
    // Called when the manifest has been read: the writer goes on right then.
    let go_on = |_: &SourcePath, _: &FileContent| {
        fs::write(HALF_WRITTEN.get().unwrap(), "half and half").unwrap();
        ParsedFile::default()
    };
    let mut task = Task::start(&home, false, go_on);
    let state = task.until("a snapshot", |state| state.snapshot.is_some()).await;
    assert_eq!(content(&state), "a.yaml: half and half");
    assert_eq!(state.reads[&ReadingOutcome::Changed], 1);
    task.end().await;
}

static RESTLESS: OnceLock<PathBuf> = OnceLock::new();
static WRITES: AtomicU32 = AtomicU32::new(0);

#[tokio::test]
async fn a_source_that_is_never_twice_the_same_is_not_accepted() {
    let home = Home::new(&[("a.yaml", "0")]);
    RESTLESS.set(home.at("a.yaml")).unwrap();
    let change = |_: &SourcePath, _: &FileContent| {
        let number = WRITES.fetch_add(1, Ordering::Relaxed) + 1;
        fs::write(RESTLESS.get().unwrap(), number.to_string()).unwrap();
        ParsedFile::default()
    };
    let mut task = Task::start(&home, false, change);
    let state = task.until_problem(ReadingOutcome::Unreadable).await;
    assert_eq!(state.snapshot, None);
    assert!(state.unread.unwrap().text.ends_with("it was never twice the same"));
    task.end().await;
}
