//! `conformd plan`: what would change, and why; reads only.

use std::collections::BTreeSet;
use std::process::ExitCode;

use serde::Serialize;

use super::exit::{EXIT_CHANGES, WrongName};
use super::git::GitHistory;
use super::terminal::{note, paint, print};
use crate::cli::{settings, surroundings};
use crate::config::{Config, ConfigError, SettingsFile};
use crate::domain::base::mode::Mode;
use crate::domain::base::model::Region;
use crate::domain::base::nearest::did_you_mean;
use crate::domain::declared::diagnostic::Severity;
use crate::domain::organization::membership::Membership;
use crate::domain::plan::guard::Ruling;
use crate::domain::plan::region_plan::Plan;
use crate::domain::present::approval_document::WaitingLosses;
use crate::domain::present::plan_markdown::PlanMarkdown;
use crate::domain::present::plan_text::{PlanText, Summary, Values};
use crate::domain::present::report::RegionReport;
use crate::domain::present::view::region::PendingApprovalView;
use crate::domain::present::view::text::clean;
use crate::session;
use crate::session::{AwsSession, CloudReconciler, Remembering};
use crate::tasks::region::Surroundings;
use crate::tasks::region::read_depth::ReadDepth;

/// What `plan -o json` prints, for the help.
const JSON: &str = "\
The JSON, version 2:
  version, simulated, mode   the version of this document, whether AWS is simulated, the mode
  has_changes                whether any region has a change to make, held or not
  regions[].region           the region
  regions[].unknown           why the region could not be read; null if it was read
  regions[].plan             steps and holds, each with its reason
  regions[].pending          what waits for approval: `losses` by pack, and `trips`, the limits
                             that they exceed, each with `reason` and `why`; null if nothing waits";

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = JSON)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    regions: RegionChoice,
    /// Exit with code 2 if the plan has changes.
    #[arg(long)]
    detailed_exitcode: bool,
    /// Output format; JSON and Markdown hide parameter values.
    #[arg(short, long, value_enum, default_value = "text")]
    output: PlanOutput,
}

/// The settings, and the regions of them that a command is about.
#[derive(Debug, clap::Args)]
pub(super) struct RegionChoice {
    #[command(flatten)]
    pub(super) settings: SettingsFile,
    /// Only these regions, which must be in aws.regions of the settings.
    #[arg(long = "region", value_name = "REGION", value_delimiter = ',')]
    pub(super) regions: Vec<Region>,
}

/// How a plan is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum PlanOutput {
    Text,
    Json,
    /// For a comment on a pull request
    Markdown,
}

/// The JSON of `plan -o json`; `version` changes when a member changes its meaning.
#[derive(Debug, Serialize)]
struct PlanDocument<'a> {
    version: u32,
    simulated: bool,
    mode: Mode,
    has_changes: bool,
    regions: Vec<PlanEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct PlanEntry<'a> {
    region: &'a Region,
    unknown: Option<&'a str>,
    plan: &'a Plan,
    pending: Option<PendingApprovalView>,
}

/// The observation of one region.
#[derive(Debug)]
pub(super) struct RegionPlan {
    /// The reconciler with what it remembers.
    pub(super) reconciler: CloudReconciler,
    /// What was found.
    pub(super) report: RegionReport,
    /// What may be done about it.
    pub(super) ruling: Ruling,
}

/// The plans of regions, and what they were made of.
pub(super) struct Planned {
    pub(super) session: AwsSession,
    pub(super) around: Surroundings,
    pub(super) plans: Vec<RegionPlan>,
}

impl Planned {
    /// The exit code of a command that shows plans.
    pub(super) fn exit_code(&self, detailed: bool, has_changes: bool) -> ExitCode {
        let is_blind = self.plans.iter().any(|one| one.report.unknown.is_some());
        // Findings are on stderr already.
        let is_failed = is_blind || !is_valid(&self.around);
        match (is_failed, detailed && has_changes) {
            (true, _) => ExitCode::FAILURE,
            (false, true) => ExitCode::from(EXIT_CHANGES),
            (false, false) => ExitCode::SUCCESS,
        }
    }
}

/// Plans the regions asked for, all of them when none is; nothing here could write.
pub(super) async fn planned(file: &SettingsFile, asked: &[Region]) -> anyhow::Result<Planned> {
    let config = settings::settings(file)?;
    let regions = chosen(asked, config.aws.regions.iter())?;
    let session = AwsSession::once(config, Remembering::Reads).await.map_err(with_advice)?;
    let around = surroundings::read(&session, &Membership::default()).await?;
    let mut history = GitHistory::default();
    let plans = observe(&session, &regions, &around, Mode::Observe, &mut history).await;
    note_warnings(&plans)?;
    Ok(Planned { session, around, plans })
}

/// Writes to stderr what is odd about the packs and stops nothing, once for all regions.
fn note_warnings(plans: &[RegionPlan]) -> std::io::Result<()> {
    let packs = plans.iter().flat_map(|one| &one.report.packs);
    let warnings: BTreeSet<String> = packs
        .flat_map(|(name, pack)| pack.warnings.iter().map(move |why| format!("{name}: {why}")))
        .collect();
    warnings
        .iter()
        .try_for_each(|warning| note(&format!("conformd: warning: {}\n", clean(warning))))
}

