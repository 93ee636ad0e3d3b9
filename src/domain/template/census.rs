//! Counting what a template holds, and refusing what a pack cannot hold.

use std::collections::BTreeSet;

use super::Census;
use super::intrinsic::{Reference, ReferenceKind, references};
use super::sections::check_logical_id;
use crate::domain::code;
use crate::domain::diagnostic::Span;
use crate::domain::findings::Findings;
use crate::domain::limits;
use crate::domain::nearest::did_you_mean;
use crate::domain::yaml::{Entry, Mapping, Node};

const RULE: &str = "AWS::Config::ConfigRule";
const REMEDIATION: &str = "AWS::Config::RemediationConfiguration";

/// Who evaluates a rule (AWS Config API: `Owner`).
const OWNERS: &[&str] = &["AWS", "CUSTOM_LAMBDA", "CUSTOM_POLICY"];

/// Counts a template whose sections were checked.
pub(super) fn take(findings: &mut Findings<'_>, root: &Node) -> Census {
    let mut census = Census::default();
    for Entry { key, key_span: _, value } in entries(root, "Parameters") {
        census.parameters.insert(key.text.to_string());
        if value.get("Default").is_none() {
            census.required.insert(key.text.to_string());
        }
    }
    count_resources(findings, root, &mut census);
    census.used = uses(findings, root, &census.parameters);
    census
}

/// The entries of a section; none if it is absent.
fn entries<'n>(root: &'n Node, section: &str) -> &'n [Entry] {
    let mapping = root.get(section).and_then(Node::mapping);
    mapping.map_or(&[], |Mapping { entries, flow: _ }| entries)
}

fn count_resources(findings: &mut Findings<'_>, root: &Node, census: &mut Census) {
    let conditions: BTreeSet<&str> =
        entries(root, "Conditions").iter().map(|entry| &*entry.key.text).collect();
    let before = findings.all.len();
    for entry in entries(root, "Resources") {
        check_logical_id(findings, entry);
        let Entry { key, key_span, value } = entry;
        if let Some(condition) = value.get("Condition")
            && let Some(name) = condition.text()
            && !conditions.contains(name)
        {
            let found = format!("there is no condition {name}");
            findings
                .error(condition.span, code::UNKNOWN_REFERENCE, found)
                .did_you_mean(name, conditions.iter().copied());
        }
        let kind = value.get("Type");
        match kind.and_then(Node::text) {
            Some(RULE) => {
                census.rules += 1;
                census.owners.extend(owner(findings, value, *key_span));
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
    if census.rules == 0 && findings.all.len() == before {
        findings
            .error(place, code::NO_RULES, "the template holds no rule")
            .expected(format!("at least one {RULE} under Resources"));
    }
    check_counts(findings, place, census);
}

fn check_counts(findings: &mut Findings<'_>, place: Span, census: &Census) {
    let rules = census.rules as usize;
    let resources = rules + census.remediations as usize;
    findings.limit(place, code::TOO_MANY_RULES, &limits::RULES, rules);
    if rules <= limits::RULES.upper {
        findings.limit(place, code::TOO_MANY_RULES, &limits::RESOURCES, resources);
    }
}

/// Who evaluates a rule, if the template says so in words.
fn owner(findings: &mut Findings<'_>, rule: &Node, place: Span) -> Option<String> {
    let source = rule.get("Properties").and_then(|properties| properties.get("Source"));
    let Some(source) = source else {
        findings
            .error(place, code::RULE_SOURCE, "the rule has no Properties.Source")
            .hint("AWS Config needs Source.Owner and Source.SourceIdentifier");
        return None;
    };
    source.mapping()?; // A function decides.
    let Some(owner) = source.get("Owner") else {
        findings
            .error(source.span, code::RULE_SOURCE, "the rule has no Source.Owner")
            .expected(OWNERS.join(", "));
        return None;
    };
    let text = owner.text()?;
    if !OWNERS.contains(&text) {
        findings
            .error(owner.span, code::RULE_SOURCE, format!("there is no rule owner {text}"))
            .expected(OWNERS.join(", "))
            .did_you_mean(text, OWNERS.iter().copied());
    }
    Some(text.to_owned())
}

/// The declared parameters that something uses; a `Ref` to nothing is an error.
fn uses(
    findings: &mut Findings<'_>,
    root: &Node,
    parameters: &BTreeSet<String>,
) -> BTreeSet<String> {
    let resources: BTreeSet<&str> =
        entries(root, "Resources").iter().map(|entry| &*entry.key.text).collect();
    let mut used = BTreeSet::new();
    for section in ["Conditions", "Resources", "Outputs"] {
        let Some(node) = root.get(section) else { continue };
        for Reference { name, span, kind } in references(node) {
            if parameters.contains(name) {
                used.insert(name.to_owned());
            } else if kind == ReferenceKind::Ref
                && !name.starts_with("AWS::")
                && !resources.contains(name)
            {
                let declared = parameters.iter().map(String::as_str);
                findings
                    .error(span, code::UNKNOWN_REFERENCE, format!("nothing is named {name}"))
                    .expected("a parameter or a resource of this template")
                    .did_you_mean(name, declared.chain(resources.iter().copied()));
            }
        }
    }
    used
}
