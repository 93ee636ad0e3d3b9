//! A description of a file beneath the source path that is neither a manifest nor a template.
//!
//! Such a file may be a lost manifest: replaced by a pointer, a placeholder, an error page or
//! ciphertext. Ignoring it would look like a deletion, so it is always an error, and the message
//! describes the file, which shows the cause.

use crate::domain::base::code;
use crate::domain::declared::diagnostic::{Diagnostic, Span};
use crate::domain::declared::snapshot::SourcePath;
use crate::domain::declared::yaml::span_of_line;
use crate::domain::declared::yaml::tree::YamlNode;

/// The ways out that are always there.
const WAYS_OUT: &str = "fix it, move it out of the source path, or list it in .conformdignore";

/// The description of a file, and the advice for it besides the general one.
struct StrayKind {
    what: String,
    advice: Option<&'static str>,
}

impl StrayKind {
    fn plain(what: impl Into<String>) -> Self {
        Self { what: what.into(), advice: None }
    }

    fn with(what: &str, advice: &'static str) -> Self {
        Self { what: what.to_owned(), advice: Some(advice) }
    }

    fn error(self, path: &SourcePath, span: Option<Span>, code: &'static str) -> Diagnostic {
        let Self { what, advice } = self;
        let hint = match advice {
            Some(advice) => format!("{advice}; or {WAYS_OUT}"),
            None => WAYS_OUT.to_owned(),
        };
        let problem = Diagnostic::error(path, span, code, what).hint(hint);
        if code == code::EMPTY_FILE {
            return problem;
        }
        problem.expected("a manifest, or a template (a mapping with Resources)")
    }
}

/// The beginning of a text that is no YAML, its description, and the advice.
const BEGINNINGS: &[(&str, &str, &str)] = &[
    ("version https://git-lfs.github.com/spec/", "this is a Git LFS pointer", "run git lfs pull"),
    ("$ansible_vault;", "this is encrypted by Ansible Vault", "publish it decrypted"),
    ("-----begin age encrypted file-----", "this is encrypted by age", "publish it decrypted"),
    ("-----begin pgp message-----", "this is encrypted by PGP", "publish it decrypted"),
    ("<!doctype html", "this is an HTML page", "download the file itself"),
    ("<html", "this is an HTML page", "download the file itself"),
    ("<?xml", "this is an XML document", "download the file itself"),
    ("<error>", "this is an XML document", "download the file itself"),
    ("#!/", "this is a script", "give it another suffix"),
    ("diff --git ", "this is a patch", "apply it"),
];

/// The beginning of a file that git-crypt has encrypted.
const GIT_CRYPT: &[u8] = b"\0GITCRYPT\0";

/// Bytes that are no text, if it is known what they are.
pub(super) fn ciphertext(path: &SourcePath, bytes: &[u8]) -> Option<Diagnostic> {
    let look = StrayKind::with("this is encrypted by git-crypt", "run git-crypt unlock");
    bytes.starts_with(GIT_CRYPT).then(|| look.error(path, None, code::NOT_A_MANIFEST))
}

/// A text that cannot be ours, whatever a YAML reader would make of it.
pub(super) fn alien(path: &SourcePath, text: &str) -> Option<Diagnostic> {
    if let Some(span) = conflict(text) {
        let found = "this file contains git's conflict markers";
        let problem = Diagnostic::error(path, Some(span), code::MERGE_CONFLICT, found);
        return Some(problem.hint("resolve the conflict, and publish what was committed"));
    }
    if text.trim_matches(|char: char| char.is_whitespace() || char == '\u{feff}').is_empty() {
        let what = if text.is_empty() {
            "the file has no bytes".to_owned()
        } else {
            "the file holds nothing but white space".to_owned()
        };
        return Some(StrayKind::plain(what).error(path, None, code::EMPTY_FILE));
    }
    let start = text.trim_start_matches(|char: char| char.is_whitespace() || char == '\u{feff}');
    // Long enough for the longest beginning; a cut within a character is moved to its start.
    let head = start.get(..start.floor_char_boundary(64)).unwrap_or_default().to_lowercase();
    let known = BEGINNINGS.iter().find(|(beginning, ..)| head.starts_with(beginning));
    known.map(|(_, what, advice)| {
        StrayKind::with(what, advice).error(path, None, code::NOT_A_MANIFEST)
    })
}

/// The places of git's conflict markers. Block text within a manifest is indented, so no line of it
/// can begin with one.
fn conflict(text: &str) -> Option<Span> {
    let begins = |mark: &str| text.lines().position(|line| line.starts_with(mark));
    let (ours, theirs) = (begins("<<<<<<< ")?, begins(">>>>>>> ")?);
    (ours < theirs).then(|| span_of_line(text, ours))
}

