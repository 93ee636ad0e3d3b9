//! How views read: one text for the command line and for `?format=text`, as rows and signs.
//!
//! Lines begin as in plans: two spaces and a sign, `!` where a person is needed, `?` where nothing
//! is known, `~` where something is under way. Without colour and without width nothing is lost.

mod account;
pub mod layout;
mod phrases;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use strum::IntoEnumIterator as _;

use super::approvals::{
    GUARDED_WAYS, UNDECLARED_WAYS, is_pending_approval, undeclared, undeclared_names, waiting,
};
use super::deployment::{Lift, PackDeploymentView, lift};
use super::health::{Subject, failing};
use super::new_accounts::{NewAccountView, NewAccountsSummary};
use super::region::{HoldView, RegionView};
use super::status::{RecordView, StatusView};
use super::trouble::TroubleView;
use crate::domain::base::model::{PackName, Region, Timestamp};
use crate::domain::base::words::first_few;
use crate::domain::members::new_account::NewAccountPhase;
use crate::domain::members::rollout::RolloutHealth;
use crate::domain::observed::failure_class::Owner;
use crate::domain::observed::member::{Counts, StatusKind};
use crate::domain::plan::hold::HoldReason;
use crate::domain::plan::step::ActionKind;
use crate::domain::present::axes::{DeploymentMark, HealthStatus, SyncStatus};
use layout::{GridRow, LineSign, TextGrid, TextItem, TextList, TextPage, TextPart};
use phrases::SIMULATED;

pub use crate::domain::base::words::{ago, left, many, span};
pub use account::{account_page, next_line, pack_sign, recorder, status_words, targeting, window};
pub use phrases::{clean, person, spoken};

/// Findings in manifests that are shown; `validate` shows all.
const FINDINGS_MAX: usize = 3;
/// Account ids that are listed of one trouble.
const IDS_MAX: usize = 3;

/// The status: the answer first, then what is not as it should be. `wide`: with names, counts and
/// ages of every pack.
pub fn status_page(view: &StatusView, wide: bool) -> TextPage {
    let simulated = view.simulated.then(|| SIMULATED.to_owned());
    let mut head: Vec<String> = simulated.into_iter().collect();
    head.push(format!("{}: {}", view.health.state.title(), clean(&view.health.summary)));
    if let RecordView { usable: false, began: _, problem: Some(why) } = &view.record {
        let why = clean(why);
        head.push(format!(
            "record: none ({why}): every loss waits for an approval until the losses of the last \
             24 h are known"
        ));
    }
    let mut parts = vec![
        TextPart::List(general(view)),
        TextPart::List(approvals(view)),
        TextPart::Grid(overview(&view.regions)),
    ];
    parts.extend(wide.then(|| TextPart::List(packs(view))));
    parts.extend([
        TextPart::List(troubles(&view.troubles, wide)),
        TextPart::List(new_accounts(&view.new_accounts, wide)),
        TextPart::List(held(view, wide)),
        TextPart::List(dark(view)),
    ]);
    parts.retain(|part| !part.is_empty());
    TextPage { head, parts }
}

