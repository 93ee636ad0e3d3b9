//! Characters that no file of ours may hold, and white space that YAML readers treat differently.
//!
//! YAML 1.1 ends a line, and with it a comment, at characters that are text in YAML 1.2; others
//! change what a reviewer sees, or are invisible. They are refused everywhere, comments included.
//! Tabs and exotic spaces are refused as indentation or separators; inside quotes, block text and
//! comments they are text.

use std::ops::Range;

use super::place::{BOM, span_at};
use super::unicode::name;
use crate::domain::base::untrusted::{is_invisible, is_joining};
use crate::domain::base::{code, limits};
use crate::domain::declared::diagnostic::Diagnostic;
use crate::domain::declared::snapshot::SourcePath;

/// A scalar in the text, by bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScalarSpan {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether it is unquoted on lines of its parent.
    pub(super) plain: bool,
}

/// The refused characters of a whole text, in order, as many as a report holds.
pub(super) fn refused(path: &SourcePath, text: &str) -> Vec<Diagnostic> {
    if is_ordinary(text) {
        return Vec::new();
    }
    // A byte order mark at the very start says that this is UTF-8, no more.
    let body_start = text.len() - text.trim_start_matches(BOM).len();
    let body_start = body_start.min(BOM.len_utf8());
    let body = text.get(body_start..).unwrap_or_default();
    let found = characters(body).filter_map(|(at, character, next)| {
        let why = CharacterRefusal::of(character, next)?;
        let span = span_at(text, body_start + at, character.len_utf8());
        let found = format!("{} stands here", name(character));
        let problem = Diagnostic::error(path, Some(span), code::CHARACTER, found);
        Some(problem.hint(why.hint()))
    });
    found.take(limits::PROBLEMS).collect()
}

/// The first refused character of a value: if the text around it is clean, an escape produced it.
pub(super) fn refused_in_value(value: &str) -> Option<String> {
    if is_ordinary(value) {
        return None;
    }
    let refused =
        |(_, character, next)| CharacterRefusal::of(character, next).map(|_| name(character));
    characters(value).find_map(refused)
}

/// The first character of a name that joins its neighbours or chooses their form: two names that
/// differ by it look alike.
pub(crate) fn joining(text: &str) -> Option<String> {
    text.chars().find(|character| is_joining(*character)).map(name)
}

/// Each character with its place and the one after it.
fn characters(text: &str) -> impl Iterator<Item = (usize, char, Option<char>)> {
    let next = text.chars().skip(1).map(Some).chain([None]);
    text.char_indices().zip(next).map(|((at, character), next)| (at, character, next))
}

/// The lines that begin with `%` outside of scalars and are no version that all readers know:
/// readers disagree about a directive, and so about a `!` after it.
pub(super) fn directives(
    path: &SourcePath,
    text: &str,
    tokens: &[ScalarSpan],
    end: usize,
) -> Vec<Diagnostic> {
    let spaces = Spaces { text, tokens };
    let mut all = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let at = if start == 0 { line.len() - line.trim_start_matches(BOM).len() } else { start };
        let line_end = start + line.len();
        let content = text.get(at..line_end).unwrap_or_default().trim_ascii_end();
        start = line_end;
        // After a syntax error the scalars are not known, so a `%` there may be text.
        if end < at || limits::PROBLEMS <= all.len() {
            break;
        }
        if !content.starts_with('%') || is_version(content) || spaces.token(at).is_some() {
            continue;
        }
        let word = content.split([' ', '\t']).next().unwrap_or_default();
        let span = span_at(text, at, content.len());
        let found = format!("this is the directive {word}");
        let problem = Diagnostic::error(path, Some(span), code::DIRECTIVE, found);
        all.push(
            problem
                .expected("none, or %YAML 1.1 or %YAML 1.2")
                .hint("remove it, and write each tag in full: YAML readers disagree about it"),
        );
    }
    all
}

/// `%YAML 1.2`, perhaps with a comment.
fn is_version(line: &str) -> bool {
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    words.next() == Some("%YAML")
        && matches!(words.next(), Some("1.1" | "1.2"))
        && words.next().is_none_or(|word| word.starts_with('#'))
}

