//! Why members fail, in AWS's words where they were seen, else in likely ones.
//!
//! AWS never published the codes of rows; those for a missing recorder, an inactive member, a
//! region that is off and a missing role are guesses.

use super::packs::Run;
use crate::domain::model::{AccountId, Region};

/// Why a member failed, in AWS's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// `ErrorCode`.
    pub code: String,
    /// `ErrorMessage`.
    pub message: String,
}

fn cause(code: &str, message: String) -> Cause {
    Cause { code: code.to_owned(), message }
}

pub(super) fn no_recorder() -> Cause {
    cause(
        "NoAvailableConfigurationRecorder",
        "You must create a configuration recorder before you can create or update a Config rule."
            .to_owned(),
    )
}

pub(super) fn inactive_member(account: &AccountId) -> Cause {
    let role = "aws-service-role/config-multiaccountsetup.amazonaws.com\
                /AWSServiceRoleForConfigMultiAccountSetup";
    cause("AccessDeniedException", format!("Unable to assume arn:aws:iam::{account}:role/{role}"))
}

pub(super) fn region_off(region: &Region) -> Cause {
    cause("OptInRequired", format!("The account is not subscribed to region {region}"))
}

pub(super) fn no_service_role(account: &AccountId) -> Cause {
    cause(
        "AccessDeniedException",
        format!(
            "The service-linked role AWSServiceRoleForConfigMultiAccountSetup does not exist in \
             account {account}"
        ),
    )
}

pub(super) fn too_many_rules() -> Cause {
    cause(
        "MaxNumberOfConfigRulesExceededException",
        "The account has reached the maximum number of AWS Config rules in this region".to_owned(),
    )
}

pub(super) fn too_many_packs() -> Cause {
    cause(
        "MaxNumberOfConformancePacksExceededException",
        "The account has reached the maximum number of conformance packs in this region".to_owned(),
    )
}

pub(super) fn undeclared_input(run: &Run) -> Option<Cause> {
    let declared = &run.content.template.parameters;
    let mut names = run.content.inputs.iter().map(|input| &input.parameter_name);
    let undeclared = names.find(|name| !declared.contains(*name))?;
    Some(cause(
        "ValidationError",
        format!("Parameters: [{undeclared}] do not exist in the template"),
    ))
}
