//! `CloudFormation`'s functions in a template: their arguments, and the places where they are
//! allowed.

use super::call::Call;
use super::names::{Graph, Names};
use super::section::entries;
use crate::domain::base::code;
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::template::substitution::substitutions;
use crate::domain::declared::yaml::Scalar;
use crate::domain::declared::yaml::tree::{Mapping, MappingEntry, Value, YamlNode};

/// The one key whose value is a date by habit.
pub(super) const FORMAT_VERSION: &str = "AWSTemplateFormatVersion";

/// Functions by the name of their short form that packs are known to work with: those of packs
/// that AWS publishes, their logical kin, and what the developer guide shows.
const PROVEN: &[&str] =
    &["And", "Condition", "Equals", "FindInMap", "If", "Not", "Or", "Ref", "Sub"];

/// Functions of `CloudFormation` that are not known to work in a pack.
const UNPROVEN: &[&str] =
    &["Base64", "Cidr", "GetAZs", "GetAtt", "ImportValue", "Join", "Select", "Split"];

/// Functions of `Rules`, which are refused.
const OF_RULES: &[&str] =
    &["Contains", "EachMemberEquals", "EachMemberIn", "RefAll", "ValueOf", "ValueOfAll"];

/// Functions of the language extensions, which a transform brings.
const OF_EXTENSIONS: &[&str] = &["Length", "ToJsonString"];

/// Functions that hold or do not hold.
const LOGICAL: &[&str] = &["And", "Condition", "Equals", "Not", "Or"];

/// Functions that `Fn::Equals` takes (`CloudFormation` template reference).
const OPERANDS: &[&str] = &["FindInMap", "Join", "Ref", "Select", "Split", "Sub"];

/// What `Fn::Sub` takes between its braces (`CloudFormation` refuses a template with others).
const SUB_NAMES: &str = "names of letters, digits, _, . and : between ${ and }";

/// Refuses, anywhere, functions that would turn the template into another one than was judged.
fn refuse_rewriting(findings: &mut Findings<'_>, root: &YamlNode) {
    let mut rest = vec![root];
    let mut refuse = |name: &str, span| {
        let hint = "a macro rewrites the template after conformd has checked it";
        findings.error(span, code::UNJUDGED, format!("{name} is refused")).hint(hint);
    };
    // The whole tree is searched with a stack of its own, places without functions included: a
    // macro works anywhere, and a hostile file nests deeply.
    while let Some(node) = rest.pop() {
        if let Some(tag) = node.tag.as_deref().filter(|tag| is_rewriting(tag)) {
            refuse(&format!("!{tag}"), node.span);
        }
        match &node.value {
            Value::Scalar(_) => {}
            Value::Sequence(nodes) => rest.extend(nodes.iter().rev()),
            Value::Mapping(Mapping { entries, flow: _ }) => {
                for MappingEntry { key, key_span, .. } in entries {
                    if key.text.strip_prefix("Fn::").is_some_and(is_rewriting) {
                        refuse(&key.text, *key_span);
                    }
                }
                rest.extend(entries.iter().rev().map(|entry| &entry.value));
            }
        }
    }
}

fn is_rewriting(function: &str) -> bool {
    function == "Transform" || function.starts_with("ForEach")
}

/// What is allowed in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Here {
    /// A value: of a property, of an output.
    Value,
    /// Something that holds or does not.
    Test,
    /// What `Fn::Equals` compares.
    Operand,
    /// Text, lists and mappings only.
    Plain,
    /// Anything: AWS does not read it.
    Free,
}

/// Checks the functions of a whole template, and what they name.
pub(super) fn check(findings: &mut Findings<'_>, root: &YamlNode) {
    refuse_rewriting(findings, root);
    let names = Names::of(root);
    let walk = IntrinsicWalk { findings, names, owner: None, graph: Graph::default() };
    let sections = root.mapping().map_or(&[][..], |Mapping { entries, flow: _ }| entries);
    let IntrinsicWalk { findings, graph, .. } = sections.iter().fold(walk, IntrinsicWalk::section);
    graph.check(findings, "resources");
    check_circles_of_conditions(findings, root);
}

struct IntrinsicWalk<'f, 'p, 'n> {
    findings: &'f mut Findings<'p>,
    names: Names<'n>,
    /// The resource that is being checked.
    owner: Option<&'n str>,
    /// Which resource needs which.
    graph: Graph<'n>,
}

impl<'n> IntrinsicWalk<'_, '_, 'n> {
    fn section(mut self, section: &'n MappingEntry) -> Self {
        let MappingEntry { key, key_span: _, value } = section;
        match &*key.text {
            "Resources" => {
                for resource in value.mapping().into_iter().flat_map(|all| &all.entries) {
                    self.resource(resource);
                }
                self.owner = None;
            }
            "Conditions" => {
                for condition in value.mapping().into_iter().flat_map(|all| &all.entries) {
                    self.node(&condition.value, Here::Test);
                }
            }
            "Outputs" => self.node(value, Here::Value),
            "Parameters" | "Mappings" => self.inside(value, Here::Plain),
            FORMAT_VERSION => {}
            _ => self.node(value, Here::Free),
        }
        self
    }

