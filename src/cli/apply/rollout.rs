//! Watching members deploy after `apply`: rows of the packs that were put, as progress bars.
//!
//! A row counts only if it belongs to the Put: AWS shows those of the rollout before for a while,
//! and they say how that one ended. As in `track`, a row that is older than the pack's own time
//! proves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use crate::cli::terminal::note;
use crate::cloud::{OrganizationReader as _, RegionReader, RowFilter};
use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{AccountId, AccountState, PackName, Region, Timestamp};
use crate::domain::base::untrusted::flowing;
use crate::domain::observed::packs::{PackPhase, RolloutStatus, StatusRow, Verb};
use crate::domain::organization::account_list::Account;
use crate::domain::plan::outcome::{Outcome, StepResult};
use crate::domain::plan::step::PlanStep;
use crate::limiter::Limited;
use crate::listing::{Incomplete, read_all};
use crate::session::AwsSession;

/// The rollout of each pack that was put.
pub(super) type Rollouts = BTreeMap<(Region, PackName), RolloutProgress>;

/// The rollout of one pack over its members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RolloutProgress {
    /// Members that hold it.
    pub(super) ok: usize,
    /// Members where it failed.
    pub(super) failed: usize,
    /// Members that are not done.
    pub(super) open: usize,
    /// The first members where it failed, each with what AWS says.
    pub(super) failures: Vec<String>,
    /// Whether no member is expected to change any more.
    is_done: bool,
}

/// Failing members that are named; the rest is only counted.
const FAILURES_NAMED: usize = 5;
/// Characters of AWS's own words that are shown of one member.
const WORDS_MAX: usize = 200;

/// What a row says of this rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowProgress {
    Ok,
    Failed,
    Open,
    /// Nothing: a member that does not hold the pack and need not.
    Gone,
}

impl RowProgress {
    fn of(row: &StatusRow, reference: Timestamp) -> Self {
        // AWS counts in milliseconds.
        let at = row.last_update.map_or(i64::MIN, Timestamp::as_millisecond);
        if at < reference.as_millisecond() {
            return Self::Open;
        }
        match &row.status {
            RolloutStatus::Known(_, PackPhase::Failed) => Self::Failed,
            RolloutStatus::Known(Verb::Create | Verb::Update, PackPhase::Successful) => Self::Ok,
            RolloutStatus::Known(Verb::Delete, PackPhase::Successful) => Self::Gone,
            RolloutStatus::Known(_, PackPhase::InProgress) | RolloutStatus::Unknown(_) => {
                Self::Open
            }
        }
    }
}

impl RolloutProgress {
    /// Before AWS shows the Put.
    fn awaited(expected: Option<&BTreeSet<AccountId>>) -> Self {
        Self { open: expected.map_or(0, BTreeSet::len), ..Self::default() }
    }

    /// From the rows, the moment of the Put as AWS tells it, and who should have the pack if that
    /// is known.
    fn of(
        rows: &[StatusRow],
        reference: Timestamp,
        expected: Option<&BTreeSet<AccountId>>,
    ) -> Self {
        let mut newest: BTreeMap<AccountId, &StatusRow> = BTreeMap::new();
        for row in rows {
            let known = newest.entry(row.account).or_insert(row);
            if known.last_update < row.last_update {
                *known = row;
            }
        }
        let mut rollout = Self::default();
        for (account, row) in &newest {
            let is_expected = expected.is_none_or(|expected| expected.contains(account));
            let state = RowProgress::of(row, reference);
            let count = match (state, is_expected) {
                (RowProgress::Ok, true) => &mut rollout.ok,
                (RowProgress::Failed, _) => &mut rollout.failed,
                (RowProgress::Open, true) => &mut rollout.open,
                (RowProgress::Gone, true) if expected.is_some() => &mut rollout.open,
                (RowProgress::Ok | RowProgress::Open | RowProgress::Gone, _) => continue,
            };
            *count = count.saturating_add(1);
            if state == RowProgress::Failed && rollout.failures.len() < FAILURES_NAMED {
                rollout.failures.push(failure(row));
            }
        }
        // Members without a row are counted as open: AWS creates rows as it reaches members, so
        // their absence is no success. Without a list and without rows nothing is known at all.
        let missing = expected.into_iter().flatten().filter(|id| !newest.contains_key(*id));
        rollout.open = rollout.open.saturating_add(missing.count());
        let is_known = expected.is_some() || !newest.is_empty();
        Self { is_done: rollout.open == 0 && is_known, ..rollout }
    }
}