/// An error about AWS with the command that finds its cause; wrong settings say themselves what to
/// do.
fn with_advice(error: anyhow::Error) -> anyhow::Error {
    if error.is::<ConfigError>() {
        return error;
    }
    error.context("nothing was compared; `conformd check` finds the cause and says what to do")
}

/// Prints the plan of every region.
pub(super) async fn run(args: PlanArgs) -> anyhow::Result<ExitCode> {
    let planned = planned(&args.regions.settings, &args.regions.regions).await?;
    let plans = &planned.plans;
    let has_changes = plans.iter().any(|one| one.report.plan.steps_with_held().next().is_some());
    let config = &planned.session.config;
    let simulated = config.is_simulated();
    match args.output {
        PlanOutput::Text => print(&(simulated_line(simulated).to_owned() + &text(plans)))?,
        PlanOutput::Json => {
            let regions = entries(plans);
            let mode = config.mode;
            let document = PlanDocument { version: VERSION, simulated, mode, has_changes, regions };
            print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
        }
        PlanOutput::Markdown => {
            let waiting = WaitingLosses::of(plans.iter().map(|one| &one.report));
            let plans = plans.iter().map(|one| &one.report.plan).collect();
            let errors = errors(&planned.around);
            print(&PlanMarkdown { plans, errors, waiting: &waiting, simulated }.to_string())?;
        }
    }
    Ok(planned.exit_code(args.detailed_exitcode, has_changes))
}

/// The regions asked for; all of them when none is.
pub(super) fn chosen<'a>(
    asked: &[Region],
    configured: impl Iterator<Item = &'a Region>,
) -> anyhow::Result<Vec<Region>> {
    let configured: Vec<Region> = configured.cloned().collect();
    // A region that is not configured is an error: a plan without it would look as if nothing were
    // to be done there.
    if let Some(unconfigured) = asked.iter().find(|region| !configured.contains(region)) {
        let known: Vec<&str> = configured.iter().map(Region::as_str).collect();
        let hint = did_you_mean(unconfigured.as_str(), known.iter().copied())
            .unwrap_or_else(|| format!("they are {}", known.join(", ")));
        let why = format!("region {unconfigured} is not among aws.regions of the settings; {hint}");
        return Err(WrongName(why).into());
    }
    Ok(if asked.is_empty() { configured } else { asked.to_vec() })
}

/// Observes these regions at the same time; `hands` decides whether the reconcilers can write.
pub(super) async fn observe(
    session: &AwsSession,
    regions: &[Region],
    around: &Surroundings,
    hands: Mode,
    history: &mut GitHistory,
) -> Vec<RegionPlan> {
    let policy = session::policy(&session.config);
    let looks = regions.iter().map(async |region| {
        let mut reconciler = session.reconciler(region, hands);
        let (mut report, mut ruling) = reconciler.refresh(&policy, around).await;
        // What can be done about members that fail depends on why they do.
        let mut pages = 0;
        reconciler.track(&policy, ReadDepth::Trouble, |progress| pages = progress.pages).await;
        if pages > 0 {
            (report, ruling) = reconciler.refresh(&policy, around).await;
        }
        RegionPlan { reconciler, report, ruling }
    });
    let mut plans = futures_util::future::join_all(looks).await;
    complete(&mut plans, &session.config, around, history).await;
    plans
}

/// Explains what changes in templates that only the git history has.
pub(super) async fn complete(
    plans: &mut [RegionPlan],
    config: &Config,
    around: &Surroundings,
    history: &mut GitHistory,
) {
    let plans = plans.iter_mut().map(|one| &mut one.report.plan).collect();
    history.complete(plans, config, around).await;
}

/// The plans as text, painted when stdout is a terminal.
pub(super) fn text(plans: &[RegionPlan]) -> String {
    let plans = plans.iter().map(|one| &one.report.plan);
    let mut texts: Vec<String> =
        plans.clone().map(|plan| PlanText { plan, values: Values::Shown }.to_string()).collect();
    texts.push(Summary::over(plans).to_string());
    let text = texts.join("\n") + "\n";
    paint::plan(&text, paint::stdout_has_colour())
}

/// The version of the document.
const VERSION: u32 = 2;

fn entries(plans: &[RegionPlan]) -> Vec<PlanEntry<'_>> {
    let reports = plans.iter().map(|one| &one.report);
    reports
        .map(|report| PlanEntry {
            region: &report.place.region,
            unknown: report.unknown.as_ref().map(|unknown| unknown.why.as_str()),
            plan: &report.plan,
            pending: report.pending.as_ref().map(PendingApprovalView::from),
        })
        .collect()
}

/// The errors in the manifests and templates.
fn errors(around: &Surroundings) -> Vec<String> {
    let findings = around.source.catalog.iter().flat_map(|catalog| &catalog.diagnostics);
    let errors = findings.filter(|finding| finding.severity == Severity::Error);
    errors.map(ToString::to_string).collect()
}

/// Whether every manifest could be read and passed.
pub(super) fn is_valid(around: &Surroundings) -> bool {
    around.source.catalog.as_ref().is_some_and(|catalog| catalog.wholly_valid)
}

/// The first line of every text about a simulated AWS.
pub(super) fn simulated_line(simulated: bool) -> &'static str {
    if simulated { "SIMULATED: no real AWS account is read or changed\n" } else { "" }
}
