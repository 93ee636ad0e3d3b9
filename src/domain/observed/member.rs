//! The status of one account for one pack, and the number of accounts by status.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use super::failure_class::FailureClass;
use crate::domain::base::model::{AccountId, Timestamp};

/// The status of an account for a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberStatus {
    /// It has the pack.
    Ok,
    /// AWS is deploying to it.
    InProgress,
    /// It is in its retry window and AWS still tries, whatever its row says, if it has one.
    Waiting,
    /// It failed, and it is expected to have the pack.
    Failed(FailureClass),
    /// Expected, and without a row past the grace.
    Missing,
    /// Suspended, closing, closed, or in an unknown state: it is not expected to have the pack.
    Inactive,
    /// It has a row and the account list does not show it yet.
    NotYetListed,
    /// It has a row and is no member any more.
    Left,
}

/// The status of a member without its class: the closed set of a metric label, and of filters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[derive(EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum StatusKind {
    /// See [`MemberStatus::Ok`].
    Ok,
    /// See [`MemberStatus::InProgress`].
    InProgress,
    /// See [`MemberStatus::Waiting`].
    Waiting,
    /// See [`MemberStatus::Failed`].
    Failed,
    /// See [`MemberStatus::Missing`].
    Missing,
    /// See [`MemberStatus::Inactive`].
    Inactive,
    /// See [`MemberStatus::NotYetListed`].
    NotYetListed,
    /// See [`MemberStatus::Left`].
    Left,
}

impl StatusKind {
    /// The word used in labels, queries and texts.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl MemberStatus {
    /// Why it failed, if it did.
    pub fn failure_class(self) -> Option<FailureClass> {
        match self {
            Self::Failed(class) => Some(class),
            Self::Ok
            | Self::InProgress
            | Self::Waiting
            | Self::Missing
            | Self::Inactive
            | Self::NotYetListed
            | Self::Left => None,
        }
    }

    /// The status without its class.
    pub fn kind(self) -> StatusKind {
        match self {
            Self::Ok => StatusKind::Ok,
            Self::InProgress => StatusKind::InProgress,
            Self::Waiting => StatusKind::Waiting,
            Self::Failed(_) => StatusKind::Failed,
            Self::Missing => StatusKind::Missing,
            Self::Inactive => StatusKind::Inactive,
            Self::NotYetListed => StatusKind::NotYetListed,
            Self::Left => StatusKind::Left,
        }
    }
}

/// A member that is not simply ok.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TroubledMember {
    /// The account.
    pub account: AccountId,
    /// Its status.
    pub status: MemberStatus,
    /// AWS's code and text, if any; shared by all members that show the same.
    pub cause: Option<Arc<Cause>>,
    /// When AWS last changed its row; `None` without a row.
    pub last_update: Option<Timestamp>,
}

/// AWS's code and text of a failure: foreign text, on one line, cut (`base::untrusted`).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Cause {
    /// `ErrorCode`.
    pub code: String,
    /// `ErrorMessage`.
    pub message: String,
}

/// How many members there are of each status; accounts that are not members count nowhere else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// See [`MemberStatus::Ok`].
    pub ok: usize,
    /// See [`MemberStatus::InProgress`].
    pub in_progress: usize,
    /// See [`MemberStatus::Waiting`].
    pub waiting: usize,
    /// See [`MemberStatus::Failed`].
    pub failed: usize,
    /// See [`MemberStatus::Missing`].
    pub missing: usize,
    /// See [`MemberStatus::Inactive`].
    pub inactive: usize,
    /// See [`MemberStatus::NotYetListed`].
    pub not_yet_listed: usize,
    /// See [`MemberStatus::Left`].
    pub left: usize,
}

impl Counts {
    /// How many there are of this kind.
    pub fn of(&self, kind: StatusKind) -> usize {
        match kind {
            StatusKind::Ok => self.ok,
            StatusKind::InProgress => self.in_progress,
            StatusKind::Waiting => self.waiting,
            StatusKind::Failed => self.failed,
            StatusKind::Missing => self.missing,
            StatusKind::Inactive => self.inactive,
            StatusKind::NotYetListed => self.not_yet_listed,
            StatusKind::Left => self.left,
        }
    }

    /// One more of this status.
    pub fn count(&mut self, status: MemberStatus) {
        let number = match status {
            MemberStatus::Ok => &mut self.ok,
            MemberStatus::InProgress => &mut self.in_progress,
            MemberStatus::Waiting => &mut self.waiting,
            MemberStatus::Failed(_) => &mut self.failed,
            MemberStatus::Missing => &mut self.missing,
            MemberStatus::Inactive => &mut self.inactive,
            MemberStatus::NotYetListed => &mut self.not_yet_listed,
            MemberStatus::Left => &mut self.left,
        };
        *number = number.saturating_add(1);
    }
}
