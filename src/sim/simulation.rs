//! A world in time: the world, the clock that drives it, and the script it follows.
//!
//! Every look at the world first lets the script catch up with the clock, so that an event never
//! comes late, however far the clock was moved. Both faces can share one simulation.

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

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The world itself, for the in-process face. Who locks it directly sees no scripted event
    /// that came due since the last look through [`Simulation::with`] or [`Simulation::follow`].
    pub fn world(&self) -> &Arc<Mutex<World>> {
        &self.world
    }

    /// Looks at or changes the world as it is now.
    pub fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let now = self.clock.now();
        let mut script = lock(&self.script);
        let mut world = lock(&self.world);
        script.play(&mut world, now);
        drop(script);
        world.advance_to(now);
        look(&mut world)
    }

    /// Lets scripted events happen when they are due, though nobody looks, until `stop`.
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
