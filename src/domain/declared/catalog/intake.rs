//! From files to drafts: which documents are ours, and what each says by itself.
//!
//! Nothing is passed over in silence: a file that could be a manifest is ours, a template, or an
//! error. What is listed in `.conformdignore` never gets here.

use std::collections::{BTreeMap, BTreeSet};

use super::ManifestProblem;
use super::ending::is_ended;
use super::strays;
use crate::domain::base::code;
use crate::domain::base::nearest::distance;
use crate::domain::declared::approval::Approval;
use crate::domain::declared::diagnostic::{Diagnostic, Span};
use crate::domain::declared::findings::Findings;
use crate::domain::declared::manifest::{
    DesiredState, DocumentKind, ManifestDraft, kind, read_approval,
};
use crate::domain::declared::snapshot::{FileContent, SourcePath, is_ignore_file, list_problems};
use crate::domain::declared::yaml::YamlDocument;
use crate::domain::declared::yaml::tree::YamlNode;
use crate::domain::declared::yaml::{self, span_of_line};

/// A draft with what was found in its document.
#[derive(Debug, Clone)]
pub(super) struct Drafted {
    pub(super) draft: ManifestDraft,
    pub(super) found: Vec<Diagnostic>,
}

/// What one file holds, document by document, whatever other files say.
#[derive(Debug, Default)]
pub struct ParsedFile {
    drafts: Vec<Drafted>,
    approvals: Vec<(Approval, Span)>,
    diagnostics: Vec<Diagnostic>,
    /// Why packs that may stand in it could not be read.
    broken: Option<ManifestProblem>,
    /// What it is if it is not ours.
    foreign: Option<ForeignFile>,
}

/// A file in which no document is ours.
#[derive(Debug)]
enum ForeignFile {
    /// It is a template, by what it holds.
    Template,
    /// It is an error, unless a manifest names it as its template.
    Stray(Diagnostic),
}

/// What all files hold together.
#[derive(Debug, Default)]
pub(super) struct DocumentIntake {
    pub(super) drafts: Vec<Drafted>,
    pub(super) approvals: Vec<(Approval, Span)>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Files that could not be read and may declare packs, and why.
    pub(super) broken: BTreeMap<SourcePath, ManifestProblem>,
}

/// Whose a document is.
enum DocumentOwner {
    /// It is ours, is meant to be ours, or its kind is unclear.
    Ours,
    /// It is not.
    Foreign(YamlNode),
}

/// Whether a file of this name is read as a manifest: an allow-list, since a directory also holds
/// editors' backups, swap files and half-downloads.
pub fn is_manifest_file(path: &SourcePath) -> bool {
    ["yaml", "yml", "json"].iter().any(|suffix| path.has_suffix(suffix))
}

/// Whether a file of this name looks like a renamed manifest. Such files are ignored like other
/// names, and listed for users who miss a pack.
pub fn is_nearly_manifest_file(path: &SourcePath) -> bool {
    let name = path.name().to_lowercase();
    let suffixes = ["yaml", "yml", "json"];
    let last = name.trim_end_matches(['~', ' ']).rsplit_once('.').map_or("", |(_, last)| last);
    // Backups and templates of manifests (`iam.yaml.bak`, `iam.yaml.j2`, `iam.yaml~`) and
    // misspelled suffixes (`iam.yalm`).
    !is_manifest_file(path)
        && (suffixes.iter().any(|suffix| name.contains(&format!(".{suffix}.")))
            || suffixes.contains(&last)
            || distance(last, "yaml", 1).is_some())
}

impl ParsedFile {
    /// Parses a file that may hold manifests.
    pub fn of(path: &SourcePath, content: &FileContent) -> Self {
        let mut file = Self::default();
        if let Some(problem) = name_problem(path).filter(|_| is_manifest_file(path)) {
            file.give_up(vec![problem]);
            return file;
        }
        match content {
            FileContent::Bytes(bytes) if is_ignore_file(path) => {
                let problems = yaml::decode(path, bytes)
                    .map_or_else(|problem| vec![*problem], |text| list_problems(path, text));
                file.diagnostics.extend(problems);
            }
            // Only as a template: it is read when a manifest names it.
            FileContent::Bytes(_) if !is_manifest_file(path) => {}
            FileContent::Bytes(bytes) => file.read_bytes(path, bytes),
            // Whatever its name: manifests may lie in it, or behind it.
            FileContent::Unreadable(_) | FileContent::EmptyDirectory => {
                let problem = text_of(path, content).err();
                file.give_up(problem.into_iter().map(|problem| *problem).collect());
            }
        }
        file
    }

