//! Every manifest of a snapshot, checked as a whole, with the last good form of what broke.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::manifest::{Approval, Manifest};
use super::model::{PackName, Revision};
use super::snapshot::SourcePath;

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
    /// Files that are not ours.
    pub ignored: Vec<SourcePath>,
    /// Whether every file could be read and every manifest passed: only then may anything be
    /// deleted on the strength of this revision.
    pub wholly_valid: bool,
}

/// What a pack name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declared {
    /// A manifest that passed.
    Good(Arc<Manifest>),
    /// A manifest that did not; the form that passed last, as long as the process remembers it.
    Broken {
        /// Why, in one sentence with the place.
        why: String,
        /// What stays in force.
        last_good: Option<Arc<Manifest>>,
    },
}
