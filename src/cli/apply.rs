//! `conformd apply`: one reconciliation. Shows the plan, asks, applies what it showed, and watches
//! members deploy.
//!
//! Between the question and the writes everything is read again: what differs from what was shown
//! is not done. Ctrl-C (or SIGTERM) starts nothing further at any point, and keeps what is known.

mod question;
mod rollout;
mod shown;
mod table;

use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use self::rollout::{Rollouts, watch};
use super::git::GitHistory;
use super::plan::{
    RegionChoice, RegionPlan, chosen, complete, is_valid, observe, simulated_line, text,
};
use super::terminal::print;
use crate::cli::{settings, surroundings};
use crate::config::{Config, ConfigError};
use crate::domain::base::model::{Region, Revision, Timestamp};
use crate::domain::base::time::{after, to_second};
use crate::domain::declared::approval::Approval;
use crate::domain::plan::hold::HoldReason;
use crate::domain::plan::outcome::{Outcome, StepResult};
use crate::domain::present::approval_document::{ApprovalText, WaitingLosses};
use crate::session;
use crate::session::{AwsSession, Remembering};
use crate::tasks::region::{PlanInvalidation, Surroundings};
use question::Consent;
use table::RegionOutcomes;

/// What `apply` does on the way, for its help.
const ABOUT: &str = "\
After the confirmation, apply reads the manifests and AWS again. If the plan has changed, apply
prints the new plan, changes nothing, and exits with code 1.

Losses that wait for approval (packs deleted, rules lost, accounts newly excluded) are not applied,
not even with --yes. On a terminal, typing their number permits exactly those losses, once.
Otherwise, commit the document that `conformd approve` prints.

On Ctrl-C, apply waits for the calls in flight, starts no further step, and prints a table of what
was done. AWS continues to deploy what it accepted.";

/// How many times one run waits for second readings.
const SECOND_REFRESHES_MAX: usize = 2;

/// Arguments of `apply`.
#[derive(Debug, clap::Args)]
#[command(after_help = ABOUT)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    regions: RegionChoice,
    /// Do not ask for confirmation; losses that wait for approval stay held.
    #[arg(long, short)]
    yes: bool,
    /// Wait for the second reading that confirms deletions and other losses, then apply them.
    #[arg(long)]
    wait_for_confirmation: bool,
    /// How long to wait for members to deploy; AWS may need hours, and continues without conformd.
    #[arg(long, value_name = "TIME", default_value = "30m",
          value_parser = humantime::parse_duration)]
    wait: Duration,
}

/// Reconciles once, or twice when a second reading is to follow.
pub(super) async fn run(args: ApplyArgs) -> anyhow::Result<ExitCode> {
    let config = settings::settings(&args.regions.settings)?;
    if !config.mode.may_put() {
        let why = "the settings say `mode: observe`; apply writes, so set upsert or sync";
        return Err(ConfigError(why.to_owned()).into());
    }
    let stop = CancellationToken::new();
    let interrupt = signal(SignalKind::interrupt())?;
    let terminate = signal(SignalKind::terminate())?;
    // The first arm is never dropped before its end: the second has none.
    tokio::select! {
        code = apply(&args, config, &stop) => code,
        never = listen(interrupt, terminate, &stop) => match never {},
    }
}

/// Passes the wish to stop on; never ends.
async fn listen(
    mut interrupt: Signal,
    mut terminate: Signal,
    stop: &CancellationToken,
) -> Infallible {
    loop {
        tokio::select! {
            Some(()) = interrupt.recv() => {}
            Some(()) = terminate.recv() => {}
            else => std::future::pending().await,
        }
        stop.cancel();
    }
}

