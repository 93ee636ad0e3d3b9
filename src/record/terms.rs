//! What a record is opened with.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::base::model::{AccountId, Installation};

/// The directory of the record, and its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordTerms {
    /// The directory it lies in; `None`: nothing is remembered.
    pub directory: Option<PathBuf>,
    /// Whose it is.
    pub installation: Installation,
    /// The account that owns the packs.
    pub account: AccountId,
    /// The name of the process, shown to other processes that find the record in use: `conformd
    /// run`.
    pub command: String,
    /// How long history is kept.
    pub retention: Duration,
    /// The bytes that history may take: [`super::BYTES_MAX`].
    pub bytes_max: u64,
}

impl RecordTerms {
    pub(super) fn bytes_hard(&self) -> u64 {
        // An eighth at least, for records that are kept small on purpose.
        self.bytes_max.saturating_add(RESERVE.min(self.bytes_max / 8))
    }

    /// The file, for messages.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.as_deref().unwrap_or(Path::new("")).join(FILE)
    }
}

/// The record's file.
pub const FILE: &str = "record.sqlite3";

/// The bytes above that which only losses may take: some hundred thousand of them.
const RESERVE: u64 = 64 * 1_024 * 1_024;
