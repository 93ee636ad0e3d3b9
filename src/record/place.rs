//! Where the record lies: its directory, the lock, the file, and what is moved out of its way.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::cells::insert;
use super::fault::{RecordFault, io_cause};
use super::rows::RecordOwner;
use super::terms::RecordTerms;
use super::{database, identity};
use crate::domain::base::stamp::Stamp;
use crate::domain::base::untrusted::flowing;
use crate::domain::plan::record::NoRecordCause;
use crate::record::terms::FILE;

/// Locked by the process that writes; holds who that is.
const LOCK: &str = "record.lock";
/// What SQLite keeps beside a file. They belong to one file only: beside another they destroy it.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];
/// How often, and how long apart, a lock is tried that another one has.
const LOCK_TRIES: usize = 5;
const LOCK_WAIT: Duration = Duration::from_millis(50);
/// Characters that are shown of what the lock's file holds.
const HOLDER_MAX: usize = 80;

/// Which file: its device and its number there.
pub(super) type Inode = (u64, u64);

/// Our place on the disk, while it is ours.
#[derive(Debug)]
pub(super) struct RecordFolder {
    pub(super) path: PathBuf,
    /// The file that was opened.
    pub(super) file: Inode,
    /// Ends with the process, however that ends.
    #[expect(dead_code, reason = "held, not used")]
    pub(super) lock: File,
}

impl RecordFolder {
    /// The file that was opened is still the one that the next process will find.
    pub(super) fn check(&self) -> Result<(), RecordFault> {
        if inode(&self.path).is_ok_and(|found| found == self.file) {
            return Ok(());
        }
        let found = "it was removed or replaced while it was in use";
        Err(RecordFault::Refused(NoRecordCause::Replaced, found.to_owned()))
    }
}

fn inode(path: &Path) -> io::Result<Inode> {
    let metadata = path.symlink_metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// The directory by its real name: SQLite follows no link in a path, and systemd's state directory
/// is one.
pub(super) fn real(directory: &Path) -> io::Result<PathBuf> {
    Ok(directory.canonicalize()?.join(FILE))
}

/// Makes the directory where it is missing, and takes the lock.
pub(super) fn enter(terms: &RecordTerms, directory: &Path) -> Result<(PathBuf, File), RecordFault> {
    if !directory.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| {
            let found = format!("its directory cannot be created: {error}");
            RecordFault::Refused(io_cause(&error), found)
        })?;
    }
    let path = real(directory)?;
    let lock = lock(&path.with_file_name(LOCK), &terms.command)?;
    Ok((path, lock))
}

fn lock(path: &Path, command: &str) -> Result<File, RecordFault> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    // Opening a FIFO or device must not wait, and a link may lead anywhere.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    options.custom_flags(flags.bits().cast_signed());
    let failed = |error: io::Error| {
        let found = format!("its lock {} cannot be taken: {error}", path.display());
        RecordFault::Refused(io_cause(&error), found)
    };
    let mut file = options.open(path).map_err(failed)?;
    give_to_owner_of_directory(path);
    if !lock_file(&file).map_err(failed)? {
        let mut holder = String::new();
        // What cannot be read is not said.
        if (&file).take(1_024).read_to_string(&mut holder).is_err() {
            holder.clear();
        }
        let found = format!("it is in use by {}", flowing(&holder, HOLDER_MAX));
        return Err(RecordFault::Refused(NoRecordCause::InUse, found));
    }
    let holder = format!("{command}, pid {}\n", std::process::id());
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(holder.as_bytes()));
    written.map_err(failed)?;
    Ok(file)
}

/// Whether the lock could be taken. A process that ends, or that starts another one, may hold it
/// for a moment longer.
fn lock_file(file: &File) -> io::Result<bool> {
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_WAIT),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(false)
}

/// Opens the file; makes it where there is none. The schema is the newest then.
pub(super) fn open(
    terms: &RecordTerms,
    path: &Path,
    now: &Stamp,
) -> Result<(Connection, Inode), RecordFault> {
    match path.symlink_metadata() {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(terms, path, now)?,
        Err(error) => return Err(error.into()),
    }
    let file = inode(path)?;
    tighten(path);
    let connection = database::open_to_write(path, terms.bytes_hard(), |connection| {
        identity::identity(connection, terms).map(drop)
    })?;
    Ok((connection, file))
}

