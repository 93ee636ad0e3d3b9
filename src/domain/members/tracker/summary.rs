//! The members of one pack by status, and the rows that have to be read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::base::model::{AccountId, Timestamp};
use crate::domain::members::rollout::CappedMembers;
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::observed::member::{Counts, MemberStatus, TroubledMember};

/// The summary of all members of one pack.
#[derive(Debug, Clone, Default)]
pub(super) struct MemberSummary {
    /// How many accounts are expected to have it; `None` while the list is not known.
    pub(super) expected: Option<usize>,
    /// Members by status.
    pub(super) counts: Counts,
    /// Failed members by class.
    pub(super) classes: BTreeMap<FailureClass, usize>,
    /// Members that are not simply ok, by account, up to a cap.
    pub(super) troubled: Arc<[TroubledMember]>,
    /// Whether there are more of them.
    pub(super) truncated: bool,
    /// The new accounts that are expected to have it.
    pub(super) new_accounts: BTreeMap<AccountId, MemberStatus>,
    /// Whether the management account is expected and has no row.
    pub(super) management_missing: bool,
    /// Expected members in progress outside their retry window: a rollout is active.
    pub(super) working: usize,
    /// Expected members in progress for another reason: their present status was not read.
    pub(super) unclear: usize,
    /// Expected members whose good row is older than the last change.
    pub(super) old: usize,
    /// Expected members with a row of a status that is not known.
    pub(super) unrecognized: CappedMembers,
    /// Accounts from which AWS could not remove it, by reason.
    pub(super) removals: BTreeMap<FailureClass, CappedMembers>,
    /// The rows that should be read, and when.
    pub(super) wanted: BTreeSet<RowToRead>,
    /// The first deadline of an account without the pack after which no row was read.
    pub(super) deadline: Option<Timestamp>,
}

/// An account whose row has to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowToRead {
    /// Not before.
    pub(super) due: Timestamp,
    /// The account.
    pub(super) account: AccountId,
    /// Whether the filtered listings show its row.
    pub(super) is_filtered: bool,
    /// Whether its window is open.
    pub(super) is_waiting: bool,
}
