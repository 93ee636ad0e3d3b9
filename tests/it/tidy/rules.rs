//! Size, purity, honesty: one function a rule.

use std::collections::BTreeMap;

use super::text::{LITERAL, item_end, line_of, words};
use super::{File, Finding};

/// Lines of code a file, without comments and tests (`style`: one file owns one noun).
const FILE_LINES_MAX: usize = 500;
/// Lines of code a function.
const FUNCTION_LINES_MAX: usize = 70;
/// Characters a line.
const COLUMNS_MAX: usize = 100;

/// What the pure core may not name, and what to do instead.
const IMPURE: &[(&str, &str)] = &[
    ("async", "read in a task, decide in a plain function"),
    (".await", "read in a task, decide in a plain function"),
    ("tokio", "read in a task, decide in a plain function"),
    ("tracing", "return what a person should know as a value"),
    ("std::fs", "take the content as an argument"),
    ("std::env", "take the value as an argument"),
    ("std::net", "take the answer as an argument"),
    ("std::process", "take the answer as an argument"),
    ("std::thread", "leave concurrency to the tasks"),
    ("Instant", "take the time as an argument"),
    ("SystemTime", "take the time as an argument"),
    ("Timestamp::now", "take the time as an argument"),
    ("HashMap", "use BTreeMap: order is output"),
    ("HashSet", "use BTreeSet: order is output"),
];

/// The pure core has no world around it.
pub(super) fn domain_is_pure(file: &File<'_>) -> Vec<Finding> {
    if file.module() != Some("domain") {
        return Vec::new();
    }
    let find = |(word, instead): &(&'static str, &'static str)| {
        let say = format!("`{word}` in `domain`: {instead}");
        found(&file.shipped, word, &say)
    };
    IMPURE.iter().flat_map(find).collect()
}

/// A file says first what it owns.
pub(super) fn opens_with_its_purpose(file: &File<'_>) -> Vec<Finding> {
    if !file.is_rust() || file.text.starts_with("//!") {
        return Vec::new();
    }
    vec![(1, "no `//!`: open the file with what it owns and what it does not".to_owned())]
}

/// A file owns one noun.
pub(super) fn files_are_short(file: &File<'_>) -> Vec<Finding> {
    let count = lines_of_code(&file.shipped);
    if !file.is_shipped() || count <= FILE_LINES_MAX {
        return Vec::new();
    }
    vec![(1, format!("{count} lines of code, {FILE_LINES_MAX} allowed: split the file by noun"))]
}

/// A function fits on a screen.
pub(super) fn functions_are_short(file: &File<'_>) -> Vec<Finding> {
    if !file.is_shipped() {
        return Vec::new();
    }
    let code = &file.code;
    let long = words(code, "fn").filter_map(|at| {
        let count = lines_of_code(&code[at..at + item_end(&code[at..])]);
        let say =
            || format!("{count} lines, {FUNCTION_LINES_MAX} allowed: push `for` down, `if` up");
        (count > FUNCTION_LINES_MAX).then(|| (line_of(code, at), say()))
    });
    long.collect()
}

/// A line can be read beside another. Texts that a test expects stand as they are.
pub(super) fn lines_are_short(file: &File<'_>) -> Vec<Finding> {
    if !file.is_rust() {
        return Vec::new();
    }
    let lines = file.text.lines().zip(file.code.lines()).enumerate();
    let long = lines.filter_map(|(at, (line, code))| {
        let expected = if file.is_shipped() { 0 } else { code.matches(LITERAL).count() };
        let count = line.chars().count().saturating_sub(expected);
        let say = || format!("{count} columns, {COLUMNS_MAX} allowed: break the line");
        (count > COLUMNS_MAX).then(|| (at + 1, say()))
    });
    long.collect()
}

/// What is there works.
pub(super) fn nothing_is_unfinished(file: &File<'_>) -> Vec<Finding> {
    let unfinished = [
        ("todo!", "finish it, or leave it out"),
        ("unimplemented!", "finish it, or leave it out"),
        ("dbg!", "say it with tracing, or not at all"),
        ("#[ignore", "make the test run, or remove it"),
        ("#[should_panic", "return the error and look at it"),
    ];
    let find = |(word, instead): (&str, &str)| {
        found(&file.code, word, &format!("`{}`: {instead}", word.trim_start_matches("#[")))
    };
    unfinished.into_iter().flat_map(find).collect()
}

/// An exception says why, and says so itself when it is needed no more.
pub(super) fn lints_are_expected_not_allowed(file: &File<'_>) -> Vec<Finding> {
    let say = "`allow`: use `expect(lint, reason = …)`, which tells when it is not needed";
    ["#[allow(", "#![allow("].into_iter().flat_map(|word| found(&file.code, word, say)).collect()
}

/// Errors of a parser name the field.
pub(super) fn serde_is_explicit(file: &File<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for (at, _) in file.code.match_indices("serde(") {
        let attribute = &file.code[at..];
        let attribute = &attribute[..attribute.find(']').unwrap_or(attribute.len())];
        for word in ["flatten", "untagged"] {
            if words(attribute, word).next().is_some() {
                let say = format!("serde's `{word}` ruins error messages: spell the fields out");
                all.push((line_of(&file.code, at), say));
            }
        }
    }
    all
}

/// The name of a test is what it proves.
pub(super) fn tests_are_sentences(file: &File<'_>) -> Vec<Finding> {
    let say = "`test_`: name the sentence that holds";
    file.code
        .match_indices("fn test_")
        .map(|(at, _)| (line_of(&file.code, at), say.into()))
        .collect()
}

