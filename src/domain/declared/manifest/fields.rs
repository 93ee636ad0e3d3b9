//! Reading typed fields from a mapping; every slip becomes a finding in its place.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::domain::base::code;
use crate::domain::base::model::{Malformed, Timestamp};
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::yaml::Meaning;
use crate::domain::declared::yaml::tree::{Mapping, YamlNode};

/// A value with the place to show when something is wrong with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'n> {
    pub(super) node: &'n YamlNode,
    /// The value, or the key where the value is empty.
    pub(super) span: Span,
}

impl<'n> Field<'n> {
    /// A value under a key.
    fn under(node: &'n YamlNode, key_span: Span) -> Self {
        let span = if node.span.start == node.span.end { key_span } else { node.span };
        Self { node, span }
    }

    /// A value by itself.
    pub(super) fn alone(node: &'n YamlNode) -> Self {
        Self { node, span: node.span }
    }
}

/// The fields of a mapping that may hold these and no others.
#[derive(Debug)]
pub(super) struct ManifestFields<'n> {
    what: &'static str,
    span: Span,
    mapping: &'n Mapping,
}

impl<'n> ManifestFields<'n> {
    /// Opens a mapping named `what` ("spec.template"); `known` are the fields it may have.
    pub(super) fn open(
        findings: &mut Findings<'_>,
        field: Field<'n>,
        what: &'static str,
        known: &[&str],
    ) -> Option<Self> {
        let Some(mapping) = field.node.mapping() else {
            wrong_type(findings, field, what, "a mapping");
            return None;
        };
        for entry in &mapping.entries {
            let name = &*entry.key.text;
            if !known.contains(&name) {
                findings
                    .error(
                        entry.key_span,
                        code::UNKNOWN_FIELD,
                        format!("{what} has no field {name}"),
                    )
                    .expected(format!("one of {}", known.join(", ")))
                    .did_you_mean(name, known.iter().copied());
            }
        }
        Some(Self { what, span: field.span, mapping })
    }

    /// A field that may be absent.
    pub(super) fn optional(&self, name: &str) -> Option<Field<'n>> {
        let entry = self.mapping.entry(name)?;
        Some(Field::under(&entry.value, entry.key_span))
    }

    /// A field that must be there.
    pub(super) fn required(&self, findings: &mut Findings<'_>, name: &str) -> Option<Field<'n>> {
        let field = self.optional(name);
        if field.is_none() {
            let found = format!("{} has no field {name}", self.what);
            findings.error(self.span, code::MISSING_FIELD, found);
        }
        field
    }

    /// The place of the mapping.
    pub(super) fn span(&self) -> Span {
        self.span
    }
}

/// Records that a value has the wrong type.
pub(super) fn wrong_type(
    findings: &mut Findings<'_>,
    field: Field<'_>,
    what: &str,
    expected: &str,
) {
    let found = format!("{what} is {}", field.node.describe());
    let entry = findings.error(field.span, code::WRONG_TYPE, found).expected(expected);
    if field.node.is_null() {
        entry.hint("give it a value or leave the field out");
    }
}

/// Text. A number or a boolean is not text: a reader of another kind would drop leading zeros.
pub(super) fn text<'n>(
    findings: &mut Findings<'_>,
    field: Field<'n>,
    what: &str,
) -> Option<&'n str> {
    if let Some(text) = field.node.text() {
        return Some(text);
    }
    let found = format!("{what} is {}", field.node.describe());
    let entry = findings.error(field.span, code::WRONG_TYPE, found).expected("text");
    // The hint shows what to write: most of these values lack only quotes.
    match field.node.scalar() {
        Some(scalar) if scalar.meaning != Meaning::Null => {
            entry.hint(format!("write \"{}\", in quotes", scalar.text));
        }
        Some(_) => {
            entry.hint("write \"\" for empty text");
        }
        None => {}
    }
    None
}

/// Text that is not empty.
pub(super) fn words<'n>(
    findings: &mut Findings<'_>,
    field: Field<'n>,
    what: &str,
) -> Option<&'n str> {
    let text = text(findings, field, what)?;
    if text.trim().is_empty() {
        findings.error(field.span, code::MALFORMED, format!("{what} is empty")).expected("words");
        return None;
    }
    Some(text)
}

/// An identifier.
pub(super) fn parsed<T: FromStr<Err = Malformed>>(
    findings: &mut Findings<'_>,
    field: Field<'_>,
    what: &str,
) -> Option<T> {
    let text = text(findings, field, what)?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(Malformed { found, expected }) => {
            findings
                .error(field.span, code::MALFORMED, format!("{what} is {found:?}"))
                .expected(expected);
            None
        }
    }
}

/// True or false.
pub(super) fn flag(findings: &mut Findings<'_>, field: Field<'_>, what: &str) -> Option<bool> {
    match field.node.scalar().map(|scalar| scalar.meaning) {
        Some(Meaning::Bool(value)) => Some(value),
        Some(Meaning::Null | Meaning::Integer | Meaning::Float | Meaning::Text) | None => {
            wrong_type(findings, field, what, "true or false");
            None
        }
    }
}

/// A moment in RFC 3339.
pub(super) fn moment(
    findings: &mut Findings<'_>,
    field: Field<'_>,
    what: &str,
) -> Option<Timestamp> {
    let text = text(findings, field, what)?;
    let moment = text.parse().ok();
    if moment.is_none() {
        findings
            .error(field.span, code::MALFORMED, format!("{what} is {text:?}"))
            .expected("a moment such as 2026-12-01T00:00:00Z");
    }
    moment
}

/// A list of identifiers without repetition, each with its place. Repetitions are dropped with a
/// warning.
pub(super) fn set<T: FromStr<Err = Malformed> + Ord>(
    findings: &mut Findings<'_>,
    field: Field<'_>,
    what: &str,
) -> Option<BTreeMap<T, Span>> {
    let Some(nodes) = field.node.sequence() else {
        wrong_type(findings, field, what, "a list");
        return None;
    };
    let mut values = BTreeMap::new();
    for node in nodes {
        let Some(value) = parsed::<T>(findings, Field::alone(node), &format!("an entry of {what}"))
        else {
            continue;
        };
        // A repetition changes nothing, so it is a warning; it is often a slip for another name.
        if let Some(first) = values.get(&value).copied() {
            let path = findings.path;
            findings
                .warning(node.span, code::DUPLICATE, format!("{what} names this twice"))
                .related(path, first, "first named here");
        } else {
            values.insert(value, node.span);
        }
    }
    Some(values)
}

/// A mapping from text to text; the span is the key's.
pub(super) fn texts(
    findings: &mut Findings<'_>,
    field: Field<'_>,
    what: &str,
) -> Option<BTreeMap<String, (String, Span)>> {
    let Some(mapping) = field.node.mapping() else {
        wrong_type(findings, field, what, "a mapping");
        return None;
    };
    let mut values = BTreeMap::new();
    for entry in &mapping.entries {
        let value = Field::under(&entry.value, entry.key_span);
        let name = &entry.key.text;
        if let Some(text) = entry.value.text() {
            values.insert(name.to_string(), (text.to_owned(), entry.key_span));
        } else {
            // The value may be a secret and is never shown.
            let found = format!("{what}.{name} is {}", entry.value.describe());
            findings
                .error(value.span, code::WRONG_TYPE, found)
                .expected("text")
                .hint("put the value in quotes");
            // Given after all: that it is missing would be no second finding.
            values.insert(name.to_string(), (String::new(), entry.key_span));
        }
    }
    Some(values)
}
