//! Resources with every function replaced that can be evaluated: the values of `Ref`, `Fn::Sub` and
//! others are judged as if they were written out in that place. A function that cannot be evaluated
//! stays and is not judged.

use std::collections::{BTreeMap, BTreeSet};

use super::call::{Call, is_no_value};
use super::effective::{Evaluation, Known, ParameterValues, RefusedLookup, rules_and_rivals};
use super::names::PSEUDO;
use super::outline::Outline;
use super::parameters::ParameterKind;
use super::section::{RULE, entries};
use super::substitution::substitutions;
use super::term::Term;
use super::{absent, remediation, rule};
use crate::domain::base::code;
use crate::domain::base::model::Region;
use crate::domain::declared::diagnostic::{Diagnostic, Severity, Span};
use crate::domain::declared::findings::Findings;
use crate::domain::declared::snapshot::SourcePath;
use crate::domain::declared::yaml::tree::{Mapping, MappingEntry, Value, YamlNode};
use crate::domain::declared::yaml::{Meaning, Scalar, Style};

/// Regions of every partition, used if no regions are listed: a finding in each of them does not
/// depend on the region.
const SAMPLE: &[&str] = &["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1"];

/// Characters of a value that is shown (ours).
const SHOWN_MAX: usize = 60;

/// The resources of a template, as far as what becomes of them is decided later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Dependent {
    /// Rules with functions, and all remediations; of other rules only the name.
    resources: Vec<MappingEntry>,
    /// Logical ids of the rules that are here as a whole.
    whole: BTreeSet<Box<str>>,
    /// Outputs with functions.
    outputs: Vec<MappingEntry>,
    /// The place of each condition.
    conditions: BTreeMap<String, Span>,
}

/// A value that was put in.
struct FilledValue {
    span: Span,
    /// The call: `!Ref Days`.
    call: String,
    text: String,
    /// Whether it must not be shown.
    secret: bool,
}

impl Dependent {
    pub(super) fn of(root: &YamlNode) -> Self {
        let mut dependent = Self::default();
        for MappingEntry { key, value, .. } in entries(root, "Conditions") {
            dependent.conditions.insert(key.text.to_string(), value.span);
        }
        let outputs = entries(root, "Outputs").iter();
        dependent.outputs = outputs.filter(|entry| holds_call(&entry.value)).cloned().collect();
        for entry in entries(root, "Resources") {
            // Rules without functions were judged as written, so only their names are needed again:
            // two rules may get one name with these values.
            if entry.value.get("Type").and_then(YamlNode::text) != Some(RULE) {
                dependent.resources.push(entry.clone());
            } else if entry.value.get("Properties").is_some_and(holds_call) {
                dependent.whole.insert(entry.key.text.clone());
                dependent.resources.push(entry.clone());
            } else {
                dependent.resources.push(named_only(entry));
            }
        }
        dependent
    }

    /// The findings about the resources in this evaluation.
    fn judge(&self, path: &SourcePath, mut evaluation: Evaluation<'_>) -> Vec<Diagnostic> {
        let mut findings = Findings::new(path);
        for (name, span) in &self.conditions {
            evaluation.secret = false;
            evaluation.condition(name);
            report(&mut findings, *span, std::mem::take(&mut evaluation.missing), self);
        }
        absent::check(&mut findings, &mut evaluation, &self.resources, &self.outputs);
        let mut filled = Vec::new();
        let mut puts = Vec::new();
        for MappingEntry { key, key_span, value } in &self.resources {
            let condition = value.get("Condition").and_then(YamlNode::text);
            let presence = condition.map_or(Some(true), |name| evaluation.condition(name));
            // A resource that certainly does not exist has no errors. One that may exist is judged
            // like one that does.
            if presence == Some(false) {
                continue;
            }
            let mut value = value.clone();
            if let Value::Mapping(Mapping { entries, flow: _ }) = &mut value.value {
                entries.retain(|entry| presence.is_none() || &*entry.key.text != "Condition");
                let properties = entries.iter_mut().find(|entry| &*entry.key.text == "Properties");
                if let Some(MappingEntry { value, .. }) = properties {
                    let mut filling = Filling {
                        evaluation: &mut evaluation,
                        findings: &mut findings,
                        puts: &mut puts,
                        all: self,
                    };
                    *value = filling.node(value);
                }
            }
            filled.push(MappingEntry { key: key.clone(), key_span: *key_span, value });
        }
        for MappingEntry { key, key_span, value } in &filled {
            if self.whole.contains(&key.text) {
                rule::check(&mut findings, value, *key_span);
            }
        }
        rule::check_names(&mut findings, &filled);
        remediation::check(&mut findings, &filled);
        findings.all.into_iter().map(|finding| explained(finding, &puts)).collect()
    }