/// A file with a manifest's suffix in which nothing is ours, by what its documents are.
pub(super) fn stray(path: &SourcePath, text: &str, roots: &[YamlNode]) -> Diagnostic {
    let mut told = roots.iter().filter(|root| !root.is_null());
    // A file without any value has no place to point to, so it gets a finding of its own.
    let Some(root) = told.next() else {
        let has_words = text.lines().any(|line| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with(['#', '%']) && !matches!(line, "---" | "...")
        });
        let what = match (roots.len(), has_words) {
            (0 | 1, false) => "the file holds comments and no document",
            (_, false) => "the file holds empty documents only",
            (_, true) => "the file holds null and nothing else",
        };
        return StrayKind::plain(what).error(path, None, code::EMPTY_FILE);
    };
    stray_kind(text, root).error(path, Some(root.span), code::NOT_A_MANIFEST)
}

/// A document that is not ours in a file in which others are.
pub(super) fn stray_document(path: &SourcePath, root: &YamlNode) -> Diagnostic {
    let StrayKind { what, advice: _ } = stray_kind("", root);
    let what = format!("this document is not a manifest, but its file has manifests: {what}");
    let mut problem = StrayKind::plain(what).error(path, Some(root.span), code::NOT_A_MANIFEST);
    problem.hint = Some("fix it, or give it a file of its own".to_owned());
    problem
}

/// What helps with a text that is not YAML.
pub(super) fn template_language(text: &str) -> Option<&'static str> {
    let is_rendered_first = text.contains("{{") || text.contains("{%");
    is_rendered_first.then_some("this looks like a Jinja or Helm template: publish what it renders")
}

fn stray_kind(text: &str, root: &YamlNode) -> StrayKind {
    // Template languages come first: their text may happen to be valid YAML of any kind.
    if let Some(advice) = template_language(text) {
        return StrayKind::with("this is a template of Jinja or Helm", advice);
    }
    if root.sequence().is_some() {
        return StrayKind::plain("this is a list");
    }
    if root.mapping().is_none() {
        return scalar(text, root);
    }
    mapping(root)
}

fn scalar(text: &str, root: &YamlNode) -> StrayKind {
    let line = text.trim();
    let is_path = !line.contains(char::is_whitespace)
        && (line.contains('/') || [".yaml", ".yml", ".json"].iter().any(|end| line.ends_with(end)));
    // A checkout without symbolic links leaves a file that holds the path of the target.
    if is_path {
        let advice = "check it out where links can be made (git config core.symlinks true)";
        return StrayKind::with("this is the text of a symbolic link", advice);
    }
    StrayKind::plain(format!("this is {}", root.describe()))
}

fn mapping(root: &YamlNode) -> StrayKind {
    let has = |name: &str| root.get(name).is_some();
    let names: Vec<&str> = root
        .mapping()
        .into_iter()
        .flat_map(|fields| &fields.entries)
        .map(|entry| &*entry.key.text)
        .collect();
    // From the most to the least specific: an encrypted or downloaded file may hold any of the
    // fields below.
    if has("sops") {
        return StrayKind::with("this is encrypted by SOPS", "publish it decrypted");
    }
    if let [name] = names.as_slice()
        && let Some(status) = name.get(..3)
        && status.bytes().all(|byte| byte.is_ascii_digit())
    {
        return StrayKind::with("this is the answer of a web server", "download the file itself");
    }
    if has("message") && (has("documentation_url") || has("status") || has("code")) {
        return StrayKind::with("this is the answer of a web server", "download the file itself");
    }
    if let (Some(_), Some(kind)) = (root.get("apiVersion"), root.get("kind")) {
        return StrayKind::plain(match kind.text() {
            Some(kind) => format!("this is a Kubernetes object of kind {kind}"),
            None => "this is a Kubernetes object".to_owned(),
        });
    }
    if has("AWSTemplateFormatVersion") || has("Resources") || has("Parameters") {
        return StrayKind::plain("this is a CloudFormation template without resources");
    }
    if has("installation") && has("source") {
        return StrayKind::plain("these are the settings of conformd");
    }
    if has("jobs") && has("on") {
        return StrayKind::plain("this is a workflow of GitHub");
    }
    if has("services") {
        return StrayKind::plain("this is a Compose file");
    }
    match names.as_slice() {
        [] => StrayKind::plain("this is an empty mapping"),
        [one] => StrayKind::plain(format!("this is a mapping with the field {one}")),
        [first, second] => {
            StrayKind::plain(format!("this is a mapping with the fields {first}, {second}"))
        }
        [first, second, ..] => {
            StrayKind::plain(format!("this is a mapping with the fields {first}, {second} …"))
        }
    }
}
