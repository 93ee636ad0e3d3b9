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
    /// The name of the organization conformance pack in AWS. A new name is a new pack.
    #[schemars(regex(pattern = "^[a-zA-Z][-a-zA-Z0-9]*$"), length(min = 1, max = 128))]
    name: String,
    /// For people; never sent.
    #[schemars(default)]
    labels: BTreeMap<String, String>,
}

/// What the approval is called.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ApprovalMetadata {
    /// Any name that no other approval has.
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
    /// Input parameters. Values are text: put numbers and booleans in quotes.
    #[schemars(default)]
    parameters: ParameterMap,
    /// The regions it is delivered to; every configured one by default.
    #[schemars(
        default,
        length(min = 1),
        inner(regex(pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)+-[a-z0-9]*[0-9]$"))
    )]
    regions: Vec<String>,
    /// Parameters that differ in some regions; a later entry wins.
    #[schemars(default)]
    overrides: Vec<OverrideSpec>,
    /// Accounts it is not deployed to.
    #[schemars(default)]
    exclude: ExcludeSpec,
    /// Where AWS Config puts results.
    #[schemars(default)]
    delivery: DeliverySpec,
    /// What happens to the pack when this manifest goes away.
    #[schemars(default)]
    deletion_policy: DeletionPolicy,
    /// Take over a pack of this name that nobody manages.
    #[schemars(default)]
    adopt: bool,
    /// Leave the pack as it is for a while.
    #[schemars(default)]
    suspend: SuspendSpec,
    /// Whether the pack should be there at all. `Absent` deletes it, through every gate, in
    /// `regions` or in every configured region; all other fields are optional then.
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
    /// A path relative to this manifest, beneath the source root.
    #[schemars(default, length(min = 1))]
    file: String,
    /// The template's text, as a block: `inline: |`.
    #[schemars(default, length(min = 1))]
    inline: String,
    /// An object in a bucket.
    #[schemars(default, regex(pattern = "^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+$"))]
    s3: String,
}

/// Parameters for some of the pack's regions.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct OverrideSpec {
    /// Regions of the pack.
    #[schemars(
        length(min = 1),
        inner(regex(pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)+-[a-z0-9]*[0-9]$"))
    )]
    regions: Vec<String>,
    /// What replaces the parameters of the pack there, one by one.
    parameters: ParameterMap,
}

/// Accounts that are left out: those that any of these selects.
#[derive(JsonSchema, Default)]
#[schemars(deny_unknown_fields, rename_all = "camelCase")]
struct ExcludeSpec {
    /// By id, in quotes; at most 1,000.
    #[schemars(default, length(max = 1000), inner(regex(pattern = "^[0-9]{12}$")))]
    accounts: Vec<String>,
    /// By organizational unit, with all below it.
    #[schemars(
        default,
        inner(regex(pattern = "^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})$"))
    )]
    organizational_units: Vec<String>,
    /// By account tag: all of these.
    #[schemars(default)]
    account_tags: BTreeMap<String, String>,
    /// By life cycle state.
    #[schemars(default)]
    states: Vec<AccountState>,
}

/// A delivery bucket.
#[derive(JsonSchema, Default)]
#[schemars(deny_unknown_fields)]
struct DeliverySpec {
    /// Its name, which must begin with `awsconfigconforms`.
    #[schemars(regex(pattern = "^awsconfigconforms[a-z0-9.-]*$"), length(max = 63))]
    bucket: String,
    /// What keys begin with.
    #[schemars(default, length(max = 1024))]
    prefix: String,
}

/// Why, and until when, the pack is left alone.
#[derive(JsonSchema, Default)]
#[schemars(deny_unknown_fields)]
struct SuspendSpec {
    /// Why.
    #[schemars(length(min = 1))]
    reason: String,
    /// Until when (RFC 3339); until the field is removed by default.
    #[schemars(default, extend("format" = "date-time"))]
    until: String,
}

/// Which losses are permitted, until when, and why.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ApprovalSpec {
    /// Why.
    #[schemars(length(min = 1))]
    reason: String,
    /// After this moment it permits nothing (RFC 3339); at most 7 days ahead.
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
    /// Packs that may be deleted.
    #[schemars(default, length(min = 1))]
    delete: Vec<String>,
    /// Unmanaged packs that may be taken over, whatever they hold now.
    #[schemars(default, length(min = 1))]
    adopt: Vec<String>,
    /// The pack that may lose rules or accounts.
    #[schemars(default)]
    pack: String,
    /// Rules that it may lose, by name; or how many, where their names are not known.
    #[schemars(default)]
    lose_rules: RulesSpec,
    /// Accounts that it may newly exclude.
    #[schemars(default, length(min = 1))]
    exclude_accounts: Vec<String>,
    /// How many active accounts a much shorter account list may hold.
    #[schemars(default, range(min = 1))]
    account_list: u32,
    /// Where; in every region by default.
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
