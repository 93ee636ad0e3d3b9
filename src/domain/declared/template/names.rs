//! What a template declares, by name, and what leads to what: references to nothing, and circles.

use std::collections::{BTreeMap, BTreeSet};

use super::section::{RULE, entries};
use super::substitution::fill;
use crate::domain::base::{code, limits};
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::yaml::tree::{Mapping, YamlNode};

/// Pseudo parameters (`CloudFormation` template reference).
pub(super) const PSEUDO: &[&str] = &[
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

/// Pseudo parameters that only a member knows, each with a text as short as its shortest possible
/// value.
const OF_MEMBERS: &[(&str, &str)] = &[
    ("AWS::AccountId", "111122223333"),
    // Member stacks are named by AWS Config.
    ("AWS::StackId", "arn:aws:cloudformation:us-east-1:111122223333:stack/awsconfigconforms-x"),
    ("AWS::StackName", "awsconfigconforms-x"),
    ("AWS::URLSuffix", "amazonaws.com"),
];

/// What the others may be.
const OF_REGIONS: &[(&str, &str)] = &[("AWS::Partition", "aws"), ("AWS::Region", "us-east-1")];

/// Whether a pseudo parameter is text that only a member knows.
pub(super) fn is_of_members(name: &str) -> bool {
    OF_MEMBERS.iter().any(|(known, _)| *known == name)
}

/// A text as it may be in a member, with every pseudo parameter in it replaced; nothing if anything
/// else would have to be. No member has a shorter one.
pub(super) fn as_in_a_member(text: &str) -> Option<String> {
    fill(text, usize::MAX, |name| {
        let found = OF_MEMBERS.iter().chain(OF_REGIONS).find(|(known, _)| *known == name);
        found.map(|(_, text)| (*text).to_owned())
    })
}

/// Attributes of a rule that `Fn::GetAtt` gives (its resource schema: `readOnlyProperties`).
const RULE_ATTRIBUTES: &[&str] = &["Arn", "Compliance.Type", "ConfigRuleId"];

/// The names of a template.
#[derive(Debug)]
pub(super) struct Names<'n> {
    pub(super) parameters: BTreeSet<&'n str>,
    pub(super) conditions: BTreeSet<&'n str>,
    pub(super) resources: BTreeSet<&'n str>,
    /// Those resources that are rules.
    rules: BTreeSet<&'n str>,
    mappings: BTreeMap<&'n str, &'n YamlNode>,
}

impl<'n> Names<'n> {
    pub(super) fn of(root: &'n YamlNode) -> Self {
        let names = |section| entries(root, section).iter().map(|entry| &*entry.key.text);
        let resources = entries(root, "Resources").iter();
        let rules = resources
            .filter(|entry| entry.value.get("Type").and_then(YamlNode::text) == Some(RULE))
            .map(|entry| &*entry.key.text);
        Self {
            parameters: names("Parameters").collect(),
            conditions: names("Conditions").collect(),
            resources: names("Resources").collect(),
            rules: rules.collect(),
            mappings: names("Mappings")
                .zip(entries(root, "Mappings").iter().map(|entry| &entry.value))
                .collect(),
        }
    }

    /// Whether a `Ref` can name this; an error if nothing is named so.
    pub(super) fn check_reference(&self, findings: &mut Findings<'_>, name: &str, span: Span) {
        // The prefix is reserved, so such a name can only be a pseudo parameter.
        if name.starts_with("AWS::") {
            if !PSEUDO.contains(&name) {
                let found = format!("there is no pseudo parameter {name}");
                findings
                    .error(span, code::UNKNOWN_REFERENCE, found)
                    .did_you_mean(name, PSEUDO.iter().copied());
            }
        } else if !self.parameters.contains(name) && !self.resources.contains(name) {
            let known = self.parameters.iter().chain(&self.resources).copied();
            findings
                .error(span, code::UNKNOWN_REFERENCE, format!("nothing is named {name}"))
                .expected("a parameter or a resource of this template")
                .did_you_mean(name, known);
        }
    }

    /// The same, where resources do not exist yet.
    pub(super) fn check_condition_reference(
        &self,
        findings: &mut Findings<'_>,
        name: &str,
        span: Span,
    ) {
        // A resource is named correctly here, so "nothing is named so" would be the wrong message.
        if self.resources.contains(name) && !self.parameters.contains(name) {
            let found = format!("a condition refers to the resource {name}");
            findings
                .error(span, code::CONDITION, found)
                .expected("a parameter: conditions are evaluated before any resource exists");
        } else {
            self.check_reference(findings, name, span);
        }
    }

