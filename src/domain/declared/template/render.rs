//! Renders the text that is sent from the judged tree, in a form that every reader reads alike.
//!
//! Plain block style, one space of indentation, no comments, no tags. Text is plain only if YAML
//! 1.1, YAML 1.2 and JSON-minded readers agree about it, else in double quotes on one line. Keys
//! are in the author's order, so that the sent text can be compared with the source.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::canonical::Canonical;
use crate::domain::declared::yaml::is_exotic_space;

/// Words that some reader takes for a boolean or for nothing, in whatever case.
const WORDS: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// The text of a template.
pub(super) fn render(tree: &Canonical) -> String {
    let mut out = String::new();
    match tree {
        // Empty collections have only the flow form `{}` and `[]`.
        Canonical::Mapping(entries) if !entries.is_empty() => mapping(&mut out, entries, 0),
        Canonical::Sequence(values) if !values.is_empty() => sequence(&mut out, values, 0),
        Canonical::Null
        | Canonical::Bool(_)
        | Canonical::Number(_)
        | Canonical::Text(_)
        | Canonical::Sequence(_)
        | Canonical::Mapping(_) => {
            inline(&mut out, tree);
            out.push('\n');
        }
    }
    out
}

/// Entries on lines of their own, the first where the caller has come to.
fn mapping(out: &mut String, entries: &[(String, Canonical)], indent: usize) {
    for (index, (key, value)) in entries.iter().enumerate() {
        if 0 < index {
            spaces(out, indent);
        }
        out.push_str(&text(key));
        out.push(':');
        match value {
            Canonical::Mapping(entries) if !entries.is_empty() => {
                out.push('\n');
                spaces(out, indent + 1);
                mapping(out, entries, indent + 1);
            }
            // A sequence in a mapping is indented too, although YAML also permits the column of its
            // key: so every nested collection has the same form.
            Canonical::Sequence(values) if !values.is_empty() => {
                out.push('\n');
                spaces(out, indent + 1);
                sequence(out, values, indent + 1);
            }
            Canonical::Null
            | Canonical::Bool(_)
            | Canonical::Number(_)
            | Canonical::Text(_)
            | Canonical::Sequence(_)
            | Canonical::Mapping(_) => line(out, value),
        }
    }
}

/// Elements on lines of their own, the first where the caller has come to.
fn sequence(out: &mut String, values: &[Canonical], indent: usize) {
    for (index, value) in values.iter().enumerate() {
        if 0 < index {
            spaces(out, indent);
        }
        out.push('-');
        match value {
            // The first entry follows the hyphen, so the entries below it are two spaces further
            // in.
            Canonical::Mapping(entries) if !entries.is_empty() => {
                out.push(' ');
                mapping(out, entries, indent + 2);
            }
            Canonical::Sequence(values) if !values.is_empty() => {
                out.push(' ');
                sequence(out, values, indent + 2);
            }
            Canonical::Null
            | Canonical::Bool(_)
            | Canonical::Number(_)
            | Canonical::Text(_)
            | Canonical::Sequence(_)
            | Canonical::Mapping(_) => line(out, value),
        }
    }
}

/// The rest of a line.
fn line(out: &mut String, value: &Canonical) {
    out.push(' ');
    inline(out, value);
    out.push('\n');
}

/// A scalar, or an empty collection, which has no block form.
fn inline(out: &mut String, value: &Canonical) {
    match value {
        Canonical::Null => out.push_str("null"),
        Canonical::Bool(true) => out.push_str("true"),
        Canonical::Bool(false) => out.push_str("false"),
        Canonical::Number(number) => out.push_str(number),
        Canonical::Text(content) => out.push_str(&text(content)),
        Canonical::Sequence(_) => out.push_str("[]"),
        Canonical::Mapping(_) => out.push_str("{}"),
    }
}

fn spaces(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n(' ', count));
}

/// Text as a value or a key.
pub(super) fn text(content: &str) -> Cow<'_, str> {
    if is_plain(content) {
        return Cow::Borrowed(content);
    }
    let mut out = String::with_capacity(content.len().saturating_add(2));
    out.push('"');
    for character in content.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Four digits: the one escape that YAML 1.1, YAML 1.2 and JSON write alike.
            _ if is_escaped(character) => {
                write!(out, "\\u{:04X}", u32::from(character)).expect("a String takes any text");
            }
            // Letters of any script are written unchanged: readers agree about UTF-8, while YAML
            // and JSON have different escapes for characters beyond U+FFFF.
            _ => out.push(character),
        }
    }
    out.push('"');
    Cow::Owned(out)
}

/// Whether a character is invisible. All of these are below U+10000.
fn is_escaped(character: char) -> bool {
    is_exotic_space(character)
        || character.is_control()
        || matches!(character, '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{2061}'..='\u{2064}')
}

/// Whether every reader reads the plain text as this text: ASCII that begins with a letter, is no
/// reserved word, and holds no character that could be an indicator in its place.
fn is_plain(content: &str) -> bool {
    // A short list of safe characters is easier to verify than the rules of three grammars.
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b" _-./:+=@(),".contains(&byte);
    content.starts_with(|first: char| first.is_ascii_alphabetic())
        && content.bytes().all(is_fine)
        && !content.ends_with([' ', ':'])
        && !content.contains(": ")
        && !WORDS.iter().any(|word| content.eq_ignore_ascii_case(word))
        && !is_like_a_number(content)
}

/// `nan`, `Infinity`, and `e0`, of which the npm package `yaml` makes a number in YAML 1.1.
fn is_like_a_number(content: &str) -> bool {
    let exponent = content.strip_prefix(['e', 'E']).filter(|digits| !digits.is_empty());
    let is_part = |byte: u8| byte.is_ascii_digit() || b"+-_".contains(&byte);
    content.parse::<f64>().is_ok() || exponent.is_some_and(|digits| digits.bytes().all(is_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_plain_only_where_every_reader_agrees() {
        let plain = "AWS::Config::ConfigRule none a b arn:aws:iam::aws:policy/x T2.micro a,b yess \
                     http://example.com/x?";
        let (last, plain) = plain.split_whitespace().next_back().zip(Some(plain)).unwrap();
        assert!(!is_plain(last), "a question mark is quoted");
        for word in plain.split_whitespace().filter(|word| *word != last) {
            assert!(is_plain(word), "{word}");
        }
        let quoted = [
            "e0", "E1_0", "e-3", "nan", "Inf", "", " a", "a ", "a: b", "a:", "a #b", "a#b", "Yes",
            "oN", "NULL", "1", "-a", "~", "=", "<<", "é", "a\tb", "a\nb", "[a", "{a", "*a", "&a",
            "!a", "|", ">", "%a", "@a", "`a", "'a", "\"a", "?a", ".a",
        ];
        for content in quoted {
            assert!(!is_plain(content), "{content:?}");
        }
    }

    #[test]
    fn hidden_characters_are_escaped_and_letters_are_not() {
        let out = text("caf\u{e9}\u{a0}\u{200d}\u{1f600} \"\\\r\n\t");
        assert_eq!(out, "\"caf\u{e9}\\u00A0\\u200D\u{1f600} \\\"\\\\\\r\\n\\t\"");
    }
}
