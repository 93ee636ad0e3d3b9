//! The files of the source as they were read at one moment; nothing is parsed here.

mod ignore_list;
mod publication;
mod unreadable;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use thiserror::Error;

use crate::domain::base::model::{Digest, Revision};
use crate::domain::base::untrusted::{escaped, is_hidden};
pub use ignore_list::{IGNORE_FILE, IgnoreList, is_ignore_file, list_problems};
pub use publication::{Absence, PublicationHistory, Published, RevisionEvidence, absence_of};
pub use unreadable::UnreadableFile;

/// A path beneath the source root: `/` between the parts, never `..`, never absolute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SourcePath(String);

/// A path that would leave the source root, or is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Escape {
    /// It begins with `/`.
    #[error("the path is absolute")]
    Absolute,
    /// It has more `..` than directories above it.
    #[error("the path leaves the source root")]
    AboveRoot,
    /// It is empty, or holds a NUL or a backslash.
    #[error("this is not a path")]
    NotAPath,
}

impl SourcePath {
    /// A path as written, relative to the source root; `.` and `..` are resolved by text alone.
    pub fn new(text: &str) -> Result<Self, Escape> {
        resolve(Vec::new(), text)
    }

    /// The path that `text`, written in this file, means: relative to this file's directory.
    pub fn sibling(&self, text: &str) -> Result<Self, Escape> {
        let mut directory: Vec<&str> = self.0.split('/').collect();
        directory.pop();
        resolve(directory, text)
    }

    /// The directory it lies in; empty for the root.
    pub fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Its last part.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// Whether it lies in this directory, at any depth.
    pub fn is_beneath(&self, directory: &Self) -> bool {
        self.0.strip_prefix(&directory.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether the file's name ends in this suffix (`json`), in any letter case.
    pub fn has_suffix(&self, suffix: &str) -> bool {
        self.0.rsplit_once('.').is_some_and(|(_, own)| own.eq_ignore_ascii_case(suffix))
    }

    /// The unchanged text of the path, for programs and lookups. `Display` escapes invisible
    /// characters for users.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn resolve<'a>(mut parts: Vec<&'a str>, text: &'a str) -> Result<SourcePath, Escape> {
    // The root is a boundary: a manifest from the source must not make conformd read other files of
    // the machine. Backslashes and NUL are refused, since systems treat them differently.
    if text.is_empty() || text.contains(['\0', '\\']) {
        return Err(Escape::NotAPath);
    }
    if text.starts_with('/') {
        return Err(Escape::Absolute);
    }
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or(Escape::AboveRoot)?;
            }
            name => parts.push(name),
        }
    }
    if parts.is_empty() { Err(Escape::NotAPath) } else { Ok(SourcePath(parts.join("/"))) }
}

impl fmt::Display for SourcePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A name may hold anything; what would forge a line or is not seen is escaped.
        if self.0.contains(is_hidden) { out.pad(&escaped(&self.0)) } else { out.pad(&self.0) }
    }
}

/// What reading one file gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileContent {
    /// Its bytes, whatever they are.
    Bytes(Arc<[u8]>),
    /// It is there and could not be read.
    Unreadable(UnreadableFile),
    /// A directory in which nothing is.
    EmptyDirectory,
}

impl FileContent {
    /// The identity of this content.
    pub fn digest(&self) -> Digest {
        let (kind, content) = self.parts();
        Digest::of([kind, &*content])
    }

    /// Its kind and its bytes.
    fn parts(&self) -> (&'static [u8], Cow<'_, [u8]>) {
        match self {
            Self::Bytes(bytes) => (b"bytes", Cow::Borrowed(bytes)),
            Self::Unreadable(why) => (b"unreadable", Cow::Owned(why.to_string().into_bytes())),
            Self::EmptyDirectory => (b"empty directory", Cow::Borrowed(b"")),
        }
    }
}

/// Why a file was passed over by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ignored {
    /// A line of a `.conformdignore` names it.
    Listed,
    /// Its suffix is nearly that of a manifest: an editor's backup, a file put aside.
    Suffix,
}

/// The source at one moment: manifests beneath the source path and the templates they name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The identity of this content.
    pub revision: Revision,
    /// Every file that was read, and every one that could not be.
    pub files: BTreeMap<SourcePath, FileContent>,
    /// Files and directories that were passed over by their names. No part of the revision.
    pub ignored: BTreeMap<SourcePath, Ignored>,
    /// How the directory was published. No part of the revision.
    pub published: Published,
}

impl Snapshot {
    /// A snapshot of a directory: its revision is the hash of all paths and contents.
    pub fn of_directory(files: BTreeMap<SourcePath, FileContent>) -> Self {
        let parts: Vec<_> = files.iter().map(|(path, content)| (path, content.parts())).collect();
        let digest = Digest::of(
            parts
                .iter()
                .flat_map(|(path, (kind, content))| [path.as_str().as_bytes(), kind, content]),
        );
        Self {
            revision: Revision(format!("dir:{}", digest.short())),
            files,
            ignored: BTreeMap::new(),
            published: Published::InPlace,
        }
    }

    /// Whether the content is the same, however it was published.
    pub fn has_content_of(&self, other: &Self) -> bool {
        self.revision == other.revision && self.files == other.files
    }
}
