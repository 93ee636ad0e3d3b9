//! Accounts that joined lately, and the 7 hours for which AWS retries them.
//!
//! The clock is AWS's `JoinedTimestamp`, never the moment of our first sight, so that neither a
//! restart nor a jump of the own clock moves a deadline.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::model::{AccountId, PackName, Timestamp};
use super::recorder::RecorderState;

/// For how long AWS retries an account without configuration recorder (AWS Config developer guide,
/// "Retry mechanism for new accounts added to an organization").
pub const WINDOW: Duration = Duration::from_hours(7);

/// Accounts that joined longer ago are not new any more: a first start on an old organization
/// raises nothing (reliability M-20).
pub const NEW: Duration = Duration::from_hours(7 * 24);

/// Where a new account stands in one region: the closed set of a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Within the window, and no sign of a recorder yet.
    Waiting,
    /// A recorder is known, some pack is there, or AWS is deploying after a rescue.
    Deploying,
    /// Every pack that targets it is there.
    Converged,
    /// The window is over, and a recorder is there now: a rescue will help.
    Late,
    /// The window is over, some pack is not there, and no recorder is known: a person has to act.
    Missed,
}

impl Phase {
    /// Every phase, in label order.
    pub const ALL: [Self; 5] =
        [Self::Waiting, Self::Deploying, Self::Converged, Self::Late, Self::Missed];

    /// The word used in labels and texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Deploying => "deploying",
            Self::Converged => "converged",
            Self::Late => "late",
            Self::Missed => "missed",
        }
    }

    /// Whether the account has all its packs.
    pub fn is_settled(self) -> bool {
        self == Self::Converged
    }
}

/// One new account in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Newcomer {
    /// Who.
    pub account: AccountId,
    /// When it joined this time.
    pub joined: Timestamp,
    /// `joined` + [`WINDOW`].
    pub deadline: Timestamp,
    /// Where it stands.
    pub phase: Phase,
    /// Packs that target it and are not there yet.
    pub missing: BTreeSet<PackName>,
    /// What the probe says of its recorder; `None` without a probe.
    pub recorder: Option<RecorderState>,
    /// When every pack was first seen to be there, if this process saw it happen.
    pub converged: Option<Timestamp>,
}
