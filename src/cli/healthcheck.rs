//! `conformd healthcheck`: asks a running daemon whether it is ready, where no other tool is at
//! hand (a container without a shell).

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::answers::listening;
use super::ask::{Address, ask};
use super::settings;
use super::terminal::print;
use crate::domain::base::untrusted::flowing;

/// Bytes of the answer that are read: reasons are sentences.
const ANSWER_MAX: usize = 64 * 1_024;

/// Checks whether a running daemon is ready; exit code 0 if it is, otherwise 1.
#[derive(Debug, clap::Args)]
pub struct HealthcheckArgs {
    /// The plain http:// address to query
    #[arg(long, default_value = "http://127.0.0.1:9464/readyz")]
    url: Address,
    /// Query /readyz at http.listen of this settings file
    #[arg(short, long, value_name = "FILE", conflicts_with = "url")]
    config: Option<PathBuf>,
    /// Time limit for the answer
    #[arg(long, default_value = "4s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

/// Asks once and prints the answer.
pub async fn run(args: &HealthcheckArgs) -> anyhow::Result<ExitCode> {
    let HealthcheckArgs { url, config, timeout } = args;
    let url = match config {
        Some(file) => listening(&settings::load(file)?).join("/readyz"),
        None => url.clone(),
    };
    let (status, body) = ask(&url, *timeout, ANSWER_MAX).await?;
    let code = if status.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    print(&format!("{} {}\n", status.as_u16(), flowing(&body, ANSWER_MAX)))?;
    Ok(code)
}
