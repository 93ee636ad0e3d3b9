//! The parts of a pack's `spec`, one function each.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use super::fields::{Field, ManifestFields, moment, parsed, set, text, texts, words, wrong_type};
use super::parts::{OverrideDraft, ParameterEntries, TemplateChoice};
use super::{DesiredState, Exclude, Suspend};
use crate::domain::base::model::{
    AccountId, AccountState, DeletionPolicy, MARKER_PARAMETER, Malformed, Region, ResultsBucket,
    UnitId,
};
use crate::domain::base::{code, limits};
use crate::domain::declared::diagnostic::Span;
use crate::domain::declared::findings::Findings;
use crate::domain::declared::snapshot::Escape;
use crate::domain::declared::template::{DYNAMIC_HINT, is_dynamic};
use crate::domain::declared::yaml::Style;

/// Fields of `spec.template`.
pub(super) const TEMPLATE: &[&str] = &["file", "inline", "s3"];
/// Fields of an entry of `spec.overrides`.
pub(super) const OVERRIDE: &[&str] = &["regions", "parameters", "exclude"];
/// Fields of `exclude` in an entry of `spec.overrides`: what does not follow the account list.
pub(super) const OVERRIDE_EXCLUDE: &[&str] = &["accounts"];
/// Fields of `spec.exclude`.
pub(super) const EXCLUDE: &[&str] = &["accounts", "organizationalUnits", "accountTags", "states"];
/// Fields of `spec.delivery`.
pub(super) const DELIVERY: &[&str] = &["bucket", "prefix"];
/// Fields of `spec.suspend`.
pub(super) const SUSPEND: &[&str] = &["reason", "until"];

/// `spec.template`: exactly one source.
pub(super) fn template(findings: &mut Findings<'_>, field: Field<'_>) -> Option<TemplateChoice> {
    let fields = ManifestFields::open(findings, field, "spec.template", TEMPLATE)?;
    let given: Vec<&str> =
        TEMPLATE.iter().copied().filter(|name| fields.optional(name).is_some()).collect();
    // AWS uses the S3 URI without an error if body and URI are given, so the choice must be clear
    // here.
    let &[one] = given.as_slice() else {
        let found = match given.as_slice() {
            [] => "spec.template names no source".to_owned(),
            several => format!("spec.template names {}", several.join(" and ")),
        };
        findings
            .error(fields.span(), code::TEMPLATE_CHOICE, found)
            .expected("exactly one of file, inline, s3");
        return None;
    };
    let source = fields.optional(one)?;
    match one {
        "file" => file(findings, source),
        "inline" => inline(findings, source),
        _ => s3(findings, source),
    }
}

fn file(findings: &mut Findings<'_>, field: Field<'_>) -> Option<TemplateChoice> {
    let path = words(findings, field, "spec.template.file")?;
    match findings.path.sibling(path) {
        Ok(path) => Some(TemplateChoice::File(path)),
        Err(escape) => {
            let code = match escape {
                Escape::Absolute | Escape::AboveRoot => code::PATH_ESCAPE,
                Escape::NotAPath => code::MALFORMED,
            };
            findings
                .error(field.span, code, format!("{escape}: {path:?}"))
                .expected("a path relative to this manifest, beneath the source root");
            None
        }
    }
}

fn inline(findings: &mut Findings<'_>, field: Field<'_>) -> Option<TemplateChoice> {
    match (field.node.text(), field.node.scalar()) {
        // An empty text is refused with the others: it is what is left when the block is not
        // indented.
        (Some(text), Some(scalar)) if !text.trim().is_empty() => {
            let literal = scalar.style == Style::Literal;
            let span = field.node.span;
            Some(TemplateChoice::Inline { text: text.to_owned(), literal, span })
        }
        _ => {
            wrong_type(findings, field, "spec.template.inline", "the template's text");
            if let Some(last) = findings.all.last_mut() {
                last.hint = Some("write `inline: |` and the template beneath it".to_owned());
            }
            None
        }
    }
}

