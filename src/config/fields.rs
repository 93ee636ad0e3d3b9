//! Reading one section of the settings field by field, so that no error hides another.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::tree::{Node, Value};
use crate::domain::diagnostic::{Diagnostic, Span};
use crate::domain::model::Malformed;
use crate::domain::snapshot::SourcePath;

/// What was found so far.
pub(super) struct Findings {
    path: SourcePath,
    found: Vec<Diagnostic>,
}

impl Findings {
    /// No finding yet, about the file of this name.
    pub(super) fn new(path: &SourcePath) -> Self {
        Self { path: path.clone(), found: Vec::new() }
    }

    /// Adds an error; the returned finding may be told what was expected and what to do.
    pub(super) fn error(
        &mut self,
        span: Option<Span>,
        code: &'static str,
        found: String,
    ) -> &mut Diagnostic {
        self.found.push(Diagnostic::error(&self.path, span, code, found));
        self.found.last_mut().expect("one was pushed just now")
    }

    /// Adds a warning.
    pub(super) fn warning(&mut self, span: Span, code: &'static str, found: String) {
        self.found.push(Diagnostic::error(&self.path, Some(span), code, found).warning());
    }

    /// All of them, in the order of the file.
    pub(super) fn in_order(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|finding| finding.span.map(|span| span.start));
        self.found
    }
}

/// A mapping that is being read: each field is asked for once.
pub(super) struct Fields<'a> {
    /// Its name with those of its parents, as in `aws.endpoint`; empty at the top.
    name: String,
    span: Span,
    entries: Vec<(&'a str, &'a Node)>,
}

impl<'a> Fields<'a> {
    /// The fields of this node, which may have these names and no others.
    pub(super) fn of(
        node: &'a Node,
        name: &str,
        known: &[&str],
        findings: &mut Findings,
    ) -> Option<Self> {
        let Value::Mapping(pairs) = &node.value else {
            let found = format!("{} is {}", named(name), node.value.kind());
            findings.error(Some(node.span), "type", found).expected = Some("a mapping".to_owned());
            return None;
        };
        let mut entries = Vec::new();
        for (key, value) in pairs {
            match &key.value {
                Value::Text(field) if known.contains(&field.as_str()) => {
                    entries.push((field.as_str(), value));
                }
                Value::Text(field) => unknown(key.span, name, field, known, findings),
                Value::Null
                | Value::Bool(_)
                | Value::Integer(_)
                | Value::Float(_)
                | Value::Sequence(_)
                | Value::Mapping(_) => {
                    let found = format!("a field of {} is {}", named(name), key.value.kind());
                    findings.error(Some(key.span), "unknown-field", found);
                }
            }
        }
        Some(Self { name: name.to_owned(), span: node.span, entries })
    }

    /// The full name of one of its fields.
    pub(super) fn full(&self, field: &str) -> String {
        if self.name.is_empty() { field.to_owned() } else { format!("{}.{field}", self.name) }
    }

