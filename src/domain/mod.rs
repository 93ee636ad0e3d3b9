//! The pure core: values in, values out. No async, clock, environment, file system, SDK or
//! tracing; ordered collections only, since order is output; the time is an argument.
//!
//! Seven rooms; each may use those before it in the table of `docs/architecture.md`, from `base` to
//! `present`, and no other.

pub mod base;
pub mod declared;
pub mod members;
pub mod observed;
pub mod organization;
pub mod plan;
pub mod present;
