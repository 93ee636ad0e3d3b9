//! Findings inside an inline template, moved to their place in the manifest.

use std::collections::BTreeMap;

use super::intake::text_of;
use crate::domain::declared::diagnostic::{Diagnostic, Span};
use crate::domain::declared::snapshot::{FileContent, SourcePath};

/// The places of the lines of a literal block in their file.
#[derive(Debug)]
pub(super) struct BlockPlace {
    block: Span,
    lines: Vec<InlineLine>,
}

#[derive(Debug)]
struct InlineLine {
    /// In the file, from 1.
    number: u32,
    /// First byte of the line's content in the file.
    file_start: usize,
    /// First byte in the block's text.
    text_start: usize,
    /// Spaces before the content, which the text has not.
    indent: u32,
}

impl BlockPlace {
    /// The place of a literal block with this text, if every line of it is where it should be.
    pub(super) fn of(
        files: &BTreeMap<SourcePath, FileContent>,
        path: &SourcePath,
        block: Span,
        text: &str,
    ) -> Option<Self> {
        let file = text_of(path, files.get(path)?).ok()?;
        let blank = text.bytes().take_while(|byte| *byte == b'\n').count();
        let first = usize::try_from(block.line).ok()?.checked_sub(blank + 1)?;
        let indent = block.column.checked_sub(1)?;
        let width = usize::try_from(indent).ok()?;

        let mut file_start = 0;
        let mut in_file = file.split('\n').enumerate().map(|(number, line)| {
            let start = file_start;
            file_start += line.len() + 1;
            (number, start, line.strip_suffix('\r').unwrap_or(line))
        });
        let mut next = in_file.by_ref().find(|(number, ..)| *number == first);
        let mut text_start = 0;
        let mut lines = Vec::new();
        for content in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            let (number, start, line) = next?;
            if line.get(width..).unwrap_or_default() != content {
                return None;
            }
            let number = u32::try_from(number + 1).ok()?;
            lines.push(InlineLine { number, file_start: start + width, text_start, indent });
            text_start += content.len() + 1;
            next = in_file.next();
        }
        Some(Self { block, lines })
    }

    /// The finding, in the file.
    pub(super) fn lift(&self, finding: Diagnostic) -> Diagnostic {
        let Diagnostic { span, mut related, .. } = finding.clone();
        for place in &mut related {
            place.span = self.lift_span(place.span);
        }
        let span = Some(span.map_or(self.block, |span| self.lift_span(span)));
        Diagnostic { span, related, ..finding }
    }

    fn lift_span(&self, span: Span) -> Span {
        let found = usize::try_from(span.line - 1).ok().and_then(|index| self.lines.get(index));
        let Some(line) = found else { return self.block };
        Span {
            line: line.number,
            column: span.column + line.indent,
            start: self.lift_byte(span.start),
            end: self.lift_byte(span.end),
        }
    }

    fn lift_byte(&self, byte: usize) -> usize {
        let line = self.lines.iter().rev().find(|line| line.text_start <= byte);
        line.map_or(self.block.start, |line| line.file_start + (byte - line.text_start))
    }
}
