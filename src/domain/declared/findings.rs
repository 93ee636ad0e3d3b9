//! The findings of one file while it is being read.

use super::diagnostic::{Diagnostic, Related, Severity, Span, printable};
use super::snapshot::SourcePath;
use crate::domain::base::limits::Limit;
use crate::domain::base::nearest::did_you_mean;
use crate::domain::base::partition::UnknownRegion;
use crate::domain::base::{code, limits};

/// Collects what is found in one file, so that reading never stops at the first error.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    /// The file.
    pub(crate) path: &'a SourcePath,
    /// The findings so far, up to a number that is still read. If there is any error, one error is
    /// among them.
    pub(crate) all: Vec<Diagnostic>,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(path: &'a SourcePath) -> Self {
        Self { path, all: Vec::new() }
    }

    /// Adds an error and hands it back to be completed.
    pub(crate) fn error(
        &mut self,
        span: Span,
        code: &'static str,
        found: impl Into<String>,
    ) -> LastFinding<'_> {
        self.add(Diagnostic::error(self.path, Some(span), code, found))
    }

    /// Adds an error about the file as a whole and hands it back to be completed.
    pub(crate) fn file_error(
        &mut self,
        code: &'static str,
        found: impl Into<String>,
    ) -> LastFinding<'_> {
        self.add(Diagnostic::error(self.path, None, code, found))
    }

    /// Adds a warning and hands it back to be completed.
    pub(crate) fn warning(
        &mut self,
        span: Span,
        code: &'static str,
        found: impl Into<String>,
    ) -> LastFinding<'_> {
        self.add(Diagnostic::error(self.path, Some(span), code, found).warning())
    }

    /// Adds a finding that was made elsewhere.
    pub(crate) fn push(&mut self, finding: Diagnostic) {
        let LastFinding(_) = self.add(finding);
    }

    fn add(&mut self, finding: Diagnostic) -> LastFinding<'_> {
        if limits::PROBLEMS <= self.all.len() {
            // Warnings, however many, hide no error.
            if finding.severity == Severity::Warning || self.failed() {
                return LastFinding(None);
            }
            self.all.pop();
        }
        self.all.push(finding);
        LastFinding(self.all.last_mut())
    }

    /// Adds a finding if `count` passes a limit: a warning above its strict figure, an error above
    /// the upper one.
    pub(crate) fn limit(&mut self, span: Span, code: &'static str, limit: &Limit, count: usize) {
        let found = || format!("{count} {}", limit.what);
        match Severity::beyond(limit, count) {
            None => {}
            Some(Severity::Warning) => {
                self.warning(span, code, found())
                    .expected(format!("at most {}", limit.strict))
                    .hint(limit.source);
            }
            Some(Severity::Error) => {
                self.error(span, code, found())
                    .expected(format!("at most {}", limit.upper))
                    .hint(limit.source);
            }
        }
    }

    /// Notices a region that this version does not know; it may be a new one.
    pub(crate) fn unknown_region(&mut self, span: Span, unknown: UnknownRegion) {
        let UnknownRegion { found, hint } = unknown;
        let finding = self.warning(span, code::REGION_UNKNOWN, found);
        if let Some(hint) = hint {
            finding.hint(hint);
        }
    }

    /// Whether anything found so far is an error.
    pub(crate) fn failed(&self) -> bool {
        self.all.iter().any(|found| found.severity == Severity::Error)
    }
}

/// The finding that was added last, if it was.
pub(crate) struct LastFinding<'f>(Option<&'f mut Diagnostic>);

impl LastFinding<'_> {
    /// Says what was expected.
    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        if let Some(finding) = &mut self.0 {
            finding.expected = Some(printable(&expected.into()));
        }
        self
    }

    /// Says what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(finding) = &mut self.0 {
            finding.hint = Some(printable(&hint.into()));
        }
        self
    }

    /// Suggests the candidate that `word` is most likely a misspelling of.
    pub(crate) fn did_you_mean<'w>(
        mut self,
        word: &str,
        candidates: impl IntoIterator<Item = &'w str>,
    ) -> Self {
        if let Some(finding) = &mut self.0 {
            finding.hint =
                did_you_mean(word, candidates).map(|hint| printable(&hint)).or(finding.hint.take());
        }
        self
    }

    /// Names a second place.
    pub(crate) fn related(mut self, path: &SourcePath, span: Span, note: &str) -> Self {
        if let Some(finding) = &mut self.0 {
            let note = printable(note);
            finding.related.push(Related { path: path.clone(), span, note });
        }
        self
    }
}
