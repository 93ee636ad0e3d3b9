//! Why a member failed: a closed set of classes over AWS's free texts, and the owner of each.
//!
//! AWS publishes no list of codes and texts of rows, so patterns decide. The raw text is kept for
//! users and never becomes a metric label.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kinds of failure: the closed set of a metric label, in the order in which they are tried.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The pack's stack in the member was tampered with; rules are left that only AWS can remove.
    DanglingRule,
    /// A service-linked role of AWS Config is missing in the member.
    ServiceLinkedRole,
    /// The member has no configuration recorder in the region.
    NoRecorder,
    /// The member holds as many rules as AWS allows.
    RuleQuota,
    /// The member holds as many packs as AWS allows.
    PackQuota,
    /// AWS was throttled by itself: it counts as working for one interval.
    Throttled,
    /// AWS Config was already changing the rule or the pack in the member.
    ResourceInUse,
    /// The member has not enabled the region.
    RegionDisabled,
    /// The delivery bucket is missing, or may not be written.
    DeliveryBucket,
    /// A Lambda function cannot be invoked.
    Lambda,
    /// The region does not know a rule.
    UnsupportedRule,
    /// A policy forbids it.
    AccessDenied,
    /// The template, or a parameter, does not fit.
    Template,
    /// The stack failed for another reason.
    StackFailed,
    /// An unknown failure.
    #[default]
    Other,
}

/// The owner of a failure: who has to act.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// AWS: the next attempt may succeed, and conformd starts it.
    Aws,
    /// The owner of the member account.
    AccountOwner,
    /// The team that runs the organization, its policies and shared resources.
    PlatformTeam,
    /// The author of the template or its parameters.
    PackAuthor,
    /// AWS Support.
    AwsSupport,
    /// conformd itself, which acts by the next reconciliation.
    Conformd,
}

impl Owner {
    /// Every owner.
    pub const ALL: [Self; 6] = [
        Self::Aws,
        Self::AccountOwner,
        Self::PlatformTeam,
        Self::PackAuthor,
        Self::AwsSupport,
        Self::Conformd,
    ];

    /// Whether somebody has to act: AWS and conformd act by themselves.
    pub fn is_person(self) -> bool {
        match self {
            Self::Aws | Self::Conformd => false,
            Self::AccountOwner | Self::PlatformTeam | Self::PackAuthor | Self::AwsSupport => true,
        }
    }

    /// The word used in labels and texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AccountOwner => "account_owner",
            Self::PlatformTeam => "platform_team",
            Self::PackAuthor => "pack_author",
            Self::AwsSupport => "aws_support",
            Self::Conformd => "conformd",
        }
    }
}

impl FailureClass {
    /// Every class, in the order in which they are tried.
    pub const ALL: [Self; 15] = [
        Self::DanglingRule,
        Self::ServiceLinkedRole,
        Self::NoRecorder,
        Self::RuleQuota,
        Self::PackQuota,
        Self::Throttled,
        Self::ResourceInUse,
        Self::RegionDisabled,
        Self::DeliveryBucket,
        Self::Lambda,
        Self::UnsupportedRule,
        Self::AccessDenied,
        Self::Template,
        Self::StackFailed,
        Self::Other,
    ];

    /// The owner, who has to act.
    pub fn owner(self) -> Owner {
        match self {
            Self::Throttled | Self::ResourceInUse | Self::StackFailed => Owner::Aws,
            Self::NoRecorder | Self::RuleQuota | Self::PackQuota | Self::RegionDisabled => {
                Owner::AccountOwner
            }
            Self::ServiceLinkedRole | Self::DeliveryBucket | Self::AccessDenied | Self::Other => {
                Owner::PlatformTeam
            }
            Self::Lambda | Self::UnsupportedRule | Self::Template => Owner::PackAuthor,
            Self::DanglingRule => Owner::AwsSupport,
        }
    }

