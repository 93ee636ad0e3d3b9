//! Shorter forms of a remediation's parameters, which templates in the field have and AWS's
//! reference does not show, in the form that it does.

use super::call::Call;
use crate::domain::base::code;
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::yaml::tree::{Mapping, MappingEntry, Value, YamlNode};
use crate::domain::declared::yaml::{Meaning, Scalar, Style};

/// The properties of a remediation with every parameter in the form of the reference; a warning
/// where it is another.
pub(super) fn usual(findings: &mut Findings<'_>, properties: &YamlNode) -> YamlNode {
    let mut properties = properties.clone();
    let parameters = entry(&mut properties, "Parameters");
    let Some(Value::Mapping(Mapping { entries, .. })) = parameters else { return properties };
    for MappingEntry { value, .. } in entries {
        if let Value::Mapping(Mapping { entries, flow: _ }) = &mut value.value {
            for MappingEntry { key, value, .. } in entries {
                adapt(findings, &key.text, value);
            }
        }
    }
    properties
}

fn entry<'n>(node: &'n mut YamlNode, name: &str) -> Option<&'n mut Value> {
    let Value::Mapping(Mapping { entries, flow: _ }) = &mut node.value else { return None };
    let entry = entries.iter_mut().find(|entry| &*entry.key.text == name)?;
    Some(&mut entry.value.value)
}

fn adapt(findings: &mut Findings<'_>, kind: &str, node: &mut YamlNode) {
    // Published templates use short forms that AWS's reference does not show. They are judged in
    // the long form, with a warning; any other form is left to the schema.
    if node.is_null() {
        return;
    }
    let (name, expected) = match kind {
        "ResourceValue" => ("Value", "ResourceValue: {Value: RESOURCE_ID}"),
        "StaticValue" => ("Values", "StaticValue: {Values: [value]}"),
        _ => return,
    };
    let short = match (Call::of(node), node.mapping()) {
        (None, Some(Mapping { entries, .. })) => match &**entries {
            [MappingEntry { key, value, .. }] if kind == "StaticValue" && &*key.text == "Value" => {
                value.clone()
            }
            _ => return,
        },
        (Some(call), _) if call.function == "If" => return,
        (None, None) | (Some(_), _) => node.clone(),
    };
    let is_list = short.sequence().is_some();
    if kind == "ResourceValue" && is_list {
        return;
    }
    let found = format!("{kind} has a form that AWS's reference does not show");
    findings.warning(node.span, code::UNPROVEN, found).expected(expected);
    let span = node.span;
    let inner = if kind == "StaticValue" && !is_list {
        YamlNode { span, tag: None, value: Value::Sequence(vec![short]) }
    } else {
        short
    };
    *node = mapping(name, inner, span);
}

fn mapping(name: &str, value: YamlNode, span: Span) -> YamlNode {
    let key = Scalar { text: name.into(), style: Style::Plain, meaning: Meaning::Text };
    let entries = vec![MappingEntry { key, key_span: span, value }];
    YamlNode { span, tag: None, value: Value::Mapping(Mapping { entries, flow: true }) }
}
