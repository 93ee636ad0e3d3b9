//! A witness of every call that one region makes: what was shown, what was sent, what came of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conformd::clock::Clock;
use conformd::cloud::{CloudError, Page, PageToken, Receipt, RegionReader, RowFilter, Writer};
use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::model::{AccountId, MARKER_PARAMETER, PackName, Place, Timestamp};
use conformd::domain::declared::approval::Approval;
use conformd::domain::observed::content::Content;
use conformd::domain::observed::packs::{PackRecord, StatusRecord, StatusRow};
use conformd::sim::in_process::InProcess;
use tokio_util::sync::CancellationToken;

use super::lock;
use super::toll::{Holding, Taker, Toll};
use super::truth::{Owner, owner};

/// The port, witnessed. Clones share their notes.
#[derive(Debug, Clone)]
pub(crate) struct Witness {
    aws: InProcess,
    clock: Clock,
    notes: Arc<Mutex<Notes>>,
    tripwire: Option<Tripwire>,
    lies: Arc<Mutex<Lies>>,
    toll: Arc<Mutex<Toll>>,
    taker: Arc<Mutex<Taker>>,
}

/// What the witness bears false: things that the simulated AWS never does.
#[derive(Debug, Default)]
pub(crate) struct Lies {
    /// Whose credentials are in use, if not the owner's.
    pub(crate) caller: Option<AccountId>,
    /// Whether listings come without markers.
    pub(crate) drops_markers: bool,
    /// How long the answer to a write takes.
    pub(crate) write_takes: Duration,
}

/// Says when the answer of a chosen call has arrived.
#[derive(Debug, Clone)]
pub(crate) struct Tripwire {
    call: u64,
    calls: Arc<Mutex<u64>>,
    pub(crate) torn: CancellationToken,
}

impl Tripwire {
    /// A wire at the `call`th call, counted from 1.
    pub(crate) fn at(call: u64) -> Self {
        Self { call, calls: Arc::default(), torn: CancellationToken::new() }
    }

    fn pass(&self) {
        let mut calls = lock(&self.calls);
        *calls += 1;
        if *calls == self.call {
            self.torn.cancel();
        }
    }
}

/// What one reconciliation saw and did.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Requests of every kind.
    pub(crate) calls: u64,
    /// The packs of the last listing that was read to its end.
    pub(crate) shown: Option<BTreeMap<PackName, PackRecord>>,
    pages: BTreeMap<PackName, PackRecord>,
    /// Why the last read of a listing failed, if it did.
    pub(crate) read_failed: Option<FailureKind>,
    /// Every Put and Delete, in the order of sending.
    pub(crate) mutations: Vec<Mutation>,
    in_flight: usize,
    /// How many mutations were under way at once.
    pub(crate) in_flight_max: usize,
}

/// A Put or a Delete.
#[derive(Debug, Clone)]
pub(crate) struct Mutation {
    pub(crate) at: Timestamp,
    pub(crate) pack: PackName,
    /// What was put; `None` for a delete.
    pub(crate) content: Option<Content>,
    /// Whose pack it was at that very moment; `None` when there was none.
    pub(crate) owner: Option<Owner>,
    /// What the caller was told; `None` while it waits.
    pub(crate) result: Option<Result<(), FailureKind>>,
}

impl Witness {
    pub(crate) fn new(
        aws: InProcess,
        clock: Clock,
        tripwire: Option<Tripwire>,
        lies: Arc<Mutex<Lies>>,
        (toll, taker): (Arc<Mutex<Toll>>, Taker),
    ) -> Self {
        let taker = Arc::new(Mutex::new(taker));
        Self { aws, clock, notes: Arc::default(), tripwire, lies, toll, taker }
    }

    /// From now on it goes by these approvals.
    pub(crate) fn goes_by(&self, approvals: BTreeMap<String, Approval>) {
        lock(&self.taker).approvals = approvals;
    }

