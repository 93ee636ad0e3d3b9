//! `conformd validate`: what the daemon would say of these manifests, offline, for pull requests.
//!
//! Reading and judging are the daemon's own; this file owns the arguments and the exit code.

mod files;
mod output;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::ValueEnum;

use super::terminal::{paint, print};
use crate::clock::Clock;
use crate::domain::base::model::{Malformed, Region};
use crate::domain::declared::catalog::Catalog;
use crate::domain::declared::constraints::Constraints;
use crate::domain::declared::snapshot::Snapshot;

pub use report::Report;

/// Checks manifests and their templates without asking AWS.
#[derive(Debug, clap::Args)]
pub struct ValidateArgs {
    /// A manifest file, or a directory of manifests
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// The source root; a template outside it is an error [default: the working directory if PATH
    /// is
    /// beneath it, else PATH's own directory]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: ValidateOutput,

    /// The configured regions, separated by commas: finds regions that are not among them and
    /// parameters that lack a value there
    #[arg(long, value_name = "REGIONS", value_delimiter = ',', value_parser = region)]
    regions: Vec<Region>,

    /// A template bucket is configured: templates may exceed what can be sent inline
    #[arg(long)]
    template_bucket: bool,

    /// Accept templates with remediations, as templates.remediations: allowed does
    #[arg(long)]
    allow_remediations: bool,

    /// List every ignored file
    #[arg(short, long)]
    verbose: bool,
}

/// A form of output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ValidateOutput {
    /// Text, with excerpts
    #[default]
    Text,
    /// JSON, as described in docs/manifests.md
    Json,
    /// Annotations for GitHub's workflow runs
    Github,
}

fn region(text: &str) -> Result<Region, Malformed> {
    text.parse()
}

/// Checks and prints. The exit code is 1 if anything is in error, or if there is no manifest.
pub fn run(args: &ValidateArgs) -> anyhow::Result<ExitCode> {
    let ValidateArgs { path, root, output, regions, template_bucket, allow_remediations, verbose } =
        args;
    let constraints = Constraints {
        regions: (!regions.is_empty()).then(|| regions.iter().cloned().collect()),
        template_bucket: *template_bucket,
        remediation_allowed: *allow_remediations,
    };
    let place = files::ValidatedRoot::of(path, root.as_deref())?;
    let (snapshot, catalog) = place.read(&constraints)?;
    let mut report = Report { snapshot: &snapshot, catalog };
    report.catalog.check_approvals(Clock::system().now());
    let text = match output {
        ValidateOutput::Text => output::text(&report, *verbose, paint::stdout_has_colour()),
        ValidateOutput::Json => output::json(&report).context("the report has no JSON form")?,
        ValidateOutput::Github => output::github(&report, &place.prefix()),
    };
    print(&text).context("writing the report failed")?;
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Judges a snapshot as the daemon would, remembering nothing.
pub fn report<'s>(snapshot: &'s Snapshot, constraints: &Constraints) -> Report<'s> {
    Report { snapshot, catalog: Catalog::read(snapshot, constraints, None) }
}

pub use output::{github, json, text};
