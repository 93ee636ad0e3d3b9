//! Bytes of an answer: the headers every AWS answer has, and bodies that are broken on purpose.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, DATE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::hang_up::HangUp;
use super::options::Options;
use super::protocol::Protocol;
use super::{json, query};
use crate::domain::base::model::Timestamp;
use crate::sim::api::{Answer, ApiError};

/// `Content-Type` of awsJson1.1.
const AWS_JSON: &str = "application/x-amz-json-1.1";

/// `Content-Type` of awsQuery answers.
const XML: &str = "text/xml";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// What a load balancer sends when nothing behind it answers.
const UNAVAILABLE_PAGE: &str = "<html><body><b>Http/1.1 Service Unavailable</b></body></html>";

/// Writes the answer to one request.
pub(super) struct Wire<'a> {
    /// How the face presents the world.
    pub options: &'a Options,
    /// The id of the request: a UUID.
    pub request_id: &'a str,
}

impl Wire<'_> {
    /// A success.
    pub(super) fn answer(&self, protocol: Protocol, answer: &Answer) -> Response<Body> {
        self.success(protocol, Body::from(self.success_body(protocol, answer)))
    }

    /// A success whose second half never comes.
    pub(super) fn truncated(&self, protocol: Protocol, answer: &Answer) -> Response<Body> {
        self.success(protocol, Body::new(Truncated::new(self.success_body(protocol, answer))))
    }

    /// A success with a body that is neither JSON nor XML.
    pub(super) fn malformed(&self, protocol: Protocol) -> Response<Body> {
        self.success(protocol, Body::from("{\"unfinished\": [<"))
    }

    /// An API error.
    pub(super) fn fault(&self, protocol: Protocol, fault: &ApiError) -> Response<Body> {
        let status = StatusCode::from_u16(fault.http_status).unwrap_or(StatusCode::BAD_REQUEST);
        match protocol {
            Protocol::Json(service) => {
                let body = json::error(service, fault, self.options.error_name);
                let mut response = self.with_body(status, AWS_JSON, body.into());
                // A name that no header can carry is left to the body alone.
                if let Ok(name) = HeaderValue::from_str(&fault.code) {
                    response.headers_mut().insert(ERROR_TYPE, name);
                }
                response
            }
            Protocol::Query => {
                self.with_body(status, XML, query::error(fault, self.request_id).into())
            }
        }
    }

    fn success_body(&self, protocol: Protocol, answer: &Answer) -> Bytes {
        match protocol {
            Protocol::Json(_) => json::success(answer, self.options.unset).into(),
            Protocol::Query => query::success(answer, self.request_id).into(),
        }
    }

    fn success(&self, protocol: Protocol, body: Body) -> Response<Body> {
        let content_type = match protocol {
            Protocol::Json(_) => AWS_JSON,
            Protocol::Query => XML,
        };
        self.with_body(StatusCode::OK, content_type, body)
    }

    fn with_body(&self, status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
        let mut response = plain(status, kind, body);
        if let Ok(id) = HeaderValue::from_str(self.request_id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }
}

/// A response with this body and nothing more.
pub(super) fn plain(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A request that this server cannot answer as AWS, said in words.
pub(super) fn refused(status: StatusCode, why: &'static str) -> Response<Body> {
    plain(status, "text/plain; charset=utf-8", Body::from(format!("{why}\n")))
}

/// 503 with a page of HTML.
pub(super) fn unavailable() -> Response<Body> {
    plain(StatusCode::SERVICE_UNAVAILABLE, "text/html", Body::from(UNAVAILABLE_PAGE))
}

/// Sets `Date`, which clients take for the service's clock; hyper sets the real one otherwise.
pub(super) fn with_date(mut response: Response<Body>, now: Timestamp) -> Response<Body> {
    let text = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(DATE, date);
    }
    response
}

/// A body that promises its whole length, sends half and breaks the connection.
struct Truncated {
    promised: u64,
    half: Option<Bytes>,
    flushed: bool,
}

impl Truncated {
    fn new(mut body: Bytes) -> Self {
        let promised = u64::try_from(body.len()).unwrap_or(u64::MAX);
        body.truncate(body.len() / 2);
        Self { promised, half: Some(body), flushed: false }
    }
}

impl HttpBody for Truncated {
    type Data = Bytes;
    type Error = HangUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HangUp>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        if !self.flushed {
            // One pending round, in which the server writes out what it holds.
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(HangUp)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}
