//! One account, explained: for every region and pack, whether it is to have it and by which rule,
//! what AWS says, and what happens next. `GET /api/v1/accounts/{id}`, `conformd explain`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deployment::{PackDeploymentView, bare_deployments};
use super::known_member::known_member;
use super::next::NextView;
use super::problem::words;
use super::status::{FreshnessKind, organization};
use super::{ConfirmedCaller, CurrentState, NotFound, VERSION, absent, next};
use crate::domain::base::mode::Mode;
use crate::domain::base::model::{
    AccountId, AccountState, Installation, PackName, Region, Timestamp, UnitId,
};
use crate::domain::base::nearest::nearest;
use crate::domain::base::untrusted::{ACCOUNT_NAME_MAX, one_line};
use crate::domain::base::words::{left, many, seconds_to};
use crate::domain::declared::catalog::Declared;
use crate::domain::members::new_account::{NewAccount, NewAccountPhase};
use crate::domain::members::rollout::RolloutHealth;
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::observed::member::{MemberStatus, StatusKind};
use crate::domain::observed::recorder::RecorderObservation;
use crate::domain::organization::account_list::Account;
use crate::domain::organization::selector::{Targeting, rule_of};
use crate::domain::plan::step::Action;
use crate::domain::present::axes::{HealthStatus, SyncStatus};
use crate::domain::present::report::RegionReport;

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountView {
    /// See [`VERSION`].
    pub version: u32,
    /// Whether nothing in it is about a real account.
    pub simulated: bool,
    /// By AWS's clock.
    pub now: Timestamp,
    /// Whose packs are explained.
    pub installation: Installation,
    /// Whether AWS has confirmed who asks.
    pub caller: ConfirmedCaller,
    /// How far conformd may go.
    pub mode: Mode,
    /// The account.
    pub account: AccountId,
    /// The answer in one sentence.
    pub summary: String,
    /// What the account list says of it.
    pub member: MemberView,
    /// Its 7 hours, if it joined lately and some pack targets it.
    pub clock: Option<ClockView>,
    /// Every configured region.
    pub regions: BTreeMap<Region, PlaceView>,
}

/// What the account list says of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberView {
    /// Whether it is a member; `None` while there is no list.
    pub listed: Option<bool>,
    /// How far the list can be believed.
    pub freshness: FreshnessKind,
    /// Why no further.
    pub why: Option<String>,
    /// When the list was read.
    pub read: Option<Timestamp>,
    /// Its name.
    pub name: Option<String>,
    /// Its state; `None` also for one that this version does not know.
    pub state: Option<AccountState>,
    /// When it joined this time.
    pub joined: Option<Timestamp>,
    /// The units it is in, the outermost first, if known.
    pub units: Option<Vec<UnitId>>,
    /// Whether it is the management account.
    pub management: bool,
}

/// The window in which AWS retries a new account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClockView {
    /// When it began.
    pub joined: Timestamp,
    /// When it ends.
    pub deadline: Timestamp,
    /// The seconds until then; negative when it is over.
    pub left_seconds: i64,
}

/// The account in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlaceView {
    /// Why the region is not known as it is now: what follows is older, or missing.
    pub unknown: Option<String>,
    /// Where it stands as a new account.
    pub phase: Option<NewAccountPhase>,
    /// What a probe saw of its recorder, and when.
    pub recorder: Option<RecorderObservation>,
    /// Every pack that is ours or wanted here.
    pub packs: BTreeMap<PackName, AccountPackView>,
}

