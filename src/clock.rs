//! The one clock: real time, or the simulator's, which runs faster and can be moved by hand.
//!
//! Everything that asks for the time or waits is handed a [`Clock`]; nothing else in the crate may
//! read the system's. Under a paused tokio runtime a simulated clock is deterministic. What AWS's
//! own clock shows is learned from its answers, and then from nothing else.

mod aws_time;
mod boot;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::watch;
use tokio::time::Instant;

use self::aws_time::AwsTime;
use crate::domain::base::model::Timestamp;
use crate::domain::base::stamp::{BootTime, Stamp};

/// Tells the time and waits. Clones share one clock.
#[derive(Debug, Clone)]
pub struct Clock {
    kind: ClockKind,
    /// The error that a test adds to the time of day.
    astray: Arc<Mutex<SignedDuration>>,
    /// AWS's time, learned from its answers.
    aws: Arc<Mutex<AwsTime>>,
}

#[derive(Debug, Clone)]
enum ClockKind {
    /// The machine's, with the moment this clock was made.
    System(Instant),
    Simulated(Arc<Simulated>),
}

#[derive(Debug)]
struct Simulated {
    start: Timestamp,
    started: Instant,
    /// Virtual seconds per real second; 0 freezes the clock.
    speed: u32,
    /// Steps made by hand so far.
    stepped: watch::Sender<Duration>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::of(ClockKind::System(now()), SignedDuration::ZERO)
    }

    /// A clock that shows `start` now and runs `speed` times as fast; 0 moves only by
    /// [`Clock::advance`].
    pub fn simulated(start: Timestamp, speed: u32) -> Self {
        let stepped = watch::Sender::new(Duration::ZERO);
        let clock = Simulated { start, started: now(), speed, stepped };
        Self::of(ClockKind::Simulated(Arc::new(clock)), SignedDuration::ZERO)
    }

    fn of(kind: ClockKind, astray: SignedDuration) -> Self {
        Self { kind, astray: Arc::new(Mutex::new(astray)), aws: Arc::default() }
    }

    /// A clock that runs and waits with this one, whose time of day is wrong by `error`, and that
    /// has heard nothing of AWS yet: another machine's, for tests.
    #[must_use]
    pub fn astray(&self, error: SignedDuration) -> Self {
        Self::of(self.kind.clone(), error)
    }

    /// Lets the time of day jump, so that it is wrong by `error` from now on.
    pub fn stray(&self, error: SignedDuration) {
        *lock(&self.astray) = error;
    }

    /// The time of day, right or wrong.
    pub fn now(&self) -> Timestamp {
        let now = match &self.kind {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
            ClockKind::System(_) => Timestamp::now(),
            ClockKind::Simulated(clock) => {
                let passed = clock.passed();
                clock.start.checked_add(passed).unwrap_or(Timestamp::MAX)
            }
        };
        now.checked_add(*lock(&self.astray)).unwrap_or(now)
    }

    /// The time by AWS's clock, once two of its answers agreed; else by this one. Deadlines that
    /// AWS keeps are compared with nothing else. Jumps of the time of day do not move it.
    pub fn aws_now(&self) -> Timestamp {
        let told = lock(&self.aws).now(self.elapsed());
        told.unwrap_or_else(|| self.now())
    }

    /// Learns AWS's time from an answer that has just arrived (its `Date` header).
    pub fn observe_aws_date(&self, date: Timestamp) {
        let elapsed = self.elapsed();
        lock(&self.aws).hear(date, elapsed);
    }

    /// How far AWS's clock is ahead of the time of day; `None` until two of its answers agreed.
    pub fn skew(&self) -> Option<SignedDuration> {
        let aws = lock(&self.aws).now(self.elapsed())?;
        Some(aws.duration_since(self.now()))
    }

    /// How long this clock has run: it never goes back, even if the time of day does.
    pub fn elapsed(&self) -> Duration {
        match &self.kind {
            ClockKind::System(started) => now().duration_since(*started),
            ClockKind::Simulated(clock) => clock.passed(),
        }
    }

    /// This moment by every clock there is, to be compared with moments of other processes.
    pub fn stamp(&self) -> Stamp {
        let boot = match &self.kind {
            ClockKind::System(_) => boot::boot_time(),
            ClockKind::Simulated(clock) => {
                let id = format!("simulated from {}", clock.start);
                Some(BootTime { id, elapsed: clock.passed() })
            }
        };
        Stamp { wall: self.now(), aws: lock(&self.aws).now(self.elapsed()), boot }
    }

    /// Waits for this long on this clock.
    pub async fn sleep(&self, wait: Duration) {
        match &self.kind {
            ClockKind::System(_) => tokio::time::sleep(wait).await,
            ClockKind::Simulated(clock) => clock.sleep(wait).await,
        }
    }

    /// Moves a simulated clock forward at once; waits that end within `step` end. A system clock
    /// cannot be moved.
    pub fn advance(&self, step: Duration) {
        if let ClockKind::Simulated(clock) = &self.kind {
            clock.stepped.send_modify(|stepped| *stepped = stepped.saturating_add(step));
        }
    }

    /// Whether it is not the machine's clock.
    pub fn is_simulated(&self) -> bool {
        matches!(self.kind, ClockKind::Simulated(_))
    }
}

