//! Declared parameters: their attributes, and the values they accept. No finding quotes a value,
//! since some values are secrets.

use super::logical_id::check_logical_id;
use super::pattern;
use super::pattern::Unread;
use crate::domain::base::model::MARKER_PARAMETER;
use crate::domain::base::{code, limits};
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::yaml::Meaning;
use crate::domain::declared::yaml::tree::{Mapping, MappingEntry, YamlNode};

/// Attributes of a parameter (`CloudFormation` template reference).
const ATTRIBUTES: &[&str] = &[
    "AllowedPattern",
    "AllowedValues",
    "ConstraintDescription",
    "Default",
    "Description",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
    "Type",
];

/// Types whose values are text, unchanged (`CloudFormation` template reference).
const TYPES: &[&str] = &["String", "Number", "CommaDelimitedList", "List<Number>"];

/// Types that AWS Config's guide lists for packs beside `CloudFormation`'s.
const TYPES_OF_PACKS: &[&str] = &["int", "double", "CSV", "boolean", "StringMap"];

/// Types whose values AWS knows, each also in a list, and in a parameter of Systems Manager
/// (`CloudFormation` user guide: AWS-specific parameter types).
const TYPES_OF_AWS: &[&str] = &[
    "AWS::EC2::AvailabilityZone::Name",
    "AWS::EC2::Image::Id",
    "AWS::EC2::Instance::Id",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName",
    "AWS::EC2::SecurityGroup::Id",
    "AWS::EC2::Subnet::Id",
    "AWS::EC2::VPC::Id",
    "AWS::EC2::Volume::Id",
    "AWS::Route53::HostedZone::Id",
];

/// The name of a parameter of Systems Manager.
const TYPE_OF_NAMES: &str = "AWS::SSM::Parameter::Name";

/// The text around the type of a value that AWS looks up in Systems Manager.
const LOOKED_UP: [&str; 2] = ["AWS::SSM::Parameter::Value<", ">"];

/// The advice if it is unknown whether a pattern matches a value.
pub(crate) const UNCERTAIN: &str =
    "Java reads its AllowedPattern, and may read it another way: use ASCII characters in both";

/// Which values a parameter takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declaration {
    pub(super) kind: ParameterKind,
    /// The default, if it is text or can only be read as one text.
    pub(super) default: Option<String>,
    allowed: Option<Vec<String>>,
    pattern: Option<String>,
    lengths: [Option<u64>; 2],
    /// As they are written.
    values: [Option<String>; 2],
    pub(super) no_echo: bool,
}

/// What kind of value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParameterKind {
    Text,
    Number,
    List,
    Numbers,
    /// AWS looks up the value, or decides what it means.
    Other,
}

impl Declaration {
    /// What a parameter declares, right or wrong.
    pub(super) fn of(node: &YamlNode) -> Self {
        let text =
            |key| node.get(key).and_then(YamlNode::scalar).map(|scalar| scalar.text.to_string());
        let kind = match node.get("Type").and_then(YamlNode::text) {
            Some("String") => ParameterKind::Text,
            Some("Number") => ParameterKind::Number,
            Some("CommaDelimitedList") => ParameterKind::List,
            Some("List<Number>") => ParameterKind::Numbers,
            Some(_) | None => ParameterKind::Other,
        };
        let allowed = node.get("AllowedValues").and_then(YamlNode::sequence).map(|nodes| {
            nodes
                .iter()
                .filter_map(YamlNode::scalar)
                .map(|scalar| as_text(&scalar.text, scalar.meaning))
        });
        let number = |key| text(key).and_then(|text| text.parse().ok());
        Self {
            kind,
            default: node
                .get("Default")
                .and_then(YamlNode::scalar)
                .filter(|scalar| scalar.meaning != Meaning::Null && !scalar.is_ambiguous())
                .map(|scalar| as_text(&scalar.text, scalar.meaning)),
            allowed: allowed.map(Iterator::collect),
            pattern: text("AllowedPattern"),
            lengths: [number("MinLength"), number("MaxLength")],
            values: [text("MinValue"), text("MaxValue")],
            no_echo: text("NoEcho").is_some_and(|text| text.eq_ignore_ascii_case("true")),
        }
    }

