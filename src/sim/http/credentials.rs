//! Who calls: from the headers of a request to a caller, or the refusal AWS would send.
//!
//! Signatures are not checked; [`super::scope`] says how an access key id names its account.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::scope::Scope;
use super::{Protocol, Simulation};
use crate::domain::model::Region;
use crate::sim::api::{Caller, Fault, Origin};

const INVOCATION_ID: HeaderName = HeaderName::from_static("amz-sdk-invocation-id");
const REQUEST: HeaderName = HeaderName::from_static("amz-sdk-request");

/// Why credentials are refused. JSON and query services name the same thing differently.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    Missing,
    Incomplete,
    Unknown,
    Expired,
    BadRegion,
}

impl Refusal {
    fn fault(self, protocol: Protocol) -> Fault {
        let (json, query, message) = match self {
            Self::Missing => (
                "MissingAuthenticationTokenException",
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ),
            Self::Incomplete => (
                "IncompleteSignatureException",
                "IncompleteSignature",
                "Authorization header requires a 'Credential' of five parts.",
            ),
            Self::Unknown => (
                "UnrecognizedClientException",
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            ),
            Self::Expired => (
                "ExpiredTokenException",
                "ExpiredToken",
                "The security token included in the request is expired",
            ),
            Self::BadRegion => (
                "InvalidSignatureException",
                "SignatureDoesNotMatch",
                "Credential should be scoped to a valid region.",
            ),
        };
        match protocol {
            Protocol::Json(_) => Fault::new(json, message),
            Protocol::Query => Fault::new(query, message).with_status(403),
        }
    }
}

/// Who sends a request with these headers.
pub(super) fn caller(
    simulation: &Simulation,
    headers: &HeaderMap,
    protocol: Protocol,
) -> Result<Caller, Fault> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let refused = |refusal: Refusal| refusal.fault(protocol);
    let authorization = text(AUTHORIZATION).ok_or_else(|| refused(Refusal::Missing))?;
    let scope = Scope::parse(authorization).ok_or_else(|| refused(Refusal::Incomplete))?;
    let region: Region = scope.region.parse().map_err(|_| refused(Refusal::BadRegion))?;
    let account = scope
        .account()
        .or_else(|| simulation.options.any_credentials.clone())
        .ok_or_else(|| refused(Refusal::Unknown))?;
    let invocation = text(INVOCATION_ID).map(str::to_owned).zip(text(REQUEST).and_then(attempt));
    Ok(Caller { account, region, session: None, origin: Origin::Client, invocation })
}

/// The attempt number in `attempt=2; max=3`.
fn attempt(header: &str) -> Option<u32> {
    header.split(';').find_map(|part| part.trim().strip_prefix("attempt="))?.parse().ok()
}
