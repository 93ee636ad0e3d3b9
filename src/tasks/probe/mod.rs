//! The probe task: reads configuration recorders inside member accounts, and publishes the results.
//!
//! `domain/members/probe` decides which accounts are due, `domain/observed/recorder` what the
//! answers mean. The task is generic over the port; `plan` decides the consequences of a missing
//! recorder.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::beats::{Beats, SILENCE_MAX};
use crate::clock::Clock;
use crate::cloud::{CloudError, MemberAccess, MemberVisit};
use crate::domain::base::failure::{FailureKind, chain};
use crate::domain::base::heartbeat::{Task, TaskId};
use crate::domain::base::model::{AccountId, Region, Timestamp};
use crate::domain::members::probe::{
    NotProbed, ProbeResults, ProbeStage, ProbeTargets, targets_of,
};
use crate::domain::observed::recorder::{RecorderState, Recorders, classify};
use crate::domain::present::report::{RegionReport, Reports};
use crate::limiter::{Budget, Limited, Limiter};

/// Accounts that are visited at one moment, and requests under way.
const VISITS_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(3);

/// Ours, since AWS throttles each member by itself: slow enough that a probe is never what uses up
/// the caller's `AssumeRole` rate.
const BUDGET: Budget = Budget {
    per_second: NonZeroU32::MIN.saturating_add(1),
    burst: NonZeroU32::MIN.saturating_add(4),
    in_flight: VISITS_MAX,
};

/// How long a session is used: it ends after 15 minutes, and a visit takes up to two.
const SESSION: Duration = Duration::from_mins(13);

/// The inputs and outputs of the task.
#[derive(Debug, Clone)]
pub struct ProbeChannels {
    /// The reports of regions, with new accounts and failed members.
    pub reports: watch::Receiver<Reports>,
    /// Where observations go. Only a changed observation notifies receivers.
    pub recorders: watch::Sender<Arc<Recorders>>,
    /// Where the task proves that it is alive.
    pub beats: Beats,
}

/// A way into members, at its own pace.
#[derive(Debug)]
pub struct MemberProbe<M> {
    members: Limited<M>,
    interval: Duration,
    clock: Clock,
}

impl<M: MemberAccess> MemberProbe<M> {
    /// Probes each target once per `interval`.
    pub fn new(members: M, interval: Duration, clock: Clock) -> Self {
        let limiter = Limiter::new(BUDGET, clock.clone());
        Self { members: Limited::new(members, Arc::new(limiter)), interval, clock }
    }
}

/// Probes until `stop`. Without a probe it publishes once that there is none.
pub async fn run<M: MemberAccess>(
    probe: Option<Arc<MemberProbe<M>>>,
    channels: ProbeChannels,
    stop: CancellationToken,
) {
    let Some(probe) = probe else {
        channels.recorders.send_replace(Arc::default());
        return stop.cancelled().await;
    };
    let heartbeat = channels.beats.begin(TaskId::sole(Task::Probe), SILENCE_MAX);
    // Only reads are under way: dropping them loses nothing. Each ends within its own timeout, so a
    // probe that is polled is alive.
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = heartbeat.during(rounds(&probe, channels.reports, &channels.recorders)) => {}
    }
    heartbeat.end();
}

/// One round after the other, as long as an account is due.
async fn rounds<M: MemberAccess>(
    probe: &MemberProbe<M>,
    mut reports: watch::Receiver<Reports>,
    recorders: &watch::Sender<Arc<Recorders>>,
) {
    let mut results = ProbeResults::of(&recorders.borrow());
    let mut sessions = CachedVisits::new();
    recorders.send_replace(Arc::new(results.recorders()));
    loop {
        // Cloned, so that no sender has to wait for this task.
        let now = reports.borrow_and_update().clone();
        let targets_in = |report: &RegionReport| targets_of(&report.tracking);
        let targets: ProbeTargets =
            now.iter().map(|(region, report)| (region.clone(), targets_in(report))).collect();
        let forgot = results.keep(&targets);
        let due = results.due(&targets, probe.interval, probe.clock.aws_now());
        if forgot || !due.is_empty() {
            let differs = probe.round(due, &mut results, &mut sessions).await;
            // Newer times are published too, but without notifying receivers.
            recorders.send_if_modified(|recorders| {
                *recorders = Arc::new(results.recorders());
                differs
            });
        }
        let next = results.due_next(&targets, probe.interval);
        // Both arms are cancel-safe: `changed` only marks a version as seen.
        tokio::select! {
            biased;
            Ok(()) = reports.changed() => {}
            () = probe.until(next) => {}
        }
    }
}

/// Sessions that are still good, by account.
type CachedVisits<V> = BTreeMap<AccountId, CachedVisit<V>>;

/// A visit, and until when it may be used, on the clock that never goes back.
struct CachedVisit<V> {
    visit: V,
    end: Duration,
}

