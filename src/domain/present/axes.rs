//! The two axes of a pack deployment, and the order of their values from best to worst.
//!
//! A pack deployment is a pack in a region. Sync says whether AWS holds what the manifests ask
//! for; health says how the deployment is doing in its members. Neither says anything of the other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::members::rollout::RolloutHealth;

/// Whether AWS holds what the manifests ask for; the worst value comes last.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SyncStatus {
    /// It does.
    Synced,
    /// It does not, or not yet.
    OutOfSync,
    /// The region could not be read, or was not yet.
    Unknown,
}

impl SyncStatus {
    /// Every status, the best first.
    pub const ALL: [Self; 3] = [Self::Synced, Self::OutOfSync, Self::Unknown];

    /// That of a pack whose region was read.
    pub fn of(is_as_desired: bool) -> Self {
        if is_as_desired { Self::Synced } else { Self::OutOfSync }
    }

    /// Whether it is the best.
    pub fn is_synced(self) -> bool {
        self == Self::Synced
    }

    /// The word used in JSON and in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::OutOfSync => "out_of_sync",
            Self::Unknown => "unknown",
        }
    }

    /// The word used where a status is shown.
    pub fn title(self) -> &'static str {
        match self {
            Self::Synced => "Synced",
            Self::OutOfSync => "OutOfSync",
            Self::Unknown => "Unknown",
        }
    }
}

/// How a pack deployment, a region or all regions are doing; the worst value comes last.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Every expected account has it.
    Healthy,
    /// A manifest suspends it.
    Suspended,
    /// AWS is deploying or deleting it, or conformd is about to ask for that.
    Progressing,
    /// It was not read, or not yet.
    Unknown,
    /// Something is wrong for certain, such as an expected account that failed.
    Degraded,
}

impl HealthStatus {
    /// Every status, the best first.
    pub const ALL: [Self; 5] =
        [Self::Healthy, Self::Suspended, Self::Progressing, Self::Unknown, Self::Degraded];

    /// What the health of a rollout comes to.
    pub fn of(rollout: RolloutHealth) -> Self {
        match rollout {
            RolloutHealth::Healthy => Self::Healthy,
            RolloutHealth::Progressing
            | RolloutHealth::StuckAggregate
            | RolloutHealth::Deleting => Self::Progressing,
            RolloutHealth::Degraded | RolloutHealth::Missing => Self::Degraded,
            RolloutHealth::Unknown => Self::Unknown,
        }
    }

    /// The word used in JSON and in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Suspended => "suspended",
            Self::Progressing => "progressing",
            Self::Unknown => "unknown",
            Self::Degraded => "degraded",
        }
    }

    /// The word used where a status is shown.
    pub fn title(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Suspended => "Suspended",
            Self::Progressing => "Progressing",
            Self::Unknown => "Unknown",
            Self::Degraded => "Degraded",
        }
    }

    /// The exit code that says it: only what is wrong or unknown is none of 0.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Healthy | Self::Suspended | Self::Progressing => 0,
            Self::Degraded => 1,
            Self::Unknown => 2,
        }
    }
}

/// Both axes in one mark, for lists that are sorted and tables with room for one; the worst value
/// comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeploymentMark {
    /// Synced and healthy.
    Healthy,
    /// A manifest suspends it.
    Suspended,
    /// It is changing.
    Progressing,
    /// AWS does not hold what the manifests ask for.
    OutOfSync,
    /// One of the axes is not known.
    Unknown,
    /// Something is wrong for certain.
    Degraded,
}

impl DeploymentMark {
    /// The worse of the two axes: the mark hides the better one, and never the worse.
    pub fn of(sync: SyncStatus, health: HealthStatus) -> Self {
        let sync = match sync {
            SyncStatus::Synced => Self::Healthy,
            SyncStatus::OutOfSync => Self::OutOfSync,
            SyncStatus::Unknown => Self::Unknown,
        };
        let health = match health {
            HealthStatus::Healthy => Self::Healthy,
            HealthStatus::Suspended => Self::Suspended,
            HealthStatus::Progressing => Self::Progressing,
            HealthStatus::Unknown => Self::Unknown,
            HealthStatus::Degraded => Self::Degraded,
        };
        sync.max(health)
    }

    /// The word used where the mark is shown.
    pub fn title(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Suspended => "Suspended",
            Self::Progressing => "Progressing",
            Self::OutOfSync => "OutOfSync",
            Self::Unknown => "Unknown",
            Self::Degraded => "Degraded",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{DeploymentMark, HealthStatus, SyncStatus};
    use crate::domain::members::rollout::RolloutHealth;

    fn any_sync() -> impl Strategy<Value = SyncStatus> {
        proptest::sample::select(SyncStatus::ALL.to_vec())
    }

    fn any_health() -> impl Strategy<Value = HealthStatus> {
        proptest::sample::select(HealthStatus::ALL.to_vec())
    }

    #[test]
    fn values_are_listed_from_best_to_worst() {
        assert!(SyncStatus::ALL.is_sorted() && HealthStatus::ALL.is_sorted());
        let rollouts = RolloutHealth::ALL.map(HealthStatus::of);
        let is_told = |health: &HealthStatus| rollouts.contains(health);
        let untold: Vec<_> = HealthStatus::ALL.iter().filter(|health| !is_told(health)).collect();
        assert_eq!(untold, [&HealthStatus::Suspended], "only a manifest suspends");
    }

    proptest! {
        #[test]
        fn a_mark_never_shows_better_than_either_axis(sync in any_sync(), health in any_health()) {
            let mark = DeploymentMark::of(sync, health);
            let alone = [
                DeploymentMark::of(sync, HealthStatus::Healthy),
                DeploymentMark::of(SyncStatus::Synced, health),
            ];
            prop_assert!(alone.iter().all(|alone| mark >= *alone));
            prop_assert!(alone.contains(&mark), "it shows one of the axes");
            let is_best = (sync, health) == (SyncStatus::Synced, HealthStatus::Healthy);
            prop_assert_eq!(mark == DeploymentMark::Healthy, is_best);
        }

        #[test]
        fn a_worse_axis_makes_no_better_mark(
            one in (any_sync(), any_health()), other in (any_sync(), any_health()),
        ) {
            if one.0 <= other.0 && one.1 <= other.1 {
                let mark = |(sync, health)| DeploymentMark::of(sync, health);
                prop_assert!(mark(one) <= mark(other));
            }
        }
    }
}
