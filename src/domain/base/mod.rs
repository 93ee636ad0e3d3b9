//! Identifiers, limits, times, failures and words: the vocabulary of every other room.

pub mod code;
pub mod failure;
pub mod heartbeat;
pub mod limits;
pub mod mode;
pub mod model;
pub(crate) mod nearest;
pub mod operation;
pub mod partition;
pub(crate) mod schema;
pub mod stamp;
pub mod time;
pub mod untrusted;
pub mod words;