fn s3(findings: &mut Findings<'_>, field: Field<'_>) -> Option<TemplateChoice> {
    let uri = text(findings, field, "spec.template.s3")?;
    let parts = uri.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
    let fits = parts.is_some_and(|(bucket, key)| {
        is_bucket_name(bucket) && !key.is_empty() && !key.contains(|char: char| char.is_control())
    });
    // Checked here, so that a wrong URI is reported with its place in the file.
    if !fits || limits::S3_URI < uri.chars().count() {
        findings
            .error(field.span, code::MALFORMED, format!("spec.template.s3 is {uri:?}"))
            .expected(format!("s3://bucket/key, at most {} characters", limits::S3_URI));
        return None;
    }
    Some(TemplateChoice::S3(uri.to_owned()))
}

/// Names of buckets (Amazon S3: bucket naming rules).
fn is_bucket_name(name: &str) -> bool {
    let inner = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
    };
    let edge = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
    // The rules that AWS documents for all regions; names with more rules (such as no IP address)
    // are left to AWS.
    (3..=63).contains(&name.len())
        && name.bytes().all(inner)
        && name.starts_with(edge)
        && name.ends_with(edge)
        && !name.contains("..")
}

/// `parameters`, of the pack or of an override.
pub(super) fn parameters(
    findings: &mut Findings<'_>,
    field: Field<'_>,
    what: &str,
) -> ParameterEntries {
    let mut parameters = texts(findings, field, what).unwrap_or_default();
    parameters.retain(|name, (value, span)| parameter_fits(findings, name, value, *span));
    parameters
}

fn parameter_fits(findings: &mut Findings<'_>, name: &str, value: &str, span: Span) -> bool {
    if name == MARKER_PARAMETER {
        findings
            .error(span, code::RESERVED_PARAMETER, format!("{name} cannot be given"))
            .hint("conformd computes and sends it");
        return false;
    }
    let alphanumeric = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !alphanumeric || limits::PARAMETER_NAME < name.len() {
        findings
            .error(span, code::MALFORMED, format!("{name:?} cannot be the name of a parameter"))
            .expected(format!("at most {} ASCII letters and digits", limits::PARAMETER_NAME));
        return false;
    }
    if limits::PARAMETER_VALUE < value.len() {
        // The value itself may be a secret and is never shown.
        findings
            .error(span, code::MALFORMED, format!("the value of {name} has {} bytes", value.len()))
            .expected(format!("at most {}", limits::PARAMETER_VALUE));
        return false;
    }
    if is_dynamic(value) {
        let found = format!("the value of {name} holds a dynamic reference ({{{{resolve:…}}}})");
        findings.error(span, code::UNJUDGED, found).hint(DYNAMIC_HINT);
        return false;
    }
    true
}

/// A list of regions that is not empty.
pub(super) fn regions(
    findings: &mut Findings<'_>,
    field: Field<'_>,
    what: &str,
) -> Option<BTreeMap<Region, Span>> {
    let regions = set(findings, field, what)?;
    if field.node.sequence().is_some_and(<[_]>::is_empty) {
        findings
            .error(field.span, code::MALFORMED, format!("{what} is empty"))
            .hint("leave the field out for every configured region; remove the manifest for none");
    }
    Some(regions)
}

