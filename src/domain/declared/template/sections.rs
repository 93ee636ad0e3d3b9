//! The top level of a template: what `CloudFormation` would refuse anyway, and what would make
//! another template of it.

use super::section::entries;
use super::{outputs, parameters};
use crate::domain::base::{code, limits};
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::template::logical_id::check_logical_id;
use crate::domain::declared::yaml::tree::{Mapping, MappingEntry, YamlNode};

/// Sections that packs are known to work with.
const PROVEN: &[&str] = &[
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Mappings",
    "Metadata",
    "Parameters",
    "Resources",
];

/// Sections of `CloudFormation` that are not known to work in a pack.
const UNPROVEN: &[&str] = &["Outputs"];

/// Sections that are refused, and why.
const REFUSED: &[(&str, &str)] = &[
    ("Hooks", "a hook replaces resources while they are deployed"),
    ("Rules", "a rule of CloudFormation may refuse the pack in each member"),
    ("Transform", "a macro rewrites the template after conformd has checked it"),
];

/// The one version there is (`CloudFormation` template reference).
const FORMAT: &str = "2010-09-09";

/// Checks the top level and the parameters.
pub(super) fn check(findings: &mut Findings<'_>, root: &YamlNode) {
    let Some(sections) = root.mapping() else {
        findings
            .error(root.span, code::TEMPLATE_SHAPE, format!("the template is {}", root.describe()))
            .expected("a mapping with Resources");
        return;
    };
    for MappingEntry { key, key_span, value } in &sections.entries {
        let name = &*key.text;
        // Refused sections come first: CloudFormation knows them, so "there is no such section"
        // would be wrong.
        if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
            findings
                .error(*key_span, code::UNJUDGED, format!("the section {name} is refused"))
                .expected("everything that is deployed, in the template itself")
                .hint(*why);
        } else if UNPROVEN.contains(&name) {
            let found = format!("the section {name} is not known to work in packs");
            findings.warning(*key_span, code::UNPROVEN, found);
        } else if !PROVEN.contains(&name) {
            findings
                .error(*key_span, code::UNKNOWN_SECTION, format!("there is no section {name}"))
                .did_you_mean(name, PROVEN.iter().chain(UNPROVEN).copied());
        }
        check_section(findings, name, value);
    }
    outputs::check(findings, root);
    check_doubles(findings, root);
}

/// A parameter and a resource of one name: a `Ref` could mean either.
fn check_doubles(findings: &mut Findings<'_>, root: &YamlNode) {
    let path = findings.path;
    for MappingEntry { key, key_span, .. } in entries(root, "Resources") {
        let parameters = root.get("Parameters").and_then(YamlNode::mapping);
        if let Some(other) = parameters.and_then(|all| all.entry(&key.text)) {
            let found = format!("a parameter and a resource are named {}", key.text);
            findings
                .error(*key_span, code::LOGICAL_ID, found)
                .expected("a name of its own for each: CloudFormation refuses the template")
                .related(path, other.key_span, "the parameter is declared here");
        }
    }
}

fn check_section(findings: &mut Findings<'_>, name: &str, value: &YamlNode) {
    match (name, value.mapping()) {
        ("Parameters", Some(mapping)) => parameters::check(findings, value.span, mapping),
        ("Mappings", Some(mapping)) => {
            let count = mapping.entries.len();
            findings.limit(value.span, code::TOO_LARGE, &limits::MAPPINGS, count);
            check_mappings(findings, mapping);
        }
        ("Conditions", Some(mapping)) => {
            mapping.entries.iter().for_each(|entry| check_logical_id(findings, entry));
        }
        ("Parameters" | "Mappings" | "Conditions" | "Outputs" | "Resources", None) => {
            findings
                .error(value.span, code::TEMPLATE_SHAPE, format!("{name} is {}", value.describe()))
                .expected("a mapping")
                .hint(if name == "Resources" {
                    "declare at least one rule".to_owned()
                } else {
                    format!("leave the section out if there are no {}", name.to_lowercase())
                });
        }
        ("AWSTemplateFormatVersion", _) => {
            if value.scalar().is_none_or(|scalar| &*scalar.text != FORMAT) {
                let found = format!("{name} is another one than CloudFormation knows");
                findings.error(value.span, code::MALFORMED, found).expected(FORMAT);
            }
        }
        ("Description", _) => {
            let bytes = value.text().map(str::len);
            if value.is_null() {
                // `intrinsic` reports null in any place.
            } else if bytes.is_none_or(|bytes| limits::TEMPLATE_DESCRIPTION < bytes) {
                let what = bytes.map_or_else(|| value.describe(), |bytes| format!("{bytes} bytes"));
                findings
                    .error(value.span, code::MALFORMED, format!("the Description is {what}"))
                    .expected(format!("text of at most {} bytes", limits::TEMPLATE_DESCRIPTION));
            }
        }
        ("Metadata", None) if !value.is_null() => {
            findings
                .error(value.span, code::TEMPLATE_SHAPE, format!("{name} is {}", value.describe()))
                .expected("a mapping");
        }
        (_, _) => {}
    }
}

