//! `conformd explain`: the status of one account for every pack, the reasons, and what happens
//! next.

use std::process::ExitCode;

use super::answers::{DaemonAddress, DaemonAnswer, layout};
use super::ask::segment;
use super::terminal::{paint, print};
use crate::domain::base::model::{AccountId, PackName};
use crate::domain::present::view::account::account;
use crate::text;

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub(super) struct ExplainArgs {
    /// The account's id
    #[arg(value_name = "ACCOUNT")]
    account: AccountId,
    /// Only this pack
    #[arg(value_name = "PACK")]
    pack: Option<PackName>,
    #[command(flatten)]
    whom: DaemonAddress,
    /// Output format
    #[arg(short, long, value_enum, default_value = "text")]
    output: ExplainOutput,
}

/// How an explanation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ExplainOutput {
    /// Text
    Text,
    /// The response of GET /api/v1/accounts/{id}
    Json,
}

/// Prints the explanation.
pub(super) async fn run(args: ExplainArgs) -> anyhow::Result<ExitCode> {
    let query = args.pack.as_ref().map(|pack| format!("?pack={}", segment(pack.as_str())));
    let page = format!("/api/v1/accounts/{}{}", args.account, query.unwrap_or_default());
    let view = match Box::pin(args.whom.answer(&page, &[])).await? {
        DaemonAnswer::Given(view) => view,
        DaemonAnswer::ReadDirectly(facts) => {
            account(&facts, args.account, args.pack.as_ref().map(PackName::as_str))?
        }
    };
    match args.output {
        ExplainOutput::Text => {
            let text = text::account(&view, layout(false));
            print(&paint::plan(&text, paint::stdout_has_colour()))?;
        }
        ExplainOutput::Json => print(&(serde_json::to_string_pretty(&view)? + "\n"))?,
    }
    Ok(ExitCode::SUCCESS)
}
