//! The result of checking the files that `validate` read.

use crate::domain::declared::catalog::Catalog;
use crate::domain::declared::diagnostic::Severity;
use crate::domain::declared::snapshot::Snapshot;

/// What validation found.
#[derive(Debug)]
pub struct Report<'s> {
    /// The files that were read.
    pub snapshot: &'s Snapshot,
    /// What they declare.
    pub catalog: Catalog,
}

impl Report<'_> {
    /// Whether there are manifests and none of them is in error.
    pub fn passed(&self) -> bool {
        self.catalog.wholly_valid && !self.catalog.is_empty()
    }

    pub(super) fn count(&self, severity: Severity) -> usize {
        let findings = self.catalog.diagnostics.iter();
        findings.filter(|finding| finding.severity == severity).count()
    }
}
