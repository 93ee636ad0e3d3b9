//! `conformd schema`: the JSON Schema of manifests, for editors.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::domain::manifest::schema::schema;

/// Prints the schema to stdout.
pub fn run() -> anyhow::Result<ExitCode> {
    let text = serde_json::to_string_pretty(&schema()).context("the schema has no JSON form")?;
    writeln!(io::stdout().lock(), "{text}").context("writing the schema failed")?;
    Ok(ExitCode::SUCCESS)
}
