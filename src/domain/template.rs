//! A conformance pack template: what it holds, its canonical digest, and its text as delivered.
//!
//! The author's bytes are what is sent; nothing is ever written back from the parsed form. Which
//! sizes and owners are acceptable in the end is for the catalog, which knows the settings.

mod call;
mod canonical;
mod census;
mod delivered;
mod effective;
mod insertion;
mod intrinsic;
mod leftovers;
mod names;
mod outline;
mod parameters;
mod remediation;
mod rule;
mod schema;
mod sections;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::code;
use super::diagnostic::Diagnostic;
use super::findings::Findings;
use super::limits;
use super::model::Digest;
use super::snapshot::SourcePath;
use super::yaml::{self, Node};

pub use effective::Effective;
pub(super) use outline::Outline;
pub use schema::schema_of;

/// A template that was parsed and proven to carry the marker parameter without other change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Digest of the canonical parsed template, marker left out: unchanged by comments, key order,
    /// white space and YAML or JSON form; changed by any value.
    pub digest: Digest,
    /// What it holds.
    pub census: Census,
    /// The author's bytes with the marker parameter declared.
    pub body: Arc<str>,
    /// What decides which of its rules are in effect.
    pub(super) outline: Arc<Outline>,
}

/// Counts and names of what a template holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// `AWS::Config::ConfigRule` resources.
    pub rules: u32,
    /// `AWS::Config::RemediationConfiguration` resources.
    pub remediations: u32,
    /// `Source.Owner` values in use: `AWS`, `CUSTOM_LAMBDA`, `CUSTOM_POLICY`.
    pub owners: BTreeSet<String>,
    /// Declared parameters.
    pub parameters: BTreeSet<String>,
    /// Declared parameters without a `Default`.
    pub required: BTreeSet<String>,
    /// Parameters that something refers to.
    pub used: BTreeSet<String>,
}

impl Template {
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

    /// Reads a template that stands inside another file.
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

        intrinsic::check(&mut findings, &root);
        sections::check(&mut findings, &root);
        leftovers::check(&mut findings, &root);
        let census = census::take(&mut findings, &root);
        if findings.failed() {
            return Err(findings.all);
        }
        let body = match insertion::declare_marker(path, text, &root) {
            Ok(body) => body,
            Err(refusal) => {
                findings.all.push(*refusal);
                return Err(findings.all);
            }
        };
        findings.limit(root.span, code::BODY_TOO_LARGE, &limits::OBJECT_BYTES, body.len());
        let digest = canonical::Canonical::of_template(&root).digest();
        let outline = Outline::of(&root).into();
        let template = Self { digest, census, body: body.into(), outline };
        if findings.failed() { Err(findings.all) } else { Ok((template, findings.all)) }
    }
}

/// The one document of a template.
fn sole(findings: &mut Findings<'_>, documents: Vec<Node>) -> Option<Node> {
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
