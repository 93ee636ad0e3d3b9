//! The rows of one pack as they were last read, compact: a bit for a member that has the pack, a
//! record for every other.
//!
//! This file holds what AWS showed; `judgment` decides what a row means for an account.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::account_index::{AccountIndex, AccountInterner, AccountSet};
use super::causes::Causes;
use crate::domain::base::model::Timestamp;
use crate::domain::base::untrusted::{WORD_MAX, one_line};
use crate::domain::observed::failure_class::{FailureClass, classify};
use crate::domain::observed::member::Cause;
use crate::domain::observed::packs::{PackPhase, RolloutStatus, StatusRow, Verb};

/// The status that a row shows, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RowState {
    /// `CREATE_SUCCESSFUL`, `UPDATE_SUCCESSFUL`
    Ok,
    /// `CREATE_IN_PROGRESS`, `UPDATE_IN_PROGRESS`
    InProgress,
    /// `DELETE_SUCCESSFUL`
    Deleted,
    /// `DELETE_IN_PROGRESS`
    Deleting,
    /// Any text that is not documented.
    Unknown,
    /// `DELETE_FAILED`
    DeleteFailed(FailureClass),
    /// `CREATE_FAILED`, `UPDATE_FAILED`
    Failed(FailureClass),
}

impl RowState {
    /// Whether the pack is absent or being removed.
    pub(super) fn is_absence(self) -> bool {
        match self {
            Self::Deleted | Self::Deleting | Self::DeleteFailed(_) => true,
            Self::Ok | Self::InProgress | Self::Unknown | Self::Failed(_) => false,
        }
    }

    /// Whether one of the six filtered listings shows rows of this kind.
    pub(super) fn is_filtered(self) -> bool {
        match self {
            Self::InProgress | Self::Deleting | Self::DeleteFailed(_) | Self::Failed(_) => true,
            Self::Ok | Self::Deleted | Self::Unknown => false,
        }
    }
}

/// One row, kept. The order decides between two rows of one account: the newer, then the worse.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MemberRow {
    /// When AWS last changed it, in milliseconds; `i64::MIN` if AWS gave no time.
    at: i64,
    /// Its status.
    pub(super) state: RowState,
    /// AWS's error code and text.
    pub(super) cause: Option<Arc<Cause>>,
    /// The account.
    pub(super) number: AccountIndex,
}

impl MemberRow {
    fn new(row: &StatusRow, roster: &mut AccountInterner, causes: &mut Causes) -> Self {
        let StatusRow { account, status, error_code, error_message, last_update } = row;
        let class = || classify(error_code.as_deref(), error_message.as_deref());
        let state = match status {
            RolloutStatus::Known(Verb::Create | Verb::Update, phase) => match phase {
                PackPhase::Successful => RowState::Ok,
                PackPhase::InProgress => RowState::InProgress,
                PackPhase::Failed => RowState::Failed(class()),
            },
            RolloutStatus::Known(Verb::Delete, PackPhase::Successful) => RowState::Deleted,
            RolloutStatus::Known(Verb::Delete, PackPhase::InProgress) => RowState::Deleting,
            RolloutStatus::Known(Verb::Delete, PackPhase::Failed) => {
                RowState::DeleteFailed(class())
            }
            RolloutStatus::Unknown(_) => RowState::Unknown,
        };
        // The unknown status is kept as the cause, so that users can see the word that AWS used.
        // Good rows keep no cause: they are most of the rows, and their texts would be memory
        // without use.
        let unknown = match status {
            RolloutStatus::Unknown(text) => Some(one_line(text, WORD_MAX)),
            RolloutStatus::Known(..) => None,
        };
        let code = error_code.as_deref().or(unknown.as_deref());
        let cause = match state {
            RowState::Ok => None,
            RowState::InProgress
            | RowState::Deleted
            | RowState::Deleting
            | RowState::Unknown
            | RowState::DeleteFailed(_)
            | RowState::Failed(_) => causes.of(*account, code, error_message.as_deref()),
        };
        let at = last_update.map_or(i64::MIN, Timestamp::as_millisecond);
        Self { at, state, cause, number: roster.number(*account) }
    }

    /// When AWS last changed it.
    pub(super) fn last_update(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.at).ok()
    }

    /// Whether it was written before this moment, or has no time.
    fn is_older(&self, reference: Timestamp) -> bool {
        self.at < reference.as_millisecond()
    }
}

/// The rows of an unfinished reading, each account once, whatever the order of pages.
#[derive(Debug, Clone, Default)]
pub struct RowsInProgress(BTreeMap<AccountIndex, MemberRow>);