/// `spec.overrides`, each within `own`, the regions of the pack.
pub(super) fn overrides(
    findings: &mut Findings<'_>,
    field: Field<'_>,
    own: Option<&BTreeMap<Region, Span>>,
) -> Vec<OverrideDraft> {
    let Some(nodes) = field.node.sequence() else {
        wrong_type(findings, field, "spec.overrides", "a list");
        return Vec::new();
    };
    let mut overrides = Vec::new();
    for node in nodes {
        let what = "an entry of spec.overrides";
        let Some(fields) = ManifestFields::open(findings, Field::alone(node), what, OVERRIDE)
        else {
            continue;
        };
        let regions = fields
            .required(findings, "regions")
            .and_then(|field| regions(findings, field, "overrides.regions"))
            .unwrap_or_default();
        let excluded = fields
            .optional("exclude")
            .and_then(|field| override_exclude(findings, field))
            .unwrap_or_default();
        // An entry that excludes accounts has a purpose without parameters.
        let given = match fields.optional("exclude") {
            Some(_) => fields.optional("parameters"),
            None => fields.required(findings, "parameters"),
        };
        let parameters = given
            .map(|field| parameters(findings, field, "overrides.parameters"))
            .unwrap_or_default();
        for (region, span) in &regions {
            // An override for a region without the pack would never apply, which nothing else would
            // show.
            if let Some(own) = own
                && !own.contains_key(region)
            {
                findings
                    .error(*span, code::REGION_OUTSIDE, format!("the pack is not in {region}"))
                    .expected("a region of spec.regions")
                    .did_you_mean(region.as_str(), own.keys().map(Region::as_str));
            }
        }
        overrides.push(OverrideDraft { regions, parameters, excluded });
    }
    overrides
}

/// `exclude` in an entry of `spec.overrides`.
fn override_exclude(findings: &mut Findings<'_>, field: Field<'_>) -> Option<BTreeSet<AccountId>> {
    let what = "exclude in an entry of spec.overrides";
    let fields = ManifestFields::open(findings, field, what, OVERRIDE_EXCLUDE)?;
    let field = fields.required(findings, "accounts")?;
    Some(excluded_accounts(findings, field, "overrides.exclude.accounts"))
}

fn excluded_accounts(
    findings: &mut Findings<'_>,
    field: Field<'_>,
    what: &str,
) -> BTreeSet<AccountId> {
    let accounts = set::<AccountId>(findings, field, what).unwrap_or_default();
    findings.limit(field.span, code::TOO_MANY_EXCLUSIONS, &limits::EXCLUDED, accounts.len());
    accounts.into_keys().collect()
}

/// `spec.exclude`.
pub(super) fn exclude(findings: &mut Findings<'_>, field: Field<'_>) -> Exclude {
    let mut exclude = Exclude::default();
    let Some(fields) = ManifestFields::open(findings, field, "spec.exclude", EXCLUDE) else {
        return exclude;
    };
    if let Some(accounts) = fields.optional("accounts") {
        exclude.accounts = excluded_accounts(findings, accounts, "exclude.accounts");
    }
    if let Some(units) = fields.optional("organizationalUnits") {
        let set = set::<UnitId>(findings, units, "exclude.organizationalUnits");
        exclude.organizational_units = set.unwrap_or_default().into_keys().collect();
    }
    if let Some(tags) = fields.optional("accountTags") {
        let tags = texts(findings, tags, "exclude.accountTags").unwrap_or_default();
        exclude.account_tags = tags.into_iter().map(|(key, (value, _))| (key, value)).collect();
    }
    if let Some(states) = fields.optional("states") {
        let set = set::<AccountState>(findings, states, "exclude.states").unwrap_or_default();
        // This would remove the pack from every account without being a deletion, past `state:
        // Absent`.
        if let Some(span) = set.get(&AccountState::Active) {
            findings
                .error(*span, code::MALFORMED, "excluding ACTIVE excludes every account")
                .hint("remove the manifest instead");
        }
        exclude.states = set.into_keys().collect::<BTreeSet<_>>();
    }
    exclude
}

