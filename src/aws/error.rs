//! What AWS said, as a [`FailureKind`]: the one table of error codes.
//!
//! Codes decide, never HTTP statuses: AWS sends throttling, denial and bad input all as 400. Only
//! an answer without any code is judged by its status.

use std::error::Error;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_config::config::http::HttpResponse;
use aws_sdk_config::error::{ConnectorError, ProvideErrorMetadata, SdkError};
use aws_sdk_config::operation::{
    RequestId, delete_organization_conformance_pack as delete,
    describe_configuration_recorder_status as recorder_states,
    describe_configuration_recorders as recorders,
    describe_organization_conformance_pack_statuses as statuses,
    describe_organization_conformance_packs as packs,
    get_organization_conformance_pack_detailed_status as rows,
    put_organization_conformance_pack as put,
};
use aws_sdk_organizations::operation::describe_organization::DescribeOrganizationError;
use aws_sdk_organizations::operation::list_accounts::ListAccountsError;
use aws_sdk_organizations::operation::list_tags_for_resource::ListTagsForResourceError;
use aws_sdk_organizations::operation::{
    list_accounts_for_parent as accounts_of, list_aws_service_access_for_organization as services,
    list_delegated_administrators as administrators,
    list_organizational_units_for_parent as units_of,
};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;
use thiserror::Error;

use crate::cloud::{CloudError, Op};
use crate::domain::base::failure::{FailureKind, chain};
use crate::domain::base::untrusted::AWS_BYTES_MAX;

/// An error that an operation of AWS answered with.
pub(super) trait ServiceFailure:
    Error + ProvideErrorMetadata + RequestId + Send + Sync + 'static
{
    /// A second code beside the first, where the API has one.
    fn reason(&self) -> Option<&str> {
        None
    }
}

/// Errors of `DescribeOrganizationConformancePacks`.
pub(super) type PacksFailure = packs::DescribeOrganizationConformancePacksError;
/// Errors of `DescribeOrganizationConformancePackStatuses`.
pub(super) type StatusesFailure = statuses::DescribeOrganizationConformancePackStatusesError;
/// Errors of `GetOrganizationConformancePackDetailedStatus`.
pub(super) type RowsFailure = rows::GetOrganizationConformancePackDetailedStatusError;
/// Errors of `PutOrganizationConformancePack`.
pub(super) type PutFailure = put::PutOrganizationConformancePackError;
/// Errors of `DeleteOrganizationConformancePack`.
pub(super) type DeleteFailure = delete::DeleteOrganizationConformancePackError;
/// Errors of `DescribeConfigurationRecorders`.
pub(super) type RecordersFailure = recorders::DescribeConfigurationRecordersError;
/// Errors of `DescribeConfigurationRecorderStatus`.
pub(super) type RecorderStatesFailure = recorder_states::DescribeConfigurationRecorderStatusError;
/// Errors of `ListAccountsForParent`.
pub(super) type AccountsOfFailure = accounts_of::ListAccountsForParentError;
/// Errors of `ListOrganizationalUnitsForParent`.
pub(super) type UnitsOfFailure = units_of::ListOrganizationalUnitsForParentError;
/// Errors of `ListDelegatedAdministrators`.
pub(super) type AdministratorsFailure = administrators::ListDelegatedAdministratorsError;
/// Errors of `ListAWSServiceAccessForOrganization`.
pub(super) type TrustedServicesFailure = services::ListAWSServiceAccessForOrganizationError;

impl ServiceFailure for PacksFailure {}
impl ServiceFailure for StatusesFailure {}
impl ServiceFailure for RowsFailure {}
impl ServiceFailure for PutFailure {}
impl ServiceFailure for DeleteFailure {}
impl ServiceFailure for RecordersFailure {}
impl ServiceFailure for RecorderStatesFailure {}
impl ServiceFailure for DescribeOrganizationError {}
impl ServiceFailure for GetCallerIdentityError {}
impl ServiceFailure for AssumeRoleError {}

/// Listings of AWS Organizations, which say in a `Reason` what is wrong with an input.
macro_rules! with_reasons {
    ($($error:ty,)*) => {$(
        impl ServiceFailure for $error {
            fn reason(&self) -> Option<&str> {
                match self {
                    Self::InvalidInputException(error) => Some(error.reason()?.as_str()),
                    _ => None,
                }
            }
        }
    )*};
}

with_reasons! {
    ListAccountsError,
    AccountsOfFailure,
    UnitsOfFailure,
    ListTagsForResourceError,
    AdministratorsFailure,
    TrustedServicesFailure,
}

