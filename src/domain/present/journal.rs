//! What changed between two observations, as events: the newest [`EVENTS_MAX`] of them.
//!
//! One event says one thing. What several packs of a region, or several accounts, have in common in
//! one look is one event that counts them and names a few; a new account is told of once for all
//! regions, where it stands worst. Deeds are told of every reconciliation, whatever is missed in
//! between; states are told when they differ from what was told last, so that one which came and
//! went between two looks is not. What is absent: any decision, and the record, which is the log.

mod deeds;
pub mod note;
mod people;
mod regions;

use std::collections::VecDeque;
use std::sync::Arc;

use super::report::{Declarations, RegionReport};
use super::view::{About, ConfirmedCaller};
use crate::domain::base::model::{Region, Revision, Timestamp};
use crate::domain::base::untrusted::flowing;
use crate::domain::base::words::many;
use crate::domain::declared::source::SourceStatus;
use crate::domain::plan::event::{Event, EventKind, Events, Weight};
use crate::domain::present::journal::note::{EVENTS_MAX, Note, TEXT_MAX, subject};
use crate::domain::present::view::CurrentState;
use people::ReportedAccounts;
use regions::Regions;

/// An event at one moment, which the next reading of the channels would not show any more.
#[derive(Debug, Clone)]
pub enum Notification {
    /// A reconciliation ended.
    Reconciled(Arc<RegionReport>),
    /// The settings were read again and are in force.
    Reloaded {
        /// The names of the settings that have other values.
        changes: Vec<String>,
    },
    /// The settings were read again and cannot be used: the sentence says why.
    NotReloaded(String),
}

/// The events that are kept, and the state that they describe.
#[derive(Debug)]
pub struct Journal {
    kept: VecDeque<Event>,
    number: u64,
    /// Whether it goes on after events of another one.
    is_resumed: bool,
    about: Option<About>,
    caller: ConfirmedCaller,
    /// The revision in force, and whether the source could not be read.
    source: (Option<Revision>, bool),
    regions: Regions,
    people: ReportedAccounts,
}

impl Journal {
    /// Continues after these events; the state that they describe is not known any more.
    pub fn resume(events: &Events) -> Self {
        Self {
            kept: events.iter().cloned().collect(),
            number: events.last().map_or(0, |event| event.number),
            is_resumed: !events.is_empty(),
            about: None,
            caller: ConfirmedCaller::Unconfirmed { problem: None },
            source: (None, false),
            regions: Regions::default(),
            people: ReportedAccounts::default(),
        }
    }

    /// The events that are kept, oldest first.
    pub fn events(&self) -> Events {
        self.kept.iter().cloned().collect()
    }

    /// The number of the newest event; 0 before the first.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Notes what happened at one moment.
    pub fn note(&mut self, news: &Notification, now: Timestamp) {
        match news {
            Notification::Reconciled(report) => self.record_notes(now, deeds::of(report)),
            Notification::Reloaded { changes } => {
                let changes =
                    if changes.is_empty() { "nothing".to_owned() } else { changes.join(", ") };
                let text = format!("the settings were reloaded: {changes} changed");
                self.record_notes(now, [Note::new(EventKind::Reloaded, Weight::Normal, text)]);
            }
            Notification::NotReloaded(why) => {
                let text = format!(
                    "the settings were not reloaded, the previous ones stay in force: {why}"
                );
                self.record_notes(now, [Note::new(EventKind::NotReloaded, Weight::Critical, text)]);
            }
        }
    }

    /// Notes that so many pieces of news were lost: they came faster than they were noted.
    pub fn lost(&mut self, count: u64, now: Timestamp) {
        let text = format!(
            "{count} reconciliations are missing from this list; what they wrote is in the log"
        );
        self.record_notes(now, [Note::new(EventKind::Process, Weight::Warning, text)]);
    }

    /// Notes what stands otherwise than it was last told.
    pub fn update(&mut self, facts: &CurrentState) {
        let notes: Vec<Note> = self
            .process(facts)
            .into_iter()
            .chain(self.origin(&facts.source))
            .chain(self.people.update(facts))
            .chain(self.regions.update(facts))
            .collect();
        self.record_notes(facts.now, notes);
    }

