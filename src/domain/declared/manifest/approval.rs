//! Reading an `Approval`.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use super::draft::{METADATA, ROOT, labels_of};
use super::fields::{Field, ManifestFields, moment, set, text, words, wrong_type};
use super::{ManifestOrigin, spec};
use crate::domain::base::code;
use crate::domain::base::model::{AccountId, Malformed, PackName, Region};
use crate::domain::declared::approval::{Approval, Permit, Permitted};
use crate::domain::declared::findings::Findings;
use crate::domain::declared::yaml::Meaning;
use crate::domain::declared::yaml::tree::YamlNode;

/// Fields of an approval's `spec`.
pub(super) const SPEC: &[&str] = &["reason", "expires", "permits"];
/// Fields of an entry of `spec.permits`.
pub(super) const PERMIT: &[&str] =
    &["delete", "adopt", "pack", "loseRules", "excludeAccounts", "accountList", "regions"];

/// Reads a document that is an approval; nothing if any of it is in error, since a doubtful
/// approval permits nothing.
pub(crate) fn read(findings: &mut Findings<'_>, root: &YamlNode) -> Option<Approval> {
    let fields = ManifestFields::open(findings, Field::alone(root), "the manifest", ROOT)?;
    let metadata = fields.required(findings, "metadata");
    let name = metadata.and_then(|metadata| read_name(findings, metadata));
    let spec = fields.required(findings, "spec")?;
    let spec = ManifestFields::open(findings, spec, "spec", SPEC)?;
    let reason =
        spec.required(findings, "reason").and_then(|field| words(findings, field, "spec.reason"));
    let expires = spec
        .required(findings, "expires")
        .and_then(|field| moment(findings, field, "spec.expires"));
    let permits = spec.required(findings, "permits").map(|field| read_permits(findings, field));
    let origin = ManifestOrigin { path: findings.path.clone(), span: root.span };
    let approval = Approval {
        name: name?,
        origin,
        reason: reason?.to_owned(),
        expires: expires?,
        permits: permits?,
    };
    (!findings.failed()).then_some(approval)
}

fn read_name(findings: &mut Findings<'_>, field: Field<'_>) -> Option<String> {
    let metadata = ManifestFields::open(findings, field, "metadata", METADATA)?;
    if let Some(labels) = metadata.optional("labels") {
        labels_of(findings, labels);
    }
    let field = metadata.required(findings, "name")?;
    let name = text(findings, field, "metadata.name")?;
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    // The record and the log show the name, so it may hold no white space and no control
    // characters.
    if (1..=128).contains(&name.len()) && name.bytes().all(inner) {
        return Some(name.to_owned());
    }
    findings
        .error(field.span, code::MALFORMED, "metadata.name cannot be the name of an approval")
        .expected("1 to 128 letters, digits, hyphens, underscores or dots");
    None
}

fn read_permits(findings: &mut Findings<'_>, field: Field<'_>) -> Vec<Permit> {
    let Some(nodes) = field.node.sequence() else {
        wrong_type(findings, field, "spec.permits", "a list");
        return Vec::new();
    };
    if nodes.is_empty() {
        findings
            .error(field.span, code::MALFORMED, "spec.permits is empty")
            .hint("`conformd approve` prints an approval of what waits");
    }
    nodes.iter().flat_map(|node| read_permit(findings, node)).collect()
}

