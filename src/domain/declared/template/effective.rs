//! Which rules of a template are in effect with given parameters in a given region.
//!
//! Only certain results count: a condition that depends on a fact of the member account is neither
//! true nor false. A rule is identified by its name, its source and its scope. Input parameters
//! with which it finds nothing are not considered.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{PSEUDO, is_of_members};
use super::outline::{Outline, OutlinedRule};
use super::parameters::ParameterKind;
use super::scope::Evaluates;
use super::substitution::{fill, substitutions};
use super::term::{Term, Test};
use crate::domain::base::code;
use crate::domain::base::model::{Digest, Region};
use crate::domain::base::partition::Partition;

/// The rules of a template in one region, by name: the `ConfigRuleName`, or the logical id if there
/// is none or it is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effective {
    /// Rules that are there and evaluate by themselves, each with what it evaluates.
    pub present: BTreeMap<String, Evaluates>,
    /// Rules whose condition only a member can evaluate.
    pub unknown: BTreeMap<String, Evaluates>,
}

/// The rules in effect when these input parameters are sent, and the names that two of them share.
/// What is not sent has its default.
pub(super) fn rules_and_rivals(
    outline: &Outline,
    inputs: &BTreeMap<String, String>,
    region: &Region,
) -> (Effective, BTreeSet<String>) {
    Evaluation::new(outline, ParameterValues::Given(inputs), Some(region)).rules()
}

/// A value that is certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    Text(String),
    List(Vec<Known>),
    /// `AWS::NoValue`.
    Nothing,
}

/// Nested decisions that are followed (ours); published templates nest two.
const DEPTH_MAX: usize = 250;

/// Bytes of a text that is put together (ours): no name, identifier or value is longer.
pub(super) const TEXT_MAX: usize = 8_192;

/// What a template is with given parameters in one region.
pub(super) struct Evaluation<'t> {
    pub(super) outline: &'t Outline,
    pub(super) inputs: ParameterValues<'t>,
    /// Nothing where it may be any.
    region: Option<&'t Region>,
    /// Whether a condition holds; `None` while it is being evaluated, or if it is unknown.
    conditions: BTreeMap<String, Option<bool>>,
    depth: usize,
    /// Whether the value has to be certain: in a condition, or for the source of a rule.
    testing: bool,
    /// What conditions and mappings depend on, as far as it was asked for.
    pub(super) traced: BTreeMap<String, Digest>,
    /// Whether a value was used, since this was last false, that must not be shown.
    pub(super) secret: bool,
    /// Whether a fact that only a member knows stands for itself: a text with `${AWS::AccountId}`
    /// has the same value everywhere in a member. No condition can be decided by it.
    stands: bool,
    /// The condition that is being evaluated.
    within: Option<String>,
    /// The lookups that found nothing.
    pub(super) missing: Vec<RefusedLookup>,
}

/// The values of parameters.
#[derive(Debug, Clone, Copy)]
pub(super) enum ParameterValues<'t> {
    /// These, and the defaults of the others.
    Given(&'t BTreeMap<String, String>),
    /// They are unknown, and so is whether the defaults are in force.
    Unknown,
}

/// A lookup that AWS refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RefusedLookup {
    /// The condition that contains it, if any.
    pub(super) condition: Option<String>,
    pub(super) code: &'static str,
    pub(super) found: String,
}

impl<'t> Evaluation<'t> {
    pub(super) fn new(
        outline: &'t Outline,
        inputs: ParameterValues<'t>,
        region: Option<&'t Region>,
    ) -> Self {
        Self {
            outline,
            inputs,
            region,
            conditions: BTreeMap::new(),
            depth: 0,
            testing: false,
            traced: BTreeMap::new(),
            secret: false,
            stands: false,
            within: None,
            missing: Vec::new(),
        }
    }

