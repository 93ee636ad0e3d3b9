//! The texts that functions compose: dynamic references among them are refused.
//!
//! Texts are composed with the values in force. A fact that only a member knows counts as empty
//! text, and if a choice is unknown, each of its outcomes is checked.

use std::collections::BTreeMap;

use super::composed::{Composed, HINT, check_written, composed, is_dynamic};
use super::effective::{Evaluation, ParameterValues};
use super::outline::Outline;
use super::parameters::ParameterKind;
use super::substitution::fill;
use super::term::Term;
use crate::domain::base::code;
use crate::domain::base::model::Region;
use crate::domain::declared::diagnostic::Diagnostic;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::yaml::tree::YamlNode;

/// Outcomes of one text that are followed where texts are put together (ours).
const PIECES_MAX: usize = 64;

/// Outcomes of one value that are followed (ours): a map may have a key for each account.
const OUTCOMES_MAX: usize = 2_048;

/// Bytes of a text that is put together (ours): no property takes more.
const TEXT_MAX: usize = 65_536;

/// Decisions inside each other that are followed: more than an outline holds.
const DEPTH_MAX: usize = 200;

/// Refuses dynamic references in a template with the defaults of its parameters.
pub(super) fn check(findings: &mut Findings<'_>, root: &YamlNode, outline: &Outline) {
    check_written(findings, root);
    let inputs = BTreeMap::new();
    for (Composed { place: _, term }, span) in composed(root) {
        let is_told =
            |finding: &Diagnostic| finding.span == Some(span) && finding.code == code::UNJUDGED;
        let why = TermOutcomes::new(outline, &inputs, None).why_refused(&term);
        if let Some(why) = why.filter(|_| !findings.all.iter().any(is_told)) {
            findings.error(span, code::UNJUDGED, why).hint(HINT);
        }
    }
}

/// The first text of a template that is refused with these input parameters in a region: its place
/// and the reason.
pub(super) fn refused(
    outline: &Outline,
    inputs: &BTreeMap<String, String>,
    region: Option<&Region>,
) -> Option<(String, &'static str)> {
    outline.composed.iter().find_map(|Composed { place, term }| {
        let why = TermOutcomes::new(outline, inputs, region).why_refused(term)?;
        Some((place.clone(), why))
    })
}

/// Everything that a term can become.
struct TermOutcomes<'t> {
    outline: &'t Outline,
    inputs: &'t BTreeMap<String, String>,
    evaluation: Evaluation<'t>,
    depth: usize,
    /// Whether something was left out.
    is_cut: bool,
}

impl<'t> TermOutcomes<'t> {
    fn new(
        outline: &'t Outline,
        inputs: &'t BTreeMap<String, String>,
        region: Option<&'t Region>,
    ) -> Self {
        let evaluation = Evaluation::new(outline, ParameterValues::Given(inputs), region);
        Self { outline, inputs, evaluation, depth: 0, is_cut: false }
    }

