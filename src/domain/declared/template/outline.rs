//! The parts of a template that later decisions need: its parameters; for the rules in effect its
//! mappings, its conditions, and the name, source, scope and conditions of each rule; and a
//! description of its remediations. It is small, so that it can stay in memory where the tree does
//! not.
//!
//! Reading never fails: a part that cannot be understood is kept as a value that cannot be
//! evaluated.

use std::collections::BTreeMap;

use super::composed;
use super::composed::Composed;
use super::parameters::Declaration;
use super::remediation::list;
use super::remediation::list::Remediation;
use super::scope::{ScopeTerm, is_detective};
use super::section::RULE;
use super::term::DEPTH_MAX;
use crate::domain::declared::template::section::entries;
use crate::domain::declared::template::term::{RuleSource, Term, Test};
use crate::domain::declared::yaml::tree::{Mapping, MappingEntry, YamlNode};

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(super) parameters: BTreeMap<String, Declaration>,
    /// By map, first and second key.
    pub(super) mappings: BTreeMap<String, BTreeMap<String, BTreeMap<String, Term>>>,
    pub(super) conditions: BTreeMap<String, Test>,
    /// In the order of their logical ids.
    pub(super) rules: BTreeMap<String, OutlinedRule>,
    pub(super) remediations: Vec<Remediation>,
    /// Texts that functions put together.
    pub(super) composed: Vec<Composed>,
}

impl Outline {
    /// The outline of a template, valid or not.
    pub(super) fn of(root: &YamlNode) -> Self {
        let mut outline = Self { remediations: list::of(root), ..Self::default() };
        for MappingEntry { key, value, .. } in entries(root, "Parameters") {
            outline.parameters.insert(key.text.to_string(), Declaration::of(value));
        }
        for MappingEntry { key, value, .. } in entries(root, "Mappings") {
            let map = by_key(value, |inner| by_key(inner, Term::literal));
            outline.mappings.insert(key.text.to_string(), map);
        }
        for MappingEntry { key, value, .. } in entries(root, "Conditions") {
            outline.conditions.insert(key.text.to_string(), Test::of(value, DEPTH_MAX));
        }
        for MappingEntry { key, value, .. } in entries(root, "Resources") {
            // A type that cannot be read may be that of a rule.
            let is_rule =
                value.get("Type").is_none_or(|kind| kind.text().is_none_or(|t| t == RULE));
            if is_rule {
                outline.rules.insert(key.text.to_string(), OutlinedRule::of(value));
            }
        }
        outline.composed = composed::of(root);
        outline
    }
}

fn by_key<T>(node: &YamlNode, read: impl Fn(&YamlNode) -> T) -> BTreeMap<String, T> {
    let entries = node.mapping().map_or(&[][..], |Mapping { entries, flow: _ }| entries);
    entries.iter().map(|entry| (entry.key.text.to_string(), read(&entry.value))).collect()
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OutlinedRule {
    /// Its `ConfigRuleName`, if it has one.
    pub(super) name: Option<Term>,
    pub(super) source: RuleSource,
    pub(super) scope: ScopeTerm,
    /// Present if this holds; always without.
    pub(super) condition: Option<Test>,
    /// Evaluates by itself if this holds; always without.
    pub(super) detective: Option<Test>,
}

impl OutlinedRule {
    fn of(resource: &YamlNode) -> Self {
        let property = |name| resource.get("Properties").and_then(|all| all.get(name));
        let condition = resource.get("Condition");
        Self {
            name: property("ConfigRuleName").map(Term::of),
            source: property("Source").map_or_else(
                || RuleSource::Other("none".to_owned()),
                |node| RuleSource::of(node, DEPTH_MAX),
            ),
            scope: property("Scope")
                .map_or(ScopeTerm::Everything, |node| ScopeTerm::of(node, DEPTH_MAX)),
            condition: condition.map(|name| match name.text() {
                Some(name) => Test::Condition(name.to_owned()),
                None => Test::Opaque,
            }),
            detective: property("EvaluationModes").map(|node| is_detective(node, DEPTH_MAX)),
        }
    }
}
