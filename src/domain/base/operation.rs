//! The operations of AWS that conformd calls: the closed set behind metric labels and IAM policies.
//!
//! `aws` and `sim` implement the calls.

use strum::{EnumIter, IntoStaticStr};

/// An operation of AWS that conformd calls.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    EnumIter,
    IntoStaticStr,
    strum::Display,
)]
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
    /// The operation's name in the AWS API.
    pub fn as_str(self) -> &'static str {
        self.into()
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
