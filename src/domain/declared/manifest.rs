//! One manifest: what a person declares about one pack, checked field by field.
//!
//! A document becomes a draft (every field checked by itself), and a draft with its template a
//! [`Manifest`] (checked against each other). What several manifests say together is the catalog's.

mod approval;
mod draft;
mod fields;
mod kind;
mod parts;
mod resolution;
pub mod schema;
mod spec;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(super) use approval::read as read_approval;
pub(super) use draft::ManifestDraft;
pub use kind::{API_VERSION, APPROVAL, PACK};
pub(super) use kind::{DocumentKind, kind};
pub(super) use parts::TemplateChoice;
pub(super) use resolution::{resolve, resolve_absent};

use super::constraints::Constraints;
use super::diagnostic::Span;
use super::snapshot::SourcePath;
use super::template::Template;
use crate::domain::base::limits;
use crate::domain::base::model::{
    AccountId, AccountState, DeletionPolicy, PackName, Region, ResultsBucket, Timestamp, UnitId,
};

/// The place of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ManifestOrigin {
    /// The file.
    pub path: SourcePath,
    /// The document in it.
    pub span: Span,
}

/// An `OrganizationConformancePack` that passed every check which needs no AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// `metadata.name`: the pack's name in AWS.
    pub name: PackName,
    /// Where it stands.
    pub origin: ManifestOrigin,
    /// `metadata.labels`, for people.
    pub labels: BTreeMap<String, String>,
    /// `spec.template`.
    pub template: TemplateSource,
    /// `spec.parameters`, without the marker.
    pub parameters: BTreeMap<String, String>,
    /// `spec.regions`; `None` means every configured region.
    pub regions: Option<BTreeSet<Region>>,
    /// `spec.overrides`, in order; a later one wins.
    pub overrides: Vec<Override>,
    /// `spec.exclude`.
    pub exclude: Exclude,
    /// `spec.delivery`.
    pub delivery: ResultsBucket,
    /// `spec.deletionPolicy`.
    pub deletion_policy: DeletionPolicy,
    /// `spec.adopt`: take over an unmanaged pack of this name.
    pub adopt: bool,
    /// `spec.suspend`.
    pub suspend: Option<Suspend>,
    /// The file of it, or of its template, that ends in the middle of a line: it may be cut off.
    pub unended: Option<SourcePath>,
}

impl Manifest {
    /// Whether the settings allow it, which passed under others. Regions are no matter: it is in
    /// force only where it says so, and AWS refuses what does not fit.
    pub(super) fn is_allowed_by(&self, constraints: &Constraints) -> bool {
        let Constraints { regions: _, template_bucket, remediation_allowed } = constraints;
        match &self.template {
            TemplateSource::S3(_) => *template_bucket,
            TemplateSource::Read(template) => {
                let is_inline = template.body.len() <= limits::INLINE_BYTES.upper;
                (*template_bucket || is_inline)
                    && (*remediation_allowed || template.census.remediations == 0)
            }
        }
    }

    /// Whether the pack is deployed to this region.
    pub fn covers(&self, region: &Region) -> bool {
        self.regions.as_ref().is_none_or(|regions| regions.contains(region))
    }

    /// The input parameters in this region; a later override takes precedence.
    pub fn inputs_in(&self, region: &Region) -> BTreeMap<String, String> {
        let mut inputs = self.parameters.clone();
        for over in self.overrides.iter().filter(|over| over.regions.contains(region)) {
            inputs.extend(over.parameters.clone());
        }
        inputs
    }

    /// Which accounts the pack is not deployed to in a region.
    pub fn exclude_in(&self, region: &Region) -> Cow<'_, Exclude> {
        let here = self.overrides.iter().filter(|over| over.regions.contains(region));
        let added = here.flat_map(|over| &over.excluded).copied();
        let mut exclude = Cow::Borrowed(&self.exclude);
        // Most packs add none, and their exclusions are not copied.
        for account in added {
            exclude.to_mut().accounts.insert(account);
        }
        exclude
    }
}

/// `spec.state`: whether the pack should be there at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DesiredState {
    /// It should be as the manifest says.
    #[default]
    Present,
    /// It should not be there.
    Absent,
}

/// A manifest that says `state: Absent`: the evidence that its pack is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// `metadata.name`.
    pub name: PackName,
    /// Where it stands.
    pub origin: ManifestOrigin,
    /// `spec.regions`: where the pack should not be; `None` means in no configured region.
    pub regions: Option<BTreeSet<Region>>,
}

impl Tombstone {
    /// Whether it applies to this region.
    pub fn covers(&self, region: &Region) -> bool {
        self.regions.as_ref().is_none_or(|regions| regions.contains(region))
    }
}

/// Where the template of a manifest comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateSource {
    /// From a file or from the manifest itself; read, parsed and checked.
    Read(Arc<Template>),
    /// `spec.template.s3`: an object that this version validates and does not deliver yet.
    S3(String),
}

/// What differs in some regions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The regions it is for.
    pub regions: BTreeSet<Region>,
    /// The parameters that replace those of the manifest, one by one.
    pub parameters: BTreeMap<String, String>,
    /// The accounts that are excluded there as well, by id.
    pub excluded: BTreeSet<AccountId>,
}

/// Which accounts a pack is not deployed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exclude {
    /// By id.
    pub accounts: BTreeSet<AccountId>,
    /// By organizational unit, descendants included (`ou-…`, `r-…`).
    pub organizational_units: BTreeSet<UnitId>,
    /// By account tag: all of these.
    pub account_tags: BTreeMap<String, String>,
    /// By life cycle state.
    pub states: BTreeSet<AccountState>,
}

impl Exclude {
    /// Whether it selects by anything that only the organization can answer.
    pub fn needs_membership(&self) -> bool {
        let Self { accounts: _, organizational_units, account_tags, states } = self;
        !(organizational_units.is_empty() && account_tags.is_empty() && states.is_empty())
    }
}

/// A suspended pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspend {
    /// Why.
    pub reason: String,
    /// Until when; `None` means until the field is removed.
    pub until: Option<Timestamp>,
}
