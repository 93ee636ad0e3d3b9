//! Shapes of the configuration recorder operations (AWS Config), in the caller's own account.

use serde::{Deserialize, Serialize};

use super::epoch::Epoch;

/// `PutConfigurationRecorder`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PutRecorder {
    /// The recorder.
    #[serde(rename = "ConfigurationRecorder")]
    pub configuration_recorder: Option<RecorderShape>,
}

/// A recorder. What it records is not modelled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecorderShape {
    /// Its name; `default` when left out.
    pub name: Option<String>,
    /// The role it records with.
    #[serde(rename = "roleARN")]
    pub role_arn: Option<String>,
}

/// `Start-`, `Stop-` and `DeleteConfigurationRecorder`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NamedRecorder {
    /// Which one.
    pub configuration_recorder_name: Option<String>,
}

/// `DescribeConfigurationRecorders` and `DescribeConfigurationRecorderStatus`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeRecorders {
    /// Only this one; more than one is refused.
    pub configuration_recorder_names: Option<Vec<String>>,
}

/// Answer of `DescribeConfigurationRecorders`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecordersShape {
    /// The customer-managed recorder, if there is one.
    pub configuration_recorders: Vec<RecorderShape>,
}

/// Answer of `DescribeConfigurationRecorderStatus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecorderStatuses {
    /// The customer-managed recorder's status, if there is one.
    pub configuration_recorders_status: Vec<RecorderStatus>,
}

/// How a recorder is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecorderStatus {
    /// Its name.
    pub name: String,
    /// Whether it is switched on.
    pub recording: bool,
    /// `Pending`, `Success`, `Failure` or `NotApplicable`.
    pub last_status: String,
    /// Why the last delivery failed.
    pub last_error_code: Option<String>,
    /// Why the last delivery failed, in words.
    pub last_error_message: Option<String>,
    /// When that changed.
    pub last_status_change_time: Option<Epoch>,
}
