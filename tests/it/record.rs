//! The record on a real disk: what was acknowledged is there, whatever happens to the process, the
//! clock or the file; and what cannot be relied on is said, never believed.
//!
//! Some tests start this very binary again, as the process that is killed or that has no room.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test of processes speaks by its output, and what is not there fails it"
)]

mod broken;
mod kept;
mod processes;

use std::path::Path;
use std::time::Duration;

use conformd::domain::base::model::Digest;
use conformd::domain::base::stamp::{BootTime, Stamp};
use conformd::domain::plan::event::{Event, EventKind, Weight};
use conformd::domain::plan::record::{
    Giving, LossCause, LossEntry, LossKey, LossKind, LossState, NoRecord, NoRecordCause,
    RecordStatus, TemplateText,
};
use conformd::record::terms::RecordTerms;
use conformd::record::{BYTES_MAX, Opened, Record};
use jiff::SignedDuration;

/// A day, the window of losses.
const DAY: u64 = 24 * 3_600;

fn terms(directory: &Path) -> RecordTerms {
    RecordTerms {
        directory: Some(directory.to_owned()),
        installation: "main".parse().unwrap(),
        account: "111111111111".parse().unwrap(),
        command: "conformd run".to_owned(),
        retention: Duration::from_hours(90 * 24),
        bytes_max: BYTES_MAX,
    }
}

/// So many seconds after a beginning, by every clock.
fn at(seconds: u64) -> Stamp {
    let start: jiff::Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
    let wall = start + SignedDuration::from_secs(seconds.try_into().unwrap());
    let elapsed = Duration::from_secs(1_000 + seconds);
    Stamp { wall, aws: Some(wall), boot: Some(BootTime { id: "first".into(), elapsed }) }
}

fn open(directory: &Path, seconds: u64) -> Opened {
    Record::open(terms(directory), &at(seconds))
}

/// Opens a record that has to be usable.
fn usable(directory: &Path, seconds: u64) -> Opened {
    let opened = open(directory, seconds);
    assert!(opened.record.status().is_usable(), "{:?}", opened.record.status());
    assert_eq!(opened.notices, Vec::<String>::new());
    opened
}

fn why(record: &Record) -> NoRecord {
    match record.status() {
        RecordStatus::Unusable(none) => none,
        usable @ RecordStatus::Usable { .. } => panic!("{usable:?}"),
    }
}

fn cause(record: &Record) -> NoRecordCause {
    why(record).cause
}

fn key(name: &str) -> LossKey {
    LossKey {
        region: "eu-west-1".parse().unwrap(),
        pack: "iam-baseline".parse().unwrap(),
        kind: LossKind::Rule,
        name: name.to_owned(),
    }
}

fn loss(name: &str, seconds: u64) -> Giving {
    let entry = LossEntry {
        at: at(seconds),
        key: key(name),
        count: 1,
        cause: LossCause::Own,
        state: LossState::Given,
        approval: None,
        revision: None,
    };
    Giving { entry, approval: None }
}

fn approved(name: &str, seconds: u64, approval: &str) -> Giving {
    let Giving { entry, .. } = loss(name, seconds);
    let entry = LossEntry { approval: Some(approval.to_owned()), ..entry };
    Giving { entry, approval: Some(Digest::of([approval.as_bytes()])) }
}

fn template(body: &str) -> TemplateText {
    let rules = [("root-mfa".to_owned(), "AWS/ROOT_ACCOUNT_MFA_ENABLED".to_owned())].into();
    TemplateText { digest: Digest::of([body.as_bytes()]), body: body.to_owned(), rules }
}

fn event(number: u64, text: &str) -> Event {
    Event {
        number,
        at: at(number).wall,
        kind: EventKind::Mutation,
        weight: Weight::Normal,
        region: Some("eu-west-1".parse().unwrap()),
        pack: Some("iam-baseline".parse().unwrap()),
        account: None,
        text: text.to_owned(),
    }
}

/// The names of the losses that count.
fn counted(opened: &Opened) -> Vec<String> {
    opened.window.losses.values().map(|entry| entry.key.name.clone()).collect()
}

/// What the directory holds, in order.
fn files(directory: &Path) -> Vec<String> {
    let names = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A message without the place where the test ran.
fn placeless(directory: &Path, text: &str) -> String {
    let real = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    text.replace(real.to_str().unwrap(), "DIR").replace(directory.to_str().unwrap(), "DIR")
}
