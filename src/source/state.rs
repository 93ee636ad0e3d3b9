//! What the source task tells the others: the last good snapshot, how fresh it is, what is wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::directory::ReadProblem;
use crate::domain::model::Timestamp;
use crate::domain::snapshot::Snapshot;

/// How one reading ended: the closed set behind the label `result`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
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

impl Outcome {
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

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Why the last reading gave no snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its kind.
    pub outcome: Outcome,
    /// In words, with the place.
    pub text: String,
}

impl From<ReadProblem> for Problem {
    fn from(problem: ReadProblem) -> Self {
        let outcome = match problem {
            ReadProblem::Unreadable { .. } => Outcome::Unreadable,
            ReadProblem::Empty { .. } => Outcome::Empty,
            ReadProblem::Oversize { .. } => Outcome::Oversize,
        };
        Self { outcome, text: problem.to_string() }
    }
}

/// The source as the others see it. A problem never takes the snapshot away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceState {
    /// The last good snapshot.
    pub snapshot: Option<Arc<Snapshot>>,
    /// When the source was last read, with whatever result.
    pub read_last: Option<Timestamp>,
    /// When it was last read and accepted.
    pub success_last: Option<Timestamp>,
    /// What is wrong now.
    pub problem: Option<Problem>,
    /// Readings since the start, by outcome, zeros included. A reading that is confirmed by a
    /// second equal one counts once.
    pub readings: BTreeMap<Outcome, u64>,
    /// Whether the file system reports changes; if not, only the periodic reading finds them.
    pub is_watched: bool,
}

impl Default for SourceState {
    fn default() -> Self {
        Self {
            snapshot: None,
            read_last: None,
            success_last: None,
            problem: None,
            readings: Outcome::ALL.into_iter().map(|outcome| (outcome, 0)).collect(),
            is_watched: false,
        }
    }
}

impl SourceState {
    /// Takes in the result of a reading; says how it ended and whether anyone must act on it:
    /// freshness alone wakes nobody.
    pub(super) fn record(
        &mut self,
        result: Result<Snapshot, ReadProblem>,
        now: Timestamp,
    ) -> (Outcome, bool) {
        self.read_last = Some(now);
        let (outcome, problem) = match result {
            Ok(snapshot) => {
                self.success_last = Some(now);
                (self.accept(snapshot), None)
            }
            Err(problem) => {
                let problem = Problem::from(problem);
                (problem.outcome, Some(problem))
            }
        };
        let count = self.readings.entry(outcome).or_default();
        *count = count.saturating_add(1);
        let matters = outcome == Outcome::Changed || problem != self.problem;
        self.problem = problem;
        (outcome, matters)
    }

    fn accept(&mut self, snapshot: Snapshot) -> Outcome {
        if self.snapshot.as_deref() == Some(&snapshot) {
            return Outcome::Unchanged;
        }
        self.snapshot = Some(Arc::new(snapshot));
        Outcome::Changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::snapshot::{FileContent, SourcePath};

    fn snapshot(text: &str) -> Snapshot {
        let path = SourcePath::new("a.yaml").unwrap();
        let content = FileContent::Bytes(text.as_bytes().into());
        Snapshot::of_directory(BTreeMap::from([(path, content)]))
    }

    fn empty() -> ReadProblem {
        ReadProblem::Empty { place: "packs".to_owned() }
    }

    #[test]
    fn freshness_alone_wakes_nobody() {
        let mut state = SourceState::default();
        let (first, second) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        assert_eq!(state.record(Ok(snapshot("a")), first), (Outcome::Changed, true));
        assert_eq!(state.record(Ok(snapshot("a")), second), (Outcome::Unchanged, false));
        assert_eq!((state.read_last, state.success_last), (Some(second), Some(second)));
    }

    #[test]
    fn a_problem_wakes_once_and_keeps_the_snapshot_and_its_end_wakes_again() {
        let mut state = SourceState::default();
        let (first, second) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        state.record(Ok(snapshot("a")), first);
        assert_eq!(state.record(Err(empty()), second), (Outcome::Empty, true));
        assert_eq!(state.record(Err(empty()), second), (Outcome::Empty, false));
        assert!(state.snapshot.is_some());
        assert_eq!((state.read_last, state.success_last), (Some(second), Some(first)));
        assert_eq!(state.record(Ok(snapshot("a")), second), (Outcome::Unchanged, true));
        assert_eq!(state.problem, None);
        assert_eq!(state.readings[&Outcome::Empty], 2);
    }

    #[test]
    fn every_outcome_is_counted_from_zero() {
        assert_eq!(SourceState::default().readings.len(), Outcome::ALL.len());
    }
}
