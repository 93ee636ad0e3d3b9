//! What a manifest holds before its references are resolved.

use std::collections::{BTreeMap, BTreeSet};

use super::Override;
use crate::domain::base::model::{AccountId, Region};
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::snapshot::SourcePath;

/// Names and values, with the place of each name.
pub(super) type ParameterEntries = BTreeMap<String, (String, Span)>;

/// Where the template is said to be.
#[derive(Debug, Clone)]
pub(crate) enum TemplateChoice {
    /// In a file of the source.
    File(SourcePath),
    /// In the manifest; `literal` if it is a literal block (`|`).
    Inline {
        text: String,
        literal: bool,
        /// The place of the text.
        span: Span,
    },
    /// In a bucket.
    S3(String),
}

/// One entry of `spec.overrides`.
#[derive(Debug, Clone)]
pub(super) struct OverrideDraft {
    pub(super) regions: BTreeMap<Region, Span>,
    pub(super) parameters: ParameterEntries,
    pub(super) excluded: BTreeSet<AccountId>,
}

impl OverrideDraft {
    pub(super) fn into_override(self) -> Override {
        let Self { regions, parameters, excluded } = self;
        let regions = regions.into_keys().collect();
        Override { regions, parameters: values(parameters), excluded }
    }
}

/// The values of parameters without their places.
pub(super) fn values(parameters: ParameterEntries) -> BTreeMap<String, String> {
    parameters.into_iter().map(|(name, (value, _))| (name, value)).collect()
}
