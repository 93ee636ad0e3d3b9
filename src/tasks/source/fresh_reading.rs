//! A reading of the source on demand: before a loss, what was decided is checked against the
//! newest revision.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{Notify, watch};

use crate::domain::base::model::Revision;
use crate::domain::declared::source::SourceStatus;

/// How long a reading may take, its parsing included. A source that is slower than this is not
/// known well enough to lose anything by it.
const REFRESH_MAX: Duration = Duration::from_secs(10);

/// The readings since the start: each has a number, in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadingCount {
    /// The newest that has begun.
    pub begun: u64,
    /// The newest that has ended, and whose result is published.
    pub ended: u64,
}

/// Asks the source task for a reading that begins now. Clones ask the same task.
#[derive(Debug, Clone)]
pub struct FreshReading {
    /// Asks for a reading.
    pub wake: Arc<Notify>,
    /// The readings of the source task.
    pub readings: watch::Receiver<ReadingCount>,
    /// What it publishes.
    pub status: watch::Receiver<SourceStatus>,
}

/// Why there is no fresh reading.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoFreshReading {
    /// The source could not be read, or what was read gave no catalog.
    #[error("{0}")]
    Unread(String),
    /// It took too long.
    #[error("the source was not read within {} seconds", REFRESH_MAX.as_secs())]
    Late,
    /// The process is about to end.
    #[error("the source is not read any more: conformd is stopping")]
    Stopped,
}

impl FreshReading {
    /// The revision that is in force after a reading which began after this call.
    ///
    /// # Errors
    /// [`NoFreshReading`]; what was accepted before stays in force.
    pub async fn newest_revision(&self) -> Result<Revision, NoFreshReading> {
        let mut readings = self.readings.clone();
        // A reading that has begun already may have passed by what changed just now.
        let begun = readings.borrow().begun;
        self.wake.notify_one();
        match tokio::time::timeout(REFRESH_MAX, readings.wait_for(|it| it.ended > begun)).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return Err(NoFreshReading::Stopped),
            Err(_) => return Err(NoFreshReading::Late),
        }
        let status = self.status.borrow();
        match (status.problem(), status.revision()) {
            (None, Some(revision)) => Ok(revision.clone()),
            (Some(problem), _) => Err(NoFreshReading::Unread(problem.to_owned())),
            (None, None) => Err(NoFreshReading::Unread("the source was not read yet".to_owned())),
        }
    }
}
