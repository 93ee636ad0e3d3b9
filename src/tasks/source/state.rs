//! What the source task tells the others: the last good snapshot, how fresh it is, what is wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::directory::ReadProblem;
use crate::domain::base::model::Timestamp;
use crate::domain::base::time::after;
use crate::domain::declared::snapshot::{
    Absence, PublicationHistory, RevisionEvidence, Snapshot, absence_of,
};

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

impl From<ReadProblem> for SourceProblem {
    fn from(problem: ReadProblem) -> Self {
        let outcome = match problem {
            ReadProblem::Unreadable { .. } | ReadProblem::Busy { .. } => ReadingOutcome::Unreadable,
            ReadProblem::Empty { .. } => ReadingOutcome::Empty,
            ReadProblem::Oversize { .. } => ReadingOutcome::Oversize,
        };
        Self { outcome, text: problem.to_string() }
    }
}

/// The source as the others see it. A problem never takes the snapshot away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceState {
    /// The last good snapshot.
    pub snapshot: Option<Arc<Snapshot>>,
    /// What speaks for it.
    pub evidence: Option<RevisionEvidence>,
    /// What all accepted readings have shown of how the source is published.
    pub seen: Option<PublicationHistory>,
    /// Readings that have begun since the start; the newest has this number.
    pub readings_begun: u64,
    /// The number of the newest reading that has ended.
    pub readings_ended: u64,
    /// When the source was last read, with whatever result.
    pub read_last: Option<Timestamp>,
    /// When it was last read and accepted.
    pub success_last: Option<Timestamp>,
    /// What is wrong now.
    pub problem: Option<SourceProblem>,
    /// Readings since the start, by outcome, zeros included. A reading that is confirmed by a
    /// second equal one counts once.
    pub readings: BTreeMap<ReadingOutcome, u64>,
    /// Whether the file system reports changes; if not, only the periodic reading finds them.
    pub is_watched: bool,
}

impl Default for SourceState {
    fn default() -> Self {
        Self {
            snapshot: None,
            evidence: None,
            seen: None,
            readings_begun: 0,
            readings_ended: 0,
            read_last: None,
            success_last: None,
            problem: None,
            readings: ReadingOutcome::ALL.into_iter().map(|outcome| (outcome, 0)).collect(),
            is_watched: false,
        }
    }
}

/// When a reading was, by the clock that never goes back and by the time of day.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadingTime {
    /// When it began.
    pub(super) began: Duration,
    /// When it ended.
    pub(super) ended: Duration,
    /// When it ended, by the time of day.
    pub(super) now: Timestamp,
}

/// What the settings say about evidence.
#[derive(Debug, Clone, Copy)]
pub(super) struct EvidenceTerms {
    /// What absence means.
    pub(super) absence: Absence,
    /// The time between a reading and the one that confirms it.
    pub(super) interval: Duration,
}

impl SourceState {
    /// Takes in the result of a reading; says how it ended and whether a task must act on it:
    /// freshness alone wakes none.
    pub(super) fn record(
        &mut self,
        result: Result<Snapshot, ReadProblem>,
        time: ReadingTime,
        terms: EvidenceTerms,
    ) -> (ReadingOutcome, bool) {
        self.readings_ended = self.readings_begun;
        self.read_last = Some(time.now);
        let evidence = self.evidence.clone();
        let (outcome, problem) = match result {
            Ok(snapshot) => {
                self.success_last = Some(time.now);
                (self.accept(snapshot, time, terms), None)
            }
            Err(problem) => {
                let problem = SourceProblem::from(problem);
                (problem.outcome, Some(problem))
            }
        };
        let count = self.readings.entry(outcome).or_default();
        *count = count.saturating_add(1);
        // New evidence for the same content can release what waited for it.
        let matters = outcome == ReadingOutcome::Changed
            || problem != self.problem
            || evidence != self.evidence;
        self.problem = problem;
        (outcome, matters)
    }

