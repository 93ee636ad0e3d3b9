//! The status of the source: what it declares, how fresh that is, its evidence, and its problems.
//!
//! This one value is what the source task publishes and everything else reads. Ages are worked out
//! from its times by whoever shows them. Reading files is not here.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::catalog::Catalog;
use super::snapshot::{Absence, PublicationHistory, RevisionEvidence, Snapshot, absence_of};
use crate::domain::base::model::{Revision, Timestamp};
use crate::domain::base::time::after;

/// How one reading ended: the closed set behind the label `result`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReadingOutcome {
    /// Another content than before.
    Changed,
    /// The same content.
    Unchanged,
    /// No manifest at all.
    Empty,
    /// The file system refused, or kept changing.
    Unreadable,
    /// No connection to the remote.
    Unreachable,
    /// The remote refused the credentials or showed an unknown host key.
    Unauthorized,
    /// The commit is unsigned, or signed by an unknown key.
    Untrusted,
    /// The history was rewritten or moved back.
    Rewound,
    /// Too large.
    Oversize,
}

impl ReadingOutcome {
    /// Every outcome, in label order.
    pub const ALL: [Self; 9] = [
        Self::Changed,
        Self::Unchanged,
        Self::Empty,
        Self::Unreadable,
        Self::Unreachable,
        Self::Unauthorized,
        Self::Untrusted,
        Self::Rewound,
        Self::Oversize,
    ];

    /// The name used in labels, logs and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Empty => "empty",
            Self::Unreadable => "unreadable",
            Self::Unreachable => "unreachable",
            Self::Unauthorized => "unauthorized",
            Self::Untrusted => "untrusted",
            Self::Rewound => "rewound",
            Self::Oversize => "oversize",
        }
    }
}

impl fmt::Display for ReadingOutcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Why the last reading gave no snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceProblem {
    /// Its kind.
    pub outcome: ReadingOutcome,
    /// In words, with the place.
    pub text: String,
}

/// A manifest made the parser panic, so that its content gave no catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParserCrash;

impl ParserCrash {
    /// The text for users.
    pub fn as_str(self) -> &'static str {
        "a manifest crashed the parser; report it as a bug"
    }
}

/// The status of the source. A problem never takes away what was accepted before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceStatus {
    /// The last catalog that could be made; `None` before the first.
    pub catalog: Option<Arc<Catalog>>,
    /// The newest accepted content; the catalog is made of it, unless it is `unparsed`.
    pub snapshot: Option<Arc<Snapshot>>,
    /// What speaks for that content.
    pub evidence: Option<RevisionEvidence>,
    /// What all accepted readings have shown of how the source is published.
    pub seen: Option<PublicationHistory>,
    /// When reading it was last tried, with whatever result.
    pub attempt_last: Option<Timestamp>,
    /// When it was last read whole and accepted.
    pub read_last: Option<Timestamp>,
    /// Why the last reading gave no content.
    pub unread: Option<SourceProblem>,
    /// Why the newest content gave no catalog.
    pub unparsed: Option<ParserCrash>,
    /// Readings since the start, by outcome, zeros included. A reading that is confirmed by a
    /// second equal one counts once.
    pub reads: BTreeMap<ReadingOutcome, u64>,
    /// Whether the file system reports changes; if not, only the periodic reading finds them.
    pub is_watched: bool,
}

impl Default for SourceStatus {
    fn default() -> Self {
        Self {
            catalog: None,
            snapshot: None,
            evidence: None,
            seen: None,
            attempt_last: None,
            read_last: None,
            unread: None,
            unparsed: None,
            reads: ReadingOutcome::ALL.into_iter().map(|outcome| (outcome, 0)).collect(),
            is_watched: false,
        }
    }
}

/// When a reading was, by the clock that never goes back and by AWS's.
#[derive(Debug, Clone, Copy)]
pub struct ReadingTime {
    /// When it began.
    pub began: Duration,
    /// When it ended.
    pub ended: Duration,
    /// When it ended, by AWS's clock.
    pub now: Timestamp,
}

