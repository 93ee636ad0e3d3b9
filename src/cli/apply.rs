//! `conformd apply`: one pass. Shows the plan, asks, applies it, and watches the members deploy.

use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use comfy_table::{Table, presets};
use tokio_util::sync::CancellationToken;

use super::plan::{Looked, chosen, look, print, text};
use super::rollout::{Rollout, watch};
use super::session::{self, Remembering, Session};
use super::{SettingsFile, session::Unfit};
use crate::domain::model::{PackName, Region, Timestamp};
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::HoldReason;
use crate::region::Watched;

/// Arguments of `apply`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsFile,
    /// Only these regions; they must be among those of the settings.
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<Region>,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// Wait one interval for the second look that deletions need, and delete then.
    #[arg(long)]
    second_look: bool,
    /// How long to watch members deploy; AWS may need hours, and goes on without us.
    #[arg(long, value_name = "TIME", default_value = "30m",
          value_parser = humantime::parse_duration)]
    wait: Duration,
}

/// Makes one pass, or two when deletions are to follow.
pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = session::settings(&args.settings)?;
    if !config.mode.may_put() {
        let why = "the settings say `mode: observe`; apply writes, so set upsert or sync";
        return Err(Unfit(why.to_owned()).into());
    }
    let regions = chosen(&args.regions, config.aws.regions.iter())?;
    let session = Session::once(config, Remembering::Takes("conformd apply")).await?;
    let around = session.surroundings().await?;
    let hands = session.config.mode;
    let looked = look(&session, &regions, &around, hands).await;
    print(&text(&looked))?;
    let deletes_from = second_look(&looked);
    if deletes_from.is_some() && !args.second_look {
        print("Deletions need a second look; --second-look waits for it.\n")?;
    }
    let again = deletes_from.filter(|_| args.second_look);
    let Some((mut outcomes, mut looked)) = pass(&args, &session, looked).await? else {
        return Ok(ExitCode::FAILURE);
    };
    if let Some(at) = again {
        let left = Duration::try_from(at.duration_since(session.clock.now())).unwrap_or_default();
        print(&format!(
            "Waiting until {} for the second look.\n",
            at.strftime("%Y-%m-%dT%H:%M:%SZ")
        ))?;
        // Both arms are cancel-safe: nothing is under way.
        tokio::select! {
            () = session.clock.sleep(left) => {}
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                print(&table(&outcomes, &BTreeMap::new()))?;
                print("Interrupted before the second look.\n")?;
                return Ok(ExitCode::FAILURE);
            }
        }
        looked = look_again(&session, looked).await?;
        print(&text(&looked))?;
        match pass(&args, &session, looked).await? {
            Some((more, last)) => {
                outcomes.extend(more);
                looked = last;
            }
            None => return Ok(ExitCode::FAILURE),
        }
    }
    // Only reads are under way, so dropping them loses nothing but the figures.
    let (rollouts, was_interrupted) = tokio::select! {
        rollouts = watch(&session, &outcomes, args.wait) => (rollouts?, false),
        interrupted = tokio::signal::ctrl_c() => (interrupted.map(|()| BTreeMap::new())?, true),
    };
    print(&table(&outcomes, &rollouts))?;
    if was_interrupted {
        print("Interrupted; AWS goes on deploying what was accepted.\n")?;
        return Ok(ExitCode::FAILURE);
    }
    print(&afterword(&rollouts, &looked))?;
    let needs_a_person =
        looked.iter().any(|one| one.report.unseen.is_some() || one.report.pending.is_some());
    let is_fine = !needs_a_person && is_fine(&outcomes, &rollouts);
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Outcomes, each with its region.
type Outcomes = Vec<(Region, Outcome)>;

