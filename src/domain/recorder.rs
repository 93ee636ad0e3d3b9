//! What a probe found out about configuration recorders of member accounts.
//!
//! AWS's gate is that a customer-managed recorder exists; whether it records decides if deployed
//! rules evaluate anything. "Could not look" is never "there is none".

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::model::{AccountId, Region, Timestamp};

/// A recorder's state in one account and region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RecorderState {
    /// Customer-managed, switched on, last delivery fine or not due.
    Recording,
    /// Customer-managed, switched off.
    Stopped,
    /// Customer-managed, switched on, deliveries fail.
    Failing {
        /// `lastErrorCode`: foreign text, cut.
        code: String,
    },
    /// None that a customer manages.
    Missing,
    /// It could not be asked.
    Unknown {
        /// Why.
        why: String,
    },
}

/// The state without its details: the closed set of a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecorderKind {
    /// See [`RecorderState::Recording`].
    Recording,
    /// See [`RecorderState::Stopped`].
    Stopped,
    /// See [`RecorderState::Failing`].
    Failing,
    /// See [`RecorderState::Missing`].
    Missing,
    /// See [`RecorderState::Unknown`].
    Unknown,
}

impl RecorderKind {
    /// Every kind, in label order.
    pub const ALL: [Self; 5] =
        [Self::Recording, Self::Stopped, Self::Failing, Self::Missing, Self::Unknown];

    /// The word used in labels and texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recording => "recording",
            Self::Stopped => "stopped",
            Self::Failing => "failing",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
        }
    }
}

impl RecorderState {
    /// The state without its details.
    pub fn kind(&self) -> RecorderKind {
        match self {
            Self::Recording => RecorderKind::Recording,
            Self::Stopped => RecorderKind::Stopped,
            Self::Failing { .. } => RecorderKind::Failing,
            Self::Missing => RecorderKind::Missing,
            Self::Unknown { .. } => RecorderKind::Unknown,
        }
    }

    /// Whether a recorder exists, which is all that AWS asks for.
    pub fn exists(&self) -> bool {
        match self {
            Self::Recording | Self::Stopped | Self::Failing { .. } => true,
            Self::Missing | Self::Unknown { .. } => false,
        }
    }
}

/// What a probe saw, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// What.
    pub recorder: RecorderState,
    /// When.
    pub at: Timestamp,
}

/// The newest sighting of every probed account, by region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Recorders {
    /// Whether a probe is configured at all.
    pub probed: bool,
    /// The sightings.
    pub regions: BTreeMap<Region, BTreeMap<AccountId, Sighting>>,
}

impl Recorders {
    /// What is known of this account's recorder in this region.
    pub fn of(&self, region: &Region, account: AccountId) -> Option<&Sighting> {
        self.regions.get(region)?.get(&account)
    }
}
