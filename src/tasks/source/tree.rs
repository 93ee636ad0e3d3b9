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

use super::checkout::GitOperation;
use super::limits::{ExceededLimit, SourceLimits};
use super::system::{identity, reason};
use crate::domain::declared::catalog::{is_manifest_file, is_nearly_manifest_file};
use crate::domain::declared::snapshot::{
    FileContent, IGNORE_FILE, IgnoreList, Ignored, SourcePath, UnreadableFile,
};

/// The link that a publisher of ConfigMaps and Secrets swaps (Kubernetes `AtomicWriter`).
const SWAPPED: &str = "..data";

/// Hidden names that say of a directory that it is empty on purpose: git keeps none without a file.
const KEEPERS: &[&str] = &[".gitkeep", ".keep", ".gitignore"];

/// Why a walk ended early.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Something vanished between being listed and being read: begin again.
    Moved,
    /// A limit was passed.
    Oversize(ExceededLimit),
    /// Git is at work: the files are not a revision now.
    Busy(GitOperation),
    /// The top directory itself cannot be read.
    Unreadable(UnreadableFile),
}

/// A walk in progress.
#[derive(Debug)]
pub(super) struct TreeWalk<'a> {
    root: &'a Dir,
    limits: &'a SourceLimits,
    files: BTreeMap<SourcePath, FileContent>,
    /// Where those files really are.
    places: Vec<PathBuf>,
    folders: BTreeSet<PathBuf>,
    /// Names that are not to be read.
    list: IgnoreList,
    ignored: BTreeMap<SourcePath, Ignored>,
    /// Directories that were looked into, with the text of their swapped link if they have one.
    swapped: BTreeMap<PathBuf, Option<PathBuf>>,
    entries: usize,
    bytes: u64,
    /// The directories that the walk is in, so that a link to one of them ends it.
    within: Vec<(u64, u64)>,
}

