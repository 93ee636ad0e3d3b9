//! Templates from the git history of the source: what was deployed before, where no record has it.
//!
//! They only explain a plan. What may be lost is decided without them.
//!
//! The repository is the one whose `.git` stands in the root of the source or above it. Git does
//! not search for one: it would also take a directory that looks like a repository, which a commit
//! can contain, together with a configuration that starts programs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::geteuid;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

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
/// Contents of files that are read: together they are parsed within seconds.
const FILES_MAX: usize = 500;
/// Bytes of a content that is read. AWS takes templates of at most 300 KiB; a file in YAML has
/// comments besides.
const FILE_BYTES_MAX: u64 = 1_024 * 1_024;
/// Bytes of the list of changes that are read: a thousand commits of a hundred files have 20 MB.
const LOG_BYTES_MAX: u64 = 64 * 1_024 * 1_024;
/// How long the search may take; a plan waits for it.
const TIME_MAX: Duration = Duration::from_secs(10);

/// What the configuration of a repository could make git start, turned off. Whoever can write to
/// the source must not run programs with the credentials of conformd.
const HARMLESS: [&str; 7] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.sshCommand=false",
    "credential.helper=",
    "diff.external=",
    "log.showSignature=false",
];

/// The same for its environment; no transport is allowed, so that git never uses the network to
/// complete a partial clone.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("GIT_ALLOW_PROTOCOL", ""),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
];

/// Variables that git does not inherit: credentials, and what would lead it to another repository
/// or to programs.
const WITHHELD: [&str; 2] = ["AWS_", "GIT_"];

/// The repository that contains the source.
#[derive(Debug)]
struct Repository {
    /// The root of the source, without symbolic links.
    root: PathBuf,
    /// The directory that has `.git`: the root, or one above it.
    work_tree: PathBuf,
}

impl Repository {
    /// The repository of this source. None if no directory has a `.git`, or if another user owns
    /// it: git itself does not check the owner of a repository that is named to it.
    fn of(root: &Path) -> Option<Self> {
        let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        let root = fs::canonicalize(root).ok()?;
        let work_tree = root.ancestors().find(|directory| directory.join(".git").exists())?;
        let is_own =
            |path: &Path| fs::metadata(path).is_ok_and(|found| found.uid() == geteuid().as_raw());
        let is_trusted = is_own(work_tree) && is_own(&work_tree.join(".git"));
        let work_tree = work_tree.to_owned();
        is_trusted.then_some(Self { root, work_tree })
    }
}

/// Templates of the git history that a command has searched for.
#[derive(Debug, Default)]
pub(super) struct GitHistory {
    found: TemplatesByDigest,
    /// What is not searched for again, so that every plan of a command is explained alike.
    searched: BTreeSet<Digest>,
}

