//! What later decisions need of a template: its parameters and, to tell which rules are in effect,
//! the mappings, the conditions, and of each rule its name, its source, its scope and its
//! conditions; and its remediations in words. It is small, so that it can stay in memory where the
//! tree does not.
//!
//! Reading never fails: what cannot be understood is kept as a thing that nobody can evaluate.

use std::collections::BTreeMap;

use super::call::Call;
use super::canonical::Canonical;
use super::composed::Composed;
use super::parameters::Declaration;
use super::remediation::list;
use super::remediation::list::Remediation;
use super::schema::is_no_value;
use super::scope::{ScopeTerm, is_detective};
use super::{composed, intrinsic};
use crate::domain::declared::yaml::tree::{Entry, Mapping, Node, Value};
use crate::domain::declared::yaml::{Meaning, Scalar};

pub(super) const RULE: &str = "AWS::Config::ConfigRule";

/// Collections inside each other that are followed; the reader of YAML allows no more.
const DEPTH_MAX: usize = 64;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(super) parameters: BTreeMap<String, Declaration>,
    /// By map, first and second key.
    pub(super) mappings: BTreeMap<String, BTreeMap<String, BTreeMap<String, Term>>>,
    pub(super) conditions: BTreeMap<String, Test>,
    /// In the order of their logical ids.
    pub(super) rules: BTreeMap<String, Rule>,
    pub(super) remediations: Vec<Remediation>,
    /// Texts that functions put together.
    pub(super) composed: Vec<Composed>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// Its `ConfigRuleName`, if it has one.
    pub(super) name: Option<Term>,
    pub(super) source: Source,
    pub(super) scope: ScopeTerm,
    /// Present if this holds; always without.
    pub(super) condition: Option<Test>,
    /// Evaluates by itself if this holds; always without.
    pub(super) detective: Option<Test>,
}

/// Who evaluates a rule, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Said {
        owner: Term,
        identifier: Option<Term>,
        /// Digest of the policy's text.
        policy: Option<Term>,
        /// The types of messages that trigger it, as a list; of a managed rule AWS knows them.
        triggers: Option<Term>,
    },
    Either(Test, Box<[Source; 2]>),
    Other(String),
}

/// A value that may depend on parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Term {
    Text(String),
    List(Vec<Term>),
    /// A parameter or a pseudo parameter.
    Ref(String),
    /// What stands if the test holds, and what otherwise.
    If(Test, Box<[Term; 2]>),
    /// Map, first and second key.
    FindInMap(Box<[Term; 3]>),
    /// Delimiter and parts.
    Join(String, Vec<Term>),
    /// Delimiter and list.
    JoinList(String, Box<Term>),
    /// Text with `${names}`, and the terms that stand for some of them; the others are parameters.
    Sub(String, BTreeMap<String, Term>),
    /// Delimiter and text.
    Split(String, Box<Term>),
    /// Index and list.
    Select(usize, Box<Term>),
    /// The digest of a text.
    Digest(Box<Term>),
    /// Text that is no function and holds `${names}`: AWS Config replaces those of pseudo
    /// parameters, though nobody has said where.
    Plain(String),
    /// One of a list; nobody knows which.
    Any(Box<Term>),
    /// Nobody knows; a description that is equal for equal terms.
    Opaque(String),
}

/// Something that holds or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    Condition(String),
    Equals(Box<[Term; 2]>),
    Not(Box<Test>),
    And(Vec<Test>),
    Or(Vec<Test>),
    /// Nobody knows.
    Opaque,
}

impl Outline {
    /// The outline of a template, valid or not.
    pub(super) fn of(root: &Node) -> Self {
        let mut outline = Self { remediations: list::of(root), ..Self::default() };
        for Entry { key, value, .. } in entries(root, "Parameters") {
            outline.parameters.insert(key.text.to_string(), Declaration::of(value));
        }
        for Entry { key, value, .. } in entries(root, "Mappings") {
            let map = by_key(value, |inner| by_key(inner, Term::literal));
            outline.mappings.insert(key.text.to_string(), map);
        }
        for Entry { key, value, .. } in entries(root, "Conditions") {
            outline.conditions.insert(key.text.to_string(), Test::of(value, DEPTH_MAX));
        }
        for Entry { key, value, .. } in entries(root, "Resources") {
            // A type that cannot be read may be that of a rule.
            let is_rule =
                value.get("Type").is_none_or(|kind| kind.text().is_none_or(|t| t == RULE));
            if is_rule {
                outline.rules.insert(key.text.to_string(), Rule::of(value));
            }
        }
        outline.composed = composed::of(root);
        outline
    }
}

