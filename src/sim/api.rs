//! The simulator's language: requests, answers and faults with AWS's own member names.
//!
//! Every face uses it: the HTTP face decodes JSON into [`Request`], the in-process face builds one
//! from domain values. Members are optional wherever a client could leave them out, since the
//! world, not the decoder, refuses what is missing. Nothing here depends on a wire format.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::{EnumIter, IntoStaticStr};

use super::session::AssumedSession;
use crate::domain::base::model::{AccountId, Place, Region};

pub mod epoch;
pub mod organizations;
pub mod packs;
pub mod recorders;
pub mod sts;

/// The services the world answers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Service {
    /// AWS Config.
    Config,
    /// AWS Organizations.
    Organizations,
    /// AWS STS.
    Sts,
}

impl Service {
    /// The name in a credential scope.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The part before the dot of `X-Amz-Target`; `None` for the query protocol.
    pub fn target_prefix(self) -> Option<&'static str> {
        match self {
            Self::Config => Some("StarlingDoveService"),
            Self::Organizations => Some("AWSOrganizationsV20161128"),
            Self::Sts => None,
        }
    }
}

/// Whether an operation changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AccessKind {
    Read,
    Write,
}

/// Declares every operation once: its enum variant, service, access, name, request and answer.
macro_rules! operations {
    ($($variant:ident, $service:ident, $access:ident, $name:literal,
       $request:ty => $answer:ty;)*) => {
        /// An operation the world knows.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum Operation {
            $(#[doc = concat!("`", stringify!($service), "`: `", $name, "`")] $variant,)*
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in the AWS API; two services may share one.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The service it belongs to.
            pub fn service(self) -> Service {
                match self { $(Self::$variant => Service::$service,)* }
            }

            fn access(self) -> AccessKind {
                match self { $(Self::$variant => AccessKind::$access,)* }
            }
        }

        /// A decoded request.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Request {
            $(#[doc = concat!("`", $name, "`")] $variant($request),)*
        }

        impl Request {
            /// Which operation it asks for.
            pub fn operation(&self) -> Operation {
                match self { $(Self::$variant(_) => Operation::$variant,)* }
            }

            /// The request in this JSON body. Null is absent; unknown members are ignored.
            pub fn decode(operation: Operation, body: Value) -> Result<Self, serde_json::Error> {
                Ok(match operation {
                    $(Operation::$variant => Self::$variant(serde_json::from_value(body)?),)*
                })
            }
        }

        /// A successful answer.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Answer {
            $(#[doc = concat!("`", $name, "`")] $variant($answer),)*
        }

        impl Answer {
            /// The answer as JSON; unset members are null, unset lists empty, and an answer without
            /// members is null as a whole.
            pub fn encode(&self) -> Result<Value, serde_json::Error> {
                match self { $(Self::$variant(answer) => serde_json::to_value(answer),)* }
            }
        }
    };
}

operations! {
    PutOrganizationConformancePack, Config, Write, "PutOrganizationConformancePack",
        packs::PutPack => packs::PackArn;
    DeleteOrganizationConformancePack, Config, Write, "DeleteOrganizationConformancePack",
        packs::DeletePack => ();
    DescribeOrganizationConformancePacks, Config, Read, "DescribeOrganizationConformancePacks",
        packs::DescribePacks => packs::PacksShape;
    DescribeOrganizationConformancePackStatuses, Config, Read,
        "DescribeOrganizationConformancePackStatuses",
        packs::DescribePacks => packs::PackStatuses;
    GetOrganizationConformancePackDetailedStatus, Config, Read,
        "GetOrganizationConformancePackDetailedStatus",
        packs::GetDetail => packs::StatusesShape;
    TagResource, Config, Write, "TagResource", packs::TagResource => ();
    UntagResource, Config, Write, "UntagResource", packs::UntagResource => ();
    ListTagsForResource, Config, Read, "ListTagsForResource",
        packs::ListTags => packs::PackTagsShape;
    PutConfigurationRecorder, Config, Write, "PutConfigurationRecorder",
        recorders::PutRecorder => ();
    DeleteConfigurationRecorder, Config, Write, "DeleteConfigurationRecorder",
        recorders::NamedRecorder => ();
    StartConfigurationRecorder, Config, Write, "StartConfigurationRecorder",
        recorders::NamedRecorder => ();
    StopConfigurationRecorder, Config, Write, "StopConfigurationRecorder",
        recorders::NamedRecorder => ();
    DescribeConfigurationRecorders, Config, Read, "DescribeConfigurationRecorders",
        recorders::DescribeRecorders => recorders::RecordersShape;
    DescribeConfigurationRecorderStatus, Config, Read, "DescribeConfigurationRecorderStatus",
        recorders::DescribeRecorders => recorders::RecorderStatuses;
    DescribeOrganization, Organizations, Read, "DescribeOrganization",
        organizations::Nothing => organizations::OrganizationAnswer;
    DescribeAccount, Organizations, Read, "DescribeAccount",
        organizations::AccountRef => organizations::AccountAnswer;
    ListAccounts, Organizations, Read, "ListAccounts",
        organizations::Paged => organizations::AccountsShape;
    ListAccountsForParent, Organizations, Read, "ListAccountsForParent",
        organizations::OfParent => organizations::AccountsShape;
    ListParents, Organizations, Read, "ListParents",
        organizations::OfChild => organizations::ParentList;
    ListChildren, Organizations, Read, "ListChildren",
        organizations::ListChildren => organizations::ChildList;
    ListRoots, Organizations, Read, "ListRoots",
        organizations::Paged => organizations::RootList;
    ListOrganizationalUnitsForParent, Organizations, Read, "ListOrganizationalUnitsForParent",
        organizations::OfParent => organizations::UnitList;
    ListTagsForOrganizationResource, Organizations, Read, "ListTagsForResource",
        organizations::OfResource => organizations::OrganizationTagsShape;
    ListDelegatedAdministrators, Organizations, Read, "ListDelegatedAdministrators",
        organizations::OfPrincipal => organizations::AdministratorList;
    ListAWSServiceAccessForOrganization, Organizations, Read,
        "ListAWSServiceAccessForOrganization",
        organizations::Paged => organizations::PrincipalList;
    EnableAWSServiceAccess, Organizations, Write, "EnableAWSServiceAccess",
        organizations::PrincipalRef => ();
    DisableAWSServiceAccess, Organizations, Write, "DisableAWSServiceAccess",
        organizations::PrincipalRef => ();
    RegisterDelegatedAdministrator, Organizations, Write, "RegisterDelegatedAdministrator",
        organizations::Delegation => ();
    DeregisterDelegatedAdministrator, Organizations, Write, "DeregisterDelegatedAdministrator",
        organizations::Delegation => ();
    GetCallerIdentity, Sts, Read, "GetCallerIdentity",
        organizations::Nothing => sts::IdentityShape;
    AssumeRole, Sts, Read, "AssumeRole", sts::AssumeRole => sts::AssumedRole;
}

