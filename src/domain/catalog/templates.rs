//! The templates that manifests name: each file is parsed once, whoever names it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::inline;
use super::intake::text_of;
use crate::domain::code;
use crate::domain::diagnostic::{Diagnostic, Severity, Span};
use crate::domain::findings::Findings;
use crate::domain::manifest::{TemplateChoice, TemplateSource};
use crate::domain::nearest::did_you_mean;
use crate::domain::snapshot::{FileContent, SourcePath};
use crate::domain::template::Template;

/// Template files that were asked for.
#[derive(Debug)]
pub(super) struct Templates<'f> {
    files: &'f BTreeMap<SourcePath, FileContent>,
    /// By path; `None` where the file has errors.
    read: BTreeMap<SourcePath, Option<Arc<Template>>>,
    diagnostics: Vec<Diagnostic>,
}

impl<'f> Templates<'f> {
    pub(super) fn new(files: &'f BTreeMap<SourcePath, FileContent>) -> Self {
        Self { files, read: BTreeMap::new(), diagnostics: Vec::new() }
    }

    /// Whether this file was asked for.
    pub(super) fn holds(&self, path: &SourcePath) -> bool {
        self.read.contains_key(path)
    }

    /// What was found in the template files.
    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// The template that a manifest names at `span`; what keeps it from being used is found there.
    pub(super) fn take(
        &mut self,
        findings: &mut Findings<'_>,
        choice: &TemplateChoice,
        span: Span,
    ) -> Option<TemplateSource> {
        match choice {
            TemplateChoice::S3(uri) => Some(TemplateSource::S3(uri.clone())),
            TemplateChoice::File(path) => self.file(findings, path, span),
            TemplateChoice::Inline { text, literal, span } => {
                let place =
                    literal.then(|| inline::Place::of(self.files, findings.path, *span, text));
                let (template, found) = match Template::parse_inline(findings.path, text) {
                    Ok((template, warnings)) => (Some(Arc::new(template)), warnings),
                    Err(errors) => (None, errors),
                };
                let place = place.flatten();
                findings.all.extend(found.into_iter().map(|finding| match &place {
                    Some(place) => place.lift(finding),
                    None => Diagnostic { span: Some(*span), ..finding },
                }));
                template.map(TemplateSource::Read)
            }
        }
    }

    fn file(
        &mut self,
        findings: &mut Findings<'_>,
        path: &SourcePath,
        span: Span,
    ) -> Option<TemplateSource> {
        let Some(content) = self.files.get(path) else {
            let others = self.files.keys().map(SourcePath::as_str);
            findings
                .error(span, code::TEMPLATE_MISSING, format!("there is no file {path}"))
                .hint_if(did_you_mean(path.as_str(), others));
            return None;
        };
        if !self.read.contains_key(path) {
            let template = match text_of(path, content) {
                Err(problem) => Err(vec![*problem]),
                Ok(text) => Template::parse(path, text),
            };
            let template = match template {
                Ok((template, warnings)) => {
                    self.diagnostics.extend(warnings);
                    Some(Arc::new(template))
                }
                Err(errors) => {
                    self.diagnostics.extend(errors);
                    None
                }
            };
            self.read.insert(path.clone(), template);
        }
        if let Some(template) = self.read.get(path)? {
            return Some(TemplateSource::Read(Arc::clone(template)));
        }
        let first = self
            .diagnostics
            .iter()
            .find(|found| found.path == *path && found.severity == Severity::Error);
        let entry =
            findings.error(span, code::TEMPLATE_INVALID, format!("the template {path} has errors"));
        if let Some(first) = first {
            match first.span {
                Some(span) => {
                    entry.related(path, span, &first.found);
                }
                None => {
                    entry.hint(first.found.clone());
                }
            }
        }
        None
    }
}