    fn record_notes(&mut self, at: Timestamp, notes: impl IntoIterator<Item = Note>) {
        for Note { kind, weight, region, pack, account, text } in notes {
            self.number = self.number.saturating_add(1);
            let (number, text) = (self.number, flowing(&text, TEXT_MAX));
            self.kept.push_back(Event { number, at, kind, weight, region, pack, account, text });
        }
        let surplus = self.kept.len().saturating_sub(EVENTS_MAX);
        self.kept.drain(..surplus);
    }

    /// The program, its settings, and who it is to AWS.
    fn process(&mut self, facts: &CurrentState) -> Vec<Note> {
        let about = &facts.about;
        let normal = |text: String| Note::new(EventKind::Process, Weight::Normal, text);
        let warning = |text: String| Note::new(EventKind::Process, Weight::Warning, text);
        let mut notes = Vec::new();
        match self.about.replace(about.clone()) {
            None if !self.is_resumed => notes.push(normal(format!(
                "conformd {} started, installation {}, mode {}, {}",
                about.version,
                about.installation,
                about.mode,
                many(about.regions.len(), "region"),
            ))),
            // After a panic of the journal task the earlier events are gone, which users should
            // know.
            None => notes.push(warning(
                "this list was restarted after an internal error; what it missed is in the log"
                    .into(),
            )),
            Some(before) => {
                if before.mode != about.mode {
                    notes.push(normal(format!("mode {} instead of {}", about.mode, before.mode)));
                }
                let added: Vec<String> = names(about.regions.difference(&before.regions));
                let gone: Vec<String> = names(before.regions.difference(&about.regions));
                if !added.is_empty() {
                    notes.push(normal(format!("{} added", subject("region", &added))));
                }
                if !gone.is_empty() {
                    let gone = subject("region", &gone);
                    notes.push(warning(format!("{gone} no longer managed")));
                }
            }
        }
        notes.extend(match (&self.caller, &facts.caller) {
            (ConfirmedCaller::Unconfirmed { .. }, ConfirmedCaller::Confirmed { account }) => {
                Some(normal(format!("authenticated as {account}")))
            }
            (
                ConfirmedCaller::Unconfirmed { problem: None },
                ConfirmedCaller::Unconfirmed { problem: Some(why) },
            ) => Some(warning(format!("AWS did not confirm the identity: {why}"))),
            (ConfirmedCaller::Unconfirmed { .. }, ConfirmedCaller::Unconfirmed { .. })
            | (
                ConfirmedCaller::Confirmed { .. },
                ConfirmedCaller::Unconfirmed { .. } | ConfirmedCaller::Confirmed { .. },
            ) => None,
        });
        self.caller = facts.caller.clone();
        notes
    }

    /// The source: what was accepted, and whether it can be read.
    fn origin(&mut self, source: &SourceStatus) -> Vec<Note> {
        let note = |weight, text: String| Note::new(EventKind::Source, weight, text);
        let (revision, was_gone) = &mut self.source;
        let mut notes = Vec::new();
        // Only the beginning and the end of a problem are events: its text may change every time.
        match source.problem() {
            Some(problem) if !*was_gone => notes.push(note(
                Weight::Warning,
                format!(
                    "the source cannot be read, the last accepted revision stays in force: \
                    {problem}"
                ),
            )),
            None if *was_gone => {
                notes.push(note(Weight::Normal, "the source can be read again".to_owned()));
            }
            Some(_) | None => {}
        }
        *was_gone = source.problem().is_some();
        if let Some(accepted) = source.revision().filter(|it| revision.as_ref() != Some(it)) {
            *revision = Some(accepted.clone());
            let declared = Declarations::in_force(source);
            let valid = many(declared.valid, "valid manifest");
            notes.push(if declared.wholly_valid {
                note(Weight::Normal, format!("revision {accepted} in force: {valid}"))
            } else {
                let first = declared.diagnostics.first().map_or("", String::as_str);
                let invalid = declared.invalid;
                let text = format!(
                    "revision {accepted} in force, deletions are paused: \
                     {valid}, {invalid} invalid: {first}"
                );
                note(Weight::Warning, text)
            });
        }
        notes
    }
}

fn names<'a>(regions: impl Iterator<Item = &'a Region>) -> Vec<String> {
    regions.map(ToString::to_string).collect()
}
