//! The record: losses, used approvals, deliveries and events, in one SQLite file.
//!
//! It never drives anything: AWS stays the only state that decides what is written. A loss is
//! recorded before its request is sent; without that the request must not be sent. What is absent:
//! decisions about losses, which the guard makes, and any value that the caller did not pass in.

mod cells;
mod database;
mod fault;
mod identity;
mod place;
mod prune;
mod reader;
mod rows;
mod store;
mod task;
pub mod terms;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{Notify, Semaphore, watch};

pub use self::fault::Unrecorded;
use self::fault::{RecordFault, no_record};
use self::place::RecordFolder;
pub use self::reader::{RecordReader, RecordedHistory};
use self::reader::{not_configured, only_no_record};
use self::rows::RecordOwner;
use self::store::OpenRecord;
pub use self::task::run;
pub use self::terms::FILE;
use crate::domain::base::model::{Digest, Region};
use crate::domain::base::stamp::Stamp;
use crate::domain::declared::template::Template;
use crate::domain::plan::record::{
    ApprovalRead, Delivering, Deployment, EventEntry, EventQuery, Giving, HeldLoss, LevelEntry,
    LossId, LossKey, LossState, NoRecord, NoRecordCause, RecordStatus, RecordedPast, TemplateText,
};
use crate::record::terms::RecordTerms;

/// The bytes that history takes at most: years of a large organization, and checked in a second.
pub const BYTES_MAX: u64 = 256 * 1_024 * 1_024;

/// How long a write may take before the disk counts as dead. A disk that is busy needs seconds.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Events that wait to be written; more are counted as lost.
const EVENTS_WAITING_MAX: usize = 4_096;

/// Numbers for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Whether it can be relied on: `conformd_record_usable`.
    pub usable: bool,
    /// The bytes it takes: `conformd_record_bytes`.
    pub bytes: u64,
    /// Writes that failed: `conformd_record_write_errors_total`.
    pub write_errors: u64,
    /// Events that were not written: they came too fast, or there was no room.
    pub events_lost: u64,
}

/// A record that was opened, or why there is none.
#[derive(Debug)]
pub struct Opened {
    /// The handle; [`Record::status`] says whether it can be used.
    pub record: Record,
    /// What counts; empty without a usable record.
    pub window: RecordedPast,
    /// The notices for the user, each shown once: which file was moved aside, and why.
    pub notices: Vec<String>,
}

/// The record of this process. Clones share it; one write is under way at a time.
#[derive(Debug, Clone)]
pub struct Record {
    shared: Arc<SharedRecord>,
}

#[derive(Debug)]
struct SharedRecord {
    terms: RecordTerms,
    /// In memory: answers at once, and needs no other thread.
    is_in_memory: bool,
    store: Mutex<Option<OpenRecord>>,
    status: watch::Sender<RecordStatus>,
    /// At most one thread waits for the disk, however long that takes.
    turn: Arc<Semaphore>,
    events: Mutex<VecDeque<EventEntry>>,
    events_came: Notify,
    bytes: AtomicU64,
    write_errors: AtomicU64,
    events_lost: AtomicU64,
}

/// What an operation does to the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StatusEffect {
    /// Nothing: a disk that is full can still be read.
    Read,
    /// It shows whether the record can be written.
    Write,
}

impl Record {
    /// Opens the record, or begins one. Reads the whole file once, so not for a thread of the
    /// runtime. Never fails: what is wrong is in the status, and what is damaged is moved aside.
    pub fn open(terms: RecordTerms, now: &Stamp) -> Opened {
        let status = RecordStatus::Unusable(not_configured());
        let record = Self { shared: Arc::new(SharedRecord::new(terms, false, status)) };
        let (window, notices) = record.shared.open(now);
        Opened { record, window: window.unwrap_or_default(), notices }
    }

    /// A record that ends with the process: for simulations and tests, by the same code.
    pub fn in_memory(terms: RecordTerms, now: &Stamp) -> Self {
        let status = RecordStatus::Unusable(not_configured());
        let shared = SharedRecord::new(terms, true, status);
        let begun = shared.terms.begin_in_memory(now).and_then(|connection| {
            let identity = identity::identity(&connection, &shared.terms)?;
            let bytes_max = shared.terms.bytes_max;
            Ok(OpenRecord { connection, identity, place: None, bytes_max })
        });
        match begun {
            Ok(store) => shared.adopt(store),
            Err(fault) => shared.refuse(only_no_record(fault.at(Path::new("in memory")))),
        }
        Self { shared: Arc::new(shared) }
    }