/// One entry, which names one kind of loss, or rules and accounts of one pack.
fn read_permit(findings: &mut Findings<'_>, node: &YamlNode) -> Vec<Permit> {
    let what = "an entry of spec.permits";
    let Some(fields) = ManifestFields::open(findings, Field::alone(node), what, PERMIT) else {
        return Vec::new();
    };
    let regions = fields
        .optional("regions")
        .and_then(|field| spec::regions(findings, field, "permits.regions"))
        .map(|regions: BTreeMap<Region, _>| regions.into_keys().collect::<BTreeSet<Region>>());
    let mut permitted = Vec::new();
    if let Some(field) = fields.optional("delete") {
        permitted.push(Permitted::Packs(names(findings, field, "permits.delete")));
    }
    if let Some(field) = fields.optional("adopt") {
        permitted.push(Permitted::Adoptions(names(findings, field, "permits.adopt")));
    }
    if let Some(field) = fields.optional("accountList") {
        permitted.extend(
            count(findings, field, "permits.accountList").map(|active| {
                Permitted::AccountList(usize::try_from(active).unwrap_or(usize::MAX))
            }),
        );
    }
    permitted.extend(of_one_pack(findings, &fields));
    // An approval that permits nothing would be committed in vain. With another error it may only
    // seem empty.
    if permitted.is_empty() && !findings.failed() {
        findings
            .error(node.span, code::MISSING_FIELD, "this permits nothing")
            .expected("delete, adopt or accountList; or pack with loseRules or excludeAccounts");
    }
    let permit = |what| Permit { what, regions: regions.clone() };
    permitted.into_iter().map(permit).collect()
}

/// `pack` with `loseRules`, `excludeAccounts` or both.
fn of_one_pack(findings: &mut Findings<'_>, fields: &ManifestFields<'_>) -> Vec<Permitted> {
    let (rules, accounts) = (fields.optional("loseRules"), fields.optional("excludeAccounts"));
    if rules.is_none() && accounts.is_none() {
        if let Some(pack) = fields.optional("pack") {
            findings
                .error(
                    pack.span,
                    code::MISSING_FIELD,
                    "the entry does not say what the pack may \
                    lose",
                )
                .expected("loseRules or excludeAccounts; to delete it: delete: [NAME]");
        }
        return Vec::new();
    }
    let pack = fields
        .required(findings, "pack")
        .and_then(|field| spec::plain_id::<PackName>(findings, field, "permits.pack"));
    let Some(pack) = pack else { return Vec::new() };
    let mut permitted = Vec::new();
    if let Some(field) = rules {
        // A list names rules; a number permits that many rules whose names are not known.
        if field.node.sequence().is_some() {
            let rules: BTreeSet<RuleName> = names(findings, field, "permits.loseRules");
            let rules = rules.into_iter().map(|RuleName(name)| name).collect();
            permitted.push(Permitted::Rules { pack: pack.clone(), rules });
        } else {
            permitted.extend(
                count(findings, field, "permits.loseRules")
                    .map(|count| Permitted::RuleCount { pack: pack.clone(), count }),
            );
        }
    }
    if let Some(field) = accounts {
        let accounts: BTreeSet<AccountId> = names(findings, field, "permits.excludeAccounts");
        permitted.push(Permitted::Accounts { pack, accounts });
    }
    permitted
}

/// A list that is not empty.
fn names<T: FromStr<Err = Malformed> + Ord>(
    findings: &mut Findings<'_>,
    field: Field<'_>,
    what: &str,
) -> BTreeSet<T> {
    if field.node.sequence().is_some_and(<[_]>::is_empty) {
        findings.error(field.span, code::MALFORMED, format!("{what} is empty")).expected("names");
    }
    set(findings, field, what).unwrap_or_default().into_keys().collect()
}

/// A number of things whose names are not known.
fn count(findings: &mut Findings<'_>, field: Field<'_>, what: &str) -> Option<u32> {
    let number = field.node.scalar().filter(|scalar| scalar.meaning == Meaning::Integer);
    let count = number.and_then(|scalar| scalar.text.parse().ok()).filter(|count| *count > 0);
    if count.is_none() {
        wrong_type(findings, field, what, "a list of names, or a whole number above 0");
    }
    count
}

/// The name of a rule: whatever a template may call it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct RuleName(String);

impl FromStr for RuleName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() || text.len() > 255 {
            return Err(Malformed::new(text, "the name of a rule"));
        }
        Ok(Self(text.to_owned()))
    }
}
