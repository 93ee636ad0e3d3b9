//! Members in trouble over all packs and regions, by class.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CurrentState;
use super::deployment::redeployed;
use crate::domain::base::model::{AccountId, PackName, Region};
use crate::domain::observed::failure_class::{FailureClass, Owner};
use crate::domain::observed::member::{MemberStatus, StatusKind, TroubledMember};
use crate::domain::present::report::RegionReport;

/// Accounts that are named as examples of one trouble.
const EXAMPLES_MAX: usize = 10;

/// All members with the same trouble.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TroubleView {
    /// `failed`, or `missing`: expected and without a row.
    pub status: StatusKind,
    /// Why they failed; `None` for those that are missing.
    pub class: Option<FailureClass>,
    /// How many there are; an account counts once in each pack and region.
    pub members: usize,
    /// How many accounts they are; at least, if `truncated`.
    pub accounts: usize,
    /// How many of them have a recorder by now, so that conformd redeploys automatically.
    pub redeployed: usize,
    /// Whether some of them are counted and not known by name.
    pub truncated: bool,
    /// In which packs.
    pub packs: BTreeSet<PackName>,
    /// In which regions.
    pub regions: BTreeSet<Region>,
    /// Who must act.
    pub owner: Owner,
    /// What to do, in one sentence.
    pub advice: String,
    /// A few of them, by account.
    pub examples: Vec<ExampleView>,
}

impl TroubleView {
    /// Whether conformd redeploys to all of them automatically.
    pub fn is_redeployed(&self) -> bool {
        self.redeployed == self.members
    }
}

/// One account in trouble, in one of the places where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExampleView {
    /// Who.
    pub account: AccountId,
    /// Its name.
    pub name: Option<String>,
    /// The region.
    pub region: Region,
    /// The pack.
    pub pack: PackName,
    /// AWS's code.
    pub code: Option<String>,
    /// AWS's words, on one line, cut.
    pub message: Option<String>,
}

/// The problem: the class of a failure, or `None` for a member that is missing.
pub(super) type TroubleClass = Option<FailureClass>;

/// Members with the same trouble, while they are collected.
#[derive(Default)]
struct Group<'a> {
    members: usize,
    known: usize,
    redeployed: usize,
    packs: BTreeSet<&'a PackName>,
    regions: BTreeSet<&'a Region>,
    /// The first place of each account.
    accounts: BTreeMap<AccountId, (&'a Region, &'a PackName, &'a TroubledMember)>,
}

/// Every trouble there is: those that a person has to fix first, then the most frequent.
pub(super) fn troubles(facts: &CurrentState) -> Vec<TroubleView> {
    let mut groups: BTreeMap<TroubleClass, Group<'_>> = BTreeMap::new();
    for (region, report) in facts.regions() {
        collect(region, report, &mut groups);
    }
    let mut troubles: Vec<TroubleView> =
        groups.into_iter().map(|(matter, group)| view(facts, matter, group)).collect();
    troubles.sort_by_key(|trouble| (trouble.owner == Owner::Aws, Reverse(trouble.members)));
    troubles
}

fn collect<'a>(
    region: &'a Region,
    report: Option<&'a RegionReport>,
    groups: &mut BTreeMap<TroubleClass, Group<'a>>,
) {
    let packs = report.into_iter().flat_map(|report| &report.tracking.packs);
    for (pack, rollout) in packs {
        let missing = (rollout.counts.missing > 0).then_some((None, rollout.counts.missing));
        let classes = rollout.classes.iter().map(|(class, count)| (Some(*class), *count));
        for (matter, members) in classes.chain(missing) {
            let group = groups.entry(matter).or_default();
            group.members = group.members.saturating_add(members);
            group.packs.insert(pack);
            group.regions.insert(region);
        }
        let seen = report.and_then(|report| redeployed(&report.plan, pack));
        for member in &*rollout.troubled {
            let Some(matter) = trouble_class(member) else { continue };
            let is_redeployed = seen.is_some_and(|seen| seen.contains_key(&member.account));
            let group = groups.entry(matter).or_default();
            group.known = group.known.saturating_add(1);
            group.redeployed = group.redeployed.saturating_add(usize::from(is_redeployed));
            group.accounts.entry(member.account).or_insert((region, pack, member));
        }
    }
}

/// The problem of a member, if it has one.
fn trouble_class(member: &TroubledMember) -> Option<TroubleClass> {
    match member.status {
        MemberStatus::Failed(class) => Some(Some(class)),
        MemberStatus::Missing => Some(None),
        MemberStatus::Ok
        | MemberStatus::InProgress
        | MemberStatus::Waiting
        | MemberStatus::Inactive
        | MemberStatus::NotYetListed
        | MemberStatus::Left => None,
    }
}

fn view(facts: &CurrentState, matter: TroubleClass, group: Group<'_>) -> TroubleView {
    let Group { members, known, redeployed, packs, regions, accounts } = group;
    let examples = accounts.iter().take(EXAMPLES_MAX).map(|(account, (region, pack, member))| {
        let (code, message) = words(member);
        ExampleView {
            account: *account,
            name: facts.name(*account),
            region: (*region).clone(),
            pack: (*pack).clone(),
            code,
            message,
        }
    });
    TroubleView {
        status: if matter.is_some() { StatusKind::Failed } else { StatusKind::Missing },
        class: matter,
        members,
        accounts: accounts.len(),
        redeployed,
        truncated: known < members,
        packs: packs.into_iter().cloned().collect(),
        regions: regions.into_iter().cloned().collect(),
        owner: owner(matter),
        advice: match redeployed {
            0 => advice(facts, matter),
            // If all are redeployed, the usual advice would ask for something that is already done.
            _ if redeployed == members => REDEPLOYED.to_owned(),
            _ => format!(
                "{} It observed a recorder for {redeployed} of {members} deployments.",
                advice(facts, matter)
            ),
        },
        examples: examples.collect(),
    }
}

/// AWS's code and words about a member, where it said any.
pub(super) fn words(member: &TroubledMember) -> (Option<String>, Option<String>) {
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    member.cause.as_ref().map_or((None, None), |cause| (said(&cause.code), said(&cause.message)))
}

/// Who must act.
pub(super) fn owner(matter: TroubleClass) -> Owner {
    matter.map_or(Owner::AccountOwner, FailureClass::owner)
}

/// What to do about members that are redeployed anyway.
const REDEPLOYED: &str = "Nothing: conformd observed their recorders and redeploys by itself.";

/// What to do about a member that is missing.
const MISSING: &str = "Check that the account has a configuration recorder in the region: AWS \
    shows no row for the account, and tries again only after another Put.";

/// What to do, and what keeps conformd from helping.
pub(super) fn advice(facts: &CurrentState, matter: TroubleClass) -> String {
    let advice = matter.map_or(MISSING, FailureClass::advice);
    let needs_redeploy = matches!(matter, None | Some(FailureClass::NoRecorder));
    let more = facts.about.redeploy.advice(facts.recorders.probed).filter(|_| needs_redeploy);
    [advice].into_iter().chain(more).collect::<Vec<_>>().join(" ")
}