    /// No record, and none to come.
    pub fn none(terms: RecordTerms) -> Self {
        let terms = RecordTerms { directory: None, ..terms };
        let status = RecordStatus::Unusable(not_configured());
        Self { shared: Arc::new(SharedRecord::new(terms, false, status)) }
    }

    /// Whether losses are remembered now.
    pub fn status(&self) -> RecordStatus {
        self.shared.status.borrow().clone()
    }

    /// The status as it changes.
    pub fn watch(&self) -> watch::Receiver<RecordStatus> {
        self.shared.status.subscribe()
    }

    /// Numbers for metrics.
    pub fn figures(&self) -> Figures {
        let SharedRecord { bytes, write_errors, events_lost, .. } = &*self.shared;
        Figures {
            usable: self.shared.status.borrow().is_usable(),
            bytes: bytes.load(Ordering::Relaxed),
            write_errors: write_errors.load(Ordering::Relaxed),
            events_lost: events_lost.load(Ordering::Relaxed),
        }
    }

    /// Records losses, all or none, before their requests are sent: on `Ok` they are on the disk.
    /// On an error nothing may be sent; what was recorded all the same only makes the guard
    /// stricter.
    pub async fn give(&self, givings: Vec<Giving>) -> Result<Vec<LossId>, Unrecorded> {
        self.job(StatusEffect::Write, move |store| store.give(&givings)).await
    }

    /// Records how losses came out. What is retracted counts no more, and gives its approval back.
    pub async fn settle(&self, ids: Vec<LossId>, state: LossState) -> Result<(), Unrecorded> {
        self.job(StatusEffect::Write, move |store| store.settle(&ids, state)).await
    }

    /// Records what the guard holds; what it holds already keeps its beginning.
    pub async fn hold(&self, losses: Vec<HeldLoss>) -> Result<(), Unrecorded> {
        self.job(StatusEffect::Write, move |store| store.hold(&losses)).await
    }

    /// Forgets what was held: it was approved, or withdrawn.
    pub async fn release(&self, keys: Vec<LossKey>) -> Result<(), Unrecorded> {
        self.job(StatusEffect::Write, move |store| store.release(&keys)).await
    }

    /// Records that approvals were read. What was read before keeps its moment.
    pub async fn note_approvals(&self, read: Vec<ApprovalRead>) -> Result<(), Unrecorded> {
        self.job(StatusEffect::Write, move |store| store.note_approvals(&read)).await
    }

    /// Records a Put that AWS accepted, or may have.
    pub async fn deliver(&self, delivering: Delivering) -> Result<(), Unrecorded> {
        self.job(StatusEffect::Write, move |store| store.deliver(delivering)).await
    }

    /// Records all packs of ours that a region showed in a complete observation, and those of their
    /// templates that are known.
    pub async fn observe(
        &self,
        region: Region,
        deployments: Vec<Deployment>,
        templates: Vec<Arc<Template>>,
    ) -> Result<(), Unrecorded> {
        let observe =
            move |store: &mut OpenRecord| store.observe(&region, &deployments, &templates);
        self.job(StatusEffect::Write, observe).await
    }

    /// Records what packs hold from now on, or are about to.
    pub async fn level(&self, entries: Vec<LevelEntry>) -> Result<(), Unrecorded> {
        self.job(StatusEffect::Write, move |store| store.level(&entries)).await
    }

