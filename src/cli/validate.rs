//! `conformd validate`: what the daemon would say of these manifests, offline, for pull requests.
//!
//! Reading and judging are the daemon's own; this file owns the arguments and the exit code.

mod files;
mod output;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::ValueEnum;

use super::settings;
use super::terminal::{paint, print};
use crate::clock::Clock;
use crate::config::SourceLocation;
use crate::domain::base::model::{Malformed, Region};
use crate::domain::declared::catalog::Catalog;
use crate::domain::declared::constraints::Constraints;
use crate::domain::declared::snapshot::Snapshot;
use crate::session::constraints;

pub use report::Report;

/// Checks manifests and their templates without asking AWS.
#[derive(Debug, clap::Args)]
pub struct ValidateArgs {
    /// A manifest file, or a directory of manifests [default with --config: source.path of the
    /// settings]
    #[arg(value_name = "PATH", required_unless_present = "config")]
    path: Option<PathBuf>,

    /// Take root, regions, template bucket and remediations from this settings file
    #[arg(short, long, value_name = "FILE")]
    #[arg(conflicts_with_all = ["root", "regions", "template_bucket", "allow_remediations"])]
    config: Option<PathBuf>,

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

    /// Check as with a configured template bucket: a template that is too large to be sent inline
    /// is a warning and not an error. This version holds its pack all the same
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
    let ValidateArgs { output, verbose, .. } = args;
    let (place, constraints) = judged(args)?;
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

/// What is read, and what it is checked against.
fn judged(args: &ValidateArgs) -> anyhow::Result<(files::ValidatedRoot, Constraints)> {
    let ValidateArgs {
        path,
        config,
        root,
        output: _,
        regions,
        template_bucket,
        allow_remediations,
        verbose: _,
    } = args;
    if let Some(file) = config {
        let config = settings::load(file)?;
        let SourceLocation::Directory { root, path: manifests, absence: _ } = &config.source;
        // A root that the settings name relative to a file in this directory is this directory.
        let root = if root.as_os_str().is_empty() { Path::new(".") } else { root.as_path() };
        let path = path.clone().unwrap_or_else(|| root.join(manifests));
        return Ok((files::ValidatedRoot::of(&path, Some(root))?, constraints(&config)));
    }
    let path = path.as_deref().context("PATH is missing")?;
    let constraints = Constraints {
        regions: (!regions.is_empty()).then(|| regions.iter().cloned().collect()),
        template_bucket: *template_bucket,
        remediation_allowed: *allow_remediations,
    };
    Ok((files::ValidatedRoot::of(path, root.as_deref())?, constraints))
}

/// Judges a snapshot as the daemon would, remembering nothing.
pub fn report<'s>(snapshot: &'s Snapshot, constraints: &Constraints) -> Report<'s> {
    Report { snapshot, catalog: Catalog::read(snapshot, constraints, None) }
}

pub use output::{github, json, text};
