//! The window that all regions of a process share, and the record behind it.
//!
//! Judging and reserving are one step under the window's lock, so that no two regions use the same
//! room. What a step takes away is in the record before it is sent; what cannot be recorded is not
//! sent.

mod recorded;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;

use super::clock_readings::ClockReadings;
use crate::clock::Clock;
use crate::domain::base::model::{Digest, PackName, Place, Region, Revision};
use crate::domain::declared::template::Template;
use crate::domain::observed::packs::PacksObservation;
use crate::domain::plan::effective_rules::{HeldRules, TemplatesByDigest};
use crate::domain::plan::guard::{Approved, Ruling, Used};
use crate::domain::plan::loss::LossAt;
use crate::domain::plan::outcome::{Outcome, StepResult};
use crate::domain::plan::record::{
    LevelEntry, LossCause, LossId, LossState, NoRecord, RecordStatus, RecordedPast as Remembered,
    TemplateText,
};
use crate::domain::plan::step::PlanStep;
use crate::domain::plan::window::{Holding, LossWindow, Noticed, ReadApproval, SPAN};
use crate::record::{Record, RecordReader, Unrecorded};

/// Whether a ruling is acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    /// Only shown: nothing is reserved.
    Show,
    /// Its steps are about to be taken.
    Act,
}

/// Why a step with losses may not be sent.
#[derive(Debug, Error)]
#[error("the loss cannot be recorded, so it must not happen: {0}")]
pub(super) struct UnrecordedLoss(Unrecorded);

/// The window, and what keeps it over restarts.
#[derive(Debug)]
pub struct SharedWindow {
    window: Mutex<LossWindow>,
    clock: Clock,
    /// `None`: nothing is kept.
    record: Option<Record>,
    /// How the record stood when it was only read.
    read: Option<RecordStatus>,
    /// The record of another process, which this process only reads.
    beside: Option<Arc<Mutex<RecordReader>>>,
    /// Losses that are recorded and whose steps have not ended.
    given: Mutex<BTreeMap<LossAt, LossId>>,
    /// Deletes that AWS accepted, as they are recorded, until the pack is gone.
    accepted: Mutex<BTreeMap<LossAt, LossId>>,
    /// Packs that vanished, as they are recorded.
    vanished: Mutex<BTreeMap<LossAt, LossId>>,
    /// What changed among the held losses and is not recorded yet.
    holdings: Mutex<Vec<Holding>>,
    /// Approvals that were read and are not recorded yet.
    reads: Mutex<Vec<(Digest, ReadApproval)>>,
}

impl SharedWindow {
    /// Without a record: nothing may be lost unapproved until the process has watched for a day.
    pub fn without_record(clock: &Clock, why: String) -> Self {
        Self::new(LossWindow::without_record(clock.elapsed(), why), clock, None)
    }

    /// A window that knows what was lost, which is nothing: for tests and the simulator.
    pub fn watched(clock: &Clock) -> Self {
        Self::new(LossWindow::with_record(clock.elapsed(), SPAN), clock, None)
    }

    /// A window that goes on where the record ends. A record that cannot be used counts as none.
    pub fn with_record(record: Record, remembered: &Remembered, clock: &Clock) -> Self {
        let window = recorded::window(&record.status(), remembered, clock);
        let open = |cause| Mutex::new(recorded::open(remembered, cause));
        let (given, vanished) = (open(LossCause::Own), open(LossCause::External));
        let accepted = Mutex::new(recorded::accepted(remembered));
        Self { given, accepted, vanished, ..Self::new(window, clock, Some(record)) }
    }

    /// The same for a command that only shows what would be: nothing is written to the record, and
    /// everything that it knows is used.
    pub fn as_read(read: Result<(RecordReader, Remembered), NoRecord>, clock: &Clock) -> Self {
        let (status, remembered, reader) = match read {
            Ok((reader, remembered)) => {
                (RecordStatus::Usable { began: reader.began().clone() }, remembered, Some(reader))
            }
            Err(none) => (RecordStatus::Unusable(none), Remembered::default(), None),
        };
        let window = recorded::window(&status, &remembered, clock).only_showing();
        let window = Self::new(window, clock, None);
        Self { read: Some(status), ..window }.beside(reader)
    }

