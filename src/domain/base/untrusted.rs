//! Text from elsewhere (files, AWS, the network), made fit for one line of a log or a terminal.
//!
//! The meaning of a text does not matter here; JSON and pages have their own escapes.

use std::ops::Range;

// How much of a text from elsewhere is kept or shown, in characters if nothing else is said. Each
// is longer than any text that was seen, and short enough that hostile texts fill neither memory
// nor a screen.

/// A word in place of one that this version knows, or a code: such words are short.
pub const WORD_MAX: usize = 64;
/// An account's name (AWS Organizations API: `AccountName`, 50).
pub const ACCOUNT_NAME_MAX: usize = 50;
/// A path, or the key or value of a label, where many are shown in one document.
pub const LABEL_MAX: usize = 256;
/// AWS's error about a member or a pack, which is kept for each cause. AWS documents no limit, and
/// such texts carry ids and times.
pub const FAILURE_MAX: usize = 512;
/// A text where it is shown (AWS Config API: the longest of messages, bucket names, prefixes and
/// parameter names has 1,024), and the reason in a document for users.
pub const SHOWN_TEXT_MAX: usize = 1_024;
/// One text in an answer of AWS when it is read, in bytes: enough for every message seen.
pub const AWS_BYTES_MAX: usize = 2_048;

/// This text on one line of at most so many characters: characters that would move a cursor, forge
/// a line or turn the direction of writing are escaped, and the rest is cut.
pub fn one_line(text: &str, characters_max: usize) -> String {
    let mut line = String::with_capacity(text.len().min(characters_max));
    let mut room = characters_max;
    for character in text.chars() {
        let length = if is_hidden(character) { character.escape_default().len() } else { 1 };
        // The escaped length counts, so that hostile text cannot grow beyond the limit. An escape
        // is never cut in half.
        let Some(rest) = room.checked_sub(length) else {
            line.push('…');
            break;
        };
        room = rest;
        if is_hidden(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// This text with everything escaped that [`is_hidden`].
pub fn escaped(text: &str) -> String {
    one_line(text, usize::MAX)
}

/// Running text on one line: line breaks and other runs of white space become single spaces.
pub fn flowing(text: &str, characters_max: usize) -> String {
    one_line(&text.split_whitespace().collect::<Vec<_>>().join(" "), characters_max)
}

/// This text with `*` in place of the secrets that it quotes: names and passwords in addresses,
/// and what follows `secretAccessKey:`. All else stays in its place.
pub fn veiled(text: &str) -> String {
    let in_addresses = veil_after(text, "://", |rest| {
        let word = rest.find([' ', '\t', '\n', '"', '\'']).unwrap_or(rest.len());
        0..rest.get(..word).and_then(|word| word.rfind('@')).unwrap_or(0)
    });
    veil_after(&in_addresses, "secretAccessKey:", |rest| {
        let blank = rest.len().saturating_sub(rest.trim_start_matches(' ').len());
        blank..rest.find([',', '}', '\n']).unwrap_or(rest.len()).max(blank)
    })
}

/// Replaces a part of what follows each mark, byte by byte.
fn veil_after(text: &str, mark: &str, part: impl Fn(&str) -> Range<usize>) -> String {
    let mut pieces = text.split_inclusive(mark);
    let mut veiled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let Range { start, end } = part(piece);
        veiled.push_str(piece.get(..start).unwrap_or_default());
        veiled.extend(std::iter::repeat_n('*', end.saturating_sub(start)));
        veiled.push_str(piece.get(end..).unwrap_or_default());
    }
    veiled
}

/// Whether a character is always invisible: Unicode's `Default_Ignorable_Code_Point` and the marks
/// of annotations. [`is_joining`] selects those that join letters or choose their form.
pub fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether a character is invisible and changes the form of its neighbors: languages and emoji need
/// it, names do not.
pub fn is_joining(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// Whether a character is invisible, or changes the display of others.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || is_invisible(character)
        || matches!(
            character,
            // Marks, embeddings, overrides and isolates of Unicode's bidirectional algorithm;
            // among them stand the separators of lines and paragraphs.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn passwords_in_addresses_and_secret_keys_are_veiled_in_their_places() {
        assert_eq!(veiled("see http://127.0.0.1:1/x"), "see http://127.0.0.1:1/x");
        assert_eq!(veiled("'http://example:word@[::1]'"), "'http://************@[::1]'");
        assert_eq!(veiled("{secretAccessKey: a b, url: x}"), "{secretAccessKey: ***, url: x}");
        assert_eq!(veiled("secretAccessKey:\n  x"), "secretAccessKey:\n  x");
    }

    proptest! {
        #[test]
        fn a_veil_keeps_lengths_and_lines(text in "(://|secretAccessKey:|[ @,}\n]|\\PC){0,40}") {
            let shown = veiled(&text);
            prop_assert_eq!(shown.len(), text.len());
            prop_assert_eq!(shown.lines().count(), text.lines().count());
        }
    }

    #[test]
    fn ordinary_text_stays_as_it_is_and_hidden_characters_show() {
        assert_eq!(one_line("prêt à porter, 東京", 80), "prêt à porter, 東京");
        assert_eq!(one_line("a\u{1b}[2J\nb\u{202e}c", 80), "a\\u{1b}[2J\\nb\\u{202e}c");
        assert_eq!(one_line("abcdef", 3), "abc…");
        assert_eq!(flowing("two\r\n\tlines\u{7}", 80), "two lines\\u{7}");
    }

    proptest! {
        #[test]
        fn any_text_is_one_visible_line_within_its_bound(
            text in proptest::collection::vec(any::<char>(), 0..80), most in 0_usize..60,
        ) {
            let text: String = text.into_iter().chain(['\u{2066}', '\n']).collect();
            let line = one_line(&text, most);
            prop_assert!(!line.contains(is_hidden), "{line:?}");
            prop_assert!(line.chars().count() <= most + 1);
        }
    }
}