/// The tabs and exotic spaces of a text that are not safely inside quotes, block text or comments.
/// `tokens` are its scalars in order; what lies beyond `end` was not read and is left out.
pub(super) fn misplaced_spaces(
    path: &SourcePath,
    text: &str,
    tokens: &[ScalarSpan],
    end: usize,
) -> Vec<Diagnostic> {
    if is_ordinary(text) {
        return Vec::new();
    }
    let spaces = Spaces { text, tokens };
    // JSON allows tabs between its tokens, and every JSON reader takes them; exotic spaces it has
    // in its texts only.
    let mut is_json = None;
    let mut all = Vec::new();
    let mut from = 0;
    // Each run of white space and each comment is examined once: a file may be full of them.
    while let Some(run) = next_run(text, from).filter(|run| run.start < end) {
        from = run.end;
        let misplaced = match spaces.context(&run) {
            Context::Text => None,
            Context::Comment => {
                let rest = text.get(from..).unwrap_or_default();
                from = rest.find(['\n', '\r']).map_or(text.len(), |length| from + length);
                None
            }
            Context::Plain(token) => first_of(text, &run, is_tab)
                .or_else(|| first_of(text, &run, is_exotic_space))
                .filter(|(_, character)| *character == '\t' || spaces.is_at_an_edge(&run, token)),
            Context::Between => first_of(text, &run, |one| is_tab(one) || is_exotic_space(one)),
        };
        let Some((at, character)) = misplaced else { continue };
        if character == '\t' && *is_json.get_or_insert_with(|| is_json_text(text)) {
            break;
        }
        let span = span_at(text, at, character.len_utf8());
        let found = format!("{} indents or separates here", name(character));
        let problem = Diagnostic::error(path, Some(span), code::CHARACTER, found);
        all.push(problem.expected("ordinary spaces").hint(
            "YAML readers disagree about it here; where it belongs to a text, quote the text",
        ));
        if limits::PROBLEMS <= all.len() {
            break;
        }
    }
    all
}

fn is_tab(character: char) -> bool {
    character == '\t'
}

fn is_blank(character: char) -> bool {
    character == ' ' || is_tab(character) || is_exotic_space(character)
}

/// The next run of white space within a line that holds more than spaces.
fn next_run(text: &str, from: usize) -> Option<Range<usize>> {
    let rest = text.get(from..)?;
    let first = rest.find(|character| is_tab(character) || is_exotic_space(character))?;
    let (before, after) = rest.split_at_checked(first)?;
    let start = before.trim_end_matches(' ').len();
    let length = after.find(|character| !is_blank(character)).unwrap_or(after.len());
    Some(from + start..from + first + length)
}

fn first_of(
    text: &str,
    run: &Range<usize>,
    wanted: impl Fn(char) -> bool,
) -> Option<(usize, char)> {
    let characters = text.get(run.clone())?.char_indices();
    characters.map(|(at, one)| (run.start + at, one)).find(|(_, one)| wanted(*one))
}

/// The context of a run of white space.
enum Context {
    /// Quotes or a block.
    Text,
    Plain(ScalarSpan),
    Comment,
    /// Nothing: it indents or separates.
    Between,
}

/// The places of white space in a text.
struct Spaces<'t> {
    text: &'t str,
    tokens: &'t [ScalarSpan],
}