    fn accept(
        &mut self,
        snapshot: Snapshot,
        time: ReadingTime,
        terms: EvidenceTerms,
    ) -> ReadingOutcome {
        let ReadingTime { began, ended, now } = time;
        let seen = PublicationHistory::after(self.seen.as_ref(), &snapshot);
        let absence = absence_of(terms.absence, &seen);
        self.seen = Some(seen);
        let is_whole = absence == Absence::Atomic;
        let known = self.snapshot.as_deref();
        let is_known = known.is_some_and(|known| known.has_content_of(&snapshot));
        if known != Some(&snapshot) {
            self.snapshot = Some(Arc::new(snapshot));
        }
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
                    confirms_at: after(now, terms.interval),
                });
                ReadingOutcome::Changed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    fn empty() -> ReadProblem {
        ReadProblem::Empty { place: "packs".to_owned() }
    }

    fn at(second: u64) -> Timestamp {
        after(Timestamp::UNIX_EPOCH, Duration::from_secs(second))
    }

    /// A reading that begins at this second and takes one.
    fn read(
        state: &mut SourceState,
        result: Result<Snapshot, ReadProblem>,
        second: u64,
    ) -> (ReadingOutcome, bool) {
        let (began, ended) = (Duration::from_secs(second), Duration::from_secs(second + 1));
        let time = ReadingTime { began, ended, now: at(second + 1) };
        let interval = Duration::from_secs(INTERVAL);
        state.record(result, time, EvidenceTerms { absence: Absence::Declared, interval })
    }

    fn absence(readings: &[Snapshot]) -> Absence {
        let mut state = SourceState::default();
        for (number, snapshot) in (0_u64..).zip(readings) {
            read(&mut state, Ok(snapshot.clone()), number);
        }
        state.evidence.unwrap().absence
    }

    #[test]
    fn freshness_alone_wakes_nobody_and_the_confirming_reading_wakes_once() {
        let mut state = SourceState::default();
        let mut read = |second| read(&mut state, Ok(snapshot("a")), second);
        assert_eq!(read(0), (ReadingOutcome::Changed, true));
        assert_eq!(read(30), (ReadingOutcome::Unchanged, false));
        // It begins one second too early.
        assert_eq!(read(INTERVAL), (ReadingOutcome::Unchanged, false));
        assert_eq!(read(INTERVAL + 1), (ReadingOutcome::Unchanged, true));
        assert_eq!(read(INTERVAL + 2), (ReadingOutcome::Unchanged, false));
        let evidence = state.evidence.unwrap();
        assert!(evidence.confirmed);
        assert_eq!((evidence.since, evidence.confirms_at), (at(1), at(1 + INTERVAL)));
        assert_eq!(state.success_last, Some(at(INTERVAL + 3)));
    }

    #[test]
    fn another_content_is_confirmed_anew() {
        let mut state = SourceState::default();
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
        let mut state = SourceState::default();
        read(&mut state, Ok(volume("a", "..1")), 0);
        assert!(state.evidence.as_ref().unwrap().confirmed);
        let time = ReadingTime { began: Duration::ZERO, ended: Duration::ZERO, now: at(0) };
        let terms =
            EvidenceTerms { absence: Absence::Atomic, interval: Duration::from_secs(INTERVAL) };
        let mut state = SourceState::default();
        state.record(Ok(snapshot("a")), time, terms);
        let evidence = state.evidence.unwrap();
        assert_eq!((evidence.absence, evidence.confirmed), (Absence::Atomic, true));
    }

    #[test]
    fn a_problem_wakes_once_and_keeps_the_snapshot_and_its_end_wakes_again() {
        let mut state = SourceState::default();
        read(&mut state, Ok(snapshot("a")), 0);
        assert_eq!(read(&mut state, Err(empty()), 1), (ReadingOutcome::Empty, true));
        assert_eq!(read(&mut state, Err(empty()), 2), (ReadingOutcome::Empty, false));
        assert!(state.snapshot.is_some());
        assert_eq!((state.read_last, state.success_last), (Some(at(3)), Some(at(1))));
        assert_eq!(read(&mut state, Ok(snapshot("a")), 3), (ReadingOutcome::Unchanged, true));
        assert_eq!(state.problem, None);
        assert_eq!(state.readings[&ReadingOutcome::Empty], 2);
    }

    #[test]
    fn every_outcome_is_counted_from_zero() {
        assert_eq!(SourceState::default().readings.len(), ReadingOutcome::ALL.len());
    }
}
