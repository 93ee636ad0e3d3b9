//! The daemon's part in the record: its long task, and how it is shown.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Daemon;
use super::supervise::{Hopeless, supervise};
use crate::domain::base::heartbeat::Task;
use crate::record::{self, Figures, Record};
use crate::session::AwsSession;

/// How often the size of the record is shown afresh.
const RECORD_SHOWN: Duration = Duration::from_secs(5);

impl Daemon {
    /// Keeps the record: writes events, forgets what is old, tries again what could not be used.
    pub(crate) fn spawn_record(
        &self,
        tasks: &mut JoinSet<Result<(), Hopeless>>,
        session: &AwsSession,
        stop: &CancellationToken,
    ) {
        let window = Arc::clone(session.window());
        let Some(record) = window.record().cloned() else { return };
        tasks.spawn(self.show_record(record.clone(), stop.clone()));
        let (metrics, clock, end) = (self.metrics.clone(), self.clock.clone(), stop.clone());
        tasks.spawn(supervise(
            "record",
            stop.clone(),
            move || metrics.panicked(Task::Journal),
            move || {
                let window = Arc::clone(&window);
                record::run(
                    record.clone(),
                    clock.clone(),
                    end.clone(),
                    move |remembered, notices| {
                        // An error, since a new record means that losses need an approval for 24
                        // hours.
                        for notice in notices {
                            tracing::error!(notice, "a new record was created");
                        }
                        window.reopened(&remembered);
                    },
                )
            },
        ));
    }

    /// Publishes the state of the record: at every change, and its size every few seconds.
    fn show_record(
        &self,
        record: Record,
        stop: CancellationToken,
    ) -> impl Future<Output = Result<(), Hopeless>> + use<> {
        let (shown, metrics) = (self.record.clone(), self.metrics.clone());
        async move {
            let mut status = record.watch();
            loop {
                shown.send_replace(Some(status.borrow_and_update().clone()));
                let Figures { usable, bytes, write_errors, events_lost: _ } = record.figures();
                metrics.show_record(usable, bytes, write_errors);
                // All arms are cancel-safe: `changed` only marks a version as seen.
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return Ok(()),
                    Ok(()) = status.changed() => {}
                    () = tokio::time::sleep(RECORD_SHOWN) => {}
                }
            }
        }
    }
}
