//! The outer join of one pack: accounts of the list on one side, rows on the other.
//!
//! It gives the status of every account, and the rows that still have to be read. `health` draws
//! the conclusion for the pack.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::account_index::AccountIndex;
use super::judgment::{Candidate, JudgeContext, Judgment, deadline, judge, unlisted};
use super::pack_state::PackState;
use super::rows::{MemberRow, RowEvidence, RowState};
use super::tracked_members::TrackedMembers;
use crate::domain::base::model::{AccountId, Timestamp};
use crate::domain::base::time::after;
use crate::domain::members::new_account::joined_lately;
use crate::domain::members::rollout::CappedMembers;
use crate::domain::members::tracker::summary::{MemberSummary, RowToRead};
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::observed::member::{MemberStatus, TroubledMember};
use crate::domain::organization::account_list::Account;

/// The most accounts that are noted to be read alone: one more than the pages of a resync of the
/// largest organization (50,000 accounts, AWS Organizations quota). Beyond that a resync is
/// cheaper.
const ROWS_TO_READ_MAX: usize = 501;

/// The inputs of a summary.
#[derive(Debug, Clone, Copy)]
pub(super) struct SummaryInputs<'a> {
    /// The accounts.
    pub(super) people: &'a TrackedMembers,
    /// The moment, by AWS's clock.
    pub(super) now: Timestamp,
    /// The time between two readings of an account in its retry window.
    pub(super) again: Duration,
    /// The most members that are kept of one pack.
    pub(super) troubled_max: usize,
}

/// Computes the summary of one pack.
pub(super) fn summary(state: &PackState, view: &SummaryInputs<'_>) -> MemberSummary {
    let mut taken = Summarizer {
        state,
        view,
        summary: MemberSummary::default(),
        troubled: Vec::new(),
        unrecognized: MembersToKeep::default(),
        removals: BTreeMap::new(),
    };
    match &view.people.list {
        Some(_) => taken.listed(),
        None => taken.rows_alone(),
    }
    taken.finish()
}

struct Summarizer<'a> {
    state: &'a PackState,
    view: &'a SummaryInputs<'a>,
    summary: MemberSummary,
    troubled: Vec<TroubledMember>,
    unrecognized: MembersToKeep,
    removals: BTreeMap<FailureClass, MembersToKeep>,
}

/// Members of one kind while they are collected.
#[derive(Default)]
struct MembersToKeep {
    kept: Vec<TroubledMember>,
    all: usize,
}

impl MembersToKeep {
    fn add(&mut self, max: usize, member: impl FnOnce() -> TroubledMember) {
        self.all = self.all.saturating_add(1);
        if self.kept.len() < max {
            self.kept.push(member());
        }
    }

    fn finish(mut self) -> CappedMembers {
        self.kept.sort_unstable_by_key(|member| member.account);
        CappedMembers { kept: self.kept.into(), all: self.all }
    }
}

impl<'a> Summarizer<'a> {
    /// Judges accounts and rows together.
    fn listed(&mut self) {
        let Self { state, view, .. } = *self;
        let frame = JudgeContext {
            now: view.now,
            list_read: view.people.list_read(),
            is_current: view.people.freshness.doubt().is_none(),
            reference: state.reference,
            is_running: state.is_at_work(view.now) && self.any_working(),
        };
        self.summary.expected = Some(0);
        // A pack that AWS removes is expected nowhere: whoever has lost it is done, and only a
        // removal that failed is a failure.
        if state.is_deleting() {
            return self.removed();
        }
        for (account, number) in view.people.accounts() {
            let evidence = state.rows.of(number);
            // Exclusions come first: a row of an excluded account is on its way out, whatever it
            // says. Inactive accounts are not expected, so they count only if they have a row.
            if state.excluded.contains(&account.id) {
                self.excluded(account.id, evidence);
            } else if account.is_active() {
                self.expected(account, number, evidence, &frame);
            } else if evidence != RowEvidence::Absent {
                self.count(account.id, MemberStatus::Inactive, row(evidence));
            }
        }
        for number in state.rows.numbers().filter(|number| !view.people.is_listed(*number)) {
            let Some(id) = view.people.roster.id(number) else { continue };
            let evidence = state.rows.of(number);
            if state.excluded.contains(&id) {
                self.excluded(id, evidence);
            } else {
                self.count(id, unlisted(row(evidence), &frame), row(evidence));
            }
        }
    }

