//! What to do about each problem, as an imperative that its owner can carry out, and what conformd
//! then does by itself.

use std::collections::BTreeSet;

use super::cause::ProblemCause;
use super::removal::{removal_advice, removal_owner};
use crate::domain::base::model::{AccountId, PackName, Region};
use crate::domain::observed::failure_class::{FailureClass, Owner};
use crate::domain::plan::redeploy::AfterDeadline;
use crate::domain::present::view::CurrentState;
use crate::domain::present::view::approval_ways::{GUARDED_WAYS, UNDECLARED_WAYS};

/// What to do about a member that is missing.
const MISSING: &str = "Check that the account has a configuration recorder in the region: AWS \
    shows no row for the account, and tries again only after another Put.";

/// What is said instead of every promise while the mode permits no Put.
pub(in crate::domain::present::view) const OBSERVING: &str =
    "Mode observe never writes: set `mode` to upsert or sync, or put the pack yourself.";

/// Why conformd redeploys to no late account, and what a person can do about that; `None`: it does.
pub(super) fn redeploy_obstacle(facts: &CurrentState) -> Option<&'static str> {
    if facts.about.mode.may_put() {
        facts.about.redeploy.advice(facts.recorders.probed)
    } else {
        Some(OBSERVING)
    }
}

/// What conformd does by itself about a member that failed or is missing, or why it does nothing:
/// the only place that promises a Put to anybody.
fn follow_up(facts: &CurrentState, class: Option<FailureClass>) -> Option<&'static str> {
    match class {
        // A missing row alone causes no Put.
        None => redeploy_obstacle(facts),
        Some(FailureClass::NoRecorder) => {
            let promise = match facts.about.redeploy.after_deadline {
                AfterDeadline::Always => "conformd redeploys, at most once per cooldown.",
                AfterDeadline::Never | AfterDeadline::RecorderSeen => {
                    "conformd redeploys when it observes the recorder."
                }
            };
            Some(redeploy_obstacle(facts).unwrap_or(promise))
        }
        Some(class) if class.is_retryable() => {
            let is_put = facts.about.mode.may_put();
            Some(if is_put { "conformd puts the pack again by itself." } else { OBSERVING })
        }
        Some(_) => None,
    }
}

/// What to do, and what conformd then does.
pub(in crate::domain::present::view) fn member_advice(
    facts: &CurrentState,
    class: Option<FailureClass>,
) -> String {
    let advice = class.map_or(MISSING, FailureClass::advice);
    let follow_up = follow_up(facts, class).map(|text| format!(" {text}"));
    format!("{advice}{}", follow_up.unwrap_or_default())
}

/// Who must act on a member that failed, or is missing. What AWS and conformd do by themselves
/// needs a Put, and in mode observe only a person makes one.
pub(in crate::domain::present::view) fn member_owner(
    facts: &CurrentState,
    class: Option<FailureClass>,
) -> Owner {
    let owner = class.map_or(Owner::AccountOwner, FailureClass::owner);
    if owner.is_person() || facts.about.mode.may_put() { owner } else { Owner::PlatformTeam }
}

/// Who must act on a problem.
pub(super) fn owner(
    facts: &CurrentState,
    cause: ProblemCause,
    class: Option<FailureClass>,
) -> Owner {
    match (cause, class) {
        (ProblemCause::RemovalFailed, Some(class)) => removal_owner(class),
        (_, Some(class)) | (ProblemCause::Member(class), None) => member_owner(facts, Some(class)),
        (cause, None) => cause.owner(),
    }
}

/// What a problem is about, as far as its advice depends on it.
pub(super) struct Affected<'a> {
    pub(super) accounts: &'a [AccountId],
    pub(super) places: &'a BTreeSet<(&'a Region, &'a PackName)>,
    pub(super) actions: &'a BTreeSet<String>,
}

