//! The findings of one file while it is being read.

use super::diagnostic::{Diagnostic, Related, Severity, Span, printable};
use super::limits::Limit;
use super::snapshot::SourcePath;

/// Collects what is found in one file, so that reading never stops at the first error.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    /// The file.
    pub(crate) path: &'a SourcePath,
    /// Everything found so far.
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
    ) -> Entry<'_> {
        self.all.push(Diagnostic::error(self.path, Some(span), code, found.into()));
        Entry(&mut self.all)
    }

    /// Adds a warning and hands it back to be completed.
    pub(crate) fn warning(
        &mut self,
        span: Span,
        code: &'static str,
        found: impl Into<String>,
    ) -> Entry<'_> {
        self.all.push(Diagnostic::error(self.path, Some(span), code, found.into()).warning());
        Entry(&mut self.all)
    }

    /// Adds a finding if `count` passes a limit: a warning above its strict figure, an error above
    /// the upper one.
    pub(crate) fn limit(&mut self, span: Span, code: &'static str, limit: &Limit, count: usize) {
        let found = || format!("{count} {}", limit.what);
        match limit.severity(count) {
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

    /// Whether anything found so far is an error.
    pub(crate) fn failed(&self) -> bool {
        self.all.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// The finding that was added last.
pub(crate) struct Entry<'f>(&'f mut Vec<Diagnostic>);

impl Entry<'_> {
    fn last(&mut self, change: impl FnOnce(&mut Diagnostic)) {
        if let Some(finding) = self.0.last_mut() {
            change(finding);
        }
    }

    /// Says what was expected.
    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.last(|finding| finding.expected = Some(printable(expected.into())));
        self
    }

    /// Says what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.last(|finding| finding.hint = Some(printable(hint.into())));
        self
    }

    /// Says what to do, if there is anything to say.
    pub(crate) fn hint_if(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// Names a second place.
    pub(crate) fn related(mut self, path: &SourcePath, span: Span, note: &str) -> Self {
        let related = Related { path: path.clone(), span, note: printable(note.to_owned()) };
        self.last(|finding| finding.related.push(related));
        self
    }
}