/// The account under one pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountPackView {
    /// Whether it is to have the pack, and by which rule; `None`: no manifest wants the pack here.
    pub targeting: Option<Targeting>,
    /// How it stands, or stood when it was last known; `None`: nothing is known, or nothing is to
    /// be known.
    pub status: Option<StatusKind>,
    /// Why the status is not known, if it should be.
    pub unread: Option<String>,
    /// Whether AWS could not remove the pack from it.
    pub removal_failed: bool,
    /// Why it failed, or the removal did.
    pub class: Option<FailureClass>,
    /// AWS's code.
    pub code: Option<String>,
    /// AWS's words, on one line, cut.
    pub message: Option<String>,
    /// When AWS last changed its row, where that is known.
    pub last_update: Option<Timestamp>,
    /// When rows of the pack were last read.
    pub read: Option<Timestamp>,
    /// Whether a manifest asks for the deletion of the pack (`state: Absent`).
    pub deletion_declared: bool,
    /// Whether AWS holds what the manifests ask for of the pack in this region.
    pub sync: SyncStatus,
    /// How the pack is doing in this region.
    pub health: HealthStatus,
    /// How it arrived at all its members, which may say more.
    pub rollout: RolloutHealth,
    /// What happens next.
    pub next: NextView,
}

/// What is said of a pack that no manifest declares and that is not deleted yet.
const LEAVING: &str = "it keeps the pack until conformd deletes the pack here";

/// Explains one account, under all packs or under one.
pub fn account(
    facts: &CurrentState,
    id: AccountId,
    pack: Option<&str>,
) -> Result<AccountView, NotFound> {
    let mut regions: BTreeMap<Region, PlaceView> = facts
        .regions()
        .map(|(region, report)| (region.clone(), place(facts, id, region, report)))
        .collect();
    if let Some(pack) = pack {
        let all = regions.values().flat_map(|place| place.packs.keys());
        if !all.clone().any(|name| name.as_str() == pack) {
            let names: std::collections::BTreeSet<&str> = all.map(PackName::as_str).collect();
            return Err(absent("pack of this installation called", pack, names.into_iter()));
        }
        for place in regions.values_mut() {
            place.packs.retain(|name, _| name.as_str() == pack);
        }
    }
    let member = member(facts, id);
    let lingers = regions.values().flat_map(|place| place.packs.values());
    let lingering = lingers.filter(|pack| pack.status.is_some() || pack.removal_failed).count();
    // An account that left is still shown while AWS shows it in packs; without a list it may be a
    // member.
    if member.listed == Some(false) && lingering == 0 {
        return Err(unknown_account(facts, id));
    }
    let clock = clock(facts, id);
    let mut view = AccountView {
        version: VERSION,
        simulated: facts.about.simulated,
        now: facts.now,
        installation: facts.about.installation.clone(),
        caller: facts.caller.clone(),
        mode: facts.about.mode,
        account: id,
        summary: String::new(),
        member,
        clock,
        regions,
    };
    view.summary = summary(&view);
    Ok(view)
}

/// Somebody that no list and no row knows, and who it may be meant to be.
fn unknown_account(facts: &CurrentState, id: AccountId) -> NotFound {
    let accounts = facts.membership.list.iter().flat_map(|list| list.accounts.keys());
    let near = accounts
        .clone()
        .map(|other| (differing(id, *other), *other))
        .min()
        .filter(|(digits, _)| *digits <= DIGITS_MAX);
    let hint = match near {
        Some((_, other)) => format!("did you mean {other}{}?", named(facts.name(other).as_ref())),
        None => format!("the account list has {}", many(accounts.count(), "account")),
    };
    NotFound(format!(
        "account {id} is not in the organization, and AWS shows no row for it; \
        {hint}"
    ))
}

/// Digits that a misread account id may differ in: two neighbours that changed places.
const DIGITS_MAX: usize = 2;

fn differing(one: AccountId, other: AccountId) -> usize {
    one.as_str().bytes().zip(other.as_str().bytes()).filter(|(one, other)| one != other).count()
}

/// A name in brackets, if there is one.
pub(super) fn named(name: Option<&String>) -> String {
    name.map(|name| format!(" ({name})")).unwrap_or_default()
}

/// What precedes the ids of the accounts of a name, in the answer to a question by name.
pub const IS_NAME_OF: &str = "that is the name of ";

/// The account of this name, for a user who asks by name.
pub fn by_name(facts: &CurrentState, name: &str) -> Result<AccountId, NotFound> {
    let ids = called(facts, name);
    match *ids {
        [id] => Ok(id),
        [] => Err(NotFound(format!(
            "there is no account called {}; {}",
            one_line(name, ACCOUNT_NAME_MAX),
            similar(facts, name)
        ))),
        [..] => Err(NotFound(ambiguous(name, &ids))),
    }
}

