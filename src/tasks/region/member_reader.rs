//! Reading members: one page at a time, in the pauses between reconciliations.
//!
//! What is due is `domain::members::tracker`'s to say. A page that is interrupted is asked for
//! again, and a reading that is overtaken by a more urgent one goes on afterwards, so that no write
//! ever waits for a resync.

use std::future::pending;
use std::time::Duration;

use super::member_reads::{MemberReads, ReadInProgress};
use super::reconciler::Reconciler;
use super::settings::RegionSettings;
use crate::cloud::{RegionReader, Writer};
use crate::domain::base::failure::{FailureKind, chain};
use crate::domain::base::time::{after, backoff};
use crate::domain::members::new_account::NewAccount;
use crate::domain::members::rollout::Rollout;
use crate::domain::members::tracker::{Rank, RowsInProgress};
use crate::domain::members::tracking::Tracking;
use crate::listing::{Incomplete, Listing, PageStep};
use crate::tasks::region::read_depth::{MemberReadResult, Progress, ReadDepth};

/// How long to wait at the least for a reading that is not due: two clocks may differ.
const WAIT_MIN: Duration = Duration::from_secs(1);

impl<R: RegionReader, W: Writer> Reconciler<R, W> {
    /// Reads members as they fall due, until something is known that was not. Never ends while
    /// nothing is due. May be dropped at any moment, and called again: what was read is kept.
    pub async fn follow(&mut self, policy: &RegionSettings) -> MemberReadResult {
        loop {
            let now = self.clock.aws_now();
            match self.members.arrange(policy, now) {
                Ok(()) => {
                    if let Some(news) = self.read_page(policy).await {
                        return news;
                    }
                }
                Err(Some(due)) => {
                    let wait = Duration::try_from(due.duration_since(now)).unwrap_or_default();
                    self.clock.sleep(wait.max(WAIT_MIN)).await;
                }
                Err(None) => pending().await,
            }
        }
    }

    /// Reads members once, for a command that answers once. The region must have been observed
    /// before.
    pub async fn track(
        &mut self,
        policy: &RegionSettings,
        depth: ReadDepth,
        mut progress: impl FnMut(Progress),
    ) -> &Tracking {
        let readings = match depth {
            ReadDepth::Trouble => self.members.tracker.troubled(),
            ReadDepth::Full => self.members.tracker.everybody(),
        };
        let mut progress_now = Progress { done: 0, all: readings.len(), pages: 0 };
        progress(progress_now);
        for reading in readings {
            let now = self.clock.aws_now();
            self.members.reads = vec![ReadInProgress::new(reading, Rank::Command, now)];
            while !self.members.reads.is_empty() {
                let end = self.read_page(policy).await;
                progress_now.pages = progress_now.pages.saturating_add(1);
                progress_now.done = progress_now.done.saturating_add(usize::from(end.is_some()));
                progress(progress_now);
            }
        }
        &self.tracking
    }

    /// What is known of the members.
    pub fn tracking(&self) -> &Tracking {
        &self.tracking
    }

    /// Asks for the next page of the topmost reading; news, when that was its end.
    async fn read_page(&mut self, policy: &RegionSettings) -> Option<MemberReadResult> {
        let MemberReads { tracker, reads } = &mut self.members;
        let read = reads.last_mut()?;
        let (filter, token) = (read.filter(), read.listing.token());
        // Nothing changes before the answer arrives: if this future is dropped, the page is
        // requested again.
        let answer = self.reader.rows(read.reading.pack(), &filter, token).await;
        match read.listing.advance(answer) {
            Ok(PageStep::More(rows)) => tracker.note(&mut read.part, &rows),
            Ok(PageStep::Again) => read.part = RowsInProgress::default(),
            Ok(PageStep::Last(rows)) => {
                tracker.note(&mut read.part, &rows);
                read.draft.append(std::mem::take(&mut read.part));
                read.listing = Listing::default();
                read.filters.remove(0);
                if read.filters.is_empty() {
                    return self.end(policy, None);
                }
            }
            Err(incomplete) => {
                let wait = backoff(policy.pace.requeue, read.attempts, policy.pace.requeue_max);
                read.attempts = read.attempts.saturating_add(1);
                if read.rank == Rank::Command || !may_pass(&incomplete, read.attempts) {
                    return self.end(policy, Some(&incomplete));
                }
                read.resume = after(self.clock.aws_now(), wait);
                return None;
            }
        }
        read.attempts = 0;
        None
    }

    /// Ends the topmost reading.
    fn end(
        &mut self,
        policy: &RegionSettings,
        problem: Option<&Incomplete>,
    ) -> Option<MemberReadResult> {
        let now = self.clock.aws_now();
        let MemberReads { tracker, reads } = &mut self.members;
        let ReadInProgress { reading, began, draft, .. } = reads.pop()?;
        match problem {
            None => tracker.complete(&reading, draft, &policy.resyncs, began, now),
            Some(problem) => {
                let (pack, kind) = (reading.pack(), problem.kind().as_str());
                let region = &self.reader.place().region;
                tracing::warn!(%region, %pack, kind, error = chain(problem), "members not read");
                tracker.fail(&reading, problem.kind(), chain(problem), now);
            }
        }
        // What another reading of this pack has read so far is older than this.
        reads.retain(|read| read.reading.pack() != reading.pack());
        let tracking = self.members.tracker.tracking();
        let matters = counts(&tracking) != counts(&self.tracking);
        self.tracking = tracking;
        Some(MemberReadResult { matters })
    }
}

/// A page is asked for so often before the whole reading counts as failed.
const ATTEMPTS_MAX: u32 = 5;

/// Whether the same page may be had later: what was read so far is worth the wait.
fn may_pass(incomplete: &Incomplete, attempts: u32) -> bool {
    let is_passing = matches!(
        incomplete.kind(),
        FailureKind::Throttled
            | FailureKind::Timeout
            | FailureKind::Server
            | FailureKind::Unreachable
    );
    is_passing && attempts < ATTEMPTS_MAX
}

/// The members as plans use them.
fn counts(tracking: &Tracking) -> (Vec<impl PartialEq + '_>, Vec<impl PartialEq + '_>) {
    let rollout = |it: &Rollout| (it.health, it.counts, it.aggregate_stuck);
    let new_account = |it: &NewAccount| (it.account, it.phase);
    let packs = tracking.packs.iter().map(|(name, it)| (name, rollout(it), &it.classes));
    (packs.collect(), tracking.new_accounts.iter().map(new_account).collect())
}
