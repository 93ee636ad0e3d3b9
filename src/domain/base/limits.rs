//! Every figure that AWS or our own budget sets, once, with its source.
//!
//! Where sources of AWS disagree a limit has two figures: findings above the strict one are
//! warnings, above the upper one errors.

use std::time::Duration;

/// One limit of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What is counted.
    pub what: &'static str,
    /// Above it a finding is a warning.
    pub strict: usize,
    /// Above it a finding is an error.
    pub upper: usize,
    /// Where the figures come from.
    pub source: &'static str,
}

/// Input parameters of one pack, the marker included.
pub const PARAMETERS: Limit = Limit {
    what: "input parameters of a pack, ConformdMarker included",
    strict: 60,
    upper: 330,
    source: "AWS service models disagree: 60 up to early 2026, 330 later",
};

/// Parameters that a template declares, the marker included.
pub const STACK_PARAMETERS: Limit = Limit {
    what: "parameters declared in a template, ConformdMarker included",
    strict: 200,
    // AWS Config takes up to 330 input parameters; which of the two counts is not known.
    upper: usize::MAX,
    source: "CloudFormation quota: parameters of a template; a pack becomes a stack",
};

/// Mappings of a template.
pub const MAPPINGS: Limit = Limit {
    what: "mappings in a template",
    strict: 200,
    upper: 200,
    source: "CloudFormation quota: mappings of a template",
};

/// Outputs of a template.
pub const OUTPUTS: Limit = Limit {
    what: "outputs in a template",
    strict: 200,
    upper: 200,
    source: "CloudFormation quota: outputs of a template",
};

/// Bytes of an output's `Description` (`CloudFormation` user guide: `Outputs`).
pub const OUTPUT_DESCRIPTION: usize = 1_024;

/// Characters of a parameter's `Description` (`CloudFormation` quotas).
pub const PARAMETER_DESCRIPTION: usize = 4_000;

/// Bytes of a template's `Description` (`CloudFormation` template reference).
pub const TEMPLATE_DESCRIPTION: usize = 1_024;

/// Config rules in one pack.
pub const RULES: Limit = Limit {
    what: "rules of a pack",
    strict: 130,
    upper: 130,
    source: "AWS Config quota: rules per organization conformance pack",
};

/// Rules and remediations together: AWS's message counts resources.
pub const RESOURCES: Limit = Limit {
    what: "rules and remediations of a pack",
    strict: 130,
    upper: usize::MAX,
    source: "the refusal of AWS Config counts resources; its quota counts rules",
};

/// Packs in one region.
pub const PACKS: Limit = Limit {
    what: "packs in a region",
    strict: 44,
    upper: 50,
    source: "AWS Config quota: conformance packs per account; a warning from 45",
};

/// Rules in one region, over all packs.
pub const RULES_IN_REGION: Limit = Limit {
    what: "rules in a region",
    strict: 350,
    upper: 1_000,
    source: "AWS Config quota: 350 across packs until 2023, 1,000 rules a region now",
};

/// Bytes of a template that is sent inline, the marker included.
pub const INLINE_BYTES: Limit = Limit {
    what: "bytes of a template, as it is sent",
    strict: 51_200,
    upper: 51_200,
    source: "AWS Config API: PutOrganizationConformancePack, TemplateBody",
};

/// Bytes of a template in S3; AWS says "300 KB" and not which kilobyte.
pub const OBJECT_BYTES: Limit = Limit {
    what: "bytes of a template in S3",
    strict: 300_000,
    upper: 307_200,
    source: "AWS Config API: PutOrganizationConformancePack, TemplateS3Uri",
};

/// Excluded accounts.
pub const EXCLUDED: Limit = Limit {
    what: "excluded accounts",
    strict: 1_000,
    upper: 1_000,
    source: "AWS Config API: PutOrganizationConformancePack, ExcludedAccounts",
};

/// Characters of a pack name. Above the strict figure the member stack
/// `awsconfigconforms-OrgConformsPack-<name>-<8>-<id>` may pass `CloudFormation`'s 128.
pub const NAME: Limit = Limit {
    what: "characters of a pack name",
    strict: 51,
    upper: 128,
    source: "AWS Config API (128); CloudFormation stack names (51)",
};

/// Every limit that a finding can be about.
pub const ALL: [&Limit; 12] = [
    &PARAMETERS,
    &STACK_PARAMETERS,
    &MAPPINGS,
    &OUTPUTS,
    &RULES,
    &RESOURCES,
    &PACKS,
    &RULES_IN_REGION,
    &INLINE_BYTES,
    &OBJECT_BYTES,
    &EXCLUDED,
    &NAME,
];

/// Characters of a parameter name (AWS Config API: `ParameterName`).
pub const PARAMETER_NAME: usize = 255;

/// Bytes of a parameter value (AWS Config API: `ParameterValue`) or of a default (`CloudFormation`
/// quotas).
pub const PARAMETER_VALUE: usize = 4_096;

/// Characters of a delivery prefix (AWS Config API: `DeliveryS3KeyPrefix`).
pub const DELIVERY_PREFIX: usize = 1_024;

/// Characters of a template's S3 URI (AWS Config API: `TemplateS3Uri`).
pub const S3_URI: usize = 1_024;

/// Bytes of one source file. Ours: three templates of the largest size AWS takes.
pub const SOURCE_FILE_BYTES: usize = 1_048_576;

/// Scalars and collections in one source file. Ours: the largest published template has 4,000; at
/// about 150 bytes each this keeps a hostile file below 16 MiB.
pub const NODES: usize = 60_000;

/// Collections inside each other. Ours: published templates reach 8.
pub const DEPTH: usize = 64;

/// Characters of a key in a template, with quotes and escapes. YAML readers look no further than
/// 1,024 characters for the colon behind it.
pub const KEY: usize = 1_000;

/// Problems reported of one file's text. Ours: more are not read.
pub const PROBLEMS: usize = 100;

/// For how long AWS retries an account without configuration recorder (AWS Config developer guide,
/// "Retry mechanism for new accounts added to an organization").
pub const RETRY_WINDOW: Duration = Duration::from_hours(7);
