//! How views read: one text for the command line and for `?format=text`, as rows and signs.
//!
//! Lines begin as in plans: two spaces and a sign, `!` where a person is needed, `?` where nothing
//! is known, `~` where something is under way. Without colour and without width nothing is lost.

mod account;
pub mod layout;
mod phrases;
mod problems;

use std::collections::{BTreeMap, BTreeSet};

use strum::IntoEnumIterator as _;

use super::approval_ways::{GUARDED_WAYS, UNDECLARED_WAYS};
use super::approvals::{undeclared, undeclared_names, waiting};
use super::deployment::PackDeploymentView;
use super::health::failing;
use super::new_accounts::{NewAccountView, NewAccountsSummary};
use super::region::{HoldView, RegionView};
use super::status::{RecordView, StatusView};
use crate::domain::base::model::{PackName, Region, Timestamp};
use crate::domain::base::words::first_few;
use crate::domain::members::new_account::NewAccountPhase;
use crate::domain::observed::failure_class::Owner;
use crate::domain::observed::member::{Counts, StatusKind};
use crate::domain::plan::hold::{HoldReason, Lift};
use crate::domain::plan::step::ActionKind;
use crate::domain::present::axes::{DeploymentMark, HealthStatus, SyncStatus};
use layout::{GridRow, LineSign, TextGrid, TextItem, TextList, TextPage, TextPart};
use phrases::{IDS_MAX, SIMULATED};
use problems::problems;

pub use crate::domain::base::words::{ago, left, many, span};
pub use account::{
    account_page, next_line, pack_sign, recorder, status_words, target_words, window,
};
pub use phrases::{clean, person, spoken};
pub use problems::{is_listed, problem_scope, problem_sign, problem_words};

/// The status: the answer first, then what is not as it should be. `wide`: with names, counts and
/// ages of every pack.
pub fn status_page(view: &StatusView, wide: bool) -> TextPage {
    let simulated = view.simulated.then(|| SIMULATED.to_owned());
    let mut head: Vec<String> = simulated.into_iter().collect();
    head.push(clean(&view.health.headline()));
    if let RecordView { usable: false, began: _, problem: Some(why) } = &view.record {
        let why = clean(why);
        head.push(format!(
            "record: none ({why}): every loss waits for an approval until the losses of the last \
             24 h are known"
        ));
    }
    let mut parts = vec![
        TextPart::List(approvals(view)),
        TextPart::List(problems(&view.problems, wide)),
        TextPart::Grid(overview(&view.regions)),
    ];
    parts.extend(wide.then(|| TextPart::List(packs(view))));
    parts.push(TextPart::List(new_accounts(&view.new_accounts, wide)));
    parts.extend(wide.then(|| TextPart::List(held(view))));
    parts.retain(|part| !part.is_empty());
    TextPage { head, parts }
}

/// The sign of the whole, or of one reason.
pub fn health_sign(state: HealthStatus) -> LineSign {
    match state {
        HealthStatus::Healthy | HealthStatus::Suspended => LineSign::Fine,
        HealthStatus::Progressing => LineSign::Moving,
        HealthStatus::Unknown => LineSign::Unknown,
        HealthStatus::Degraded => LineSign::ActionRequired,
    }
}

/// Packs as rows, regions as columns.
fn overview(regions: &BTreeMap<Region, RegionView>) -> TextGrid {
    let packs: BTreeSet<&PackName> =
        regions.values().flat_map(|view| view.deployments.keys()).collect();
    let rows = packs.into_iter().map(|pack| {
        let deployments: Vec<Option<&PackDeploymentView>> =
            regions.values().map(|view| view.deployments.get(pack)).collect();
        let signs = deployments.iter().flatten().map(|deployment| deployment_sign(deployment));
        let sign = signs.max().unwrap_or(LineSign::Fine);
        let texts =
            deployments.iter().map(|deployment| deployment.map_or_else(|| "-".to_owned(), glance));
        GridRow { sign, pack: pack.to_string(), cells: texts.collect() }
    });
    TextGrid { rows: rows.collect(), regions: regions.keys().map(Region::to_string).collect() }
}

