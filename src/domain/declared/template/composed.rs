//! Dynamic references (`{{resolve:…}}`), written out or composed from pieces by functions.
//!
//! AWS replaces them in each member with the value of a parameter or a secret, which was not
//! judged. [`super::outcomes`] follows texts that functions compose.

use super::call::Call;
use super::term::Term;
use crate::domain::base::code;
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::yaml::tree::{MappingEntry, Value, YamlNode};

/// What to do about a dynamic reference.
pub(crate) const HINT: &str =
    "conformd cannot check what it becomes in a member: write the value itself";

/// Whether a text holds the beginning of a dynamic reference.
pub(crate) fn is_dynamic(text: &str) -> bool {
    text.match_indices("resolve:")
        .any(|(at, _)| text.get(..at).is_some_and(|before| before.trim_end().ends_with("{{")))
}

/// A text that functions put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Composed {
    /// Its section and key: `Resources.Rule`.
    pub(super) place: String,
    pub(super) term: Term,
}

/// Every text of a template that functions put together, with its place in the file.
pub(super) fn composed(root: &YamlNode) -> Vec<(Composed, Span)> {
    let mut all = Vec::new();
    for MappingEntry { key: section, value, .. } in
        root.mapping().into_iter().flat_map(|it| &it.entries)
    {
        let Some(entries) = value.mapping() else {
            collect(&section.text, value, &mut all);
            continue;
        };
        for MappingEntry { key, value, .. } in &entries.entries {
            collect(&format!("{}.{}", section.text, key.text), value, &mut all);
        }
    }
    all
}

fn collect(place: &str, node: &YamlNode, all: &mut Vec<(Composed, Span)>) {
    let is_call = Call::of(node).is_some_and(|call| matches!(call.function, "Join" | "Sub"));
    // AWS Config replaces `${AWS::Region}` and its like in plain text, too.
    let is_filled = node.scalar().is_some_and(|scalar| scalar.text.contains("${"));
    if is_call || is_filled {
        let composed = Composed { place: place.to_owned(), term: Term::of(node) };
        all.push((composed, node.span));
    }
    match &node.value {
        // `!Base64 {'Fn::Join': …}`: after the tag follows another call.
        Value::Mapping(_) if node.tag.is_some() => {
            collect(place, &YamlNode { tag: None, ..node.clone() }, all);
        }
        Value::Scalar(_) => {}
        Value::Sequence(nodes) => nodes.iter().for_each(|node| collect(place, node, all)),
        Value::Mapping(mapping) => {
            mapping.entries.iter().for_each(|entry| collect(place, &entry.value, all));
        }
    }
}

/// The texts that an outline keeps.
pub(super) fn of(root: &YamlNode) -> Vec<Composed> {
    composed(root).into_iter().map(|(composed, _)| composed).collect()
}

/// Dynamic references in the texts themselves, whatever they are for.
pub(super) fn check_written(findings: &mut Findings<'_>, node: &YamlNode) {
    let mut look = |text: &str, span| {
        if is_dynamic(text) {
            let found = "this is a dynamic reference ({{resolve:…}})";
            findings.error(span, code::UNJUDGED, found).hint(HINT);
        }
    };
    match &node.value {
        Value::Scalar(scalar) => look(&scalar.text, node.span),
        Value::Sequence(nodes) => nodes.iter().for_each(|node| check_written(findings, node)),
        Value::Mapping(mapping) => {
            for MappingEntry { key, key_span, .. } in &mapping.entries {
                look(&key.text, *key_span);
            }
            for MappingEntry { value, .. } in &mapping.entries {
                check_written(findings, value);
            }
        }
    }
}
