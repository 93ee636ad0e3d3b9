//! Closed sets of labels that no other part of the program has.

use strum::{EnumIter, IntoStaticStr};

use crate::domain::base::failure::FailureKind;
use crate::domain::plan::outcome::StepResult;
use crate::domain::present::report::RegionReport;

/// How a reconciliation ended: the closed set of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum ReconcileResult {
    /// The region was read whole, and whatever was sent was accepted.
    Ok,
    /// The region could not be read whole.
    Incomplete,
    /// A mutation failed or has no clear outcome.
    Error,
}

impl ReconcileResult {
    pub(super) fn as_str(self) -> &'static str {
        self.into()
    }

    pub(super) fn of(report: &RegionReport) -> Self {
        // An unknown region plans nothing, so outcomes are only looked at after a complete
        // observation.
        if report.unknown.is_some() {
            return Self::Incomplete;
        }
        let failed = report.outcomes.iter().any(|outcome| match outcome.result {
            StepResult::Failed { .. } | StepResult::Unknown { .. } => true,
            StepResult::Accepted { .. } | StepResult::NotStarted => false,
        });
        if failed { Self::Error } else { Self::Ok }
    }
}

/// A part of a reconciliation: the closed set of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum ReconciliationPhase {
    Observe,
    Plan,
    Apply,
}

impl ReconciliationPhase {
    pub(super) fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Why something is tried again: the closed set of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Requeue {
    /// AWS was working on the pack.
    InFlight,
    /// Too many requests.
    Throttled,
    /// Any other refusal.
    Error,
    /// No clear answer.
    Unknown,
    /// The region could not be read.
    RegionUnknown,
}

impl Requeue {
    pub(super) fn as_str(self) -> &'static str {
        self.into()
    }

    pub(super) fn of(ending: &StepResult) -> Option<Self> {
        match ending {
            StepResult::Accepted { .. } | StepResult::NotStarted => None,
            StepResult::Unknown { .. } => Some(Self::Unknown),
            StepResult::Failed { kind: FailureKind::InFlight, why: _ } => Some(Self::InFlight),
            StepResult::Failed { kind: FailureKind::Throttled, why: _ } => Some(Self::Throttled),
            StepResult::Failed { .. } => Some(Self::Error),
        }
    }
}

/// What an approval is worth: the closed set of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum ApprovalState {
    /// It let a plan through in some region's last tick.
    Matched,
    /// It names no plan of now.
    Unmatched,
    /// Its time is over.
    Expired,
}

impl ApprovalState {
    pub(super) fn as_str(self) -> &'static str {
        self.into()
    }
}