/// The table: what each code means for what has to happen next. `None`: not in the table.
fn kind_of_code(op: Op, code: &str, reason: Option<&str>) -> Option<FailureKind> {
    Some(match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "ProvisionedThroughputExceededException"
        | "TransactionInProgressException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "LimitExceededException"
        | "SlowDown"
        | "PriorRequestNotComplete"
        | "EC2ThrottledException" => FailureKind::Throttled,

        "ResourceInUseException" | "ConcurrentModificationException" => FailureKind::InFlight,

        "OrganizationConformancePackTemplateValidationException"
        | "ValidationException"
        | "ValidationError"
        | "InvalidLimitException"
        | "InvalidParameterValueException"
        | "SerializationException"
        | "UnknownOperationException"
        | "InvalidAction" => FailureKind::Rejected,
        "InvalidInputException" => match reason {
            Some("INVALID_NEXT_TOKEN" | "INVALID_PAGINATION_TOKEN") => FailureKind::BadToken,
            Some(_) | None => FailureKind::Rejected,
        },

        "MaxNumberOfOrganizationConformancePacksExceededException" => FailureKind::Quota,

        "AccessDenied"
        | "AccessDeniedException"
        | "InsufficientPermissionsException"
        | "UnauthorizedOperation"
        | "NotAuthorized" => FailureKind::Denied,
        "OrganizationAccessDeniedException" => FailureKind::NotDelegated,

        "OptInRequired" | "RegionDisabledException" => FailureKind::RegionDisabled,
        "UnrecognizedClientException" | "InvalidClientTokenId" => unknown_keys(op),
        "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "AuthFailure"
        | "RequestTimeTooSkewed" => FailureKind::Credentials,

        "NoAvailableOrganizationException"
        | "OrganizationAllFeaturesNotEnabledException"
        | "AWSOrganizationsNotInUseException" => FailureKind::NoOrganization,
        "NoSuchOrganizationConformancePackException" => FailureKind::NoSuchPack,
        "ParentNotFoundException" => FailureKind::NoSuchUnit,
        "TargetNotFoundException" => FailureKind::NoSuchAccount,
        "InvalidNextTokenException" => FailureKind::BadToken,

        "RequestTimeout" | "RequestTimeoutException" => FailureKind::Timeout,
        "InternalFailure"
        | "InternalError"
        | "InternalServerError"
        | "InternalServerException"
        | "InternalServiceError"
        | "ServiceException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "ServiceUnavailableError" => FailureKind::Server,
        _ => return None,
    })
}

/// A region that is off does not know the caller's keys. Organizations has no such region.
fn unknown_keys(op: Op) -> FailureKind {
    match op.service() {
        "organizations" => FailureKind::Credentials,
        _ => FailureKind::RegionDisabled,
    }
}

/// The kind of an error that AWS answered with.
pub(super) fn kind_of_service(
    op: Op,
    error: &impl ServiceFailure,
    status: Option<u16>,
) -> FailureKind {
    let known = error.code().and_then(|code| kind_of_code(op, code, error.reason()));
    known.unwrap_or(match (error.code(), status) {
        (Some(_), Some(500..)) => FailureKind::Server,
        (Some(_), Some(_) | None) => FailureKind::Rejected,
        (None, status) => kind_of_status(status),
    })
}

/// The kind of an answer that carried no code: something between us and AWS, or AWS in pieces.
pub(super) fn kind_of_status(status: Option<u16>) -> FailureKind {
    match status {
        Some(429) => FailureKind::Throttled,
        Some(500..) => FailureKind::Server,
        Some(_) | None => FailureKind::BrokenAnswer,
    }
}

/// The kind of a request that got no answer at all.
pub(super) fn kind_of_dispatch(cause: &(dyn Error + 'static)) -> FailureKind {
    let mut chain = std::iter::successors(Some(cause), |&error| error.source());
    let found = chain.find_map(|error| {
        if error.is::<CredentialsError>() {
            return Some(FailureKind::Credentials);
        }
        let connector = error.downcast_ref::<ConnectorError>()?;
        connector.is_timeout().then_some(FailureKind::Timeout)
    });
    found.unwrap_or(FailureKind::Unreachable)
}

fn kind<E: ServiceFailure>(op: Op, error: &SdkError<E, HttpResponse>) -> FailureKind {
    match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            kind_of_service(op, answer.err(), Some(status))
        }
        SdkError::ResponseError(answer) => kind_of_status(Some(answer.raw().status().as_u16())),
        SdkError::TimeoutError(_) => FailureKind::Timeout,
        SdkError::ConstructionFailure(_) => FailureKind::Rejected,
        SdkError::DispatchFailure(_) => {
            error.source().map_or(FailureKind::Unreachable, kind_of_dispatch)
        }
        _ => FailureKind::BrokenAnswer,
    }
}

/// What AWS, the connection or the SDK said, as text of bounded length.
#[derive(Debug, Error)]
#[error("{0}")]
struct Said(String);

