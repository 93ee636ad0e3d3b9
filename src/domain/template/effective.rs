//! Which rules of a template are in effect with given parameters in a given region.
//!
//! Only what is certain is said: a condition that depends on what a member account alone knows is
//! neither true nor false. A rule is seen by its name and by what evaluates it; that its scope or
//! its input parameters make it find nothing is not seen.

use std::collections::{BTreeMap, BTreeSet};

use super::Template;
use super::outline::{Outline, Rule, Source, Term, Test};
use super::parameters::Kind;
use crate::domain::model::{Digest, Place, Region};
use crate::domain::policy::Partition;

/// The rules of a template in one region, by name: the `ConfigRuleName`, or the logical id where
/// there is none or nobody can tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effective {
    /// Rules that are there, each with what evaluates it: `AWS/IAM_PASSWORD_POLICY`, or
    /// `CUSTOM_POLICY/` and the beginning of the digest of its text.
    pub present: BTreeMap<String, String>,
    /// Rules of which nobody can tell before the members do.
    pub unknown: BTreeMap<String, String>,
}

impl Template {
    /// The rules in effect in a region when these input parameters are sent. What is not sent has
    /// its default.
    pub fn rules(&self, inputs: &BTreeMap<String, String>, place: &Place) -> Effective {
        let Place { account: _, region } = place;
        Evaluation::new(&self.outline, inputs, Some(region)).rules().0
    }

    /// The same, with the names that two of the rules in effect share.
    pub(in crate::domain) fn rules_and_rivals(
        &self,
        inputs: &BTreeMap<String, String>,
        region: &Region,
    ) -> (Effective, BTreeSet<String>) {
        Evaluation::new(&self.outline, inputs, Some(region)).rules()
    }

    /// What a parameter expects instead of this value, if it does not take it.
    pub(in crate::domain) fn expected_instead(&self, name: &str, value: &str) -> Option<String> {
        self.outline.parameters.get(name)?.expected_instead(value)
    }
}

/// A value that is certain.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    Text(String),
    List(Vec<Known>),
    /// `AWS::NoValue`.
    Nothing,
}

/// Nested decisions that are followed (ours); published templates nest two.
const DEPTH_MAX: usize = 250;

/// Bytes of a text that is put together (ours): no name, identifier or value is longer.
const TEXT_MAX: usize = 8_192;

/// Bytes of a description of what evaluates a rule (ours).
const DESCRIPTION_MAX: usize = 1_024;

pub(super) struct Evaluation<'t> {
    outline: &'t Outline,
    inputs: &'t BTreeMap<String, String>,
    /// Nothing where it may be any.
    region: Option<&'t Region>,
    /// Whether a condition holds; nothing while, or because, nobody can tell.
    conditions: BTreeMap<&'t str, Option<bool>>,
    depth: usize,
}

impl<'t> Evaluation<'t> {
    pub(super) fn new(
        outline: &'t Outline,
        inputs: &'t BTreeMap<String, String>,
        region: Option<&'t Region>,
    ) -> Self {
        Self { outline, inputs, region, conditions: BTreeMap::new(), depth: 0 }
    }

    fn rules(mut self) -> (Effective, BTreeSet<String>) {
        let mut effective = Effective::default();
        let mut rivals = BTreeSet::new();
        let outline = self.outline;
        for (id, Rule { name, source, condition }) in &outline.rules {
            let presence = match condition {
                None => Some(true),
                Some(test) => self.holds(test),
            };
            let rules = match presence {
                Some(false) => continue,
                Some(true) => &mut effective.present,
                None => &mut effective.unknown,
            };
            let name = match name.as_ref().and_then(|name| self.value(name)) {
                Some(Known::Text(name)) if !name.is_empty() => name,
                Some(Known::Text(_) | Known::List(_) | Known::Nothing) | None => id.clone(),
            };
            // Two rules of one name are two rules, whatever AWS makes of them.
            let name = if rules.contains_key(&name) {
                let longer = format!("{name} ({id})");
                if presence == Some(true) {
                    rivals.insert(name);
                }
                longer
            } else {
                name
            };
            rules.insert(name, self.describe_source(source));
        }
        (effective, rivals)
    }

