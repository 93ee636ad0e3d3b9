//! The command line: one file a command. The only code that names both `aws` and `sim`.

mod answers;
mod apply;
mod approve;
mod ask;
mod check;
mod completions;
mod demo;
mod diff;
pub mod exit;
mod explain;
mod git;
pub mod healthcheck;
mod history;
mod iam_policy;
mod init;
mod man;
mod plan;
mod reload;
mod run;
pub mod schema;
mod settings;
pub mod simulate;
mod status;
mod surroundings;
pub mod terminal;
pub mod validate;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum as _};
use signal_hook::consts::SIGHUP;

use self::terminal::paint::{self, ColorWhen};
use self::terminal::{is_closed_pipe, note};
use crate::telemetry;
use exit::EXIT_USAGE;

/// Threads that run tasks, which wait for AWS most of the time.
const WORKERS_MAX: usize = 8;
/// Threads for files and names. With the workers they stay beneath the 64 of the service unit
/// (`TasksMax=`), however many cores a machine has; what finds no thread waits for one.
const BLOCKING_MAX: usize = 32;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "conformd",
    version,
    about = "GitOps for AWS Config organization conformance packs",
    max_term_width = 100,
    after_help = exit::table()
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Where options of every command stand in the help: after those of the command.
const LOG: &str = "Log and colors";

/// Options of every command.
#[derive(Debug, Clone, clap::Args)]
struct Global {
    /// Format of the log on stderr.
    #[arg(long, global = true, value_name = "text|json", default_value = "text")]
    #[arg(help_heading = LOG)]
    log_format: telemetry::LogFormat,
    /// Log level: error, warn, info, debug, trace, or a filter such as `conformd=debug`.
    #[arg(long, global = true, env = "CONFORMD_LOG", value_name = "LEVEL", help_heading = LOG)]
    log_level: Option<String>,
    /// When output has colors; `auto`: on a terminal, unless `NO_COLOR` is set.
    #[arg(long, global = true, value_name = "auto|always|never", default_value = "auto")]
    #[arg(help_heading = LOG, hide_possible_values = true)]
    color: ColorWhen,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the first files of a repository: settings, a pack, its template, checks for CI.
    Init(init::InitArgs),
    /// Run the daemon: reconcile every region with the manifests.
    Run(run::RunArgs),
    /// Check the settings file, and make a running daemon reload it.
    Reload(reload::ReloadArgs),
    /// Show what would change, and why, without changing anything.
    Plan(plan::PlanArgs),
    /// Show in what the packs in AWS differ from the manifests, down to single rules.
    Diff(diff::DiffArgs),
    /// Reconcile once: show the plan, ask for confirmation, apply it, and wait for members to
    /// deploy.
    Apply(apply::ApplyArgs),
    /// Print the Approval that permits the losses that are now held, ready to commit.
    Approve(approve::ApproveArgs),
    /// Show problems, who must act, and by when.
    Status(status::StatusArgs),
    /// Explain the status of one account for every pack, and what happens next.
    Explain(explain::ExplainArgs),
    /// Show deliveries, losses and used approvals, as the record has them.
    History(history::HistoryArgs),
    /// Check the settings and permissions against AWS, and print how to fix each problem.
    Check(check::CheckArgs),
    /// Check manifests and templates offline.
    Validate(validate::ValidateArgs),
    /// Print the JSON Schema of manifests, or the OpenAPI document of the API.
    Schema(schema::SchemaArgs),
    /// Print the least-privilege IAM policy that conformd needs.
    IamPolicy(iam_policy::IamPolicyArgs),
    /// Serve a simulated AWS on this machine.
    Simulate(simulate::Simulate),
    /// Run conformd on a simulated organization; no AWS account is needed.
    Demo(demo::DemoArgs),
    /// Check whether a running daemon is ready; exit code 0 if it is, otherwise 1.
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Print shell completions.
    Completions(completions::CompletionsArgs),
    /// Print manual pages.
    Man(man::ManArgs),
}