/// What to do about a problem.
pub(super) fn advice(
    facts: &CurrentState,
    (cause, class): (ProblemCause, Option<FailureClass>),
    affected: &Affected<'_>,
) -> String {
    if cause == ProblemCause::RemovalFailed {
        let reports = affected
            .places
            .iter()
            .filter_map(|(region, pack)| Some((facts.reports.get(*region)?.as_ref(), *pack)));
        removal_advice(facts, class.unwrap_or_default(), affected.accounts, reports)
    } else if cause == ProblemCause::Denied {
        denied(affected.actions)
    } else if let Some(class) = class {
        member_advice(facts, Some(class))
    } else if cause == ProblemCause::RedeployOff {
        redeploy_obstacle(facts).unwrap_or_default().to_owned()
    } else if cause == ProblemCause::Waiting && !facts.about.mode.may_put() {
        "Wait: time alone lifts this; what conformd would do then, mode observe holds.".to_owned()
    } else if let ProblemCause::Member(class) = cause {
        member_advice(facts, Some(class))
    } else if cause == ProblemCause::Missing {
        member_advice(facts, None)
    } else if cause == ProblemCause::DeadlineMissed {
        member_advice(facts, Some(FailureClass::NoRecorder))
    } else {
        fixed_advice(cause)
    }
}

/// What to do about requests that AWS denies.
fn denied(actions: &BTreeSet<String>) -> String {
    let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
    let actions = match actions.as_slice() {
        [] => "the denied action, which AWS's message names,".to_owned(),
        actions => actions.join(", "),
    };
    format!(
        "Allow {actions} to conformd's role: `conformd iam-policy` prints the whole policy. Then \
         look for a service control policy."
    )
}

/// The advice that depends on nothing but the cause.
pub(in crate::domain::present::view) fn fixed_advice(cause: ProblemCause) -> String {
    let row = ADVICE.iter().find(|(of, _)| *of == cause);
    row.map(|(_, advice)| (*advice).to_owned()).unwrap_or_default()
}

