//! What all answers have in common: JSON, errors as JSON, and the headers that keep browsers safe.

use axum::Json;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::header::{X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::{API_VERSION, Server};

/// Says that nothing in the answer is about a real account; absent otherwise.
const SIMULATED: HeaderName = HeaderName::from_static("x-conformd-simulated");

/// On every answer. Nothing here is to be kept, framed, guessed at, or able to load anything.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// Adds what every answer carries.
pub(super) fn seal(headers: &mut HeaderMap, simulated: bool) {
    headers.extend(HEADERS);
    if simulated {
        headers.insert(SIMULATED, HeaderValue::from_static("true"));
    }
}

/// Plain text.
pub(super) fn text(text: String) -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// Why there is no other answer.
#[derive(Serialize, JsonSchema)]
pub(super) struct Problem<'a> {
    /// The version of the document.
    version: u32,
    /// Whether nothing in it is about a real account.
    simulated: bool,
    /// What is wrong.
    error: Detail<'a>,
}

/// What is wrong.
#[derive(Serialize, JsonSchema)]
struct Detail<'a> {
    /// The status code.
    code: u16,
    /// One sentence, which also says what there is instead.
    message: &'a str,
}

/// An error, as JSON whatever was asked for.
pub(super) fn problem(server: &Server, status: StatusCode, message: &str) -> Response {
    let error = Detail { code: status.as_u16(), message };
    let problem = Problem { version: API_VERSION, simulated: server.is_simulated(), error };
    (status, Json(problem)).into_response()
}