    pub(super) fn check_attribute(
        &self,
        findings: &mut Findings<'_>,
        resource: &str,
        attribute: Option<&str>,
        span: Span,
    ) {
        // The resource comes first: attributes of one that does not exist cannot be checked.
        if !self.resources.contains(resource) {
            findings
                .error(span, code::UNKNOWN_REFERENCE, format!("there is no resource {resource}"))
                .did_you_mean(resource, self.resources.iter().copied());
        } else if let Some(attribute) = attribute
            && !(self.rules.contains(resource) && RULE_ATTRIBUTES.contains(&attribute))
        {
            let found = format!("the resource {resource} has no attribute {attribute}");
            let entry = findings.error(span, code::UNKNOWN_REFERENCE, found);
            if self.rules.contains(resource) {
                entry.expected(RULE_ATTRIBUTES.join(", "));
            } else {
                entry.hint("a remediation has no attributes");
            }
        }
    }

    pub(super) fn check_condition(&self, findings: &mut Findings<'_>, name: &str, span: Span) {
        if !self.conditions.contains(name) {
            findings
                .error(span, code::CONDITION, format!("there is no condition {name}"))
                .expected("a condition that is declared under Conditions")
                .did_you_mean(name, self.conditions.iter().copied());
        }
    }

    /// Looks up the part of a map's path that is written out.
    pub(super) fn check_map(&self, findings: &mut Findings<'_>, path: [&'n YamlNode; 3]) {
        let [map, first, second] = path;
        let Some(name) = map.text() else { return };
        let Some(mut level) = self.mappings.get(name).copied() else {
            findings
                .error(map.span, code::UNKNOWN_REFERENCE, format!("there is no mapping {name}"))
                .did_you_mean(name, self.mappings.keys().copied());
            return;
        };
        for key in [first, second] {
            let written = key.scalar().filter(|_| !key.is_null());
            let (Some(scalar), Some(Mapping { entries, flow: _ })) = (written, level.mapping())
            else {
                return;
            };
            let text = &*scalar.text;
            let Some(next) = level.get(text) else {
                let known = entries.iter().map(|entry| &*entry.key.text);
                findings
                    .error(key.span, code::UNKNOWN_REFERENCE, format!("{name} has no key {text}"))
                    .did_you_mean(text, known);
                return;
            };
            level = next;
        }
    }
}

/// The edges of a graph, each with its place.
#[derive(Debug, Default)]
pub(super) struct Graph<'n> {
    edges: BTreeMap<&'n str, BTreeMap<&'n str, Span>>,
}

impl<'n> Graph<'n> {
    pub(super) fn add(&mut self, from: &'n str, to: &'n str, span: Span) {
        self.edges.entry(from).or_default().entry(to).or_insert(span);
    }

    /// Reports every circle; `what` are conditions or resources.
    pub(super) fn check(mut self, findings: &mut Findings<'_>, what: &str) {
        let mut open: BTreeMap<&str, usize> =
            self.edges.iter().map(|(from, to)| (*from, to.len())).collect();
        let mut leading: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let pairs = self.edges.iter().flat_map(|(from, to)| to.keys().map(|to| (*from, *to)));
        for (from, to) in pairs {
            leading.entry(to).or_default().push(from);
        }
        // What leads nowhere is settled, and then what leads only there.
        let targets = leading.keys().copied();
        let mut settled: Vec<&str> = targets.filter(|to| !open.contains_key(to)).collect();
        // The most circles that are reported: each needs a walk over the graph, and a hostile file
        // has thousands.
        for _ in 0..limits::PROBLEMS {
            while let Some(node) = settled.pop() {
                for from in leading.get(node).into_iter().flatten() {
                    if let Some(count) = open.get_mut(from) {
                        *count -= 1;
                        if *count == 0 {
                            open.remove(from);
                            settled.push(from);
                        }
                    }
                }
            }
            let Some(circle) = self.circle(&open) else { return };
            let place = circle.first().zip(circle.get(1).or(circle.first()));
            let span = place.and_then(|(from, to)| self.edges.get(from)?.get(to).copied());
            let round = circle.iter().chain(circle.first()).copied().collect::<Vec<_>>();
            if let Some(span) = span {
                let found = match &*circle {
                    [one] => format!("{one} leads to itself"),
                    _ => format!("{what} lead to each other: {}", round.join(" → ")),
                };
                findings.error(span, code::CYCLE, found).hint("break the circle");
            }
            for node in circle {
                open.remove(node);
                self.edges.remove(node);
                settled.push(node);
            }
        }
    }

    /// A circle among what is open.
    fn circle(&self, open: &BTreeMap<&'n str, usize>) -> Option<Vec<&'n str>> {
        let mut at = *open.keys().next()?;
        let mut path = Vec::new();
        let mut seen = BTreeMap::new();
        loop {
            if let Some(start) = seen.insert(at, path.len()) {
                return path.get(start..).map(<[_]>::to_vec);
            }
            path.push(at);
            at = self.edges.get(at)?.keys().find(|to| open.contains_key(*to))?;
        }
    }
}
