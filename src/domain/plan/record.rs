//! The contents of the record as values: losses, held losses, used approvals, deliveries, and the
//! last observations.
//!
//! The record restricts and explains; nothing is written to AWS because of it. `record` stores the
//! values; the guard draws the conclusions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use super::event::{Event, EventKind};
use crate::domain::base::model::{AccountId, Digest, PackName, Region, Revision, Timestamp};
use crate::domain::base::stamp::{Stamp, age};
use crate::domain::declared::approval::NamedRules;

/// How long a loss counts: the rolling window of the guard (`docs/guard.md`, "The limits").
pub const LOSS_WINDOW: Duration = Duration::from_hours(24);

/// What kind of thing is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum LossKind {
    /// A pack deployment, deleted, or a region that left the pack's set.
    Pack,
    /// One effective rule, by its name.
    Rule,
    /// Rules whose names are not known, counted.
    Rules,
    /// An active account that is newly excluded, by its id.
    Account,
    /// The unknown former content of a pack that was taken over.
    Adoption,
}

impl LossKind {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Who took it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum LossCause {
    /// conformd, this process or an earlier one.
    Own,
    /// Somebody else: it was found to be gone.
    External,
}

impl LossCause {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// How far a loss has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum LossState {
    /// It was recorded before the request was sent; whether AWS did it is not known.
    Given,
    /// AWS accepted the request, or the loss was observed.
    Confirmed,
    /// AWS refused the request, or there was nothing to lose: it counts no more.
    Retracted,
}

impl LossState {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What a loss is held for; the later one outlasts the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum HoldBasis {
    /// Only for packs that vanished without a step of ours: where they show again, it ends.
    Vanished,
    /// For what is asked: only an approval or another change ends it.
    Asked,
}

impl HoldBasis {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Which loss: two with equal keys are the same loss.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LossKey {
    /// Where.
    pub region: Region,
    /// From which pack.
    pub pack: PackName,
    /// What kind of thing.
    pub kind: LossKind,
    /// The rule or the account; empty where the kind has no names.
    pub name: String,
}

/// The number of a recorded loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LossId(pub i64);

/// A loss that was recorded before its request is sent, or that was observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LossEntry {
    /// When.
    pub at: Stamp,
    /// What.
    pub key: LossKey,
    /// The number of effective rules or accounts that it counts as; 1 for a thing with a name.
    pub count: u32,
    /// Who took it away.
    pub cause: LossCause,
    /// How far it has come.
    pub state: LossState,
    /// The name of the approval that permitted it; `None` for what stayed within the limits.
    pub approval: Option<String>,
    /// The revision that it followed from; unknown for an external one.
    pub revision: Option<Revision>,
}

/// A loss that the guard holds until it is approved or withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLoss {
    /// What.
    pub key: LossKey,
    /// Since when.
    pub since: Stamp,
    /// What it is held for.
    pub basis: HoldBasis,
}

/// A sentence of an approval that was used up: it permits this loss no second time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalUse {
    /// Digest of the approval's content.
    pub approval: Digest,
    /// Its name.
    pub name: String,
    /// The loss that it permitted.
    pub key: LossKey,
    /// When.
    pub at: Stamp,
    /// The revision that held it.
    pub revision: Option<Revision>,
}

/// A loss about to be sent: the entry, and the use of the approval that permits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Giving {
    /// The loss.
    pub entry: LossEntry,
    /// Digest of the approval that permits it; its name is the entry's.
    pub approval: Option<Digest>,
}

/// An approval that was read: it may be missing from the source when the next process begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRead {
    /// Digest of its content.
    pub approval: Digest,
    /// When it was first read.
    pub at: Stamp,
    /// When it was first read, by AWS's clock.
    pub first: Timestamp,
    /// When it expires.
    pub expires: Timestamp,
    /// The rules that it names.
    pub rules: Vec<NamedRules>,
}

/// One Put that AWS accepted, or may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveredPut {
    /// When.
    pub at: Stamp,
    /// Where.
    pub region: Region,
    /// The pack.
    pub pack: PackName,
    /// The canonical template.
    pub template: Digest,
    /// The parameters. Only a digest of each value is kept, which suffices to compare it.
    pub parameters: BTreeMap<String, Digest>,
    /// The revision that asked for it.
    pub revision: Option<Revision>,
}

/// A Put that AWS accepted, or may have, before it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivering {
    /// When.
    pub at: Stamp,
    /// Where.
    pub region: Region,
    /// The pack.
    pub pack: PackName,
    /// The parameters as they were sent. Their values are not kept: some hold secrets.
    pub values: BTreeMap<String, String>,
    /// The canonical template.
    pub template: TemplateText,
    /// The revision that asked for it.
    pub revision: Option<Revision>,
}

/// A canonical template that was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateText {
    /// Its digest, which the marker shows.
    pub digest: Digest,
    /// The delivered text.
    pub body: String,
    /// Its rules: the source of each, by name.
    pub rules: BTreeMap<String, String>,
}