    /// Notes an event, which [`run`] writes soon. It never waits; events beyond the queue are
    /// counted and dropped.
    pub fn note(&self, entry: EventEntry) {
        let SharedRecord { events, events_came, events_lost, .. } = &*self.shared;
        let mut events = lock(events);
        if events.len() < EVENTS_WAITING_MAX {
            events.push_back(entry);
            events_came.notify_one();
        } else {
            events_lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes the events that wait.
    pub async fn flush(&self) -> Result<(), Unrecorded> {
        let waiting: Vec<EventEntry> = lock(&self.shared.events).drain(..).collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let count = waiting.len();
        let written = self.job(StatusEffect::Write, move |store| store.note(&waiting)).await;
        let lost = count.saturating_sub(*written.as_ref().unwrap_or(&0));
        let lost = u64::try_from(lost).unwrap_or(u64::MAX);
        self.shared.events_lost.fetch_add(lost, Ordering::Relaxed);
        written.map(drop)
    }

    /// Events, the newest first, without those that wait.
    pub async fn events(&self, query: EventQuery) -> Result<Vec<EventEntry>, NoRecord> {
        let read = move |store: &mut OpenRecord| reader::events(&store.connection, &query);
        self.job(StatusEffect::Read, read).await.map_err(only_no_record)
    }

    /// A template that was delivered.
    pub async fn template(&self, digest: Digest) -> Result<Option<TemplateText>, NoRecord> {
        let read = move |store: &mut OpenRecord| reader::template(&store.connection, &digest);
        self.job(StatusEffect::Read, read).await.map_err(only_no_record)
    }

    /// What counts now.
    pub async fn window(&self, now: Stamp) -> Result<RecordedPast, NoRecord> {
        let read = move |store: &mut OpenRecord| reader::window(&store.connection, &now);
        self.job(StatusEffect::Read, read).await.map_err(only_no_record)
    }

    /// What would be kept of these parameter values: equal to that of a delivery, they are equal.
    pub async fn digests(
        &self,
        values: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Digest>, NoRecord> {
        let read = move |store: &mut OpenRecord| Ok(cells::digests(&store.identity.salt, &values));
        self.job(StatusEffect::Read, read).await.map_err(only_no_record)
    }

    /// Forgets what is older than the retention, and history that takes too much space.
    pub async fn prune(&self, now: Stamp) -> Result<(), Unrecorded> {
        let retention = self.shared.terms.retention;
        self.job(StatusEffect::Write, move |store| {
            prune::prune(&mut store.connection, store.bytes_max, retention, &now)
        })
        .await
    }

    /// Tries a record that cannot be used again. Where it had to be opened anew, which takes the
    /// whole file, its window comes back: what this process remembers counts as well.
    pub async fn recover(&self, now: Stamp) -> Option<(RecordedPast, Vec<String>)> {
        match self.status() {
            RecordStatus::Usable { .. } => return None,
            RecordStatus::Unusable(none) if none.cause == NoRecordCause::NotConfigured => {
                return None;
            }
            RecordStatus::Unusable(_) => {}
        }
        let touched = self.job(StatusEffect::Write, OpenRecord::touch).await;
        if self.shared.is_in_memory || touched.is_ok() {
            return None;
        }
        let turn = Arc::clone(&self.shared.turn).try_acquire_owned().ok()?;
        let shared = Arc::clone(&self.shared);
        let opening = tokio::task::spawn_blocking(move || {
            let opened = shared.reopen(&now);
            drop(turn);
            opened
        });
        let (window, notices) = opening.await.ok()?;
        // Damage that cannot be moved aside is said once, by the status.
        window.map(|window| (window, notices))
    }

    async fn job<T: Send + 'static>(
        &self,
        access: StatusEffect,
        work: impl FnOnce(&mut OpenRecord) -> Result<T, RecordFault> + Send + 'static,
    ) -> Result<T, Unrecorded> {
        let shared = Arc::clone(&self.shared);
        if shared.is_in_memory {
            return shared.perform(access, work);
        }
        let job = async move {
            let turn = Arc::clone(&shared.turn).acquire_owned().await;
            // It ends before the next one begins, even if its caller does not wait for it any more.
            let worked = tokio::task::spawn_blocking(move || {
                let worked = shared.perform(access, work);
                drop(turn);
                worked
            });
            worked.await
        };
        let (cause, found) = match tokio::time::timeout(ANSWER_MAX, job).await {
            Ok(Ok(worked)) => return worked,
            Ok(Err(error)) => (NoRecordCause::Failed, error.to_string()),
            Err(_) => {
                let found = format!("its disk has not answered for {} s", ANSWER_MAX.as_secs());
                (NoRecordCause::Slow, found)
            }
        };
        let none = no_record(cause, &self.shared.terms.path(), &found);
        if access == StatusEffect::Write {
            self.shared.refuse(none.clone());
        }
        Err(none.into())
    }
}

impl SharedRecord {
    fn new(terms: RecordTerms, is_in_memory: bool, status: RecordStatus) -> Self {
        Self {
            terms,
            is_in_memory,
            store: Mutex::default(),
            status: watch::Sender::new(status),
            turn: Arc::new(Semaphore::new(1)),
            events: Mutex::default(),
            events_came: Notify::new(),
            bytes: AtomicU64::default(),
            write_errors: AtomicU64::default(),
            events_lost: AtomicU64::default(),
        }
    }

    /// Opens the record again; returns the window and the notices for the user.
    fn open(&self, now: &Stamp) -> (Option<RecordedPast>, Vec<String>) {
        let Some(directory) = &self.terms.directory else { return (None, Vec::new()) };
        let mut notices = Vec::new();
        match open_store(&self.terms, directory, now, &mut notices) {
            Ok((store, window)) => {
                self.adopt(store);
                (Some(window), notices)
            }
            Err(fault) => {
                self.refuse(only_no_record(fault.at(&directory.join(FILE))));
                (None, notices)
            }
        }
    }

    /// Opens the record again after its file is gone. A lock that was ours is released for a
    /// moment.
    fn reopen(&self, now: &Stamp) -> (Option<RecordedPast>, Vec<String>) {
        let before = lock(&self.store).take();
        // A file that is still the same was tried already: opening it anew would read it all again
        // and gain nothing, unless it turned out to be damaged.
        let is_same = before
            .as_ref()
            .is_some_and(|store| store.place.as_ref().is_some_and(|place| place.check().is_ok()));
        let is_damaged = matches!(
            &*self.status.borrow(),
            RecordStatus::Unusable(none) if none.cause == NoRecordCause::Damaged
        );
        if is_same && !is_damaged {
            *lock(&self.store) = before;
            return (None, Vec::new());
        }
        drop(before);
        self.open(now)
    }

    fn adopt(&self, store: OpenRecord) {
        let began = store.identity.began.clone();
        if let Ok(bytes) = database::size(&store.connection) {
            self.bytes.store(bytes, Ordering::Relaxed);
        }
        *lock(&self.store) = Some(store);
        self.show(RecordStatus::Usable { began });
    }

    fn refuse(&self, none: NoRecord) {
        self.show(RecordStatus::Unusable(none));
    }

    /// Wakes only those who watch for a change.
    fn show(&self, status: RecordStatus) {
        self.status.send_if_modified(|shown| {
            let changes = *shown != status;
            *shown = status;
            changes
        });
    }

    fn perform<T>(
        &self,
        access: StatusEffect,
        work: impl FnOnce(&mut OpenRecord) -> Result<T, RecordFault>,
    ) -> Result<T, Unrecorded> {
        let mut store = lock(&self.store);
        let Some(store) = &mut *store else {
            return Err(match &*self.status.borrow() {
                RecordStatus::Unusable(none) => none.clone().into(),
                RecordStatus::Usable { .. } => not_configured().into(),
            });
        };
        // The folder is checked before every access: a file that was replaced while it is open
        // would take writes that the next process never sees.
        let place = store.place.as_ref().map_or(Ok(()), place::RecordFolder::check);
        let worked = place.and_then(|()| work(store)).map_err(|fault| fault.at(&self.terms.path()));
        // Only writes change the status: a failed read says nothing about whether losses can be
        // recorded, and a read that works must not hide a disk that is full.
        if access == StatusEffect::Write {
            match &worked {
                Ok(_) => self.show(RecordStatus::Usable { began: store.identity.began.clone() }),
                Err(Unrecorded::NoRecord(none)) => {
                    self.write_errors.fetch_add(1, Ordering::Relaxed);
                    self.refuse(none.clone());
                }
                Err(Unrecorded::AlreadyUsed { .. }) => {}
            }
            if let Ok(bytes) = database::size(&store.connection) {
                self.bytes.store(bytes, Ordering::Relaxed);
            }
        }
        worked
    }
}

/// Opens the file; one that is damaged is moved aside, and another one begun.
fn open_store(
    terms: &RecordTerms,
    directory: &Path,
    now: &Stamp,
    notices: &mut Vec<String>,
) -> Result<(OpenRecord, RecordedPast), RecordFault> {
    let (path, lock) = place::enter(terms, directory)?;
    let opened = match open_file(terms, &path, now) {
        Ok(opened) => opened,
        Err(fault) => {
            let none = only_no_record(fault.at(&path));
            if none.cause != NoRecordCause::Damaged {
                return Err(RecordFault::Known(none));
            }
            let aside = place::move_aside(&path, now)?;
            let aside = aside.display();
            notices.push(format!(
                "{}; it was moved to {aside}, and a new record was created",
                none.why
            ));
            open_file(terms, &path, now)?
        }
    };
    let (connection, file, identity, window) = opened;
    let (place, bytes_max) = (Some(RecordFolder { path, file, lock }), terms.bytes_max);
    Ok((OpenRecord { connection, identity, place, bytes_max }, window))
}

/// Everything that this process has to know of a file before it relies on it.
type OpenFile = (Connection, place::Inode, RecordOwner, RecordedPast);

fn open_file(terms: &RecordTerms, path: &Path, now: &Stamp) -> Result<OpenFile, RecordFault> {
    let (connection, file) = place::open(terms, path, now)?;
    let identity = identity::identity(&connection, terms)?;
    let window = reader::window(&connection, now)?;
    Ok((connection, file, identity, window))
}

/// What a lock holds; nothing panics while one is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
