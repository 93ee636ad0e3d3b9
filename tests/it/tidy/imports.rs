//! Who may know whom. The picture is in `docs/architecture.md`; the two change together.

use super::text::{line_of, words};
use super::{File, Finding};

/// Each module and what it may import: only what stands above it here.
#[rustfmt::skip]
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("domain/base", &[]),
    ("domain/declared", &["domain/base"]),
    ("domain/observed", &["domain/base"]),
    ("domain/organization", &["domain/base", "domain/declared"]),
    ("domain/members", &["domain/base", "domain/observed", "domain/organization"]),
    ("domain/plan", &[
        "domain/base", "domain/declared", "domain/observed", "domain/organization", "domain/members",
    ]),
    ("domain/present", &[
        "domain/base", "domain/declared", "domain/observed", "domain/organization", "domain/members",
        "domain/plan",
    ]),
    ("domain", &[]),
    ("telemetry", &[]),
    ("clock", &["domain"]),
    ("cloud", &["domain"]),
    ("config", &["domain"]),
    ("beats", &["domain", "clock"]),
    ("listing", &["domain", "cloud"]),
    ("limiter", &["domain", "clock", "cloud"]),
    ("source", &["domain", "clock"]),
    ("intake", &["domain", "clock", "source"]),
    // The two worlds: neither knows the other, and only `cli` knows both.
    ("aws", &["domain", "clock", "cloud", "config", "limiter"]),
    ("sim", &["domain", "clock", "cloud"]),
    ("record", &["domain", "clock"]),
    // From here on everything is generic over the port.
    ("executor", &["domain", "clock", "cloud", "listing", "record", "telemetry"]),
    ("metrics", &["domain", "cloud", "limiter", "source", "record", "executor"]),
    ("region", &[
        "domain", "clock", "cloud", "beats", "listing", "limiter", "source", "intake", "record",
        "executor", "metrics",
    ]),
    ("organization", &["domain", "clock", "cloud", "beats", "listing", "limiter", "metrics"]),
    ("probe", &["domain", "clock", "cloud", "beats", "limiter"]),
    ("journal", &["domain", "clock", "beats", "record"]),
    // Sees the report and receivers, never a client.
    ("http", &["domain", "clock", "beats", "record", "metrics"]),
    ("cli", &[
        "domain", "telemetry", "clock", "cloud", "config", "beats", "listing", "limiter", "source",
        "intake", "aws", "sim", "record", "executor", "metrics", "region", "organization", "probe", "journal",
        "http",
    ]),
    ("main", &["cli"]),
];

/// Crates of the AWS SDK, by how their names begin.
const SDK: &[&str] = &["aws_sdk_", "aws_config", "aws_smithy", "aws_types", "aws_credential_types"];

/// A module imports only what the table allows it.
pub(super) fn only_downwards(file: &File<'_>) -> Vec<Finding> {
    let Some(module) = file.room().filter(|module| module != "lib") else {
        return Vec::new();
    };
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
        return vec![(1, format!("`{module}` is a new module: say in tidy whom it may import"))];
    };
    // Who may import the domain may import each room of it.
    let top = |name: &str| name.split('/').next().unwrap_or_default().to_owned();
    let found = named_modules(file).into_iter().filter(|(_, name)| {
        *name != module
            && !allowed.contains(&name.as_str())
            && !allowed.contains(&&*top(name))
            && MAY_IMPORT.iter().any(|(known, _)| known == name)
    });
    let say = |name| {
        let allowed = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
        format!("`{module}` imports `{name}`: it may import {allowed}; move what both need down")
    };
    found.map(|(line, name)| (line, say(name))).collect()
}

/// Names in the table that stand below the module which may import them: a cycle, or a mistake.
pub(super) fn table_problems() -> Vec<String> {
    let mut above: Vec<&str> = Vec::new();
    let mut problems = Vec::new();
    for (module, allowed) in MAY_IMPORT {
        let below = allowed.iter().filter(|name| !above.contains(name));
        problems.extend(below.map(|name| format!("{module}: {name}")));
        above.push(module);
    }
    problems
}

/// Everything but `aws` speaks the port.
pub(super) fn only_aws_names_the_sdk(file: &File<'_>) -> Vec<Finding> {
    if !file.is_shipped() || file.module() == Some("aws") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for name in SDK {
        for (at, _) in file.shipped.match_indices(name) {
            let say = format!("`{name}` outside of `aws`: say it in the words of `cloud`");
            found.push((line_of(&file.shipped, at), say));
        }
    }
    found
}

/// The modules of the crate that the file names, by path from the crate or from itself.
fn named_modules(file: &File<'_>) -> Vec<(usize, String)> {
    let code = &file.shipped;
    let mut named = Vec::new();
    let mut name = |at: usize, prefix: &str| {
        let rest = &code[at + prefix.len()..];
        named.extend(rooms(rest).into_iter().map(|head| (line_of(code, at), head)));
    };
    let prefixes =
        ["crate::".to_owned(), "conformd::".to_owned(), "super::".repeat(depth(file.path))];
    for prefix in &prefixes {
        for at in words(code, prefix) {
            if !code[..at].ends_with("::") {
                name(at, prefix);
            }
        }
    }
    named
}

/// The same, with the room for what is in the domain.
fn rooms(rest: &str) -> Vec<String> {
    let within = rest.strip_prefix("domain::").map(heads);
    let inner = |head: String| match (&within, head.as_str()) {
        (Some(inner), "domain") => inner.iter().map(|room| format!("domain/{room}")).collect(),
        (_, _) => vec![head],
    };
    heads(rest).into_iter().flat_map(inner).collect()
}

/// How many `super` lead from a file to the root of the crate.
fn depth(path: &str) -> usize {
    let parts = path.trim_start_matches("src/").trim_end_matches(".rs").split('/');
    parts.filter(|part| *part != "mod").count()
}

/// The first names of a path, or of every path in a group.
fn heads(rest: &str) -> Vec<String> {
    let ident = |text: &str| -> String {
        let is_part = |character: &char| character.is_alphanumeric() || *character == '_';
        text.trim_start().chars().take_while(is_part).collect()
    };
    let Some(group) = rest.strip_prefix('{') else {
        return vec![ident(rest)];
    };
    let mut heads = vec![ident(group)];
    let mut level = 1_usize;
    for (at, character) in group.char_indices() {
        match character {
            '{' => level += 1,
            '}' if level == 1 => break,
            '}' => level -= 1,
            ',' if level == 1 => heads.push(ident(&group[at + 1..])),
            _ => {}
        }
    }
    heads
}
