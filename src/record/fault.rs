//! What can go wrong with the record, and what a person can do about it.
//!
//! The one table from SQLite's codes and the system's errors to causes.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;
use thiserror::Error;

use crate::domain::base::untrusted::flowing;
use crate::domain::plan::record::{LossKey, NoRecord, NoRecordCause};

/// Characters that are kept of what SQLite or the system says.
const WHY_MAX: usize = 200;

/// Why something was not recorded. A step whose losses are not recorded must not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unrecorded {
    /// There is no record that can be written.
    #[error(transparent)]
    NoRecord(#[from] NoRecord),
    /// The approval was used for this loss before.
    #[error(
        "the approval was used for the loss of {kind} {name:?} of {pack} in {region} before; \
         commit a new one",
        kind = key.kind, name = key.name, pack = key.pack, region = key.region,
    )]
    AlreadyUsed {
        /// The loss.
        key: Box<LossKey>,
    },
}

/// What went wrong with the file, before it is known which file it is.
#[derive(Debug)]
pub(super) enum RecordFault {
    Sql(rusqlite::Error),
    Io(io::Error),
    /// What was found is no record, or a broken one.
    Damaged(String),
    /// It must be left alone.
    Refused(NoRecordCause, String),
    AlreadyUsed(Box<LossKey>),
    /// It has its words already.
    Known(NoRecord),
}

impl From<rusqlite::Error> for RecordFault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<io::Error> for RecordFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl RecordFault {
    /// The fault of this file, in words.
    pub(super) fn at(self, path: &Path) -> Unrecorded {
        let (cause, found) = match self {
            Self::AlreadyUsed(key) => return Unrecorded::AlreadyUsed { key },
            Self::Known(none) => return none.into(),
            Self::Sql(error) => (sql_cause(&error), error.to_string()),
            Self::Io(error) => (io_cause(&error), error.to_string()),
            Self::Damaged(found) => (NoRecordCause::Damaged, found),
            Self::Refused(cause, found) => (cause, found),
        };
        no_record(cause, path, &found).into()
    }
}

/// The sentence about this file.
pub(super) fn no_record(cause: NoRecordCause, path: &Path, found: &str) -> NoRecord {
    let found = flowing(found, WHY_MAX);
    NoRecord { cause, why: format!("the record {}: {found}", path.display()) }
}

fn sql_cause(error: &rusqlite::Error) -> NoRecordCause {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => NoRecordCause::Full,
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::AuthorizationForStatementDenied
            | ErrorCode::ReadOnly,
        ) => NoRecordCause::Denied,
        // Unknown and none: a table or column is missing, or a value has another type.
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) | None => {
            NoRecordCause::Damaged
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => NoRecordCause::InUse,
        Some(_) => NoRecordCause::Failed,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the system has more kinds than matter here")]
pub(super) fn io_cause(error: &io::Error) -> NoRecordCause {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            NoRecordCause::Full
        }
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::AlreadyExists
        | io::ErrorKind::NotFound => NoRecordCause::Denied,
        _ => NoRecordCause::Failed,
    }
}
