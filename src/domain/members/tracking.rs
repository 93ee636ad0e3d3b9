//! The members of every pack of a region, as published to other tasks.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::base::model::{PackName, Timestamp};
use crate::domain::members::new_account::NewAccount;
use crate::domain::members::rollout::Rollout;

/// The members of one region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tracking {
    /// Every pack that is ours.
    pub packs: BTreeMap<PackName, Rollout>,
    /// Every new account that some pack here targets.
    pub new_accounts: Vec<NewAccount>,
    /// The oldest of the last failure resyncs of all packs that need one.
    pub trouble_last: Option<Timestamp>,
    /// The oldest of the last full resyncs of all packs; `None` until each had one.
    pub resync_last: Option<Timestamp>,
    /// The same, where a pack that had none yet counts from its first observation; `None` without
    /// packs.
    pub resync_since: Option<Timestamp>,
}
