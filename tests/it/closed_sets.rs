//! Closed sets of words: an enum has one word for each variant, whether serde writes it or strum
//! does, and what reads words back reads the same ones.

use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::heartbeat::Task;
use conformd::domain::base::mode::Mode;
use conformd::domain::base::model::AccountState;
use conformd::domain::declared::diagnostic::Severity;
use conformd::domain::members::new_account::NewAccountPhase;
use conformd::domain::observed::member::StatusKind;
use conformd::domain::observed::recorder::RecorderKind;
use conformd::domain::plan::hold::HoldReason;
use conformd::domain::plan::record::{HoldBasis, LossCause, LossKind, LossState, NoRecordCause};
use conformd::domain::plan::step::{ActionKind, Reason};
use conformd::domain::plan::template_change::ChangedPart;
use conformd::domain::plan::trip::TripReason;
use conformd::domain::present::preflight::{CheckName, Grade};
use conformd::domain::present::report::OutOfSyncKind;
use conformd::domain::present::view::problem::ProblemSeverity;
use conformd::sim::api::Service;
use serde::Serialize;
use serde_json::Value;
use strum::IntoEnumIterator;

/// The enums that are checked below.
const CHECKED: &str = "AccountState ActionKind ChangedPart CheckName FailureKind Grade HoldBasis HoldReason \
     LossCause LossKind LossState Mode NewAccountPhase NoRecordCause OutOfSyncKind \
     ProblemSeverity Reason RecorderKind Service Severity StatusKind Task TripReason";

/// AWS's words to AWS, and those of JSON in a schema: two on purpose.
const TWO_WORDS: &str = "Verb PackPhase";

fn written<T: IntoEnumIterator + Into<&'static str> + Serialize + Clone>() {
    for each in T::iter() {
        let word: &str = each.clone().into();
        match serde_json::to_value(&each).unwrap() {
            Value::String(text) => assert_eq!(text, word),
            // A variant with fields: its word is the name of the only member.
            Value::Object(members) => assert_eq!(members.keys().collect::<Vec<_>>(), [word]),
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) => {
                panic!("{word} is written as {other}")
            }
        }
    }
}

fn read_back<T>()
where
    T: IntoEnumIterator + Into<&'static str> + Serialize + FromStr + Copy + Debug + PartialEq,
    T::Err: Debug,
{
    written::<T>();
    for each in T::iter() {
        let word: &str = each.into();
        assert_eq!(word.parse::<T>().unwrap(), each);
        assert!(format!("{word} ").parse::<T>().is_err());
    }
}

#[test]
fn serde_and_strum_write_the_same_word() {
    written::<ActionKind>();
    written::<ChangedPart>();
    written::<CheckName>();
    written::<OutOfSyncKind>();
    written::<FailureKind>();
    written::<Grade>();
    written::<HoldReason>();
    written::<ProblemSeverity>();
    written::<Reason>();
    written::<RecorderKind>();
    written::<Service>();
    written::<Severity>();
    written::<Task>();
    written::<TripReason>();
}

#[test]
fn a_word_that_was_written_is_read_back_as_what_it_was() {
    read_back::<AccountState>();
    read_back::<HoldBasis>();
    read_back::<LossCause>();
    read_back::<LossKind>();
    read_back::<LossState>();
    read_back::<Mode>();
    read_back::<NewAccountPhase>();
    read_back::<NoRecordCause>();
    read_back::<StatusKind>();
}

#[test]
fn every_enum_with_words_of_serde_and_strum_is_checked_here() {
    let mut found = Vec::new();
    enums_with_both(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.retain(|name| !TWO_WORDS.split(' ').any(|other| other == name));
    found.sort();
    assert_eq!(found.join(" "), CHECKED);
}

/// Names of enums that have an attribute of serde, then one of strum.
fn enums_with_both(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            enums_with_both(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (at, _) in text.match_indices("#[strum(serialize_all") {
            let (before, after) = text.split_at(at);
            let item = before.rsplit("\n\n").next().unwrap();
            if item.contains("#[serde(rename_all") {
                let name = after.split("enum ").nth(1).unwrap();
                found.push(name.split(' ').next().unwrap().to_owned());
            }
        }
    }
}
