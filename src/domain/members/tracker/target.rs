//! The exclusions of desired packs, as the manifests declare them.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::base::model::{AccountId, PackName};

/// The exclusions of one desired pack.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// These accounts.
    Excluding(&'a BTreeSet<AccountId>),
    /// The accounts that AWS shows: its manifest cannot be acted on.
    AsShown,
}

/// The desired packs.
pub type Targets<'a> = BTreeMap<&'a PackName, Target<'a>>;
