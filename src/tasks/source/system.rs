//! What the operating system says of a directory, and of what cannot be read.

use std::io;

use cap_std::fs::{Dir, MetadataExt as _};

use crate::domain::declared::snapshot::UnreadableFile;

/// Device and inode: which directory a handle stands for, by whatever name.
pub(super) fn identity(dir: &Dir) -> Option<(u64, u64)> {
    let found = dir.dir_metadata().ok()?;
    Some((found.dev(), found.ino()))
}

/// An error of the file system in our words: the same on every reading, since it is hashed.
pub(super) fn reason(error: &io::Error) -> UnreadableFile {
    match (error.raw_os_error(), error.kind()) {
        (Some(libc::ELOOP), _) => UnreadableFile::LinkCircle,
        // Made by cap-std itself; the system's own refusal has a number.
        (None, io::ErrorKind::PermissionDenied) => UnreadableFile::LeavesRoot,
        (Some(_), io::ErrorKind::PermissionDenied) => UnreadableFile::Denied,
        (_, io::ErrorKind::NotFound) => UnreadableFile::NotFound,
        (_, io::ErrorKind::NotADirectory) => UnreadableFile::NotADirectory,
        _ => UnreadableFile::Other(error.to_string()),
    }
}