async fn apply(
    args: &ApplyArgs,
    config: Config,
    stop: &CancellationToken,
) -> anyhow::Result<ExitCode> {
    let regions = chosen(&args.regions.regions, config.aws.regions.iter())?;
    let simulated = config.is_simulated();
    // On the heap: the SDK's futures are large.
    let opening = Box::pin(ApplyRun::open(args, config, &regions, stop));
    let Some(opened) = stop.run_until_cancelled(opening).await else {
        print("Interrupted; nothing was changed.\n")?;
        return Ok(ExitCode::FAILURE);
    };
    let mut run = opened?;
    print(simulated_line(simulated))?;
    let ended = run.passes().await?;
    let rollouts = watch(&run.session, &run.outcomes, args.wait, stop).await?;
    print(&table::of(&run.outcomes, &rollouts))?;
    print(&run.afterword(&rollouts))?;
    if stop.is_cancelled() {
        let accepted = |(_, outcome): &(Region, Outcome)| {
            matches!(outcome.result, StepResult::Accepted { .. } | StepResult::Unknown { .. })
        };
        print(if run.outcomes.iter().any(accepted) {
            "Interrupted; AWS continues to deploy what it accepted.\n"
        } else {
            "Interrupted; nothing was changed.\n"
        })?;
    }
    let is_fine = ended == Ended::Applied && !stop.is_cancelled() && run.is_fine(&rollouts);
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How the passes ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Everything that may be done was begun.
    Applied,
    /// The answer was no, the plan was another one, or it was interrupted.
    Stopped,
}

/// The state of one run of the command.
struct ApplyRun<'a> {
    args: &'a ApplyArgs,
    session: AwsSession,
    stop: &'a CancellationToken,
    around: Surroundings,
    /// The last observations.
    plans: Vec<RegionPlan>,
    /// Which content of the source was read first, and when.
    first: Option<First>,
    /// What was typed at the terminal.
    typed: Option<Approval>,
    outcomes: RegionOutcomes,
    /// Templates from git: what was shown and what is carried out are explained alike.
    history: GitHistory,
}

/// The first reading of a content of the source.
struct First {
    revision: Revision,
    at: Timestamp,
    elapsed: Duration,
}

/// How long what was typed permits anything, besides the wait for a second reading.
const TYPED_LIFE: Duration = Duration::from_hours(1);

impl<'a> ApplyRun<'a> {
    async fn open(
        args: &'a ApplyArgs,
        config: Config,
        regions: &[Region],
        stop: &'a CancellationToken,
    ) -> anyhow::Result<Self> {
        let session = AwsSession::once(config, Remembering::Takes("conformd apply")).await?;
        let around = Surroundings::default();
        let (plans, typed, outcomes) = (Vec::new(), None, Vec::new());
        let (first, history) = (None, GitHistory::default());
        let mut run = Self { args, session, stop, around, plans, first, typed, outcomes, history };
        run.read().await?;
        let (session, around) = (&run.session, &run.around);
        let mode = session.config.mode;
        run.plans = observe(session, regions, around, mode, &mut run.history).await;
        Ok(run)
    }

    /// Reads manifests and account list, with what was typed among the approvals.
    async fn read(&mut self) -> anyhow::Result<()> {
        let mut around = surroundings::read(&self.session, &self.around.membership).await?;
        let source = &mut around.source;
        if let (Some(catalog), Some(typed)) = (&source.catalog, &self.typed) {
            let mut catalog = (**catalog).clone();
            // No manifest can have this name: it holds spaces.
            catalog.approvals.insert("typed at the terminal".to_owned(), typed.clone());
            source.catalog = Some(Arc::new(catalog));
        }
        let revision = source.revision().cloned();
        let (at, elapsed) = (self.session.clock.aws_now(), self.session.clock.elapsed());
        let is_same = |first: &First| Some(&first.revision) == revision.as_ref();
        if !self.first.as_ref().is_some_and(is_same) {
            self.first = revision.map(|revision| First { revision, at, elapsed });
        }
        if let (Some(first), Some(evidence)) = (&self.first, &mut source.evidence) {
            // As in the daemon: equal content an interval later is no file that is half written.
            let interval = self.session.config.intervals.source;
            evidence.confirmed |= elapsed.saturating_sub(first.elapsed) >= interval;
            evidence.confirms_at = Some(after(first.at, interval));
        }
        self.around = around;
        Ok(())
    }

