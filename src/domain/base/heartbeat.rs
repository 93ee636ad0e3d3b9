//! The long tasks of the daemon that have to send heartbeats, by name.
//!
//! [`crate::beats`] keeps the time of the last one.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use strum::{EnumIter, IntoStaticStr};

use super::model::Region;

/// A kind of long task: the closed set of a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[derive(EnumIter, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Task {
    /// Reads the manifests.
    Source,
    /// Reads the organization's members.
    Organization,
    /// Probes the recorders of members.
    Probe,
    /// Reconciles one region with them; there is one for each region.
    Region,
    /// Answers over HTTP.
    Http,
    /// Notes events for users.
    Journal,
}

impl Task {
    /// The word used in labels and texts.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One long task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct TaskId {
    /// Its kind.
    pub task: Task,
    /// The region it is for, if it is for one.
    pub region: Option<Region>,
}

impl TaskId {
    /// The only task of its kind.
    pub fn sole(task: Task) -> Self {
        Self { task, region: None }
    }

    /// The task of one region.
    pub fn regional(region: &Region) -> Self {
        Self { task: Task::Region, region: Some(region.clone()) }
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.task.as_str())?;
        self.region.iter().try_for_each(|region| write!(out, " {region}"))
    }
}
