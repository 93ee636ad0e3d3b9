//! What is known of one account under one pack in one region, and why no more is known.

use crate::domain::base::model::{AccountId, PackName};
use crate::domain::members::rollout::{CappedMembers, Rollout};
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::observed::member::{MemberStatus, TroubledMember};
use crate::domain::organization::selector::Targeting;
use crate::domain::plan::step::{Change, PlanStep};
use crate::domain::present::report::RegionReport;

/// What is known of it.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownMember<'a> {
    /// How it stands; with `unread`, how it stood when it was last known.
    pub(super) status: Option<MemberStatus>,
    /// Its row, if it is kept.
    pub(super) member: Option<&'a TroubledMember>,
    /// Why its status is not known, if it should be.
    pub(super) unread: Option<String>,
    /// Why AWS could not remove the pack from it, if that was tried.
    pub(super) removal: Option<FailureClass>,
    /// Whether its row has a status that this version does not recognize.
    pub(super) is_unrecognized: bool,
}

/// What is known of this account.
pub(super) fn known_member<'a>(
    report: Option<&'a RegionReport>,
    name: &PackName,
    id: AccountId,
    targeting: Option<&Targeting>,
) -> KnownMember<'a> {
    let rollout = report.and_then(|report| report.tracking.packs.get(name));
    let mut known = of_rollout(rollout, id);
    match targeting {
        // What is not expected anywhere, and has no row, is as it should be; where nobody knows
        // what is expected, nothing is said.
        None
        | Some(
            Targeting::Excluded(_)
            | Targeting::Inactive(_)
            | Targeting::NotAMember
            | Targeting::Unknown(_),
        ) if known.member.is_none() && !is_listed(rollout, id) => {
            (known.status, known.unread) = (None, None);
        }
        Some(Targeting::Targeted) if known.status == Some(MemberStatus::Ok) => {
            let mut steps = report.into_iter().flat_map(|report| report.plan.steps_with_held());
            let step = steps.find(|step| step.pack == *name);
            if !is_listed(rollout, id)
                && let Some(why) = step.and_then(|step| lifted(step, id))
            {
                (known.status, known.unread) = (None, Some(why));
            }
        }
        None | Some(_) => {}
    }
    // What was read before a region went dark is old.
    let is_dark = report.is_some_and(|report| report.unknown.is_some());
    if is_dark && known.status.is_some() && known.unread.is_none() {
        known.unread = Some("the region could not be read".to_owned());
    }
    known
}

/// Whether the rollout has the status of this account by its id.
fn is_listed(rollout: Option<&Rollout>, id: AccountId) -> bool {
    rollout.is_some_and(|rollout| {
        rollout.new_accounts.contains_key(&id)
            || rollout.troubled.iter().any(|member| member.account == id)
    })
}

fn of_rollout(rollout: Option<&Rollout>, id: AccountId) -> KnownMember<'_> {
    let unread = |why: &str| KnownMember { unread: Some(why.to_owned()), ..KnownMember::default() };
    let Some(rollout) = rollout else { return unread("its members were not read yet") };
    let removals = &mut rollout.removals.iter();
    let removal = removals.find_map(|(class, kept)| Some((*class, kept_of(kept, id)?)));
    if let Some((class, member)) = removal {
        let (member, removal) = (Some(member), Some(class));
        return KnownMember { member, removal, ..KnownMember::default() };
    }
    if rollout.outdated {
        let kind = rollout.unread.map(|kind| format!(" ({})", kind.as_str().replace('_', " ")));
        let kind = kind.unwrap_or_default();
        return unread(&format!("its row could not be read since the last change{kind}"));
    }
    if let Some(member) = kept_of(&rollout.unrecognized, id) {
        let code = member.cause.as_ref().map(|cause| format!(" ({})", cause.code));
        let why = format!("status not recognized{}", code.unwrap_or_default());
        return KnownMember { member: Some(member), is_unrecognized: true, ..unread(&why) };
    }
    // Stored statuses come first. An account without one is fine only if a full resync was stored
    // completely.
    if let Some(member) = rollout.troubled.iter().find(|member| member.account == id) {
        let (status, member) = (Some(member.status), Some(member));
        return KnownMember { status, member, ..KnownMember::default() };
    }
    if let Some(status) = rollout.new_accounts.get(&id) {
        return KnownMember { status: Some(*status), ..KnownMember::default() };
    }
    if rollout.resynced.is_none() {
        unread("not all of its members were read yet")
    } else if rollout.truncated {
        unread("more members fail here than conformd keeps by name")
    } else {
        KnownMember { status: Some(MemberStatus::Ok), ..KnownMember::default() }
    }
}

fn kept_of(members: &CappedMembers, id: AccountId) -> Option<&TroubledMember> {
    members.kept.iter().find(|member| member.account == id)
}

/// Why an account that is targeted now was not targeted when members were read, if so.
fn lifted(step: &PlanStep, id: AccountId) -> Option<String> {
    let mut exclusions = step.changes.iter().filter_map(|change| match change {
        Change::Exclusions { entering: _, leaving } => Some(leaving),
        Change::Template { .. }
        | Change::Parameter { .. }
        | Change::Delivery { .. }
        | Change::DeletionPolicy { .. } => None,
    });
    exclusions
        .any(|leaving| leaving.contains_key(&id))
        .then(|| "AWS still excludes it until the next update of the pack".to_owned())
}