impl GitHistory {
    /// Completes changes of templates whose old content is unknown, as far as the history has it.
    pub(super) async fn complete(
        &mut self,
        plans: Vec<&mut Plan>,
        config: &Config,
        around: &Surroundings,
    ) {
        let declared = declared(around);
        let mut changes: Vec<&mut Change> =
            plans.into_iter().flat_map(steps).flat_map(|step| &mut step.changes).collect();
        let unknown = changes.iter().filter_map(|change| unknown(change));
        let wanted: BTreeSet<Digest> =
            unknown.filter(|digest| self.searched.insert(*digest)).collect();
        if !wanted.is_empty() {
            let SourceLocation::Directory { root, .. } = &config.source;
            // What was found in time counts. Git is killed when its search is dropped.
            let search = search(root, wanted, &mut self.found);
            tokio::time::timeout(TIME_MAX, search).await.ok();
        }
        for change in &mut changes {
            if let Change::Template { old: Some(old), new, remediations, content } = change
                && !content.known
                && let Some(before) = self.found.get(&old.digest)
                && let Some(after) = declared.get(&new.digest)
            {
                let TemplateMark { digest: _, rules: _, remediations: count } = old;
                *count = Some(before.census.remediations);
                *remediations = differences(before.remediations(), after.remediations());
                *content = TemplateChange::between(before, after);
            }
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

/// Adds the templates of these digests that the history of the repository has which contains this
/// directory; nothing without a repository, or where git fails.
async fn search(
    root: &Path,
    mut wanted: BTreeSet<Digest>,
    found: &mut TemplatesByDigest,
) -> Option<()> {
    let repository = Repository::of(root)?;
    let files = changed_files(&repository).await.filter(|files| !files.is_empty())?;
    let files = small(&repository, files).await?;
    let names = files.iter().map(|(blob, _)| blob.as_str());
    let (_git, mut contents) = objects(&repository, "--batch", names).await?;
    for (_, path) in files {
        let text = content(&mut contents).await?;
        let Ok(text) = String::from_utf8(text) else { continue };
        // A parser that panics has found nothing.
        let parsed = tokio::task::spawn_blocking(move || templates(path, text)).await;
        for template in parsed.unwrap_or_default() {
            if wanted.remove(&template.digest) {
                found.insert(template.digest, template);
            }
        }
        if wanted.is_empty() {
            break;
        }
    }
    Some(())
}

/// The contents that the newest commits changed, each with the name of its file.
async fn changed_files(repository: &Repository) -> Option<Vec<(String, SourcePath)>> {
    let log = ["log", "--all", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff"];
    let more = ["--no-textconv", "--no-show-signature", "--format=", "-n", COMMITS_MAX];
    let files = ["--", "*.yaml", "*.yml", "*.json", "*.template"];
    let mut git = git(repository);
    git.args(log).args(more).args(files).stdin(Stdio::null());
    let mut git = git.spawn().ok()?;
    let mut lines = BufReader::new(git.stdout.take()?.take(LOG_BYTES_MAX)).lines();
    let (mut seen, mut files) = (BTreeSet::new(), Vec::new());
    while let Some(line) = lines.next_line().await.ok()? {
        for (blob, name) in blobs(&line) {
            let Ok(path) = SourcePath::new(name) else { continue };
            if seen.insert(blob.to_owned()) {
                files.push((blob.to_owned(), path));
            }
            if files.len() == FILES_MAX {
                return Some(files);
            }
        }
    }
    Some(files)
}

/// Those that are there and not too large to be read.
async fn small(
    repository: &Repository,
    files: Vec<(String, SourcePath)>,
) -> Option<Vec<(String, SourcePath)>> {
    let names = files.iter().map(|(blob, _)| blob.as_str());
    let (_git, mut sizes) = objects(repository, "--batch-check", names).await?;
    let mut small = Vec::new();
    for file in files {
        let mut line = String::new();
        sizes.read_line(&mut line).await.ok()?;
        if size(&line).is_some_and(|size| size <= FILE_BYTES_MAX) {
            small.push(file);
        }
    }
    Some(small)
}

/// What one process of git says of these objects, in their order.
async fn objects(
    repository: &Repository,
    how: &str,
    names: impl Iterator<Item = &str>,
) -> Option<(Child, BufReader<ChildStdout>)> {
    let mut git = git(repository);
    let mut git = git.args(["cat-file", how]).stdin(Stdio::piped()).spawn().ok()?;
    let names = names.collect::<Vec<_>>().join("\n") + "\n";
    // A pipe takes all of them (64 KiB), so git may wait for its reader meanwhile.
    git.stdin.take()?.write_all(names.as_bytes()).await.ok()?;
    let said = BufReader::new(git.stdout.take()?);
    Some((git, said))
}

/// The next content of `cat-file --batch`: a line about it, its bytes, and a line break.
async fn content(contents: &mut BufReader<ChildStdout>) -> Option<Vec<u8>> {
    let mut line = String::new();
    contents.read_line(&mut line).await.ok()?;
    let size = size(&line).filter(|size| *size <= FILE_BYTES_MAX)?;
    let mut bytes = vec![0; usize::try_from(size).ok()?];
    contents.read_exact(&mut bytes).await.ok()?;
    contents.read_u8().await.ok()?;
    Some(bytes)
}

/// The size of a file's content, from a line such as `NAME blob 120`; nothing for what is missing.
fn size(line: &str) -> Option<u64> {
    let (_, kind_and_size) = line.trim_end().split_once(' ')?;
    kind_and_size.strip_prefix("blob ")?.parse().ok()
}

/// Git in the root of the source, which starts no other program; it is killed when it is dropped.
fn git(repository: &Repository) -> Command {
    let Repository { root, work_tree } = repository;
    let mut git = Command::new("git");
    git.arg("--no-pager").args(HARMLESS.iter().flat_map(|setting| ["-c", setting]));
    git.args(["-c", "core.quotePath=false", "-C"]).arg(root);
    git.arg("--git-dir").arg(work_tree.join(".git")).arg("--work-tree").arg(work_tree);
    for (name, _) in std::env::vars_os() {
        if WITHHELD.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes())) {
            git.env_remove(name);
        }
    }
    git.envs(ENVIRONMENT);
    git.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    git
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
