//! Who is excluded from a pack: by account, unit, tag or state, compiled to account ids.
//!
//! Every account carries the rule that decided. What changes because of it is the plan's.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::model::{AccountId, UnitId};
use super::organization::AccountState;

/// The rule that excludes an account; the first that applies, in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// `exclude.accounts` names it.
    Account,
    /// It is in this unit, or beneath it.
    Unit(UnitId),
    /// It carries all of `exclude.accountTags`.
    Tags(BTreeMap<String, String>),
    /// It is in this state.
    State(AccountState),
}

impl fmt::Display for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account => out.write_str("exclude.accounts"),
            Self::Unit(unit) => write!(out, "exclude.organizationalUnits {unit}"),
            Self::Tags(tags) => {
                out.write_str("exclude.accountTags")?;
                tags.iter().try_for_each(|(key, value)| write!(out, " {key}={value}"))
            }
            Self::State(state) => write!(out, "exclude.states {state}"),
        }
    }
}

/// Everybody whom a pack is not deployed to, each with the rule that decided.
pub type Excluded = BTreeMap<AccountId, Rule>;

/// These accounts, excluded by name.
pub fn named<'a>(accounts: impl IntoIterator<Item = &'a AccountId>) -> Excluded {
    accounts.into_iter().map(|account| (*account, Rule::Account)).collect()
}
