//! The configuration recorders of member accounts, as the probe observed them.
//!
//! AWS deploys to an account as soon as a customer-managed recorder exists; deployed rules evaluate
//! only while it records. A recorder that could not be read is unknown, never missing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};

use crate::domain::base::model::{AccountId, Region, Timestamp};
use crate::domain::base::untrusted::{WORD_MAX, one_line};

/// One entry of `DescribeConfigurationRecorderStatus`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecorderRecord {
    /// Its name.
    pub name: String,
    /// Whether it is switched on.
    pub recording: bool,
    /// Whether its last delivery failed (`lastStatus` is `Failure`).
    pub failed: bool,
    /// `lastErrorCode`: foreign text.
    pub error_code: Option<String>,
}

/// A recorder's state in one account and region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RecorderState {
    /// Customer-managed, switched on, last delivery fine or not due.
    Recording,
    /// Customer-managed, switched off.
    Stopped,
    /// Customer-managed, switched on, deliveries fail.
    Failing {
        /// `lastErrorCode`: foreign text, cut.
        code: String,
    },
    /// None that a customer manages.
    Missing,
    /// It could not be asked.
    Unknown {
        /// Why.
        why: String,
    },
}

/// The state without its details: the closed set of a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum RecorderKind {
    /// See [`RecorderState::Recording`].
    Recording,
    /// See [`RecorderState::Stopped`].
    Stopped,
    /// See [`RecorderState::Failing`].
    Failing,
    /// See [`RecorderState::Missing`].
    Missing,
    /// See [`RecorderState::Unknown`].
    Unknown,
}

impl RecorderKind {
    /// The word used in labels and texts.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl RecorderState {
    /// The state without its details.
    pub fn kind(&self) -> RecorderKind {
        match self {
            Self::Recording => RecorderKind::Recording,
            Self::Stopped => RecorderKind::Stopped,
            Self::Failing { .. } => RecorderKind::Failing,
            Self::Missing => RecorderKind::Missing,
            Self::Unknown { .. } => RecorderKind::Unknown,
        }
    }

    /// Whether a recorder exists, which is all that AWS requires for a deployment.
    pub fn exists(&self) -> bool {
        match self {
            Self::Recording | Self::Stopped | Self::Failing { .. } => true,
            Self::Missing | Self::Unknown { .. } => false,
        }
    }
}

/// The state from two answers of AWS Config: the names of the customer-managed recorders, and the
/// states of all recorders. Service-linked recorders are not in the first; AWS deploys no pack for
/// them.
pub fn classify(names: &[String], states: &[RecorderRecord]) -> RecorderState {
    if names.is_empty() {
        return RecorderState::Missing;
    }
    // Without this filter a service-linked recorder would count as one that exists.
    let named = states.iter().filter(|state| names.contains(&state.name));
    // AWS allows one; should there be several, one that records is enough.
    let state = named.map(state_of).min_by_key(RecorderState::kind);
    // A recorder was created or deleted between the two answers: the next probe decides.
    state.unwrap_or_else(|| RecorderState::Unknown {
        why: "the list of recorders and the list of their states disagree".to_owned(),
    })
}

fn state_of(record: &RecorderRecord) -> RecorderState {
    let RecorderRecord { name: _, recording, failed, error_code } = record;
    match (recording, failed) {
        (false, _) => RecorderState::Stopped,
        (true, false) => RecorderState::Recording,
        (true, true) => {
            let code = error_code.as_deref().unwrap_or("no error code");
            RecorderState::Failing { code: one_line(code, WORD_MAX) }
        }
    }
}

/// The result of one probe, and its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecorderObservation {
    /// What.
    pub recorder: RecorderState,
    /// When.
    pub at: Timestamp,
}

/// The newest observation of every probed account, by region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Recorders {
    /// Whether a probe is configured at all.
    pub probed: bool,
    /// The observations.
    pub regions: BTreeMap<Region, BTreeMap<AccountId, RecorderObservation>>,
}

impl Recorders {
    /// The last observation of this account's recorder in this region.
    pub fn of(&self, region: &Region, account: AccountId) -> Option<&RecorderObservation> {
        self.regions.get(region)?.get(&account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, recording: bool, error_code: Option<&str>) -> RecorderRecord {
        let (name, failed) = (name.to_owned(), error_code.is_some());
        RecorderRecord { name, recording, failed, error_code: error_code.map(str::to_owned) }
    }

    fn said(names: &[&str], states: &[RecorderRecord]) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        match classify(&names, states) {
            RecorderState::Failing { code } => format!("failing {code}"),
            RecorderState::Unknown { why } => format!("unknown: {why}"),
            state
            @ (RecorderState::Recording | RecorderState::Stopped | RecorderState::Missing) => {
                state.kind().as_str().to_owned()
            }
        }
    }

    #[test]
    fn an_account_without_a_customers_recorder_has_none() {
        assert_eq!(said(&[], &[]), "missing");
        let service_linked = record("AWSConfigurationRecorderForX", true, None);
        assert_eq!(said(&[], &[service_linked]), "missing", "only a service-linked one");
    }

    #[test]
    fn a_recorder_records_is_stopped_or_fails() {
        assert_eq!(said(&["default"], &[record("default", true, None)]), "recording");
        assert_eq!(said(&["default"], &[record("default", false, None)]), "stopped");
        let stopped = record("default", false, Some("NoSuchBucket"));
        assert_eq!(said(&["default"], &[stopped]), "stopped", "an old failure says nothing");
        let failing = record("default", true, Some("NoSuchBucket\n\u{1b}[2J"));
        assert_eq!(said(&["default"], &[failing]), "failing NoSuchBucket\\n\\u{1b}[2J");
    }

    #[test]
    fn of_several_recorders_one_that_records_is_enough() {
        let states = [record("a", false, None), record("b", true, None)];
        assert_eq!(said(&["a", "b"], &states), "recording");
        assert_eq!(said(&["a"], &states), "stopped");
    }

    #[test]
    fn answers_that_disagree_are_not_called_missing() {
        let why = "unknown: the list of recorders and the list of their states disagree";
        assert_eq!(said(&["default"], &[]), why);
        assert_eq!(said(&["a"], &[record("b", true, None)]), why);
    }
}
