//! (being written)
pub mod healthcheck;