    fn rules(mut self) -> (Effective, BTreeSet<String>) {
        let mut effective = Effective::default();
        let mut rivals = BTreeSet::new();
        // By name: whether each is certainly there, and its condition.
        let mut named: BTreeMap<String, Vec<(bool, Option<&Test>)>> = BTreeMap::new();
        let outline = self.outline;
        for (id, rule) in &outline.rules {
            let OutlinedRule { name, source, scope, condition, detective } = rule;
            let presence = self.holds_if_any(condition.as_ref());
            if presence == Some(false) {
                continue;
            }
            let own = match name.as_ref().and_then(|name| self.value(name)) {
                Some(Known::Text(name)) if !name.is_empty() => Some(name),
                Some(Known::Text(_) | Known::List(_) | Known::Nothing) | None => None,
            };
            if let Some(Known::Text(name)) = name.as_ref().and_then(|name| self.known_value(name))
                && !name.is_empty()
            {
                let (is_there, condition) = (presence == Some(true), condition.as_ref());
                let others = named.entry(name.clone()).or_default();
                // Two unknown conditions may exclude each other, unless one test decides both.
                if others.iter().any(|(other, test)| is_there || *other || *test == condition) {
                    rivals.insert(name);
                }
                others.push((is_there, condition));
            }
            let detection = self.holds_if_any(detective.as_ref());
            let rules = match (presence, detection) {
                (_, Some(false)) => continue,
                (Some(true), Some(true)) => &mut effective.present,
                (_, _) => &mut effective.unknown,
            };
            // Two rules of one name are two rules, whatever AWS makes of them.
            let name = own.unwrap_or_else(|| id.clone());
            let name = if rules.contains_key(&name) { format!("{name} ({id})") } else { name };
            let is_certain = (presence, detection) == (Some(true), Some(true));
            let when =
                if is_certain { String::new() } else { self.presence_depends_on(rule).to_string() };
            // Whether AWS Config puts pseudo parameters in here is not certain, as in a condition.
            let around = std::mem::replace(&mut self.testing, true);
            let (scope, triggers) = (self.scope(scope), self.triggers(source));
            let source = self.describe_source(source);
            self.testing = around;
            rules.insert(name, Evaluates { source, scope, triggers, when });
        }
        (effective, rivals)
    }

    fn holds_if_any(&mut self, test: Option<&'t Test>) -> Option<bool> {
        test.map_or(Some(true), |test| self.holds(test))
    }

    /// Goes one level deeper; so deep that a stack could overflow nothing is known.
    pub(super) fn deeper<T>(&mut self, look: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if DEPTH_MAX <= self.depth {
            return None;
        }
        self.depth += 1;
        let found = look(self);
        self.depth -= 1;
        found
    }

    pub(super) fn condition(&mut self, name: &str) -> Option<bool> {
        if let Some(known) = self.conditions.get(name) {
            return *known;
        }
        // A condition that leads to itself finds this and stays unknown.
        self.conditions.insert(name.to_owned(), None);
        let outline = self.outline;
        let around = self.within.replace(name.to_owned());
        let holds = outline.conditions.get(name).and_then(|test| self.holds(test));
        self.within = around;
        self.conditions.insert(name.to_owned(), holds);
        holds
    }

    /// The value of a term, in which facts that only a member knows stand for themselves.
    pub(super) fn known_value(&mut self, term: &Term) -> Option<Known> {
        let before = std::mem::replace(&mut self.stands, true);
        let value = self.value(term);
        self.stands = before;
        value
    }

    /// What is known without any member.
    fn certain<T>(&mut self, look: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::take(&mut self.stands);
        let found = look(self);
        self.stands = before;
        found
    }

    pub(super) fn holds(&mut self, test: &Test) -> Option<bool> {
        self.certain(|this| this.decided(test))
    }