impl Operation {
    /// The operation of this service with this AWS name.
    pub fn find(service: Service, name: &str) -> Option<Self> {
        let fits = |operation: &Self| operation.service() == service && operation.as_str() == name;
        Self::ALL.iter().copied().find(fits)
    }

    /// Whether it changes anything.
    pub fn is_mutating(self) -> bool {
        self.access() == AccessKind::Write
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// Who asks, where. The face has checked nothing but the shape of the credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account of the credentials; the world refuses one it does not know.
    pub account: AccountId,
    /// The region of the credential scope; Organizations ignores it.
    pub region: Region,
    /// The assumed role's session, when it is not the account's own user.
    pub session: Option<AssumedSession>,
    /// Whether this is the client under test or another writer.
    pub origin: RequestOrigin,
    /// `amz-sdk-invocation-id` and the attempt number of `amz-sdk-request`, for the log.
    pub invocation: Option<(String, u32)>,
}

/// Whose request it is. Only a client's requests meet faults and rate limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestOrigin {
    /// A client of one of the faces.
    Client,
    /// Another writer that the scenario plays: a person, Terraform, a neighbour.
    Other,
}

impl Caller {
    /// A client with this account's own credentials in this region.
    pub fn client(place: &Place) -> Self {
        let Place { account, region } = place.clone();
        Self { account, region, session: None, origin: RequestOrigin::Client, invocation: None }
    }

    /// Another writer with the same credentials.
    pub fn other(place: &Place) -> Self {
        Self { origin: RequestOrigin::Other, ..Self::client(place) }
    }

    /// Where the call goes.
    pub fn place(&self) -> Place {
        Place { account: self.account, region: self.region.clone() }
    }
}

impl Request {
    /// What it is about, for the log.
    pub(super) fn subject(&self) -> Option<&str> {
        match self {
            Self::PutOrganizationConformancePack(put) => {
                put.organization_conformance_pack_name.as_deref()
            }
            Self::DeleteOrganizationConformancePack(delete) => {
                delete.organization_conformance_pack_name.as_deref()
            }
            Self::GetOrganizationConformancePackDetailedStatus(asked) => {
                asked.organization_conformance_pack_name.as_deref()
            }
            Self::TagResource(tag) => tag.resource_arn.as_deref(),
            Self::UntagResource(untag) => untag.resource_arn.as_deref(),
            Self::ListTagsForResource(list) => list.resource_arn.as_deref(),
            Self::ListAccountsForParent(asked) | Self::ListOrganizationalUnitsForParent(asked) => {
                asked.parent_id.as_deref()
            }
            Self::ListParents(asked) => asked.child_id.as_deref(),
            Self::ListChildren(asked) => asked.parent_id.as_deref(),
            Self::ListTagsForOrganizationResource(asked) => asked.resource_id.as_deref(),
            Self::DescribeAccount(asked) => asked.account_id.as_deref(),
            Self::EnableAWSServiceAccess(asked) | Self::DisableAWSServiceAccess(asked) => {
                asked.service_principal.as_deref()
            }
            Self::RegisterDelegatedAdministrator(asked)
            | Self::DeregisterDelegatedAdministrator(asked) => asked.account_id.as_deref(),
            Self::AssumeRole(assume) => assume.role_arn.as_deref(),
            Self::DescribeOrganizationConformancePacks(_)
            | Self::DescribeOrganizationConformancePackStatuses(_)
            | Self::PutConfigurationRecorder(_)
            | Self::DeleteConfigurationRecorder(_)
            | Self::StartConfigurationRecorder(_)
            | Self::StopConfigurationRecorder(_)
            | Self::DescribeConfigurationRecorders(_)
            | Self::DescribeConfigurationRecorderStatus(_)
            | Self::DescribeOrganization(_)
            | Self::ListAccounts(_)
            | Self::ListRoots(_)
            | Self::ListDelegatedAdministrators(_)
            | Self::ListAWSServiceAccessForOrganization(_)
            | Self::GetCallerIdentity(_) => None,
        }
    }