/// What the settings say about evidence.
#[derive(Debug, Clone, Copy)]
pub struct EvidenceTerms {
    /// What absence means.
    pub absence: Absence,
    /// The time between a reading and the one that confirms it.
    pub interval: Duration,
}

impl SourceStatus {
    /// What one reading says by itself: for commands that read the source once.
    pub fn once(snapshot: Snapshot, catalog: Catalog, absence: Absence, now: Timestamp) -> Self {
        let seen = PublicationHistory::after(None, &snapshot);
        let absence = absence_of(absence, &seen);
        Self {
            catalog: Some(Arc::new(catalog)),
            snapshot: Some(Arc::new(snapshot)),
            evidence: Some(RevisionEvidence {
                absence,
                since: now,
                since_elapsed: Duration::ZERO,
                confirmed: absence == Absence::Atomic,
                confirms_at: None,
            }),
            seen: Some(seen),
            attempt_last: Some(now),
            read_last: Some(now),
            reads: BTreeMap::new(),
            ..Self::default()
        }
    }

    /// The revision in force.
    pub fn revision(&self) -> Option<&Revision> {
        self.catalog.as_ref().map(|catalog| &catalog.revision)
    }

    /// Why what is in the source now is not in force.
    pub fn problem(&self) -> Option<&str> {
        let unread = self.unread.as_ref().map(|problem| problem.text.as_str());
        unread.or(self.unparsed.map(ParserCrash::as_str))
    }

    /// What speaks for the catalog. A content that gave none is no evidence for the one before it.
    pub fn evidence_in_force(&self) -> Option<&RevisionEvidence> {
        self.evidence.as_ref().filter(|_| self.unparsed.is_none())
    }

    /// Takes in the result of a reading; says how it ended and whether a task must act on it:
    /// freshness alone wakes none.
    pub fn record(
        &mut self,
        result: Result<Arc<Snapshot>, SourceProblem>,
        time: ReadingTime,
        terms: EvidenceTerms,
    ) -> (ReadingOutcome, bool) {
        self.attempt_last = Some(time.now);
        let evidence = self.evidence.clone();
        let (outcome, unread) = match result {
            Ok(snapshot) => {
                self.read_last = Some(time.now);
                (self.accept(snapshot, time, terms), None)
            }
            Err(problem) => (problem.outcome, Some(problem)),
        };
        let count = self.reads.entry(outcome).or_default();
        *count = count.saturating_add(1);
        // New evidence for the same content can release what waited for it.
        let matters = outcome == ReadingOutcome::Changed
            || unread != self.unread
            || evidence != self.evidence;
        self.unread = unread;
        (outcome, matters)
    }

    /// Takes in the catalog of the newest content, or why there is none.
    pub fn declare(&mut self, catalog: Result<Catalog, ParserCrash>) {
        match catalog {
            Ok(catalog) => (self.catalog, self.unparsed) = (Some(Arc::new(catalog)), None),
            Err(crash) => self.unparsed = Some(crash),
        }
    }

