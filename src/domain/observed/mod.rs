//! What AWS showed of one region: packs, statuses, rows of members and recorders.

pub mod content;
pub mod failure_class;
pub mod member;
pub mod packs;
pub mod recorder;
