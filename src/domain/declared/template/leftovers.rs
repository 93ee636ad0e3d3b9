//! What another template language left behind: text that its tool should have replaced. AWS would
//! take it for a value.

use super::call::Call;
use super::composed::is_dynamic;
use super::names::PSEUDO;
use crate::domain::base::code;
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::yaml::tree::{MappingEntry, Value, YamlNode};

/// Sections whose texts are for users, or in a language of their own.
const PROSE: &[&str] = &[
    "AllowedPattern",
    "Description",
    "PolicyText",
    "ConstraintDescription",
    "Controls",
    "Metadata",
];

/// Opening and closing marks, and whose they are.
const MARKS: &[(&str, &str, &str)] = &[
    ("{%", "%}", "Jinja or Liquid"),
    ("<%", "%>", "ERB"),
    ("#{", "}", "Ruby or Octopus"),
    ("@@", "@@", "a build tool"),
    ("ENC[", "]", "SOPS, still encrypted"),
];

/// Whole values that a tool writes when it has nothing to write.
const NOTHINGS: &[&str] = &["<no value>", "[object Object]"];

/// Checks every value that AWS would use.
pub(super) fn check(findings: &mut Findings<'_>, root: &YamlNode) {
    let Some(sections) = root.mapping() else { return };
    for MappingEntry { key, value, .. } in &sections.entries {
        // Descriptions may quote such marks on purpose.
        if !PROSE.contains(&&*key.text) {
            check_node(findings, value);
        }
    }
}

fn check_node(findings: &mut Findings<'_>, node: &YamlNode) {
    if let Some(call) = Call::of(node)
        && call.function == "Sub"
    {
        // Names in braces are its own business; of the rest nothing is excused.
        let text = call.text().or_else(|| call.items()?.first()?.text());
        if let Some(found) = text.and_then(mark) {
            report(findings, node.span, found);
        }
        for child in call.children().into_iter().filter(|child| child.text().is_none()) {
            check_node(findings, child);
        }
        return;
    }
    match &node.value {
        Value::Scalar(scalar) => {
            if let Some(found) = mark(&scalar.text).or_else(|| in_braces(&scalar.text)) {
                report(findings, node.span, found);
            }
        }
        Value::Sequence(nodes) => nodes.iter().for_each(|node| check_node(findings, node)),
        Value::Mapping(mapping) => {
            for MappingEntry { key, key_span, value } in &mapping.entries {
                if PROSE.contains(&&*key.text) {
                    continue;
                }
                if let Some(found) = mark(&key.text).or_else(|| in_braces(&key.text)) {
                    report(findings, *key_span, found);
                }
                if &*key.text == "InputParameters" {
                    check_inputs(findings, value);
                } else {
                    check_node(findings, value);
                }
            }
        }
    }
}

/// Marks within other text, which AWS accepts in the value of an input parameter: a rule may have a
/// language of its own. A value that is only such a mark was left unreplaced.
const WITHIN_INPUTS: &[(&str, &str)] = &[("{{", "}}"), ("<%", "%>"), ("${", "}")];

fn check_inputs(findings: &mut Findings<'_>, inputs: &YamlNode) {
    let Some(mapping) = inputs.mapping().filter(|_| Call::of(inputs).is_none()) else {
        return check_node(findings, inputs);
    };
    for MappingEntry { key, key_span, value } in &mapping.entries {
        if let Some(found) = mark(&key.text).or_else(|| in_braces(&key.text)) {
            report(findings, *key_span, found);
        }
        let Some(scalar) = value.scalar() else {
            check_node(findings, value);
            continue;
        };
        let text = scalar.text.trim();
        if let Some(found) = mark(text).or_else(|| in_braces(text)) {
            let is_within = WITHIN_INPUTS.iter().any(|(open, close)| {
                let is_all = text.starts_with(open) && text.ends_with(close);
                found.what.starts_with(open) && !is_all
            });
            // One mark does not excuse another.
            let has_more = text.contains("resolve:")
                || MARKS.iter().any(|(open, close, _)| {
                    *open != "<%"
                        && between(text, open, close).is_some_and(|inner| !inner.is_empty())
                });
            let is_certain = found.is_certain && (!is_within || has_more);
            report(findings, value.span, Leftover { is_certain, ..found });
        }
    }
}

struct Leftover {
    what: String,
    hint: &'static str,
    /// Whether it cannot be meant literally.
    is_certain: bool,
}

fn report(findings: &mut Findings<'_>, span: Span, found: Leftover) {
    let Leftover { what, hint, is_certain } = found;
    if is_certain {
        findings.error(span, code::LEFTOVER, what).hint(hint);
    } else {
        findings.warning(span, code::LEFTOVER, what).hint(hint);
    }
}

const RENDER: &str = "render the file before it is published";

/// Marks that are left in a text, of whichever language.
fn mark(text: &str) -> Option<Leftover> {
    let leftover = |what, hint| Some(Leftover { what, hint, is_certain: true });
    if let Some(inner) = between(text, "{{", "}}") {
        // Dynamic references are refused anywhere, by `composed`.
        return if is_dynamic(text) {
            None
        } else {
            leftover(format!("{{{{{inner}}}}} was not replaced (Jinja, Helm, …)"), RENDER)
        };
    }
    for (open, close, whose) in MARKS {
        if let Some(inner) = between(text, open, close).filter(|inner| !inner.is_empty()) {
            return leftover(format!("{open}{inner}{close} was not replaced ({whose})"), RENDER);
        }
    }
    let trimmed = text.trim();
    let is_concourse = between(trimmed, "((", "))").is_some_and(|inner| {
        inner.len() + 4 == trimmed.len()
            && !inner.is_empty()
            && inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte))
    });
    if is_concourse {
        return leftover(format!("{trimmed} was not replaced (Concourse, BOSH)"), RENDER);
    }
    if NOTHINGS.contains(&trimmed) {
        return leftover(format!("{trimmed} is what a tool writes for a missing value"), RENDER);
    }
    let is_token = trimmed.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"));
    is_token
        .filter(|inner| {
            let fits =
                |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
            !inner.is_empty() && inner.bytes().all(fits)
        })
        .map(|_| Leftover {
            what: format!("{trimmed} looks like a placeholder that was not replaced"),
            hint: RENDER,
            is_certain: false,
        })
}

/// `${…}` outside of `Fn::Sub`, but for pseudo parameters, which AWS Config replaces in any text.
fn in_braces(text: &str) -> Option<Leftover> {
    let inner = text.split("${").skip(1).find_map(|piece| {
        let (inner, _) = piece.split_once('}')?;
        (!PSEUDO.contains(&inner)).then_some(inner)
    })?;
    // A name in the form of a parameter was most likely meant for `!Sub`; others are marks of a
    // tool that renders files.
    let hint = if inner.starts_with(|first: char| first.is_ascii_uppercase())
        && inner.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        "a parameter of this template is put in by !Sub or !Ref only"
    } else {
        "render the file before it is published; for literal text, use !Sub and ${!name}"
    };
    Some(Leftover { what: format!("${{{inner}}} was not replaced"), hint, is_certain: true })
}

/// The text between the first opening mark and the next closing one.
fn between<'t>(text: &'t str, open: &str, close: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(inner, _)| inner)
}
