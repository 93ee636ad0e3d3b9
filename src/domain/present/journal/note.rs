//! What is to become an event.

use crate::domain::base::model::{AccountId, PackName, Region};
use crate::domain::base::words::{first_few, many};
use crate::domain::plan::event::{EventKind, Weight};

/// Events that are kept; older ones are in the log.
pub const EVENTS_MAX: usize = 500;
/// Characters of one event's text, so that all of them stay well below a megabyte.
pub(super) const TEXT_MAX: usize = 400;
/// Packs, regions or accounts that one event names; the rest is counted.
pub(super) const NAMED_MAX: usize = 5;

/// What is to become an event.
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
