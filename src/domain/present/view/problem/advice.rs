//! What to do about each problem, as an imperative that its owner can carry out.

use super::cause::ProblemCause;
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::present::view::CurrentState;
use crate::domain::present::view::ways::{GUARDED_WAYS, UNDECLARED_WAYS};

/// What to do about a member that is missing.
const MISSING: &str = "Check that the account has a configuration recorder in the region: AWS \
    shows no row for the account, and tries again only after another Put.";

/// What to do about a member without a recorder, whatever follows.
const RECORDER: &str =
    "Create a customer-managed configuration recorder in the account and region.";

/// What to do, and what keeps conformd from helping.
pub(in crate::domain::present::view) fn member_advice(
    facts: &CurrentState,
    class: Option<FailureClass>,
) -> String {
    match (class, facts.about.redeploy.advice(facts.recorders.probed)) {
        (None, None) => MISSING.to_owned(),
        (None, Some(obstacle)) => format!("{MISSING} {obstacle}"),
        // Its own advice promises the redeployment that the settings prevent.
        (Some(FailureClass::NoRecorder), Some(obstacle)) => format!("{RECORDER} {obstacle}"),
        (Some(class), _) => class.advice().to_owned(),
    }
}

/// What to do about a problem.
pub(super) fn advice(
    facts: &CurrentState,
    cause: ProblemCause,
    class: Option<FailureClass>,
) -> String {
    let redeploy = facts.about.redeploy.advice(facts.recorders.probed);
    if let Some(class) = class {
        format!("AWS could not remove the pack, and conformd tries again. {}", class.advice())
    } else if cause == ProblemCause::RedeployOff {
        redeploy.unwrap_or_default().to_owned()
    } else if let ProblemCause::Member(class) = cause {
        member_advice(facts, Some(class))
    } else if cause == ProblemCause::Missing {
        member_advice(facts, None)
    } else if cause == ProblemCause::DeadlineMissed {
        member_advice(facts, Some(FailureClass::NoRecorder))
    } else {
        let row = ADVICE.iter().find(|(of, _)| *of == cause);
        row.map(|(_, advice)| (*advice).to_owned()).unwrap_or_default()
    }
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
        "Correct the manifests: `conformd validate` names each place. Until then the last \
         valid content stays in force, and deletions are paused.",
    ),
    (
        ProblemCause::AccountListUnread,
        "Run `conformd check`: allow organizations:ListAccounts and \
         organizations:DescribeOrganization to the caller, or repair the network. Changes \
         that depend on the account list are held.",
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
        "Repair stateDirectory: until then every loss waits for an approval.",
    ),
    (
        ProblemCause::ClockSkew,
        "Synchronize the clock of the machine: from 5 minutes on, AWS refuses every request.",
    ),
    (
        ProblemCause::Denied,
        "Allow the denied action to conformd's role: `conformd iam-policy` prints the policy, \
         `conformd check` the actions that are denied. Then look for a service control policy.",
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
