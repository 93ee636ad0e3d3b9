//! The outcome of a step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::step::PlanStep;
use crate::domain::base::failure::FailureKind;
use crate::domain::members::tracker::Write;

/// A step and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The step.
    pub step: PlanStep,
    /// How it ended.
    pub result: StepResult,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepResult {
    /// AWS took it; deployment runs on its own from here.
    Accepted {
        /// The pack's ARN; absent for a delete.
        arn: Option<String>,
    },
    /// AWS refused it: nothing happened.
    Failed {
        /// The kind of refusal.
        kind: FailureKind,
        /// The whole chain of causes in words.
        why: String,
    },
    /// No clear answer: it may have happened, so the region is observed again first.
    Unknown {
        /// The kind of failure.
        kind: FailureKind,
        /// The whole chain of causes in words.
        why: String,
    },
    /// A stop was requested before it began.
    NotStarted,
}

impl Outcome {
    /// The write, if AWS took it or may have taken it.
    pub fn write(&self) -> Option<Write<'_>> {
        let Self { step, result: ending } = self;
        match ending {
            StepResult::Accepted { .. } | StepResult::Unknown { .. } => {
                Some(Write { pack: &step.pack, is_put: step.action.content().is_some() })
            }
            StepResult::Failed { .. } | StepResult::NotStarted => None,
        }
    }
}

impl StepResult {
    /// The answer of AWS in a few words, without AWS's own text.
    pub fn headline(&self) -> String {
        match self {
            Self::Accepted { arn: _ } => "accepted".to_owned(),
            Self::Failed { kind, why: _ } => format!("refused ({kind})"),
            Self::Unknown { kind, why: _ } => format!("outcome unknown ({kind})"),
            Self::NotStarted => "not started".to_owned(),
        }
    }
}
