//! The control API: what happens to the world from outside, for people and tests.

use axum::Router;

use super::Simulation;

/// The routes beneath `/_sim/`.
pub(super) fn router(simulation: Simulation) -> Router {
    Router::new().with_state(simulation)
}
