//! What selectors ask of an organization: which parts of it matter.

use std::collections::BTreeSet;

use crate::domain::base::model::UnitId;

/// What manifests want to know of accounts besides their ids: decides what a walk costs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interest {
    /// Units that some manifest selects.
    pub units: BTreeSet<UnitId>,
    /// Whether some manifest selects by account tags.
    pub tags: bool,
}

impl Interest {
    /// Whether this asks for anything that `other` does not.
    pub fn exceeds(&self, other: &Self) -> bool {
        let Self { units, tags } = self;
        !units.is_subset(&other.units) || (*tags && !other.tags)
    }
}