/// What a walk found.
#[derive(Debug)]
pub(super) struct WalkedTree {
    /// Every file that was read, and everything that could not be.
    pub(super) files: BTreeMap<SourcePath, FileContent>,
    /// What was passed over by its name.
    pub(super) ignored: BTreeMap<SourcePath, Ignored>,
    /// The directories they came from, relative to the root.
    pub(super) folders: BTreeSet<PathBuf>,
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

impl<'a> TreeWalk<'a> {
    pub(super) fn new(root: &'a Dir, limits: &'a SourceLimits) -> Self {
        Self {
            root,
            limits,
            files: BTreeMap::new(),
            places: Vec::new(),
            list: IgnoreList::default(),
            ignored: BTreeMap::new(),
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

    /// What was found.
    pub(super) fn into_parts(self) -> WalkedTree {
        let Self { files, ignored, folders, .. } = self;
        WalkedTree { files, ignored, folders }
    }

    /// The text of the one `..data` that every file came through, if there is such a link.
    pub(super) fn volume(&self) -> Option<String> {
        self.swapped.iter().find_map(|(folder, target)| {
            let target = target.as_ref()?;
            let behind = folder.join(target);
            let is_whole = self.places.iter().all(|place| place.starts_with(&behind));
            is_whole.then(|| target.display().to_string())
        })
    }

    /// Reads every manifest beneath `path`, or beneath the root.
    pub(super) fn read_folder(&mut self, path: Option<&SourcePath>) -> Result<(), Stop> {
        let root = Path::new("");
        let folders = [Some(root), path.map(|path| Path::new(path.as_str()))];
        for folder in folders.into_iter().flatten() {
            self.read_file(&source_path(&folder.join(IGNORE_FILE)))?;
        }
        self.list = IgnoreList::of(&self.files);
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
        // Git's own files change with every operation, so they cannot be part of a revision.
        if path.as_str().split('/').any(|part| part == ".git") {
            let refused = FileContent::Unreadable(UnreadableFile::InGit);
            let place = Folder::top().join(OsStr::new(path.as_str()));
            return self.keep(&place, refused);
        }
        let place = self.locate(path);
        // A missing file is reported with the manifest that names it. A link without a target is
        // an error of the directory: what it stood for was there.
        let content = match self.root.metadata(&place.real) {
            Ok(found) => self.content(&place.real, &found)?,
            Err(error) if is_absent(&error) => match self.root.symlink_metadata(&place.real) {
                Ok(_) => FileContent::Unreadable(UnreadableFile::DeadLink),
                Err(_) => return Ok(()),
            },
            Err(error) => FileContent::Unreadable(reason(&error)),
        };
        self.keep(&place, content)
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
            return Err(Stop::Oversize(ExceededLimit::Depth { max }));
        }
        self.within.push(identity);
        self.folders.insert(folder.shown.clone());
        let is_top = self.within.len() == 1;
        let mut holds_anything = self.list(folder, dir)?;
        if let Some(target) = self.swapped_target(&folder.real) {
            let behind = Folder { shown: folder.shown.clone(), real: folder.real.join(&target) };
            match self.root.open_dir(&behind.real) {
                Ok(dir) => holds_anything |= self.list(&behind, &dir)?,
                Err(error) => {
                    holds_anything = true;
                    self.refuse(&folder.join(OsStr::new(SWAPPED)), &error)?;
                }
            }
        }
        // What was mounted or checked out here may be gone; nobody keeps an empty directory.
        if !holds_anything && !is_top {
            self.keep(folder, FileContent::EmptyDirectory)?;
        }
        self.within.pop();
        Ok(())
    }

    /// Reads what is listed in a directory; says whether it holds anything.
    fn list(&mut self, folder: &Folder, dir: &Dir) -> Result<bool, Stop> {
        let mut holds_anything = false;
        let entries = match dir.entries() {
            Ok(entries) => entries,
            Err(error) => return self.refuse_listing(folder, &error),
        };
        for entry in entries {
            match entry {
                Ok(entry) => holds_anything |= self.entry(folder, &entry)?,
                // The rest of the names is not known, and this directory is named once.
                Err(error) => return self.refuse_listing(folder, &error),
            }
        }
        Ok(holds_anything)
    }

    /// Records that a directory could not be listed; without the top one there is no reading.
    fn refuse_listing(&mut self, folder: &Folder, error: &io::Error) -> Result<bool, Stop> {
        if self.within.len() == 1 {
            return Err(Stop::Unreadable(reason(error)));
        }
        self.refuse(folder, error)?;
        Ok(true)
    }

    /// Reads what a name stands for; says whether that fills the directory.
    fn entry(&mut self, folder: &Folder, entry: &DirEntry) -> Result<bool, Stop> {
        let name = entry.file_name();
        // Hidden names count too: listing them takes as long as listing any others.
        self.entries = self.entries.saturating_add(1);
        if self.entries > self.limits.entries_max {
            let max = self.limits.entries_max;
            return Err(Stop::Oversize(ExceededLimit::Names { max }));
        }
        if name.as_encoded_bytes().starts_with(b".") {
            return Ok(KEEPERS.iter().any(|keeper| name == *keeper));
        }
        let place = folder.join(&name);
        if !self.is_swapped(folder, &place) {
            self.named(&place)?;
        }
        Ok(true)
    }

    /// Reads what stands under a name that is not hidden.
    fn named(&mut self, place: &Folder) -> Result<(), Stop> {
        let path = source_path(&place.shown);
        if self.list.holds(&path, false) {
            self.ignored.insert(path, Ignored::Listed);
            return Ok(());
        }
        let found = match self.root.metadata(&place.real) {
            Ok(found) => found,
            // A link that cannot be followed may stand for a directory of manifests, so its name
            // does not excuse it.
            Err(error) => return self.refuse(place, &error),
        };
        if found.is_dir() && self.list.holds(&path, true) {
            self.ignored.insert(path, Ignored::Listed);
            return Ok(());
        }
        let is_manifest = is_manifest_file(&path);
        if !is_manifest && !found.is_dir() {
            if is_nearly_manifest_file(&path) {
                self.ignored.insert(path, Ignored::Suffix);
            }
            return Ok(());
        }
        if place.shown.to_str().is_none_or(|text| text.contains('\\')) {
            return self.keep(place, FileContent::Unreadable(UnreadableFile::Name));
        }
        if is_manifest {
            let content = self.content(&place.real, &found)?;
            return self.keep(place, content);
        }
        match self.root.open_dir(&place.real) {
            Ok(dir) => self.walk(place, &dir),
            Err(error) => self.refuse(place, &error),
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
        let why = if is_absent { UnreadableFile::DeadLink } else { reason(error) };
        self.keep(place, FileContent::Unreadable(why))
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
                    return Err(Stop::Oversize(ExceededLimit::Bytes { max }));
                }
                Ok(FileContent::Bytes(Arc::from(bytes)))
            }
            Err(why) => Ok(FileContent::Unreadable(why)),
        }
    }

    fn bytes(&self, file: &File) -> Result<Vec<u8>, UnreadableFile> {
        let found = file.metadata().map_err(|error| reason(&error))?;
        self.check(&found)?;
        let max = self.limits.file_bytes_max;
        let mut bytes = Vec::new();
        // One byte more than allowed, since a file may grow while it is read.
        let count = file
            .take(max.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| reason(&error))?;
        if count as u64 > max { Err(UnreadableFile::TooLarge { max }) } else { Ok(bytes) }
    }

    fn check(&self, found: &Metadata) -> Result<(), UnreadableFile> {
        let max = self.limits.file_bytes_max;
        // The type comes before the size: a pipe or a device has none that means anything.
        if found.is_dir() {
            Err(UnreadableFile::Directory)
        } else if !found.is_file() {
            Err(UnreadableFile::NotRegular)
        } else if found.len() > max {
            Err(UnreadableFile::TooLarge { max })
        } else {
            Ok(())
        }
    }

    fn keep(&mut self, place: &Folder, content: FileContent) -> Result<(), Stop> {
        self.files.insert(source_path(&place.shown), content);
        self.places.push(place.real.clone());
        let max = self.limits.files_max;
        if self.files.len() > max {
            return Err(Stop::Oversize(ExceededLimit::Files { max }));
        }
        Ok(())
    }
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
