//! The operations of AWS that conformd calls: the closed set behind metric labels and IAM policies.
//!
//! `aws` and `sim` implement the calls.

use std::fmt;

/// An operation of AWS that conformd calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// `config:DescribeOrganizationConformancePacks`
    DescribeOrganizationConformancePacks,
    /// `config:DescribeOrganizationConformancePackStatuses`
    DescribeOrganizationConformancePackStatuses,
    /// `config:GetOrganizationConformancePackDetailedStatus`
    GetOrganizationConformancePackDetailedStatus,
    /// `config:PutOrganizationConformancePack`
    PutOrganizationConformancePack,
    /// `config:DeleteOrganizationConformancePack`
    DeleteOrganizationConformancePack,
    /// `organizations:DescribeOrganization`
    DescribeOrganization,
    /// `organizations:ListAccounts`
    ListAccounts,
    /// `organizations:ListAccountsForParent`
    ListAccountsForParent,
    /// `organizations:ListOrganizationalUnitsForParent`
    ListOrganizationalUnitsForParent,
    /// `organizations:ListTagsForResource`
    ListTagsForResource,
    /// `organizations:ListDelegatedAdministrators`
    ListDelegatedAdministrators,
    /// `organizations:ListAWSServiceAccessForOrganization`
    ListAWSServiceAccessForOrganization,
    /// `sts:GetCallerIdentity`
    GetCallerIdentity,
    /// `sts:AssumeRole`, into members, to read their recorders
    AssumeRole,
    /// `config:DescribeConfigurationRecorders`, in members
    DescribeConfigurationRecorders,
    /// `config:DescribeConfigurationRecorderStatus`, in members
    DescribeConfigurationRecorderStatus,
}

impl Op {
    /// Every operation.
    pub const ALL: [Self; 16] = [
        Self::DescribeOrganizationConformancePacks,
        Self::DescribeOrganizationConformancePackStatuses,
        Self::GetOrganizationConformancePackDetailedStatus,
        Self::PutOrganizationConformancePack,
        Self::DeleteOrganizationConformancePack,
        Self::DescribeOrganization,
        Self::ListAccounts,
        Self::ListAccountsForParent,
        Self::ListOrganizationalUnitsForParent,
        Self::ListTagsForResource,
        Self::ListDelegatedAdministrators,
        Self::ListAWSServiceAccessForOrganization,
        Self::GetCallerIdentity,
        Self::AssumeRole,
        Self::DescribeConfigurationRecorders,
        Self::DescribeConfigurationRecorderStatus,
    ];

    /// The operation's name in the AWS API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DescribeOrganizationConformancePacks => "DescribeOrganizationConformancePacks",
            Self::DescribeOrganizationConformancePackStatuses => {
                "DescribeOrganizationConformancePackStatuses"
            }
            Self::GetOrganizationConformancePackDetailedStatus => {
                "GetOrganizationConformancePackDetailedStatus"
            }
            Self::PutOrganizationConformancePack => "PutOrganizationConformancePack",
            Self::DeleteOrganizationConformancePack => "DeleteOrganizationConformancePack",
            Self::DescribeOrganization => "DescribeOrganization",
            Self::ListAccounts => "ListAccounts",
            Self::ListAccountsForParent => "ListAccountsForParent",
            Self::ListOrganizationalUnitsForParent => "ListOrganizationalUnitsForParent",
            Self::ListTagsForResource => "ListTagsForResource",
            Self::ListDelegatedAdministrators => "ListDelegatedAdministrators",
            Self::ListAWSServiceAccessForOrganization => "ListAWSServiceAccessForOrganization",
            Self::GetCallerIdentity => "GetCallerIdentity",
            Self::AssumeRole => "AssumeRole",
            Self::DescribeConfigurationRecorders => "DescribeConfigurationRecorders",
            Self::DescribeConfigurationRecorderStatus => "DescribeConfigurationRecorderStatus",
        }
    }

    /// The service it belongs to, as IAM names it.
    pub fn service(self) -> &'static str {
        match self {
            Self::DescribeOrganizationConformancePacks
            | Self::DescribeOrganizationConformancePackStatuses
            | Self::GetOrganizationConformancePackDetailedStatus
            | Self::PutOrganizationConformancePack
            | Self::DeleteOrganizationConformancePack
            | Self::DescribeConfigurationRecorders
            | Self::DescribeConfigurationRecorderStatus => "config",
            Self::DescribeOrganization
            | Self::ListAccounts
            | Self::ListAccountsForParent
            | Self::ListOrganizationalUnitsForParent
            | Self::ListTagsForResource
            | Self::ListDelegatedAdministrators
            | Self::ListAWSServiceAccessForOrganization => "organizations",
            Self::GetCallerIdentity | Self::AssumeRole => "sts",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
