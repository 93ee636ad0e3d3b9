//! The long task of the record: writes events as they come, forgets what is old, and tries again
//! what could not be used.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Record;
use crate::clock::Clock;
use crate::domain::plan::record::RecordedPast;

/// How long an event waits for others, so that a wave of them is one write.
const GATHER: Duration = Duration::from_secs(1);

/// How often old history is forgotten.
const PRUNE: Duration = Duration::from_hours(1);

/// How often a record that cannot be used is tried again.
const RETRY: Duration = Duration::from_mins(1);

/// Runs until stop; then writes what still waits. `reopened` gets the window of a record that was
/// opened while the process ran, with the notices for the user.
pub async fn run(
    record: Record,
    clock: Clock,
    stop: CancellationToken,
    reopened: impl Fn(RecordedPast, Vec<String>),
) {
    let mut pruned = None;
    loop {
        // All arms are cancel-safe: what waits stays in its queue, and times are read afresh.
        tokio::select! {
            () = stop.cancelled() => break,
            () = record.shared.events_came.notified() => {
                // Stop does not wait for more events.
                let _ended = stop.run_until_cancelled(clock.sleep(GATHER)).await;
                log_failure(record.flush().await);
            }
            () = clock.sleep(RETRY) => {}
        }
        if let Some((window, notices)) = record.recover(clock.stamp()).await {
            reopened(window, notices);
        }
        let elapsed = clock.elapsed();
        if pruned.is_none_or(|last| elapsed.saturating_sub(last) >= PRUNE) {
            pruned = Some(elapsed);
            log_failure(record.prune(clock.stamp()).await);
        }
    }
    log_failure(record.flush().await);
}

/// The status page shows it to users; the log shows it only at level debug.
fn log_failure(written: Result<(), super::Unrecorded>) {
    if let Err(error) = written {
        tracing::debug!(%error, "history not recorded");
    }
}
