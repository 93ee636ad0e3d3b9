//! The JSON Schema of manifests, for editors.
//!
//! These types describe manifests and read none: reading starts from the spanned tree, where every
//! slip has a place. A test holds the fields here to those that are read.

#![expect(
    dead_code,
    clippy::large_enum_variant,
    reason = "only the schema of these types is ever used"
)]

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use crate::domain::base::model::{AccountState, DeletionPolicy};

/// A manifest of conformd.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum AnyManifest {
    Pack(PackManifest),
    Approval(ApprovalManifest),
}

/// An organization conformance pack, delivered to every configured region.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "camelCase")]
struct PackManifest {
    api_version: ApiVersion,
    kind: PackKind,
    metadata: PackMetadata,
    spec: PackSpec,
}

/// A reviewed document that permits losses.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "camelCase")]
struct ApprovalManifest {
    api_version: ApiVersion,
    kind: ApprovalKind,
    metadata: ApprovalMetadata,
    spec: ApprovalSpec,
}

/// The version of the manifest's form.
#[derive(JsonSchema)]
enum ApiVersion {
    #[schemars(rename = "conformd.io/v1alpha1")]
    V1Alpha1,
}

/// A pack.
#[derive(JsonSchema)]
enum PackKind {
    OrganizationConformancePack,
}

/// An approval.
#[derive(JsonSchema)]
enum ApprovalKind {
    Approval,
}

/// What the pack is called.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct PackMetadata {
    /// The name of the organization conformance pack in AWS, and its identity: a new name is a new
    /// pack. No two manifests share one, in any letter case.
    #[schemars(regex(pattern = "^[a-zA-Z][-a-zA-Z0-9]*$"), length(min = 1, max = 128))]
    name: String,
    /// For people. Never sent to AWS.
    #[schemars(default)]
    labels: BTreeMap<String, String>,
}

/// What the approval is called.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ApprovalMetadata {
    /// Unique among approvals. Where two share a name, neither permits anything.
    #[schemars(regex(pattern = "^[-._a-zA-Z0-9]+$"), length(min = 1, max = 128))]
    name: String,
    /// For people.
    #[schemars(default)]
    labels: BTreeMap<String, String>,
}

/// What is delivered, and where.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "camelCase", extend(
    "if" = {"properties": {"state": {"const": "Absent"}}, "required": ["state"]},
    "then" = {"properties": {
        "adopt": {"const": false}, "suspend": false, "deletionPolicy": {"const": "Delete"}
    }},
    "else" = {"required": ["template"]}
))]
struct PackSpec {
    /// The template: exactly one of `file`, `inline` and `s3`. Required unless `state` is `Absent`.
    #[schemars(default)]
    template: TemplateSpec,
    /// Input parameters. The template must declare each of them, and each parameter that it
    /// declares without `Default` needs a value. Values are text: put numbers and booleans in
    /// quotes.
    #[schemars(default)]
    parameters: ParameterMap,
    /// The regions that the pack is delivered to; every configured region by default.
    #[schemars(
        default,
        length(min = 1),
        inner(regex(pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)+-[a-z0-9]*[0-9]$"))
    )]
    regions: Vec<String>,
    /// Parameters and exclusions that differ in some regions; a later entry wins.
    #[schemars(default)]
    overrides: Vec<OverrideSpec>,
    /// Accounts it is not deployed to.
    #[schemars(default)]
    exclude: ExcludeSpec,
    /// Where AWS Config puts results.
    #[schemars(default)]
    delivery: DeliverySpec,
    /// What happens to the pack when this manifest is removed: `Delete` deletes it, after every
    /// check; `Orphan` leaves it in AWS.
    #[schemars(default)]
    deletion_policy: DeletionPolicy,
    /// Take over an unmanaged pack of this name. A pack with the marker of another installation is
    /// never taken over.
    #[schemars(default)]
    adopt: bool,
    /// Leave the pack as it is for a while.
    #[schemars(default)]
    suspend: SuspendSpec,
    /// Whether the pack should exist. `Absent` deletes it, after every check, in `spec.regions` or
    /// in every configured region. All other fields are optional then, and not used. It contradicts
    /// `suspend`, `adopt: true` and `deletionPolicy: Orphan`. The manifest may stay.
    #[schemars(default)]
    state: PackStateSchema,
}