/// The entries of a section; none if it is absent.
pub(super) fn entries<'n>(root: &'n Node, section: &str) -> &'n [Entry] {
    let mapping = root.get(section).and_then(Node::mapping);
    mapping.map_or(&[], |Mapping { entries, flow: _ }| entries)
}

fn by_key<T>(node: &Node, read: impl Fn(&Node) -> T) -> BTreeMap<String, T> {
    let entries = node.mapping().map_or(&[][..], |Mapping { entries, flow: _ }| entries);
    entries.iter().map(|entry| (entry.key.text.to_string(), read(&entry.value))).collect()
}

impl Rule {
    fn of(resource: &Node) -> Self {
        let property = |name| resource.get("Properties").and_then(|all| all.get(name));
        let condition = resource.get("Condition");
        Self {
            name: property("ConfigRuleName").map(Term::of),
            source: property("Source").map_or_else(
                || Source::Other("none".to_owned()),
                |node| Source::of(node, DEPTH_MAX),
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

impl Source {
    fn of(node: &Node, depth: usize) -> Self {
        let Some(depth) = depth.checked_sub(1) else { return Self::Other(described(node)) };
        if let Some((test, [yes, no])) = choice(node, depth) {
            return Self::Either(test, Box::new([Self::of(yes, depth), Self::of(no, depth)]));
        }
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

/// The digest of a policy's text, which may be chosen by conditions on the way to it.
fn policy(node: &Node, depth: usize) -> Term {
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
fn triggers(node: &Node, depth: usize) -> Term {
    let Some(depth) = depth.checked_sub(1) else { return Term::Opaque(described(node)) };
    if let Some((test, [yes, no])) = choice(node, depth) {
        return Term::If(test, Box::new([triggers(yes, depth), triggers(no, depth)]));
    }
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
pub(super) fn choice(node: &Node, depth: usize) -> Option<(Test, [&Node; 2])> {
    let call = Call::of(node).filter(|call| call.function == "If")?;
    let [condition, yes, no] = call.items()? else { return None };
    let test = condition
        .text()
        .map_or_else(|| Test::of(condition, depth), |name| Test::Condition(name.to_owned()));
    Some((test, [yes, no]))
}

impl Term {
    pub(super) fn of(node: &Node) -> Self {
        Self::within(node, DEPTH_MAX)
    }

    fn within(node: &Node, depth: usize) -> Self {
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

    fn of_call(node: &Node, call: &Call<'_>, depth: usize) -> Option<Self> {
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

    /// Data in which no function can stand.
    fn literal(node: &Node) -> Self {
        let text = |node: &Node| node.scalar().and_then(plain).map(Self::of_plain);
        let list = || node.sequence()?.iter().map(text).collect::<Option<_>>().map(Self::List);
        text(node).or_else(list).unwrap_or_else(|| Self::Opaque(described(node)))
    }
}

impl Test {
    fn of(node: &Node, depth: usize) -> Self {
        let Some(depth) = depth.checked_sub(1) else { return Self::Opaque };
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
    let digits = text.strip_prefix('-').filter(|rest| *rest != "0").unwrap_or(text);
    let has_form = !digits.starts_with('0') || digits == "0";
    has_form && digits.len() <= 15 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// `0.5`, not `.5`, `0.50` or `5e-1`.
fn is_usual_float(text: &str) -> bool {
    text.split_once('.').is_some_and(|(whole, fraction)| {
        is_usual_integer(whole)
            && !fraction.is_empty()
            && fraction.bytes().all(|byte| byte.is_ascii_digit())
            && !fraction.ends_with('0')
    })
}

/// A short name for what cannot be evaluated, equal for equal values only.
pub(super) fn described(node: &Node) -> String {
    let function =
        Call::of(node).map_or_else(|| node.describe(), |call| intrinsic::long_name(call.function));
    format!("{function} {}", Canonical::of(node).digest().short())
}
