//! What happened lately, for people: one entry for each change worth telling, newest last.
//!
//! Kept in memory and bounded; the log is the record. Nothing is decided on an event.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::base::model::{AccountId, PackName, Region, Timestamp};

/// The events that are kept, oldest first.
pub type Events = Arc<[Event]>;

/// Numbers stay below: the greatest that every JSON reader keeps exact (RFC 8259, section 6).
pub const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Counts up from 1 in the life of a process.
    pub number: u64,
    /// When it was noticed.
    pub at: Timestamp,
    /// What it is about.
    pub kind: EventKind,
    /// How much it matters.
    pub weight: Weight,
    /// Where, if it is of one region.
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
    /// The process started, or took other settings.
    Process,
    /// The source was accepted, went away, or came back.
    Source,
    /// A region could not be seen, or can again.
    Region,
    /// The guard holds a plan, or lets it go.
    Guard,
    /// A mutation and what AWS said.
    Mutation,
    /// A pack arrived, or stopped being there.
    Rollout,
    /// An account is new, in time, late, or missed its deadline.
    NewAccount,
    /// The account list changed, or cannot be believed.
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
    /// Worth a look.
    Warning,
    /// Somebody has to act.
    Critical,
}
