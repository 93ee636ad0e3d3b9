//! Values, tests and sources that may depend on parameters, as far as they can be evaluated.

use std::collections::BTreeMap;

use super::call::long_name;
use crate::domain::declared::template::call::{Call, is_no_value};
use crate::domain::declared::template::canonical::Canonical;
use crate::domain::declared::yaml::tree::{Value, YamlNode};
use crate::domain::declared::yaml::{Meaning, Scalar};

/// Collections inside each other that are followed; the reader of YAML allows no more.
pub(super) const DEPTH_MAX: usize = 64;

/// Who evaluates a rule, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RuleSource {
    Said {
        owner: Term,
        identifier: Option<Term>,
        /// Digest of the policy's text.
        policy: Option<Term>,
        /// The types of messages that trigger it, as a list; of a managed rule AWS knows them.
        triggers: Option<Term>,
    },
    Either(Test, Box<[RuleSource; 2]>),
    Other(String),
}

impl RuleSource {
    pub(super) fn of(node: &YamlNode, depth: usize) -> Self {
        let Some(depth) = depth.checked_sub(1) else { return Self::Other(described(node)) };
        if let Some((test, [yes, no])) = choice(node, depth) {
            return Self::Either(test, Box::new([Self::of(yes, depth), Self::of(no, depth)]));
        }
        // A source that is a function, or has no owner, cannot be evaluated: it is described by the
        // digest of its text, so that another source never looks the same.
        let (None, Some(owner)) = (Call::of(node), node.get("Owner")) else {
            return Self::Other(described(node));
        };
        Self::Said {
            owner: Term::of(owner),
            identifier: node.get("SourceIdentifier").map(Term::of),
            policy: node.get("CustomPolicyDetails").map(|details| policy(details, depth)),
            triggers: node.get("SourceDetails").map(|details| triggers(details, depth)),
        }
    }
}

/// A value that may depend on parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Term {
    Text(String),
    List(Vec<Term>),
    /// A parameter or a pseudo parameter.
    Ref(String),
    /// The term if the test holds, and the one otherwise.
    If(Test, Box<[Term; 2]>),
    /// Map, first and second key.
    FindInMap(Box<[Term; 3]>),
    /// Delimiter and parts.
    Join(String, Vec<Term>),
    /// Delimiter and list.
    JoinList(String, Box<Term>),
    /// Text with `${names}`, and the terms of some of them; the others are parameters.
    Sub(String, BTreeMap<String, Term>),
    /// Delimiter and text.
    Split(String, Box<Term>),
    /// Index and list.
    Select(usize, Box<Term>),
    /// The digest of a text.
    Digest(Box<Term>),
    /// Text that is no function and holds `${names}`: AWS Config replaces those of pseudo
    /// parameters in some places, which it does not document.
    Plain(String),
    /// One of a list; it is unknown which.
    Any(Box<Term>),
    /// Unknown; a description that is equal for equal terms.
    Opaque(String),
}

impl Term {
    pub(super) fn of(node: &YamlNode) -> Self {
        Self::within(node, DEPTH_MAX)
    }

    fn within(node: &YamlNode, depth: usize) -> Self {
        // Each level costs one of `depth`: a hostile template must not exhaust the stack. What is
        // deeper counts as unknown.
        let Some(depth) = depth.checked_sub(1) else { return Self::Opaque(described(node)) };
        let known = match Call::of(node) {
            Some(call) => Self::of_call(node, &call, depth),
            None => match &node.value {
                Value::Scalar(scalar) => plain(scalar).map(Self::of_plain),
                Value::Sequence(nodes) => {
                    Some(Self::List(nodes.iter().map(|node| Self::within(node, depth)).collect()))
                }
                Value::Mapping(_) => None,
            },
        };
        known.unwrap_or_else(|| Self::Opaque(described(node)))
    }

    fn of_call(node: &YamlNode, call: &Call<'_>, depth: usize) -> Option<Self> {
        let term = |node| Self::within(node, depth);
        match (call.function, call.items()) {
            ("Ref", _) => Some(Self::Ref(call.text()?.to_owned())),
            ("If", _) => {
                let (test, [yes, no]) = choice(node, depth)?;
                Some(Self::If(test, Box::new([term(yes), term(no)])))
            }
            ("FindInMap", Some([map, first, second])) => {
                Some(Self::FindInMap(Box::new([term(map), term(first), term(second)])))
            }
            ("Sub", None) => Some(Self::Sub(call.any_text()?.to_owned(), BTreeMap::new())),
            ("Sub", Some([text, names])) => {
                let names = names.mapping()?.entries.iter();
                let names = names.map(|entry| (entry.key.text.to_string(), term(&entry.value)));
                Some(Self::Sub(text.text()?.to_owned(), names.collect()))
            }
            ("Join", Some([delimiter, list])) => {
                let delimiter = plain(delimiter.scalar()?)?;
                Some(match (Call::of(list), list.sequence()) {
                    (None, Some(nodes)) => Self::Join(delimiter, nodes.iter().map(term).collect()),
                    _ => Self::JoinList(delimiter, Box::new(term(list))),
                })
            }
            ("Split", Some([delimiter, text])) => {
                Some(Self::Split(plain(delimiter.scalar()?)?, Box::new(term(text))))
            }
            ("Select", Some([index, list])) => {
                // With an unknown index any item may be meant.
                let index = index.scalar().and_then(plain).and_then(|text| text.parse().ok());
                let list = Box::new(term(list));
                Some(match index {
                    Some(index) => Self::Select(index, list),
                    None => Self::Any(list),
                })
            }
            _ => None,
        }
    }

