//! The lines about regions, and about what may be done in them.

use std::collections::BTreeSet;

use super::facts::{PackCensus, PreflightFacts, RegionFacts};
use super::line::{CheckLine, CheckName};
use crate::domain::base::failure::FailureKind;
use crate::domain::base::limits;
use crate::domain::declared::diagnostic::Severity;
use crate::domain::observed::packs::Unknown;

pub(super) fn region(found: &RegionFacts) -> CheckLine {
    let check = CheckName::Region;
    let RegionFacts { packs, statuses } = found;
    let (unknown, action) = match (packs, statuses) {
        (Ok(_), Ok(())) => return CheckLine::ok(check, "enabled, and packs can be read"),
        (Err(unknown), _) => (unknown, "config:DescribeOrganizationConformancePacks"),
        (Ok(_), Err(unknown)) => (unknown, "config:DescribeOrganizationConformancePackStatuses"),
    };
    let what = match unknown.kind {
        FailureKind::RegionDisabled => {
            "not enabled, or AWS does not recognize the credentials \
            there"
        }
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
    CheckLine::unread(check, what, unknown, action)
}

pub(super) fn packs(census: PackCensus) -> CheckLine {
    let (check, quota) = (CheckName::Packs, limits::PACKS.upper);
    let PackCensus { ours, foreign, unmanaged, missing } = census;
    let visible = census.visible();
    let parts = [
        (ours, "ours"),
        (foreign, "of other installations"),
        (unmanaged, "unmanaged"),
        (missing, "more declared"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, whose)| format!("{count} {whose}")).collect();
    let colon = if parts.is_empty() { "" } else { ": " };
    let detail = format!("{visible} of at most {quota}{colon}{}", parts.join(", "));
    // Packs that are declared and missing count too: they will be created.
    match Severity::beyond(&limits::PACKS, visible.saturating_add(missing)) {
        None => CheckLine::ok(check, detail),
        Some(_) => {
            CheckLine::warn(check, detail, "remove packs: AWS refuses new packs above this quota")
        }
    }
}

pub(super) fn permissions(facts: &PreflightFacts) -> CheckLine {
    let check = CheckName::Permissions;
    let reads = reads(facts);
    let failed_in = |kind| reads.iter().filter(move |(_, ends)| ends.contains(&Some(kind)));
    let denied: Vec<&str> = failed_in(FailureKind::Denied).map(|(action, _)| *action).collect();
    if !denied.is_empty() {
        let denied = denied.join(", ");
        return CheckLine::fail(
            check,
            format!("denied: {denied}"),
            "allow them to the caller's role",
        );
    }
    // One region that answers is enough: permissions are not a region's.
    let unread = reads.iter().filter(|(_, ends)| !ends.is_empty() && !ends.contains(&None));
    let unread: Vec<&str> = unread.map(|(action, _)| *action).collect();
    if !unread.is_empty() {
        let detail = format!("unknown, since these calls failed: {}", unread.join(", "));
        return CheckLine::warn(check, detail, "see the lines that failed");
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
        return CheckLine::ok(check, format!("no read was denied, and mode {mode} writes nothing"));
    }
    let untested = untested.join(", ");
    CheckLine::ok(check, format!("no read was denied; not tested for mode {mode}: {untested}"))
}

/// How a read ended: with a failure of this kind, or well.
type End = Option<FailureKind>;

/// Every action that conformd cannot do without, with the ends of all its reads.
fn reads(facts: &PreflightFacts) -> [(&'static str, BTreeSet<End>); 5] {
    fn end<T>(read: &Result<T, Unknown>) -> End {
        read.as_ref().err().map(|unknown| unknown.kind)
    }
    let regions = facts.regions.values();
    [
        ("organizations:DescribeOrganization", [end(&facts.organization)].into()),
        ("organizations:ListAccounts", [end(&facts.accounts)].into()),
        (
            "config:DescribeOrganizationConformancePacks",
            regions.clone().map(|found| end(&found.packs)).collect(),
        ),
        (
            "config:DescribeOrganizationConformancePackStatuses",
            regions.map(|found| end(&found.statuses)).collect(),
        ),
        (
            "config:GetOrganizationConformancePackDetailedStatus",
            facts.row.iter().map(end).collect(),
        ),
    ]
}
