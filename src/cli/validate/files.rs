//! What `validate` reads: a directory or one file, beneath a root that nothing may leave.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use crate::domain::declared::catalog::Catalog;
use crate::domain::declared::constraints::Constraints;
use crate::domain::declared::snapshot::{Snapshot, SourcePath};
use crate::tasks::source::directory::Directory;

/// A root, and what to read beneath it.
#[derive(Debug)]
pub(super) struct ValidatedRoot {
    working: PathBuf,
    manifests: Directory,
}

impl ValidatedRoot {
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
            // Templates are named relative to the root. The working directory is the root if it
            // holds the target, so that CI names the same paths as the repository.
            None if target.starts_with(&working) => working.clone(),
            None if target.is_dir() => target.clone(),
            None => target.parent().map_or_else(|| target.clone(), Path::to_owned),
        };
        let beneath = target.strip_prefix(&root).map_err(|_| {
            anyhow!(
                "{} is not beneath the root {}; with --config, the root is source.directory.root \
                 of the settings: name a path in it, or use --root and --regions without --config",
                path.display(),
                root.display()
            )
        })?;
        let text = beneath.to_str().context("the path is not UTF-8")?;
        let no_path = || format!("{text} is no path");
        let manifests = if target.is_dir() {
            Directory::new(&root, text).with_context(no_path)?
        } else {
            Directory::of_file(&root, SourcePath::new(text).with_context(no_path)?)
        };
        Ok(Self { working, manifests: manifests.disregarding_git() })
    }

    /// How to get from the working directory to the root, for tools that start there.
    pub(super) fn prefix(&self) -> PathBuf {
        let root = self.manifests.root();
        root.strip_prefix(&self.working).unwrap_or(root).to_owned()
    }

    /// Reads the manifests and the templates that they name, and checks them.
    pub(super) fn read(&self, constraints: &Constraints) -> anyhow::Result<(Snapshot, Catalog)> {
        Ok(self.manifests.read_catalog(constraints)?)
    }
}
