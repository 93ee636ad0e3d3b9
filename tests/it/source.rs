//! The directory source on a real file system.

mod damage;
mod reading;
mod refresh;
mod strays;
mod task;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use conformd::domain::declared::catalog::ParsedManifests;
use conformd::domain::declared::snapshot::{FileContent, Snapshot, SourcePath};
use tempfile::TempDir;

/// A source root with something beside it that must never be read.
struct Home {
    /// Removed when dropped.
    outside: TempDir,
    root: PathBuf,
}

/// What lies beside the root.
const SECRET: &str = "top secret";

impl Home {
    fn new(files: &[(&str, &str)]) -> Self {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret.yaml"), SECRET).unwrap();
        let root = outside.path().join("root");
        fs::create_dir(&root).unwrap();
        let home = Self { outside, root };
        for (path, text) in files {
            home.write(path, text);
        }
        home
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, path: &str, target: impl AsRef<Path>) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }
}

/// The templates that manifests name.
fn templates_named(files: &BTreeMap<SourcePath, FileContent>) -> BTreeSet<SourcePath> {
    ParsedManifests::default().update(files)
}

/// The templates that a test manifest names: one a line, `template: PATH`.
fn named(files: &BTreeMap<SourcePath, FileContent>) -> BTreeSet<SourcePath> {
    let mut wanted = BTreeSet::new();
    for (path, content) in files {
        for line in shown(content).lines() {
            if let Some(template) = line.strip_prefix("template: ") {
                wanted.insert(path.sibling(template).unwrap());
            }
        }
    }
    wanted
}

fn shown(content: &FileContent) -> String {
    match content {
        FileContent::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        FileContent::Unreadable(why) => format!("({why})"),
        FileContent::EmptyDirectory => "(empty directory)".to_owned(),
    }
}

/// One line a file.
fn listing(snapshot: &Snapshot) -> String {
    let lines = snapshot.files.iter().map(|(path, content)| format!("{path}: {}", shown(content)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Publishes a set of files as the kubelet does: a new directory, one rename, the old one removed.
fn publish(root: &Path, number: u32, files: &[&str]) {
    let version = |number: u32| format!("..v{number}");
    fs::create_dir(root.join(version(number))).unwrap();
    for name in files {
        fs::write(root.join(version(number)).join(name), number.to_string()).unwrap();
    }
    symlink(version(number), root.join("..data_tmp")).unwrap();
    fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    for name in files {
        if fs::symlink_metadata(root.join(name)).is_err() {
            symlink(Path::new("..data").join(name), root.join(name)).unwrap();
        }
    }
    if let Some(old) = number.checked_sub(1)
        && root.join(version(old)).exists()
    {
        fs::remove_dir_all(root.join(version(old))).unwrap();
    }
}
