//! A draft and its template, checked together and against the settings: a [`Manifest`].

use std::collections::{BTreeMap, BTreeSet};

use super::draft::ManifestDraft;
use super::parts::{OverrideDraft, TemplateChoice};
use super::{Manifest, TemplateSource, Tombstone};
use crate::domain::base::model::Region;
use crate::domain::base::partition::UnknownRegion;
use crate::domain::base::{code, limits};
use crate::domain::declared::constraints::Constraints;
use crate::domain::declared::diagnostic::{Diagnostic, Span};
use crate::domain::declared::findings::Findings;
use crate::domain::declared::template::{DYNAMIC_HINT, Effective, Template, UNCERTAIN};
use crate::domain::declared::yaml::joining;

/// The manifest, or nothing if anything about it is in error.
pub(crate) fn resolve(
    findings: &mut Findings<'_>,
    draft: ManifestDraft,
    template: TemplateSource,
    constraints: &Constraints,
) -> Option<Manifest> {
    let place = draft.template.as_ref().map_or(draft.origin.span, |(_, span)| *span);
    check_regions(findings, &draft, constraints);
    check_counts(findings, &draft, place);
    match &template {
        TemplateSource::Read(template) => {
            check_names(findings, &draft, template);
            check_values(findings, &draft, template);
            check_required(findings, &draft, template, constraints, place);
            check_effect(findings, &draft, template, constraints, place);
            check_filled(findings, &draft, template, constraints, place);
            check_texts(findings, &draft, template, constraints, place);
            check_template(findings, template, constraints, place);
        }
        TemplateSource::S3(_) => held(findings, place, "a template in S3"),
    }
    if findings.failed() {
        return None;
    }
    draft.into_manifest(template)
}

/// What a draft that says `state: Absent` declares, or nothing if anything about it is in error.
/// Everything else that it holds is not used.
pub(crate) fn resolve_absent(
    findings: &mut Findings<'_>,
    draft: ManifestDraft,
    constraints: &Constraints,
) -> Option<Tombstone> {
    check_regions(findings, &draft, constraints);
    if findings.failed() {
        return None;
    }
    let regions = draft.region_names();
    let (name, _) = draft.name?;
    Some(Tombstone { name, origin: draft.origin, regions })
}

fn held(findings: &mut Findings<'_>, span: Span, what: &str) {
    let found = format!("{what} is not delivered by this version; the pack is held");
    findings.warning(span, code::NOT_DELIVERED, found);
}

fn check_regions(findings: &mut Findings<'_>, draft: &ManifestDraft, constraints: &Constraints) {
    let overridden = draft.overrides.iter().map(|entry| &entry.regions);
    // An override within spec.regions was named there already.
    let named: Vec<_> = match &draft.regions {
        Some(regions) => vec![regions],
        None => overridden.collect(),
    };
    for (region, span) in named.into_iter().flatten() {
        match (&constraints.regions, UnknownRegion::of(region)) {
            (Some(configured), _) if !configured.contains(region) => {
                let found = format!("{region} is not configured: nothing is delivered there");
                findings
                    .warning(*span, code::REGION_UNCONFIGURED, found)
                    .did_you_mean(region.as_str(), configured.iter().map(Region::as_str));
            }
            (None, Some(unknown)) => findings.unknown_region(*span, unknown),
            // What the settings name is noticed there.
            (Some(_), _) | (None, None) => {}
        }
    }
}

fn check_counts(findings: &mut Findings<'_>, draft: &ManifestDraft, place: Span) {
    let mut names: BTreeSet<&String> = draft.parameters.keys().collect();
    // Overrides of different regions never meet in one Put; counting them together errs by little.
    names.extend(draft.overrides.iter().flat_map(|entry| entry.parameters.keys()));
    let count = names.len() + 1;
    findings.limit(place, code::TOO_MANY_PARAMETERS, &limits::PARAMETERS, count);
}

fn check_names(findings: &mut Findings<'_>, draft: &ManifestDraft, template: &Template) {
    let overridden = draft.overrides.iter().flat_map(|entry| &entry.parameters);
    for (name, (_, span)) in draft.parameters.iter().chain(overridden) {
        if !template.census.parameters.contains(name) {
            let declared = template.census.parameters.iter().map(String::as_str);
            findings
                .error(
                    *span,
                    code::UNDECLARED_PARAMETER,
                    format!("the template declares no parameter {name}"),
                )
                .did_you_mean(name, declared);
        } else if !template.census.used.contains(name) {
            let found = format!("nothing in the template uses the parameter {name}");
            findings.warning(*span, code::UNUSED_PARAMETER, found);
        }
    }
}

