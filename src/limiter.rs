//! Pacing: how many requests per second one place of AWS gets, and how many at the same time.
//!
//! A rate in the long run, a burst after a quiet time, fewer requests after AWS throttled. Waits
//! are on the injected clock. What is absent: retries (the SDK's) and requeues (the region task's).

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use governor::clock::Clock as Ticks;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{NotUntil, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::Clock;
use crate::cloud::{
    AttemptObserver, CloudError, MemberAccess, MemberVisit, OrganizationReader, Page, PageToken,
    Receipt, RecorderRecord, RegionReader, RowFilter, Writer,
};
use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{AccountId, PackName, Place, Region, UnitId};
use crate::domain::observed::content::Content;
use crate::domain::observed::packs::{PackRecord, StatusRecord, StatusRow};
use crate::domain::organization::account_list::{Account, OrganizationRecord};

/// One request at full speed costs this many cells of the bucket; at a lower speed it costs more.
/// The bucket itself never changes, so that slowing down forgets nothing and grants no new burst.
const CELLS: u32 = 16;

/// Full speed, in percent.
const SPEED_FULL: u32 = 100;

/// The lowest speed, in percent: conformd must still see an outage end.
const SPEED_LEAST: u32 = 10;

/// What every request that AWS did not throttle gives back, in percent of full speed.
const SPEED_STEP: u32 = 2;

/// The request rate of one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Requests a second in the long run.
    pub per_second: NonZeroU32,
    /// Requests that may come at once after a quiet time.
    pub burst: NonZeroU32,
    /// Requests that may be under way at one moment.
    pub in_flight: NonZeroUsize,
}

/// The pace of one place. Share it in an [`Arc`].
pub struct Limiter {
    bucket: RateLimiter<NotKeyed, InMemoryState, BucketClock, NoOpMiddleware<Nanos>>,
    clock: Clock,
    /// Percent of full speed.
    speed: AtomicU32,
    /// The lowest speed whose requests the bucket can hold.
    speed_least: u32,
    /// Requests of this place that have their turn or wait for the rate.
    slots: Arc<Semaphore>,
    in_flight: Arc<AtomicUsize>,
    /// Slots that all places share.
    shared: Option<Arc<Semaphore>>,
    waited_nanoseconds: AtomicU64,
    /// The observer of waits, and the region that it is told.
    observer: Option<(Region, Arc<dyn AttemptObserver>)>,
}

impl Limiter {
    /// Full speed, a full bucket, nothing under way.
    pub fn new(budget: Budget, clock: Clock) -> Self {
        let Budget { per_second, burst, in_flight } = budget;
        let cells = NonZeroU32::MIN.saturating_add(CELLS - 1);
        let quota = Quota::per_second(per_second.saturating_mul(cells))
            .allow_burst(burst.saturating_mul(cells));
        // A request may cost the whole bucket, never more.
        let speed_least = SPEED_LEAST.max(SPEED_FULL.div_ceil(burst.get()));
        Self {
            bucket: RateLimiter::direct_with_clock(quota, BucketClock(clock.clone())),
            clock,
            speed: AtomicU32::new(SPEED_FULL),
            speed_least,
            slots: Arc::new(Semaphore::new(in_flight.get())),
            in_flight: Arc::default(),
            shared: None,
            waited_nanoseconds: AtomicU64::new(0),
            observer: None,
        }
    }

    /// The same, telling `observer` how long requests to this region wait.
    #[must_use]
    pub fn observed(self, region: Region, observer: Arc<dyn AttemptObserver>) -> Self {
        Self { observer: Some((region, observer)), ..self }
    }

    /// The same, with a part in slots that other places use too.
    #[must_use]
    pub fn sharing(self, slots: Arc<Semaphore>) -> Self {
        Self { shared: Some(slots), ..self }
    }

