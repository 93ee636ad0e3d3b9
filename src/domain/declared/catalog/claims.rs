//! What files claim: a pack under a name, and what was known of it before.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::base::model::PackName;
use crate::domain::base::model::Revision;
use crate::domain::declared::approval::Approval;
use crate::domain::declared::constraints::Constraints;
use crate::domain::declared::diagnostic::Diagnostic;
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::manifest::{Manifest, Tombstone};
use crate::domain::declared::snapshot::SourcePath;

/// What the source declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// The content it was read from.
    pub revision: Revision,
    /// Every pack name that some manifest claims.
    pub packs: BTreeMap<PackName, Declared>,
    /// Every approval, by `metadata.name`.
    pub approvals: BTreeMap<String, Approval>,
    /// Everything that was found, ordered by place.
    pub diagnostics: Vec<Diagnostic>,
    /// Files and directories that were passed over by their names.
    pub ignored: Vec<SourcePath>,
    /// Whether every file could be read and every manifest passed: only then may anything be
    /// deleted because of this revision.
    pub wholly_valid: bool,
    /// The demands of the settings that it was checked against.
    pub constraints: Constraints,
}

/// The declaration under one pack name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declared {
    /// A manifest that passed.
    Good(Arc<Manifest>),
    /// A manifest that passed and says `state: Absent`.
    Absent(Arc<Tombstone>),
    /// A manifest that did not; the form that passed last, as long as the process remembers it.
    Broken {
        /// Why, in one sentence with the place.
        why: String,
        /// What stays in force.
        last_good: Option<Arc<Manifest>>,
    },
}

impl Declared {
    /// The manifest in force: the one that passed, or the one that passed last.
    pub fn in_force(&self) -> Option<&Arc<Manifest>> {
        match self {
            Self::Good(manifest) => Some(manifest),
            Self::Absent(_) => None,
            Self::Broken { why: _, last_good } => last_good.as_ref(),
        }
    }
}

/// The catalog that was in force before, if there was one.
pub(super) struct PreviousCatalog<'c>(pub(super) Option<&'c Catalog>);

impl<'c> PreviousCatalog<'c> {
    /// What was in force under this name.
    pub(super) fn last_good(&self, name: &PackName) -> Option<Arc<Manifest>> {
        self.0?.packs.get(name)?.in_force().cloned()
    }

    /// What was in force and came from this file, or from beneath this directory.
    pub(super) fn packs_of(&self, path: &SourcePath) -> impl Iterator<Item = &'c Arc<Manifest>> {
        let in_force = self.0.into_iter().flat_map(|catalog| catalog.packs.values());
        let path = path.clone();
        in_force
            .filter_map(Declared::in_force)
            .filter(move |pack| pack.origin.path == path || pack.origin.path.is_beneath(&path))
    }
}

/// A claim on a pack name.
pub(super) struct Claim {
    pub(super) name: PackName,
    /// The place of the name.
    pub(super) path: SourcePath,
    pub(super) span: Span,
    /// What it declares, or why it is not used.
    pub(super) outcome: Result<Declared, String>,
}
