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

impl Constraints {
    /// Whether a manifest that passed under `former` demands can be delivered under these without
    /// another check: nothing is forbidden that was allowed, and there is no region that it was not
    /// checked for.
    #[must_use]
    pub fn demand_no_more_than(&self, former: &Self) -> bool {
        let Self { regions, template_bucket, remediation_allowed } = self;
        let no_new_region = match (regions, &former.regions) {
            (Some(regions), Some(former)) => regions.is_subset(former),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        no_new_region
            && *template_bucket >= former.template_bucket
            && *remediation_allowed >= former.remediation_allowed
    }
}

impl Default for Constraints {
    fn default() -> Self {
        Self { regions: None, template_bucket: false, remediation_allowed: true }
    }
}
