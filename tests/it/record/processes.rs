//! Processes that die, that run side by side, and that have no room or no right to write.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use conformd::domain::plan::record::NoRecordCause;
use conformd::record::{FILE, RecordReader};
use insta::assert_snapshot;
use tempfile::TempDir;

use super::{at, cause, counted, files, loss, open, placeless, terms, usable, why};

/// Names the directory to a test that was started again as another process.
const CHILD: &str = "CONFORMD_RECORD_CHILD";

/// The directory, if this is that process.
fn child_directory() -> Option<OsString> {
    std::env::var_os(CHILD)
}

/// This binary, to run this one test again; `wrapper` comes first.
fn again(test: &str, directory: &Path, wrapper: &[&str]) -> Command {
    let own = std::env::current_exe().unwrap();
    let mut words: Vec<OsString> = wrapper.iter().map(OsString::from).collect();
    words.push(own.into());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(["--exact", "--nocapture"]);
    command.arg(format!("record::processes::{test}"));
    command.env(CHILD, directory).stdin(Stdio::null());
    command
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// Records one loss after the other and says so, until somebody ends it.
fn record_for_ever(directory: &Path) -> ! {
    let opened = usable(directory, 0);
    let start = opened.window.losses.len();
    println!("start {start}");
    for number in start.. {
        runtime().block_on(opened.record.give(vec![loss(&format!("rule-{number}"), 0)])).unwrap();
        println!("given {number}");
    }
    unreachable!("numbers do not end")
}

fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok)
}

#[test]
fn every_loss_that_was_acknowledged_survives_kill_9_at_any_moment() {
    if let Some(directory) = child_directory() {
        record_for_ever(Path::new(&directory));
    }
    let home = TempDir::new().unwrap();
    let mut acknowledged = 0;
    for round in 0..100_u64 {
        let name = "every_loss_that_was_acknowledged_survives_kill_9_at_any_moment";
        let mut child = again(name, home.path(), &[]).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = lines(&mut child);
        assert!(said.any(|line| line.ends_with(&format!("start {acknowledged}")) || {
            // One more may have been written than was said.
            line.ends_with(&format!("start {}", acknowledged + 1))
        }));
        // Within and between writes: after some of them, and a moment that differs every time.
        let count = usize::try_from(round % 3).unwrap();
        let mut last = said.by_ref().take(count).last();
        thread::sleep(Duration::from_micros(round * 397 % 7_000));
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        last = said.last().or(last);
        let number = |line: String| line.split_once("given ")?.1.parse::<usize>().ok();
        let last = last.and_then(number);
        acknowledged = last.map_or(acknowledged, |last| last + 1);
        let reader = RecordReader::open(&terms(home.path())).unwrap();
        let found = reader.window(&at(0)).unwrap().losses.len();
        assert!((acknowledged..=acknowledged + 1).contains(&found), "{acknowledged}, {found}");
        acknowledged = found;
    }
    assert!(acknowledged >= 99, "{acknowledged}");
    let names: Vec<String> = (0..acknowledged).map(|number| format!("rule-{number}")).collect();
    assert_eq!(counted(&usable(home.path(), 0)), names);
}

#[test]
fn a_second_process_is_told_who_has_the_record_and_gets_it_once_the_first_is_dead() {
    if let Some(directory) = child_directory() {
        record_for_ever(Path::new(&directory));
    }
    let home = TempDir::new().unwrap();
    let name = "a_second_process_is_told_who_has_the_record_and_gets_it_once_the_first_is_dead";
    let mut child = again(name, home.path(), &[]).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = lines(&mut child);
    assert!(said.any(|line| line.contains("given 3")));
    let second = open(home.path(), 1).record;
    assert_eq!(cause(&second), NoRecordCause::InUse);
    let pid = child.id().to_string();
    let told = placeless(home.path(), &why(&second).to_string()).replace(&pid, "PID");
    assert_snapshot!(told, @"the record DIR/record.sqlite3: it is in use by conformd run, pid PID; stop one of the two processes, or give each its own installation and stateDirectory");
    let beside = RecordReader::open(&terms(home.path())).unwrap().window(&at(0)).unwrap();
    assert!(beside.losses.len() > 3, "what is recorded can be read meanwhile");
    child.kill().unwrap();
    child.wait().unwrap();
    let (window, _) = runtime().block_on(second.recover(at(2))).unwrap();
    assert!(window.losses.len() >= beside.losses.len());
    runtime().block_on(second.give(vec![loss("mine", 2)])).unwrap();
}