    fn accept(
        &mut self,
        snapshot: Arc<Snapshot>,
        time: ReadingTime,
        terms: EvidenceTerms,
    ) -> ReadingOutcome {
        let ReadingTime { began, ended, now } = time;
        let seen = PublicationHistory::after(self.seen.as_ref(), &snapshot);
        let absence = absence_of(terms.absence, &seen);
        self.seen = Some(seen);
        let is_whole = absence == Absence::Atomic;
        let known = self.snapshot.as_ref();
        let is_known = known.is_some_and(|known| known.has_content_of(&snapshot));
        self.snapshot = Some(snapshot);
        match &mut self.evidence {
            Some(evidence) if is_known => {
                let confirms = evidence.since_elapsed.saturating_add(terms.interval);
                evidence.absence = absence;
                evidence.confirmed |= is_whole || confirms <= began;
                ReadingOutcome::Unchanged
            }
            Some(_) | None => {
                self.evidence = Some(RevisionEvidence {
                    absence,
                    since: now,
                    since_elapsed: ended,
                    confirmed: is_whole,
                    confirms_at: Some(after(now, terms.interval)),
                });
                ReadingOutcome::Changed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::declared::constraints::Constraints;
    use crate::domain::declared::snapshot::{FileContent, Published, SourcePath};

    /// Seconds between a reading and the one that confirms it.
    const INTERVAL: u64 = 60;

    fn snapshot(text: &str) -> Snapshot {
        let path = SourcePath::new("a.yaml").unwrap();
        let content = FileContent::Bytes(text.as_bytes().into());
        Snapshot::of_directory(BTreeMap::from([(path, content)]))
    }

    fn linked(text: &str, target: &str, inode: u64) -> Snapshot {
        let directory = Some((1, inode));
        let published = Published::Link { target: target.to_owned(), directory };
        Snapshot { published, ..snapshot(text) }
    }

    fn volume(text: &str, target: &str) -> Snapshot {
        Snapshot { published: Published::Volume { target: target.to_owned() }, ..snapshot(text) }
    }

    fn empty() -> SourceProblem {
        SourceProblem { outcome: ReadingOutcome::Empty, text: "no manifest".to_owned() }
    }

    fn at(second: u64) -> Timestamp {
        after(Timestamp::UNIX_EPOCH, Duration::from_secs(second))
    }

    /// A reading that begins at this second and takes one.
    fn read(
        state: &mut SourceStatus,
        result: Result<Snapshot, SourceProblem>,
        second: u64,
    ) -> (ReadingOutcome, bool) {
        let (began, ended) = (Duration::from_secs(second), Duration::from_secs(second + 1));
        let time = ReadingTime { began, ended, now: at(second + 1) };
        let interval = Duration::from_secs(INTERVAL);
        state.record(
            result.map(Arc::new),
            time,
            EvidenceTerms { absence: Absence::Declared, interval },
        )
    }

    fn absence(readings: &[Snapshot]) -> Absence {
        let mut state = SourceStatus::default();
        for (number, snapshot) in (0_u64..).zip(readings) {
            read(&mut state, Ok(snapshot.clone()), number);
        }
        state.evidence.unwrap().absence
    }

    #[test]
    fn freshness_alone_wakes_nobody_and_the_confirming_reading_wakes_once() {
        let mut state = SourceStatus::default();
        let mut read = |second| read(&mut state, Ok(snapshot("a")), second);
        assert_eq!(read(0), (ReadingOutcome::Changed, true));
        assert_eq!(read(30), (ReadingOutcome::Unchanged, false));
        // It begins one second too early.
        assert_eq!(read(INTERVAL), (ReadingOutcome::Unchanged, false));
        assert_eq!(read(INTERVAL + 1), (ReadingOutcome::Unchanged, true));
        assert_eq!(read(INTERVAL + 2), (ReadingOutcome::Unchanged, false));
        let evidence = state.evidence.unwrap();
        assert!(evidence.confirmed);
        assert_eq!((evidence.since, evidence.confirms_at), (at(1), Some(at(1 + INTERVAL))));
        assert_eq!(state.read_last, Some(at(INTERVAL + 3)));
    }

    #[test]
    fn another_content_is_confirmed_anew() {
        let mut state = SourceStatus::default();
        for (text, second) in [("a", 0), ("b", 50), ("a", 70), ("a", 71)] {
            read(&mut state, Ok(snapshot(text)), second);
            assert!(!state.evidence.as_ref().unwrap().confirmed, "{text} {second}");
        }
        read(&mut state, Err(empty()), 120);
        read(&mut state, Ok(snapshot("a")), 131);
        assert!(state.evidence.unwrap().confirmed);
    }

    #[test]
    fn a_flipped_link_is_evidence_until_content_changes_beneath_it() {
        let link = linked;
        let cases = [
            // The first reading cannot know.
            (vec![link("a", "v1", 1)], Absence::Declared),
            (vec![link("a", "v1", 1), link("b", "v2", 2)], Absence::Atomic),
            // The same content published again is a flip as well.
            (vec![link("a", "v1", 1), link("a", "v2", 2), link("a", "v2", 2)], Absence::Atomic),
            (vec![link("a", "v1", 1), link("b", "v1", 1)], Absence::Declared),
            // Changed in place once, before or after a flip: never again.
            (vec![link("a", "v1", 1), link("b", "v1", 1), link("c", "v2", 2)], Absence::Declared),
            (
                vec![
                    link("a", "v1", 1),
                    link("b", "v2", 2),
                    link("c", "v2", 2),
                    link("d", "v3", 3),
                ],
                Absence::Declared,
            ),
            // The directory was removed and made again under the same name.
            (vec![link("a", "v1", 1), link("b", "v1", 2)], Absence::Declared),
            // Another text for the same directory.
            (vec![link("a", "v1", 1), link("b", "./v1", 1)], Absence::Declared),
            // A plain directory that became a link was never seen to be flipped.
            (vec![snapshot("a"), link("b", "v1", 1)], Absence::Declared),
            (vec![link("a", "v1", 1), link("b", "v2", 2), snapshot("c")], Absence::Declared),
            (vec![snapshot("a"), snapshot("b")], Absence::Declared),
            (vec![volume("a", "..1")], Absence::Atomic),
            (vec![volume("a", "..1"), volume("b", "..2")], Absence::Atomic),
            // The kubelet does not do that.
            (vec![volume("a", "..1"), volume("b", "..1")], Absence::Declared),
        ];
        for (readings, expected) in cases {
            assert_eq!(absence(&readings), expected, "{readings:?}");
        }
    }

    #[test]
    fn what_is_published_as_a_whole_needs_no_second_reading() {
        let mut state = SourceStatus::default();
        read(&mut state, Ok(volume("a", "..1")), 0);
        assert!(state.evidence.as_ref().unwrap().confirmed);
        let time = ReadingTime { began: Duration::ZERO, ended: Duration::ZERO, now: at(0) };
        let terms =
            EvidenceTerms { absence: Absence::Atomic, interval: Duration::from_secs(INTERVAL) };
        let mut state = SourceStatus::default();
        state.record(Ok(Arc::new(snapshot("a"))), time, terms);
        let evidence = state.evidence.unwrap();
        assert_eq!((evidence.absence, evidence.confirmed), (Absence::Atomic, true));
    }

    #[test]
    fn a_problem_wakes_once_and_keeps_the_snapshot_and_its_end_wakes_again() {
        let mut state = SourceStatus::default();
        read(&mut state, Ok(snapshot("a")), 0);
        assert_eq!(read(&mut state, Err(empty()), 1), (ReadingOutcome::Empty, true));
        assert_eq!(read(&mut state, Err(empty()), 2), (ReadingOutcome::Empty, false));
        assert!(state.snapshot.is_some());
        assert_eq!((state.attempt_last, state.read_last), (Some(at(3)), Some(at(1))));
        assert_eq!(read(&mut state, Ok(snapshot("a")), 3), (ReadingOutcome::Unchanged, true));
        assert_eq!(state.unread, None);
        assert_eq!(state.reads[&ReadingOutcome::Empty], 2);
    }

    #[test]
    fn every_outcome_is_counted_from_zero() {
        assert_eq!(SourceStatus::default().reads.len(), ReadingOutcome::ALL.len());
    }

    #[test]
    fn a_content_that_gave_no_catalog_is_no_evidence_for_the_catalog_before_it() {
        let mut state = SourceStatus::default();
        read(&mut state, Ok(volume("a", "..1")), 0);
        let catalog = || Catalog::read(&snapshot("a"), &Constraints::default(), None);
        state.declare(Ok(catalog()));
        assert!(state.problem().is_none() && state.evidence_in_force().is_some());
        read(&mut state, Ok(volume("b", "..2")), 1);
        state.declare(Err(ParserCrash));
        assert_eq!(
            (state.problem(), state.evidence_in_force()),
            (Some(ParserCrash.as_str()), None)
        );
        assert_eq!(state.revision(), Some(&catalog().revision));
        // A reading that fails says so first, and its end does not mend the content.
        read(&mut state, Err(empty()), 2);
        assert_eq!(state.problem(), Some("no manifest"));
        read(&mut state, Ok(volume("b", "..2")), 3);
        assert_eq!(state.problem(), Some(ParserCrash.as_str()));
        read(&mut state, Ok(volume("a", "..3")), 4);
        state.declare(Ok(catalog()));
        assert!(state.problem().is_none() && state.evidence_in_force().is_some());
    }
}
