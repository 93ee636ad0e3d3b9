//! The HTTP face: one listener that unmodified AWS clients take for AWS Config, Organizations and
//! STS, and a control API beneath `/_sim/`.
//!
//! Requests are told apart as AWS's own protocols do it: `X-Amz-Target` (awsJson1.1), then a form
//! field `Action` (awsQuery); what is left would be S3, which is not there yet (501). The world
//! decides every answer; this module only reads, writes and, when the world says so, breaks
//! connections. Signatures are not checked.

mod control;
mod credentials;
mod json;
mod listener;
mod query;
mod scope;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;

use self::listener::HangUp;
use self::wire::Wire;
use super::api::{Breakage, Fault, Reply, Request as Call, Service};
use super::simulation::Simulation;
use crate::clock::Clock;
use crate::domain::base::model::{AccountId, Timestamp};

/// The largest body that is read: 4 MiB, well above any that AWS takes.
const BODY_BYTES_MAX: usize = 4 << 20;

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// Where the control API lives: a path that no AWS client uses.
const CONTROL_PREFIX: &str = "/_sim/";

/// How the HTTP face presents the world; the first alternative of each is the default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Options {
    /// Whose account an access key id that names no account belongs to; nobody's when unset, and
    /// such keys are refused.
    pub any_credentials: Option<AccountId>,
    /// Which clock the `Date` header shows.
    pub date: DateClock,
    /// Which clock sessions expire on: the one that clients go by, whose keys they are.
    pub sessions: DateClock,
    /// How unset optional members appear.
    pub unset: Unset,
    /// How an exception's name is spelt in `__type`.
    pub error_name: ErrorName,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            any_credentials: None,
            date: DateClock::Virtual,
            sessions: DateClock::Real,
            unset: Unset::default(),
            error_name: ErrorName::default(),
        }
    }
}

/// One of two clocks. Clients correct their signing time by the `Date` header and, when it is far
/// off, retry refused calls; the times in bodies are virtual in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateClock {
    /// The machine's.
    Real,
    /// The world's.
    Virtual,
}

/// How an optional member without a value appears in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unset {
    /// Not at all.
    #[default]
    Absent,
    /// As null.
    Null,
    /// As empty text or an empty list; moments and page tokens are left out.
    Empty,
}

/// How an exception is named in an error body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorName {
    /// `ResourceInUseException`
    #[default]
    Bare,
    /// `com.amazonaws.simulated#ResourceInUseException`
    Namespaced,
    /// `ResourceInUseException:http://simulated.amazonaws.com/`
    Suffixed,
}

/// Answers AWS calls and the control API on this listener until `stop`.
pub async fn serve(
    listener: TcpListener,
    simulation: Simulation,
    options: Options,
    stop: CancellationToken,
) {
    let control = control::router(simulation.clone());
    let face = Arc::new(Face { simulation, options, control, stop: stop.clone() });
    listener::accept(listener, face, stop).await;
}

/// One server: the world and how to reach it.
#[derive(Debug)]
struct Face {
    simulation: Simulation,
    options: Options,
    control: Router,
    stop: CancellationToken,
}

/// How a request speaks, which decides how it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// awsJson1.1 of this service.
    Json(Service),
    /// awsQuery: STS.
    Query,
}

/// A request as far as it could be read.
struct Incoming {
    protocol: Protocol,
    call: Result<Call, Fault>,
}

/// Tells the protocols apart; `None` for none of ours.
fn read(headers: &HeaderMap, body: &[u8]) -> Option<Incoming> {
    if let Some(target) = headers.get(TARGET) {
        let (service, call) = json::read(target.to_str().unwrap_or_default(), body);
        return Some(Incoming { protocol: Protocol::Json(service), call });
    }
    query::read(body).map(|call| Incoming { protocol: Protocol::Query, call })
}

impl Face {
    /// The answer to one request, or the end of its connection.
    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, HangUp> {
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
                // Ends earlier when the client gives up: hyper drops this future then.
                self.stop.cancelled().await;
                Err(HangUp)
            }
        }
    }

    /// The time by one of the clocks.
    fn now_by(&self, clock: DateClock) -> Timestamp {
        match clock {
            DateClock::Real => Clock::system().now(),
            DateClock::Virtual => self.simulation.clock().now(),
        }
    }
}
