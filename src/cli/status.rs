//! `conformd status`: is everything as it should be, and if not, who must act.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use super::answers::{DaemonAddress, DaemonAnswer, as_wrong_name};
use super::exit::{EXIT_UNKNOWN, WrongName};
use super::run::Signals;
use super::terminal::{layout, note, paint, print, stream};
use crate::clock::Clock;
use crate::config::ConfigError;
use crate::domain::base::model::{Region, Timestamp};
use crate::domain::base::time::to_second;
use crate::domain::present::view::status::{StatusView, status};
use crate::text;

/// The time between two questions to a daemon: it answers from memory.
const WATCH_EVERY: Duration = Duration::from_secs(5);
/// The time between two readings of AWS: each reads every pack and every member.
const READ_EVERY: Duration = Duration::from_mins(5);
/// Moves the cursor to the first place of an empty screen.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

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
    /// Print the status again when it changes, until Ctrl-C; the exit code is that of the last one.
    /// JSON has one line for each
    #[arg(short, long)]
    watch: bool,
    /// The time between two readings [default: 5s from a daemon, 5m from AWS]
    #[arg(long, value_name = "TIME", requires = "watch", value_parser = humantime::parse_duration)]
    every: Option<Duration>,
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

/// The status, or why it is not known.
enum StatusAnswer {
    Known { view: Box<StatusView>, every: Duration },
    Unknown(String),
}

/// Prints the status; the exit code is its state. An unknown state is an answer too.
pub(super) async fn run(args: StatusArgs) -> anyhow::Result<ExitCode> {
    if args.watch {
        return watch(&args).await;
    }
    match Box::pin(observed(&args)).await? {
        StatusAnswer::Known { view, every: _ } => {
            print(&args.text(&view)?)?;
            Ok(ExitCode::from(view.health.state.exit_code()))
        }
        StatusAnswer::Unknown(why) => {
            note(&why)?;
            Ok(ExitCode::from(EXIT_UNKNOWN))
        }
    }
}

/// Prints the status whenever it has changed, which it has not if only time has passed.
async fn watch(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let mut stop = Signals::new()?;
    let clock = Clock::system();
    let (mut shown, mut code) = (String::new(), EXIT_UNKNOWN);
    let is_terminal = std::io::stdout().is_terminal();
    loop {
        // A reading that is not awaited costs nothing but its answer.
        let answer = tokio::select! {
            answer = Box::pin(observed(args)) => answer?,
            _ = stop.stop() => return Ok(ExitCode::from(code)),
        };
        let pause = match answer {
            StatusAnswer::Known { view, every } => {
                code = view.health.state.exit_code();
                let text = args.text(&view)?;
                let lasting = args.lasting(&view)?;
                if lasting != shown {
                    stream(&format!("{}{text}", args.before(&view, &shown, is_terminal)))?;
                    shown = lasting;
                }
                every
            }
            // A daemon that restarts answers again soon.
            StatusAnswer::Unknown(why) => {
                code = EXIT_UNKNOWN;
                if why != shown {
                    note(&why)?;
                    shown = why;
                }
                WATCH_EVERY
            }
        };
        tokio::select! {
            () = clock.sleep(args.every.unwrap_or(pause)) => {}
            _ = stop.stop() => return Ok(ExitCode::from(code)),
        }
    }
}

async fn observed(args: &StatusArgs) -> anyhow::Result<StatusAnswer> {
    let names: Vec<&str> = args.regions.iter().map(Region::as_str).collect();
    let query =
        // Without the parameter the daemon answers for all regions.
        if names.is_empty() { String::new() } else { format!("?regions={}", names.join(",")) };
    let page = format!("/api/v1/status{query}");
    let answer = Box::pin(args.whom.answer(&page, &args.regions)).await;
    Ok(match answer.map_err(as_wrong_name) {
        Ok(DaemonAnswer::Given(view)) => {
            StatusAnswer::Known { view: Box::new(view), every: WATCH_EVERY }
        }
        Ok(DaemonAnswer::ReadDirectly(facts)) => {
            StatusAnswer::Known { view: Box::new(status(&facts)), every: READ_EVERY }
        }
        // Wrong settings and names are a mistake of the caller, not a state of the organization:
        // they get other exit codes than an unknown state.
        Err(error) if error.is::<ConfigError>() || error.is::<WrongName>() => return Err(error),
        Err(error) => StatusAnswer::Unknown(paint::error(&format!("{error:#}"))),
    })
}

impl StatusArgs {
    fn text(&self, view: &StatusView) -> anyhow::Result<String> {
        Ok(match (self.output, self.watch) {
            (StatusOutput::Table | StatusOutput::Wide, _) => {
                paint::plan(&self.table(view), paint::stdout_has_colour())
            }
            (StatusOutput::Json, false) => serde_json::to_string_pretty(view)? + "\n",
            (StatusOutput::Json, true) => serde_json::to_string(view)? + "\n",
        })
    }

    /// What stands before a status that is printed again: on a terminal it replaces the earlier
    /// one; in a file a blank line and the time separate them.
    fn before(&self, view: &StatusView, shown: &str, is_terminal: bool) -> String {
        let blank = if shown.is_empty() { "" } else { "\n" };
        match self.output {
            _ if is_terminal => CLEAR.to_owned(),
            StatusOutput::Table | StatusOutput::Wide => {
                format!("{blank}{}\n", to_second(view.now))
            }
            // Each line has its time.
            StatusOutput::Json => String::new(),
        }
    }

    fn table(&self, view: &StatusView) -> String {
        text::status(view, layout(self.output == StatusOutput::Wide))
    }

    /// What of the status is the same as long as nothing happens.
    fn lasting(&self, view: &StatusView) -> anyhow::Result<String> {
        Ok(match self.output {
            StatusOutput::Table | StatusOutput::Wide => ageless(&self.table(view)),
            StatusOutput::Json => without_times(serde_json::to_value(view)?).to_string(),
        })
    }
}

/// Fields that are other ones after every reading, besides those in seconds.
const COUNTED: [&str; 2] = ["reads", "reconciliation"];

fn without_times(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let is_time = |key: &str| key.ends_with("_seconds") || COUNTED.contains(&key);
            let fields = fields.into_iter().filter(|(key, _)| !is_time(key));
            fields.map(|(key, value)| (key, without_times(value))).collect()
        }
        Value::Array(values) => values.into_iter().map(without_times).collect(),
        Value::String(text) => Value::String(ageless(&text)),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    }
}

/// A text without moments and spans of time (`2h 10m`), on one line: how lines break depends on
/// them.
fn ageless(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| !is_time(word));
    words.collect::<Vec<_>>().join(" ")
}

fn is_time(word: &str) -> bool {
    let word = word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
    let number = word.strip_suffix(['s', 'm', 'h', 'd']);
    number.is_some_and(|number| number.parse::<u64>().is_ok()) || word.parse::<Timestamp>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_time_is_left_out_of_what_is_compared() {
        let text = "! 3 accounts (2h 10m left),\n  last read 45s ago (until 2026-11-02T08:00:00Z)";
        assert_eq!(ageless(text), "! 3 accounts left), last read ago (until");
        let value = serde_json::json!({
            "now": "2026-11-02T08:00:00.5Z", "age_seconds": 3, "reads": {"accepted": 4},
            "problems": [{"count": 3, "why": "last read 3d 4h ago"}],
        });
        let lasting = serde_json::json!({
            "now": "", "problems": [{"count": 3, "why": "last read ago"}],
        });
        assert_eq!(without_times(value), lasting);
    }
}
