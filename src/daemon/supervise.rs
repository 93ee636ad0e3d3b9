//! Restarts long tasks: a panic is counted and the task starts again, up to a limit.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// More panics than this within [`WINDOW`] end the process: something is wrong for good.
const PANICS_MAX: usize = 5;
/// See [`PANICS_MAX`].
const WINDOW: Duration = Duration::from_mins(10);
/// Before a task that panicked begins anew.
const REST: Duration = Duration::from_secs(1);

/// A task that panicked too often.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {task} task panicked {PANICS_MAX} times within 10 minutes")]
pub(crate) struct Hopeless {
    /// Which one.
    pub(crate) task: &'static str,
}

/// Runs what `make` makes until `stop`: again when it ends, again after a panic.
pub(crate) async fn supervise<F>(
    task: &'static str,
    stop: CancellationToken,
    panicked: impl Fn() + Send,
    make: impl Fn() -> F + Send,
) -> Result<(), Hopeless>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut panics: VecDeque<Instant> = VecDeque::new();
    while !stop.is_cancelled() {
        let mut one = JoinSet::new();
        one.spawn(make());
        // Only panics are counted: a task that returns has its reasons, such as other settings.
        if one.join_next().await.is_some_and(|end| end.is_err()) {
            tracing::error!(task, "task panicked");
            panicked();
            #[expect(clippy::disallowed_methods, reason = "panics are counted in real time")]
            let now = Instant::now();
            panics.push_back(now);
            panics.retain(|at| now.duration_since(*at) < WINDOW);
            if panics.len() >= PANICS_MAX {
                return Err(Hopeless { task });
            }
            tokio::time::sleep(REST).await;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_once_begins_anew() {
        let (runs, stop) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let (count, end) = (Arc::clone(&runs), stop.clone());
        let make = move || {
            let (count, end) = (Arc::clone(&count), end.clone());
            async move {
                assert!(count.fetch_add(1, Ordering::SeqCst) > 0, "the first run breaks");
                end.cancel();
            }
        };
        assert_eq!(supervise("test", stop, || (), make).await, Ok(()));
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_always_panics_ends_the_process() {
        let panics = AtomicUsize::new(0);
        let count = || {
            panics.fetch_add(1, Ordering::SeqCst);
        };
        let end = supervise("test", CancellationToken::new(), count, || async { panic!() }).await;
        assert_eq!(end, Err(Hopeless { task: "test" }));
        assert_eq!(panics.load(Ordering::SeqCst), PANICS_MAX);
    }
}
