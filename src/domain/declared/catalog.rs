//! The catalog: what the source declares, pack by pack, as far as it is valid.

mod approvals;
mod assembly;
mod claim;
mod ending;
mod inline;
mod intake;
mod names;
mod parsed;
mod strays;
mod sums;
mod templates;

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use super::approval::Approval;
use super::constraints::Constraints;
use super::diagnostic::{Diagnostic, Severity};
use super::interest::Interest;
use super::manifest::{Exclude, Manifest, Tombstone};
use super::snapshot::SourcePath;
use crate::domain::base::model::{PackName, Revision};

pub use intake::{ParsedFile, is_manifest_file, is_nearly_manifest_file};
pub use parsed::{FileParser, ParsedManifests};

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
        /// Why.
        why: ManifestProblem,
        /// What stays in force.
        last_good: Option<Arc<Manifest>>,
    },
}

/// Why a manifest did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ManifestProblem {
    /// The first error of it, of its template, or of the file that it is in.
    #[error("{0}")]
    Finding(Arc<Diagnostic>),
    /// It did not pass, and no finding says why.
    #[error("the manifest has errors")]
    Unexplained,
}

impl ManifestProblem {
    /// The first error among these.
    pub(super) fn first_of<'d>(findings: impl IntoIterator<Item = &'d Diagnostic>) -> Option<Self> {
        let mut findings = findings.into_iter();
        let first = findings.find(|finding| finding.severity == Severity::Error)?;
        Some(Self::from(first))
    }
}

impl From<&Diagnostic> for ManifestProblem {
    fn from(finding: &Diagnostic) -> Self {
        Self::Finding(Arc::new(finding.clone()))
    }
}

impl Catalog {
    /// What the manifests in force want to know of accounts.
    pub fn interest(&self) -> Interest {
        let in_force = self.packs.values().filter_map(Declared::in_force);
        let mut interest = Interest::default();
        for Exclude { accounts: _, organizational_units, account_tags, states: _ } in
            in_force.map(|manifest| &manifest.exclude)
        {
            interest.units.extend(organizational_units.iter().cloned());
            interest.tags |= !account_tags.is_empty();
        }
        interest
    }

    /// Whether nothing is declared at all: never taken to mean that nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.packs.is_empty() && self.approvals.is_empty()
    }
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
