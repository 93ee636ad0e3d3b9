//! From snapshots to catalogs: the one place where manifests are parsed while the daemon runs.
//!
//! Parsing is done on a blocking thread, and a manifest that breaks the parser breaks nothing
//! else: the last catalog stays, and nothing is deleted until a reading succeeds again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::domain::catalog::{Catalog, Constraints};
use crate::domain::desired::Basis;
use crate::domain::history::after;
use crate::domain::model::Timestamp;
use crate::domain::snapshot::Snapshot;
use crate::source::SourceState;

/// The last catalog, and why there is no newer one.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    /// The last catalog that could be made; `None` before the first.
    pub catalog: Option<Arc<Catalog>>,
    /// Why the newest snapshot gave none.
    pub problem: Option<String>,
}

/// What the source says at one moment.
#[derive(Debug, Clone, Default)]
pub struct Intake {
    /// The last catalog that could be read; `None` before the first.
    pub catalog: Option<Arc<Catalog>>,
    /// When the source was last read whole.
    pub read_last: Option<Timestamp>,
    /// Why the last read failed.
    pub problem: Option<String>,
}

/// A source that was last read longer ago than this may not lead to any loss (I-S1).
const SOURCE_AGE_MAX: Duration = Duration::from_mins(10);

impl Intake {
    /// What the two channels say right now.
    pub fn of(parsed: &Parsed, source: &SourceState) -> Self {
        let unread = source.problem.as_ref().map(|problem| problem.text.clone());
        Self {
            catalog: parsed.catalog.clone(),
            read_last: source.success_last,
            problem: unread.or_else(|| parsed.problem.clone()),
        }
    }

    /// How much this can be believed when it does not mention a pack.
    pub fn basis(&self, now: Timestamp) -> Basis {
        match (&self.problem, self.read_last) {
            (Some(problem), _) => Basis::Unread(format!("the source could not be read: {problem}")),
            (None, Some(read)) if now <= after(read, SOURCE_AGE_MAX) => Basis::Whole,
            (None, _) => Basis::Unread("the source was not read for 10 minutes".to_owned()),
        }
    }
}

/// Makes a catalog of every new snapshot, until `stop`.
pub async fn run(
    mut source: watch::Receiver<SourceState>,
    mut constraints: watch::Receiver<Constraints>,
    publish: watch::Sender<Parsed>,
    stop: CancellationToken,
) {
    loop {
        let snapshot = source.borrow_and_update().snapshot.clone();
        let current = constraints.borrow_and_update().clone();
        let known = publish.borrow().catalog.clone();
        if let Some(snapshot) = snapshot {
            let parsed = parse(snapshot, current, known).await;
            publish.send_replace(parsed);
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

async fn parse(
    snapshot: Arc<Snapshot>,
    constraints: Constraints,
    known: Option<Arc<Catalog>>,
) -> Parsed {
    let last = known.clone();
    let read = move || Catalog::read(&snapshot, &constraints, last.as_deref());
    if let Ok(catalog) = tokio::task::spawn_blocking(read).await {
        return Parsed { catalog: Some(Arc::new(catalog)), problem: None };
    }
    tracing::error!("manifest parser panicked");
    let problem = Some("a manifest broke the parser; please report it".to_owned());
    Parsed { catalog: known, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basis(read: &str, problem: Option<&str>) -> Basis {
        let problem = problem.map(ToOwned::to_owned);
        let intake = Intake { catalog: None, read_last: Some(read.parse().unwrap()), problem };
        intake.basis("2026-11-01T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_source_is_believed_for_ten_minutes_and_not_after_a_failed_read() {
        assert_eq!(basis("2026-11-01T11:50:00Z", None), Basis::Whole);
        assert!(matches!(basis("2026-11-01T11:49:59Z", None), Basis::Unread(_)));
        assert!(matches!(basis("2026-11-01T12:00:00Z", Some("gone")), Basis::Unread(_)));
        let never = Intake::default().basis("2026-11-01T12:00:00Z".parse().unwrap());
        assert!(matches!(never, Basis::Unread(_)));
    }
}
