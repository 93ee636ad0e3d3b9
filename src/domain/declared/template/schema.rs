//! Checks the properties of resources against AWS's published schemas (`schemas/README.md`).
//!
//! The value of a function is unknown and passes; of `Fn::If` both branches are checked, which no
//! schema language can express. `intrinsic` reports null.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Map, Value as Json};

use super::call::Call;
use super::canonical::Canonical;
use crate::domain::base::code;
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::template::call::is_no_value;
use crate::domain::declared::yaml::tree::{Mapping, MappingEntry, Value, YamlNode};
use crate::domain::declared::yaml::{Meaning, Scalar};

const RULE: &str = include_str!("schemas/config-rule.json");
const REMEDIATION: &str = include_str!("schemas/remediation-configuration.json");
const SERVICE_MODEL: &str = include_str!("schemas/service-model.json");

/// The schemas of both resources, by type, closed sets and limits of the service laid over them.
static SCHEMAS: LazyLock<Map<String, Json>> = LazyLock::new(|| {
    let read = |text| serde_json::from_str::<Json>(text).expect("the file in the program is JSON");
    let overlay = read(SERVICE_MODEL);
    let schemas = [RULE, REMEDIATION].map(|text| {
        let mut schema = read(text);
        let kind = schema.get("typeName").and_then(Json::as_str).unwrap_or_default().to_owned();
        for (place, facts) in overlay.get(&kind).and_then(Json::as_object).into_iter().flatten() {
            lay_over(&mut schema, place, facts);
        }
        (kind, schema)
    });
    schemas.into_iter().collect()
});

/// Adds facts to the schema at a place, which is made if it is not there.
fn lay_over(schema: &mut Json, place: &str, facts: &Json) {
    let mut at = schema;
    for step in place.split('/').skip(1) {
        let Some(inner) = at.as_object_mut() else { return };
        at = inner.entry(step).or_insert_with(|| Json::Object(Map::new()));
    }
    if let (Some(at), Some(facts)) = (at.as_object_mut(), facts.as_object()) {
        at.extend(facts.clone());
    }
}

/// The schema of a type of resource, for others that want to know what is checked.
pub fn schema_of(kind: &str) -> Option<&'static Json> {
    SCHEMAS.get(kind)
}

/// Checks the properties of a resource of this type; `place` is that of its logical id.
pub(super) fn check(findings: &mut Findings<'_>, kind: &str, place: Span, properties: &YamlNode) {
    let Some(root) = SCHEMAS.get(kind) else { return };
    let Some(mapping) = properties.mapping().filter(|_| Call::of(properties).is_none()) else {
        let found = format!("Properties is {}", properties.describe());
        findings
            .error(properties.span, code::WRONG_TYPE, found)
            .expected("a mapping: conformd must be able to read the rules of a pack from its text");
        return;
    };
    // AWS's schemas list read-only properties with the others, so they need a check of their own.
    for name in read_only(root) {
        if let Some(entry) = mapping.entry(name) {
            findings
                .error(entry.key_span, code::UNKNOWN_FIELD, format!("AWS sets {name} by itself"))
                .hint("remove it");
        }
    }
    SchemaCheck { findings, root }.mapping(mapping, root, "Properties", place);
}

/// The properties that AWS sets by itself.
fn read_only(root: &Json) -> impl Iterator<Item = &str> {
    let pointers = root.get("readOnlyProperties").and_then(Json::as_array);
    pointers.into_iter().flatten().filter_map(Json::as_str).map(|pointer| {
        let name = pointer.trim_start_matches("/properties/");
        name.split('/').next().unwrap_or(name)
    })
}

struct SchemaCheck<'f, 'p> {
    findings: &'f mut Findings<'p>,
    root: &'static Json,
}

fn follow(root: &'static Json, schema: &'static Json) -> &'static Json {
    let pointer = schema.get("$ref").and_then(Json::as_str);
    pointer.and_then(|text| root.pointer(text.trim_start_matches('#'))).unwrap_or(schema)
}

impl SchemaCheck<'_, '_> {
    /// `what` is the property's name.
    fn node(&mut self, node: &YamlNode, schema: &'static Json, what: &str) {
        let schema = follow(self.root, schema);
        if let Some(call) = Call::of(node) {
            // Both branches may be deployed. A function that gives a list is wrong for sure where
            // no list is allowed.
            if let ("If", Some([_, yes, no])) = (call.function, call.items()) {
                self.node(yes, schema, what);
                self.node(no, schema, what);
            } else if call.gives_list() && !accepts(schema, "array") {
                let found = format!("{what} is a list");
                self.findings.error(node.span, code::WRONG_TYPE, found).expected(types_of(schema));
            }
            return;
        }
        if node.is_null() {
            return;
        }
        match &node.value {
            Value::Scalar(scalar) => self.scalar(scalar, node.span, schema, what),
            Value::Sequence(nodes) if accepts(schema, "array") => {
                self.sequence(nodes, node.span, schema, what);
            }
            Value::Mapping(mapping) if accepts(schema, "object") => {
                self.mapping(mapping, schema, what, node.span);
            }
            Value::Sequence(_) | Value::Mapping(_) => {
                let found = format!("{what} is {}", node.describe());
                self.findings.error(node.span, code::WRONG_TYPE, found).expected(types_of(schema));
            }
        }
    }

