//! Accounts that joined lately, and the 7 hours for which AWS retries them.
//!
//! The clock is AWS's `JoinedTimestamp`, never the moment of our first sight, so that neither a
//! restart nor a jump of the own clock moves a deadline.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::arrival::Arrival;
use super::history::after;
use super::model::{AccountId, PackName, Timestamp};
use super::organization::{Account, AccountList, AccountState};
use super::recorder::{RecorderState, Sighting};

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

/// How far ahead of the clock a `JoinedTimestamp` may be: AWS refuses requests whose clock is
/// further off. What lies beyond is no moment at which anybody joined.
const AHEAD_MAX: Duration = Duration::from_mins(5);

/// Every account that joined lately and is targeted by some pack here, by id.
///
/// `expected` says whether a pack targets an account by its selectors; whether the account is
/// active is decided here. `before` is what this function returned last time, `now` AWS's clock.
pub fn newcomers(
    list: &AccountList,
    packs: &BTreeMap<PackName, Arrival>,
    expected: impl Fn(&PackName, AccountId) -> bool,
    recorders: &BTreeMap<AccountId, Sighting>,
    before: &[Newcomer],
    now: Timestamp,
) -> Vec<Newcomer> {
    let (_, _, _) = (packs, recorders, before);
    let new = list.accounts.values().filter_map(|account| Some((account, joined(account, now)?)));
    new.filter(|(account, _)| packs.keys().any(|pack| expected(pack, account.id)))
        .map(|(account, joined)| Newcomer {
            account: account.id,
            joined,
            deadline: after(joined, WINDOW),
            phase: Phase::Waiting,
            missing: BTreeSet::new(),
            recorder: None,
            converged: None,
        })
        .collect()
}

/// When the account joined, if that was lately and it can still become, or is, a full member.
fn joined(account: &Account, now: Timestamp) -> Option<Timestamp> {
    let is_member =
        matches!(account.state, Some(AccountState::Active | AccountState::PendingActivation));
    let joined = account.joined.filter(|_| is_member)?;
    (joined <= after(now, AHEAD_MAX) && after(joined, NEW) > now).then_some(joined)
}
