//! The probe task: looks at configuration recorders inside member accounts, and publishes what it
//! saw.
//!
//! Whom to look at and when again is decided in `domain/probe`, what the answers mean in
//! `domain/recorder`. It is generic over the port; what a missing recorder leads to is not decided
//! here.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::beats::{Beats, SILENCE_MAX};
use crate::clock::Clock;
use crate::cloud::{CloudError, Members, Visit};
use crate::domain::base::failure::{FailureKind, chain};
use crate::domain::base::heartbeat::{Task, TaskId};
use crate::domain::base::model::{AccountId, Region, Timestamp};
use crate::domain::members::probe::{Sights, Stage, Unlooked, Wanted, wanted};
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

/// What the task hears, and where it speaks.
#[derive(Debug, Clone)]
pub struct Channels {
    /// What the regions say: who joined lately, and who fails.
    pub reports: watch::Receiver<Reports>,
    /// Where sightings go. Only a sighting that differs wakes whoever waits for them.
    pub recorders: watch::Sender<Arc<Recorders>>,
    /// Where the task proves that it is alive.
    pub beats: Beats,
}

/// A way into members, at its own pace.
#[derive(Debug)]
pub struct Probe<M> {
    members: Limited<M>,
    interval: Duration,
    clock: Clock,
}

impl<M: Members> Probe<M> {
    /// Looks at an account that matters once per `interval`.
    pub fn new(members: M, interval: Duration, clock: Clock) -> Self {
        let limiter = Limiter::new(BUDGET, clock.clone());
        Self { members: Limited::new(members, Arc::new(limiter)), interval, clock }
    }
}