    /// What to do, whatever conformd then does: that follows from the settings too, and is said by
    /// those who know them.
    pub fn advice(self) -> &'static str {
        match self {
            Self::DanglingRule => {
                "Ask AWS Support to remove the service-linked rules that are left in the \
                 account: the stack of its pack was edited or deleted manually."
            }
            Self::ServiceLinkedRole => {
                "Create the service-linked role of AWS Config in the account (iam \
                 create-service-linked-role), or remove the policy that prevents it. In the \
                 management account, AWS does not create this role when a delegated \
                 administrator owns the packs."
            }
            Self::NoRecorder => {
                "Create a customer-managed configuration recorder in the account and region."
            }
            Self::RuleQuota => {
                "Delete unused rules in the account, request a higher quota of rules for it from \
                 AWS, or remove rules from the packs that target it."
            }
            Self::PackQuota => {
                "Delete conformance packs that the account itself created, or exclude the \
                 account: AWS does not raise the quota of packs in an account."
            }
            Self::Throttled => {
                "AWS throttled its own calls in the account; it tries again only after another \
                 Put of the pack."
            }
            Self::ResourceInUse => {
                "AWS Config was still changing the rule or the pack in the account; it tries \
                 again only after another Put of the pack."
            }
            Self::RegionDisabled => {
                "Enable the region in the account, or exclude the account there (`overrides` with \
                 `regions` and `exclude`) if the region should stay disabled."
            }
            Self::DeliveryBucket => {
                "Create the delivery bucket, or allow the organization's accounts to write to it \
                 (s3:PutObject, s3:GetObject, s3:GetBucketAcl)."
            }
            Self::Lambda => {
                "Allow AWS Config of that account to invoke the rule's Lambda function, or \
                 deploy the function in the region."
            }
            Self::UnsupportedRule => {
                "Remove the rule from the template for this region: AWS does not offer it there."
            }
            Self::AccessDenied => {
                "Find the policy that denies it (service control policies first; CloudTrail of the \
                 account names the action) and add an exception for AWS Config."
            }
            Self::Template => {
                "Correct the template or its parameters: CloudFormation refuses them in the \
                 account."
            }
            Self::StackFailed => {
                "AWS tries again only after another Put of the pack; if that fails too, read the \
                 CloudFormation events of the stack awsconfigconforms-… in the account."
            }
            Self::Other => {
                "Read AWS's message and the CloudFormation events of the stack \
                 awsconfigconforms-… in the account; conformd does not redeploy for an unknown \
                 cause."
            }
        }
    }

    /// Whether the pack is put again for it, since it may pass by itself.
    ///
    /// A Put deploys to everybody, so the burden of proof is on trying. Throttling passes by
    /// itself, and so does another change that AWS Config was making (`ResourceInUseException`, AWS
    /// Config API reference: an earlier creation, update or deletion is in progress). A stack that
    /// failed without a better reason may have met a passing fault of CloudFormation, and nothing
    /// but a Put makes AWS try it again. A missing recorder is the redeployment's, which waits for
    /// evidence. All others stay until a person has acted: quotas, policies, roles, buckets,
    /// functions and regions are somebody's decision, and the same template fails alike. What is
    /// not known never causes a Put.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Throttled | Self::ResourceInUse | Self::StackFailed => true,
            Self::DanglingRule
            | Self::ServiceLinkedRole
            | Self::NoRecorder
            | Self::RuleQuota
            | Self::PackQuota
            | Self::RegionDisabled
            | Self::DeliveryBucket
            | Self::Lambda
            | Self::UnsupportedRule
            | Self::AccessDenied
            | Self::Template
            | Self::Other => false,
        }
    }

    /// Whether it names only the kind of refusal, not its subject.
    fn is_general(self) -> bool {
        matches!(self, Self::AccessDenied | Self::Template | Self::StackFailed)
    }

    /// The word used in labels and texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DanglingRule => "dangling_rule",
            Self::ServiceLinkedRole => "service_linked_role",
            Self::NoRecorder => "no_recorder",
            Self::RuleQuota => "rule_quota",
            Self::PackQuota => "pack_quota",
            Self::Throttled => "throttled",
            Self::ResourceInUse => "resource_in_use",
            Self::RegionDisabled => "region_disabled",
            Self::DeliveryBucket => "delivery_bucket",
            Self::Lambda => "lambda",
            Self::UnsupportedRule => "unsupported_rule",
            Self::AccessDenied => "access_denied",
            Self::Template => "template",
            Self::StackFailed => "stack_failed",
            Self::Other => "other",
        }
    }
}

