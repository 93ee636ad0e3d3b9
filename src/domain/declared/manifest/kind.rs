//! Whether a document is ours, foreign, or ours with a typing error.
//!
//! Ignoring a document looks like deleting its pack, so a document that looks like ours without
//! being exactly ours is an error.

use crate::domain::base::code;
use crate::domain::base::nearest::{did_you_mean, distance, nearest};
use crate::domain::declared::diagnostic::{Diagnostic, Span};
use crate::domain::declared::snapshot::SourcePath;
use crate::domain::declared::yaml::tree::{Value, YamlNode};

/// The `apiVersion` of every manifest.
pub const API_VERSION: &str = "conformd.io/v1alpha1";

/// The `kind` of a pack.
pub const PACK: &str = "OrganizationConformancePack";

/// The `kind` of an approval.
pub const APPROVAL: &str = "Approval";

/// Letters that a misspelt `apiVersion` may be off by: `config/v1alpha1` is off by four.
const SLIPS_MAX: usize = 3;

/// What a document is.
#[derive(Debug)]
pub(crate) enum DocumentKind {
    Pack,
    Approval,
    /// Not ours: to be ignored.
    Foreign,
    /// Meant to be ours.
    NearMiss(Box<Diagnostic>),
}

/// Determines the kind of a document.
pub(crate) fn kind(path: &SourcePath, root: &YamlNode) -> DocumentKind {
    let near_miss =
        |span: Span, found: String| Diagnostic::error(path, Some(span), code::NEAR_MISS, found);
    let miss = |problem: Diagnostic| DocumentKind::NearMiss(Box::new(problem));
    // A list is checked first, since it has no `apiVersion` at its root and would count as foreign.
    if let Some(inner) = listed(path, root) {
        let found = "this is a list of manifests".to_owned();
        return miss(
            near_miss(inner.span, found).hint("write one document each, with --- between"),
        );
    }
    if root.tag.is_some() {
        let bare = YamlNode { tag: None, ..root.clone() };
        return match kind(path, &bare) {
            DocumentKind::Foreign => DocumentKind::Foreign,
            DocumentKind::Pack | DocumentKind::Approval | DocumentKind::NearMiss(_) => {
                miss(near_miss(root.span, "a tag precedes the manifest".to_owned()))
            }
        };
    }
    let Some(fields) = root.mapping() else { return DocumentKind::Foreign };
    let field = |name: &str| fields.entry(name).map(|entry| (entry.value.span, entry.value.text()));
    match (field("apiVersion"), field("kind")) {
        (Some((_, Some(API_VERSION))), Some((_, Some(PACK)))) => DocumentKind::Pack,
        (Some((_, Some(API_VERSION))), Some((_, Some(APPROVAL)))) => DocumentKind::Approval,
        (Some((_, Some(API_VERSION))), Some((span, other))) => {
            let found = format!("there is no kind {}", other.unwrap_or("like this"));
            let problem = near_miss(span, found).expected(format!("{PACK} or {APPROVAL}"));
            miss(hinted(problem, did_you_mean(other.unwrap_or(""), [PACK, APPROVAL])))
        }
        (Some((span, Some(API_VERSION))), None) => {
            let problem = near_miss(span, "the document has no kind".to_owned());
            miss(problem.expected(format!("{PACK} or {APPROVAL}")))
        }
        (Some((span, Some(other))), kind)
            if is_nearly_ours(other, kind.and_then(|kind| kind.1))
                || (has_our_shape(root)
                    && (!has_domain(other)
                        || kind.is_some_and(|kind| kind.1.is_some_and(is_nearly_pack)))) =>
        {
            let found = format!("there is no apiVersion {other}");
            miss(near_miss(span, found).expected(API_VERSION))
        }
        (Some((_, Some(_))), _) => DocumentKind::Foreign,
        (version, kind) => match misspelt_version(root) {
            Some((key, span)) => {
                let found = format!("the version is in a field {key}");
                miss(near_miss(span, found).hint("did you mean apiVersion?"))
            }
            None if kind.is_some_and(|(_, kind)| kind.is_some_and(is_nearly_pack))
                || has_our_shape(root) =>
            {
                let found = "this looks like a manifest and has no apiVersion".to_owned();
                let span = version.map_or(root.span, |(span, _)| span);
                miss(near_miss(span, found).expected(API_VERSION))
            }
            None => DocumentKind::Foreign,
        },
    }
}

fn hinted(problem: Diagnostic, hint: Option<String>) -> Diagnostic {
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

/// The first document in a list at the root, or in `items`, that looks like ours.
fn listed<'n>(path: &SourcePath, root: &'n YamlNode) -> Option<&'n YamlNode> {
    let list = root.sequence().or_else(|| root.get("items").and_then(YamlNode::sequence))?;
    list.iter()
        .find(|item| item.mapping().is_some() && !matches!(kind(path, item), DocumentKind::Foreign))
}

/// Whether an `apiVersion` was meant to be ours. Other groups (`apps/v1`, `x.example.com/v1`) use
/// our word for a kind with every right.
fn is_nearly_ours(version: &str, kind: Option<&str>) -> bool {
    // Anything that names conformd is meant to be ours. Beyond that only small slips count, since
    // other projects have versions like `v1alpha1` too.
    let lower = version.to_lowercase();
    let group = lower.split('/').next().unwrap_or_default();
    lower.contains("conformd")
        || distance(version, API_VERSION, SLIPS_MAX).is_some()
        || distance(group, "conformd", SLIPS_MAX - 1).is_some()
        || (!has_domain(version) && kind.is_some_and(is_nearly_pack))
}

/// Whether an `apiVersion` belongs to a named group of another project: `x.example.com/v1`.
fn has_domain(version: &str) -> bool {
    // A version with a domain names its project, so it is not ours even if the kind is the same
    // word.
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    version
        .split_once('/')
        .is_some_and(|(group, _)| group.contains('.') && group.split('.').all(is_label))
}

fn is_nearly_pack(kind: &str) -> bool {
    nearest(kind, [PACK]).is_some()
}

/// A field at the root that is not `apiVersion` and holds what belongs there.
fn misspelt_version(root: &YamlNode) -> Option<(&str, Span)> {
    let entries = root.mapping()?.entries.iter();
    let mut holding = entries.filter_map(|entry| {
        let text = entry.value.text()?;
        let ours =
            text.starts_with("conformd/") || distance(text, API_VERSION, SLIPS_MAX).is_some();
        ours.then_some((&*entry.key.text, entry.key_span))
    });
    holding.next()
}

/// Whether the document has a `spec` that only ours have.
fn has_our_shape(root: &YamlNode) -> bool {
    let Some(spec) = root.get("spec") else { return false };
    let has = |name: &str| spec.get(name).is_some();
    // Fields that other kinds do not have: `spec.template` alone occurs in many Kubernetes objects.
    let template_names_source = spec.get("template").is_some_and(|template| {
        matches!(template.value, Value::Mapping(_))
            && ["file", "inline", "s3"].iter().any(|source| template.get(source).is_some())
    });
    template_names_source || has("deletionPolicy") || (has("plan") && has("expires"))
}