    /// The template files that its manifests name.
    pub(super) fn templates_named(&self) -> impl Iterator<Item = &SourcePath> {
        self.drafts.iter().filter_map(|drafted| drafted.draft.template_file())
    }

    fn read_bytes(&mut self, path: &SourcePath, bytes: &[u8]) {
        if let Some(problem) = strays::ciphertext(path, bytes) {
            return self.give_up(vec![problem]);
        }
        match yaml::decode(path, bytes) {
            Ok(text) => self.read_text(path, text),
            Err(problem) => self.give_up(vec![*problem]),
        }
    }

    fn read_text(&mut self, path: &SourcePath, text: &str) {
        if let Some(problem) = strays::alien(path, text) {
            return self.give_up(vec![problem]);
        }
        let mut is_ours = false;
        let mut others = Vec::new();
        for mut document in yaml::read(path, text) {
            if document.root.is_none()
                && let (Some(hint), Some(first)) =
                    (strays::template_language(text), document.problems.first_mut())
            {
                first.hint.get_or_insert_with(|| hint.to_owned());
            }
            match self.read_document(path, document) {
                DocumentOwner::Ours => is_ours = true,
                DocumentOwner::Foreign(root) => others.push(root),
            }
        }
        if !self.approvals.is_empty() && !is_ended(text.as_bytes()) {
            // Half of a name may be another one.
            self.approvals.clear();
            self.give_up(vec![unended(path, text)]);
        }
        if is_ours {
            // An empty document is what a trailing `---` leaves.
            let strays = others.iter().filter(|root| !root.is_null());
            let problems: Vec<_> = strays.map(|root| strays::stray_document(path, root)).collect();
            if !problems.is_empty() {
                self.give_up(problems);
            }
            if let Some(problem) = yaml::json_problem(path, text) {
                self.give_up(vec![problem]);
            }
        } else if let [root] = others.as_slice()
            && is_template(root)
        {
            self.foreign = Some(ForeignFile::Template);
        } else {
            self.foreign = Some(ForeignFile::Stray(strays::stray(path, text, &others)));
        }
    }

    fn read_document(&mut self, path: &SourcePath, document: YamlDocument) -> DocumentOwner {
        let YamlDocument { span: _, root, problems } = document;
        let Some(root) = root else {
            self.give_up(problems);
            return DocumentOwner::Ours;
        };
        let mut findings = Findings::new(path);
        match kind(path, &root) {
            // Templates are read when they are named; what else is wrong here matters less than
            // that it is not ours.
            DocumentKind::Foreign => return DocumentOwner::Foreign(root),
            DocumentKind::NearMiss(problem) => self.give_up(vec![*problem]),
            DocumentKind::Pack => {
                findings.all.extend(problems);
                let draft = ManifestDraft::read(&mut findings, &root);
                refuse_ambiguous(&mut findings, &root, None);
                self.drafts.push(Drafted { draft, found: findings.all });
            }
            DocumentKind::Approval => {
                findings.all.extend(problems);
                let approval = read_approval(&mut findings, &root);
                // A digest may consist of digits only; it is used as it is written.
                let digest = root.get("spec").and_then(|spec| spec.get("plan"));
                refuse_ambiguous(&mut findings, &root, digest.map(|digest| digest.span));
                self.approvals.extend(approval.map(|approval| {
                    let span = name_span(&root).unwrap_or(root.span);
                    (approval, span)
                }));
                self.diagnostics.append(&mut findings.all);
            }
        }
        DocumentOwner::Ours
    }

    /// Records that the file, or a document in it, says nothing that could be understood.
    fn give_up(&mut self, problems: Vec<Diagnostic>) {
        self.broken = self.broken.take().or_else(|| ManifestProblem::first_of(&problems));
        self.diagnostics.extend(problems);
    }
}

