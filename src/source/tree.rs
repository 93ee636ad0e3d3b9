//! The walk beneath an open root: which names count, which are refused, and how a directory that is
//! published by swapping a link is read as one set.
//!
//! A ConfigMap volume shows `x.yaml -> ..data/x.yaml` and `..data -> ..2026_11_22_…`; a new version
//! replaces `..data` in one step and removes the old directory some time later. So the link is read
//! once, everything is read from the directory it named, and in the end it must still be the same.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::{Dir, DirEntry, File, Metadata, OpenOptions, OpenOptionsExt as _};

use super::directory::{Limits, identity, reason};
use crate::domain::catalog::is_manifest_file;
use crate::domain::snapshot::{FileContent, SourcePath};

/// The link that a publisher of ConfigMaps and Secrets swaps (Kubernetes `AtomicWriter`).
const SWAPPED: &str = "..data";

/// Why a walk ended early.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Something vanished between being listed and being read: begin again.
    Moved,
    /// A limit was passed.
    Oversize(String),
    /// The top directory itself cannot be read.
    Unreadable(String),
}

/// A walk in progress.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    root: &'a Dir,
    limits: &'a Limits,
    files: BTreeMap<SourcePath, FileContent>,
    folders: BTreeSet<PathBuf>,
    /// Directories that were looked into, with the text of their swapped link if they have one.
    swapped: BTreeMap<PathBuf, Option<PathBuf>>,
    entries: usize,
    bytes: u64,
    /// The directories that the walk is in, so that a link to one of them ends it.
    within: Vec<(u64, u64)>,
}

/// A directory by the name it is shown under and by the way to it.
#[derive(Debug, Clone)]
struct Folder {
    shown: PathBuf,
    real: PathBuf,
}

impl Folder {
    fn top() -> Self {
        Self { shown: PathBuf::new(), real: PathBuf::from(".") }
    }

    fn join(&self, name: &OsStr) -> Self {
        Self { shown: self.shown.join(name), real: self.real.join(name) }
    }
}

impl<'a> Tree<'a> {
    pub(super) fn new(root: &'a Dir, limits: &'a Limits) -> Self {
        Self {
            root,
            limits,
            files: BTreeMap::new(),
            folders: BTreeSet::new(),
            swapped: BTreeMap::new(),
            entries: 0,
            bytes: 0,
            within: Vec::new(),
        }
    }

    /// Every file so far, and every one that could not be read.
    pub(super) fn files(&self) -> &BTreeMap<SourcePath, FileContent> {
        &self.files
    }

    /// The files, and the directories they came from, relative to the root.
    pub(super) fn into_parts(self) -> (BTreeMap<SourcePath, FileContent>, BTreeSet<PathBuf>) {
        (self.files, self.folders)
    }

    /// Reads every manifest beneath `path`, or beneath the root.
    pub(super) fn read_folder(&mut self, path: Option<&SourcePath>) -> Result<(), Stop> {
        let top = match path {
            Some(path) => self.locate(path),
            None => Folder::top(),
        };
        match self.root.open_dir(&top.real) {
            Ok(dir) => self.walk(&top, &dir),
            Err(error) => Err(Stop::Unreadable(reason(&error))),
        }
    }

    /// Reads one file of any name, unless it has been read or does not exist.
    pub(super) fn read_file(&mut self, path: &SourcePath) -> Result<(), Stop> {
        if self.files.contains_key(path) {
            return Ok(());
        }
        if path.as_str().split('/').any(|part| part == ".git") {
            let refused = FileContent::Unreadable("it lies within .git".to_owned());
            return self.keep(path.clone(), refused);
        }
        let place = self.locate(path);
        let content = match self.root.metadata(&place.real) {
            Ok(found) => self.content(&place.real, &found)?,
            Err(error) if is_absent(&error) => match self.root.symlink_metadata(&place.real) {
                Ok(_) => FileContent::Unreadable("the link leads nowhere".to_owned()),
                Err(_) => return Ok(()),
            },
            Err(error) => FileContent::Unreadable(reason(&error)),
        };
        self.keep(path.clone(), content)
    }

