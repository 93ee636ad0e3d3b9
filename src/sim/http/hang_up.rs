//! The end of a connection without an answer.

use thiserror::Error;

/// The answer is no answer: the connection is reset.
#[derive(Debug, Error)]
#[error("the simulated service closed the connection")]
pub(super) struct HangUp;