    /// Judges rows without an account list: the expected accounts are not known, but a failed row
    /// is a failure all the same.
    fn rows_alone(&mut self) {
        let Self { state, view, .. } = *self;
        for number in state.rows.numbers() {
            let Some(id) = view.people.roster.id(number) else { continue };
            let evidence = state.rows.of(number);
            if state.excluded.contains(&id) {
                self.excluded(id, evidence);
                continue;
            }
            let status = match evidence {
                RowEvidence::Ok { .. }
                | RowEvidence::Row(MemberRow { state: RowState::Ok, .. }) => MemberStatus::Ok,
                RowEvidence::Row(MemberRow { state: RowState::Failed(class), .. }) => {
                    MemberStatus::Failed(*class)
                }
                RowEvidence::Row(_) | RowEvidence::Unsure => MemberStatus::InProgress,
                RowEvidence::Absent => continue,
            };
            // A row in progress shows work of AWS; a row that was not read shows nothing, and only
            // postpones the conclusion.
            if status == MemberStatus::InProgress {
                match evidence {
                    RowEvidence::Unsure => {
                        self.summary.unclear = self.summary.unclear.saturating_add(1);
                    }
                    RowEvidence::Ok { .. } | RowEvidence::Row(_) | RowEvidence::Absent => {
                        self.summary.working = self.summary.working.saturating_add(1);
                    }
                }
            }
            self.count(id, status, row(evidence));
        }
    }

    /// Whether some expected account that is not new has a row in progress.
    fn any_working(&self) -> bool {
        let Self { state, view, .. } = *self;
        // A new account without recorder keeps its row in progress for hours, and is no sign of a
        // rollout to the others.
        view.people.accounts().any(|(account, number)| {
            account.is_active()
                && !state.excluded.contains(&account.id)
                && deadline(account, view.now).is_none_or(|deadline| deadline <= view.now)
                && is_working(state.rows.of(number))
        })
    }

    fn expected(
        &mut self,
        account: &Account,
        number: AccountIndex,
        evidence: RowEvidence<'a>,
        frame: &JudgeContext,
    ) {
        self.summary.expected = self.summary.expected.map(|count| count.saturating_add(1));
        let read = self.state.read_of(number, evidence);
        let candidate = Candidate {
            account,
            evidence,
            read,
            is_management: self.view.people.is_management(account.id),
            is_left_out: self.state.included_by_next_put.contains(&account.id),
        };
        let judgment = judge(&candidate, frame);
        let status = match judgment {
            Judgment::Member(status) => status,
            Judgment::Due(_) => MemberStatus::InProgress,
            Judgment::ManagementMissing => {
                self.summary.management_missing = true;
                return;
            }
            // An account without a reading counts in no status: it must look neither good nor
            // missing.
            Judgment::Unread => return,
        };
        let is_outdated = self.state.is_outdated() && read < Some(self.state.changed);
        if is_outdated && status == MemberStatus::InProgress {
            return;
        }
        self.count(account.id, status, row(evidence));
        self.note_evidence(account.id, evidence);
        if joined_lately(account, self.view.now).is_some() {
            self.summary.new_accounts.insert(account.id, status);
        }
        if status != MemberStatus::Ok {
            let deadline = deadline(account, self.view.now);
            self.open(account, status, evidence, judgment, read, deadline);
        }
    }

    /// Notes what has to be read, and when, for this account that does not have the pack.
    fn open(
        &mut self,
        account: &Account,
        status: MemberStatus,
        evidence: RowEvidence<'_>,
        judgment: Judgment,
        read: Option<Timestamp>,
        deadline: Option<Timestamp>,
    ) {
        let Self { state, view, summary, .. } = self;
        let read = read.unwrap_or(Timestamp::MIN);
        if let Some(deadline) = deadline.filter(|deadline| state.read < Some(*deadline)) {
            let first = summary.deadline.map_or(deadline, |first| first.min(deadline));
            summary.deadline = Some(first);
        }
        let window = deadline.filter(|deadline| read < *deadline);
        if window.is_none() && status == MemberStatus::InProgress {
            let count =
                if is_working(evidence) { &mut summary.working } else { &mut summary.unclear };
            *count = count.saturating_add(1);
        }
        let joined = account.joined.unwrap_or(Timestamp::MIN);
        let due = match (judgment, window) {
            // It joined after the last reading.
            (_, Some(_)) if read < joined => Some(joined),
            (_, Some(deadline)) => Some(after(read, view.again).min(deadline)),
            (Judgment::Due(grace), None) => Some(grace),
            (_, None) if evidence == RowEvidence::Unsure => Some(read),
            (_, None) if is_unknown(evidence) => Some(after(read, view.again)),
            (_, None) if status == MemberStatus::Missing && read < state.touched => {
                Some(state.touched)
            }
            (_, None) => None,
        };
        if let Some(due) = due {
            let is_filtered = row(evidence).is_some_and(|row| row.state.is_filtered());
            let is_waiting = window.is_some();
            summary.wanted.insert(RowToRead { due, account: account.id, is_filtered, is_waiting });
            // The latest is dropped: the earliest due time decides what is read next.
            if summary.wanted.len() > ROWS_TO_READ_MAX {
                summary.wanted.pop_last();
            }
        }
    }