impl Spaces<'_> {
    fn token(&self, at: usize) -> Option<ScalarSpan> {
        let after = self.tokens.partition_point(|token| token.start <= at);
        let token = self.tokens.get(after.checked_sub(1)?)?;
        (at < token.end).then_some(*token)
    }

    /// The last character of a run decides: spaces before a scalar may be followed by white space
    /// that the scalar begins with.
    fn context(&self, run: &Range<usize>) -> Context {
        match self.token(run.end.saturating_sub(1)) {
            Some(ScalarSpan { plain: false, .. }) => Context::Text,
            Some(token) => Context::Plain(token),
            None if self.is_comment(run) => Context::Comment,
            None => Context::Between,
        }
    }

    /// Whether white space in plain text begins or ends a line of it, or is next to an indicator: a
    /// reviewer sees a separation where a parser sees none.
    fn is_at_an_edge(&self, run: &Range<usize>, ScalarSpan { start, end, .. }: ScalarSpan) -> bool {
        let left = self.text.get(start..run.start).and_then(|before| before.chars().next_back());
        let right = self.text.get(run.end..end).and_then(|after| after.chars().next());
        left.is_none_or(|left| matches!(left, '\n' | '\r' | ':' | '-' | '?' | ','))
            || right.is_none_or(|right| matches!(right, '\n' | '\r' | ':' | '#' | ','))
    }

    /// Whether a comment began before a run on its line.
    fn is_comment(&self, run: &Range<usize>) -> bool {
        let before = self.text.get(..run.start).unwrap_or_default();
        let line_start = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
        let line = before.get(line_start..).unwrap_or_default();
        line.match_indices('#').any(|(hash, _)| {
            let leading = line.get(..hash).unwrap_or_default();
            let is_separated = leading.is_empty() || leading.ends_with(is_blank);
            is_separated && self.token(line_start + hash).is_none()
        })
    }
}

fn is_json_text(text: &str) -> bool {
    let body = text.trim_start_matches(BOM);
    body.trim_ascii_start().starts_with(['{', '['])
        && serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok()
}

/// Whether the text is printable ASCII in lines, as almost every file is: then nothing has to be
/// checked.
fn is_ordinary(text: &str) -> bool {
    let mut before = b'\n';
    let is_ordinary = text.bytes().all(|byte| {
        // A carriage return alone ends a line for some readers only.
        let goes_on = before != b'\r' || byte == b'\n';
        before = byte;
        goes_on && matches!(byte, b' '..=b'~' | b'\n' | b'\r')
    });
    is_ordinary && before != b'\r'
}

/// Why a character is refused everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CharacterRefusal {
    Return,
    Break,
    Direction,
    Unprintable,
    Invisible,
}

impl CharacterRefusal {
    fn of(character: char, next: Option<char>) -> Option<Self> {
        match character {
            '\r' => (next != Some('\n')).then_some(Self::Return),
            '\t' | '\n' => None,
            '\u{85}' | '\u{2028}' | '\u{2029}' => Some(Self::Break),
            '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => Some(Self::Direction),
            // Not printable in either version of YAML.
            '\u{feff}' | '\u{fffe}' | '\u{ffff}' => Some(Self::Unprintable),
            _ if character.is_control() => Some(Self::Unprintable),
            _ => is_invisible(character).then_some(Self::Invisible),
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Return => {
                "end lines with LF or CRLF: a CR alone ends a line for some YAML readers only"
            }
            Self::Break => {
                "remove it: YAML 1.1 readers end the line here, which other readers do not"
            }
            Self::Direction => {
                "remove it: it changes the order in which the text is shown, not what it says"
            }
            Self::Unprintable => "remove it: YAML does not allow it, and no editor shows it",
            Self::Invisible => "remove it: it is invisible, and it changes the text",
        }
    }
}

/// Whether a character looks like a space but is none to a YAML reader.
pub(crate) fn is_exotic_space(character: char) -> bool {
    matches!(
        character,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refused_character_has_a_name_and_none_is_printable_text() {
        for number in 0..=0x10_ffff {
            let Some(character) = char::from_u32(number) else { continue };
            let refused = CharacterRefusal::of(character, None).is_some();
            if refused || is_exotic_space(character) {
                let name = name(character);
                let known = !name.ends_with(')') || character == '\u{feff}';
                let unnamed = ('\u{80}'..='\u{9f}').contains(&character)
                    || matches!(character, '\u{2065}' | '\u{fff0}'..='\u{fff8}')
                    || matches!(character, '\u{e0000}'..='\u{e0fff}' | '\u{fffe}' | '\u{ffff}');
                assert!(known || unnamed, "{name}");
            }
            // Letters that nobody sees, by their names.
            let is_letter = character.is_alphanumeric()
                && !name(character).ends_with("FILLER")
                && !matches!(character, '\u{17b4}' | '\u{17b5}');
            assert!(!refused || !is_letter, "{character:?}");
        }
    }
}
