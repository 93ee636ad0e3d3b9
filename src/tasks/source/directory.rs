//! One reading of a directory: the manifests beneath a path and the templates that they name.
//!
//! Owns what may be opened: everything goes through one handle on the root, so that no link and no
//! `..` leads out of it, and only regular files are ever opened. What it deliberately does not do:
//! parse (`domain`), repeat itself, or remember the last good reading (the source task).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use thiserror::Error;

use super::checkout::{self, GitOperation};
use super::limits::{ExceededLimit, SourceLimits};
use super::system::{identity, reason};
use super::tree::{Stop, TreeWalk, WalkedTree};
use crate::domain::declared::catalog::{Catalog, ParsedManifests};
use crate::domain::declared::constraints::Constraints;
use crate::domain::declared::snapshot::{
    Escape, FileContent, Published, Snapshot, SourcePath, UnreadableFile, is_ignore_file,
};
use crate::domain::declared::source::{ReadingOutcome, SourceProblem};

/// A reading is begun again this often when the directory is replaced meanwhile: far more than the
/// two or three swaps a minute that a publisher of ConfigMaps or commits can cause.
const RESTARTS_MAX: usize = 16;

/// Why there is no snapshot at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadProblem {
    /// The root or the path beneath it cannot be opened or listed.
    #[error("the source {place} cannot be read: {why}")]
    Unreadable {
        /// The directory.
        place: String,
        /// Why.
        why: UnreadableSource,
    },
    /// Git is changing it: what is there now is in the middle of something.
    #[error("the source {place} cannot be read: {why}")]
    Busy {
        /// The directory.
        place: String,
        /// What is under way.
        why: GitOperation,
    },
    /// Nothing with the suffix of a manifest: never taken for "nothing is wanted".
    #[error(
        "the source {place} holds no manifest: no file ends in .yaml, .yml or .json, or \
         .conformdignore lists all of them"
    )]
    Empty {
        /// The directory.
        place: String,
    },
    /// More than [`SourceLimits`] allow.
    #[error("the source {place} is too large: {what}")]
    Oversize {
        /// The directory.
        place: String,
        /// Which limit was passed.
        what: ExceededLimit,
    },
}

/// Why the root or the path beneath it cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnreadableSource {
    /// The path leaves the root.
    #[error(transparent)]
    Escape(Escape),
    /// The file system refuses it.
    #[error(transparent)]
    File(UnreadableFile),
    /// It was replaced during every reading.
    #[error("it kept changing while it was read")]
    Replaced,
    /// No two consecutive readings were equal.
    #[error("it was never twice the same")]
    Unsettled,
    /// The thread that read it ended; the text of its failure.
    #[error("reading ended: {0}")]
    Ended(String),
}

impl From<ReadProblem> for SourceProblem {
    fn from(problem: ReadProblem) -> Self {
        let outcome = match problem {
            ReadProblem::Unreadable { .. } | ReadProblem::Busy { .. } => ReadingOutcome::Unreadable,
            ReadProblem::Empty { .. } => ReadingOutcome::Empty,
            ReadProblem::Oversize { .. } => ReadingOutcome::Oversize,
        };
        Self { outcome, text: problem.to_string() }
    }
}

/// What one reading gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryReading {
    /// The files.
    pub snapshot: Snapshot,
    /// The directories they came from: a change in any of them can change the snapshot.
    pub folders: BTreeSet<PathBuf>,
}

/// A directory that holds manifests, or one of them.
#[derive(Debug, Clone)]
pub struct Directory {
    root: PathBuf,
    manifests: Manifests,
    limits: SourceLimits,
    git: Git,
}

/// What a reading makes of git being at work in the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Git {
    /// Nothing is read: a half-done checkout must not become a revision.
    Awaited,
    /// The files are read as they are: what is asked for is an opinion of them.
    Disregarded,
}

/// Where the manifests are, beneath the root.
#[derive(Debug, Clone)]
enum Manifests {
    /// Anywhere.
    Root,
    /// Anywhere in this directory.
    Folder(SourcePath),
    /// In this file alone.
    File(SourcePath),
}