/// `spec.delivery`.
pub(super) fn delivery(findings: &mut Findings<'_>, field: Field<'_>) -> ResultsBucket {
    let mut delivery = ResultsBucket::default();
    let Some(fields) = ManifestFields::open(findings, field, "spec.delivery", DELIVERY) else {
        return delivery;
    };
    if let Some(field) = fields.required(findings, "bucket")
        && let Some(bucket) = text(findings, field, "delivery.bucket")
    {
        // AWS Config's service role may write only to buckets with this prefix (AWS Config
        // developer guide: conformance pack prerequisites).
        if bucket.starts_with("awsconfigconforms") && is_bucket_name(bucket) {
            bucket.clone_into(&mut delivery.bucket);
        } else {
            findings
                .error(field.span, code::MALFORMED, format!("delivery.bucket is {bucket:?}"))
                .expected("a bucket name that begins with awsconfigconforms")
                .hint("the role of AWS Config can write to no other bucket");
        }
    }
    if let Some(field) = fields.optional("prefix")
        && let Some(prefix) = text(findings, field, "delivery.prefix")
    {
        if prefix.chars().count() <= limits::DELIVERY_PREFIX {
            prefix.clone_into(&mut delivery.prefix);
        } else {
            findings
                .error(field.span, code::MALFORMED, "delivery.prefix is too long")
                .expected(format!("at most {} characters", limits::DELIVERY_PREFIX));
        }
    }
    delivery
}

/// `spec.deletionPolicy`.
pub(super) fn deletion_policy(findings: &mut Findings<'_>, field: Field<'_>) -> DeletionPolicy {
    match text(findings, field, "spec.deletionPolicy") {
        Some("Delete") | None => DeletionPolicy::Delete,
        Some("Orphan") => DeletionPolicy::Orphan,
        Some(other) => {
            findings
                .error(field.span, code::MALFORMED, format!("spec.deletionPolicy is {other:?}"))
                .expected("Delete or Orphan")
                .did_you_mean(other, ["Delete", "Orphan"]);
            DeletionPolicy::Delete
        }
    }
}

/// `spec.state`.
pub(super) fn state(findings: &mut Findings<'_>, field: Field<'_>) -> DesiredState {
    match text(findings, field, "spec.state") {
        Some("Present") | None => DesiredState::Present,
        Some("Absent") => DesiredState::Absent,
        Some(other) => {
            findings
                .error(field.span, code::MALFORMED, format!("spec.state is {other:?}"))
                .expected("Present or Absent")
                .did_you_mean(other, ["Present", "Absent"]);
            DesiredState::Present
        }
    }
}

/// Fields that say the opposite of `state: Absent`.
pub(super) fn check_absent(findings: &mut Findings<'_>, fields: &ManifestFields<'_>, adopt: bool) {
    let policy = fields.optional("deletionPolicy");
    let contradictions = [
        (adopt, "adopt", "adopts the pack"),
        (fields.optional("suspend").is_some(), "suspend", "leaves the pack as it is"),
        (
            policy.is_some_and(|field| field.node.text() == Some("Orphan")),
            "deletionPolicy",
            "leaves the pack where it is",
        ),
    ];
    for (is_given, name, meaning) in contradictions {
        if let Some(field) = fields.optional(name).filter(|_| is_given) {
            let found = format!("spec.state is Absent, and spec.{name} {meaning}");
            findings.error(field.span, code::STATE_CONFLICT, found).expected("one of the two");
        }
    }
}

/// `spec.suspend`.
pub(super) fn suspend(findings: &mut Findings<'_>, field: Field<'_>) -> Option<Suspend> {
    let fields = ManifestFields::open(findings, field, "spec.suspend", SUSPEND)?;
    let reason = fields
        .required(findings, "reason")
        .and_then(|field| words(findings, field, "suspend.reason"));
    let until = fields.optional("until").and_then(|field| moment(findings, field, "suspend.until"));
    Some(Suspend { reason: reason?.to_owned(), until })
}

/// Reads an id that may be written without quotes even if its digits look like a number.
pub(super) fn plain_id<T: FromStr<Err = Malformed>>(
    findings: &mut Findings<'_>,
    field: Field<'_>,
    what: &str,
) -> Option<T> {
    match field.node.scalar().and_then(|scalar| scalar.text.parse().ok()) {
        Some(id) => Some(id),
        None => parsed(findings, field, what),
    }
}
