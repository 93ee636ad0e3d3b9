//! A problem as it is shown, and its severity.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};

use super::cause::ProblemCause;
use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{AccountId, PackName, Region, Timestamp};
use crate::domain::observed::failure_class::{FailureClass, Owner};
use crate::domain::plan::event::Weight;
use crate::domain::present::axes::HealthStatus;

/// How much a problem matters: the closed set of a metric label. The worst comes last.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ProblemSeverity {
    /// It is intended, or passes without action.
    Info,
    /// Something is wrong.
    Warning,
    /// conformd cannot see or must not write, a deadline ends or ended, or losses wait.
    Critical,
}

impl ProblemSeverity {
    /// The word used in labels and texts.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// How much an event of it matters.
    pub fn weight(self) -> Weight {
        match self {
            Self::Info => Weight::Normal,
            Self::Warning => Weight::Warning,
            Self::Critical => Weight::Critical,
        }
    }
}

/// A problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemView {
    /// How much it matters.
    pub severity: ProblemSeverity,
    /// What it makes of the whole.
    pub health: HealthStatus,
    /// Whether nothing gets better until its owner acts.
    pub action_required: bool,
    /// The cause.
    pub cause: ProblemCause,
    /// The failure behind a removal that failed, or a deadline; `None` for every other cause.
    pub class: Option<FailureClass>,
    /// Who must act.
    pub owner: Owner,
    /// What to do, in one or two sentences.
    pub advice: String,
    /// Until when, if time runs out.
    pub deadline: Option<Timestamp>,
    /// The seconds until then; negative when it is over.
    pub left_seconds: Option<i64>,
    /// How many accounts are affected; at least, if `truncated`. 0 for a problem of no account.
    pub accounts: usize,
    /// How many member deployments are affected: an account counts once in each pack and region.
    pub members: usize,
    /// Whether some of them are counted and not known by name.
    pub truncated: bool,
    /// In which packs; empty for a problem of no pack.
    pub packs: BTreeSet<PackName>,
    /// In which regions; empty for a problem of no region.
    pub regions: BTreeSet<Region>,
    /// What else is known, a few sentences, each once.
    pub details: Vec<String>,
    /// A few of the accounts.
    pub examples: Vec<ExampleView>,
}

/// One account with a problem, in one of the places where it has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExampleView {
    /// Who.
    pub account: AccountId,
    /// Its name.
    pub name: Option<String>,
    /// The region.
    pub region: Region,
    /// The pack; `None` if it is about no pack.
    pub pack: Option<PackName>,
    /// AWS's code.
    pub code: Option<String>,
    /// AWS's words, on one line, cut.
    pub message: Option<String>,
}

/// Every problem, and what only the headline needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The most severe first; of these, those that require action.
    pub all: Vec<ProblemView>,
    /// How many accounts have a problem that requires action.
    pub accounts: usize,
    /// How many of them are not among the active accounts.
    pub inactive: usize,
    /// The pack deployments with a problem that requires action.
    pub places: BTreeSet<(Region, PackName)>,
}

impl Problems {
    /// The packs of a region with a problem that requires action.
    pub(in crate::domain::present::view) fn packs_in(
        &self,
        region: &Region,
    ) -> BTreeSet<&PackName> {
        let here = self.places.iter().filter(|(place, _)| place == region);
        here.map(|(_, pack)| pack).collect()
    }
}

/// How severe it is that a region could not be read for this reason. What AWS or a person has to
/// repair is critical; what usually passes is not, as long as other regions are read.
pub fn unread_severity(kind: FailureKind) -> ProblemSeverity {
    if kind.blocks_region() { ProblemSeverity::Critical } else { ProblemSeverity::Warning }
}

/// Problems by severity, cause and owner: how many accounts each affects, at least 1.
pub fn census(problems: &[ProblemView]) -> BTreeMap<(ProblemSeverity, Owner, ProblemCause), usize> {
    let mut counts = BTreeMap::new();
    for problem in problems {
        let ProblemView { severity, owner, cause, accounts, .. } = problem;
        let count: &mut usize = counts.entry((*severity, *owner, *cause)).or_default();
        *count = count.saturating_add((*accounts).max(1));
    }
    counts
}
