//! `conformd schema`: the JSON Schema of manifests, for editors, or what describes the API.

use std::process::ExitCode;

use anyhow::Context as _;

use super::terminal::print;
use crate::domain::declared::manifest::schema::schema;
use crate::http::table;

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
pub struct SchemaArgs {
    /// Print the OpenAPI document that the daemon serves at /api/v1/openapi.json.
    #[arg(long)]
    api: bool,
}

/// Prints the schema to stdout.
pub fn run(args: &SchemaArgs) -> anyhow::Result<ExitCode> {
    let schema = if args.api { table::document().clone() } else { schema().to_value() };
    let text = serde_json::to_string_pretty(&schema).context("the schema has no JSON form")?;
    print(&(text + "\n")).context("writing the schema failed")?;
    Ok(ExitCode::SUCCESS)
}
