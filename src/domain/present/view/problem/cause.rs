//! What can be wrong: a closed set of causes, each with its words, its owner and its advice.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use strum::{EnumIter, IntoEnumIterator as _, IntoStaticStr};

use crate::domain::base::failure::FailureKind;
use crate::domain::observed::failure_class::{FailureClass, Owner};
use crate::domain::plan::desired::SourceDoubt;
use crate::domain::plan::hold::{HoldCause, HoldReason};

/// The cause of a problem: the closed set of a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ProblemCause {
    /// AWS did not confirm the caller identity.
    Identity,
    /// The source could not be read.
    SourceUnread,
    /// Manifests are invalid; what was good before stays in force.
    ManifestsInvalid,
    /// The account list could not be read, or is old.
    AccountListUnread,
    /// The account list shrank and waits for confirmation.
    AccountListShrank,
    /// No account of the organization is active.
    NoActiveAccount,
    /// Accounts are in a state that this version does not recognize.
    AccountStateUnknown,
    /// The record cannot be used.
    RecordUnusable,
    /// The clock of the machine is off AWS's.
    ClockSkew,
    /// AWS denies a request in the region.
    Denied,
    /// The caller is neither the management account nor a delegated administrator.
    NotDelegated,
    /// The region is not enabled for the caller.
    RegionOff,
    /// The credentials are missing, expired or wrong.
    Credentials,
    /// The caller's account is in no organization, or in one without all features.
    NoOrganization,
    /// AWS gives no answer.
    Unreachable,
    /// AWS throttles every request.
    RequestsThrottled,
    /// What answers makes no sense as an answer of AWS.
    BrokenAnswer,
    /// The region could not be read for another reason, which usually passes.
    Unread,
    /// The region was not read yet.
    NotReadYet,
    /// The members of packs were not read.
    MembersUnread,
    /// Members were not all read for longer than two intervals.
    ResyncOld,
    /// Losses wait for an approval.
    Approval,
    /// No manifest declares a pack, and there is no evidence that this is intended.
    Undeclared,
    /// The mode does not permit a change.
    Mode,
    /// The source is in doubt, so losses are held.
    SourceInDoubt,
    /// AWS did not return the marker of a pack, so conformd stopped writing in the region.
    MarkerLost,
    /// A manifest asks for something that this version does not do.
    Unsupported,
    /// The pack belongs to another installation.
    Foreign,
    /// The pack is unmanaged, and its manifest does not adopt it.
    Unmanaged,
    /// There is no room for another pack.
    Quota,
    /// The region holds nearly as many packs as AWS allows.
    QuotaNear,
    /// AWS refused the content of a pack.
    Rejected,
    /// Another writer keeps changing a pack.
    Conflict,
    /// A change depends on the account list, which is old or in doubt.
    Membership,
    /// A change waits for time alone.
    Waiting,
    /// A manifest suspends a pack.
    Suspended,
    /// Many members of one pack failed: more than 5 % and at least 5.
    FailingWidely,
    /// Expected members have no row.
    Missing,
    /// Members failed, and conformd redeploys to them.
    Redeploying,
    /// The row of a member has a status that this version does not recognize.
    StatusUnknown,
    /// AWS could not remove a pack from an account.
    RemovalFailed,
    /// AWS has been removing a pack for hours.
    RemovalSlow,
    /// AWS has been deploying a pack for hours.
    RolloutSlow,
    /// A new account is less than an hour from its deadline.
    DeadlineImminent,
    /// A new account is less than three hours from its deadline.
    DeadlineNear,
    /// A new account is close to its deadline, has a recorder, and AWS retries it.
    RetriedByAws,
    /// A new account missed its deadline.
    DeadlineMissed,
    /// A new account got its recorder after the deadline.
    DeadlineLate,
    /// The same, and the settings prevent a redeployment.
    RedeployOff,
    /// Members failed: the word is that of the class.
    Member(FailureClass),
}

impl ProblemCause {
    /// Every cause, with each class of members.
    pub fn all() -> impl Iterator<Item = Self> {
        let others = Self::iter().filter(|cause| !matches!(cause, Self::Member(_)));
        others.chain(FailureClass::ALL.map(Self::Member))
    }