    /// Waits until a request may be sent. It counts as under way until the turn is dropped.
    pub async fn ready(&self) -> RequestPermit {
        let asked = self.clock.elapsed();
        // The place's own slot comes first: a place must not collect turns of the rate for requests
        // that cannot be sent yet.
        let own = slot(&self.slots).await;
        while let Err(until) = self.take() {
            self.clock.sleep(until.wait_time_from(self.clock.elapsed().into())).await;
        }
        // Last, so that a place which waits for its own rate keeps no slot from the others.
        let shared = match &self.shared {
            Some(slots) => slot(slots).await,
            None => None,
        };
        let waited = self.clock.elapsed().saturating_sub(asked);
        let nanoseconds = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
        self.waited_nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        if let Some((region, observer)) = &self.observer {
            observer.waited(region.as_str(), waited);
        }
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        RequestPermit { _own: own, _shared: shared, in_flight: Arc::clone(&self.in_flight) }
    }

    fn take(&self) -> Result<(), NotUntil<Nanos>> {
        let speed = self.speed.load(Ordering::Relaxed).max(1);
        let cost = CELLS.saturating_mul(SPEED_FULL).div_ceil(speed);
        let cost = NonZeroU32::new(cost).unwrap_or(NonZeroU32::MIN);
        self.bucket.check_n(cost).expect("the lowest speed was chosen so that a request fits")
    }

    /// AWS throttled: half the speed, at once.
    pub fn throttled(&self) {
        let least = self.speed_least;
        self.change_speed(|speed| (speed / 2).max(least));
    }

    /// AWS answered: a little faster again, up to full speed.
    pub fn succeeded(&self) {
        self.change_speed(|speed| speed.saturating_add(SPEED_STEP).min(SPEED_FULL));
    }

    fn change_speed(&self, change: impl Fn(u32) -> u32) {
        let relaxed = Ordering::Relaxed;
        self.speed.update(relaxed, relaxed, change);
    }

    /// The speed now, in percent of the budget.
    pub fn speed_percent(&self) -> u32 {
        self.speed.load(Ordering::Relaxed)
    }

    /// How long requests have waited for their turns, all together.
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited_nanoseconds.load(Ordering::Relaxed))
    }

    /// Requests under way.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    fn note<T>(&self, answer: &Result<T, CloudError>) {
        // Other failures say nothing about the rate: neither slowing down nor speeding up would
        // help.
        match answer {
            Ok(_) => self.succeeded(),
            Err(error) if error.kind == FailureKind::Throttled => self.throttled(),
            Err(_) => {}
        }
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Limiter")
            .field("speed_percent", &self.speed_percent())
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}

async fn slot(slots: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    // A closed semaphore would mean no limit; no code closes one.
    Arc::clone(slots).acquire_owned().await.ok()
}

/// The right to send one request; drop it when the answer is there.
#[must_use = "the request counts as under way only while this lives"]
#[derive(Debug)]
pub struct RequestPermit {
    _own: Option<OwnedSemaphorePermit>,
    _shared: Option<OwnedSemaphorePermit>,
    in_flight: Arc<AtomicUsize>,
}

impl Drop for RequestPermit {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The injected clock, as the bucket reads it.
#[derive(Debug, Clone)]
struct BucketClock(Clock);

impl Ticks for BucketClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

/// Any face of the port, paced by a [`Limiter`].
#[derive(Debug, Clone)]
pub struct Limited<P> {
    port: P,
    limiter: Arc<Limiter>,
}

impl<P> Limited<P> {
    /// Calls of `port`, each of which waits for its turn.
    pub fn new(port: P, limiter: Arc<Limiter>) -> Self {
        Self { port, limiter }
    }

    /// The pace.
    pub fn limiter(&self) -> &Arc<Limiter> {
        &self.limiter
    }

    async fn paced<T>(
        &self,
        call: impl Future<Output = Result<T, CloudError>> + Send,
    ) -> Result<T, CloudError> {
        let turn = self.limiter.ready().await;
        let answer = call.await;
        drop(turn);
        self.limiter.note(&answer);
        answer
    }
}

impl<R: RegionReader> RegionReader for Limited<R> {
    fn place(&self) -> &Place {
        self.port.place()
    }