/// Texts that tell classes, in the order in which they are tried, all in lower case. They are AWS's
/// identifiers and phrases (AWS Config developer guide, error texts that users published, service
/// models); never a bare service word, since messages name rules such as `s3-bucket-…`.
const PATTERNS: [(&str, FailureClass); 36] = [
    // Before the patterns that would take them for something else.
    ("requestlimitexceeded", FailureClass::Throttled),
    ("maxnumberofconformancepacks", FailureClass::PackQuota),
    ("servicelinkedconfigrule", FailureClass::DanglingRule),
    ("an aws service owns", FailureClass::DanglingRule),
    ("awsserviceroleforconfig", FailureClass::ServiceLinkedRole),
    ("service-linked role", FailureClass::ServiceLinkedRole),
    ("configurationrecorder", FailureClass::NoRecorder),
    ("configuration recorder", FailureClass::NoRecorder),
    ("maxnumberofconfigrules", FailureClass::RuleQuota),
    ("limitexceeded", FailureClass::RuleQuota),
    ("exceeds the allowed limit", FailureClass::RuleQuota),
    ("throttl", FailureClass::Throttled),
    ("rate exceeded", FailureClass::Throttled),
    ("toomanyrequests", FailureClass::Throttled),
    ("resourceinuse", FailureClass::ResourceInUse),
    ("unrecognizedclient", FailureClass::RegionDisabled),
    ("invalidclienttokenid", FailureClass::RegionDisabled),
    ("optinrequired", FailureClass::RegionDisabled),
    ("nosuchbucket", FailureClass::DeliveryBucket),
    ("s3:putobject", FailureClass::DeliveryBucket),
    ("s3:getobject", FailureClass::DeliveryBucket),
    ("s3:getbucketacl", FailureClass::DeliveryBucket),
    ("invokefunction", FailureClass::Lambda),
    ("lambda function cannot be invoked", FailureClass::Lambda),
    ("sourceidentifier", FailureClass::UnsupportedRule),
    ("not supported", FailureClass::UnsupportedRule),
    ("not available in", FailureClass::UnsupportedRule),
    ("accessdenied", FailureClass::AccessDenied),
    ("not authorized", FailureClass::AccessDenied),
    ("explicit deny", FailureClass::AccessDenied),
    ("template", FailureClass::Template),
    ("parameter", FailureClass::Template),
    ("validationerror", FailureClass::Template),
    ("stack", FailureClass::StackFailed),
    ("rollback", FailureClass::StackFailed),
    ("cloudformation", FailureClass::StackFailed),
];

/// The class of AWS's code and text of a failed member: [`FailureClass::Other`] for an unknown one.
/// An account that is not active has no class: the account list shows that, no text of AWS.
///
/// The code decides. Where it is a general one (`AccessDeniedException`, `ValidationError`), the
/// message may name the cause more exactly.
pub fn classify(code: Option<&str>, message: Option<&str>) -> FailureClass {
    let rank = |text: Option<&str>| {
        let text = text?.to_ascii_lowercase();
        PATTERNS.iter().position(|(pattern, _)| occurs(pattern, &text))
    };
    let class = |rank: usize| PATTERNS.get(rank).map(|(_, class)| *class);
    let by_code = rank(code);
    let rank = match by_code.and_then(class) {
        Some(known) if !known.is_general() => by_code,
        Some(_) | None => by_code.into_iter().chain(rank(message)).min(),
    };
    rank.and_then(class).unwrap_or(FailureClass::Other)
}

/// Whether the pattern occurs outside of hyphenated words, which are names of rules, packs, roles
/// and stacks: `cloudformation-stack-drift-detection-check` says nothing about a failed stack.
fn occurs(pattern: &str, text: &str) -> bool {
    text.match_indices(pattern).any(|(start, found)| {
        let before = text.get(..start).unwrap_or_default();
        let after = text.get(start.saturating_add(found.len())..).unwrap_or_default();
        !before.ends_with('-') && !after.starts_with('-')
    })
}