    fn resource(&mut self, resource: &'n MappingEntry) {
        let MappingEntry { key, key_span: _, value } = resource;
        self.owner = Some(&key.text);
        let Some(attributes) = value.mapping() else { return self.node(value, Here::Plain) };
        for MappingEntry { key, key_span, value } in &attributes.entries {
            self.function_as_key(key, *key_span, Here::Plain);
            // Functions are allowed in these two attributes; the others have to be plain values.
            match &*key.text {
                "Properties" | "Metadata" => self.node(value, Here::Value),
                "DependsOn" => {
                    self.node(value, Here::Plain);
                    self.depends_on(value);
                }
                "Condition" => {
                    self.node(value, Here::Plain);
                    if let Some(name) = value.text() {
                        self.names.check_condition(self.findings, name, value.span);
                    }
                }
                _ => self.node(value, Here::Plain),
            }
        }
    }

    fn depends_on(&mut self, node: &'n YamlNode) {
        let one = std::slice::from_ref(node);
        for node in node.sequence().unwrap_or(one) {
            let Some(name) = node.text() else {
                let found = format!("DependsOn names {}", node.describe());
                self.findings
                    .error(node.span, code::WRONG_TYPE, found)
                    .expected("the logical id of a resource, or a list of them");
                continue;
            };
            // A name that does not exist would fail in every member, and only there.
            if self.names.resources.contains(name) {
                self.needs(name, node.span);
            } else {
                let found = format!("there is no resource {name} to depend on");
                self.findings
                    .error(node.span, code::UNKNOWN_REFERENCE, found)
                    .did_you_mean(name, self.names.resources.iter().copied());
            }
        }
    }

    /// Notes that the resource that is being checked needs another.
    fn needs(&mut self, name: &'n str, span: Span) {
        if let Some(owner) = self.owner
            && self.names.resources.contains(name)
            // A name of both a parameter and a resource means the parameter.
            && !self.names.parameters.contains(name)
        {
            self.graph.add(owner, name, span);
        }
    }

    /// A key that is a function's name, beside others.
    fn function_as_key(&mut self, key: &Scalar, span: Span, here: Here) {
        if let Some(function) = key.text.strip_prefix("Fn::")
            // A refused function is reported once, with the reason why it is refused.
            && !self.is_refused(&key.text, function, span)
            && here != Here::Free
        {
            self.findings
                .error(span, code::FUNCTION, format!("{} is beside other keys", key.text))
                .expected("a function alone in its mapping");
        }
    }

    /// Checks the content of a section or a mapping whose keys were checked already.
    fn inside(&mut self, node: &'n YamlNode, here: Here) {
        for MappingEntry { value, .. } in node.mapping().into_iter().flat_map(|all| &all.entries) {
            // Of null the section says what it should be.
            if !value.is_null() {
                self.node(value, here);
            }
        }
    }

    fn node(&mut self, node: &'n YamlNode, here: Here) {
        let call = match here {
            Here::Test => Call::in_condition(node),
            Here::Value | Here::Operand | Here::Plain | Here::Free => Call::of(node),
        };
        if let Some(call) = call {
            return self.call(&call, here);
        }
        // Values are no conditions: CloudFormation accepts only tests and other conditions here.
        if here == Here::Test {
            let found = format!("a condition is {}", node.describe());
            self.findings
                .error(node.span, code::CONDITION, found)
                .expected("Fn::Equals, Fn::Not, Fn::And, Fn::Or or Condition");
            return;
        }
        match &node.value {
            Value::Scalar(_) if node.is_null() => {
                self.findings
                    .error(node.span, code::NULL, "this is null")
                    .expected("a value: CloudFormation refuses null")
                    .hint("leave the key out, or write \"\" for empty text");
            }
            Value::Scalar(_) => {}
            Value::Sequence(nodes) => nodes.iter().for_each(|node| self.node(node, here)),
            Value::Mapping(mapping) => {
                for MappingEntry { key, key_span, value } in &mapping.entries {
                    self.function_as_key(key, *key_span, here);
                    self.node(value, here);
                }
            }
        }
    }

    /// Whether a function is refused because of what it needs; reports why, unless that was
    /// reported.
    fn is_refused(&mut self, name: &str, function: &str, span: Span) -> bool {
        // `refuse_rewriting` has reported these already.
        if is_rewriting(function) {
            return true;
        }
        let why = if OF_EXTENSIONS.contains(&function) {
            "it needs the transform AWS::LanguageExtensions, and transforms are refused"
        } else if OF_RULES.contains(&function) {
            "it stands in the section Rules only, which is refused"
        } else {
            return false;
        };
        self.findings.error(span, code::UNJUDGED, format!("{name} is refused")).hint(why);
        true
    }