/// Looks around until `stop`. Without a probe it says once that there is none.
pub async fn run<M: Members>(
    probe: Option<Arc<Probe<M>>>,
    channels: Channels,
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

/// One round after the other, as long as anybody is due.
async fn rounds<M: Members>(
    probe: &Probe<M>,
    mut reports: watch::Receiver<Reports>,
    recorders: &watch::Sender<Arc<Recorders>>,
) {
    let mut sights = Sights::of(&recorders.borrow());
    let mut sessions = Sessions::new();
    recorders.send_replace(Arc::new(sights.recorders()));
    loop {
        // Cloned, so that nobody who publishes has to wait.
        let now = reports.borrow_and_update().clone();
        let wanted_in = |report: &RegionReport| wanted(&report.tracking);
        let wanted: Wanted =
            now.iter().map(|(region, report)| (region.clone(), wanted_in(report))).collect();
        let forgot = sights.keep(&wanted);
        let due = sights.due(&wanted, probe.interval, probe.clock.now());
        if forgot || !due.is_empty() {
            let differs = probe.round(due, &mut sights, &mut sessions).await;
            // Newer moments are shown as well; they are nothing to wake anybody for.
            recorders.send_if_modified(|recorders| {
                *recorders = Arc::new(sights.recorders());
                differs
            });
        }
        let next = sights.due_next(&wanted, probe.interval);
        // Both arms are cancel-safe: `changed` only marks a version as seen.
        tokio::select! {
            biased;
            Ok(()) = reports.changed() => {}
            () = probe.until(next) => {}
        }
    }
}

/// Sessions that are still good, by account.
type Sessions<V> = BTreeMap<AccountId, Session<V>>;

/// A visit, and until when it may be used, on the clock that never goes back.
struct Session<V> {
    visit: V,
    end: Duration,
}

/// What one visit gave.
struct Visited<V> {
    account: AccountId,
    looks: Vec<(Region, Result<RecorderState, Unlooked>, Timestamp)>,
    session: Option<Session<V>>,
}

/// Regions that gave no answer in this round: nobody else waits for them.
type Silent = Mutex<BTreeMap<Region, FailureKind>>;

impl<M: Members> Probe<M> {
    /// Looks wherever it is due; says whether anything is different now.
    async fn round(
        &self,
        due: Vec<(AccountId, Vec<Region>)>,
        sights: &mut Sights,
        sessions: &mut Sessions<<Limited<M> as Members>::Visit>,
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
        let (mut looks, mut changes, mut unanswered) = (0_usize, 0_usize, 0_usize);
        while let Some(Visited { account, looks: seen, session }) = visits.next().await {
            for (region, look, at) in seen {
                looks = looks.saturating_add(1);
                unanswered = unanswered.saturating_add(usize::from(look.is_err()));
                let differs = sights.note((&region, account), look, at);
                changes = changes.saturating_add(usize::from(differs));
            }
            sessions.extend(session.map(|session| (account, session)));
        }
        if changes > 0 {
            tracing::info!(accounts, looks, changes, unanswered, "recorders looked at");
        }
        changes > 0
    }

    /// Looks at one account in these regions, in the session of an earlier round if there is one.
    async fn visit(
        &self,
        account: AccountId,
        regions: Vec<Region>,
        session: Option<Session<<Limited<M> as Members>::Visit>>,
        silent: &Silent,
    ) -> Visited<<Limited<M> as Members>::Visit> {
        let entered = match session {
            Some(session) => Ok(session),
            None => self.enter(account).await,
        };
        let mut looks = Vec::new();
        let session = match entered {
            Ok(session) => session,
            Err(unlooked) => {
                let now = self.clock.now();
                looks.extend(regions.into_iter().map(|region| (region, Err(unlooked), now)));
                return Visited { account, looks, session: None };
            }
        };
        for region in regions {
            let look = look(&session.visit, &region, silent).await;
            looks.push((region, look, self.clock.now()));
        }
        // A member that has not enabled a region says nothing against the session; anything else
        // may.
        let is_sound = looks.iter().all(|(_, look, _)| match look {
            Ok(_) => true,
            Err(unlooked) => unlooked.kind == FailureKind::RegionDisabled,
        });
        Visited { account, looks, session: is_sound.then_some(session) }
    }

    async fn enter(
        &self,
        account: AccountId,
    ) -> Result<Session<<Limited<M> as Members>::Visit>, Unlooked> {
        let visit = self.members.enter(account).await;
        let visit = visit.map_err(|error| unlooked(Stage::Enter, &error))?;
        Ok(Session { visit, end: self.clock.elapsed().saturating_add(SESSION) })
    }

    /// Waits for this moment, if there is one.
    async fn until(&self, moment: Option<Timestamp>) {
        let Some(moment) = moment else { return std::future::pending().await };
        let left = Duration::try_from(moment.duration_since(self.clock.now()));
        self.clock.sleep(left.unwrap_or_default()).await;
    }
}

async fn look<V: Visit>(
    visit: &V,
    region: &Region,
    silent: &Silent,
) -> Result<RecorderState, Unlooked> {
    let known = silent.lock().unwrap_or_else(PoisonError::into_inner).get(region).copied();
    if let Some(kind) = known {
        return Err(Unlooked { stage: Stage::Look, kind });
    }
    let answer = async {
        let names = visit.recorders(region).await?;
        // Nothing to ask about: half of the requests while a new account waits.
        let states =
            if names.is_empty() { Vec::new() } else { visit.recorder_states(region).await? };
        Ok(classify(&names, &states))
    };
    let answer = answer.await.map_err(|error| unlooked(Stage::Look, &error));
    if let Err(Unlooked {
        stage: _,
        kind: kind @ (FailureKind::Timeout | FailureKind::Unreachable),
    }) = answer
    {
        silent.lock().unwrap_or_else(PoisonError::into_inner).insert(region.clone(), kind);
    }
    answer
}

fn unlooked(stage: Stage, error: &CloudError) -> Unlooked {
    tracing::debug!(kind = error.kind.as_str(), error = chain(error), "recorder not seen");
    Unlooked { stage, kind: error.kind }
}
