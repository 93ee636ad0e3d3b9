//! Shapes of the pack operations and of tagging (AWS Config).

use serde::{Deserialize, Serialize};

use super::epoch::Epoch;

/// `PutOrganizationConformancePack`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PutPack {
    /// The pack's name.
    pub organization_conformance_pack_name: Option<String>,
    /// The template itself.
    pub template_body: Option<String>,
    /// Where the template is; wins over the body.
    pub template_s3_uri: Option<String>,
    /// Where results go.
    pub delivery_s3_bucket: Option<String>,
    /// Beneath which key.
    pub delivery_s3_key_prefix: Option<String>,
    /// Values for the template's parameters.
    pub conformance_pack_input_parameters: Option<Vec<InputParameter>>,
    /// Accounts it is not deployed to.
    pub excluded_accounts: Option<Vec<String>>,
    /// Tags of a new pack.
    pub tags: Option<Vec<Tag>>,
}

/// One input parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct InputParameter {
    /// The parameter declared in the template.
    pub parameter_name: String,
    /// Its value.
    pub parameter_value: String,
}

/// Answer of `PutOrganizationConformancePack`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PackArn {
    /// The pack's ARN.
    pub organization_conformance_pack_arn: String,
}

/// `DeleteOrganizationConformancePack`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DeletePack {
    /// The pack's name.
    pub organization_conformance_pack_name: Option<String>,
}

/// `DescribeOrganizationConformancePacks` and `DescribeOrganizationConformancePackStatuses`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribePacks {
    /// Only these; an unknown one fails the call.
    pub organization_conformance_pack_names: Option<Vec<String>>,
    /// Entries a page, 0 to 100; 0 means 100.
    pub limit: Option<i64>,
    /// The page to go on with.
    pub next_token: Option<String>,
}

/// Answer of `DescribeOrganizationConformancePacks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PacksShape {
    /// The entries.
    pub organization_conformance_packs: Vec<PackShape>,
    /// The next page.
    pub next_token: Option<String>,
}

/// One pack as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PackShape {
    /// Its name.
    pub organization_conformance_pack_name: String,
    /// Its ARN.
    pub organization_conformance_pack_arn: String,
    /// Where results go.
    pub delivery_s3_bucket: Option<String>,
    /// Beneath which key.
    pub delivery_s3_key_prefix: Option<String>,
    /// Its input parameters.
    pub conformance_pack_input_parameters: Vec<InputParameter>,
    /// Accounts it is not deployed to.
    pub excluded_accounts: Vec<String>,
    /// When it was last changed.
    pub last_update_time: Epoch,
}

/// Answer of `DescribeOrganizationConformancePackStatuses`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PackStatuses {
    /// The entries.
    pub organization_conformance_pack_statuses: Vec<PackStatus>,
    /// The next page.
    pub next_token: Option<String>,
}

/// One pack's aggregate status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PackStatus {
    /// Its name.
    pub organization_conformance_pack_name: String,
    /// One of the nine values such as `CREATE_SUCCESSFUL`.
    pub status: String,
    /// Why it failed.
    pub error_code: Option<String>,
    /// Why it failed, in words.
    pub error_message: Option<String>,
    /// When the status last changed.
    pub last_update_time: Option<Epoch>,
}

/// `GetOrganizationConformancePackDetailedStatus`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct GetDetail {
    /// The pack's name.
    pub organization_conformance_pack_name: Option<String>,
    /// Which rows.
    pub filters: Option<DetailFilters>,
    /// Entries a page, 0 to 100; 0 means 100.
    pub limit: Option<i64>,
    /// The page to go on with.
    pub next_token: Option<String>,
}

/// At most one account and one status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DetailFilters {
    /// Only this account.
    pub account_id: Option<String>,
    /// Only this status.
    pub status: Option<String>,
}

/// Answer of `GetOrganizationConformancePackDetailedStatus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatusesShape {
    /// The rows.
    pub organization_conformance_pack_detailed_statuses: Vec<MemberStatusShape>,
    /// The next page.
    pub next_token: Option<String>,
}

/// One member account's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MemberStatusShape {
    /// The member.
    pub account_id: String,
    /// The pack's name in that account: `OrgConformsPack-<name>-<suffix>`.
    pub conformance_pack_name: String,
    /// One of the nine values such as `CREATE_SUCCESSFUL`.
    pub status: String,
    /// Why it failed.
    pub error_code: Option<String>,
    /// Why it failed, in words.
    pub error_message: Option<String>,
    /// When the row last changed.
    pub last_update_time: Option<Epoch>,
}

/// A tag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// `TagResource`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TagResource {
    /// What to tag.
    pub resource_arn: Option<String>,
    /// The tags to set.
    pub tags: Option<Vec<Tag>>,
}

/// `UntagResource`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct UntagResource {
    /// What to untag.
    pub resource_arn: Option<String>,
    /// The keys to remove.
    pub tag_keys: Option<Vec<String>>,
}

/// `ListTagsForResource`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ListTags {
    /// Whose tags.
    pub resource_arn: Option<String>,
    /// Entries a page, 0 to 100; 0 means 50.
    pub limit: Option<i64>,
    /// The page to go on with.
    pub next_token: Option<String>,
}

/// Answer of `ListTagsForResource`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PackTagsShape {
    /// The tags.
    pub tags: Vec<Tag>,
    /// The next page.
    pub next_token: Option<String>,
}
