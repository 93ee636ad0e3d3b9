//! `conformd explain`: the status of one account for every pack, the reasons, and what happens
//! next.

use std::process::ExitCode;

use super::answers::{DaemonAddress, DaemonAnswer, as_wrong_name, refusal};
use super::ask::segment;
use super::terminal::{layout, paint, print};
use crate::domain::base::model::{AccountId, Malformed, PackName};
use crate::domain::present::view::NotFound;
use crate::domain::present::view::account::{AccountView, IS_NAME_OF, account, ambiguous, by_name};
use crate::text;

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub(super) struct ExplainArgs {
    /// The account's id, or its name
    #[arg(value_name = "ACCOUNT", value_parser = AccountWord::parse)]
    account: AccountWord,
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

/// How an account is named on the command line.
#[derive(Debug, Clone)]
enum AccountWord {
    Id(AccountId),
    Name(String),
}

impl AccountWord {
    /// Digits are an id: a mistyped one is not looked for among the names.
    fn parse(text: &str) -> Result<Self, String> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            account_id(text).map(Self::Id)
        } else {
            Ok(Self::Name(text.to_owned()))
        }
    }
}

/// An account id as an argument, where quotes do not matter as they do in YAML.
pub(super) fn account_id(text: &str) -> Result<AccountId, String> {
    text.parse().map_err(|Malformed { .. }| "expected an account id (12 digits)".to_owned())
}

/// Prints the explanation.
pub(super) async fn run(args: ExplainArgs) -> anyhow::Result<ExitCode> {
    let view = Box::pin(explanation(&args)).await.map_err(as_wrong_name)?;
    match args.output {
        ExplainOutput::Text => {
            let text = text::account(&view, layout(false));
            print(&paint::plan(&text, paint::stdout_has_colour()))?;
        }
        ExplainOutput::Json => print(&(serde_json::to_string_pretty(&view)? + "\n"))?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn explanation(args: &ExplainArgs) -> anyhow::Result<AccountView> {
    let word = match &args.account {
        AccountWord::Id(id) => id.to_string(),
        AccountWord::Name(name) => segment(name),
    };
    let answer = match Box::pin(args.whom.answer(&args.page(&word), &[])).await {
        // The API knows accounts by id, and answers a name with the ids of that name.
        Err(error) => match refused_name(&error, &args.account)? {
            Some(id) => Box::pin(args.whom.answer(&args.page(id.as_str()), &[])).await?,
            None => return Err(error),
        },
        Ok(answer) => answer,
    };
    Ok(match answer {
        DaemonAnswer::Given(view) => view,
        DaemonAnswer::ReadDirectly(facts) => {
            let id = match &args.account {
                AccountWord::Id(id) => *id,
                AccountWord::Name(name) => by_name(&facts, name)?,
            };
            account(&facts, id, args.pack.as_ref().map(PackName::as_str))?
        }
    })
}

impl ExplainArgs {
    fn page(&self, word: &str) -> String {
        let query = self.pack.as_ref().map(|pack| format!("?pack={}", segment(pack.as_str())));
        format!("/api/v1/accounts/{word}{}", query.unwrap_or_default())
    }
}

/// The id of the only account of a name, from the answer of a daemon that was asked for the name.
fn refused_name(error: &anyhow::Error, asked: &AccountWord) -> anyhow::Result<Option<AccountId>> {
    let AccountWord::Name(name) = asked else { return Ok(None) };
    let ids = refusal(error).and_then(|why| why.split_once(IS_NAME_OF)).map(|(_, ids)| ids);
    let ids: Vec<AccountId> =
        ids.unwrap_or_default().split(", ").filter_map(|id| id.parse().ok()).collect();
    match *ids {
        [] => Ok(None),
        [id] => Ok(Some(id)),
        [..] => Err(NotFound(ambiguous(name, &ids)).into()),
    }
}