    /// What is found in all of these evaluations, which differ in their region.
    fn in_each(
        &self,
        path: &SourcePath,
        outline: &Outline,
        inputs: ParameterValues<'_>,
    ) -> Vec<Diagnostic> {
        let mut common: Option<Vec<Diagnostic>> = None;
        for region in sample() {
            let found = self.judge(path, Evaluation::new(outline, inputs, Some(&region)));
            common = Some(match common {
                None => found,
                Some(before) => before.into_iter().filter(|one| holds_alike(&found, one)).collect(),
            });
        }
        common.unwrap_or_default()
    }

    /// The errors that these input parameters make in these regions, each with the regions in
    /// which it is one; without regions, those that are errors everywhere. Two rules of one name
    /// are left to [`rules_and_rivals`]. Places are those of the template's text.
    pub(super) fn errors_with<'r>(
        &self,
        path: &SourcePath,
        outline: &Outline,
        inputs: impl Fn(Option<&Region>) -> BTreeMap<String, String>,
        regions: Option<&'r BTreeSet<Region>>,
    ) -> Vec<(Diagnostic, Vec<&'r Region>)> {
        let counts = |finding: &Diagnostic| {
            finding.severity == Severity::Error && finding.code != code::RULE_NAME
        };
        let Some(regions) = regions else {
            let found = self.in_each(path, outline, ParameterValues::Given(&inputs(None)));
            return found.into_iter().filter(counts).map(|found| (found, Vec::new())).collect();
        };
        let mut all: Vec<(Diagnostic, Vec<&Region>)> = Vec::new();
        for region in regions {
            let inputs = inputs(Some(region));
            let evaluation =
                Evaluation::new(outline, ParameterValues::Given(&inputs), Some(region));
            for finding in self.judge(path, evaluation).into_iter().filter(counts) {
                // The same finding in several regions is one finding with a list of regions.
                match all.iter_mut().find(|(known, _)| *known == finding) {
                    Some((_, regions)) => regions.push(region),
                    None => all.push((finding, vec![region])),
                }
            }
        }
        all
    }
}

/// See [`SAMPLE`].
fn sample() -> impl Iterator<Item = Region> {
    SAMPLE.iter().filter_map(|name| name.parse().ok())
}

/// Judges a template once more: with what is certain put in, and then with the defaults of its
/// parameters, of which a manifest may give others.
pub(super) fn check(findings: &mut Findings<'_>, outline: &Outline, dependent: &Dependent) {
    let path = findings.path;
    let none = BTreeMap::new();
    for inputs in [ParameterValues::Unknown, ParameterValues::Given(&none)] {
        for finding in dependent.in_each(path, outline, inputs) {
            if holds(&findings.all, &finding) {
                continue;
            }
            findings.push(match inputs {
                ParameterValues::Unknown => finding,
                ParameterValues::Given(_) => {
                    let hint = "this follows from the defaults of the parameters: give other \
                        values";
                    finding.warning().hint(hint)
                }
            });
        }
    }
}

/// The names that two of the rules in effect share whatever the region.
pub(super) fn rivals_everywhere(
    outline: &Outline,
    inputs: &BTreeMap<String, String>,
) -> BTreeSet<String> {
    let each = sample().map(|region| rules_and_rivals(outline, inputs, &region).1);
    each.reduce(|one, other| &one & &other).unwrap_or_default()
}

/// Whether a finding is among others, there or at a part of its place.
fn holds(others: &[Diagnostic], one: &Diagnostic) -> bool {
    // A finding about a value can be at a part of the place of the function that gives it.
    let within = |inner: Option<Span>, outer: Option<Span>| match (inner, outer) {
        (Some(inner), Some(outer)) => outer.start <= inner.start && inner.end <= outer.end,
        (inner, outer) => inner == outer,
    };
    others.iter().any(|other| {
        other.code == one.code && other.found == one.found && within(other.span, one.span)
    })
}

