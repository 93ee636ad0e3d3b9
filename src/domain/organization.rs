//! The member accounts of the organization, as `ListAccounts` shows them.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::model::{AccountId, Malformed, Timestamp};

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

impl FromStr for AccountState {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Ok(match text {
            "PENDING_ACTIVATION" => Self::PendingActivation,
            "ACTIVE" => Self::Active,
            "SUSPENDED" => Self::Suspended,
            "PENDING_CLOSURE" => Self::PendingClosure,
            "CLOSED" => Self::Closed,
            other => return Err(Malformed::new(other, "an account state such as SUSPENDED")),
        })
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
}

/// All accounts of a complete listing.
pub type Accounts = BTreeMap<AccountId, Account>;