/// Asks and applies; `None` when the answer was no.
async fn pass(
    args: &Args,
    session: &Session,
    looked: Vec<Looked>,
) -> anyhow::Result<Option<(Outcomes, Vec<Looked>)>> {
    if looked.iter().all(|one| one.ruling.approved.plan().is_empty()) {
        return Ok(Some((Vec::new(), looked)));
    }
    if !args.yes && !confirmed()? {
        print("This plan was not applied.\n")?;
        return Ok(None);
    }
    let policy = session::policy(&session.config);
    // Ctrl-C lets calls in flight end and starts no further step.
    let stop = CancellationToken::new();
    let watched = Watched::from(stop.clone());
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.cancel();
        }
        std::future::pending::<()>().await;
    };
    let acts = looked.into_iter().map(async |mut one: Looked| {
        let region = one.report.place.region.clone();
        let outcomes = one.reconciler.act(&policy, one.ruling.clone(), &watched).await;
        let outcomes = outcomes.into_iter().map(|outcome| (region.clone(), outcome));
        (outcomes.collect::<Outcomes>(), one)
    });
    // Both arms are cancel-safe: the second never ends, and the first is never dropped.
    let done = tokio::select! {
        done = futures_util::future::join_all(acts) => done,
        () = interrupted => Vec::new(),
    };
    let (outcomes, looked): (Vec<Outcomes>, Vec<Looked>) = done.into_iter().unzip();
    Ok(Some((outcomes.into_iter().flatten().collect(), looked)))
}

fn confirmed() -> anyhow::Result<bool> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        anyhow::bail!("stdin is no terminal, so nobody can be asked; use --yes");
    }
    print("\nApply this plan? Only `yes` is taken: ")?;
    std::io::stdout().flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

/// When the last delete that waits for a second look may go.
fn second_look(looked: &[Looked]) -> Option<Timestamp> {
    let holds = looked.iter().flat_map(|one| &one.report.plan.holds);
    holds.filter(|hold| hold.reason == HoldReason::SecondLook).filter_map(|hold| hold.until).max()
}

async fn look_again(session: &Session, looked: Vec<Looked>) -> anyhow::Result<Vec<Looked>> {
    let around = session.surroundings().await?;
    let policy = session::policy(&session.config);
    let looks = looked.into_iter().map(async |mut one: Looked| {
        let (report, ruling) = one.reconciler.look(&policy, &around).await;
        Looked { reconciler: one.reconciler, report, ruling }
    });
    Ok(futures_util::future::join_all(looks).await)
}

fn is_fine(outcomes: &Outcomes, rollouts: &BTreeMap<(Region, PackName), Rollout>) -> bool {
    outcomes.iter().all(|(_, outcome)| matches!(outcome.ending, Ending::Accepted { .. }))
        && rollouts.values().all(|rollout| rollout.failed == 0)
}

/// What is left to say below the table: who failed and why, who is not done, what is held.
fn afterword(rollouts: &BTreeMap<(Region, PackName), Rollout>, looked: &[Looked]) -> String {
    let failures = rollouts.iter().flat_map(|((region, pack), rollout)| {
        rollout.failures.iter().map(move |failure| format!("{region} {pack} failed in {failure}"))
    });
    let open: usize = rollouts.values().map(|rollout| rollout.open).sum();
    let open = (open > 0)
        .then(|| format!("{open} member deployments are not done; AWS goes on with them."));
    let blocked = looked.iter().filter(|one| one.report.pending.is_some()).count();
    let blocked = (blocked > 0).then(|| {
        format!("The guard holds changes in {blocked} region(s) for approval; see the plan above.")
    });
    failures.chain(open).chain(blocked).map(|line| line + "\n").collect()
}

fn table(outcomes: &Outcomes, rollouts: &BTreeMap<(Region, PackName), Rollout>) -> String {
    if outcomes.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["region", "pack", "action", "result", "members ok", "failed", "open"]);
    for (region, Outcome { step, ending }) in outcomes {
        let result = match ending {
            Ending::Accepted { .. } => "accepted".to_owned(),
            Ending::Failed { kind, why } => format!("refused ({kind}): {why}"),
            Ending::Unknown { kind, why } => format!("unknown ({kind}): {why}"),
            Ending::NotStarted => "not started".to_owned(),
        };
        let rollout = rollouts.get(&(region.clone(), step.pack.clone()));
        let count = |of: fn(&Rollout) -> usize| {
            rollout.map_or_else(|| "-".to_owned(), |rollout| of(rollout).to_string())
        };
        table.add_row([
            region.to_string(),
            step.pack.to_string(),
            step.action.kind().to_string(),
            result,
            count(|rollout| rollout.ok),
            count(|rollout| rollout.failed),
            count(|rollout| rollout.open),
        ]);
    }
    format!("\n{table}\n")
}
