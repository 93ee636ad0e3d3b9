//! One account under one pack: what its row, or the lack of one, means.
//!
//! Nothing is ever concluded from what was not read: an absence counts when it was seen after the
//! grace, a miss when it was seen after the deadline, and somebody has left when a later list of
//! accounts says so.

use std::time::Duration;

use super::rows::{MemberRow, RowEvidence, RowState};
use crate::domain::base::limits::RETRY_WINDOW;
use crate::domain::base::model::Timestamp;
use crate::domain::base::time::after;
use crate::domain::members::new_account::joined_lately;
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::observed::member::MemberStatus;
use crate::domain::organization::account_list::Account;

/// How long a row may be missing after a join or a Put, and how long the account list may be behind
/// a row (aws.md §10: half an hour both ways).
pub(super) const GRACE: Duration = Duration::from_mins(30);

/// How long a throttled member counts as being worked on (aws.md §4.4: one interval).
const THROTTLED: Duration = Duration::from_mins(15);

/// What is the same for all accounts of a pack.
#[derive(Debug, Clone, Copy)]
pub(super) struct JudgeContext {
    /// The moment, by AWS's clock.
    pub(super) now: Timestamp,
    /// When the account list was read.
    pub(super) list_read: Timestamp,
    /// Whether it is the newest there is.
    pub(super) is_current: bool,
    /// When the pack last changed.
    pub(super) reference: Timestamp,
    /// Whether AWS is on its way from member to member.
    pub(super) is_running: bool,
}

/// One account of the list that is expected to have the pack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    /// The account.
    pub(super) account: &'a Account,
    /// What is known of its row.
    pub(super) evidence: RowEvidence<'a>,
    /// When that was read; `None`: never, so that an absence means nothing.
    pub(super) read: Option<Timestamp>,
    /// Whether it manages the organization.
    pub(super) is_management: bool,
    /// Whether AWS was told to leave it out, and was not told otherwise yet.
    pub(super) is_left_out: bool,
}

/// What became of an account that is expected to have the pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It stands like this.
    Member(MemberStatus),
    /// It has no row yet, and one may still come until then; only a later reading tells.
    Due(Timestamp),
    /// The management account has no row.
    ManagementMissing,
    /// Nobody looked.
    Unread,
}

/// How an expected account stands.
pub(super) fn judge(candidate: &Candidate<'_>, frame: &JudgeContext) -> Judgement {
    let Candidate { account, evidence, read, is_management: _, is_left_out: _ } = *candidate;
    let is_waiting = read.is_some_and(|read| deadline(account, frame.now) > Some(read));
    let status = match evidence {
        RowEvidence::Ok { .. } => MemberStatus::Ok,
        RowEvidence::Unsure => MemberStatus::InProgress,
        RowEvidence::Absent => return absent(candidate, frame, is_waiting),
        RowEvidence::Row(row) => match row.state {
            RowState::Ok => MemberStatus::Ok,
            RowState::InProgress if is_waiting => MemberStatus::Waiting,
            RowState::InProgress | RowState::Unknown => MemberStatus::InProgress,
            RowState::Deleted | RowState::Deleting | RowState::DeleteFailed(_) => {
                return absent(candidate, frame, is_waiting);
            }
            RowState::Failed(class) => failed(class, row, read, is_waiting),
        },
    };
    Judgement::Member(status)
}

/// The code of a row that AWS still retries for want of a recorder was never published, so an
/// unknown one may be it.
fn failed(
    class: FailureClass,
    row: &MemberRow,
    read: Option<Timestamp>,
    is_waiting: bool,
) -> MemberStatus {
    let retried = matches!(class, FailureClass::NoRecorder | FailureClass::Other);
    let is_recent = row.last_update().is_some_and(|at| Some(after(at, THROTTLED)) > read);
    if is_waiting && retried {
        MemberStatus::Waiting
    } else if class == FailureClass::Throttled && is_recent {
        MemberStatus::InProgress
    } else {
        MemberStatus::Failed(class)
    }
}

fn absent(candidate: &Candidate<'_>, frame: &JudgeContext, is_waiting: bool) -> Judgement {
    let Candidate { account, evidence: _, read, is_management, is_left_out } = *candidate;
    let Some(read) = read else { return Judgement::Unread };
    if is_left_out {
        return Judgement::Member(MemberStatus::InProgress);
    }
    let joined = account.joined.unwrap_or(Timestamp::MIN).min(frame.now);
    let grace = after(joined.max(frame.reference), GRACE);
    if is_management {
        Judgement::ManagementMissing
    } else if read < grace {
        Judgement::Due(grace)
    } else if is_waiting {
        Judgement::Member(MemberStatus::Waiting)
    } else if frame.is_running || read > after(frame.list_read, GRACE) {
        // Either AWS has not come to it, or it may have left since the list was read.
        Judgement::Member(MemberStatus::InProgress)
    } else {
        Judgement::Member(MemberStatus::Missing)
    }
}

/// How an account stands that has a row and is not in the list.
pub(super) fn unlisted(row: Option<&MemberRow>, frame: &JudgeContext) -> MemberStatus {
    // A row without a time is from an earlier reading: the list was read after it, or is not
    // current.
    let seen = row.and_then(MemberRow::last_update);
    let is_listable = seen.is_none_or(|at| after(at, GRACE) <= frame.list_read);
    if frame.is_current && is_listable { MemberStatus::Left } else { MemberStatus::NotYetListed }
}

/// Until when AWS retries an account, if it joined lately.
pub(super) fn deadline(account: &Account, now: Timestamp) -> Option<Timestamp> {
    joined_lately(account, now).map(|joined| after(joined, RETRY_WINDOW))
}
