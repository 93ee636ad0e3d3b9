//! `CloudFormation`'s functions in a template: which there are, and what they refer to.

use crate::domain::code;
use crate::domain::diagnostic::Span;
use crate::domain::findings::Findings;
use crate::domain::yaml::{Entry, Mapping, Node, Value};

/// The one section whose value is a date by habit.
pub(super) const FORMAT_VERSION: &str = "AWSTemplateFormatVersion";

/// Short tags (`!If`) that packs are known to work with: those of AWS's published packs, their
/// logical kin, and `ImportValue`, which the developer guide shows.
const PROVEN: &[&str] = &["And", "Condition", "Equals", "If", "ImportValue", "Not", "Or", "Ref"];

/// Short tags that `CloudFormation` has and nobody has shown to work in a pack.
const UNPROVEN: &[&str] = &[
    "Base64",
    "Cidr",
    "Contains",
    "EachMemberEquals",
    "EachMemberIn",
    "FindInMap",
    "GetAtt",
    "GetAZs",
    "Join",
    "Length",
    "Select",
    "Split",
    "Sub",
    "ToJsonString",
    "Transform",
];

/// The long form of a short tag: `Fn::If` for `!If`.
pub(super) fn long_name(tag: &str) -> String {
    match tag {
        "Ref" | "Condition" => tag.to_owned(),
        function => format!("Fn::{function}"),
    }
}

/// Checks tags and long forms of a whole template.
pub(super) fn check(findings: &mut Findings<'_>, node: &Node) {
    if let Some(tag) = &node.tag {
        check_tag(findings, tag, node.span);
    }
    match &node.value {
        Value::Scalar(_) => {}
        Value::Sequence(nodes) => nodes.iter().for_each(|node| check(findings, node)),
        Value::Mapping(Mapping { entries, flow: _ }) => {
            for Entry { key, key_span, value } in entries {
                if let Some(function) = key.text.strip_prefix("Fn::") {
                    check_function(findings, &key.text, function, *key_span);
                }
                check(findings, value);
            }
        }
    }
}

fn check_tag(findings: &mut Findings<'_>, tag: &str, span: Span) {
    if UNPROVEN.contains(&tag) {
        unproven(findings, &format!("!{tag}"), span);
    } else if !PROVEN.contains(&tag) {
        let known = PROVEN.iter().chain(UNPROVEN).copied();
        findings
            .error(span, code::TAG, format!("!{tag} is no function of CloudFormation"))
            .did_you_mean(tag, known);
    }
}

fn check_function(findings: &mut Findings<'_>, key: &str, function: &str, span: Span) {
    if !PROVEN.contains(&function) {
        unproven(findings, key, span);
    }
}

fn unproven(findings: &mut Findings<'_>, function: &str, span: Span) {
    findings
        .warning(span, code::UNPROVEN, format!("{function} is not known to work in packs"))
        .hint("AWS documents Ref, Fn::If, Fn::Equals, Fn::Not and Fn::ImportValue for packs");
}

/// A name that something refers to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reference<'n> {
    pub(super) name: &'n str,
    pub(super) span: Span,
    pub(super) kind: ReferenceKind,
}

/// How it refers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReferenceKind {
    /// `Ref`: must be declared.
    Ref,
    /// `${Name}` inside `Fn::Sub`.
    Substitution,
    /// Text that may be a parameter's bare name: the guide of 2023 shows such a template.
    Bare,
}

/// Everything that a tree refers to.
pub(super) fn references(node: &Node) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    collect(node, node.tag.as_deref(), &mut found);
    found
}

/// `function` is what the node is the argument of, in its short form.
fn collect<'n>(node: &'n Node, function: Option<&str>, found: &mut Vec<Reference<'n>>) {
    match (&node.value, function) {
        (Value::Scalar(scalar), Some("Ref")) => {
            found.push(Reference { name: &scalar.text, span: node.span, kind: ReferenceKind::Ref });
        }
        (Value::Scalar(scalar), Some("Sub")) => substitutions(&scalar.text, node.span, found),
        (Value::Scalar(scalar), _) => {
            found.push(Reference {
                name: &scalar.text,
                span: node.span,
                kind: ReferenceKind::Bare,
            });
        }
        (Value::Sequence(nodes), function) => {
            // Of `Fn::Sub: [text, {names}]` the text is the argument.
            for (index, node) in nodes.iter().enumerate() {
                let inner = function.filter(|name| *name == "Sub" && index == 0);
                collect(node, node.tag.as_deref().or(inner), found);
            }
        }
        (Value::Mapping(mapping), _) => {
            let alone = mapping.entries.len() == 1;
            for Entry { key, key_span: _, value } in &mapping.entries {
                let long = match &*key.text {
                    "Ref" if alone => Some("Ref"),
                    "Fn::Sub" if alone => Some("Sub"),
                    _ => None,
                };
                collect(value, value.tag.as_deref().or(long), found);
            }
        }
    }
}

/// `${Name}` in a text; `${!Name}` is literal, `${Name.Attribute}` names a resource.
fn substitutions<'n>(text: &'n str, span: Span, found: &mut Vec<Reference<'n>>) {
    for piece in text.split("${").skip(1) {
        if let Some((name, _)) = piece.split_once('}')
            && !name.starts_with('!')
        {
            found.push(Reference { name: name.trim(), span, kind: ReferenceKind::Substitution });
        }
    }
}
