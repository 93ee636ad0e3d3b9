//! What evaluates a rule, what it looks at and what triggers it, in words that are equal for what
//! is equal: of what nobody can evaluate a description stands, with all that it may depend on.

use std::collections::{BTreeMap, BTreeSet};

use super::effective::{Evaluation, Inputs, Known, TEXT_MAX};
use super::outline::{Outline, Rule};
use super::parameters::Kind;
use super::scope::{Scope, ScopeTerm, TYPES, WHOLE};
use super::substitution::fill;
use super::term::{Source, Term};
use crate::domain::base::model::Digest;

/// Bytes of a description of what evaluates a rule (ours).
const DESCRIPTION_MAX: usize = 1_024;

impl<'t> Evaluation<'t> {
    pub(super) fn scope(&mut self, scope: &'t ScopeTerm) -> Scope {
        match scope {
            ScopeTerm::Everything => Scope::default(),
            ScopeTerm::Said(fields) => {
                let mut scope = Scope::default();
                for (field, term) in fields {
                    match self.texts(term) {
                        Some(texts) if texts.is_empty() => {}
                        Some(texts) if *field == TYPES => scope.types = Some(texts),
                        Some(texts) => {
                            let texts: Vec<String> = texts.into_iter().collect();
                            scope.limits.insert(field, texts.join(","));
                        }
                        None => {
                            let description = self.describe(term);
                            scope.limits.insert(field, self.with_inputs(&description));
                        }
                    }
                }
                scope
            }
            ScopeTerm::Either(test, branches) => {
                let [yes, no] = &**branches;
                match self.holds(test) {
                    Some(true) => self.scope(yes),
                    Some(false) => self.scope(no),
                    None => {
                        let (yes, no) = (self.scope(yes), self.scope(no));
                        if yes == no { yes } else { self.unknown_scope(&format!("{yes:?}{no:?}")) }
                    }
                }
            }
            ScopeTerm::Other(description) => self.unknown_scope(description),
        }
    }

    fn unknown_scope(&self, description: &str) -> Scope {
        Scope { types: None, limits: [(WHOLE, self.with_inputs(description))].into() }
    }

    /// A description of what nobody can evaluate, with other inputs another one.
    fn with_inputs(&self, description: &str) -> String {
        let given = match self.inputs {
            Inputs::Given(given) => Some(given),
            Inputs::Unknown => None,
        };
        let given = given.into_iter().flatten();
        let parts = given.flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        cut(format!("{description} {}", Digest::of(parts).short()))
    }

    /// The texts of a list, or the only one.
    fn texts(&mut self, term: &'t Term) -> Option<BTreeSet<String>> {
        if let Term::Ref(name) = term
            && let Some(declared) = self.outline.parameters.get(name)
            && declared.kind == Kind::List
        {
            let Inputs::Given(inputs) = self.inputs else { return None };
            let value = inputs.get(name).or(declared.default.as_ref())?;
            return Some(value.split(',').map(|item| item.trim().to_owned()).collect());
        }
        let texts = match self.value(term)? {
            Known::Text(text) => vec![Known::Text(text)],
            Known::List(values) => values,
            Known::Nothing => Vec::new(),
        };
        let text = |known| match known {
            Known::Text(text) => Some(text),
            Known::List(_) | Known::Nothing => None,
        };
        texts.into_iter().map(text).collect()
    }

    /// What the presence of a rule depends on that nobody can tell here: all of it, so that equal
    /// texts mean equal presence in every member.
    pub(super) fn dependence(&self, rule: &Rule) -> String {
        let Outline { parameters, mappings, conditions, .. } = self.outline;
        let Rule { condition, detective, .. } = rule;
        let own = format!("{condition:?} {detective:?}");
        let all = format!("{parameters:?} {mappings:?} {conditions:?}");
        self.with_inputs(&Digest::of([own.as_bytes(), all.as_bytes()]).to_string())
    }

    /// The types of messages that trigger a rule; what nobody can tell is one of its own.
    pub(super) fn triggers(&mut self, source: &'t Source) -> BTreeSet<String> {
        match source {
            Source::Said { triggers: None, .. } | Source::Other(_) => BTreeSet::new(),
            Source::Said { triggers: Some(term), .. } => self.texts(term).unwrap_or_else(|| {
                let description = self.describe(term);
                [self.with_inputs(&description)].into()
            }),
            Source::Either(test, branches) => {
                let [yes, no] = &**branches;
                match self.holds(test) {
                    Some(true) => self.triggers(yes),
                    Some(false) => self.triggers(no),
                    None => {
                        let (yes, no) = (self.triggers(yes), self.triggers(no));
                        if yes == no {
                            return yes;
                        }
                        [self.with_inputs(&format!("{yes:?} or {no:?}"))].into()
                    }
                }
            }
        }
    }

    pub(super) fn describe_source(&mut self, source: &'t Source) -> String {
        match source {
            Source::Said { owner, identifier, policy, triggers: _ } => {
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
    fn describe(&mut self, term: &Term) -> String {
        match self.value(term) {
            Some(Known::Text(text)) => return text,
            Some(Known::Nothing) => return "none".to_owned(),
            Some(Known::List(_)) | None => {}
        }
        cut(match term {
            Term::Text(text) | Term::Plain(text) => text.clone(),
            // It may hold a parameter.
            Term::Opaque(text) => self.with_inputs(text),
            Term::Ref(name) => self.described_reference(name),
            Term::Digest(text) => format!("digest of {}", self.describe(text)),
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
                        (None, _) => self.described_reference(name),
                    })
                });
                filled.unwrap_or_else(|| text.clone())
            }
        })
    }

    /// What nobody can evaluate, with what is sent for it: another value makes another text.
    fn described_reference(&mut self, name: &str) -> String {
        match self.sent(name) {
            Some(value) => format!("${{{name}}} {}", Digest::of([value.as_bytes()]).short()),
            None => format!("${{{name}}}"),
        }
    }

    fn describe_all(&mut self, terms: &[Term], delimiter: &str) -> String {
        let all: Vec<String> = terms.iter().map(|term| self.describe(term)).collect();
        all.join(delimiter)
    }
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