/// The same of what is found in another region, where a value may be another one and no better.
fn holds_alike(others: &[Diagnostic], one: &Diagnostic) -> bool {
    let is_of_value = [code::MALFORMED, code::RULE_SOURCE, code::WRONG_TYPE].contains(&one.code);
    let is_alike = |other: &Diagnostic| {
        (other.code, other.span, &other.expected) == (one.code, one.span, &one.expected)
    };
    holds(others, one) || is_of_value && others.iter().any(is_alike)
}

/// Whether it contains a function that can be evaluated.
fn holds_call(node: &YamlNode) -> bool {
    if Call::of(node).is_some() {
        return true;
    }
    match &node.value {
        Value::Scalar(scalar) => scalar.text.contains("${"),
        Value::Sequence(nodes) => nodes.iter().any(holds_call),
        Value::Mapping(mapping) => mapping.entries.iter().any(|entry| holds_call(&entry.value)),
    }
}

/// A rule of which nothing is left but what others see, its type, its condition and its name, and
/// what refers to others.
fn named_only(entry: &MappingEntry) -> MappingEntry {
    let kept = |node: &YamlNode, names: &[&str]| {
        let mut node = node.clone();
        if let Value::Mapping(Mapping { entries, flow: _ }) = &mut node.value {
            entries.retain(|entry| names.contains(&&*entry.key.text));
        }
        node
    };
    // Metadata stays if it has functions: they may refer to a resource that does not exist.
    let mut value = kept(&entry.value, &["Type", "Condition", "Properties", "Metadata"]);
    if let Value::Mapping(Mapping { entries, flow: _ }) = &mut value.value {
        entries.retain(|entry| &*entry.key.text != "Metadata" || holds_call(&entry.value));
        for entry in entries.iter_mut().filter(|entry| &*entry.key.text == "Properties") {
            entry.value = kept(&entry.value, &["ConfigRuleName"]);
        }
    }
    MappingEntry { key: entry.key.clone(), key_span: entry.key_span, value }
}

fn report(findings: &mut Findings<'_>, span: Span, missing: Vec<RefusedLookup>, all: &Dependent) {
    for RefusedLookup { condition, code, found } in missing {
        let within = condition.and_then(|name| all.conditions.get(&name).copied());
        findings.error(within.unwrap_or(span), code, found);
    }
}

/// A finding about a value that was put in, saying what it is.
fn explained(mut finding: Diagnostic, puts: &[FilledValue]) -> Diagnostic {
    let Some(span) = finding.span else { return finding };
    let Some(FilledValue { call, text, secret, .. }) = puts.iter().find(|put| put.span == span)
    else {
        return finding;
    };
    let Diagnostic { found, hint, .. } = &mut finding;
    // The value of a parameter may be a secret, so neither the finding nor its hint may quote it.
    if *secret {
        *found = found.replace(&format!("{text:?}"), "another value");
        if !text.is_empty() {
            *found = found.replace(&format!("named {text}"), "named so");
        }
        *hint = None;
        *found = format!("{found} (from {call})");
    } else if found.contains(&**text) && !text.is_empty() {
        *found = format!("{found} (from {call})");
    } else {
        let shown: String = text.chars().take(SHOWN_MAX).collect();
        let more = if shown.len() < text.len() { "…" } else { "" };
        *found = format!("{found} ({call} gives {shown:?}{more})");
    }
    finding
}

struct Filling<'a, 'f, 'p, 't> {
    evaluation: &'a mut Evaluation<'t>,
    findings: &'a mut Findings<'p>,
    puts: &'f mut Vec<FilledValue>,
    all: &'a Dependent,
}

