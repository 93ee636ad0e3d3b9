//! A conformance pack template: what it holds, its canonical digest, and its text as delivered.
//!
//! What is sent is written from the tree that was judged, and read back by another parser before
//! anything else sees it. Which sizes and owners are acceptable in the end is for the catalog,
//! which knows the settings.

mod absent;
mod call;
mod canonical;
mod census;
mod composed;
mod delivered;
mod dependence;
mod described;
mod effective;
mod filled;
mod forms;
mod inputs;
mod intrinsic;
mod leftovers;
mod logical_id;
mod names;
mod outcomes;
mod outline;
mod outputs;
mod parameters;
mod parts;
mod pattern;
mod readback;
mod remediation;
mod render;
mod rule;
mod schema;
mod scope;
mod section;
mod sections;
mod substitution;
mod term;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::canonical::Canonical;
use self::filled::Dependent;
use self::parts::{LazyParts, differing};
use super::diagnostic::Diagnostic;
use super::findings::Findings;
use super::snapshot::SourcePath;
use super::yaml;
use super::yaml::tree::{MappingEntry, Value, YamlNode};
use crate::domain::base::model::{Digest, Place, Region};
use crate::domain::base::{code, limits};

pub use census::TemplateCensus;
pub(super) use composed::{HINT as DYNAMIC_HINT, is_dynamic};
pub use effective::Effective;
pub(super) use outline::Outline;
pub(super) use parameters::UNCERTAIN;
pub use parts::{FieldDifference, PartDifference, PartKind, is_description};
pub use remediation::list::{Remediation, RemediationChange, differences};
pub use schema::schema_of;
pub use scope::{Evaluates, RuleScope};

/// A template that was judged, and the text that says the same to every reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Digest of the canonical parsed template, marker left out: unchanged by comments, key order,
    /// white space and YAML or JSON form; changed by any value.
    pub digest: Digest,
    /// What it holds.
    pub census: TemplateCensus,
    /// What is sent: the judged tree with the marker parameter declared, rendered anew.
    pub body: Arc<str>,
    /// What decides which of its rules are in effect.
    pub(super) outline: Arc<Outline>,
    /// What is judged once more with the parameters in force.
    dependent: Arc<Dependent>,
    /// What another template is compared with.
    parts: LazyParts,
}

impl Template {
    /// One that only has a body.
    #[cfg(test)]
    pub(crate) fn of_body(body: String, census: TemplateCensus) -> Self {
        Self {
            digest: Digest::of([b"template".as_slice()]),
            census,
            body: body.into(),
            outline: Arc::default(),
            dependent: Arc::default(),
            parts: LazyParts::default(),
        }
    }

    /// Reads a template in YAML (short tags included) or JSON. Gives the template with its
    /// warnings, or everything that is wrong with it.
    pub fn parse(
        path: &SourcePath,
        text: &str,
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        match yaml::json_problem(path, text) {
            Some(problem) => Err(vec![problem]),
            None => Self::parse_inline(path, text),
        }
    }

    /// Reads a template from text, also inside another file.
    pub(super) fn parse_inline(
        path: &SourcePath,
        text: &str,
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut findings = Findings::new(path);
        let root = match yaml::parse(path, text) {
            Ok(documents) => sole(&mut findings, documents),
            Err(problems) => {
                findings.all.extend(problems);
                None
            }
        };
        let Some(root) = root.filter(|_| !findings.failed()) else { return Err(findings.all) };

        // The structure comes first: later checks evaluate functions and assume that each has its
        // arguments. Checking goes on after errors, so that one run reports all of them.
        check_forms(&mut findings, &root);
        intrinsic::check(&mut findings, &root);
        sections::check(&mut findings, &root);
        leftovers::check(&mut findings, &root);
        let (outline, dependent) = (Outline::of(&root), Dependent::of(&root));
        outcomes::check(&mut findings, &root, &outline);
        let census = census::census(&mut findings, &root);
        filled::check(&mut findings, &outline, &dependent);
        if findings.failed() {
            return Err(findings.all);
        }
        let tree = Canonical::of(&root);
        let digest = tree.digest();
        let tree = tree.with_marker();
        let body = render::render(&tree);
        // A second parser reads the rendered text: a fault in rendering must not deploy other rules
        // than those that were judged.
        if let Err(why) = readback::confirm(&body, &tree) {
            let found = format!(
                "the rendered template does not read back as the checked one: \
                {why}"
            );
            findings.error(root.span, code::RENDERING, found).hint(
                "conformd sends nothing; this is a bug of conformd: report it with the \
                    template",
            );
        }
        findings.limit(root.span, code::BODY_TOO_LARGE, &limits::OBJECT_BYTES, body.len());
        let template = Self {
            digest,
            census,
            body: body.into(),
            outline: outline.into(),
            dependent: dependent.into(),
            parts: LazyParts::default(),
        };
        if findings.failed() { Err(findings.all) } else { Ok((template, findings.all)) }
    }
}

