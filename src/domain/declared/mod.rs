//! What a team wrote: the files of the source, read as YAML, templates, manifests and approvals,
//! and checked as a whole. Nothing here knows what AWS holds.

pub mod approval;
pub mod catalog;
pub mod constraints;
pub mod diagnostic;
pub(crate) mod findings;
pub mod interest;
pub mod manifest;
pub mod snapshot;
pub mod source;
pub mod template;
pub mod yaml;
