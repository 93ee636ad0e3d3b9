//! The dependencies of a value that cannot be evaluated, as a digest: if two digests are equal, so
//! are the values in every member. A digest covers only the dependencies of its value: a parameter
//! that only other values use does not change it.

use super::effective::{Evaluation, ParameterValues};
use super::outline::{Outline, OutlinedRule};
use super::substitution::{fill, substitutions};
use super::term::{Term, Test};
use crate::domain::base::model::Digest;

/// The digest of a kind of thing and of what it is made of.
fn together(kind: &str, parts: &[Digest]) -> Digest {
    let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
    Digest::of([kind.as_bytes()].into_iter().chain(parts.iter().map(String::as_bytes)))
}

fn text(kind: &str, text: &str) -> Digest {
    Digest::of([kind.as_bytes(), text.as_bytes()])
}

impl<'t> Evaluation<'t> {
    /// Of what the presence of a rule depends on.
    pub(super) fn presence_depends_on(&mut self, rule: &OutlinedRule) -> Digest {
        let tests = [rule.condition.as_ref(), rule.detective.as_ref()];
        let parts = tests.map(|test| match test {
            Some(test) => self.decided_by(test),
            None => text("always", ""),
        });
        together("presence", &parts)
    }

    /// The dependencies of a test.
    pub(super) fn decided_by(&mut self, test: &Test) -> Digest {
        // A test that can be evaluated depends on nothing any more. One that is nested too deeply
        // counts as depending on everything.
        if let Some(holds) = self.holds(test) {
            return text("holds", if holds { "yes" } else { "no" });
        }
        let found = self.deeper(|this| {
            Some(match test {
                Test::Condition(name) => this.condition_depends_on(name),
                Test::Equals(terms) => {
                    let parts = terms.each_ref().map(|term| this.depends_on(term));
                    together("equals", &parts)
                }
                Test::Not(test) => together("not", &[this.decided_by(test)]),
                Test::And(tests) => together("and", &this.all_tests(tests)),
                Test::Or(tests) => together("or", &this.all_tests(tests)),
                Test::Opaque => this.everything(),
            })
        });
        found.unwrap_or_else(|| self.everything())
    }

    fn all_tests(&mut self, tests: &[Test]) -> Vec<Digest> {
        tests.iter().map(|test| self.decided_by(test)).collect()
    }

    /// A condition is what it says, whatever its name.
    fn condition_depends_on(&mut self, name: &str) -> Digest {
        let key = format!("condition {name}");
        if let Some(known) = self.traced.get(&key) {
            return *known;
        }
        // A condition that leads to itself finds this.
        self.traced.insert(key.clone(), text("circle", name));
        let found = match self.outline.conditions.get(name) {
            Some(test) => self.decided_by(test),
            None => text("condition", name),
        };
        self.traced.insert(key, found);
        found
    }

    /// Of what a value depends on.
    pub(super) fn depends_on(&mut self, term: &Term) -> Digest {
        if let Some(known) = self.value(term) {
            return text("known", &format!("{known:?}"));
        }
        let found = self.deeper(|this| {
            Some(match term {
                Term::Text(known) | Term::Plain(known) => text("text", known),
                Term::List(terms) | Term::Join(_, terms) => {
                    let delimiter =
                        if let Term::Join(delimiter, _) = term { delimiter } else { "" };
                    let parts: Vec<Digest> = [text("joined", delimiter)]
                        .into_iter()
                        .chain(terms.iter().map(|term| this.depends_on(term)))
                        .collect();
                    together("list", &parts)
                }
                Term::Ref(name) => this.name_depends_on(name),
                Term::If(test, branches) => {
                    let test = this.decided_by(test);
                    let [yes, no] = branches.each_ref().map(|term| this.depends_on(term));
                    together("if", &[test, yes, no])
                }
                Term::FindInMap(keys) => {
                    let map = this.map_depends_on(keys);
                    let [one, first, second] = keys.each_ref().map(|key| this.depends_on(key));
                    together("map", &[map, one, first, second])
                }
                Term::JoinList(delimiter, inner) | Term::Split(delimiter, inner) => {
                    let kind = if matches!(term, Term::Split(..)) { "split" } else { "join" };
                    together(kind, &[text("by", delimiter), this.depends_on(inner)])
                }
                Term::Sub(written, names) => {
                    // The text between the names; the names are replaced by their dependencies.
                    let around = fill(written, usize::MAX, |_| Some("${}".to_owned()));
                    let mut parts = vec![text("sub", &around.unwrap_or_default())];
                    for name in substitutions(written) {
                        parts.push(match names.get(name) {
                            Some(term) => this.depends_on(term),
                            None => this.name_depends_on(name),
                        });
                    }
                    together("sub", &parts)
                }
                Term::Select(index, inner) => {
                    together(&format!("select {index}"), &[this.depends_on(inner)])
                }
                Term::Digest(inner) => together("digest", &[this.depends_on(inner)]),
                Term::Any(inner) => together("any", &[this.depends_on(inner), this.everything()]),
                Term::Opaque(what) => together(what, &[this.everything()]),
            })
        });
        found.unwrap_or_else(|| self.everything())
    }

    /// Of a parameter: its declaration and its value. Of a resource: the name that it gives.
    fn name_depends_on(&mut self, name: &str) -> Digest {
        if let Some(declared) = self.outline.parameters.get(name) {
            let given = self.sent(name);
            return text("parameter", &format!("{declared:?} {given:?}"));
        }
        match self.named_rule(name) {
            Some(term) => together("rule", &[self.depends_on(term)]),
            None => text("name", name),
        }
    }

    /// The name that the rule gives itself to which a reference leads.
    pub(super) fn named_rule(&self, name: &str) -> Option<&'t Term> {
        let resource = name.split('.').next().unwrap_or(name);
        self.outline.rules.get(resource)?.name.as_ref()
    }

    /// The dependencies of a lookup in a mapping; of all mappings if it is not known which one.
    fn map_depends_on(&mut self, keys: &[Term; 3]) -> Digest {
        let [map, _, second] = keys;
        let Some(name) = self.text(map) else { return self.everything() };
        let second = self.text(second);
        let found = self.outline.mappings.get(&name);
        let find = || match &second {
            // The same key of each of them.
            Some(key) => {
                let values = found.into_iter().flatten().map(|(first, all)| (first, all.get(key)));
                text("key", &format!("{:?}", values.collect::<Vec<_>>()))
            }
            None => text("mapping", &format!("{found:?}")),
        };
        *self.traced.entry(format!("mapping {name} {second:?}")).or_insert_with(find)
    }

    /// The dependencies of an opaque value: the whole template and all inputs.
    pub(super) fn everything(&mut self) -> Digest {
        let Outline { parameters, mappings, conditions, .. } = self.outline;
        let given = match self.inputs {
            ParameterValues::Given(given) => Some(given),
            ParameterValues::Unknown => None,
        };
        let find = || text("all", &format!("{parameters:?} {mappings:?} {conditions:?} {given:?}"));
        *self.traced.entry("everything".to_owned()).or_insert_with(find)
    }
}
