//! Watching members deploy after `apply`: rows of the packs that were put, as progress bars.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::session::Session;
use crate::cloud::{Organization as _, Reader, RowFilter};
use crate::domain::failure::FailureKind;
use crate::domain::model::{AccountId, PackName, Region};
use crate::domain::observed::{Phase, RolloutStatus, Row};
use crate::domain::organization::{Account, AccountState};
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::Step;
use crate::limiter::Limited;
use crate::listing::{Incomplete, read_all};

/// How far one pack has come in its members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rollout {
    /// Members that hold it.
    pub(super) ok: usize,
    /// Members where it failed.
    pub(super) failed: usize,
    /// Members that are not done.
    pub(super) open: usize,
    /// The first members where it failed, each with what AWS says.
    pub(super) failures: Vec<String>,
}

/// Failing members that are named; the rest is only counted.
const FAILURES_NAMED: usize = 5;
/// Characters of AWS's own words that are shown of one member.
const WORDS_MAX: usize = 200;

impl Rollout {
    /// From the rows, and from how many members there should be if that is known.
    pub(super) fn of(rows: &[Row], expected: Option<usize>) -> Self {
        let mut rollout = Self::default();
        for row in rows {
            let count = match &row.status {
                RolloutStatus::Known(_, Phase::Successful) => &mut rollout.ok,
                RolloutStatus::Known(_, Phase::Failed) => &mut rollout.failed,
                RolloutStatus::Known(_, Phase::InProgress) | RolloutStatus::Unknown(_) => {
                    &mut rollout.open
                }
            };
            *count = count.saturating_add(1);
        }
        let is_failed = |row: &&Row| matches!(row.status, RolloutStatus::Known(_, Phase::Failed));
        rollout.failures =
            rows.iter().filter(is_failed).take(FAILURES_NAMED).map(failure).collect();
        let missing = expected.unwrap_or_default().saturating_sub(rows.len());
        Self { open: rollout.open.saturating_add(missing), ..rollout }
    }

    fn is_done(&self) -> bool {
        self.open == 0 && self.ok.saturating_add(self.failed) > 0
    }
}

/// One failing member in one line; AWS's words are foreign text.
fn failure(row: &Row) -> String {
    let words = |text: &Option<String>| -> String {
        let text = text.as_deref().unwrap_or("nothing said");
        text.chars().filter(|letter| !letter.is_control()).take(WORDS_MAX).collect()
    };
    format!("{} ({}): {}", row.account, words(&row.error_code), words(&row.error_message))
}

/// Between two looks at the same pack.
const LOOK: Duration = Duration::from_secs(5);

/// Watches every accepted Put until its members are done, or for this long.
pub(super) async fn watch(
    session: &Session,
    outcomes: &[(Region, Outcome)],
    wait: Duration,
) -> anyhow::Result<BTreeMap<(Region, PackName), Rollout>> {
    let mut puts: BTreeMap<Region, Vec<&Step>> = BTreeMap::new();
    for (region, Outcome { step, ending }) in outcomes {
        if matches!(ending, Ending::Accepted { .. }) && step.action.content().is_some() {
            puts.entry(region.clone()).or_default().push(step);
        }
    }
    if puts.is_empty() {
        return Ok(BTreeMap::new());
    }
    let members = match members(session).await {
        Ok(members) => Some(members),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "members not known");
            None
        }
    };
    let bars = MultiProgress::new();
    let style = ProgressStyle::with_template("{prefix:>16} [{bar:32}] {pos}/{len} {msg}")?
        .progress_chars("=> ");
    let watches = puts.into_iter().map(async |(region, steps)| {
        let bar = bars.add(ProgressBar::new(0).with_style(style.clone()));
        bar.set_prefix(region.to_string());
        watch_region(session, &region, &steps, (members.as_deref(), wait, &bar)).await
    });
    Ok(futures_util::future::join_all(watches).await.into_iter().flatten().collect())
}

async fn members(session: &Session) -> Result<Vec<AccountId>, Incomplete> {
    let organization = session.cloud.organization();
    let fetch = |token| organization.accounts(token);
    let accounts = read_all(fetch, |account: &Account| account.id).await?;
    let active = accounts.into_iter().filter(|one| one.state == Some(AccountState::Active));
    Ok(active.map(|account| account.id).collect())
}

async fn watch_region(
    session: &Session,
    region: &Region,
    steps: &[&Step],
    (members, wait, bar): (Option<&[AccountId]>, Duration, &ProgressBar),
) -> BTreeMap<(Region, PackName), Rollout> {
    let reader =
        Limited::new(session.cloud.reader(&session.place(region)), session.limiter(region));
    let expected: Vec<(&PackName, Option<usize>)> = steps
        .iter()
        .map(|step| {
            let excluded = step.action.content().map(|content| &content.excluded);
            let is_in = |account: &&AccountId| !excluded.is_some_and(|out| out.contains(*account));
            (&step.pack, members.map(|members| members.iter().filter(is_in).count()))
        })
        .collect();
    let begin = |(pack, expected): &(&PackName, Option<usize>)| {
        ((region.clone(), (*pack).clone()), Rollout::of(&[], *expected))
    };
    let mut rollouts: BTreeMap<(Region, PackName), Rollout> = expected.iter().map(begin).collect();
    let mut waited = Duration::ZERO;
    loop {
        let mut note = None;
        for (pack, expected) in &expected {
            let key = (region.clone(), (*pack).clone());
            if rollouts.get(&key).is_some_and(Rollout::is_done) {
                continue;
            }
            match rows(&reader, pack).await {
                Ok(rows) => {
                    rollouts.insert(key, Rollout::of(&rows, *expected));
                }
                // The next look tells.
                Err(error) if error.kind() == FailureKind::NoSuchPack => {
                    note = Some("not visible yet".to_owned());
                }
                Err(error) => note = Some(format!("not seen ({})", error.kind())),
            }
        }
        show(bar, &rollouts, note);
        let all_done = rollouts.values().all(Rollout::is_done);
        if all_done || waited >= wait {
            bar.finish();
            return rollouts;
        }
        session.clock.sleep(LOOK).await;
        waited = waited.saturating_add(LOOK);
    }
}

/// Shows on a bar how far the packs of a region are together.
fn show(bar: &ProgressBar, rollouts: &BTreeMap<(Region, PackName), Rollout>, note: Option<String>) {
    let total = |of: fn(&Rollout) -> usize| rollouts.values().map(of).sum::<usize>();
    let (failed, open) = (total(|one| one.failed), total(|one| one.open));
    let done = total(|one| one.ok).saturating_add(failed);
    bar.set_length(u64::try_from(done.saturating_add(open)).unwrap_or(u64::MAX));
    bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
    let failed = (failed > 0).then(|| format!("{failed} failed"));
    bar.set_message(failed.or(note).unwrap_or_default());
}

/// Every row of a pack.
async fn rows<R: Reader>(reader: &R, pack: &PackName) -> Result<Vec<Row>, Incomplete> {
    let everything = RowFilter::default();
    read_all(|token| reader.rows(pack, &everything, token), |row| row.account).await
}
