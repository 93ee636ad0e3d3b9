//! A step of a plan: one mutation, with its reason and what it changes.
//!
//! Steps keep old and new values, so that the text for review needs no other input.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer};
use strum::{EnumIter, IntoStaticStr};

use super::loss::Losses;
pub use super::parameter_value::ParameterValue;
use super::template_change::TemplateChange;
use crate::domain::base::model::{
    AccountId, AccountState, DeletionPolicy, Digest, Marker, PackName, ResultsBucket, Timestamp,
    UnitId,
};
use crate::domain::declared::template::RemediationChange;
use crate::domain::observed::content::Content;
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::organization::selector::ExclusionRule;

/// One mutation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlanStep {
    /// The pack.
    pub pack: PackName,
    /// What to do to it.
    pub action: Action,
    /// Why, besides the changes.
    pub reason: Reason,
    /// What differs, old and new.
    pub changes: Vec<Change>,
    /// The marker it carries now; the plan digest covers it.
    pub marker_now: Option<Marker>,
    /// When AWS last changed it, as seen by this plan.
    pub last_update: Option<Timestamp>,
    /// What it takes away.
    #[serde(skip)]
    pub losses: Losses,
}

/// The kinds of mutation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Put a pack that does not exist.
    Create(Box<Content>),
    /// Put over an unmanaged pack, as its manifest asks for.
    Adopt(Box<Content>),
    /// Put over our own pack.
    Update(Box<Content>),
    /// Put our own pack again, unchanged, for accounts that AWS has stopped retrying.
    Redeploy(Box<Content>),
    /// Delete our own pack.
    Delete,
}

/// The name of an action: the closed set of a metric label.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[derive(strum::Display, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum ActionKind {
    /// See [`Action::Create`].
    Create,
    /// See [`Action::Adopt`].
    Adopt,
    /// See [`Action::Update`].
    Update,
    /// See [`Action::Redeploy`].
    Redeploy,
    /// See [`Action::Delete`].
    Delete,
}

impl ActionKind {
    /// The word used in texts and labels.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Action {
    /// Its name.
    pub fn kind(&self) -> ActionKind {
        match self {
            Self::Create(_) => ActionKind::Create,
            Self::Adopt(_) => ActionKind::Adopt,
            Self::Update(_) => ActionKind::Update,
            Self::Redeploy(_) => ActionKind::Redeploy,
            Self::Delete => ActionKind::Delete,
        }
    }

    /// What a Put would send; `None` for a delete.
    pub fn content(&self) -> Option<&Content> {
        match self {
            Self::Create(content)
            | Self::Adopt(content)
            | Self::Update(content)
            | Self::Redeploy(content) => Some(content),
            Self::Delete => None,
        }
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        self.kind().serialize(out)
    }
}

/// Why a step is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Reason {
    /// The region does not hold it.
    Missing,
    /// The region held it, and two observations agree that it is gone.
    Vanished,
    /// It is unmanaged and the manifest says `adopt: true`.
    Adoption,
    /// The manifest changed.
    Changed,
    /// An external change: two observations agree.
    ForeignChange,
    /// `LastUpdateTime` moved without a Put of ours, and nothing that AWS echoes differs.
    ForeignWrite,
    /// AWS reports that the last deployment failed.
    Failed {
        /// AWS's code, if any.
        code: Option<String>,
        /// AWS's words, cut.
        message: Option<String>,
    },
    /// Members failed in ways that may have passed.
    MembersFailed {
        /// How many of each class.
        classes: BTreeMap<FailureClass, usize>,
    },
    /// AWS has stopped retrying these accounts, and they can take the pack now.
    Redeploy {
        /// The accounts that it is for.
        accounts: BTreeSet<AccountId>,
        /// Those of them whose recorder the probe saw, and when.
        seen: BTreeMap<AccountId, Timestamp>,
    },
    /// No manifest declares it any more.
    Unwanted,
    /// Its manifest does not name this region any more.
    RegionDropped,
    /// Its manifest says `state: Absent`.
    Absent,
}

/// The accounts of a redeployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redeployed<'a> {
    /// All of them.
    pub accounts: &'a BTreeSet<AccountId>,
    /// Those of them whose recorder the probe saw, and when.
    pub seen: &'a BTreeMap<AccountId, Timestamp>,
}

impl Reason {
    /// The accounts that it redeploys to, if that is the reason.
    pub fn redeployed(&self) -> Option<Redeployed<'_>> {
        match self {
            Self::Redeploy { accounts, seen } => Some(Redeployed { accounts, seen }),
            Self::Missing
            | Self::Vanished
            | Self::Adoption
            | Self::Changed
            | Self::ForeignChange
            | Self::ForeignWrite
            | Self::Failed { .. }
            | Self::MembersFailed { .. }
            | Self::Unwanted
            | Self::RegionDropped
            | Self::Absent => None,
        }
    }

    /// The word of the log for it.
    pub fn as_str(&self) -> &'static str {
        self.into()
    }
}

/// A template as the marker knows it, and what else is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TemplateMark {
    /// Its digest.
    pub digest: Digest,
    /// How many rules it holds.
    pub rules: u32,
    /// How many remediations it holds; null where the template is not known.
    pub remediations: Option<u32>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "field", rename_all = "snake_case")]
pub enum Change {
    /// The template; `old` is unknown for packs that carry no marker of ours.
    Template {
        /// What the marker says is there.
        old: Option<TemplateMark>,
        /// What is wanted.
        new: TemplateMark,
        /// In which remediations the two differ; empty where the template that is there is not
        /// known.
        remediations: Vec<RemediationChange>,
        /// In which rules, parameters and conditions the two differ.
        content: TemplateChange,
    },
    /// One input parameter.
    Parameter {
        /// Its name.
        name: String,
        /// What AWS echoes.
        old: Option<ParameterValue>,
        /// What is wanted.
        new: Option<ParameterValue>,
    },
    /// The accounts it is not deployed to.
    Exclusions {
        /// Accounts that lose the pack.
        entering: BTreeMap<AccountId, Entering>,
        /// Accounts that gain it.
        leaving: BTreeMap<AccountId, Leaving>,
    },
    /// Where results go.
    Delivery {
        /// What AWS echoes.
        old: ResultsBucket,
        /// What is wanted.
        new: ResultsBucket,
    },
    /// What happens when the manifest goes away.
    DeletionPolicy {
        /// What the marker says.
        old: DeletionPolicy,
        /// What is wanted.
        new: DeletionPolicy,
    },
}

/// An account that is newly excluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Entering {
    /// Its name, if the account list has it.
    pub name: Option<String>,
    /// By which rule.
    pub rule: ExclusionRule,
    /// Whether it can lose anything: it is active, or its state is unknown.
    pub counts: bool,
}

/// Why an account is not excluded any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// No rule excludes it; what is known of it now.
    Selected {
        /// Its name, if the account list has it.
        name: Option<String>,
        /// The units it is in, the outermost first, if known.
        units: Option<Vec<UnitId>>,
        /// Its state, if known.
        state: Option<AccountState>,
    },
    /// It is no member of the organization.
    Departed,
    /// The account list is not known.
    Unknown,
}

impl PlanStep {
    /// Whether it redeploys to failed members of a pack that is in sync.
    pub fn is_remedy(&self) -> bool {
        matches!(self.reason, Reason::MembersFailed { .. } | Reason::Redeploy { .. })
    }
}

impl JsonSchema for Action {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        ActionKind::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<ActionKind>()
    }
}
