//! Whom packs should exclude, as far as the manifests say.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::base::model::{AccountId, PackName};

/// Whom a pack that should be there excludes.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// These accounts.
    Excluding(&'a BTreeSet<AccountId>),
    /// Whom AWS shows: its manifest cannot be acted on.
    AsShown,
}

/// The packs that should be there.
pub type Targets<'a> = BTreeMap<&'a PackName, Target<'a>>;
