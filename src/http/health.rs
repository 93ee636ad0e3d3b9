//! Liveness and readiness. Alive: our own tasks send heartbeats, whatever AWS does, so that an
//! outage of AWS restarts nothing. Ready: settings, source and identity were good once.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, extract};
use schemars::JsonSchema;
use serde::Serialize;

use super::{API_VERSION, ConfirmedCaller, SharedState};
use crate::domain::base::heartbeat::Task;
use crate::domain::base::model::{Region, Timestamp};
use crate::domain::declared::source::SourceStatus;

/// Whether the tasks of the daemon run: `GET /healthz`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Health {
    /// The version of the document.
    version: u32,
    /// Whether nothing in it is about a real account.
    simulated: bool,
    /// Whether no task is late.
    healthy: bool,
    /// Every task that runs.
    tasks: Vec<TaskHealth>,
}

/// One long task.
#[derive(Serialize, JsonSchema)]
struct TaskHealth {
    /// Its kind.
    task: Task,
    /// The region it is for, if it is for one.
    region: Option<Region>,
    /// Whether it has been silent for too long.
    late: bool,
    /// When it last showed that it runs, by the daemon's clock.
    beat_last: Timestamp,
    /// For how long it has been silent, in real time.
    silent_seconds: f64,
    /// For how long it may be.
    silent_seconds_max: f64,
}

/// `GET /healthz`
pub(super) async fn healthz(extract::State(server): extract::State<SharedState>) -> Response {
    let tasks: Vec<TaskHealth> = server
        .state
        .beats
        .signs()
        .into_iter()
        .map(|sign| TaskHealth {
            late: sign.is_overdue(),
            task: sign.beater.task,
            region: sign.beater.region,
            beat_last: sign.at,
            silent_seconds: sign.silent.as_secs_f64(),
            silent_seconds_max: sign.silence_max.as_secs_f64(),
        })
        .collect();
    let healthy = tasks.iter().all(|task| !task.late);
    let simulated = server.is_simulated();
    let health = Health { version: API_VERSION, simulated, healthy, tasks };
    (status(healthy), Json(health)).into_response()
}

/// Whether the daemon is ready: `GET /readyz`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Readiness {
    /// The version of the document.
    version: u32,
    /// Whether nothing in it is about a real account.
    simulated: bool,
    /// Whether there is no reason against it.
    ready: bool,
    /// Everything that keeps it from being ready.
    reasons: Vec<String>,
}

/// `GET /readyz`
pub(super) async fn readyz(extract::State(server): extract::State<SharedState>) -> Response {
    let mut reasons =
        unready(&server.state.current.source.borrow(), &server.state.current.caller.borrow());
    if server.stop.is_cancelled() {
        reasons.insert(0, "stopping".to_owned());
    }
    let (simulated, ready) = (server.is_simulated(), reasons.is_empty());
    let readiness = Readiness { version: API_VERSION, simulated, ready, reasons };
    (status(ready), Json(readiness)).into_response()
}

/// Everything that keeps the daemon from being ready. Settings are none of it: without good ones
/// there is no server.
pub fn unready(source: &SourceStatus, caller: &ConfirmedCaller) -> Vec<String> {
    let mut reasons = Vec::new();
    // "Once" is enough: a source that fails later leaves the last revision in force, and a daemon
    // that is taken out of service could not report it.
    if source.read_last.is_none() {
        reasons.push(match source.problem() {
            Some(problem) => format!("the source could not be read: {problem}"),
            None => "the source was not read yet".to_owned(),
        });
    }
    if let ConfirmedCaller::Unconfirmed { problem } = caller {
        reasons.push(match problem {
            Some(problem) => format!("AWS did not confirm the identity: {problem}"),
            None => "the caller identity was not read yet".to_owned(),
        });
    }
    reasons
}

fn status(good: bool) -> StatusCode {
    if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
