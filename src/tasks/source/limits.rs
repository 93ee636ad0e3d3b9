//! How much of a directory is read.

use thiserror::Error;

use crate::domain::base::limits;

/// How much a source may hold before it is refused as a whole, or a file of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLimits {
    /// Directories within directories.
    pub depth_max: usize,
    /// Names seen, whatever they are.
    pub entries_max: usize,
    /// Files read.
    pub files_max: usize,
    /// Bytes of one file; a larger one is unreadable, the rest goes on.
    pub file_bytes_max: u64,
    /// Bytes of all files.
    pub bytes_max: u64,
}

/// The limit that a source exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ExceededLimit {
    /// [`SourceLimits::depth_max`].
    #[error("directories lie more than {max} deep")]
    Depth {
        /// The limit.
        max: usize,
    },
    /// [`SourceLimits::entries_max`].
    #[error("it holds more than {max} names")]
    Names {
        /// The limit.
        max: usize,
    },
    /// [`SourceLimits::files_max`].
    #[error("it holds more than {max} files")]
    Files {
        /// The limit.
        max: usize,
    },
    /// [`SourceLimits::bytes_max`].
    #[error("its files hold more than {max} bytes")]
    Bytes {
        /// The limit.
        max: u64,
    },
}

impl Default for SourceLimits {
    /// An organization has at most a few hundred packs: each limit leaves an order of magnitude.
    fn default() -> Self {
        Self {
            depth_max: 16,
            entries_max: 50_000,
            files_max: 5_000,
            file_bytes_max: limits::SOURCE_FILE_BYTES as u64,
            bytes_max: 32 * 1024 * 1024,
        }
    }
}