/// `Mappings`: name, key, name, and a scalar or a list of scalars.
fn check_mappings(findings: &mut Findings<'_>, mappings: &Mapping) {
    for entry in &mappings.entries {
        check_logical_id(findings, entry);
        check_mapping_names(findings, &entry.key.text, &entry.value);
    }
    let mut refuse = |node: &YamlNode, what: &str, expected: &str| {
        let found = format!("{what} is {}", node.describe());
        findings.error(node.span, code::TEMPLATE_SHAPE, found).expected(expected);
    };
    for MappingEntry { key, value, .. } in &mappings.entries {
        let name = &key.text;
        // A wrong level is reported once; its content has no meaning then.
        let Some(map) = value.mapping() else {
            refuse(value, &format!("the mapping {name}"), "a mapping of keys");
            continue;
        };
        for MappingEntry { key, value, .. } in &map.entries {
            let Some(inner) = value.mapping() else {
                refuse(value, &format!("{name}.{}", key.text), "a mapping of names and values");
                continue;
            };
            for MappingEntry { key: second, value, .. } in &inner.entries {
                let is_list = |nodes: &[YamlNode]| nodes.iter().all(|node| node.scalar().is_some());
                if value.scalar().is_none() && !value.sequence().is_some_and(is_list) {
                    let what = format!("{name}.{}.{}", key.text, second.text);
                    refuse(value, &what, "text, or a list of texts");
                }
            }
        }
    }
}

/// The keys of a map are alphanumeric, those of the first level also with `-` and `.`, and hold
/// something (what `CloudFormation` says when it refuses one).
fn check_mapping_names(findings: &mut Findings<'_>, name: &str, map: &YamlNode) {
    let mut refuse_empty = |place: &YamlNode, what: &str| {
        if place.mapping().is_some_and(|inner| inner.entries.is_empty()) {
            findings
                .error(place.span, code::TEMPLATE_SHAPE, format!("{what} holds nothing"))
                .expected("at least one key");
        }
    };
    let keys = || map.mapping().into_iter().flat_map(|map| &map.entries);
    refuse_empty(map, &format!("the mapping {name}"));
    for MappingEntry { key, value, .. } in keys() {
        refuse_empty(value, &format!("{name}.{}", key.text));
    }
    for MappingEntry { key, key_span, value } in keys() {
        check_key(findings, &key.text, *key_span, b"-.");
        for MappingEntry { key, key_span, .. } in
            value.mapping().into_iter().flat_map(|it| &it.entries)
        {
            check_key(findings, &key.text, *key_span, b"");
        }
    }
}

/// A key of a map: letters, digits, and these other characters.
fn check_key(findings: &mut Findings<'_>, key: &str, span: Span, others: &[u8]) {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || others.contains(&byte);
    // What begins so is a function, and refused as one.
    if key.starts_with("Fn::") {
        return;
    }
    if key.is_empty() || !key.bytes().all(fits) {
        let expected = if others.is_empty() {
            "ASCII letters and digits only: it is a key of the second level"
        } else {
            "ASCII letters, digits, - and . only"
        };
        findings
            .error(span, code::TEMPLATE_SHAPE, format!("a mapping has the key {key:?}"))
            .expected(expected);
    } else if limits::PARAMETER_NAME < key.len() {
        findings
            .error(span, code::TEMPLATE_SHAPE, format!("a key of {} characters", key.len()))
            .expected(format!("at most {}", limits::PARAMETER_NAME));
    }
}
