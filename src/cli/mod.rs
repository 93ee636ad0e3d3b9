//! (being written)

pub mod excerpt;
pub mod schema;
pub mod validate;
pub mod healthcheck;
pub mod simulate;