impl Simulated {
    /// Virtual time since the start.
    fn passed(&self) -> Duration {
        let ran = now().duration_since(self.started).saturating_mul(self.speed);
        ran.saturating_add(*self.stepped.borrow())
    }

    async fn sleep(&self, wait: Duration) {
        let mut stepped = self.stepped.subscribe();
        let end = self.passed().saturating_add(wait);
        loop {
            let left = end.saturating_sub(self.passed());
            if left.is_zero() {
                return;
            }
            // Both arms are cancel-safe: a lost wake-up is recomputed from `passed`.
            tokio::select! {
                () = real_sleep(left, self.speed) => {}
                _ = stepped.changed() => {}
            }
        }
    }
}

/// What a lock holds; nothing panics while one is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn real_sleep(wait: Duration, speed: u32) {
    match wait.checked_div(speed) {
        // At least a millisecond: timers are no finer, and a shorter wait would spin.
        Some(real) => tokio::time::sleep(real.max(Duration::from_millis(1))).await,
        None => std::future::pending().await,
    }
}

#[expect(clippy::disallowed_methods, reason = "the base of the simulated clock")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests measure the clock itself")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::base::stamp::age;

    #[tokio::test(start_paused = true)]
    async fn a_faster_clock_sleeps_virtual_time() {
        let start: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let clock = Clock::simulated(start, 600);
        let real = Instant::now();
        clock.sleep(Duration::from_hours(1)).await;
        assert_eq!(real.elapsed(), Duration::from_secs(6));
        assert_eq!(clock.now(), "2026-11-01T01:00:00Z".parse().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_frozen_clock_moves_only_by_hand_and_wakes_sleepers() {
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH, 0);
        let sleeper = clock.clone();
        let asleep = tokio::spawn(async move { sleeper.sleep(Duration::from_mins(1)).await });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(59));
        tokio::task::yield_now().await;
        assert!(!asleep.is_finished());
        clock.advance(Duration::from_secs(1));
        asleep.await.unwrap();
        assert_eq!(clock.now().as_second(), 60);
    }

    fn start() -> Timestamp {
        "2026-11-01T00:00:00Z".parse().unwrap()
    }

    fn seconds(seconds: i64) -> SignedDuration {
        SignedDuration::from_secs(seconds)
    }

    /// What happens to a machine that asks AWS now and then.
    #[derive(Debug, Clone, Copy)]
    enum MachineStep {
        /// Time passes, seconds.
        Pass(u64),
        /// The time of day jumps, to be wrong by so many seconds.
        Jump(i64),
        /// An answer arrives, so many seconds after AWS stamped it.
        Answer(i64),
        /// One answer names a time that is wrong by so many seconds.
        Liar(i64),
    }

    fn turn() -> impl Strategy<Value = MachineStep> {
        prop_oneof![
            (0_u64..40_000).prop_map(MachineStep::Pass),
            (-400_000_i64..400_000).prop_map(MachineStep::Jump),
            (0_i64..=30).prop_map(MachineStep::Answer),
            (-400_000_i64..400_000).prop_map(MachineStep::Liar),
        ]
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
    }

    proptest! {
        #[test]
        fn once_aws_was_heard_its_time_is_known_whatever_the_time_of_day_does(
            error in -400_000_i64..400_000,
            turns in proptest::collection::vec(turn(), 0..60),
        ) {
            let _entered = runtime().enter();
            let truth = Clock::simulated(start(), 0);
            let clock = truth.astray(seconds(error));
            clock.observe_aws_date(truth.now());
            prop_assert_eq!(clock.aws_now(), clock.now(), "one answer alone proves nothing");
            clock.observe_aws_date(truth.now());
            prop_assert_eq!(clock.skew(), Some(seconds(-error)));
            let mut lied = false;
            for turn in turns {
                let before = clock.aws_now();
                match turn {
                    MachineStep::Pass(time) => truth.advance(Duration::from_secs(time)),
                    MachineStep::Jump(error) => clock.stray(seconds(error)),
                    MachineStep::Answer(late) => {
                        clock.observe_aws_date(truth.now() - seconds(late));
                        lied = false;
                    }
                    // A second lie in a row may be the same, and is believed then.
                    MachineStep::Liar(by) if !lied => {
                        clock.observe_aws_date(truth.now() + seconds(by));
                        lied = true;
                    }
                    MachineStep::Liar(_) => {}
                }
                prop_assert_eq!(clock.aws_now(), truth.now());
                prop_assert!(before <= clock.aws_now());
            }
        }

        #[test]
        fn two_agreeing_answers_move_the_time_and_it_never_goes_back_by_more_than_they_differ(
            asleep in 31_i64..400_000,
            late in proptest::collection::vec(0_i64..=30, 2..40),
        ) {
            let _entered = runtime().enter();
            let truth = Clock::simulated(start(), 0);
            let clock = truth.astray(SignedDuration::ZERO);
            // The machine slept: AWS's clock ran, and the one that never goes back did not.
            let aws = |late: i64| truth.now() + seconds(asleep - late);
            (0..2).for_each(|_| clock.observe_aws_date(truth.now()));
            let mut before = clock.aws_now();
            for late in &late {
                clock.observe_aws_date(aws(*late));
                truth.advance(Duration::from_secs(1));
                prop_assert!(before - seconds(30) <= clock.aws_now());
                before = clock.aws_now();
            }
            let off = aws(0).duration_since(clock.aws_now());
            prop_assert!(seconds(0) <= off && off <= seconds(60), "{off:?}");
        }
    }

    #[test]
    fn answers_that_traveled_for_less_time_make_the_time_more_exact() {
        let _entered = runtime().enter();
        let clock = Clock::simulated(start(), 0);
        let error_after = |late| {
            clock.observe_aws_date(start() - seconds(late));
            clock.aws_now().duration_since(start()).as_secs()
        };
        assert_eq!([20, 20, 3, 9, 2, 1, 8].map(error_after), [0, -20, -20, -9, -9, -2, -2]);
    }

    #[test]
    fn before_aws_was_heard_its_time_is_the_time_of_day() {
        let _entered = runtime().enter();
        let clock = Clock::simulated(start(), 0).astray(seconds(-90));
        assert_eq!((clock.aws_now(), clock.skew()), (clock.now(), None));
        assert_eq!(clock.now(), start() - seconds(90));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stamp_shows_what_every_clock_shows_and_the_least_of_it_is_its_age() {
        let clock = Clock::simulated(start(), 0);
        let then = clock.stamp();
        assert_eq!((then.wall, then.aws), (start(), None));
        clock.advance(Duration::from_hours(2));
        (0..2).for_each(|_| clock.observe_aws_date(start() + seconds(7_200)));
        clock.stray(seconds(30 * 86_400));
        let now = clock.stamp();
        assert_eq!(now.aws, Some(start() + seconds(7_200)));
        assert_eq!(age(&then, &now), Duration::from_hours(2));
    }

    #[tokio::test]
    async fn the_machines_stamps_of_one_start_are_compared_by_the_kernels_clock() {
        let clock = Clock::system();
        let (then, now) = (clock.stamp(), clock.stamp());
        let (then_boot, now_boot) = (then.boot.clone().unwrap(), now.boot.clone().unwrap());
        assert_eq!(then_boot.id, now_boot.id);
        assert!(Duration::ZERO < then_boot.elapsed && then_boot.elapsed <= now_boot.elapsed);
        clock.stray(seconds(25 * 3_600));
        assert!(age(&then, &clock.stamp()) < Duration::from_hours(1));
    }

    #[test]
    fn a_time_outside_of_the_calendar_is_not_heard() {
        let _entered = runtime().enter();
        let clock = Clock::simulated(start(), 0);
        clock.advance(Duration::from_hours(1));
        (0..2).for_each(|_| clock.observe_aws_date(Timestamp::MIN));
        assert_eq!(clock.skew(), None);
    }
}
