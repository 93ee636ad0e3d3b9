//! A place in a text.

use crate::domain::declared::diagnostic::Span;

pub(super) const BOM: char = '\u{feff}';

/// The place of a byte offset, which lies on a character boundary.
pub(crate) fn span_at(text: &str, offset: usize, length: usize) -> Span {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.matches('\n').count() + 1;
    let column = before.get(line_start..).unwrap_or("").trim_start_matches(BOM).chars().count() + 1;
    Span { line: small(line), column: small(column), start: offset, end: offset + length }
}

/// The place of a line, whose number counts from 0.
pub(crate) fn span_of_line(text: &str, number: usize) -> Span {
    let start = text.split_inclusive('\n').take(number).map(str::len).sum();
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let mark = line.len() - line.trim_start_matches(BOM).len();
    let start = if number == 0 { start + mark } else { start };
    span_at(text, start, line.len() - mark)
}

pub(super) fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