    /// The word used in labels, JSON and texts.
    pub fn as_str(self) -> &'static str {
        if let Self::Member(class) = self { class.as_str() } else { self.into() }
    }

    /// The cause as users read it: `deadline missed`.
    pub fn words(self) -> String {
        if self == Self::Approval {
            "waiting for approval".to_owned()
        } else if self == Self::Denied {
            "requests denied".to_owned()
        } else if self == Self::Mode {
            "held by the mode".to_owned()
        } else if self == Self::RetriedByAws {
            "retried by AWS".to_owned()
        } else {
            self.as_str().replace('_', " ")
        }
    }

    /// The cause of a failed request.
    pub fn of_failure(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Denied => Self::Denied,
            FailureKind::NotDelegated => Self::NotDelegated,
            FailureKind::RegionDisabled => Self::RegionOff,
            FailureKind::Credentials => Self::Credentials,
            FailureKind::NoOrganization => Self::NoOrganization,
            FailureKind::Timeout | FailureKind::Server | FailureKind::Unreachable => {
                Self::Unreachable
            }
            FailureKind::BrokenAnswer => Self::BrokenAnswer,
            FailureKind::Rejected => Self::Rejected,
            FailureKind::Quota => Self::Quota,
            FailureKind::Throttled
            | FailureKind::InFlight
            | FailureKind::NoSuchPack
            | FailureKind::NoSuchUnit
            | FailureKind::NoSuchAccount
            | FailureKind::BadToken => Self::Unread,
        }
    }

    /// The cause of a hold; `None` for a pack that is left in place for good, and for what is a
    /// problem of its own, once for all packs.
    pub(super) fn of_hold(hold: &HoldCause) -> Option<Self> {
        if matches!(
            hold,
            HoldCause::SourceUnread
                | HoldCause::Source(SourceDoubt::Unreadable(_) | SourceDoubt::Old)
        ) {
            return None;
        } else if matches!(hold, HoldCause::MarkerLost(_) | HoldCause::WritesStopped) {
            return Some(Self::MarkerLost);
        } else if matches!(hold, HoldCause::WriterUndecided) {
            return Some(Self::Waiting);
        } else if matches!(hold, HoldCause::UnrecognizedStatus(_)) {
            return Some(Self::StatusUnknown);
        }
        Some(match hold.reason() {
            HoldReason::Mode => Self::Mode,
            HoldReason::Source => Self::SourceInDoubt,
            HoldReason::Invalid => Self::ManifestsInvalid,
            HoldReason::Unsupported => Self::Unsupported,
            HoldReason::Guard => Self::Approval,
            HoldReason::Suspended => Self::Suspended,
            HoldReason::Foreign => Self::Foreign,
            HoldReason::Unmanaged => Self::Unmanaged,
            HoldReason::Quota => Self::Quota,
            HoldReason::Rejected => Self::Rejected,
            HoldReason::Conflict => Self::Conflict,
            HoldReason::Denied => Self::Denied,
            HoldReason::Undeclared => Self::Undeclared,
            HoldReason::Membership => Self::Membership,
            HoldReason::Unknown
            | HoldReason::Unconfirmed
            | HoldReason::Settling
            | HoldReason::InProgress
            | HoldReason::Retry => Self::Waiting,
            HoldReason::Orphaned => return None,
        })
    }

    /// Who must act.
    pub fn owner(self) -> Owner {
        match self {
            Self::NotReadYet
            | Self::Unread
            | Self::MembersUnread
            | Self::Waiting
            | Self::DeadlineLate
            | Self::Redeploying => Owner::Conformd,
            Self::DeadlineImminent | Self::DeadlineNear | Self::DeadlineMissed | Self::Missing => {
                Owner::AccountOwner
            }
            Self::ManifestsInvalid
            | Self::Unsupported
            | Self::Rejected
            | Self::FailingWidely
            | Self::Suspended => Owner::PackAuthor,
            Self::RemovalSlow | Self::RolloutSlow | Self::RetriedByAws => Owner::Aws,
            Self::Identity
            | Self::SourceUnread
            | Self::AccountListUnread
            | Self::AccountListShrank
            | Self::NoActiveAccount
            | Self::AccountStateUnknown
            | Self::RecordUnusable
            | Self::ClockSkew
            | Self::Denied
            | Self::NotDelegated
            | Self::RegionOff
            | Self::Credentials
            | Self::NoOrganization
            | Self::Unreachable
            | Self::RequestsThrottled
            | Self::BrokenAnswer
            | Self::ResyncOld
            | Self::Approval
            | Self::Undeclared
            | Self::Mode
            | Self::SourceInDoubt
            | Self::MarkerLost
            | Self::Foreign
            | Self::Unmanaged
            | Self::Quota
            | Self::QuotaNear
            | Self::Conflict
            | Self::Membership
            | Self::StatusUnknown
            | Self::RedeployOff
            | Self::RemovalFailed => Owner::PlatformTeam,
            Self::Member(class) => class.owner(),
        }
    }
}

impl Serialize for ProblemCause {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ProblemCause {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let word = String::deserialize(from)?;
        let cause = Self::all().find(|cause| cause.as_str() == word);
        cause.ok_or_else(|| de::Error::custom(format!("there is no cause {word}")))
    }
}

impl JsonSchema for ProblemCause {
    fn schema_name() -> Cow<'static, str> {
        "ProblemCause".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = Self::all().map(Self::as_str).collect();
        json_schema!({
            "type": "string",
            "enum": words,
            "description": "The cause of a problem, or the failure class of members.",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn json_has_the_words_of_the_metric_and_is_read_back() {
        let mut words = BTreeSet::new();
        for cause in ProblemCause::all() {
            let json = serde_json::to_string(&cause).unwrap();
            assert_eq!(json, format!("\"{}\"", cause.as_str()));
            assert_eq!(serde_json::from_str::<ProblemCause>(&json).unwrap(), cause);
            assert!(words.insert(cause.as_str()), "{json} has two meanings");
        }
    }
}
