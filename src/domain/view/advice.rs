//! Whose move a failure is and what to do about it, until the classes say so themselves.

use serde::{Deserialize, Serialize};

use super::super::failure_class::FailureClass;

/// Whose move it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mover {
    /// AWS.
    Aws,
    /// Whoever runs the member account.
    Member,
    /// Whoever wrote the pack.
    Author,
}

impl Mover {
    /// Person.
    pub fn is_person(self) -> bool {
        self != Self::Aws
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Member => "account",
            Self::Author => "pack author",
        }
    }
}

/// Advice.
pub(super) trait Advice {
    fn mover(self) -> Mover;
    fn advice(self) -> &'static str;
    fn is_retryable(self) -> bool;
}

impl Advice for FailureClass {
    fn mover(self) -> Mover {
        match self {
            Self::Throttled => Mover::Aws,
            Self::Template | Self::UnsupportedRule => Mover::Author,
            _ => Mover::Member,
        }
    }

    fn advice(self) -> &'static str {
        "see what AWS says"
    }

    fn is_retryable(self) -> bool {
        matches!(self, Self::Throttled | Self::StackFailed)
    }
}
