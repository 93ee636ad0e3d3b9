//! One server: the world and how to reach it.

use axum::Router;
use tokio_util::sync::CancellationToken;

use super::options::Options;
use crate::sim::simulation::Simulation;

/// One server: the world and how to reach it.
#[derive(Debug)]
pub(super) struct SimServer {
    pub(super) simulation: Simulation,
    pub(super) options: Options,
    pub(super) control: Router,
    pub(super) stop: CancellationToken,
}
