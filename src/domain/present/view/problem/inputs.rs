//! Problems of what everything else depends on: source, identity, account list, record, clock.

use std::time::Duration;

use jiff::SignedDuration;

use super::cause::ProblemCause;
use super::draft::Drafts;
use super::shown::ProblemSeverity;
use crate::domain::base::failure::FailureKind;
use crate::domain::base::time::after;
use crate::domain::base::words::ago;
use crate::domain::organization::account_list::AccountList;
use crate::domain::organization::membership::{ListFreshness, Membership};
use crate::domain::plan::record::{NoRecordCause, RecordStatus};
use crate::domain::present::report::Declarations;
use crate::domain::present::view::{ConfirmedCaller, CurrentState};

/// A source that could not be read for so long is lost, as for the alert `ConformdSourceLost`.
const SOURCE_LOST: Duration = Duration::from_hours(4);
/// The same for the account list and the alert `ConformdOrganizationStale`.
const LIST_LOST: Duration = Duration::from_hours(1);
/// A source that was not read for so many intervals is old, as for the alert `ConformdSourceStale`.
const INTERVALS_OLD: u32 = 15;
/// A clock that is off by more is wrong, as for the alert `ConformdClockSkew`.
const SKEW_MAX: Duration = Duration::from_mins(1);
/// Findings in manifests that are named.
const FINDINGS_MAX: usize = 3;

pub(super) fn collect(facts: &CurrentState, drafts: &mut Drafts<'_>) {
    source(facts, drafts);
    caller(facts, drafts);
    record(facts, drafts);
    clock(facts, drafts);
    let membership = &*facts.membership;
    unread_list(facts, membership, drafts);
    if let Some(list) = &membership.list {
        states(list, drafts);
    }
}

fn source(facts: &CurrentState, drafts: &mut Drafts<'_>) {
    let source = &facts.source;
    let since = source.read_last.unwrap_or(facts.started());
    let is_lost = after(since, SOURCE_LOST) < facts.now;
    let old = facts.about.source_interval.saturating_mul(INTERVALS_OLD);
    let severity = if is_lost { ProblemSeverity::Critical } else { ProblemSeverity::Warning };
    if let Some(problem) = source.problem() {
        drafts.of(severity, ProblemCause::SourceUnread).say(problem);
    } else if is_lost || after(since, old) < facts.now {
        let seen = source.read_last.map_or("never".to_owned(), |at| ago(at, facts.now));
        let draft = drafts.of(severity, ProblemCause::SourceUnread);
        draft.say(format!("the source was last read {seen}"));
    } else if source.read_last.is_none() {
        let draft = drafts.of(ProblemSeverity::Info, ProblemCause::NotReadYet);
        draft.say("the source was not read yet");
    }
    let declared = Declarations::in_force(source);
    if declared.invalid > 0 {
        let draft = drafts.of(ProblemSeverity::Warning, ProblemCause::ManifestsInvalid);
        for finding in declared.diagnostics.iter().take(FINDINGS_MAX) {
            draft.say(finding.as_str());
        }
    }
}

fn caller(facts: &CurrentState, drafts: &mut Drafts<'_>) {
    let ConfirmedCaller::Unconfirmed { problem } = &facts.caller else { return };
    match problem {
        Some(why) => drafts.of(ProblemSeverity::Critical, ProblemCause::Identity).say(why),
        None => drafts
            .of(ProblemSeverity::Info, ProblemCause::NotReadYet)
            .say("the caller identity was not read yet"),
    };
}

/// A record that is configured and cannot be used keeps losses from being sent. Without any, the
/// process is careful for a day, which is no problem.
fn record(facts: &CurrentState, drafts: &mut Drafts<'_>) {
    if let Some(RecordStatus::Unusable(none)) = &facts.record
        && none.cause != NoRecordCause::NotConfigured
    {
        let draft = drafts.of(ProblemSeverity::Warning, ProblemCause::RecordUnusable);
        draft.say(none.to_string());
    }
}

fn clock(facts: &CurrentState, drafts: &mut Drafts<'_>) {
    let skew = facts.skew.map(SignedDuration::unsigned_abs).unwrap_or_default();
    if skew > SKEW_MAX {
        let draft = drafts.of(ProblemSeverity::Warning, ProblemCause::ClockSkew);
        draft.say(format!("the clock is {} s off AWS's", skew.as_secs()));
    }
}

/// An account list that cannot be read, or is in doubt.
fn unread_list(facts: &CurrentState, membership: &Membership, drafts: &mut Drafts<'_>) {
    let kind = membership.problem.as_ref().map(|problem| problem.kind);
    let since = membership.list.as_ref().map_or(facts.started(), |list| list.read);
    let is_lost = after(since, LIST_LOST) < facts.now;
    match facts.list_freshness() {
        ListFreshness::Current | ListFreshness::ReadOnce { .. } => {}
        ListFreshness::Frozen(_) if membership.shrink.is_some() => {
            let draft = drafts.of(ProblemSeverity::Critical, ProblemCause::AccountListShrank);
            draft.say(membership.status().to_do.unwrap_or_default());
        }
        ListFreshness::Unknown(why) if kind.is_none() && !is_lost => {
            drafts.of(ProblemSeverity::Info, ProblemCause::NotReadYet).say(why.to_string());
        }
        ListFreshness::Frozen(why) | ListFreshness::Unknown(why) => {
            let severity = list_severity(kind, is_lost);
            drafts.of(severity, list_cause(kind)).say(why.to_string());
        }
    }
    // Exclusions by tag cannot be computed without tags.
    let tags = membership.list.as_ref().and_then(|list| list.tags_problem.as_ref());
    if let Some(problem) = tags {
        let severity = list_severity(Some(problem.kind), false);
        let draft = drafts.of(severity, list_cause(Some(problem.kind)));
        draft.say(format!("tags could not be read: {}", problem.why));
    }
}

/// Why the account list is not read. What keeps every request from AWS is one cause, whatever was
/// asked for; a denied one names its own actions.
fn list_cause(kind: Option<FailureKind>) -> ProblemCause {
    match kind.map(ProblemCause::of_failure) {
        Some(ProblemCause::Denied | ProblemCause::Unread) | None => ProblemCause::AccountListUnread,
        Some(cause) => cause,
    }
}

/// A denied request does not pass by itself, and a list that is lost shows no new account.
fn list_severity(kind: Option<FailureKind>, is_lost: bool) -> ProblemSeverity {
    let is_refused = kind.is_some_and(FailureKind::refuses_caller);
    if is_refused || is_lost { ProblemSeverity::Critical } else { ProblemSeverity::Warning }
}

/// Accounts whose state is not known, and a list without any active account.
fn states(list: &AccountList, drafts: &mut Drafts<'_>) {
    let unknown = list.states_unknown();
    if unknown > 0 {
        let draft = drafts.of(ProblemSeverity::Warning, ProblemCause::AccountStateUnknown);
        draft.say(format!("{unknown} of {} accounts", list.accounts.len()));
    }
    if list.active().next().is_none() {
        // An organization of its management account alone has nobody to deploy to.
        let is_alone = list.accounts.keys().all(|id| *id == list.organization.management);
        let severity = if is_alone { ProblemSeverity::Warning } else { ProblemSeverity::Critical };
        let draft = drafts.of(severity, ProblemCause::NoActiveAccount);
        draft.say(format!("none of {} accounts is active", list.accounts.len()));
    }
}