    fn scalar(&mut self, scalar: &Scalar, span: Span, schema: &'static Json, what: &str) {
        let Scalar { text, meaning, .. } = scalar;
        // CloudFormation makes text of numbers and booleans, and the reverse.
        let fits = accepts(schema, "string")
            || accepts(schema, "integer") && text.parse::<i64>().is_ok()
            || accepts(schema, "boolean")
                && (matches!(meaning, Meaning::Bool(_)) || is_boolean(text));
        if !fits {
            let found = format!("{what} is {}", meaning.describe());
            self.findings.error(span, code::WRONG_TYPE, found).expected(types_of(schema));
            return;
        }
        let set = schema.get("enum").and_then(Json::as_array);
        let set: Option<Vec<&str>> = set.map(|all| all.iter().filter_map(Json::as_str).collect());
        if let Some(set) = set.filter(|set| !set.contains(&&**text)) {
            self.findings
                .error(span, code::MALFORMED, format!("{what} is {text:?}"))
                .expected(set.join(", "));
            return;
        }
        let number = text.parse::<u64>().ok().filter(|_| accepts(schema, "integer"));
        // What AWS puts in for `${AWS::AccountId}` has another length.
        let length = (!text.contains("${")).then(|| text.chars().count() as u64);
        let length = length.filter(|_| accepts(schema, "string"));
        let range = |count: Option<u64>, least: &str, most: &str| {
            let bound = |key: &str| schema.get(key).and_then(Json::as_u64);
            let (least, most) = (bound(least).unwrap_or(0), bound(most).unwrap_or(u64::MAX));
            count.filter(|count| *count < least || most < *count).map(|count| (count, least, most))
        };
        if let Some((count, least, most)) = range(length, "minLength", "maxLength") {
            self.findings
                .error(span, code::MALFORMED, format!("{what} has {count} characters"))
                .expected(format!("{least} to {most}"));
        }
        if let Some((count, least, most)) = range(number, "minimum", "maximum") {
            self.findings
                .error(span, code::MALFORMED, format!("{what} is {count}"))
                .expected(format!("{least} to {most}"));
        }
    }

    fn sequence(&mut self, nodes: &[YamlNode], span: Span, schema: &'static Json, what: &str) {
        self.count(nodes.len(), span, schema.get("maxItems"), what);
        // Entries are compared in canonical form, so that another spelling of the same value counts
        // as equal.
        let must_differ = schema.get("uniqueItems") == Some(&Json::Bool(true));
        let mut seen = BTreeSet::new();
        for node in nodes {
            if must_differ && !seen.insert(Canonical::of(node).digest()) {
                let found = format!("{what} has an entry twice");
                self.findings.error(node.span, code::MALFORMED, found).hint("remove it");
            }
            if let Some(items) = schema.get("items") {
                self.node(node, items, what);
            }
        }
    }

    fn count(&mut self, count: usize, span: Span, most: Option<&Json>, what: &str) {
        if let Some(most) = most.and_then(Json::as_u64)
            && most < count as u64
        {
            self.findings
                .error(span, code::MALFORMED, format!("{what} has {count} entries"))
                .expected(format!("at most {most}"));
        }
    }

    fn mapping(&mut self, mapping: &Mapping, schema: &'static Json, what: &str, place: Span) {
        self.count(mapping.entries.len(), place, schema.get("maxProperties"), what);
        let properties = schema.get("properties").and_then(Json::as_object);
        let more = schema.get("additionalProperties");
        for MappingEntry { key, key_span, value } in &mapping.entries {
            let name = &*key.text;
            // Functions as keys are reported by `intrinsic`.
            if name.starts_with("Fn::") {
                continue;
            }
            match (properties.and_then(|all| all.get(name)), more) {
                (Some(schema), _) | (None, Some(schema @ Json::Object(_))) => {
                    self.node(value, schema, name);
                }
                (None, Some(Json::Bool(false))) => {
                    let known = properties.into_iter().flat_map(Map::keys).map(String::as_str);
                    let root = self.root;
                    let known = known.filter(|name| !read_only(root).any(|one| one == *name));
                    self.findings
                        .error(*key_span, code::UNKNOWN_FIELD, format!("{what} has no {name}"))
                        .expected(known.clone().collect::<Vec<_>>().join(", "))
                        .did_you_mean(name, known);
                }
                (None, _) => {}
            }
        }
        let required = schema.get("required").and_then(Json::as_array);
        for name in required.into_iter().flatten().filter_map(Json::as_str) {
            if mapping.get(name).is_none_or(is_no_value) {
                let found = format!("{what} lacks {name}");
                self.findings.error(place, code::MISSING_FIELD, found).hint("AWS requires it");
            }
        }
    }
}

fn accepts(schema: &Json, kind: &str) -> bool {
    match schema.get("type") {
        Some(Json::String(one)) => one == kind,
        Some(Json::Array(all)) => all.iter().any(|one| one == kind),
        Some(_) | None => true,
    }
}

fn types_of(schema: &Json) -> String {
    let named = [
        ("string", "text"),
        ("integer", "a whole number"),
        ("boolean", "true or false"),
        ("array", "a list"),
        ("object", "a mapping"),
    ];
    let taken = named.into_iter().filter(|(kind, _)| accepts(schema, kind));
    taken.map(|(_, word)| word).collect::<Vec<_>>().join(" or ")
}

/// Whether `CloudFormation` makes a boolean of a text.
fn is_boolean(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}
