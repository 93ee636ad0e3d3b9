//! One moment, by every clock.

use std::time::Duration;

use crate::clock::Clock;
use crate::domain::base::model::Timestamp;

/// A moment by every clock that the window needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClockReadings {
    /// On the monotonic clock.
    pub(super) elapsed: Duration,
    /// The time of day.
    pub(super) now: Timestamp,
    /// AWS's time.
    pub(super) aws_now: Timestamp,
}

impl ClockReadings {
    pub(super) fn of(clock: &Clock) -> Self {
        Self { elapsed: clock.elapsed(), now: clock.now(), aws_now: clock.aws_now() }
    }
}

/// The time that has passed on a clock that counts a machine's sleep too.
pub(super) fn running(clock: &Clock) -> Duration {
    clock.stamp().boot.map_or_else(|| clock.elapsed(), |boot| boot.elapsed)
}