    /// Asks and applies; after a second reading once more.
    async fn passes(&mut self) -> anyhow::Result<Ended> {
        print(&text(&self.plans))?;
        // The source has to be read twice and the region observed twice: two waits, one after the
        // other. If a change starts them again in the meantime, that is left for another run.
        for _ in 0..SECOND_REFRESHES_MAX {
            if self.pass().await? == Ended::Stopped {
                return Ok(Ended::Stopped);
            }
            let Some(at) = second_refresh(&self.plans) else { return Ok(Ended::Applied) };
            if !self.args.wait_for_confirmation {
                print("Losses need a second reading; --wait-for-confirmation waits for it.\n")?;
                return Ok(Ended::Applied);
            }
            if !self.wait_until(at).await? {
                return Ok(Ended::Stopped);
            }
            print(&text(&self.plans))?;
        }
        self.pass().await
    }

    /// Waits and observes again; `false` if it was stopped.
    async fn wait_until(&mut self, at: Timestamp) -> anyhow::Result<bool> {
        let left = Duration::try_from(at.duration_since(self.session.clock.aws_now()));
        print(&format!("Waiting until {} for the second reading.\n", to_second(at)))?;
        let waited = self.session.clock.sleep(left.unwrap_or_default());
        let stop = self.stop;
        if stop.run_until_cancelled(waited).await.is_none() {
            return Ok(false);
        }
        match stop.run_until_cancelled(self.refresh()).await {
            Some(plans) => plans?,
            None => return Ok(false),
        }
        Ok(true)
    }

    /// Asks, reads again, and applies what was shown.
    async fn pass(&mut self) -> anyhow::Result<Ended> {
        // What is shown as held is held from now on, whatever the answer is.
        for RegionPlan { reconciler, ruling, report: _ } in &self.plans {
            reconciler.remember(ruling).await;
        }
        let waiting = WaitingLosses::of(self.plans.iter().map(|one| &one.report));
        let steps = self.plans.iter().map(|one| one.ruling.approved.plan().steps.len()).sum();
        let question = question::Question { yes: self.args.yes, steps, waiting: &waiting };
        let answer = match self.stop.run_until_cancelled(question.ask()).await {
            Some(answer) => answer?,
            None => return Ok(Ended::Stopped),
        };
        match answer {
            Consent::Apply { permitted } => {
                if permitted {
                    self.typed = Some(self.permission(&waiting));
                }
                if steps == 0 && !permitted {
                    return Ok(Ended::Applied);
                }
            }
            Consent::Decline => {
                print("This plan was not applied.\n")?;
                return Ok(Ended::Stopped);
            }
        }
        let stop = self.stop;
        let differing = match stop.run_until_cancelled(self.prepare()).await {
            Some(differing) => differing?,
            None => return Ok(Ended::Stopped),
        };
        if differing.is_empty() {
            self.act().await;
            return Ok(if stop.is_cancelled() { Ended::Stopped } else { Ended::Applied });
        }
        for RegionPlan { reconciler, ruling, report: _ } in &self.plans {
            reconciler.release(ruling);
        }
        print(&format!(
            "\nThe plan is not the one that was shown:\n  {}\nNothing was changed. \
             The plan is now:\n\n{}",
            differing.join("\n  "),
            text(&self.plans)
        ))?;
        Ok(Ended::Stopped)
    }

    /// What was typed, as an approval of exactly what waits.
    fn permission(&self, waiting: &WaitingLosses) -> Approval {
        let interval = if self.args.wait_for_confirmation {
            self.session
                .config
                .intervals
                .region
                .saturating_add(self.session.config.intervals.source)
        } else {
            Duration::ZERO
        };
        let statement = ApprovalText {
            reason: Some("typed at the terminal"),
            made: self.session.clock.aws_now(),
            life: TYPED_LIFE.saturating_add(interval),
        };
        Approval { name: "typed".to_owned(), ..waiting.approval(statement) }
    }

