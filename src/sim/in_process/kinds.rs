//! From the codes that the world answers with to kinds of failure.
//!
//! `aws` has a table of its own, and `sim` may not see it; the contract suite holds both faces to
//! the same kinds for the same codes, which one shared table would make a test of nothing.

use crate::cloud::Op;
use crate::domain::base::failure::FailureKind;
use crate::sim::api::ApiError;

/// What this fault of this operation means for what has to happen next.
pub(super) fn kind(op: Op, fault: &ApiError) -> FailureKind {
    match fault.code.as_str() {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "LimitExceededException"
        | "SlowDown" => FailureKind::Throttled,
        "ResourceInUseException" | "ConcurrentModificationException" => FailureKind::InFlight,
        "MaxNumberOfOrganizationConformancePacksExceededException" => FailureKind::Quota,
        "AccessDenied" | "AccessDeniedException" | "InsufficientPermissionsException" => {
            FailureKind::Denied
        }
        "OrganizationAccessDeniedException" => FailureKind::NotDelegated,
        // Organizations is one endpoint, which no region is off for.
        "UnrecognizedClientException" | "InvalidClientTokenId" => match op.service() {
            "organizations" => FailureKind::Credentials,
            _ => FailureKind::RegionDisabled,
        },
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => FailureKind::Credentials,
        "NoAvailableOrganizationException"
        | "OrganizationAllFeaturesNotEnabledException"
        | "AWSOrganizationsNotInUseException" => FailureKind::NoOrganization,
        "NoSuchOrganizationConformancePackException" => FailureKind::NoSuchPack,
        "ParentNotFoundException" => FailureKind::NoSuchUnit,
        "TargetNotFoundException" => FailureKind::NoSuchAccount,
        "InvalidNextTokenException" => FailureKind::BadToken,
        "InvalidInputException" if fault.reason.as_deref() == Some("INVALID_NEXT_TOKEN") => {
            FailureKind::BadToken
        }
        "RequestTimeout" | "RequestTimeoutException" => FailureKind::Timeout,
        _ if fault.http_status >= 500 => FailureKind::Server,
        _ => FailureKind::Rejected,
    }
}
