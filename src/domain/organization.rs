//! The organization: its member accounts, and how far the list of them can be believed.
//!
//! A list is read whole or not at all. When it cannot be read, or shrinks suspiciously, the last
//! complete one stays in force and whatever depends on it freezes.

mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::failure::FailureKind;
use super::history::after;
use super::model::{AccountId, Digest, Malformed, Timestamp, UnitId};

pub use status::MembershipStatus;

/// The life cycle of an account (`Account.State` of AWS Organizations).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountState {
    /// Being created or invited.
    PendingActivation,
    /// A full member.
    Active,
    /// Suspended by AWS.
    Suspended,
    /// Being closed.
    PendingClosure,
    /// Closed, still listed for about 90 days.
    Closed,
}

impl AccountState {
    /// Every state, in label order.
    pub const ALL: [Self; 5] = [
        Self::PendingActivation,
        Self::Active,
        Self::Suspended,
        Self::PendingClosure,
        Self::Closed,
    ];

    /// The word that AWS uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PendingActivation => "PENDING_ACTIVATION",
            Self::Active => "ACTIVE",
            Self::Suspended => "SUSPENDED",
            Self::PendingClosure => "PENDING_CLOSURE",
            Self::Closed => "CLOSED",
        }
    }
}

impl fmt::Display for AccountState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl FromStr for AccountState {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let state = Self::ALL.into_iter().find(|state| state.as_str() == text);
        state.ok_or_else(|| Malformed::new(text, "an account state such as SUSPENDED"))
    }
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name, for people.
    pub name: String,
    /// Its state; `None` for a value this version does not know, which is never taken as active.
    pub state: Option<AccountState>,
    /// When it joined this time: the start of the 7-hour window.
    pub joined: Option<Timestamp>,
    /// The units it is in, the outermost first; `None` where AWS did not say and nobody walked.
    /// After a walk that began at a selected unit, the path begins there.
    pub units: Option<Arc<[UnitId]>>,
    /// Its tags; `None` while they were not read, which they are only when a manifest asks.
    pub tags: Option<Arc<BTreeMap<String, String>>>,
}

impl Account {
    /// Whether it is a full member, which alone can be expected to hold a pack.
    pub fn is_active(&self) -> bool {
        self.state == Some(AccountState::Active)
    }
}

/// All accounts of a complete listing.
pub type Accounts = BTreeMap<AccountId, Account>;

/// What `DescribeOrganization` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationRecord {
    /// `o-…`
    pub id: String,
    /// The management account.
    pub management: AccountId,
    /// Whether `FeatureSet` is `ALL`, without which there are no organization packs.
    pub all_features: bool,
}

/// One complete walk of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountList {
    /// The organization.
    pub organization: OrganizationRecord,
    /// Every account.
    pub accounts: Accounts,
    /// Units that manifests name and that do not exist.
    pub units_absent: BTreeSet<UnitId>,
    /// Units that were walked down because AWS did not give every account's path: a path that does
    /// not begin at the root says nothing about any other unit. Empty when no walk was needed.
    pub units_walked: BTreeSet<UnitId>,
    /// Why tags that manifests ask for are not all read, if a request failed.
    pub tags_problem: Option<Unlisted>,
    /// When the walk began, by AWS's clock: what happened later may be missing.
    pub read: Timestamp,
}

impl AccountList {
    /// The active accounts, management included.
    pub fn active(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values().filter(|account| account.is_active())
    }
}

/// What manifests want to know of accounts besides their ids: decides what a walk costs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interest {
    /// Units that some manifest selects.
    pub units: BTreeSet<UnitId>,
    /// Whether some manifest selects by account tags.
    pub tags: bool,
}

/// What is known of the organization's members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    /// The last list that was accepted; `None` before the first.
    pub list: Option<Arc<AccountList>>,
    /// When a walk was last tried, by AWS's clock, with whatever result.
    pub attempt_last: Option<Timestamp>,
    /// Why the newest walk gave no list.
    pub problem: Option<Unlisted>,
    /// A newer list that is much shorter, and waits.
    pub shrink: Option<Shrink>,
}

impl Membership {
    /// How far the list can be believed; one that is older than `age_max` is not current. The time
    /// is AWS's, as that of the list is.
    pub fn standing(&self, now: Timestamp, age_max: Duration) -> Standing {
        let problem = self.problem.as_ref().map(|problem| problem.why.clone());
        let Some(list) = &self.list else {
            return Standing::Unknown(match problem {
                Some(why) => format!("the account list could not be read: {why}"),
                None => "the account list was not read yet".to_owned(),
            });
        };
        if let Some(Shrink { digest, before, after, since: _, gone: _ }) = &self.shrink {
            return Standing::Frozen(format!(
                "the account list shrank from {before} to {after} active accounts; that counts \
                 when it is seen again, or with an Approval of {digest}"
            ));
        }
        match problem {
            Some(why) => Standing::Frozen(format!("the account list could not be read: {why}")),
            None if after(list.read, age_max) < now => {
                Standing::Frozen(format!("the account list was last read at {}", list.read))
            }
            None => Standing::Current,
        }
    }
}

/// Why a walk gave no list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlisted {
    /// The kind of failure.
    pub kind: FailureKind,
    /// The whole chain of causes in words.
    pub why: String,
}

/// A list that lost more than a tenth of its active accounts: it counts when a second walk agrees,
/// or when an `Approval` names its digest (reliability M-13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shrink {
    /// What an `Approval` has to name: a digest over the accounts that would go.
    pub digest: Digest,
    /// Active accounts before.
    pub before: usize,
    /// Those of them that are active in the newer list as well.
    pub after: usize,
    /// When it was first seen.
    pub since: Timestamp,
    /// The accounts that every walk since then missed.
    #[serde(skip)]
    pub gone: BTreeSet<AccountId>,
}

/// How far the account list can be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is the newest there is.
    Current,
    /// It is old, or a newer one is in doubt: nothing that depends on it may change.
    Frozen(String),
    /// There is none yet.
    Unknown(String),
}
