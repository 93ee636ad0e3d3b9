//! `Outputs`: what `CloudFormation` refuses of them.

use super::call::Call;
use super::logical_id::check_logical_id;
use super::section::entries;
use crate::domain::base::{code, limits};
use crate::domain::declared::findings::Findings;
use crate::domain::declared::yaml::tree::{Mapping, MappingEntry, YamlNode};

/// Fields of an output (`CloudFormation` template reference).
const FIELDS: &[&str] = &["Condition", "Description", "Export", "Value"];

/// Checks every output.
pub(super) fn check(findings: &mut Findings<'_>, root: &YamlNode) {
    if let Some(section) = root.get("Outputs") {
        let count = entries(root, "Outputs").len();
        findings.limit(section.span, code::TOO_LARGE, &limits::OUTPUTS, count);
    }
    let conditions = || entries(root, "Conditions").iter().map(|entry| &*entry.key.text);
    for entry in entries(root, "Outputs") {
        check_logical_id(findings, entry);
        let MappingEntry { key, key_span, value } = entry;
        let Some(Mapping { entries, flow: _ }) = value.mapping() else {
            let found = format!("the output {} is {}", key.text, value.describe());
            findings
                .error(value.span, code::TEMPLATE_SHAPE, found)
                .expected("a mapping with Value");
            continue;
        };
        for MappingEntry { key, key_span, value } in entries {
            let name = &*key.text;
            // Functions as keys are reported by `intrinsic`.
            if !FIELDS.contains(&name) && !name.starts_with("Fn::") {
                findings
                    .error(*key_span, code::UNKNOWN_FIELD, format!("an output has no {name}"))
                    .expected(FIELDS.join(", "))
                    .did_you_mean(name, FIELDS.iter().copied());
            }
            let is_text = value.scalar().is_some() || Call::of(value).is_some();
            if matches!(name, "Value" | "Description" | "Condition") && !is_text {
                findings
                    .error(value.span, code::WRONG_TYPE, format!("{name} is {}", value.describe()))
                    .expected("text");
            }
            if let ("Condition", Some(text)) = (name, value.text())
                && !conditions().any(|known| known == text)
            {
                findings
                    .error(value.span, code::CONDITION, format!("there is no condition {text}"))
                    .expected("a condition that is declared under Conditions")
                    .did_you_mean(text, conditions());
            }
            if let ("Description", Some(text)) = (name, value.text())
                && limits::OUTPUT_DESCRIPTION < text.len()
            {
                let found = format!("the Description has {} bytes", text.len());
                findings
                    .error(value.span, code::TOO_LARGE, found)
                    .expected(format!("at most {}", limits::OUTPUT_DESCRIPTION));
            }
            let is_export = Call::of(value).is_none() && value.get("Name").is_some();
            if name == "Export" && !is_export {
                findings
                    .error(value.span, code::MISSING_FIELD, "Export lacks Name")
                    .expected("Export: {Name: the name for other stacks}");
            }
        }
        if value.get("Value").is_none() {
            let found = format!("the output {} lacks Value", key.text);
            findings
                .error(*key_span, code::MISSING_FIELD, found)
                .hint("CloudFormation requires it");
        }
    }
}
