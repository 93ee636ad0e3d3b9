//! Values as Prometheus has them.

use crate::domain::base::model::Timestamp;

/// A moment as Prometheus writes it: seconds since the epoch.
pub(super) fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
