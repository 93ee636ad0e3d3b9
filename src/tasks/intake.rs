//! From snapshots to catalogs: the one place where manifests are parsed while the daemon runs.
//!
//! Parsing is done on a blocking thread, and a manifest that breaks the parser breaks nothing
//! else: the last catalog stays, and nothing is deleted until a reading succeeds again.

mod refresh;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::source::{SourceProblem, SourceState};
use crate::domain::base::model::{Revision, Timestamp};
use crate::domain::base::time::after;
use crate::domain::declared::catalog::Catalog;
use crate::domain::declared::constraints::Constraints;
use crate::domain::declared::snapshot::{
    Absence, PublicationHistory, RevisionEvidence, Snapshot, absence_of,
};
use crate::domain::plan::desired::SourceTrust;

pub use refresh::{NotRefreshed, Refresh};

/// The last catalog, and why there is no newer one.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    /// The last catalog that could be made; `None` before the first.
    pub catalog: Option<Arc<Catalog>>,
    /// What speaks for the revision of the catalog.
    pub evidence: Option<RevisionEvidence>,
    /// The newest revision that was given to the parser, whatever it made of it.
    pub newest: Option<Revision>,
    /// Why the newest snapshot gave none.
    pub problem: Option<String>,
}

/// What the source says at one moment.
#[derive(Debug, Clone, Default)]
pub struct SourceIntake {
    /// The last catalog that could be read; `None` before the first.
    pub catalog: Option<Arc<Catalog>>,
    /// When the source was last read whole.
    pub read_last: Option<Timestamp>,
    /// Why the last read failed.
    pub problem: Option<String>,
    /// Whether what the catalog does not mention was taken out on purpose.
    pub absence: Absence,
    /// When the content of the catalog was first read, by the time of day.
    pub since: Option<Timestamp>,
    /// The same, by the clock that never goes back.
    pub since_elapsed: Option<Duration>,
    /// Whether the content was read again and was the same, one source interval later or more, or
    /// was published as a whole.
    pub confirmed: bool,
    /// When a reading can confirm it; `None` before the first reading.
    pub confirms_at: Option<Timestamp>,
}

/// A source that was last read longer ago than this may not lead to any loss (I-S1).
const SOURCE_AGE_MAX: Duration = Duration::from_mins(10);

impl SourceIntake {
    /// What the two channels say right now.
    pub fn of(parsed: &Parsed, source: &SourceState) -> Self {
        let unread = source.problem.as_ref().map(|problem| problem.text.clone());
        let evidence = parsed.evidence.as_ref();
        Self {
            catalog: parsed.catalog.clone(),
            read_last: source.success_last,
            problem: unread.or_else(|| parsed.problem.clone()),
            absence: evidence.map(|evidence| evidence.absence).unwrap_or_default(),
            since: evidence.map(|evidence| evidence.since),
            since_elapsed: evidence.map(|evidence| evidence.since_elapsed),
            confirmed: evidence.is_some_and(|evidence| evidence.confirmed),
            confirms_at: evidence.map(|evidence| evidence.confirms_at),
        }
    }

    /// What one reading says by itself: for commands that read the source once.
    pub fn once(
        snapshot: &Snapshot,
        catalog: Catalog,
        (setting, now): (Absence, Timestamp),
    ) -> Self {
        let absence = absence_of(setting, &PublicationHistory::after(None, snapshot));
        Self {
            catalog: Some(Arc::new(catalog)),
            read_last: Some(now),
            problem: None,
            absence,
            since: Some(now),
            since_elapsed: None,
            confirmed: absence == Absence::Atomic,
            confirms_at: None,
        }
    }

    /// How much this can be believed when it does not mention a pack.
    pub fn source_trust(&self, now: Timestamp) -> SourceTrust {
        match (&self.problem, self.read_last) {
            (Some(problem), _) => {
                SourceTrust::Unread(format!("the source could not be read: {problem}"))
            }
            (None, Some(read)) if now <= after(read, SOURCE_AGE_MAX) => SourceTrust::Whole,
            (None, _) => SourceTrust::Unread("the source was not read for 10 minutes".to_owned()),
        }
    }
}

