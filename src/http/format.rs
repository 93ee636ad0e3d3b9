//! In which form a document is written.

/// How a document is written.
#[derive(Clone, Copy)]
pub(super) enum DocumentFormat {
    Json,
    Text,
}

impl DocumentFormat {
    pub(super) const ALL: [Self; 2] = [Self::Json, Self::Text];

    /// The word that asks for it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
        }
    }
}