impl fmt::Display for FailureClass {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Codes and messages as AWS, its users and its service models word them, and what they mean.
    const CORPUS: [(&str, &str, FailureClass); 34] = [
        (
            "AccessDeniedException",
            "An AWS service owns ServiceLinkedConfigRule. You do not have permissions to take \
             action on this resource. (Error Code: AccessDeniedException)",
            FailureClass::DanglingRule,
        ),
        (
            "",
            "User: arn:aws:sts::222222222222:assumed-role/AWSServiceRoleForConfigConforms/\
             AwsConfigConformsWorkflow is not authorized to perform: config:DeleteConfigRule",
            FailureClass::ServiceLinkedRole,
        ),
        (
            "AccessDeniedException",
            "The service-linked role AWSServiceRoleForConfigMultiAccountSetup does not exist in \
             account 222222222222",
            FailureClass::ServiceLinkedRole,
        ),
        ("NoAvailableConfigurationRecorder", "", FailureClass::NoRecorder),
        ("NoAvailableConfigurationRecorderException", "", FailureClass::NoRecorder),
        ("NoSuchConfigurationRecorderException", "", FailureClass::NoRecorder),
        (
            "",
            "You must create a configuration recorder before you can create or update a Config \
             rule.",
            FailureClass::NoRecorder,
        ),
        (
            "CREATE_FAILED",
            "Resource handler returned message: \"You must create a Configuration Recorder before \
             you can create or update a Config rule. (Service: Config)\" for stack \
             awsconfigconforms-OrgConformsPack-cis-abcdefgh-xyz",
            FailureClass::NoRecorder,
        ),
        ("MaxNumberOfConfigRulesExceededException", "", FailureClass::RuleQuota),
        ("LimitExceededException", "", FailureClass::RuleQuota),
        (
            "",
            "Invalid conformance pack template provided. Errors found: [Number of resources \
             provided in the template exceeds the allowed limit]. Fix your template and try again.",
            FailureClass::RuleQuota,
        ),
        (
            "MaxNumberOfConformancePacksExceededException",
            "The number of packs exceeds the allowed limit",
            FailureClass::PackQuota,
        ),
        ("ThrottlingException", "Rate exceeded", FailureClass::Throttled),
        ("", "Rate exceeded (Service: CloudFormation)", FailureClass::Throttled),
        ("TooManyRequestsException", "", FailureClass::Throttled),
        ("RequestLimitExceeded", "Request limit exceeded.", FailureClass::Throttled),
        (
            "ResourceInUseException",
            "You cannot delete the rule while a remediation action is in progress",
            FailureClass::ResourceInUse,
        ),
        (
            "CREATE_FAILED",
            "The stack awsconfigconforms-cis failed: Creation, update or deletion of the \
             conformance pack is in progress (Service: Config, Error Code: ResourceInUseException)",
            FailureClass::ResourceInUse,
        ),
        ("UnrecognizedClientException", "", FailureClass::RegionDisabled),
        ("InvalidClientTokenId", "The security token is invalid", FailureClass::RegionDisabled),
        ("OptInRequired", "The account is not subscribed", FailureClass::RegionDisabled),
        ("NoSuchBucket", "", FailureClass::DeliveryBucket),
        (
            "AccessDenied",
            "is not authorized to perform: s3:PutObject on resource awsconfigconforms-logs",
            FailureClass::DeliveryBucket,
        ),
        ("", "The AWS Lambda function cannot be invoked. Check the role", FailureClass::Lambda),
        ("", "no permission lambda:InvokeFunction for config", FailureClass::Lambda),
        (
            "InvalidParameterValueException",
            "The sourceIdentifier EC2_IMDSV2_CHECK is invalid",
            FailureClass::UnsupportedRule,
        ),
        ("", "The rule is not available in eu-south-2", FailureClass::UnsupportedRule),
        ("AccessDenied", "with an explicit deny in a policy", FailureClass::AccessDenied),
        ("ValidationError", "Parameters: [Age] do not exist", FailureClass::Template),
        ("", "Template format error: unresolved dependency", FailureClass::Template),
        ("", "Stack creation failed, ROLLBACK_COMPLETE", FailureClass::StackFailed),
        ("InternalFailure", "CloudFormation could not go on", FailureClass::StackFailed),
        ("InternalFailure", "We encountered an internal error.", FailureClass::Other),
        ("", "", FailureClass::Other),
    ];