    /// Whether every swapped link still leads where it led; if not, the directory behind it may
    /// have been half removed while it was read.
    pub(super) fn check_unmoved(&self) -> Result<(), Stop> {
        let unmoved = self.swapped.iter().all(|(folder, target)| {
            target.is_none() || self.root.read_link_contents(folder.join(SWAPPED)).ok() == *target
        });
        if unmoved { Ok(()) } else { Err(Stop::Moved) }
    }

    /// Where a path really is: as written, except that links into `..data` go to the directory
    /// that `..data` was first seen to name.
    fn locate(&mut self, path: &SourcePath) -> Folder {
        let mut place = Folder::top();
        for part in path.as_str().split('/') {
            self.folders.insert(place.shown.clone());
            let next = place.join(OsStr::new(part));
            let through = self.swapped_target(&place.real).and_then(|target| {
                let link = self.root.read_link_contents(&next.real).ok()?;
                Some(place.real.join(target).join(link.strip_prefix(SWAPPED).ok()?))
            });
            place = Folder { shown: next.shown, real: through.unwrap_or(next.real) };
        }
        place
    }

    /// What `..data` in this directory names; the first answer holds for the whole walk.
    fn swapped_target(&mut self, folder: &Path) -> Option<PathBuf> {
        if let Some(target) = self.swapped.get(folder) {
            return target.clone();
        }
        let target = self.root.read_link_contents(folder.join(SWAPPED)).ok();
        self.swapped.insert(folder.to_owned(), target.clone());
        target
    }

    fn walk(&mut self, folder: &Folder, dir: &Dir) -> Result<(), Stop> {
        let identity = identity(dir).ok_or(Stop::Moved)?;
        if self.within.contains(&identity) {
            // A link to a directory that this one lies in: all of it is being read already.
            return Ok(());
        }
        if self.within.len() > self.limits.depth_max {
            let max = self.limits.depth_max;
            return Err(Stop::Oversize(format!("directories lie more than {max} deep")));
        }
        self.within.push(identity);
        self.folders.insert(folder.shown.clone());
        self.list(folder, dir)?;
        if let Some(target) = self.swapped_target(&folder.real) {
            let behind = Folder { shown: folder.shown.clone(), real: folder.real.join(&target) };
            match self.root.open_dir(&behind.real) {
                Ok(dir) => self.list(&behind, &dir)?,
                Err(error) => self.refuse(&folder.join(OsStr::new(SWAPPED)), &error)?,
            }
        }
        self.within.pop();
        Ok(())
    }

    fn list(&mut self, folder: &Folder, dir: &Dir) -> Result<(), Stop> {
        let entries = match dir.entries() {
            Ok(entries) => entries,
            Err(error) if self.within.len() == 1 => return Err(Stop::Unreadable(reason(&error))),
            Err(error) => return self.refuse(folder, &error),
        };
        for entry in entries {
            match entry {
                Ok(entry) => self.entry(folder, &entry)?,
                Err(error) => self.refuse(folder, &error)?,
            }
        }
        Ok(())
    }

    fn entry(&mut self, folder: &Folder, entry: &DirEntry) -> Result<(), Stop> {
        let name = entry.file_name();
        self.entries = self.entries.saturating_add(1);
        if self.entries > self.limits.entries_max {
            let max = self.limits.entries_max;
            return Err(Stop::Oversize(format!("it holds more than {max} names")));
        }
        if name.as_encoded_bytes().starts_with(b".") {
            return Ok(());
        }
        let place = folder.join(&name);
        if self.is_swapped(folder, &place) {
            return Ok(());
        }
        let found = match self.root.metadata(&place.real) {
            Ok(found) => found,
            // A link that cannot be followed may stand for a directory of manifests, so its name
            // does not excuse it.
            Err(error) => return self.refuse(&place, &error),
        };
        let is_manifest = is_manifest_file(&source_path(Path::new(&name)));
        if !is_manifest && !found.is_dir() {
            return Ok(());
        }
        if place.shown.to_str().is_none_or(|text| text.contains('\\')) {
            let why = "its name is not UTF-8 or holds a backslash".to_owned();
            return self.keep(source_path(&place.shown), FileContent::Unreadable(why));
        }
        if is_manifest {
            let content = self.content(&place.real, &found)?;
            return self.keep(source_path(&place.shown), content);
        }
        match self.root.open_dir(&place.real) {
            Ok(dir) => self.walk(&place, &dir),
            Err(error) => self.refuse(&place, &error),
        }
    }