/// Removes access for other users: the file holds names and losses, and SQLite gives its companions
/// the same mode. A file that belongs to another user stays as it is.
fn tighten(path: &Path) {
    if let Ok(metadata) = path.symlink_metadata()
        && metadata.is_file()
        && metadata.mode() & 0o077 != 0
        && let Err(error) = fs::set_permissions(path, Permissions::from_mode(0o600))
    {
        // Not fatal: the record works with any mode, and only its owner can change it.
        tracing::debug!(%error, "the record's mode cannot be changed");
    }
}

/// Makes the file under another name first: a process that dies meanwhile leaves no half record.
fn create(terms: &RecordTerms, path: &Path, now: &Stamp) -> Result<(), RecordFault> {
    let companions = COMPANIONS.iter().map(|suffix| beside(path, suffix));
    // SQLite would apply a left-over write-ahead log of another file to the new one.
    if companions.into_iter().any(|companion| companion.symlink_metadata().is_ok()) {
        move_aside(path, now)?;
    }
    let new = beside(path, ".new");
    for leftover in std::iter::once(new.clone()).chain(COMPANIONS.map(|it| beside(&new, it))) {
        match fs::remove_file(leftover) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    give_to_owner_of_directory(&new);
    let mut connection = Connection::open(&new)?;
    database::begin(&mut connection, terms.bytes_hard())?;
    insert(&connection, "INSERT", &terms.identity(now))?;
    connection.close().map_err(|(_, error)| error)?;
    // The rename comes last and the directory is synced after it: a crash leaves either no record
    // or a complete one.
    fs::rename(&new, path)?;
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

/// Moves the file and its companions out of the way, and tells where to. Nothing is deleted.
pub(super) fn move_aside(path: &Path, now: &Stamp) -> Result<PathBuf, RecordFault> {
    let time = now.wall.strftime("%Y%m%dT%H%M%SZ");
    let names = (0..100).map(|number| match number {
        0 => beside(path, &format!(".corrupt-{time}")),
        number => beside(path, &format!(".corrupt-{time}-{number}")),
    });
    let is_free = |name: &PathBuf| {
        let all = std::iter::once(name.clone()).chain(COMPANIONS.map(|it| beside(name, it)));
        all.into_iter().all(|name| name.symlink_metadata().is_err())
    };
    let Some(aside) = names.into_iter().find(is_free) else {
        return Err(RecordFault::Refused(
            NoRecordCause::Failed,
            "it cannot be moved aside".to_owned(),
        ));
    };
    // The file itself comes last: a process that dies in between leaves no companions to a new one.
    for suffix in COMPANIONS.iter().chain(&[""]) {
        match fs::rename(beside(path, suffix), beside(&aside, suffix)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(aside)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// What root makes in the directory of a service's user is that user's, else the service could not
/// open it any more. Others cannot give files away, and need not.
fn give_to_owner_of_directory(path: &Path) {
    let Some(Ok(directory)) = path.parent().map(Path::metadata) else { return };
    let given = std::os::unix::fs::lchown(path, Some(directory.uid()), Some(directory.gid()));
    if let Err(error) = given {
        tracing::debug!(%error, "a file of the record keeps its owner");
    }
}

/// The identity of a new record.
impl RecordTerms {
    fn identity(&self, now: &Stamp) -> RecordOwner {
        RecordOwner {
            installation: self.installation.clone(),
            account: self.account,
            salt: uuid::Uuid::new_v4().simple().to_string(),
            began: now.clone(),
        }
    }

    /// Makes the connection a new record that is kept in memory only.
    pub(super) fn begin_in_memory(&self, now: &Stamp) -> Result<Connection, RecordFault> {
        let mut connection = Connection::open_in_memory()?;
        database::begin(&mut connection, self.bytes_hard())?;
        insert(&connection, "INSERT", &self.identity(now))?;
        Ok(connection)
    }
}
