//! The source task and who hears it: evidence that grows, and readings on demand.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conformd::clock::Clock;
use conformd::domain::base::model::Revision;
use conformd::domain::declared::catalog::{FileParser, ParsedFile};
use conformd::domain::declared::constraints::Constraints;
use conformd::domain::declared::snapshot::{Absence, FileContent, RevisionEvidence, SourcePath};
use conformd::domain::declared::source::SourceStatus;
use conformd::tasks::source;
use conformd::tasks::source::directory::Directory;
use conformd::tasks::source::{
    FreshReading, NoFreshReading, ReadingCount, SourceChannels, SourceSettings,
};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Home;
use super::strays::{TEMPLATE, manifest};

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two readings; the clock stands still unless it is moved.
const INTERVAL: Duration = Duration::from_mins(1);

struct Running {
    clock: Clock,
    source: watch::Receiver<SourceStatus>,
    refresh: FreshReading,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    constraints: watch::Sender<Constraints>,
}

impl Running {
    fn start(home: &Home, path: &str) -> Self {
        Self::parsing(home, path, ParsedFile::of)
    }

    fn parsing(home: &Home, path: &str, parser: FileParser) -> Self {
        let clock = Clock::simulated("2026-11-01T00:00:00Z".parse().unwrap(), 0);
        let settings = SourceSettings {
            directory: Directory::new(&home.at(path), "").unwrap(),
            interval: INTERVAL,
            events: false,
            parser,
            absence: Absence::Declared,
        };
        let (wake, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let (status, source) = watch::channel(SourceStatus::default());
        let (readings, counted) = watch::channel(ReadingCount::default());
        let (constraints, demanded) = watch::channel(Constraints::default());
        let refresh =
            FreshReading { wake: Arc::clone(&wake), readings: counted, status: source.clone() };
        let channels = SourceChannels { constraints: demanded, status, readings, wake };
        let mut tasks = JoinSet::new();
        tasks.spawn(source::run(settings, channels, clock.clone(), stop.clone()));
        Self { clock, source, refresh, stop, tasks, constraints }
    }

    fn status(&self) -> SourceStatus {
        self.source.borrow().clone()
    }

    fn evidence(&self) -> RevisionEvidence {
        evidence(&self.status())
    }

    /// How the source stands, as soon as it stands so.
    async fn until(&mut self, holds: impl Fn(&SourceStatus) -> bool) -> SourceStatus {
        let waited =
            tokio::time::timeout(PATIENCE, self.source.wait_for(|status| holds(status))).await;
        waited.unwrap_or_else(|_| panic!("never came")).unwrap().clone()
    }

    async fn refresh(&self) -> Result<Revision, NoFreshReading> {
        self.refresh.newest_revision().await
    }

    async fn end(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

fn evidence(status: &SourceStatus) -> RevisionEvidence {
    status.evidence_in_force().unwrap().clone()
}

fn packs(status: &SourceStatus) -> usize {
    status.catalog.as_ref().map_or(0, |catalog| catalog.packs.len())
}

#[tokio::test]
async fn a_refresh_sees_what_was_written_before_it_was_asked_for() {
    let home = Home::new(&[("t.yaml", TEMPLATE), ("p0.yaml", &manifest("p0"))]);
    let tasks = Running::start(&home, "");
    // Each is asked for at another moment of the reading before it.
    for number in 1..=12 {
        let name = format!("p{number}");
        home.write(&format!("{name}.yaml"), &manifest(&name));
        let revision = tasks.refresh().await.unwrap();
        let status = tasks.status();
        assert_eq!(status.revision(), Some(&revision));
        assert_eq!(packs(&status), number + 1);
        tokio::time::sleep(Duration::from_millis(7 * number as u64)).await;
    }
    tasks.end().await;
}

#[tokio::test]
async fn refreshes_asked_for_at_once_are_all_answered() {
    let home = Home::new(&[("t.yaml", TEMPLATE), ("p0.yaml", &manifest("p0"))]);
    let tasks = Running::start(&home, "");
    let mut asked = JoinSet::new();
    for _ in 0..20 {
        let refresh = tasks.refresh.clone();
        asked.spawn(async move { refresh.newest_revision().await });
    }
    let revisions = asked.join_all().await;
    assert!(revisions.iter().all(|answer| *answer == revisions[0] && answer.is_ok()));
    tasks.end().await;
}

#[tokio::test]
async fn a_refresh_says_why_the_source_cannot_be_read_and_ends_with_the_tasks() {
    let home = Home::new(&[("t.yaml", TEMPLATE), ("a.yaml", &manifest("a"))]);
    let tasks = Running::start(&home, "");
    tasks.refresh().await.unwrap();
    fs::rename(&home.root, home.outside.path().join("away")).unwrap();
    let NoFreshReading::Unread(why) = tasks.refresh().await.unwrap_err() else {
        panic!("the source is gone");
    };
    assert!(why.contains("no such file"), "{why}");
    fs::rename(home.outside.path().join("away"), &home.root).unwrap();
    tasks.refresh().await.unwrap();
    let refresh = tasks.refresh.clone();
    tasks.end().await;
    assert_eq!(refresh.newest_revision().await, Err(NoFreshReading::Stopped));
}

#[tokio::test]
async fn a_revision_is_confirmed_one_interval_later_and_wakes_the_regions_once() {
    let home = Home::new(&[("t.yaml", TEMPLATE), ("a.yaml", &manifest("a"))]);
    let mut tasks = Running::start(&home, "");
    let first = evidence(&tasks.until(|status| packs(status) == 1).await);
    assert!(!first.confirmed && first.absence == Absence::Declared);
    let confirms = first.confirms_at.unwrap();
    assert_eq!(confirms.duration_since(first.since).unsigned_abs(), INTERVAL);
    // Readings on demand, too early: known again, and nothing is said to the regions.
    tasks.source.mark_unchanged();
    tasks.refresh().await.unwrap();
    tasks.refresh().await.unwrap();
    assert!(!tasks.source.has_changed().unwrap() && !tasks.evidence().confirmed);

    tasks.clock.advance(INTERVAL);
    let confirmed = evidence(&tasks.until(|status| evidence(status).confirmed).await);
    assert_eq!((confirmed.since, confirmed.since_elapsed), (first.since, first.since_elapsed));
    tasks.source.mark_unchanged();
    tasks.clock.advance(INTERVAL);
    tasks.refresh().await.unwrap();
    assert!(!tasks.source.has_changed().unwrap());

    // Changed content waits anew.
    home.write("b.yaml", &manifest("b"));
    tasks.refresh().await.unwrap();
    assert!(packs(&tasks.status()) == 2 && !tasks.evidence().confirmed);
    tasks.end().await;
}

#[tokio::test]
async fn a_flip_that_is_witnessed_is_evidence_and_a_change_in_place_ends_that() {
    let home = Home::new(&[]);
    let release = |number: u32, names: &[&str]| {
        home.write(&format!("v{number}/t.yaml"), TEMPLATE);
        for name in names {
            home.write(&format!("v{number}/{name}.yaml"), &manifest(name));
        }
        home.link("next", format!("v{number}"));
        fs::rename(home.at("next"), home.at("current")).unwrap();
    };
    release(1, &["a", "b"]);
    let tasks = Running::start(&home, "current");
    tasks.refresh().await.unwrap();
    assert_eq!(tasks.evidence().absence, Absence::Declared);
    release(2, &["a"]);
    tasks.refresh().await.unwrap();
    let flipped = tasks.evidence();
    assert_eq!(
        (packs(&tasks.status()), flipped.absence, flipped.confirmed),
        (1, Absence::Atomic, true)
    );
    home.write("v2/c.yaml", &manifest("c"));
    tasks.refresh().await.unwrap();
    assert_eq!(tasks.evidence().absence, Absence::Declared);
    release(3, &["a"]);
    tasks.refresh().await.unwrap();
    let doubted = tasks.evidence();
    assert_eq!(
        (packs(&tasks.status()), doubted.absence, doubted.confirmed),
        (1, Absence::Declared, false)
    );
    tasks.end().await;
}

#[tokio::test]
async fn a_failing_source_wakes_the_regions_and_its_recovery_does_too() {
    let home = Home::new(&[("t.yaml", TEMPLATE), ("a.yaml", &manifest("a"))]);
    let mut tasks = Running::start(&home, "");
    tasks.until(|status| packs(status) == 1).await;
    home.write(".git/index.lock", "");
    tasks.source.mark_unchanged();
    let NoFreshReading::Unread(why) = tasks.refresh().await.unwrap_err() else {
        panic!("git is at work");
    };
    assert!(why.contains("index.lock"), "{why}");
    tokio::time::timeout(PATIENCE, tasks.source.changed()).await.unwrap().unwrap();
    assert!(tasks.status().problem().is_some() && packs(&tasks.status()) == 1);
    fs::remove_file(home.at(".git/index.lock")).unwrap();
    // Nobody asks: it looks again by itself, without waiting for the interval.
    tokio::time::timeout(PATIENCE, tasks.source.changed()).await.unwrap().unwrap();
    assert_eq!(tasks.status().problem(), None);
    tasks.end().await;
}

/// The files that were parsed since this was emptied.
static PARSED: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn counted(path: &SourcePath, content: &FileContent) -> ParsedFile {
    PARSED.lock().unwrap().push(path.to_string());
    ParsedFile::of(path, content)
}

fn parsed() -> Vec<String> {
    std::mem::take(&mut PARSED.lock().unwrap())
}

#[tokio::test]
async fn a_content_is_parsed_once_and_readings_that_find_it_again_parse_nothing() {
    let home =
        Home::new(&[("a.yaml", &manifest("a")), ("b.yaml", &manifest("b")), ("t.yaml", TEMPLATE)]);
    let mut tasks = Running::parsing(&home, "", counted);
    tasks.refresh().await.unwrap();
    assert_eq!(parsed(), ["a.yaml", "b.yaml", "t.yaml"]);
    for _ in 0..10 {
        tasks.refresh().await.unwrap();
    }
    tasks.clock.advance(INTERVAL);
    tasks.until(|status| evidence(status).confirmed).await;
    assert_eq!(parsed(), <[&str; 0]>::default());

    // A change is read twice until it settles, and goes into the catalog.
    home.write("b.yaml", &manifest("other"));
    home.write("c.yaml", &manifest("c"));
    tasks.refresh().await.unwrap();
    assert_eq!(packs(&tasks.status()), 3);
    assert_eq!(parsed(), ["b.yaml", "c.yaml"]);

    // Other settings make another catalog of the same files.
    tasks.source.mark_unchanged();
    let regions = Some(["eu-west-1".parse().unwrap()].into());
    tasks.constraints.send_replace(Constraints { regions, ..Constraints::default() });
    tokio::time::timeout(PATIENCE, tasks.source.changed()).await.unwrap().unwrap();
    assert_eq!(packs(&tasks.status()), 3);
    assert_eq!(parsed(), <[&str; 0]>::default());

    // A source that goes away and comes back as it was is the same content.
    fs::rename(&home.root, home.outside.path().join("away")).unwrap();
    tasks.refresh().await.unwrap_err();
    fs::rename(home.outside.path().join("away"), &home.root).unwrap();
    tasks.refresh().await.unwrap();
    assert_eq!(parsed(), <[&str; 0]>::default());
    tasks.end().await;
}
