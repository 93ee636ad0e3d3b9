//! Arithmetic over moments and waits, and how long things take.

use std::fmt;
use std::time::Duration;

use super::model::{Digest, Timestamp};

/// How long things take: what the settings say and figures that were chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two reconciliations of a region (settings: `intervals.region`).
    pub interval: Duration,
    /// Before a pack in progress, or a suspect observation, is observed again; doubles while the
    /// pack stays in progress (settings: `intervals.inProgress.first`).
    pub refresh_again: Duration,
    /// Longest such wait (settings: `intervals.inProgress.max`).
    pub refresh_again_max: Duration,
    /// How long a write may stay invisible (10 min: Terraform's AWS provider polls as long).
    pub settle: Duration,
    /// First wait before a failed deployment is put again; doubles.
    pub retry_min: Duration,
    /// Longest such wait.
    pub retry_max: Duration,
    /// Before content that AWS refused is offered again unchanged.
    pub recheck: Duration,
    /// First wait of a write that failed or was refused for now; doubles (settings:
    /// `intervals.requeue.first`).
    pub requeue: Duration,
    /// Longest such wait (settings: `intervals.requeue.max`).
    pub requeue_max: Duration,
}

impl Pace {
    /// The figures that were chosen, around this interval.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            refresh_again: Duration::from_mins(1).min(interval),
            refresh_again_max: Duration::from_mins(5),
            settle: Duration::from_mins(10),
            retry_min: Duration::from_hours(1),
            retry_max: Duration::from_hours(24),
            recheck: Duration::from_hours(24),
            requeue: Duration::from_mins(1).min(interval),
            requeue_max: Duration::from_mins(15),
        }
    }
}

/// `now` plus a span, never past the end of time.
pub fn after(now: Timestamp, span: Duration) -> Timestamp {
    now.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// A moment in UTC, without fractions of a second (RFC 3339).
pub fn to_second(at: Timestamp) -> impl fmt::Display {
    at.strftime("%Y-%m-%dT%H:%M:%SZ")
}

/// `base` doubled `times` times, at most `max`.
pub fn backoff(base: Duration, times: u32, max: Duration) -> Duration {
    base.saturating_mul(2_u32.saturating_pow(times)).min(max)
}

/// `span` and up to `most` more, by the digest of `parts`: the same parts wait equally long, and
/// different ones do not come back all at once.
pub fn jittered<'a>(
    span: Duration,
    most: Duration,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> Duration {
    let share = u32::from_str_radix(&Digest::of(parts).short(), 16).unwrap_or_default() % 100;
    let jitter = most.saturating_mul(share).checked_div(100).unwrap_or_default();
    span.saturating_add(jitter)
}
