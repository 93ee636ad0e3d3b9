//! What `validate` reads: a directory or one file, beneath a root that nothing may leave.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::domain::catalog::{is_manifest_file, templates_wanted};
use crate::domain::limits;
use crate::domain::snapshot::{FileContent, Snapshot, SourcePath};

/// Directories inside each other that are followed (ours: a source tree has a handful).
const DEPTH_MAX: usize = 16;

/// A root, and what to read beneath it.
#[derive(Debug)]
pub(super) struct Place {
    root: PathBuf,
    working: PathBuf,
    /// `None` for the root itself.
    path: Option<SourcePath>,
}

impl Place {
    /// What these arguments mean. Links on the way to `path` are resolved; later ones must stay
    /// beneath the root.
    pub(super) fn of(path: &Path, root: Option<&Path>) -> anyhow::Result<Self> {
        let resolve = |path: &Path| {
            path.canonicalize().with_context(|| format!("{} cannot be read", path.display()))
        };
        let target = resolve(path)?;
        let working = resolve(Path::new("."))?;
        let root = match root {
            Some(root) => resolve(root)?,
            None if target.starts_with(&working) => working.clone(),
            None if target.is_dir() => target.clone(),
            None => target.parent().map_or_else(|| target.clone(), Path::to_owned),
        };
        let beneath = target.strip_prefix(&root).map_err(|_| {
            anyhow!("{} is not beneath the root {}", path.display(), root.display())
        })?;
        let text = beneath.to_str().context("the path is not UTF-8")?;
        let path = match text {
            "" => None,
            text => Some(SourcePath::new(text).with_context(|| format!("{text} is no path"))?),
        };
        Ok(Self { root, working, path })
    }

    /// How to get from the working directory to the root, for tools that start there.
    pub(super) fn prefix(&self) -> PathBuf {
        match self.root.strip_prefix(&self.working) {
            Ok(relative) => relative.to_owned(),
            Err(_) => self.root.clone(),
        }
    }

    // The seam to `source::directory::read`, which reads directories for the daemon: the two become
    // one once both are there, and only the case of a single file stays here.
    /// Reads the manifests, then the templates that they name.
    pub(super) fn read(&self) -> anyhow::Result<Snapshot> {
        let root = Dir::open_ambient_dir(&self.root, ambient_authority())
            .with_context(|| format!("{} cannot be opened", self.root.display()))?;
        let mut files = BTreeMap::new();
        match &self.path {
            Some(path) if !root.is_dir(path.as_str()) => {
                files.insert(path.clone(), read_file(&root, path));
            }
            Some(path) => read_directory(&root, path.as_str(), &mut files, 0)?,
            None => read_directory(&root, "", &mut files, 0)?,
        }
        for path in templates_wanted(&files) {
            if !files.contains_key(&path) && root.try_exists(path.as_str()).unwrap_or(true) {
                files.insert(path.clone(), read_file(&root, &path));
            }
        }
        Ok(Snapshot::of_directory(files))
    }
}

fn read_directory(
    root: &Dir,
    path: &str,
    files: &mut BTreeMap<SourcePath, FileContent>,
    depth: usize,
) -> anyhow::Result<()> {
    let listing = || format!("the directory {path:?} cannot be listed");
    let entries = if path.is_empty() { root.entries() } else { root.read_dir(path) };
    for entry in entries.with_context(listing)? {
        let entry = entry.with_context(listing)?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        let inner = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        let kind = entry.file_type().with_context(listing)?;
        if kind.is_dir() && depth < DEPTH_MAX {
            read_directory(root, &inner, files, depth + 1)?;
        } else if let Ok(path) = SourcePath::new(&inner)
            && !kind.is_dir()
            && is_manifest_file(&path)
        {
            let content = read_file(root, &path);
            files.insert(path, content);
        }
    }
    Ok(())
}

/// A regular file's bytes, up to what any manifest or template may have.
fn read_file(root: &Dir, path: &SourcePath) -> FileContent {
    let read = || -> io::Result<Vec<u8>> {
        let metadata = root.metadata(path.as_str())?;
        if !metadata.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        if u64::try_from(limits::SOURCE_FILE_BYTES).is_ok_and(|most| most < metadata.len()) {
            return Err(io::Error::other(format!("{} bytes are too many", metadata.len())));
        }
        root.read(path.as_str())
    };
    match read() {
        Ok(bytes) => FileContent::Bytes(bytes.into()),
        Err(error) => FileContent::Unreadable(error.to_string()),
    }
}
