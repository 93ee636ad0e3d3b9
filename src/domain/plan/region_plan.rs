//! The plan of one region as a value: steps to take and holds.
//!
//! `planner` makes the plan, `guard` decides which steps may be taken, `plan_text` renders it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::hold::Hold;
use super::step::{ActionKind, PlanStep};
use crate::domain::base::model::{Installation, PackName, Place, Revision, Timestamp};
use crate::domain::observed::packs::VoidMarker;

/// The steps for one region, and the holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Plan {
    /// Where.
    pub place: Place,
    /// The revision it enforces.
    pub revision: Option<Revision>,
    /// What to do, ordered by pack.
    pub steps: Vec<PlanStep>,
    /// The holds, ordered by pack.
    pub holds: Vec<Hold>,
    /// Packs that exist here and that conformd does not manage.
    pub bystanders: BTreeMap<PackName, Bystander>,
    /// Facts that the guard weighs.
    pub weights: Weights,
}

/// Facts about the region that the guard weighs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Weights {
    /// Packs here that carry our marker.
    pub owned: usize,
    /// The owned packs that are desired.
    pub owned_wanted: usize,
    /// The others by name.
    #[serde(skip)]
    pub unwanted: BTreeSet<PackName>,
    /// Whether the source declares no pack at all.
    pub source_empty: bool,
}

/// A pack that is not ours and that no manifest names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bystander {
    /// No marker.
    Unmanaged,
    /// Another installation's.
    Foreign(Installation),
    /// A marker that counts for nothing.
    Void(VoidMarker),
}

impl Plan {
    /// Whether nothing is to be done; holds do not count.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many steps there are of this kind.
    pub fn count(&self, kind: ActionKind) -> usize {
        self.steps.iter().filter(|step| step.action.kind() == kind).count()
    }

    /// Steps to take and steps that wait, in order.
    pub fn steps_with_held(&self) -> impl Iterator<Item = &PlanStep> {
        self.steps.iter().chain(self.holds.iter().filter_map(|hold| hold.step.as_deref()))
    }

    /// When the first hold resolves automatically.
    pub fn wakes(&self) -> Option<Timestamp> {
        self.holds.iter().filter_map(|hold| hold.until).min()
    }
}
