//! The daemon's own HTTP server: metrics, health, readiness, status, the plan, and one doorbell.
//!
//! It sees `watch` receivers and plain values only. Reading changes nothing; the one POST asks for
//! a look and carries no instruction. What is absent: TLS and users (a proxy's business), and
//! anything that approves or configures (the source's business). The answers are described in
//! `docs/api.md`.

mod access;
mod answer;
mod health;
mod listen;
mod routes;
mod status;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::beats::Beats;
use crate::clock::Clock;
use crate::domain::mode::Mode;
use crate::domain::model::{AccountId, Installation, Region, Timestamp};
use crate::domain::organization::Membership;
use crate::domain::recorder::Recorders;
use crate::domain::report::{Reports, SourceStatus};
use crate::metrics::Metrics;
pub use access::{Token, Weak};
pub use health::unready;
pub use listen::serve;

/// The version of every JSON answer; it changes when a field goes away or changes its meaning.
pub const API_VERSION: u32 = 1;

/// Everything that answers are made of.
#[derive(Debug)]
pub struct State {
    /// What the daemon is.
    pub about: watch::Receiver<About>,
    /// The last report of each region.
    pub reports: watch::Receiver<Reports>,
    /// The source.
    pub source: watch::Receiver<SourceStatus>,
    /// Who is a member of the organization.
    pub membership: watch::Receiver<Arc<Membership>>,
    /// What is known of the members' recorders.
    pub recorders: watch::Receiver<Arc<Recorders>>,
    /// Whether AWS has confirmed who asks.
    pub caller: watch::Receiver<Caller>,
    /// The heartbeats of all long tasks; the server adds its own.
    pub beats: Beats,
    /// The metrics.
    pub metrics: Metrics,
    /// Rung by a POST: look at everything now. It keeps one ring, so that a flood is one look.
    pub bell: Arc<Notify>,
    /// What lets a peer that is not on this machine ring the bell; `None` lets nobody.
    pub token: Option<Token>,
    /// The daemon's clock.
    pub clock: Clock,
}

/// What the daemon is: changes only when settings are reloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The program's version.
    pub version: String,
    /// When the process began.
    pub started: Timestamp,
    /// Whose packs are ours.
    pub installation: Installation,
    /// How far conformd may go.
    pub mode: Mode,
    /// Whether the built-in simulator stands in for AWS.
    pub simulated: bool,
    /// The configured regions.
    pub regions: BTreeSet<Region>,
}

/// Who AWS says we are. Once confirmed, it stays so: readiness does not follow the weather.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Caller {
    /// Not asked yet, or no answer so far.
    Unconfirmed {
        /// Why the last try failed.
        problem: Option<String>,
    },
    /// The account that was expected.
    Confirmed {
        /// That account.
        account: AccountId,
    },
}

/// The state, and what the server itself goes by.
#[derive(Debug)]
struct Server {
    state: State,
    scrapes: Arc<Semaphore>,
    stop: CancellationToken,
}

type Shared = Arc<Server>;

impl Server {
    fn is_simulated(&self) -> bool {
        self.state.about.borrow().simulated
    }
}
