//! What conformd itself can do about members that failed: put the pack again, or leave it.
//!
//! AWS retries no account after its window, and a Put is the only lever there is; it redeploys to
//! everybody, so it is pulled for all at once and ever more rarely.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::failure_class::FailureClass;
use super::model::{AccountId, Timestamp};

/// When late accounts are worth a Put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AfterDeadline {
    /// Never.
    Never,
    /// When their recorder is known to be there.
    RecorderSeen,
    /// Always, once per cooldown, though nobody knows whether it helps.
    Always,
}

/// How rescues are made (settings: `rescue`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rescue {
    /// When a late account is worth a Put.
    pub after_deadline: AfterDeadline,
    /// The shortest time between rescues of one pack in one region, from its `LastUpdateTime`.
    pub cooldown: Duration,
}

impl Default for Rescue {
    /// Only where it is known to help; an hour as the longest run that was reported
    /// (terraform-provider-aws#20560: well over ten minutes for 72 accounts).
    fn default() -> Self {
        Self { after_deadline: AfterDeadline::RecorderSeen, cooldown: Duration::from_hours(1) }
    }
}

/// What would help the members of one pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "remedy", rename_all = "snake_case")]
pub enum Remedy {
    /// Nothing is wrong, or nothing that a Put could mend before it ends by itself.
    Nothing,
    /// Not known yet: the members have to be read first.
    Unread,
    /// One Put for accounts that AWS gave up and that can take the pack now.
    Rescue {
        /// Whom it is for.
        accounts: BTreeSet<AccountId>,
        /// Not before.
        due: Timestamp,
    },
    /// One Put because failures may have passed.
    Retry {
        /// The failures that may have passed.
        classes: BTreeMap<FailureClass, usize>,
        /// Not before.
        due: Timestamp,
    },
    /// Only a person can mend this.
    Person {
        /// The failures.
        classes: BTreeMap<FailureClass, usize>,
    },
}
