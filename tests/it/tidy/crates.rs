//! Which crates each room may use. The list is short on purpose: a crate that is new to a room is a
//! decision, and is made here.

use super::text::{line_of, words};
use super::{File, Finding};

/// Each room, and the crates that it may use.
#[rustfmt::skip]
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain/base", &["jiff", "schemars", "serde", "sha2", "strsim", "strum", "thiserror"]),
    ("domain/declared", &[
        "fancy_regex", "granit_parser", "ignore", "schemars", "serde", "serde_json", "serde_yaml",
        "strum", "thiserror",
    ]),
    ("domain/observed", &["schemars", "serde", "strum"]),
    ("domain/organization", &["schemars", "serde", "strum", "thiserror"]),
    ("domain/members", &["fixedbitset", "schemars", "serde", "strum"]),
    ("domain/plan", &["schemars", "serde", "strum", "thiserror"]),
    ("domain/present", &["jiff", "schemars", "serde", "serde_json", "strum", "thiserror"]),
    ("domain", &[]),
    ("telemetry", &["strum", "thiserror", "tracing", "tracing_subscriber"]),
    ("text", &["comfy_table", "csv", "textwrap"]),
    ("clock", &["jiff", "rustix", "tokio"]),
    ("cloud", &["thiserror"]),
    ("config", &["clap", "humantime", "thiserror"]),
    ("beats", &["tokio"]),
    ("current", &["tokio"]),
    ("listing", &["thiserror"]),
    ("limiter", &["governor", "tokio"]),
    ("aws", &[
        "aws_config", "aws_credential_types", "aws_sdk_config", "aws_sdk_organizations",
        "aws_sdk_sts", "aws_smithy_http_client", "aws_types", "thiserror",
    ]),
    ("sim", &[
        "axum", "form_urlencoded", "granit_parser", "humantime", "hyper", "hyper_util", "jiff",
        "serde", "serde_json", "serde_yaml", "strum", "thiserror", "tokio", "tokio_util", "tower",
        "tracing", "uuid",
    ]),
    ("record", &[
        "rusqlite", "rustix", "serde", "serde_json", "thiserror", "tokio", "tokio_util", "tracing",
        "uuid",
    ]),
    ("tasks/source", &["cap_std", "libc", "notify", "thiserror", "tokio", "tokio_util", "tracing"]),
    ("tasks/journal", &["tokio", "tokio_util", "tracing"]),
    ("tasks/organization", &["futures_util", "thiserror", "tokio", "tokio_util", "tracing"]),
    ("tasks/probe", &["futures_util", "tokio", "tokio_util", "tracing"]),
    ("tasks/region", &["thiserror", "tokio", "tokio_util", "tracing"]),
    ("tasks", &[]),
    ("executor", &["futures_util", "tracing"]),
    ("metrics", &["jiff", "prometheus", "strum", "thiserror"]),
    ("http", &[
        "axum", "form_urlencoded", "hyper", "hyper_util", "maud", "schemars", "serde", "serde_json",
        "sha2", "strum", "subtle", "thiserror", "tokio", "tokio_util", "tower", "tower_http",
        "tracing",
    ]),
    ("session", &["anyhow", "tokio", "tracing"]),
    ("daemon", &["anyhow", "rustix", "thiserror", "tokio", "tokio_util", "tracing"]),
    ("cli", &[
        "annotate_snippets", "anstyle", "anyhow", "axum", "clap", "clap_complete", "clap_mangen",
        "comfy_table", "futures_util", "humantime", "hyper", "hyper_util", "indicatif",
        "percent_encoding", "rustix", "serde", "serde_json", "signal_hook", "strum", "tempfile",
        "terminal_size", "thiserror", "tokio", "tokio_util", "tracing",
    ]),
    ("lib", &[]),
    ("main", &[]),
];

/// A room uses only the crates that the table allows it.
pub(super) fn only_allowed_crates(file: &File<'_>) -> Vec<Finding> {
    let is_test = file.path.ends_with("/tests.rs") || file.path.contains("/tests/");
    let Some(room) = file.room().filter(|_| file.is_rust() && !is_test) else {
        return Vec::new();
    };
    let allowed = MAY_USE.iter().find(|(name, _)| *name == room).map(|(_, allowed)| *allowed);
    let mut found = Vec::new();
    for name in dependencies() {
        let is_allowed = allowed.is_some_and(|allowed| allowed.contains(&name.as_str()));
        let path = format!("{name}::");
        let uses = words(&file.shipped, &path).filter(|at| !file.shipped[..*at].ends_with("::"));
        for at in uses.filter(|_| !is_allowed) {
            let say = format!(
                "`{room}` uses the crate `{name}`: move it to a room that may, or say in tidy why \
                 this one may"
            );
            found.push((line_of(&file.shipped, at), say));
        }
    }
    found
}

/// The crates of the program, as code names them.
fn dependencies() -> impl Iterator<Item = String> {
    let all = include_str!("../../../Cargo.toml").split("\n[dependencies]\n").nth(1);
    let all = all.and_then(|rest| rest.split("\n[").next()).unwrap_or_default();
    all.lines().filter_map(|line| {
        let name = line.split_once(" = ")?.0;
        name.starts_with(|first: char| first.is_ascii_lowercase()).then(|| name.replace('-', "_"))
    })
}
