//! The organization task: walks the organization and publishes who its members are.
//!
//! One walk serves every region. Receivers are woken when something changed and not because it was
//! read again: an unchanged list is replaced silently, so that its age is right and costs nothing.
//! What a shorter or a failed walk means is decided in `domain`.

mod pace;
mod tags;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::tags::{Round, Tags};
use self::walk::walk;
use crate::beats::{Beats, SILENCE_MAX};
use crate::clock::Clock;
use crate::cloud::OrganizationReader;
use crate::domain::base::heartbeat::{Task, TaskId};
use crate::domain::base::time::{backoff, jittered};
use crate::domain::declared::approval::Approval;
use crate::domain::declared::interest::Interest;
use crate::domain::organization::account_list::{AccountList, WalkFailure};
use crate::domain::organization::membership::{
    AcceptanceTerms, FIRST_APART_MAX, Membership, Unconfirmed,
};

pub use self::pace::Paced;

/// What the manifests and the settings require of the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// What manifests want to know of accounts; `None` while none were read.
    pub interest: Option<Interest>,
    /// Approvals of the current revision.
    pub approvals: BTreeMap<String, Approval>,
    /// From the beginning of one walk to the beginning of the next.
    pub interval: Duration,
}

/// The inputs and outputs of the task. In every channel the latest value wins.
#[derive(Debug, Clone)]
pub struct OrganizationChannels {
    /// Its requirements.
    pub demand: watch::Receiver<Demand>,
    /// Where the membership goes.
    pub membership: watch::Sender<Arc<Membership>>,
    /// Where the task proves that it is alive.
    pub beats: Beats,
}

/// How long the first walk waits for manifests, so that it asks for what they need.
const FIRST_MANIFESTS_MAX: Duration = Duration::from_secs(10);
/// Between a failed walk and the next; it doubles up to the interval.
const RETRY: Duration = Duration::from_secs(30);

/// How long a new list waits for the tags of new accounts: for 300 of them.
const NEW_TAGS_MAX: Duration = Duration::from_mins(1);

/// Walks the organization again and again until `stop`. Everything is reads: what is under way
/// then is dropped.
pub async fn run<O: OrganizationReader>(
    organization: O,
    channels: OrganizationChannels,
    clock: Clock,
    stop: CancellationToken,
) {
    let heartbeat = channels.beats.begin(TaskId::sole(Task::Organization), SILENCE_MAX);
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        // Every call has its own timeout, so a walk that is polled is alive.
        () = heartbeat.during(keep(&organization, channels, &clock)) => {}
    }
    heartbeat.end();
}

/// Walks the organization once, tags included when they matter: for commands. `before` is what an
/// earlier walk of the same command gave.
/// What could not be read is in the result.
pub async fn walk_once<O: OrganizationReader>(
    organization: &O,
    interest: &Interest,
    clock: &Clock,
    before: &Membership,
) -> Membership {
    let began = clock.elapsed();
    let mut walked = walk(organization, interest, clock).await;
    if let Ok(list) = &mut walked
        && interest.tags
    {
        let mut tags = Tags::default();
        tags.read(organization, list, Round::New, clock, Duration::MAX).await;
        tags.write(list, clock.elapsed());
    }
    let terms = AcceptanceTerms {
        apart: FIRST_APART_MAX,
        approvals: &BTreeMap::new(),
        now: clock.aws_now(),
        began,
    };
    let membership = before.after_walk(walked, &terms);
    say(before, &membership);
    membership
}

/// The loop of [`run`].
async fn keep<O: OrganizationReader>(
    organization: &O,
    channels: OrganizationChannels,
    clock: &Clock,
) {
    let OrganizationChannels { mut demand, membership, beats: _ } = channels;
    // Both arms are cancel-safe: nothing has begun.
    tokio::select! {
        _ = demand.wait_for(|demand| demand.interest.is_some()) => {}
        () = tokio::time::sleep(FIRST_MANIFESTS_MAX) => {}
    }
    let known = membership.borrow().list.clone();
    let tags = known.map(|list| Tags::of(&list, clock.elapsed())).unwrap_or_default();
    let mut task = Walker { organization, clock, membership, tags, failures: 0 };
    loop {
        let served = demand.borrow_and_update().clone();
        let begun = clock.elapsed();
        task.walk(&served).await;
        let shrink = task.membership.borrow().shrink.as_ref().map(|shrink| shrink.after);
        // Dropping a rest loses the answers that are under way and nothing else.
        tokio::select! {
            biased;
            () = overtaken(&mut demand, &served, shrink) => {}
            () = task.rest(&served, begun) => {}
        }
    }
}

