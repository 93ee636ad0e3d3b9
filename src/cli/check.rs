//! `conformd check`: tries the settings against AWS; one line a check, with what to do.
//!
//! Gathers facts and prints what `domain/present/preflight` makes of them. Reads only.

mod facts;

use std::process::ExitCode;

use serde::Serialize;

use super::terminal::{paint, print};
use crate::cli::settings;
use crate::config::SettingsFile;
use crate::domain::present::preflight::{CheckLine, Grade, lines};

/// What the names in front of the lines mean.
const CHECKS: &str = "\
Checks:
  identity            whose credentials are in use, and whether aws.expectedAccountId agrees
  organization        whether there is one, with all features
  administrator       whether the caller may own organization packs
  trusted-access      whether AWS Config may act in the organization
  accounts            whether the members can be listed
  region              whether a region answers; one line a region
  packs               how much of the quota is used there, and by whom
  permissions         which reads were denied, and what only a write would tell
  recorder-probe      whether recorderProbe.roleName lets conformd in to two members
  management-account  whether packs can arrive in it, where manifests do not exclude it
  source              whether the manifests can be read and are valid
  record              whether losses are remembered, since when, and how many there were
  template-bucket     where templates go that are too large for a request
  delivery-buckets    where manifests send the results of packs
  http-listen         whether other machines reach the daemon's HTTP server
  http-token          whether http.tokenFile can be read, and by whom else
  clock               how far this machine's clock is from AWS's

Exit codes: 0 nothing failed (there may be warnings), 1 something failed.";

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = CHECKS)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    settings: SettingsFile,
    /// How the lines are written.
    #[arg(short, long, value_enum, default_value = "text")]
    output: CheckOutput,
}

/// How the lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum CheckOutput {
    Text,
    Json,
}

/// The JSON of `check -o json`; `version` changes when a member changes its meaning.
#[derive(Debug, Serialize)]
struct CheckDocument<'a> {
    version: u32,
    simulated: bool,
    result: Grade,
    checks: &'a [CheckLine],
}

/// Prints every line; 1 when something failed.
pub(super) async fn run(args: CheckArgs) -> anyhow::Result<ExitCode> {
    let config = settings::settings(&args.settings)?;
    let stand_in = config.aws.endpoint.as_ref().map(|endpoint| endpoint.url.clone());
    let facts = facts::gather(config).await?;
    let lines = lines(&facts);
    let result = lines.iter().map(|line| line.result).max().unwrap_or(Grade::Ok);
    match args.output {
        CheckOutput::Text => print(&text(&lines, stand_in.as_deref(), paint::stdout_has_colour()))?,
        CheckOutput::Json => {
            let simulated = stand_in.is_some();
            let document = CheckDocument { version: 1, simulated, result, checks: &lines };
            print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
        }
    }
    // Warnings pass: a check in CI must not fail because of an advice.
    Ok(if result == Grade::Fail { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn text(lines: &[CheckLine], stand_in: Option<&str>, has_colour: bool) -> String {
    let mut text =
        stand_in.map_or_else(String::new, |url| format!("SIMULATED: {url} stands in for AWS\n"));
    let name = |line: &CheckLine| match &line.region {
        Some(region) => format!("{} {region}", line.check.as_str()),
        None => line.check.as_str().to_owned(),
    };
    let width = lines.iter().map(|line| name(line).len()).max().unwrap_or_default();
    for line in lines {
        let mut one =
            format!("{:<4}  {:<width$}  {}", line.result.as_str(), name(line), line.detail);
        one.extend(line.advice.iter().map(|advice| format!("  → {advice}")));
        text.push_str(&paint::line(&one, Some(sign(line.result)), has_colour));
        text.push('\n');
    }
    let count = |grade| lines.iter().filter(|line| line.result == grade).count();
    let counts = Grade::ALL.map(|grade| format!("{} {}", count(grade), grade.as_str()));
    text + &counts.join(", ") + "\n"
}

/// The sign of the plan whose colour the line has.
fn sign(grade: Grade) -> char {
    match grade {
        Grade::Ok => '+',
        Grade::Warn => '~',
        Grade::Fail => '-',
    }
}