/// Runs a test again in a file system of its own, if this system lets us make one.
fn in_own_file_system(test: &str, size: &str) {
    let mount = format!("mount -t tmpfs -o size={size} tmpfs \"${CHILD}\" && exec \"$0\" \"$@\"");
    let allowed = Command::new("unshare").args(["-rm", "true"]).status();
    if !allowed.is_ok_and(|status| status.success()) {
        println!("not tried: no file systems may be mounted here");
        return;
    }
    let home = TempDir::new().unwrap();
    let ended = again(test, home.path(), &["unshare", "-rm", "sh", "-c", &mount]).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned()
        + &String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn a_full_disk_is_said_and_nothing_that_was_acknowledged_is_lost() {
    let Some(directory) = child_directory() else {
        let name = "a_full_disk_is_said_and_nothing_that_was_acknowledged_is_lost";
        return in_own_file_system(name, "2m");
    };
    let directory = Path::new(&directory);
    let record = usable(directory, 0).record;
    let give = |name: String| runtime().block_on(record.give(vec![loss(&name, 0)]));
    give("before".into()).unwrap();
    let filler = directory.join("filler");
    std::fs::write(&filler, vec![0; 4 << 20]).unwrap_err();
    let mut given = vec!["before".to_owned()];
    let error = loop {
        let name = format!("rule-{}", given.len());
        match give(name.clone()) {
            Ok(_) => given.push(name),
            Err(error) => break error,
        }
    };
    assert_snapshot!(placeless(directory, &error.to_string()), @"the record DIR/record.sqlite3: database or disk is full; free space on its disk, or shorten record.retention");
    assert_eq!(cause(&record), NoRecordCause::Full);
    assert!(give("still full".into()).is_err());
    std::fs::remove_file(filler).unwrap();
    assert_eq!(runtime().block_on(record.recover(at(1))), None);
    assert!(record.status().is_usable());
    give("after".into()).unwrap();
    given.push("after".into());
    drop(record);
    assert_eq!(counted(&usable(directory, 1)), given);
}

#[test]
fn a_disk_that_is_full_from_the_start_is_said_and_leaves_no_half_record() {
    let Some(directory) = child_directory() else {
        let name = "a_disk_that_is_full_from_the_start_is_said_and_leaves_no_half_record";
        return in_own_file_system(name, "64k");
    };
    let directory = Path::new(&directory);
    let filler = directory.join("filler");
    std::fs::write(&filler, vec![0; 1 << 20]).unwrap_err();
    let record = open(directory, 0).record;
    assert_eq!(cause(&record), NoRecordCause::Full, "{}", why(&record));
    assert!(!files(directory).iter().any(|name| name == FILE));
}

#[test]
fn a_file_system_that_is_read_only_is_said_and_can_still_be_read() {
    let Some(directory) = child_directory() else {
        let name = "a_file_system_that_is_read_only_is_said_and_can_still_be_read";
        return in_own_file_system(name, "2m");
    };
    let directory = Path::new(&directory);
    let record = usable(directory, 0).record;
    runtime().block_on(record.give(vec![loss("one", 0)])).unwrap();
    drop(record);
    let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(directory).status();
    assert!(remounted.unwrap().success());
    let record = open(directory, 0).record;
    assert_eq!(cause(&record), NoRecordCause::Denied);
    assert_snapshot!(placeless(directory, &why(&record).to_string()), @"the record DIR/record.sqlite3: its lock DIR/record.lock cannot be taken: Read-only file system (os error 30); make the user that runs conformd the owner of its directory and files, on a writable disk");
    let reader = RecordReader::open(&terms(directory)).unwrap();
    assert_eq!(reader.window(&at(0)).unwrap().losses.len(), 1);
}

#[test]
fn a_file_that_may_not_be_written_is_said_and_left_as_it_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(directory) = child_directory() else {
        let home = TempDir::new().unwrap();
        drop(usable(home.path(), 0));
        let read_only = std::fs::Permissions::from_mode(0o400);
        std::fs::set_permissions(home.path().join(FILE), read_only).unwrap();
        // Root writes whatever the mode says, unless that right is taken away.
        let drop = ["setpriv", "--bounding-set", "-dac_override"];
        let is_root = rustix::process::geteuid().is_root();
        let name = "a_file_that_may_not_be_written_is_said_and_left_as_it_is";
        let ended = again(name, home.path(), if is_root { &drop } else { &[] }).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stdout).into_owned()
            + &String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && said.contains("1 passed"), "{said}");
        return;
    };
    let directory = Path::new(&directory);
    let before = std::fs::read(directory.join(FILE)).unwrap();
    let record = open(directory, 0).record;
    assert_eq!(cause(&record), NoRecordCause::Denied);
    assert_snapshot!(placeless(directory, &why(&record).to_string()), @"the record DIR/record.sqlite3: it may not be written; make the user that runs conformd the owner of its directory and files, on a writable disk");
    assert_eq!(std::fs::read(directory.join(FILE)).unwrap(), before);
    assert!(RecordReader::open(&terms(directory)).is_ok());
}
