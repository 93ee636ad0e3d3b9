//! How much conformd may change.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::Malformed;

/// How much conformd may change in AWS. There is no default, since each mode fits some
/// installations.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Observes and reports; writes nothing.
    Observe,
    /// Creates and updates; deletes nothing.
    Upsert,
    /// Creates, updates and deletes.
    Sync,
}

impl Mode {
    /// Every mode, the most careful first.
    pub const ALL: [Self; 3] = [Self::Observe, Self::Upsert, Self::Sync];

    /// What a valid value looks like.
    pub const EXPECTED: &'static str = "a mode (observe, upsert or sync)";

    /// The name used in settings, labels, logs and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Upsert => "upsert",
            Self::Sync => "sync",
        }
    }

    /// Whether packs may be created and updated.
    pub fn may_put(self) -> bool {
        match self {
            Self::Observe => false,
            Self::Upsert | Self::Sync => true,
        }
    }

    /// Whether packs may be deleted.
    pub fn may_delete(self) -> bool {
        match self {
            Self::Observe | Self::Upsert => false,
            Self::Sync => true,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let found = Self::ALL.into_iter().find(|mode| mode.as_str() == text);
        found.ok_or_else(|| Malformed::new(text, Self::EXPECTED))
    }
}
