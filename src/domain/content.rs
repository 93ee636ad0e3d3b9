//! The whole of a pack as it is put: `PutOrganizationConformancePack` replaces everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::model::AccountId;
use super::observed::Delivery;

/// Everything a Put sends besides the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The author's bytes with the marker parameter declared.
    pub body: Arc<str>,
    /// Input parameters, the marker among them.
    pub inputs: BTreeMap<String, String>,
    /// Accounts it is not deployed to.
    pub excluded: BTreeSet<AccountId>,
    /// Where results go.
    pub delivery: Delivery,
}
