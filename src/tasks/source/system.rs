//! What the operating system says of a directory, and of what cannot be read.

use std::io;

use cap_std::fs::{Dir, MetadataExt as _};

/// Device and inode: which directory a handle stands for, by whatever name.
pub(super) fn identity(dir: &Dir) -> Option<(u64, u64)> {
    let found = dir.dir_metadata().ok()?;
    Some((found.dev(), found.ino()))
}

/// An error of the file system in our words: the same on every reading, since it is hashed.
pub(super) fn reason(error: &io::Error) -> String {
    let known = match (error.raw_os_error(), error.kind()) {
        (Some(libc::ELOOP), _) => "its symbolic links run in a circle",
        // Made by cap-std itself; the system's own refusal has a number.
        (None, io::ErrorKind::PermissionDenied) => "it leads out of the source root",
        (Some(_), io::ErrorKind::PermissionDenied) => "permission denied",
        (_, io::ErrorKind::NotFound) => "there is no such file or directory",
        (_, io::ErrorKind::NotADirectory) => "it is not a directory",
        _ => return error.to_string(),
    };
    known.to_owned()
}
