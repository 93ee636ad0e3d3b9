//! The window that all regions of a process share: judging and reserving are one step under its
//! lock, so that no two regions use the same room.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::gate::Moment;
use crate::clock::Clock;
use crate::domain::guard::{Ruling, Used};
use crate::domain::loss::LossAt;
use crate::domain::model::{Region, Revision};
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::Step;
use crate::domain::window::{SPAN, Window};

/// Whether a ruling is acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    /// Only shown: nothing is reserved.
    Show,
    /// Its steps are about to be taken.
    Act,
}

/// The window, and what keeps it.
#[derive(Debug)]
pub struct SharedWindow {
    window: Mutex<Window>,
}

impl SharedWindow {
    /// Without a record: nothing may be lost unapproved until the process has watched for a day.
    pub fn without_record(clock: &Clock, why: String) -> Self {
        Self { window: Mutex::new(Window::without_record(clock.elapsed(), why)) }
    }

    /// A window that knows what was lost, which is nothing: for tests and the simulator.
    pub fn watched(clock: &Clock) -> Self {
        Self { window: Mutex::new(Window::with_record(clock.elapsed(), SPAN)) }
    }

    /// Has a ruling made under the lock, and takes it in if it is acted on.
    pub(super) fn rule(
        &self,
        moment: Moment,
        intent: Intent,
        make: impl FnOnce(&mut Window) -> Ruling,
    ) -> Ruling {
        let mut window = self.lock();
        let ruling = make(&mut window);
        if intent == Intent::Act {
            window.commit(&ruling, moment.elapsed, moment.now);
        }
        ruling
    }

    /// Remembers what a step is about to take away, before it is sent.
    pub(super) async fn begin(
        &self,
        _region: &Region,
        _step: &Step,
        _permits: &[Used],
        _revision: Option<&Revision>,
    ) -> Result<(), String> {
        Ok(())
    }

    /// Takes back everything that a ruling reserved: none of its steps was taken.
    pub(super) fn release(&self, ruling: &Ruling) {
        let mut window = self.lock();
        for (at, _) in ruling.approved.losses() {
            window.retract(&at);
        }
    }

    /// Takes back what did not happen: a delete that deleted nothing is no loss.
    pub(super) fn settle(&self, region: &Region, outcomes: &[Outcome]) {
        let mut window = self.lock();
        for Outcome { step, ending } in outcomes {
            match ending {
                Ending::Accepted { .. } | Ending::Unknown { .. } => continue,
                Ending::Failed { .. } | Ending::NotStarted => {}
            }
            for loss in &step.losses.lost {
                let (region, pack) = (region.clone(), step.pack.clone());
                window.retract(&LossAt { region, pack, loss: loss.clone() });
            }
        }
    }

    /// Ruling is pure and short: a poisoned lock holds a window that another region's panic left
    /// whole.
    fn lock(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