/// The project runs anywhere.
pub(super) fn no_machine_is_named(file: &File<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for directory in ["work", "root", "tmp"] {
        let path = format!("/{directory}/");
        for (at, _) in file.text.match_indices(&path) {
            let is_inner =
                |character: char| character.is_alphanumeric() || "._-/*}".contains(character);
            if !file.text[..at].ends_with(is_inner) {
                let say = format!("`{path}` is a place on one machine: leave it out");
                all.push((line_of(file.text, at), say));
            }
        }
    }
    all
}

/// Hosts that the project may name, with everything beneath them.
const HOSTS: &[&str] = &[
    "amazonaws.com",
    "aws.amazon.com",
    "github.com",
    "githubusercontent.com",
    "crates.io",
    "docs.rs",
    "rust-lang.org",
    "prometheus.io",
    "grafana.com",
    "kubernetes.io",
    "apache.org",
    "json-schema.org",
    "w3.org",
    "keepachangelog.com",
    "semver.org",
    "no-color.org",
    "opencontainers.org",
    "example.com",
    "example.org",
    "example.net",
    "example",
    "invalid",
    "test",
    "localhost",
];

/// No text sends a reader, or a build, to a place that nobody decided on.
pub(super) fn hosts_are_known(file: &File<'_>) -> Vec<Finding> {
    if file.path == "Cargo.lock" {
        return Vec::new();
    }
    let mut all = Vec::new();
    for scheme in ["http://", "https://"] {
        for (at, _) in file.text.match_indices(scheme) {
            let rest = &file.text[at + scheme.len()..];
            let is_part =
                |character: char| character.is_ascii_alphanumeric() || ".-".contains(character);
            let host = &rest[..rest.find(|character| !is_part(character)).unwrap_or(rest.len())];
            let host = host.trim_matches('.');
            let is_known = !host.contains(|character: char| character.is_ascii_alphabetic())
                || HOSTS.iter().any(|known| {
                    host.strip_suffix(known).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'))
                });
            if !is_known {
                let say = format!("`{host}` is not among the hosts that tidy knows: is it needed?");
                all.push((line_of(file.text, at), say));
            }
        }
    }
    all
}

fn found(code: &str, word: &str, say: &str) -> Vec<Finding> {
    words(code, word).map(|at| (line_of(code, at), say.to_owned())).collect()
}

/// Lines that hold more than white space.
fn lines_of_code(code: &str) -> usize {
    code.lines().filter(|line| !line.trim().is_empty()).count()
}

/// Words that were replaced, with what is said now: one word per idea.
const REPLACED: &[(&str, &str)] = &[
    ("arrival", "rollout"),
    ("contested", "conflict"),
    ("doorbell", "reconcile now"),
    ("drifted", "out of sync"),
    ("ledger", "record"),
    ("mover", "owner"),
    ("newcomer", "new account"),
    ("rescue", "redeploy"),
    ("sweep", "resync"),
    ("unseen", "unknown"),
    ("verdict", "health (of a rollout), decision"),
];

/// One word per idea, in code, docs and output. The changelog says what was renamed.
pub(super) fn words_are_those_of_the_glossary(file: &File<'_>) -> Vec<Finding> {
    // Here stand the words themselves.
    const EXEMPT: &[&str] = &["docs/CHANGELOG.md", "tests/it/tidy/rules.rs", "tests/it/tidy.rs"];
    if EXEMPT.contains(&file.path) {
        return Vec::new();
    }
    let is_letter = |character: char| character.is_ascii_alphabetic();
    let mut found = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        let lower = line.to_ascii_lowercase();
        for (word, now) in REPLACED {
            let mut places = lower.match_indices(word).filter(|(at, _)| {
                let (before, after) = (&line[..*at], &line[at + word.len()..]);
                // `PageVerdict` has the word, too: a capital begins a word of its own.
                let begins = !before.ends_with(is_letter)
                    || line[*at..].starts_with(|first: char| first.is_ascii_uppercase())
                        && before.ends_with(|last: char| last.is_ascii_lowercase());
                let ends = after.strip_prefix('s').unwrap_or(after);
                begins && !ends.starts_with(|next: char| next.is_ascii_lowercase())
            });
            if places.next().is_some() {
                found.push((number, format!("`{word}` is not said any more: {now}")));
            }
        }
    }
    found
}

/// A type that is found by its name is the one that was looked for.
pub(super) fn type_names_are_declared_once(files: &[File<'_>]) -> Vec<String> {
    let shipped = files.iter().filter(|file| file.is_shipped() && file.is_rust());
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for file in shipped {
        for (number, line) in (1..).zip(file.text.lines()) {
            if let Some(name) = declared_type(line) {
                places.entry(name).or_default().push(format!("{}:{number}", file.path));
            }
        }
    }
    let twice = places.into_iter().filter(|(_, places)| places.len() > 1);
    twice
        .map(|(name, places)| {
            format!("{}: `{name}` is declared more than once: say of what it is", places.join(", "))
        })
        .collect()
}

/// The type that a line declares; the associated types of a trait are none.
fn declared_type(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let mut word = words.next()?;
    if word.starts_with("pub") {
        word = words.next()?;
        if word.ends_with(')') {
            word = words.next()?;
        }
    }
    let is_associated = word == "type" && line.starts_with(' ');
    if is_associated || !["struct", "enum", "trait", "type", "union"].contains(&word) {
        return None;
    }
    let name = words.next()?;
    let end = name.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let name = &name[..end.unwrap_or(name.len())];
    name.starts_with(char::is_uppercase).then_some(name)
}
