//! A world in time: the world, the clock that drives it, and the script it follows.
//!
//! Every access to the world first runs the script up to the present time, so that no event comes
//! late, however far the clock was moved. Both faces can share one simulation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::event::Script;
use super::scenario::Scenario;
use super::world::World;
use crate::clock::Clock;

/// A world, its clock and its script. Clones share all three.
#[derive(Debug, Clone)]
pub struct Simulation {
    world: Arc<Mutex<World>>,
    clock: Clock,
    script: Arc<Mutex<Script>>,
}

impl Simulation {
    /// The world of this scenario at its start, at `speed` virtual seconds per real one.
    pub fn new(scenario: &Scenario, speed: u32) -> Self {
        let Scenario { setup, owner: _, options: _, speed: _, script } = scenario;
        Self {
            clock: Clock::simulated(setup.start, speed),
            world: Arc::new(Mutex::new(World::new(setup.clone()))),
            script: Arc::new(Mutex::new(Script::new(script.clone()))),
        }
    }

    /// This world on this clock, without a script.
    pub fn over(world: Arc<Mutex<World>>, clock: Clock) -> Self {
        Self { world, clock, script: Arc::new(Mutex::new(Script::new(Vec::new()))) }
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The world itself, for the in-process face. A caller that locks it directly does not see
    /// scripted events that came due since the last [`Simulation::with`] or [`Simulation::follow`].
    pub fn world(&self) -> &Arc<Mutex<World>> {
        &self.world
    }

    /// Reads or changes the world at the present time.
    pub fn with<T>(&self, view: impl FnOnce(&mut World) -> T) -> T {
        let now = self.clock.now();
        let mut script = lock(&self.script);
        let mut world = lock(&self.world);
        script.play(&mut world, now);
        drop(script);
        world.advance_to(now);
        view(&mut world)
    }

    /// Runs scripted events when they are due, even without requests, until `stop`.
    pub async fn follow(&self, stop: &CancellationToken) {
        loop {
            let next = lock(&self.script).next();
            let Some(next) = next else { return };
            let wait = next.duration_since(self.clock.now()).try_into().unwrap_or_default();
            // Both arms are cancel-safe: what is due is found again from the script.
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.clock.sleep(wait) => self.with(|_| ()),
            }
        }
    }
}

/// The content of a lock that is never held across an await. A panic in another call is that
/// call's own failure: the world stays usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::base::model::Timestamp;

    const SCENARIO: &str = "
regions: [eu-west-1]
accounts: [{id: '111111111111'}]
script:
  - {at: 30m, do: {join: {id: '222222222222'}}}
  - {at: 40m, do: {leave: {account: '333333333333'}}}
  - {at: 50m, do: {leave: {account: '222222222222'}}}
";

    fn simulation(speed: u32) -> Simulation {
        let start: Timestamp = "2026-11-02T08:00:00Z".parse().unwrap();
        Simulation::new(&Scenario::parse("test.yaml", SCENARIO, start).unwrap(), speed)
    }

    fn joined(world: &World) -> Option<String> {
        let account = world.members.find(&"222222222222".parse().unwrap())?;
        Some(account.stay(world.moment())?.joined_timestamp().to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_happens_at_its_own_moment_however_far_the_clock_was_moved() {
        let simulation = simulation(0);
        assert_eq!(simulation.with(|world| joined(world)), None);
        simulation.clock().advance(Duration::from_mins(45));
        let seen = simulation.with(|world| joined(world));
        assert_eq!(seen.as_deref(), Some("2026-11-02T08:30:00Z"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_cannot_happen_does_not_keep_later_ones_from_happening() {
        let simulation = simulation(0);
        simulation.clock().advance(Duration::from_hours(1));
        assert_eq!(simulation.with(|world| joined(world)), None);
        let world = simulation.world().lock().unwrap();
        assert!(world.members.find(&"222222222222".parse().unwrap()).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_followed_script_plays_though_nobody_looks() {
        let simulation = simulation(60);
        simulation.follow(&CancellationToken::new()).await;
        let world = simulation.world().lock().unwrap();
        assert!(world.members.find(&"222222222222".parse().unwrap()).is_some());
        assert_eq!(simulation.clock().now().to_string(), "2026-11-02T08:50:00Z");
    }
}
