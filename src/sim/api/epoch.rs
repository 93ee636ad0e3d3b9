//! AWS's time stamps: seconds since 1970, with a fraction or without.

use serde::{Serialize, Serializer};

use crate::domain::base::model::Timestamp;

/// A moment as awsJson sends it: epoch seconds as a number, fractional to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub Timestamp);

impl Epoch {
    /// This moment, cut to the millisecond.
    pub fn of(at: Timestamp) -> Self {
        Self(whole(at))
    }
}

impl Serialize for Epoch {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds fit 53 bits until year 287396"
        )]
        let milliseconds = self.0.as_millisecond() as f64;
        out.serialize_f64(milliseconds / 1000.0)
    }
}

/// The moment cut to the millisecond, as AWS shows it.
pub(crate) fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
