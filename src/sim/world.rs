//! The world: every account, region and pack, and the one door through which requests come.

use super::api::{Caller, Fault, Reply, Request};
use super::setup::Setup;
use crate::domain::model::Timestamp;

/// A simulated AWS. Equal setups and equal calls give equal answers.
#[derive(Debug)]
pub struct World {
    setup: Setup,
    now: Timestamp,
}

impl World {
    /// The world as set up, at its start.
    pub fn new(setup: Setup) -> Self {
        Self { now: setup.start, setup }
    }

    /// Answers a request at `now`; time never runs backwards, an earlier `now` counts as the last.
    pub fn call(&mut self, now: Timestamp, caller: &Caller, request: Request) -> Reply {
        self.now = self.now.max(now);
        let operation = request.operation();
        let known = self.setup.regions.contains(&caller.region);
        Reply::Fault(Fault::new("InternalFailure", format!("{operation} {known}")).with_status(500))
    }
}
