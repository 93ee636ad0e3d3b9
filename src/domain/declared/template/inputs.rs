//! The input parameters of a rule: a mapping of names and plain values, written out or as JSON.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;

use super::call::Call;
use super::names::as_in_a_member;
use crate::domain::base::code;
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::yaml::Meaning;
use crate::domain::declared::yaml::tree::{Mapping, MappingEntry, Value, YamlNode};

/// Characters of `InputParameters` as JSON (AWS Config API: `ConfigRule`).
const INPUT_PARAMETERS_MAX: usize = 1_024;

pub(super) fn check(findings: &mut Findings<'_>, inputs: &YamlNode) {
    if let Some(call) = Call::of(inputs) {
        if let ("If", Some([_, yes, no])) = (call.function, call.items()) {
            check(findings, yes);
            check(findings, no);
        }
        return;
    }
    match &inputs.value {
        Value::Scalar(_) if inputs.is_null() => {}
        Value::Scalar(scalar) => check_json(findings, &scalar.text, inputs.span),
        // Of a list the schema says that it is none.
        Value::Sequence(_) => {}
        Value::Mapping(mapping) => check_mapping(findings, mapping, inputs.span),
    }
}

fn check_mapping(findings: &mut Findings<'_>, Mapping { entries, flow: _ }: &Mapping, span: Span) {
    // `{"":""}` and what is known of names and values.
    let mut length = 1 + entries.len();
    for MappingEntry { key, value, .. } in entries {
        length += key.text.chars().count() + 3 + check_value(findings, &key.text, value);
    }
    if INPUT_PARAMETERS_MAX < length {
        let found = format!("InputParameters has at least {length} characters as JSON");
        findings
            .error(span, code::MALFORMED, found)
            .expected(format!("at most {INPUT_PARAMETERS_MAX}"));
    }
}

/// Checks a value; says how many characters it has at least.
fn check_value(findings: &mut Findings<'_>, name: &str, value: &YamlNode) -> usize {
    if let Some(call) = Call::of(value) {
        // The shorter branch counts, since an error has to be certain.
        if let ("If", Some([_, yes, no])) = (call.function, call.items()) {
            return check_value(findings, name, yes).min(check_value(findings, name, no));
        }
        if call.gives_list() {
            refuse(findings, name, "a list", value.span);
        }
        return 0;
    }
    match &value.value {
        Value::Scalar(scalar) => {
            let quotes = if scalar.meaning == Meaning::Text { 2 } else { 0 };
            let text = as_in_a_member(&scalar.text);
            text.as_deref().unwrap_or(&scalar.text).chars().count() + quotes
        }
        Value::Sequence(_) | Value::Mapping(_) => {
            refuse(findings, name, &value.describe(), value.span);
            0
        }
    }
}

fn refuse(findings: &mut Findings<'_>, name: &str, what: &str, span: Span) {
    findings
        .error(span, code::WRONG_TYPE, format!("the input parameter {name} is {what}"))
        .expected("text: AWS Config hands each value to the rule as text");
}

/// The same of JSON text.
fn check_json(findings: &mut Findings<'_>, text: &str, span: Span) {
    let text = as_in_a_member(text).unwrap_or_else(|| text.to_owned());
    let Ok(Pairs(pairs)) = serde_json::from_str(&text) else {
        findings
            .error(span, code::WRONG_TYPE, "InputParameters is text, and not JSON")
            .expected("a mapping of names and values");
        return;
    };
    for (at, (name, value)) in pairs.iter().enumerate() {
        match value {
            Json::Null => refuse(findings, name, "nothing (null)", span),
            Json::Array(_) => refuse(findings, name, "a list", span),
            Json::Object(_) => refuse(findings, name, "a mapping", span),
            Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
        }
        // JSON readers disagree about which of two equal names counts.
        if pairs.iter().take(at).any(|(other, _)| other == name) {
            let found = format!("the input parameter {name} occurs twice");
            findings.error(span, code::DUPLICATE_KEY, found).hint("remove one of them");
        }
    }
}

/// Whether a text is a JSON object.
pub(super) fn is_object(text: &str) -> bool {
    serde_json::from_str::<Pairs>(text).is_ok()
}

/// The entries of a JSON object, those of one name all.
struct Pairs(Vec<(String, Json)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = entries.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}
