//! AWS's refusals in AWS's words.

use super::api::Fault;

/// `ValidationException` in the form that AWS's request validators use.
pub(super) fn validation(value: Option<&str>, member: &str, constraint: &str) -> Fault {
    let value = match value {
        Some(value) => format!("'{}'", value.chars().take(128).collect::<String>()),
        None => "null".to_owned(),
    };
    let message = format!(
        "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: \
         Member must {constraint}"
    );
    Fault::new("ValidationException", message)
}

/// `ValidationException` with words of its own.
pub(super) fn invalid(message: &str) -> Fault {
    Fault::new("ValidationException", message)
}

pub(super) fn template(errors: &str) -> Fault {
    Fault::new(
        "OrganizationConformancePackTemplateValidationException",
        format!(
            "Invalid conformance pack template provided. Errors found: [{errors}]. Fix your \
             template and try again."
        ),
    )
}

pub(super) fn in_use() -> Fault {
    Fault::new(
        "ResourceInUseException",
        "The organization conformance pack is being created, updated or deleted. Try again later.",
    )
}

pub(super) fn no_such_pack() -> Fault {
    Fault::new(
        "NoSuchOrganizationConformancePackException",
        "One or more organization conformance packs with specified names are not present. Ensure \
         your names are correct and try your request again later.",
    )
}

pub(super) fn organization_access() -> Fault {
    Fault::new(
        "OrganizationAccessDeniedException",
        "This action can only be made by accounts in an AWS Organization: the management account \
         or a delegated administrator.",
    )
}

pub(super) fn no_organization() -> Fault {
    Fault::new(
        "NoAvailableOrganizationException",
        "Your account is not a member of an organization.",
    )
}

pub(super) fn features() -> Fault {
    Fault::new(
        "OrganizationAllFeaturesNotEnabledException",
        "All features are not enabled for your organization.",
    )
}

pub(super) fn too_many_packs(limit: usize) -> Fault {
    Fault::new(
        "MaxNumberOfOrganizationConformancePacksExceededException",
        format!("You have reached the limit of {limit} organization conformance packs."),
    )
}

pub(super) fn permissions(message: &str) -> Fault {
    Fault::new("InsufficientPermissionsException", message)
}

pub(super) fn limit() -> Fault {
    Fault::new("InvalidLimitException", "The specified limit is outside the allowable range.")
}

pub(super) fn token() -> Fault {
    Fault::new("InvalidNextTokenException", "The specified next token is not valid.")
}

/// `InvalidInputException` of AWS Organizations.
pub(super) fn input(reason: &str, message: &str) -> Fault {
    Fault::new("InvalidInputException", message).with_reason(reason)
}

pub(super) fn organizations_not_in_use() -> Fault {
    Fault::new(
        "AWSOrganizationsNotInUseException",
        "Your account is not a member of an organization.",
    )
}

pub(super) fn access_denied() -> Fault {
    Fault::new("AccessDeniedException", "You don't have permissions to access this resource.")
}

pub(super) fn unknown_client() -> Fault {
    Fault::new(
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )
}

pub(super) fn unknown_token_id() -> Fault {
    Fault::new("InvalidClientTokenId", "The security token included in the request is invalid.")
        .with_status(403)
}

pub(super) fn throttled() -> Fault {
    Fault::new("ThrottlingException", "Rate exceeded")
}

pub(super) fn too_many_requests() -> Fault {
    Fault::new("TooManyRequestsException", "You have exceeded the rate of requests.")
}

pub(super) fn not_found(what: &str) -> Fault {
    Fault::new("ResourceNotFoundException", format!("{what} does not exist."))
}