/// The sign of a pack deployment.
pub fn deployment_sign(deployment: &PackDeploymentView) -> LineSign {
    match deployment.mark() {
        _ if deployment.action_required => LineSign::ActionRequired,
        DeploymentMark::Unknown => LineSign::Unknown,
        DeploymentMark::Progressing | DeploymentMark::OutOfSync | DeploymentMark::Degraded => {
            LineSign::Moving
        }
        DeploymentMark::Healthy | DeploymentMark::Suspended => LineSign::Fine,
    }
}

/// A pack deployment in a few letters: `Healthy 120`, `3 failed`, `Progressing 40/120`.
pub fn glance(deployment: &PackDeploymentView) -> String {
    let PackDeploymentView { sync, health, rollout, action, holds, .. } = deployment;
    let title = health.title();
    let ok = rollout.counts.ok;
    // What needs an action comes first: failing members, then a hold.
    match health {
        HealthStatus::Degraded => Some(failing(deployment))
            .filter(|members| !members.is_empty())
            .unwrap_or_else(|| title.to_owned()),
        _ if holds.iter().any(|hold| hold.lift() == Lift::Person) => "held".to_owned(),
        HealthStatus::Unknown | HealthStatus::Suspended => title.to_owned(),
        HealthStatus::Progressing if deployment.is_removed() => "removing".to_owned(),
        HealthStatus::Progressing => match rollout.expected {
            Some(expected) => format!("{title} {ok}/{expected}"),
            None => title.to_owned(),
        },
        HealthStatus::Healthy => match sync {
            SyncStatus::Synced => format!("{title} {ok}"),
            SyncStatus::OutOfSync | SyncStatus::Unknown => {
                action.map_or(sync.title(), to_do).to_owned()
            }
        },
    }
}

/// Both axes, where there is room for no more: `OutOfSync, Healthy`.
pub fn axes(sync: SyncStatus, health: HealthStatus) -> String {
    if sync.title() == health.title() {
        sync.title().to_owned()
    } else {
        format!("{}, {}", sync.title(), health.title())
    }
}

/// The health of a pack deployment, and what its rollout says beyond that: `Degraded (missing)`.
pub fn health_words(deployment: &PackDeploymentView) -> String {
    let (health, rollout) = (deployment.health, deployment.rollout.health.as_str());
    if health.as_str() == rollout {
        health.title().to_owned()
    } else {
        format!("{} ({})", health.title(), spoken(rollout))
    }
}

/// The sync of a pack deployment and its reason: `OutOfSync (conflict)`.
pub fn sync_words(deployment: &PackDeploymentView) -> String {
    let sync = deployment.sync.title();
    let reason = deployment.reason.map(|reason| format!("{sync} ({})", reason.as_str()));
    reason.unwrap_or_else(|| sync.to_owned())
}

fn to_do(action: ActionKind) -> &'static str {
    match action {
        ActionKind::Create => "to create",
        ActionKind::Adopt => "to adopt",
        ActionKind::Update => "to update",
        ActionKind::Redeploy => "to redeploy",
        ActionKind::Delete => "to delete",
    }
}

/// Every pack deployment with its counts and ages.
fn packs(view: &StatusView) -> TextList {
    let mut items = Vec::new();
    for (region, of) in &view.regions {
        for (pack, deployment) in &of.deployments {
            let age = |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| ago(at, view.now));
            let status =
                deployment.status.as_ref().map_or("-".to_owned(), |it| clean(&it.to_string()));
            let row = vec![
                pack.to_string(),
                region.to_string(),
                glance(deployment),
                sync_words(deployment),
                health_words(deployment),
                status,
                counts(&deployment.rollout.counts, deployment.rollout.expected),
                format!("changed {}", age(deployment.last_update)),
                format!("resynced {}", age(deployment.rollout.resynced)),
            ];
            let warnings = of.report.iter().filter_map(|report| report.packs.get(pack));
            let details = warnings.flat_map(|pack| &pack.warnings).map(|text| clean(text));
            let sign = deployment_sign(deployment);
            items.push(TextItem { sign, row, details: details.collect() });
        }
    }
    TextList::new("Packs", items)
}

/// Members by status, those that there are.
fn counts(counts: &Counts, expected: Option<usize>) -> String {
    let expected = expected.map(|expected| format!("{expected} expected"));
    let kinds = StatusKind::iter().filter(|kind| counts.of(*kind) > 0);
    let counts = kinds.map(|kind| format!("{} {}", counts.of(kind), spoken(kind.as_str())));
    expected.into_iter().chain(counts).collect::<Vec<_>>().join(", ")
}

