//! Files that are no record, or a broken one, or another's: said, moved aside or refused.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use conformd::clock::Clock;
use conformd::domain::plan::record::{NoRecordCause, RecordStatus};
use conformd::record::terms::RecordTerms;
use conformd::record::{FILE, Record, RecordReader};
use insta::assert_snapshot;
use proptest::prelude::*;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{at, cause, counted, files, loss, open, placeless, terms, usable, why};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// A record with these losses, closed.
fn record_of(directory: &Path, names: &[String]) {
    let record = usable(directory, 0).record;
    runtime().block_on(async {
        for name in names {
            record.give(vec![loss(name, 0)]).await.unwrap();
        }
    });
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("rule-{number}")).collect()
}

/// What is said about the record that `breaks` leaves; another one has begun.
fn moved_aside(breaks: impl FnOnce(&Path)) -> String {
    let home = TempDir::new().unwrap();
    record_of(home.path(), &names(3));
    let path = home.path().join(FILE);
    breaks(&path);
    let before = path.is_file().then(|| fs::read(&path).unwrap());
    let opened = open(home.path(), 60);
    assert!(opened.record.status().is_usable(), "{:?}", opened.record.status());
    assert_eq!(opened.record.status(), RecordStatus::Usable { began: at(60) });
    assert!(opened.window.losses.is_empty());
    let kept: Vec<_> = files(home.path()).into_iter().filter(|it| it.contains("corrupt")).collect();
    assert_eq!(kept, ["record.sqlite3.corrupt-20261101T000100Z"]);
    if let Some(before) = before.filter(|bytes| !bytes.starts_with(b"SQLite format 3\0")) {
        assert_eq!(fs::read(home.path().join(&kept[0])).unwrap(), before);
    }
    runtime().block_on(opened.record.give(vec![loss("new", 60)])).unwrap();
    let (notices, record) = (opened.notices, opened.record);
    drop(record);
    assert_eq!(counted(&usable(home.path(), 61)), ["new"], "said once, and it works from then on");
    let told = placeless(home.path(), &notices.join("\n"));
    let kept = "; it was moved to DIR/record.sqlite3.corrupt-20261101T000100Z, and a new record was created";
    told.strip_suffix(kept).unwrap().to_owned()
}

#[test]
fn what_is_no_record_is_moved_aside_and_another_one_begins() {
    let mut said = Vec::new();
    let garbage = |path: &Path| fs::write(path, "404: Not Found\n".repeat(100)).unwrap();
    said.push(moved_aside(garbage));
    let empty = |path: &Path| fs::write(path, "").unwrap();
    said.push(moved_aside(empty));
    let header = |path: &Path| File::options().write(true).open(path).unwrap().set_len(60).unwrap();
    said.push(moved_aside(header));
    let half = |path: &Path| {
        let file = File::options().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    };
    said.push(moved_aside(half));
    let foreign = |path: &Path| {
        fs::remove_file(path).unwrap();
        let other = rusqlite::Connection::open(path).unwrap();
        other.execute_batch("CREATE TABLE places (url TEXT)").unwrap();
    };
    said.push(moved_aside(foreign));
    let directory = |path: &Path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    };
    said.push(moved_aside(directory));
    let link = |path: &Path| {
        let target = path.with_file_name("elsewhere");
        fs::rename(path, &target).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    };
    said.push(moved_aside(link));
    let fifo = |path: &Path| {
        fs::remove_file(path).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
    };
    said.push(moved_aside(fifo));
    let page = |path: &Path| {
        let file = File::options().write(true).open(path).unwrap();
        file.write_all_at(&[0xff; 4_096], 2 * 4_096).unwrap();
    };
    said.push(moved_aside(page));
    let table = |path: &Path| {
        let other = rusqlite::Connection::open(path).unwrap();
        other.execute_batch("DROP TABLE approvals_used; DROP TABLE losses").unwrap();
    };
    said.push(moved_aside(table));
    let nobody = |path: &Path| {
        let other = rusqlite::Connection::open(path).unwrap();
        other.execute_batch("DELETE FROM identity").unwrap();
    };
    said.push(moved_aside(nobody));
    assert_snapshot!(said.join("\n"), @"
    the record DIR/record.sqlite3: it is no SQLite file
    the record DIR/record.sqlite3: it has only 0 bytes
    the record DIR/record.sqlite3: it has only 60 bytes
    the record DIR/record.sqlite3: database disk image is malformed
    the record DIR/record.sqlite3: it is another program's database
    the record DIR/record.sqlite3: it is a directory
    the record DIR/record.sqlite3: it is a symbolic link
    the record DIR/record.sqlite3: it is no regular file
    the record DIR/record.sqlite3: *** in database main *** Tree 3 page 3: btreeInitPage() returns error code 11
    the record DIR/record.sqlite3: no such table: losses
    the record DIR/record.sqlite3: it does not name an installation
    ");
}

