//! `conformd status`: is everything as it should be, and if not, who must act.

use std::process::ExitCode;

use super::answers::{DaemonAddress, DaemonAnswer, as_wrong_name, layout};
use super::exit::{EXIT_UNKNOWN, WrongName};
use super::terminal::{note, paint, print};
use crate::config::ConfigError;
use crate::domain::base::model::Region;
use crate::domain::present::view::status::{StatusView, status};
use crate::text;

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// Only these regions
    #[arg(value_name = "REGION")]
    regions: Vec<Region>,
    #[command(flatten)]
    whom: DaemonAddress,
    /// Output format
    #[arg(short, long, value_enum, default_value = "table")]
    output: StatusOutput,
}

/// How a status is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum StatusOutput {
    /// Problems, as tables
    Table,
    /// All packs, with names, counts and ages
    Wide,
    /// The response of GET /api/v1/status
    Json,
}

/// Prints the status; the exit code is its state. An unknown state is an answer too.
pub(super) async fn run(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let view = match Box::pin(observed(&args)).await {
        Ok(view) => view,
        // Wrong settings and names are a mistake of the caller, not a state of the organization:
        // they get other exit codes than an unknown state.
        Err(error) if error.is::<ConfigError>() || error.is::<WrongName>() => return Err(error),
        Err(error) => {
            note(&paint::error(&format!("{error:#}")))?;
            return Ok(ExitCode::from(EXIT_UNKNOWN));
        }
    };
    let has_colour = paint::stdout_has_colour();
    match args.output {
        StatusOutput::Table => {
            print(&paint::plan(&text::status(&view, layout(false)), has_colour))?;
        }
        StatusOutput::Wide => print(&paint::plan(&text::status(&view, layout(true)), has_colour))?,
        StatusOutput::Json => print(&(serde_json::to_string_pretty(&view)? + "\n"))?,
    }
    Ok(ExitCode::from(view.health.state.exit_code()))
}

async fn observed(args: &StatusArgs) -> anyhow::Result<StatusView> {
    let names: Vec<&str> = args.regions.iter().map(Region::as_str).collect();
    let query =
        // Without the parameter the daemon answers for all regions.
        if names.is_empty() { String::new() } else { format!("?regions={}", names.join(",")) };
    let page = format!("/api/v1/status{query}");
    let answer = Box::pin(args.whom.answer(&page, &args.regions)).await;
    Ok(match answer.map_err(as_wrong_name)? {
        DaemonAnswer::Given(view) => view,
        DaemonAnswer::ReadDirectly(facts) => status(&facts),
    })
}
