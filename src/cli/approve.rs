//! `conformd approve`: the approval that waiting losses ask for, ready to commit; reads only.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::answers::{DaemonAddress, DaemonReply, as_wrong_name};
use super::plan::{Planned, planned, simulated_line};
use super::terminal::print;
use crate::cli::settings;
use crate::config::SettingsFile;
use crate::domain::base::model::{AccountId, Region, Timestamp};
use crate::domain::declared::approval::LIFE_MAX;
use crate::domain::present::approval_document::{ApprovalText, WaitingLosses};
use crate::domain::present::view::approvals::{ApprovalsView, document, names};
use crate::domain::present::view::text::clean;

/// Arguments of `approve`.
#[derive(Debug, clap::Args)]
pub(super) struct ApproveArgs {
    #[command(flatten)]
    daemon: DaemonAddress,
    /// Only losses in these regions, which must be in aws.regions of the settings.
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<Region>,
    /// Why the losses are intended, for example a change number. Without it, the document has an
    /// empty reason, which you must fill in before the approval permits anything.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,
    /// How long the approval is valid; at most 7 days.
    #[arg(long = "for", value_name = "TIME", default_value = "72h", value_parser = life)]
    life: Duration,
    /// Write the document to this file, which must not exist, instead of stdout. Do not redirect
    /// stdout into the source: the shell creates an empty file first, which is an error in the
    /// source.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

fn reason(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("expected the reason in words, found none".to_owned());
    }
    Ok(text.to_owned())
}

fn life(text: &str) -> Result<Duration, String> {
    let life = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    // A shorter one would be rounded down to nothing: documents name whole minutes.
    if life < Duration::from_mins(5) || life > LIFE_MAX {
        return Err("expected between 5m and 7d".to_owned());
    }
    Ok(life)
}

/// What waits, and what a document says besides.
struct PendingText {
    waiting: WaitingLosses,
    names: BTreeMap<AccountId, String>,
    simulated: bool,
    now: Timestamp,
    /// Regions that could not be read, each with the reason.
    unknown: Vec<String>,
    /// Who says so, in one sentence.
    from: String,
}

/// Prints the document, or writes it; stdout has nothing else, and nothing at all if nothing waits.
pub(super) async fn run(args: ApproveArgs) -> anyhow::Result<ExitCode> {
    args.to.as_deref().map_or(Ok(()), absent)?;
    // The daemon that holds the losses knows the names of lost rules that a plan of this process
    // may not know: without a record, only the process that delivered a template has read it.
    let PendingText { waiting, names, simulated, now, unknown, from } =
        match args.daemon.query(&page(&args.regions)).await.map_err(as_wrong_name)? {
            Some(reply) => reported(reply),
            None => computed(&args).await?,
        };
    let unlisted = unlisted(&args.daemon.settings, &waiting);
    let mut stderr = std::io::stderr().lock();
    stderr.write_all(simulated_line(simulated).as_bytes())?;
    writeln!(stderr, "conformd: {from}")?;
    if !unlisted.is_empty() {
        let unlisted: Vec<&str> = unlisted.iter().map(Region::as_str).collect();
        writeln!(
            stderr,
            "conformd: the document covers {}, which aws.regions of the settings does not have; \
             use --region to leave regions out",
            unlisted.join(", ")
        )?;
    }
    for why in &unknown {
        writeln!(
            stderr,
            "conformd: the losses of a region that could not be read are missing \
            here: {why}"
        )?;
    }
    let statement = ApprovalText { reason: args.reason.as_deref(), made: now, life: args.life };
    // A document that lacks the losses of an unknown region is still useful, but a script has to
    // notice that it is incomplete.
    let code = if unknown.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let Some(document) = document(&waiting, statement, &names, simulated) else {
        writeln!(stderr, "Nothing waits for approval.")?;
        return Ok(code);
    };
    writeln!(stderr, "Waiting for approval: {}.", waiting.summary())?;
    for why in waiting.reasons() {
        writeln!(stderr, "  {}", clean(why))?;
    }
    if args.reason.is_none() {
        writeln!(
            stderr,
            "Fill in spec.reason (or use --reason): without a reason, the approval permits nothing."
        )?;
    }
    writeln!(stderr, "Commit the document as a file of the source, then merge it.")?;
    match &args.to {
        None => print(&document)?,
        Some(file) => write(file, &document)?,
    }
    Ok(code)
}

