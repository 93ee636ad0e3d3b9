//! The accounts of one pack in one region, page by page:
//! `GET /api/v1/packs/{region}/{pack}/accounts`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoEnumIterator as _, IntoStaticStr};

use super::deployment::bare_deployments;
use super::problem::{member_advice, member_owner, words};
use super::{CurrentState, ListPage, NotFound, VERSION, absent};
use crate::domain::base::model::{AccountId, PackName, Region, Timestamp};
use crate::domain::members::rollout::{Rollout, RolloutHealth};
use crate::domain::observed::failure_class::{FailureClass, Owner};
use crate::domain::observed::member::{Counts, StatusKind, TroubledMember};
use crate::domain::organization::selector::{Targeting, rule_of};
use crate::domain::present::axes::{HealthStatus, SyncStatus};

/// One page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountsView {
    /// See [`VERSION`].
    pub version: u32,
    /// Whether nothing in it is about a real account.
    pub simulated: bool,
    /// By AWS's clock.
    pub now: Timestamp,
    /// The region.
    pub region: Region,
    /// The pack.
    pub pack: PackName,
    /// Whether AWS holds what the manifests ask for of the pack.
    pub sync: SyncStatus,
    /// How the pack is doing here.
    pub health: HealthStatus,
    /// How it arrived at its members, which may say more.
    pub rollout: RolloutHealth,
    /// Why that is no better.
    pub why: Option<String>,
    /// Members by status, whatever was asked for.
    pub counts: Counts,
    /// The status that was asked for; `None`: all of them.
    pub status: Option<StatusKind>,
    /// How many accounts of it are known by name.
    pub total: usize,
    /// Whether these are all that are counted. Accounts that are ok are not kept by name, but
    /// concluded from the account list, which may be newer than the counts.
    pub complete: bool,
    /// Which page this is.
    pub page: usize,
    /// How many pages there are.
    pub pages: usize,
    /// Accounts on this page, by id.
    pub accounts: Vec<AccountRow>,
}

/// One account under this pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountRow {
    /// Who.
    pub account: AccountId,
    /// Its name.
    pub name: Option<String>,
    /// How it stands.
    pub status: StatusKind,
    /// Why it failed.
    pub class: Option<FailureClass>,
    /// AWS's code.
    pub code: Option<String>,
    /// AWS's words, on one line, cut.
    pub message: Option<String>,
    /// Who must act, if anyone.
    pub owner: Option<Owner>,
    /// What to do, if anything.
    pub advice: Option<String>,
    /// When AWS last changed its row, where that is known.
    pub last_update: Option<Timestamp>,
}

/// What page of which list.
#[derive(Debug, Clone, Copy)]
pub struct MembersQuery<'a> {
    /// The region.
    pub region: &'a str,
    /// The pack.
    pub pack: &'a str,
    /// Only accounts of this status.
    pub status: Option<StatusKind>,
    /// The page.
    pub page: ListPage,
    /// Only accounts whose id, name, code or message contains this, in capitals or not.
    pub search: &'a str,
    /// The order.
    pub order: AccountOrder,
}

/// In which order accounts are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum AccountOrder {
    /// By id: pages stay the same while the data does.
    #[default]
    Account,
    /// By name.
    Name,
    /// By status: failed and missing ones first.
    Status,
    /// Those whose rows AWS changed last come first.
    Changed,
}

/// A page of the accounts of one pack in one region.
pub fn accounts(facts: &CurrentState, asked: &MembersQuery<'_>) -> Result<AccountsView, NotFound> {
    let MembersQuery { region, pack, status, page, search, order } = *asked;
    let Some(region) = facts.about.regions.iter().find(|one| one.as_str() == region) else {
        let regions = facts.about.regions.iter().map(Region::as_str);
        return Err(absent("configured region", region, regions));
    };
    let report = facts.reports.get(region);
    let deployments = bare_deployments(report.map(AsRef::as_ref), &facts.desired(region));
    let Some((pack, deployment)) = deployments.iter().find(|(name, _)| name.as_str() == pack)
    else {
        let what = format!("pack of this installation in {region} called");
        return Err(absent(&what, pack, deployments.keys().map(PackName::as_str)));
    };
    // Counts include every member, rows only those that are kept by name: `complete` shows the
    // difference.
    let known = report.and_then(|report| report.tracking.packs.get(pack));
    let mut rows = known.map(|rollout| rows(facts, region, pack, rollout)).unwrap_or_default();
    rows.retain(|_, (kind, _)| status.is_none_or(|status| *kind == status));
    let counts = deployment.rollout.counts;
    let kinds = StatusKind::iter();
    let counted: usize = kinds
        .filter(|kind| status.is_none_or(|status| status == *kind))
        .map(|kind| counts.of(kind))
        .sum();
    let named = rows.len();
    let rows = arranged(facts, rows, search, order);
    let total = rows.len();
    Ok(AccountsView {
        version: VERSION,
        simulated: facts.about.simulated,
        now: facts.now,
        region: region.clone(),
        pack: pack.clone(),
        sync: deployment.sync,
        health: deployment.health,
        rollout: deployment.rollout.health,
        why: deployment.why.clone(),
        counts,
        status,
        total,
        complete: known.is_some() && named == counted,
        page: page.number,
        pages: page.count(total),
        accounts: page
            .of(rows.into_iter())
            .into_iter()
            .map(|(account, (kind, member))| row(facts, account, kind, member))
            .collect(),
    })
}

