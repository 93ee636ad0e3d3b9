//! A settings file as a tree whose every node knows its place.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, NonFiniteFloatPolicy, Spanned};

use crate::domain::diagnostic::Span;

/// Settings files are read whole; this is far more than any of them needs.
const BYTES_MAX: usize = 256 * 1024;

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Where it stands.
    pub(super) span: Span,
    /// What it is.
    pub(super) value: Value,
}

/// What YAML can say, as far as settings use it.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without a fraction.
    Integer(i128),
    /// A number with one.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Named values, in the order of the file.
    Mapping(Vec<(Node, Node)>),
}

impl Value {
    /// What it is, in words, for "found …".
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::Sequence(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}

/// Why a text is no tree.
#[derive(Debug)]
pub(super) struct Problem {
    /// Where, if the parser knows.
    pub(super) span: Option<Span>,
    /// What it says.
    pub(super) found: String,
}

/// The tree of this text, which must be one document.
pub(super) fn parse(text: &str) -> Result<Node, Problem> {
    if text.len() > BYTES_MAX {
        let found = format!("the file has {} bytes; at most {BYTES_MAX} are read", text.len());
        return Err(Problem { span: None, found });
    }
    let options = serde_saphyr::options! {
        strict_booleans: true,
        // Whether a number makes sense is for whoever asked for it to say.
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| Problem { span: error.location().map(span), found: words(&error) })
}

/// The parser's words, without its advice to programmers and the place, which the finding says.
#[expect(clippy::wildcard_enum_match_arm, reason = "most of the parser's words will do")]
fn words(error: &serde_saphyr::Error) -> String {
    match error.without_snippet() {
        serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("field {key:?} is given twice")
        }
        serde_saphyr::Error::MultipleDocuments { .. } => {
            "a second document begins here; settings are one document".to_owned()
        }
        other => {
            let text = other.to_string();
            let line = text.lines().next().unwrap_or_default();
            line.rsplit_once(" at line ").map_or(line, |(words, _)| words).to_owned()
        }
    }
}

fn span(at: Location) -> Span {
    let number = |wide: u64| u32::try_from(wide).unwrap_or(u32::MAX);
    let offset = |wide: Option<u64>| wide.and_then(|wide| usize::try_from(wide).ok());
    let start = offset(at.span().byte_offset()).unwrap_or_default();
    let length = offset(at.span().byte_len()).unwrap_or_default();
    Span {
        line: number(at.line()),
        column: number(at.column()),
        start,
        end: start.saturating_add(length),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, defined: _ } = Spanned::deserialize(deserializer)?;
        Ok(Self { span: span(referenced), value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Value::Sequence(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Mapping(entries))
    }
}
