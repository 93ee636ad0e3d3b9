//! The top level of a template and its parameters: what `CloudFormation` would refuse anyway.

use crate::domain::code;
use crate::domain::findings::Findings;
use crate::domain::limits;
use crate::domain::model::MARKER_PARAMETER;
use crate::domain::yaml::{Entry, Mapping, Node};

/// Sections that packs are known to work with.
const PROVEN: &[&str] = &[
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Conditions",
    "Resources",
];

/// Sections that `CloudFormation` has and nobody has shown to work in a pack.
const UNPROVEN: &[&str] = &["Hooks", "Mappings", "Outputs", "Rules", "Transform"];

/// Attributes of a parameter (`CloudFormation` template reference).
const ATTRIBUTES: &[&str] = &[
    "AllowedPattern",
    "AllowedValues",
    "ConstraintDescription",
    "Default",
    "Description",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
    "Type",
];

/// Checks the top level and the parameters.
pub(super) fn check(findings: &mut Findings<'_>, root: &Node) {
    let Some(sections) = root.mapping() else {
        findings
            .error(root.span, code::TEMPLATE_SHAPE, format!("the template is {}", root.describe()))
            .expected("a mapping with Resources");
        return;
    };
    for Entry { key, key_span, value: _ } in &sections.entries {
        let name = &*key.text;
        if UNPROVEN.contains(&name) {
            let found = format!("the section {name} is not known to work in packs");
            findings.warning(*key_span, code::UNPROVEN, found);
        } else if !PROVEN.contains(&name) {
            findings
                .error(*key_span, code::UNKNOWN_SECTION, format!("there is no section {name}"))
                .did_you_mean(name, PROVEN.iter().chain(UNPROVEN).copied());
        }
    }
    if let Some(entry) = sections.entry("Parameters") {
        if let Some(parameters) = entry.value.mapping() {
            // The marker comes on top.
            let count = parameters.entries.len() + 1;
            let (code, limit) = (code::TOO_MANY_PARAMETERS, &limits::PARAMETERS);
            if limit.upper < count {
                findings.limit(entry.key_span, code, limit, count);
            }
            check_parameters(findings, parameters);
        } else {
            let found = format!("Parameters is {}", entry.value.describe());
            findings
                .error(entry.key_span, code::TEMPLATE_SHAPE, found)
                .expected("a mapping")
                .hint("leave the section out if there are no parameters");
        }
    }
    if let Some(entry) = sections.entry("Conditions")
        && entry.value.mapping().is_none()
    {
        let found = format!("Conditions is {}", entry.value.describe());
        findings.error(entry.key_span, code::TEMPLATE_SHAPE, found).expected("a mapping");
    }
}

fn check_parameters(findings: &mut Findings<'_>, parameters: &Mapping) {
    for entry in &parameters.entries {
        check_parameter(findings, entry);
    }
}

fn check_parameter(findings: &mut Findings<'_>, entry: &Entry) {
    let Entry { key, key_span, value } = entry;
    let name = &*key.text;
    if name == MARKER_PARAMETER {
        findings
            .error(*key_span, code::RESERVED_PARAMETER, format!("the template declares {name}"))
            .hint("conformd declares it itself in what it delivers; remove it here");
        return;
    }
    check_logical_id(findings, entry);
    if limits::PARAMETER_NAME < name.len() {
        findings
            .error(*key_span, code::LOGICAL_ID, format!("a name of {} characters", name.len()))
            .expected(format!("at most {}", limits::PARAMETER_NAME));
    }
    let Some(attributes) = value.mapping() else {
        let found = format!("the parameter {name} is {}", value.describe());
        findings.error(*key_span, code::TEMPLATE_SHAPE, found).expected("a mapping with Type");
        return;
    };
    for Entry { key, key_span, value: _ } in &attributes.entries {
        if !ATTRIBUTES.contains(&&*key.text) {
            let found = format!("a parameter has no attribute {}", key.text);
            findings
                .error(*key_span, code::UNKNOWN_FIELD, found)
                .did_you_mean(&key.text, ATTRIBUTES.iter().copied());
        }
    }
    match attributes.get("Type").map(|kind| (kind, kind.text())) {
        None => {
            findings
                .error(*key_span, code::MISSING_FIELD, format!("the parameter {name} has no Type"))
                .hint("add Type: String");
        }
        Some((_, Some("String"))) => {}
        Some((kind, _)) => {
            findings
                .warning(kind.span, code::UNPROVEN, format!("the type of {name} is not String"))
                .hint("every pack that AWS publishes declares its parameters as String");
        }
    }
}

/// Names of parameters and resources are alphanumeric.
pub(super) fn check_logical_id(findings: &mut Findings<'_>, entry: &Entry) {
    let name = &*entry.key.text;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        findings
            .error(entry.key_span, code::LOGICAL_ID, format!("{name:?} is not alphanumeric"))
            .expected("ASCII letters and digits only");
    }
}
