//! The outcome of each step as a table.

use super::rollout::{RolloutProgress, Rollouts};
use crate::cli::terminal::table::bordered;
use crate::domain::base::model::Region;
use crate::domain::plan::outcome::{Outcome, StepResult};

/// One row a step; nothing without any.
pub(super) fn of(outcomes: &RegionOutcomes, rollouts: &Rollouts) -> String {
    if outcomes.is_empty() {
        return String::new();
    }
    let mut table =
        bordered(["region", "pack", "action", "result", "members ok", "failed", "open"]);
    for (region, Outcome { step, result: ending }) in outcomes {
        let result = match ending {
            StepResult::Accepted { .. } => "accepted".to_owned(),
            StepResult::Failed { kind, why } => format!("refused ({kind}): {why}"),
            StepResult::Unknown { kind, why } => format!("unknown ({kind}): {why}"),
            StepResult::NotStarted => "not started".to_owned(),
        };
        let rollout = rollouts.get(&(region.clone(), step.pack.clone()));
        let count = |of: fn(&RolloutProgress) -> usize| {
            rollout.map_or_else(|| "-".to_owned(), |rollout| of(rollout).to_string())
        };
        table.add_row([
            region.to_string(),
            step.pack.to_string(),
            step.action.kind().to_string(),
            result,
            count(|rollout| rollout.ok),
            count(|rollout| rollout.failed),
            count(|rollout| rollout.open),
        ]);
    }
    format!("\n{table}\n")
}

/// Outcomes, each with its region.
pub(super) type RegionOutcomes = Vec<(Region, Outcome)>;
