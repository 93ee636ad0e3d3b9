//! The routes, and what surrounds every answer: limits, headers, counting, and no panic beyond.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, HttpBody as _};
use axum::extract::{self, DefaultBodyLimit, Extension, FromRequest as _, MatchedPath, Request};
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;

use super::access::{Peer, Refusal, may_ring};
use super::answer::{problem, seal, text};
use super::table::{ROUTES, Route, Side};
use super::{API_VERSION, Server, Shared, page};
use crate::domain::base::heartbeat::{Beater, Task};
use crate::domain::base::model::Timestamp;
use crate::metrics::{self, Exchange, View};

/// Bytes of a request's body (reliability H-01); nothing that is asked of us needs one.
const BODY_MAX: usize = 64 * 1_024;
/// From the end of the headers to the answer, the body included (reliability H-01).
const REQUEST_MAX: Duration = Duration::from_secs(10);

/// The label of every page for people, which `/` begins.
const PAGE: &str = "page";
/// The label of every path that is none of ours.
const OTHER: &str = "other";
/// The methods that are told apart in metrics.
const METHODS: [&str; 4] = ["GET", "HEAD", "POST", OTHER];
/// The classes of status codes that there are.
const CODES: [&str; 3] = ["2xx", "4xx", "5xx"];

/// What one listener answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    /// Everything.
    Whole,
    /// Everything but the metrics, which have a listener of their own.
    Main,
    /// Metrics and health.
    Metrics,
}

impl Face {
    fn has(self, side: Side) -> bool {
        match (self, side) {
            (Self::Whole, _) | (_, Side::Both) => true,
            (Self::Main, side) => side == Side::Main,
            (Self::Metrics, side) => side == Side::Metrics,
        }
    }
}

/// Every route of one listener with everything around it.
pub(super) fn router(server: &Shared, face: Face) -> Router {
    let labels: Vec<&'static str> =
        ROUTES.iter().map(|route| route.path).chain([PAGE, OTHER]).collect();
    server.state.metrics.routes(&labels, &METHODS, &CODES);
    let pages = if face == Face::Metrics { Router::new() } else { page::routes() };
    let here = ROUTES.iter().filter(|route| face.has(route.side));
    let routes = here.fold(pages, |all, route| all.route(route.path, (route.serve)()));
    surrounded(routes, server)
}

/// Puts around these routes what surrounds every answer.
fn surrounded(routes: Router<Shared>, server: &Shared) -> Router {
    let after_panic = Arc::clone(server);
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(CatchPanicLayer::custom(move |panic| panicked(&after_panic, panic)))
        .layer(from_fn_with_state(Arc::clone(server), surround))
        .with_state(Arc::clone(server))
}

/// Counts, limits and seals every answer.
async fn surround(
    extract::State(server): extract::State<Shared>,
    request: Request,
    next: Next,
) -> Response {
    let started = now();
    let is_for_people = page::is_for_people(&request);
    let matched = request.extensions().get::<MatchedPath>();
    let (route, method) = (route_label(matched), method_label(request.method()));
    // What is declared too large is refused before a byte of it is read.
    let declared = request.body().size_hint().lower();
    let mut response = if usize::try_from(declared).is_ok_and(|size| size <= BODY_MAX) {
        match tokio::time::timeout(REQUEST_MAX, next.run(request)).await {
            Ok(response) => response,
            Err(_) => problem(&server, StatusCode::REQUEST_TIMEOUT, "this took too long"),
        }
    } else {
        too_large(&server)
    };
    if is_for_people {
        response = page::worded(&server, response);
    }
    seal(response.headers_mut(), server.is_simulated());
    let code = code_label(response.status());
    let elapsed = now().saturating_duration_since(started);
    server.state.metrics.answered(&Exchange { route, method, code, elapsed });
    response
}

/// The template of the route, never what was asked for in its place.
fn route_label(matched: Option<&MatchedPath>) -> &'static str {
    let is_it = |route: &&str| matched.is_some_and(|matched| matched.as_str() == *route);
    if page::PATHS.iter().any(is_it) {
        return PAGE;
    }
    ROUTES.iter().map(|route| route.path).find(is_it).unwrap_or(OTHER)
}

fn method_label(method: &Method) -> &'static str {
    METHODS.into_iter().find(|label| *label == method.as_str()).unwrap_or(OTHER)
}

fn code_label(status: StatusCode) -> &'static str {
    let [fine, client, server] = CODES;
    match status.as_u16() {
        500.. => server,
        400..500 => client,
        ..400 => fine,
    }
}

fn panicked(server: &Server, _: Box<dyn Any + Send>) -> Response {
    // The panic hook has logged what and where.
    server.state.metrics.panicked(Task::Http);
    problem(server, StatusCode::INTERNAL_SERVER_ERROR, "this is a bug of conformd; see its log")
}

async fn not_found(extract::State(server): extract::State<Shared>) -> Response {
    problem(&server, StatusCode::NOT_FOUND, "there is no such page; /api/v1 lists what there is")
}

async fn not_allowed(extract::State(server): extract::State<Shared>) -> Response {
    problem(&server, StatusCode::METHOD_NOT_ALLOWED, "this page knows no such method")
}

fn too_large(server: &Server) -> Response {
    problem(server, StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 64 KiB")
}

/// `GET /api/v1`
pub(super) async fn index(extract::State(server): extract::State<Shared>) -> Response {
    let about = server.state.about.borrow().clone();
    let (installation, mode) = (&about.installation, about.mode);
    let mut page = format!("conformd {}, installation {installation}, {mode}\n", about.version);
    page.push_str(simulated_line(about.simulated));
    page.push('\n');
    let listed = ROUTES.iter().map(|Route { path, about, .. }| (*path, *about));
    let routes = [("/", "the status page, for people")].into_iter().chain(listed);
    let lines = routes.map(|(path, about)| format!("{path:<44}{about}\n"));
    page.extend(lines);
    text(page)
}

pub(super) fn simulated_line(simulated: bool) -> &'static str {
    if simulated { "SIMULATED: no AWS account is looked at or changed\n" } else { "" }
}

