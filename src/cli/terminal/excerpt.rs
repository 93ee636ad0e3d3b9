//! Findings drawn for the terminal: the line of the file with a caret under the place.
//!
//! The caller asks for colors, since it knows whether the output is a terminal.

use std::collections::BTreeMap;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::domain::declared::diagnostic::{Diagnostic, Related, Severity, Span};
use crate::domain::declared::snapshot::{FileContent, SourcePath};

/// The drawings of these findings, in their order. Files that are not text are named only.
pub fn draw(
    findings: &[Diagnostic],
    files: &BTreeMap<SourcePath, FileContent>,
    colours: bool,
) -> Vec<String> {
    let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
    // A file that is not UTF-8 text has no lines to show.
    let text = |path: &SourcePath| match files.get(path)? {
        FileContent::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
        FileContent::Unreadable(_) | FileContent::EmptyDirectory => None,
    };
    findings.iter().map(|finding| renderer.render(&[group(finding, text)])).collect()
}

fn group<'d>(finding: &'d Diagnostic, text: impl Fn(&SourcePath) -> Option<&'d str>) -> Group<'d> {
    let Diagnostic { path, span, severity, code, found, expected, hint, related } = finding;
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(found).id(*code));
    let here = span.and_then(|span| Some((span, text(path)?)));
    let beside = |place: &&Related| place.path == *path;
    // A finding without a place, or in a file that is not text, still names the file and what was
    // expected.
    if let Some((span, text)) = here {
        let label = expected.as_ref().map(|expected| format!("expected {expected}"));
        let primary = AnnotationKind::Primary.span(first_line(text, span)).label(label);
        let context = related.iter().filter(beside).map(|place| note(text, place));
        let snippet = Snippet::source(text).path(path.to_string());
        group = group.element(snippet.annotation(primary).annotations(context));
    } else {
        group = group.element(Origin::path(path.to_string()));
        if let Some(expected) = expected {
            group = group.element(Level::NOTE.message(format!("expected {expected}")));
        }
    }
    for place in related.iter().filter(|place| here.is_none() || !beside(place)) {
        if let Some(text) = text(&place.path) {
            let snippet = Snippet::source(text).path(place.path.to_string());
            group = group.element(snippet.annotation(note(text, place)));
        }
    }
    if let Some(hint) = hint {
        group = group.element(Level::HELP.message(hint));
    }
    group
}

fn note<'d>(text: &str, place: &'d Related) -> Annotation<'d> {
    AnnotationKind::Context.span(first_line(text, place.span)).label(&*place.note)
}

/// The part of a place on its first line, within the text.
fn first_line(text: &str, span: Span) -> Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.floor_char_boundary(span.end.min(text.len()));
    let line = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    start..end.min(start + line.len()).max(start)
}
