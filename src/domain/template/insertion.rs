//! Declaring the marker parameter in a template's own text, with proof that nothing else changed.
//!
//! The text is never written anew: one line, or one member, is inserted. The result is parsed and
//! must equal the original plus exactly the marker; whatever shape was not thought of ends here as
//! a refusal, not in AWS.

use std::collections::BTreeMap;

use super::canonical::{Canonical, Key};
use crate::domain::code;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::model::MARKER_PARAMETER;
use crate::domain::snapshot::SourcePath;
use crate::domain::yaml::{self, Mapping, Node};

/// The value the parameter has when none is sent; it is sent always.
const DEFAULT: &str = "none";

/// The text with the marker declared, or why that cannot be done. A byte order mark is dropped.
pub(super) fn declare_marker(
    path: &SourcePath,
    text: &str,
    root: &Node,
) -> Result<String, Box<Diagnostic>> {
    let refuse = |found: &str| {
        let problem =
            Diagnostic::error(path, Some(root.span), code::MARKER_INSERTION, found.to_owned());
        let hint = format!("conformd declares {MARKER_PARAMETER} in what it delivers");
        Box::new(problem.hint(hint))
    };
    let place = place(text, root).ok_or_else(|| {
        refuse("the marker parameter cannot be declared in a template of this shape")
    })?;
    let (before, after) = text.split_at_checked(place.offset).unwrap_or((text, ""));
    let body = [before.trim_start_matches('\u{feff}'), &place.insert, after].concat();
    if is_original_plus_marker(path, root, &body) {
        Ok(body)
    } else {
        Err(refuse("declaring the marker parameter would change something else too"))
    }
}

/// What goes in, and before which byte.
struct Place {
    offset: usize,
    insert: String,
}

fn place(text: &str, root: &Node) -> Option<Place> {
    let sections = root.mapping()?;
    match sections.entry("Parameters") {
        Some(entry) => first_member(text, &entry.value, entry.value.mapping()?),
        None => new_section(text, root, sections),
    }
}

/// Before the first parameter, in its style.
fn first_member(text: &str, node: &Node, parameters: &Mapping) -> Option<Place> {
    let flow = format!(r#""{MARKER_PARAMETER}": {{"Type": "String", "Default": "{DEFAULT}"}}"#);
    let block = format!("{MARKER_PARAMETER}: {{Type: String, Default: {DEFAULT}}}");
    if parameters.flow {
        in_braces(text, node, parameters, flow)
    } else {
        before_line(text, parameters, |newline, indent| format!("{block}{newline}{indent}"))
    }
}

/// A section of its own before the first one: what ends the file (no line break, `...`, a block
/// scalar that keeps its breaks) does not matter there.
fn new_section(text: &str, root: &Node, sections: &Mapping) -> Option<Place> {
    if sections.flow {
        let marker = format!(r#"{{"Type": "String", "Default": "{DEFAULT}"}}"#);
        let section = format!(r#""Parameters": {{"{MARKER_PARAMETER}": {marker}}}"#);
        return in_braces(text, root, sections, section);
    }
    before_line(text, sections, |newline, indent| {
        let marker = format!("{MARKER_PARAMETER}: {{Type: String, Default: {DEFAULT}}}");
        format!("Parameters:{newline}{indent}  {marker}{newline}{indent}")
    })
}

fn in_braces(text: &str, node: &Node, mapping: &Mapping, member: String) -> Option<Place> {
    let brace = node.span.start;
    text.get(brace..)?.starts_with('{').then(|| {
        let line_ends = text.get(brace + 1..).is_some_and(|rest| rest.starts_with(['\n', '\r']));
        let insert = match (mapping.entries.is_empty(), line_ends) {
            (true, _) => member,
            (false, true) => member + ",",
            (false, false) => member + ", ",
        };
        Place { offset: brace + 1, insert }
    })
}

/// In front of the first key, which must be the first thing on its line.
fn before_line(
    text: &str,
    mapping: &Mapping,
    insert: impl Fn(&str, &str) -> String,
) -> Option<Place> {
    let offset = mapping.entries.first()?.key_span.start;
    let before = text.get(..offset)?;
    let line_start = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let indent = before.get(line_start..)?.trim_start_matches('\u{feff}');
    let is_indent = indent.bytes().all(|byte| byte == b' ');
    is_indent.then(|| Place { offset, insert: insert(line_break(text), indent) })
}

/// The line break that the file uses.
fn line_break(text: &str) -> &'static str {
    match text.split_once(['\n', '\r']) {
        Some((line, rest)) => match (text.as_bytes().get(line.len()), rest.starts_with('\n')) {
            (Some(b'\r'), true) => "\r\n",
            (Some(b'\r'), false) => "\r",
            _ => "\n",
        },
        None => "\n",
    }
}

fn is_original_plus_marker(path: &SourcePath, original: &Node, body: &str) -> bool {
    let mut expected = Canonical::of_template(original);
    let text = |text: &str| Canonical::Text(text.to_owned());
    let marker = BTreeMap::from([
        (Key::from("Type"), text("String")),
        (Key::from("Default"), text(DEFAULT)),
    ]);
    let empty = || Canonical::Mapping(BTreeMap::new());
    let clean = expected
        .entries_mut()
        .and_then(|sections| {
            sections.entry(Key::from("Parameters")).or_insert_with(empty).entries_mut()
        })
        .is_some_and(|parameters| {
            let marker = Canonical::Mapping(marker);
            parameters.insert(Key::from(MARKER_PARAMETER), marker).is_none()
        });
    match yaml::parse(path, body).as_deref() {
        Ok([result]) => clean && Canonical::of_template(result) == expected,
        Ok(_) | Err(_) => false,
    }
}
