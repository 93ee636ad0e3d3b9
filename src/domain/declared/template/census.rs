//! Counting what a template holds, and refusing resources that a pack cannot hold.

use std::collections::BTreeSet;

use super::call::Call;
use super::logical_id::check_logical_id;
use super::rule::RULE;
use super::section::{REMEDIATION, entries};
use super::substitution::mentions;
use super::{remediation, rule};
use crate::domain::base::nearest::did_you_mean;
use crate::domain::base::{code, limits};
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::yaml::tree::{MappingEntry, YamlNode};

/// Attributes of a resource (`CloudFormation` template reference), and two that AWS's own packs
/// carry besides.
const ATTRIBUTES: &[&str] = &[
    "Condition",
    "Controls",
    "DeletionPolicy",
    "DependsOn",
    "Description",
    "Metadata",
    "Properties",
    "Type",
    "UpdateReplacePolicy",
];

/// What becomes of a resource that goes (`CloudFormation` template reference: `DeletionPolicy`).
const POLICIES: &[&str] = &["Delete", "Retain", "RetainExceptOnCreate"];

/// Counts and names of what a template holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateCensus {
    /// `AWS::Config::ConfigRule` resources.
    pub rules: u32,
    /// `AWS::Config::RemediationConfiguration` resources.
    pub remediations: u32,
    /// `Source.Owner` values in use: `AWS`, `CUSTOM_LAMBDA`, `CUSTOM_POLICY`.
    pub owners: BTreeSet<String>,
    /// Declared parameters.
    pub parameters: BTreeSet<String>,
    /// Declared parameters without a `Default`.
    pub required: BTreeSet<String>,
    /// Parameters that something refers to.
    pub used: BTreeSet<String>,
}

/// Counts a template whose sections were checked.
pub(super) fn census(findings: &mut Findings<'_>, root: &YamlNode) -> TemplateCensus {
    let mut census = TemplateCensus::default();
    for MappingEntry { key, key_span: _, value } in entries(root, "Parameters") {
        census.parameters.insert(key.text.to_string());
        if value.get("Default").is_none() {
            census.required.insert(key.text.to_string());
        }
    }
    count_resources(findings, root, &mut census);
    let used = ["Conditions", "Resources", "Outputs"]
        .into_iter()
        .filter_map(|section| root.get(section))
        .flat_map(mentions)
        .filter(|name| census.parameters.contains(*name))
        .map(ToOwned::to_owned);
    census.used = used.collect();
    census
}

fn count_resources(findings: &mut Findings<'_>, root: &YamlNode, census: &mut TemplateCensus) {
    let resources = entries(root, "Resources");
    let before = findings.all.len();
    for entry in resources {
        check_logical_id(findings, entry);
        let MappingEntry { key, key_span, value } = entry;
        check_attributes(findings, value);
        let kind = value.get("Type");
        match kind.and_then(YamlNode::text) {
            Some(RULE) => {
                census.rules += 1;
                rule::check(findings, value, *key_span);
                census.owners.extend(owners(value));
            }
            Some(REMEDIATION) => census.remediations += 1,
            Some(other) => {
                let span = kind.map_or(*key_span, |kind| kind.span);
                findings
                    .error(span, code::RESOURCE_TYPE, format!("a pack cannot hold {other}"))
                    .expected(format!("{RULE} or {REMEDIATION}"))
                    .hint(did_you_mean(other, [RULE, REMEDIATION]).unwrap_or_else(|| {
                        "AWS Config deploys nothing else in a pack; use a stack set".to_owned()
                    }));
            }
            None => {
                let found = format!("the resource {} has no Type", key.text);
                findings
                    .error(*key_span, code::RESOURCE_TYPE, found)
                    .expected(format!("{RULE} or {REMEDIATION}"));
            }
        }
    }
    let place = root.mapping().and_then(|sections| sections.entry("Resources"));
    let place = place.map_or(root.span, |entry| entry.key_span);
    // A resource with an error may have been meant as a rule: then the error says more.
    if census.rules == 0 && findings.all.len() == before {
        findings
            .error(place, code::NO_RULES, "the template holds no rule")
            .expected(format!("at least one {RULE} under Resources"));
    }
    rule::check_names(findings, resources);
    remediation::check(findings, resources);
    check_counts(findings, place, census);
}

fn check_attributes(findings: &mut Findings<'_>, resource: &YamlNode) {
    let attributes = resource.mapping().into_iter().flat_map(|all| &all.entries);
    for MappingEntry { key, key_span, value } in attributes {
        let name = &*key.text;
        // What begins so is a function, and refused as one.
        if !ATTRIBUTES.contains(&name) && !name.starts_with("Fn::") {
            findings
                .error(*key_span, code::UNKNOWN_FIELD, format!("a resource has no {name}"))
                .expected(ATTRIBUTES.join(", "))
                .did_you_mean(name, ATTRIBUTES.iter().copied());
        }
        let is_policy = matches!(name, "DeletionPolicy" | "UpdateReplacePolicy");
        if is_policy && value.text().is_none_or(|text| !POLICIES.contains(&text)) {
            findings
                .error(value.span, code::MALFORMED, format!("{name} is no policy"))
                .expected(POLICIES.join(", "));
        }
        if name == "Metadata" && value.mapping().is_none() && !value.is_null() {
            findings
                .error(value.span, code::WRONG_TYPE, format!("{name} is {}", value.describe()))
                .expected("a mapping");
        }
        let is_plain = value.tag.is_none() && value.mapping().is_none() && !value.is_null();
        if matches!(name, "Condition" | "Type") && is_plain && value.text().is_none() {
            findings
                .error(value.span, code::WRONG_TYPE, format!("{name} is {}", value.describe()))
                .expected("text");
        }
    }
}

fn check_counts(findings: &mut Findings<'_>, place: Span, census: &TemplateCensus) {
    let rules = census.rules as usize;
    let resources = rules + census.remediations as usize;
    findings.limit(place, code::TOO_MANY_RULES, &limits::RULES, rules);
    if rules <= limits::RULES.upper {
        findings.limit(place, code::TOO_MANY_RULES, &limits::RESOURCES, resources);
    }
}

/// The owners of a rule that the template names as text.
fn owners(rule: &YamlNode) -> BTreeSet<String> {
    let source = rule.get("Properties").and_then(|properties| properties.get("Source"));
    let mut owners = BTreeSet::new();
    let mut rest: Vec<&YamlNode> = source.into_iter().collect();
    while let Some(node) = rest.pop() {
        match Call::of(node) {
            Some(call) => rest.extend(call.children()),
            None => {
                owners.extend(node.get("Owner").and_then(YamlNode::text).map(ToOwned::to_owned));
            }
        }
    }
    owners
}
