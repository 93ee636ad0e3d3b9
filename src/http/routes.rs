//! The routes, and what surrounds every answer: limits, headers, counting, and no panic beyond.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::{self, DefaultBodyLimit, Extension, MatchedPath, Request};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;

use super::access::names_this_machine;
use super::answer::{problem, set_headers};
use super::route::Side;
use super::table::{LISTING, ROUTES};
use super::{Server, SharedState, page};
use crate::http::answer::{panicked, too_large};
use crate::metrics::Exchange;
use crate::metrics::Metrics;

/// Bytes of a request's body: no request needs one, so this only bounds what a client can send.
const BODY_MAX: usize = 64 * 1_024;
/// The time from the end of the headers to the answer, the body included: a slow client must not
/// hold a connection.
const REQUEST_MAX: Duration = Duration::from_secs(10);

/// Why a request with the name of another host is refused.
const MISDIRECTED: &str = "this host name is not served here, because http.listen is a loopback \
                           address: use localhost or 127.0.0.1";

/// The label of every page, starting with `/`.
const PAGE: &str = "page";
/// The label of every path that is none of ours.
const OTHER: &str = "other";
/// The methods with a metric label of their own; `HEAD` counts as `GET`.
const METHODS: [&str; 3] = ["GET", "POST", OTHER];
/// The classes of status codes that there are.
const CODES: [&str; 3] = ["2xx", "4xx", "5xx"];

/// What one listener answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListenerKind {
    /// Everything.
    Whole,
    /// Everything but the metrics, which have a listener of their own.
    Main,
    /// Metrics and health.
    Metrics,
}

impl ListenerKind {
    fn has(self, side: Side) -> bool {
        match (self, side) {
            (Self::Whole, _) | (_, Side::Both) => true,
            (Self::Main, side) => side == Side::Main,
            (Self::Metrics, side) => side == Side::Metrics,
        }
    }
}

/// Counts requests by these labels from now on: a closed set each.
pub fn register(metrics: &Metrics) {
    let routes: Vec<&'static str> =
        ROUTES.iter().map(|route| route.path).chain([PAGE, OTHER]).collect();
    metrics.routes(&routes, &METHODS, &CODES);
}

/// Every route of one listener with everything around it.
pub(super) fn router(server: &SharedState, face: ListenerKind) -> Router {
    register(&server.state.metrics);
    let pages = if face == ListenerKind::Metrics { Router::new() } else { page::routes() };
    let here = ROUTES.iter().filter(|route| face.has(route.side));
    let routes = here.fold(pages, |all, route| all.route(route.path, (route.serve)()));
    surrounded(routes, server)
}

/// Puts around these routes what surrounds every answer.
fn surrounded(routes: Router<SharedState>, server: &SharedState) -> Router {
    let after_panic = Arc::clone(server);
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(Extension(LISTING))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(CatchPanicLayer::custom(move |panic| panicked(&after_panic, panic)))
        .layer(from_fn_with_state(Arc::clone(server), surround))
        .with_state(Arc::clone(server))
}

/// Counts, limits and seals every answer.
async fn surround(
    extract::State(server): extract::State<SharedState>,
    request: Request,
    next: Next,
) -> Response {
    let started = now();
    let is_for_people = page::is_for_people(&request);
    let matched = request.extensions().get::<MatchedPath>();
    let (route, method) = (route_label(matched), method_label(request.method()));
    // What is declared too large is refused before a byte of it is read.
    let declared = request.body().size_hint().lower();
    let fits = usize::try_from(declared).is_ok_and(|size| size <= BODY_MAX);
    let mut response = if is_misdirected(&server, route, request.headers()) {
        problem(&server, StatusCode::MISDIRECTED_REQUEST, MISDIRECTED)
    } else if fits {
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
    set_headers(response.headers_mut(), server.is_simulated());
    let code = code_label(response.status());
    let elapsed = now().saturating_duration_since(started);
    server.state.metrics.answered(&Exchange { route, method, code, elapsed });
    response
}

/// Whether a request for the page or the API names a host that is not this machine, while the
/// server is for this machine only. Probes and scrapes may use any name: they say little, and
/// whoever configures them may have no choice.
fn is_misdirected(server: &Server, label: &str, headers: &HeaderMap) -> bool {
    let is_for_all = ROUTES.iter().any(|route| route.path == label && route.side != Side::Main);
    server.is_loopback && !is_for_all && !names_this_machine(headers)
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
    let asked = if *method == Method::HEAD { "GET" } else { method.as_str() };
    METHODS.into_iter().find(|label| *label == asked).unwrap_or(OTHER)
}

fn code_label(status: StatusCode) -> &'static str {
    let [fine, client, server] = CODES;
    match status.as_u16() {
        500.. => server,
        400..500 => client,
        ..400 => fine,
    }
}

async fn not_found(extract::State(server): extract::State<SharedState>) -> Response {
    problem(&server, StatusCode::NOT_FOUND, "page not found; /api/v1 lists the pages")
}

async fn not_allowed(extract::State(server): extract::State<SharedState>) -> Response {
    problem(&server, StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
}

#[expect(clippy::disallowed_methods, reason = "requests take real time on any clock")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use crate::current::StateReceivers;
    use crate::domain::base::model::Timestamp;
    use crate::domain::declared::source::SourceStatus;
    use crate::domain::present::report::Reports;
    use crate::domain::present::view::CurrentState;
    use crate::http::handlers::scrape;
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
    use crate::domain::plan::redeploy::Redeploy;
    use crate::http::{About, ConfirmedCaller, HttpState};
    use crate::metrics::{LoopPeriods, Metrics, MetricsSetup, Program, ReloadedSettings};

    fn server() -> SharedState {
        let (mode, started) = (Mode::Observe, Timestamp::UNIX_EPOCH);
        let version = "0.1.0".to_owned();
        let program = Program { version: version.clone(), commit: None, simulated: false, started };
        let settings = ReloadedSettings {
            mode,
            regions: BTreeSet::new(),
            intervals: LoopPeriods {
                source: Duration::from_mins(1),
                organization: Duration::from_mins(10),
                region: Duration::from_mins(15),
                failure_resync: Duration::from_mins(15),
                full_resync: Duration::from_hours(6),
            },
            quota: 50,
            pack_labels: BTreeSet::new(),
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
            redeploy: Redeploy::default(),
            source_interval: Duration::from_mins(1),
            region_interval: Duration::from_mins(15),
            resync_interval: Duration::from_hours(6),
            quota: 50,
        };
        let clock = Clock::simulated(started, 0);
        let facts = CurrentState {
            about,
            caller: ConfirmedCaller::Unconfirmed { problem: None },
            source: SourceStatus::default(),
            membership: Arc::default(),
            recorders: Arc::default(),
            reports: Reports::default(),
            record: None,
            skew: None,
            now: started,
        };
        let state = HttpState {
            current: StateReceivers::constant(facts, clock.clone()),
            events: watch::Sender::default().subscribe(),
            beats: Beats::new(clock),
            metrics: Metrics::new(&MetricsSetup { program, settings }).unwrap(),
            reconcile_now: Arc::new(Notify::new()),
            token: None,
        };
        let (scrapes, views) = (Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(1)));
        let (is_loopback, stop) = (true, CancellationToken::new());
        Arc::new(Server { state, is_loopback, scrapes, views, stop })
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