/// The sign of a member in trouble, by who must act.
pub fn owner_sign(owner: Owner) -> LineSign {
    if owner.is_person() { LineSign::ActionRequired } else { LineSign::Moving }
}

/// New accounts that are not settled, the most urgent first.
fn new_accounts(new_accounts: &NewAccountsSummary, wide: bool) -> TextList {
    let items = new_accounts.accounts.iter().map(|account| new_account(account, wide));
    let mut list = TextList::new("New accounts", items);
    if new_accounts.left_out > 0 {
        list.notes.push(format!("and {} more", new_accounts.left_out));
    }
    list
}

fn new_account(account: &NewAccountView, wide: bool) -> TextItem {
    let open: Vec<_> =
        account.regions.iter().filter(|(_, place)| !place.phase.is_settled()).collect();
    let names: Vec<String> = open.iter().map(|(region, _)| region.to_string()).collect();
    let recorders: BTreeSet<&str> = open
        .iter()
        .filter_map(|(_, place)| place.recorder.as_ref())
        .map(|recorder| recorder.kind().as_str())
        .collect();
    let recorders: Vec<&str> = recorders.into_iter().collect();
    let recorder = if recorders.is_empty() { "not probed".to_owned() } else { recorders.join("/") };
    let row = vec![
        account::called(account.account, account.name.as_ref()),
        first_few(&names, if wide { usize::MAX } else { IDS_MAX }),
        account.phase.as_str().to_owned(),
        left(account.left_seconds),
        format!("recorder {recorder}"),
    ];
    TextItem::new(phase_sign(account.phase), row)
}

/// The sign of a new account.
pub fn phase_sign(phase: NewAccountPhase) -> LineSign {
    match phase {
        NewAccountPhase::Missed => LineSign::ActionRequired,
        NewAccountPhase::Waiting | NewAccountPhase::Deploying | NewAccountPhase::Late => {
            LineSign::Moving
        }
        NewAccountPhase::Complete => LineSign::Fine,
    }
}

/// What waits for an approval, once for all regions.
fn approvals(view: &StatusView) -> TextList {
    let waiting = waiting(&view.regions);
    let mut items = Vec::new();
    if let Some(guarded) = waiting.guarded() {
        let mut details: Vec<String> = guarded.reasons().iter().map(|why| clean(why)).collect();
        details.push(GUARDED_WAYS.to_owned());
        items.push(TextItem {
            sign: LineSign::ActionRequired,
            row: vec![guarded.summary()],
            details,
        });
    }
    if let Some(undeclared) = undeclared(&waiting) {
        let details = vec![undeclared_names(&waiting), UNDECLARED_WAYS.to_owned()];
        items.push(TextItem { sign: LineSign::ActionRequired, row: vec![undeclared], details });
    }
    TextList::new("Waiting for approval", items)
}

/// What waits for time alone, for whoever asks for everything. What waits for more is a problem.
fn held(view: &StatusView) -> TextList {
    let mut items = Vec::new();
    for (region, of) in &view.regions {
        let holds = of.report.iter().flat_map(|report| &report.holds);
        let brief = holds.filter(|hold| hold.reason.lift() == Lift::Time);
        items.extend(brief.map(|hold| held_one(region, hold)));
    }
    TextList::new("Held", items)
}

fn held_one(region: &Region, hold: &HoldView) -> TextItem {
    let HoldView { pack, reason, why, until, action: _ } = hold;
    let pack = pack.as_ref().map_or("every pack", |pack| pack.as_str());
    let until = until.map(|until| format!(" (until {until})")).unwrap_or_default();
    let row = vec![pack.to_owned(), region.to_string(), spoken(reason.as_str())];
    TextItem { sign: hold_sign(*reason), row, details: vec![format!("{}{until}", clean(why))] }
}

/// The sign of a hold: what lifts it.
pub fn hold_sign(reason: HoldReason) -> LineSign {
    match reason.lift() {
        Lift::Person => LineSign::ActionRequired,
        Lift::Time => LineSign::Moving,
        Lift::Purpose => LineSign::Fine,
    }
}