impl Template {
    /// The rules in effect in a region when these input parameters are sent. What is not sent has
    /// its default.
    pub fn rules(&self, inputs: &BTreeMap<String, String>, place: &Place) -> Effective {
        let Place { account: _, region } = place;
        self.rules_and_rivals(inputs, region).0
    }

    /// The same, with the names that two of the rules in effect share.
    pub(crate) fn rules_and_rivals(
        &self,
        inputs: &BTreeMap<String, String>,
        region: &Region,
    ) -> (Effective, BTreeSet<String>) {
        effective::rules_and_rivals(&self.outline, inputs, region)
    }

    /// The names that two of the rules in effect share whatever the region.
    pub(crate) fn rivals_everywhere(&self, inputs: &BTreeMap<String, String>) -> BTreeSet<String> {
        filled::rivals_everywhere(&self.outline, inputs)
    }

    /// In which parts another template differs from this one; `None` if one of them cannot be read.
    pub fn differences_to(&self, new: &Self) -> Option<Vec<PartDifference>> {
        Some(differing(self.parts.of(&self.body)?, new.parts.of(&new.body)?))
    }

    /// The remediations that it declares.
    pub fn remediations(&self) -> &[Remediation] {
        &self.outline.remediations
    }

    /// What a parameter expects instead of this value, if it does not take it.
    pub(crate) fn expected_instead(&self, name: &str, value: &str) -> Option<String> {
        self.outline.parameters.get(name)?.expected_instead(value)
    }

    /// Whether it cannot be determined if a parameter accepts this value.
    pub(crate) fn is_uncertain(&self, name: &str, value: &str) -> bool {
        self.outline.parameters.get(name).is_some_and(|declared| declared.is_uncertain(value))
    }

    /// The errors that these input parameters make: see [`Dependent::errors_with`].
    pub(crate) fn errors_with<'r>(
        &self,
        path: &SourcePath,
        inputs: impl Fn(Option<&Region>) -> BTreeMap<String, String>,
        regions: Option<&'r BTreeSet<Region>>,
    ) -> Vec<(Diagnostic, Vec<&'r Region>)> {
        self.dependent.errors_with(path, &self.outline, inputs, regions)
    }

    /// A text that functions compose with these input parameters and that must not be sent: its
    /// place in the template, and the reason. Without a region it may be any.
    pub(crate) fn refused_text(
        &self,
        inputs: &BTreeMap<String, String>,
        region: Option<&Region>,
    ) -> Option<(String, &'static str)> {
        outcomes::refused(&self.outline, inputs, region)
    }
}

/// The one document of a template.
fn sole(findings: &mut Findings<'_>, documents: Vec<YamlNode>) -> Option<YamlNode> {
    let mut documents = documents.into_iter();
    let Some(root) = documents.next() else {
        let found = "the file is empty".to_owned();
        findings.all.push(Diagnostic::error(findings.path, None, code::NO_RULES, found));
        return None;
    };
    if let Some(second) = documents.next() {
        findings
            .error(second.span, code::MANY_DOCUMENTS, "a second document begins here")
            .expected("one document: a template is a file of its own");
    }
    Some(root)
}

/// Refuses what readers could read differently, and keys longer than all of them take.
fn check_forms(findings: &mut Findings<'_>, root: &YamlNode) {
    let version = root.get(intrinsic::FORMAT_VERSION);
    // CloudFormation's own examples write this date without quotes.
    let is_version = |span| version.is_some_and(|version| version.span == span);
    for ambiguous in yaml::ambiguous(root) {
        if !(is_version(ambiguous.span) && ambiguous.scalar.is_date()) {
            findings.push(ambiguous.problem(findings.path));
        }
    }
    check_keys(findings, root);
}

fn check_keys(findings: &mut Findings<'_>, node: &YamlNode) {
    match &node.value {
        Value::Scalar(_) => {}
        Value::Sequence(nodes) => nodes.iter().for_each(|node| check_keys(findings, node)),
        Value::Mapping(mapping) => {
            for MappingEntry { key, key_span, value } in &mapping.entries {
                let length = render::text(&key.text).chars().count();
                if limits::KEY < length {
                    let found = format!("a key takes {length} characters with its escapes");
                    findings
                        .error(*key_span, code::TOO_LARGE, found)
                        .expected(format!("at most {}", limits::KEY));
                }
                check_keys(findings, value);
            }
        }
    }
}
