//! The lines about the caller and its organization.

use super::facts::PreflightFacts;
use super::line::{CheckLine, CheckName, remedy};
use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::PRINCIPAL;

pub(super) fn identity(facts: &PreflightFacts) -> CheckLine {
    let check = CheckName::Identity;
    let caller = match &facts.caller {
        Ok(caller) => caller,
        Err(unknown) => {
            return CheckLine::unread(
                check,
                "the caller identity cannot be read",
                unknown,
                "sts:GetCallerIdentity",
            );
        }
    };
    let (account, arn, partition) = (&caller.account, &caller.arn, &caller.partition);
    if caller.account == facts.expected {
        return CheckLine::ok(check, format!("account {account} as {arn}, partition {partition}"));
    }
    CheckLine::fail(
        check,
        format!("the credentials belong to account {account} ({arn}), not to {}", facts.expected),
        "use the credentials of that account, or correct aws.expectedAccountId",
    )
}

pub(super) fn organization(facts: &PreflightFacts) -> CheckLine {
    let check = CheckName::Organization;
    match &facts.organization {
        Ok(found) if found.all_features => CheckLine::ok(
            check,
            format!("{}, all features, managed by {}", found.id, found.management),
        ),
        // Each failure has another owner: the organization, the credentials, or a missing
        // permission.
        Ok(found) => CheckLine::fail(
            check,
            format!("{} has consolidated billing only", found.id),
            "enable all features in AWS Organizations; organization packs require them",
        ),
        Err(unknown) if unknown.kind == FailureKind::NoOrganization => CheckLine::fail(
            check,
            "the account belongs to no organization",
            "use the credentials of the management account or of a delegated administrator",
        ),
        Err(unknown) => CheckLine::unread(
            check,
            "the organization cannot be read",
            unknown,
            "organizations:DescribeOrganization",
        ),
    }
}

pub(super) fn administrator(facts: &PreflightFacts) -> CheckLine {
    let check = CheckName::Administrator;
    let owner = facts.owner();
    match (&facts.organization, &facts.administrators) {
        (Ok(_), _) if facts.is_management() => {
            CheckLine::ok(check, format!("{owner} is the management account"))
        }
        (_, Ok(administrators)) if administrators.contains(&owner) => {
            CheckLine::ok(check, format!("{owner} is a delegated administrator for {PRINCIPAL}"))
        }
        (_, Err(unknown)) if unknown.kind != FailureKind::Denied => CheckLine::unread(
            check,
            "the delegated administrators cannot be listed",
            unknown,
            "organizations:ListDelegatedAdministrators",
        ),
        (Err(_), Ok(_) | Err(_)) => {
            CheckLine::warn(check, "cannot be told", "see the line `organization`")
        }
        // A member that administers nothing may not list who does, and neither may a role without
        // the permission: denied is not absent. Only AWS's answer about packs tells them apart.
        (Ok(_), Err(unknown)) if !is_undelegated(facts) => CheckLine::warn(
            check,
            "cannot be told: the caller may not list the delegated administrators",
            remedy(unknown.kind, "organizations:ListDelegatedAdministrators"),
        ),
        (Ok(_), Ok(_) | Err(_)) => CheckLine::fail(
            check,
            format!("{owner} is neither the management account nor a delegated administrator"),
            format!(
                "in the management account: aws organizations register-delegated-administrator \
                 --account-id {owner} --service-principal {PRINCIPAL}"
            ),
        ),
    }
}

/// Whether AWS says in some region that the caller administers nothing.
fn is_undelegated(facts: &PreflightFacts) -> bool {
    let packs = facts.regions.values().map(|found| found.packs.as_ref().err());
    packs.flatten().any(|unknown| unknown.kind == FailureKind::NotDelegated)
}

pub(super) fn trusted_access(facts: &PreflightFacts) -> CheckLine {
    let check = CheckName::TrustedAccess;
    let action = "organizations:ListAWSServiceAccessForOrganization";
    match &facts.services {
        Ok(services) if services.contains(PRINCIPAL) => {
            CheckLine::ok(check, format!("{PRINCIPAL} has it"))
        }
        // AWS gives it with the first Put of the management account (AWS Config API reference:
        // PutOrganizationConformancePack).
        Ok(_) if facts.is_management() => CheckLine::ok(
            check,
            format!("{PRINCIPAL} has none yet; the first Put of the management account enables it"),
        ),
        Ok(_) => CheckLine::fail(
            check,
            format!("{PRINCIPAL} has none"),
            format!(
                "in the management account: aws organizations enable-aws-service-access \
                 --service-principal {PRINCIPAL}"
            ),
        ),
        // Nothing but this check asks for it.
        Err(unknown) if unknown.kind == FailureKind::Denied => CheckLine::warn(
            check,
            "the caller may not list the services with trusted access",
            format!(
                "{} so that conformd can check it; without trusted access, Puts fail",
                remedy(unknown.kind, action)
            ),
        ),
        Err(unknown) => CheckLine::unread(
            check,
            "the services with trusted access cannot be listed",
            unknown,
            action,
        ),
    }
}

pub(super) fn accounts(facts: &PreflightFacts) -> CheckLine {
    let check = CheckName::Accounts;
    let accounts = match &facts.accounts {
        Ok(accounts) => accounts,
        Err(unknown) => {
            let action = "organizations:ListAccounts, which only the management account and \
                          delegated administrators can be allowed";
            return CheckLine::unread(check, "the accounts cannot be listed", unknown, action);
        }
    };
    let active = accounts.iter().filter(|account| account.is_active()).count();
    let detail = format!("{} accounts, {active} of them active", accounts.len());
    if active == 0 {
        return CheckLine::fail(
            check,
            format!("none of {} accounts is known to be active", accounts.len()),
            "check aws.expectedAccountId and the states of the accounts in AWS Organizations; \
             update conformd if it does not recognize them",
        );
    }
    let unplaced = accounts.iter().filter(|account| account.units.is_none()).count();
    // Missing units matter only if a manifest excludes units.
    if !facts.wishes.units || unplaced == 0 {
        return CheckLine::ok(check, detail);
    }
    CheckLine::warn(
        check,
        format!("{detail}; AWS does not say in which units {unplaced} of them are"),
        "allow organizations:ListOrganizationalUnitsForParent and \
         organizations:ListAccountsForParent: manifests exclude units, so conformd lists them",
    )
}