    /// The same for a process without a record of its own, beside a process that writes one: it
    /// uses the templates in that record, and the approvals that the other process has read.
    #[must_use]
    pub fn beside(self, reader: Option<RecordReader>) -> Self {
        let remembered = reader.as_ref().map(|reader| reader.window(&self.clock.stamp()));
        if let Some(Ok(remembered)) = remembered {
            recorded::recall_reads(&mut lock(&self.window), &remembered);
        }
        let beside = reader.map(|reader| Arc::new(Mutex::new(reader)));
        Self { beside, ..self }
    }

    /// The status of the record; `None` if this process uses none.
    pub fn record_status(&self) -> Option<RecordStatus> {
        self.record.as_ref().map(Record::status).or_else(|| self.read.clone())
    }

    fn new(window: LossWindow, clock: &Clock, record: Option<Record>) -> Self {
        Self {
            window: Mutex::new(window),
            clock: clock.clone(),
            record,
            read: None,
            beside: None,
            given: Mutex::default(),
            accepted: Mutex::default(),
            vanished: Mutex::default(),
            holdings: Mutex::default(),
            reads: Mutex::default(),
        }
    }

    /// The record, if anything is kept.
    pub fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// Updates the window from a record that was opened while the process ran.
    pub fn reopened(&self, remembered: &Remembered) {
        recorded::recall(&mut lock(&self.window), remembered, &self.clock);
    }

    /// Has a ruling made under the lock, and takes it in if it is acted on.
    pub(super) fn rule(
        &self,
        moment: ClockReadings,
        intent: Intent,
        make: impl FnOnce(&mut LossWindow) -> Ruling,
    ) -> Ruling {
        let mut window = lock(&self.window);
        window.note_record(self.unwritable());
        let ruling = make(&mut window);
        let read = window.take_newly_read();
        if self.record.is_some() {
            lock(&self.reads).extend(read);
        }
        if intent == Intent::Act {
            let holding = window.commit(&ruling, moment.elapsed, moment.now);
            self.queue(holding);
        }
        ruling
    }

    /// Queues entries until they can be recorded; drops them if there is no record.
    fn queue(&self, holding: Holding) {
        if self.record.is_some() && holding != Holding::default() {
            lock(&self.holdings).push(holding);
        }
    }

    /// Why a record that this process relied on cannot be written any more.
    fn unwritable(&self) -> Option<String> {
        match self.record.as_ref().map(Record::status) {
            Some(RecordStatus::Unusable(none)) => Some(none.why),
            Some(RecordStatus::Usable { .. }) | None => None,
        }
    }

    /// Updates the window from a complete observation of a region. A pack that is gone without a
    /// step of ours counts as lost.
    pub(super) async fn observe(
        &self,
        region: &Region,
        seen: &PacksObservation,
        rules: &HeldRules<'_>,
    ) {
        let ours = recorded::observations(seen, rules);
        let shown: BTreeMap<PackName, (String, Digest)> = (ours.iter())
            .map(|(name, pack)| (name.clone(), (pack.marker.to_string(), pack.echo)))
            .collect();
        let (elapsed, now) = (self.clock.elapsed(), self.clock.now());
        let Noticed { confirmed, vanished, returned, released, excluded, levels, other_writer } =
            lock(&self.window).observe(region, ours, elapsed, now);
        if let Some(pack) = other_writer {
            tracing::error!(%region, %pack, "another process of this installation wrote");
        }
        self.queue(Holding { changed: Vec::new(), withdrawn: released });
        let take = |from: &Mutex<BTreeMap<LossAt, LossId>>, all: &[LossAt]| {
            all.iter().filter_map(|at| lock(from).remove(at)).collect()
        };
        self.record_state(take(&self.given, &confirmed), LossState::Confirmed).await;
        self.reopen(region, seen).await;
        self.record_state(take(&self.vanished, &returned), LossState::Retracted).await;
        self.record_vanished(vanished.into_iter().chain(excluded).collect()).await;
        let at = self.clock.stamp();
        let levels = levels.into_iter().map(|(pack, rules)| {
            let (marker, echo) = shown.get(&pack).cloned().unzip();
            let (at, region) = (at.clone(), region.clone());
            LevelEntry { at, region, pack, marker, echo, rules }
        });
        self.record_levels(levels.collect()).await;
    }

