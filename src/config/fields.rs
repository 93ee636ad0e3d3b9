//! Reading one section of the settings field by field, so that no error hides another.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::domain::base::code;
use crate::domain::base::model::Malformed;
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::yaml::tree::{MappingEntry, YamlNode};
use crate::domain::declared::yaml::{Meaning, Scalar};

/// A length of time was moved to the nearest end of its range.
const CLAMPED: &str = "interval-clamped";

/// A mapping that is being read: each field is asked for once.
pub(super) struct SettingsReader<'a> {
    /// Its name with those of its parents, as in `aws.endpoint`; empty at the top.
    name: String,
    span: Span,
    entries: Vec<(&'a str, &'a YamlNode)>,
}

impl<'a> SettingsReader<'a> {
    /// The fields of this node, which may have these names and no others.
    pub(super) fn of(
        node: &'a YamlNode,
        name: &str,
        known: &[&str],
        findings: &mut Findings<'_>,
    ) -> Option<Self> {
        let Some(mapping) = node.mapping() else {
            let found = format!("{} is {}", named(name), node.describe());
            findings.error(node.span, code::WRONG_TYPE, found).expected("a mapping");
            return None;
        };
        let mut entries = Vec::new();
        for MappingEntry { key, key_span, value } in &mapping.entries {
            let field = &*key.text;
            // An unknown field is an error, since a typing error would otherwise leave a default in
            // force. It is reported once, and the known fields are still checked.
            if known.contains(&field) {
                entries.push((field, value));
            } else {
                unknown(*key_span, name, field, known, findings);
            }
        }
        Some(Self { name: name.to_owned(), span: node.span, entries })
    }

    /// The full name of one of its fields.
    pub(super) fn full(&self, field: &str) -> String {
        if self.name.is_empty() { field.to_owned() } else { format!("{}.{field}", self.name) }
    }

    /// A field; `None` when it is absent or `null`.
    pub(super) fn get(&self, field: &str) -> Option<&'a YamlNode> {
        let entry = self.entries.iter().find(|(name, _)| *name == field);
        entry.map(|(_, node)| *node).filter(|node| !node.is_null())
    }

    /// A field that has to be there.
    pub(super) fn require(
        &self,
        field: &str,
        expected: &str,
        findings: &mut Findings<'_>,
    ) -> Option<&'a YamlNode> {
        let node = self.get(field);
        if node.is_none() {
            let found = format!("{} is missing", self.full(field));
            // At the top level the field is missing from the file itself, which has no line to
            // point to.
            if self.name.is_empty() {
                findings.file_error(code::MISSING_FIELD, found).expected(expected);
            } else {
                findings.error(self.span, code::MISSING_FIELD, found).expected(expected);
            }
        }
        node
    }

    /// Text.
    pub(super) fn text(&self, field: &str, findings: &mut Findings<'_>) -> Option<&'a str> {
        let node = self.get(field)?;
        text(node, &self.full(field), "text", findings)
    }

    /// Text that some type of the domain understands.
    pub(super) fn parsed<T: FromStr<Err = Malformed>>(
        &self,
        field: &str,
        expected: &'static str,
        findings: &mut Findings<'_>,
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
        findings: &mut Findings<'_>,
    ) -> u32 {
        let Some(node) = self.get(field) else { return default };
        let whole = node.scalar().filter(|scalar| scalar.meaning == Meaning::Integer);
        match whole.and_then(|scalar| scalar.text.parse().ok()) {
            // A number out of range is an error and not clamped as a duration is: it limits losses
            // or requests, and no other number than the written one may be in force.
            Some(number) if range.contains(&number) => number,
            Some(_) | None => {
                let found = format!("{} is {}", self.full(field), shown(node));
                let (least, most) = range.into_inner();
                findings
                    .error(node.span, code::MALFORMED, found)
                    .expected(format!("a whole number from {least} to {most}"));
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
        findings: &mut Findings<'_>,
    ) -> Duration {
        let Some(node) = self.get(field) else { return default };
        let name = self.full(field);
        let Some(duration) = duration(node, &name, findings) else { return default };
        let clamped = duration.clamp(*range.start(), *range.end());
        // The user has to see it: the interval in force is not the one in the file.
        if clamped != duration {
            let found = format!(
                "{name} is {}; {} is used instead",
                shown(node),
                humantime::format_duration(clamped)
            );
            findings.warning(node.span, CLAMPED, found);
        }
        clamped
    }
}

/// A node that must be text.
pub(super) fn text<'a>(
    node: &'a YamlNode,
    name: &str,
    expected: &str,
    findings: &mut Findings<'_>,
) -> Option<&'a str> {
    if let Some(text) = node.text() {
        return Some(text);
    }
    let found = format!("{name} is {}", node.describe());
    let finding = findings.error(node.span, code::WRONG_TYPE, found).expected(expected);
    if node.scalar().is_some_and(|scalar| scalar.meaning != Meaning::Null) {
        finding.hint("put it in quotes");
    }
    None
}

/// A node that must be text which some type of the domain understands.
pub(super) fn parsed<T: FromStr<Err = Malformed>>(
    node: &YamlNode,
    name: &str,
    expected: &'static str,
    findings: &mut Findings<'_>,
) -> Option<T> {
    let text = text(node, name, expected, findings)?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(Malformed { found, expected }) => {
            let found = format!("{name} is {found:?}");
            findings.error(node.span, code::MALFORMED, found).expected(expected);
            None
        }
    }
}

fn duration(node: &YamlNode, name: &str, findings: &mut Findings<'_>) -> Option<Duration> {
    const EXPECTED: &str = "a length of time with its unit, such as 30s, 15m or 6h";
    if node.scalar().is_some_and(Scalar::is_number) {
        let found = format!("{name} is {}", shown(node));
        findings.error(node.span, code::MALFORMED, found).expected(EXPECTED);
        return None;
    }
    let text = text(node, name, EXPECTED, findings)?;
    let duration = humantime::parse_duration(text).ok();
    if duration.is_none() {
        let found = format!("{name} is {:?}", cut(text));
        findings.error(node.span, code::MALFORMED, found).expected(EXPECTED);
    }
    duration
}

fn unknown(span: Span, name: &str, field: &str, known: &[&str], findings: &mut Findings<'_>) {
    let found = format!("{} has no field {:?}", named(name), cut(field));
    findings
        .error(span, code::UNKNOWN_FIELD, found)
        .expected(format!("one of {}", known.join(", ")))
        .did_you_mean(field, known.iter().copied());
}

fn named(section: &str) -> &str {
    if section.is_empty() { "the settings file" } else { section }
}

/// A value as it can be quoted in one line.
pub(super) fn shown(node: &YamlNode) -> String {
    // Text is quoted, so that `"yes"` and `yes` look different in the message.
    match node.scalar() {
        Some(scalar) if scalar.meaning == Meaning::Text => format!("{:?}", cut(&scalar.text)),
        Some(scalar) if scalar.meaning != Meaning::Null => cut(&scalar.text),
        Some(_) | None => node.describe(),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}