/// An answer that AWS should not have given.
#[derive(Debug, Error)]
#[error("{0}")]
pub(super) struct MalformedAnswer(pub(super) String);

/// The failure of a call.
#[expect(clippy::wildcard_enum_match_arm, reason = "the SDK's enums grow")]
pub(super) fn failure<E: ServiceFailure>(
    op: Op,
    place: &impl fmt::Display,
    error: &SdkError<E, HttpResponse>,
) -> CloudError {
    let said = match error {
        SdkError::ServiceError(answer) => said_by_aws(answer.err()),
        _ => chain(error),
    };
    CloudError {
        op,
        place: place.to_string(),
        kind: kind(op, error),
        source: Box::new(Said(bounded(&said, AWS_BYTES_MAX))),
    }
}

/// The failure of a call whose answer makes no sense.
pub(super) fn broken(op: Op, place: &impl fmt::Display, problem: MalformedAnswer) -> CloudError {
    let place = place.to_string();
    CloudError { op, place, kind: FailureKind::BrokenAnswer, source: Box::new(problem) }
}

fn said_by_aws(error: &impl ServiceFailure) -> String {
    let code = error.code().unwrap_or("an error without a code");
    let message = error.message().unwrap_or("no message");
    let message = bounded(message, AWS_BYTES_MAX - 256);
    match error.request_id() {
        Some(id) => format!("{code}: {message} (request {id})"),
        None => format!("{code}: {message}"),
    }
}

/// The beginning of a text, cut between characters.
pub(super) fn bounded(text: &str, bytes_max: usize) -> String {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator as _;

    use super::*;

    fn kinds(op: Op, codes: &str) -> Vec<Option<FailureKind>> {
        codes.split_whitespace().map(|code| kind_of_code(op, code, None)).collect()
    }

    #[test]
    fn every_documented_code_of_a_put_has_its_kind() {
        use FailureKind::{Denied, InFlight, NoOrganization, NotDelegated, Quota, Rejected};
        let codes = "ResourceInUseException ValidationException \
            OrganizationConformancePackTemplateValidationException \
            InsufficientPermissionsException OrganizationAccessDeniedException \
            MaxNumberOfOrganizationConformancePacksExceededException \
            OrganizationAllFeaturesNotEnabledException NoAvailableOrganizationException";
        let want = [
            InFlight,
            Rejected,
            Rejected,
            Denied,
            NotDelegated,
            Quota,
            NoOrganization,
            NoOrganization,
        ];
        assert_eq!(kinds(Op::PutOrganizationConformancePack, codes), want.map(Some));
    }

    #[test]
    fn every_code_that_the_sdk_takes_for_throttling_slows_us_down() {
        let codes = "Throttling ThrottlingException ThrottledException RequestThrottled \
            RequestThrottledException TooManyRequestsException RequestLimitExceeded \
            ProvisionedThroughputExceededException TransactionInProgressException \
            BandwidthLimitExceeded LimitExceededException SlowDown PriorRequestNotComplete \
            EC2ThrottledException";
        for op in Op::iter() {
            let kinds = kinds(op, codes);
            assert!(kinds.iter().all(|kind| *kind == Some(FailureKind::Throttled)), "{op}");
        }
    }

    #[test]
    fn unknown_keys_mean_a_region_that_is_off_but_in_organizations_bad_credentials() {
        for code in ["UnrecognizedClientException", "InvalidClientTokenId"] {
            for op in Op::iter() {
                let want = match op.service() {
                    "organizations" => FailureKind::Credentials,
                    _ => FailureKind::RegionDisabled,
                };
                assert_eq!(kind_of_code(op, code, None), Some(want), "{op}");
            }
        }
    }

    #[test]
    fn only_one_code_means_that_a_pack_is_not_there() {
        let codes = "NoSuchOrganizationConformancePackException AccessDeniedException \
            ResourceNotFoundException NoSuchConformancePackException ValidationException";
        let kinds = kinds(Op::DeleteOrganizationConformancePack, codes);
        let absent = kinds.iter().filter(|kind| **kind == Some(FailureKind::NoSuchPack));
        assert_eq!(absent.count(), 1);
    }

    #[test]
    fn a_unit_or_an_account_that_is_gone_is_told_apart_from_an_empty_page() {
        let codes = "ParentNotFoundException TargetNotFoundException";
        let gone = [FailureKind::NoSuchUnit, FailureKind::NoSuchAccount].map(Some);
        assert_eq!(kinds(Op::ListTagsForResource, codes), gone);
    }

    #[test]
    fn foreign_text_is_cut_between_characters() {
        assert_eq!(bounded("äöü", 3), "ä");
        assert_eq!(bounded("short", 100), "short");
    }
}
