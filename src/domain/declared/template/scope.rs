//! The scope of a rule, as far as it is known, and whether it covers another one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::call::{Call, is_no_value};
use super::term::{Term, Test, choice, described};
use crate::domain::declared::yaml::tree::YamlNode;

/// The field with several values: a rule evaluates resources of any of these types.
pub(super) const TYPES: &str = "ComplianceResourceTypes";

/// The fields of a scope (AWS Config API: `Scope`).
const FIELDS: [&str; 4] = ["ComplianceResourceId", TYPES, "TagKey", "TagValue"];

/// The field that represents an unknown scope.
pub(super) const WHOLE: &str = "Scope";

/// The source, scope and triggers of a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evaluates {
    /// What evaluates it: `AWS/IAM_PASSWORD_POLICY`, or `CUSTOM_POLICY/` and the beginning of the
    /// digest of its text.
    pub source: String,
    /// Its scope.
    pub scope: RuleScope,
    /// The types of messages that trigger it; none of a managed rule.
    pub triggers: BTreeSet<String>,
    /// Empty for a rule that is there for certain; else what its presence depends on, equal for
    /// what is equal in every member.
    pub when: String,
}

impl Evaluates {
    /// Whether it evaluates the same, and at least as much of what there is.
    pub fn covers(&self, other: &Self) -> bool {
        // A wider scope and more triggers lose nothing. A condition must be the same or gone, since
        // another one may be false where the old one was true.
        self.source == other.source
            && self.scope.covers(&other.scope)
            && other.triggers.is_subset(&self.triggers)
            && (self.when.is_empty() || self.when == other.when)
    }
}

impl fmt::Display for Evaluates {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, scope: RuleScope { types, limits }, triggers, when: _ } = self;
        out.write_str(source)?;
        if let Some(types) = types {
            let types: Vec<&str> = types.iter().map(String::as_str).collect();
            write!(out, " {TYPES}={}", types.join(","))?;
        }
        limits.iter().try_for_each(|(field, value)| write!(out, " {field}={value}"))?;
        triggers.iter().try_for_each(|message| write!(out, " {message}"))
    }
}

/// The scope of a rule: everything by default, less with each limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleScope {
    /// Only these types of resources.
    pub types: Option<BTreeSet<String>>,
    /// Other limits by field, also those of which only a description is known.
    pub limits: BTreeMap<&'static str, String>,
}

impl RuleScope {
    /// Whether it includes everything that the other one includes.
    pub fn covers(&self, other: &Self) -> bool {
        let has_types = match (&self.types, &other.types) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(types), Some(others)) => others.is_subset(types),
        };
        has_types && self.limits.iter().all(|(field, value)| other.limits.get(field) == Some(value))
    }
}

/// A scope that may depend on parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ScopeTerm {
    Everything,
    Said(BTreeMap<&'static str, Term>),
    Either(Test, Box<[ScopeTerm; 2]>),
    Other(String),
}

impl ScopeTerm {
    pub(super) fn of(node: &YamlNode, depth: usize) -> Self {
        // Each level costs one of `depth`: a hostile template must not exhaust the stack.
        let Some(depth) = depth.checked_sub(1) else { return Self::Other(described(node)) };
        if let Some((test, [yes, no])) = choice(node, depth) {
            return Self::Either(test, Box::new([Self::of(yes, depth), Self::of(no, depth)]));
        }
        if is_no_value(node) {
            return Self::Everything;
        }
        if Call::of(node).is_some() || node.mapping().is_none() {
            return Self::Other(described(node));
        }
        let said = FIELDS.iter().filter_map(|field| Some((*field, Term::of(node.get(field)?))));
        Self::Said(said.collect())
    }
}

/// Whether a rule evaluates existing resources: `EvaluationModes` has `DETECTIVE`, or is not given.
/// A rule that is only proactive evaluates nothing by itself.
pub(super) fn is_detective(node: &YamlNode, depth: usize) -> Test {
    let Some(depth) = depth.checked_sub(1) else { return Test::Opaque };
    if let Some(either) = either(node, depth, is_detective) {
        return either;
    }
    if is_no_value(node) {
        return Test::And(Vec::new());
    }
    // An empty list or a function may mean anything, so the test stays unknown.
    match node.sequence() {
        Some(modes) if !modes.is_empty() && Call::of(node).is_none() => {
            Test::Or(modes.iter().map(|mode| is_detective_mode(mode, depth)).collect())
        }
        Some(_) | None => Test::Opaque,
    }
}

fn is_detective_mode(node: &YamlNode, depth: usize) -> Test {
    let Some(depth) = depth.checked_sub(1) else { return Test::Opaque };
    if let Some(either) = either(node, depth, is_detective_mode) {
        return either;
    }
    match node.get("Mode") {
        // The mode may be a function, so it is compared when the test is evaluated.
        Some(mode) if Call::of(node).is_none() => {
            Test::Equals(Box::new([Term::of(mode), Term::Text("DETECTIVE".to_owned())]))
        }
        Some(_) | None => Test::Opaque,
    }
}

/// `Fn::If`, as a test of what it chooses.
fn either(node: &YamlNode, depth: usize, of: fn(&YamlNode, usize) -> Test) -> Option<Test> {
    let (test, [yes, no]) = choice(node, depth)?;
    let no = Test::And(vec![Test::Not(Box::new(test.clone())), of(no, depth)]);
    Some(Test::Or(vec![Test::And(vec![test, of(yes, depth)]), no]))
}
