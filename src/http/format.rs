//! In which form a document is written.

use strum::{EnumIter, EnumString, IntoStaticStr};

/// How a document is written.
#[derive(Clone, Copy, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum DocumentFormat {
    Json,
    Text,
}

impl DocumentFormat {
    /// The word that asks for it.
    pub(super) fn as_str(self) -> &'static str {
        self.into()
    }
}

/// How a list is written.
#[derive(Clone, Copy, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum ListFormat {
    Json,
    Csv,
}

impl ListFormat {
    /// The word that asks for it.
    pub(super) fn as_str(self) -> &'static str {
        self.into()
    }
}