    fn why_refused(mut self, term: &'t Term) -> Option<&'static str> {
        if self.texts(term).iter().any(|text| is_dynamic(text)) {
            return Some("a dynamic reference ({{resolve:…}}) is composed here");
        }
        self.is_cut.then_some("this expression has too many possible values to be checked")
    }

    /// Texts that a term can become; unknown ones are empty.
    fn texts(&mut self, term: &'t Term) -> Vec<String> {
        let lists = self.lists(term);
        let first = |list: Vec<String>| list.into_iter().next().unwrap_or_default();
        lists.into_iter().map(first).collect()
    }

    /// The same as pieces of a longer text. If there are many, pieces that can be no part of a
    /// dynamic reference are merged.
    fn pieces(&mut self, term: &'t Term) -> Vec<String> {
        let mut texts = self.texts(term);
        if PIECES_MAX < texts.len() {
            texts.retain(|text| may_be_part(text));
            texts.push(String::new());
        }
        self.bounded(texts, PIECES_MAX)
    }

    /// Lists that a term can become. A text is a list of one.
    fn lists(&mut self, term: &'t Term) -> Vec<Vec<String>> {
        if DEPTH_MAX <= self.depth {
            self.is_cut = true;
            return vec![Vec::new()];
        }
        self.depth += 1;
        let found = self.lists_within(term);
        self.depth -= 1;
        self.bounded(found, OUTCOMES_MAX)
    }

    fn lists_within(&mut self, term: &'t Term) -> Vec<Vec<String>> {
        let one = |text: String| vec![vec![text]];
        match term {
            Term::Text(text) => one(text.clone()),
            Term::List(terms) => self.product(terms),
            Term::Ref(name) => vec![self.reference(name)],
            Term::If(test, branches) => {
                let [yes, no] = &**branches;
                match self.evaluation.holds(test) {
                    Some(true) => self.lists(yes),
                    Some(false) => self.lists(no),
                    None => [self.lists(yes), self.lists(no)].concat(),
                }
            }
            Term::FindInMap(keys) => self.found(keys),
            Term::Join(delimiter, terms) => joined(delimiter, self.product(terms)),
            Term::JoinList(delimiter, list) => joined(delimiter, self.lists(list)),
            Term::Sub(text, names) => self.substituted(text, names),
            Term::Split(delimiter, text) => {
                let split = |text: String| match &**delimiter {
                    "" => vec![text],
                    delimiter => text.split(delimiter).map(str::to_owned).collect(),
                };
                self.texts(text).into_iter().map(split).collect()
            }
            Term::Select(index, list) => {
                let lists = self.lists(list).into_iter();
                lists.map(|list| list.into_iter().nth(*index).into_iter().collect()).collect()
            }
            Term::Any(list) => {
                self.lists(list).into_iter().flatten().map(|text| vec![text]).collect()
            }
            // AWS does not document in which texts AWS Config replaces pseudo parameters: both
            // forms are checked.
            Term::Plain(text) => [one(text.clone()), self.filled(text, &BTreeMap::new())].concat(),
            Term::Digest(_) | Term::Opaque(_) => vec![Vec::new()],
        }
    }

    /// The value of a parameter or pseudo parameter; nothing where it is not known.
    fn reference(&self, name: &str) -> Vec<String> {
        let Some(declared) = self.outline.parameters.get(name) else {
            return self.evaluation.pseudo(name).into_iter().collect();
        };
        let value = self.inputs.get(name).or(declared.default.as_ref());
        value.map_or_else(Vec::new, |value| match declared.kind {
            ParameterKind::Text | ParameterKind::Number | ParameterKind::Other => {
                vec![value.clone()]
            }
            ParameterKind::List | ParameterKind::Numbers => {
                value.split(',').map(|it| it.trim().to_owned()).collect()
            }
        })
    }

    /// What maps hold under keys, of which those that are not known may be any.
    fn found(&mut self, keys: &'t [Term; 3]) -> Vec<Vec<String>> {
        let [map, first, second] = keys;
        let [map, first, second] = [map, first, second].map(|key| self.evaluation.text(key));
        let fits = |key: &Option<String>, name: &String| key.as_ref().is_none_or(|key| key == name);
        let mut all = Vec::new();
        let outline = self.outline;
        for (_, inner) in outline.mappings.iter().filter(|(name, _)| fits(&map, name)) {
            for (_, values) in inner.iter().filter(|(name, _)| fits(&first, name)) {
                for (_, term) in values.iter().filter(|(name, _)| fits(&second, name)) {
                    all.extend(self.lists(term));
                }
            }
        }
        all
    }

    fn substituted(&mut self, text: &str, names: &'t BTreeMap<String, Term>) -> Vec<Vec<String>> {
        let terms = names.values();
        let filled = self.product(terms).into_iter().map(|values| {
            let known: BTreeMap<&str, String> =
                names.keys().map(String::as_str).zip(values).collect();
            self.filled(text, &known)
        });
        filled.flatten().collect()
    }

    /// The text with these names and those of parameters put in.
    fn filled(&mut self, text: &str, known: &BTreeMap<&str, String>) -> Vec<Vec<String>> {
        let filled = fill(text, TEXT_MAX, |name| match known.get(name) {
            Some(text) => Some(text.clone()),
            // A list is no text; its items are when they are joined.
            None => Some(self.reference(name).join(",")),
        });
        self.is_cut |= filled.is_none();
        filled.into_iter().map(|text| vec![text]).collect()
    }

    /// Every combination of what terms can become, a text for each.
    fn product(&mut self, terms: impl IntoIterator<Item = &'t Term>) -> Vec<Vec<String>> {
        let mut all = vec![Vec::new()];
        for term in terms {
            let texts = self.pieces(term);
            let longer = |list: &Vec<String>| {
                let with = |text: &String| list.iter().chain([text]).cloned().collect();
                texts.iter().map(with).collect::<Vec<Vec<String>>>()
            };
            let longer = all.iter().flat_map(longer).collect();
            all = self.bounded(longer, OUTCOMES_MAX);
        }
        all
    }

    /// As many different outcomes as are followed; one at least, so that others are not lost with
    /// it.
    fn bounded<T: Ord + Default>(&mut self, mut all: Vec<T>, most: usize) -> Vec<T> {
        // Sorted before the cut, so that the outcomes that are kept do not depend on the order of
        // branches.
        if 1 < all.len() {
            all.sort();
            all.dedup();
        }
        if most < all.len() {
            self.is_cut = true;
            all.truncate(most);
        }
        if all.is_empty() {
            all.push(T::default());
        }
        all
    }
}

/// Whether a text may begin, continue or end a dynamic reference.
fn may_be_part(text: &str) -> bool {
    const WORD: &str = "resolve:";
    let start = text.trim_start();
    let continues = |(at, _)| {
        let rest = WORD.get(at..).unwrap_or_default();
        start.starts_with(rest) || rest.starts_with(start)
    };
    text.contains('{') || WORD.char_indices().any(continues)
}

fn joined(delimiter: &str, lists: Vec<Vec<String>>) -> Vec<Vec<String>> {
    lists.into_iter().map(|list| vec![list.join(delimiter)]).collect()
}
