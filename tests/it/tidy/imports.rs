//! Who may know whom. The picture is in `docs/architecture.md`; the two change together.

use super::paths::{Named, named};
use super::text::line_of;
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
    ("text", &["domain"]),
    ("clock", &["domain"]),
    ("cloud", &["domain"]),
    ("config", &["domain"]),
    ("beats", &["domain", "clock"]),
    ("current", &["domain", "clock"]),
    ("listing", &["domain", "cloud"]),
    ("limiter", &["domain", "clock", "cloud"]),
    // The two worlds: neither knows the other, and only `cli` knows both.
    ("aws", &["domain", "clock", "cloud", "config", "limiter"]),
    ("sim", &["domain", "clock", "cloud"]),
    ("record", &["domain", "clock"]),
    ("tasks/source", &["domain", "clock"]),
    ("tasks/journal", &["domain", "clock", "beats", "current", "record"]),
    // From here on everything is generic over the port.
    ("executor", &["domain", "clock", "cloud", "listing", "record", "telemetry"]),
    ("metrics", &["domain", "cloud", "limiter", "record", "executor"]),
    ("tasks/organization", &["domain", "clock", "cloud", "beats", "listing", "limiter", "metrics"]),
    ("tasks/probe", &["domain", "clock", "cloud", "beats", "limiter"]),
    ("tasks/region", &[
        "domain", "clock", "cloud", "beats", "listing", "limiter", "tasks/source", "record", "executor", "metrics",
    ]),
    ("tasks", &[]),
    // Sees the report and receivers, never a client.
    ("http", &["domain", "text", "clock", "beats", "current", "record", "metrics"]),
    // What reads and writes one organization, as the settings say; the daemon's loops over it.
    ("session", &["domain", "clock", "cloud", "config", "limiter", "aws", "record", "tasks"]),
    ("daemon", &[
        "domain", "clock", "config", "beats", "current", "record", "metrics", "tasks", "http", "session",
    ]),
    ("cli", &[
        "domain", "telemetry", "text", "clock", "current", "cloud", "config", "listing", "limiter",
        "aws", "sim", "record", "tasks", "http", "session", "daemon",
    ]),
    ("main", &["cli"]),
];

/// Modules that consist of rooms.
pub(super) const HOUSES: &[&str] = &["domain", "tasks"];

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
    // Who may import a house may import each room of it.
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

/// The modules of the crate that the file names, as the table calls them.
fn named_modules(file: &File<'_>) -> Vec<(usize, String)> {
    let all = named(file, &[]).into_iter();
    all.filter_map(|Named { line, path, .. }| {
        let module = path.first()?;
        let room = path.get(1).filter(|_| HOUSES.contains(&module.as_str()));
        Some((line, room.map_or_else(|| module.clone(), |room| format!("{module}/{room}"))))
    })
    .collect()
}
