//! What a world starts with: the organization, its accounts and where they have recorders.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::knobs::Knobs;
use crate::domain::base::model::{AccountId, AccountState, Region, Timestamp};

/// The root of every simulated organization.
pub const ROOT: &str = "r-sim1";

/// What a world starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldSetup {
    /// Decides everything that is drawn.
    pub seed: u64,
    /// When the world begins; `World::call` takes this or later.
    pub start: Timestamp,
    /// Whether there is an organization, and what it can do.
    pub features: Features,
    /// The management account; must be among `accounts`.
    pub management: AccountId,
    /// Delegated administrators for organization packs, registered long ago.
    pub administrators: BTreeSet<AccountId>,
    /// Every account, in joining order, the management account included.
    pub accounts: Vec<MemberSetup>,
    /// Organizational units, parents first.
    pub units: Vec<UnitSetup>,
    /// Regions that exist and are enabled for the owners.
    pub regions: BTreeSet<Region>,
    /// Roles that can be assumed in members.
    pub roles: Vec<RoleSetup>,
    /// How AWS behaves.
    pub knobs: Knobs,
}

/// What the organization can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Features {
    /// Everything: `FeatureSet` is `ALL`.
    All,
    /// Organization packs are refused: `CONSOLIDATED_BILLING`.
    ConsolidatedBilling,
    /// There is no organization.
    NoOrganization,
}

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSetup {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: AccountState,
    /// When it joined.
    pub joined: Timestamp,
    /// Whether it was invited rather than created.
    pub invited: bool,
    /// The root or unit it is in.
    pub parent: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Regions it has not enabled.
    pub regions_off: BTreeSet<Region>,
    /// Its recorder, wherever `recorders` does not say otherwise.
    pub recorder: RecorderSetup,
    /// Its recorders where they differ.
    pub recorders: BTreeMap<Region, RecorderSetup>,
}

/// The configuration recorder of one account in one region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecorderSetup {
    /// There is none.
    #[default]
    Missing,
    /// Only one that an AWS service manages.
    ServiceLinked,
    /// Customer-managed, switched off.
    Stopped,
    /// Customer-managed, recording.
    Recording,
    /// Customer-managed, switched on, deliveries fail.
    Failing,
}

/// An organizational unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitSetup {
    /// `ou-…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// The root ([`ROOT`]) or the unit it is in.
    pub parent: String,
}

/// A role that can be assumed, or one that is missing where others are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSetup {
    /// Where; `None`: in every account that has no entry of its own for this name.
    pub account: Option<AccountId>,
    /// Its name.
    pub name: String,
    /// Who may assume it.
    pub trusted: AccountId,
    /// The `ExternalId` it asks for.
    pub external_id: Option<String>,
    /// Whether there is one.
    pub exists: bool,
}

impl MemberSetup {
    /// An active account with a recorder everywhere, directly under the root.
    pub fn new(id: AccountId, joined: Timestamp) -> Self {
        Self {
            name: format!("account {id}"),
            id,
            state: AccountState::Active,
            joined,
            invited: false,
            parent: ROOT.to_owned(),
            tags: BTreeMap::new(),
            regions_off: BTreeSet::new(),
            recorder: RecorderSetup::Recording,
            recorders: BTreeMap::new(),
        }
    }
}

impl WorldSetup {
    /// An organization of these accounts, the first of which manages it; all joined 30 days before
    /// `start` and have a recorder in every region.
    pub fn new(
        start: Timestamp,
        accounts: impl IntoIterator<Item = AccountId>,
        regions: impl IntoIterator<Item = Region>,
    ) -> Self {
        let month = jiff::SignedDuration::from_hours(30 * 24);
        let joined = start.saturating_sub(month).unwrap_or(Timestamp::MIN);
        let accounts: Vec<MemberSetup> =
            accounts.into_iter().map(|id| MemberSetup::new(id, joined)).collect();
        let management = accounts.first().map_or_else(first_account, |first| first.id);
        Self {
            seed: 1,
            start,
            features: Features::All,
            management,
            administrators: BTreeSet::new(),
            accounts,
            units: Vec::new(),
            regions: regions.into_iter().collect(),
            roles: Vec::new(),
            knobs: Knobs::default(),
        }
    }
}

fn first_account() -> AccountId {
    "111111111111".parse().expect("twelve digits")
}
