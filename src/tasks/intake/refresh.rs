//! A reading of the source on demand: before a loss, what was decided is checked against the
//! newest revision.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{Notify, watch};

use super::Parsed;
use crate::domain::base::model::Revision;
use crate::tasks::source::SourceState;

/// How long a reading may take, its parsing included. A source that is slower than this is not
/// known well enough to lose anything by it.
const REFRESH_MAX: Duration = Duration::from_secs(10);

/// Asks the source task for a reading that begins now. Clones ask the same task.
#[derive(Debug, Clone)]
pub struct Refresh {
    /// Asks for a reading.
    wake: Arc<Notify>,
    /// What the source task says.
    source: watch::Receiver<SourceState>,
    /// What the manifests say.
    parsed: watch::Receiver<Parsed>,
}

/// Why there is no fresh reading.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotRefreshed {
    /// The source could not be read.
    #[error("{0}")]
    Unread(String),
    /// What was read gave no catalog.
    #[error("{0}")]
    Unparsed(String),
    /// It took too long.
    #[error("the source was not read within {} seconds", REFRESH_MAX.as_secs())]
    Late,
    /// The process is about to end.
    #[error("the source is not read any more: conformd is stopping")]
    Stopped,
}

impl Refresh {
    /// Asks by `wake`, which the source task listens to, and listens to both tasks.
    pub fn new(
        wake: Arc<Notify>,
        source: watch::Receiver<SourceState>,
        parsed: watch::Receiver<Parsed>,
    ) -> Self {
        Self { wake, source, parsed }
    }

    /// The revision that is accepted after a reading which began after this call, once its
    /// manifests are parsed.
    ///
    /// # Errors
    /// [`NotRefreshed`]; what was accepted before stays in force.
    pub async fn refresh(&self) -> Result<Revision, NotRefreshed> {
        let (mut source, mut parsed) = (self.source.clone(), self.parsed.clone());
        // A reading that has begun already may have passed by what changed just now.
        let begun = source.borrow().readings_begun;
        self.wake.notify_one();
        let answered = async {
            loop {
                let known = answer(&source.borrow_and_update(), &parsed.borrow_and_update(), begun);
                if let Some(answer) = known {
                    return answer;
                }
                // Both arms are cancel-safe: `changed` only marks a version as seen.
                tokio::select! {
                    Ok(()) = source.changed() => {}
                    Ok(()) = parsed.changed() => {}
                    else => return Err(NotRefreshed::Stopped),
                }
            }
        };
        tokio::time::timeout(REFRESH_MAX, answered).await.unwrap_or(Err(NotRefreshed::Late))
    }
}

/// The answer, as soon as a reading after the first `begun` has ended and was parsed.
fn answer(
    source: &SourceState,
    parsed: &Parsed,
    begun: u64,
) -> Option<Result<Revision, NotRefreshed>> {
    if source.readings_ended <= begun {
        return None;
    }
    if let Some(problem) = &source.problem {
        return Some(Err(NotRefreshed::Unread(problem.text.clone())));
    }
    let revision = &source.snapshot.as_ref()?.revision;
    if parsed.newest.as_ref() != Some(revision) {
        return None;
    }
    Some(match &parsed.problem {
        Some(problem) => Err(NotRefreshed::Unparsed(problem.clone())),
        None => Ok(revision.clone()),
    })
}