    /// Goes one level deeper; so deep that a stack could overflow nothing is known.
    fn deeper<T>(&mut self, look: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if DEPTH_MAX <= self.depth {
            return None;
        }
        self.depth += 1;
        let found = look(self);
        self.depth -= 1;
        found
    }

    fn condition(&mut self, name: &'t str) -> Option<bool> {
        if let Some(known) = self.conditions.get(name) {
            return *known;
        }
        // A condition that leads to itself finds this and stays unknown.
        self.conditions.insert(name, None);
        let outline = self.outline;
        let holds = outline.conditions.get(name).and_then(|test| self.holds(test));
        self.conditions.insert(name, holds);
        holds
    }

    pub(super) fn holds(&mut self, test: &'t Test) -> Option<bool> {
        self.deeper(|this| match test {
            Test::Condition(name) => this.condition(name),
            Test::Equals(terms) => {
                let [one, other] = &**terms;
                match (this.value(one), this.value(other)) {
                    (Some(one), Some(other)) => Some(one == other),
                    // What nobody knows is still equal to itself.
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
    fn unless_one_is(&mut self, tests: &'t [Test], decisive: bool) -> Option<bool> {
        let all: Vec<Option<bool>> = tests.iter().map(|test| self.holds(test)).collect();
        if all.contains(&Some(decisive)) {
            return Some(decisive);
        }
        (!all.contains(&None)).then_some(!decisive)
    }

    fn value(&mut self, term: &'t Term) -> Option<Known> {
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
                let (map, first) = (this.text(map)?, this.text(first)?);
                let second = this.text(second)?;
                let found = this.outline.mappings.get(&map)?.get(&first)?.get(&second)?;
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
                let text = this.text(text)?;
                let split = text.split(&**delimiter).map(|part| Known::Text(part.to_owned()));
                (!delimiter.is_empty()).then(|| Known::List(split.collect()))
            }
            Term::Select(index, list) => match this.value(list)? {
                Known::List(values) => values.into_iter().nth(*index),
                Known::Text(_) | Known::Nothing => None,
            },
            Term::Any(_) | Term::Opaque(_) => None,
        })
    }

    pub(super) fn text(&mut self, term: &'t Term) -> Option<String> {
        match self.value(term)? {
            Known::Text(text) => Some(text),
            Known::List(_) | Known::Nothing => None,
        }
    }

    fn list(&mut self, terms: &'t [Term]) -> Option<Known> {
        let values = terms.iter().map(|term| self.value(term));
        let values = values.collect::<Option<Vec<Known>>>()?;
        Some(Known::List(values.into_iter().filter(|value| *value != Known::Nothing).collect()))
    }

    /// The value of a parameter or pseudo parameter.
    fn reference(&self, name: &str) -> Option<Known> {
        if name == "AWS::NoValue" {
            return Some(Known::Nothing);
        }
        let parameter = || {
            let declared = self.outline.parameters.get(name)?;
            // Of other kinds AWS makes something else than the text that was sent.
            matches!(declared.kind, Kind::Text | Kind::Number).then_some(())?;
            self.inputs.get(name).or(declared.default.as_ref()).cloned()
        };
        bounded(self.pseudo(name).or_else(parameter)?)
    }

    /// The value of a pseudo parameter that does not depend on the account.
    pub(super) fn pseudo(&self, name: &str) -> Option<String> {
        match name {
            "AWS::Region" => Some(self.region?.to_string()),
            "AWS::Partition" => Some(Partition::of(self.region?).to_string()),
            _ => None,
        }
    }

    fn substituted(&mut self, text: &str, names: &'t BTreeMap<String, Term>) -> Option<Known> {
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

    fn describe_source(&mut self, source: &'t Source) -> String {
        match source {
            Source::Said { owner, identifier, policy } => {
                let parts = [Some(owner), identifier.as_ref(), policy.as_ref()];
                let parts = parts.into_iter().flatten().map(|term| self.describe(term));
                cut(parts.collect::<Vec<_>>().join("/"))
            }
            Source::Either(test, branches) => {
                let [yes, no] = &**branches;
                match self.holds(test) {
                    Some(true) => self.describe_source(yes),
                    Some(false) => self.describe_source(no),
                    None => {
                        let (yes, no) = (self.describe_source(yes), self.describe_source(no));
                        if yes == no { yes } else { cut(format!("{yes} or {no}")) }
                    }
                }
            }
            Source::Other(description) => description.clone(),
        }
    }

    /// The value, or as much of it as is known.
    fn describe(&mut self, term: &'t Term) -> String {
        match self.value(term) {
            Some(Known::Text(text)) => return text,
            Some(Known::Nothing) => return "none".to_owned(),
            Some(Known::List(_)) | None => {}
        }
        cut(match term {
            Term::Text(text) | Term::Opaque(text) => text.clone(),
            Term::Ref(name) => format!("${{{name}}}"),
            Term::If(test, branches) => {
                let [yes, no] = &**branches;
                match self.holds(test) {
                    Some(true) => self.describe(yes),
                    Some(false) => self.describe(no),
                    None => format!("{} or {}", self.describe(yes), self.describe(no)),
                }
            }
            Term::List(terms) => self.describe_all(terms, ","),
            Term::Join(delimiter, terms) => self.describe_all(terms, delimiter),
            Term::JoinList(delimiter, list) => {
                format!("Fn::Join {delimiter} {}", self.describe(list))
            }
            Term::Any(list) => format!("Fn::Select {}", self.describe(list)),
            Term::FindInMap(keys) => format!("Fn::FindInMap {}", self.describe_all(&**keys, ".")),
            Term::Split(delimiter, text) => {
                format!("Fn::Split {delimiter} {}", self.describe(text))
            }
            Term::Select(index, list) => format!("Fn::Select {index} {}", self.describe(list)),
            Term::Sub(text, names) => {
                let mut said = BTreeMap::new();
                for (name, term) in names {
                    said.insert(&**name, self.describe(term));
                }
                let filled = fill(text, TEXT_MAX, |name| {
                    Some(match (said.get(name), self.reference(name)) {
                        (Some(text), _) => text.clone(),
                        (None, Some(Known::Text(text))) => text,
                        (None, _) => format!("${{{name}}}"),
                    })
                });
                filled.unwrap_or_else(|| text.clone())
            }
        })
    }

    fn describe_all(&mut self, terms: &'t [Term], delimiter: &str) -> String {
        let all: Vec<String> = terms.iter().map(|term| self.describe(term)).collect();
        all.join(delimiter)
    }
}

/// Text that is short enough to be taken for what it says.
fn bounded(text: String) -> Option<Known> {
    (text.len() <= TEXT_MAX).then_some(Known::Text(text))
}

/// A description of any length, short: what is cut off is told apart by its digest.
fn cut(text: String) -> String {
    if text.len() <= DESCRIPTION_MAX {
        return text;
    }
    let digest = Digest::of([text.as_bytes()]).short();
    let start: String = text.chars().take(DESCRIPTION_MAX / 8).collect();
    format!("{start}… {digest}")
}

/// The text with each `${name}` replaced; nothing if a name has no value or the text grows beyond
/// all measure. `${!name}` stands for `${name}` itself.
pub(super) fn fill(
    text: &str,
    bytes_max: usize,
    mut value: impl FnMut(&str) -> Option<String>,
) -> Option<String> {
    let mut pieces = text.split("${");
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once('}') {
            None => filled.extend(["${", piece]),
            Some((name, rest)) => {
                let name = name.trim();
                match name.strip_prefix('!') {
                    Some(literal) => filled.extend(["${", literal, "}"]),
                    None => filled.push_str(&value(name)?),
                }
                filled.push_str(rest);
            }
        }
        if bytes_max < filled.len() {
            return None;
        }
    }
    Some(filled)
}
