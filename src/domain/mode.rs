//! How far conformd may go.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The mode of operation: mandatory in the settings, without a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Look and report; never write.
    Observe,
    /// Create and update; never delete.
    Upsert,
    /// Create, update and, through every gate, delete.
    Sync,
}

impl Mode {
    /// Every mode, in label order.
    pub const ALL: [Self; 3] = [Self::Observe, Self::Upsert, Self::Sync];

    /// The word used in settings, labels and texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Upsert => "upsert",
            Self::Sync => "sync",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
