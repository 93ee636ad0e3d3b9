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

impl fmt::Display for FailureClass {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}
