//! The templates that manifests name: each file is parsed once, however many manifests name it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ending::is_ended;
use super::inline;
use super::intake::{name_problem, text_of};
use crate::domain::base::code;
use crate::domain::declared::diagnostic::{Diagnostic, Severity, Span};
use crate::domain::declared::findings::Findings;
use crate::domain::declared::manifest::{ManifestDraft, TemplateChoice, TemplateSource};
use crate::domain::declared::snapshot::{FileContent, SourcePath};
use crate::domain::declared::template::Template;

/// Template files that were asked for.
#[derive(Debug)]
pub(super) struct TemplateFiles<'f> {
    files: &'f BTreeMap<SourcePath, FileContent>,
    /// By path; where the file has errors, the first of them.
    read: BTreeMap<SourcePath, Result<Arc<Template>, Option<Box<Diagnostic>>>>,
    diagnostics: Vec<Diagnostic>,
}

impl<'f> TemplateFiles<'f> {
    pub(super) fn new(files: &'f BTreeMap<SourcePath, FileContent>) -> Self {
        Self { files, read: BTreeMap::new(), diagnostics: Vec::new() }
    }

    /// What was found in the template files.
    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// The template that a manifest names at `span`; what keeps it from being used is found there.
    pub(super) fn of_choice(
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
                    literal.then(|| inline::BlockPlace::of(self.files, findings.path, *span, text));
                let (template, found) = match Template::parse_inline(findings.path, text) {
                    Ok((template, warnings)) => (Some(Arc::new(template)), warnings),
                    Err(errors) => (None, errors),
                };
                let place = place.flatten();
                // Only in a literal block do the lines of the template have the form that they have
                // in the file; in quotes the finding points to the whole text.
                findings.all.extend(found.into_iter().map(|finding| match &place {
                    Some(place) => place.lift(finding),
                    None => Diagnostic { span: Some(*span), ..finding },
                }));
                template.map(TemplateSource::Read)
            }
        }
    }

    /// The file of a manifest, or of its template, that ends in the middle of a line. JSON that is
    /// cut off cannot be read.
    pub(super) fn unended(&self, draft: &ManifestDraft) -> Option<SourcePath> {
        let is_unended = |path: &&SourcePath| match self.files.get(*path) {
            Some(FileContent::Bytes(bytes)) => !is_ended(bytes),
            Some(FileContent::Unreadable(_) | FileContent::EmptyDirectory) | None => false,
        };
        [Some(&draft.origin.path), draft.template_file()]
            .into_iter()
            .flatten()
            .find(is_unended)
            .cloned()
    }

    fn file(
        &mut self,
        findings: &mut Findings<'_>,
        path: &SourcePath,
        span: Span,
    ) -> Option<TemplateSource> {
        let Some(content) = self.files.get(path) else {
            let others = self.files.keys().filter(|other| other.folder() == path.folder());
            findings
                .error(span, code::TEMPLATE_MISSING, format!("there is no file {path}"))
                .did_you_mean(path.as_str(), others.map(SourcePath::as_str));
            return None;
        };
        // Parsed once: a template of several packs would otherwise report its errors once for each.
        if !self.read.contains_key(path) {
            let parsed = self.parse(path, content);
            self.read.insert(path.clone(), parsed);
        }
        let first = match self.read.get(path)? {
            Ok(template) => return Some(TemplateSource::Read(Arc::clone(template))),
            Err(first) => first.as_deref(),
        };
        let found = format!("the template {path} has errors");
        let entry = findings.error(span, code::TEMPLATE_INVALID, found);
        match first.map(|first| (first.span, &first.found)) {
            Some((Some(span), found)) => drop(entry.related(path, span, found)),
            Some((None, found)) => drop(entry.hint(found.clone())),
            None => {}
        }
        None
    }

    fn parse(
        &mut self,
        path: &SourcePath,
        content: &FileContent,
    ) -> Result<Arc<Template>, Option<Box<Diagnostic>>> {
        let text = match name_problem(path) {
            Some(problem) => Err(vec![problem]),
            None => text_of(path, content).map_err(|problem| vec![*problem]),
        };
        match text.and_then(|text| Template::parse(path, text)) {
            Ok((template, warnings)) => {
                self.diagnostics.extend(warnings);
                Ok(Arc::new(template))
            }
            Err(errors) => {
                // The first error goes to the manifest, so that its finding shows why the template
                // cannot be used.
                let is_error = |found: &&Diagnostic| found.severity == Severity::Error;
                let first = errors.iter().find(is_error).cloned().map(Box::new);
                self.diagnostics.extend(errors);
                Err(first)
            }
        }
    }
}