    fn of_plain(text: String) -> Self {
        if text.contains("${") { Self::Plain(text) } else { Self::Text(text) }
    }

    /// Data that can hold no function.
    pub(super) fn literal(node: &YamlNode) -> Self {
        let text = |node: &YamlNode| node.scalar().and_then(plain).map(Self::of_plain);
        let list = || node.sequence()?.iter().map(text).collect::<Option<_>>().map(Self::List);
        text(node).or_else(list).unwrap_or_else(|| Self::Opaque(described(node)))
    }
}

/// Something that holds or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    Condition(String),
    Equals(Box<[Term; 2]>),
    Not(Box<Test>),
    And(Vec<Test>),
    Or(Vec<Test>),
    /// Unknown.
    Opaque,
}

impl Test {
    pub(super) fn of(node: &YamlNode, depth: usize) -> Self {
        let Some(depth) = depth.checked_sub(1) else { return Self::Opaque };
        // Whatever is no condition is unknown and not false: a rule must not count as absent
        // because of it.
        let Some(call) = Call::in_condition(node) else { return Self::Opaque };
        let test = |node| Self::of(node, depth);
        match (call.function, call.items()) {
            ("Condition", _) => {
                call.text().map_or(Self::Opaque, |name| Self::Condition(name.to_owned()))
            }
            ("Equals", Some([one, other])) => {
                let term = |node| Term::within(node, depth);
                Self::Equals(Box::new([term(one), term(other)]))
            }
            ("Not", Some([one])) => Self::Not(Box::new(test(one))),
            ("And", Some(all)) => Self::And(all.iter().map(test).collect()),
            ("Or", Some(all)) => Self::Or(all.iter().map(test).collect()),
            _ => Self::Opaque,
        }
    }
}

/// The digest of a policy's text, which may be chosen by conditions on the way to it.
fn policy(node: &YamlNode, depth: usize) -> Term {
    let Some(depth) = depth.checked_sub(1) else { return Term::Opaque(described(node)) };
    if let Some((test, [yes, no])) = choice(node, depth) {
        return Term::If(test, Box::new([policy(yes, depth), policy(no, depth)]));
    }
    match (Call::of(node), node.get("PolicyText")) {
        (None, Some(text)) => policy(text, depth),
        // The text may be a parameter's: what it comes to decides.
        (_, _) => Term::Digest(Box::new(Term::within(node, depth))),
    }
}

/// The types of messages in `SourceDetails`, each of which may be chosen by conditions.
fn triggers(node: &YamlNode, depth: usize) -> Term {
    let Some(depth) = depth.checked_sub(1) else { return Term::Opaque(described(node)) };
    if let Some((test, [yes, no])) = choice(node, depth) {
        return Term::If(test, Box::new([triggers(yes, depth), triggers(no, depth)]));
    }
    // `AWS::NoValue` removes the property, so it must not look like an unknown trigger.
    if is_no_value(node) {
        return Term::Ref("AWS::NoValue".to_owned());
    }
    match (Call::of(node), node.sequence(), node.get("MessageType")) {
        (None, Some(nodes), _) => {
            Term::List(nodes.iter().map(|node| triggers(node, depth)).collect())
        }
        (None, None, Some(message)) => Term::within(message, depth),
        (_, _, _) => Term::Opaque(described(node)),
    }
}

/// `Fn::If`, taken apart.
pub(super) fn choice(node: &YamlNode, depth: usize) -> Option<(Test, [&YamlNode; 2])> {
    let call = Call::of(node).filter(|call| call.function == "If")?;
    let [condition, yes, no] = call.items()? else { return None };
    let test = condition
        .text()
        .map_or_else(|| Test::of(condition, depth), |name| Test::Condition(name.to_owned()));
    Some((test, [yes, no]))
}

/// What AWS makes of a scalar where it wants text; nothing where its readers may disagree.
pub(super) fn plain(scalar: &Scalar) -> Option<String> {
    let text = || Some(scalar.text.to_string());
    match scalar.meaning {
        _ if scalar.is_ambiguous() => None,
        Meaning::Null => None,
        Meaning::Text => text(),
        Meaning::Bool(value) => Some(value.to_string()),
        Meaning::Integer => is_usual_integer(&scalar.text).then(text)?,
        Meaning::Float => is_usual_float(&scalar.text).then(text)?,
    }
}

/// `90`, not `+90`, `-0` or `0x5A`, of which JSON makes something else.
fn is_usual_integer(text: &str) -> bool {
    // Up to 15 digits every reader keeps a number exact (2^53 has 16).
    let digits = text.strip_prefix('-').filter(|rest| *rest != "0").unwrap_or(text);
    let has_form = !digits.starts_with('0') || digits == "0";
    has_form && digits.len() <= 15 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// `0.5`, not `.5`, `0.50` or `5e-1`.
fn is_usual_float(text: &str) -> bool {
    // A trailing zero is dropped by some readers, which changes the text that AWS makes of the
    // number.
    text.split_once('.').is_some_and(|(whole, fraction)| {
        is_usual_integer(whole)
            && !fraction.is_empty()
            && fraction.bytes().all(|byte| byte.is_ascii_digit())
            && !fraction.ends_with('0')
    })
}

/// A short name for what cannot be evaluated, equal for equal values only.
pub(super) fn described(node: &YamlNode) -> String {
    let function = Call::of(node).map_or_else(|| node.describe(), |call| long_name(call.function));
    format!("{function} {}", Canonical::of(node).digest().short())
}
