//! What happened lately: `GET /api/v1/events`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfirmedCaller, CurrentState, VERSION};
use crate::domain::base::model::{Installation, Timestamp};
use crate::domain::plan::event::{Event, Events};

/// Events that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventsView {
    /// See [`VERSION`].
    pub version: u32,
    /// Whether nothing in it is about a real account.
    pub simulated: bool,
    /// By AWS's clock.
    pub now: Timestamp,
    /// Whose packs are ours.
    pub installation: Installation,
    /// Whether AWS has confirmed who asks.
    pub caller: ConfirmedCaller,
    /// When the process began that counts: with another one, numbers begin again.
    pub started: Timestamp,
    /// The number of the newest event there is; 0 before the first.
    pub last: u64,
    /// How many events came after the number that was asked for and are not kept any more.
    pub lost: u64,
    /// Whether there are newer ones than those listed here.
    pub more: bool,
    /// Events, the oldest first.
    pub events: Vec<Event>,
}

/// Which events are asked for.
#[derive(Debug, Clone, Copy)]
pub struct EventsQuery {
    /// Those with greater numbers, the oldest of them; `None`: the newest of all.
    pub after: Option<u64>,
    /// How many at most.
    pub limit: usize,
}

/// The events that are asked for.
pub fn events(facts: &CurrentState, all: &Events, asked: EventsQuery) -> EventsView {
    let EventsQuery { after, limit } = asked;
    let last = all.last().map_or(0, |event| event.number);
    let first = all.first().map_or(last, |event| event.number);
    let skipped = match after {
        Some(after) => all.partition_point(|event| event.number <= after),
        None => all.len().saturating_sub(limit),
    };
    let events: Vec<Event> = all.iter().skip(skipped).take(limit).cloned().collect();
    EventsView {
        version: VERSION,
        simulated: facts.about.simulated,
        now: facts.now,
        installation: facts.about.installation.clone(),
        caller: facts.caller.clone(),
        started: facts.about.started,
        last,
        lost: after.map_or(0, |after| first.saturating_sub(1).saturating_sub(after)),
        more: events.last().is_some_and(|event| event.number < last),
        events,
    }
}
