//! Why a file of the source could not be read.

use thiserror::Error;

/// Why a file or directory of the source could not be read. The text is hashed with the content of
/// the source, so it is the same on every reading.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnreadableFile {
    /// A manifest names it as its template, and it belongs to git.
    #[error("it lies within .git")]
    InGit,
    /// It is a link to something that does not exist.
    #[error("the link leads nowhere")]
    DeadLink,
    /// Links lead back to it.
    #[error("its symbolic links run in a circle")]
    LinkCircle,
    /// It is a link out of the root.
    #[error("it leads out of the source root")]
    LeavesRoot,
    /// The operating system refuses it.
    #[error("permission denied")]
    Denied,
    /// It does not exist.
    #[error("there is no such file or directory")]
    NotFound,
    /// A part of its path is a file.
    #[error("it is not a directory")]
    NotADirectory,
    /// A manifest names it as its template, and it is a directory.
    #[error("it is a directory")]
    Directory,
    /// It is a pipe, a socket or a device.
    #[error("it is not a regular file")]
    NotRegular,
    /// It is larger than a file of the source may be.
    #[error("it is larger than {max} bytes")]
    TooLarge {
        /// The most bytes.
        max: u64,
    },
    /// Its name cannot be written in a manifest.
    #[error("its name is not UTF-8 or holds a backslash")]
    Name,
    /// Another error, in the words of the operating system.
    #[error("{0}")]
    Other(String),
}
