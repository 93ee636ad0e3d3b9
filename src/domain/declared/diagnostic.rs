//! What is wrong with a text that a person wrote, and where: one finding, ready to be shown.
//!
//! How findings are drawn (excerpts, JSON, annotations) is the command line's business.

use std::fmt;

use serde::Serialize;
use strum::{EnumIter, IntoStaticStr};

use super::snapshot::SourcePath;
use crate::domain::base::limits::Limit;
use crate::domain::base::untrusted::one_line;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[derive(strum::Display, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Severity {
    /// The file, or the pack in it, is not used.
    Error,
    /// It is used; the user should check it.
    Warning,
}

/// A piece of a file. `line` and `column` count from 1, `column` in characters; `start` and `end`
/// are byte offsets into the file, `end` exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A second place of a finding ("first defined here").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Related {
    /// The file.
    pub path: SourcePath,
    /// Where in it.
    pub span: Span,
    /// What is there.
    pub note: String,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Diagnostic {
    /// The file it is about.
    pub path: SourcePath,
    /// Where in the file; absent when it is about the file as a whole.
    pub span: Option<Span>,
    /// How much it matters.
    pub severity: Severity,
    /// A stable name for the rule, in kebab case: `unknown-field`.
    pub code: &'static str,
    /// What was found, one sentence, lower case, no full stop.
    pub found: String,
    /// What was expected instead, if that can be said.
    pub expected: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Other places of the finding.
    pub related: Vec<Related>,
}

impl Diagnostic {
    /// An error at a place of a file.
    pub fn error(
        path: &SourcePath,
        span: Option<Span>,
        code: &'static str,
        found: impl Into<String>,
    ) -> Self {
        Self {
            path: path.clone(),
            span,
            severity: Severity::Error,
            code,
            found: printable(&found.into()),
            expected: None,
            hint: None,
            related: Vec::new(),
        }
    }

    /// The same finding, as a warning.
    #[must_use]
    pub fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// The same finding, saying what was expected.
    #[must_use]
    pub fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(printable(&expected.into())), ..self }
    }

    /// The same finding, saying what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(printable(&hint.into())), ..self }
    }
}

/// The most characters of one sentence of a finding. Ours: longer ones are not read.
const SENTENCE_MAX: usize = 300;

/// A sentence that may quote a file, on one line.
pub(super) fn printable(text: &str) -> String {
    one_line(text, SENTENCE_MAX)
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, span, severity, code, found, expected, hint, related: _ } = self;
        write!(out, "{path}:")?;
        if let Some(Span { line, column, .. }) = span {
            // The form `path:line:column:` is that of compilers, which editors turn into links.
            write!(out, "{line}:{column}:")?;
        }
        write!(out, " {severity}[{code}]: {found}")?;
        if let Some(expected) = expected {
            write!(out, "; expected {expected}")?;
        }
        if let Some(hint) = hint {
            write!(out, " ({hint})")?;
        }
        Ok(())
    }
}

impl Severity {
    /// How much it matters that there are `count` of what is limited.
    pub fn beyond(limit: &Limit, count: usize) -> Option<Self> {
        // Two figures, since AWS's own sources disagree about some limits: above the strict one AWS
        // may refuse, above the upper one it does.
        if limit.upper < count {
            Some(Self::Error)
        } else if limit.strict < count {
            Some(Self::Warning)
        } else {
            None
        }
    }
}
