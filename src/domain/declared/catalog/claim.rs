//! What files claim: a pack under a name, and what was known of it before.

use std::sync::Arc;

use super::{Catalog, Declared, ManifestProblem};
use crate::domain::base::model::PackName;
use crate::domain::declared::constraints::Constraints;
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::manifest::Manifest;
use crate::domain::declared::snapshot::SourcePath;

/// The catalog that was in force before, if there was one. What the present settings forbid is not
/// in force any more: it may hold a remediation. Its packs stay as AWS has them.
pub(super) struct PreviousCatalog<'c> {
    pub(super) catalog: Option<&'c Catalog>,
    pub(super) constraints: &'c Constraints,
}

impl<'c> PreviousCatalog<'c> {
    /// What was in force under this name.
    pub(super) fn last_good(&self, name: &PackName) -> Option<Arc<Manifest>> {
        let manifest = self.catalog?.packs.get(name)?.in_force()?;
        manifest.is_allowed_by(self.constraints).then(|| Arc::clone(manifest))
    }

    /// What was in force and came from this file, or from beneath this directory.
    pub(super) fn packs_of(&self, path: &SourcePath) -> impl Iterator<Item = &'c Arc<Manifest>> {
        let packs = self.catalog.into_iter().flat_map(|catalog| &catalog.packs);
        let path = path.clone();
        packs
            .filter_map(|(_, pack)| pack.in_force())
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
    pub(super) outcome: Result<Declared, ManifestProblem>,
}
