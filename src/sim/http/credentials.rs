//! Who calls: from the headers of a request to a caller, or the refusal AWS would send.
//!
//! Signatures are not checked; [`super::scope`] says how an access key id names its account.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::face::SimServer;
use super::protocol::Protocol;
use super::scope::CredentialScope;
use crate::domain::base::model::{Region, Timestamp};
use crate::sim::api::{Answer, ApiError, Caller, RequestOrigin};
use crate::sim::session::AssumedSession;

const INVOCATION_ID: HeaderName = HeaderName::from_static("amz-sdk-invocation-id");
const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const REQUEST: HeaderName = HeaderName::from_static("amz-sdk-request");

/// Why credentials are refused. JSON and query services name the same thing differently.
#[derive(Debug, Clone, Copy)]
enum CredentialsRefusal {
    Missing,
    Incomplete,
    Unknown,
    Expired,
    BadRegion,
}

impl CredentialsRefusal {
    fn fault(self, protocol: Protocol) -> ApiError {
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
            Protocol::Json(_) => ApiError::new(json, message),
            Protocol::Query => ApiError::new(query, message).with_status(403),
        }
    }
}

/// Who sends a request with these headers.
pub(super) fn caller(
    face: &SimServer,
    headers: &HeaderMap,
    protocol: Protocol,
) -> Result<Caller, ApiError> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let refused = |refusal: CredentialsRefusal| refusal.fault(protocol);
    let authorization = text(AUTHORIZATION).ok_or_else(|| refused(CredentialsRefusal::Missing))?;
    let scope = CredentialScope::parse(authorization)
        .ok_or_else(|| refused(CredentialsRefusal::Incomplete))?;
    let region: Region =
        scope.region.parse().map_err(|_| refused(CredentialsRefusal::BadRegion))?;
    let account = scope
        .account()
        .or(face.options.any_credentials)
        .ok_or_else(|| refused(CredentialsRefusal::Unknown))?;
    let session = if scope.is_session() {
        Some(session(face, &scope.key, text(SECURITY_TOKEN)).map_err(refused)?)
    } else {
        None
    };
    let invocation = text(INVOCATION_ID).map(str::to_owned).zip(text(REQUEST).and_then(attempt));
    Ok(Caller { account, region, session, origin: RequestOrigin::Client, invocation })
}

/// The session these keys belong to.
fn session(
    face: &SimServer,
    key: &str,
    token: Option<&str>,
) -> Result<AssumedSession, CredentialsRefusal> {
    let end = token.and_then(end_of_session).ok_or(CredentialsRefusal::Unknown)?;
    if end <= face.now_by(face.options.sessions).as_second() {
        return Err(CredentialsRefusal::Expired);
    }
    let session = face.simulation.with(|world| world.session(key).cloned());
    session.ok_or(CredentialsRefusal::Unknown)
}

/// Converts the expiry of an assumed role's session from the world's clock to the clients' clock.
/// The token carries it, since the world's clock may run many times as fast.
pub(super) fn on_clients_clock(face: &SimServer, answer: Answer) -> Answer {
    let Answer::AssumeRole(mut role) = answer else { return answer };
    let lasts = role.credentials.expiration.duration_since(face.simulation.clock().now());
    let end = face.now_by(face.options.sessions).saturating_add(lasts).unwrap_or(Timestamp::MAX);
    role.credentials.expiration = end;
    role.credentials.session_token =
        format!("{}.{}", role.credentials.session_token, end.as_second());
    Answer::AssumeRole(role)
}

/// When a session ends, seconds since 1970, as [`on_clients_clock`] wrote it.
fn end_of_session(token: &str) -> Option<i64> {
    token.rsplit_once('.')?.1.parse().ok()
}

/// The attempt number in `attempt=2; max=3`.
fn attempt(header: &str) -> Option<u32> {
    header.split(';').find_map(|part| part.trim().strip_prefix("attempt="))?.parse().ok()
}
