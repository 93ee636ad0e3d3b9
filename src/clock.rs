//! The one clock: real time, or the simulator's, which runs faster and can be moved by hand.
//!
//! Everything that asks for the time or waits is handed a [`Clock`]; nothing else in the crate may
//! read the system's. Under a paused tokio runtime a simulated clock is deterministic.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::domain::model::Timestamp;

/// Tells the time and waits. Clones share one clock.
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
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
        Self(Kind::System(now()))
    }

    /// A clock that shows `start` now and runs `speed` times as fast; 0 moves only by
    /// [`Clock::advance`].
    pub fn simulated(start: Timestamp, speed: u32) -> Self {
        let stepped = watch::Sender::new(Duration::ZERO);
        Self(Kind::Simulated(Arc::new(Simulated { start, started: now(), speed, stepped })))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
            Kind::System(_) => Timestamp::now(),
            Kind::Simulated(clock) => {
                let passed = clock.passed();
                clock.start.checked_add(passed).unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// The time by AWS's clock, as far as its answers told; else by this one. Deadlines that AWS
    /// keeps are compared with nothing else.
    pub fn aws_now(&self) -> Timestamp {
        self.now()
    }

    /// Takes in what time an answer of AWS named (its `Date` header).
    pub fn heard(&self, _date: Timestamp) {}

    /// How long this clock has run: it never goes back, whatever happens to the time of day.
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Kind::System(started) => now().duration_since(*started),
            Kind::Simulated(clock) => clock.passed(),
        }
    }

    /// Waits for this long on this clock.
    pub async fn sleep(&self, wait: Duration) {
        match &self.0 {
            Kind::System(_) => tokio::time::sleep(wait).await,
            Kind::Simulated(clock) => clock.sleep(wait).await,
        }
    }

    /// Moves a simulated clock forward at once; waits that end within `step` end. A system clock
    /// cannot be moved.
    pub fn advance(&self, step: Duration) {
        if let Kind::Simulated(clock) = &self.0 {
            clock.stepped.send_modify(|stepped| *stepped = stepped.saturating_add(step));
        }
    }

    /// Whether it is not the machine's clock.
    pub fn is_simulated(&self) -> bool {
        matches!(self.0, Kind::Simulated(_))
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
    use super::*;

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
}
