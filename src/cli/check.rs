//! `conformd check`: tries the settings against AWS; one line a check, with what to do.
//!
//! Gathers facts and prints what `domain/present/preflight` makes of them. Reads only.

mod facts;

use std::process::ExitCode;

use serde::Serialize;
use strum::IntoEnumIterator as _;

use super::terminal::{paint, print};
use crate::cli::settings;
use crate::config::SettingsFile;
use crate::domain::present::preflight::{CheckLine, Grade, lines};

/// What the names in front of the lines mean.
const CHECKS: &str = "\
Checks:
  identity            which account the credentials belong to; it must be aws.expectedAccountId
  organization        whether an organization with all features exists
  administrator       whether the account may own organization packs
  trusted-access      whether trusted access is enabled for AWS Config
  accounts            whether the member accounts can be listed
  region              whether each region can be read; one line per region
  packs               how much of the quota of packs is used, by which installations
  permissions         which reads were denied, and which permissions only a write can test
  recorder-probe      whether conformd can assume recorderProbe.roleName in two members
  management-account  whether packs can deploy to it, unless manifests exclude it
  source              whether the manifests can be read and are valid
  record              whether losses are recorded, since when, and how many
  template-bucket     the bucket for templates that are too large for a request
  delivery-buckets    the buckets to which packs deliver results
  http-listen         whether other machines can reach the daemon's HTTP server
  http-token          whether http.tokenFile can be read, by conformd and by other users
  clock               how much this machine's clock differs from AWS's";

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = CHECKS)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    settings: SettingsFile,
    /// Output format.
    #[arg(short, long, value_enum, default_value = "text")]
    output: CheckOutput,
}

/// Output format.
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
    let counts: Vec<String> =
        Grade::iter().map(|grade| format!("{} {grade}", count(grade))).collect();
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