    #[test]
    fn every_known_text_has_its_class_in_any_letter_case() {
        for (code, message, class) in CORPUS {
            let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            for recase in [str::to_owned, str::to_lowercase, str::to_uppercase] {
                let (code, message) = (some(&recase(code)), some(&recase(message)));
                let found = classify(code.as_deref(), message.as_deref());
                assert_eq!(found, class, "{code:?} {message:?}");
            }
        }
    }

    #[test]
    fn a_specific_code_decides_whatever_the_message_speaks_of() {
        let message = "You must create a configuration recorder";
        let cases = [
            ("ThrottlingException", FailureClass::Throttled),
            ("MaxNumberOfConfigRulesExceededException", FailureClass::RuleQuota),
            ("NoSuchBucket", FailureClass::DeliveryBucket),
            ("AccessDeniedException", FailureClass::NoRecorder),
            ("ValidationError", FailureClass::NoRecorder),
        ];
        for (code, class) in cases {
            assert_eq!(classify(Some(code), Some(message)), class, "{code}");
        }
    }

    #[test]
    fn names_of_rules_packs_and_stacks_are_no_cause() {
        let names = [
            "s3-bucket-public-read-prohibited",
            "lambda-function-public-access-prohibited",
            "lambda-inside-vpc",
            "cloudformation-stack-drift-detection-check",
            "cloudformation-stack-notification-check",
            "ec2-launch-template-public-ip-disabled",
            "autoscaling-launch-template",
            "ssm-parameter-encrypted",
            "iam-policy-no-statements-with-full-access",
            "service-vpc-endpoint-enabled",
            "api-gw-throttling-enabled",
            "my-stack",
            "template-a1b2c3d4",
        ];
        for name in names {
            let message = format!("Rule {name}-conforms-pack-abcd1234 failed for {name}");
            assert_eq!(classify(None, Some(&message)), FailureClass::Other, "{name}");
            assert_eq!(classify(Some(name), None), FailureClass::Other, "{name}");
        }
    }

    #[test]
    fn every_pattern_is_lower_case_and_reached() {
        for (rank, (pattern, class)) in PATTERNS.iter().enumerate() {
            assert_eq!(*pattern, pattern.to_ascii_lowercase());
            let hidden = PATTERNS.iter().take(rank).find(|(before, _)| pattern.contains(before));
            assert_eq!(hidden, None, "{pattern} is never tried");
            assert_eq!(classify(None, Some(pattern)), *class);
        }
    }

    #[test]
    fn every_class_has_a_word_and_an_advice_of_its_own_and_what_is_awss_move_is_retried() {
        let all = FailureClass::ALL;
        let words: BTreeSet<&str> = all.iter().map(|class| class.as_str()).collect();
        let advice: BTreeSet<&str> = all.iter().map(|class| class.advice()).collect();
        assert_eq!((words.len(), advice.len()), (all.len(), all.len()));
        for class in all {
            assert!(class.advice().ends_with('.'), "{class}");
            assert_eq!(class.owner() == Owner::Aws, class.is_retryable(), "{class}");
        }
    }

    proptest! {
        #[test]
        fn a_pattern_among_other_words_is_found(
            before in "[ .:\"(]{0,3}", after in "[ .:\")]{0,3}", rank in 0..PATTERNS.len(),
        ) {
            let (pattern, class) = PATTERNS[rank];
            let message = format!("{before}{pattern}{after}");
            prop_assert_eq!(classify(None, Some(&message)), class);
        }
    }
}