/// What was parsed last, and what the source said then.
#[derive(Debug, Default)]
struct Last {
    snapshot: Option<Arc<Snapshot>>,
    constraints: Option<Constraints>,
    problem: Option<SourceProblem>,
}

/// Makes a catalog of every new snapshot, until `stop`.
pub async fn run(
    mut source: watch::Receiver<SourceState>,
    mut constraints: watch::Receiver<Constraints>,
    publish: watch::Sender<Parsed>,
    stop: CancellationToken,
) {
    let mut last = Last::default();
    loop {
        let current = constraints.borrow_and_update().clone();
        let SourceState { snapshot, evidence, problem, .. } = source.borrow_and_update().clone();
        if let Some(snapshot) = snapshot {
            let known = last.snapshot.as_ref();
            let is_parsed = known.is_some_and(|known| Arc::ptr_eq(known, &snapshot))
                && last.constraints.as_ref() == Some(&current);
            if is_parsed {
                // Regions wake when the evidence grows, and when the source fails or recovers;
                // not by a reading that found what was known.
                let has_changed = last.problem != problem;
                publish.send_if_modified(|parsed| support(parsed, evidence) || has_changed);
            } else {
                let known = publish.borrow().catalog.clone();
                let parsed = parse(&snapshot, &current, known).await;
                publish.send_modify(|shown| take(shown, parsed, (&snapshot, evidence)));
            }
            last = Last { snapshot: Some(snapshot), constraints: Some(current), problem };
        }
        // All arms are cancel-safe: `changed` only marks a version as seen.
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Ok(()) = source.changed() => {}
            Ok(()) = constraints.changed() => {}
            else => return,
        }
    }
}

/// Takes in newer evidence for what is shown; says whether it was any.
fn support(shown: &mut Parsed, evidence: Option<RevisionEvidence>) -> bool {
    // A snapshot that gave no catalog is no evidence for the catalog before it.
    let is_newer = shown.problem.is_none() && shown.evidence != evidence;
    if is_newer {
        shown.evidence = evidence;
    }
    is_newer
}

/// Takes in what the parser made of a snapshot.
fn take(
    shown: &mut Parsed,
    parsed: Option<Catalog>,
    (snapshot, evidence): (&Snapshot, Option<RevisionEvidence>),
) {
    shown.newest = Some(snapshot.revision.clone());
    match parsed {
        Some(catalog) => {
            shown.catalog = Some(Arc::new(catalog));
            shown.evidence = evidence;
            shown.problem = None;
        }
        None => {
            shown.problem = Some(
                "a manifest crashed the parser; report it as a \
            bug"
                .to_owned(),
            )
        }
    }
}

/// The catalog; nothing if a manifest broke the parser.
async fn parse(
    snapshot: &Arc<Snapshot>,
    constraints: &Constraints,
    known: Option<Arc<Catalog>>,
) -> Option<Catalog> {
    let (snapshot, constraints) = (Arc::clone(snapshot), constraints.clone());
    let read = move || Catalog::read(&snapshot, &constraints, known.as_deref());
    let parsed = tokio::task::spawn_blocking(read).await;
    if parsed.is_err() {
        tracing::error!("manifest parser panicked");
    }
    parsed.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(read: &str, problem: Option<&str>) -> SourceTrust {
        let problem = problem.map(ToOwned::to_owned);
        let read_last = Some(read.parse().unwrap());
        let intake = SourceIntake { read_last, problem, ..SourceIntake::default() };
        intake.source_trust("2026-11-01T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_source_is_believed_for_ten_minutes_and_not_after_a_failed_read() {
        assert_eq!(trust("2026-11-01T11:50:00Z", None), SourceTrust::Whole);
        assert!(matches!(trust("2026-11-01T11:49:59Z", None), SourceTrust::Unread(_)));
        assert!(matches!(trust("2026-11-01T12:00:00Z", Some("gone")), SourceTrust::Unread(_)));
        let never = SourceIntake::default().source_trust("2026-11-01T12:00:00Z".parse().unwrap());
        assert!(matches!(never, SourceTrust::Unread(_)));
    }
}