/// What one visit gave.
struct Visited<V> {
    account: AccountId,
    observations: Vec<(Region, Result<RecorderState, NotProbed>, Timestamp)>,
    session: Option<CachedVisit<V>>,
}

/// Regions that gave no answer in this round: other accounts do not wait for them.
type Silent = Mutex<BTreeMap<Region, FailureKind>>;

impl<M: MemberAccess> MemberProbe<M> {
    /// Probes every account that is due; returns whether any result changed.
    async fn round(
        &self,
        due: Vec<(AccountId, Vec<Region>)>,
        results: &mut ProbeResults,
        sessions: &mut CachedVisits<<Limited<M> as MemberAccess>::Visit>,
    ) -> bool {
        let now = self.clock.elapsed();
        sessions.retain(|_, session| now < session.end);
        let (accounts, silent) = (due.len(), Silent::default());
        let visits: Vec<_> = due
            .into_iter()
            .map(|(account, regions)| {
                self.visit(account, regions, sessions.remove(&account), &silent)
            })
            .collect();
        let mut visits = futures_util::stream::iter(visits).buffer_unordered(VISITS_MAX.get());
        let (mut observations, mut changes, mut unanswered) = (0_usize, 0_usize, 0_usize);
        while let Some(Visited { account, observations: seen, session }) = visits.next().await {
            for (region, observed, at) in seen {
                observations = observations.saturating_add(1);
                unanswered = unanswered.saturating_add(usize::from(observed.is_err()));
                let differs = results.note(&region, account, observed, at);
                changes = changes.saturating_add(usize::from(differs));
            }
            sessions.extend(session.map(|session| (account, session)));
        }
        if changes > 0 {
            tracing::info!(accounts, observations, changes, unanswered, "recorders probed");
        }
        changes > 0
    }

    /// Probes one account in these regions, in the session of an earlier round if there is one.
    async fn visit(
        &self,
        account: AccountId,
        regions: Vec<Region>,
        session: Option<CachedVisit<<Limited<M> as MemberAccess>::Visit>>,
        silent: &Silent,
    ) -> Visited<<Limited<M> as MemberAccess>::Visit> {
        let entered = match session {
            Some(session) => Ok(session),
            None => self.enter(account).await,
        };
        let mut observations = Vec::new();
        let session = match entered {
            Ok(session) => session,
            Err(not_probed) => {
                let now = self.clock.aws_now();
                observations
                    .extend(regions.into_iter().map(|region| (region, Err(not_probed), now)));
                return Visited { account, observations, session: None };
            }
        };
        for region in regions {
            let observed = observe_recorder(&session.visit, &region, silent).await;
            observations.push((region, observed, self.clock.aws_now()));
        }
        // A member that has not enabled a region says nothing against the session; anything else
        // may.
        let is_sound = observations.iter().all(|(_, observed, _)| match observed {
            Ok(_) => true,
            Err(not_probed) => not_probed.kind == FailureKind::RegionDisabled,
        });
        Visited { account, observations, session: is_sound.then_some(session) }
    }

    async fn enter(
        &self,
        account: AccountId,
    ) -> Result<CachedVisit<<Limited<M> as MemberAccess>::Visit>, NotProbed> {
        let visit = self.members.enter(account).await;
        let visit = visit.map_err(|error| not_probed(ProbeStage::Enter, &error))?;
        Ok(CachedVisit { visit, end: self.clock.elapsed().saturating_add(SESSION) })
    }

    /// Waits for this moment, if there is one.
    async fn until(&self, moment: Option<Timestamp>) {
        let Some(moment) = moment else { return std::future::pending().await };
        let left = Duration::try_from(moment.duration_since(self.clock.aws_now()));
        self.clock.sleep(left.unwrap_or_default()).await;
    }
}

async fn observe_recorder<V: MemberVisit>(
    visit: &V,
    region: &Region,
    silent: &Silent,
) -> Result<RecorderState, NotProbed> {
    let known = silent.lock().unwrap_or_else(PoisonError::into_inner).get(region).copied();
    if let Some(kind) = known {
        return Err(NotProbed { stage: ProbeStage::Look, kind });
    }
    let answer = async {
        let names = visit.recorders(region).await?;
        // Nothing to ask about: half of the requests while a new account waits.
        let states =
            if names.is_empty() { Vec::new() } else { visit.recorder_states(region).await? };
        Ok(classify(&names, &states))
    };
    let answer = answer.await.map_err(|error| not_probed(ProbeStage::Look, &error));
    if let Err(NotProbed {
        stage: _,
        kind: kind @ (FailureKind::Timeout | FailureKind::Unreachable),
    }) = answer
    {
        silent.lock().unwrap_or_else(PoisonError::into_inner).insert(region.clone(), kind);
    }
    answer
}

fn not_probed(stage: ProbeStage, error: &CloudError) -> NotProbed {
    tracing::debug!(kind = error.kind.as_str(), error = chain(error), "recorder unknown");
    NotProbed { stage, kind: error.kind }
}
