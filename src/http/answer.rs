//! What all answers have in common: their forms, errors, and the headers that keep browsers safe.

use std::any::Any;

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, Entry, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use maud::Markup;
use schemars::JsonSchema;
use serde::Serialize;

use super::{API_VERSION, Server};
use crate::domain::base::heartbeat::Task;

/// Says that nothing in the answer is about a real account; absent otherwise.
const SIMULATED: HeaderName = HeaderName::from_static("x-conformd-simulated");

/// On every answer that says nothing else itself. Nothing here is to be kept, framed, guessed at,
/// taken into other sites' pages, or able to load anything.
const HEADERS: [(HeaderName, HeaderValue); 8] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        HeaderValue::from_static("require-corp"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// What a page may do: show itself with our own style, script and icon, and ask us for itself and,
/// by forms, for parts of it.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
     img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

/// Adds what every answer carries.
pub(super) fn set_headers(headers: &mut HeaderMap, simulated: bool) {
    for (name, value) in HEADERS {
        if let Entry::Vacant(missing) = headers.entry(name) {
            missing.insert(value);
        }
    }
    if simulated {
        headers.insert(SIMULATED, HeaderValue::from_static("true"));
    }
}

/// An HTML page.
pub(super) fn html(page: Markup) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, PAGE_POLICY),
    ];
    (headers, page.into_string()).into_response()
}

/// Plain text.
pub(super) fn text(text: String) -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// Why there is no other answer.
#[derive(Serialize, JsonSchema)]
pub(super) struct HttpProblem<'a> {
    /// The version of the document.
    version: u32,
    /// Whether nothing in it is about a real account.
    simulated: bool,
    /// What is wrong.
    error: ProblemDetail<'a>,
}

/// What is wrong.
#[derive(Serialize, JsonSchema)]
struct ProblemDetail<'a> {
    /// The status code.
    code: u16,
    /// One sentence, which also says what there is instead.
    message: &'a str,
}

/// The content of an error. It goes with the answer, so that a middleware can render it as a page.
#[derive(Debug, Clone)]
pub(super) struct ErrorPage(pub(super) String);

/// An error, as JSON.
pub(super) fn problem(server: &Server, status: StatusCode, message: &str) -> Response {
    let error = ProblemDetail { code: status.as_u16(), message };
    let problem = HttpProblem { version: API_VERSION, simulated: server.is_simulated(), error };
    (status, Extension(ErrorPage(message.to_owned())), Json(problem)).into_response()
}

pub(super) fn simulated_line(simulated: bool) -> &'static str {
    if simulated { "SIMULATED: no real AWS account is read or changed\n" } else { "" }
}

pub(super) fn panicked(server: &Server, _: Box<dyn Any + Send>) -> Response {
    // The panic hook has logged what and where.
    server.state.metrics.panicked(Task::Http);
    problem(server, StatusCode::INTERNAL_SERVER_ERROR, "this is a bug of conformd; see its log")
}

pub(super) fn too_large(server: &Server) -> Response {
    problem(server, StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 64 KiB")
}
