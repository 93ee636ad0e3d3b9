//! Why members fail, in AWS's words where they were seen, else in likely ones.
//!
//! AWS never published the codes of rows; those for a missing recorder, an inactive member, a
//! region that is off and a missing role are guesses. How conformd reads these texts is decided in
//! `domain::observed::failure_class`, from its own list.

use super::packs::SimDeployment;
use crate::domain::base::model::{AccountId, Region};
use crate::domain::observed::failure_class::FailureClass;

/// Why a member failed, in AWS's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureText {
    /// `ErrorCode`.
    pub code: String,
    /// `ErrorMessage`.
    pub message: String,
}

fn cause(code: &str, message: String) -> FailureText {
    FailureText { code: code.to_owned(), message }
}

/// What a row of this account says when it fails for a reason of this class.
pub fn typical(class: FailureClass, account: &AccountId, region: &Region) -> FailureText {
    let (code, message) = match class {
        FailureClass::ServiceLinkedRole => return no_service_role(account),
        FailureClass::NoRecorder => return no_recorder(),
        FailureClass::RuleQuota => return too_many_rules(),
        FailureClass::PackQuota => return too_many_packs(),
        FailureClass::RegionDisabled => return region_off(region),
        FailureClass::DanglingRule => (
            "AccessDeniedException",
            "An AWS service owns ServiceLinkedConfigRule. You do not have permissions to take \
             action on this resource. (Error Code: AccessDeniedException)"
                .to_owned(),
        ),
        FailureClass::Throttled => ("ThrottlingException", "Rate exceeded".to_owned()),
        FailureClass::ResourceInUse => (
            "ResourceInUseException",
            "A creation, an update or a deletion of the conformance pack is in progress".to_owned(),
        ),
        FailureClass::DeliveryBucket => (
            "NoSuchBucket",
            format!("The specified bucket does not exist: awsconfigconforms-{account}"),
        ),
        FailureClass::Lambda => (
            "InsufficientPermissionsException",
            format!(
                "The AWS Lambda function cannot be invoked. Check the specified function ARN \
                 arn:aws:lambda:{region}:{account}:function:check, and check its permissions."
            ),
        ),
        FailureClass::UnsupportedRule => (
            "InvalidParameterValueException",
            "The sourceIdentifier NEW_MANAGED_RULE is invalid. Please refer to the documentation \
             for a list of valid sourceIdentifiers."
                .to_owned(),
        ),
        FailureClass::AccessDenied => (
            "AccessDeniedException",
            format!(
                "User: arn:aws:sts::{account}:assumed-role/deployer/session is not authorized to \
                 perform: config:PutConfigRule with an explicit deny in a service control policy"
            ),
        ),
        FailureClass::Template => {
            ("ValidationError", "Parameters: [Age] do not exist in the template".to_owned())
        }
        FailureClass::StackFailed => (
            "CREATE_FAILED",
            format!(
                "Stack arn:aws:cloudformation:{region}:{account}:stack/awsconfigconforms is in \
                 ROLLBACK_COMPLETE state and can not be updated."
            ),
        ),
        FailureClass::Other => {
            ("InternalError", "An internal error occurred. Please try again.".to_owned())
        }
    };
    cause(code, message)
}

pub(super) fn no_recorder() -> FailureText {
    cause(
        "NoAvailableConfigurationRecorder",
        "You must create a configuration recorder before you can create or update a Config rule."
            .to_owned(),
    )
}

pub(super) fn inactive_member(account: &AccountId) -> FailureText {
    let role = "aws-service-role/config-multiaccountsetup.amazonaws.com\
                /AWSServiceRoleForConfigMultiAccountSetup";
    cause("AccessDeniedException", format!("Unable to assume arn:aws:iam::{account}:role/{role}"))
}

pub(super) fn region_off(region: &Region) -> FailureText {
    cause("OptInRequired", format!("The account is not subscribed to region {region}"))
}

pub(super) fn no_service_role(account: &AccountId) -> FailureText {
    cause(
        "AccessDeniedException",
        format!(
            "The service-linked role AWSServiceRoleForConfigMultiAccountSetup does not exist in \
             account {account}"
        ),
    )
}

pub(super) fn too_many_rules() -> FailureText {
    cause(
        "MaxNumberOfConfigRulesExceededException",
        "The account has reached the maximum number of AWS Config rules in this region".to_owned(),
    )
}

pub(super) fn too_many_packs() -> FailureText {
    cause(
        "MaxNumberOfConformancePacksExceededException",
        "The account has reached the maximum number of conformance packs in this region".to_owned(),
    )
}

pub(super) fn undeclared_input(run: &SimDeployment) -> Option<FailureText> {
    let declared = &run.content.template.parameters;
    let mut names = run.content.inputs.iter().map(|input| &input.parameter_name);
    let undeclared = names.find(|name| !declared.contains(*name))?;
    Some(cause(
        "ValidationError",
        format!("Parameters: [{undeclared}] do not exist in the template"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::observed::failure_class::classify;

    #[test]
    fn what_a_class_typically_says_is_read_as_that_class() {
        let (account, region) = ("222222222222".parse().unwrap(), "eu-west-1".parse().unwrap());
        for class in FailureClass::ALL {
            let said = typical(class, &account, &region);
            assert_eq!(classify(Some(&said.code), Some(&said.message)), class, "{said:?}");
        }
    }
}