impl Filling<'_, '_, '_, '_> {
    fn node(&mut self, node: &YamlNode) -> YamlNode {
        if is_no_value(node) {
            return node.clone();
        }
        if let Some(call) = Call::of(node) {
            return match (call.function, call.items()) {
                ("If", Some([condition, yes, no])) => {
                    let test = condition.text();
                    match test.and_then(|name| self.evaluation.condition(name)) {
                        Some(true) => self.node(yes),
                        Some(false) => self.node(no),
                        // With an unknown condition both branches are judged, and the function
                        // itself stays.
                        None => {
                            let filled = [condition.clone(), self.node(yes), self.node(no)];
                            with_items(node, filled)
                        }
                    }
                }
                _ => self.call(node, &call),
            };
        }
        let value = match &node.value {
            Value::Scalar(scalar) => return self.plain(node, scalar),
            Value::Sequence(nodes) => {
                let filled = nodes.iter().map(|node| self.node(node));
                Value::Sequence(filled.filter(|node| !is_no_value(node)).collect())
            }
            Value::Mapping(Mapping { entries, flow }) => {
                let filled = entries.iter().map(|MappingEntry { key, key_span, value }| {
                    MappingEntry { key: key.clone(), key_span: *key_span, value: self.node(value) }
                });
                Value::Mapping(Mapping { entries: filled.collect(), flow: *flow })
            }
        };
        YamlNode { span: node.span, tag: node.tag.clone(), value }
    }

    /// A text with pseudo parameters only, evaluated: AWS Config may replace them in any text.
    fn plain(&mut self, node: &YamlNode, scalar: &Scalar) -> YamlNode {
        let mut names = substitutions(&scalar.text).peekable();
        // A text with any other `${name}` stays as it is: it may belong to the language of a rule.
        let is_replaced = names.peek().is_some() && names.all(|name| PSEUDO.contains(&name));
        if is_replaced { self.evaluated(node, scalar.text.to_string()) } else { node.clone() }
    }

    fn call(&mut self, node: &YamlNode, call: &Call<'_>) -> YamlNode {
        if let Some(name) = call.text().filter(|_| call.function == "Ref") {
            if let Some(list) = self.list(node, name) {
                return list;
            }
            return self.evaluated(node, format!("{} {name}", call.name()));
        }
        self.evaluated(node, call.name())
    }

    /// The form of a reference to a list.
    fn list(&mut self, node: &YamlNode, name: &str) -> Option<YamlNode> {
        let is_list = name == "AWS::NotificationARNs"
            || self.evaluation.outline.parameters.get(name).is_some_and(|declared| {
                matches!(declared.kind, ParameterKind::List | ParameterKind::Numbers)
            });
        is_list.then_some(())?;
        let items = match self.evaluation.sent(name) {
            Some(text) => text.split(',').map(|item| text_node(node.span, item.trim())).collect(),
            None => vec![node.clone()],
        };
        Some(YamlNode { span: node.span, tag: None, value: Value::Sequence(items) })
    }

    fn evaluated(&mut self, node: &YamlNode, call: String) -> YamlNode {
        self.evaluation.secret = false;
        let known = self.evaluation.known_value(&Term::of(node));
        let missing = std::mem::take(&mut self.evaluation.missing);
        report(self.findings, node.span, missing, self.all);
        let Some(known) = known else { return node.clone() };
        if let Known::Text(text) = &known {
            if node.text() == Some(text) {
                // The value equals the text: nothing was replaced.
                return node.clone();
            }
            let (text, secret) = (text.clone(), self.evaluation.secret);
            self.puts.push(FilledValue { span: node.span, call, text, secret });
        }
        node_of(known, node.span)
    }
}

fn text_node(span: Span, text: &str) -> YamlNode {
    let scalar = Scalar { text: text.into(), style: Style::Quoted, meaning: Meaning::Text };
    YamlNode { span, tag: None, value: Value::Scalar(scalar) }
}

fn node_of(known: Known, span: Span) -> YamlNode {
    match known {
        Known::Text(text) => text_node(span, &text),
        Known::List(values) => {
            let items = values.into_iter().map(|value| node_of(value, span)).collect();
            YamlNode { span, tag: None, value: Value::Sequence(items) }
        }
        Known::Nothing => {
            let YamlNode { value, .. } = text_node(span, "AWS::NoValue");
            YamlNode { span, tag: Some("Ref".to_owned()), value }
        }
    }
}

/// A call with other arguments.
fn with_items(node: &YamlNode, items: [YamlNode; 3]) -> YamlNode {
    let mut changed = node.clone();
    match &mut changed.value {
        Value::Sequence(nodes) => *nodes = items.into(),
        Value::Mapping(Mapping { entries, flow: _ }) => {
            if let [MappingEntry { value, .. }] = &mut **entries {
                value.value = Value::Sequence(items.into());
            }
        }
        Value::Scalar(_) => {}
    }
    changed
}