#[test]
fn a_row_that_was_changed_by_other_hands_is_found() {
    let mut said = Vec::new();
    let edit = |path: &Path| {
        let other = rusqlite::Connection::open(path).unwrap();
        other.execute("UPDATE losses SET at_wall = 0 WHERE id = 2", []).unwrap();
    };
    said.push(moved_aside(edit));
    let older = |path: &Path| {
        let other = rusqlite::Connection::open(path).unwrap();
        other.execute("UPDATE identity SET began_wall = 0, began_aws = NULL", []).unwrap();
    };
    said.push(moved_aside(older));
    assert_snapshot!(said.join("\n"), @"
    the record DIR/record.sqlite3: row 2 of losses is damaged: its seal does not fit
    the record DIR/record.sqlite3: row 1 of identity is damaged: its seal does not fit
    ");
}

#[test]
fn no_flipped_byte_anywhere_loses_a_loss_unsaid() {
    let home = TempDir::new().unwrap();
    let names = names(12);
    record_of(home.path(), &names);
    let whole = fs::read(home.path().join(FILE)).unwrap();
    let mut noticed = 0;
    // Bytes all over the file, with a pattern that moves through the bits.
    for (number, offset) in (0..whole.len()).step_by(67).enumerate() {
        let other = TempDir::new_in(home.path()).unwrap();
        let mut bytes = whole.clone();
        bytes[offset] ^= 1 << (number % 8);
        fs::write(other.path().join(FILE), bytes).unwrap();
        let opened = open(other.path(), 60);
        match opened.record.status() {
            RecordStatus::Usable { .. } if opened.notices.is_empty() => {
                assert_eq!(counted(&opened), names, "byte {offset}");
            }
            RecordStatus::Usable { .. } => {
                noticed += 1;
                assert!(!opened.record.status().covers_window(&at(60)));
            }
            RecordStatus::Unusable(none) => {
                noticed += 1;
                assert_eq!(opened.notices, Vec::<String>::new(), "{none}");
            }
        }
    }
    assert!(noticed > 30, "{noticed}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.min(64)))]

    #[test]
    fn arbitrary_bytes_are_never_believed(
        bytes in proptest::collection::vec(any::<u8>(), 0..9_000),
    ) {
        let home = TempDir::new().unwrap();
        fs::write(home.path().join(FILE), bytes).unwrap();
        let opened = open(home.path(), 60);
        prop_assert_eq!(opened.record.status(), RecordStatus::Usable { began: at(60) });
        prop_assert_eq!(opened.notices.len(), 1);
    }
}

/// What is said of a record that must be left alone; nothing of it has changed.
fn refused(breaks: impl FnOnce(&Path), terms: impl FnOnce(RecordTerms) -> RecordTerms) -> String {
    let home = TempDir::new().unwrap();
    record_of(home.path(), &names(3));
    let path = home.path().join(FILE);
    breaks(&path);
    let before = fs::read(&path).unwrap();
    let opened = Record::open(terms(super::terms(home.path())), &at(60));
    let error = runtime().block_on(opened.record.give(vec![loss("new", 60)])).unwrap_err();
    assert_eq!(error.to_string(), why(&opened.record).to_string());
    assert!(opened.window.losses.is_empty() && opened.notices.is_empty());
    assert!(!opened.record.status().covers_window(&at(900)));
    let (window, record) = (opened.window, opened.record);
    assert_eq!(window, conformd::domain::plan::record::RecordedPast::default());
    drop(record);
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(files(home.path()), ["record.lock", FILE]);
    placeless(home.path(), &error.to_string())
}

#[test]
fn a_newer_record_and_one_of_others_are_left_as_they_are() {
    let mut said = Vec::new();
    let newer = |path: &Path| {
        let other = rusqlite::Connection::open(path).unwrap();
        other.pragma_update(None, "user_version", 900).unwrap();
        other.execute_batch("ALTER TABLE losses ADD COLUMN more TEXT").unwrap();
    };
    said.push(refused(newer, |terms| terms));
    let installation = |terms| RecordTerms { installation: "staging".parse().unwrap(), ..terms };
    said.push(refused(|_| {}, installation));
    let account = |terms| RecordTerms { account: "999999999999".parse().unwrap(), ..terms };
    said.push(refused(|_| {}, account));
    assert_snapshot!(said.join("\n"), @"
    the record DIR/record.sqlite3: a newer conformd wrote it (schema 900, known up to 1); run the newer conformd again, or move the file away
    the record DIR/record.sqlite3: it belongs to installation main in account 111111111111, not to staging in 111111111111; give each installation its own stateDirectory
    the record DIR/record.sqlite3: it belongs to installation main in account 111111111111, not to main in 999999999999; give each installation its own stateDirectory
    ");
}

#[test]
fn a_directory_that_cannot_be_made_or_entered_is_said() {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("file"), "").unwrap();
    let said = |directory: &Path| {
        let opened = open(directory, 0);
        assert_eq!(cause(&opened.record), NoRecordCause::Denied);
        placeless(home.path(), &why(&opened.record).to_string())
    };
    let said = ["file", "file/state"].map(|name| said(&home.path().join(name)));
    assert_snapshot!(said.join("\n"), @"
    the record DIR/file/record.sqlite3: its directory cannot be created: File exists (os error 17); make the user that runs conformd the owner of its directory and files, on a writable disk
    the record DIR/file/state/record.sqlite3: its directory cannot be created: Not a directory (os error 20); make the user that runs conformd the owner of its directory and files, on a writable disk
    ");
    fs::create_dir(home.path().join("state")).unwrap();
    fs::create_dir(home.path().join("state/record.lock")).unwrap();
    let opened = open(&home.path().join("state"), 0);
    assert_snapshot!(placeless(home.path(), &why(&opened.record).to_string()), @"the record DIR/state/record.sqlite3: its lock DIR/state/record.lock cannot be taken: Is a directory (os error 21); make the user that runs conformd the owner of its directory and files, on a writable disk");
    let none = Record::open(RecordTerms { directory: None, ..terms(home.path()) }, &at(0)).record;
    assert_eq!(cause(&none), NoRecordCause::NotConfigured);
    assert_snapshot!(why(&none).to_string(), @"no directory for the record is configured; set stateDirectory, or --state-directory, to a directory that outlives the process");
}

#[test]
fn a_missing_directory_is_made_for_its_user_alone_and_so_is_the_file() {
    let home = TempDir::new().unwrap();
    let directory = home.path().join("lib/conformd");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    drop(usable(&directory, 0));
    let path = directory.join(FILE);
    assert_eq!((mode(&directory), mode(&path)), (0o700, 0o600));
    assert_eq!(mode(&directory.join("record.lock")), 0o600);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let opened = usable(&directory, 0);
    runtime().block_on(opened.record.give(vec![loss("one", 0)])).unwrap();
    for name in files(&directory) {
        assert_eq!(mode(&directory.join(&name)), 0o600, "{name}");
    }
}

#[test]
fn the_log_of_a_file_that_is_gone_does_not_get_into_a_new_one() {
    let home = TempDir::new().unwrap();
    let path = home.path().join(FILE);
    record_of(home.path(), &names(1));
    // A log with a page in it, as a process that was killed leaves it.
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA wal_autocheckpoint = 0; DELETE FROM losses").unwrap();
    let log = fs::read(home.path().join("record.sqlite3-wal")).unwrap();
    assert!(log.len() > 4_096);
    drop(other);
    fs::remove_file(&path).unwrap();
    fs::write(home.path().join("record.sqlite3-wal"), &log).unwrap();
    let opened = usable(home.path(), 60);
    assert_eq!(opened.record.status(), RecordStatus::Usable { began: at(60) });
    let aside = home.path().join("record.sqlite3.corrupt-20261101T000100Z-wal");
    assert_eq!(fs::read(aside).unwrap(), log);
}

#[test]
fn a_process_that_dies_while_it_makes_a_record_leaves_none() {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("record.sqlite3.new"), "half").unwrap();
    fs::write(home.path().join("record.sqlite3.new-journal"), "half").unwrap();
    drop(usable(home.path(), 0));
    assert_eq!(files(home.path()), ["record.lock", FILE]);
}

#[tokio::test]
async fn a_record_that_is_removed_or_replaced_in_use_takes_no_more_losses_until_opened_anew() {
    let home = TempDir::new().unwrap();
    let path = home.path().join(FILE);
    let record = usable(home.path(), 0).record;
    record.give(vec![loss("one", 0)]).await.unwrap();
    fs::rename(&path, home.path().join("moved")).unwrap();
    let error = record.give(vec![loss("two", 1)]).await.unwrap_err();
    assert_snapshot!(placeless(home.path(), &error.to_string()), @"the record DIR/record.sqlite3: it was removed or replaced while it was in use; do not change its files; conformd opens the new ones by itself");
    assert_eq!(record.figures().write_errors, 1);
    let (window, _) = record.recover(at(60)).await.unwrap();
    assert!(window.losses.is_empty());
    assert_eq!(record.status(), RecordStatus::Usable { began: at(60) });
    record.give(vec![loss("three", 61)]).await.unwrap();
    // The first one comes back, in place of the new one.
    fs::rename(home.path().join("moved"), &path).unwrap();
    assert!(record.give(vec![loss("four", 62)]).await.is_err());
    let (window, notices) = record.recover(at(63)).await.unwrap();
    assert!(notices.is_empty(), "{notices:?}");
    let found: Vec<_> = window.losses.values().map(|entry| &*entry.key.name).collect();
    assert_eq!(found, ["one"]);
}

#[tokio::test]
async fn a_full_record_refuses_losses_and_takes_them_again_when_there_is_room() {
    let home = TempDir::new().unwrap();
    let small = RecordTerms { bytes_max: 200_000, ..terms(home.path()) };
    let record = Record::open(small, &at(0)).record;
    let mut given = 0;
    let error = loop {
        let wave = (0..50).map(|_| loss(&"x".repeat(500), 0)).collect();
        match record.give(wave).await {
            Ok(ids) => given += ids.len(),
            Err(error) => break error,
        }
    };
    assert_snapshot!(placeless(home.path(), &error.to_string()), @"the record DIR/record.sqlite3: database or disk is full; free space on its disk, or shorten record.retention");
    assert_eq!(cause(&record), NoRecordCause::Full);
    assert_eq!(record.window(at(1)).await.unwrap().losses.len(), given, "it can still be read");
    assert_eq!(record.recover(at(1)).await, None);
    record.prune(at(2 * super::DAY)).await.unwrap();
    assert!(record.status().is_usable());
    record.give(vec![loss("again", 2 * super::DAY)]).await.unwrap();
}

#[test]
fn a_reader_makes_and_moves_nothing() {
    let home = TempDir::new().unwrap();
    let directory = home.path().join("state");
    let said =
        || placeless(home.path(), &RecordReader::open(&terms(&directory)).unwrap_err().to_string());
    let missing = said();
    assert_snapshot!(missing, @"the record DIR/state/record.sqlite3: there is none yet; start conformd, which creates it");
    fs::create_dir(&directory).unwrap();
    assert_eq!(said(), missing);
    assert!(files(&directory).is_empty());
    fs::write(directory.join(FILE), "nothing").unwrap();
    assert_snapshot!(said(), @"the record DIR/state/record.sqlite3: it has only 7 bytes; restart conformd, which moves the file aside and creates a new one");
    assert_eq!(files(&directory), [FILE]);
}

#[tokio::test]
async fn a_reader_sees_what_the_process_beside_it_has_recorded() {
    let home = TempDir::new().unwrap();
    let record = usable(home.path(), 0).record;
    for number in 0..3 {
        record.give(vec![loss(&format!("rule-{number}"), number)]).await.unwrap();
        let reader = RecordReader::open(&terms(home.path())).unwrap();
        let found = reader.window(&at(number)).unwrap().losses.len();
        assert_eq!(found as u64, number + 1);
        assert_eq!((reader.began(), reader.bytes().unwrap() > 0), (&at(0), true));
    }
}

#[test]
fn what_root_makes_belongs_to_the_owner_of_the_directory() {
    let home = TempDir::new().unwrap();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(home.path(), Some(65_534), Some(65_534)).unwrap();
    }
    let owner = home.path().metadata().unwrap().uid();
    let opened = usable(home.path(), 0);
    runtime().block_on(opened.record.give(vec![loss("one", 0)])).unwrap();
    for name in files(home.path()) {
        assert_eq!(home.path().join(&name).metadata().unwrap().uid(), owner, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_task_opens_a_record_that_can_be_used_again_and_hands_over_its_window() {
    let home = TempDir::new().unwrap();
    let first = usable(home.path(), 0).record;
    first.give(vec![loss("one", 0)]).await.unwrap();
    let clock = Clock::simulated(at(60).wall, 1);
    let second = Record::open(terms(home.path()), &clock.stamp()).record;
    assert_eq!(cause(&second), NoRecordCause::InUse);
    let stop = CancellationToken::new();
    let handed = std::cell::RefCell::new(Vec::new());
    let story = async {
        clock.sleep(Duration::from_mins(3)).await;
        assert_eq!(cause(&second), NoRecordCause::InUse);
        drop(first);
        clock.sleep(Duration::from_mins(2)).await;
        stop.cancel();
    };
    let reopened = |window, _| handed.borrow_mut().push(window);
    tokio::join!(
        conformd::record::run(second.clone(), clock.clone(), stop.clone(), reopened),
        story
    );
    assert!(second.status().is_usable());
    assert_eq!(handed.into_inner().len(), 1);
    second.give(vec![loss("two", 90)]).await.unwrap();
}
