//! A moment as scenarios write it.

use std::str::FromStr;

use jiff::SignedDuration;
use serde::Deserialize;

use crate::domain::base::model::Timestamp;

/// A moment relative to another (`-6h50m`, `30m`), or absolute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum RelativeTime {
    /// So long before or after.
    Relative(SignedDuration),
    /// At that time.
    Absolute(Timestamp),
}

impl RelativeTime {
    /// The moment, if relative ones count from `base`.
    pub fn from(self, base: Timestamp) -> Timestamp {
        match self {
            Self::Relative(offset) => base.saturating_add(offset).unwrap_or(base),
            Self::Absolute(at) => at,
        }
    }
}

impl FromStr for RelativeTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse() {
            return Ok(Self::Absolute(at));
        }
        let (sign, length) = match text.strip_prefix('-') {
            Some(length) => (-1, length),
            None => (1, text),
        };
        humantime::parse_duration(length)
            .ok()
            .and_then(|length| SignedDuration::try_from(length).ok())
            .and_then(|length| length.checked_mul(sign))
            .map(Self::Relative)
            .ok_or_else(|| {
                format!("{text:?} is no moment such as -6h50m, 30m or 2026-11-01T08:00:00Z")
            })
    }
}

impl TryFrom<String> for RelativeTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