    fn decided(&mut self, test: &Test) -> Option<bool> {
        self.deeper(|this| match test {
            Test::Condition(name) => this.condition(name),
            Test::Equals(terms) => {
                let [one, other] = &**terms;
                let around = std::mem::replace(&mut this.testing, true);
                let values = (this.value(one), this.value(other));
                this.testing = around;
                match values {
                    (Some(one), Some(other)) => Some(one == other),
                    // An unknown value is still equal to itself.
                    (_, _) => (one == other).then_some(true),
                }
            }
            Test::Not(test) => this.holds(test).map(|holds| !holds),
            Test::And(tests) => this.unless_one_is(tests, false),
            Test::Or(tests) => this.unless_one_is(tests, true),
            Test::Opaque => None,
        })
    }

    /// `decisive` if one of the tests is; else the opposite, if all are known.
    fn unless_one_is(&mut self, tests: &[Test], decisive: bool) -> Option<bool> {
        let all: Vec<Option<bool>> = tests.iter().map(|test| self.holds(test)).collect();
        if all.contains(&Some(decisive)) {
            return Some(decisive);
        }
        (!all.contains(&None)).then_some(!decisive)
    }

    pub(super) fn value(&mut self, term: &Term) -> Option<Known> {
        self.deeper(|this| match term {
            Term::Text(text) => Some(Known::Text(text.clone())),
            Term::List(terms) => this.list(terms),
            Term::Ref(name) => this.reference(name),
            Term::If(test, branches) => {
                let [yes, no] = &**branches;
                match this.holds(test) {
                    Some(true) => this.value(yes),
                    Some(false) => this.value(no),
                    // Where both say the same it does not matter which.
                    None => this.value(yes).filter(|yes| this.value(no).as_ref() == Some(yes)),
                }
            }
            Term::FindInMap(keys) => {
                let [map, first, second] = &**keys;
                let keys = this.certain(|this| [map, first, second].map(|key| this.text(key)));
                let [Some(map), Some(first), Some(second)] = keys else { return None };
                let found = this.look_up(&map, &first, &second)?;
                this.value(found)
            }
            Term::Join(delimiter, terms) => {
                let parts = terms.iter().map(|term| this.text(term));
                let parts = parts.collect::<Option<Vec<String>>>()?;
                bounded(parts.join(delimiter))
            }
            Term::JoinList(delimiter, list) => match this.value(list)? {
                Known::List(values) => {
                    let texts = values.into_iter().map(|value| match value {
                        Known::Text(text) => Some(text),
                        Known::List(_) | Known::Nothing => None,
                    });
                    bounded(texts.collect::<Option<Vec<String>>>()?.join(delimiter))
                }
                Known::Text(_) | Known::Nothing => None,
            },
            Term::Sub(text, names) => this.substituted(text, names),
            Term::Split(delimiter, text) => {
                let text = this.certain(|this| this.text(text))?;
                let split = text.split(&**delimiter).map(|part| Known::Text(part.to_owned()));
                (!delimiter.is_empty()).then(|| Known::List(split.collect()))
            }
            Term::Select(index, list) => match this.value(list)? {
                Known::List(values) => {
                    let count = values.len();
                    let chosen = values.into_iter().nth(*index);
                    if chosen.is_none() {
                        let found = format!("Fn::Select takes entry {index} of {count}");
                        this.miss(code::FUNCTION, found);
                    }
                    chosen
                }
                Known::Text(_) | Known::Nothing => None,
            },
            Term::Plain(text) => this.plain(text),
            Term::Digest(text) => {
                let text = this.text(text)?;
                Some(Known::Text(Digest::of([text.as_bytes()]).short()))
            }
            Term::Any(_) | Term::Opaque(_) => None,
        })
    }

    /// Text that is no function. `CloudFormation` uses it unchanged; AWS Config replaces pseudo
    /// parameters in some texts, and does not document in which.
    fn plain(&mut self, text: &str) -> Option<Known> {
        let mut names = substitutions(text);
        if !names.any(|name| PSEUDO.contains(&name)) {
            return bounded(text.to_owned());
        }
        // In a condition the text could be either form, so the condition stays unknown.
        if self.testing {
            return None;
        }
        bounded(fill(text, TEXT_MAX, |name| match self.pseudo(name) {
            Some(value) => Some(value),
            None if self.stands && is_of_members(name) => Some(format!("${{{name}}}")),
            None if PSEUDO.contains(&name) => None,
            None => Some(format!("${{{name}}}")),
        })?)
    }

