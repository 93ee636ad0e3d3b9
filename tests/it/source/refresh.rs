//! The source and intake tasks together: evidence that grows, and readings on demand.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use conformd::clock::Clock;
use conformd::domain::base::model::Revision;
use conformd::domain::declared::constraints::Constraints;
use conformd::domain::declared::snapshot::Absence;
use conformd::tasks::intake::{NotRefreshed, Parsed, Refresh, SourceIntake};
use conformd::tasks::source::directory::Directory;
use conformd::tasks::source::{SourceSettings, SourceState};
use conformd::tasks::{intake, source};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::strays::{TEMPLATE, manifest};
use super::{Home, templates_named};

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two readings; the clock stands still unless it is moved.
const INTERVAL: Duration = Duration::from_mins(1);

struct Running {
    clock: Clock,
    source: watch::Receiver<SourceState>,
    parsed: watch::Receiver<Parsed>,
    refresh: Refresh,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    _constraints: watch::Sender<Constraints>,
}

impl Running {
    fn start(home: &Home, path: &str) -> Self {
        let clock = Clock::simulated("2026-11-01T00:00:00Z".parse().unwrap(), 0);
        let settings = SourceSettings {
            directory: Directory::new(&home.at(path), "").unwrap(),
            interval: INTERVAL,
            events: false,
            wanted: templates_named,
            absence: Absence::Declared,
        };
        let (wake, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let (publish, source) = watch::channel(SourceState::default());
        let (publish_parsed, parsed) = watch::channel(Parsed::default());
        let (constraints, terms) = watch::channel(Constraints::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(source::run(settings, clock.clone(), publish, Arc::clone(&wake), stop.clone()));
        tasks.spawn(intake::run(source.clone(), terms, publish_parsed, stop.clone()));
        let refresh = Refresh::new(wake, source.clone(), parsed.clone());
        Self { clock, source, parsed, refresh, stop, tasks, _constraints: constraints }
    }

    fn intake(&self) -> SourceIntake {
        SourceIntake::of(&self.parsed.borrow(), &self.source.borrow())
    }

    /// What the parsed revision says, as soon as it says this.
    async fn until(&mut self, holds: impl Fn(&SourceIntake) -> bool) -> SourceIntake {
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                let intake = self.intake();
                if holds(&intake) {
                    return intake;
                }
                tokio::select! {
                    woken = self.parsed.changed() => woken.unwrap(),
                    woken = self.source.changed() => woken.unwrap(),
                }
            }
        });
        waited.await.unwrap_or_else(|_| panic!("never came: {:?}", self.intake()))
    }

    async fn refresh(&self) -> Result<Revision, NotRefreshed> {
        self.refresh.refresh().await
    }

    async fn end(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

fn packs(intake: &SourceIntake) -> usize {
    intake.catalog.as_ref().map_or(0, |catalog| catalog.packs.len())
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
        let intake = tasks.intake();
        assert_eq!(intake.catalog.as_ref().unwrap().revision, revision);
        assert_eq!(packs(&intake), number + 1);
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
        asked.spawn(async move { refresh.refresh().await });
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
    let NotRefreshed::Unread(why) = tasks.refresh().await.unwrap_err() else {
        panic!("the source is gone");
    };
    assert!(why.contains("no such file"), "{why}");
    fs::rename(home.outside.path().join("away"), &home.root).unwrap();
    tasks.refresh().await.unwrap();
    let refresh = tasks.refresh.clone();
    tasks.end().await;
    assert_eq!(refresh.refresh().await, Err(NotRefreshed::Stopped));
}

#[tokio::test]
async fn a_revision_is_confirmed_one_interval_later_and_wakes_the_regions_once() {
    let home = Home::new(&[("t.yaml", TEMPLATE), ("a.yaml", &manifest("a"))]);
    let mut tasks = Running::start(&home, "");
    let first = tasks.until(|intake| packs(intake) == 1).await;
    assert!(!first.confirmed && first.absence == Absence::Declared);
    let confirms = first.confirms_at.unwrap();
    assert_eq!(confirms.duration_since(first.since.unwrap()).unsigned_abs(), INTERVAL);
    // Readings on demand, too early: known again, and nothing is said to the regions.
    tasks.parsed.mark_unchanged();
    tasks.refresh().await.unwrap();
    tasks.refresh().await.unwrap();
    assert!(!tasks.parsed.has_changed().unwrap() && !tasks.intake().confirmed);

    tasks.clock.advance(INTERVAL);
    let confirmed = tasks.until(|intake| intake.confirmed).await;
    assert_eq!((confirmed.since, confirmed.since_elapsed), (first.since, first.since_elapsed));
    tasks.parsed.mark_unchanged();
    tasks.clock.advance(INTERVAL);
    tasks.refresh().await.unwrap();
    assert!(!tasks.parsed.has_changed().unwrap());

    // Changed content waits anew.
    home.write("b.yaml", &manifest("b"));
    tasks.refresh().await.unwrap();
    assert!(packs(&tasks.intake()) == 2 && !tasks.intake().confirmed);
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
    assert_eq!(tasks.intake().absence, Absence::Declared);
    release(2, &["a"]);
    tasks.refresh().await.unwrap();
    let flipped = tasks.intake();
    assert_eq!((packs(&flipped), flipped.absence, flipped.confirmed), (1, Absence::Atomic, true));
    home.write("v2/c.yaml", &manifest("c"));
    tasks.refresh().await.unwrap();
    assert_eq!(tasks.intake().absence, Absence::Declared);
    release(3, &["a"]);
    tasks.refresh().await.unwrap();
    let doubted = tasks.intake();
    assert_eq!(
        (packs(&doubted), doubted.absence, doubted.confirmed),
        (1, Absence::Declared, false)
    );
    tasks.end().await;
}

#[tokio::test]
async fn a_failing_source_wakes_the_regions_and_its_recovery_does_too() {
    let home = Home::new(&[("t.yaml", TEMPLATE), ("a.yaml", &manifest("a"))]);
    let mut tasks = Running::start(&home, "");
    tasks.until(|intake| packs(intake) == 1).await;
    home.write(".git/index.lock", "");
    tasks.parsed.mark_unchanged();
    let NotRefreshed::Unread(why) = tasks.refresh().await.unwrap_err() else {
        panic!("git is at work");
    };
    assert!(why.contains("index.lock"), "{why}");
    tokio::time::timeout(PATIENCE, tasks.parsed.changed()).await.unwrap().unwrap();
    assert!(tasks.intake().problem.is_some() && packs(&tasks.intake()) == 1);
    fs::remove_file(home.at(".git/index.lock")).unwrap();
    // Nobody asks: it looks again by itself, without waiting for the interval.
    tokio::time::timeout(PATIENCE, tasks.parsed.changed()).await.unwrap().unwrap();
    assert_eq!(tasks.intake().problem, None);
    tasks.end().await;
}