    /// What a pack deployment holds before a mutation; when it is dropped, the mutation is over, be
    /// it that nobody waits for it any more.
    fn measuring(&self, pack: &PackName, content: Option<&Content>) -> Measuring<'_> {
        let place = RegionReader::place(&self.aws);
        let mut world = self.aws.world();
        world.advance_to(self.clock.now());
        let mut toll = lock(&self.toll);
        toll.note_held(&world, place, self.clock.now());
        let before = toll.holding(&world, (place, pack));
        if let Some(content) = content {
            toll.learn(&content.body);
        }
        Measuring { witness: self, pack: pack.clone(), before }
    }

    /// The notes of the reconciliation that has ended.
    pub(crate) fn take_notes(&self) -> Notes {
        std::mem::take(&mut lock(&self.notes))
    }

    async fn read<T>(
        &self,
        call: impl Future<Output = Result<T, CloudError>>,
    ) -> Result<T, CloudError> {
        lock(&self.notes).calls += 1;
        let result = call.await;
        lock(&self.notes).read_failed = result.as_ref().err().map(|error| error.kind);
        self.tripwire.iter().for_each(Tripwire::pass);
        result
    }

    async fn mutate<T>(
        &self,
        (pack, content): (&PackName, Option<&Content>),
        call: impl Future<Output = Result<T, CloudError>>,
    ) -> Result<T, CloudError> {
        let mutation = Mutation {
            at: self.clock.now(),
            pack: pack.clone(),
            content: content.cloned(),
            owner: self.owner(pack),
            result: None,
        };
        let number = {
            let mut notes = lock(&self.notes);
            notes.calls += 1;
            notes.in_flight += 1;
            notes.in_flight_max = notes.in_flight_max.max(notes.in_flight);
            notes.mutations.push(mutation);
            notes.mutations.len() - 1
        };
        let measuring = self.measuring(pack, content);
        let result = call.await;
        drop(measuring);
        let wait = lock(&self.lies).write_takes;
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
        }
        let told = result.as_ref().map(|_| ()).map_err(|error| error.kind);
        let mut notes = lock(&self.notes);
        notes.in_flight -= 1;
        notes.mutations[number].result = Some(told);
        drop(notes);
        self.tripwire.iter().for_each(Tripwire::pass);
        result
    }

    fn owner(&self, pack: &PackName) -> Option<Owner> {
        let place = RegionReader::place(&self.aws);
        let mut world = self.aws.world();
        world.advance_to(self.clock.now());
        let exists = world.pack_names(place).contains(pack);
        let inputs = exists.then(|| world.inputs(place, pack)).flatten()?;
        Some(owner(&inputs, (place, pack), &"main".parse().unwrap()))
    }
}

/// A mutation under way.
struct Measuring<'a> {
    witness: &'a Witness,
    pack: PackName,
    before: Option<Holding>,
}

impl Drop for Measuring<'_> {
    fn drop(&mut self) {
        let Witness { aws, clock, toll, taker, .. } = self.witness;
        let mut world = aws.world();
        world.advance_to(clock.now());
        let spot = (RegionReader::place(aws), &self.pack);
        let mut toll = lock(toll);
        toll.measure(&world, spot, self.before.as_ref(), &lock(taker), clock.now());
    }
}

impl RegionReader for Witness {
    fn place(&self) -> &Place {
        RegionReader::place(&self.aws)
    }

    async fn caller(&self) -> Result<AccountId, CloudError> {
        lock(&self.notes).calls += 1;
        let caller = self.aws.caller().await;
        self.tripwire.iter().for_each(Tripwire::pass);
        let caller = caller?;
        Ok(lock(&self.lies).caller.unwrap_or(caller))
    }

    async fn packs(&self, token: Option<PageToken>) -> Result<Page<PackRecord>, CloudError> {
        if token.is_none() {
            lock(&self.notes).pages.clear();
        }
        let mut page = self.read(self.aws.packs(token)).await?;
        if lock(&self.lies).drops_markers {
            page.items.iter_mut().for_each(|pack| drop(pack.inputs.remove(MARKER_PARAMETER)));
        }
        let mut notes = lock(&self.notes);
        notes.pages.extend(page.items.iter().map(|pack| (pack.name.clone(), pack.clone())));
        if page.next.is_none() {
            notes.shown = Some(std::mem::take(&mut notes.pages));
        }
        Ok(page)
    }

    async fn statuses(&self, token: Option<PageToken>) -> Result<Page<StatusRecord>, CloudError> {
        self.read(self.aws.statuses(token)).await
    }

    async fn rows(
        &self,
        pack: &PackName,
        filter: &RowFilter,
        token: Option<PageToken>,
    ) -> Result<Page<StatusRow>, CloudError> {
        self.read(self.aws.rows(pack, filter, token)).await
    }
}

impl Writer for Witness {
    async fn put(&self, pack: &PackName, content: &Content) -> Result<Receipt, CloudError> {
        self.mutate((pack, Some(content)), self.aws.put(pack, content)).await
    }

    async fn delete(&self, pack: &PackName) -> Result<Receipt, CloudError> {
        self.mutate((pack, None), self.aws.delete(pack)).await
    }
}
