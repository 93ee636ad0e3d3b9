//! The inputs of the journal, and its notes.

use crate::domain::base::model::{AccountId, PackName, Region, Timestamp};
use crate::domain::base::words::{first_few, many};
use crate::domain::organization::membership::Membership;
use crate::domain::plan::event::{EventKind, Weight};
use crate::domain::present::report::{Reports, SourceStatus};
use crate::domain::present::view::{About, ConfirmedCaller};

/// Events that are kept; older ones are in the log.
pub const EVENTS_MAX: usize = 500;
/// Characters of one event's text, so that all of them stay well below a megabyte.
pub(super) const TEXT_MAX: usize = 400;
/// Packs, regions or accounts that one event names; the rest is counted.
pub(super) const NAMED_MAX: usize = 5;

/// The inputs of the journal at one moment.
#[derive(Debug, Clone, Copy)]
pub struct JournalMoment<'a> {
    /// What the program is.
    pub about: &'a About,
    /// Whether AWS has confirmed who asks.
    pub caller: &'a ConfirmedCaller,
    /// The source.
    pub source: &'a SourceStatus,
    /// Who is a member of the organization.
    pub membership: &'a Membership,
    /// The last report of each region.
    pub reports: &'a Reports,
    /// The time, by AWS's clock.
    pub now: Timestamp,
}

/// A note, which becomes an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) kind: EventKind,
    pub(super) weight: Weight,
    pub(super) region: Option<Region>,
    pub(super) pack: Option<PackName>,
    pub(super) account: Option<AccountId>,
    pub(super) text: String,
}

impl Note {
    pub(super) fn new(kind: EventKind, weight: Weight, text: impl Into<String>) -> Self {
        Self { kind, weight, region: None, pack: None, account: None, text: text.into() }
    }

    pub(super) fn at(self, region: &Region) -> Self {
        Self { region: Some(region.clone()), ..self }
    }

    /// About these packs: named by the event itself if it is one.
    pub(super) fn of(self, packs: &[&PackName]) -> Self {
        match packs {
            [pack] => Self { pack: Some((*pack).clone()), ..self },
            _ => self,
        }
    }
}

/// One by its name; several by how many there are, and some of their names.
pub(super) fn subject(noun: &str, names: &[String]) -> String {
    match names {
        [name] => name.clone(),
        _ => format!("{} ({})", many(names.len(), noun), first_few(names, NAMED_MAX)),
    }
}

pub(super) fn packs(packs: &[&PackName]) -> String {
    subject("pack", &packs.iter().map(ToString::to_string).collect::<Vec<_>>())
}