/// One failing member in one line; AWS's words are foreign text.
fn failure(row: &StatusRow) -> String {
    let words = |text: &Option<String>| {
        text.as_deref().map_or("nothing said".to_owned(), |text| flowing(text, WORDS_MAX))
    };
    format!("{} ({}): {}", row.account, words(&row.error_code), words(&row.error_message))
}

/// The time between two lines about a pack where there is no terminal.
const SAY_EVERY: Duration = Duration::from_mins(1);
/// The time between two readings of the same pack.
const POLL_EVERY: Duration = Duration::from_secs(5);

/// Watches every accepted Put until its members are done, for this long, or until a stop is asked
/// for; what was counted by then is the answer.
pub(super) async fn watch(
    session: &AwsSession,
    outcomes: &[(Region, Outcome)],
    wait: Duration,
    stop: &CancellationToken,
) -> anyhow::Result<Rollouts> {
    let mut puts: BTreeMap<Region, Vec<&PlanStep>> = BTreeMap::new();
    for (region, Outcome { step, result: ending }) in outcomes {
        if matches!(ending, StepResult::Accepted { .. }) && step.action.content().is_some() {
            puts.entry(region.clone()).or_default().push(step);
        }
    }
    // Without Puts the account list is not read: that takes minutes in a large organization.
    if puts.is_empty() {
        return Ok(Rollouts::new());
    }
    let members = match stop.run_until_cancelled(members(session)).await {
        Some(Ok(members)) => Some(members),
        Some(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "members unknown");
            None
        }
        None => None,
    };
    let bars = MultiProgress::new();
    let form = "{prefix:>14} [{bar:12}] {pos}/{len} members, {elapsed} {wide_msg}";
    let style = ProgressStyle::with_template(form)?.progress_chars("=> ");
    let watches = puts.into_iter().map(async |(region, steps)| {
        let bar = bars.add(ProgressBar::new(0).with_style(style.clone()));
        bar.set_prefix(region.to_string());
        let watched = steps.into_iter().map(|step| WatchedPut::new(step, members.as_ref()));
        let mut watched: Vec<WatchedPut<'_>> = watched.collect();
        watch_region(session, &region, &mut watched, wait, stop, &bar).await;
        watched.into_iter().map(move |one| ((region.clone(), one.step.pack.clone()), one.rollout))
    });
    Ok(futures_util::future::join_all(watches).await.into_iter().flatten().collect())
}

async fn members(session: &AwsSession) -> Result<BTreeSet<AccountId>, Incomplete> {
    let organization = session.cloud.organization();
    let fetch = |token| organization.accounts(token);
    let accounts = read_all(fetch, |account: &Account| account.id).await?;
    let active = accounts.into_iter().filter(|one| one.state == Some(AccountState::Active));
    Ok(active.map(|account| account.id).collect())
}

/// A Put that is watched.
struct WatchedPut<'a> {
    step: &'a PlanStep,
    /// Who should have the pack, if that is known.
    expected: Option<BTreeSet<AccountId>>,
    /// The moment of the Put as AWS tells it, once it shows it.
    reference: Option<Timestamp>,
    rollout: RolloutProgress,
}

impl<'a> WatchedPut<'a> {
    fn new(step: &'a PlanStep, members: Option<&BTreeSet<AccountId>>) -> Self {
        let excluded = step.action.content().map(|content| &content.excluded);
        let is_in = |account: &&AccountId| !excluded.is_some_and(|out| out.contains(*account));
        let expected: Option<BTreeSet<AccountId>> =
            members.map(|members| members.iter().filter(is_in).copied().collect());
        let rollout = RolloutProgress::awaited(expected.as_ref());
        Self { step, expected, reference: None, rollout }
    }