/// Checks every value without quoting it in a finding: some values are secrets.
fn check_values(findings: &mut Findings<'_>, draft: &ManifestDraft, template: &Template) {
    let overridden = draft.overrides.iter().flat_map(|entry| &entry.parameters);
    for (name, (value, span)) in draft.parameters.iter().chain(overridden) {
        if let Some(expected) = template.expected_instead(name, value) {
            let found = format!("the parameter {name} does not accept the given value");
            findings.error(*span, code::CONSTRAINT, found).expected(expected);
        } else if template.is_uncertain(name, value) {
            let found = format!("conformd cannot tell whether {name} accepts the given value");
            findings.warning(*span, code::CONSTRAINT, found).hint(UNCERTAIN);
        }
    }
}

/// What is sent in a region, as far as the manifest says it; without one, where nothing overrides.
fn inputs_in(draft: &ManifestDraft, region: Option<&Region>) -> BTreeMap<String, String> {
    let is_meant =
        |entry: &&OverrideDraft| region.is_some_and(|region| entry.regions.contains_key(region));
    let overriding = draft.overrides.iter().filter(is_meant);
    let given = draft.parameters.iter().chain(overriding.flat_map(|entry| &entry.parameters));
    given.map(|(name, (value, _))| (name.clone(), value.clone())).collect()
}

/// Checks the effect of the values on the rules, region by region.
fn check_effect(
    findings: &mut Findings<'_>,
    draft: &ManifestDraft,
    template: &Template,
    constraints: &Constraints,
    place: Span,
) {
    let own = draft.region_names();
    let mut inert = Vec::new();
    let mut rivals: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let regions = own.as_ref().or(constraints.regions.as_ref());
    for region in regions.into_iter().flatten() {
        let inputs = inputs_in(draft, Some(region));
        let (Effective { present, unknown }, names) = template.rules_and_rivals(&inputs, region);
        if present.is_empty() && unknown.is_empty() {
            inert.push(region.as_str());
        }
        for name in names {
            rivals.entry(name).or_default().push(region.as_str());
        }
    }
    if !inert.is_empty() {
        let found = format!("no rule of the pack is in effect in {}", inert.join(", "));
        findings.warning(place, code::INERT, found).hint(
            "the conditions of its rules do not hold with the parameters given, or their \
                 EvaluationModes lack DETECTIVE",
        );
    }
    // Without a list of regions only rivals count that exist in every region: an error must be
    // certain.
    if regions.is_none() && draft.overrides.is_empty() {
        for name in template.rivals_everywhere(&inputs_in(draft, None)) {
            rivals.insert(name, Vec::new());
        }
    }
    for (name, regions) in rivals {
        let wherein =
            if regions.is_empty() { "all regions".to_owned() } else { regions.join(", ") };
        let found = format!("two rules are named {name} in {wherein}");
        findings
            .error(place, code::RULE_NAME, found)
            .expected("conditions of which one holds at most: AWS Config refuses the second");
    }
}

/// What becomes of the resources with the values in force, region by region.
fn check_filled(
    findings: &mut Findings<'_>,
    draft: &ManifestDraft,
    template: &Template,
    constraints: &Constraints,
    place: Span,
) {
    let own = draft.region_names();
    let regions = own.as_ref().or(constraints.regions.as_ref());
    if regions.is_none() && !draft.overrides.is_empty() {
        // Without regions it is not known where the values of `spec.parameters` are in force.
        return;
    }
    let inputs = |region: Option<&Region>| inputs_in(draft, region);
    for (wrong, wherein) in template.errors_with(findings.path, inputs, regions) {
        let Diagnostic { span, code, found, expected, hint, .. } = wrong;
        let wherein: Vec<&str> = wherein.into_iter().map(Region::as_str).collect();
        let wherein = match (&*wherein, regions.map(BTreeSet::len)) {
            ([], _) => String::new(),
            (some, Some(all)) if some.len() == all => String::new(),
            (some, _) => format!(" in {}", some.join(", ")),
        };
        let line = span.map_or(1, |span| span.line);
        let found = format!("line {line} of the template: {found}{wherein}");
        let mut entry = findings.error(place, code, found);
        if let Some(expected) = expected {
            entry = entry.expected(expected);
        }
        if let Some(hint) = hint {
            entry = entry.hint(hint);
        }
        if let (Some((TemplateChoice::File(path), _)), Some(span)) = (&draft.template, span) {
            entry.related(path, span, "the value is here");
        }
    }
}

