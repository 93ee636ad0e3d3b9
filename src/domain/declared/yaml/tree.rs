//! A value of a text, and its place.

use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::yaml::scalar::{Meaning, Scalar, Style};

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlNode {
    /// The place of the value, without its tag.
    pub span: Span,
    /// The local tag without its `!`: `Ref` for `!Ref`.
    pub tag: Option<String>,
    /// What it is.
    pub value: Value,
}

impl YamlNode {
    /// No value.
    pub fn null(span: Span) -> Self {
        let scalar = Scalar { text: "".into(), style: Style::Plain, meaning: Meaning::Null };
        Self { span, tag: None, value: Value::Scalar(scalar) }
    }

    /// The entries, if this is a mapping without a tag.
    pub fn mapping(&self) -> Option<&Mapping> {
        match (&self.value, &self.tag) {
            (Value::Mapping(mapping), None) => Some(mapping),
            (Value::Mapping(_) | Value::Scalar(_) | Value::Sequence(_), _) => None,
        }
    }

    /// The elements, if this is a sequence without a tag.
    pub fn sequence(&self) -> Option<&[YamlNode]> {
        match (&self.value, &self.tag) {
            (Value::Sequence(nodes), None) => Some(nodes),
            (Value::Mapping(_) | Value::Scalar(_) | Value::Sequence(_), _) => None,
        }
    }

    /// The scalar, if this is one without a tag.
    pub fn scalar(&self) -> Option<&Scalar> {
        match (&self.value, &self.tag) {
            (Value::Scalar(scalar), None) => Some(scalar),
            (Value::Mapping(_) | Value::Scalar(_) | Value::Sequence(_), _) => None,
        }
    }

    /// The text, if this is text: a number, a boolean and null are not.
    pub fn text(&self) -> Option<&str> {
        self.scalar().filter(|scalar| scalar.meaning == Meaning::Text).map(|scalar| &*scalar.text)
    }

    /// Whether it is null: written as `~` or `null`, or left out.
    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.meaning == Meaning::Null)
    }

    /// The value of a key, if this is a mapping that holds it.
    pub fn get(&self, key: &str) -> Option<&YamlNode> {
        self.mapping()?.get(key)
    }

    /// What it is, with its article, for a finding.
    pub fn describe(&self) -> String {
        let tag = |what: &str| match &self.tag {
            Some(tag) => format!("{what} tagged !{tag}"),
            None => what.to_owned(),
        };
        match &self.value {
            Value::Scalar(scalar) => tag(scalar.meaning.describe()),
            Value::Sequence(_) => tag("a list"),
            Value::Mapping(_) => tag("a mapping"),
        }
    }
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text, a number, a boolean or null.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<YamlNode>),
    /// Keys and values in the order of the text; no key occurs twice.
    Mapping(Mapping),
}

/// The entries of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// In the order of the text.
    pub entries: Vec<MappingEntry>,
    /// `{a: b}` rather than lines.
    pub flow: bool,
}

impl Mapping {
    /// The entry of a key.
    pub fn entry(&self, key: &str) -> Option<&MappingEntry> {
        self.entries.iter().find(|entry| &*entry.key.text == key)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&YamlNode> {
        self.entry(key).map(|entry| &entry.value)
    }
}

/// One key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingEntry {
    /// The key.
    pub key: Scalar,
    /// The place of the key, including its tag.
    pub key_span: Span,
    /// The value.
    pub value: YamlNode,
}