/// Problems other than those of packs and regions.
fn general(view: &StatusView) -> TextList {
    let items = view.health.reasons.iter().filter_map(|reason| {
        let (subject, more): (&str, &[String]) = match reason.subject {
            Subject::Source => ("source", &view.source.declared.diagnostics),
            Subject::Caller => ("identity", &[]),
            Subject::Organization => ("account list", view.organization.list.to_do.as_slice()),
            Subject::Record => ("record", &[]),
            Subject::Region | Subject::Pack | Subject::Accounts => return None,
        };
        let sign = health_sign(reason.state);
        let details = [&reason.why].into_iter().chain(more.iter().take(FINDINGS_MAX));
        let details = details.map(|text| clean(text)).collect();
        Some(TextItem { sign, row: vec![subject.to_owned()], details })
    });
    TextList::new("Problems", items)
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
    let PackDeploymentView { sync, health, rollout, action, .. } = deployment;
    let title = health.title();
    let ok = rollout.counts.ok;
    // What needs an action comes first: failing members, then a hold.
    match health {
        HealthStatus::Degraded => Some(failing(deployment))
            .filter(|members| !members.is_empty())
            .unwrap_or_else(|| title.to_owned()),
        _ if deployment.action_required => "held".to_owned(),
        HealthStatus::Unknown | HealthStatus::Suspended => title.to_owned(),
        HealthStatus::Progressing => match (rollout.health, rollout.expected) {
            (RolloutHealth::Deleting, _) => "removing".to_owned(),
            (_, Some(expected)) => format!("{title} {ok}/{expected}"),
            (_, None) => title.to_owned(),
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

/// Accounts in trouble, by class.
fn troubles(troubles: &[TroubleView], wide: bool) -> TextList {
    let items = troubles.iter().map(|trouble| {
        let TroubleView { status, class, accounts, truncated, packs, regions, .. } = trouble;
        let class = class.map_or_else(|| spoken(status.as_str()), |class| class.to_string());
        let least = if *truncated { "at least " } else { "" };
        let packs: Vec<&str> = packs.iter().map(PackName::as_str).collect();
        let regions: Vec<&str> = regions.iter().map(Region::as_str).collect();
        let (packs, regions) = (one_or_many(&packs, "pack"), one_or_many(&regions, "region"));
        let scale = format!("{least}{} in {packs}, {regions}", many(*accounts, "account"));
        let row = vec![class, scale, format!("owner: {}", owner_words(trouble))];
        TextItem { sign: trouble_sign(trouble), row, details: details(trouble, wide) }
    });
    TextList::new("Failing accounts", items)
}

/// The sign of a trouble: conformd and AWS act by themselves, everybody else has to.
pub fn trouble_sign(trouble: &TroubleView) -> LineSign {
    if trouble.is_redeployed() { LineSign::Moving } else { owner_sign(trouble.owner) }
}

/// Whose move a trouble is, as people write it.
pub fn owner_words(trouble: &TroubleView) -> &'static str {
    if trouble.is_redeployed() { "conformd" } else { person(trouble.owner) }
}

/// The sign of a member in trouble, by who must act.
pub fn owner_sign(owner: Owner) -> LineSign {
    if owner == Owner::Aws { LineSign::Moving } else { LineSign::ActionRequired }
}

/// The name of the only one, or how many there are.
fn one_or_many(names: &[&str], noun: &str) -> String {
    match names {
        [only] => (*only).to_owned(),
        names => many(names.len(), noun),
    }
}

/// The advice, and the accounts that it is for.
fn details(trouble: &TroubleView, wide: bool) -> Vec<String> {
    let mut lines = vec![clean(&trouble.advice)];
    let examples = trouble.examples.iter();
    // The narrow form only names accounts, so that one failure of thousands of accounts stays
    // short.
    if wide {
        lines.extend(examples.clone().map(|example| {
            let said = [&example.code, &example.message].into_iter().flatten();
            let said = said.map(|text| clean(text)).collect::<Vec<_>>().join(": ");
            let name = account::called(example.account, example.name.as_ref());
            let place = format!("{name}, {} in {}", example.pack, example.region);
            if said.is_empty() { place } else { format!("{place}: {said}") }
        }));
    } else {
        let ids: Vec<String> = examples.map(|example| example.account.to_string()).collect();
        let more = trouble.accounts.saturating_sub(ids.len().min(IDS_MAX));
        let mut shown = first_few(ids.get(..IDS_MAX.min(ids.len())).unwrap_or_default(), IDS_MAX);
        if more > 0 {
            write!(shown, " and {more} more").expect("writing into a string does not fail");
        }
        lines.push(shown);
    }
    lines.retain(|line| !line.is_empty());
    lines
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

/// What waits for more than time. What waits for an approval stands above.
fn held(view: &StatusView, wide: bool) -> TextList {
    let mut items = Vec::new();
    for (region, of) in &view.regions {
        let holds = of.report.iter().flat_map(|report| &report.holds);
        let shown = holds
            .filter(|hold| wide || lift(hold.reason) != Lift::Time)
            .filter(|hold| !is_pending_approval(of, hold));
        items.extend(shown.map(|hold| held_one(region, hold)));
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
    match lift(reason) {
        Lift::Person => LineSign::ActionRequired,
        Lift::Time => LineSign::Moving,
        Lift::Purpose => LineSign::Fine,
    }
}

/// Regions and members that were not read.
fn dark(view: &StatusView) -> TextList {
    let rows = view.health.reasons.iter().filter(|reason| reason.subject == Subject::Region);
    let items = rows.map(|reason| TextItem::new(LineSign::Unknown, [clean(&reason.why)]));
    let old = view.regions.iter().filter_map(|(region, of)| {
        let report = of.report.as_ref()?;
        let seen = report.last_read.filter(|_| report.unknown.is_some())?;
        Some(format!("{region} was last read {}", ago(seen, view.now)))
    });
    TextList { notes: old.collect(), ..TextList::new("Unknown", items) }
}