/// What the values make of the texts that functions put together, region by region.
fn check_texts(
    findings: &mut Findings<'_>,
    draft: &ManifestDraft,
    template: &Template,
    constraints: &Constraints,
    place: Span,
) {
    let own = draft.region_names();
    let known = own.as_ref().or(constraints.regions.as_ref());
    let regions: Vec<Option<&Region>> = if let Some(known) = known {
        known.iter().map(Some).collect()
    } else {
        // Any region may be meant, so the pack is checked with each override separately.
        let overridden = draft.overrides.iter().flat_map(|entry| entry.regions.keys());
        overridden.map(Some).chain([None]).collect()
    };
    let mut refused: BTreeMap<(String, &str), Vec<&str>> = BTreeMap::new();
    let mut names: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for region in regions {
        let inputs = inputs_in(draft, region);
        let shown = region.map_or("any region", Region::as_str);
        if let Some(found) = template.refused_text(&inputs, region) {
            refused.entry(found).or_default().push(shown);
        }
        let Some(region) = region else { continue };
        let (Effective { present, unknown }, _) = template.rules_and_rivals(&inputs, region);
        for character in present.keys().chain(unknown.keys()).filter_map(|name| joining(name)) {
            names.entry(character).or_default().push(shown);
        }
    }
    for ((within, why), regions) in refused {
        let found = format!("{why}: {within} of the template, in {}", regions.join(", "));
        findings.error(place, code::UNJUDGED, found).hint(DYNAMIC_HINT);
    }
    for (character, regions) in names {
        let found = format!("{character} is in the name of a rule in {}", regions.join(", "));
        findings
            .error(place, code::CHARACTER, found)
            .hint("remove it from the value: two names that differ by it look alike");
    }
}

fn check_required(
    findings: &mut Findings<'_>,
    draft: &ManifestDraft,
    template: &Template,
    constraints: &Constraints,
    place: Span,
) {
    let own = draft.region_names();
    let regions = own.as_ref().or(constraints.regions.as_ref());
    for name in &template.census.required {
        if draft.parameters.contains_key(name) {
            continue;
        }
        let overriding = draft.overrides.iter().filter(|entry| entry.parameters.contains_key(name));
        let covered: BTreeSet<&Region> =
            overriding.flat_map(|entry| entry.regions.keys()).collect();
        let missing: Vec<&str> = regions
            .into_iter()
            .flatten()
            .filter(|region| !covered.contains(region))
            .map(Region::as_str)
            .collect();
        let found = format!("the parameter {name} has neither a default nor a value");
        // Without a list of regions it is not known whether a region lacks the value, so it is a
        // warning. With regions, "in every region" is reported without listing them.
        if regions.is_none() && !covered.is_empty() {
            findings
                .warning(place, code::MISSING_PARAMETER, format!("{found} in some regions"))
                .hint("give it in spec.parameters, or list spec.regions");
        } else if regions.is_none() || Some(missing.len()) == regions.map(BTreeSet::len) {
            let hint = format!("give {name} under spec.parameters");
            findings.error(place, code::MISSING_PARAMETER, found).hint(hint);
        } else if !missing.is_empty() {
            let found = format!("{found} in {}", missing.join(", "));
            findings.error(place, code::MISSING_PARAMETER, found);
        }
    }
}

/// What helps a template that is too large to be sent inline.
const TOO_LARGE_REMEDY: &str = "split the pack, or shorten the template: this version delivers \
                                nothing through a bucket, configured or not";

fn check_template(
    findings: &mut Findings<'_>,
    template: &Template,
    constraints: &Constraints,
    place: Span,
) {
    let Constraints { regions: _, template_bucket, remediation_allowed } = constraints;
    if !remediation_allowed && 0 < template.census.remediations {
        let found = format!("the template holds {} remediations", template.census.remediations);
        findings
            .error(place, code::REMEDIATION_FORBIDDEN, found)
            .expected("rules only: remediations act in every member account")
            .hint("if this is intended, set templates.remediations: allowed in the settings");
    }
    let bytes = template.body.len();
    if limits::INLINE_BYTES.upper < bytes {
        let found = format!("the template takes {bytes} bytes as it is sent, without comments");
        let expected = format!("at most {} to be sent inline", limits::INLINE_BYTES.upper);
        // With a bucket a later version can deliver the template. The pack is held and not invalid,
        // since an invalid pack would keep losses of the whole source waiting.
        if *template_bucket {
            findings
                .warning(place, code::BODY_TOO_LARGE, format!("{found}; the pack is held"))
                .expected(expected)
                .hint(TOO_LARGE_REMEDY);
        } else {
            findings
                .error(place, code::BODY_TOO_LARGE, found)
                .expected(expected)
                .hint(TOO_LARGE_REMEDY);
        }
    }
}
