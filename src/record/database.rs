//! One connection: how it is opened, what is proven of the file first, and its schema's versions.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::fault::RecordFault;
use crate::domain::plan::record::NoRecordCause;

/// Says that a SQLite file is a record of conformd: "cmfd" (`PRAGMA application_id`).
pub(super) const APPLICATION: i32 = 0x636d_6664;

/// Every version of the schema, as the step from the one before it. A step is never changed.
pub(super) const VERSIONS: &[&str] = &[include_str!("schema/1.sql")];

/// How long another process that reads or copies the file is waited for.
const BUSY: Duration = Duration::from_secs(5);

/// Bytes a page: SQLite's default.
const PAGE: u64 = 4_096;

/// How a SQLite file begins (SQLite, "Database File Format", 1.3).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Checks the first page. It is read without SQLite, which might change the file or its companions.
pub(super) fn examine(path: &Path) -> Result<(), RecordFault> {
    let metadata = path.symlink_metadata()?;
    let kind = metadata.file_type();
    if !kind.is_file() {
        let found = if kind.is_dir() {
            "a directory"
        } else if kind.is_symlink() {
            "a symbolic link"
        } else {
            "no regular file"
        };
        return Err(RecordFault::Damaged(format!("it is {found}")));
    }
    let mut header = [0; 100];
    match File::open(path)?.read_exact(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            return Err(RecordFault::Damaged(format!("it has only {} bytes", metadata.len())));
        }
        Err(error) => return Err(error.into()),
    }
    let number = |at: usize| {
        let bytes = header.get(at..).and_then(|rest| rest.first_chunk::<4>());
        i32::from_be_bytes(*bytes.unwrap_or(&[0; 4]))
    };
    // From the general to the particular, so that the message names what the file really is: no
    // SQLite file, another program's, or a newer conformd's.
    if !header.starts_with(MAGIC) {
        return Err(RecordFault::Damaged("it is no SQLite file".to_owned()));
    }
    if number(68) != APPLICATION {
        return Err(RecordFault::Damaged("it is another program's database".to_owned()));
    }
    known_version(number(60))
}

fn known_version(version: i32) -> Result<(), RecordFault> {
    let known = VERSIONS.len();
    if usize::try_from(version).is_ok_and(|version| version <= known) {
        return Ok(());
    }
    let found = format!("a newer conformd wrote it (schema {version}, known up to {known})");
    Err(RecordFault::Refused(NoRecordCause::Newer, found))
}

/// Opens a file to read only. Its directory need not be writable.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, RecordFault> {
    examine(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let open = |path: &Path, flags| -> Result<Connection, RecordFault> {
        let connection = Connection::open_with_flags(path, flags)?;
        harden(&connection)?;
        prove(&connection)?;
        Ok(connection)
    };
    let opened = open(path, flags);
    let is_bare = || !with_suffix(path, "-wal").exists();
    match opened {
        // This process cannot create the index of the write-ahead log. Without a log no process
        // writes, and no index is needed.
        Err(RecordFault::Sql(error))
            if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) && is_bare() =>
        {
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            open(Path::new(&format!("file:{}?immutable=1", escaped(path))), flags)
        }
        opened => opened,
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A path as part of a URI (SQLite, "Uniform Resource Identifiers").
fn escaped(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    // A `?` or `#` in a path would end it and turn the rest into options of the connection.
    let escape = |byte: &u8| match char::from(*byte) {
        plain if plain.is_ascii_alphanumeric() || "/._-".contains(plain) => plain.to_string(),
        _ => format!("%{byte:02x}"),
    };
    bytes.map(escape).collect()
}

/// Opens a file to write, at the newest version of the schema. Before anything is written,
/// `accept` sees whose it is.
pub(super) fn open_to_write(
    path: &Path,
    bytes_max: u64,
    accept: impl FnOnce(&Connection) -> Result<(), RecordFault>,
) -> Result<Connection, RecordFault> {
    examine(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(path, flags)?;
    // SQLite reads a file that may not be written without a word.
    if connection.is_readonly("main")? {
        return Err(RecordFault::Refused(
            NoRecordCause::Denied,
            "it may not be written".to_owned(),
        ));
    }
    harden(&connection)?;
    prove(&connection)?;
    accept(&connection)?;
    tune(&connection, bytes_max)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        let found = format!("its disk cannot hold SQLite's log (journal mode {mode})");
        return Err(RecordFault::Refused(NoRecordCause::Failed, found));
    }
    migrate(&mut connection, VERSIONS)?;
    Ok(connection)
}

/// Makes a file that is already there and empty a record without rows; WAL comes later, so that the
/// file is whole by itself.
pub(super) fn begin(connection: &mut Connection, bytes_max: u64) -> Result<(), RecordFault> {
    harden(connection)?;
    // Only before the first table is made.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    tune(connection, bytes_max)?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    migrate(connection, VERSIONS)
}

/// The file is data: nothing in it makes SQLite run, or write, anything.
fn harden(connection: &Connection) -> Result<(), RecordFault> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.busy_timeout(BUSY)?;
    Ok(())
}