    /// A field; `None` when it is absent or `null`.
    pub(super) fn get(&self, field: &str) -> Option<&'a Node> {
        let entry = self.entries.iter().find(|(name, _)| *name == field);
        entry.map(|(_, node)| *node).filter(|node| !matches!(node.value, Value::Null))
    }

    /// A field that has to be there.
    pub(super) fn require(
        &self,
        field: &str,
        expected: &str,
        findings: &mut Findings,
    ) -> Option<&'a Node> {
        let node = self.get(field);
        if node.is_none() {
            let found = format!("{} is missing", self.full(field));
            let span = if self.name.is_empty() { None } else { Some(self.span) };
            findings.error(span, "missing-field", found).expected = Some(expected.to_owned());
        }
        node
    }

    /// Text.
    pub(super) fn text(&self, field: &str, findings: &mut Findings) -> Option<&'a str> {
        let node = self.get(field)?;
        text(node, &self.full(field), "text", findings)
    }

    /// Text that some type of the domain understands.
    pub(super) fn parsed<T: FromStr<Err = Malformed>>(
        &self,
        field: &str,
        expected: &'static str,
        findings: &mut Findings,
    ) -> Option<T> {
        let node = self.require(field, expected, findings)?;
        parsed(node, &self.full(field), expected, findings)
    }

    /// A whole number in this range, or the default.
    pub(super) fn number(
        &self,
        field: &str,
        range: RangeInclusive<u32>,
        default: u32,
        findings: &mut Findings,
    ) -> u32 {
        let Some(node) = self.get(field) else { return default };
        let number = match &node.value {
            Value::Integer(number) => u32::try_from(*number).ok(),
            Value::Null
            | Value::Bool(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Sequence(_)
            | Value::Mapping(_) => None,
        };
        match number {
            Some(number) if range.contains(&number) => number,
            Some(_) | None => {
                let found = format!("{} is {}", self.full(field), shown(&node.value));
                let (least, most) = range.into_inner();
                findings.error(Some(node.span), "range", found).expected =
                    Some(format!("a whole number from {least} to {most}"));
                default
            }
        }
    }

    /// A length of time between these, or the default. One outside is moved to the nearest end
    /// with a warning: a typing error must not make conformd hammer AWS, nor keep it from starting.
    pub(super) fn duration(
        &self,
        field: &str,
        range: RangeInclusive<Duration>,
        default: Duration,
        findings: &mut Findings,
    ) -> Duration {
        let Some(node) = self.get(field) else { return default };
        let name = self.full(field);
        let Some(duration) = duration(node, &name, findings) else { return default };
        let clamped = duration.clamp(*range.start(), *range.end());
        if clamped != duration {
            let found = format!(
                "{name} is {}; {} is used instead",
                shown(&node.value),
                humantime::format_duration(clamped)
            );
            findings.warning(node.span, "interval-clamped", found);
        }
        clamped
    }
}

/// A node that must be text.
pub(super) fn text<'a>(
    node: &'a Node,
    name: &str,
    expected: &str,
    findings: &mut Findings,
) -> Option<&'a str> {
    if let Value::Text(text) = &node.value {
        return Some(text);
    }
    let found = format!("{name} is {}", node.value.kind());
    let finding = findings.error(Some(node.span), "type", found);
    finding.expected = Some(expected.to_owned());
    if matches!(node.value, Value::Integer(_) | Value::Float(_) | Value::Bool(_)) {
        finding.hint = Some("put it in quotes".to_owned());
    }
    None
}

/// A node that must be text which some type of the domain understands.
pub(super) fn parsed<T: FromStr<Err = Malformed>>(
    node: &Node,
    name: &str,
    expected: &'static str,
    findings: &mut Findings,
) -> Option<T> {
    let text = text(node, name, expected, findings)?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(Malformed { found, expected }) => {
            let found = format!("{name} is {found:?}");
            findings.error(Some(node.span), "value", found).expected = Some(expected.to_owned());
            None
        }
    }
}

fn duration(node: &Node, name: &str, findings: &mut Findings) -> Option<Duration> {
    const EXPECTED: &str = "a length of time with its unit, such as 30s, 15m or 6h";
    if matches!(node.value, Value::Integer(_) | Value::Float(_)) {
        let found = format!("{name} is {}", shown(&node.value));
        findings.error(Some(node.span), "value", found).expected = Some(EXPECTED.to_owned());
        return None;
    }
    let text = text(node, name, EXPECTED, findings)?;
    let duration = humantime::parse_duration(text).ok();
    if duration.is_none() {
        let found = format!("{name} is {:?}", cut(text));
        findings.error(Some(node.span), "value", found).expected = Some(EXPECTED.to_owned());
    }
    duration
}

fn unknown(span: Span, name: &str, field: &str, known: &[&str], findings: &mut Findings) {
    let found = format!("{} has no field {:?}", named(name), cut(field));
    let finding = findings.error(Some(span), "unknown-field", found);
    match nearest(field, known) {
        Some(near) => finding.hint = Some(format!("did you mean {near}?")),
        None => finding.expected = Some(format!("one of {}", known.join(", "))),
    }
}

/// The known name that a person may have meant: at most a third of its letters differ.
fn nearest<'a>(field: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance =
        |name: &str| strsim::damerau_levenshtein(&field.to_lowercase(), &name.to_lowercase());
    let near = known.iter().map(|name| (distance(name), *name)).min()?;
    let (distance, name) = near;
    (distance <= name.len().div_ceil(3)).then_some(name)
}

fn named(section: &str) -> &str {
    if section.is_empty() { "the settings file" } else { section }
}

/// A value as it can be quoted in one line.
fn shown(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(text) => format!("{:?}", cut(text)),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) => value.kind().to_owned(),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}
