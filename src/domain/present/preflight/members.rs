//! The lines about members: whether their recorders can be seen, and the management account.

use super::facts::{PreflightFacts, ProbeFacts};
use super::line::{CheckLine, CheckName};
use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::AccountId;
use crate::domain::base::words::many;
use crate::domain::members::probe::{NotProbed, ProbeStage};
use crate::domain::observed::packs::{PackPhase, RolloutStatus, Verb};
use crate::domain::observed::recorder::RecorderState;

pub(super) fn recorder_probe(facts: &PreflightFacts) -> CheckLine {
    let check = CheckName::RecorderProbe;
    let Some(probe) = &facts.probe else {
        return CheckLine::ok(
            check,
            "none configured: a missing recorder shows only when packs fail",
        );
    };
    let ProbeFacts { role_name, has_external_id, members, management: _ } = probe;
    // A member that has not enabled the region has let us in.
    let is_refusal = |unlooked: &&NotProbed| unlooked.kind != FailureKind::RegionDisabled;
    let refused = members
        .iter()
        .find_map(|(account, tried)| Some((account, tried.as_ref().err().filter(is_refusal)?)));
    if let Some((account, unlooked)) = refused {
        return refusal(facts, role_name, *account, *unlooked);
    }
    if members.is_empty() {
        let detail = format!("role {role_name} was not tested");
        return CheckLine::warn(
            check,
            detail,
            "see the line `accounts`: no member account is known",
        );
    }
    let seen = members.iter().map(|(account, tried)| {
        let state = tried.as_ref().map_or("unknown", |state| state.kind().as_str());
        format!("{account} ({state})")
    });
    let detail =
        format!("conformd can assume role {role_name} in {}", seen.collect::<Vec<_>>().join(", "));
    if *has_external_id {
        return CheckLine::ok(check, detail);
    }
    CheckLine::warn(
        check,
        format!("{detail}, without an external id"),
        "require one in its trust policy, and set recorderProbe.externalId to it",
    )
}

fn refusal(
    facts: &PreflightFacts,
    role: &str,
    account: AccountId,
    unlooked: NotProbed,
) -> CheckLine {
    let check = CheckName::RecorderProbe;
    let detail = format!("role {role} in {account}: {}", unlooked.why());
    if unlooked.is_passing() {
        return CheckLine::warn(check, detail, "try again");
    }
    let caller = facts.owner();
    let advice = match unlooked.stage {
        ProbeStage::Enter => format!(
            "in {account} create the role, with its path; its trust policy must name \
             {caller} and the sts:ExternalId of recorderProbe.externalId; the caller needs \
             sts:AssumeRole on it"
        ),
        ProbeStage::Look => "allow the role config:DescribeConfigurationRecorders and \
                        config:DescribeConfigurationRecorderStatus"
            .to_owned(),
    };
    CheckLine::fail(check, detail, advice)
}

pub(super) fn management_account(facts: &PreflightFacts) -> CheckLine {
    let check = CheckName::ManagementAccount;
    let Ok(organization) = &facts.organization else {
        return CheckLine::warn(check, "not known", "see the line `organization`");
    };
    let (management, packs) = (organization.management, facts.wishes.management);
    if packs == 0 {
        return CheckLine::ok(check, format!("no pack is for {management}"));
    }
    let expected = format!("{} for {management}", many(packs, "pack"));
    let holds = matches!(
        &facts.row,
        Some(Ok(Some(RolloutStatus::Known(Verb::Create | Verb::Update, PackPhase::Successful))))
    );
    if holds {
        return CheckLine::ok(check, format!("{expected}, and the tested pack is deployed there"));
    }
    let recorder = facts.probe.as_ref().and_then(|probe| probe.management.as_ref());
    if let Some(Ok(RecorderState::Missing)) = recorder {
        return CheckLine::warn(
            check,
            format!("{expected}, which has no configuration recorder"),
            format!("create one there, or exclude {management}"),
        );
    }
    // AWS makes its service-linked roles in every member, but not there (AWS Config developer
    // guide).
    let owner = facts.owner();
    let delegated = facts.administrators.as_ref().is_ok_and(|found| found.contains(&owner));
    if delegated && owner != management {
        return CheckLine::warn(
            check,
            format!(
                "{expected}, where a delegated administrator's Put does not create the roles of \
                 AWS Config"
            ),
            "in it: aws iam create-service-linked-role --aws-service-name for \
             config-multiaccountsetup.amazonaws.com and config-conforms.amazonaws.com; or exclude \
             the account",
        );
    }
    match recorder {
        Some(Ok(state)) => {
            CheckLine::ok(check, format!("{expected}; its recorder: {}", state.kind().as_str()))
        }
        Some(Err(_)) | None => {
            CheckLine::ok(check, format!("{expected}; whether it has a recorder is unknown"))
        }
    }
}
