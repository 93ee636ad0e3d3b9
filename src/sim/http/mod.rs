//! The HTTP face: one listener that unmodified AWS clients take for AWS Config, Organizations and
//! STS, and a control API beneath `/_sim/`.
//!
//! Requests are distinguished as AWS's own protocols do it: `X-Amz-Target` (awsJson1.1), then a
//! form field `Action` (awsQuery); what is left would be S3, which is not there yet (501). The
//! world decides every answer; this module only reads, writes and, when the world says so, breaks
//! connections. Signatures are not checked.

mod answering;
mod control;
mod credentials;
mod face;
mod hang_up;
mod json;
mod listener;
pub mod options;
mod protocol;
mod query;
mod scope;
mod wire;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::simulation::Simulation;
use crate::sim::http::face::SimServer;
use crate::sim::http::options::Options;

/// Answers AWS calls and the control API on this listener until `stop`.
pub async fn serve(
    listener: TcpListener,
    simulation: Simulation,
    options: Options,
    stop: CancellationToken,
) {
    let control = control::router(simulation.clone());
    let face = Arc::new(SimServer { simulation, options, control, stop: stop.clone() });
    listener::accept(listener, face, stop).await;
}