/// Which accounts a name may mean.
pub fn ambiguous(name: &str, ids: &[AccountId]) -> String {
    let ids: Vec<&str> = ids.iter().map(AccountId::as_str).collect();
    format!(
        "{} accounts are called {}: {}; use the id",
        ids.len(),
        one_line(name, ACCOUNT_NAME_MAX),
        ids.join(", ")
    )
}

/// The account that a misspelt name may mean.
pub fn similar(facts: &CurrentState, name: &str) -> String {
    let accounts = facts.membership.list.iter().flat_map(|list| list.accounts.values());
    let near = nearest(name, accounts.clone().map(|account| account.name.as_str()));
    let near = near.and_then(|near| accounts.into_iter().find(|account| account.name == near));
    match near {
        Some(account) => {
            let id = account.id;
            format!("did you mean {id}{}?", named(facts.name(id).as_ref()))
        }
        None => "an account id has 12 digits".to_owned(),
    }
}

/// The accounts of this name, for somebody who asks by name.
pub fn called(facts: &CurrentState, name: &str) -> Vec<AccountId> {
    let accounts = facts.membership.list.iter().flat_map(|list| list.accounts.values());
    let is_it = |account: &&Account| account.name.eq_ignore_ascii_case(name);
    accounts.filter(is_it).map(|account| account.id).collect()
}

fn member(facts: &CurrentState, id: AccountId) -> MemberView {
    let list = facts.membership.list.as_deref();
    let account = facts.account(id);
    let organization = organization(facts);
    MemberView {
        listed: list.map(|_| account.is_some()),
        freshness: organization.freshness,
        why: organization.why,
        read: list.map(|list| list.read),
        name: facts.name(id),
        state: account.and_then(|account| account.state),
        joined: account.and_then(|account| account.joined),
        units: account.and_then(|account| account.units.as_ref()).map(|units| units.to_vec()),
        management: list.is_some_and(|list| list.organization.management == id),
    }
}

/// The newest clock that any region goes by.
fn clock(facts: &CurrentState, id: AccountId) -> Option<ClockView> {
    let new_accounts = facts.regions().filter_map(|(_, report)| new_account(report?, id));
    let newest = new_accounts.max_by_key(|new_account| new_account.joined)?;
    Some(ClockView {
        joined: newest.joined,
        deadline: newest.deadline,
        left_seconds: seconds_to(facts.now, newest.deadline),
    })
}

fn new_account(report: &RegionReport, id: AccountId) -> Option<&NewAccount> {
    report.tracking.new_accounts.iter().find(|new_account| new_account.account == id)
}

fn place(
    facts: &CurrentState,
    id: AccountId,
    region: &Region,
    report: Option<&RegionReport>,
) -> PlaceView {
    let unknown = match report {
        None => Some("not refreshed yet".to_owned()),
        Some(report) => report.unknown.as_ref().map(|unknown| unknown.why.clone()),
    };
    let new_account = report.and_then(|report| new_account(report, id));
    let deployments = bare_deployments(report, &facts.desired(region));
    let packs = deployments.into_iter().map(|(name, deployment)| {
        let view = under(facts, id, region, (&name, &deployment), report);
        (name, view)
    });
    PlaceView {
        unknown,
        phase: new_account.map(|new_account| new_account.phase),
        recorder: facts.recorders.of(region, id).cloned(),
        packs: packs.collect(),
    }
}

