//! `conformd diff`: in what the packs in AWS differ from the manifests, pack by pack.
//!
//! The same observation as `plan`, without its order of work: no redeployments, no reasons of
//! holds, and regions that differ alike stand together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::ExitCode;

use serde::Serialize;

use super::exit::{EXIT_CHANGES, WrongName};
use super::git;
use super::plan::{RegionPlan, chosen, is_simulated, is_valid, observe, simulated_line};
use super::terminal::{paint, print};
use crate::cli::{settings, surroundings};
use crate::config::SettingsFile;
use crate::domain::base::mode::Mode;
use crate::domain::base::model::{PackName, Region};
use crate::domain::base::nearest::did_you_mean;
use crate::domain::organization::membership::Membership;
use crate::domain::plan::step::{ActionKind, Change, PlanStep};
use crate::domain::present::plan_text::{StepText, Values};
use crate::session::{AwsSession, Remembering};
use crate::tasks::region::Surroundings;

/// Where the old content comes from, for the help.
const ABOUT: &str = "\
AWS returns no templates. The content of the template that is deployed comes from the manifests, the
record, or the git history of the source (not from a shallow clone); otherwise it is unknown.

The JSON, version 1:
  version, simulated   the version of this document, whether AWS is simulated
  packs[].pack         the pack; packs[].regions: where it differs in this way
  packs[].action       create, adopt, update or delete
  packs[].changes      as in the JSON of `plan`; values of parameters are digests
  unknown              regions that could not be read";

/// Arguments of `diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = ABOUT)]
pub(super) struct DiffArgs {
    /// Only these packs.
    #[arg(value_name = "PACK")]
    packs: Vec<PackName>,
    #[command(flatten)]
    settings: SettingsFile,
    /// Only these regions, which must be in aws.regions of the settings.
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<Region>,
    /// Exit with code 2 if anything differs.
    #[arg(long)]
    detailed_exitcode: bool,
    /// Output format; JSON hides parameter values.
    #[arg(short, long, value_enum, default_value = "text")]
    output: DiffOutput,
}

/// How differences are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum DiffOutput {
    Text,
    Json,
}

/// The JSON of `diff -o json`.
#[derive(Debug, Serialize)]
struct DiffDocument<'a> {
    version: u32,
    simulated: bool,
    packs: Vec<PackDiff<'a>>,
    unknown: Vec<&'a Region>,
}

/// A pack, and the regions in which it differs in the same way.
#[derive(Debug, Serialize)]
struct PackDiff<'a> {
    pack: &'a PackName,
    regions: Vec<&'a Region>,
    action: ActionKind,
    changes: &'a [Change],
    #[serde(skip)]
    text: String,
}

/// Prints in what AWS and the manifests differ.
pub(super) async fn run(args: DiffArgs) -> anyhow::Result<ExitCode> {
    let config = settings::settings(&args.settings)?;
    let regions = chosen(&args.regions, config.aws.regions.iter())?;
    let session = AwsSession::once(config, Remembering::Reads).await?;
    let around = surroundings::read(&session, &Membership::default()).await?;
    let mut plans = observe(&session, &regions, &around, Mode::Observe).await;
    let all = plans.iter_mut().map(|one| &mut one.report.plan).collect();
    git::complete(all, &session.config, &around).await;
    known(&args.packs, &plans, &around)?;
    let packs = grouped(&plans, &args.packs);
    let unread = plans.iter().filter(|one| one.report.unknown.is_some());
    let unknown: Vec<&Region> = unread.map(|one| &one.report.place.region).collect();
    let simulated = is_simulated(&session.config);
    let (differs, is_blind) = (!packs.is_empty(), !unknown.is_empty());
    match args.output {
        DiffOutput::Text => {
            let text = text(&packs, &unknown);
            let text = paint::plan(&text, paint::stdout_has_colour());
            print(&(simulated_line(simulated).to_owned() + &text))?;
        }
        DiffOutput::Json => {
            let document = DiffDocument { version: 1, simulated, packs, unknown };
            print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
        }
    }
    Ok(match (is_blind || !is_valid(&around), args.detailed_exitcode && differs) {
        (true, _) => ExitCode::FAILURE,
        (false, true) => ExitCode::from(EXIT_CHANGES),
        (false, false) => ExitCode::SUCCESS,
    })
}

/// Refuses names of packs that neither a manifest nor a plan knows: no difference would be a claim.
fn known(asked: &[PackName], plans: &[RegionPlan], around: &Surroundings) -> Result<(), WrongName> {
    let declared = around.source.catalog.iter().flat_map(|catalog| catalog.packs.keys());
    let steps = plans.iter().flat_map(|one| one.report.plan.steps_with_held());
    let all: BTreeSet<&str> =
        declared.map(PackName::as_str).chain(steps.map(|step| step.pack.as_str())).collect();
    let Some(wrong) = asked.iter().find(|name| !all.contains(name.as_str())) else {
        return Ok(());
    };
    let hint = did_you_mean(wrong.as_str(), all.iter().copied())
        .unwrap_or_else(|| "`conformd status -o wide` lists all packs".to_owned());
    Err(WrongName(format!("there is no pack {wrong}; {hint}")))
}

fn grouped<'a>(plans: &'a [RegionPlan], asked: &[PackName]) -> Vec<PackDiff<'a>> {
    let mut groups: BTreeMap<(&PackName, String), PackDiff<'_>> = BTreeMap::new();
    for plan in plans.iter().map(|one| &one.report.plan) {
        let wanted = |step: &&PlanStep| asked.is_empty() || asked.contains(&step.pack);
        for step in plan.steps_with_held().filter(wanted).filter(|step| differs(step)) {
            let text = StepText { step, values: Values::Shown }.to_string();
            let group = groups.entry((&step.pack, text.clone())).or_insert_with(|| PackDiff {
                pack: &step.pack,
                regions: Vec::new(),
                action: step.action.kind(),
                changes: &step.changes,
                text,
            });
            group.regions.push(&plan.place.region);
        }
    }
    groups.into_values().collect()
}

/// A redeployment puts again what is there already.
fn differs(step: &PlanStep) -> bool {
    match step.action.kind() {
        ActionKind::Create | ActionKind::Adopt | ActionKind::Delete => true,
        ActionKind::Update => !step.changes.is_empty(),
        ActionKind::Redeploy => false,
    }
}

fn text(packs: &[PackDiff<'_>], unknown: &[&Region]) -> String {
    let names = |regions: &[&Region]| {
        regions.iter().map(|region| region.as_str()).collect::<Vec<_>>().join(", ")
    };
    let mut text = String::new();
    for PackDiff { regions, text: step, .. } in packs {
        let (first, rest) = step.split_once('\n').unwrap_or((step, ""));
        writeln!(text, "{first} in {}\n{}", names(regions), rest.trim_end()).ok();
    }
    if packs.is_empty() && unknown.is_empty() {
        text.push_str("No differences.\n");
    }
    if !unknown.is_empty() {
        writeln!(text, "? unknown: {} could not be read", names(unknown)).ok();
    }
    text
}
