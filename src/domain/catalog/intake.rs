//! From files to drafts: which documents are ours, and what each says by itself.

use std::collections::BTreeMap;

use super::Before;
use crate::domain::code;
use crate::domain::diagnostic::{Diagnostic, Severity, Span};
use crate::domain::findings::Findings;
use crate::domain::manifest::{Approval, Draft, Kind, kind, read_approval};
use crate::domain::snapshot::{FileContent, SourcePath};
use crate::domain::yaml::{self, Document};

/// A draft with what was found in its document.
#[derive(Debug)]
pub(super) struct Drafted {
    pub(super) draft: Draft,
    pub(super) found: Vec<Diagnostic>,
}

/// What the files hold, document by document.
#[derive(Debug, Default)]
pub(super) struct Intake {
    pub(super) drafts: Vec<Drafted>,
    pub(super) approvals: Vec<(Approval, Span)>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Files without a document of ours.
    pub(super) ignored: Vec<SourcePath>,
    /// Files in which packs may stand that could not be read, and why.
    pub(super) broken: BTreeMap<SourcePath, String>,
}

/// Whether a file of this name is read as a manifest: an allow-list, since a directory also holds
/// editors' backups, swap files and half-downloads.
pub fn is_manifest_file(path: &SourcePath) -> bool {
    ["yaml", "yml", "json"].iter().any(|suffix| path.has_suffix(suffix))
}

impl Intake {
    /// Reads every file that may hold manifests.
    pub(super) fn of(files: &BTreeMap<SourcePath, FileContent>, before: &Before<'_>) -> Self {
        let mut intake = Self::default();
        for (path, content) in files {
            if !is_manifest_file(path) {
                intake.ignored.push(path.clone());
                continue;
            }
            match text_of(path, content) {
                Ok(text) => intake.take_text(path, text, before),
                Err(problem) => intake.give_up(path, vec![*problem]),
            }
        }
        intake
    }

    fn take_text(&mut self, path: &SourcePath, text: &str, before: &Before<'_>) {
        if text.trim().is_empty() && before.packs_of(path).next().is_some() {
            let found = "the file is empty; the packs it declared stay in force".to_owned();
            let problem = Diagnostic::error(path, None, code::EMPTY_FILE, found);
            return self.give_up(path, vec![problem.hint("delete the file to delete its packs")]);
        }
        let mut ours = false;
        for document in yaml::read(path, text) {
            ours |= self.take_document(path, document);
        }
        if !ours {
            self.ignored.push(path.clone());
        } else if let Some(problem) = yaml::json_problem(path, text) {
            self.give_up(path, vec![problem]);
        }
    }

    /// Takes in one document; whether it is, or may be, ours.
    fn take_document(&mut self, path: &SourcePath, document: Document) -> bool {
        let Document { span: _, root, problems } = document;
        let Some(root) = root else {
            self.give_up(path, problems);
            return true;
        };
        let mut findings = Findings::new(path);
        match kind(path, &root) {
            // Other people's files may hold aliases and whatever else they like.
            Kind::Foreign => return false,
            Kind::NearMiss(problem) => self.give_up(path, vec![*problem]),
            Kind::Pack => {
                findings.all.extend(problems);
                let draft = Draft::read(&mut findings, &root);
                refuse_ambiguous(&mut findings, &root, None);
                self.drafts.push(Drafted { draft, found: findings.all });
            }
            Kind::Approval => {
                findings.all.extend(problems);
                let approval = read_approval(&mut findings, &root);
                // A digest may happen to hold digits only; it is taken as it is written.
                let digest = root.get("spec").and_then(|spec| spec.get("plan"));
                refuse_ambiguous(&mut findings, &root, digest.map(|digest| digest.span));
                self.approvals.extend(approval.map(|approval| {
                    let span = name_span(&root).unwrap_or(root.span);
                    (approval, span)
                }));
                self.diagnostics.append(&mut findings.all);
            }
        }
        true
    }

    /// Records that a file, or a document in it, says nothing that could be understood.
    fn give_up(&mut self, path: &SourcePath, problems: Vec<Diagnostic>) {
        if let Some(first) = problems.iter().find(|found| found.severity == Severity::Error) {
            self.broken.entry(path.clone()).or_insert_with(|| first.to_string());
        }
        self.diagnostics.extend(problems);
    }
}

/// Refuses what another YAML reader could take for something else, where nothing else is wrong with
/// it. Dates are moments to every reader; what stands at `exempt` is left out.
fn refuse_ambiguous(findings: &mut Findings<'_>, root: &yaml::Node, exempt: Option<Span>) {
    for ambiguous in yaml::ambiguous(root) {
        let is_moment = !ambiguous.is_key && ambiguous.scalar.is_date();
        let is_found = |finding: &Diagnostic| finding.span == Some(ambiguous.span);
        let is_exempt = is_moment || exempt == Some(ambiguous.span);
        if !is_exempt && !findings.all.iter().any(is_found) {
            findings.push(ambiguous.problem(findings.path));
        }
    }
}

/// Where `metadata.name` stands.
fn name_span(root: &yaml::Node) -> Option<Span> {
    root.get("metadata")?.get("name").map(|name| name.span)
}

/// The text of a file, or why there is none.
pub(super) fn text_of<'f>(
    path: &SourcePath,
    content: &'f FileContent,
) -> Result<&'f str, Box<Diagnostic>> {
    match content {
        FileContent::Bytes(bytes) => yaml::decode(path, bytes),
        FileContent::Unreadable(why) => {
            let found = format!("the file cannot be read: {why}");
            Err(Box::new(Diagnostic::error(path, None, code::UNREADABLE, found)))
        }
    }
}
