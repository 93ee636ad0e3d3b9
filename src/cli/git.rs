//! Templates from the git history of the source: what was deployed before, where no record has it.
//!
//! They only explain a plan. What may be lost is decided without them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::config::{Config, SourceLocation};
use crate::domain::base::model::Digest;
use crate::domain::declared::catalog::{Catalog, Declared};
use crate::domain::declared::constraints::Constraints;
use crate::domain::declared::manifest::TemplateSource;
use crate::domain::declared::snapshot::{FileContent, Snapshot, SourcePath};
use crate::domain::declared::template::{Template, differences};
use crate::domain::plan::effective_rules::TemplatesByDigest;
use crate::domain::plan::region_plan::Plan;
use crate::domain::plan::step::{Change, PlanStep, TemplateMark};
use crate::domain::plan::template_change::TemplateChange;
use crate::tasks::region::Surroundings;

/// Commits that are searched, the newest first.
const COMMITS_MAX: &str = "1000";
/// Files that are read: each is a process of some milliseconds.
const FILES_MAX: usize = 500;

/// Completes changes of templates whose old content is unknown, as far as the history has it.
pub(super) async fn complete(plans: Vec<&mut Plan>, config: &Config, around: &Surroundings) {
    let declared = declared(around);
    let mut changes: Vec<&mut Change> =
        plans.into_iter().flat_map(steps).flat_map(|step| &mut step.changes).collect();
    let wanted: BTreeSet<Digest> = changes.iter().filter_map(|change| unknown(change)).collect();
    if wanted.is_empty() {
        return;
    }
    let SourceLocation::Directory { root, .. } = &config.source;
    let root = root.clone();
    let search = tokio::task::spawn_blocking(move || search(&root, wanted));
    // A search that panicked has found nothing.
    let found = search.await.unwrap_or_default();
    for change in &mut changes {
        if let Change::Template { old: Some(old), new, remediations, content } = change
            && let (Some(before), Some(after)) = (found.get(&old.digest), declared.get(&new.digest))
        {
            let TemplateMark { digest: _, rules: _, remediations: count } = old;
            *count = Some(before.census.remediations);
            *remediations = differences(before.remediations(), after.remediations());
            *content = TemplateChange::between(before, after);
        }
    }
}

fn steps(plan: &mut Plan) -> impl Iterator<Item = &mut PlanStep> {
    let Plan { steps, holds, .. } = plan;
    let held = holds.iter_mut().filter_map(|hold| hold.step.as_deref_mut());
    steps.iter_mut().chain(held)
}

/// The template that is there and that nothing else knows.
fn unknown(change: &Change) -> Option<Digest> {
    match change {
        Change::Template { old: Some(old), content, .. } if !content.known => Some(old.digest),
        Change::Template { .. }
        | Change::Parameter { .. }
        | Change::Exclusions { .. }
        | Change::Delivery { .. }
        | Change::DeletionPolicy { .. } => None,
    }
}

fn declared(around: &Surroundings) -> TemplatesByDigest {
    let templates = around.source.catalog.iter().flat_map(|catalog| in_force(catalog));
    templates.map(|template| (template.digest, template)).collect()
}

/// The templates of these digests in the history of the repository that contains this directory;
/// nothing if there is none.
fn search(root: &Path, mut wanted: BTreeSet<Digest>) -> TemplatesByDigest {
    let mut found = BTreeMap::new();
    let log = ["log", "--all", "--raw", "--no-abbrev", "--no-renames", "--format=", "-n"];
    let files = [COMMITS_MAX, "--", "*.yaml", "*.yml", "*.json", "*.template"];
    let Some(log) = git(root, &[&log[..], &files[..]].concat()) else { return found };
    let mut seen = BTreeSet::new();
    for (blob, name) in log.lines().flat_map(blobs) {
        if wanted.is_empty() || seen.len() == FILES_MAX {
            break;
        }
        let Ok(path) = SourcePath::new(name) else { continue };
        if !seen.insert(blob) {
            continue;
        }
        let Some(text) = git(root, &["cat-file", "blob", blob]) else { continue };
        for template in templates(path, text) {
            if wanted.remove(&template.digest) {
                found.insert(template.digest, template);
            }
        }
    }
    found
}

/// The templates of a file: it is one, or its manifests contain some.
fn templates(path: SourcePath, text: String) -> Vec<Arc<Template>> {
    if let Ok((template, _)) = Template::parse(&path, &text) {
        return vec![Arc::new(template)];
    }
    let files = [(path, FileContent::Bytes(text.into_bytes().into()))].into();
    // What the settings forbid now may have been deployed before.
    let constraints =
        Constraints { regions: None, template_bucket: true, remediation_allowed: true };
    in_force(&Catalog::read(&Snapshot::of_directory(files), &constraints, None)).collect()
}

/// The templates of the manifests in force.
fn in_force(catalog: &Catalog) -> impl Iterator<Item = Arc<Template>> {
    let manifests = catalog.packs.values().filter_map(Declared::in_force);
    manifests.filter_map(|manifest| match &manifest.template {
        TemplateSource::Read(template) => Some(Arc::clone(template)),
        TemplateSource::S3(_) => None,
    })
}

/// The contents before and after a change, from a line such as
/// `:100644 100644 OLD NEW M<tab>templates/a.yaml`.
fn blobs(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let (facts, name) = line.split_once('\t').unwrap_or_default();
    let blobs = facts.split(' ').skip(2).take(2);
    blobs.filter(|blob| blob.bytes().any(|digit| digit != b'0')).map(move |blob| (blob, name))
}

/// The output of git; nothing if it fails. Hooks and monitors of the repository are not run.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let root = if root.as_os_str().is_empty() { PathBuf::from(".") } else { root.to_owned() };
    let mut git = Command::new("git");
    git.args(["--no-pager", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-C"]);
    git.arg(root).args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
    let ended = git.output().ok().filter(|ended| ended.status.success())?;
    String::from_utf8(ended.stdout).ok()
}
