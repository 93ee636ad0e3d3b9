//! The canonical form of a template: what two templates must share to mean the same to AWS.
//!
//! Comments, key order, white space, quoting and the short form of intrinsics are gone; types stay
//! (`"1"` is not `1`). Numbers are kept as they are written, and plain text that YAML 1.1 reads
//! differently is kept apart from the same text in quotes: when in doubt, two forms differ, since
//! a needless delivery is cheaper than a missed one.

use std::collections::BTreeMap;

use super::intrinsic;
use crate::domain::model::Digest;
use crate::domain::yaml::{Meaning, Node, Scalar, Value};

/// A value without its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Canonical {
    Null,
    Bool(bool),
    /// As written.
    Number(String),
    Text(String),
    /// Plain text that YAML 1.1 and 1.2 read differently.
    Ambiguous(String),
    Sequence(Vec<Canonical>),
    Mapping(BTreeMap<Key, Canonical>),
}

/// A key; the flag keeps a plain `on` apart from a quoted one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    text: String,
    ambiguous: bool,
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), ambiguous: false }
    }
}

impl Canonical {
    /// The canonical form of a whole template.
    pub(super) fn of_template(root: &Node) -> Self {
        let mut canonical = Self::of(root);
        // `2010-09-09` reads as a date in YAML 1.1 and is taken as the version it is.
        let version = Key::from(intrinsic::FORMAT_VERSION);
        if let Self::Mapping(entries) = &mut canonical
            && let Some(value) = entries.get_mut(&version)
            && let Self::Ambiguous(text) = value
        {
            *value = Self::Text(std::mem::take(text));
        }
        canonical
    }

    /// The canonical form of a part of a template.
    pub(super) fn of(node: &Node) -> Self {
        let bare = match &node.value {
            // The argument of a short tag is text to every reader: the tag settles its type.
            Value::Scalar(scalar) if node.tag.is_some() => Self::Text(scalar.text.to_string()),
            Value::Scalar(scalar) => Self::of_scalar(scalar),
            Value::Sequence(nodes) => Self::Sequence(nodes.iter().map(Self::of).collect()),
            Value::Mapping(mapping) => Self::Mapping(
                mapping
                    .entries
                    .iter()
                    .map(|entry| {
                        let text = entry.key.text.to_string();
                        let ambiguous = entry.key.is_ambiguous();
                        (Key { text, ambiguous }, Self::of(&entry.value))
                    })
                    .collect(),
            ),
        };
        match node.tag.as_deref() {
            None => bare,
            Some(tag) => {
                let argument = match (tag, bare) {
                    ("GetAtt", Self::Text(text)) => split_attribute(text),
                    (_, bare) => bare,
                };
                let name = intrinsic::long_name(tag);
                Self::Mapping(BTreeMap::from([(Key::from(&*name), argument)]))
            }
        }
    }

    fn of_scalar(scalar: &Scalar) -> Self {
        let text = || scalar.text.to_string();
        match scalar.meaning {
            _ if scalar.is_ambiguous() => Self::Ambiguous(text()),
            Meaning::Null => Self::Null,
            Meaning::Bool(value) => Self::Bool(value),
            Meaning::Integer | Meaning::Float => Self::Number(text()),
            Meaning::Text => Self::Text(text()),
        }
    }

    /// The entries, if it is a mapping.
    pub(super) fn entries_mut(&mut self) -> Option<&mut BTreeMap<Key, Self>> {
        match self {
            Self::Mapping(entries) => Some(entries),
            Self::Null
            | Self::Bool(_)
            | Self::Number(_)
            | Self::Text(_)
            | Self::Ambiguous(_)
            | Self::Sequence(_) => None,
        }
    }

    /// The digest of the form: equal for equal forms only.
    pub(super) fn digest(&self) -> Digest {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        Digest::of([b"template".as_slice(), &bytes])
    }

    /// Appends an encoding that no other form shares: a letter, then lengths before contents.
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(b'z'),
            Self::Bool(value) => out.extend([b'b', u8::from(*value)]),
            Self::Number(text) => encode_text(out, b'n', text),
            Self::Text(text) => encode_text(out, b't', text),
            Self::Ambiguous(text) => encode_text(out, b'a', text),
            Self::Sequence(values) => {
                encode_length(out, b's', values.len());
                for value in values {
                    value.encode(out);
                }
            }
            Self::Mapping(entries) => {
                encode_length(out, b'm', entries.len());
                for (Key { text, ambiguous }, value) in entries {
                    encode_text(out, if *ambiguous { b'a' } else { b't' }, text);
                    value.encode(out);
                }
            }
        }
    }
}

fn encode_length(out: &mut Vec<u8>, letter: u8, length: usize) {
    out.push(letter);
    out.extend((length as u64).to_be_bytes());
}

fn encode_text(out: &mut Vec<u8>, letter: u8, text: &str) {
    encode_length(out, letter, text.len());
    out.extend(text.as_bytes());
}

/// `!GetAtt a.b.c` means `{Fn::GetAtt: [a, b.c]}`.
fn split_attribute(text: String) -> Canonical {
    match text.split_once('.') {
        Some((resource, attribute)) => Canonical::Sequence(vec![
            Canonical::Text(resource.to_owned()),
            Canonical::Text(attribute.to_owned()),
        ]),
        None => Canonical::Text(text),
    }
}
