//! Accounts and roles as written, in a scenario file and in the control API.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::domain::base::model::{AccountId, AccountState, Region, Timestamp};
use crate::sim::moment::RelativeTime;
use crate::sim::setup::{MemberSetup, ROOT, RecorderSetup, RoleSetup};

/// An account as written, in a scenario file and in the control API.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AccountEntry {
    /// Its id.
    pub id: AccountId,
    /// Its name; `account <id>` when left out.
    pub name: Option<String>,
    /// Its state.
    #[serde(default = "active")]
    pub state: AccountState,
    /// When it joined; 30 days before the start, or the moment of the event, when left out.
    pub joined: Option<RelativeTime>,
    /// Whether it was invited rather than created.
    #[serde(default)]
    pub invited: bool,
    /// The root or unit it is in.
    pub parent: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Regions it has not enabled.
    #[serde(default)]
    pub regions_off: BTreeSet<Region>,
    /// Its recorder, wherever `recorders` does not say otherwise.
    #[serde(default = "recording")]
    pub recorder: RecorderSetup,
    /// Its recorders where they differ.
    #[serde(default)]
    pub recorders: BTreeMap<Region, RecorderSetup>,
}

impl AccountEntry {
    /// The account, if moments count from `base`; it joined `joined_default` unless it says when.
    pub(super) fn member(self, base: Timestamp, joined_default: Timestamp) -> MemberSetup {
        let Self {
            id,
            name,
            state,
            joined,
            invited,
            parent,
            tags,
            regions_off,
            recorder,
            recorders,
        } = self;
        MemberSetup {
            name: name.unwrap_or_else(|| format!("account {id}")),
            id,
            state,
            joined: joined.map_or(joined_default, |joined| joined.from(base)),
            invited,
            parent: parent.unwrap_or_else(|| ROOT.to_owned()),
            tags,
            regions_off,
            recorder,
            recorders,
        }
    }
}

/// A role as written, in a scenario file and in the control API.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RoleEntry {
    /// Its name.
    pub name: String,
    /// Where; in every account without an entry of its own when left out.
    pub account: Option<AccountId>,
    /// Who may assume it; the owner, or the management account in an event, when left out.
    pub trusted: Option<AccountId>,
    /// The external id it asks for.
    pub external_id: Option<String>,
    /// Whether there is one.
    #[serde(default = "yes")]
    pub exists: bool,
}

impl RoleEntry {
    /// The role, which trusts `trusted` unless it says whom.
    pub(super) fn role(self, trusted: AccountId) -> RoleSetup {
        let Self { name, account, trusted: named, external_id, exists } = self;
        RoleSetup { account, name, trusted: named.unwrap_or(trusted), external_id, exists }
    }
}

fn yes() -> bool {
    true
}

fn active() -> AccountState {
    AccountState::Active
}

fn recording() -> RecorderSetup {
    RecorderSetup::Recording
}
