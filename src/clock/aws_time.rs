//! AWS's time, learned from its answers: a moment that they gave, plus the time that has passed
//! since.
//!
//! Deliberately knows no time of day of its own, so that no jump of one can move it.

use std::time::Duration;

use jiff::SignedDuration;

use crate::domain::base::model::Timestamp;

/// Answers that differ by no more than this give the same time: `Date` counts whole seconds (RFC
/// 9110, section 5.6.7), and an answer may travel for seconds.
const AGREEMENT: SignedDuration = SignedDuration::from_secs(30);

/// The times of answers. Each is kept as the time of AWS's clock when ours began to run, so that
/// answers of different moments can be compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct AwsTime {
    /// The time in use.
    beginning: Option<Timestamp>,
    /// The time of the last answer that disagreed; it is used once the next answer agrees with it.
    doubt: Option<Timestamp>,
    /// The time of the last answer, if it is later than the time in use and agrees with it.
    later: Option<Timestamp>,
}

impl AwsTime {
    /// Learns from an answer with this `Date`, which arrived after our clock had run for `elapsed`.
    pub(super) fn hear(&mut self, date: Timestamp, elapsed: Duration) {
        let Ok(told) = date.checked_sub(elapsed) else { return };
        let agrees = |other: &Timestamp| told.duration_since(*other).abs() <= AGREEMENT;
        // One answer with a wrong `Date`, from a proxy for example, must not move deadlines: only
        // two answers that agree change the time.
        if let Some(beginning) = self.beginning.filter(agrees) {
            self.doubt = None;
            // Answers travel for some time and `Date` is cut to whole seconds, so a later time is
            // the better one. `LastUpdateTime` is compared with it to a few seconds.
            self.later = match self.later {
                Some(later) if told > beginning => {
                    self.beginning = Some(later.min(told));
                    None
                }
                None if told > beginning => Some(told),
                Some(_) | None => None,
            };
        } else if let Some(doubt) = self.doubt.take_if(|doubt| agrees(doubt)) {
            // The later of the two traveled for a shorter time.
            self.beginning = Some(doubt.max(told));
            self.later = None;
        } else {
            self.doubt = Some(told);
        }
    }

    /// AWS's time now; `None` until two answers agreed.
    pub(super) fn now(&self, elapsed: Duration) -> Option<Timestamp> {
        Some(self.beginning?.checked_add(elapsed).unwrap_or(Timestamp::MAX))
    }
}
