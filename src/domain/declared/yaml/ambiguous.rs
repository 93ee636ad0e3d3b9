//! Plain scalars that two YAML readers could read differently: found here, refused by who reads on.

use super::tree::{Mapping, MappingEntry, Value, YamlNode};
use super::{Meaning, Scalar};
use crate::domain::base::code;
use crate::domain::declared::diagnostic::{Diagnostic, Span};
use crate::domain::declared::snapshot::SourcePath;

/// A key or value that readers disagree about.
#[derive(Debug, Clone, Copy)]
pub struct Ambiguous<'n> {
    /// It, as written.
    pub scalar: &'n Scalar,
    /// Its place.
    pub span: Span,
    /// Whether it is a key.
    pub is_key: bool,
}

/// Everything in a tree that YAML 1.1, YAML 1.2 and JSON-minded readers do not read alike. The
/// argument of a short tag is left out: the tag makes it text to every reader.
pub fn ambiguous(root: &YamlNode) -> Vec<Ambiguous<'_>> {
    let mut found = Vec::new();
    collect(root, &mut found);
    found
}

fn collect<'n>(node: &'n YamlNode, found: &mut Vec<Ambiguous<'n>>) {
    match &node.value {
        Value::Scalar(scalar) => {
            if node.tag.is_none() && scalar.is_ambiguous() {
                found.push(Ambiguous { scalar, span: node.span, is_key: false });
            }
        }
        Value::Sequence(nodes) => nodes.iter().for_each(|node| collect(node, found)),
        Value::Mapping(Mapping { entries, flow: _ }) => {
            for MappingEntry { key, key_span, value } in entries {
                // Keys are text in JSON, and so in AWS: `True` would become one of two texts. A
                // whole number is written one way only.
                let is_text = matches!(key.meaning, Meaning::Text | Meaning::Integer);
                if key.is_ambiguous() || !is_text {
                    found.push(Ambiguous { scalar: key, span: *key_span, is_key: true });
                }
                collect(value, found);
            }
        }
    }
}

impl Ambiguous<'_> {
    /// The finding: who disagrees, and how to write what is meant.
    pub fn problem(&self, path: &SourcePath) -> Diagnostic {
        let Self { scalar: Scalar { text, style: _, meaning }, span, is_key } = self;
        // A key is always text in our files, so quotes are the only right answer. A value may be
        // meant as a number.
        let what = if *is_key { "the key" } else { "the value" };
        let found = format!("YAML readers disagree about {what} {text}");
        let problem = Diagnostic::error(path, Some(*span), code::YAML_1_1, found);
        let quoted = format!("\"{text}\"");
        if *is_key {
            return problem.hint(format!("write {quoted}: a key is text"));
        }
        problem.hint(match meaning {
            Meaning::Integer | Meaning::Float => format!(
                "write {quoted} if it is text, else the number as JSON does, with at most 15 digits"
            ),
            Meaning::Text | Meaning::Bool(_) | Meaning::Null => {
                format!("write {quoted} if it is text")
            }
        })
    }
}