/// Reads the manifests beneath `path` in `root`, and the templates that `wanted` finds in them.
///
/// # Errors
/// [`ReadProblem`]; a path that leaves the root is one too.
pub fn read(
    root: &Path,
    path: &str,
    wanted: impl FnMut(&BTreeMap<SourcePath, FileContent>) -> BTreeSet<SourcePath>,
) -> Result<Snapshot, ReadProblem> {
    let directory = Directory::new(root, path).map_err(|escape| ReadProblem::Unreadable {
        place: root.join(path).display().to_string(),
        why: UnreadableSource::Escape(escape),
    })?;
    Ok(directory.read(wanted)?.snapshot)
}

impl Directory {
    /// The directory `path` beneath `root`; an empty path or `.` is the root itself.
    pub fn new(root: &Path, path: &str) -> Result<Self, Escape> {
        let is_root = path.is_empty()
            || (!path.starts_with('/') && path.split('/').all(|part| matches!(part, "" | ".")));
        let manifests =
            if is_root { Manifests::Root } else { Manifests::Folder(SourcePath::new(path)?) };
        let (root, limits) = (absolute(root), SourceLimits::default());
        Ok(Self { root, manifests, limits, git: Git::Awaited })
    }

    /// One file beneath `root` instead of a directory, for a question about that file. Never a
    /// source to reconcile: packs of other files would seem to be gone.
    pub fn of_file(root: &Path, file: SourcePath) -> Self {
        let manifests = Manifests::File(file);
        let (root, limits) = (absolute(root), SourceLimits::default());
        Self { root, manifests, limits, git: Git::Awaited }
    }

    /// The same directory, read even while git is at work in it: for questions about the files as
    /// they are now, as in a hook of git. Never a source to reconcile.
    #[must_use]
    pub fn disregarding_git(self) -> Self {
        Self { git: Git::Disregarded, ..self }
    }

    /// The same directory with other limits.
    #[must_use]
    pub fn with_limits(self, limits: SourceLimits) -> Self {
        Self { limits, ..self }
    }

    /// The root that nothing may leave.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the manifests are, for people.
    pub fn place(&self) -> String {
        match &self.manifests {
            Manifests::Root => self.root.display().to_string(),
            Manifests::Folder(path) | Manifests::File(path) => {
                self.root.join(path.as_str()).display().to_string()
            }
        }
    }

    /// Reads everything once, and makes the catalog of it.
    pub fn read_catalog(
        &self,
        constraints: &Constraints,
    ) -> Result<(Snapshot, Catalog), ReadProblem> {
        let mut parsed = ParsedManifests::default();
        let snapshot = self.read(|files| parsed.update(files))?.snapshot;
        let catalog = parsed.catalog(&snapshot, constraints, None);
        Ok((snapshot, catalog))
    }

    /// Reads everything once: the manifests, then the files that `wanted` finds them to name.
    /// Blocks on the file system, never on a pipe or a device.
    ///
    /// The set of files is one that existed: a directory replaced meanwhile is read again.
    pub fn read(
        &self,
        mut wanted: impl FnMut(&BTreeMap<SourcePath, FileContent>) -> BTreeSet<SourcePath>,
    ) -> Result<DirectoryReading, ReadProblem> {
        for _ in 0..RESTARTS_MAX {
            match self.attempt(&mut wanted) {
                Ok(reading) if !holds_anything(&reading.snapshot) => {
                    return Err(ReadProblem::Empty { place: self.place() });
                }
                Ok(reading) => return Ok(reading),
                Err(Stop::Moved) => {}
                Err(Stop::Oversize(what)) => {
                    return Err(ReadProblem::Oversize { place: self.place(), what });
                }
                Err(Stop::Unreadable(why)) => {
                    return Err(self.unreadable(UnreadableSource::File(why)));
                }
                Err(Stop::Busy(why)) => {
                    return Err(ReadProblem::Busy { place: self.place(), why });
                }
            }
        }
        Err(self.unreadable(UnreadableSource::Replaced))
    }