fn under(
    facts: &CurrentState,
    id: AccountId,
    region: &Region,
    (name, deployment): (&PackName, &PackDeploymentView),
    report: Option<&RegionReport>,
) -> AccountPackView {
    let declared = facts.source.catalog.as_ref().and_then(|catalog| catalog.packs.get(name));
    let wanted = report.is_none_or(|report| facts.desired(&report.place.region).contains(name));
    let manifest = declared.and_then(|pack| pack.in_force()).filter(|_| wanted);
    let list = facts.membership.list.as_deref();
    let targeting = manifest.map(|manifest| rule_of(&manifest.exclude_in(region), list, id));
    let rollout = report.and_then(|report| report.tracking.packs.get(name));
    let known = known_member(report, name, id, targeting.as_ref());
    let (code, message) = known.member.map_or((None, None), words);
    let case = next::AdviceCase {
        facts,
        account: id,
        pack: name,
        targeting: targeting.as_ref(),
        known: &known,
        report,
    };
    let mut steps = report.into_iter().flat_map(|report| report.plan.steps_with_held());
    let step = steps.find(|step| step.pack == *name);
    let is_leaving = step.is_some_and(|step| matches!(step.action, Action::Delete));
    let mut next = next::next(&case);
    if targeting.is_none() && is_leaving && next.what.is_empty() {
        LEAVING.clone_into(&mut next.what);
    }
    AccountPackView {
        next,
        targeting,
        status: known.status.map(MemberStatus::kind),
        removal_failed: known.removal.is_some(),
        class: known.status.and_then(MemberStatus::failure_class).or(known.removal),
        unread: known.unread,
        code,
        message,
        last_update: known.member.and_then(|member| member.last_update),
        read: rollout.and_then(|rollout| rollout.read.max(rollout.resynced)),
        deletion_declared: matches!(declared, Some(Declared::Absent(_))),
        sync: deployment.sync,
        health: deployment.health,
        rollout: deployment.rollout.health,
    }
}

fn summary(view: &AccountView) -> String {
    let AccountView { account, member, clock, regions, .. } = view;
    let who = format!("{account}{}", named(member.name.as_ref()));
    let packs = || regions.values().flat_map(|place| place.packs.values());
    let rows = packs().filter(|pack| pack.status.is_some()).count();
    if member.listed == Some(false) {
        let rows = many(rows, "pack deployment");
        return format!("{who} is not a member of the organization; AWS still shows it in {rows}");
    }
    // From the account itself to what is required of the user, and last the deadline.
    let targeted = packs().filter(|pack| pack.targeting == Some(Targeting::Targeted)).count();
    // In a region that could not be read, what was read before says nothing about today.
    let is_read = |pack: &&AccountPackView| pack.sync != SyncStatus::Unknown;
    let targeted_packs = || packs().filter(|pack| pack.targeting == Some(Targeting::Targeted));
    let is_fine =
        |pack: &&AccountPackView| pack.status == Some(StatusKind::Ok) && pack.unread.is_none();
    let fine = targeted_packs().filter(is_read).filter(is_fine);
    let needy = packs().filter(|pack| pack.next.who == next::Who::Person).count();
    let mut clauses = Vec::new();
    match member.state {
        Some(AccountState::Active) => {}
        Some(state) => clauses.push(format!("it is {state}, so it is not expected to have packs")),
        None if member.listed == Some(true) => {
            clauses.push("its state is unknown, so it is not expected to have packs".into());
        }
        None => clauses.push("whether it is a member is unknown".to_owned()),
    }
    if targeted > 0 {
        let fine = fine.count();
        clauses.push(format!("{fine} of {} in place", many(targeted, "targeted pack deployment")));
        let is_unknown = |pack: &&AccountPackView| pack.unread.is_some() || !is_read(pack);
        let unread = targeted_packs().filter(is_unknown).count();
        clauses.extend((unread > 0).then(|| format!("{unread} not known")));
    } else if clauses.is_empty() {
        let leaving = packs().filter(|pack| pack.next.what == LEAVING);
        let leaving = leaving.count();
        clauses.push(if leaving == 0 {
            "no pack targets it".to_owned()
        } else {
            let leaving = many(leaving, "pack deployment");
            format!("no pack targets it; {leaving} still to be deleted")
        });
    }
    if needy > 0 {
        clauses.push(format!("action required in {needy}"));
    }
    let is_open = regions.values().any(|place| place.phase.is_some_and(|one| !one.is_settled()));
    let clock = clock.as_ref().filter(|_| is_open);
    clauses.extend(clock.map(|clock| format!("7-hour window: {}", left(clock.left_seconds))));
    format!("{who}: {}", clauses.join("; "))
}