    /// Whether this name is a link into `..data`, whose directory is read as a whole.
    fn is_swapped(&mut self, folder: &Folder, place: &Folder) -> bool {
        self.swapped_target(&folder.real).is_some()
            && (self.root.read_link_contents(&place.real))
                .is_ok_and(|link| link.starts_with(SWAPPED))
    }

    /// Records what could not be followed, unless it is gone altogether.
    fn refuse(&mut self, place: &Folder, error: &io::Error) -> Result<(), Stop> {
        let is_absent = is_absent(error);
        if is_absent && self.root.symlink_metadata(&place.real).is_err() {
            return Err(Stop::Moved);
        }
        let why = if is_absent { "the link leads nowhere".to_owned() } else { reason(error) };
        self.keep(source_path(&place.shown), FileContent::Unreadable(why))
    }

    /// Reads a file that was found to be `found`; opens nothing but regular files.
    fn content(&mut self, real: &Path, found: &Metadata) -> Result<FileContent, Stop> {
        if let Err(why) = self.check(found) {
            return Ok(FileContent::Unreadable(why));
        }
        // Not waiting matters if a pipe has taken the file's place since it was looked at.
        let options = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).clone();
        let file = match self.root.open_with(real, &options) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Err(Stop::Moved),
            Err(error) => return Ok(FileContent::Unreadable(reason(&error))),
        };
        match self.bytes(&file) {
            Ok(bytes) => {
                self.bytes = self.bytes.saturating_add(bytes.len() as u64);
                if self.bytes > self.limits.bytes_max {
                    let max = self.limits.bytes_max;
                    return Err(Stop::Oversize(format!("its files hold more than {max} bytes")));
                }
                Ok(FileContent::Bytes(Arc::from(bytes)))
            }
            Err(why) => Ok(FileContent::Unreadable(why)),
        }
    }

    fn bytes(&self, file: &File) -> Result<Vec<u8>, String> {
        let found = file.metadata().map_err(|error| reason(&error))?;
        self.check(&found)?;
        let max = self.limits.file_bytes_max;
        let mut bytes = Vec::new();
        // One byte more than allowed, since a file may grow while it is read.
        let count = file
            .take(max.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| reason(&error))?;
        if count as u64 > max { Err(larger_than(max)) } else { Ok(bytes) }
    }

    fn check(&self, found: &Metadata) -> Result<(), String> {
        let max = self.limits.file_bytes_max;
        if found.is_dir() {
            Err("it is a directory".to_owned())
        } else if !found.is_file() {
            Err("it is not a regular file".to_owned())
        } else if found.len() > max {
            Err(larger_than(max))
        } else {
            Ok(())
        }
    }

    fn keep(&mut self, path: SourcePath, content: FileContent) -> Result<(), Stop> {
        self.files.insert(path, content);
        let max = self.limits.files_max;
        if self.files.len() > max {
            return Err(Stop::Oversize(format!("it holds more than {max} files")));
        }
        Ok(())
    }
}

fn larger_than(max: u64) -> String {
    format!("it is larger than {max} bytes")
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The path in the form that the rest of the crate knows; what it cannot hold is replaced, and
/// such a name is only ever reported.
fn source_path(shown: &Path) -> SourcePath {
    let text = shown.to_string_lossy().replace('\\', "\u{fffd}");
    SourcePath::new(&text).expect("names from a directory, at least one, without NUL")
}
