//! The source, scope and triggers of a rule as texts that are equal if the rules are. A value that
//! cannot be evaluated is described together with all that it may depend on.

use std::collections::BTreeSet;

use super::effective::{Evaluation, Known, ParameterValues, TEXT_MAX};
use super::parameters::ParameterKind;
use super::scope::{RuleScope, ScopeTerm, TYPES, WHOLE};
use super::substitution::fill;
use super::term::{RuleSource, Term};
use crate::domain::base::model::Digest;

/// Bytes of a description of what evaluates a rule (ours).
const DESCRIPTION_MAX: usize = 1_024;

impl<'t> Evaluation<'t> {
    pub(super) fn scope(&mut self, scope: &'t ScopeTerm) -> RuleScope {
        match scope {
            ScopeTerm::Everything => RuleScope::default(),
            ScopeTerm::Said(fields) => {
                let mut scope = RuleScope::default();
                for (field, term) in fields {
                    match self.texts(term) {
                        Some(texts) if texts.is_empty() => {
                            // `AWS::NoValue` is as if the field were missing. What an empty list
                            // means to AWS is not documented: neither all nor what was there.
                            if !matches!(self.value(term), Some(Known::Nothing)) {
                                scope.limits.insert(field, "[]".to_owned());
                            }
                        }
                        Some(texts) if *field == TYPES => scope.types = Some(texts),
                        Some(texts) => {
                            let texts: Vec<String> = texts.into_iter().collect();
                            scope.limits.insert(field, texts.join(","));
                        }
                        None => {
                            scope.limits.insert(field, self.exactly(term));
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
                        // If both branches are equal the condition does not matter, even if it is
                        // unknown.
                        if yes == no {
                            return yes;
                        }
                        let test = self.decided_by(test);
                        unknown_scope(&format!("{yes:?} or {no:?} {test}"))
                    }
                }
            }
            ScopeTerm::Other(description) => {
                let all = self.everything();
                unknown_scope(&format!("{description} {all}"))
            }
        }
    }

    /// The value as it is in a member, or a description that is equal if the value is.
    fn exactly(&mut self, term: &Term) -> String {
        if let Term::Digest(text) = term {
            let text = self.exactly(text);
            return Digest::of([text.as_bytes()]).short();
        }
        // A certain value comes first; then a value in which facts of a member stand for
        // themselves; then a description with all dependencies, so that equal texts always mean
        // equal values.
        match self.value(term) {
            Some(Known::Text(text)) => return as_written(text),
            Some(Known::Nothing) => return "none".to_owned(),
            Some(Known::List(_)) | None => {}
        }
        match self.known_value(term) {
            Some(Known::Text(text)) => text,
            Some(Known::Nothing | Known::List(_)) | None => {
                let depends = self.depends_on(term).short();
                cut(format!("{} {depends}", self.describe(term)))
            }
        }
    }

    /// The texts of a list, or the only one.
    fn texts(&mut self, term: &'t Term) -> Option<BTreeSet<String>> {
        // A list parameter is one text with commas, so it is split here as CloudFormation does.
        if let Term::Ref(name) = term
            && let Some(declared) = self.outline.parameters.get(name)
            && declared.kind == ParameterKind::List
        {
            let ParameterValues::Given(inputs) = self.inputs else { return None };
            let value = inputs.get(name).or(declared.default.as_ref())?;
            return Some(value.split(',').map(|item| as_written(item.trim().to_owned())).collect());
        }
        let texts = match self.value(term)? {
            Known::Text(text) => vec![Known::Text(text)],
            Known::List(values) => values,
            Known::Nothing => Vec::new(),
        };
        let text = |known| match known {
            Known::Text(text) => Some(as_written(text)),
            Known::List(_) | Known::Nothing => None,
        };
        texts.into_iter().map(text).collect()
    }

    /// The types of messages that trigger a rule; an unknown one is a type of its own.
    pub(super) fn triggers(&mut self, source: &'t RuleSource) -> BTreeSet<String> {
        match source {
            // A managed rule has no triggers of its own: AWS sets them.
            RuleSource::Said { triggers: None, .. } | RuleSource::Other(_) => BTreeSet::new(),
            RuleSource::Said { triggers: Some(term), .. } => {
                self.texts(term).unwrap_or_else(|| [self.exactly(term)].into())
            }
            RuleSource::Either(test, branches) => {
                let [yes, no] = &**branches;
                match self.holds(test) {
                    Some(true) => self.triggers(yes),
                    Some(false) => self.triggers(no),
                    None => {
                        let (yes, no) = (self.triggers(yes), self.triggers(no));
                        if yes == no {
                            return yes;
                        }
                        let test = self.decided_by(test);
                        [format!("{yes:?} or {no:?} {test}")].into()
                    }
                }
            }
        }
    }

    pub(super) fn describe_source(&mut self, source: &'t RuleSource) -> String {
        match source {
            RuleSource::Said { owner, identifier, policy, triggers: _ } => {
                let parts = [Some(owner), identifier.as_ref(), policy.as_ref()];
                let parts = parts.into_iter().flatten().map(|term| self.exactly(term));
                cut(parts.collect::<Vec<_>>().join("/"))
            }
            RuleSource::Either(test, branches) => {
                let [yes, no] = &**branches;
                match self.holds(test) {
                    Some(true) => self.describe_source(yes),
                    Some(false) => self.describe_source(no),
                    None => {
                        let (yes, no) = (self.describe_source(yes), self.describe_source(no));
                        // If both branches are equal the condition does not matter, even if it is
                        // unknown.
                        if yes == no {
                            return yes;
                        }
                        let test = self.decided_by(test).short();
                        cut(format!("{yes} or {no} {test}"))
                    }
                }
            }
            RuleSource::Other(description) => description.clone(),
        }
    }

    /// The value, or as much of it as is known.
    fn describe(&mut self, term: &Term) -> String {
        // Values come before structure: a description for users should show the value if it is
        // known.
        match self.value(term) {
            Some(Known::Text(text)) => return text,
            Some(Known::Nothing) => return "none".to_owned(),
            Some(Known::List(_)) | None => {}
        }
        cut(match term {
            Term::Text(text) | Term::Plain(text) | Term::Opaque(text) => text.clone(),
            Term::Ref(name) => self.describe_name(name),
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
                let filled = fill(text, TEXT_MAX, |name| {
                    Some(match (names.get(name), self.reference(name)) {
                        (Some(term), _) => self.describe(term),
                        (None, Some(Known::Text(text))) => text,
                        (None, _) => self.describe_name(name),
                    })
                });
                filled.unwrap_or_else(|| text.clone())
            }
        })
    }