type RowSource<'a> = BTreeMap<AccountId, (StatusKind, Option<&'a TroubledMember>)>;

/// Those that are searched for, in the order that is asked for.
fn arranged<'a>(
    facts: &CurrentState,
    rows: RowSource<'a>,
    search: &str,
    order: AccountOrder,
) -> Vec<(AccountId, (StatusKind, Option<&'a TroubledMember>))> {
    let mut rows: Vec<_> = rows.into_iter().collect();
    if !search.is_empty() {
        let search = search.to_lowercase();
        let is_found = |text: &str| text.to_lowercase().contains(&search);
        rows.retain(|(account, (_, member))| {
            let (code, message) = member.map_or((None, None), words);
            is_found(&account.to_string())
                || [facts.name(*account), code, message].iter().flatten().any(|text| is_found(text))
        });
    }
    // Every order keeps that of ids where it says nothing.
    match order {
        AccountOrder::Account => {}
        AccountOrder::Name => rows.sort_by_cached_key(|(account, _)| facts.name(*account)),
        AccountOrder::Status => rows.sort_by_key(|(_, (kind, _))| status_rank(*kind)),
        AccountOrder::Changed => {
            let changed = |member: Option<&TroubledMember>| member.and_then(|it| it.last_update);
            rows.sort_by_key(|(_, (_, member))| std::cmp::Reverse(changed(*member)));
        }
    }
    rows
}

/// Which status comes first in a list that shows what is wrong.
fn status_rank(kind: StatusKind) -> u8 {
    match kind {
        StatusKind::Failed => 0,
        StatusKind::Missing => 1,
        StatusKind::Waiting => 2,
        StatusKind::InProgress => 3,
        StatusKind::NotYetListed => 4,
        StatusKind::Left => 5,
        StatusKind::Inactive => 6,
        StatusKind::Ok => 7,
    }
}

/// Every account that is known by name, and those that are ok if they can be concluded.
fn rows<'a>(
    facts: &CurrentState,
    region: &Region,
    pack: &PackName,
    rollout: &'a Rollout,
) -> RowSource<'a> {
    let new_accounts = rollout.new_accounts.iter();
    let mut rows: RowSource<'a> =
        new_accounts.map(|(account, status)| (*account, (status.kind(), None))).collect();
    rows.extend(
        rollout
            .troubled
            .iter()
            .map(|member| (member.account, (member.status.kind(), Some(member)))),
    );
    let fine = fine(facts, region, pack, &rows);
    let named = rows.values().filter(|(kind, _)| *kind == StatusKind::Ok).count();
    if named.saturating_add(fine.len()) == rollout.counts.ok {
        rows.extend(fine.into_iter().map(|account| (account, (StatusKind::Ok, None))));
    }
    rows
}

/// Accounts that are to have the pack and are not known to be in trouble.
fn fine(
    facts: &CurrentState,
    region: &Region,
    pack: &PackName,
    rows: &RowSource<'_>,
) -> Vec<AccountId> {
    let declared = facts.source.catalog.as_ref().and_then(|catalog| catalog.packs.get(pack));
    let Some(manifest) = declared.and_then(|pack| pack.in_force()) else { return Vec::new() };
    let list = facts.membership.list.as_deref();
    let exclude = manifest.exclude_in(region);
    let is_targeted = |account| rule_of(&exclude, list, account) == Targeting::Targeted;
    let accounts = list.into_iter().flat_map(|list| list.accounts.keys().copied());
    accounts.filter(|account| !rows.contains_key(account) && is_targeted(*account)).collect()
}

fn row(
    facts: &CurrentState,
    account: AccountId,
    status: StatusKind,
    member: Option<&TroubledMember>,
) -> AccountRow {
    let (code, message) = member.map_or((None, None), words);
    let class = member.and_then(|member| member.status.failure_class());
    let is_in_trouble = matches!(status, StatusKind::Failed | StatusKind::Missing);
    AccountRow {
        account,
        name: facts.name(account),
        status,
        class,
        code,
        message,
        owner: is_in_trouble.then(|| member_owner(facts, class)),
        advice: is_in_trouble.then(|| member_advice(facts, class)),
        last_update: member.and_then(|member| member.last_update),
    }
}