/// A pack deployment of ours as it was last observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Where.
    pub region: Region,
    /// The pack.
    pub pack: PackName,
    /// When.
    pub seen: Stamp,
    /// Its marker.
    pub marker: String,
    /// Its excluded accounts.
    pub excluded: BTreeSet<AccountId>,
}

/// What a pack held from some moment on, as observed, or as about to be put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelEntry {
    /// When.
    pub at: Stamp,
    /// Where.
    pub region: Region,
    /// The pack.
    pub pack: PackName,
    /// Its marker; `None`: it was not there.
    pub marker: Option<String>,
    /// The digest of what AWS echoes of it.
    pub echo: Option<Digest>,
    /// How many effective rules it held; `None` if it was not there, or is about to be put.
    pub rules: Option<u32>,
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventEntry {
    /// When it was noted.
    pub at: Stamp,
    /// The event.
    pub event: Event,
}

/// Which events are asked for: the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Of this kind.
    pub kind: Option<EventKind>,
    /// About this region.
    pub region: Option<Region>,
    /// About this pack.
    pub pack: Option<PackName>,
    /// About this account.
    pub account: Option<AccountId>,
    /// At most so many.
    pub count_max: u32,
}

/// What a starting process has to know of earlier processes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordedPast {
    /// Losses that still count: none is older than [`LOSS_WINDOW`], none is retracted.
    pub losses: BTreeMap<LossId, LossEntry>,
    /// What the guard holds.
    pub held: Vec<HeldLoss>,
    /// Every approval that was used and could still be in the source.
    pub uses: Vec<ApprovalUse>,
    /// When approvals were first read.
    pub reads: Vec<ApprovalRead>,
    /// The newest delivery of each pack and region.
    pub deliveries: BTreeMap<(Region, PackName), DeliveredPut>,
    /// What packs held within the last 24 hours and right before, the oldest first.
    pub levels: Vec<LevelEntry>,
    /// What was observed last.
    pub deployments: BTreeMap<(Region, PackName), Deployment>,
}

/// Why there is no record that can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum NoRecordCause {
    /// The settings name no directory.
    NotConfigured,
    /// Nothing has been recorded yet.
    NotBegun,
    /// Another process has it.
    InUse,
    /// The file or directory cannot be read or written: its owner, its mode, a read-only disk.
    Denied,
    /// The disk, or the space that the record may take, is full.
    Full,
    /// A newer conformd wrote it.
    Newer,
    /// It belongs to another installation or account.
    OtherOwner,
    /// It is no record, or a broken one.
    Damaged,
    /// Its file was removed or replaced while it was in use.
    Replaced,
    /// The disk does not answer in time.
    Slow,
    /// Anything else that the system says.
    Failed,
}

impl NoRecordCause {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// There is no record that can be relied on: nothing may be lost unapproved until this process has
/// watched for [`LOSS_WINDOW`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}; {}", self.advice())]
pub struct NoRecord {
    /// The kind of reason.
    pub cause: NoRecordCause,
    /// The path, and what was found.
    pub why: String,
}

impl NoRecord {
    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self.cause {
            NoRecordCause::NotConfigured => {
                "set stateDirectory, or --state-directory, to a directory that outlives the \
                 process"
            }
            NoRecordCause::NotBegun => "start conformd, which creates it",
            NoRecordCause::InUse => {
                "stop one of the two processes, or give each its own installation and \
                 stateDirectory"
            }
            NoRecordCause::Denied => {
                "make the user that runs conformd the owner of its directory and files, on a \
                 writable disk"
            }
            NoRecordCause::Full => "free space on its disk, or shorten record.retention",
            NoRecordCause::Newer => "run the newer conformd again, or move the file away",
            NoRecordCause::OtherOwner => "give each installation its own stateDirectory",
            NoRecordCause::Damaged => {
                "restart conformd, which moves the file aside and creates a new one"
            }
            NoRecordCause::Replaced => {
                "do not change its files; conformd opens the new ones by \
                itself"
            }
            NoRecordCause::Slow | NoRecordCause::Failed => "check its disk",
        }
    }
}

/// Whether losses are remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordStatus {
    /// They are, since it began.
    Usable {
        /// When the record began: losses before that are not known.
        began: Stamp,
    },
    /// They are not.
    Unusable(NoRecord),
}

impl RecordStatus {
    /// Whether every loss of the last [`LOSS_WINDOW`] is known from it.
    pub fn covers_window(&self, now: &Stamp) -> bool {
        match self {
            Self::Usable { began } => age(began, now) >= LOSS_WINDOW,
            Self::Unusable(_) => false,
        }
    }

    /// Whether it can be written.
    pub fn is_usable(&self) -> bool {
        match self {
            Self::Usable { .. } => true,
            Self::Unusable(_) => false,
        }
    }
}