    /// Reads everything again for plans that are carried out at once; in what they differ from
    /// those that were shown.
    async fn prepare(&mut self) -> anyhow::Result<Vec<String>> {
        self.read().await?;
        let policy = session::policy(&self.session.config);
        let around = &self.around;
        let shown: Vec<_> = self.plans.iter().map(|one| one.report.plan.clone()).collect();
        let looks = std::mem::take(&mut self.plans).into_iter().map(async |mut one: RegionPlan| {
            let (report, ruling) = one.reconciler.prepare(&policy, around).await;
            RegionPlan { reconciler: one.reconciler, report, ruling }
        });
        self.plans = futures_util::future::join_all(looks).await;
        // What was shown is completed: without this, the same plan would seem to be another one.
        self.complete().await;
        let now = self.plans.iter().map(|one| &one.report.plan);
        Ok(shown::differences(&shown, now, self.typed.as_ref()))
    }

    /// Takes the steps of the prepared plans; a wish to stop lets calls in flight end.
    async fn act(&mut self) {
        let policy = session::policy(&self.session.config);
        let watched = PlanInvalidation::from(self.stop.clone());
        let acts = self.plans.iter_mut().map(async |one| {
            let region = one.report.place.region.clone();
            let outcomes = one.reconciler.act(&policy, one.ruling.clone(), &watched).await;
            let outcomes = outcomes.into_iter().map(|outcome| (region.clone(), outcome));
            outcomes.collect::<RegionOutcomes>()
        });
        let done = futures_util::future::join_all(acts).await;
        self.outcomes.extend(done.into_iter().flatten());
    }

    async fn refresh(&mut self) -> anyhow::Result<()> {
        self.read().await?;
        let policy = session::policy(&self.session.config);
        for one in &mut self.plans {
            (one.report, one.ruling) = one.reconciler.refresh(&policy, &self.around).await;
        }
        self.complete().await;
        Ok(())
    }

    async fn complete(&mut self) {
        let config = &self.session.config;
        complete(&mut self.plans, config, &self.around, &mut self.history).await;
    }

    /// Whether no action of a user is required.
    fn is_fine(&self, rollouts: &Rollouts) -> bool {
        // An unknown region is not fine even though nothing failed there: its packs were not
        // compared.
        let waiting = WaitingLosses::of(self.plans.iter().map(|one| &one.report));
        is_valid(&self.around)
            && self.plans.iter().all(|one| one.report.unknown.is_none())
            && waiting.is_empty()
            && (self.outcomes.iter())
                .all(|(_, outcome)| matches!(outcome.result, StepResult::Accepted { .. }))
            && rollouts.values().all(|rollout| rollout.failed == 0)
    }

    /// What is left to say below the table: who failed and why, who is not done, what waits.
    fn afterword(&self, rollouts: &Rollouts) -> String {
        let failures = rollouts.iter().flat_map(|((region, pack), rollout)| {
            let failures = rollout.failures.iter();
            failures.map(move |failure| format!("{region} {pack} failed in {failure}"))
        });
        let open: usize = rollouts.values().map(|rollout| rollout.open).sum();
        let open = (open > 0).then(|| {
            format!(
                "{open} member deployments are still in progress; AWS continues \
                with them."
            )
        });
        let waiting = WaitingLosses::of(self.plans.iter().map(|one| &one.report));
        let waiting = (!waiting.is_empty()).then(|| {
            format!(
                "Waiting for approval: {}. If this is intended, commit the document that \
                 `conformd approve` prints; otherwise revert the change.",
                waiting.summary()
            )
        });
        let invalid = (!is_valid(&self.around)).then(|| {
            "Manifests are invalid: see above; `conformd validate` shows them too.".into()
        });
        let unknown = self.plans.iter().filter_map(|one| {
            let unknown = one.report.unknown.as_ref()?;
            Some(format!("{} could not be read: {}", one.report.place.region, unknown.why))
        });
        let lines = failures.chain(open).chain(waiting).chain(invalid).chain(unknown);
        lines.map(|line| line + "\n").collect()
    }
}

/// When the last loss that waits for a second reading may happen.
fn second_refresh(plans: &[RegionPlan]) -> Option<Timestamp> {
    let holds = plans.iter().flat_map(|one| &one.report.plan.holds);
    holds
        .filter(|hold| hold.reason() == HoldReason::Unconfirmed)
        .filter_map(|hold| hold.until)
        .max()
}
