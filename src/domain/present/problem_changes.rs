//! Problems that begin and end, for the log: each is told once when it appears or gets worse, and
//! once when it is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::view::CurrentState;
use super::view::problem::cause::ProblemCause;
use super::view::problem::{ProblemSeverity, ProblemView, problems};
use crate::domain::base::model::Timestamp;
use crate::domain::observed::failure_class::FailureClass;

/// The seconds after which problems are computed again although nothing was published: only time
/// that runs out for new accounts changes them.
const AGAIN_SECONDS: u64 = 60;
/// The least seconds between two computations, however often regions publish.
const APART_SECONDS: u64 = 5;

/// What makes two findings the same problem in the log.
type LogKey = (ProblemCause, Option<FailureClass>);

/// A problem that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemChange {
    /// It appeared, or got worse.
    Began(Box<ProblemView>),
    /// It is gone.
    Ended(ProblemCause),
}

/// The problems that were told last.
#[derive(Debug, Default)]
pub struct ReportedProblems {
    told: BTreeMap<LogKey, ProblemSeverity>,
    /// The state that they were computed from, and when.
    seen: Option<(Timestamp, CurrentState)>,
}

impl ReportedProblems {
    /// What began and ended. It computes nothing while the state is the same: in a large
    /// organization that takes long.
    pub fn update(&mut self, facts: &CurrentState) -> Vec<ProblemChange> {
        let is_new = self.seen.as_ref().is_none_or(|(at, seen)| {
            let age = facts.now.duration_since(*at).as_secs().unsigned_abs();
            age >= AGAIN_SECONDS || age >= APART_SECONDS && differs(seen, facts)
        });
        if !is_new {
            return Vec::new();
        }
        self.seen = Some((facts.now, facts.clone()));
        self.compare(problems(facts).all)
    }

    fn compare(&mut self, all: Vec<ProblemView>) -> Vec<ProblemChange> {
        let mut now: BTreeMap<LogKey, ProblemView> = BTreeMap::new();
        for problem in all.into_iter().filter(|one| one.severity > ProblemSeverity::Info) {
            // The most severe comes first.
            now.entry((problem.cause, problem.class)).or_insert(problem);
        }
        let severities = now.iter().map(|(key, problem)| (*key, problem.severity)).collect();
        let told = std::mem::replace(&mut self.told, severities);
        let ended = told.keys().filter(|key| !now.contains_key(key)).map(|(cause, _)| *cause);
        let ended: Vec<ProblemChange> = ended.map(ProblemChange::Ended).collect();
        let began = now.into_iter().filter(|(key, problem)| {
            told.get(key).is_none_or(|severity| *severity < problem.severity)
        });
        began.map(|(_, problem)| ProblemChange::Began(Box::new(problem))).chain(ended).collect()
    }
}

/// Whether something was published since.
fn differs(seen: &CurrentState, facts: &CurrentState) -> bool {
    let is_same_report = |(one, other): (_, _)| Arc::ptr_eq(one, other);
    seen.caller != facts.caller
        || seen.source.revision() != facts.source.revision()
        || seen.source.problem() != facts.source.problem()
        || !Arc::ptr_eq(&seen.membership, &facts.membership)
        || seen.about != facts.about
        || seen.reports.len() != facts.reports.len()
        || !seen.reports.values().zip(facts.reports.values()).all(is_same_report)
}