    async fn caller(&self) -> Result<AccountId, CloudError> {
        self.paced(self.port.caller()).await
    }

    async fn packs(&self, token: Option<PageToken>) -> Result<Page<PackRecord>, CloudError> {
        self.paced(self.port.packs(token)).await
    }

    async fn statuses(&self, token: Option<PageToken>) -> Result<Page<StatusRecord>, CloudError> {
        self.paced(self.port.statuses(token)).await
    }

    async fn rows(
        &self,
        pack: &PackName,
        filter: &RowFilter,
        token: Option<PageToken>,
    ) -> Result<Page<StatusRow>, CloudError> {
        self.paced(self.port.rows(pack, filter, token)).await
    }
}

impl<W: Writer> Writer for Limited<W> {
    async fn put(&self, pack: &PackName, content: &Content) -> Result<Receipt, CloudError> {
        self.paced(self.port.put(pack, content)).await
    }

    async fn delete(&self, pack: &PackName) -> Result<Receipt, CloudError> {
        self.paced(self.port.delete(pack)).await
    }
}

impl<O: OrganizationReader> OrganizationReader for Limited<O> {
    async fn accounts(&self, token: Option<PageToken>) -> Result<Page<Account>, CloudError> {
        self.paced(self.port.accounts(token)).await
    }

    async fn describe(&self) -> Result<OrganizationRecord, CloudError> {
        self.paced(self.port.describe()).await
    }

    async fn accounts_of(
        &self,
        parent: &UnitId,
        token: Option<PageToken>,
    ) -> Result<Page<AccountId>, CloudError> {
        self.paced(self.port.accounts_of(parent, token)).await
    }

    async fn units_of(
        &self,
        parent: &UnitId,
        token: Option<PageToken>,
    ) -> Result<Page<UnitId>, CloudError> {
        self.paced(self.port.units_of(parent, token)).await
    }

    async fn tags(
        &self,
        account: AccountId,
        token: Option<PageToken>,
    ) -> Result<Page<(String, String)>, CloudError> {
        self.paced(self.port.tags(account, token)).await
    }

    async fn administrators(
        &self,
        token: Option<PageToken>,
    ) -> Result<Page<AccountId>, CloudError> {
        self.paced(self.port.administrators(token)).await
    }

    async fn trusted_services(&self, token: Option<PageToken>) -> Result<Page<String>, CloudError> {
        self.paced(self.port.trusted_services(token)).await
    }
}

/// Assuming a role waits for a turn, and so does every read of recorders: all members share one
/// pace.
impl<M: MemberAccess> MemberAccess for Limited<M> {
    type Visit = Limited<M::Visit>;

    async fn enter(&self, account: AccountId) -> Result<Self::Visit, CloudError> {
        let visit = self.paced(self.port.enter(account)).await?;
        Ok(Limited::new(visit, Arc::clone(&self.limiter)))
    }
}

impl<V: MemberVisit> MemberVisit for Limited<V> {
    async fn recorders(&self, region: &Region) -> Result<Vec<String>, CloudError> {
        self.paced(self.port.recorders(region)).await
    }

    async fn recorder_states(&self, region: &Region) -> Result<Vec<RecorderRecord>, CloudError> {
        self.paced(self.port.recorder_states(region)).await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::base::model::Timestamp;

    fn clock() -> Clock {
        Clock::simulated(Timestamp::UNIX_EPOCH, 1)
    }

    fn budget(per_second: u32, burst: u32, in_flight: usize) -> Budget {
        Budget {
            per_second: NonZeroU32::new(per_second).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
            in_flight: NonZeroUsize::new(in_flight).unwrap(),
        }
    }

    /// Runs without real time: every wait of the limiter ends at once, in order.
    fn run<T>(work: impl Future<Output = T>) -> T {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).build().unwrap().block_on(work)
    }

