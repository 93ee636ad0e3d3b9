//! AWS's refusals in AWS's words.

use super::api::ApiError;

/// `ValidationException` in the form that AWS's request validators use.
pub(super) fn validation(value: Option<&str>, member: &str, constraint: &str) -> ApiError {
    let value = match value {
        Some(value) => format!("'{}'", value.chars().take(128).collect::<String>()),
        None => "null".to_owned(),
    };
    let message = format!(
        "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: \
         Member must {constraint}"
    );
    ApiError::new("ValidationException", message)
}

/// `ValidationException` with words of its own.
pub(super) fn invalid(message: &str) -> ApiError {
    ApiError::new("ValidationException", message)
}

pub(super) fn template(errors: &str) -> ApiError {
    ApiError::new(
        "OrganizationConformancePackTemplateValidationException",
        format!(
            "Invalid conformance pack template provided. Errors found: [{errors}]. Fix your \
             template and try again."
        ),
    )
}

pub(super) fn in_use() -> ApiError {
    ApiError::new(
        "ResourceInUseException",
        "The organization conformance pack is being created, updated or deleted. Try again later.",
    )
}

pub(super) fn no_such_pack() -> ApiError {
    ApiError::new(
        "NoSuchOrganizationConformancePackException",
        "One or more organization conformance packs with specified names are not present. Ensure \
         your names are correct and try your request again later.",
    )
}

pub(super) fn organization_access() -> ApiError {
    ApiError::new(
        "OrganizationAccessDeniedException",
        "This action can only be made by accounts in an AWS Organization: the management account \
         or a delegated administrator.",
    )
}

pub(super) fn no_organization() -> ApiError {
    ApiError::new(
        "NoAvailableOrganizationException",
        "Your account is not a member of an organization.",
    )
}

pub(super) fn features() -> ApiError {
    ApiError::new(
        "OrganizationAllFeaturesNotEnabledException",
        "All features are not enabled for your organization.",
    )
}

pub(super) fn too_many_packs(limit: usize) -> ApiError {
    ApiError::new(
        "MaxNumberOfOrganizationConformancePacksExceededException",
        format!("You have reached the limit of {limit} organization conformance packs."),
    )
}

pub(super) fn permissions(message: &str) -> ApiError {
    ApiError::new("InsufficientPermissionsException", message)
}

pub(super) fn limit() -> ApiError {
    ApiError::new("InvalidLimitException", "The specified limit is outside the allowable range.")
}

pub(super) fn token() -> ApiError {
    ApiError::new("InvalidNextTokenException", "The specified next token is not valid.")
}

/// `InvalidInputException` of AWS Organizations.
pub(super) fn input(reason: &str, message: &str) -> ApiError {
    ApiError::new("InvalidInputException", message).with_reason(reason)
}

pub(super) fn organizations_not_in_use() -> ApiError {
    ApiError::new(
        "AWSOrganizationsNotInUseException",
        "Your account is not a member of an organization.",
    )
}

pub(super) fn access_denied() -> ApiError {
    ApiError::new("AccessDeniedException", "You don't have permissions to access this resource.")
}

pub(super) fn unknown_client() -> ApiError {
    ApiError::new(
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )
}

pub(super) fn unknown_token_id() -> ApiError {
    ApiError::new("InvalidClientTokenId", "The security token included in the request is invalid.")
        .with_status(403)
}

pub(super) fn throttled() -> ApiError {
    ApiError::new("ThrottlingException", "Rate exceeded")
}

pub(super) fn too_many_requests() -> ApiError {
    ApiError::new("TooManyRequestsException", "You have exceeded the rate of requests.")
}

pub(super) fn not_found(what: &str) -> ApiError {
    ApiError::new("ResourceNotFoundException", format!("{what} does not exist."))
}