impl RowsInProgress {
    /// Adds rows; of two rows of an account the newer counts, and the worse if they are of one age.
    pub(super) fn add(
        &mut self,
        rows: &[StatusRow],
        roster: &mut AccountInterner,
        causes: &mut Causes,
    ) {
        for row in rows {
            self.merge(MemberRow::new(row, roster, causes));
        }
    }

    /// Adds the rows of another listing.
    pub fn append(&mut self, other: Self) {
        for row in other.0.into_values() {
            self.merge(row);
        }
    }

    fn merge(&mut self, row: MemberRow) {
        let known = self.0.entry(row.number).or_insert_with(|| row.clone());
        if *known < row {
            *known = row;
        }
    }
}

/// The newest evidence about one account's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowEvidence<'a> {
    /// It has the pack; `old`: by a row that is older than the last change.
    Ok { old: bool },
    /// This row.
    Row(&'a MemberRow),
    /// The row changed, and its new status was not read.
    Unsure,
    /// There was no row.
    Absent,
}

/// Every row of one pack.
#[derive(Debug, Clone, Default)]
pub(super) struct PackRows {
    /// Members that have it.
    ok: AccountSet,
    /// Members among these whose row is older than the last change of the pack.
    old: AccountSet,
    /// Members whose row changed to a status that was not read.
    unsure: AccountSet,
    /// All other rows, by account number, including good ones of accounts that are not in the list.
    rest: Vec<MemberRow>,
}

impl PackRows {
    /// The rows of a full resync.
    pub(super) fn all(
        draft: RowsInProgress,
        reference: Timestamp,
        is_listed: impl Fn(AccountIndex) -> bool,
    ) -> Self {
        let mut rows = Self::default();
        for row in draft.0.into_values() {
            rows.add(row, reference, &is_listed);
        }
        rows.rest.shrink_to_fit();
        rows
    }

    /// Updates the rows from the six filtered listings. An account that was in one of them and is
    /// not any more has an unknown status.
    pub(super) fn update_filtered(&mut self, draft: RowsInProgress) {
        for row in std::mem::take(&mut self.rest) {
            match (draft.0.contains_key(&row.number), row.state.is_filtered()) {
                (true, _) => {}
                (false, true) => self.unsure.insert(row.number),
                (false, false) => self.rest.push(row),
            }
        }
        for row in draft.0.values() {
            self.forget(row.number);
        }
        self.rest.extend(draft.0.into_values());
        self.rest.sort_unstable_by_key(|row| row.number);
        self.rest.shrink_to_fit();
    }

    /// Updates the row of one account.
    pub(super) fn update_one(
        &mut self,
        number: AccountIndex,
        draft: RowsInProgress,
        reference: Timestamp,
    ) {
        self.forget(number);
        self.rest.retain(|row| row.number != number);
        if let Some(row) = draft.0.into_values().find(|row| row.number == number) {
            self.add(row, reference, |_| true);
            self.rest.sort_unstable_by_key(|row| row.number);
        }
    }

    /// Doubts all good rows, since a Put redeploys to every member.
    pub(super) fn doubt(&mut self) {
        self.unsure.append(&mut self.ok);
        self.trust();
    }

    /// Accepts all good rows for the present content, whatever their age.
    pub(super) fn trust(&mut self) {
        self.old = AccountSet::default();
    }

    /// The evidence about this account.
    pub(super) fn of(&self, number: AccountIndex) -> RowEvidence<'_> {
        if self.ok.contains(number) {
            return RowEvidence::Ok { old: self.old.contains(number) };
        }
        if self.unsure.contains(number) {
            return RowEvidence::Unsure;
        }
        let found = self.rest.binary_search_by_key(&number, |row| row.number);
        let row = found.ok().and_then(|at| self.rest.get(at));
        row.map_or(RowEvidence::Absent, RowEvidence::Row)
    }

    /// Accounts that have, or had, a row.
    pub(super) fn numbers(&self) -> impl Iterator<Item = AccountIndex> {
        let rest = self.rest.iter().map(|row| row.number);
        self.ok.iter().chain(self.unsure.iter()).chain(rest)
    }

    /// The number of rows other than good ones.
    pub(super) fn rest_len(&self) -> usize {
        self.rest.len()
    }

    fn add(
        &mut self,
        row: MemberRow,
        reference: Timestamp,
        is_listed: impl Fn(AccountIndex) -> bool,
    ) {
        // A good row of an unlisted account keeps its record: its time decides whether the account
        // has left the organization or is not listed yet.
        if row.state == RowState::Ok && is_listed(row.number) {
            self.ok.insert(row.number);
            if row.is_older(reference) {
                self.old.insert(row.number);
            }
        } else {
            self.rest.push(row);
        }
    }

    fn forget(&mut self, number: AccountIndex) {
        self.ok.remove(number);
        self.old.remove(number);
        self.unsure.remove(number);
    }
}
