//! Reading an `Approval`.

use super::draft::{METADATA, ROOT, labels_of};
use super::fields::{Field, Fields, moment, text, words};
use super::spec::plain_id;
use super::{Approval, Origin};
use crate::domain::code;
use crate::domain::findings::Findings;
use crate::domain::model::Digest;
use crate::domain::yaml::Node;

/// Fields of an approval's `spec`.
pub(super) const SPEC: &[&str] = &["plan", "expires", "reason"];

/// Reads a document that is an approval; nothing if any of it is in error, since a doubtful
/// approval approves nothing.
pub(in crate::domain) fn read(findings: &mut Findings<'_>, root: &Node) -> Option<Approval> {
    let fields = Fields::open(findings, Field::alone(root), "the manifest", ROOT)?;
    let metadata = fields.required(findings, "metadata");
    let name = metadata.and_then(|metadata| read_name(findings, metadata));
    let spec = fields.required(findings, "spec")?;
    let spec = Fields::open(findings, spec, "spec", SPEC)?;
    let plan = spec
        .required(findings, "plan")
        .and_then(|field| plain_id::<Digest>(findings, field, "spec.plan"));
    let expires = spec
        .required(findings, "expires")
        .and_then(|field| moment(findings, field, "spec.expires"));
    let reason =
        spec.required(findings, "reason").and_then(|field| words(findings, field, "spec.reason"));
    let origin = Origin { path: findings.path.clone(), span: root.span };
    let approval = Approval {
        name: name?,
        origin,
        plan: plan?,
        expires: expires?,
        reason: reason?.to_owned(),
    };
    (!findings.failed()).then_some(approval)
}

fn read_name(findings: &mut Findings<'_>, field: Field<'_>) -> Option<String> {
    let metadata = Fields::open(findings, field, "metadata", METADATA)?;
    if let Some(labels) = metadata.optional("labels") {
        labels_of(findings, labels);
    }
    let field = metadata.required(findings, "name")?;
    let name = text(findings, field, "metadata.name")?;
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=128).contains(&name.len()) && name.bytes().all(inner) {
        return Some(name.to_owned());
    }
    findings
        .error(field.span, code::MALFORMED, "metadata.name cannot be the name of an approval")
        .expected("1 to 128 letters, digits, hyphens, underscores or dots");
    None
}
