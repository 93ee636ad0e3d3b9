//! What all packs of a region come to, against the quotas of an account.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Constraints, Declared};
use crate::domain::code;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::findings::Findings;
use crate::domain::limits;
use crate::domain::manifest::{Manifest, TemplateSource};
use crate::domain::model::{PackName, Region};

/// Checks every region. The finding stands at the last pack of the region by name.
pub(super) fn check(
    packs: &BTreeMap<PackName, Declared>,
    constraints: &Constraints,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let manifests: Vec<&Arc<Manifest>> = packs.values().filter_map(Declared::in_force).collect();
    for region in regions(&manifests, constraints) {
        let here: Vec<&Arc<Manifest>> = manifests
            .iter()
            .copied()
            .filter(|manifest| match (&manifest.regions, &region) {
                (None, _) => true,
                (Some(own), Some(region)) => own.contains(region),
                (Some(_), None) => false,
            })
            .collect();
        let Some(last) = here.last() else { continue };
        let rules: u32 = here.iter().map(|manifest| rules(manifest)).sum();
        let mut findings = Findings::new(&last.origin.path);
        let span = last.origin.span;
        findings.limit(span, code::TOO_MANY_PACKS, &limits::PACKS, here.len());
        findings.limit(span, code::RULES_IN_REGION, &limits::RULES_IN_REGION, rules as usize);
        let name = region.as_ref().map_or("every configured region", Region::as_str);
        diagnostics.extend(findings.all.into_iter().map(|mut finding| {
            finding.found = format!("{} ({name})", finding.found);
            finding
        }));
    }
}

/// The regions to count in; `None` stands for the configured ones where those are not known.
fn regions(manifests: &[&Arc<Manifest>], constraints: &Constraints) -> BTreeSet<Option<Region>> {
    if let Some(configured) = &constraints.regions {
        return configured.iter().cloned().map(Some).collect();
    }
    let named = manifests.iter().filter_map(|manifest| manifest.regions.as_ref());
    named.flatten().cloned().map(Some).chain([None]).collect()
}

fn rules(manifest: &Manifest) -> u32 {
    match &manifest.template {
        TemplateSource::Read(template) => template.census.rules,
        TemplateSource::S3(_) => 0,
    }
}
