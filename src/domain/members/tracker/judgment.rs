//! The status of one account for one pack, from its row or the lack of one.
//!
//! Nothing is concluded from what was not read: an absent row counts only if it was read after the
//! grace period, a missed deadline only if the row was read after it, and an account has left only
//! if a later account list says so.

use std::time::Duration;

use super::rows::{MemberRow, RowEvidence, RowState};
use crate::domain::base::model::Timestamp;
use crate::domain::base::time::after;
use crate::domain::members::new_account::{deadline_of, joined_lately};
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::observed::member::MemberStatus;
use crate::domain::organization::account_list::Account;

/// How long a row may be missing after a join or a Put, and how long the account list may be behind
/// a row. AWS documents no time; half an hour both ways is inferred (`docs/aws.md`, "Delays").
pub(super) const GRACE: Duration = Duration::from_mins(30);

/// How long a throttled member counts as being worked on: one interval of 15 minutes, since AWS
/// throttled itself and may continue.
const THROTTLED: Duration = Duration::from_mins(15);

/// The inputs that are the same for all accounts of a pack.
#[derive(Debug, Clone, Copy)]
pub(super) struct JudgeContext {
    /// The moment, by AWS's clock.
    pub(super) now: Timestamp,
    /// When the account list was read.
    pub(super) list_read: Timestamp,
    /// Whether the list is current.
    pub(super) is_current: bool,
    /// When the pack last changed.
    pub(super) reference: Timestamp,
    /// Whether a rollout is in progress.
    pub(super) is_running: bool,
}

/// One account of the list that is expected to have the pack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    /// The account.
    pub(super) account: &'a Account,
    /// Its row, or the lack of one.
    pub(super) evidence: RowEvidence<'a>,
    /// When that was read; `None`: never, so that an absent row means nothing.
    pub(super) read: Option<Timestamp>,
    /// Whether it manages the organization.
    pub(super) is_management: bool,
    /// Whether the last Put excludes it, although it is not excluded any more.
    pub(super) is_left_out: bool,
}

/// The judgment on an account that is expected to have the pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgment {
    /// It has this status.
    Member(MemberStatus),
    /// It has no row yet, and one may still appear until then; only a later reading decides.
    Due(Timestamp),
    /// The management account has no row.
    ManagementMissing,
    /// Its row was not read.
    Unread,
}

/// Judges an expected account.
pub(super) fn judge(candidate: &Candidate<'_>, context: &JudgeContext) -> Judgment {
    let Candidate { account, evidence, read, is_management: _, is_left_out: _ } = *candidate;
    // The row counts at the time when it was read: a reading from before the deadline cannot prove
    // that AWS has stopped retrying.
    let is_waiting = read.is_some_and(|read| deadline(account, context.now) > Some(read));
    let status = match evidence {
        RowEvidence::Ok { .. } => MemberStatus::Ok,
        RowEvidence::Unsure => MemberStatus::InProgress,
        RowEvidence::Absent => return absent(candidate, context, is_waiting),
        RowEvidence::Row(row) => match row.state {
            RowState::Ok => MemberStatus::Ok,
            RowState::InProgress if is_waiting => MemberStatus::Waiting,
            RowState::InProgress | RowState::Unknown => MemberStatus::InProgress,
            RowState::Deleted | RowState::Deleting | RowState::DeleteFailed(_) => {
                return absent(candidate, context, is_waiting);
            }
            RowState::Failed(class) => failed(class, row, read, is_waiting),
        },
    };
    Judgment::Member(status)
}

/// The status of a failed row. AWS has not published the error code of a row that it still retries
/// for lack of a recorder, so an unknown code may be that one.
fn failed(
    class: FailureClass,
    row: &MemberRow,
    read: Option<Timestamp>,
    is_waiting: bool,
) -> MemberStatus {
    let retried = matches!(class, FailureClass::NoRecorder | FailureClass::Other);
    let is_recent = row.last_update().is_some_and(|at| Some(after(at, THROTTLED)) > read);
    // The retry window comes first: while AWS retries by itself, the failure is not final. A
    // throttled row counts as work only for a short time, or a permanent throttling would never
    // show.
    if is_waiting && retried {
        MemberStatus::Waiting
    } else if class == FailureClass::Throttled && is_recent {
        MemberStatus::InProgress
    } else {
        MemberStatus::Failed(class)
    }
}

fn absent(candidate: &Candidate<'_>, context: &JudgeContext, is_waiting: bool) -> Judgment {
    let Candidate { account, evidence: _, read, is_management, is_left_out } = *candidate;
    let Some(read) = read else { return Judgment::Unread };
    // AWS deploys to this account only with the next Put, so the absence is no failure of AWS.
    if is_left_out {
        return Judgment::Member(MemberStatus::InProgress);
    }
    let joined = account.joined.unwrap_or(Timestamp::MIN).min(context.now);
    let grace = after(joined.max(context.reference), GRACE);
    // AWS does not document that the management account always has a row, so its absence is only a
    // note. The other cases go from "too early to tell" to "missing", so that an account is called
    // missing only if nothing else explains the absent row.
    if is_management {
        Judgment::ManagementMissing
    } else if read < grace {
        Judgment::Due(grace)
    } else if is_waiting {
        Judgment::Member(MemberStatus::Waiting)
    } else if context.is_running || read > after(context.list_read, GRACE) {
        // The rollout may not have reached it yet, or the account left after the list was read.
        Judgment::Member(MemberStatus::InProgress)
    } else {
        Judgment::Member(MemberStatus::Missing)
    }
}

/// The status of an account that has a row and is not in the list.
pub(super) fn unlisted(row: Option<&MemberRow>, context: &JudgeContext) -> MemberStatus {
    // A row without a time is from an earlier reading: the list was read after it, or is not
    // current.
    let seen = row.and_then(MemberRow::last_update);
    let is_listable = seen.is_none_or(|at| after(at, GRACE) <= context.list_read);
    if context.is_current && is_listable { MemberStatus::Left } else { MemberStatus::NotYetListed }
}

/// Until when AWS retries an account, if it is new.
pub(super) fn deadline(account: &Account, now: Timestamp) -> Option<Timestamp> {
    joined_lately(account, now).map(deadline_of)
}