/// Runs the program: arguments in, exit code out.
pub fn main() -> ExitCode {
    survive_early_hangup();
    let command = Cli::command().color(asked_color());
    let matches = command.try_get_matches();
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { EXIT_USAGE } else { 0 };
            return match error.print() {
                // A closed pipe is no reason to change the code.
                Err(error) if error.kind() != ErrorKind::BrokenPipe => ExitCode::from(1),
                Ok(()) | Err(_) => ExitCode::from(code),
            };
        }
    };
    paint::color(cli.global.color);
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => match note(&paint::error(&format!("{error:#}"))) {
            Ok(()) => ExitCode::from(exit::code_of(&error)),
            Err(_) => ExitCode::from(1),
        },
    }
}

/// What `--color` says of the help and of errors in the command line, which are printed before the
/// command line is known.
fn asked_color() -> clap::ColorChoice {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    let mut said = words.iter().zip(words.iter().skip(1));
    let next = said.find(|(option, _)| *option == "--color").map(|(_, value)| &**value);
    let value = next.or_else(|| words.iter().find_map(|word| word.strip_prefix("--color=")));
    match value.and_then(|value| ColorWhen::from_str(value, false).ok()) {
        Some(ColorWhen::Always) => clap::ColorChoice::Always,
        Some(ColorWhen::Never) => clap::ColorChoice::Never,
        Some(ColorWhen::Auto) | None => clap::ColorChoice::Auto,
    }
}

/// A SIGHUP ends a process that does not handle it, and a daemon may get one before it has read its
/// command line. What it asks for is done then: the settings are read afterwards.
fn survive_early_hangup() {
    // Arguments are not parsed yet, because that alone takes milliseconds. A word too many, as in
    // `explain run`, only means that a closed terminal does not end that command.
    if std::env::args_os().any(|argument| argument == "run") {
        // If this fails, so does the daemon's own handler, which reports it.
        signal_hook::flag::register(SIGHUP, Arc::default()).ok();
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli { global, command } = cli;
    let level = |default: &str| global.log_level.clone().unwrap_or_else(|| default.to_owned());
    // One-shot commands answer on stdout: their log stays quiet unless something is wrong, and
    // what the SDK tries on its way is not wrong.
    let default = match &command {
        Command::Run(_) | Command::Simulate(_) => "info",
        // The demo tells its story itself; panics are printed even so.
        Command::Demo(_) => "off",
        Command::Plan(_)
        | Command::Diff(_)
        | Command::Apply(_)
        | Command::Approve(_)
        | Command::Status(_)
        | Command::Explain(_)
        | Command::History(_)
        | Command::Init(_)
        | Command::Man(_)
        | Command::Reload(_)
        | Command::Check(_)
        | Command::Validate(_)
        | Command::Schema(_)
        | Command::IamPolicy(_)
        | Command::Healthcheck(_)
        | Command::Completions(_) => "conformd=warn,error",
    };
    let log = telemetry::init(global.log_format, &level(default), paint::stderr_has_colour())?;
    match command {
        Command::Run(args) => block_on(run::run(args, log)),
        Command::Init(args) => init::run(&args),
        Command::Reload(args) => block_on(reload::run(args)),
        Command::Plan(args) => block_on(plan::run(args)),
        Command::Diff(args) => block_on(diff::run(args)),
        Command::Apply(args) => block_on(apply::run(args)),
        Command::Approve(args) => block_on(approve::run(args)),
        Command::Status(args) => block_on(status::run(args)),
        Command::Explain(args) => block_on(explain::run(args)),
        Command::History(args) => block_on(history::run(args)),
        Command::Check(args) => block_on(check::run(args)),
        Command::Validate(args) => validate::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::IamPolicy(args) => iam_policy::run(args),
        Command::Simulate(args) => {
            block_on(async { simulate::run(args).await.map(|()| ExitCode::SUCCESS) })
        }
        Command::Demo(args) => block_on(demo::run(args)),
        Command::Healthcheck(args) => block_on(healthcheck::run(&args)),
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Man(args) => man::run(&args, Cli::command()),
    }
}

fn block_on<F: Future<Output = anyhow::Result<ExitCode>>>(future: F) -> anyhow::Result<ExitCode> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(WORKERS_MAX))
        .max_blocking_threads(BLOCKING_MAX)
        .enable_all()
        .build()?;
    let code = runtime.block_on(future);
    // A blocking read of a dead mount must not keep the process.
    runtime.shutdown_background();
    code
}