    /// The value in a mapping; that there is none is noted.
    fn look_up(&mut self, map: &str, first: &str, second: &str) -> Option<&'t Term> {
        let Some(keys) = self.outline.mappings.get(map) else {
            self.miss(code::UNKNOWN_REFERENCE, format!("there is no mapping {map}"));
            return None;
        };
        let inner = keys.get(first);
        let found = inner.and_then(|inner| inner.get(second));
        if found.is_none() {
            let key = if inner.is_none() { first } else { second };
            // The key may be the value of a parameter, which a finding must not quote.
            let key = if self.secret { "for the value that is given" } else { key };
            self.miss(code::UNKNOWN_REFERENCE, format!("{map} has no key {key}"));
        }
        found
    }

    fn miss(&mut self, code: &'static str, found: String) {
        let missing = RefusedLookup { condition: self.within.clone(), code, found };
        if !self.missing.contains(&missing) {
            self.missing.push(missing);
        }
    }

    pub(super) fn text(&mut self, term: &Term) -> Option<String> {
        match self.value(term)? {
            Known::Text(text) => Some(text),
            Known::List(_) | Known::Nothing => None,
        }
    }

    fn list(&mut self, terms: &[Term]) -> Option<Known> {
        let values = terms.iter().map(|term| self.value(term));
        let values = values.collect::<Option<Vec<Known>>>()?;
        Some(Known::List(values.into_iter().filter(|value| *value != Known::Nothing).collect()))
    }

    /// The value of a parameter or pseudo parameter.
    pub(super) fn reference(&mut self, name: &str) -> Option<Known> {
        if name == "AWS::NoValue" {
            return Some(Known::Nothing);
        }
        let text = if let Some(text) = self.pseudo(name) {
            text
        } else if self.stands && is_of_members(name) {
            format!("${{{name}}}")
        } else {
            let declared = self.outline.parameters.get(name)?;
            // Of other kinds AWS makes something else than the text that was sent.
            matches!(declared.kind, ParameterKind::Text | ParameterKind::Number).then_some(())?;
            return self.sent(name).and_then(|text| self.plain(&text));
        };
        bounded(text)
    }

    /// The value of a pseudo parameter that does not depend on the account.
    pub(super) fn pseudo(&self, name: &str) -> Option<String> {
        match name {
            "AWS::Region" => Some(self.region?.to_string()),
            "AWS::Partition" => Some(Partition::of(self.region?).to_string()),
            _ => None,
        }
    }

    /// The value that is sent for a parameter, or its default.
    pub(super) fn sent(&mut self, name: &str) -> Option<String> {
        let ParameterValues::Given(inputs) = self.inputs else { return None };
        let declared = self.outline.parameters.get(name)?;
        let given = inputs.get(name);
        self.secret |= given.is_some() || declared.no_echo;
        Some(given.or(declared.default.as_ref())?.clone())
    }

    fn substituted(&mut self, text: &str, names: &BTreeMap<String, Term>) -> Option<Known> {
        let mut known = BTreeMap::new();
        for (name, term) in names {
            known.insert(&**name, self.text(term)?);
        }
        let filled = fill(text, TEXT_MAX, |name| match known.get(name) {
            Some(text) => Some(text.clone()),
            None => match self.reference(name)? {
                Known::Text(text) => Some(text),
                Known::List(_) | Known::Nothing => None,
            },
        });
        bounded(filled?)
    }
}

/// Text that is short enough to be taken for what it says.
fn bounded(text: String) -> Option<Known> {
    (text.len() <= TEXT_MAX).then_some(Known::Text(text))
}