/// Whether the pack should be there.
#[derive(JsonSchema, Default, serde::Serialize)]
enum PackStateSchema {
    #[default]
    Present,
    Absent,
}

/// Parameter names and values.
#[derive(JsonSchema, Default)]
#[schemars(transparent)]
struct ParameterMap(
    #[schemars(extend("propertyNames" = {
        "pattern": "^[a-zA-Z0-9]{1,255}$",
        "not": {"const": "ConformdMarker"}
    }))]
    BTreeMap<String, String>,
);

/// Where the template is.
#[derive(JsonSchema, Default)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1, "maxProperties" = 1))]
struct TemplateSpec {
    /// A path relative to this manifest, beneath the source root. Links that leave the root are not
    /// followed.
    #[schemars(default, length(min = 1))]
    file: String,
    /// The text of the template, as a literal block.
    #[schemars(default, length(min = 1))]
    inline: String,
    /// An object in a bucket, `s3://bucket/key`. It is checked, and not delivered by this version:
    /// the pack is held.
    #[schemars(default, regex(pattern = "^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+$"))]
    s3: String,
}

/// What differs in some of the pack's regions.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend(
    "anyOf" = [{"required": ["parameters"]}, {"required": ["exclude"]}]
))]
struct OverrideSpec {
    /// Regions of the pack.
    #[schemars(
        length(min = 1),
        inner(regex(pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)+-[a-z0-9]*[0-9]$"))
    )]
    regions: Vec<String>,
    /// They replace `spec.parameters` in these regions, one by one. A later entry wins.
    #[schemars(default)]
    parameters: ParameterMap,
    /// Accounts that the pack is not deployed to in these regions, besides those of `spec.exclude`.
    #[schemars(default)]
    exclude: OverrideExcludeSpec,
}

/// Accounts that are left out in some regions.
#[derive(JsonSchema, Default)]
#[schemars(deny_unknown_fields)]
struct OverrideExcludeSpec {
    /// Accounts by id, which are excluded in these regions besides those of `spec.exclude`; in
    /// quotes.
    #[schemars(length(max = 1000), inner(regex(pattern = "^[0-9]{12}$")))]
    accounts: Vec<String>,
}

/// Accounts that are left out: those that any of these selects.
#[derive(JsonSchema, Default)]
#[schemars(deny_unknown_fields, rename_all = "camelCase")]
struct ExcludeSpec {
    /// Accounts by id: text of 12 digits, in quotes; at most 1,000.
    #[schemars(default, length(max = 1000), inner(regex(pattern = "^[0-9]{12}$")))]
    accounts: Vec<String>,
    /// Accounts in one of these organizational units (`ou-…`, `r-…`), or in any unit beneath one.
    #[schemars(
        default,
        inner(regex(pattern = "^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})$"))
    )]
    organizational_units: Vec<String>,
    /// Accounts that carry all of these tags.
    #[schemars(default)]
    account_tags: BTreeMap<String, String>,
    /// Accounts in one of these states.
    #[schemars(default)]
    states: Vec<AccountState>,
}

/// A delivery bucket.
#[derive(JsonSchema, Default)]
#[schemars(deny_unknown_fields)]
struct DeliverySpec {
    /// The bucket for results. Its name begins with `awsconfigconforms`, since AWS Config's role
    /// may write to no other bucket.
    #[schemars(regex(pattern = "^awsconfigconforms[a-z0-9.-]*$"), length(max = 63))]
    bucket: String,
    /// What the keys of results begin with.
    #[schemars(default, length(max = 1024))]
    prefix: String,
}

/// Why, and until when, the pack is left alone.
#[derive(JsonSchema, Default)]
#[schemars(deny_unknown_fields)]
struct SuspendSpec {
    /// Why the pack is suspended; shown with its status.
    #[schemars(length(min = 1))]
    reason: String,
    /// When the suspension ends; without it, when `suspend` is removed.
    #[schemars(default, extend("format" = "date-time"))]
    until: String,
}