/// An error if there is anything at this path, even a dangling link: it may be a manifest or the
/// settings.
fn absent(file: &Path) -> anyhow::Result<()> {
    if file.symlink_metadata().is_ok() {
        bail!(
            "{} exists already, and nothing was written to it: name another file with --to, or \
             remove this one first",
            file.display()
        );
    }
    Ok(())
}

/// The file appears as a whole: a process that reads the source never sees a part of it.
fn write(file: &Path, document: &str) -> anyhow::Result<()> {
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = Path::new(&unfinished);
    let cannot = |path: &Path| format!("cannot write {}", path.display());
    absent(unfinished)?;
    let mut written = File::create_new(unfinished).with_context(|| cannot(unfinished))?;
    written.write_all(document.as_bytes()).with_context(|| cannot(unfinished))?;
    // It may have come into being while AWS was read.
    let finished =
        absent(file).and_then(|()| fs::rename(unfinished, file).with_context(|| cannot(file)));
    if finished.is_err() {
        fs::remove_file(unfinished).with_context(|| format!("{} stays", unfinished.display()))?;
    }
    finished
}

/// The page of the API that has the losses of these regions, or of all.
fn page(regions: &[Region]) -> String {
    let asked: Vec<&str> = regions.iter().map(Region::as_str).collect();
    let query =
        if asked.is_empty() { String::new() } else { format!("?regions={}", asked.join(",")) };
    format!("/api/v1/approvals/pending{query}")
}

/// The regions of losses that a daemon manages and these settings do not, if there are settings.
fn unlisted(file: &SettingsFile, waiting: &WaitingLosses) -> BTreeSet<Region> {
    let Ok(config) = settings::settings(file) else { return BTreeSet::new() };
    let regions = waiting.losses().iter().map(|at| &at.region);
    regions.filter(|region| !config.aws.regions.contains(*region)).cloned().collect()
}

/// What a running daemon holds.
fn reported(reply: DaemonReply<ApprovalsView>) -> PendingText {
    let DaemonReply { daemon, owner, answer } = reply;
    let waiting = answer.waiting();
    let ApprovalsView { simulated, now, names, unknown, revision, .. } = answer;
    let unknown = unknown.into_iter().map(|(region, why)| format!("{region}: {}", clean(&why)));
    let at = revision.map_or_else(String::new, |revision| format!(", at revision {revision}"));
    let from = format!("reported by the daemon at {daemon} of {owner}{at}");
    PendingText { waiting, names, simulated, now, unknown: unknown.collect(), from }
}

/// What a fresh plan waits for.
async fn computed(args: &ApproveArgs) -> anyhow::Result<PendingText> {
    let Planned { session, around, plans } = planned(&args.daemon.settings, &args.regions).await?;
    let waiting = WaitingLosses::of(plans.iter().map(|one| &one.report));
    let unknown = plans.iter().filter_map(|one| {
        let unknown = one.report.unknown.as_ref()?;
        Some(format!("{}: {}", one.report.place.region, clean(&unknown.why)))
    });
    let unknown: BTreeSet<String> = unknown.collect();
    Ok(PendingText {
        names: names(&waiting, &around.membership),
        waiting,
        simulated: session.config.is_simulated(),
        now: session.clock.aws_now(),
        unknown: unknown.into_iter().collect(),
        from: "computed from the source and AWS, without a daemon".to_owned(),
    })
}
