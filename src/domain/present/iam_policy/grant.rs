//! What gives the right to each operation, and which actions AWS asks for besides.

use strum::IntoEnumIterator as _;

use crate::domain::base::operation::Op;

/// What gives the right to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// IAM requires no permission: every caller may.
    Nothing,
    /// The action of the same name.
    Action,
}

/// Operations that are allowed together: one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clause {
    ReadPacks,
    ReadMembers,
    ReadOrganization,
    ReadUnits,
    ReadTags,
    EnterMembers,
    PutPacks,
    DeletePacks,
    ReadRecorders,
}

/// Actions without an operation of ours, each with why AWS asks the caller for it.
pub const WITHOUT_OP: [(&str, &str); 4] = [
    (
        "iam:CreateServiceLinkedRole",
        "the first Put of an account creates AWSServiceRoleForConfigMultiAccountSetup in the \
         caller's name",
    ),
    ("iam:GetRole", "a Put looks in the caller's name whether that role is there"),
    (
        "s3:GetBucketAcl",
        "a Put with a delivery bucket looks in the caller's name whether results may go there",
    ),
    (
        "organizations:EnableAWSServiceAccess",
        "a Put from the management account gives AWS Config trusted access in the caller's name",
    ),
];

/// What gives the right to this operation.
pub fn grant(op: Op) -> Grant {
    match clause(op) {
        Some(_) => Grant::Action,
        None => Grant::Nothing,
    }
}

/// The actions of this clause, in the order of [`Op`].
pub(super) fn actions(of: Clause) -> Vec<String> {
    let ops = Op::iter().filter(|op| clause(*op) == Some(of));
    ops.map(|op| format!("{}:{}", op.service(), op.as_str())).collect()
}

/// Where an operation stands; `None`: nowhere, since everybody may.
fn clause(op: Op) -> Option<Clause> {
    match op {
        Op::DescribeOrganizationConformancePacks
        | Op::DescribeOrganizationConformancePackStatuses => Some(Clause::ReadPacks),
        Op::GetOrganizationConformancePackDetailedStatus => Some(Clause::ReadMembers),
        Op::PutOrganizationConformancePack => Some(Clause::PutPacks),
        Op::DeleteOrganizationConformancePack => Some(Clause::DeletePacks),
        Op::DescribeOrganization
        | Op::ListAccounts
        | Op::ListDelegatedAdministrators
        | Op::ListAWSServiceAccessForOrganization => Some(Clause::ReadOrganization),
        Op::ListAccountsForParent | Op::ListOrganizationalUnitsForParent => Some(Clause::ReadUnits),
        Op::ListTagsForResource => Some(Clause::ReadTags),
        Op::AssumeRole => Some(Clause::EnterMembers),
        Op::DescribeConfigurationRecorders | Op::DescribeConfigurationRecorderStatus => {
            Some(Clause::ReadRecorders)
        }
        // STS API: no permission is needed, and none can be taken away.
        Op::GetCallerIdentity => None,
    }
}