    /// What was expected instead of this value, if the parameter does not take it.
    pub(super) fn expected_instead(&self, value: &str) -> Option<String> {
        match self.kind {
            ParameterKind::Text => self.expected_text(value),
            ParameterKind::Number => self.expected_number(value),
            // CloudFormation checks each item of a list; lengths and patterns apply to plain text
            // only.
            ParameterKind::List | ParameterKind::Numbers => {
                value.split(',').map(str::trim).find_map(|item| {
                    let expected = if self.kind == ParameterKind::Numbers {
                        self.expected_number(item)
                    } else {
                        self.expected_allowed(item)
                    };
                    expected.map(|expected| format!("of each item {expected}"))
                })
            }
            ParameterKind::Other => None,
        }
    }

    /// Whether it is unknown if the pattern matches this value.
    pub(super) fn is_uncertain(&self, value: &str) -> bool {
        let pattern = self.pattern.as_deref().filter(|_| self.kind == ParameterKind::Text);
        pattern.is_some_and(|pattern| {
            // A pattern that cannot be read is reported once, at its place.
            pattern::compiled(pattern).is_ok() && pattern::matches(pattern, value).is_none()
        })
    }

    fn expected_text(&self, value: &str) -> Option<String> {
        let length = value.chars().count() as u64;
        // Lengths come before pattern and allowed values: the first that does not fit is reported.
        match self.lengths {
            [Some(least), _] if length < least => {
                return Some(format!("at least {least} characters (MinLength)"));
            }
            [_, Some(most)] if most < length => {
                return Some(format!("at most {most} characters (MaxLength)"));
            }
            [_, _] => {}
        }
        let misfit =
            self.pattern.as_ref().filter(|pattern| pattern::matches(pattern, value) == Some(false));
        misfit
            .map(|pattern| format!("text that {pattern} matches as a whole (AllowedPattern)"))
            .or_else(|| self.expected_allowed(value))
    }

    fn expected_number(&self, value: &str) -> Option<String> {
        // Only a number can be compared with the bounds.
        let Some(number) = number(value) else { return Some("a number".to_owned()) };
        let [least, most] =
            self.values.each_ref().map(|value| value.as_deref().and_then(self::number));
        if let Some(least) = least.filter(|least| number < *least) {
            return Some(format!("at least {least} (MinValue)"));
        }
        if let Some(most) = most.filter(|most| *most < number) {
            return Some(format!("at most {most} (MaxValue)"));
        }
        self.expected_allowed(value)
    }

    fn expected_allowed(&self, value: &str) -> Option<String> {
        let allowed = self.allowed.as_ref()?;
        // A number may be written in two ways.
        let same = |one: &String| {
            one == value || self.kind == ParameterKind::Number && number(one) == number(value)
        };
        if allowed.iter().any(same) {
            return None;
        }
        Some(if self.no_echo {
            "one of its AllowedValues".to_owned()
        } else {
            format!("one of {} (AllowedValues)", allowed.join(", "))
        })
    }
}

