//! The latest events for users: one entry for each notable change, newest last.
//!
//! They are kept in memory, up to a limit. No decision depends on an event.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::base::model::{AccountId, PackName, Region, Timestamp};

/// The events that are kept, oldest first.
pub type Events = Arc<[Event]>;

/// Numbers stay below: the greatest that every JSON reader keeps exact (RFC 8259, section 6).
pub const NUMBER_MAX: u64 = (1 << 53) - 1;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Counts up from 1 in the life of a process.
    pub number: u64,
    /// When it was noted.
    pub at: Timestamp,
    /// What it is about.
    pub kind: EventKind,
    /// How much it matters.
    pub weight: Weight,
    /// The region, if it is about one.
    pub region: Option<Region>,
    /// The pack it is about, if it is one.
    pub pack: Option<PackName>,
    /// The account it is about, if it is one.
    pub account: Option<AccountId>,
    /// One sentence. It may hold foreign text: cut, on one line, control characters made visible.
    pub text: String,
}

/// What events are about: a closed set.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The process started, AWS confirmed or refused the caller, or events were lost.
    Process,
    /// The settings were read again and are in force.
    Reloaded,
    /// The settings were read again and cannot be used: the previous ones stay in force.
    NotReloaded,
    /// A revision was accepted, or the source became unreadable or readable.
    Source,
    /// A region became unknown, or known again.
    Region,
    /// The guard holds a plan, or releases it.
    Guard,
    /// A mutation and the answer of AWS.
    Mutation,
    /// The health of a rollout changed.
    Rollout,
    /// A new account joined, got its packs, is late, or missed its deadline.
    NewAccount,
    /// The account list changed, or is in doubt.
    Organization,
}

/// How much an event matters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// As it should be.
    Normal,
    /// Unexpected, but handled.
    Warning,
    /// Action required.
    Critical,
}