    /// A rule is named as it names itself: what it is called in the template decides nothing.
    fn describe_name(&mut self, name: &str) -> String {
        match self.named_rule(name) {
            Some(term) => format!("${{rule {}}}", self.describe(term)),
            None => format!("${{{name}}}"),
        }
    }

    fn describe_all(&mut self, terms: &[Term], delimiter: &str) -> String {
        let all: Vec<String> = terms.iter().map(|term| self.describe(term)).collect();
        all.join(delimiter)
    }
}

/// A text that is certain. `${AWS::AccountId}` in it means these characters (`${!AWS::AccountId}`
/// in `Fn::Sub`), and must differ from the value that a member inserts.
fn as_written(text: String) -> String {
    if text.contains("${") {
        let digest = Digest::of([b"as written".as_slice(), text.as_bytes()]).short();
        return format!("{text} {digest}");
    }
    text
}

fn unknown_scope(description: &str) -> RuleScope {
    RuleScope { types: None, limits: [(WHOLE, cut(description.to_owned()))].into() }
}

/// A description, shortened: the digest distinguishes texts that differ in the part that was cut.
fn cut(text: String) -> String {
    if text.len() <= DESCRIPTION_MAX {
        return text;
    }
    let digest = Digest::of([text.as_bytes()]).short();
    let start: String = text.chars().take(DESCRIPTION_MAX / 8).collect();
    format!("{start}… {digest}")
}
