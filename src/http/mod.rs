//! The daemon's own HTTP server: the status page, metrics, health, the API, and one request that
//! asks for a reconciliation.
//!
//! It has only `watch` receivers and plain values. Reading changes nothing; the one POST asks for a
//! reconciliation and carries no instruction. What is absent: TLS and users (a proxy's business),
//! and anything that approves or configures (the source's business). The answers are described in
//! `docs/api.md`.

mod access;
mod answer;
mod csv_list;
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
use crate::current::StateReceivers;
use crate::domain::plan::event::Events;
use crate::domain::present::view::VERSION;
pub use crate::domain::present::view::{About, ConfirmedCaller};
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
    /// Everything that is known, as it changes.
    pub current: StateReceivers,
    /// What happened lately.
    pub events: watch::Receiver<Events>,
    /// The heartbeats of all long tasks; the server adds its own.
    pub beats: Beats,
    /// The metrics.
    pub metrics: Metrics,
    /// Notified by a POST: reconcile everything now. It keeps one request, so that a flood is one
    /// reconciliation.
    pub reconcile_now: Arc<Notify>,
    /// The token that permits the reconcile request; with `None` every such request is refused.
    pub token: Option<BearerToken>,
}

/// The state, and the settings of the server itself.
#[derive(Debug)]
struct Server {
    state: HttpState,
    /// Whether it listens on a loopback address, so that only this machine is to reach it.
    is_loopback: bool,
    scrapes: Arc<Semaphore>,
    views: Arc<Semaphore>,
    stop: CancellationToken,
}

type SharedState = Arc<Server>;

impl Server {
    fn is_simulated(&self) -> bool {
        self.state.current.about.borrow().simulated
    }
}
