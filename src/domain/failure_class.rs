//! Why a member failed: a closed set of classes over AWS's free texts, and whose move it is.
//!
//! Codes and texts of rows have no published list, so patterns decide; the raw text is kept for
//! people and never becomes a label.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of failure: the closed set of a metric label, in the order in which they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The account is suspended, closing or closed (by AWS Organizations, not by text).
    InactiveAccount,
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
    /// Nothing that is known.
    Other,
}

impl FailureClass {
    /// Every class, in the order in which they are tried.
    pub const ALL: [Self; 15] = [
        Self::InactiveAccount,
        Self::DanglingRule,
        Self::ServiceLinkedRole,
        Self::NoRecorder,
        Self::RuleQuota,
        Self::PackQuota,
        Self::Throttled,
        Self::RegionDisabled,
        Self::DeliveryBucket,
        Self::Lambda,
        Self::UnsupportedRule,
        Self::AccessDenied,
        Self::Template,
        Self::StackFailed,
        Self::Other,
    ];

    /// Whether it says what kind of refusal it was, and not of what.
    fn is_general(self) -> bool {
        matches!(self, Self::AccessDenied | Self::Template | Self::StackFailed)
    }

    /// The word used in labels and texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InactiveAccount => "inactive_account",
            Self::DanglingRule => "dangling_rule",
            Self::ServiceLinkedRole => "service_linked_role",
            Self::NoRecorder => "no_recorder",
            Self::RuleQuota => "rule_quota",
            Self::PackQuota => "pack_quota",
            Self::Throttled => "throttled",
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
const PATTERNS: [(&str, FailureClass); 35] = [
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

/// The class of what AWS says of a failed member: [`FailureClass::Other`] for what is not known,
/// never [`FailureClass::InactiveAccount`], which only AWS Organizations can tell.
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
