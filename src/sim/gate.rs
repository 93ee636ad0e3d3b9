//! A gate that blocks forever at one chosen boundary of one chosen call: tests use it to kill a
//! process at every point where it calls AWS.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;

use super::faults::FaultStage;

/// Shared by every face of the process under test; clones are the same gate.
#[derive(Debug, Clone)]
pub struct CallGate(Arc<SimGate>);

#[derive(Debug)]
struct SimGate {
    /// The call to stop at, from 1, and on which side of its effect; `None` lets all pass.
    shuts: Option<(u64, FaultStage)>,
    calls: AtomicU64,
    shut: CancellationToken,
}

impl CallGate {
    /// A gate that only counts.
    pub fn open() -> Self {
        Self::new(None)
    }

    /// A gate that shuts at the `call`th call, counted from 1: before it reaches the world, or
    /// after its effect and before its answer. From then on no call gets through.
    pub fn shutting(call: u64, stage: FaultStage) -> Self {
        Self::new(Some((call, stage)))
    }

    fn new(shuts: Option<(u64, FaultStage)>) -> Self {
        Self(Arc::new(SimGate { shuts, calls: AtomicU64::new(0), shut: CancellationToken::new() }))
    }

    /// How many calls have come so far.
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// Waits until the gate has shut: time to drop the process under test.
    pub async fn shut(&self) {
        self.0.shut.cancelled().await;
    }

    /// Whether it has shut.
    pub fn is_shut(&self) -> bool {
        self.0.shut.is_cancelled()
    }

    /// Counts a call and lets it through to the world, or never returns.
    pub(super) async fn enter(&self) -> u64 {
        let call = self.0.calls.fetch_add(1, Ordering::SeqCst) + 1;
        self.pass(call, FaultStage::Before).await;
        call
    }

    /// Lets the answer of a call through, or never returns.
    pub(super) async fn leave(&self, call: u64) {
        self.pass(call, FaultStage::After).await;
    }

    async fn pass(&self, call: u64, stage: FaultStage) {
        if self.0.shuts == Some((call, stage)) {
            self.0.shut.cancel();
        }
        if self.is_shut() {
            std::future::pending::<()>().await;
        }
    }
}
