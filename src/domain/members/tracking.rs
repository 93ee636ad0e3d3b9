//! What is known of the members of every pack of a region, for whoever reads it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::base::model::{PackName, Timestamp};
use crate::domain::members::new_account::NewAccount;
use crate::domain::members::rollout::Rollout;

/// What is known of the members of one region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tracking {
    /// Every pack that is ours.
    pub packs: BTreeMap<PackName, Rollout>,
    /// Every account that joined lately and is expected by some pack here.
    pub new_accounts: Vec<NewAccount>,
    /// When the members in trouble of every pack that needs it were last read.
    pub trouble_last: Option<Timestamp>,
    /// The oldest of the last full resyncs of all packs; `None` until each had one.
    pub resync_last: Option<Timestamp>,
}
