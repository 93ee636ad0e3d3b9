//! The ways in which a call to AWS gives no answer; the kind decides retry, label and status.

use std::error::Error;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};

/// Why a call failed, by what has to happen next. Codes are translated in `aws` and nowhere else.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum FailureKind {
    /// Too many requests, after the SDK's own retries.
    Throttled,
    /// Another run on this pack is in progress: a requeue, not a failure.
    InFlight,
    /// AWS will never accept this content.
    Rejected,
    /// A quota of the account is used up.
    Quota,
    /// The caller may not do this: a policy, or a missing role.
    Denied,
    /// The caller is neither the management account nor a delegated administrator.
    NotDelegated,
    /// The region is not enabled for the caller, or its credentials are unknown there.
    RegionDisabled,
    /// Credentials are missing, expired or wrong.
    Credentials,
    /// There is no organization, or it lacks "all features".
    NoOrganization,
    /// No pack of that name is visible to the caller.
    NoSuchPack,
    /// No organizational unit of that id exists.
    NoSuchUnit,
    /// No account of that id is in the organization; it may have left a moment ago.
    NoSuchAccount,
    /// A page token was refused: the listing has to start again.
    BadToken,
    /// No answer in time.
    Timeout,
    /// AWS answered with a fault of its own (5xx).
    Server,
    /// No connection, or it broke.
    Unreachable,
    /// An answer that makes no sense: required members missing, unreadable body.
    BrokenAnswer,
}

impl FailureKind {
    /// The name used in labels, logs and JSON.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether AWS refuses this caller, whatever it asks for in the region.
    pub fn refuses_caller(self) -> bool {
        matches!(
            self,
            Self::Denied
                | Self::NotDelegated
                | Self::RegionDisabled
                | Self::Credentials
                | Self::NoOrganization
        )
    }

    /// Whether only a person can end it.
    pub fn is_final(self) -> bool {
        self.refuses_caller() || matches!(self, Self::Rejected | Self::Quota)
    }

    /// Whether it leaves a region unmanaged until a person or AWS repairs the cause. Throttling
    /// does not: it passes.
    pub fn blocks_region(self) -> bool {
        self.refuses_caller() || self.leaves_outcome_unknown()
    }

    /// Whether a write that failed like this may have taken effect all the same.
    pub fn leaves_outcome_unknown(self) -> bool {
        match self {
            Self::Timeout | Self::Server | Self::Unreachable | Self::BrokenAnswer => true,
            Self::Throttled
            | Self::InFlight
            | Self::Rejected
            | Self::Quota
            | Self::Denied
            | Self::NotDelegated
            | Self::RegionDisabled
            | Self::Credentials
            | Self::NoOrganization
            | Self::NoSuchPack
            | Self::NoSuchUnit
            | Self::NoSuchAccount
            | Self::BadToken => false,
        }
    }
}

/// An error and its causes on one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("it was tried")]
    struct Outer(#[source] fmt::Error);

    #[test]
    fn a_chain_of_causes_is_one_line() {
        assert_eq!(chain(&Outer(fmt::Error)), format!("it was tried: {}", fmt::Error));
    }
}