/// Waits until something is asked that the last walk did not answer.
async fn overtaken(demand: &mut watch::Receiver<Demand>, served: &Demand, shrink: Option<usize>) {
    let nothing = Interest::default();
    while demand.changed().await.is_ok() {
        let Demand { interest, approvals, interval } = &*demand.borrow_and_update();
        let before = served.interest.as_ref().unwrap_or(&nothing);
        let exceeds = interest.as_ref().is_some_and(|interest| interest.exceeds(before));
        let approves =
            |approval: &Approval| shrink.is_some_and(|active| approval.permits_list(active));
        if exceeds || *interval != served.interval || approvals.values().any(approves) {
            return;
        }
    }
    // No sender is left, so no requirement can change.
    std::future::pending::<()>().await;
}

/// The memory of one run of the task.
struct Walker<'a, O> {
    organization: &'a O,
    clock: &'a Clock,
    membership: watch::Sender<Arc<Membership>>,
    tags: Tags,
    /// Failed walks in a row.
    failures: u32,
}

impl<O: OrganizationReader> Walker<'_, O> {
    /// One walk, published with the tags that are known.
    async fn walk(&mut self, demand: &Demand) {
        let interest = demand.interest.clone().unwrap_or_default();
        let began = self.clock.elapsed();
        let mut walked = walk(self.organization, &interest, self.clock).await;
        self.failures = if walked.is_ok() { 0 } else { self.failures.saturating_add(1) };
        if let Ok(list) = &mut walked
            && interest.tags
        {
            // An account that joined is complete when it is first shown, else every pack that asks
            // for tags would wait for it.
            let until = self.clock.elapsed().saturating_add(NEW_TAGS_MAX);
            self.tags.read(self.organization, list, Round::New, self.clock, until).await;
            self.tags.write(list, self.clock.elapsed());
        }
        let (apart, approvals) = (demand.interval, &demand.approvals);
        let terms = AcceptanceTerms { apart, approvals, now: self.clock.aws_now(), began };
        let before = Arc::clone(&self.membership.borrow());
        let after = before.after_walk(walked, &terms);
        say(&before, &after);
        self.publish(after);
    }

    /// Reads tags if they matter, then waits until the next walk is due.
    async fn rest(&mut self, demand: &Demand, begun: Duration) {
        let walked = self.clock.elapsed();
        let unconfirmed = self.membership.borrow().unconfirmed;
        let pause = match (self.failures.checked_sub(1), unconfirmed) {
            // Changes of exclusions wait for a second reading.
            (None, Some(Unconfirmed { due, .. })) => due.saturating_sub(begun),
            (None, None) => {
                // Tools that share the budget drift apart.
                let now = self.clock.now().to_string();
                jittered(demand.interval, demand.interval / 10, [now.as_bytes()])
            }
            (Some(times), _) => backoff(RETRY, times, demand.interval),
        };
        // A walk that takes longer than the interval still leaves AWS alone for half of one.
        let due = begun.saturating_add(pause).max(walked.saturating_add(pause / 2));
        let list = self.membership.borrow().list.clone();
        if let Some(list) = list
            && demand.interest.as_ref().is_some_and(|interest| interest.tags)
        {
            let half = walked.saturating_add(demand.interval / 2);
            for (round, until) in [(Round::New, due), (Round::Before(walked), half)] {
                self.tags.read(self.organization, &list, round, self.clock, until).await;
                self.publish_tags(&list);
            }
        }
        self.clock.sleep(due.saturating_sub(self.clock.elapsed())).await;
    }

    fn publish_tags(&mut self, list: &AccountList) {
        let mut list = list.clone();
        self.tags.write(&mut list, self.clock.elapsed());
        let before = Membership::clone(&self.membership.borrow());
        self.publish(Membership { list: Some(Arc::new(list)), ..before });
    }

    /// Publishes the membership. Receivers are notified only of changes.
    fn publish(&self, after: Membership) {
        self.membership.send_if_modified(|membership| {
            let is_news = after.differs_from(membership);
            *membership = Arc::new(after);
            is_news
        });
    }
}

/// Logs the result of a walk.
fn say(before: &Membership, after: &Membership) {
    // A failed walk leaves list and shrink as they were, so only the failure is logged. A shrink is
    // logged when it changes, not at every walk that shows the same one.
    if let Some(WalkFailure { kind, why }) = &after.problem {
        tracing::warn!(kind = kind.as_str(), error = why, "account list not read");
        return;
    }
    if let Some(shrink) = after.shrink.as_ref().filter(|_| before.shrink != after.shrink) {
        let (before, after) = (shrink.before, shrink.after);
        tracing::error!(before, after, "account list shrank, the previous one stays in force");
        return;
    }
    let Some(list) = after.list.as_ref().filter(|_| after.differs_from(before)) else {
        tracing::debug!("account list unchanged");
        return;
    };
    let (accounts, active) = (list.accounts.len(), list.active().count());
    tracing::info!(organization = list.organization.id, accounts, active, "account list read");
}
