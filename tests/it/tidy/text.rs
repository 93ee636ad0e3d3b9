//! Rust text without what is no code. Lines stay where they are.

/// What stands for a character of a literal: white space, but not that of comments.
pub(crate) const LITERAL: char = '\u{a0}';

/// The text with comments replaced by spaces, and literals by [`LITERAL`].
pub(crate) fn code(text: &str) -> String {
    let mut rest: Vec<char> = text.chars().rev().collect();
    let mut code = String::with_capacity(text.len());
    while let Some(character) = rest.pop() {
        let next = rest.last().copied();
        match (character, next) {
            ('/', Some('/')) => {
                blank(&mut code, ' ', &mut rest, |_, next| next == Some('\n'));
            }
            ('/', Some('*')) => block_comment(&mut code, &mut rest),
            ('r', Some('"' | '#')) if !in_word(&code) => raw_string(&mut code, &mut rest),
            ('"', _) => quoted(&mut code, &mut rest, '"'),
            ('\'', _) if is_character(&rest) => quoted(&mut code, &mut rest, '\''),
            _ => code.push(character),
        }
    }
    code
}

/// The code without items that are only compiled for tests.
pub(crate) fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some((before, after)) = rest.split_once(MARK) {
        let end = item_end(after);
        let (item, beyond) = after.split_at(end);
        kept.push_str(before);
        kept.extend(item.chars().filter(|&character| character == '\n'));
        rest = beyond;
    }
    kept + rest
}

/// Where the item that begins here ends: after its closing brace, or its semicolon.
pub(super) fn item_end(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, character) in code.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// The line, from 1, in which this byte lies.
pub(super) fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// Every place where this word stands by itself.
pub(super) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let starts = !(code[..at].ends_with(is_part) && word.starts_with(is_part));
        let ends = !(code[at + word.len()..].starts_with(is_part) && word.ends_with(is_part));
        starts && ends
    })
}

fn in_word(code: &str) -> bool {
    // `br"…"` and `cr"…"` are raw strings too.
    let before = code.trim_end_matches(['b', 'c']);
    before.ends_with(|character: char| character.is_alphanumeric() || character == '_')
}

/// Whether a quote begins a character and not a lifetime.
fn is_character(rest: &[char]) -> bool {
    let mut ahead = rest.iter().rev();
    match (ahead.next(), ahead.next()) {
        (Some('\\'), _) => true,
        (Some(_), Some(next)) => *next == '\'',
        _ => false,
    }
}

/// Blanks the opening character and what follows until `is_end`, which sees the one just taken and
/// the one after it.
fn blank(
    code: &mut String,
    with: char,
    rest: &mut Vec<char>,
    mut is_end: impl FnMut(char, Option<char>) -> bool,
) {
    code.push(with);
    while let Some(character) = rest.pop() {
        code.push(if character == '\n' { '\n' } else { with });
        if is_end(character, rest.last().copied()) {
            return;
        }
    }
}

fn block_comment(code: &mut String, rest: &mut Vec<char>) {
    let mut depth = 0_usize;
    let mut before = '/';
    blank(code, ' ', rest, |character, _| {
        match (before, character) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth = depth.saturating_sub(1),
            _ => {
                before = character;
                return false;
            }
        }
        before = ' ';
        depth == 0
    });
}

fn raw_string(code: &mut String, rest: &mut Vec<char>) {
    let hashes = rest.iter().rev().take_while(|&&character| character == '#').count();
    if rest.iter().rev().nth(hashes) != Some(&'"') {
        // A raw identifier such as `r#type`.
        code.push('r');
        return;
    }
    let closing: String = format!("\"{}", "#".repeat(hashes));
    rest.truncate(rest.len() - closing.len());
    code.extend(closing.chars().map(|_| LITERAL));
    let mut seen = String::new();
    blank(code, LITERAL, rest, |character, _| {
        seen.push(character);
        seen.ends_with(&closing)
    });
}

fn quoted(code: &mut String, rest: &mut Vec<char>, quote: char) {
    let mut escaped = false;
    blank(code, LITERAL, rest, |character, _| {
        let is_end = character == quote && !escaped;
        escaped = character == '\\' && !escaped;
        is_end
    });
}

#[test]
fn comments_and_literals_are_no_code() {
    let text = r##"
let a = "// \" {"; // "b"
let b = r#"x " {"#; /* { /* } */ { */ let c = b"{";
fn d<'a>(e: &'a str) { f('{', '\'', '\\', r"\"); let r#type = 1; }
"##;
    insta::assert_snapshot!(code(text).replace(LITERAL, "·"), @r"
    let a = ·········;       
    let b = ··········;                   let c = b···;
    fn d<'a>(e: &'a str) { f(···, ····, ····, ····); let r#type = 1; }
    ");
}