/// The advice that depends on nothing but the cause. Causes that are missing here have that of
/// their failure class, or none of their own.
const ADVICE: &[(ProblemCause, &str)] = &[
    (
        ProblemCause::Identity,
        "Run `conformd check`: correct the credentials, aws.expectedAccountId or the network.",
    ),
    (
        ProblemCause::SourceUnread,
        "Correct source.directory, its permissions or the program that updates it; deletions \
         are paused until it can be read.",
    ),
    (
        ProblemCause::ManifestsInvalid,
        "Correct the manifests: `conformd validate` names each place. Until then what was last \
         valid stays in force, if there was anything, and deletions are paused.",
    ),
    (
        ProblemCause::AccountListUnread,
        "Run `conformd check`: allow organizations:ListAccounts and \
         organizations:DescribeOrganization to the caller if they are denied. Changes that \
         depend on the account list are held.",
    ),
    (
        ProblemCause::AccountListShrank,
        "Compare the account list with AWS Organizations; if the accounts left, commit an \
         Approval with `accountList`.",
    ),
    (
        ProblemCause::NoActiveAccount,
        "Check aws.expectedAccountId and the organization: no account is active, so no pack \
         is expected anywhere.",
    ),
    (
        ProblemCause::AccountStateUnknown,
        "Update conformd: AWS Organizations reports a state that this version does not \
         recognize. Exclusions by state are held until then.",
    ),
    (
        ProblemCause::RecordUnusable,
        "Run `conformd check`: create or repair stateDirectory (`conformd run` creates the \
         record in it). Until then every loss waits for an approval.",
    ),
    (
        ProblemCause::ClockSkew,
        "Synchronize the clock of the machine: from 5 minutes on, AWS refuses every request.",
    ),
    (
        ProblemCause::NotDelegated,
        "Register the account as delegated administrator for organization conformance packs; \
         `conformd check` prints the command.",
    ),
    (
        ProblemCause::RegionOff,
        "Enable the region in the account that owns the packs, or remove it from aws.regions.",
    ),
    (
        ProblemCause::Credentials,
        "Renew or correct the credentials (aws.profile, environment, role).",
    ),
    (
        ProblemCause::NoOrganization,
        "Use the credentials of the management account or of a delegated administrator of an \
         organization with all features.",
    ),
    (
        ProblemCause::Unreachable,
        "Check network, DNS and proxy, then the health of AWS in the region; conformd tries \
         again by itself.",
    ),
    (
        ProblemCause::RequestsThrottled,
        "Lower limits.readsPerSecond, and find in CloudTrail who else calls AWS Config in this \
         account and region: see docs/runbooks/ConformdAwsThrottled.md.",
    ),
    (
        ProblemCause::BrokenAnswer,
        "Look for a proxy or a captive portal that answers in place of AWS, then for the health of \
         AWS; if neither is the cause, update conformd.",
    ),
    (ProblemCause::Unread, "Wait: conformd reads the region again by itself."),
    (ProblemCause::MembersUnread, "Wait: conformd reads the members again by itself."),
    (ProblemCause::NotReadYet, "Wait: conformd has just started."),
    (
        ProblemCause::ResyncOld,
        "Look for throttling: raise limits.readsPerSecond, or intervals.fullResync.",
    ),
    (ProblemCause::QuotaNear, "Merge or retire packs: AWS refuses new packs above the quota."),
    (ProblemCause::Approval, GUARDED_WAYS),
    (ProblemCause::Undeclared, UNDECLARED_WAYS),
    (
        ProblemCause::Mode,
        "Review the change with `conformd plan`; to let conformd make it, set `mode` to upsert \
         or sync.",
    ),
    (
        ProblemCause::SourceInDoubt,
        "Make the source complete and readable: losses are held until then.",
    ),
    (
        ProblemCause::MarkerLost,
        "Restart conformd; if it happens again, open a case with AWS Support: AWS accepted a Put \
         and does not return the parameter that says who owns the pack.",
    ),
    (
        ProblemCause::Unsupported,
        "Change the manifest: this version does not support what it asks for.",
    ),
    (
        ProblemCause::Foreign,
        "Rename the pack in the manifest, or remove it from the other installation.",
    ),
    (
        ProblemCause::Unmanaged,
        "Set `adopt: true` in the manifest to take the pack over, or rename the pack.",
    ),
    (ProblemCause::Quota, "Delete packs in the region, or remove manifests."),
    (ProblemCause::Rejected, "Change the template or its parameters: AWS refuses them."),
    (
        ProblemCause::Conflict,
        "Find the other writer in CloudTrail (PutOrganizationConformancePack) and stop it.",
    ),
    (
        ProblemCause::Membership,
        "Repair the account list first: exclusions depend on it, so the change is held.",
    ),
    (ProblemCause::Waiting, "Wait: conformd continues by itself."),
    (ProblemCause::Suspended, "Remove `suspend` from the manifest to resume."),
    (
        ProblemCause::FailingWidely,
        "Revert the last change of the pack if the failures began with it; otherwise look for \
         a policy that changed at that time.",
    ),
    (ProblemCause::Redeploying, "Nothing: conformd puts the pack again by itself."),
    (
        ProblemCause::StatusUnknown,
        "Update conformd: AWS reports a status that this version does not recognize. Read the \
         rows with `aws configservice \
         get-organization-conformance-pack-detailed-status` meanwhile.",
    ),
    (ProblemCause::RemovalSlow, "Wait: AWS is still removing the pack."),
    (
        ProblemCause::RolloutSlow,
        "Wait: AWS is still deploying; if it does not end, open a case with AWS Support.",
    ),
    (
        ProblemCause::DeadlineImminent,
        "Create a customer-managed configuration recorder in the account and region before the \
         deadline: AWS stops retrying then.",
    ),
    (
        ProblemCause::DeadlineNear,
        "Create a customer-managed configuration recorder in the account and region before the \
         deadline: AWS stops retrying then.",
    ),
    (ProblemCause::RetriedByAws, "Wait: the recorder exists, and AWS retries until the deadline."),
    (ProblemCause::DeadlineLate, "Nothing: the recorder exists, and conformd redeploys."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_one_advice() {
        for cause in ProblemCause::all() {
            let rows = ADVICE.iter().filter(|(of, _)| *of == cause).count();
            let is_computed = matches!(
                cause,
                ProblemCause::Member(_)
                    | ProblemCause::Denied
                    | ProblemCause::Missing
                    | ProblemCause::DeadlineMissed
                    | ProblemCause::RemovalFailed
                    | ProblemCause::RedeployOff
            );
            assert_eq!(rows, usize::from(!is_computed), "{}", cause.as_str());
        }
        assert!(ADVICE.iter().all(|(_, advice)| advice.ends_with('.')));
    }
}
