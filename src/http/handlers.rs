//! Who answers what no other file does: the list of routes, metrics, and the request to reconcile.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Extension, FromRequest as _, Request};
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::access::{AccessRefusal, Peer, may_ask};
use super::answer::{panicked, problem, simulated_line, text, too_large};
use super::route::{Route, RouteTable};
use super::{API_VERSION, Server, SharedState};
use crate::domain::base::heartbeat::TaskId;
use crate::domain::base::model::Timestamp;
use crate::metrics::{self, MetricsView};

/// `GET /api/v1`
pub(super) async fn index(
    extract::State(server): extract::State<SharedState>,
    Extension(listing): Extension<RouteTable>,
) -> Response {
    let about = server.state.current.about.borrow().clone();
    let (installation, mode) = (&about.installation, about.mode);
    let mut page = format!("conformd {}, installation {installation}, {mode}\n", about.version);
    page.push_str(simulated_line(about.simulated));
    page.push('\n');
    let listed = listing.routes.iter().map(|Route { path, about, .. }| (*path, *about));
    let routes = [("/", "the status page")].into_iter().chain(listed);
    let lines = routes.map(|(path, about)| format!("{path:<44}{about}\n"));
    page.extend(lines);
    text(page)
}

/// `GET /metrics`
pub(super) async fn scrape(extract::State(server): extract::State<SharedState>) -> Response {
    // The permit goes with the work, which runs on even if the client has gone.
    let Ok(permit) = Arc::clone(&server.scrapes).acquire_owned().await else {
        return problem(&server, StatusCode::SERVICE_UNAVAILABLE, "stopping");
    };
    let working = Arc::clone(&server);
    let work = move || {
        let _permit = permit;
        let state = &working.state;
        let beats: BTreeMap<TaskId, Timestamp> =
            state.beats.signs().into_iter().map(|sign| (sign.beater, sign.at)).collect();
        let facts = &state.current.facts();
        let now = state.current.clock.now();
        let view = MetricsView { facts, beats: &beats, now };
        state.metrics.scrape(view)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(text)) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Ok(Err(error)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "metrics cannot be shown");
            problem(&server, StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be shown")
        }
        Err(panic) => panicked(&server, Box::new(panic)),
    }
}

/// That a reconciliation was asked for.
#[derive(Serialize, JsonSchema)]
pub(super) struct ReconcileAnswer {
    /// The version of the document.
    version: u32,
    /// Whether nothing in it is about a real account.
    simulated: bool,
    /// Always true: a refusal is another document.
    accepted: bool,
}

/// `POST /api/v1/reconcile`
pub(super) async fn reconcile(
    extract::State(server): extract::State<SharedState>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    if let Err(refusal) = may_ask(request.headers(), server.state.token.as_ref()) {
        return refused(&server, peer, refusal);
    }
    // The body is not interpreted: it only has to be small and end.
    match Bytes::from_request(request, &()).await {
        Ok(_) => {}
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return too_large(&server);
        }
        Err(_) => return problem(&server, StatusCode::BAD_REQUEST, "the body cannot be read"),
    }
    server.state.reconcile_now.notify_one();
    tracing::info!(peer = %peer.0, "reconciliation requested");
    let count =
        ReconcileAnswer { version: API_VERSION, simulated: server.is_simulated(), accepted: true };
    (StatusCode::ACCEPTED, Json(count)).into_response()
}

fn refused(server: &Server, peer: Peer, refusal: AccessRefusal) -> Response {
    tracing::warn!(peer = %peer.0, reason = %refusal, "reconciliation request refused");
    let mut response = problem(server, refusal.status(), &refusal.to_string());
    if refusal.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
