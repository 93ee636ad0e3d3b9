//! `conformd diff`: in what the packs in AWS differ from the manifests, pack by pack.
//!
//! The same observation as `plan`, without its order of work: no redeployments, no reasons of
//! holds, and regions that differ alike stand together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::ExitCode;

use serde::Serialize;

use super::exit::WrongName;
use super::plan::{Planned, RegionChoice, RegionPlan, planned, simulated_line};
use super::terminal::{paint, print};
use crate::domain::base::model::{PackName, Region};
use crate::domain::base::nearest::did_you_mean;
use crate::domain::plan::step::{ActionKind, Change, PlanStep};
use crate::domain::present::plan_text::{StepText, Values};

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
    regions: RegionChoice,
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
    let planned = planned(&args.regions.settings, &args.regions.regions).await?;
    known(&args.packs, &planned)?;
    let packs = grouped(&planned.plans, &args.packs);
    let unread = planned.plans.iter().filter(|one| one.report.unknown.is_some());
    let unknown: Vec<&Region> = unread.map(|one| &one.report.place.region).collect();
    let simulated = planned.session.config.is_simulated();
    let differs = !packs.is_empty();
    match args.output {
        DiffOutput::Text => {
            let text = text(&packs, &undeclared(&args.packs, &planned, &packs), &unknown);
            let text = paint::plan(&text, paint::stdout_has_colour());
            print(&(simulated_line(simulated).to_owned() + &text))?;
        }
        DiffOutput::Json => {
            let document = DiffDocument { version: 1, simulated, packs, unknown };
            print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
        }
    }
    Ok(planned.exit_code(args.detailed_exitcode, differs))
}

/// Refuses names of packs that neither a manifest nor AWS has: no difference would be a claim.
fn known(asked: &[PackName], planned: &Planned) -> Result<(), WrongName> {
    let reports = planned.plans.iter().map(|one| &one.report);
    // A region that could not be read may have any pack; the output names it.
    if reports.clone().any(|report| report.unknown.is_some()) {
        return Ok(());
    }
    let there = reports.clone().flat_map(|one| one.packs.keys().chain(one.plan.bystanders.keys()));
    let steps = reports.clone().flat_map(|one| one.plan.steps_with_held());
    let all: BTreeSet<&PackName> =
        declared(planned).chain(there).chain(steps.map(|step| &step.pack)).collect();
    let Some(wrong) = asked.iter().find(|name| !all.contains(name)) else {
        return Ok(());
    };
    let hint = did_you_mean(wrong.as_str(), all.iter().map(|name| name.as_str()))
        .unwrap_or_else(|| "`conformd status -o wide` lists all packs".to_owned());
    let regions: Vec<&str> = reports.map(|report| report.place.region.as_str()).collect();
    Err(WrongName(format!(
        "no manifest declares a pack {wrong}, and AWS has none in {}; {hint}",
        regions.join(", ")
    )))
}

fn declared(planned: &Planned) -> impl Iterator<Item = &PackName> {
    planned.around.source.catalog.iter().flat_map(|catalog| catalog.packs.keys())
}

/// The packs asked for that are only in AWS, and that no step is about.
fn undeclared<'a>(
    asked: &'a [PackName],
    planned: &Planned,
    packs: &[PackDiff<'_>],
) -> Vec<&'a PackName> {
    let is_only_there = |name: &&PackName| {
        !declared(planned).any(|declared| declared == *name)
            && !packs.iter().any(|one| one.pack == *name)
    };
    asked.iter().filter(is_only_there).collect()
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

fn text(packs: &[PackDiff<'_>], undeclared: &[&PackName], unknown: &[&Region]) -> String {
    let names = |regions: &[&Region]| {
        regions.iter().map(|region| region.as_str()).collect::<Vec<_>>().join(", ")
    };
    let mut text = String::new();
    for PackDiff { regions, text: step, .. } in packs {
        let (first, rest) = step.split_once('\n').unwrap_or((step, ""));
        writeln!(text, "{first} in {}\n{}", names(regions), rest.trim_end()).ok();
    }
    for name in undeclared.iter().filter(|_| unknown.is_empty()) {
        writeln!(text, "{name}: no manifest declares it, so nothing is compared").ok();
    }
    if packs.is_empty() && undeclared.is_empty() && unknown.is_empty() {
        text.push_str("No differences.\n");
    }
    if !unknown.is_empty() {
        writeln!(text, "? unknown: {} could not be read", names(unknown)).ok();
    }
    text
}