    fn call(&mut self, call: &Call<'n>, here: Here) {
        let (function, name) = (call.function, call.name());
        if self.is_refused(&name, function, call.span) {
            return;
        }
        let is_known = PROVEN.contains(&function) || UNPROVEN.contains(&function);
        // In a place that AWS does not read, a long form may be meant as plain data.
        if here == Here::Free && (is_known || !call.is_tag()) {
            return call.children().into_iter().for_each(|node| self.node(node, here));
        }
        if !is_known {
            let known = PROVEN.iter().chain(UNPROVEN).copied();
            self.findings
                .error(call.span, code::TAG, format!("{name} is no function of CloudFormation"))
                .did_you_mean(function, known);
            return;
        }
        let expected = match here {
            Here::Test if !LOGICAL.contains(&function) => {
                "Fn::Equals, Fn::Not, Fn::And, Fn::Or or Condition"
            }
            Here::Operand if !OPERANDS.contains(&function) => {
                "text, Ref, Fn::FindInMap, Fn::Sub, Fn::Join, Fn::Select or Fn::Split"
            }
            Here::Value if LOGICAL.contains(&function) => "a value: declare it under Conditions",
            Here::Plain => "a plain value: no function is evaluated here",
            Here::Test | Here::Operand | Here::Value | Here::Free => "",
        };
        if !expected.is_empty() {
            let code = if here == Here::Plain || here == Here::Value {
                code::FUNCTION
            } else {
                code::CONDITION
            };
            let found = format!("{name} is not allowed here");
            self.findings.error(call.span, code, found).expected(expected);
            return;
        }
        if UNPROVEN.contains(&function) {
            self.findings
                .warning(call.span, code::UNPROVEN, format!("{name} is not known to work in packs"))
                .hint("AWS's documents and published packs do without it");
        }
        if let Err(expected) = self.arguments(call, here) {
            let found = format!("{name} has arguments that it does not accept");
            self.findings.error(call.argument_span(), code::FUNCTION, found).expected(expected);
        }
    }

