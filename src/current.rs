//! What is known now: the last value of every channel from the tasks to their readers.

use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::domain::declared::source::SourceStatus;
use crate::domain::observed::recorder::Recorders;
use crate::domain::organization::membership::Membership;
use crate::domain::plan::record::RecordStatus;
use crate::domain::present::report::Reports;
use crate::domain::present::view::{About, ConfirmedCaller, CurrentState};

/// Everything that page, API, metrics and journal are a projection of, as it changes.
#[derive(Debug, Clone)]
pub struct StateReceivers {
    /// What the program is.
    pub about: watch::Receiver<About>,
    /// Whether AWS has confirmed who asks.
    pub caller: watch::Receiver<ConfirmedCaller>,
    /// The source.
    pub source: watch::Receiver<SourceStatus>,
    /// Who is a member of the organization.
    pub membership: watch::Receiver<Arc<Membership>>,
    /// What is known of the members' recorders.
    pub recorders: watch::Receiver<Arc<Recorders>>,
    /// The last report of each region.
    pub reports: watch::Receiver<Reports>,
    /// Whether losses are remembered.
    pub record: watch::Receiver<Option<RecordStatus>>,
    /// The daemon's clock.
    pub clock: Clock,
}

impl StateReceivers {
    /// Receivers of values that never change, for what is tried without the tasks.
    pub fn constant(facts: CurrentState, clock: Clock) -> Self {
        let CurrentState {
            about,
            caller,
            source,
            membership,
            recorders,
            reports,
            record,
            skew: _,
            now: _,
        } = facts;
        Self {
            about: watch::Sender::new(about).subscribe(),
            caller: watch::Sender::new(caller).subscribe(),
            source: watch::Sender::new(source).subscribe(),
            membership: watch::Sender::new(membership).subscribe(),
            recorders: watch::Sender::new(recorders).subscribe(),
            reports: watch::Sender::new(reports).subscribe(),
            record: watch::Sender::new(record).subscribe(),
            clock,
        }
    }

    /// Everything that is known at this moment. Each channel is borrowed just for the copy, so that
    /// no reader holds up a task that has something new.
    pub fn facts(&self) -> CurrentState {
        CurrentState {
            about: self.about.borrow().clone(),
            caller: self.caller.borrow().clone(),
            source: self.source.borrow().clone(),
            membership: self.membership.borrow().clone(),
            recorders: self.recorders.borrow().clone(),
            reports: self.reports.borrow().clone(),
            record: self.record.borrow().clone(),
            skew: self.clock.skew(),
            now: self.clock.aws_now(),
        }
    }
}
