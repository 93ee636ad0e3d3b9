//! One request and its answer: the service, the caller, and the protocol.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use tower::ServiceExt as _;
use uuid::Uuid;

use super::face::SimServer;
use super::hang_up::HangUp;
use super::options::DateClock;
use super::protocol::Protocol;
use super::wire::Wire;
use super::{credentials, json, query, wire};
use crate::clock::Clock;
use crate::domain::base::model::Timestamp;
use crate::sim::api::{ApiError, Breakage, Reply, Request as Call};

impl SimServer {
    /// The answer to one request, or the end of its connection.
    pub(super) async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, HangUp> {
        // The control API comes first: its requests carry no AWS headers, and would be refused as
        // S3.
        if request.uri().path().starts_with(CONTROL_PREFIX) {
            let Ok(response) = self.control.clone().oneshot(request).await;
            return Ok(response);
        }
        let (parts, body) = request.into_parts();
        let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
            return Ok(wire::refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is over 4 MiB"));
        };
        let request_id = Uuid::new_v4().to_string();
        let wire = Wire { options: &self.options, request_id: &request_id };
        let response = match read(&parts.headers, &body) {
            Some(incoming) => self.call(&wire, &parts.headers, incoming).await?,
            None => wire::refused(
                StatusCode::NOT_IMPLEMENTED,
                "this simulator answers AWS Config, Organizations and STS; S3 is not simulated yet",
            ),
        };
        Ok(wire::with_date(response, self.now_by(self.options.date)))
    }

    async fn call(
        &self,
        wire: &Wire<'_>,
        headers: &HeaderMap,
        Incoming { protocol, call }: Incoming,
    ) -> Result<Response<Body>, HangUp> {
        // As at AWS, who calls is settled before what is asked.
        let reply = credentials::caller(self, headers, protocol)
            .and_then(|caller| Ok((caller, call?)))
            .map_or_else(Reply::Fault, |(caller, call)| {
                self.simulation.with(|world| world.call(world.now(), &caller, call))
            });
        match reply {
            Reply::Answer(answer) => {
                let answer = credentials::on_clients_clock(self, answer);
                Ok(wire.answer(protocol, &answer))
            }
            Reply::Fault(fault) => Ok(wire.fault(protocol, &fault)),
            Reply::Broken(Breakage::Malformed) => Ok(wire.malformed(protocol)),
            Reply::Broken(Breakage::Truncated(answer)) => Ok(wire.truncated(protocol, &answer)),
            Reply::Broken(Breakage::UnavailableHtml) => Ok(wire::unavailable()),
            Reply::Broken(Breakage::Reset) => Err(HangUp),
            Reply::Broken(Breakage::BlackHole) => {
                // Ends earlier when the client disconnects: hyper then drops this future.
                self.stop.cancelled().await;
                Err(HangUp)
            }
        }
    }

    /// The time by one of the clocks.
    pub(super) fn now_by(&self, clock: DateClock) -> Timestamp {
        match clock {
            DateClock::Real => Clock::system().now(),
            DateClock::Virtual => self.simulation.clock().now(),
        }
    }
}

/// A request as far as it could be read.
pub(super) struct Incoming {
    protocol: Protocol,
    call: Result<Call, ApiError>,
}

/// Tells the protocols apart; `None` for none of ours.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Option<Incoming> {
    if let Some(target) = headers.get(TARGET) {
        let (service, call) = json::read(target.to_str().unwrap_or_default(), body);
        return Some(Incoming { protocol: Protocol::Json(service), call });
    }
    query::read(body).map(|call| Incoming { protocol: Protocol::Query, call })
}

/// The largest body that is read: 4 MiB, well above any that AWS takes.
pub(super) const BODY_BYTES_MAX: usize = 4 << 20;

pub(super) const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// Where the control API lives: a path that no AWS client uses.
pub(super) const CONTROL_PREFIX: &str = "/_sim/";
