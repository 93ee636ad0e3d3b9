//! Shapes of AWS Organizations.

use serde::{Deserialize, Serialize};

use super::epoch::Epoch;
pub use super::packs::Tag;

/// A request without members.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

/// `DescribeAccount`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AccountRef {
    /// Which account.
    pub account_id: Option<String>,
}

/// `ListAccounts`, `ListRoots`, `ListAWSServiceAccessForOrganization`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Paged {
    /// Entries a page, 1 to 20.
    pub max_results: Option<i64>,
    /// The page to go on with.
    pub next_token: Option<String>,
}

/// `ListAccountsForParent`, `ListOrganizationalUnitsForParent`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct OfParent {
    /// The root or organizational unit.
    pub parent_id: Option<String>,
    /// Entries a page, 1 to 20.
    pub max_results: Option<i64>,
    /// The page to go on with.
    pub next_token: Option<String>,
}

/// `ListParents`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct OfChild {
    /// The account or organizational unit.
    pub child_id: Option<String>,
    /// Entries a page, 1 to 20.
    pub max_results: Option<i64>,
    /// The page to go on with.
    pub next_token: Option<String>,
}

/// `ListChildren`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ListChildren {
    /// The root or organizational unit.
    pub parent_id: Option<String>,
    /// `ACCOUNT` or `ORGANIZATIONAL_UNIT`.
    pub child_type: Option<String>,
    /// Entries a page, 1 to 20.
    pub max_results: Option<i64>,
    /// The page to go on with.
    pub next_token: Option<String>,
}

/// `ListTagsForResource`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct OfResource {
    /// An account, organizational unit or root.
    pub resource_id: Option<String>,
    /// The page to go on with.
    pub next_token: Option<String>,
}

/// `ListDelegatedAdministrators`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct OfPrincipal {
    /// Only for this service.
    pub service_principal: Option<String>,
    /// Entries a page, 1 to 20.
    pub max_results: Option<i64>,
    /// The page to go on with.
    pub next_token: Option<String>,
}

/// `Enable-` and `DisableAWSServiceAccess`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PrincipalRef {
    /// The service.
    pub service_principal: Option<String>,
}

/// `Register-` and `DeregisterDelegatedAdministrator`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Delegation {
    /// The account.
    pub account_id: Option<String>,
    /// The service.
    pub service_principal: Option<String>,
}

/// Answer of `DescribeOrganization`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OrganizationAnswer {
    /// The organization.
    pub organization: OrganizationShape,
}

/// The organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OrganizationShape {
    /// `o-…`
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// `ALL` or `CONSOLIDATED_BILLING`.
    pub feature_set: String,
    /// The management account's ARN.
    pub master_account_arn: String,
    /// The management account.
    pub master_account_id: String,
    /// Its email address.
    pub master_account_email: String,
}

/// Answer of `DescribeAccount`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountAnswer {
    /// The account.
    pub account: AccountShape,
}

/// Answer of `ListAccounts` and `ListAccountsForParent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountsShape {
    /// The entries.
    pub accounts: Vec<AccountShape>,
    /// The next page.
    pub next_token: Option<String>,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountShape {
    /// Twelve digits.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its email address.
    pub email: String,
    /// Its name.
    pub name: String,
    /// `PENDING_ACTIVATION`, `ACTIVE`, `SUSPENDED`, `PENDING_CLOSURE`, `CLOSED`.
    pub state: Option<String>,
    /// The retired form of the state.
    pub status: Option<String>,
    /// `o-…/r-…/ou-…/<account>/`
    pub paths: Vec<String>,
    /// `INVITED` or `CREATED`.
    pub joined_method: Option<String>,
    /// When it joined this time.
    pub joined_timestamp: Option<Epoch>,
}

/// Answer of `ListParents`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ParentList {
    /// The one parent.
    pub parents: Vec<TreeNode>,
    /// The next page.
    pub next_token: Option<String>,
}

/// Answer of `ListChildren`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChildList {
    /// The children.
    pub children: Vec<TreeNode>,
    /// The next page.
    pub next_token: Option<String>,
}

/// A node of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TreeNode {
    /// Its id.
    pub id: String,
    /// `ROOT`, `ORGANIZATIONAL_UNIT` or `ACCOUNT`.
    #[serde(rename = "Type")]
    pub kind: String,
}

/// Answer of `ListRoots`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RootList {
    /// The one root.
    pub roots: Vec<UnitShape>,
    /// The next page.
    pub next_token: Option<String>,
}

/// Answer of `ListOrganizationalUnitsForParent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UnitList {
    /// The organizational units.
    pub organizational_units: Vec<UnitShape>,
    /// The next page.
    pub next_token: Option<String>,
}

/// A root or an organizational unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UnitShape {
    /// `r-…` or `ou-…`
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// `o-…/r-…/ou-…/`
    pub path: Option<String>,
}

/// Answer of `ListTagsForResource`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OrganizationTagsShape {
    /// The tags.
    pub tags: Vec<Tag>,
    /// The next page.
    pub next_token: Option<String>,
}

/// Answer of `ListDelegatedAdministrators`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AdministratorList {
    /// The accounts.
    pub delegated_administrators: Vec<Administrator>,
    /// The next page.
    pub next_token: Option<String>,
}

/// One delegated administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Administrator {
    /// Twelve digits.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its email address.
    pub email: String,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: Option<String>,
    /// The retired form of the state.
    pub status: Option<String>,
    /// `INVITED` or `CREATED`.
    pub joined_method: Option<String>,
    /// When it joined this time.
    pub joined_timestamp: Option<Epoch>,
    /// When it was registered.
    pub delegation_enabled_date: Epoch,
}

/// Answer of `ListAWSServiceAccessForOrganization`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PrincipalList {
    /// The services.
    pub enabled_service_principals: Vec<EnabledPrincipal>,
    /// The next page.
    pub next_token: Option<String>,
}

/// One service with trusted access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EnabledPrincipal {
    /// The service.
    pub service_principal: String,
    /// Since when.
    pub date_enabled: Epoch,
}