    /// Where the request of a listing says which page it wants.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are no listings")]
    pub(super) fn token_mut(&mut self) -> Option<&mut Option<String>> {
        Some(match self {
            Self::DescribeOrganizationConformancePacks(asked)
            | Self::DescribeOrganizationConformancePackStatuses(asked) => &mut asked.next_token,
            Self::GetOrganizationConformancePackDetailedStatus(asked) => &mut asked.next_token,
            Self::ListTagsForResource(asked) => &mut asked.next_token,
            Self::ListAccounts(asked)
            | Self::ListRoots(asked)
            | Self::ListAWSServiceAccessForOrganization(asked) => &mut asked.next_token,
            Self::ListAccountsForParent(asked) | Self::ListOrganizationalUnitsForParent(asked) => {
                &mut asked.next_token
            }
            Self::ListParents(asked) => &mut asked.next_token,
            Self::ListChildren(asked) => &mut asked.next_token,
            Self::ListTagsForOrganizationResource(asked) => &mut asked.next_token,
            Self::ListDelegatedAdministrators(asked) => &mut asked.next_token,
            _ => return None,
        })
    }
}

impl Answer {
    /// Where the answer of a listing says that there is more.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are no listings")]
    pub(super) fn token_mut(&mut self) -> Option<&mut Option<String>> {
        Some(match self {
            Self::DescribeOrganizationConformancePacks(page) => &mut page.next_token,
            Self::DescribeOrganizationConformancePackStatuses(page) => &mut page.next_token,
            Self::GetOrganizationConformancePackDetailedStatus(page) => &mut page.next_token,
            Self::ListTagsForResource(page) => &mut page.next_token,
            Self::ListAccounts(page) | Self::ListAccountsForParent(page) => &mut page.next_token,
            Self::ListParents(page) => &mut page.next_token,
            Self::ListChildren(page) => &mut page.next_token,
            Self::ListRoots(page) => &mut page.next_token,
            Self::ListOrganizationalUnitsForParent(page) => &mut page.next_token,
            Self::ListTagsForOrganizationResource(page) => &mut page.next_token,
            Self::ListDelegatedAdministrators(page) => &mut page.next_token,
            Self::ListAWSServiceAccessForOrganization(page) => &mut page.next_token,
            _ => return None,
        })
    }
}

impl Reply {
    /// The outcome of the call, in one word for the log.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Answer(_) => "ok",
            Self::Fault(fault) => &fault.code,
            Self::Broken(Breakage::Reset) => "reset",
            Self::Broken(Breakage::BlackHole) => "black hole",
            Self::Broken(Breakage::Malformed) => "malformed",
            Self::Broken(Breakage::Truncated(_)) => "truncated",
            Self::Broken(Breakage::UnavailableHtml) => "unavailable page",
        }
        .to_owned()
    }
}

/// The outcome of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// It worked.
    Answer(Answer),
    /// AWS refused it.
    Fault(ApiError),
    /// The connection did something else; each face acts it out.
    Broken(Breakage),
}

/// An API error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// The exception's name, bare: `ResourceInUseException`.
    pub code: String,
    /// The text.
    pub message: String,
    /// HTTP status: 400 for almost everything, 403 for STS, 5xx for AWS's own faults.
    pub http_status: u16,
    /// `Reason` of an Organizations exception.
    pub reason: Option<String>,
}

impl ApiError {
    /// A client error (400).
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), http_status: 400, reason: None }
    }

    /// The same error with another HTTP status.
    #[must_use]
    pub fn with_status(self, http_status: u16) -> Self {
        Self { http_status, ..self }
    }

    /// The same error with an Organizations `Reason`.
    #[must_use]
    pub fn with_reason(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }
}

/// A transport outcome that is no API answer. Whether the call took effect was decided already.
#[derive(Debug, Clone, PartialEq)]
pub enum Breakage {
    /// The connection breaks before a byte of the answer.
    Reset,
    /// No byte ever comes.
    BlackHole,
    /// Status 200 and a body that is not what it should be.
    Malformed,
    /// The answer's first half, then the end of the connection.
    Truncated(Box<Answer>),
    /// 503 with an HTML page, as a load balancer sends.
    UnavailableHtml,
}
