//! The daemon's own HTTP server: the status page, metrics, health, the API, and one request that
//! asks for a reconciliation.
//!
//! It has only `watch` receivers and plain values. Reading changes nothing; the one POST asks for a
//! reconciliation and carries no instruction. What is absent: TLS and users (a proxy's business),
//! and anything that approves or configures (the source's business). The answers are described in
//! `docs/api.md`.

mod access;
mod answer;
mod format;
mod handlers;
mod health;
mod listen;
mod openapi;
mod page;
mod parameter;
mod query;
mod route;
mod routes;
pub mod table;
mod views;

use std::sync::Arc;

use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::beats::Beats;
use crate::clock::Clock;
use crate::domain::declared::catalog::Catalog;
use crate::domain::observed::recorder::Recorders;
use crate::domain::organization::membership::Membership;
use crate::domain::plan::event::Events;
use crate::domain::plan::record::RecordStatus;
use crate::domain::present::report::{Reports, SourceStatus};
pub use crate::domain::present::view::{About, ConfirmedCaller};
use crate::domain::present::view::{VERSION, ViewFacts};
use crate::metrics::Metrics;
pub use access::{BearerToken, Weak};
pub use health::unready;
pub use listen::{Listeners, serve};
pub use routes::register;

/// The version of every JSON answer; it changes when a field goes away or changes its meaning.
pub const API_VERSION: u32 = VERSION;

/// Everything that answers are made of.
#[derive(Debug)]
pub struct HttpState {
    /// What the daemon is.
    pub about: watch::Receiver<About>,
    /// The last report of each region.
    pub reports: watch::Receiver<Reports>,
    /// The source.
    pub source: watch::Receiver<SourceStatus>,
    /// What the manifests say.
    pub catalog: watch::Receiver<Option<Arc<Catalog>>>,
    /// Who is a member of the organization.
    pub membership: watch::Receiver<Arc<Membership>>,
    /// What is known of the members' recorders.
    pub recorders: watch::Receiver<Arc<Recorders>>,
    /// The latest events.
    pub events: watch::Receiver<Events>,
    /// Whether AWS has confirmed who asks.
    pub caller: watch::Receiver<ConfirmedCaller>,
    /// Whether losses are remembered.
    pub record: watch::Receiver<Option<RecordStatus>>,
    /// The heartbeats of all long tasks; the server adds its own.
    pub beats: Beats,
    /// The metrics.
    pub metrics: Metrics,
    /// Notified by a POST: reconcile everything now. It keeps one request, so that a flood is one
    /// reconciliation.
    pub reconcile_now: Arc<Notify>,
    /// The token that permits the reconcile request; with `None` every such request is refused.
    pub token: Option<BearerToken>,
    /// The daemon's clock.
    pub clock: Clock,
}

impl HttpState {
    /// Everything that is known now.
    pub fn facts(&self) -> ViewFacts {
        ViewFacts {
            about: self.about.borrow().clone(),
            caller: self.caller.borrow().clone(),
            source: self.source.borrow().clone(),
            catalog: self.catalog.borrow().clone(),
            membership: self.membership.borrow().clone(),
            recorders: self.recorders.borrow().clone(),
            reports: self.reports.borrow().clone(),
            record: self.record.borrow().clone(),
            now: self.clock.aws_now(),
        }
    }
}

/// The state, and the settings of the server itself.
#[derive(Debug)]
struct Server {
    state: HttpState,
    scrapes: Arc<Semaphore>,
    views: Arc<Semaphore>,
    stop: CancellationToken,
}

type SharedState = Arc<Server>;

impl Server {
    fn is_simulated(&self) -> bool {
        self.state.about.borrow().simulated
    }
}