    /// Reopens the losses of deletes that AWS could not carry out.
    async fn reopen(&self, region: &Region, seen: &PacksObservation) {
        lock(&self.accepted)
            .retain(|at, _| at.region != *region || seen.packs.contains_key(&at.pack));
        let mut reopened = Vec::new();
        for (at, failed) in recorded::failed_deletes(region, seen) {
            if lock(&self.window).reopen(&at, failed)
                && let Some(id) = lock(&self.accepted).remove(&at)
            {
                lock(&self.given).insert(at, id);
                reopened.push(id);
            }
        }
        self.record_state(reopened, LossState::Given).await;
    }

    /// Remembers what is about to be put, so that it is known again when it shows.
    pub(super) async fn intend(&self, region: &Region, approved: &Approved) {
        let at = self.clock.stamp();
        let mut entries = Vec::new();
        for intended in approved.plan().steps.iter().filter_map(recorded::intended) {
            lock(&self.window).intend(region, &intended, self.clock.elapsed());
            let (region, pack) = (region.clone(), intended.pack.clone());
            let (marker, echo) = (Some(intended.marker.to_string()), Some(intended.echo));
            entries.push(LevelEntry { at: at.clone(), region, pack, marker, echo, rules: None });
        }
        self.record_levels(entries).await;
    }

    async fn record_levels(&self, entries: Vec<LevelEntry>) {
        if let Some(record) = self.usable().filter(|_| !entries.is_empty()) {
            note(record.level(entries).await);
        }
    }

    async fn record_vanished(&self, vanished: Vec<LossAt>) {
        let Some(record) = self.usable().filter(|_| !vanished.is_empty()) else { return };
        let at = self.clock.stamp();
        let givings = vanished.iter().map(|loss| recorded::vanished(loss, at.clone()));
        match record.give(givings.collect()).await {
            Ok(ids) => lock(&self.vanished).extend(vanished.into_iter().zip(ids)),
            Err(error) => note(Err(error)),
        }
    }

    /// Remembers what a step is about to take away, before it is sent.
    pub(super) async fn begin(
        &self,
        region: &Region,
        step: &PlanStep,
        permits: &[Used],
        revision: Option<&Revision>,
    ) -> Result<(), UnrecordedLoss> {
        let Some(record) = self.usable_record()? else { return Ok(()) };
        let mut losses = recorded::losses(region, step);
        // The same loss once more, whose last try is not known to have happened, is recorded.
        losses.retain(|loss| !lock(&self.given).contains_key(loss));
        let at = self.clock.stamp();
        let givings = losses.iter().map(|loss| {
            let used = permits.iter().find(|used| used.at == *loss);
            recorded::giving(loss, used, at.clone(), revision)
        });
        let ids = record.give(givings.collect()).await.map_err(UnrecordedLoss)?;
        lock(&self.given).extend(losses.into_iter().zip(ids));
        Ok(())
    }

    /// The record, while it can be used. Its status says it when it cannot.
    fn usable(&self) -> Option<&Record> {
        self.record.as_ref().filter(|record| record.status().is_usable())
    }

    /// The record, if it can be used. A record that never could be used in this process counts as
    /// none. One that could is required, since the next process will rely on it.
    fn usable_record(&self) -> Result<Option<&Record>, UnrecordedLoss> {
        let Some(record) = &self.record else { return Ok(None) };
        match record.status() {
            RecordStatus::Usable { .. } => Ok(Some(record)),
            RecordStatus::Unusable(none) if lock(&self.window).relies_on_record() => {
                Err(UnrecordedLoss(Unrecorded::NoRecord(none)))
            }
            // Without a record the guard permits no loss without an approval (`caution`), so a step
            // that it permitted needs none.
            RecordStatus::Unusable(_) => Ok(None),
        }
    }

