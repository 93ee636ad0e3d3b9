//! How much conformd may change.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use super::model::Malformed;

/// How much conformd may change in AWS. There is no default, since each mode fits some
/// installations.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[derive(strum::Display, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase", parse_err_ty = Malformed, parse_err_fn = Self::malformed)]
pub enum Mode {
    /// Observes and reports; writes nothing.
    Observe,
    /// Creates and updates; deletes nothing.
    Upsert,
    /// Creates, updates and deletes.
    Sync,
}

impl Mode {
    /// What a valid value looks like.
    pub const EXPECTED: &'static str = "a mode (observe, upsert or sync)";

    fn malformed(text: &str) -> Malformed {
        Malformed::new(text, Self::EXPECTED)
    }

    /// The name used in settings, labels, logs and JSON.
    pub fn as_str(self) -> &'static str {
        self.into()
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