    /// When each of so many requests got its turn; `throttle` says which are throttled.
    async fn turns(
        limiter: &Limiter,
        clock: &Clock,
        count: usize,
        throttle: impl Fn(usize) -> bool,
    ) -> Vec<Duration> {
        let mut times = Vec::new();
        for number in 0..count {
            drop(limiter.ready().await);
            times.push(clock.elapsed());
            if throttle(number) { limiter.throttled() } else { limiter.succeeded() }
        }
        times
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_the_rate_and_one_burst(
            per_second in 1_u32..20,
            burst in 1_u32..20,
            count in 1_usize..120,
            throttled in proptest::collection::btree_set(0_usize..120, 0..12),
        ) {
            let times = run(async {
                let clock = clock();
                let limiter = Limiter::new(budget(per_second, burst, 4), clock.clone());
                turns(&limiter, &clock, count, |number| throttled.contains(&number)).await
            });
            for (first, start) in times.iter().enumerate() {
                for (last, end) in times.iter().enumerate().skip(first) {
                    let window = end.saturating_sub(*start).as_secs_f64();
                    let most = f64::from(per_second) * window + f64::from(burst);
                    let held = u32::try_from(last - first + 1).unwrap();
                    prop_assert!(f64::from(held) <= most + 0.001, "{held} in {window} s");
                }
            }
        }
    }

    #[test]
    fn a_throttle_halves_the_rate_and_successes_restore_it() {
        run(async {
            let clock = clock();
            let limiter = Limiter::new(budget(2, 10, 4), clock.clone());
            turns(&limiter, &clock, 20, |_| false).await;
            let gap = |times: &[Duration]| times[2].saturating_sub(times[1]);
            let full = gap(&turns(&limiter, &clock, 3, |_| false).await);
            assert_eq!(full.as_millis(), 500);
            limiter.throttled();
            assert_eq!(limiter.speed_percent(), 50);
            drop(limiter.ready().await);
            let before = clock.elapsed();
            drop(limiter.ready().await);
            assert_eq!(clock.elapsed().saturating_sub(before).as_millis(), 1000);
            for _ in 0..25 {
                limiter.succeeded();
            }
            assert_eq!(limiter.speed_percent(), 100);
        });
    }

    #[test]
    fn endless_throttling_slows_down_to_a_tenth_and_never_stops() {
        run(async {
            let clock = clock();
            let limiter = Limiter::new(budget(2, 10, 4), clock.clone());
            let times = turns(&limiter, &clock, 40, |_| true).await;
            assert_eq!(limiter.speed_percent(), 10);
            assert_eq!(times[39].saturating_sub(times[38]).as_secs(), 5);
            assert!(limiter.waited() > Duration::from_secs(150));
        });
    }

    #[test]
    fn no_more_requests_are_under_way_than_allowed() {
        run(async {
            let limiter = Limiter::new(budget(20, 20, 2), clock());
            let (one, two) = (limiter.ready().await, limiter.ready().await);
            assert_eq!(limiter.in_flight(), 2);
            let third = tokio::time::timeout(Duration::from_mins(1), limiter.ready());
            assert!(third.await.is_err());
            drop(one);
            let third = limiter.ready().await;
            assert_eq!(limiter.in_flight(), 2);
            drop((two, third));
            assert_eq!(limiter.in_flight(), 0);
        });
    }

    #[test]
    fn a_place_that_waits_for_its_rate_keeps_no_shared_slot() {
        run(async {
            let all = Arc::new(Semaphore::new(1));
            let slow = Limiter::new(budget(1, 1, 4), clock()).sharing(Arc::clone(&all));
            let quick = Limiter::new(budget(20, 20, 4), clock()).sharing(all);
            drop(slow.ready().await);
            let waits = slow.ready();
            tokio::pin!(waits);
            let soon = tokio::time::timeout(Duration::from_millis(1), &mut waits);
            assert!(soon.await.is_err());
            drop(quick.ready().await);
            drop(waits.await);
        });
    }
}