/// Which losses are permitted, until when, and why.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ApprovalSpec {
    /// Why. Shown with the plan, and in the audit line of each step that it permits.
    #[schemars(length(min = 1))]
    reason: String,
    /// After this moment the approval permits nothing, nor while it is more than 7 days ahead.
    #[schemars(extend("format" = "date-time"))]
    expires: String,
    /// What may be lost, in words.
    #[schemars(length(min = 1))]
    permits: Vec<PermitSpec>,
}

/// One kind of loss.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "camelCase")]
struct PermitSpec {
    /// These packs may be deleted.
    #[schemars(default, length(min = 1))]
    delete: Vec<String>,
    /// These unmanaged packs may be taken over, whatever they contain.
    #[schemars(default, length(min = 1))]
    adopt: Vec<String>,
    /// The pack that `loseRules` and `excludeAccounts` are about.
    #[schemars(default)]
    pack: String,
    /// Effective rules that the pack may lose, by name; or how many, where their names are not
    /// known.
    #[schemars(default)]
    lose_rules: RulesSpec,
    /// Accounts that the pack may newly exclude.
    #[schemars(default, length(min = 1))]
    exclude_accounts: Vec<String>,
    /// An account list with this many active accounts is accepted at once, although it shrank.
    #[schemars(default, range(min = 1))]
    account_list: u32,
    /// The regions that the permit is for; every region by default.
    #[schemars(default, length(min = 1))]
    regions: Vec<String>,
}

/// Rules by name, or their number.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum RulesSpec {
    Named(Vec<String>),
    #[expect(dead_code, reason = "only its schema is used")]
    Counted(u32),
}

impl Default for RulesSpec {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

/// The schema of one manifest of either kind (JSON Schema 2020-12).
pub fn schema() -> Schema {
    let mut schema = SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(drop_empty_default))
        .into_generator()
        .into_root_schema_for::<AnyManifest>();
    // Exactly one kind applies, which `oneOf` says and `anyOf` does not.
    if let Some(kinds) = schema.remove("anyOf") {
        schema.insert("oneOf".to_owned(), kinds);
    }
    schema.insert("title".to_owned(), "conformd manifest".into());
    schema
}

/// A default that is empty only says that the field may be left out, and would be refused if it
/// were written.
fn drop_empty_default(schema: &mut Schema) {
    let is_empty = schema.get("default").is_some_and(|default| match default {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Number(number) => number.as_u64() == Some(0),
        Value::Bool(_) => false,
    });
    if is_empty {
        schema.remove("default");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::declared::manifest::{approval, draft, spec};

    #[test]
    fn the_schema_knows_the_fields_that_are_read_and_no_others() {
        let schema = schema();
        let kinds = schema.get("$defs").unwrap();
        let fields = |kind: &str| -> Vec<String> {
            let mut names: Vec<String> =
                kinds[kind]["properties"].as_object().unwrap().keys().cloned().collect();
            names.sort();
            names
        };
        for (kind, read) in [
            ("PackManifest", draft::ROOT),
            ("ApprovalManifest", draft::ROOT),
            ("PackMetadata", draft::METADATA),
            ("ApprovalMetadata", draft::METADATA),
            ("PackSpec", draft::SPEC),
            ("ApprovalSpec", approval::SPEC),
            ("PermitSpec", approval::PERMIT),
            ("TemplateSpec", spec::TEMPLATE),
            ("OverrideSpec", spec::OVERRIDE),
            ("OverrideExcludeSpec", spec::OVERRIDE_EXCLUDE),
            ("ExcludeSpec", spec::EXCLUDE),
            ("DeliverySpec", spec::DELIVERY),
            ("SuspendSpec", spec::SUSPEND),
        ] {
            let mut read = read.to_vec();
            read.sort_unstable();
            assert_eq!(fields(kind), read, "{kind}");
        }
    }
}
