//! What all packs of a region come to, against the quotas of an account.

use std::collections::BTreeMap;

use super::Declared;
use crate::domain::base::model::{PackName, Region};
use crate::domain::base::{code, limits};
use crate::domain::declared::constraints::Constraints;
use crate::domain::declared::diagnostic::Diagnostic;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::manifest::{Manifest, TemplateSource};

/// What the packs of one region come to.
#[derive(Debug, Clone, Default)]
struct Sum<'p> {
    packs: usize,
    rules: usize,
    /// The last pack by name, which is the place of a finding about the region.
    last: Option<(&'p PackName, &'p Manifest)>,
}

impl<'p> Sum<'p> {
    fn add(&mut self, other: &Self) {
        self.packs += other.packs;
        self.rules += other.rules;
        let name = |last: &(&'p PackName, &'p Manifest)| last.0;
        self.last = self.last.into_iter().chain(other.last).max_by_key(name);
    }
}

/// Checks every region.
pub(super) fn check(
    packs: &BTreeMap<PackName, Declared>,
    constraints: &Constraints,
    diagnostics: &mut Vec<Diagnostic>,
) {
    // Packs without a list of regions are in every one.
    let mut everywhere = Sum::default();
    let mut named: BTreeMap<&Region, Sum<'_>> = BTreeMap::new();
    for (name, declared) in packs {
        let Some(manifest) = declared.in_force() else { continue };
        let one = Sum { packs: 1, rules: rules(manifest), last: Some((name, manifest)) };
        match &manifest.regions {
            None => everywhere.add(&one),
            Some(regions) => {
                for region in regions {
                    named.entry(region).or_default().add(&one);
                }
            }
        }
    }
    if let Some(configured) = &constraints.regions {
        named.retain(|region, _| configured.contains(*region));
        for region in configured {
            named.entry(region).or_default();
        }
    } else {
        report("every configured region", &everywhere, diagnostics);
    }
    for (region, mut sum) in named {
        sum.add(&everywhere);
        report(region.as_str(), &sum, diagnostics);
    }
}

fn report(region: &str, sum: &Sum<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let Sum { packs, rules, last: Some((_, last)) } = sum else { return };
    let mut findings = Findings::new(&last.origin.path);
    let span = last.origin.span;
    findings.limit(span, code::TOO_MANY_PACKS, &limits::PACKS, *packs);
    findings.limit(span, code::RULES_IN_REGION, &limits::RULES_IN_REGION, *rules);
    diagnostics.extend(findings.all.into_iter().map(|mut finding| {
        finding.found = format!("{} ({region})", finding.found);
        finding
    }));
}

fn rules(manifest: &Manifest) -> usize {
    match &manifest.template {
        TemplateSource::Read(template) => template.census.rules as usize,
        TemplateSource::S3(_) => 0,
    }
}
