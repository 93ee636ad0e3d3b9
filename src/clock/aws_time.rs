//! AWS's time, as far as its answers tell: a moment they named, plus the time that has run since.
//!
//! Deliberately knows no time of day of its own, so that no jump of one can move it.

use std::time::Duration;

use jiff::SignedDuration;

use crate::domain::base::model::Timestamp;

/// Answers that differ by no more than this tell the same time: `Date` counts whole seconds, and an
/// answer may have been seconds on its way (reliability T-01).
const AGREEMENT: SignedDuration = SignedDuration::from_secs(30);

/// What answers told. Times are kept as what AWS's clock showed when ours began to run, so that
/// answers of different moments can be compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct AwsTime {
    /// What counts.
    beginning: Option<Timestamp>,
    /// What the last answer said that disagreed; it counts when the next one says the same.
    doubt: Option<Timestamp>,
}

impl AwsTime {
    /// Takes in an answer of this `Date`, which arrived after our clock had run for `elapsed`.
    pub(super) fn hear(&mut self, date: Timestamp, elapsed: Duration) {
        let Ok(told) = date.checked_sub(elapsed) else { return };
        let agrees = |other: &Timestamp| told.duration_since(*other).abs() <= AGREEMENT;
        if self.beginning.as_ref().is_some_and(agrees) {
            self.doubt = None;
        } else if let Some(doubt) = self.doubt.take_if(|doubt| agrees(doubt)) {
            // The later of the two was the shorter time on its way.
            self.beginning = Some(doubt.max(told));
        } else {
            self.doubt = Some(told);
        }
    }

    /// AWS's time now; `None` until two answers agreed.
    pub(super) fn now(&self, elapsed: Duration) -> Option<Timestamp> {
        Some(self.beginning?.checked_add(elapsed).unwrap_or(Timestamp::MAX))
    }
}