    fn note_evidence(&mut self, id: AccountId, evidence: RowEvidence<'_>) {
        let summary = &mut self.summary;
        // An unknown status is counted for a note; it is not old, since its row proves nothing
        // about any content.
        let is_old = match evidence {
            RowEvidence::Ok { old } => old,
            RowEvidence::Row(row) if is_unknown(evidence) => {
                let unrecognized = || member(id, MemberStatus::InProgress, Some(row));
                self.unrecognized.add(self.view.troubled_max, unrecognized);
                false
            }
            RowEvidence::Row(row) => {
                row.state == RowState::Ok && row.last_update() < Some(self.state.proof)
            }
            RowEvidence::Unsure | RowEvidence::Absent => false,
        };
        summary.old = summary.old.saturating_add(usize::from(is_old));
    }

    /// Rows of excluded accounts count nowhere; one that AWS could not remove is shown.
    fn excluded(&mut self, id: AccountId, evidence: RowEvidence<'_>) {
        if let RowEvidence::Row(row) = evidence
            && let RowState::DeleteFailed(class) = row.state
        {
            let removal = || member(id, MemberStatus::Failed(class), Some(row));
            self.removals.entry(class).or_default().add(self.view.troubled_max, removal);
        }
    }

    /// The rows of a pack that AWS removes: what failed, and what is still there.
    fn removed(&mut self) {
        let Self { state, view, .. } = *self;
        for number in state.rows.numbers() {
            let Some(id) = view.people.roster.id(number) else { continue };
            let evidence = state.rows.of(number);
            self.excluded(id, evidence);
            if matches!(evidence, RowEvidence::Row(row) if row.state == RowState::Deleting) {
                self.count(id, MemberStatus::InProgress, row(evidence));
            }
        }
    }

    fn count(&mut self, account: AccountId, status: MemberStatus, row: Option<&MemberRow>) {
        self.summary.counts.count(status);
        if let MemberStatus::Failed(class) = status {
            let count = self.summary.classes.entry(class).or_default();
            *count = count.saturating_add(1);
        }
        if status != MemberStatus::Ok {
            self.troubled.push(member(account, status, row));
        }
    }

    fn finish(self) -> MemberSummary {
        let Self { state, view, mut summary, mut troubled, unrecognized, removals } = self;
        summary.unrecognized = unrecognized.finish();
        let removals = removals.into_iter().map(|(class, members)| (class, members.finish()));
        summary.removals = removals.collect();
        summary.truncated = troubled.len() > view.troubled_max;
        if summary.truncated {
            // Failures are kept first: the other statuses are many and need no action.
            troubled.sort_by_key(|member| (rank(member.status), member.account));
            troubled.truncate(view.troubled_max);
        }
        troubled.sort_unstable_by_key(|member| member.account);
        // Usually nothing has changed, and a reader that holds the old slice keeps it in memory
        // anyway.
        let before = &state.summary.troubled;
        summary.troubled = if **before == *troubled { Arc::clone(before) } else { troubled.into() };
        summary
    }
}

fn member(account: AccountId, status: MemberStatus, row: Option<&MemberRow>) -> TroubledMember {
    let cause = row.and_then(|row| row.cause.clone());
    TroubledMember { account, status, cause, last_update: row.and_then(MemberRow::last_update) }
}

fn rank(status: MemberStatus) -> u8 {
    match status {
        MemberStatus::Failed(_) | MemberStatus::Missing => 0,
        MemberStatus::Waiting => 1,
        MemberStatus::Ok
        | MemberStatus::InProgress
        | MemberStatus::Inactive
        | MemberStatus::NotYetListed
        | MemberStatus::Left => 2,
    }
}

fn row(evidence: RowEvidence<'_>) -> Option<&MemberRow> {
    match evidence {
        RowEvidence::Row(row) => Some(row),
        RowEvidence::Ok { .. } | RowEvidence::Unsure | RowEvidence::Absent => None,
    }
}

fn is_working(evidence: RowEvidence<'_>) -> bool {
    row(evidence).is_some_and(|row| row.state == RowState::InProgress)
}

fn is_unknown(evidence: RowEvidence<'_>) -> bool {
    row(evidence).is_some_and(|row| row.state == RowState::Unknown)
}