    /// Notes when AWS last changed the pack: the Put shows once that time differs from the time
    /// before it.
    fn note(&mut self, last_update: Timestamp) {
        let is_new = self.step.last_update.is_none_or(|before| before < last_update);
        if self.reference.is_none() && is_new {
            self.reference = Some(last_update);
        }
    }
}

async fn watch_region(
    session: &AwsSession,
    region: &Region,
    watched: &mut [WatchedPut<'_>],
    wait: Duration,
    stop: &CancellationToken,
    bar: &ProgressBar,
) {
    let reader =
        Limited::new(session.cloud.reader(&session.place(region)), session.limiter(region));
    let started = session.clock.elapsed();
    let mut said = Duration::ZERO;
    loop {
        // Only reads are under way: dropping one costs its figures and nothing else.
        let Some(note) = stop.run_until_cancelled(refresh(&reader, watched)).await else { break };
        show(bar, watched, note);
        let waited = session.clock.elapsed().saturating_sub(started);
        if bar.is_hidden() && waited.saturating_sub(said) >= SAY_EVERY {
            said = waited;
            // A log is no place for a bar, but a job that prints nothing looks stuck.
            for one in watched.iter().filter(|one| !one.rollout.is_done) {
                say(&line(region, one, waited));
            }
        }
        if watched.iter().all(|one| one.rollout.is_done) || waited >= wait {
            break;
        }
        let pause = POLL_EVERY.min(wait.saturating_sub(waited));
        if stop.run_until_cancelled(session.clock.sleep(pause)).await.is_none() {
            break;
        }
    }
    bar.finish();
}

/// Reads the rollouts of the packs; returns what could not be read, in a few words.
async fn refresh<R: RegionReader>(reader: &R, watched: &mut [WatchedPut<'_>]) -> Option<String> {
    let mut note = None;
    if watched.iter().any(|one| one.reference.is_none()) {
        match read_all(|token| reader.packs(token), |pack| pack.arn.clone()).await {
            Ok(packs) => {
                for pack in &packs {
                    let same = watched.iter_mut().find(|one| one.step.pack == pack.name);
                    if let Some(one) = same {
                        one.note(pack.last_update);
                    }
                }
            }
            Err(error) => note = Some(format!("packs not read ({})", error.kind())),
        }
    }
    for one in watched.iter_mut().filter(|one| !one.rollout.is_done) {
        let Some(reference) = one.reference else {
            note = note.or_else(|| Some("not visible yet".to_owned()));
            continue;
        };
        match rows(reader, &one.step.pack).await {
            Ok(rows) => one.rollout = RolloutProgress::of(&rows, reference, one.expected.as_ref()),
            // The next reading decides.
            Err(error) if error.kind() == FailureKind::NoSuchPack => {
                note = Some("not visible yet".to_owned());
            }
            Err(error) => note = Some(format!("members not read ({})", error.kind())),
        }
    }
    note
}

/// Shows the progress of all packs of a region on one bar.
fn show(bar: &ProgressBar, watched: &[WatchedPut<'_>], note: Option<String>) {
    let total = |of: fn(&RolloutProgress) -> usize| {
        watched.iter().map(|one| of(&one.rollout)).sum::<usize>()
    };
    let (failed, open) = (total(|one| one.failed), total(|one| one.open));
    let done = total(|one| one.ok).saturating_add(failed);
    bar.set_length(u64::try_from(done.saturating_add(open)).unwrap_or(u64::MAX));
    bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
    let open: Vec<&str> = watched
        .iter()
        .filter(|one| !one.rollout.is_done)
        .map(|one| one.step.pack.as_str())
        .collect();
    let cause = watched.iter().find_map(|one| one.rollout.failures.first());
    let failed = cause.map(|cause| format!("{failed} failed, {cause}"));
    let message: Vec<String> =
        failed.or(note).into_iter().chain((!open.is_empty()).then(|| open.join(" "))).collect();
    bar.set_message(message.join("; "));
}

/// The progress of one pack as a line.
fn line(region: &Region, one: &WatchedPut<'_>, waited: Duration) -> String {
    let RolloutProgress { ok, failed, open, failures, is_done: _ } = &one.rollout;
    let all = ok.saturating_add(*failed).saturating_add(*open);
    let cause = failures.first().map(|cause| format!(", {failed} failed: {cause}"));
    let elapsed = humantime::format_duration(Duration::from_secs(waited.as_secs()));
    let (pack, cause) = (&one.step.pack, cause.unwrap_or_default());
    format!("{region} {pack}: {ok} of {all} members after {elapsed}{cause}\n")
}

/// Progress is beside the answer: that it cannot be written does not end the command.
fn say(text: &str) {
    note(text).ok();
}

/// Every row of a pack.
async fn rows<R: RegionReader>(reader: &R, pack: &PackName) -> Result<Vec<StatusRow>, Incomplete> {
    let everything = RowFilter::default();
    read_all(|token| reader.rows(pack, &everything, token), |row| row.account).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(account: &str, status: &str, second: i64) -> StatusRow {
        StatusRow {
            account: account.repeat(12).parse().unwrap(),
            status: status.parse().unwrap(),
            error_code: None,
            error_message: None,
            last_update: (second >= 0).then(|| Timestamp::from_second(second).unwrap()),
        }
    }

    /// Counts after a Put at second 100 to accounts 1, 2 and 3.
    fn counts(rows: &[StatusRow]) -> (usize, usize, usize, bool) {
        let expected = ["1", "2", "3"].map(|id| id.repeat(12).parse().unwrap()).into();
        let reference = Timestamp::from_second(100).unwrap();
        let RolloutProgress { ok, failed, open, failures, is_done } =
            RolloutProgress::of(rows, reference, Some(&expected));
        assert_eq!(failures.len(), failed);
        (ok, failed, open, is_done)
    }

    #[test]
    fn rows_of_the_rollout_before_count_for_nothing() {
        let ok = "UPDATE_SUCCESSFUL";
        let all = |at: [i64; 3]| [row("1", ok, at[0]), row("2", ok, at[1]), row("3", ok, at[2])];
        assert_eq!(counts(&all([99, 50, -1])), (0, 0, 3, false));
        assert_eq!(counts(&all([100, 120, 99])), (2, 0, 1, false));
        assert_eq!(counts(&all([100, 120, 130])), (3, 0, 0, true));
        assert_eq!(counts(&[row("1", "CREATE_FAILED", 99)]), (0, 0, 3, false), "an old failure");
    }

    #[test]
    fn only_a_success_that_is_known_and_expected_is_ok() {
        let with = |status| {
            let rows = [row("1", "CREATE_SUCCESSFUL", 100), row("2", "CREATE_SUCCESSFUL", 100)];
            let [one, two] = rows;
            counts(&[one, two, row("3", status, 100)])
        };
        assert_eq!(with("CREATE_FAILED"), (2, 1, 0, true));
        assert_eq!(with("CREATE_IN_PROGRESS"), (2, 0, 1, false));
        assert_eq!(with("ROLLED_BACK"), (2, 0, 1, false), "a status that is not known");
        assert_eq!(with("DELETE_SUCCESSFUL"), (2, 0, 1, false), "it should have the pack");
    }

    #[test]
    fn of_an_account_that_is_excluded_only_a_failed_removal_counts() {
        let others = |status| counts(&[row("4", status, 100)]);
        assert_eq!(others("DELETE_SUCCESSFUL"), (0, 0, 3, false));
        assert_eq!(others("CREATE_SUCCESSFUL"), (0, 0, 3, false));
        assert_eq!(others("DELETE_FAILED"), (0, 1, 3, false));
    }
}
