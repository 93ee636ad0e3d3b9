//! Whether git is at work in the directory: a tree in the middle of an operation is nobody's
//! revision.
//!
//! Looks for the files by which git itself knows; reads none of them but the link of a linked work
//! tree, and never what is published. Where they may not be looked at, nothing is known.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Names in git's directory that stand for an operation, and which one.
const OPERATIONS: &[(&str, &str)] = &[
    ("index.lock", "an operation that changes files"),
    ("MERGE_HEAD", "a merge"),
    ("rebase-merge", "a rebase"),
    ("rebase-apply", "a rebase"),
    ("CHERRY_PICK_HEAD", "a cherry-pick"),
    ("REVERT_HEAD", "a revert"),
    ("sequencer", "a series of cherry-picks or reverts"),
    ("BISECT_LOG", "a bisection"),
];

/// Bytes of a `.git` file that are read: it holds one path.
const LINK_BYTES_MAX: u64 = 4096;

/// An operation of git that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "git is in the middle of {what}: {} exists; if no git is running, finish or abort the \
     operation, or delete that file",
    file.display()
)]
pub struct GitOperation {
    /// Which.
    pub what: &'static str,
    /// The file that shows it.
    pub file: PathBuf,
}

/// The operation that is under way in the checkout that `folder` belongs to, if any.
pub(super) fn operation(folder: &Path) -> Option<GitOperation> {
    let git = folder.ancestors().find_map(git_directory)?;
    let exists = |name: &&(&str, &str)| git.join(name.0).symlink_metadata().is_ok();
    let (name, what) = OPERATIONS.iter().find(exists)?;
    Some(GitOperation { what, file: git.join(name) })
}

/// Git's directory for a work tree that begins here.
fn git_directory(folder: &Path) -> Option<PathBuf> {
    let entry = folder.join(".git");
    let found = entry.metadata().ok()?;
    if found.is_dir() {
        return Some(entry);
    }
    if !found.is_file() {
        return None;
    }
    let mut text = String::new();
    fs::File::open(&entry).ok()?.take(LINK_BYTES_MAX).read_to_string(&mut text).ok()?;
    let target = text.strip_prefix("gitdir:")?.trim();
    // A relative path starts at the work tree; an absolute one replaces it.
    Some(folder.join(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_is_named_from_anywhere_in_the_work_tree() {
        let home = tempfile::tempdir().unwrap();
        let deep = home.path().join("config/packs");
        fs::create_dir_all(&deep).unwrap();
        fs::create_dir(home.path().join(".git")).unwrap();
        for (name, what) in OPERATIONS {
            assert_eq!(operation(&deep), None);
            let file = home.path().join(".git").join(name);
            fs::write(&file, "").unwrap();
            for folder in [home.path(), &deep] {
                let said = operation(folder).unwrap().to_string();
                assert!(said.contains(what) && said.contains(name), "{said}");
            }
            fs::remove_file(file).unwrap();
        }
    }

    #[test]
    fn a_linked_work_tree_is_followed_to_its_own_directory() {
        let home = tempfile::tempdir().unwrap();
        let (tree, own) = (home.path().join("tree"), home.path().join("bare/worktrees/tree"));
        fs::create_dir_all(&tree).unwrap();
        fs::create_dir_all(&own).unwrap();
        for link in [own.display().to_string(), "../bare/worktrees/tree".to_owned()] {
            fs::write(tree.join(".git"), format!("gitdir: {link}\n")).unwrap();
            assert_eq!(operation(&tree), None);
            fs::write(own.join("index.lock"), "").unwrap();
            assert!(operation(&tree).is_some(), "{link}");
            fs::remove_file(own.join("index.lock")).unwrap();
        }
        for odd in ["", "gitdir: \n", "gitdir: nowhere\n", "else"] {
            fs::write(tree.join(".git"), odd).unwrap();
            assert_eq!(operation(&tree), None, "{odd:?}");
        }
    }
}