    /// Updates the window from the outcomes of steps. The reservation of a step that changed
    /// nothing is removed.
    pub(super) async fn settle(
        &self,
        place: &Place,
        revision: Option<&Revision>,
        outcomes: &[Outcome],
    ) {
        let (mut happened, mut not) = (Vec::new(), Vec::new());
        for Outcome { step, result: ending } in outcomes {
            let is_open = match ending {
                StepResult::Accepted { .. } => Some(false),
                // The outcome is unknown, so the loss stays counted.
                StepResult::Unknown { .. } => Some(true),
                StepResult::Failed { .. } | StepResult::NotStarted => None,
            };
            for loss in recorded::losses(&place.region, step) {
                match is_open {
                    Some(false) => {
                        lock(&self.window).confirm(&loss);
                        let id = lock(&self.given).remove(&loss);
                        lock(&self.accepted).extend(id.map(|id| (loss, id)));
                        happened.extend(id);
                    }
                    Some(true) => {}
                    None => {
                        lock(&self.window).retract(&loss);
                        not.extend(lock(&self.given).remove(&loss));
                    }
                }
            }
        }
        self.record_state(happened, LossState::Confirmed).await;
        self.record_state(not, LossState::Retracted).await;
        let Some(record) = self.usable() else { return };
        let deliveries = recorded::deliveries(place, revision, outcomes, &self.clock.stamp());
        for delivery in deliveries {
            note(record.deliver(delivery).await);
        }
    }

    async fn record_state(&self, ids: Vec<LossId>, state: LossState) {
        if let Some(record) = self.usable().filter(|_| !ids.is_empty()) {
            note(record.settle(ids, state).await);
        }
    }

    /// Takes back what a ruling reserved that is not acted on after all.
    pub(super) fn release(&self, ruling: &Ruling) {
        let mut window = lock(&self.window);
        for (loss, _) in ruling.approved.losses() {
            window.retract(&loss);
        }
    }

    /// Notes and records what a ruling holds although its steps are not taken.
    pub(super) async fn remember(&self, ruling: &Ruling) {
        let holding = lock(&self.window).hold_ruled(ruling, self.clock.now());
        self.queue(holding);
        self.keep().await;
    }

    /// Records what is held, and which approvals were read.
    pub(super) async fn keep(&self) {
        let Some(record) = self.usable() else { return };
        // Empty lists are skipped, since every call to the record is a write to the disk.
        let reads = std::mem::take(&mut *lock(&self.reads));
        if !reads.is_empty() {
            let at = self.clock.stamp();
            note(record.note_approvals(recorded::reads(reads, &at)).await);
        }
        let holdings = std::mem::take(&mut *lock(&self.holdings));
        let at = self.clock.stamp();
        for Holding { changed, withdrawn } in holdings {
            let changed = changed.iter();
            let held: Vec<_> =
                changed.map(|(it, held)| recorded::held(it, held.basis, at.clone())).collect();
            if !held.is_empty() {
                note(record.hold(held).await);
            }
            if !withdrawn.is_empty() {
                note(record.release(withdrawn.iter().map(recorded::key).collect()).await);
            }
        }
    }

    /// Records what a region showed, with those of these templates that it shows.
    pub(super) async fn keep_shown(
        &self,
        region: &Region,
        seen: &PacksObservation,
        known: &TemplatesByDigest,
    ) {
        let Some(record) = self.usable() else { return };
        let deployments = recorded::deployments(region, seen, &self.clock.stamp());
        let templates = recorded::templates(seen, known);
        note(record.observe(region.clone(), deployments, templates).await);
    }

    /// Adds the templates of these digests that the record knows and that are not there yet.
    pub(super) async fn recall_templates(&self, wanted: Vec<Digest>, into: &mut TemplatesByDigest) {
        for digest in wanted {
            if into.contains_key(&digest) {
                continue;
            }
            // What is not found is unknown, which counts as the worst.
            let Some(text) = self.template(digest).await else { continue };
            if let Ok(template) = Template::parse_delivered(&text.body)
                && template.digest == digest
            {
                into.insert(digest, Arc::new(template));
            }
        }
    }

    async fn template(&self, digest: Digest) -> Option<TemplateText> {
        if let Some(record) = self.usable() {
            return record.template(digest).await.ok()?;
        }
        let reader = Arc::clone(self.beside.as_ref()?);
        let read = tokio::task::spawn_blocking(move || lock(&reader).template(&digest));
        read.await.ok()?.ok()?
    }
}

/// What is not recorded here makes the next process stricter or less informed, and the record's
/// status says why.
fn note(written: Result<(), crate::record::Unrecorded>) {
    if let Err(error) = written {
        tracing::warn!(error = %error, "record not written");
    }
}

/// What is done under these locks is short and pure: a poisoned one holds a value that another
/// region's panic left whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
