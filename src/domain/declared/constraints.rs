//! What the settings demand of every manifest.

use std::collections::BTreeSet;

use crate::domain::base::model::Region;

/// What the settings add to the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraints {
    /// The configured regions; `None` where they are not known.
    pub regions: Option<BTreeSet<Region>>,
    /// Whether a bucket for templates is configured.
    pub template_bucket: bool,
    /// Whether templates may hold remediations.
    pub remediation_allowed: bool,
}

impl Default for Constraints {
    fn default() -> Self {
        Self { regions: None, template_bucket: false, remediation_allowed: true }
    }
}