    /// Checks the arguments of a function; `Err` says which it takes.
    fn arguments(&mut self, call: &Call<'n>, here: Here) -> Result<(), &'static str> {
        match call.function {
            "Ref" => {
                let name = call.text().ok_or("the name of a parameter or resource")?;
                self.reference(name, call.argument_span(), here);
            }
            "Condition" => {
                let name = call.text().ok_or("the name of a condition")?;
                self.names.check_condition(self.findings, name, call.argument_span());
            }
            "If" => {
                let expected = "the name of a condition, a value if it holds, and one if not";
                let Some([condition, yes, no]) = call.items() else { return Err(expected) };
                let name = condition.text().ok_or(expected)?;
                self.names.check_condition(self.findings, name, condition.span);
                self.node(yes, here);
                self.node(no, here);
            }
            "Equals" => {
                let expected = "two values: text, or functions that give it";
                let Some([one, other]) = call.items() else { return Err(expected) };
                // A mapping that is no function has no text to compare.
                for node in [one, other] {
                    if node.mapping().is_some() && Call::of(node).is_none() {
                        return Err(expected);
                    }
                    self.node(node, Here::Operand);
                }
            }
            "Not" => {
                let Some([test]) = call.items() else { return Err("a list of one condition") };
                self.node(test, Here::Test);
            }
            "And" | "Or" => {
                let expected = "a list of 2 to 10 conditions";
                let tests = call.items().ok_or(expected)?;
                if !(2..=10).contains(&tests.len()) {
                    return Err(expected);
                }
                for test in tests {
                    self.node(test, Here::Test);
                }
            }
            "FindInMap" => {
                let expected = "a mapping and two keys";
                let Some([map, first, second]) = call.items() else { return Err(expected) };
                let is_name = |node: &YamlNode| node.scalar().is_some() || Call::of(node).is_some();
                if ![map, first, second].into_iter().all(is_name) {
                    return Err(expected);
                }
                self.names.check_map(self.findings, [map, first, second]);
                for node in [map, first, second] {
                    self.node(node, here);
                }
            }
            "Sub" => return self.substitution(call, here),
            "GetAtt" => return self.attribute(call),
            "Join" | "Split" | "Select" | "Cidr" | "ImportValue" | "Base64" | "GetAZs" => {
                return self.other_arguments(call, here);
            }
            _ => {}
        }
        Ok(())
    }

    /// Functions that conformd knows the outside of, no more.
    fn other_arguments(&mut self, call: &Call<'n>, here: Here) -> Result<(), &'static str> {
        let is_list = |node: &YamlNode| node.sequence().is_some() || Call::of(node).is_some();
        let fits = match (call.function, call.items()) {
            ("Join", Some([delimiter, list])) => delimiter.scalar().is_some() && is_list(list),
            ("Split", Some([delimiter, _])) => delimiter.text().is_some(),
            ("Select", Some([index, list])) => {
                let digits = |node: &YamlNode| {
                    node.scalar().is_some_and(|scalar| scalar.text.parse::<u16>().is_ok())
                };
                (digits(index) || Call::of(index).is_some()) && is_list(list)
            }
            ("Cidr", Some(items)) => (2..=3).contains(&items.len()),
            ("ImportValue" | "Base64" | "GetAZs", None) => true,
            (_, _) => false,
        };
        // Their values are not evaluated here, so only the form of the arguments is checked.
        if !fits {
            return Err(match call.function {
                "Join" => "a delimiter and a list",
                "Split" => "a delimiter and text",
                "Select" => "an index and a list",
                "Cidr" => "a block, a count and the bits",
                _ => "text",
            });
        }
        call.children().into_iter().for_each(|node| self.node(node, here));
        Ok(())
    }

    fn reference(&mut self, name: &'n str, span: Span, here: Here) {
        if here == Here::Operand {
            self.names.check_condition_reference(self.findings, name, span);
        } else {
            self.names.check_reference(self.findings, name, span);
            self.needs(name, span);
        }
    }

    fn substitution(&mut self, call: &Call<'n>, here: Here) -> Result<(), &'static str> {
        let expected = "text, or a list of a text and a mapping of names";
        let (text, own) = match call.items() {
            None => (call.any_text().ok_or(expected)?, None),
            Some([text, own]) => {
                (text.text().ok_or(expected)?, Some(own.mapping().ok_or(expected)?))
            }
            Some(_) => return Err(expected),
        };
        let span = call.argument_span();
        let is_name = |name: &str| {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:".contains(&byte))
        };
        if holds_nested(text) {
            return Err(SUB_NAMES);
        }
        for name in substitutions(text) {
            // Names of the mapping come before parameters and resources, as in CloudFormation.
            if own.is_some_and(|own| own.get(name).is_some()) {
                if !is_name(name) {
                    return Err(SUB_NAMES);
                }
                continue;
            }
            match name.split_once('.') {
                Some((resource, attribute)) if here != Here::Operand => {
                    self.names.check_attribute(self.findings, resource, Some(attribute), span);
                    self.needs(resource, span);
                }
                _ => self.reference(name, span, here),
            }
        }
        for MappingEntry { key, value, .. } in own.into_iter().flat_map(|own| &own.entries) {
            let call = Call::of(value);
            let is_plain = call.is_none() && value.scalar().is_none();
            if is_plain || call.is_some_and(|call| call.gives_list()) {
                let what = if is_plain { value.describe() } else { "a list".to_owned() };
                let found = format!("the variable {} of Fn::Sub is {what}", key.text);
                self.findings.error(value.span, code::FUNCTION, found).expected("text");
            }
            self.node(value, here);
        }
        Ok(())
    }

    fn attribute(&mut self, call: &Call<'n>) -> Result<(), &'static str> {
        let expected = "a resource and the name of its attribute";
        let span = call.argument_span();
        let (resource, attribute) = match (call.items(), call.text()) {
            (Some([resource, attribute]), _) => {
                (resource.text().ok_or(expected)?, attribute.text())
            }
            (None, Some(text)) => {
                let (resource, attribute) = text.split_once('.').ok_or(expected)?;
                (resource, Some(attribute))
            }
            (_, _) => return Err(expected),
        };
        self.names.check_attribute(self.findings, resource, attribute, span);
        self.needs(resource, span);
        Ok(())
    }
}

fn check_circles_of_conditions(findings: &mut Findings<'_>, root: &YamlNode) {
    let mut graph = Graph::default();
    for MappingEntry { key, value, .. } in entries(root, "Conditions") {
        let mut rest = vec![value];
        while let Some(node) = rest.pop() {
            // A circle would make the evaluation of conditions endless; CloudFormation refuses it
            // as well.
            match Call::in_condition(node) {
                Some(call) if call.function == "Condition" => {
                    if let Some(name) = call.text() {
                        graph.add(&key.text, name, call.argument_span());
                    }
                }
                Some(call) => rest.extend(call.children()),
                None => {}
            }
        }
    }
    graph.check(findings, "conditions");
}

/// Whether a `${` is inside another one.
fn holds_nested(text: &str) -> bool {
    let mut pieces = text.split("${").skip(1).map(|piece| piece.contains('}'));
    let is_open = pieces.any(|is_closed| !is_closed);
    is_open && pieces.any(|is_closed| is_closed)
}