impl DocumentIntake {
    /// Puts together what the files hold.
    pub(super) fn of<'f>(
        files: impl Iterator<Item = (&'f SourcePath, &'f ParsedFile)> + Clone,
    ) -> Self {
        // What a manifest names is a template, whatever it looks like.
        let named: BTreeSet<&SourcePath> =
            files.clone().flat_map(|(_, file)| file.templates_named()).collect();
        let mut intake = Self::default();
        let mut unused = Vec::new();
        for (path, file) in files {
            let ParsedFile { drafts, approvals, diagnostics, broken, foreign } = file;
            intake.drafts.extend(drafts.iter().cloned());
            intake.approvals.extend(approvals.iter().cloned());
            intake.diagnostics.extend(diagnostics.iter().cloned());
            let mut broken = broken.clone();
            match foreign.as_ref().filter(|_| !named.contains(path)) {
                Some(ForeignFile::Template) => unused.push(path),
                Some(ForeignFile::Stray(problem)) => {
                    broken.get_or_insert_with(|| ManifestProblem::from(problem));
                    intake.diagnostics.push(problem.clone());
                }
                None => {}
            }
            intake.broken.extend(broken.map(|why| (path.clone(), why)));
        }
        intake.note_unused(&unused);
        intake
    }

    /// Notes the templates that no manifest uses. A manifest that does not say which template it
    /// means may mean any of them.
    fn note_unused(&mut self, templates: &[&SourcePath]) {
        let is_told = self.drafts.iter().all(|drafted| {
            drafted.draft.template.is_some() || drafted.draft.state == DesiredState::Absent
        });
        if is_told && self.broken.is_empty() {
            self.diagnostics.extend(templates.iter().map(|path| {
                let found = "no manifest uses this template";
                let problem = Diagnostic::error(path, None, code::TEMPLATE_UNUSED, found).warning();
                problem.hint("delete it, or list it in .conformdignore")
            }));
        }
    }
}

/// Whether a document is a template, good or bad: a mapping with resources.
fn is_template(root: &YamlNode) -> bool {
    root.get("Resources").is_some_and(|resources| resources.mapping().is_some())
}

/// Refuses values that another YAML reader could read differently, unless they have another error.
/// Dates are times to every reader; the value at `exempt` is left out.
fn refuse_ambiguous(findings: &mut Findings<'_>, root: &YamlNode, exempt: Option<Span>) {
    for ambiguous in yaml::ambiguous(root) {
        let is_moment = !ambiguous.is_key && ambiguous.scalar.is_date();
        let is_found = |finding: &Diagnostic| finding.span == Some(ambiguous.span);
        let is_exempt = is_moment || exempt == Some(ambiguous.span);
        // One finding for each value: a second one at the same place would hide the advice of the
        // first.
        if !is_exempt && !findings.all.iter().any(is_found) {
            findings.push(ambiguous.problem(findings.path));
        }
    }
}

/// The problem with the name of a file, if users could not tell which file is meant.
pub(super) fn name_problem(path: &SourcePath) -> Option<Diagnostic> {
    let name = yaml::first_hidden(path.as_str())?;
    let found = format!("{name} is in the path of this file");
    let problem = Diagnostic::error(path, None, code::FILE_NAME, found);
    Some(problem.hint("rename the file or the directory"))
}

/// The place of `metadata.name`.
fn name_span(root: &YamlNode) -> Option<Span> {
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
            let found = format!("it cannot be read: {why}");
            Err(Box::new(Diagnostic::error(path, None, code::UNREADABLE, found)))
        }
        FileContent::EmptyDirectory => {
            let found = "this directory is empty: a mount or a checkout may be missing";
            let problem = Diagnostic::error(path, None, code::EMPTY_DIRECTORY, found);
            Err(Box::new(problem.hint(
                "delete it, put a file named .gitkeep into it, or list it in .conformdignore",
            )))
        }
    }
}

fn unended(path: &SourcePath, text: &str) -> Diagnostic {
    let span = span_of_line(text, text.lines().count().saturating_sub(1));
    let found = "the file ends in the middle of a line and may be truncated".to_owned();
    let mut problem = Diagnostic::error(path, Some(span), code::UNENDED, found);
    problem.expected = Some("a line break at the end of a file with an approval".to_owned());
    problem
}