/// `GET /metrics`
pub(super) async fn scrape(extract::State(server): extract::State<Shared>) -> Response {
    // The permit goes with the work, which runs on even when nobody waits for it any more.
    let Ok(permit) = Arc::clone(&server.scrapes).acquire_owned().await else {
        return problem(&server, StatusCode::SERVICE_UNAVAILABLE, "stopping");
    };
    let working = Arc::clone(&server);
    let work = move || {
        let _permit = permit;
        let state = &working.state;
        let (reports, source) = (state.reports.borrow().clone(), state.source.borrow().clone());
        let (membership, recorders) =
            (state.membership.borrow().clone(), state.recorders.borrow().clone());
        let beats: BTreeMap<Beater, Timestamp> =
            state.beats.signs().into_iter().map(|sign| (sign.beater, sign.at)).collect();
        let view = View {
            reports: &reports,
            source: &source,
            membership: &membership,
            recorders: &recorders,
            skew: state.clock.skew(),
            beats: &beats,
            now: state.clock.now(),
        };
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

/// That the bell was rung.
#[derive(Serialize, JsonSchema)]
pub(super) struct Rung {
    /// The version of the document.
    version: u32,
    /// Whether nothing in it is about a real account.
    simulated: bool,
    /// Always true: a refusal is another document.
    accepted: bool,
}

/// `POST /api/v1/reconcile`
pub(super) async fn reconcile(
    extract::State(server): extract::State<Shared>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    if let Err(refusal) = may_ring(request.headers(), server.state.token.as_ref()) {
        return refused(&server, peer, refusal);
    }
    // Nothing is asked of the body but that it be small and end.
    match Bytes::from_request(request, &()).await {
        Ok(_) => {}
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return too_large(&server);
        }
        Err(_) => return problem(&server, StatusCode::BAD_REQUEST, "the body cannot be read"),
    }
    server.state.bell.notify_one();
    tracing::info!(peer = %peer.0, "reconcile asked for");
    let rung = Rung { version: API_VERSION, simulated: server.is_simulated(), accepted: true };
    (StatusCode::ACCEPTED, Json(rung)).into_response()
}

fn refused(server: &Server, peer: Peer, refusal: Refusal) -> Response {
    tracing::warn!(peer = %peer.0, reason = %refusal, "reconcile refused");
    let mut response = problem(server, refusal.status(), &refusal.to_string());
    if refusal.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

#[expect(clippy::disallowed_methods, reason = "requests take real time on any clock")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use axum::body::{Body, to_bytes};
    use axum::routing::get;
    use tokio::sync::{Notify, Semaphore, watch};
    use tokio_util::sync::CancellationToken;
    use tower::ServiceExt as _;

    use super::*;
    use crate::beats::Beats;
    use crate::clock::Clock;
    use crate::domain::base::mode::Mode;
    use crate::domain::plan::redeploy::Rescue;
    use crate::http::{About, Caller, State};
    use crate::metrics::{Intervals, Metrics, Program, Settings, Setup};

    fn server() -> Shared {
        let (mode, started) = (Mode::Observe, Timestamp::UNIX_EPOCH);
        let version = "0.1.0".to_owned();
        let program = Program { version: version.clone(), commit: None, simulated: false, started };
        let settings = Settings {
            mode,
            regions: BTreeSet::new(),
            intervals: Intervals {
                source: Duration::from_mins(1),
                organization: Duration::from_mins(10),
                region: Duration::from_mins(15),
                sweep_trouble: Duration::from_mins(15),
                sweep_full: Duration::from_hours(6),
            },
            quota: 50,
        };
        let installation = "main".parse().unwrap();
        let regions = BTreeSet::new();
        let about = About {
            version,
            started,
            installation,
            mode,
            simulated: false,
            regions,
            list_age_max: Duration::from_mins(30),
            rescue: Rescue::default(),
        };
        let clock = Clock::simulated(started, 0);
        let state = State {
            about: watch::Sender::new(about).subscribe(),
            reports: watch::Sender::default().subscribe(),
            source: watch::Sender::default().subscribe(),
            catalog: watch::Sender::default().subscribe(),
            membership: watch::Sender::default().subscribe(),
            recorders: watch::Sender::default().subscribe(),
            events: watch::Sender::default().subscribe(),
            caller: watch::Sender::new(Caller::Unconfirmed { problem: None }).subscribe(),
            record: watch::Sender::default().subscribe(),
            beats: Beats::new(clock.clone()),
            metrics: Metrics::new(&Setup { program, settings }).unwrap(),
            bell: Arc::new(Notify::new()),
            token: None,
            clock,
        };
        let (scrapes, views) = (Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(1)));
        Arc::new(Server { state, scrapes, views, stop: CancellationToken::new() })
    }

    async fn broken() -> Response {
        panic!("a bug, on purpose");
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_and_is_counted() {
        let server = server();
        let router = surrounded(Router::new().route("/broken", get(broken)), &server);
        let request = Request::get("/broken").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let body = to_bytes(response.into_body(), BODY_MAX).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"]["code"], 500);
        let scraped = scrape(extract::State(server)).await;
        let text = to_bytes(scraped.into_body(), usize::MAX).await.unwrap();
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert!(text.contains("conformd_panics_total{task=\"http\"} 1\n"));
        assert!(text.contains("code=\"5xx\",method=\"GET\",route=\"other\"} 1\n"));
    }
}