/// A scalar as `CloudFormation` makes text of it.
fn as_text(text: &str, meaning: Meaning) -> String {
    match meaning {
        Meaning::Bool(value) => value.to_string(),
        Meaning::Null | Meaning::Integer | Meaning::Float | Meaning::Text => text.to_owned(),
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Checks every parameter; `place` is that of the section.
pub(super) fn check(findings: &mut Findings<'_>, place: Span, parameters: &Mapping) {
    // The marker comes on top.
    let count = parameters.entries.len() + 1;
    findings.limit(place, code::TOO_MANY_PARAMETERS, &limits::STACK_PARAMETERS, count);
    for entry in &parameters.entries {
        check_parameter(findings, entry);
    }
}

fn check_parameter(findings: &mut Findings<'_>, entry: &MappingEntry) {
    let MappingEntry { key, key_span, value } = entry;
    let name = &*key.text;
    // A declaration of the author would collide with the one that conformd adds before it sends the
    // template.
    if name == MARKER_PARAMETER {
        findings
            .error(*key_span, code::RESERVED_PARAMETER, format!("the template declares {name}"))
            .hint("conformd declares it itself in what it delivers; remove it here");
        return;
    }
    check_logical_id(findings, entry);
    let Some(attributes) = value.mapping() else {
        let found = format!("the parameter {name} is {}", value.describe());
        findings.error(*key_span, code::TEMPLATE_SHAPE, found).expected("a mapping with Type");
        return;
    };
    for MappingEntry { key, key_span, value } in &attributes.entries {
        if ATTRIBUTES.contains(&&*key.text) {
            check_attribute(findings, &key.text, value);
        } else {
            let found = format!("a parameter has no attribute {}", key.text);
            findings
                .error(*key_span, code::UNKNOWN_FIELD, found)
                .did_you_mean(&key.text, ATTRIBUTES.iter().copied());
        }
    }
    check_type(findings, name, *key_span, attributes);
    check_constraints(findings, name, attributes, &Declaration::of(value));
}

fn check_type(findings: &mut Findings<'_>, name: &str, place: Span, attributes: &Mapping) {
    let Some(kind) = attributes.get("Type") else {
        findings
            .error(place, code::MISSING_FIELD, format!("the parameter {name} has no Type"))
            .hint("add Type: String");
        return;
    };
    match kind.text() {
        Some("String") => {}
        // Types that CloudFormation knows and packs are not known to use give a warning: AWS may
        // accept them.
        Some(text)
            if TYPES.contains(&text)
                || TYPES_OF_PACKS.contains(&text)
                || text == TYPE_OF_NAMES
                || is_known_to_aws(text)
                || is_looked_up(text) =>
        {
            findings
                .warning(kind.span, code::UNPROVEN, format!("the type of {name} is not String"))
                .hint("every pack that AWS publishes declares its parameters as String");
        }
        other => {
            let text = other.unwrap_or_default();
            let found = format!("the parameter {name} has no type of CloudFormation");
            findings
                .error(kind.span, code::CONSTRAINT, found)
                .expected(TYPES.join(", "))
                .did_you_mean(text, TYPES.iter().copied());
        }
    }
}

fn is_known_to_aws(text: &str) -> bool {
    let item = text.strip_prefix("List<").and_then(|rest| rest.strip_suffix('>'));
    TYPES_OF_AWS.contains(&item.unwrap_or(text))
}

fn is_looked_up(text: &str) -> bool {
    let [start, end] = LOOKED_UP;
    let inner = text.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
    // CloudFormation permits only these types of values inside a type that is looked up.
    inner.is_some_and(|inner| {
        TYPES.contains(&inner)
            || inner == "List<String>"
            || inner == TYPE_OF_NAMES
            || is_known_to_aws(inner)
    })
}

/// The form of one attribute.
fn check_attribute(findings: &mut Findings<'_>, name: &str, value: &YamlNode) {
    let scalar = value.scalar();
    // `intrinsic` reports null in any place.
    if scalar.is_some_and(|scalar| scalar.meaning == Meaning::Null) {
        return;
    }
    let parses = |parse: fn(&str) -> bool| scalar.is_some_and(|scalar| parse(&scalar.text));
    let (fits, expected) = match name {
        "AllowedValues" => {
            let fits = |nodes: &[YamlNode]| {
                !nodes.is_empty() && nodes.iter().all(|node| node.scalar().is_some())
            };
            (value.sequence().is_some_and(fits), "a list of at least one value")
        }
        "MinLength" | "MaxLength" => {
            (parses(|text| text.parse::<u32>().is_ok()), "a number of characters")
        }
        "MinValue" | "MaxValue" => (parses(|text| number(text).is_some()), "a number"),
        "NoEcho" => {
            let is_bool = |text: &str| matches!(&*text.to_lowercase(), "true" | "false");
            (parses(is_bool), "true or false")
        }
        "Type" => (true, ""),
        _ => (scalar.is_some(), "text"),
    };
    if !fits {
        let found = format!("{name} is {}", described(value));
        findings.error(value.span, code::CONSTRAINT, found).expected(expected);
    }
}

fn described(value: &YamlNode) -> String {
    match value.sequence() {
        Some([]) => "an empty list".to_owned(),
        Some(_) | None => value.describe(),
    }
}

/// Whether the constraints make sense, and the default obeys them.
fn check_constraints(
    findings: &mut Findings<'_>,
    name: &str,
    attributes: &Mapping,
    declaration: &Declaration,
) {
    let numbers =
        declaration.values.each_ref().map(|value| value.as_deref().and_then(self::number));
    let lengths = declaration.lengths;
    for (upper, crossed) in [
        ("MaxLength", matches!(lengths, [Some(least), Some(most)] if most < least)),
        ("MaxValue", matches!(numbers, [Some(least), Some(most)] if most < least)),
    ] {
        if let Some(node) = attributes.get(upper).filter(|_| crossed) {
            let found = format!("{upper} of {name} is below its minimum: no value fits");
            findings.error(node.span, code::CONSTRAINT, found);
        }
    }
    if let (Some(node), Some(pattern)) = (attributes.get("AllowedPattern"), &declaration.pattern) {
        check_pattern(findings, name, node, pattern);
    }
    check_belonging(findings, name, attributes, declaration.kind);
    check_sizes(findings, name, attributes);
    if let (Some(node), Some(default)) = (attributes.get("Default"), &declaration.default) {
        // A default that is refused is certain; one whose pattern cannot be evaluated is only a
        // warning.
        if let Some(expected) = declaration.expected_instead(default) {
            let found =
                format!("the default of {name} is a value that the parameter does not accept");
            findings.error(node.span, code::CONSTRAINT, found).expected(expected);
        } else if declaration.is_uncertain(default) {
            let found = format!("conformd cannot tell whether {name} accepts its default");
            findings.warning(node.span, code::CONSTRAINT, found).hint(UNCERTAIN);
        }
    }
}

fn check_pattern(findings: &mut Findings<'_>, name: &str, node: &YamlNode, pattern: &str) {
    match pattern::compiled(pattern) {
        Ok(_) => {}
        Err(Unread::Broken(why)) => {
            let found = format!("the AllowedPattern of {name} is not a regular expression: {why}");
            findings.error(node.span, code::CONSTRAINT, found).expected(
                "a Java regular \
                expression",
            );
        }
        Err(Unread::Foreign) => {
            let found = format!("conformd cannot read the AllowedPattern of {name}");
            findings.warning(node.span, code::CONSTRAINT, found).hint(
                "conformd sends values without checking them against it; CloudFormation uses \
                 Java's regular expressions",
            );
        }
    }
}

/// Constraints that `CloudFormation` has for other types (its template reference: `Parameters`).
fn check_belonging(
    findings: &mut Findings<'_>,
    name: &str,
    attributes: &Mapping,
    kind: ParameterKind,
) {
    let (foreign, whose): (&[&str], _) = match kind {
        ParameterKind::Text | ParameterKind::List => (&["MinValue", "MaxValue"], "numbers"),
        ParameterKind::Number | ParameterKind::Numbers => {
            (&["MinLength", "MaxLength", "AllowedPattern"], "text")
        }
        // It is not documented which constraints AWS applies to values that it looks up.
        ParameterKind::Other => return,
    };
    for MappingEntry { key, key_span, .. } in &attributes.entries {
        if foreign.contains(&&*key.text) {
            let found = format!("{name} has {}, which is for {whose}", key.text);
            findings.error(*key_span, code::CONSTRAINT, found).hint("remove it, or change Type");
        }
    }
}

fn check_sizes(findings: &mut Findings<'_>, name: &str, attributes: &Mapping) {
    let scalar = |key| attributes.get(key).and_then(YamlNode::scalar);
    let bytes = scalar("Default").map_or(0, |scalar| scalar.text.len());
    let characters = scalar("Description").map_or(0, |scalar| scalar.text.chars().count());
    for (key, count, most, unit) in [
        ("Default", bytes, limits::PARAMETER_VALUE, "bytes"),
        ("Description", characters, limits::PARAMETER_DESCRIPTION, "characters"),
    ] {
        if let Some(node) = attributes.get(key).filter(|_| most < count) {
            findings
                .error(
                    node.span,
                    code::CONSTRAINT,
                    format!("the {key} of {name} has {count} {unit}"),
                )
                .expected(format!("at most {most}"))
                .hint("CloudFormation quota");
        }
    }
}