fn tune(connection: &Connection, bytes_max: u64) -> Result<(), RecordFault> {
    // Acknowledged means on the disk, not in the kernel's memory: after a loss of power a loss that
    // was forgotten would be allowed again.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let pages = i64::try_from(bytes_max / PAGE).unwrap_or(i64::MAX);
    connection
        .pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))?;
    Ok(())
}

/// Whether it is a whole record that this version knows.
fn prove(connection: &Connection) -> Result<(), RecordFault> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    known_version(number("user_version")?)?;
    // There are few indexes, so the whole check costs little more than the quick one.
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(RecordFault::Damaged(found));
    }
    Ok(())
}

/// Brings the schema from its version to the newest, in one transaction.
pub(super) fn migrate(connection: &mut Connection, versions: &[&str]) -> Result<(), RecordFault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version =
        transaction.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))?;
    let version = usize::try_from(version).unwrap_or_default();
    if version >= versions.len() {
        return Ok(());
    }
    for step in versions.iter().skip(version) {
        transaction.execute_batch(step)?;
    }
    let newest = i64::try_from(versions.len()).unwrap_or(i64::MAX);
    transaction.pragma_update(None, "user_version", newest)?;
    transaction.commit()?;
    Ok(())
}

/// The bytes in use.
pub(super) fn size(connection: &Connection) -> Result<u64, RecordFault> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (pages, free) = (number("page_count")?, number("freelist_count")?);
    let bytes = pages.saturating_sub(free).saturating_mul(number("page_size")?);
    Ok(u64::try_from(bytes).unwrap_or_default())
}

/// Begins to write. It takes the write lock at once: a transaction that only read so far could not
/// wait for it.
pub(super) fn write(connection: &mut Connection) -> Result<Transaction<'_>, RecordFault> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(connection: &Connection) -> i32 {
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    #[test]
    fn migrations_run_once_in_order_and_all_or_none() {
        let mut connection = Connection::open_in_memory().unwrap();
        let (first, second) = ("CREATE TABLE a (x);", "INSERT INTO a VALUES (1);");
        migrate(&mut connection, &[first]).unwrap();
        migrate(&mut connection, &[first, second]).unwrap();
        migrate(&mut connection, &[first, second]).unwrap();
        let rows = |connection: &Connection| -> i64 {
            connection.query_row("SELECT count(*) FROM a", [], |row| row.get(0)).unwrap()
        };
        assert_eq!((version(&connection), rows(&connection)), (2, 1));
        let failed = migrate(&mut connection, &[first, second, second, "INSERT INTO b VALUES (1)"]);
        assert!(failed.is_err());
        assert_eq!((version(&connection), rows(&connection)), (2, 1), "nothing is half done");
    }
}