    fn attempt(
        &self,
        wanted: &mut impl FnMut(&BTreeMap<SourcePath, FileContent>) -> BTreeSet<SourcePath>,
    ) -> Result<DirectoryReading, Stop> {
        self.check_idle()?;
        let root = self.open()?;
        let links = self.links(&root);
        let mut tree = TreeWalk::new(&root, &self.limits);
        match &self.manifests {
            Manifests::Root => tree.read_folder(None)?,
            Manifests::Folder(path) => tree.read_folder(Some(path))?,
            Manifests::File(path) => tree.read_file(path)?,
        }
        for path in wanted(tree.files()) {
            tree.read_file(&path)?;
        }
        tree.check_unmoved()?;
        // A root that is itself a link may lead elsewhere by now, and what it led to may have been
        // half removed while it was listed.
        let again = self.open()?;
        if identity(&root) != identity(&again) || links != self.links(&again) {
            return Err(Stop::Moved);
        }
        // Git may have begun meanwhile.
        self.check_idle()?;
        let published = match (tree.volume(), links) {
            (Some(target), _) => Published::Volume { target },
            (None, Some((target, directory))) => Published::Link { target, directory },
            (None, None) => Published::InPlace,
        };
        let WalkedTree { files, ignored, folders } = tree.into_parts();
        let folders = folders.iter().map(|folder| self.root.join(folder)).collect();
        let snapshot = Snapshot { ignored, published, ..Snapshot::of_directory(files) };
        Ok(DirectoryReading { snapshot, folders })
    }

    /// Nothing is read while git is at work in the directory, or in one above it.
    fn check_idle(&self) -> Result<(), Stop> {
        if self.git == Git::Disregarded {
            return Ok(());
        }
        let folder = match &self.manifests {
            Manifests::Root | Manifests::File(_) => self.root.clone(),
            Manifests::Folder(path) => self.root.join(path.as_str()),
        };
        // Where a link leads is where the checkout is; without it there is nothing to read.
        let folder = folder.canonicalize().unwrap_or(folder);
        match checkout::operation(&folder) {
            Some(why) => Err(Stop::Busy(why)),
            None => Ok(()),
        }
    }

    /// The links that a publisher may flip, and the directory that they lead to: the root itself,
    /// and the parts of the path beneath it.
    fn links(&self, root: &Dir) -> Option<(String, Option<(u64, u64)>)> {
        // Without a slash at its end, which would follow the link.
        let own = self.root.components().collect::<PathBuf>();
        let mut texts: Vec<PathBuf> = std::fs::read_link(own).into_iter().collect();
        let mut beneath = PathBuf::new();
        let path = match &self.manifests {
            Manifests::Folder(path) => path.as_str(),
            Manifests::Root | Manifests::File(_) => "",
        };
        for part in path.split('/').filter(|part| !part.is_empty()) {
            beneath.push(part);
            texts.extend(root.read_link_contents(&beneath).ok());
        }
        let directory = if path.is_empty() {
            identity(root)
        } else {
            root.open_dir(&beneath).ok().as_ref().and_then(identity)
        };
        let texts: Vec<String> = texts.iter().map(|text| text.display().to_string()).collect();
        (!texts.is_empty()).then(|| (texts.join(", "), directory))
    }

    fn open(&self) -> Result<Dir, Stop> {
        Dir::open_ambient_dir(&self.root, ambient_authority())
            .map_err(|error| Stop::Unreadable(reason(&error)))
    }

    fn unreadable(&self, why: UnreadableSource) -> ReadProblem {
        ReadProblem::Unreadable { place: self.place(), why }
    }
}

/// Whether anything could hold a manifest, or may be one that cannot be read.
fn holds_anything(snapshot: &Snapshot) -> bool {
    snapshot.files.iter().any(|(path, content)| match content {
        FileContent::Bytes(_) => !is_ignore_file(path),
        FileContent::Unreadable(_) => true,
        FileContent::EmptyDirectory => false,
    })
}

/// Watches report absolute paths, whatever the working directory is then.
fn absolute(root: &Path) -> PathBuf {
    std::path::absolute(root).unwrap_or_else(|_| root.to_owned())
}
