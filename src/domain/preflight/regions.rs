//! The lines about regions, and about what may be done in them.

use std::collections::BTreeSet;

use super::{Census, Check, Facts, Line, RegionFacts};
use crate::domain::failure::FailureKind;
use crate::domain::limits;
use crate::domain::observed::Unseen;

pub(super) fn region(found: &RegionFacts) -> Line {
    let check = Check::Region;
    let RegionFacts { packs, statuses } = found;
    let (unseen, action) = match (packs, statuses) {
        (Ok(_), Ok(())) => return Line::ok(check, "enabled, and packs can be read"),
        (Err(unseen), _) => (unseen, "config:DescribeOrganizationConformancePacks"),
        (Ok(_), Err(unseen)) => (unseen, "config:DescribeOrganizationConformancePackStatuses"),
    };
    let what = match unseen.kind {
        FailureKind::RegionDisabled => "not enabled, or it does not know the credentials",
        FailureKind::Timeout | FailureKind::Unreachable => "no answer",
        FailureKind::Throttled
        | FailureKind::InFlight
        | FailureKind::Rejected
        | FailureKind::Quota
        | FailureKind::Denied
        | FailureKind::NotDelegated
        | FailureKind::Credentials
        | FailureKind::NoOrganization
        | FailureKind::NoSuchPack
        | FailureKind::NoSuchUnit
        | FailureKind::NoSuchAccount
        | FailureKind::BadToken
        | FailureKind::Server
        | FailureKind::BrokenAnswer => "packs cannot be read",
    };
    Line::unread(check, what, unseen, action)
}

pub(super) fn packs(census: Census) -> Line {
    let (check, quota) = (Check::Packs, limits::PACKS.upper);
    let Census { ours, foreign, unmanaged, missing } = census;
    let visible = census.visible();
    let detail = format!(
        "{visible} of at most {quota}: {ours} ours, {foreign} of other installations, {unmanaged} \
         unmanaged; {missing} more declared"
    );
    match limits::PACKS.severity(visible.saturating_add(missing)) {
        None => Line::ok(check, detail),
        Some(_) => Line::warn(
            check,
            detail,
            "remove packs, or ask AWS for a higher quota: past it new packs are refused",
        ),
    }
}

pub(super) fn permissions(facts: &Facts) -> Line {
    let check = Check::Permissions;
    let reads = reads(facts);
    let denied = reads.iter().filter(|(_, end)| *end == Some(FailureKind::Denied));
    // Several regions deny the same.
    let denied: BTreeSet<&str> = denied.map(|(action, _)| *action).collect();
    if !denied.is_empty() {
        let denied = Vec::from_iter(denied).join(", ");
        return Line::fail(check, format!("denied: {denied}"), "allow them to the caller's role");
    }
    if reads.iter().any(|(_, end)| end.is_some()) {
        return Line::warn(check, "not known: some reads failed", "see the lines that failed");
    }
    let mut untested = Vec::new();
    if facts.row.is_none() {
        untested.push("config:GetOrganizationConformancePackDetailedStatus (no pack to ask for)");
    }
    if facts.mode.may_put() {
        untested.push("config:PutOrganizationConformancePack");
        untested.push("iam:CreateServiceLinkedRole");
    }
    if facts.mode.may_delete() {
        untested.push("config:DeleteOrganizationConformancePack");
    }
    let mode = facts.mode;
    if untested.is_empty() {
        return Line::ok(check, format!("no read was denied, and mode {mode} writes nothing"));
    }
    let untested = untested.join(", ");
    Line::ok(check, format!("no read was denied; not tested for mode {mode}: {untested}"))
}

/// Every read that conformd cannot do without, and how it failed if it did.
fn reads(facts: &Facts) -> Vec<(&'static str, Option<FailureKind>)> {
    fn end<T>(read: &Result<T, Unseen>) -> Option<FailureKind> {
        read.as_ref().err().map(|unseen| unseen.kind)
    }
    let regions = facts.regions.values().flat_map(|RegionFacts { packs, statuses }| {
        [
            ("config:DescribeOrganizationConformancePacks", end(packs)),
            ("config:DescribeOrganizationConformancePackStatuses", end(statuses)),
        ]
    });
    let row = facts.row.as_ref().and_then(end);
    let others = [
        ("organizations:DescribeOrganization", end(&facts.organization)),
        ("organizations:ListAccounts", end(&facts.accounts)),
        ("config:GetOrganizationConformancePackDetailedStatus", row),
    ];
    others.into_iter().chain(regions).collect()
}
