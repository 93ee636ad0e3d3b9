//! JSON files: read as YAML like everything else, and held to JSON's own grammar besides.

use crate::domain::base::code;
use crate::domain::declared::diagnostic::{Diagnostic, Span};
use crate::domain::declared::snapshot::SourcePath;

/// What keeps the text of a `.json` file from being JSON; nothing for other files.
pub fn json_problem(path: &SourcePath, text: &str) -> Option<Diagnostic> {
    if !path.has_suffix("json") {
        return None;
    }
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let error = serde_json::from_str::<serde::de::IgnoredAny>(body).err()?;
    let lines = body.split('\n').take(error.line().saturating_sub(1));
    let line_start = lines.map(|line| line.len() + 1).sum::<usize>() + text.len() - body.len();
    // The column counts bytes and points at the last byte read.
    let start = line_start + error.column().saturating_sub(1);
    let before = text.get(line_start..start).unwrap_or_default();
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let (line, column) = (small(error.line()), small(before.chars().count() + 1));
    let found = format!("this is not JSON: {error}");
    let span = Span { line, column, start, end: start };
    Some(Diagnostic::error(path, Some(span), code::SYNTAX, found))
}
